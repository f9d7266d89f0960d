package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/panui/panui/store"
)

func (c *conn) putPost(ctx context.Context, p store.Post) error {
	if p.Rev != 1 {
		return c.must(ctx, store.ErrConflict, `UPDATE post
			SET url = ?, digest = ?, rev = ?, state = ?, activity = ?, body = ?, pinned = ?, published = ?, updated = ?
			WHERE id = ? AND actor = ? AND key = ? AND rev = ? AND state = 'live'`,
			p.URL, p.Digest, p.Rev, string(p.State), p.Activity, blob(p.Body), bit(p.Pinned), ms(p.Published), ms(p.Updated),
			p.ID, p.Actor, p.Key, p.Rev-1)
	}
	var known, live int
	err := c.row(ctx, []any{&known, &live}, `SELECT (SELECT COUNT(*) FROM post WHERE id = ?),
		(SELECT COUNT(*) FROM post WHERE actor = ? AND key = ? AND state = 'live')`, p.ID, p.Actor, p.Key)
	switch {
	case err != nil:
		return err
	case known > 0:
		return store.ErrDuplicate
	case live > 0:
		return store.ErrConflict
	}
	_, err = c.exec(ctx, `INSERT INTO post
		(id, actor, key, url, digest, rev, state, activity, body, pinned, published, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, p.Actor, p.Key, p.URL, p.Digest, p.Rev, string(p.State), p.Activity, blob(p.Body), bit(p.Pinned),
		ms(p.Published), ms(p.Updated))
	return err
}

// putActivity stores an activity unless its id is there, and returns its number
// and whether it is public, as stored.
func (c *conn) putActivity(ctx context.Context, a store.Activity) (seq int64, public bool, fresh bool, err error) {
	err = c.row(ctx, []any{&seq, &public}, `SELECT seq, public FROM activity WHERE id = ?`, a.ID)
	if !errors.Is(err, store.ErrNotFound) {
		return seq, public, false, err
	}
	err = c.row(ctx, []any{&seq}, `INSERT INTO activity (`+activityColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
		a.ID, a.Actor, a.Type, a.Object, blob(a.Body), bit(a.Public), ms(a.At))
	return seq, a.Public, true, err
}

// The inboxes of an audience: each as inbox, host and how many wait behind it.
const (
	toFollowers = `SELECT inbox, MIN(host) AS host, COUNT(*) AS weight FROM (
			SELECT host, CASE WHEN shared_inbox <> '' AND COUNT(*) OVER (PARTITION BY shared_inbox) > 1
				THEN shared_inbox ELSE inbox END AS inbox
			FROM follower WHERE actor = ? AND state = 'accepted') f
		GROUP BY inbox`
	toReached = `SELECT inbox, MIN(host) AS host, MAX(weight) AS weight FROM delivery
		WHERE object = ? AND (tried = 1 OR lease <> ` + never + `) GROUP BY inbox`
)

func audience(op store.Fanout) (query string, args []any, err error) {
	a := op.Activity
	switch op.To {
	case store.ToFollowers:
		return toFollowers, []any{a.Actor}, nil
	case store.ToReached:
		return toReached, []any{a.Object}, nil
	case store.ToFollowers | store.ToReached:
		return `SELECT inbox, MIN(host) AS host, MAX(weight) AS weight
			FROM (` + toFollowers + ` UNION ALL ` + toReached + `) e GROUP BY inbox`, []any{a.Actor, a.Object}, nil
	default:
		return "", nil, fmt.Errorf("unknown audience %d", op.To)
	}
}

// fanout makes all deliveries in one statement. Those that are due at once are
// ready at once, to spare the first claim waking them.
func (c *conn) fanout(ctx context.Context, op store.Fanout) error {
	inboxes, args, err := audience(op)
	if err != nil {
		return err
	}
	a := op.Activity
	seq, _, fresh, err := c.putActivity(ctx, a)
	if err != nil {
		return err
	}
	if !fresh {
		return store.ErrDuplicate
	}
	from, spread, err := c.spread(ctx, op, inboxes, args)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `INSERT INTO delivery (activity, actor, object, inbox, host, lane, weight, state,
			attempt, fence, tried, forget, created, due, lease, status, answer, answered, ready, wake)
		SELECT ?, ?, ?, t.inbox, t.host, ?, t.weight, 'pending',
			0, 0, 0, 0, ?, ? + t.wait, `+never+`, 0, '', `+never+`,
			CASE WHEN ? = 1 AND NOT EXISTS
				(SELECT 1 FROM peer p WHERE p.host = t.host AND p.down_until <> `+never+`) THEN 1 ELSE 0 END, ? + t.wait
		FROM (SELECT inbox, host, weight, `+spread+` AS wait FROM (`+inboxes+`)) t ORDER BY t.weight DESC, t.inbox`,
		append([]any{seq, a.Actor, a.Object, int(op.Lane), ms(a.At), ms(from), bit(from.IsZero()), ms(from)}, args...)...)
	return err
}

// spread returns when the first delivery is due, and how long after it each of
// the others.
func (c *conn) spread(ctx context.Context, op store.Fanout, inboxes string, args []any) (from time.Time, wait string, err error) {
	if op.Spread <= 0 {
		return op.Due, `0`, nil
	}
	n := 0
	err = c.row(ctx, []any{&n}, `SELECT COUNT(*) FROM (`+inboxes+`)`, args...)
	if err != nil || n <= store.SpreadAbove {
		return op.Due, `0`, err
	}
	from = op.Due
	if from.IsZero() {
		from = op.Activity.At
	}
	over, of := strconv.FormatInt(op.Spread.Milliseconds(), 10), strconv.Itoa(n)
	return from, over + ` * (ROW_NUMBER() OVER (ORDER BY weight DESC, inbox) - 1) / ` + of, nil
}

func (c *conn) send(ctx context.Context, op store.Send) error {
	a := op.Activity
	seq, public, _, err := c.putActivity(ctx, a)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `INSERT INTO delivery (activity, actor, object, inbox, host, lane, weight, state,
			attempt, fence, tried, forget, created, due, lease, status, answer, answered, ready, wake)
		SELECT seq, actor, object, ?, ?, ?, 1, 'pending', 0, 0, 0, ?, ?, ?, `+never+`, 0, '', `+never+`, 0, ?
			FROM activity WHERE seq = ?
		ON CONFLICT (activity, inbox) DO UPDATE SET state = 'pending', attempt = 0, lane = excluded.lane,
			tried = CASE WHEN delivery.lease <> `+never+` THEN 1 ELSE delivery.tried END,
			due = excluded.due, lease = excluded.lease, ready = 0, wake = excluded.wake
		WHERE delivery.state <> 'pending'`,
		op.Inbox, store.HostOf(op.Inbox), int(op.Lane), bit(!public), ms(a.At), ms(op.Due), ms(op.Due), seq)
	return err
}

// cancel keeps the lease of what is under way: until it ends, or is settled,
// nothing later about the object may overtake it.
func (c *conn) cancel(ctx context.Context, op store.Cancel) error {
	_, err := c.exec(ctx, `UPDATE delivery SET state = 'cancelled', ready = 0
		WHERE object = ? AND state IN ('pending', 'failed')`, op.Object)
	return err
}

func (c *conn) retry(ctx context.Context, op store.Retry) error {
	again := `UPDATE delivery SET state = 'pending', attempt = 0, due = ?, ready = 0, wake = ? WHERE state = 'failed' AND `
	if op.Delivery != 0 {
		return c.must(ctx, store.ErrNotFound, again+`id = ?`, ms(op.Due), ms(op.Due), op.Delivery)
	}
	_, err := c.exec(ctx, again+`actor = ?`, ms(op.Due), ms(op.Due), op.Actor)
	return err
}

// underLease is true of the claim that a Settle names, while nobody has claimed
// the delivery anew or settled it.
const underLease = ` WHERE id = ? AND fence = ? AND lease <> ` + never

func (c *conn) settle(ctx context.Context, op store.Settle) error {
	if op.Unsent {
		return c.must(ctx, store.ErrConflict, `UPDATE delivery
			SET attempt = attempt - 1, lease = `+never+`, ready = 0, wake = due`+underLease, op.Delivery, op.Fence)
	}
	switch op.State {
	case store.Pending, store.Delivered, store.Failed, store.Cancelled:
	default:
		return fmt.Errorf("a delivery cannot settle as %q", op.State)
	}
	var activity int64
	var object, inbox string
	var forget bool
	err := c.row(ctx, []any{&activity, &object, &inbox, &forget}, `UPDATE delivery SET
			state = CASE WHEN state = 'cancelled' AND ? <> 'delivered' THEN state ELSE ? END,
			due = CASE WHEN ? = 'pending' THEN ? ELSE due END,
			tried = 1, lease = `+never+`, status = ?, answer = ?, answered = ?, ready = 0, wake = ?`+underLease+`
		RETURNING activity, object, inbox, forget`,
		string(op.State), string(op.State), string(op.State), ms(op.Due), op.Status, op.Answer, ms(op.At), ms(op.Due),
		op.Delivery, op.Fence)
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrConflict
	}
	if err != nil || op.State == store.Pending {
		return err
	}
	if forget {
		if err := c.forgetDelivery(ctx, op.Delivery, activity, op.State, object); err != nil {
			return err
		}
	}
	if op.State != store.Delivered {
		return nil
	}
	return c.stillThere(ctx, inbox)
}

// forgetDelivery erases a delivery that is delivered, or is to nobody who follows
// by object, and its activity when it was the last of it.
func (c *conn) forgetDelivery(ctx context.Context, id, activity int64, state store.DeliveryState, object string) error {
	erased, err := c.exec(ctx, `DELETE FROM delivery WHERE id = ?
		AND (? = 'delivered' OR NOT EXISTS (SELECT 1 FROM follower WHERE follow = ?))`, id, string(state), object)
	if err != nil || erased == 0 {
		return err
	}
	_, err = c.exec(ctx, `DELETE FROM activity WHERE seq = ? AND NOT EXISTS (SELECT 1 FROM delivery WHERE activity = ?)`,
		activity, activity)
	return err
}

// putPeer also puts the deliveries for the host to sleep, where the next claim
// finds out until when.
func (c *conn) putPeer(ctx context.Context, p store.Peer) error {
	var until int64
	err := c.row(ctx, []any{&until}, `SELECT COALESCE((SELECT down_until FROM peer WHERE host = ?), `+never+`)`, p.Host)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `INSERT INTO peer (host, failures, down_since, down_until, form, form_until) VALUES (?, ?, ?, ?, '', `+never+`)
		ON CONFLICT (host) DO UPDATE SET failures = excluded.failures,
			down_since = excluded.down_since, down_until = excluded.down_until`,
		p.Host, p.Failures, ms(p.DownSince), ms(p.DownUntil))
	if err != nil || until == ms(p.DownUntil) {
		return err
	}
	_, err = c.exec(ctx, `UPDATE delivery SET ready = 0, wake = CASE WHEN lease > due THEN lease ELSE due END
		WHERE host = ? AND state = 'pending'`, p.Host)
	return err
}
