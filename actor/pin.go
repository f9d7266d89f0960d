package actor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// pin is what this process knows of how an actor is pinned. Copies of a Local share it.
type pin struct {
	configured *Standing // before anything is learned

	last   atomic.Pointer[heard]
	keys   atomic.Pointer[[]*signing.Key] // handed over since the start
	learns sync.Mutex                     // held by the one who changes last or keys
	turn   chan struct{}                  // holds one token: that of the one who asks the store
	failed heard                          // the last asking that failed, with the token
}

// heard is a Standing, or why there is none, and when that was learned.
type heard struct {
	standing *Standing
	pinned   store.Actor
	err      error
	at       time.Time
}

// How long what was learned counts where nobody tells of it anew, how long a
// failed asking is not repeated, and how long one may take.
const (
	heardFor = 30 * time.Second
	deafFor  = time.Second
	askTime  = 5 * time.Second
)

func (p *pin) handed() []*signing.Key {
	if keys := p.keys.Load(); keys != nil {
		return append([]*signing.Key(nil), *keys...)
	}
	return nil
}

// Hold lets this process sign with one more key once it is pinned: the
// replacement for one that is revoked. It fails where the policy of the actor
// forbids the key.
func (l *Local) Hold(key *signing.Key) error {
	if err := checkKey(key, l.policy); err != nil {
		return fmt.Errorf("actor: %s: %w", l.Profile.Handle, err)
	}
	l.pin.learns.Lock()
	defer l.pin.learns.Unlock()
	keys := append(l.pin.handed(), key)
	l.pin.keys.Store(&keys)
	return nil
}

// Learn takes note of how the actor is pinned, for all who share l. It fails when
// this process does not hold the pinned key: then nothing is signed and no
// document served until another is learned. Who read the store before the last
// rotation learns what came of that.
func (l *Local) Learn(pinned store.Actor) (*Standing, error) {
	l.pin.learns.Lock()
	defer l.pin.learns.Unlock()
	now := heard{pinned: pinned, at: time.Now()}
	switch last := l.pin.last.Load(); {
	case last != nil && last.pinned.Rotations > pinned.Rotations:
		return last.standing, last.err
	case last != nil && last.err == nil && last.pinned == pinned:
		now.standing = last.standing
	default:
		now.standing, now.err = l.Stand(pinned)
	}
	l.pin.last.Store(&now)
	return now.standing, now.err
}

// Standing returns what was learned last, and before anything was the actor as
// its profile has it. It fails when this process does not hold the pinned key.
func (l *Local) Standing() (*Standing, error) {
	if last := l.pin.last.Load(); last != nil {
		return last.standing, last.err
	}
	return l.pin.configured, nil
}

// Ask is Standing where somebody has learned of it within half a minute, as a
// running Deliverer does all the time; otherwise it asks the store first, once
// for all who want to know. When the store does not answer, what was learned last counts.
func (l *Local) Ask(ctx context.Context, pins signing.Pinned) (*Standing, error) {
	last := l.pin.last.Load()
	if last != nil && time.Since(last.at) < heardFor {
		return last.standing, last.err
	}
	if !l.pin.mayAsk(ctx, last == nil) {
		if last == nil {
			return nil, ctx.Err()
		}
		return last.standing, last.err
	}
	defer func() { <-l.pin.turn }()
	if now := l.pin.last.Load(); now != last {
		return now.standing, now.err // somebody was faster
	}
	if time.Since(l.pin.failed.at) >= deafFor {
		pinned, err := l.ask(ctx, pins)
		if err == nil {
			return l.Learn(pinned)
		}
		l.pin.failed = heard{err: err, at: time.Now()}
	}
	if last != nil {
		return last.standing, last.err
	}
	return nil, l.pin.failed.err
}

// mayAsk takes the token, and waits for it where there is nothing to answer with.
func (p *pin) mayAsk(ctx context.Context, wait bool) bool {
	select {
	case p.turn <- struct{}{}:
		return true
	default:
	}
	if !wait {
		return false
	}
	select {
	case p.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask outlives the request that caused it, since others wait for the same.
func (l *Local) ask(ctx context.Context, pins signing.Pinned) (store.Actor, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	pinned, err := pins.Actor(ctx, l.ID)
	if errors.Is(err, store.ErrNotFound) {
		return store.Actor{}, nil
	}
	return pinned, err
}
