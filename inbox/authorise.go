package inbox

import (
	"net/url"
	"slices"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
)

// authority says who may say what about which id: for each type of activity the
// demands that it must meet, besides those that every activity must. It is the
// only place that decides this, and it compares whole ids. Activities of other
// types have no effect here, so nothing more is asked of them.
var authority = map[string][]demand{
	"Follow":   {welcome, asksOneOfUs, reachable},
	"Create":   {welcome, sparesOurs, authored, owned},
	"Update":   {welcome, sparesOurs, authored, owned},
	"Delete":   {sparesOurs, owned},
	"Undo":     {sparesOurs, undoesItsOwn, owned},
	"Like":     {welcome},
	"Announce": {welcome},
	"Flag":     {welcome},
	"Block":    {},
	"Move":     {welcome, sparesOurs},
}

// always is what every activity must meet.
var always = []demand{foreign, speaksForItself, namesItsOwn}

// A demand is something that must hold between who signed and what is named.
type demand struct {
	code  string // the reason when it does not
	holds func(claim) bool
}

// A claim is an activity with who signed it and what we know about the ids in it.
type claim struct {
	speaker string
	as2.Activity
	facts
}

var (
	// foreign: none of our own actors speaks to us over the network.
	foreign = demand{actorOurs, func(c claim) bool {
		return !c.urls.Owns(c.speaker)
	}}
	// speaksForItself: the owner of the key is the actor. A forwarded activity is not taken.
	speaksForItself = demand{actorNotSigner, func(c claim) bool {
		return c.Actor == c.speaker
	}}
	// namesItsOwn: the activity has an id of the actor's origin.
	namesItsOwn = demand{idElsewhere, func(c claim) bool {
		return sameOrigin(c.ID, c.speaker)
	}}
	// welcome: neither the actor nor anything it names is blocked. Who is blocked may
	// still leave and take back.
	welcome = demand{actorBlocked, func(c claim) bool {
		return !c.blocked
	}}
	// sparesOurs: nothing that is ours is changed from outside.
	sparesOurs = demand{objectOurs, func(c claim) bool {
		return !slices.ContainsFunc(c.Object, func(r as2.Ref) bool { return c.urls.Owns(r.ID) })
	}}
	// authored: what is said is the actor's own, or is the actor. A bare id says nothing.
	authored = demand{objectOfAnother, func(c claim) bool {
		object := c.object()
		return object == nil || object.ID == c.speaker ||
			object.AttributedTo == c.speaker && sameOrigin(object.ID, c.speaker)
	}}
	// owned: what we hold under the ids that are named is the actor's.
	owned = demand{storedOfAnother, func(c claim) bool {
		return !slices.ContainsFunc(c.stored(), func(row stored) bool { return row.by != c.speaker })
	}}
	// undoesItsOwn: the activity that is undone names the same actor, where it names one.
	undoesItsOwn = demand{undoOfAnother, func(c claim) bool {
		object := c.object()
		return object == nil || object.Actor == "" || object.Actor == c.speaker
	}}
	// asksOneOfUs: the one to be followed is an actor here.
	asksOneOfUs = demand{noSuchActor, func(c claim) bool {
		return len(c.concerns) == 1
	}}
	// reachable: the follower has an inbox, and it is not ours.
	reachable = demand{actorUnusable, func(c claim) bool {
		return c.remote.ID == c.speaker && c.remote.Inbox != "" && !c.urls.Owns(c.remote.Inbox)
	}}
)

// identify says why an activity is not its signer's own, or nil. It needs no facts.
func identify(v signing.Verified, a as2.Activity, urls actor.URLs) *signing.Refusal {
	return claim{v.Actor(), a, facts{urls: urls}}.meets(always)
}

// authorise says why an activity must not have an effect, or nil.
func authorise(v signing.Verified, a as2.Activity, f facts) *signing.Refusal {
	if refusal := identify(v, a, f.urls); refusal != nil {
		return refusal
	}
	return claim{v.Actor(), a, f}.meets(authority[a.Type])
}

func (c claim) meets(demands []demand) *signing.Refusal {
	for _, d := range demands {
		if !d.holds(c) {
			return refuse(d.code, nil)
		}
	}
	return nil
}

// object is what the activity carries, or nil for a bare id.
func (c claim) object() *as2.Object {
	if len(c.Object) == 0 {
		return nil
	}
	return c.Object[0].Object
}

// sameOrigin compares scheme, host and port as they are written.
func sameOrigin(a, b string) bool {
	first, err := url.Parse(a)
	if err != nil {
		return false
	}
	second, err := url.Parse(b)
	return err == nil && first.Host != "" && first.Scheme == second.Scheme && first.Host == second.Host
}
