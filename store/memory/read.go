package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/panui/panui/store"
)

const defaultLimit = 100

func limit(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return n
}

// list returns copies of the rows that are wanted, in their order, as many as limit.
func list[K comparable, V any](s *Store, ctx context.Context, doing string, t *table[K, V], want func(V) bool, order func(a, b V) int, most int) ([]V, error) {
	if err := s.enter(ctx, doing); err != nil {
		return nil, err
	}
	defer s.leave()
	var found []V
	for _, row := range t.rows {
		if want(row) {
			found = append(found, row)
		}
	}
	slices.SortFunc(found, order)
	return slices.Clip(found[:min(most, len(found))]), nil
}

func get[K comparable, V any](s *Store, ctx context.Context, doing string, t *table[K, V], key K) (row V, err error) {
	if err := s.enter(ctx, doing); err != nil {
		return row, err
	}
	defer s.leave()
	row, found := t.rows[key]
	if !found {
		return row, fmt.Errorf("memory: %s %v: %w", doing, key, store.ErrNotFound)
	}
	return row, nil
}

// is reports whether a field has the value asked for; the empty one does not restrict.
func is[T comparable](asked, value T) bool {
	var empty T
	return asked == empty || asked == value
}

func before(asked, seq int64) bool { return asked == 0 || seq < asked }
func after(asked, seq int64) bool  { return asked == 0 || seq > asked }

func (s *Store) Actor(ctx context.Context, id string) (store.Actor, error) {
	return get(s, ctx, "actor", &s.actors, id)
}

func (s *Store) Actors(ctx context.Context) ([]store.Actor, error) {
	all := func(store.Actor) bool { return true }
	byID := func(a, b store.Actor) int { return cmp.Compare(a.ID, b.ID) }
	return list(s, ctx, "actors", &s.actors, all, byID, math.MaxInt)
}

func (s *Store) Posts(ctx context.Context, q store.PostQuery) ([]store.Post, error) {
	want := func(p store.Post) bool {
		return is(q.ID, p.ID) && is(q.Actor, p.Actor) && is(q.Key, p.Key) && is(q.URL, p.URL) &&
			is(q.State, p.State) && is(q.Pinned, p.Pinned) && before(q.Before, p.Seq)
	}
	newest := func(a, b store.Post) int { return cmp.Compare(b.Seq, a.Seq) }
	return list(s, ctx, "posts", &s.posts, want, newest, limit(q.Limit))
}

func (s *Store) CountPosts(ctx context.Context, actor string) (count int, err error) {
	if err := s.enter(ctx, "count posts"); err != nil {
		return 0, err
	}
	defer s.leave()
	for _, p := range s.posts.rows {
		if p.Actor == actor && p.State == store.Live {
			count++
		}
	}
	return count, nil
}

func (s *Store) Activity(ctx context.Context, id string) (store.Activity, error) {
	return get(s, ctx, "activity", &s.activities, id)
}

func (s *Store) Receipt(ctx context.Context, object string) (store.Receipt, error) {
	if err := s.enter(ctx, "receipt"); err != nil {
		return store.Receipt{}, err
	}
	defer s.leave()
	said := false
	for _, a := range s.activities.rows {
		said = said || a.Object == object
	}
	if !said {
		return store.Receipt{}, fmt.Errorf("memory: receipt %s: %w", object, store.ErrNotFound)
	}
	return s.receipt(object), nil
}

func (s *Store) receipt(object string) store.Receipt {
	r := store.Receipt{Last: moment(never)}
	newest := map[string]delivery{}
	for id, d := range s.deliveries.rows {
		if d.Object != object {
			continue
		}
		if d.answered.After(r.Last) {
			r.Last = d.answered
		}
		if id > newest[d.Inbox].ID {
			newest[d.Inbox] = d
		}
	}
	r.Targeted = len(newest)
	count := map[store.DeliveryState]int{}
	for d := range maps.Values(newest) {
		count[d.State]++
	}
	r.Delivered, r.Pending = count[store.Delivered], count[store.Pending]
	r.Failed, r.Cancelled = count[store.Failed], count[store.Cancelled]
	return r
}

func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	want := func(d delivery) bool {
		return is(q.Actor, d.Actor) && is(q.Activity, d.Activity) && is(q.Object, d.Object) &&
			is(q.Inbox, d.Inbox) && is(q.State, d.State) && after(q.After, d.ID)
	}
	oldest := func(a, b delivery) int { return cmp.Compare(a.ID, b.ID) }
	found, err := list(s, ctx, "deliveries", &s.deliveries, want, oldest, limit(q.Limit))
	var all []store.Delivery
	for _, d := range found {
		all = append(all, d.Delivery)
	}
	return all, err
}

func (s *Store) Peer(ctx context.Context, host string) (store.Peer, error) {
	return get(s, ctx, "peer", &s.peers, host)
}

func (s *Store) Followers(ctx context.Context, q store.FollowerQuery) ([]store.Follower, error) {
	want := func(f store.Follower) bool {
		return is(q.Actor, f.Actor) && is(q.ID, f.ID) && is(q.Follow, f.Follow) && is(q.State, f.State) && after(q.After, f.Seq)
	}
	oldest := func(a, b store.Follower) int { return cmp.Compare(a.Seq, b.Seq) }
	return list(s, ctx, "followers", &s.followers, want, oldest, limit(q.Limit))
}

func (s *Store) CountFollowers(ctx context.Context, actor string) (count int, err error) {
	if err := s.enter(ctx, "count followers"); err != nil {
		return 0, err
	}
	defer s.leave()
	for _, f := range s.followers.rows {
		if f.Actor == actor && f.State == store.Accepted {
			count++
		}
	}
	return count, nil
}

func (s *Store) Received(ctx context.Context, q store.ReceivedQuery) ([]store.Received, error) {
	want := func(r store.Received) bool {
		return is(q.ID, r.ID) && is(q.Actor, r.Actor) && is(q.From, r.From) && is(q.Type, r.Type) &&
			is(q.About, r.About) && is(q.State, r.State) && before(q.Before, r.Seq) &&
			!(q.Standing && r.State == store.Retracted)
	}
	newest := func(a, b store.Received) int { return cmp.Compare(b.Seq, a.Seq) }
	found, err := list(s, ctx, "received", &s.received, want, newest, limit(q.Limit))
	for i := range found {
		if q.Bare {
			found[i].Body = nil
		}
	}
	return found, err
}

func (s *Store) Reactions(ctx context.Context, q store.ReactionQuery) ([]store.Reaction, error) {
	want := func(r store.Reaction) bool {
		return is(q.ID, r.ID) && is(q.From, r.From) && is(q.Type, r.Type) && is(q.Object, r.Object) && before(q.Before, r.Seq)
	}
	newest := func(a, b store.Reaction) int { return cmp.Compare(b.Seq, a.Seq) }
	return list(s, ctx, "reactions", &s.reactions, want, newest, limit(q.Limit))
}

func (s *Store) Counts(ctx context.Context, object string) (c store.Counts, err error) {
	if err := s.enter(ctx, "counts"); err != nil {
		return c, err
	}
	defer s.leave()
	for _, r := range s.reactions.rows {
		if r.Object == object && r.Type == "Like" {
			c.Likes++
		}
		if r.Object == object && r.Type == "Announce" {
			c.Shares++
		}
	}
	shown, held := map[string]bool{}, map[string]bool{}
	for _, r := range s.received.rows {
		if r.About == object && r.Type == "Create" {
			shown[r.ID] = shown[r.ID] || r.State == store.Shown
			held[r.ID] = held[r.ID] || r.State == store.Held
		}
	}
	c.Replies, c.Held = trues(shown), trues(held)
	return c, nil
}

func trues(of map[string]bool) (count int) {
	for _, yes := range of {
		if yes {
			count++
		}
	}
	return count
}

func (s *Store) Blocks(ctx context.Context, q store.BlockQuery) ([]store.Block, error) {
	want := func(b store.Block) bool { return is(q.Subject, b.Subject) && after(q.After, b.Seq) }
	oldest := func(a, b store.Block) int { return cmp.Compare(a.Seq, b.Seq) }
	return list(s, ctx, "blocks", &s.blocks, want, oldest, limit(q.Limit))
}

func (s *Store) Journal(ctx context.Context, q store.JournalQuery) (found []store.Entry, err error) {
	if err := s.enter(ctx, "journal"); err != nil {
		return nil, err
	}
	defer s.leave()
	for _, e := range s.journal {
		if len(found) < limit(q.Limit) && is(q.Actor, e.Actor) && is(q.Kind, e.Kind) && after(q.After, e.Seq) {
			found = append(found, e)
		}
	}
	return found, nil
}

func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	return get(s, ctx, "setting", &s.settings, name)
}
