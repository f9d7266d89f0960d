package outbox

import (
	"errors"
	"time"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

// moment is what a decision may know of the world: the time, where ids come
// from, and who causes it.
type moment struct {
	now   time.Time
	newID func() string
	by    string
}

// step is a decision: what to write, the post as it will stand, and the word
// for it in the journal.
type step struct {
	ops  []store.Op
	post store.Post
	kind string
}

// The kinds of steps.
const (
	unchanged = "unchanged" // writes nothing
	published = "publish"
	edited    = "edit"
	pinned    = "pin"
	unpinned  = "unpin"
	withdrawn = "withdraw"
)

// ErrWithdrawn says that an item was withdrawn and is to be kept so.
var ErrWithdrawn = errors.New("withdrawn, and not to be published again")

// next decides what publishing an item means when current is the newest post
// under its key, or nil. It has no effects.
func next(current *store.Post, it Item, v voice, m moment) (step, error) {
	switch {
	case current != nil && current.State == store.Withdrawn && it.KeepWithdrawn:
		return step{}, ErrWithdrawn
	case current == nil || current.State == store.Withdrawn:
		return create(it, v, m)
	case current.Digest != it.digest():
		return edit(*current, it, v, m)
	case current.Pinned != it.Pinned:
		return pin(*current, it, v, m)
	default:
		return step{post: *current, kind: unchanged}, nil
	}
}

// create makes a new post, with a new id also where an earlier one was
// withdrawn: other servers never take back an id whose Delete they have seen.
func create(it Item, v voice, m moment) (step, error) {
	since := it.Published
	if since.IsZero() {
		since = m.now
	}
	post := store.Post{
		ID: v.urls.Object(m.newID()), Actor: v.actor.ID, Key: it.Key, URL: it.URL, Digest: it.digest(),
		Rev: 1, State: store.Live, Pinned: it.Pinned, Published: second(since), Updated: second(m.now),
	}
	note := v.note(it, post.ID, post.Published, time.Time{})
	said, err := v.say(post.ID, as2.ActivityDocument{Type: "Create", Object: note}, m)
	if err != nil {
		return step{}, err
	}
	post.Activity = said.ID
	if post.Body, err = v.write(note, m.now); err != nil {
		return step{}, err
	}
	return v.featured(step{kind: published, post: post, ops: []store.Op{
		store.PutPost{Post: post},
		store.Fanout{Activity: said, To: store.ToFollowers, Lane: lane(it), Spread: v.spreadOf(it)},
		entry(published, post, said, m),
	}}, it.Pinned, m)
}

// edit replaces what is published. Its updated is always later than the last
// one, or Mastodon would not take the Update for an edit.
func edit(post store.Post, it Item, v voice, m moment) (step, error) {
	updated := second(m.now)
	if !updated.After(post.Updated) {
		updated = second(post.Updated).Add(time.Second)
	}
	repinned := post.Pinned != it.Pinned
	post.URL, post.Digest, post.Pinned, post.Updated = it.URL, it.digest(), it.Pinned, updated
	post.Rev++
	note := v.note(it, post.ID, post.Published, updated)
	said, err := v.say(post.ID, as2.ActivityDocument{Type: "Update", Object: note}, m)
	if err != nil {
		return step{}, err
	}
	if post.Body, err = v.write(note, m.now); err != nil {
		return step{}, err
	}
	return v.featured(step{kind: edited, post: post, ops: []store.Op{
		store.PutPost{Post: post},
		store.Fanout{Activity: said, To: store.ToFollowers | store.ToReached, Lane: lane(it)},
		entry(edited, post, said, m),
	}}, repinned, m)
}

// pin lists a post first on the profile, or no longer, and leaves what it says alone.
func pin(post store.Post, it Item, v voice, m moment) (step, error) {
	post.Pinned = it.Pinned
	post.Rev++
	kind := unpinned
	if post.Pinned {
		kind = pinned
	}
	return v.featured(step{kind: kind, post: post, ops: []store.Op{store.PutPost{Post: post}}}, true, m)
}

// featured adds to a step, where the pin changed, what tells followers: Mastodon
// waits for it, others look at the collection now and then.
func (v voice) featured(s step, changed bool, m moment) (step, error) {
	if !changed {
		return s, nil
	}
	verb, kind := "Remove", unpinned
	if s.post.Pinned {
		verb, kind = "Add", pinned
	}
	said, err := v.say(s.post.ID, as2.ActivityDocument{
		Type: verb, Object: as2.ID(s.post.ID), Target: v.urls.Featured(v.actor.Segment),
	}, m)
	if err != nil {
		return step{}, err
	}
	s.ops = append(s.ops, store.Fanout{Activity: said, To: store.ToFollowers}, entry(kind, s.post, said, m))
	return s, nil
}

// withdraw takes a post back: a tombstone stays, what is still on its way is
// cancelled, and every inbox that may have got the post is asked to erase it.
func withdraw(post store.Post, v voice, m moment) (step, error) {
	gone := as2.Tombstone{
		ID: post.ID, Type: "Tombstone", AttributedTo: v.actor.ID, FormerType: "Note", Published: post.Published, Deleted: second(m.now),
	}
	said, err := v.say(post.ID, as2.ActivityDocument{Type: "Delete", Object: gone}, m)
	if err != nil {
		return step{}, err
	}
	post.State, post.Pinned, post.Updated = store.Withdrawn, false, second(m.now)
	post.Rev++
	if post.Body, err = v.write(gone, m.now); err != nil {
		return step{}, err
	}
	return step{kind: withdrawn, post: post, ops: []store.Op{
		store.PutPost{Post: post},
		store.Cancel{Object: post.ID},
		store.Fanout{Activity: said, To: store.ToReached, Lane: store.Prompt},
		entry(withdrawn, post, said, m),
	}}, nil
}

// say makes an activity about an object, to everybody. The caller gives its
// type, object and target.
func (v voice) say(about string, d as2.ActivityDocument, m moment) (store.Activity, error) {
	d.ID, d.Actor, d.Published = v.urls.Activity(m.newID()), v.actor.ID, second(m.now)
	d.To, d.Cc = []string{as2.Public}, []string{v.followers()}
	body, err := v.write(d, m.now)
	return store.Activity{
		ID: d.ID, Actor: d.Actor, Type: d.Type, Object: about, Body: body, Public: true, At: m.now,
	}, err
}

func entry(kind string, post store.Post, said store.Activity, m moment) store.Record {
	return store.Record{Entry: store.Entry{
		At: m.now, Actor: post.Actor, Kind: kind, Subject: post.ID, By: m.by, Note: post.Key, Body: said.Body,
	}}
}

func lane(it Item) store.Lane {
	if it.Urgent {
		return store.Urgent
	}
	return store.Routine
}

// longestSpread keeps what waits for its turn well within what a delivery is given,
// beyond which it counts as put off by a wrong clock.
const longestSpread = 6 * 24 * time.Hour

// spreadOf is over how long an item goes out. What is urgent never waits.
func (v voice) spreadOf(it Item) time.Duration {
	if it.Urgent {
		return 0
	}
	return min(v.spread, longestSpread)
}

// second is as exact as times are on the wire.
func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
