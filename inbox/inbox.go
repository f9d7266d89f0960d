// Package inbox is what arrives: follows, replies, likes, reports and what
// people take back, and, where it is asked for, signed GETs. A [Handler] serves the inboxes of a site's actors; a
// [Moderator] is where people read and decide.
//
// Every request goes the same way: route, method, media type, length, a bounded
// read within a deadline, strict JSON, signature header, date window, digest,
// blocked host, key, signature, key owner is the actor, authority, policy,
// budget of the actor and its host, one Apply, 202. Whatever fails ends it there, and nothing is stored or queued
// before the signature is verified. Strangers get a status; the log gets the
// reason.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// Resolver finds remote actors; *actor.Resolver is one.
type Resolver interface {
	// Actor returns the remote actor with the id, as its own server shows it. Its
	// inboxes are ones that may be delivered to, and of one origin. An error that
	// wraps signing.ErrUnreachable says that asking again later may help.
	Actor(ctx context.Context, id string) (actor.Remote, error)
	// Forget drops what is remembered of it, its keys too.
	Forget(id string)
}

// Handler serves the inboxes of a site's actors and its shared inbox. URLs,
// Actors, Store, Verifier and Resolver are required. The fields must not change
// once it serves.
type Handler struct {
	URLs     actor.URLs
	Actors   []*actor.Local
	Store    store.Store
	Verifier *signing.Verifier // its Keys are asked once for each request at most
	Resolver Resolver

	Mode    Mode
	Policy  Policy                      // nil accepts as the mode has it
	Blocked func(id string) bool        // of a remote actor, object or inbox; nil blocks nothing. The Verifier blocks whole hosts
	Fresh   func(context.Context) error // has Blocked know what it should; called with each request, and may be nil
	Wake    func()                      // called when a delivery was enqueued; nil leaves it to the next poll

	// Proxies are the reverse proxies in front, whose X-Forwarded-For is
	// believed. Without them a request from a private address is not counted
	// against a budget: it would be everybody's.
	Proxies []netip.Prefix

	Log    *slog.Logger     // nil keeps no log
	Now    func() time.Time // nil is time.Now
	Limits limits.Limits    // zero is limits.Default

	once   sync.Once
	warn   sync.Once
	limits limits.Limits
	gate   *gate
	seen   *replays
	rooms  *rooms
	peers  *peers
}

func (h *Handler) prepare() {
	h.limits = h.Limits
	if h.limits == (limits.Limits{}) {
		h.limits = limits.Default()
	}
	h.gate = newGate(h.limits, h.Proxies)
	h.seen = newReplays(h.limits.CacheEntries)
	h.rooms = newRooms(h.limits.CacheEntries)
	h.peers = newPeers(h.limits)
}

// ServeHTTP answers 202 to what was taken, whether or not it had an effect, and
// otherwise a status with no word about why.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.prepare)
	defer h.survive(w, r)
	if refusal := h.serve(w, r, h.limitTime(w)); refusal != nil {
		h.turnAway(w, r, refusal)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// survive turns a panic into a 500 for this one request.
func (h *Handler) survive(w http.ResponseWriter, r *http.Request) {
	broken := recover()
	if broken == nil {
		return
	}
	h.turnAway(w, r, refuse(panicked, fmt.Errorf("%v at %s", broken, debug.Stack())))
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, limited bool) *signing.Refusal {
	if refusal := h.admissible(r); refusal != nil {
		return refusal
	}
	visit, refusal := h.gate.enter(r, h.now())
	if refusal != nil {
		return refusal
	}
	defer visit.leave()
	if h.Fresh != nil {
		if err := h.Fresh(r.Context()); err != nil {
			return refuse(storeFailed, err)
		}
	}
	verified, activity, refusal := h.hear(w, r, visit, limited)
	switch {
	case refusal == nil:
		return h.take(r.Context(), verified, activity)
	case errors.Is(refusal, errNothingKept), activity.Type == "Delete" && errors.Is(refusal, actor.ErrGone):
		return nil
	}
	visit.charge()
	return refusal
}

// hear reads an activity strictly and proves who sent it.
func (h *Handler) hear(w http.ResponseWriter, r *http.Request, visit *visit, limited bool) (v signing.Verified, a as2.Activity, _ *signing.Refusal) {
	body, refusal := h.read(w, r, limited)
	if refusal == nil {
		refusal = visit.work(r.Context())
	}
	if refusal != nil {
		return v, a, refusal
	}
	a, err := as2.ReadActivity(body, h.limits)
	if err != nil {
		return v, a, refuse(jsonRefused, err)
	}
	v, refusal = h.verify(r, body, a, visit)
	return v, a, refusal
}

func (h *Handler) verify(r *http.Request, body []byte, a as2.Activity, visit *visit) (signing.Verified, *signing.Refusal) {
	verifier := *h.Verifier
	verifier.Keys = keysFor{h.Verifier.Keys, h, a, visit}
	verified, err := verifier.Verify(r.Context(), r, body)
	if err == nil {
		return verified, nil
	}
	var refusal *signing.Refusal
	if errors.As(err, &refusal) {
		return verified, refusal
	}
	return verified, refuse(verifierBroken, err)
}

// errNothingKept says that who deletes something left nothing here to delete.
var errNothingKept = errors.New("nothing is kept of this actor")

// keysFor finds the keys for one activity. For a Delete that can concern nothing
// here it asks nobody: servers tell the whole network of every account that
// closes, when its key is gone already.
type keysFor struct {
	signing.Keys
	h *Handler
	as2.Activity
	visit *visit
}

func (k keysFor) PublicKey(ctx context.Context, keyID string, renew bool) (signing.PublicKey, error) {
	if k.Type == "Delete" {
		kept, err := k.h.keeps(ctx, k.Actor, k.Object[0].ID)
		if err != nil {
			return signing.PublicKey{}, fmt.Errorf("%w: %w", signing.ErrUnreachable, err)
		}
		if !kept {
			return signing.PublicKey{}, errNothingKept
		}
	}
	return k.ask(ctx, keyID, renew)
}

// ask lets others work meanwhile: a server that answers slowly must not keep
// everybody else's requests waiting.
func (k keysFor) ask(ctx context.Context, keyID string, renew bool) (signing.PublicKey, error) {
	k.visit.rest()
	key, err := k.Keys.PublicKey(ctx, keyID, renew)
	if busy := k.visit.work(ctx); busy != nil {
		return signing.PublicKey{}, fmt.Errorf("%w: %w", signing.ErrUnreachable, busy)
	}
	return key, err
}

// take gives a verified activity its effect, once.
func (h *Handler) take(ctx context.Context, v signing.Verified, a as2.Activity) *signing.Refusal {
	if refusal := identify(v, a, h.URLs); refusal != nil {
		return refusal
	}
	if h.shutsOut(a) {
		return refuse(actorBlocked, nil)
	}
	remote, refusal := h.asking(ctx, a)
	if refusal != nil {
		return refusal
	}
	defer h.seen.turn(v.Actor())()
	if h.seen.has(v.Mark()) {
		h.tell(ctx, a, repeated)
		return nil
	}
	out, refusal := h.settle(ctx, v, a, remote)
	if refusal != nil {
		return refusal
	}
	h.seen.add(v.Mark())
	switch out {
	case renewed, forgotten:
		h.Resolver.Forget(v.Actor())
	case early:
		h.seen.tookBack(v.Actor(), a.Object[0].ID)
	}
	h.tell(ctx, a, out)
	return nil
}

// asking finds who asks to follow, where the document may have to be fetched.
func (h *Handler) asking(ctx context.Context, a as2.Activity) (actor.Remote, *signing.Refusal) {
	if a.Type != "Follow" || h.actor(a.Object[0].ID) == nil {
		return actor.Remote{}, nil
	}
	remote, err := h.Resolver.Actor(ctx, a.Actor)
	switch {
	case errors.Is(err, signing.ErrUnreachable):
		return remote, refuse(actorUnreachable, err)
	case err != nil:
		return remote, refuse(actorUnusable, err)
	}
	return remote, nil
}

// retries is how often a decision is made anew when the store changed meanwhile.
const retries = 3

func (h *Handler) settle(ctx context.Context, v signing.Verified, a as2.Activity, remote actor.Remote) (outcome, *signing.Refusal) {
	var err error
	for range retries {
		var out outcome
		var refusal *signing.Refusal
		if out, refusal, err = h.decide(ctx, v, a, remote); err == nil || refusal != nil {
			return out, refusal
		}
		if errors.Is(err, store.ErrBlocked) { // by another machine, just now
			return "", refuse(actorBlocked, err)
		}
		if !stale(err) {
			break
		}
	}
	return "", refuse(storeFailed, err)
}

// decide looks up the facts, asks who may have a say, plans and applies.
func (h *Handler) decide(ctx context.Context, v signing.Verified, a as2.Activity, remote actor.Remote) (outcome, *signing.Refusal, error) {
	f, err := h.facts(ctx, a, remote)
	if err != nil {
		return "", nil, err
	}
	if refusal := authorise(v, a, f); refusal != nil {
		return "", refusal, nil
	}
	if len(f.concerns) > 0 || len(f.received) > 0 {
		f.verdict, f.reason = h.Policy.judge(ctx, a, h.limits)
	}
	ops, out, err := plan(v, a, f)
	if err != nil || len(ops) == 0 {
		return out, nil, err
	}
	if h.peers.spent(a, f.now) {
		return "", refuse(peerBudgetUsed, nil), nil
	}
	writing, cancel := context.WithTimeout(ctx, h.limits.StoreTimeout)
	defer cancel()
	if err := h.Store.Apply(writing, ops...); err != nil {
		return "", nil, err
	}
	h.peers.charge(a, f.now)
	if h.Wake != nil && slices.ContainsFunc(ops, isSend) {
		h.Wake()
	}
	return out, nil, nil
}

func isSend(op store.Op) bool {
	_, ok := op.(store.Send)
	return ok
}

// shutsOut says whether an activity must not have an effect whatever is stored,
// since it names somebody who is blocked.
func (h *Handler) shutsOut(a as2.Activity) bool {
	demands := func(d demand) bool { return d.code == actorBlocked }
	return slices.ContainsFunc(authority[a.Type], demands) && h.blocks(a, actor.Remote{})
}

// blocks says whether the actor is blocked, its inbox, or something that it names.
func (h *Handler) blocks(a as2.Activity, remote actor.Remote) bool {
	if h.Blocked == nil {
		return false
	}
	ids := []string{a.Actor, a.Target, remote.Inbox}
	for _, ref := range a.Object {
		ids = append(ids, ref.ID)
		if ref.Object != nil {
			ids = append(ids, ref.Object.AttributedTo, ref.Object.Actor, ref.Object.InReplyTo)
		}
	}
	return slices.ContainsFunc(ids, func(id string) bool { return id != "" && !h.URLs.Owns(id) && h.Blocked(id) })
}

// actor returns the actor of ours with the id, or nil.
func (h *Handler) actor(id string) *actor.Local {
	i := slices.IndexFunc(h.Actors, func(l *actor.Local) bool { return l.ID == id })
	if i < 0 {
		return nil
	}
	return h.Actors[i]
}

func (h *Handler) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}
