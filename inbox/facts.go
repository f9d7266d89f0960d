package inbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

// facts are what the decision about an activity rests on, looked up before it is
// made.
type facts struct {
	now  time.Time
	mode Mode
	urls actor.URLs

	blocked bool    // the actor, its inbox, or something that it names
	verdict Verdict // of the policy
	reason  string

	concerns []concern // whom of ours

	remote actor.Remote // who asks, for a Follow

	// What is stored under the ids that the activity names, whoever said it, and
	// what the actor said about the same thing.
	followers []store.Follower
	received  []store.Received
	reactions []store.Reaction

	late    bool // its author deleted it before it came
	newer   bool // an Update is newer than what is stored
	crowded bool // the actor, or all for this object, said as much as is kept
}

// concern is an actor of ours with what of it an activity is about: a post, or itself.
type concern struct {
	*actor.Local
	about string
}

// stored is who said something that is stored, and to which actor of ours.
type stored struct{ by, ours string }

func (f facts) stored() (rows []stored) {
	for _, row := range f.followers {
		rows = append(rows, stored{row.ID, row.Actor})
	}
	for _, row := range f.received {
		rows = append(rows, stored{row.From, row.Actor})
	}
	for _, row := range f.reactions {
		rows = append(rows, stored{row.From, row.Actor})
	}
	return rows
}

// whom lists the actors of ours to whom what is stored belongs.
func (f facts) whom() (ids []string) {
	for _, row := range f.stored() {
		ids = append(ids, row.ours)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// finder looks up the facts of one activity and keeps the first failure.
type finder struct {
	*Handler
	ctx context.Context
	as2.Activity
	facts
	err error
}

// facts looks up what the decision about a rests on. Who asks to follow has
// been found already: that may need the network.
func (h *Handler) facts(ctx context.Context, a as2.Activity, remote actor.Remote) (facts, error) {
	f := &finder{Handler: h, ctx: ctx, Activity: a}
	f.facts = facts{now: h.now(), mode: h.Mode, urls: h.URLs, remote: remote, blocked: h.blocks(a, remote)}
	switch {
	case len(a.Object) == 0:
	case a.Type == "Follow":
		f.follow()
	case a.Type == "Create", a.Type == "Update":
		f.said(a.Object[0].Object)
	case a.Type == "Like", a.Type == "Announce":
		f.reaction(a.Type, a.Object[0].ID)
	case a.Type == "Delete":
		f.deletion(a.Object[0].ID)
	case a.Type == "Undo":
		f.undone(a.Object[0])
	case a.Type == "Flag":
		f.report()
	case a.Type == "Block":
		f.block()
	case a.Type == "Move":
		f.move()
	}
	return f.facts, f.err
}

func (f *finder) follow() {
	f.concern(f.Object[0].ID, f.Object[0].ID)
	if len(f.concerns) == 1 {
		f.findFollowers(store.FollowerQuery{Actor: f.concerns[0].ID, ID: f.Actor})
	}
}

// said finds whom an object concerns: the author of the post that it answers, then who is addressed or mentioned.
func (f *finder) said(object *as2.Object) {
	if object == nil || object.ID == "" || object.ID == f.Actor {
		return
	}
	f.concernPost(object.InReplyTo, store.Live)
	for _, ids := range [][]string{object.Mentions, object.To, object.Cc, f.To, f.Cc} {
		for _, id := range ids {
			f.concern(id, id)
		}
	}
	f.findReceived(store.ReceivedQuery{ID: object.ID})
	f.late = f.seen.isTakenBack(f.Actor, object.ID)
	switch {
	case len(f.received) > 0:
		f.newer = f.newerThan(f.received[0], object)
	case len(f.concerns) > 0:
		f.crowd()
	}
}

// newerThan says whether object is an edit of what is stored. A date in the
// future counts as the time when it came, or it would shut out every later edit.
func (f *finder) newerThan(row store.Received, object *as2.Object) bool {
	stored, err := as2.ReadActivity(row.Body, f.limits)
	if err != nil || len(stored.Object) == 0 || stored.Object[0].Object == nil {
		return false // taken back
	}
	before, came := stored.Object[0].Object, row.At
	if row.Updated.After(came) {
		came = row.Updated
	}
	edited := before.Updated
	if edited.After(came) {
		edited = came
	}
	if object.Updated.IsZero() {
		return edited.IsZero() && object.Content != before.Content
	}
	return object.Updated.After(edited)
}

func (f *finder) reaction(kind, object string) {
	f.concernPost(object, store.Live)
	if len(f.concerns) > 0 {
		f.findReactions(store.ReactionQuery{From: f.Actor, Type: kind, Object: object})
	}
}

func (f *finder) deletion(id string) {
	switch id {
	case "":
	case f.Actor:
		f.findFollowers(store.FollowerQuery{ID: id})
		f.findReceived(store.ReceivedQuery{From: id, Standing: true, Bare: true})
		f.findReactions(store.ReactionQuery{From: id})
	default:
		f.findReceived(store.ReceivedQuery{ID: id, Bare: true})
	}
}

// undone finds what the actor takes back, by its id and by what it was about:
// some servers do not remember the id they gave it.
func (f *finder) undone(inner as2.Ref) {
	if inner.ID != "" {
		f.findFollowers(store.FollowerQuery{Follow: inner.ID})
		f.findReactions(store.ReactionQuery{ID: inner.ID})
		f.findReceived(store.ReceivedQuery{ID: inner.ID, Type: "Block", Bare: true})
	}
	if inner.Object == nil || inner.Object.Object.ID == "" {
		return
	}
	switch about := inner.Object.Object.ID; inner.Object.Type {
	case "Follow":
		f.findFollowers(store.FollowerQuery{Actor: about, ID: f.Actor})
	case "Like", "Announce":
		f.findReactions(store.ReactionQuery{From: f.Actor, Type: inner.Object.Type, Object: about})
	case "Block":
		f.findReceived(store.ReceivedQuery{Actor: about, From: f.Actor, Type: "Block", Bare: true})
	}
}

// maxReported bounds how many things one report may name: each costs a query.
const maxReported = 16

func (f *finder) report() {
	for _, ref := range f.Object[:min(len(f.Object), maxReported)] {
		f.concern(ref.ID, ref.ID)
		f.concernPost(ref.ID, "")
	}
	f.record()
}

func (f *finder) block() {
	f.concern(f.Object[0].ID, f.Object[0].ID)
	if len(f.concerns) > 0 {
		f.findFollowers(store.FollowerQuery{Actor: f.concerns[0].ID, ID: f.Actor})
		f.record()
	}
}

// move concerns those whom the moving actor follows.
func (f *finder) move() {
	f.findFollowers(store.FollowerQuery{ID: f.Actor})
	for _, row := range f.followers {
		f.concern(row.Actor, row.Actor)
	}
	f.record()
}

// record finds whether the activity itself is recorded, or too much else is.
func (f *finder) record() {
	if len(f.concerns) == 0 {
		return
	}
	f.findReceived(store.ReceivedQuery{ID: f.ID, Bare: true})
	if len(f.received) == 0 {
		f.crowd()
	}
}

// concern adds an actor of ours; a post of it says more than the actor alone.
func (f *finder) concern(id, about string) {
	local := f.actor(id)
	if local == nil {
		return
	}
	i := slices.IndexFunc(f.concerns, func(c concern) bool { return c.Local == local })
	switch {
	case i < 0:
		f.concerns = append(f.concerns, concern{local, about})
	case f.concerns[i].about == local.ID:
		f.concerns[i].about = about
	}
}

// concernPost adds the actor of ours whose post has the id, when it is in the state; any when empty.
func (f *finder) concernPost(id string, state store.PostState) {
	if f.err != nil || !f.urls.Owns(id) || f.actor(id) != nil {
		return
	}
	posts, err := f.Store.Posts(f.ctx, store.PostQuery{ID: id, State: state, Limit: 1})
	if f.err = err; err == nil && len(posts) > 0 {
		f.concern(posts[0].Actor, id)
	}
}

func (f *finder) findFollowers(q store.FollowerQuery) {
	f.followers = find(f, f.followers, f.Store.Followers, q, func(r store.Follower) (int64, string) { return r.Seq, r.Actor })
}

func (f *finder) findReceived(q store.ReceivedQuery) {
	f.received = find(f, f.received, f.Store.Received, q, func(r store.Received) (int64, string) { return r.Seq, r.Actor })
}

func (f *finder) findReactions(q store.ReactionQuery) {
	f.reactions = find(f, f.reactions, f.Store.Reactions, q, func(r store.Reaction) (int64, string) { return r.Seq, r.Actor })
}

// find adds to rows what else the store has for a query, unless something failed
// before. Rows of another site that shares the store are none of ours.
func find[Row, Query any](f *finder, rows []Row, list func(context.Context, Query) ([]Row, error), q Query, of func(Row) (seq int64, ours string)) []Row {
	if f.err != nil {
		return rows
	}
	found, err := list(f.ctx, q)
	f.err = err
	for _, row := range found {
		seq, ours := of(row)
		known := slices.ContainsFunc(rows, func(r Row) bool { other, _ := of(r); return other == seq })
		if !known && f.actor(ours) != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

// crowd finds whether as much is recorded from the actor, or about the post, as is kept.
func (f *finder) crowd() {
	if f.err != nil {
		return
	}
	recent, err := f.Store.Received(f.ctx, store.ReceivedQuery{From: f.Actor, Limit: f.limits.RepliesPerDay, Bare: true})
	if f.err = err; err != nil {
		return
	}
	if len(recent) == f.limits.RepliesPerDay && recent[len(recent)-1].At.After(f.facts.now.Add(-24*time.Hour)) {
		f.crowded = true
		return
	}
	if first := f.concerns[0]; first.about != first.ID {
		f.crowded, f.err = f.rooms.full(f.ctx, f.Store, first.about, f.limits.RepliesPerPost)
	}
}

// keeps says whether anything is stored of a remote actor or under an id, or the id is ours.
func (h *Handler) keeps(ctx context.Context, actor, id string) (bool, error) {
	f := &finder{Handler: h, ctx: ctx}
	f.findFollowers(store.FollowerQuery{ID: actor, Limit: 1})
	f.findReactions(store.ReactionQuery{From: actor, Limit: 1})
	f.findReceived(store.ReceivedQuery{From: actor, Limit: 1, Bare: true})
	if id != "" {
		f.findReceived(store.ReceivedQuery{ID: id, Limit: 1, Bare: true})
	}
	return len(f.stored()) > 0 || h.URLs.Owns(id), f.err
}

// stale says that the stored state is no longer the one on which ops were decided.
func stale(err error) bool {
	return errors.Is(err, store.ErrDuplicate) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound)
}
