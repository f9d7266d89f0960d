package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// inboxes lists the deliveries of an activity as "inbox weight", in their order.
func (d *db) inboxes(activity string) (all []string) {
	d.Helper()
	for _, one := range d.deliveries(store.DeliveryQuery{Activity: activity}) {
		all = append(all, fmt.Sprintf("%s %d", one.Inbox, one.Weight))
	}
	return all
}

var fanoutRules = []rule{
	{says: "followers who share an inbox get one delivery there, a single one gets it in the own inbox", test: func(d *db) {
		loner, asking, others := follows(news, "wiremu", hosts[2]), follows(news, "mere", hosts[1]), follows(alerts, "moana", hosts[1])
		loner.Follower.SharedInbox = ""
		asking.Follower.State = store.Requested
		d.do(follows(news, "mia", hosts[1]), follows(news, "aroha", hosts[0]), loner, asking, others,
			follows(news, "hemi", hosts[0]), follows(news, "ngaio", hosts[0]), toFollowers(creates(1)))
		assert.Equal(d, []string{
			shared(hosts[0]) + " 3",
			inbox("mia", hosts[1]) + " 1",
			inbox("wiremu", hosts[2]) + " 1",
		}, d.inboxes(activity(1)), "the biggest first; neither those who only asked nor those of another actor")
	}},
	{says: "a delivery says everything about its activity and inbox", test: func(d *db) {
		d.do(follows(news, "wiremu", hosts[2]), store.Fanout{Activity: creates(1), To: store.ToFollowers, Lane: store.Urgent, Due: after(time.Hour)})
		got := d.deliveries(store.DeliveryQuery{})
		require.Len(d, got, 1)
		want := store.Delivery{ID: got[0].ID, Activity: activity(1), Actor: news, Type: "Create", Object: object(1),
			Inbox: inbox("wiremu", hosts[2]), Host: hosts[2], Lane: store.Urgent, Weight: 1, State: store.Pending,
			Created: nine, Due: after(time.Hour)}
		assert.Equal(d, want, got[0])
		assert.Equal(d, creates(1), must(d.Activity(ctx, activity(1)))(d))
		claimed := d.claimOne(after(2*time.Hour), news)
		want.Attempt, want.Fence, want.Body = 1, 1, creates(1).Body
		assert.Equal(d, want, claimed)
	}},
	{says: "to many inboxes the deliveries are spread over a time, the biggest first; to few they are not", test: func(d *db) {
		spread := func(n int, due time.Time) []store.Delivery {
			d.do(store.Fanout{Activity: creates(n), To: store.ToFollowers, Due: due, Spread: time.Minute})
			return d.deliveries(store.DeliveryQuery{Activity: activity(n), Limit: 1000})
		}
		var crowd []store.Op
		for i := range store.SpreadAbove - 1 {
			lone := follows(news, fmt.Sprintf("p%03d", i), hosts[0])
			lone.Follower.SharedInbox = ""
			crowd = append(crowd, lone)
		}
		d.do(crowd...)
		d.do(follows(news, "aroha", hosts[1]), follows(news, "mere", hosts[1]))
		for _, few := range spread(1, time.Time{}) {
			require.Zero(d, few.Due, "no more than may come at once")
		}
		d.do(follows(news, "wiremu", hosts[2]))
		for n, first := range map[int]time.Time{2: nine, 3: after(time.Hour)} {
			due := time.Time{}
			if n == 3 {
				due = first
			}
			many := spread(n, due)
			require.Len(d, many, store.SpreadAbove+1)
			assert.Equal(d, shared(hosts[1]), many[0].Inbox, "the biggest first")
			for i, delivery := range many {
				require.Equal(d, first.Add(time.Duration(60_000*i/len(many))*time.Millisecond), delivery.Due, i)
			}
		}
		var early int
		for _, claimed := range d.claims(store.Claim{Actors: []string{news}, Now: nine.Add(time.Second), Lease: time.Minute, Limit: 1000}) {
			if claimed.Activity == activity(2) {
				early++
			}
		}
		assert.Equal(d, 9, early, "after a second of the minute")
	}},
	{says: "an activity is fanned out once", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), toFollowers(creates(1)))
		d.refuses(store.ErrDuplicate, toFollowers(creates(1)))
		d.do(accepts(2, "aroha", hosts[0]))
		d.refuses(store.ErrDuplicate, toFollowers(says(2, news, "Create", object(2))))
	}},
	{says: "an audience that is none fails", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]))
		require.Error(d, d.Apply(ctx, store.Fanout{Activity: creates(1)}))
		require.Error(d, d.Apply(ctx, store.Fanout{Activity: creates(1), To: 4}))
		assert.Empty(d, d.everything().Deliveries)
	}},
	{says: "an activity for nobody is kept, and its receipt counts nobody", test: func(d *db) {
		d.do(toFollowers(creates(1)))
		assert.Equal(d, creates(1), must(d.Activity(ctx, activity(1)))(d))
		assert.Equal(d, store.Receipt{}, must(d.Receipt(ctx, object(1)))(d))
	}},
	{says: "what is taken back goes to every inbox that it may have reached, whoever follows by then", test: func(d *db) {
		names := []string{"delivered", "failed", "leased", "retrying", "retriedthencancelled", "givenback", "revived"}
		for i, name := range names {
			d.do(sends(creates(1), inbox(name, hosts[i%2])))
		}
		deliveries := map[string]store.Delivery{}
		for i, one := range d.claim(nine, news) {
			deliveries[names[i]] = one
		}
		d.do(sends(creates(1), inbox("untried", hosts[0])))
		d.do(settles(deliveries["delivered"], store.Delivered), settles(deliveries["failed"], store.Failed),
			settles(deliveries["retrying"], store.Pending), settles(deliveries["retriedthencancelled"], store.Pending),
			settles(deliveries["revived"], store.Failed), store.Retry{Delivery: deliveries["revived"].ID},
			store.Settle{Delivery: deliveries["givenback"].ID, Fence: 1, Unsent: true})
		d.do(store.Cancel{Object: object(1)})
		d.do(sends(creates(2), inbox("elsewhere", hosts[0])), follows(news, "aroha", hosts[0]))
		d.do(store.Fanout{Activity: says(3, news, "Delete", object(1)), To: store.ToReached})
		assert.ElementsMatch(d, []string{
			inbox("delivered", hosts[0]) + " 1", inbox("failed", hosts[1]) + " 1", inbox("leased", hosts[0]) + " 1",
			inbox("retrying", hosts[1]) + " 1", inbox("retriedthencancelled", hosts[0]) + " 1", inbox("revived", hosts[0]) + " 1",
		}, d.inboxes(activity(3)), "not where it was given back before it was sent")
	}},
	{says: "a lease that ended unanswered may have reached its inbox, even when the next one did not", test: func(d *db) {
		d.do(sends(creates(1), inbox("aroha", hosts[0])))
		d.claimOne(nine, news)
		again := d.claimOne(after(time.Hour), news)
		d.do(store.Settle{Delivery: again.ID, Fence: again.Fence, Unsent: true}, store.Cancel{Object: object(1)})
		d.do(store.Fanout{Activity: says(2, news, "Delete", object(1)), To: store.ToReached})
		assert.Len(d, d.inboxes(activity(2)), 1)
	}},
	{says: "a joined audience has each inbox once, with the greater weight", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), follows(news, "hemi", hosts[0]), follows(news, "mia", hosts[1]), toFollowers(creates(1)))
		for _, one := range d.claim(nine, news) {
			d.do(settles(one, store.Delivered))
		}
		d.do(store.RemoveFollower{Actor: news, ID: person("mia", hosts[1])}, follows(news, "ngaio", hosts[0]), follows(news, "tane", hosts[3]))
		d.do(store.Fanout{Activity: says(2, news, "Update", object(1)), To: store.ToFollowers | store.ToReached})
		assert.Equal(d, []string{
			shared(hosts[0]) + " 3", inbox("mia", hosts[1]) + " 1", inbox("tane", hosts[3]) + " 1",
		}, d.inboxes(activity(2)))
	}},
	{says: "Send makes one delivery, to the host of the inbox", test: func(d *db) {
		d.do(store.Send{Activity: creates(1), Inbox: "https://user@Totara.Example:8443/inbox?x=/y", Lane: store.Prompt, Due: after(time.Minute)})
		got := d.deliveries(store.DeliveryQuery{})
		require.Len(d, got, 1)
		assert.Equal(d, store.Delivery{ID: got[0].ID, Activity: activity(1), Actor: news, Type: "Create", Object: object(1),
			Inbox: "https://user@Totara.Example:8443/inbox?x=/y", Host: "totara.example:8443", Lane: store.Prompt, Weight: 1,
			State: store.Pending, Created: nine, Due: after(time.Minute)}, got[0])
		assert.Equal(d, creates(1), must(d.Activity(ctx, activity(1)))(d))
	}},
	{says: "sending again makes the one delivery pending again, unless it still is", test: func(d *db) {
		d.do(sends(creates(1), inbox("aroha", hosts[0])))
		first := d.claimOne(nine, news)
		again := store.Send{Activity: creates(1), Inbox: inbox("aroha", hosts[0]), Lane: store.Urgent, Due: after(time.Hour)}
		before := d.everything()
		d.do(again)
		assert.Equal(d, before, d.everything(), "it is under lease, so pending")
		for _, as := range []store.DeliveryState{store.Delivered, store.Failed} {
			d.do(settles(first, as), again)
			got := d.deliveries(store.DeliveryQuery{})
			require.Len(d, got, 1)
			assert.Equal(d, store.Pending, got[0].State)
			assert.Equal(d, 0, got[0].Attempt)
			assert.Equal(d, store.Urgent, got[0].Lane)
			assert.Equal(d, after(time.Hour), got[0].Due)
			assert.Empty(d, d.claim(nine, news), "not before it is due")
			first = d.claimOne(after(time.Hour), news)
			assert.Equal(d, 1, first.Attempt)
		}
		d.do(store.Cancel{Object: object(1)}, again)
		assert.Equal(d, []string{"kauri.example pending"}, d.states(object(1)))
		d.refuses(store.ErrConflict, settles(first, store.Delivered))
	}},
	{says: "one activity can be sent to several inboxes", test: func(d *db) {
		d.do(sends(creates(1), inbox("aroha", hosts[0])), sends(creates(1), inbox("mia", hosts[1])))
		assert.Len(d, d.inboxes(activity(1)), 2)
	}},
	{says: "what is not public is forgotten once it is delivered, the activity with the last delivery", test: func(d *db) {
		d.do(follows(news, "mia", hosts[1]), accepts(1, "aroha", hosts[0]), accepts(2, "mia", hosts[1]))
		second := accepts(1, "aroha", hosts[0])
		second.Inbox = inbox("hemi", hosts[0])
		d.do(second)
		got := d.claim(nine, news)
		require.Len(d, got, 3)
		d.do(settles(got[0], store.Delivered), settles(got[1], store.Failed))
		assert.Equal(d, []string{"kauri.example pending"}, d.states(follow("aroha", hosts[0])))
		must(d.Activity(ctx, activity(1)))(d)
		d.do(settles(got[2], store.Delivered))
		_, err := d.Activity(ctx, activity(1))
		require.ErrorIs(d, err, store.ErrNotFound)
		must(d.Activity(ctx, activity(2)))(d)
		assert.Equal(d, []string{"rata.example failed"}, d.states(follow("mia", hosts[1])))
		d.do(accepts(1, "aroha", hosts[0]))
		assert.Len(d, d.inboxes(activity(1)), 1, "it can be said anew")
	}},
	{says: "what was said to nobody who follows is forgotten once it is given up", test: func(d *db) {
		d.do(follows(news, "mia", hosts[1]), accepts(1, "aroha", hosts[0]), accepts(2, "mia", hosts[1]))
		given := d.claim(nine, news)
		require.Len(d, given, 2)
		d.do(settles(given[0], store.Pending), settles(given[1], store.Failed))
		assert.Len(d, d.inboxes(activity(1)), 1, "it is tried again")
		assert.Len(d, d.inboxes(activity(2)), 1, "mia waits for it: a dead letter can be revived")
		d.do(settles(d.claimOne(nine, news), store.Failed))
		assert.Empty(d, d.inboxes(activity(1)))
		_, err := d.Activity(ctx, activity(1))
		require.ErrorIs(d, err, store.ErrNotFound)
		must(d.Activity(ctx, activity(2)))(d)
	}},
	{says: "what is public, or went to followers, stays when it is delivered", test: func(d *db) {
		quiet := creates(2)
		quiet.Public = false
		d.do(follows(news, "mia", hosts[1]), toFollowers(quiet), sends(creates(1), inbox("aroha", hosts[0])))
		for _, one := range d.claim(nine, news) {
			d.do(settles(one, store.Delivered))
		}
		assert.Equal(d, []string{"kauri.example delivered"}, d.states(object(1)))
		assert.Equal(d, []string{"rata.example delivered"}, d.states(object(2)))
		assert.Equal(d, quiet, must(d.Activity(ctx, activity(2)))(d))
	}},
	{says: "deliveries are found by each field, oldest first", test: func(d *db) {
		d.do(sends(creates(1), inbox("aroha", hosts[0])), sends(creates(1), inbox("mia", hosts[1])),
			sends(says(2, alerts, "Create", object(2)), inbox("aroha", hosts[0])), sends(says(3, news, "Update", object(1)), inbox("tane", hosts[3])))
		all := d.deliveries(store.DeliveryQuery{})
		d.do(settles(d.claims(store.Claim{Actors: []string{alerts}, Now: nine, Lease: time.Minute})[0], store.Failed))
		for _, c := range []struct {
			q    store.DeliveryQuery
			want []int
		}{
			{store.DeliveryQuery{}, []int{0, 1, 2, 3}},
			{store.DeliveryQuery{Actor: news}, []int{0, 1, 3}},
			{store.DeliveryQuery{Activity: activity(1)}, []int{0, 1}},
			{store.DeliveryQuery{Object: object(1)}, []int{0, 1, 3}},
			{store.DeliveryQuery{Inbox: inbox("aroha", hosts[0])}, []int{0, 2}},
			{store.DeliveryQuery{State: store.Failed}, []int{2}},
			{store.DeliveryQuery{State: store.Failed, Actor: alerts}, []int{2}},
			{store.DeliveryQuery{After: all[1].ID}, []int{2, 3}},
			{store.DeliveryQuery{Limit: 3}, []int{0, 1, 2}},
			{store.DeliveryQuery{Object: object(1), State: store.Failed}, nil},
		} {
			var want, got []int64
			for _, i := range c.want {
				want = append(want, all[i].ID)
			}
			for _, one := range must(d.Deliveries(ctx, c.q))(d) {
				got = append(got, one.ID)
				assert.Nil(d, one.Body, "only a claim carries bodies")
			}
			assert.Equal(d, want, got, "%+v", c.q)
		}
	}},
}
