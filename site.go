package panui

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// Site is a website that speaks in the fediverse. Its methods are safe for
// concurrent use.
type Site struct {
	actors    *actor.Handler
	lists     http.Handler // of the actors: how many follow
	finger    *webfinger.Handler
	inbox     *inbox.Handler
	outbox    http.Handler
	publisher *outbox.Publisher
	deliverer *outbox.Deliverer
	moderator *inbox.Moderator
	policy    signing.Policy
	urls      actor.URLs
}

// Run delivers what is published until ctx ends, and then stops cleanly. Each
// machine of a website runs it; they share the work. It fails at once when the
// store belongs to another site: a copy of a website must not speak as the
// original. Beside that it reminds in the log, once a day, of keys of which no drill
// has shown lately that they can be restored (see actor.Profile.DrillMonths).
func (s *Site) Run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.publisher.Pin, s.publisher.Introduce, s.deliver} {
		err := step(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("panui: Run: %w", err)
		}
	}
	return nil
}

// deliver delivers, and reminds of drills as long as it does.
func (s *Site) deliver(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	var reminding sync.WaitGroup
	reminding.Go(func() { s.publisher.Remind(ctx) })
	defer reminding.Wait()
	defer end()
	return s.deliverer.Run(ctx)
}

// As returns the site in the hands of a person or system, whom the journal then
// names as the one who published, withdrew, stopped, resumed, retried or replaced a key. Without
// it that is the website, or who an item names.
func (s *Site) As(by string) *Site {
	theirs := *s
	theirs.publisher = s.publisher.As(by)
	return &theirs
}

// Publish says an item of the website: a new one becomes a post, a changed one
// an edit of its post, and one that is published as it is changes nothing. It
// never waits for another server. The error joins all that is wrong with the item.
func (s *Site) Publish(ctx context.Context, it outbox.Item) (store.Post, error) {
	return s.publisher.Publish(ctx, it)
}

// Preview renders an item without publishing it.
func (s *Site) Preview(it outbox.Item) (outbox.Preview, error) { return s.publisher.Preview(it) }

// Withdraw takes back what an actor (a handle, or empty for the first)
// published under key. Peers are asked to erase it; a tombstone stays. It fails
// with store.ErrNotFound when nothing was published.
func (s *Site) Withdraw(ctx context.Context, actor, key string) error {
	return s.publisher.Withdraw(ctx, actor, key)
}

// Receipt says how far what an actor (a handle, or empty for the first)
// published under key got.
func (s *Site) Receipt(ctx context.Context, actor, key string) (outbox.Receipt, error) {
	return s.publisher.Receipt(ctx, actor, key)
}

// Stop stops everything that leaves, at once and on every machine, until
// Resume; it survives a restart. What arrives is still recorded. It stops the
// actors with the handles, or all.
func (s *Site) Stop(ctx context.Context, actors ...string) error {
	return s.publisher.Stop(ctx, actors...)
}

// Resume lets the actors with the handles, or all, send again. What was waiting
// goes out.
func (s *Site) Resume(ctx context.Context, actors ...string) error {
	return s.publisher.Resume(ctx, actors...)
}

// RotateKey has an actor (a handle, or empty for the first) sign with the
// Profile.Next of its configuration from now on, on every machine that holds it.
// It fails while Next has been announced for less than a day, which Run does, or
// while the announcement is on its way. Afterwards make Next the Profile.Key and
// leave the old one out; see docs/security/keys.md.
func (s *Site) RotateKey(ctx context.Context, actor string) error {
	return s.publisher.RotateKey(ctx, actor)
}

// RotateKeyRiskingRefusal is RotateKey without waiting: servers that have not
// heard of the key may refuse for a while what is sent.
func (s *Site) RotateKeyRiskingRefusal(ctx context.Context, actor string) error {
	return s.publisher.RotateKeyRiskingRefusal(ctx, actor)
}

// RevokeKey replaces the key of an actor (a handle, or empty for the first) at
// once, because it is known to others or lost. The old one signs nothing more on
// any machine, is listed nowhere, and Run refuses it for ever. The replacement is
// Profile.Next when nil. Calling it again in the same way changes nothing. What other servers make of it: docs/security/keys.md.
func (s *Site) RevokeKey(ctx context.Context, actor string, replacement *signing.Key, reason string) error {
	return s.publisher.RevokeKey(ctx, actor, replacement, reason)
}

// DeadLetters lists deliveries of an actor, or of all for an empty handle, that
// were given up.
func (s *Site) DeadLetters(ctx context.Context, actor string) ([]store.Delivery, error) {
	return s.publisher.DeadLetters(ctx, actor)
}

// Retry sends dead letters again, those older than a week once: those with the
// ids, or all of an actor, or of all actors for an empty handle, when no id is given.
func (s *Site) Retry(ctx context.Context, actor string, deliveries ...int64) error {
	return s.publisher.Retry(ctx, actor, deliveries...)
}

// Keys lists every key that the site holds: what signs, what is announced or
// retired, what makes proofs, and what is of no use any more, with its size, its
// age, its last drill, whether it was revoked and what the policy says (NZISM
// 2.4.13). It prints as a table.
func (s *Site) Keys(ctx context.Context) (signing.Listing, error) {
	return s.publisher.Keys(ctx, s.policy)
}

// Moderator is where people read what arrived and decide about it.
func (s *Site) Moderator() *inbox.Moderator { return s.moderator }

// Link returns the id of the post that an actor (a handle, or empty for the
// first) published under key, for the page of the item to name:
//
//	<link rel="alternate" type="application/activity+json" href="…">
//
// It fails with store.ErrNotFound when nothing is published under key.
func (s *Site) Link(ctx context.Context, actor, key string) (string, error) {
	post, err := s.publisher.Post(ctx, actor, key)
	return post.ID, err
}

// Handler answers the site's own paths and hands every other request to
// website, which may be nil.
func (s *Site) Handler(website http.Handler) http.Handler {
	if website == nil {
		website = http.NotFoundHandler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if own := s.route(r); own != nil {
			own.ServeHTTP(w, r)
			return
		}
		website.ServeHTTP(w, r)
	})
}

// route finds who answers a request, or nil when it is the website's.
func (s *Site) route(r *http.Request) http.Handler {
	path := r.URL.EscapedPath()
	if s.finger.Serves(path) {
		return s.finger
	}
	switch kind, _ := s.urls.Route(path); kind {
	case actor.NotOurs:
		return nil
	case actor.KindInbox, actor.KindSharedInbox:
		return s.inbox
	case actor.KindActor:
		return s.actors
	case actor.KindFollowers, actor.KindFollowing:
		return s.lists
	default:
		return s.outbox
	}
}
