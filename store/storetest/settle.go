package storetest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

var settleRules = []rule{
	{says: "settling keeps the answer and counts in the receipt", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		one := d.claimOne(nine, news)
		d.do(store.Settle{Delivery: one.ID, Fence: 1, State: store.Pending, Due: after(time.Hour), Status: 503, Answer: "try later", At: after(time.Second)})
		got := d.deliveries(store.DeliveryQuery{})[0]
		assert.Equal(d, store.Pending, got.State)
		assert.Equal(d, after(time.Hour), got.Due)
		assert.Equal(d, 503, got.Status)
		assert.Equal(d, "try later", got.Answer)
		assert.Equal(d, store.Receipt{Targeted: 1, Pending: 1, Last: after(time.Second)}, must(d.Receipt(ctx, object(1)))(d))
		assert.Empty(d, d.claim(after(time.Hour-time.Millisecond), news))
		one = d.claimOne(after(time.Hour), news)
		assert.Equal(d, 2, one.Attempt)
		assert.Equal(d, 503, one.Status, "the next attempt knows the last answer")
		d.do(settles(one, store.Delivered))
		got = d.deliveries(store.DeliveryQuery{})[0]
		assert.Equal(d, store.Delivered, got.State)
		assert.Equal(d, 202, got.Status)
		assert.Equal(d, after(time.Hour), got.Due, "only another try has a new time")
		assert.Empty(d, d.claim(after(time.Hour), news))
	}},
	{says: "who lost the lease cannot settle", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		slow := d.claimOne(nine, news)
		d.claimOne(after(time.Hour), news)
		d.refuses(store.ErrConflict, settles(slow, store.Delivered))
		slow.Fence = 3
		d.refuses(store.ErrConflict, settles(slow, store.Delivered))
		slow.Fence = 2
		d.do(settles(slow, store.Delivered))
	}},
	{says: "an attempt that is forgotten or given back fences for good", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		slow := d.claimOne(nine, news)
		d.do(store.Cancel{Object: object(1)}, sendsTo(1, hosts[0]))
		quick := d.claimOne(nine, news)
		assert.Equal(d, slow.Attempt, quick.Attempt)
		d.refuses(store.ErrConflict, settles(slow, store.Delivered))
		d.do(store.Settle{Delivery: quick.ID, Fence: quick.Fence, Unsent: true})
		again := d.claimOne(nine, news)
		assert.Equal(d, quick.Attempt, again.Attempt)
		d.refuses(store.ErrConflict, settles(quick, store.Delivered), settles(slow, store.Delivered))
		d.do(settles(again, store.Failed), store.Retry{Delivery: again.ID})
		d.claimOne(nine, news)
		d.refuses(store.ErrConflict, settles(again, store.Delivered))
	}},
	{says: "a lease that ended settles as long as nobody else has claimed", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		slow := d.claimOne(nine, news)
		d.do(settles(slow, store.Delivered))
		assert.Empty(d, d.claim(after(time.Hour), news))
	}},
	{says: "a delivery settles once, and only under lease", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		queued := d.deliveries(store.DeliveryQuery{})[0]
		d.refuses(store.ErrConflict, settles(queued, store.Delivered))
		one := d.claimOne(nine, news)
		for _, as := range []store.DeliveryState{store.Pending, store.Delivered} {
			d.do(settles(one, as))
			d.refuses(store.ErrConflict, settles(one, store.Failed))
			d.refuses(store.ErrConflict, store.Settle{Delivery: one.ID, Fence: one.Fence, Unsent: true})
			if as == store.Pending {
				one = d.claimOne(nine, news)
			}
		}
		one.ID += 1000
		d.refuses(store.ErrConflict, settles(one, store.Delivered))
	}},
	{says: "a delivery cannot settle as something that is no state", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		one := d.claimOne(nine, news)
		require.Error(d, d.Apply(ctx, settles(one, "")))
		require.Error(d, d.Apply(ctx, settles(one, "lost")))
		d.do(settles(one, store.Cancelled))
		assert.Equal(d, []string{"kauri.example cancelled"}, d.states(object(1)))
		assert.Empty(d, d.claim(after(time.Hour), news))
	}},
	{says: "what is given back unsent is as if it had not been claimed", test: func(d *db) {
		late := sendsTo(1, hosts[0])
		late.Due = after(time.Second)
		d.do(late)
		before := d.everything()
		one := d.claimOne(after(time.Minute), news)
		d.do(store.Settle{Delivery: one.ID, Fence: 1, Unsent: true, State: store.Failed, Status: 500, Answer: "x", At: nine})
		assert.Equal(d, before, d.everything())
		assert.Equal(d, 1, d.claimOne(after(time.Minute), news).Attempt)
	}},
	{says: "cancelling takes back what is pending about an object, under lease unless it arrives", test: func(d *db) {
		for n := range 5 {
			d.do(sends(creates(1), inbox(string(rune('a'+n)), hosts[n])))
		}
		given := d.claims(store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, Limit: 4})
		d.do(settles(given[0], store.Delivered), sendsTo(2, hosts[0]), store.Cancel{Object: object(1)})
		assert.Equal(d, []string{"kauri.example pending"}, d.states(object(2)))
		d.do(settles(given[1], store.Delivered), settles(given[2], store.Failed), store.Settle{Delivery: given[3].ID, Fence: 1, Unsent: true})
		assert.Equal(d, []string{"kauri.example delivered", "rata.example delivered", "totara.example:8443 cancelled",
			"rimu.example cancelled", "matai.example cancelled"}, d.states(object(1)))
		assert.Equal(d, numbered(2), activitiesOf(d.claim(after(time.Hour), news)))
	}},
	{says: "a cancelled delivery that asks for another try stays cancelled", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		one := d.claimOne(nine, news)
		d.do(store.Cancel{Object: object(1)}, settles(one, store.Pending))
		assert.Equal(d, []string{"kauri.example cancelled"}, d.states(object(1)))
		assert.Empty(d, d.claim(after(time.Hour), news))
		d.refuses(store.ErrConflict, settles(one, store.Delivered))
	}},
	{says: "cancelling takes back dead letters, so that nothing revives them", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]))
		one := d.claimOne(nine, news)
		d.do(settles(one, store.Failed), store.Cancel{Object: object(1)}, store.Retry{Actor: news})
		assert.Equal(d, []string{"kauri.example cancelled"}, d.states(object(1)))
		d.refuses(store.ErrNotFound, store.Retry{Delivery: one.ID})
		assert.Empty(d, d.claim(after(time.Hour), news))
	}},
	{says: "a dead letter can be revived by its id, once", test: func(d *db) {
		d.do(sendsTo(1, hosts[0]), sendsTo(2, hosts[1]))
		given := d.claim(nine, news)
		d.refuses(store.ErrNotFound, store.Retry{Delivery: given[0].ID})
		d.do(settles(given[0], store.Failed), settles(given[1], store.Failed))
		d.do(store.Retry{Delivery: given[0].ID, Due: after(time.Hour)})
		d.refuses(store.ErrNotFound, store.Retry{Delivery: given[0].ID})
		d.refuses(store.ErrNotFound, store.Retry{Delivery: 1000})
		assert.Empty(d, d.claim(nine, news))
		one := d.claimOne(after(time.Hour), news)
		assert.Equal(d, given[0].ID, one.ID)
		assert.Equal(d, 1, one.Attempt, "its attempts are forgotten")
		assert.Equal(d, after(time.Hour), one.Due)
	}},
	{says: "all dead letters of an actor can be revived, and only its own", test: func(d *db) {
		theirs := sendsTo(3, hosts[1])
		theirs.Activity.Actor = alerts
		d.do(sendsTo(1, hosts[0]), sendsTo(2, hosts[1]), theirs, sendsTo(4, hosts[2]))
		given := d.claim(nine, news, alerts)
		for _, one := range given[:3] {
			d.do(settles(one, store.Failed))
		}
		d.do(settles(given[3], store.Delivered), store.Retry{Actor: news})
		assert.Equal(d, numbered(1, 2), activitiesOf(d.claim(nine, news, alerts)))
		d.do(store.Retry{Actor: other})
	}},
	{says: "a receipt counts each inbox once, by its newest delivery", test: func(d *db) {
		names := []string{"a", "b", "c", "d"}
		for _, name := range names {
			d.do(sends(creates(1), inbox(name, hosts[0])))
		}
		for i, one := range d.claim(nine, news) {
			op := settles(one, []store.DeliveryState{store.Delivered, store.Delivered, store.Failed, store.Failed}[i])
			op.At = after(time.Duration(i) * time.Second)
			d.do(op)
		}
		assert.Equal(d, store.Receipt{Targeted: 4, Delivered: 2, Failed: 2, Last: after(3 * time.Second)}, must(d.Receipt(ctx, object(1)))(d))
		for _, name := range names[1:] {
			d.do(sends(says(2, news, "Update", object(1)), inbox(name, hosts[0])))
		}
		given := d.claims(store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, Limit: 2})
		d.do(settles(given[0], store.Failed), settles(given[1], store.Delivered))
		assert.Equal(d, store.Receipt{Targeted: 4, Delivered: 2, Pending: 1, Failed: 1, Last: after(3 * time.Second)}, must(d.Receipt(ctx, object(1)))(d))
		d.do(store.Cancel{Object: object(1)})
		assert.Equal(d, store.Receipt{Targeted: 4, Delivered: 2, Cancelled: 2, Last: after(3 * time.Second)}, must(d.Receipt(ctx, object(1)))(d))
	}},
	{says: "bodies are those of the activities, shared between their deliveries", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), follows(news, "mia", hosts[1]), toFollowers(creates(1)), sendsTo(2, hosts[2]))
		got := d.claim(nine, news)
		require.Len(d, got, 3)
		for _, one := range got {
			assert.Equal(d, must(d.Activity(ctx, one.Activity))(d).Body, one.Body)
		}
		assert.Same(d, &got[0].Body[0], &got[1].Body[0])
	}},
}
