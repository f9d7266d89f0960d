package memory

import (
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

func (s *Store) putFollower(f store.Follower) error {
	if s.blocked(f.ID) || s.blocked(f.Inbox) {
		return store.ErrBlocked
	}
	f.Since, f.Gone = moment(f.Since), moment(f.Gone)
	old, found := s.followers.rows[pair{f.Actor, f.ID}]
	switch {
	case !found && f.Seq != 0:
		return store.ErrNotFound
	case !found:
		f.Seq = next(&s.last.follower)
	default:
		if old.Follow != f.Follow {
			s.forgetAnswers(old)
		}
		f.Seq, f.Since = old.Seq, old.Since
	}
	s.keepFollower(f)
	return nil
}

// keepFollower stores f and whether it is marked as gone.
func (s *Store) keepFollower(f store.Follower) {
	who := pair{f.Actor, f.ID}
	s.followers.put(who, f)
	if f.Gone.IsZero() {
		s.gone.remove(who)
	} else {
		s.gone.put(who, true)
	}
}

func (s *Store) removeFollower(who pair) error {
	f, found := s.followers.rows[who]
	if !found {
		return nil
	}
	s.forgetAnswers(f)
	s.followers.remove(who)
	s.gone.remove(who)
	return nil
}

// forgetAnswers erases what was said to a follower alone.
func (s *Store) forgetAnswers(f store.Follower) {
	for _, d := range s.deliveries.rows {
		if s.saidAloneTo(f, d.Activity) {
			s.removeDelivery(d)
		}
	}
	for id := range s.activities.rows {
		if s.saidAloneTo(f, id) {
			s.activities.remove(id)
		}
	}
}

func (s *Store) saidAloneTo(f store.Follower, activity string) bool {
	a := s.activities.rows[activity]
	return !a.Public && a.Object == f.Follow && a.Actor == f.Actor
}

func (s *Store) markGone(op store.Gone) error {
	for who, f := range s.followers.rows {
		if f.Inbox != op.Inbox && f.SharedInbox != op.Inbox {
			continue
		}
		if f.Gone.IsZero() {
			f.Gone = moment(op.At)
			s.keepFollower(f)
		} else if f.Gone.Before(moment(op.Before)) {
			s.removeFollower(who)
		}
	}
	return nil
}

func (s *Store) forgetActor(op store.ForgetActor) error {
	for who := range s.followers.rows {
		if who.theirs == op.ID {
			s.removeFollower(who)
		}
	}
	for key, r := range s.reactions.rows {
		if r.From == op.ID {
			s.reactions.remove(key)
		}
	}
	for _, r := range s.received.rows {
		if r.From == op.ID {
			s.takeDown(r, op.At)
		}
	}
	return nil
}

func (s *Store) receive(r store.Received) error {
	key := pair{r.Actor, r.ID}
	if s.blocked(r.From) {
		return store.ErrBlocked
	}
	if s.received.has(key) {
		return store.ErrDuplicate
	}
	r.Seq, r.Body = next(&s.last.received), body(r.Body)
	r.At, r.Updated, r.Decided = moment(r.At), moment(r.Updated), moment(r.Decided)
	s.received.put(key, r)
	return nil
}

func (s *Store) revise(op store.Revise) error {
	if s.blocked(op.From) {
		return store.ErrBlocked
	}
	err := store.ErrNotFound
	for key, r := range s.received.rows {
		if r.ID != op.ID || r.From != op.From || r.State == store.Retracted {
			continue
		}
		if r.State != store.Noted {
			r.State, r.By, r.Reason, r.Decided = store.Held, "", "", moment(never)
		}
		r.Body, r.Updated = body(op.Body), moment(op.At)
		s.received.put(key, r)
		err = nil
	}
	return err
}

func (s *Store) retract(op store.Retract) error {
	for _, r := range s.received.rows {
		if r.ID == op.ID && r.From == op.From {
			s.takeDown(r, op.At)
		}
	}
	return nil
}

func (s *Store) takeDown(r store.Received, at time.Time) {
	if r.State == store.Retracted {
		return
	}
	r.State, r.Body, r.Updated = store.Retracted, nil, moment(at)
	s.received.put(pair{r.Actor, r.ID}, r)
}

func (s *Store) decide(op store.Decide) error {
	if op.State != store.Shown && op.State != store.Refused && op.State != store.Held {
		return fmt.Errorf("a person cannot decide %q", op.State)
	}
	key := pair{op.Actor, op.ID}
	r, found := s.received.rows[key]
	if !found {
		return store.ErrNotFound
	}
	seen := r.At
	if !r.Updated.IsZero() {
		seen = r.Updated
	}
	if r.State == store.Retracted || !op.Seen.IsZero() && !moment(op.Seen).Equal(seen) {
		return store.ErrConflict
	}
	r.State, r.By, r.Reason, r.Decided = op.State, op.By, op.Reason, moment(op.At)
	s.received.put(key, r)
	return nil
}

func (s *Store) react(r store.Reaction) error {
	key := reaction{r.From, r.Type, r.Object}
	if s.blocked(r.From) {
		return store.ErrBlocked
	}
	if s.reactions.has(key) {
		return nil
	}
	r.Seq, r.At = next(&s.last.reaction), moment(r.At)
	s.reactions.put(key, r)
	return nil
}
