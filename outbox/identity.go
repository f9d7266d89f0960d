package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

// Pin binds the actors to the store at first use: from then on each has one id,
// base URL, handle and key. Every process calls it before it starts to deliver.
// It fails for one that is configured otherwise, and from which nothing is
// published or sent.
func (p *Publisher) Pin(ctx context.Context) error {
	var mistakes []error
	for _, a := range p.Actors {
		err := p.Store.Apply(ctx, store.PinActor{Actor: p.identity(a)})
		switch {
		case errors.Is(err, store.ErrConflict):
			mistakes = append(mistakes, fmt.Errorf("outbox: pin %s: %w: %s", a.Profile.Handle, err, p.conflict(ctx, a)))
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("outbox: pin %s: %w", a.Profile.Handle, err))
		}
	}
	p.pinned.Store(len(mistakes) == 0)
	return errors.Join(mistakes...)
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

// conflict says in what a process differs from the one that pinned the actor,
// and what to do about it.
func (p *Publisher) conflict(ctx context.Context, a *actor.Local) string {
	ours := p.identity(a)
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
			return fmt.Sprintf("the key pinned is %s, and this process has %s. Bring back the pinned key, or rotate it on purpose",
				theirs.Fingerprint, ours.Fingerprint)
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

// Introduce tells followers where a profile has changed since they were last
// told: a new name, picture or key. The first time it only takes note.
func (p *Publisher) Introduce(ctx context.Context) error {
	if err := p.mayWrite(ctx); err != nil {
		return err
	}
	var mistakes []error
	for _, a := range p.Actors {
		if err := p.introduce(ctx, a); err != nil {
			mistakes = append(mistakes, fmt.Errorf("outbox: introduce %s: %w", a.Profile.Handle, err))
		}
	}
	return errors.Join(mistakes...)
}

func (p *Publisher) introduce(ctx context.Context, a *actor.Local) error {
	name := "introduced " + a.ID
	last, err := p.Store.Setting(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	sum := sha256.Sum256(a.Document)
	digest := hex.EncodeToString(sum[:])
	said, _, _ := strings.Cut(last, " ")
	if said == digest {
		return nil
	}
	m := p.moment("")
	noted := store.PutSetting{Name: name, Value: digest + " " + m.now.UTC().Format("2006-01-02T15:04:05.000Z")}
	if last == "" {
		return p.Store.Apply(ctx, noted)
	}
	update, err := p.update(a, last, digest, m)
	if err != nil {
		return err
	}
	err = p.Store.Apply(ctx, noted,
		store.Fanout{Activity: update, To: store.ToFollowers, Lane: store.Prompt},
		store.Record{Entry: store.Entry{At: m.now, Actor: a.ID, Kind: "introduce", Subject: a.ID, By: m.by, Body: update.Body}})
	if errors.Is(err, store.ErrDuplicate) {
		return nil // another process was faster
	}
	if err == nil {
		p.wake()
	}
	return err
}

// update makes the Update of a profile. Its id follows from what was said last
// and what is said now, so that two processes cannot both say it.
func (p *Publisher) update(a *actor.Local, last, digest string, m moment) (store.Activity, error) {
	sum := sha256.Sum256([]byte(a.ID + "\n" + last + "\n" + digest))
	m.newID = func() string { return idEncoding.EncodeToString(sum[:16]) }
	v := voice{actor: a, urls: p.URLs}
	return v.say(a.ID, as2.ActivityDocument{Type: "Update", Object: as2.Embedded(a.Document)}, m)
}
