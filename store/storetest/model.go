package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// The last rule compares a backend with package memory, which is written plainly
// and from the same contract, over long random stories in a small world.
var modelRules = []rule{
	{says: "whatever is done, it answers as the store in memory does", test: func(d *db) {
		for seed := range uint64(6) {
			d.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				playsAlike(newDB(t, d.backend), seed, 250)
			})
		}
	}},
}

// story makes up what happens; the same seed makes up the same.
type story struct {
	*rand.Rand
	now    time.Time
	number int              // of the newest activity
	ours   []store.Delivery // claimed from the backend
	model  []store.Delivery // the same, from the model
}

func playsAlike(d *db, seed uint64, steps int) {
	model := memory.New()
	s := &story{Rand: rand.New(rand.NewPCG(seed, 1)), now: nine}
	for step := range steps {
		s.now = s.now.Add(time.Duration(s.IntN(90)) * time.Second)
		if s.IntN(3) == 0 {
			s.claim(d, model)
		} else {
			s.apply(d, model)
		}
		if step%10 == 9 || step == steps-1 {
			require.Equal(d, unnumbered(read(d.T, model)), unnumbered(d.everything()), "seed %d, step %d", seed, step)
		}
	}
}

// claim asks both for deliveries, which must be the same ones in the same order.
func (s *story) claim(d *db, model *memory.Store) {
	q := store.Claim{Now: s.now, Lease: time.Duration(30+s.IntN(120)) * time.Second, Limit: 1 + s.IntN(6), PerHost: s.IntN(4)}
	for _, actor := range []string{news, alerts, other} {
		if s.IntN(3) > 0 {
			q.Actors = append(q.Actors, actor)
		}
	}
	if s.IntN(3) == 0 {
		q.Except = []string{pick(s, hosts), pick(s, hosts)}
	}
	got, want := d.claims(q), must(model.Claim(ctx, q))(d)
	require.Equal(d, withoutIDs(want), withoutIDs(got), "%+v", q)
	s.ours, s.model = append(s.ours, got...), append(s.model, want...)
}

// apply does up to four things at once, in both, with the same outcome.
func (s *story) apply(d *db, model *memory.Store) {
	var ours, theirs []store.Op
	for range 1 + s.IntN(4) {
		a, b := s.op(d, model)
		ours, theirs = append(ours, a), append(theirs, b)
	}
	got, want := d.Apply(ctx, ours...), model.Apply(ctx, theirs...)
	require.Equal(d, kind(want), kind(got), "%#v: %v, but the model: %v", theirs, got, want)
}

// kind reduces an error to what callers choose by.
func kind(err error) error {
	for _, one := range []error{store.ErrNotFound, store.ErrDuplicate, store.ErrConflict, store.ErrBlocked} {
		if errors.Is(err, one) {
			return one
		}
	}
	if err != nil {
		return errors.New("failed")
	}
	return nil
}

func pick[T any](s *story, from []T) T { return from[s.IntN(len(from))] }

// op makes up one op: for the backend and for the model, which differ only in
// the numbers that each gave to its deliveries.
func (s *story) op(d *db, model *memory.Store) (ours, theirs store.Op) {
	switch s.IntN(10) {
	case 0, 1, 2:
		if len(s.ours) > 0 {
			return s.settle()
		}
	case 3:
		return s.retry(d, model)
	}
	made := s.make()
	return made, made
}

func (s *story) settle() (ours, theirs store.Op) {
	i := s.IntN(len(s.ours))
	if s.IntN(2) == 0 {
		i = len(s.ours) - 1
	}
	op := store.Settle{Fence: s.ours[i].Fence, State: pick(s, []store.DeliveryState{store.Pending, store.Delivered, store.Delivered, store.Failed, store.Cancelled}),
		Due: s.soon(), Status: 200 + s.IntN(300), Answer: "x", At: s.now, Unsent: s.IntN(5) == 0}
	same := op
	op.Delivery, same.Delivery = s.ours[i].ID, s.model[i].ID
	s.ours, s.model = slices.Delete(s.ours, i, i+1), slices.Delete(s.model, i, i+1)
	return op, same
}

// retry revives a delivery by its id, which need not have failed.
func (s *story) retry(d *db, model *memory.Store) (ours, theirs store.Op) {
	got := d.deliveries(store.DeliveryQuery{State: store.Failed})
	want := must(model.Deliveries(ctx, store.DeliveryQuery{State: store.Failed, Limit: everything}))(d)
	if len(got) == 0 || s.IntN(4) == 0 {
		op := store.Retry{Actor: pick(s, []string{news, alerts, ""}), Due: s.soon()}
		return op, op
	}
	require.Len(d, got, len(want))
	i, due := s.IntN(len(got)), s.soon()
	return store.Retry{Delivery: got[i].ID, Due: due}, store.Retry{Delivery: want[i].ID, Due: due}
}

func (s *story) soon() time.Time {
	if s.IntN(2) == 0 {
		return time.Time{}
	}
	return s.now.Add(time.Duration(s.IntN(300)-60) * time.Second)
}

func (s *story) says() store.Activity {
	if s.IntN(8) > 0 {
		s.number++
	}
	return store.Activity{ID: activity(s.number % 60), Actor: pick(s, []string{news, alerts, other}), Type: "Create", Object: object(s.IntN(4)),
		Body: fmt.Append(nil, s.number), Public: s.IntN(3) > 0, At: s.now}
}

// someone is one of a few remote actors, who share an inbox with others of the host or not.
func (s *story) someone() (name, host string) {
	return pick(s, []string{"aroha", "hemi", "mia", "tane"}), pick(s, hosts)
}

func (s *story) follower() store.PutFollower {
	name, host := s.someone()
	op := follows(pick(s, []string{news, alerts}), name, host)
	op.Follower.Since = s.now
	if s.IntN(4) == 0 {
		op.Follower.SharedInbox = ""
	}
	if s.IntN(4) == 0 {
		op.Follower.State = store.Requested
	}
	return op
}

// make makes up an op of any other type.
func (s *story) make() store.Op {
	name, host := s.someone()
	actor := pick(s, []string{news, alerts})
	lane, about := store.Lane(s.IntN(3)), object(s.IntN(4))
	said := reply(s.IntN(8))
	switch s.IntN(30) {
	case 0:
		return pin(actor)
	case 1:
		return store.RepinKey{Actor: actor, From: pick(s, []string{"one", "two"}), To: pick(s, []string{"one", "two"}),
			Handover: pick(s, []string{"", activity(1)}), At: s.now}
	case 2:
		return store.Stop{Actor: actor, At: s.now}
	case 3, 4:
		return store.Resume{Actor: actor}
	case 5, 6:
		p := postOf(s.IntN(4), 1+s.IntN(3))
		p.Key, p.Updated, p.Pinned = fmt.Sprint(s.IntN(3)), s.now, s.IntN(2) == 0
		p.State = pick(s, []store.PostState{store.Live, store.Live, store.Withdrawn})
		return store.PutPost{Post: p}
	case 7, 8, 9:
		return store.Fanout{Activity: s.says(), To: store.Audience(s.IntN(10)+1) % 4, Lane: lane, Due: s.soon(), Spread: time.Duration(s.IntN(2)) * time.Minute}
	case 10, 11:
		return store.Send{Activity: s.says(), Inbox: pick(s, []string{inbox(name, host), shared(host)}), Lane: lane, Due: s.soon()}
	case 12:
		a := s.says()
		a.Public, a.Object = false, follow(name, host)
		return store.Send{Activity: a, Inbox: inbox(name, host), Lane: store.Prompt}
	case 13:
		return store.Cancel{Object: about}
	case 14:
		return store.Gone{Inbox: pick(s, []string{inbox(name, host), shared(host)}), At: s.now, Before: s.now.Add(-time.Minute)}
	case 15, 16:
		p := store.Peer{Host: host, Failures: s.IntN(5)}
		if s.IntN(2) == 0 {
			p.DownSince, p.DownUntil = s.now, s.now.Add(time.Duration(s.IntN(600))*time.Second)
		}
		if s.IntN(2) == 0 {
			p.Form, p.FormUntil = "rfc9421", s.now.Add(time.Duration(s.IntN(600))*time.Second)
		}
		if s.IntN(4) == 0 {
			return store.PutForm{Host: host, Form: p.Form, Until: p.FormUntil}
		}
		return store.PutPeer{Peer: p} // which leaves its form alone
	case 17:
		return store.RemoveFollower{Actor: actor, ID: person(name, host)}
	case 18:
		return store.ForgetActor{ID: pick(s, []string{person(name, host), aroha}), At: s.now}
	case 19:
		r := replies(s.IntN(8), about)
		r.Received.Actor, r.Received.At = actor, s.now
		r.Received.State = pick(s, []store.ReceivedState{store.Held, store.Shown, store.Noted})
		return r
	case 20:
		return store.Revise{ID: said, From: aroha, Body: fmt.Append(nil, s.now), At: s.now}
	case 21:
		return store.Retract{ID: said, From: aroha, At: s.now}
	case 22:
		return store.Decide{Actor: actor, ID: said, State: pick(s, []store.ReceivedState{store.Shown, store.Refused, store.Held}), By: "Hana", At: s.now}
	case 23:
		return likes(name, host, about)
	case 24:
		return store.Unreact{From: person(name, host), Type: "Like", Object: about}
	case 25:
		return store.PutSetting{Name: pick(s, []string{"digest", "origin"}), Value: pick(s, []string{"", "a", "b"})}
	case 26:
		return store.PutBlocks{Blocks: s.blocks(), Erase: s.IntN(3) == 0}
	case 27, 28:
		return store.RemoveBlock{Subject: s.subject()}
	default:
		if s.IntN(2) == 0 {
			return notes(about)
		}
		return s.follower()
	}
}

func (s *story) blocks() (all []store.Block) {
	for n := range 1 + s.IntN(2) {
		all = append(all, store.Block{Subject: s.subject(), Reason: fmt.Sprint("rule ", n), By: "Hana", At: s.now})
	}
	return all
}

func (s *story) subject() string {
	name, host := s.someone()
	domain, _, _ := strings.Cut(host, ":")
	return pick(s, []string{domain, person(name, host)})
}

func withoutIDs(all []store.Delivery) []store.Delivery {
	all = slices.Clone(all)
	for i := range all {
		all[i].ID = 0
	}
	return all
}

// unnumbered drops the numbers that a store gives itself, whose order the lists keep.
func unnumbered(all Everything) Everything {
	all.Deliveries = withoutIDs(all.Deliveries)
	for i := range all.Posts {
		all.Posts[i].Seq = 0
	}
	for i := range all.Followers {
		all.Followers[i].Seq = 0
	}
	for i := range all.Received {
		all.Received[i].Seq = 0
	}
	for i := range all.Blocks {
		all.Blocks[i].Seq = 0
	}
	for i := range all.Reactions {
		all.Reactions[i].Seq = 0
	}
	return all
}
