package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/panui/panui/store"
)

// Claim walks the queue in its order and takes what it may. Where a few hosts
// fill the queue and have had their share, it goes from host to host instead,
// so that the walk does not grow with their backlog.
func (s *Store) Claim(ctx context.Context, q store.Claim) (claimed []store.Delivery, err error) {
	err = s.write(ctx, func(c *conn) error {
		actors, err := c.sending(ctx, q.Actors)
		if err != nil || len(actors) == 0 {
			return err
		}
		if err := c.wake(ctx, q); err != nil {
			return err
		}
		ids, err := c.choose(ctx, actors, q)
		if err != nil {
			return err
		}
		claimed, err = c.lease(ctx, ids, q.Now, q.Lease)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: claim: %w", s.dialect.Name, err)
	}
	return claimed, nil
}

// sending returns those of actors that are not stopped, each once.
func (c *conn) sending(ctx context.Context, actors []string) ([]string, error) {
	if c.dialect.LockClaims != "" {
		if _, err := c.exec(ctx, c.dialect.LockClaims); err != nil {
			return nil, err
		}
	}
	running := slices.Compact(slices.Sorted(slices.Values(actors)))
	var stopped string
	drop := func() bool {
		running = slices.DeleteFunc(running, func(a string) bool { return a == stopped })
		return true
	}
	err := c.each(ctx, []any{&stopped}, drop, `SELECT id FROM actor WHERE stopped <> `+never)
	return running, err
}

// horizon is the last moment until which anything can be meant to wait.
func horizon(q store.Claim) int64 {
	if q.Longest <= 0 {
		return math.MaxInt64
	}
	return ms(q.Now.Add(q.Longest))
}

// wake makes ready what slept until now, except for hosts that are down, and what
// is to sleep longer than anything can be meant to.
func (c *conn) wake(ctx context.Context, q store.Claim) error {
	now, far := ms(q.Now), horizon(q)
	_, err := c.exec(ctx, `UPDATE delivery SET wake = (SELECT p.down_until FROM peer p WHERE p.host = delivery.host)
		WHERE state = 'pending' AND ready = 0 AND wake <= ?
			AND COALESCE((SELECT p.down_until FROM peer p WHERE p.host = delivery.host), `+never+`) > ?
			AND (SELECT p.down_until FROM peer p WHERE p.host = delivery.host) <= ?`, now, now, far)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `UPDATE delivery SET ready = 1 WHERE state = 'pending' AND ready = 0 AND wake <= ?`, now)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `UPDATE delivery SET ready = 1 WHERE state = 'pending' AND ready = 0 AND wake > ?`, far)
	return err
}

// claimable is the rule itself; ready only says where to look. It takes moments.
const claimable = `d.ready = 1 AND (d.due <= ? OR d.due > ?) AND (d.lease <= ? OR d.lease > ?)
	AND NOT EXISTS (SELECT 1 FROM peer p WHERE p.host = d.host AND p.down_until > ? AND p.down_until <= ?)
	AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.object = d.object AND e.inbox = d.inbox AND e.id < d.id
		AND (e.state = 'pending' OR e.state = 'cancelled' AND e.lease > ? AND e.lease <= ?))`

// moments are now and the horizon for each thing that may have to be waited for.
func moments(q store.Claim) []any {
	now, far := ms(q.Now), horizon(q)
	return []any{now, far, now, far, now, far, now, far}
}

// tooMany is how many rows a walk passes over before going from host to host is cheaper.
const tooMany = 500

// choose returns the ids to lease, in their order.
func (c *conn) choose(ctx context.Context, actors []string, q store.Claim) ([]int64, error) {
	busy := map[string]bool{}
	for _, host := range q.Except {
		busy[host] = true
	}
	most := limit(q.Limit)
	perHost := q.PerHost
	if perHost <= 0 {
		perHost = most
	}
	walk, args := walkQueue(actors, q)
	ids, done, err := c.pick(ctx, busy, most, perHost, tooMany, walk, args)
	if err != nil || done {
		return ids, err
	}
	hop, args := hopHosts(actors, q, perHost)
	ids, _, err = c.pick(ctx, busy, most, perHost, -1, hop, args)
	return ids, err
}

// pick takes rows of a query until it has most, and says whether it saw all it
// needed before passing over more than patience rows; less than 0 has no end.
func (c *conn) pick(ctx context.Context, busy map[string]bool, most, perHost, patience int, query string, args []any) (ids []int64, done bool, err error) {
	var id, lane, weight int64
	var host string
	taken := map[string]int{}
	passed := 0
	err = c.each(ctx, []any{&id, &host, &lane, &weight}, func() bool {
		if busy[host] || taken[host] == perHost {
			passed++
			return passed != patience
		}
		taken[host]++
		ids = append(ids, id)
		return len(ids) < most
	}, query, args...)
	return ids, passed != patience, err
}

// walkQueue reads, for each actor, the index of what is ready in its order, and
// merges them.
func walkQueue(actors []string, q store.Claim) (query string, args []any) {
	parts := make([]string, len(actors))
	for i, actor := range actors {
		parts[i] = `SELECT d.id AS id, d.host AS host, d.lane AS lane, d.weight AS weight FROM delivery d WHERE d.actor = ? AND ` + claimable
		args = append(append(args, actor), moments(q)...)
	}
	return strings.Join(parts, ` UNION ALL `) + ` ORDER BY lane DESC, weight DESC, id`, args
}

// hopHosts finds the hosts in the queue one by one, and the first few deliveries of each.
func hopHosts(actors []string, q store.Claim, perHost int) (query string, args []any) {
	for _, actor := range actors {
		args = append(args, actor)
	}
	args = append(append(args, moments(q)...), perHost)
	return `WITH RECURSIVE hosts (host) AS (
			SELECT MIN(host) FROM delivery WHERE state = 'pending'
			UNION ALL
			SELECT (SELECT MIN(q.host) FROM delivery q WHERE q.state = 'pending' AND q.host > hosts.host)
			FROM hosts WHERE hosts.host IS NOT NULL)
		SELECT f.id, f.host, f.lane, f.weight FROM hosts JOIN delivery f ON f.id IN (
			SELECT d.id FROM delivery d WHERE d.state = 'pending' AND d.host = hosts.host
				AND d.actor IN (?` + strings.Repeat(`, ?`, len(actors)-1) + `) AND ` + claimable + `
			ORDER BY d.lane DESC, d.weight DESC, d.id LIMIT ?)
		ORDER BY f.lane DESC, f.weight DESC, f.id`, args
}

// lease counts an attempt of each delivery and gives it the body of its
// activity, which is read once.
func (c *conn) lease(ctx context.Context, ids []int64, now time.Time, lease time.Duration) (claimed []store.Delivery, err error) {
	until := ms(now.Add(lease))
	said := map[int64]*store.Activity{}
	for _, id := range ids {
		var d store.Delivery
		var activity int64
		err := c.row(ctx, []any{&d.ID, &activity, &d.Actor, &d.Object, &d.Inbox, &d.Host, &d.Lane, &d.Weight, &d.State,
			&d.Attempt, moment{&d.Created}, moment{&d.Due}, &d.Status, &d.Answer, &d.Fence}, `UPDATE delivery SET
				attempt = attempt + 1, fence = fence + 1, tried = CASE WHEN lease <> `+never+` THEN 1 ELSE tried END,
				lease = ?, ready = 0, wake = ? WHERE id = ?
			RETURNING id, activity, actor, object, inbox, host, lane, weight, state, attempt, created, due, status, answer, fence`,
			until, until, id)
		if err != nil {
			return nil, err
		}
		if said[activity] == nil {
			a := new(store.Activity)
			if err := c.row(ctx, activityFields(a), `SELECT `+activityColumns+` FROM activity WHERE seq = ?`, activity); err != nil {
				return nil, err
			}
			said[activity] = a
		}
		d.Activity, d.Type, d.Body = said[activity].ID, said[activity].Type, said[activity].Body
		claimed = append(claimed, d)
	}
	return claimed, nil
}
