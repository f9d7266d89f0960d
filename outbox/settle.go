package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
)

// flush writes down all results in one transaction. When another process has
// taken one of the deliveries over, each is written alone.
func (s *shift) flush(ctx context.Context) error {
	batch := s.results
	if len(batch) == 0 {
		return nil
	}
	s.results = nil
	s.flushing.Stop()
	outcomes, err := s.write(ctx, batch, s.d.now())
	if err != nil {
		s.results = append(batch, s.results...)
		s.since = time.Now()
		s.flushing.Reset(pollLast)
		return fmt.Errorf("settle %d deliveries: %w", len(batch), err)
	}
	s.freed += len(batch)
	if s.freed >= flushAt || s.held() < flushAt {
		s.dry, s.freed = false, 0 // what had to wait for these may be had now
	}
	s.report(ctx, outcomes)
	return nil
}

func (s *shift) write(ctx context.Context, batch []result, now time.Time) ([]outcome, error) {
	outcomes := make([]outcome, len(batch))
	var ops []store.Op
	for i, r := range batch {
		outcomes[i] = s.d.settle(r, now)
		ops = append(ops, outcomes[i].ops...)
	}
	peers, err := s.peers(ctx, outcomes, now)
	if err != nil {
		return nil, err
	}
	err = s.d.Store.Apply(ctx, append(ops, peers...)...)
	if errors.Is(err, store.ErrConflict) {
		return outcomes, s.writeEach(ctx, outcomes, peers)
	}
	return outcomes, err
}

func (s *shift) writeEach(ctx context.Context, outcomes []outcome, peers []store.Op) error {
	for _, o := range outcomes {
		err := s.d.Store.Apply(ctx, o.ops...)
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return s.d.Store.Apply(ctx, peers...)
}

// outcome is a result with what it means.
type outcome struct {
	result
	verdict
	class string
	ops   []store.Op
}

// The classes of outcomes, as the log names them.
const (
	classDelivered = "delivered"
	classAgain     = "trying again"
	classGivenUp   = "given up"
	classBack      = "given back"
	classBarred    = "blocked"
)

// settle decides what is written about a result.
func (d *Deliverer) settle(r result, now time.Time) outcome {
	settled := store.Settle{Delivery: r.ID, Fence: r.Fence, At: now, Status: r.answer.status, Answer: r.answer.String()}
	o := outcome{result: r, class: classBack}
	switch {
	case r.unsent:
		settled.State, settled.Due, settled.Unsent, settled.Answer = store.Pending, r.Due, true, ""
	case r.barred:
		o.class = classBarred
		settled.State, settled.Answer = store.Cancelled, "blocked"
	case r.cut:
		settled.State, settled.Due, settled.Answer = store.Pending, now, "interrupted"
	default:
		o.verdict = judge(r.answer, try{attempt: r.Attempt, age: age(r.Delivery, now, d.limits.DeliveryAge), roll: d.roll()}, d.limits)
		settled.State, settled.Due = o.state, now.Add(o.wait)
		o.class = map[store.DeliveryState]string{
			store.Delivered: classDelivered, store.Pending: classAgain, store.Failed: classGivenUp,
		}[o.state]
	}
	o.ops = append(o.ops, settled)
	if o.gone > 0 {
		o.ops = append(o.ops, store.Gone{Inbox: r.Inbox, At: now, Before: now.Add(-o.gone)})
	}
	if o.class == classGivenUp {
		o.ops = append(o.ops, store.Record{Entry: store.Entry{
			At: now, Actor: r.Actor, Kind: "undelivered", Subject: r.Activity, By: r.Host,
			Note: fmt.Sprintf("%s given up after %d tries: %s", r.Type, r.Attempt, r.answer),
		}})
	}
	return o
}

// longestAge is the age from which on it is the clock that is doubted.
const longestAge = 365 * 24 * time.Hour

// age is how long a delivery has been on its way. One of years is that of a clock
// that stood wrong, now or when the delivery was made, and says nothing: what it is
// then tried for is bounded by the number of tries. A dead letter of any age that
// was revived is as old as it is.
func age(d store.Delivery, now time.Time, given time.Duration) time.Duration {
	old := now.Sub(d.Created)
	revived := d.Attempt == 1 && !d.Due.IsZero() && d.Due.Sub(d.Created) > given
	if old > longestAge && !revived {
		return 0
	}
	return old
}

func (d *Deliverer) roll() float64 {
	if d.Roll == nil {
		return rand.Float64()
	}
	return d.Roll()
}

// peers decides what is remembered of the hosts that answered, or did not. Each
// host counts once, however many deliveries it had.
func (s *shift) peers(ctx context.Context, outcomes []outcome, now time.Time) ([]store.Op, error) {
	hosts := map[string]verdict{}
	for _, o := range outcomes {
		if o.class == classBack || o.class == classBarred || o.answer.err != nil && !o.ill {
			continue // says nothing about the host
		}
		v, seen := hosts[o.Host]
		v.ill = o.ill && (v.ill || !seen)
		v.rest = max(v.rest, o.rest)
		v.form = v.form || o.learned
		hosts[o.Host] = v
	}
	var ops []store.Op
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		more, err := s.peer(ctx, host, hosts[host], now)
		if err != nil {
			return nil, err
		}
		ops = append(ops, more...)
	}
	return ops, nil
}

// wellFor is how long a host is believed to have no remembered failures.
const wellFor = time.Minute

// peer returns what is to be stored about a host: how it does, where that has
// changed, and the form that it has shown.
func (s *shift) peer(ctx context.Context, host string, v verdict, now time.Time) (ops []store.Op, err error) {
	fine := !v.ill && v.rest == 0
	if seen, ok := s.d.well.Get(host); fine && !v.form && ok && now.Sub(seen).Abs() < wellFor {
		return nil, nil
	}
	p, err := s.d.Store.Peer(ctx, host)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	p.Host = host
	if v.form {
		ops = append(ops, knock.Shown(host, now))
	}
	if p.DownUntil.Sub(now) > s.d.limits.DeliveryAge {
		p.DownSince, p.DownUntil = time.Time{}, time.Time{} // by a clock that stood ahead
	}
	switch {
	case fine:
		s.d.well.Add(host, now)
		if well := (store.Peer{Host: host, Form: p.Form, FormUntil: p.FormUntil}); p != well {
			ops = append(ops, store.PutPeer{Peer: well})
		}
		return ops, nil
	case now.Before(p.DownUntil):
		return ops, nil // another process has noticed already
	case v.ill:
		p = troubled(p, now, v.rest)
	default:
		p.DownUntil = now.Add(v.rest)
	}
	s.d.well.Remove(host)
	if l := s.lines[host]; l != nil && now.Before(p.DownUntil) {
		s.giveBack(host, l, func(job) bool { return true })
	}
	return append(ops, store.PutPeer{Peer: p}), nil
}

// report logs one line for each class of outcomes, with an example.
func (s *shift) report(ctx context.Context, outcomes []outcome) {
	count := map[string]int{}
	example := map[string]outcome{}
	for _, o := range outcomes {
		count[o.class]++
		if !example[o.class].answer.blamesUs() { // which must not go under among the troubles of others
			example[o.class] = o
		}
	}
	for class, n := range count {
		o := example[class]
		args := []any{"deliveries", n, "activity", o.Activity, "host", o.Host}
		switch class {
		case classGivenUp:
			s.d.log().WarnContext(ctx, "outbox: "+class, append(args, "attempt", o.Attempt, "answer", o.answer.String())...)
		case classAgain:
			s.d.log().InfoContext(ctx, "outbox: "+class, append(args, "attempt", o.Attempt, "answer", o.answer.String(), "wait", o.wait)...)
		default:
			s.d.log().InfoContext(ctx, "outbox: "+class, args...)
		}
	}
}
