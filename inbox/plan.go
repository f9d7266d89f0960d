package inbox

import (
	"net/url"
	"slices"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// outcome says in a word what an activity came to; it goes into the log.
type outcome string

const (
	ignored   outcome = "ignored"   // nothing here is concerned
	repeated  outcome = "repeated"  // it has had its effect
	dropped   outcome = "dropped"   // the mode, a limit or a Delete that came first leaves it out
	early     outcome = "early"     // a Delete of what has not come
	uncounted outcome = "uncounted" // the policy's word on a like or boost
	accepted  outcome = "accepted"  // a follower
	requested outcome = "requested" // a follower, who waits for a person
	refused   outcome = "refused"   // a follower, or a reply that is kept but never shown
	left      outcome = "left"      // no longer a follower
	held      outcome = "held"      // a reply or mention, which waits for a person
	noted     outcome = "noted"     // kept for people to read
	counted   outcome = "counted"   // a like or boost
	revised   outcome = "revised"   // a reply or mention, by an edit
	retracted outcome = "retracted" // something said or done, by who said or did it
	renewed   outcome = "renewed"   // the actor changed its profile or keys
	forgotten outcome = "forgotten" // the actor is gone, with everything of its own
)

// planner holds what the plans below are made of.
type planner struct {
	as2.Activity
	facts
	peer string // the host that spoke: the journal never holds a follower's id
}

// plan decides what a verified and authorised activity changes. It has no
// effects; no ops means that nothing is stored.
//
// A Follow leaves no record of its id. Misskey gives the same id to every Follow
// between the same two, so that following, leaving and following again would
// look like a repetition; what keeps repetitions harmless is the state of the
// follower and the id of the answer, which is made of both ids.
func plan(v signing.Verified, a as2.Activity, f facts) ([]store.Op, outcome, error) {
	p := planner{Activity: a, facts: f, peer: host(v.Actor())}
	switch {
	case len(a.Object) == 0:
		return nil, ignored, nil
	case a.Type == "Follow":
		return p.follow()
	}
	ops, out := p.rest()
	return ops, out, nil
}

func (p planner) rest() ([]store.Op, outcome) {
	switch p.Type {
	case "Create":
		return p.create(p.Object[0].Object)
	case "Update":
		return p.update(p.Object[0].Object)
	case "Like", "Announce":
		return p.react()
	case "Delete":
		return p.delete(p.Object[0].ID)
	case "Undo":
		return p.undo(p.Object[0])
	case "Flag":
		return p.note("report")
	case "Block":
		return p.block()
	case "Move":
		return p.move()
	}
	return nil, ignored
}

func (p planner) follow() ([]store.Op, outcome, error) {
	local, before := p.concerns[0].Local, slices.Clone(p.followers)
	follower := store.Follower{
		Actor: local.ID, ID: p.Actor, Follow: p.ID, Since: p.now, State: store.Accepted,
		Inbox: p.remote.Inbox, Host: host(p.remote.Inbox), SharedInbox: p.remote.SharedInbox,
	}
	if p.verdict == Refuse {
		return p.refuseFollower(follower)
	}
	isOne := len(before) > 0 && before[0].State == store.Accepted
	if !isOne && (local.Profile.ApproveFollowers || p.verdict == Hold) {
		follower.State = store.Requested
		return p.once(before, "follow-request", local.ID, store.PutFollower{Follower: follower}), requested, nil
	}
	accept, err := answer("Accept", p.urls, follower, p.now)
	if isOne {
		return []store.Op{store.PutFollower{Follower: follower}, accept}, repeated, err
	}
	return []store.Op{p.record("follow", local.ID, ""), store.PutFollower{Follower: follower}, accept}, accepted, err
}

// once adds the journal line to a change unless it has been made before.
func (p planner) once(before []store.Follower, kind, local string, change store.Op) []store.Op {
	if len(before) > 0 {
		return []store.Op{change}
	}
	return []store.Op{p.record(kind, local, ""), change}
}

// refuseFollower writes to the journal only where that ends something: a
// stranger who keeps asking must not fill it.
func (p planner) refuseFollower(f store.Follower) ([]store.Op, outcome, error) {
	reject, err := answer("Reject", p.urls, f, p.now)
	if len(p.followers) == 0 {
		return []store.Op{reject}, refused, err
	}
	return []store.Op{
		p.record("refuse", f.Actor, ""), store.RemoveFollower{Actor: f.Actor, ID: f.ID}, reject,
	}, refused, err
}

func (p planner) create(object *as2.Object) ([]store.Op, outcome) {
	switch {
	case object == nil || len(p.concerns) == 0 || vote(object):
		return nil, ignored
	case len(p.received) > 0:
		return nil, repeated
	case p.mode == NoticeBoard || p.crowded || p.late:
		return nil, dropped
	}
	var ops []store.Op
	what := store.Received{ID: object.ID, From: p.Actor, Type: "Create", State: store.Held, Body: p.Raw, At: p.now}
	out := held
	switch {
	case !public(p.Activity):
		what.State, out = store.Noted, noted
	case p.verdict == Refuse:
		what.State, out = store.Refused, refused
		what.By, what.Reason, what.Decided = byPolicy, p.reason, p.now
	}
	for _, c := range p.concerns {
		what.Actor, what.About = c.ID, c.about
		ops = append(ops, store.Receive{Received: what}, p.record(kindOf(what), c.ID, object.ID))
	}
	return ops, out
}

// byPolicy is who decided where the policy did.
const byPolicy = "policy"

func kindOf(r store.Received) string {
	switch {
	case r.State == store.Noted:
		return "message"
	case r.About == r.Actor:
		return "mention"
	}
	return "reply"
}

// vote says that an object is a choice in a poll, which has a name and no content.
func vote(o *as2.Object) bool { return o.Name != "" && o.Content == "" && o.InReplyTo != "" }

// public says that an activity is addressed to everybody, by its object where that is addressed at all.
func public(a as2.Activity) bool {
	to, cc := a.To, a.Cc
	if o := a.Object[0].Object; o != nil && len(o.To)+len(o.Cc) > 0 {
		to, cc = o.To, o.Cc
	}
	return slices.Contains(to, as2.Public) || slices.Contains(cc, as2.Public)
}

func (p planner) update(object *as2.Object) ([]store.Op, outcome) {
	switch {
	case object == nil:
		return nil, ignored
	case object.ID == p.Actor:
		return nil, renewed
	case len(p.received) == 0:
		return p.create(object)
	case !p.newer:
		return nil, repeated
	}
	ops := []store.Op{store.Revise{ID: object.ID, From: p.Actor, Body: p.Raw, At: p.now}}
	for _, row := range p.received {
		ops = append(ops, p.record("revise", row.Actor, row.ID))
		if p.verdict == Refuse && row.State != store.Noted {
			ops = append(ops, store.Decide{
				Actor: row.Actor, ID: row.ID, State: store.Refused, By: byPolicy, Reason: p.reason, At: p.now,
			})
		}
	}
	return ops, revised
}

func (p planner) react() ([]store.Op, outcome) {
	switch {
	case len(p.concerns) == 0:
		return nil, ignored
	case len(p.reactions) > 0:
		return nil, repeated
	case p.mode == NoticeBoard:
		return nil, dropped
	case p.verdict != Accept:
		return nil, uncounted
	}
	return []store.Op{store.React{Reaction: store.Reaction{
		ID: p.ID, Actor: p.concerns[0].ID, From: p.Actor, Type: p.Type, Object: p.concerns[0].about, At: p.now,
	}}}, counted
}

func (p planner) delete(id string) ([]store.Op, outcome) {
	if id == p.Actor {
		return p.forget()
	}
	if len(p.received) == 0 && id != "" {
		return nil, early
	}
	var ops []store.Op
	for _, row := range p.received {
		if row.State == store.Retracted {
			continue
		}
		if len(ops) == 0 {
			ops = append(ops, store.Retract{ID: id, From: p.Actor, At: p.now})
		}
		ops = append(ops, p.record("retract", row.Actor, id))
	}
	if len(ops) == 0 {
		return nil, ignored
	}
	return ops, retracted
}

// forget removes everything of an actor that is gone from its own server.
func (p planner) forget() ([]store.Op, outcome) {
	whom := p.whom()
	if len(whom) == 0 {
		return nil, ignored
	}
	ops := []store.Op{store.ForgetActor{ID: p.Actor, At: p.now}}
	for _, local := range whom {
		ops = append(ops, p.record("forget", local, ""))
	}
	return ops, forgotten
}

func (p planner) undo(inner as2.Ref) ([]store.Op, outcome) {
	undoes := func(kind string) bool {
		return inner.Object == nil || inner.Object.Type == "" || inner.Object.Type == kind
	}
	ops, out := []store.Op(nil), ignored
	for _, row := range p.followers {
		if undoes("Follow") {
			ops, out = append(ops, p.record("unfollow", row.Actor, ""), store.RemoveFollower{Actor: row.Actor, ID: row.ID}), left
		}
	}
	for _, row := range p.reactions {
		if undoes(row.Type) {
			ops, out = append(ops, store.Unreact{From: row.From, Type: row.Type, Object: row.Object}), retracted
		}
	}
	for _, row := range p.received {
		if undoes(row.Type) && row.State != store.Retracted {
			ops, out = append(ops, p.record("unblock", row.Actor, ""), store.Retract{ID: row.ID, From: row.From, At: p.now}), retracted
		}
	}
	return ops, out
}

// note keeps the activity itself for people to read.
func (p planner) note(kind string) ([]store.Op, outcome) {
	switch {
	case len(p.concerns) == 0:
		return nil, ignored
	case len(p.received) > 0:
		return nil, repeated
	case p.crowded:
		return nil, dropped
	}
	var ops []store.Op
	for _, c := range p.concerns {
		ops = append(ops, store.Receive{Received: store.Received{
			ID: p.ID, Actor: c.ID, From: p.Actor, Type: p.Type, About: c.about, State: store.Noted, Body: p.Raw, At: p.now,
		}}, p.record(kind, c.ID, ""))
	}
	return ops, noted
}

// block keeps the block and ends the following of who blocks, as at their own server.
func (p planner) block() ([]store.Op, outcome) {
	ops, out := p.note("block")
	for _, row := range p.followers {
		ops, out = append(ops, p.record("unfollow", row.Actor, ""), store.RemoveFollower{Actor: row.Actor, ID: row.ID}), left
	}
	return ops, out
}

// move keeps the word of a follower that it moved. Nothing follows from it: the
// new actor follows by itself.
func (p planner) move() ([]store.Op, outcome) {
	if p.Object[0].ID != p.Actor || p.urls.Owns(p.Target) {
		return nil, ignored
	}
	return p.note("move")
}

func (p planner) record(kind, local, subject string) store.Record {
	return store.Record{Entry: store.Entry{At: p.now, Actor: local, Kind: kind, Subject: subject, By: p.peer}}
}

// host returns the host of an id, with its port where it has one.
func host(id string) string {
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	return u.Host
}
