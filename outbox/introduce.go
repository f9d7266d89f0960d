package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
)

// Introduce tells followers where a profile has changed since they were last
// told: a new name, picture or announced key. The first time it only takes note.
func (p *Publisher) Introduce(ctx context.Context) error {
	if err := p.mayWrite(ctx); err != nil {
		return err
	}
	var mistakes []error
	for _, a := range p.Actors {
		err := p.introduce(ctx, a)
		if errors.Is(err, store.ErrConflict) {
			err = p.introduce(ctx, a) // its key was replaced in between, and its document with it
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("outbox: introduce %s: %w", a.Profile.Handle, err))
		}
	}
	return errors.Join(mistakes...)
}

func (p *Publisher) introduce(ctx context.Context, a *actor.Local) error {
	standing, err := p.learn(ctx, a)
	if err != nil {
		return err
	}
	in, err := p.introduction(ctx, a, standing, p.moment(""))
	if err != nil || in.known {
		return err
	}
	announced, err := p.announcement(ctx, a, standing, in)
	if err != nil {
		return err
	}
	ops := append(in.noted(), announced...)
	ops = append(ops, store.PinActor{Actor: standing.Pinned})
	if !in.first {
		ops = append(ops, store.Fanout{Activity: in.update, To: store.ToFollowers, Lane: store.Prompt}, in.entry("introduce", ""))
	}
	err = p.Store.Apply(ctx, ops...)
	if errors.Is(err, store.ErrDuplicate) {
		return nil // another process was faster
	}
	if err == nil {
		p.wake()
	}
	return err
}

// introduction is the Update of a profile, as far as it is needed.
type introduction struct {
	moment
	actor  *actor.Local
	known  bool // followers were told so already
	first  bool // nobody was ever told, so there is nobody to tell
	digest string
	update store.Activity
}

// introduction compares the document of an actor with what was said last. The id
// of the Update follows from both, so that two processes cannot both say it.
func (p *Publisher) introduction(ctx context.Context, a *actor.Local, s *actor.Standing, m moment) (introduction, error) {
	last, err := p.Store.Setting(ctx, introduced(a))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return introduction{}, err
	}
	sum := sha256.Sum256(s.Document)
	in := introduction{moment: m, actor: a, first: last == "", digest: hex.EncodeToString(sum[:])}
	said, _, _ := strings.Cut(last, " ")
	in.known = said == in.digest
	sum = sha256.Sum256([]byte(a.ID + "\n" + last + "\n" + in.digest))
	m.newID = func() string { return idEncoding.EncodeToString(sum[:16]) }
	v := voice{actor: a, urls: p.URLs}
	in.update, err = v.say(a.ID, as2.ActivityDocument{Type: "Update", Object: as2.Embedded(s.Document)}, m)
	return in, err
}

func introduced(a *actor.Local) string { return "introduced " + a.ID }

// noted remembers what was said.
func (in introduction) noted() []store.Op {
	return []store.Op{store.PutSetting{
		Name: introduced(in.actor), Value: in.digest + " " + in.now.UTC().Format("2006-01-02T15:04:05.000Z"),
	}}
}

func (in introduction) entry(kind, note string) store.Op {
	return store.Record{Entry: store.Entry{
		At: in.now, Actor: in.actor.ID, Kind: kind, Subject: in.actor.ID, By: in.by, Note: note, Body: in.update.Body,
	}}
}

// announcement remembers since when the next key of an actor is announced, and
// forgets one that no longer is.
func (p *Publisher) announcement(ctx context.Context, a *actor.Local, s *actor.Standing, in introduction) ([]store.Op, error) {
	known, err := custody.Announced(ctx, p.Store, a.ID)
	if err != nil {
		return nil, err
	}
	next := custody.Announcement{}
	if key := s.Next(); key != nil {
		next = custody.Announcement{Fingerprint: key.Fingerprint(), At: in.now.UTC()}
	}
	if next.Fingerprint == known.Fingerprint {
		return nil, nil
	}
	if !in.first && next.Fingerprint != "" {
		next.Activity = in.update.ID
	}
	op, err := next.Of(a.ID)
	if err != nil || next.Fingerprint == "" {
		return []store.Op{op}, err
	}
	return []store.Op{op, store.Record{Entry: store.Entry{
		At: in.now, Actor: a.ID, Kind: "announce-key", Subject: a.ID, By: in.by, Note: next.Fingerprint,
	}}}, nil
}
