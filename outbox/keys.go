package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/custody"
)

// Keys lists every key that the actors hold, with what it is for, since when, when
// it was last drilled, whether it was revoked, and what the policy says of it (NZISM
// 2.4.13). An actor whose pinned key is not at hand has no line with a key that signs.
func (p *Publisher) Keys(ctx context.Context, policy signing.Policy) (signing.Listing, error) {
	var all []signing.Held
	for _, a := range p.Actors {
		held, err := p.keys(ctx, a)
		if err != nil {
			return nil, fmt.Errorf("outbox: keys of %s: %w", a.Profile.Handle, err)
		}
		all = append(all, held...)
	}
	listing, err := signing.Inventory(ctx, p.Store, policy, p.now(), all...)
	if err != nil {
		return nil, fmt.Errorf("outbox: keys: %w", err)
	}
	return listing, nil
}

// keys are those that an actor holds, with what is remembered of them.
func (p *Publisher) keys(ctx context.Context, a *actor.Local) ([]signing.Held, error) {
	held, err := a.Held(ctx, p.Store)
	if err != nil {
		return nil, err
	}
	announced, err := custody.Announced(ctx, p.Store, a.ID)
	if err != nil {
		return nil, err
	}
	for i := range held {
		h := &held[i]
		if h.Use == actor.Announced && h.Key.Fingerprint() == announced.Fingerprint {
			h.Since = announced.At
		}
		revocation, found, err := custody.Revoked(ctx, p.Store, h.Key.Fingerprint())
		if err != nil {
			return nil, err
		}
		if found {
			h.Revoked = revocation.String()
		}
		drill, err := p.drill(ctx, a, *h)
		if err != nil {
			return nil, err
		}
		h.Drilled, h.DrillDue = drill.Last.At, drill.Why
	}
	return held, nil
}

// drill says whether a drill of a key is due. Only of a key that signs, or is
// announced to, would the loss be one that no other key can mend.
func (p *Publisher) drill(ctx context.Context, a *actor.Local, h signing.Held) (custody.Reminder, error) {
	if h.Use != signing.Signs && h.Use != actor.Announced {
		return custody.Reminder{}, nil
	}
	return custody.Due(ctx, p.Store, a.ID, h.Key.Fingerprint(), a.Profile.DrillMonths, p.now())
}

// remindEvery is how often Remind looks, and speaks where something is due.
const remindEvery = 24 * time.Hour

// Remind says in the log of which keys no drill has shown lately that they can be
// restored: at once, and every day until ctx ends. What it cannot find out it
// says too, and goes on. Each process that runs it says the same.
func (p *Publisher) Remind(ctx context.Context) {
	day := time.NewTicker(remindEvery)
	defer day.Stop()
	for {
		for _, a := range p.Actors {
			p.remind(ctx, a)
		}
		select {
		case <-ctx.Done():
			return
		case <-day.C:
		}
	}
}

func (p *Publisher) remind(ctx context.Context, a *actor.Local) {
	s, err := a.Standing()
	if err != nil {
		return // the deliverer says that the key is not at hand
	}
	for _, h := range s.Keys {
		due, err := p.drill(ctx, a, h)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.log().WarnContext(ctx, "outbox: not known whether a drill is due", "actor", a.ID, "key", h.Key.Fingerprint(), "error", err)
		case due.Why != "":
			p.log().WarnContext(ctx, "outbox: drill due", "actor", a.ID, "key", h.Key.Fingerprint(), "use", h.Use, "why", due.Why)
		}
	}
}
