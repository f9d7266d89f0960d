package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/panui/panui/store"
)

// list collects every row of a query.
func list[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (all []T, err error) {
	var one T
	dest := fields(&one)
	err = s.read(ctx, func(c *conn) error {
		return c.each(ctx, dest, func() bool { all = append(all, one); return true }, query, args...)
	})
	if err != nil {
		return nil, s.failed("list", query, err)
	}
	return all, nil
}

// get returns the only row of a query, or store.ErrNotFound.
func get[T any](ctx context.Context, s *Store, fields func(*T) []any, query string, args ...any) (one T, err error) {
	err = s.read(ctx, func(c *conn) error { return c.row(ctx, fields(&one), query, args...) })
	if err != nil {
		var none T
		return none, s.failed("get", query, err)
	}
	return one, nil
}

// failed names the table that a query was about.
func (s *Store) failed(doing, query string, err error) error {
	_, from, _ := strings.Cut(query, " FROM ")
	table, _, _ := strings.Cut(from, " ")
	return fmt.Errorf("%s: %s %s: %w", s.dialect.Name, doing, table, err)
}

func (s *Store) Actor(ctx context.Context, id string) (store.Actor, error) {
	return get(ctx, s, actorFields, `SELECT `+actorColumns+` FROM actor WHERE id = ?`, id)
}

func (s *Store) Actors(ctx context.Context) ([]store.Actor, error) {
	return list(ctx, s, actorFields, `SELECT `+actorColumns+` FROM actor ORDER BY id`)
}

func (s *Store) Posts(ctx context.Context, q store.PostQuery) ([]store.Post, error) {
	var w where
	w.text(`id = ?`, q.ID)
	w.text(`actor = ?`, q.Actor)
	w.text(`key = ?`, q.Key)
	w.text(`url = ?`, q.URL)
	w.text(`state = ?`, string(q.State))
	if q.Pinned {
		w.add(`pinned = 1`)
	}
	w.number(`seq < ?`, q.Before)
	return list(ctx, s, postFields, `SELECT `+postColumns+` FROM post `+w.String()+` ORDER BY seq DESC LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) CountPosts(ctx context.Context, actor string) (int, error) {
	return get(ctx, s, func(n *int) []any { return []any{n} },
		`SELECT COUNT(*) FROM post WHERE actor = ? AND state = 'live'`, actor)
}

func (s *Store) Activity(ctx context.Context, id string) (store.Activity, error) {
	return get(ctx, s, activityFields, `SELECT `+activityColumns+` FROM activity WHERE id = ?`, id)
}

// Receipt looks at the newest delivery to each inbox, which the index on object,
// inbox and id finds without reading the others.
func (s *Store) Receipt(ctx context.Context, object string) (store.Receipt, error) {
	var r store.Receipt
	var known int
	fields := func(r *store.Receipt) []any {
		return []any{&known, &r.Targeted, &r.Delivered, &r.Pending, &r.Failed, &r.Cancelled, moment{&r.Last}}
	}
	r, err := get(ctx, s, fields, `SELECT
			(SELECT COUNT(*) FROM activity a WHERE a.object = ?), COUNT(*),
			COUNT(CASE WHEN d.state = 'delivered' THEN 1 END), COUNT(CASE WHEN d.state = 'pending' THEN 1 END),
			COUNT(CASE WHEN d.state = 'failed' THEN 1 END), COUNT(CASE WHEN d.state = 'cancelled' THEN 1 END),
			COALESCE((SELECT MAX(l.answered) FROM delivery l WHERE l.object = ?), `+never+`)
		FROM delivery d WHERE d.object = ? AND NOT EXISTS
			(SELECT 1 FROM delivery n WHERE n.object = d.object AND n.inbox = d.inbox AND n.id > d.id)`,
		object, object, object)
	if err == nil && known == 0 {
		return store.Receipt{}, fmt.Errorf("%s: receipt of %s: %w", s.dialect.Name, object, store.ErrNotFound)
	}
	return r, err
}

func (s *Store) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	var w where
	w.text(`d.actor = ?`, q.Actor)
	w.text(`a.id = ?`, q.Activity)
	w.text(`d.object = ?`, q.Object)
	w.text(`d.inbox = ?`, q.Inbox)
	w.text(`d.state = ?`, string(q.State))
	w.number(`d.id > ?`, q.After)
	return list(ctx, s, deliveryFields, `SELECT `+deliveryColumns+
		` FROM delivery d JOIN activity a ON a.seq = d.activity`+w.String()+` ORDER BY d.id LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) Peer(ctx context.Context, host string) (store.Peer, error) {
	return get(ctx, s, func(p *store.Peer) []any {
		return []any{&p.Host, &p.Failures, moment{&p.DownSince}, moment{&p.DownUntil}, &p.Form, moment{&p.FormUntil}}
	}, `SELECT host, failures, down_since, down_until, form, form_until FROM peer WHERE host = ?`, host)
}

func (s *Store) Followers(ctx context.Context, q store.FollowerQuery) ([]store.Follower, error) {
	var w where
	w.text(`actor = ?`, q.Actor)
	w.text(`id = ?`, q.ID)
	w.text(`follow = ?`, q.Follow)
	w.text(`state = ?`, string(q.State))
	w.number(`seq > ?`, q.After)
	return list(ctx, s, followerFields, `SELECT `+followerColumns+` FROM follower `+w.String()+` ORDER BY seq LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) CountFollowers(ctx context.Context, actor string) (int, error) {
	return get(ctx, s, func(n *int) []any { return []any{n} },
		`SELECT COUNT(*) FROM follower WHERE actor = ? AND state = 'accepted'`, actor)
}

func (s *Store) Received(ctx context.Context, q store.ReceivedQuery) ([]store.Received, error) {
	var w where
	w.text(`id = ?`, q.ID)
	w.text(`actor = ?`, q.Actor)
	w.text(`sender = ?`, q.From)
	w.text(`type = ?`, q.Type)
	w.text(`about = ?`, q.About)
	w.text(`state = ?`, string(q.State))
	w.number(`seq < ?`, q.Before)
	if q.Standing {
		w.add(`state <> 'retracted'`)
	}
	columns := receivedColumns
	if q.Bare {
		columns = strings.Replace(columns, `body`, `NULL`, 1)
	}
	return list(ctx, s, receivedFields, `SELECT `+columns+` FROM received `+w.String()+` ORDER BY seq DESC LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) Reactions(ctx context.Context, q store.ReactionQuery) ([]store.Reaction, error) {
	var w where
	w.text(`id = ?`, q.ID)
	w.text(`sender = ?`, q.From)
	w.text(`type = ?`, q.Type)
	w.text(`object = ?`, q.Object)
	w.number(`seq < ?`, q.Before)
	return list(ctx, s, reactionFields, `SELECT `+reactionColumns+` FROM reaction `+w.String()+` ORDER BY seq DESC LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) Counts(ctx context.Context, object string) (store.Counts, error) {
	return get(ctx, s, func(c *store.Counts) []any { return []any{&c.Likes, &c.Shares, &c.Replies, &c.Held} }, `SELECT
		(SELECT COUNT(*) FROM reaction WHERE object = ? AND type = 'Like'),
		(SELECT COUNT(*) FROM reaction WHERE object = ? AND type = 'Announce'),
		(SELECT COUNT(DISTINCT id) FROM received WHERE about = ? AND type = 'Create' AND state = 'shown'),
		(SELECT COUNT(DISTINCT id) FROM received WHERE about = ? AND type = 'Create' AND state = 'held')`,
		object, object, object, object)
}

func (s *Store) Blocks(ctx context.Context, q store.BlockQuery) ([]store.Block, error) {
	var w where
	w.text(`subject = ?`, q.Subject)
	w.number(`seq > ?`, q.After)
	return list(ctx, s, blockFields, `SELECT `+blockColumns+` FROM block `+w.String()+` ORDER BY seq LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) Journal(ctx context.Context, q store.JournalQuery) ([]store.Entry, error) {
	var w where
	w.text(`actor = ?`, q.Actor)
	w.text(`kind = ?`, q.Kind)
	w.number(`seq > ?`, q.After)
	return list(ctx, s, entryFields, `SELECT `+journalColumns+` FROM journal `+w.String()+` ORDER BY seq LIMIT ?`,
		append(w.args, limit(q.Limit))...)
}

func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	return get(ctx, s, func(value *string) []any { return []any{value} }, `SELECT value FROM setting WHERE name = ?`, name)
}
