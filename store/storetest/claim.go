package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// activitiesOf lists what was claimed by the numbers of the activities.
func activitiesOf(claimed []store.Delivery) (all []string) {
	for _, one := range claimed {
		all = append(all, one.Activity)
	}
	return all
}

func numbered(ns ...int) (all []string) {
	for _, n := range ns {
		all = append(all, activity(n))
	}
	return all
}

// sendsTo makes activity n about its own object, to a person of that name on host.
func sendsTo(n int, host string) store.Send {
	return sends(creates(n), inbox(fmt.Sprint("p", n), host))
}

var claimRules = []rule{
	{says: "Urgent goes before Prompt before Routine, then the biggest inbox, then the oldest", test: func(d *db) {
		lane := func(n int, l store.Lane) store.Send {
			op := sendsTo(n, hosts[1])
			op.Lane = l
			return op
		}
		d.do(follows(news, "aroha", hosts[0]), follows(news, "hemi", hosts[0]), lane(1, store.Routine), toFollowers(creates(2)),
			lane(3, store.Prompt), lane(4, store.Urgent), lane(5, store.Routine), lane(6, store.Prompt))
		assert.Equal(d, numbered(4, 3, 6, 2, 1, 5), activitiesOf(d.claim(nine, news)))
	}},
	{says: "the order holds over several actors", test: func(d *db) {
		a, b, c := sendsTo(1, hosts[0]), sendsTo(2, hosts[1]), sendsTo(3, hosts[2])
		b.Activity.Actor = alerts
		c.Lane = store.Urgent
		e := sendsTo(4, hosts[0])
		e.Activity.Actor, e.Lane = alerts, store.Urgent
		d.do(a, b, c, e)
		assert.Equal(d, numbered(3, 4, 1), activitiesOf(d.claims(store.Claim{Actors: []string{news, alerts, news}, Now: nine, Lease: time.Minute, Limit: 3})))
	}},
	{says: "nothing is given out before it is due", test: func(d *db) {
		late := sendsTo(1, hosts[0])
		late.Due = after(time.Hour)
		d.do(follows(alerts, "aroha", hosts[0]), late, sendsTo(2, hosts[1]),
			store.Fanout{Activity: says(3, alerts, "Create", object(3)), To: store.ToFollowers, Due: after(time.Hour)})
		first := d.claim(after(time.Hour-time.Millisecond), news, alerts)
		assert.Equal(d, numbered(2), activitiesOf(first))
		d.do(settles(first[0], store.Delivered))
		assert.Equal(d, numbered(1, 3), activitiesOf(d.claim(after(time.Hour), news, alerts)))
	}},
	{says: "a caller whose clock is behind gets nothing early, even after one whose clock is ahead", test: func(d *db) {
		late := sendsTo(1, hosts[0])
		late.Due = after(time.Hour)
		d.do(late)
		assert.Empty(d, d.claims(store.Claim{Actors: []string{alerts}, Now: after(2 * time.Hour), Lease: time.Minute}))
		assert.Empty(d, d.claims(store.Claim{Actors: []string{news}, Now: after(2 * time.Hour), Lease: time.Minute, Except: hosts}))
		assert.Empty(d, d.claim(nine, news))
	}},
	{says: "a caller whose clock is behind gets nothing for a host that is down by it", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]), store.PutPeer{Peer: store.Peer{Host: hosts[0], DownUntil: after(time.Hour)}})
		assert.Empty(d, d.claims(store.Claim{Actors: []string{news}, Now: after(2 * time.Hour), Lease: time.Minute, Except: hosts}))
		assert.Empty(d, d.claim(nine, news))
	}},
	{says: "a delivery under lease is nobody else's, until the lease ends; each claim counts an attempt", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		assert.Equal(d, 1, d.claimOne(nine, news).Attempt)
		assert.Empty(d, d.claim(after(time.Minute-time.Millisecond), news))
		assert.Equal(d, 2, d.claimOne(after(time.Minute), news).Attempt)
		assert.Equal(d, 2, d.deliveries(store.DeliveryQuery{})[0].Attempt)
	}},
	{says: "about one object, an inbox gets the next delivery when the earlier one is settled", test: func(d *db) {
		at := inbox("aroha", hosts[0])
		d.do(sends(creates(1), at), store.Send{Activity: says(2, news, "Update", object(1)), Inbox: at, Lane: store.Urgent},
			sends(says(3, news, "Delete", object(1)), at), sends(says(4, news, "Delete", object(1)), inbox("mia", hosts[1])), sends(creates(5), at))
		first := d.claim(nine, news)
		assert.Equal(d, numbered(1, 4, 5), activitiesOf(first), "others, and elsewhere, do not wait")
		assert.Empty(d, d.claim(nine, news))
		wait := settles(first[0], store.Pending)
		wait.Due = after(time.Hour)
		d.do(wait)
		assert.Empty(d, d.claim(nine, news), "the first waits for its retry")
		again := d.claim(after(time.Hour), news)
		require.Equal(d, numbered(1, 4, 5), activitiesOf(again))
		d.do(settles(again[0], store.Failed))
		second := d.claim(after(time.Hour), news)
		assert.Equal(d, numbered(2), activitiesOf(second))
		d.do(settles(second[0], store.Delivered))
		assert.Equal(d, numbered(3), activitiesOf(d.claim(after(time.Hour), news)))
	}},
	{says: "what is cancelled under lease holds up what comes after it until the lease ends", test: func(d *db) {
		at := inbox("aroha", hosts[0])
		d.do(sends(creates(1), at))
		d.claimOne(nine, news)
		d.do(store.Cancel{Object: object(1)}, store.Fanout{Activity: says(2, news, "Delete", object(1)), To: store.ToReached})
		assert.Empty(d, d.claim(after(time.Minute-time.Millisecond), news))
		assert.Equal(d, numbered(2), activitiesOf(d.claim(after(time.Minute), news)))
		assert.Equal(d, []string{"kauri.example cancelled", "kauri.example pending"}, d.states(object(1)))
	}},
	{says: "a claim has at most Limit, and PerHost for one host, of the first in the queue", test: func(d *db) {
		for n, host := range []string{hosts[0], hosts[0], hosts[0], hosts[1], hosts[1], hosts[2]} {
			d.do(sendsTo(n, host))
		}
		q := store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, PerHost: 2, Limit: 4}
		assert.Equal(d, numbered(0, 1, 3, 4), activitiesOf(d.claims(q)))
		assert.Equal(d, numbered(2, 5), activitiesOf(d.claims(q)))
	}},
	{says: "PerHost counts over all actors", test: func(d *db) {
		mine := sendsTo(2, hosts[0])
		mine.Activity.Actor = alerts
		d.do(sendsTo(1, hosts[0]), mine, sendsTo(3, hosts[1]))
		assert.Equal(d, numbered(1, 3), activitiesOf(d.claims(store.Claim{Actors: []string{alerts, news}, Now: nine, Lease: time.Minute, PerHost: 1, Limit: 2})))
	}},
	{says: "hosts in Except are left alone", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]), sendsTo(2, hosts[2]), sendsTo(3, hosts[1]))
		q := store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, Except: []string{hosts[0], hosts[2]}}
		assert.Equal(d, numbered(3), activitiesOf(d.claims(q)))
		assert.Equal(d, numbered(1, 2), activitiesOf(d.claim(nine, news)))
	}},
	{says: "a host with a long queue does not hide the others", test: func(d *db) {
		var ops []store.Op
		for n := range 1500 {
			one := sends(says(n, news, "Create", fmt.Sprint(n)), fmt.Sprintf("https://%s/%d", hosts[n%2], n))
			one.Lane = store.Prompt
			ops = append(ops, one)
		}
		d.do(ops...)
		last := sendsTo(2001, hosts[3])
		last.Activity.Actor = alerts
		down := sendsTo(2002, hosts[4])
		notMine := sendsTo(2003, hosts[2])
		notMine.Activity.Actor = other
		waiting := sends(says(2004, news, "Update", object(2001)), last.Inbox)
		d.do(last, down, notMine, waiting, store.PutPeer{Peer: store.Peer{Host: hosts[4], DownUntil: after(time.Hour)}})
		q := store.Claim{Actors: []string{news, alerts}, Now: nine, Lease: time.Minute, PerHost: 2, Limit: 10}
		assert.Equal(d, numbered(0, 1, 2, 3, 2001), activitiesOf(d.claims(q)))
		assert.Equal(d, numbered(4, 5, 6, 7), activitiesOf(d.claims(q)))
		q.Except, q.PerHost = []string{hosts[1]}, 0
		assert.Equal(d, numbered(8, 10, 12, 14, 16, 18, 20, 22, 24, 26), activitiesOf(d.claims(q)))
		q.Except = hosts[:2]
		assert.Empty(d, d.claims(q))
		q.Except, q.PerHost, q.Limit = hosts[1:2], 3, 3
		assert.Equal(d, numbered(28, 30, 32), activitiesOf(d.claims(q)))
	}},
	{says: "claims name actors: two sites on one store never take each other's deliveries", test: func(d *db) {
		theirs := sendsTo(2, hosts[0])
		theirs.Activity.Actor = other
		d.do(sendsTo(1, hosts[0]), theirs)
		assert.Empty(d, d.claim(nine))
		assert.Empty(d, d.claim(nine, alerts))
		assert.Equal(d, numbered(1), activitiesOf(d.claim(nine, news, alerts)))
		assert.Equal(d, numbered(2), activitiesOf(d.claim(nine, other)))
	}},
	{says: "nothing of a stopped actor is given out until it resumes", test: func(d *db) {
		theirs := sendsTo(2, hosts[0])
		theirs.Activity.Actor = alerts
		d.do(pin(news), pin(alerts), sendsTo(1, hosts[0]), theirs, store.Stop{Actor: news, At: nine})
		assert.Equal(d, numbered(2), activitiesOf(d.claim(nine, news, alerts)))
		assert.Empty(d, d.claim(nine, news))
		d.do(store.Resume{Actor: news})
		assert.Equal(d, numbered(1), activitiesOf(d.claim(nine, news, alerts)))
	}},
	{says: "nothing is given out for a host that is down, before or after it is queued", test: func(d *db) {
		down := store.Peer{Host: hosts[0], Failures: 3, DownSince: nine, DownUntil: after(time.Hour)}
		d.do(follows(news, "aroha", hosts[0]), follows(news, "mia", hosts[1]), toFollowers(creates(1)), store.PutPeer{Peer: down},
			toFollowers(creates(2)), sendsTo(3, hosts[0]))
		first := d.claim(nine, news)
		assert.Equal(d, numbered(1, 2), activitiesOf(first))
		assert.Equal(d, []string{hosts[1], hosts[1]}, []string{first[0].Host, first[1].Host})
		assert.Empty(d, d.claim(after(30*time.Second), news))
		d.do(settles(first[0], store.Delivered), settles(first[1], store.Delivered))
		assert.Empty(d, d.claim(after(time.Hour-time.Millisecond), news))
		down.DownUntil = after(2 * time.Hour)
		d.do(store.PutPeer{Peer: down})
		assert.Empty(d, d.claim(after(time.Hour), news), "it stayed down longer")
		d.do(store.PutPeer{Peer: store.Peer{Host: hosts[0]}})
		assert.Equal(d, numbered(1, 2, 3), activitiesOf(d.claim(after(time.Hour), news)), "it came back sooner")
	}},
	{says: "a host is up again when its time has come, without anybody saying so", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]), store.PutPeer{Peer: store.Peer{Host: hosts[0], DownUntil: after(time.Hour)}})
		assert.Empty(d, d.claim(nine, news))
		assert.Equal(d, numbered(1), activitiesOf(d.claim(after(time.Hour), news)))
	}},
	{says: "a peer going down and up changes neither leases nor what is due later", test: func(d *db) {
		late := sendsTo(2, hosts[0])
		late.Due = after(time.Hour)
		d.do(sendsTo(1, hosts[0]), late)
		d.claimOne(nine, news)
		d.do(store.PutPeer{Peer: store.Peer{Host: hosts[0], DownUntil: after(time.Second)}}, store.PutPeer{Peer: store.Peer{Host: hosts[0]}})
		assert.Empty(d, d.claim(after(30*time.Second), news))
		assert.Equal(d, numbered(1), activitiesOf(d.claim(after(time.Minute), news)))
		assert.Equal(d, numbered(1, 2), activitiesOf(d.claim(after(time.Hour), news)))
	}},
	{says: "how to sign for a peer is no reason to wait", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]), store.PutForm{Host: hosts[0], Form: "rfc9421", Until: after(time.Hour)})
		d.claimOne(nine, news)
		p := must(d.Peer(ctx, hosts[0]))(d)
		assert.Equal(d, "rfc9421", p.Form)
		assert.Equal(d, after(time.Hour), p.FormUntil)
		d.do(store.PutForm{Host: hosts[0]})
		assert.Equal(d, store.Peer{Host: hosts[0]}, must(d.Peer(ctx, hosts[0]))(d))
	}},
	{says: "how a peer is signed for is stored beside what else is remembered of it", test: func(d *db) {
		d.do(store.PutForm{Host: hosts[1], Form: "rfc9421", Until: after(time.Hour)})
		assert.Equal(d, store.Peer{Host: hosts[1], Form: "rfc9421", FormUntil: after(time.Hour)}, must(d.Peer(ctx, hosts[1]))(d))
		down := store.Peer{Host: hosts[0], Failures: 3, DownSince: nine, DownUntil: after(time.Hour)}
		d.do(sendsTo(1, hosts[0]), store.PutPeer{Peer: down}, store.PutForm{Host: hosts[0], Form: "rfc9421", Until: after(2 * time.Hour)})
		down.Form, down.FormUntil = "rfc9421", after(2*time.Hour)
		assert.Equal(d, down, must(d.Peer(ctx, hosts[0]))(d))
		assert.Empty(d, d.claim(after(time.Minute), news), "and it is down as before")
	}},
	{says: "how a peer does is stored whole, and what was learned in between of its form stays", test: func(d *db) {
		p := store.Peer{Host: hosts[0], Failures: 3, DownSince: nine, DownUntil: after(time.Hour), Form: "cavage", FormUntil: after(time.Minute)}
		d.do(store.PutPeer{Peer: p})
		p.Form, p.FormUntil = "", time.Time{}
		assert.Equal(d, p, must(d.Peer(ctx, hosts[0]))(d))
		d.do(store.PutForm{Host: hosts[0], Form: "rfc9421", Until: after(2 * time.Hour)}, store.PutPeer{Peer: store.Peer{Host: hosts[0], Failures: 1}})
		assert.Equal(d, store.Peer{Host: hosts[0], Failures: 1, Form: "rfc9421", FormUntil: after(2 * time.Hour)}, must(d.Peer(ctx, hosts[0]))(d))
		d.do(store.PutPeer{Peer: p})
		p.Form, p.FormUntil = "rfc9421", after(2*time.Hour)
		assert.Equal(d, p, must(d.Peer(ctx, hosts[0]))(d))
	}},
	{says: "what is put off for longer than anything is was put off by a wrong clock, and waits no more", test: func(d *db) {
		within := func(at time.Time, longest time.Duration) []string {
			return activitiesOf(d.claims(store.Claim{Actors: []string{news}, Now: at, Lease: time.Minute, Longest: longest}))
		}
		late := after(24 * time.Hour)
		due, leased, down := sendsTo(1, hosts[0]), sendsTo(2, hosts[1]), sendsTo(3, hosts[2])
		due.Due = late
		cancelled, next := sendsTo(4, hosts[3]), says(5, news, "Delete", object(4))
		d.do(leased, cancelled)
		for _, one := range d.claims(store.Claim{Actors: []string{news}, Now: nine, Lease: 24 * time.Hour}) {
			assert.Contains(d, numbered(2, 4), one.Activity)
		}
		d.do(due, down, store.PutPeer{Peer: store.Peer{Host: hosts[2], DownUntil: late}},
			store.Cancel{Object: object(4)}, sends(next, cancelled.Inbox))
		assert.Empty(d, within(nine, 0), "without a bound it waits")
		assert.Empty(d, within(nine, 24*time.Hour), "as what may be meant does")
		assert.ElementsMatch(d, numbered(1, 2, 3, 5), within(nine, 24*time.Hour-time.Millisecond))
		assert.Empty(d, within(nine, 24*time.Hour-time.Millisecond), "and is under lease as anything else")
	}},
	{says: "what a clock that is ahead has made ready is not too far away for one that is right", test: func(d *db) {
		late := sendsTo(1, hosts[0])
		late.Due = after(24 * time.Hour)
		d.do(late)
		assert.Empty(d, d.claims(store.Claim{Actors: []string{news}, Now: after(25 * time.Hour), Lease: time.Minute, Except: hosts}))
		assert.Empty(d, d.claim(nine, news))
		assert.Len(d, d.claims(store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, Longest: time.Hour}), 1)
	}},
}
