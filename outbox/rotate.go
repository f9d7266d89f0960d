package outbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
)

// RotateKey lets an actor (a handle, or empty for the first) sign with its
// Profile.Next from now on, on every machine that holds it. The Update that says
// so is the last thing signed with the key before, which peers have in their
// caches. It fails while Next was announced, by Introduce, for less than a day, or
// while servers have not taken that yet; where Next signs already it changes nothing.
func (p *Publisher) RotateKey(ctx context.Context, name string) error {
	return p.rotate(ctx, name, p.announcedLongEnough)
}

// RotateKeyRiskingRefusal is RotateKey without waiting: what is sent may be
// refused for a while by servers that have not heard of the key.
func (p *Publisher) RotateKeyRiskingRefusal(ctx context.Context, name string) error {
	return p.rotate(ctx, name, func(context.Context, *actor.Local) error { return nil })
}

func (p *Publisher) rotate(ctx context.Context, name string, ready func(context.Context, *actor.Local) error) error {
	a, err := find(p.Actors, name)
	if err != nil {
		return fmt.Errorf("outbox: rotate key: %w", err)
	}
	err = p.succeed(ctx, a, ready)
	if errors.Is(err, store.ErrConflict) {
		err = p.succeed(ctx, a, ready) // another process was faster
	}
	if err != nil {
		return fmt.Errorf("outbox: rotate key of %s: %w", a.Profile.Handle, err)
	}
	return nil
}

func (p *Publisher) succeed(ctx context.Context, a *actor.Local, ready func(context.Context, *actor.Local) error) error {
	s, err := p.present(ctx, a)
	if err != nil {
		return err
	}
	if s.Key == a.Profile.Next {
		return nil
	}
	if err := mayFollow(s, a); err != nil {
		return err
	}
	if err := ready(ctx, a); err != nil {
		return err
	}
	return p.replace(ctx, a, succession{from: s.Pinned, key: a.Profile.Next, handover: true})
}

// present returns how an actor stands in the store, once this process may speak for it.
func (p *Publisher) present(ctx context.Context, a *actor.Local) (*actor.Standing, error) {
	if err := p.mayWrite(ctx); err != nil {
		return nil, err
	}
	return p.learn(ctx, a)
}

// mayFollow says why the key that follows cannot, or nil.
func mayFollow(s *actor.Standing, a *actor.Local) error {
	switch {
	case a.Profile.Next == nil:
		return errors.New("there is no Profile.Next: make a key, name it there on every machine, and let Run announce it")
	case s.Next() == nil:
		return errors.New("Profile.Next is the key that was replaced last: make another")
	}
	return nil
}

// announcedLongEnough says why the next key of an actor should not sign yet, or nil.
func (p *Publisher) announcedLongEnough(ctx context.Context, a *actor.Local) error {
	known, err := custody.Announced(ctx, p.Store, a.ID)
	if err != nil {
		return err
	}
	if err := known.LongEnough(a.Profile.Next.Fingerprint(), p.now()); err != nil {
		return err
	}
	if known.Activity == "" {
		return nil // nobody followed
	}
	pending, err := p.Store.Deliveries(ctx, store.DeliveryQuery{Activity: known.Activity, State: store.Pending})
	if err == nil && len(pending) > 0 {
		err = fmt.Errorf("the announcement is still on its way to %s: wait until it has arrived or is given up, at the latest %s",
			hosts(pending), known.At.Add(limits.Default().DeliveryAge).Format(time.RFC3339))
	}
	return err
}

// hosts names where deliveries go, and no more of them than a person wants to read.
func hosts(ds []store.Delivery) string {
	var names []string
	for _, d := range ds[:min(3, len(ds))] {
		names = append(names, d.Host)
	}
	if more := len(ds) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// RevokeKey replaces the key of an actor (a handle, or empty for the first) at
// once: the old one signs nothing more on any machine and is listed nowhere, and
// no process starts with it again. The replacement is Profile.Next where it is
// nil. The same call again, such as by who did not hear that it was done, changes
// nothing. Peers that keep keys for ever believe no replacement that the old key did
// not sign: see docs/security/keys.md. A machine without the replacement leaves
// the actor's deliveries to those that have it. It also replaces a key that is
// lost, which this process need not hold.
func (p *Publisher) RevokeKey(ctx context.Context, name string, replacement *signing.Key, reason string) error {
	a, err := find(p.Actors, name)
	if err != nil {
		return fmt.Errorf("outbox: revoke key: %w", err)
	}
	if err := p.revoke(ctx, a, replacement, reason); err != nil {
		return fmt.Errorf("outbox: revoke key of %s: %w", a.Profile.Handle, err)
	}
	return nil
}

func (p *Publisher) revoke(ctx context.Context, a *actor.Local, replacement *signing.Key, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("say why: the reason is kept in the journal")
	}
	pinned, err := p.Store.Actor(ctx, a.ID)
	if err != nil {
		return err
	}
	if pinned.BaseURL != p.URLs.Base {
		return fmt.Errorf("%w: %s", store.ErrConflict, p.conflict(ctx, a, p.identity(a)))
	}
	if replacement == nil {
		replacement = a.Profile.Next
	}
	if replacement == nil {
		return errors.New("there is no replacement: hand one over, or name it as Profile.Next; to send nothing meanwhile, call Stop")
	}
	m := p.moment("")
	r := custody.Revocation{
		Actor: a.ID, Fingerprint: pinned.Fingerprint, Replacement: replacement.Fingerprint(), Reason: reason, By: m.by, At: m.now.UTC(),
	}
	if replacement.Fingerprint() == pinned.Fingerprint {
		return p.revokedBefore(ctx, a, replacement, r)
	}
	if _, found, err := custody.Revoked(ctx, p.Store, replacement.Fingerprint()); err != nil {
		return err
	} else if found {
		return errors.New("the replacement was revoked itself: make another key")
	}
	if err := a.Hold(replacement); err != nil {
		return err
	}
	marked, err := r.Ops()
	if err != nil {
		return err
	}
	return p.replace(ctx, a, succession{from: pinned, key: replacement, note: reason, marked: marked})
}

// revokedBefore is for who asks for a replacement that signs already: nothing is
// left to do where they asked the same before, and did not hear that it was done.
func (p *Publisher) revokedBefore(ctx context.Context, a *actor.Local, replacement *signing.Key, asked custody.Revocation) error {
	last, _, err := custody.LastRevoked(ctx, p.Store, a.ID)
	if err != nil {
		return err
	}
	if err := asked.Again(last); err != nil {
		return err
	}
	if err := a.Hold(replacement); err != nil {
		return err
	}
	_, err = p.learn(ctx, a)
	p.wake()
	return err
}

// succession is the change of an actor's key.
type succession struct {
	from     store.Actor
	key      *signing.Key
	note     string
	handover bool // the key before signs the Update that tells of it
	marked   []store.Op
}

func (r succession) entry(in introduction, note string) store.Op {
	if r.handover {
		return in.entry("rotate-key", note)
	}
	return in.entry("revoke-key", note)
}

// replace writes the change and the Update that tells of it in one Apply, and has
// this process follow at once; others do within a roll call.
func (p *Publisher) replace(ctx context.Context, a *actor.Local, r succession) error {
	m := p.moment("")
	after := r.from
	after.Fingerprint, after.Rotations, after.Rotated = r.key.Fingerprint(), r.from.Rotations+1, m.now
	after.Previous, after.Handover = "", ""
	if r.handover {
		after.Previous = r.from.Fingerprint
	}
	s, err := a.Stand(after)
	if err != nil {
		return err
	}
	in, err := p.introduction(ctx, a, s, m)
	if err != nil {
		return err
	}
	if r.handover {
		after.Handover = in.update.ID
	}
	forgotten, err := custody.Announcement{}.Of(a.ID)
	if err != nil {
		return err
	}
	note := strings.TrimSpace(fmt.Sprintf("%s after %s %s", after.Fingerprint, r.from.Fingerprint, r.note))
	ops := append(in.noted(), forgotten,
		store.RepinKey{Actor: a.ID, From: r.from.Fingerprint, To: after.Fingerprint, Handover: after.Handover, At: m.now},
		store.Fanout{Activity: in.update, To: store.ToFollowers, Lane: store.Urgent}, r.entry(in, note))
	if err := p.Store.Apply(ctx, append(ops, r.marked...)...); err != nil {
		return err
	}
	args := []any{"actor", a.ID, "key", after.Fingerprint, "before", r.from.Fingerprint, "by", m.by}
	if r.handover {
		p.log().WarnContext(ctx, "outbox: rotate-key", args...)
	} else {
		p.log().WarnContext(ctx, "outbox: revoke-key", args...)
	}
	p.wake()
	_, err = p.learn(ctx, a)
	return err
}
