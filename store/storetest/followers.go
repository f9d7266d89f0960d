package storetest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// names lists the ids of the followers that match, oldest first.
func (d *db) names(q store.FollowerQuery) (all []string) {
	d.Helper()
	for _, f := range must(d.Followers(ctx, q))(d) {
		all = append(all, f.ID)
	}
	return all
}

var followerRules = []rule{
	{says: "a follower is kept whole; putting it again keeps its number and since when", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), follows(news, "mia", hosts[1]))
		before := must(d.Followers(ctx, store.FollowerQuery{ID: person("aroha", hosts[0])}))(d)
		require.Len(d, before, 1)
		want := follows(news, "aroha", hosts[0]).Follower
		want.Seq = before[0].Seq
		assert.Equal(d, want, before[0])
		moved := store.Follower{Actor: news, ID: want.ID, Inbox: "i", SharedInbox: "s", Host: "h", Follow: "f",
			State: store.Requested, Since: after(time.Hour), Gone: after(time.Hour)}
		d.do(store.PutFollower{Follower: moved})
		moved.Seq, moved.Since = want.Seq, nine
		assert.Equal(d, []store.Follower{moved}, must(d.Followers(ctx, store.FollowerQuery{ID: want.ID}))(d))
		assert.Equal(d, []string{person("aroha", hosts[0]), person("mia", hosts[1])}, d.names(store.FollowerQuery{}))
	}},
	{says: "who comes back after leaving is the newest", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), follows(news, "mia", hosts[1]))
		last := must(d.Followers(ctx, store.FollowerQuery{}))(d)[1].Seq
		d.do(store.RemoveFollower{Actor: news, ID: person("mia", hosts[1])}, follows(news, "mia", hosts[1]))
		assert.Equal(d, []string{person("mia", hosts[1])}, d.names(store.FollowerQuery{After: last}))
	}},
	{says: "followers are found by each field, oldest first, and counted when accepted", test: func(d *db) {
		asking := follows(news, "hemi", hosts[0])
		asking.Follower.State = store.Requested
		d.do(follows(news, "aroha", hosts[0]), asking, follows(alerts, "aroha", hosts[0]), follows(news, "mia", hosts[1]))
		all := must(d.Followers(ctx, store.FollowerQuery{}))(d)
		require.Len(d, all, 4)
		for _, c := range []struct {
			q    store.FollowerQuery
			want []int
		}{
			{store.FollowerQuery{Actor: news}, []int{0, 1, 3}},
			{store.FollowerQuery{ID: all[0].ID}, []int{0, 2}},
			{store.FollowerQuery{Follow: all[3].Follow}, []int{3}},
			{store.FollowerQuery{State: store.Requested}, []int{1}},
			{store.FollowerQuery{State: store.Accepted}, []int{0, 2, 3}},
			{store.FollowerQuery{After: all[1].Seq}, []int{2, 3}},
			{store.FollowerQuery{Limit: 2}, []int{0, 1}},
			{store.FollowerQuery{Actor: alerts, State: store.Requested}, nil},
		} {
			var want []store.Follower
			for _, i := range c.want {
				want = append(want, all[i])
			}
			assert.Equal(d, want, must(d.Followers(ctx, c.q))(d), "%+v", c.q)
		}
		assert.Equal(d, 2, must(d.CountFollowers(ctx, news))(d))
		assert.Equal(d, 1, must(d.CountFollowers(ctx, alerts))(d))
		assert.Equal(d, 0, must(d.CountFollowers(ctx, other))(d))
	}},
	{says: "pages show everybody who stays once, while others come and go", test: func(d *db) {
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			d.do(follows(news, name, hosts[0]))
		}
		var seen []string
		page := store.FollowerQuery{Actor: news, Limit: 2}
		for turn := 0; ; turn++ {
			got := must(d.Followers(ctx, page))(d)
			if len(got) == 0 {
				break
			}
			for _, f := range got {
				seen = append(seen, f.ID)
			}
			page.After = got[len(got)-1].Seq
			if turn == 0 {
				d.do(store.RemoveFollower{Actor: news, ID: person("a", hosts[0])}, store.RemoveFollower{Actor: news, ID: person("d", hosts[0])},
					follows(news, "g", hosts[0]), follows(news, "c", hosts[1]), follows(news, "b", hosts[0]))
			}
		}
		assert.Equal(d, []string{person("a", hosts[0]), person("b", hosts[0]), person("c", hosts[0]),
			person("e", hosts[0]), person("f", hosts[0]), person("g", hosts[0]), person("c", hosts[1])}, seen)
	}},
	{says: "a follower is removed with what was said to it alone, and nothing else", test: func(d *db) {
		theirs := accepts(4, "mia", hosts[1])
		theirs.Activity.Actor = alerts
		public := accepts(3, "mia", hosts[1])
		public.Activity.Public = true
		d.do(follows(news, "mia", hosts[1]), follows(alerts, "mia", hosts[1]), follows(news, "aroha", hosts[0]),
			accepts(1, "mia", hosts[1]), accepts(2, "aroha", hosts[0]), public, theirs, toFollowers(creates(5)))
		d.do(store.RemoveFollower{Actor: news, ID: person("mia", hosts[1])}, store.RemoveFollower{Actor: news, ID: "nobody"})
		assert.Equal(d, []string{person("mia", hosts[1]), person("aroha", hosts[0])}, d.names(store.FollowerQuery{}))
		_, err := d.Activity(ctx, activity(1))
		require.ErrorIs(d, err, store.ErrNotFound)
		for _, n := range []int{2, 3, 4, 5} {
			must(d.Activity(ctx, activity(n)))(d)
		}
		assert.Empty(d, d.inboxes(activity(1)))
		assert.Len(d, d.deliveries(store.DeliveryQuery{}), 5)
	}},
	{says: "who follows anew under another id is told nothing about the old one", test: func(d *db) {
		anew := follows(news, "mia", hosts[1])
		anew.Follower.Follow = person("mia", hosts[1]) + "/follows/2"
		d.do(follows(news, "mia", hosts[1]), follows(news, "aroha", hosts[0]), accepts(1, "mia", hosts[1]), accepts(2, "aroha", hosts[0]))
		d.do(follows(news, "mia", hosts[1]))
		assert.Len(d, d.inboxes(activity(1)), 1, "under the same id it stays")
		d.do(anew)
		_, err := d.Activity(ctx, activity(1))
		require.ErrorIs(d, err, store.ErrNotFound)
		assert.Empty(d, d.inboxes(activity(1)))
		assert.Len(d, d.inboxes(activity(2)), 1)
	}},
	{says: "who left since it was read does not come back by being changed", test: func(d *db) {
		d.do(follows(news, "mia", hosts[1]))
		read := must(d.Followers(ctx, store.FollowerQuery{}))(d)[0]
		read.State = store.Requested
		d.do(store.PutFollower{Follower: read})
		assert.Equal(d, read, must(d.Followers(ctx, store.FollowerQuery{}))(d)[0])
		d.do(store.RemoveFollower{Actor: news, ID: read.ID})
		d.refuses(store.ErrNotFound, store.PutFollower{Follower: read}, notes("accept"))
	}},
	{says: "a worker that holds what was said to a removed follower learns that it is gone", test: func(d *db) {
		d.do(follows(news, "mia", hosts[1]), accepts(1, "mia", hosts[1]))
		one := d.claimOne(nine, news)
		d.do(store.RemoveFollower{Actor: news, ID: person("mia", hosts[1])})
		d.refuses(store.ErrConflict, settles(one, store.Delivered))
	}},
	{says: "an inbox that is gone marks those behind it, and removes those marked long enough", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), follows(alerts, "hemi", hosts[0]), follows(news, "mia", hosts[1]))
		d.do(accepts(1, "aroha", hosts[0]))
		gone := func(since string) time.Time {
			got := must(d.Followers(ctx, store.FollowerQuery{ID: since}))(d)
			require.Len(d, got, 1)
			return got[0].Gone
		}
		d.do(store.Gone{Inbox: inbox("aroha", hosts[0]), At: nine, Before: after(-time.Hour)})
		assert.Equal(d, nine, gone(person("aroha", hosts[0])))
		assert.Zero(d, gone(person("hemi", hosts[0])))
		d.do(store.Gone{Inbox: shared(hosts[0]), At: after(time.Hour), Before: nine})
		assert.Equal(d, nine, gone(person("aroha", hosts[0])), "the first time counts")
		assert.Equal(d, after(time.Hour), gone(person("hemi", hosts[0])))
		assert.Zero(d, gone(person("mia", hosts[1])))
		d.do(store.Gone{Inbox: shared(hosts[0]), At: after(2 * time.Hour), Before: after(time.Minute)})
		assert.Equal(d, []string{person("hemi", hosts[0]), person("mia", hosts[1])}, d.names(store.FollowerQuery{}))
		_, err := d.Activity(ctx, activity(1))
		require.ErrorIs(d, err, store.ErrNotFound, "with what was said to it alone")
		d.do(store.Gone{Inbox: inbox("hemi", hosts[0]), At: after(3 * time.Hour), Before: after(2 * time.Hour)})
		assert.Equal(d, []string{person("mia", hosts[1])}, d.names(store.FollowerQuery{}))
	}},
	{says: "an inbox that answers clears the marks of those behind it", test: func(d *db) {
		for i, to := range []string{inbox("aroha", hosts[0]), shared(hosts[0])} {
			d.do(follows(news, "aroha", hosts[0]), follows(news, "mia", hosts[1]), sends(creates(i), to))
			d.do(store.Gone{Inbox: shared(hosts[0]), At: nine}, store.Gone{Inbox: shared(hosts[1]), At: nine})
			one := d.claimOne(nine, news)
			d.do(settles(one, store.Pending))
			assert.Equal(d, nine, must(d.Followers(ctx, store.FollowerQuery{}))(d)[0].Gone)
			d.do(settles(d.claimOne(nine, news), store.Delivered))
			assert.Zero(d, must(d.Followers(ctx, store.FollowerQuery{}))(d)[0].Gone)
			assert.Equal(d, nine, must(d.Followers(ctx, store.FollowerQuery{}))(d)[1].Gone)
		}
	}},
	{says: "followers that are marked still get what is published", test: func(d *db) {
		d.do(follows(news, "mia", hosts[1]), store.Gone{Inbox: inbox("mia", hosts[1]), At: nine}, toFollowers(creates(1)))
		assert.Len(d, d.inboxes(activity(1)), 1)
	}},
	{says: "a remote actor is forgotten everywhere, and nobody else is", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), follows(alerts, "aroha", hosts[0]), follows(news, "mia", hosts[1]),
			accepts(1, "aroha", hosts[0]), accepts(2, "mia", hosts[1]),
			likes("aroha", hosts[0], object(1)), likes("mia", hosts[1], object(1)), replies(1, object(1)))
		theirs := replies(2, object(1))
		theirs.Received.From = person("mia", hosts[1])
		d.do(theirs, store.ForgetActor{ID: person("aroha", hosts[0]), At: after(time.Hour)})
		all := d.everything()
		assert.Equal(d, []string{person("mia", hosts[1])}, d.names(store.FollowerQuery{}))
		require.Len(d, all.Reactions, 1)
		assert.Equal(d, person("mia", hosts[1]), all.Reactions[0].From)
		assert.Empty(d, d.inboxes(activity(1)))
		assert.Len(d, d.inboxes(activity(2)), 1)
		require.Len(d, all.Received, 2)
		assert.Equal(d, store.Held, all.Received[0].State)
		assert.Equal(d, store.Retracted, all.Received[1].State)
		assert.Nil(d, all.Received[1].Body)
		assert.Equal(d, after(time.Hour), all.Received[1].Updated)
	}},
}
