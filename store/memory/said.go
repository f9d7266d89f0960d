package memory

import (
	"bytes"
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

// delivery is a delivery with what only the store knows of it.
type delivery struct {
	store.Delivery
	tried    bool      // an attempt may have reached the inbox
	forget   bool      // erased, with its activity, once delivered
	leased   bool      // claimed and not settled, though the lease may have ended
	lease    time.Time // when it ends
	answered time.Time
	fence    int // how often it was ever claimed
}

var never time.Time

// moment is a time as the store keeps it: in UTC, to the millisecond.
func moment(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// body is a copy that the caller cannot change; an empty one is nil.
func body(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

func (s *Store) putPost(p store.Post) error {
	p.Body, p.Published, p.Updated = body(p.Body), moment(p.Published), moment(p.Updated)
	old, found := s.posts.rows[p.ID]
	if p.Rev != 1 {
		if !found || old.Rev != p.Rev-1 || old.Actor != p.Actor || old.Key != p.Key || old.State != store.Live {
			return store.ErrConflict
		}
		p.Seq = old.Seq
		s.posts.put(p.ID, p)
		return nil
	}
	if found {
		return store.ErrDuplicate
	}
	for _, other := range s.posts.rows {
		if other.Actor == p.Actor && other.Key == p.Key && other.State == store.Live {
			return store.ErrConflict
		}
	}
	p.Seq = next(&s.last.post)
	s.posts.put(p.ID, p)
	return nil
}

func (s *Store) putActivity(a store.Activity) {
	a.Body, a.At = body(a.Body), moment(a.At)
	s.activities.put(a.ID, a)
}

func (s *Store) fanout(op store.Fanout) error {
	if op.To == 0 || op.To&^(store.ToFollowers|store.ToReached) != 0 {
		return fmt.Errorf("unknown audience %d", op.To)
	}
	if s.activities.has(op.Activity.ID) {
		return store.ErrDuplicate
	}
	inboxes := map[string]target{}
	if op.To&store.ToFollowers != 0 {
		s.followerInboxes(op.Activity.Actor, inboxes)
	}
	if op.To&store.ToReached != 0 {
		s.reachedInboxes(op.Activity.Object, inboxes)
	}
	s.putActivity(op.Activity)
	for i, t := range biggestFirst(inboxes) {
		s.enqueue(op.Activity, t, op.Lane, due(op, i, len(inboxes)), false)
	}
	return nil
}

// due is when the delivery at a place among all is due.
func due(op store.Fanout, place, of int) time.Time {
	if of <= store.SpreadAbove || op.Spread <= 0 {
		return op.Due
	}
	since := op.Due
	if since.IsZero() {
		since = op.Activity.At
	}
	wait := op.Spread.Milliseconds() * int64(place) / int64(of)
	return moment(since).Add(time.Duration(wait) * time.Millisecond)
}

func (s *Store) enqueue(a store.Activity, t target, lane store.Lane, due time.Time, forget bool) {
	id := next(&s.last.delivery)
	s.sent.put(pair{a.ID, t.inbox}, id)
	s.deliveries.put(id, delivery{forget: forget, answered: moment(never), Delivery: store.Delivery{
		ID: id, Activity: a.ID, Actor: a.Actor, Type: a.Type, Object: a.Object,
		Inbox: t.inbox, Host: t.host, Lane: lane, Weight: t.weight,
		State: store.Pending, Created: moment(a.At), Due: moment(due),
	}})
}

func (s *Store) send(op store.Send) error {
	if !s.activities.has(op.Activity.ID) {
		s.putActivity(op.Activity)
	}
	a := s.activities.rows[op.Activity.ID]
	if id, found := s.sent.rows[pair{a.ID, op.Inbox}]; found {
		d := s.deliveries.rows[id]
		if d.State != store.Pending {
			d.Lane = op.Lane
			s.again(d, op.Due)
		}
		return nil
	}
	a.At = op.Activity.At
	s.enqueue(a, target{op.Inbox, store.HostOf(op.Inbox), 1}, op.Lane, op.Due, !a.Public)
	return nil
}

// again makes a delivery pending with its attempts forgotten.
func (s *Store) again(d delivery, due time.Time) {
	d.tried = d.tried || d.leased
	d.State, d.Attempt, d.Due, d.leased = store.Pending, 0, moment(due), false
	s.deliveries.put(d.ID, d)
}

// cancel leaves the lease of what is under way: until it ends, or is settled,
// nothing later about the object may overtake it.
func (s *Store) cancel(op store.Cancel) error {
	for _, d := range s.deliveries.rows {
		if d.Object == op.Object && (d.State == store.Pending || d.State == store.Failed) {
			d.State = store.Cancelled
			s.deliveries.put(d.ID, d)
		}
	}
	return nil
}

func (s *Store) settle(op store.Settle) error {
	d, found := s.deliveries.rows[op.Delivery]
	if !op.Unsent && op.State != store.Pending && op.State != store.Delivered && op.State != store.Failed && op.State != store.Cancelled {
		return fmt.Errorf("a delivery cannot settle as %q", op.State)
	}
	if !found || d.fence != op.Fence || !d.leased {
		return store.ErrConflict
	}
	d.leased = false
	if op.Unsent {
		d.Attempt--
		s.deliveries.put(d.ID, d)
		return nil
	}
	if d.State != store.Cancelled || op.State == store.Delivered {
		d.State = op.State
	}
	if op.State == store.Pending {
		d.Due = moment(op.Due)
	}
	d.tried, d.Status, d.Answer, d.answered = true, op.Status, op.Answer, moment(op.At)
	s.deliveries.put(d.ID, d)
	if op.State == store.Delivered {
		s.stillThere(d.Inbox)
	}
	if d.forget && (op.State == store.Delivered || op.State != store.Pending && !s.isFollow(d.Object)) {
		s.forgetDelivery(d)
	}
	return nil
}

// stillThere clears the marks that markGone made.
func (s *Store) stillThere(inbox string) {
	for who := range s.gone.rows {
		if f := s.followers.rows[who]; f.Inbox == inbox || f.SharedInbox == inbox {
			f.Gone = moment(never)
			s.keepFollower(f)
		}
	}
}

func (s *Store) isFollow(id string) bool {
	for _, f := range s.followers.rows {
		if f.Follow == id {
			return true
		}
	}
	return false
}

// forgetDelivery erases a delivery, and its activity when it was the last of it.
func (s *Store) forgetDelivery(d delivery) {
	s.removeDelivery(d)
	for _, other := range s.deliveries.rows {
		if other.Activity == d.Activity {
			return
		}
	}
	s.activities.remove(d.Activity)
}

func (s *Store) removeDelivery(d delivery) {
	s.deliveries.remove(d.ID)
	s.sent.remove(pair{d.Activity, d.Inbox})
}

func (s *Store) retry(op store.Retry) error {
	found := false
	for _, d := range s.deliveries.rows {
		one := op.Delivery != 0 && d.ID == op.Delivery
		all := op.Delivery == 0 && d.Actor == op.Actor
		if d.State == store.Failed && (one || all) {
			s.again(d, op.Due)
			found = true
		}
	}
	if op.Delivery != 0 && !found {
		return store.ErrNotFound
	}
	return nil
}

func (s *Store) putPeer(p store.Peer) error {
	known := s.peers.rows[p.Host]
	p.Form, p.FormUntil = known.Form, known.FormUntil
	p.DownSince, p.DownUntil = moment(p.DownSince), moment(p.DownUntil)
	s.peers.put(p.Host, p)
	return nil
}

func (s *Store) putForm(op store.PutForm) error {
	p := s.peers.rows[op.Host]
	p.Host, p.Form, p.FormUntil = op.Host, op.Form, moment(op.Until)
	s.peers.put(op.Host, p)
	return nil
}
