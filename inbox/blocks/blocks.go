// Package blocks is whom a site shuts out, held ready in memory: every request
// asks it several times, and the store is asked once a second at most.
package blocks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panui/panui/internal/blocklist"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
)

// List is who is blocked in the store, as it was when it was last looked at, and
// whom the agency blocks besides. Store is required. It is safe for concurrent
// use and must not be copied.
//
// A block that another machine makes is known here within a second where
// something runs that calls Refresh, and else with the first request after
// [Stale]. Until then the store itself lets nothing new of theirs in.
type List struct {
	Store store.Reader
	Also  func(host string) bool // the agency's own word on hosts, in A-labels, lower case and without port; may be nil
	Now   func() time.Time       // nil is time.Now
	Log   *slog.Logger           // told when the list cannot be read, and when it can again; nil keeps no log

	// Renewed is called after each time that a changed list was read, so that what
	// was decided by the one before can be forgotten; it may be nil.
	Renewed func()

	turn    turn // of who reads the store
	failing bool // and was told
	known   atomic.Pointer[known]
}

// known is the list as it was read.
type known struct {
	blocklist.Set
	version string
	at      time.Time
}

// Stale is for how long Fresh does not look at the store.
const Stale = 2 * time.Second

// setting is where the store keeps the version of the list.
const setting = "blocks"

// Changed is the op that goes into each Apply that changes who is blocked: it
// lets every machine know.
func Changed() store.Op { return store.PutSetting{Name: setting, Value: rand.Text()} }

// Refresh looks whether the list in the store has changed, and if so reads it. On
// an error what was known stays.
func (l *List) Refresh(ctx context.Context) error {
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	defer l.turn.end()
	return l.look(ctx)
}

// Fresh is Refresh where nothing was looked at for longer than Stale. While one
// caller looks others go on with what is known, and none fails for want of
// something newer: an error says that nothing was ever read. A peer waits
// meanwhile, so that all of it takes Limits.StoreTimeout at most.
func (l *List) Fresh(ctx context.Context) error {
	if l.isFresh() {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, limits.Default().StoreTimeout)
	defer cancel()
	if !l.turn.free() {
		if l.known.Load() != nil {
			return nil
		}
		if err := l.turn.take(within); err != nil {
			return err
		}
	}
	defer l.turn.end()
	if l.isFresh() {
		return nil
	}
	err := l.look(within)
	if l.known.Load() == nil {
		return err
	}
	l.tell(ctx, err)
	return nil
}

// tell says once that the list cannot be read, and once that it can again.
func (l *List) tell(ctx context.Context, err error) {
	log := l.Log
	switch {
	case log == nil:
	case err != nil && !l.failing:
		log.ErrorContext(ctx, "blocks: the list cannot be read; the one before holds", "err", err)
	case err == nil && l.failing:
		log.InfoContext(ctx, "blocks: the list can be read again")
	}
	l.failing = err != nil
}

// turn is a lock that nobody waits for longer than a context lasts.
type turn struct {
	once  sync.Once
	taken chan struct{}
}

func (t *turn) prepare() { t.once.Do(func() { t.taken = make(chan struct{}, 1) }) }

func (t *turn) take(ctx context.Context) error {
	t.prepare()
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("blocks: the list is still being read: %w", ctx.Err())
	}
}

// free takes the turn where nobody has it.
func (t *turn) free() bool {
	t.prepare()
	select {
	case t.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t *turn) end() { <-t.taken }

func (l *List) isFresh() bool {
	k := l.known.Load()
	if k == nil {
		return false
	}
	age := l.now().Sub(k.at)
	return age >= 0 && age < Stale
}

// look reads the version first: a change that comes between is met next time.
func (l *List) look(ctx context.Context) error {
	at := l.now()
	version, err := l.Store.Setting(ctx, setting)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("blocks: %w", err)
	}
	if k := l.known.Load(); k != nil && k.version == version {
		l.known.Store(&known{k.Set, version, at})
		return nil
	}
	all, err := All(ctx, l.Store)
	if err != nil {
		return err
	}
	subjects := make([]string, len(all))
	for i, b := range all {
		subjects[i] = b.Subject
	}
	l.known.Store(&known{blocklist.NewSet(subjects...), version, at})
	if l.Renewed != nil {
		l.Renewed()
	}
	return nil
}

// page is how many blocks are read at once.
const page = 1000

// All reads every block, oldest first.
func All(ctx context.Context, s store.Reader) (all []store.Block, err error) {
	for after := int64(0); ; {
		some, err := s.Blocks(ctx, store.BlockQuery{After: after, Limit: page})
		if err != nil {
			return nil, fmt.Errorf("blocks: %w", err)
		}
		all = append(all, some...)
		if len(some) < page {
			return all, nil
		}
		after = some[len(some)-1].Seq
	}
}

// Host says whether a host, without port, is blocked.
func (l *List) Host(host string) bool {
	if l.Also != nil && l.Also(blocklist.Host(host)) {
		return true
	}
	_, found := l.set().Host(host)
	return found
}

// ID says whether an id, an inbox or a key is that of a blocked actor or on a
// blocked host.
func (l *List) ID(id string) bool {
	if l.Also != nil && l.Also(blocklist.HostOf(id)) {
		return true
	}
	_, found := l.set().ID(id)
	return found
}

func (l *List) set() blocklist.Set {
	if k := l.known.Load(); k != nil {
		return k.Set
	}
	return blocklist.Set{}
}

func (l *List) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}
