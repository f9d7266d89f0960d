package memory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/panui/panui/store"
)

// target is an inbox with how many followers wait behind it.
type target struct {
	inbox, host string
	weight      int
}

func (s *Store) followerInboxes(actor string, into map[string]target) {
	sharing := map[string]int{}
	for _, f := range s.followers.rows {
		if f.Actor == actor && f.State == store.Accepted {
			sharing[f.SharedInbox]++
		}
	}
	for _, f := range s.followers.rows {
		if f.Actor != actor || f.State != store.Accepted {
			continue
		}
		inbox := f.Inbox
		if f.SharedInbox != "" && sharing[f.SharedInbox] > 1 {
			inbox = f.SharedInbox
		}
		t := target{inbox, f.Host, into[inbox].weight + 1}
		if into[inbox].weight > 0 {
			t.host = min(t.host, into[inbox].host)
		}
		into[inbox] = t
	}
}

func (s *Store) reachedInboxes(object string, into map[string]target) {
	for _, d := range s.deliveries.rows {
		if d.Object != object || !d.tried && !d.leased {
			continue
		}
		t := target{d.Inbox, d.Host, d.Weight}
		if known, found := into[d.Inbox]; found {
			t.host, t.weight = min(t.host, known.host), max(t.weight, known.weight)
		}
		into[d.Inbox] = t
	}
}

func biggestFirst(inboxes map[string]target) []target {
	return slices.SortedFunc(maps.Values(inboxes), func(a, b target) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.inbox, b.inbox))
	})
}

// Claim looks at everything that is pending.
func (s *Store) Claim(ctx context.Context, q store.Claim) (claimed []store.Delivery, err error) {
	if err := s.enter(ctx, "claim"); err != nil {
		return nil, err
	}
	defer s.leave()
	s.undo = nil
	perHost := map[string]int{}
	for _, d := range s.claimable(q) {
		if len(claimed) == limit(q.Limit) {
			break
		}
		if q.PerHost > 0 && perHost[d.Host] >= q.PerHost {
			continue
		}
		perHost[d.Host]++
		claimed = append(claimed, s.lease(d, moment(q.Now.Add(q.Lease))))
	}
	return claimed, nil
}

func (s *Store) lease(d delivery, until time.Time) store.Delivery {
	d.Attempt++
	d.fence++
	d.tried = d.tried || d.leased
	d.leased, d.lease = true, until
	s.deliveries.put(d.ID, d)
	out := d.Delivery
	out.Fence = d.fence
	out.Body = s.activities.rows[d.Activity].Body
	return out
}

// claimable returns what may be given out now, in the order of the queue.
func (s *Store) claimable(q store.Claim) []delivery {
	now := moment(q.Now)
	first := s.firstInLine(q, now)
	var due []delivery
	for _, d := range s.deliveries.rows {
		if d.State == store.Pending && !putOff(q, now, d.Due) && !(d.leased && putOff(q, now, d.lease)) &&
			slices.Contains(q.Actors, d.Actor) && s.actors.rows[d.Actor].Stopped.IsZero() &&
			!putOff(q, now, s.peers.rows[d.Host].DownUntil) && !slices.Contains(q.Except, d.Host) &&
			first[line{d.Object, d.Inbox}] == d.ID {
			due = append(due, d)
		}
	}
	slices.SortFunc(due, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(b.Lane, a.Lane), cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.ID, b.ID))
	})
	return due
}

// putOff says whether a moment has yet to come, and is not too far away to be meant.
func putOff(q store.Claim, now, until time.Time) bool {
	return until.After(now) && (q.Longest <= 0 || !until.After(moment(q.Now.Add(q.Longest))))
}

// line is what keeps its order: the deliveries about one object to one inbox.
type line struct{ object, inbox string }

// firstInLine returns the oldest delivery of each line that is pending, or
// cancelled and still under way.
func (s *Store) firstInLine(q store.Claim, now time.Time) map[line]int64 {
	first := map[line]int64{}
	for id, d := range s.deliveries.rows {
		if d.State != store.Pending && !(d.State == store.Cancelled && d.leased && putOff(q, now, d.lease)) {
			continue
		}
		of := line{d.Object, d.Inbox}
		if first[of] == 0 || id < first[of] {
			first[of] = id
		}
	}
	return first
}
