package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox/blocks"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
)

// Moderator is where people read what arrived and decide about it. Every
// decision stands in the journal with the name of who made it. URLs and Store
// are required.
type Moderator struct {
	URLs   actor.URLs
	Store  store.Store
	Mode   Mode
	Wake   func()           // called when an answer to a follower was enqueued; may be nil
	Now    func() time.Time // nil is time.Now
	Limits limits.Limits    // zero is limits.Default

	Blocklist *blocks.List // where this machine looks who is blocked; nil finds out by itself
	// Find returns the id of the actor that uses a handle, for lists of blocked
	// accounts, such as webfinger.Find; nil leaves those out.
	Find func(ctx context.Context, handle string) (id string, err error)
}

// Page selects a part of a list, newest first; empty fields do not restrict.
type Page struct {
	Actor  string // ours
	Before int64  // continues after the Next of the page before; 0 starts with the newest
	Limit  int    // 0 means 100
}

// Received lists what arrived in a state, newest first, with where the next page
// starts (0 at the end). Held is what waits for a person; Noted are private
// messages, reports, blocks and moves, which are only to be read.
func (m *Moderator) Received(ctx context.Context, state store.ReceivedState, p Page) (replies []Reply, next int64, err error) {
	rows, err := m.Store.Received(ctx, store.ReceivedQuery{Actor: p.Actor, State: state, Before: p.Before, Limit: p.Limit})
	if err != nil {
		return nil, 0, fmt.Errorf("inbox: list what arrived: %w", err)
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return nil, 0, fmt.Errorf("inbox: list what arrived: %w", err)
		}
		replies, next = append(replies, view(row, m.limits())), row.Seq
	}
	return replies, next, nil
}

// Replies lists the replies to an object of ours that people approved, newest
// first. In any [Mode] but [Converse] there are none.
func (m *Moderator) Replies(ctx context.Context, object string, p Page) (replies []Reply, next int64, err error) {
	if m.Mode != Converse {
		return nil, 0, nil
	}
	rows, err := m.Store.Received(ctx, store.ReceivedQuery{
		Actor: p.Actor, About: object, State: store.Shown, Type: "Create", Before: p.Before, Limit: p.Limit,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("inbox: list replies: %w", err)
	}
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return nil, 0, fmt.Errorf("inbox: list replies: %w", err)
		}
		next = row.Seq
		if reply := view(row, m.limits()); !reply.Private {
			replies = append(replies, reply)
		}
	}
	return replies, next, nil
}

// Decision is what a person decides about something that arrived.
type Decision struct {
	Actor  string // ours
	ID     string // of the reply or mention
	State  store.ReceivedState
	By     string    // the person's name; required
	Reason string    // the house rule; required to refuse
	Seen   time.Time // of the Reply that the person read; required to show
}

// kinds of journal lines about decisions.
var kinds = map[store.ReceivedState]string{store.Shown: "approve", store.Refused: "refuse", store.Held: "hold"}

// Decide shows, refuses or holds a reply or mention. It fails with
// store.ErrConflict when its author changed or took it back after Seen, and with
// store.ErrNotFound when there is no such thing. Nothing private can be shown. An
// edit that arrives later makes it wait again.
func (m *Moderator) Decide(ctx context.Context, d Decision) error {
	if err := m.check(ctx, d); err != nil {
		return fmt.Errorf("inbox: decide about %s: %w", d.ID, err)
	}
	now := m.now()
	err := m.Store.Apply(ctx,
		store.Decide{Actor: d.Actor, ID: d.ID, State: d.State, By: d.By, Reason: d.Reason, At: now, Seen: d.Seen},
		store.Record{Entry: store.Entry{At: now, Actor: d.Actor, Kind: kinds[d.State], Subject: d.ID, By: d.By, Note: d.Reason}},
	)
	if err != nil {
		return fmt.Errorf("inbox: decide about %s: %w", d.ID, err)
	}
	return nil
}

func (m *Moderator) check(ctx context.Context, d Decision) error {
	switch {
	case kinds[d.State] == "":
		return fmt.Errorf("it can be shown, refused or held, not %q", d.State)
	case d.By == "":
		return errors.New("name who decides")
	case d.State == store.Refused && d.Reason == "":
		return errors.New("name the house rule by which it is refused")
	case d.State == store.Shown && d.Seen.IsZero():
		return errors.New("say what was seen: only what a person read is shown")
	}
	rows, err := m.Store.Received(ctx, store.ReceivedQuery{Actor: d.Actor, ID: d.ID, Limit: 1})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return store.ErrNotFound
	}
	if d.State == store.Shown && m.Blocklist != nil && m.Blocklist.ID(rows[0].From) {
		return errors.New("its author is blocked: unblock first, if that was wrong")
	}
	if reply := view(rows[0], m.limits()); reply.Private && d.State == store.Shown || reply.State == store.Noted {
		return errors.New("it is not addressed to everybody, so there is nothing to show")
	}
	return nil
}

// Waiting lists who asked to follow an actor of ours and waits for a person, oldest first.
func (m *Moderator) Waiting(ctx context.Context, actor string, after int64) ([]store.Follower, error) {
	rows, err := m.Store.Followers(ctx, store.FollowerQuery{Actor: actor, State: store.Requested, After: after})
	if err != nil {
		return nil, fmt.Errorf("inbox: list who asks to follow: %w", err)
	}
	return rows, nil
}

// AcceptFollower lets a remote actor follow one of ours. Who follows already stays.
func (m *Moderator) AcceptFollower(ctx context.Context, actor, id, by string) error {
	return m.answer(ctx, actor, id, by, "Accept", "accept-follower", func(f store.Follower) store.Op {
		f.State = store.Accepted
		return store.PutFollower{Follower: f}
	})
}

// RefuseFollower tells a remote actor that it may not follow one of ours, or no
// longer. Nothing is kept of it.
func (m *Moderator) RefuseFollower(ctx context.Context, actor, id, by string) error {
	return m.answer(ctx, actor, id, by, "Reject", "refuse-follower", func(f store.Follower) store.Op {
		return store.RemoveFollower{Actor: f.Actor, ID: f.ID}
	})
}

func (m *Moderator) answer(ctx context.Context, actor, id, by, kind, line string, change func(store.Follower) store.Op) error {
	rows, err := m.Store.Followers(ctx, store.FollowerQuery{Actor: actor, ID: id, Limit: 1})
	switch {
	case err != nil:
		return fmt.Errorf("inbox: answer a follower: %w", err)
	case by == "":
		return errors.New("inbox: answer a follower: name who decides")
	case len(rows) == 0:
		return fmt.Errorf("inbox: answer a follower: %w", store.ErrNotFound)
	case kind == "Accept" && rows[0].State == store.Accepted:
		return nil
	}
	now := m.now()
	send, err := answer(kind, m.URLs, rows[0], now)
	if err != nil {
		return err
	}
	record := store.Record{Entry: store.Entry{At: now, Actor: actor, Kind: line, By: by}}
	if err := m.Store.Apply(ctx, record, change(rows[0]), send); err != nil {
		return fmt.Errorf("inbox: answer a follower: %w", err)
	}
	if m.Wake != nil {
		m.Wake()
	}
	return nil
}

func (m *Moderator) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

func (m *Moderator) limits() limits.Limits {
	if m.Limits == (limits.Limits{}) {
		return limits.Default()
	}
	return m.Limits
}
