package faults

import (
	"context"
	"fmt"
	"slices"

	"github.com/panui/panui/store"
)

// Store is a store whose calls an Injector may fail.
type Store struct {
	inner store.Store
	in    *Injector
}

var _ store.Store = (*Store)(nil)

// Around puts the trouble of in around s.
func Around(s store.Store, in *Injector) *Store { return &Store{s, in} }

// Apply fails before its effect, or after it where the kind is Lost.
func (s *Store) Apply(ctx context.Context, ops ...store.Op) error {
	can := s.in.plan.Kind != Conflict || slices.ContainsFunc(ops, mayConflict)
	kind, struck := s.in.strikes(InStore, "Apply", can)
	if !struck {
		return s.inner.Apply(ctx, ops...)
	}
	if kind == Lost {
		if err := s.inner.Apply(ctx, ops...); err != nil {
			return err
		}
	}
	return failure("Apply", kind)
}

// mayConflict says whether an op may fail with store.ErrConflict.
func mayConflict(op store.Op) bool {
	switch op.(type) {
	case store.PinActor, store.RepinKey, store.PutPost, store.Settle, store.Decide:
		return true
	}
	return false
}

// Claim fails before its effect, or after it where the kind is Lost: then what
// was claimed is nobody's until the lease ends.
func (s *Store) Claim(ctx context.Context, q store.Claim) ([]store.Delivery, error) {
	kind, struck := s.in.strikes(InStore, "Claim", s.in.plan.Kind != Conflict)
	if !struck {
		return s.inner.Claim(ctx, q)
	}
	if kind == Lost {
		if _, err := s.inner.Claim(ctx, q); err != nil {
			return nil, err
		}
	}
	return nil, failure("Claim", kind)
}

func failure(method string, k Kind) error { return fmt.Errorf("faults: %s: %w", method, k.Err()) }

// ask is a reading call.
func ask[Query, Answer any](s *Store, method string, read func(context.Context, Query) (Answer, error), ctx context.Context, q Query) (Answer, error) {
	if kind, struck := s.in.strikes(InStore, method, s.in.plan.Kind != Conflict && s.in.plan.Kind != Lost); struck {
		var none Answer
		return none, failure(method, kind)
	}
	return read(ctx, q)
}

// Actor may fail, as all that follow.
func (s *Store) Actor(ctx context.Context, id string) (store.Actor, error) {
	return ask(s, "Actor", s.inner.Actor, ctx, id)
}

// Actors may fail.
func (s *Store) Actors(ctx context.Context) ([]store.Actor, error) {
	return ask(s, "Actors", func(ctx context.Context, _ struct{}) ([]store.Actor, error) { return s.inner.Actors(ctx) }, ctx, struct{}{})
}

// Posts may fail.
func (s *Store) Posts(ctx context.Context, q store.PostQuery) ([]store.Post, error) {
	return ask(s, "Posts", s.inner.Posts, ctx, q)
}

// CountPosts may fail.
func (s *Store) CountPosts(ctx context.Context, actor string) (int, error) {
	return ask(s, "CountPosts", s.inner.CountPosts, ctx, actor)
}

// Activity may fail.
func (s *Store) Activity(ctx context.Context, id string) (store.Activity, error) {
	return ask(s, "Activity", s.inner.Activity, ctx, id)
}

// Receipt may fail.
func (s *Store) Receipt(ctx context.Context, object string) (store.Receipt, error) {
	return ask(s, "Receipt", s.inner.Receipt, ctx, object)
}

// Deliveries may fail.
func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	return ask(s, "Deliveries", s.inner.Deliveries, ctx, q)
}

// Peer may fail.
func (s *Store) Peer(ctx context.Context, host string) (store.Peer, error) {
	return ask(s, "Peer", s.inner.Peer, ctx, host)
}

// Followers may fail.
func (s *Store) Followers(ctx context.Context, q store.FollowerQuery) ([]store.Follower, error) {
	return ask(s, "Followers", s.inner.Followers, ctx, q)
}

// CountFollowers may fail.
func (s *Store) CountFollowers(ctx context.Context, actor string) (int, error) {
	return ask(s, "CountFollowers", s.inner.CountFollowers, ctx, actor)
}

// Received may fail.
func (s *Store) Received(ctx context.Context, q store.ReceivedQuery) ([]store.Received, error) {
	return ask(s, "Received", s.inner.Received, ctx, q)
}

// Reactions may fail.
func (s *Store) Reactions(ctx context.Context, q store.ReactionQuery) ([]store.Reaction, error) {
	return ask(s, "Reactions", s.inner.Reactions, ctx, q)
}

// Counts may fail.
func (s *Store) Counts(ctx context.Context, object string) (store.Counts, error) {
	return ask(s, "Counts", s.inner.Counts, ctx, object)
}

// Journal may fail.
func (s *Store) Journal(ctx context.Context, q store.JournalQuery) ([]store.Entry, error) {
	return ask(s, "Journal", s.inner.Journal, ctx, q)
}

// Setting may fail.
func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	return ask(s, "Setting", s.inner.Setting, ctx, name)
}

// Blocks may fail.
func (s *Store) Blocks(ctx context.Context, q store.BlockQuery) ([]store.Block, error) {
	return ask(s, "Blocks", s.inner.Blocks, ctx, q)
}
