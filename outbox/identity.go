package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
)

// Pin binds the actors to the store at first use: from then on each has one id,
// base URL, handle and key. Every process calls it before it starts to deliver.
// It fails for one that is configured otherwise, or with a key that was revoked,
// and from which nothing is published or sent.
func (p *Publisher) Pin(ctx context.Context) error {
	var mistakes []error
	for _, a := range p.Actors {
		if err := p.pin(ctx, a); err != nil {
			mistakes = append(mistakes, fmt.Errorf("outbox: pin %s: %w", a.Profile.Handle, err))
		}
	}
	p.pinned.Store(len(mistakes) == 0)
	return errors.Join(mistakes...)
}

func (p *Publisher) pin(ctx context.Context, a *actor.Local) error {
	if err := p.checkRevoked(ctx, a); err != nil {
		return err
	}
	ours := p.identity(a)
	pinned, err := p.Store.Actor(ctx, a.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	default:
		if _, err := a.Stand(pinned); err == nil {
			ours.Fingerprint = pinned.Fingerprint
		}
	}
	if err = p.Store.Apply(ctx, store.PinActor{Actor: ours}); err != nil {
		if errors.Is(err, store.ErrConflict) {
			err = fmt.Errorf("%w: %s", err, p.conflict(ctx, a, ours))
		}
		return err
	}
	_, err = p.learn(ctx, a)
	return err
}

// learn reads how an actor is pinned.
func (p *Publisher) learn(ctx context.Context, a *actor.Local) (*actor.Standing, error) {
	pinned, err := p.Store.Actor(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	return a.Learn(pinned)
}

// mayWrite pins the actors where that has not been done.
func (p *Publisher) mayWrite(ctx context.Context) error {
	if p.pinned.Load() {
		return nil
	}
	return p.Pin(ctx)
}

func (p *Publisher) identity(a *actor.Local) store.Actor {
	return store.Actor{
		ID: a.ID, BaseURL: p.URLs.Base, Handle: strings.ToLower(a.Profile.Handle),
		Fingerprint: a.Profile.Key.Fingerprint(), Since: p.now(),
	}
}

// checkRevoked refuses a profile with a key that was revoked or replaced.
func (p *Publisher) checkRevoked(ctx context.Context, a *actor.Local) error {
	for _, key := range []*signing.Key{a.Profile.Key, a.Profile.Next} {
		if key == nil {
			continue
		}
		r, found, err := custody.Revoked(ctx, p.Store, key.Fingerprint())
		if err != nil {
			return err
		}
		if found {
			return fmt.Errorf("the key %s was %s: take it out of the configuration, make the key "+
				"that replaced it Profile.Key, and destroy what is left of this one", r.Fingerprint, r)
		}
	}
	return nil
}

// conflict says in what a process differs from the one that pinned the actor,
// and what to do about it.
func (p *Publisher) conflict(ctx context.Context, a *actor.Local, ours store.Actor) string {
	pinned, err := p.Store.Actors(ctx)
	if err != nil {
		return "and the store does not say with what: " + err.Error()
	}
	for _, theirs := range pinned {
		if theirs.ID != ours.ID && theirs.Handle != ours.Handle {
			continue
		}
		switch {
		case theirs.BaseURL != ours.BaseURL:
			return fmt.Sprintf("this store belongs to %s, and this process is configured as %s. A copy of the site, such as "+
				"staging, needs a store of its own; where the site has really moved, move its followers first", theirs.BaseURL, ours.BaseURL)
		case theirs.Fingerprint != ours.Fingerprint:
			return fmt.Sprintf("the key pinned is %s, and this process has %s. Bring back the pinned key, such as from its recovery kit; "+
				"to replace it on purpose, keep it as Profile.Key, name the new one Profile.Next and call RotateKey; "+
				"where it is lost for good, call RevokeKey", theirs.Fingerprint, ours.Fingerprint)
		case theirs.Handle != ours.Handle:
			return fmt.Sprintf("the actor is pinned as %s. Keep that handle, or give the new one another Profile.ID", theirs.Handle)
		default:
			return fmt.Sprintf("the handle is pinned to %s. Set Profile.ID so that the actor keeps that id", theirs.ID)
		}
	}
	return "the conflict has gone in the meantime: start again"
}

// Stop stops everything that the actors send, or all actors when none is named,
// in one write that survives a restart. Deliverers on every machine obey within
// a second. What arrives is still recorded.
func (p *Publisher) Stop(ctx context.Context, actors ...string) error {
	now := p.now()
	return p.each(ctx, "stop", actors, func(a *actor.Local) store.Op { return store.Stop{Actor: a.ID, At: now} })
}

// Resume lets the actors send again, or all actors when none is named. What was
// waiting goes out.
func (p *Publisher) Resume(ctx context.Context, actors ...string) error {
	return p.each(ctx, "resume", actors, func(a *actor.Local) store.Op { return store.Resume{Actor: a.ID} })
}

// each writes one op and one journal line for each of the actors named.
func (p *Publisher) each(ctx context.Context, kind string, names []string, op func(*actor.Local) store.Op) error {
	chosen, err := p.chosen(names...)
	if err != nil {
		return fmt.Errorf("outbox: %s: %w", kind, err)
	}
	m := p.moment("")
	var ops []store.Op
	for _, a := range chosen {
		ops = append(ops, op(a), store.Record{Entry: store.Entry{At: m.now, Actor: a.ID, Kind: kind, Subject: a.ID, By: m.by}})
	}
	if err := p.Store.Apply(ctx, ops...); err != nil {
		return fmt.Errorf("outbox: %s: %w", kind, err)
	}
	p.log().WarnContext(ctx, "outbox: "+kind, "actors", len(chosen))
	p.wake()
	return nil
}

// chosen returns the actors named, or all when no name is given.
func (p *Publisher) chosen(names ...string) ([]*actor.Local, error) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	if len(names) == 0 {
		return p.Actors, nil
	}
	var chosen []*actor.Local
	for _, name := range names {
		a, err := find(p.Actors, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, a)
	}
	return chosen, nil
}
