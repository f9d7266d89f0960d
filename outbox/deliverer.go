package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
)

// Deliverer takes what is pending in the store to the inboxes. Store, Client and
// Actors are required. Each machine of a website runs one; they share the work
// through the leases of the store.
//
// It is bounded in everything: signatures at once by Signers, open requests by
// Workers and twice as many that have turned out slow, and both the connections
// to one host and the tries of one delivery, which docs/security/limits.md lists.
type Deliverer struct {
	Store  store.Store
	Client *egress.Client
	Actors []*actor.Local

	Forms   *knock.Forms     // how hosts are signed for, shared with what else asks them; nil is its own
	Blocks  Blocks           // nobody is told nothing when nil
	Signers int              // signatures at once; GOMAXPROCS when 0. Fewer leave room for the website
	Workers int              // requests at once; 256 when 0
	Now     func() time.Time // nil is time.Now
	Roll    func() float64   // chance for the jitter of retries, 0 to 1; nil is math/rand
	Log     *slog.Logger     // nil logs nothing

	limits  limits.Limits // limits.Default, but in tests
	once    sync.Once
	woken   chan struct{}
	signing chan struct{}                 // a place for each signature at once
	well    *lru.Cache[string, time.Time] // hosts without remembered failures, and when that was seen
	way     way                           // out of the network
}

// Blocks says to which inboxes nothing is sent; *blocks.List is one.
type Blocks interface {
	ID(id string) bool
	// Refresh looks whether that has changed. It is called twice a second.
	Refresh(ctx context.Context) error
}

// How the time of a Deliverer is divided.
const (
	stallAfter = time.Second            // an open request is slow from here on and no longer holds others up
	flushAfter = 50 * time.Millisecond  // an answer waits at most so long to be written down with others
	flushAt    = 64                     // or until there are so many
	rollCall   = 500 * time.Millisecond // how often a busy Deliverer looks whether it may still speak
	pollFirst  = 50 * time.Millisecond  // an idle one looks for work after this, then after twice as long …
	pollLast   = time.Second            // … up to this
	grace      = 5 * time.Second        // what open requests get when Run ends, and the last write after them
)

func (d *Deliverer) setup() {
	d.once.Do(func() {
		d.woken = make(chan struct{}, 1)
		if d.limits == (limits.Limits{}) {
			d.limits = limits.Default()
		}
		if d.Workers == 0 {
			d.Workers = 256
		}
		if d.Signers == 0 {
			d.Signers = runtime.GOMAXPROCS(0)
		}
		d.signing = make(chan struct{}, d.Signers)
		d.well, _ = lru.New[string, time.Time](max(d.limits.CacheEntries, 1))
		if d.Forms == nil {
			d.Forms = &knock.Forms{Store: d.Store, Now: d.Now, Size: d.limits.CacheEntries}
		}
	})
}

// Wake makes a running Deliverer look for work at once. It never blocks.
func (d *Deliverer) Wake() {
	d.setup()
	select {
	case d.woken <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends; then what was not sent is given back, open
// requests get a few seconds, and Run returns nil. It fails at once when an
// actor is not pinned to the store as this process has it.
func (d *Deliverer) Run(ctx context.Context) error {
	d.setup()
	s := newShift(d, context.WithoutCancel(ctx))
	switch err := s.rollCall(ctx); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("outbox: deliver: %w", err)
	}
	defer s.end()
	poll, beat := time.NewTimer(0), time.NewTicker(rollCall)
	defer poll.Stop()
	defer beat.Stop()
	idle := pollFirst
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.woken:
			s.dry, idle = false, pollFirst
			s.answerRoll(ctx)
		case <-poll.C:
			s.dry = false
		case <-beat.C:
			s.answerRoll(ctx)
		case e := <-s.events:
			s.take(e)
		case <-s.flushing.C:
		}
		if s.flushDue() {
			s.complain(s.flush(ctx))
		}
		if s.dry || !s.hasRoom() {
			continue
		}
		claimed, err := s.claim(ctx)
		s.complain(err)
		if claimed > 0 {
			idle = pollFirst
		}
		if s.dry {
			poll.Reset(idle)
			idle = min(2*idle, pollLast)
		}
	}
}

// Step claims what is due now, up to Workers, sends it and writes down the
// answers. It returns how many deliveries it claimed.
func (d *Deliverer) Step(ctx context.Context) (int, error) {
	d.setup()
	s := newShift(d, ctx)
	defer s.cancel()
	if err := s.rollCall(ctx); err != nil {
		return 0, fmt.Errorf("outbox: deliver: %w", err)
	}
	claimed, err := s.claim(ctx)
	for s.open() > 0 {
		s.take(<-s.events)
	}
	if err = errors.Join(err, s.lastFlush()); err != nil {
		return claimed, fmt.Errorf("outbox: deliver: %w", err)
	}
	return claimed, nil
}

// Drain steps until nothing is due.
func (d *Deliverer) Drain(ctx context.Context) error {
	for {
		if claimed, err := d.Step(ctx); err != nil || claimed == 0 {
			return err
		}
	}
}

func (d *Deliverer) now() time.Time { return clock(d.Now) }

func (d *Deliverer) log() *slog.Logger { return logger(d.Log) }

// lease is long enough for the deliveries of one host to be sent in a line, with time to spare.
func (d *Deliverer) lease() time.Duration { return 8 * d.limits.DeliveryTimeout }

// perHost is how many deliveries for one host are claimed at a time: those that
// can be sent at once, and as many to follow.
func (d *Deliverer) perHost() int { return 2 * d.limits.ConnsPerHost }
