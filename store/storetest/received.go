package storetest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// heard returns what is recorded under an id for an actor.
func (d *db) heard(actor, id string) store.Received {
	d.Helper()
	got := must(d.Received(ctx, store.ReceivedQuery{Actor: actor, ID: id}))(d)
	require.Len(d, got, 1)
	return got[0]
}

var aroha = person("aroha", hosts[0])

var receivedRules = []rule{
	{says: "what arrived is kept whole, once for each actor of ours", test: func(d *db) {
		r := store.Received{ID: reply(1), Actor: news, From: aroha, Type: "Create", About: object(1), State: store.Shown, Body: []byte("b"),
			At: nine, Updated: after(time.Minute), By: "Hana", Reason: "rule 1", Decided: after(time.Hour)}
		d.do(store.Receive{Received: r})
		d.refuses(store.ErrDuplicate, store.Receive{Received: r})
		r.Seq = d.heard(news, reply(1)).Seq
		assert.Equal(d, r, d.heard(news, reply(1)))
		r.Actor = alerts
		d.do(store.Receive{Received: r})
		assert.Greater(d, d.heard(alerts, reply(1)).Seq, r.Seq)
	}},
	{says: "what arrived is found by each field, newest first", test: func(d *db) {
		flag := store.Receive{Received: store.Received{ID: "flag", Actor: news, From: person("mia", hosts[1]), Type: "Flag", About: news, State: store.Noted, At: nine}}
		theirs := replies(1, object(2))
		theirs.Received.Actor = alerts
		d.do(replies(1, object(1)), flag, theirs, replies(2, object(1)))
		all := must(d.Received(ctx, store.ReceivedQuery{}))(d)
		require.Len(d, all, 4)
		for _, c := range []struct {
			q    store.ReceivedQuery
			want []int
		}{
			{store.ReceivedQuery{}, []int{0, 1, 2, 3}},
			{store.ReceivedQuery{ID: reply(1)}, []int{1, 3}},
			{store.ReceivedQuery{Actor: news}, []int{0, 2, 3}},
			{store.ReceivedQuery{From: aroha}, []int{0, 1, 3}},
			{store.ReceivedQuery{Type: "Flag"}, []int{2}},
			{store.ReceivedQuery{About: object(1)}, []int{0, 3}},
			{store.ReceivedQuery{State: store.Noted}, []int{2}},
			{store.ReceivedQuery{Before: all[1].Seq}, []int{2, 3}},
			{store.ReceivedQuery{Limit: 2}, []int{0, 1}},
			{store.ReceivedQuery{Type: "Flag", From: aroha}, nil},
		} {
			var want []store.Received
			for _, i := range c.want {
				want = append(want, all[i])
			}
			assert.Equal(d, want, must(d.Received(ctx, c.q))(d), "%+v", c.q)
		}
	}},
	{says: "what its author took back, and bodies, can be left out of a list", test: func(d *db) {
		d.do(replies(1, object(1)), replies(2, object(1)), store.Retract{ID: reply(1), From: aroha, At: nine})
		all := must(d.Received(ctx, store.ReceivedQuery{}))(d)
		require.Len(d, all, 2)
		assert.Equal(d, all[:1], must(d.Received(ctx, store.ReceivedQuery{From: aroha, Standing: true}))(d))
		all[0].Body = nil
		assert.Equal(d, all, must(d.Received(ctx, store.ReceivedQuery{From: aroha, Bare: true}))(d))
	}},
	{says: "a decision is recorded with who made it, and can be changed", test: func(d *db) {
		d.do(replies(1, object(1)), replies(2, object(1)))
		for _, as := range []store.ReceivedState{store.Shown, store.Refused, store.Held} {
			d.do(store.Decide{Actor: news, ID: reply(1), State: as, By: "Hana", Reason: "rule 1", At: after(time.Hour)})
			got := d.heard(news, reply(1))
			assert.Equal(d, as, got.State)
			assert.Equal(d, "Hana", got.By)
			assert.Equal(d, "rule 1", got.Reason)
			assert.Equal(d, after(time.Hour), got.Decided)
			assert.Zero(d, got.Updated)
		}
		assert.Empty(d, d.heard(news, reply(2)).By)
		d.refuses(store.ErrNotFound, store.Decide{Actor: alerts, ID: reply(1), State: store.Shown})
		d.refuses(store.ErrNotFound, store.Decide{Actor: news, ID: reply(3), State: store.Shown})
		for _, as := range []store.ReceivedState{store.Retracted, store.Noted, ""} {
			require.Error(d, d.Apply(ctx, store.Decide{Actor: news, ID: reply(1), State: as}))
		}
		assert.Equal(d, store.Held, d.heard(news, reply(1)).State)
	}},
	{says: "a decision about something other than what stands there now is a conflict", test: func(d *db) {
		show := func(seen time.Time) store.Decide {
			return store.Decide{Actor: news, ID: reply(1), State: store.Shown, By: "Hana", At: after(time.Hour), Seen: seen}
		}
		d.do(replies(1, object(1)))
		d.refuses(store.ErrConflict, show(after(time.Second)))
		d.do(show(nine.Add(300*time.Microsecond)), show(time.Time{}))
		d.do(store.Revise{ID: reply(1), From: aroha, Body: []byte("worse"), At: after(time.Minute)})
		d.refuses(store.ErrConflict, show(nine))
		d.do(show(after(time.Minute)))
		d.do(store.Retract{ID: reply(1), From: aroha, At: after(time.Hour)})
		d.refuses(store.ErrConflict, show(after(time.Hour)))
		d.refuses(store.ErrConflict, show(time.Time{}))
	}},
	{says: "what its author changes waits for a person again, for every actor of ours", test: func(d *db) {
		theirs, flag := replies(1, object(1)), replies(2, object(1))
		theirs.Received.Actor, flag.Received.State = alerts, store.Noted
		d.do(replies(1, object(1)), theirs, flag,
			store.Decide{Actor: news, ID: reply(1), State: store.Shown, By: "Hana", Reason: "fine", At: nine},
			store.Decide{Actor: alerts, ID: reply(1), State: store.Refused, By: "Hana", Reason: "off topic", At: nine})
		d.do(store.Revise{ID: reply(1), From: aroha, Body: []byte("changed"), At: after(time.Hour)},
			store.Revise{ID: reply(2), From: aroha, Body: []byte("also"), At: after(time.Hour)})
		for _, actor := range []string{news, alerts} {
			got := d.heard(actor, reply(1))
			want := replies(1, object(1)).Received
			want.Seq, want.Actor, want.Body, want.Updated = got.Seq, actor, []byte("changed"), after(time.Hour)
			assert.Equal(d, want, got, "held, with no decision")
		}
		got := d.heard(news, reply(2))
		assert.Equal(d, store.Noted, got.State, "there is nothing to decide")
		assert.Equal(d, "also", string(got.Body))
	}},
	{says: "only its author changes or takes back what was said", test: func(d *db) {
		d.do(replies(1, object(1)))
		mia := person("mia", hosts[1])
		d.refuses(store.ErrNotFound, store.Revise{ID: reply(1), From: mia, Body: []byte("x"), At: nine})
		d.refuses(store.ErrNotFound, store.Revise{ID: reply(2), From: aroha, Body: []byte("x"), At: nine})
		before := d.everything()
		d.do(store.Retract{ID: reply(1), From: mia, At: nine}, store.Retract{ID: reply(2), From: aroha, At: nine})
		assert.Equal(d, before, d.everything())
	}},
	{says: "what is taken back loses its body for every actor of ours, for good", test: func(d *db) {
		theirs := replies(1, object(1))
		theirs.Received.Actor = alerts
		d.do(replies(1, object(1)), theirs, replies(2, object(1)), store.Retract{ID: reply(1), From: aroha, At: after(time.Hour)})
		for _, actor := range []string{news, alerts} {
			got := d.heard(actor, reply(1))
			assert.Equal(d, store.Retracted, got.State)
			assert.Nil(d, got.Body)
			assert.Equal(d, after(time.Hour), got.Updated)
		}
		assert.Equal(d, "Kia ora!", string(d.heard(news, reply(2)).Body))
		before := d.everything()
		d.do(store.Retract{ID: reply(1), From: aroha, At: after(2 * time.Hour)}, store.ForgetActor{ID: "nobody", At: after(2 * time.Hour)})
		assert.Equal(d, before, d.everything())
		d.refuses(store.ErrNotFound, store.Revise{ID: reply(1), From: aroha, Body: []byte("x"), At: nine})
		d.refuses(store.ErrDuplicate, replies(1, object(1)))
	}},
	{says: "a remote actor reacts once in each way to an object", test: func(d *db) {
		boost := likes("aroha", hosts[0], object(1))
		boost.Reaction.Type = "Announce"
		d.do(likes("aroha", hosts[0], object(1)), boost, likes("aroha", hosts[0], object(2)), likes("mia", hosts[1], object(1)))
		before := d.everything()
		again := likes("aroha", hosts[0], object(1))
		again.Reaction.ID, again.Reaction.At = "another", after(time.Hour)
		d.do(again)
		assert.Equal(d, before, d.everything(), "the first one stays")
		want := likes("mia", hosts[1], object(1)).Reaction
		want.Seq = before.Reactions[0].Seq
		assert.Equal(d, want, before.Reactions[0])
		d.do(store.Unreact{From: aroha, Type: "Like", Object: object(1)}, store.Unreact{From: "nobody", Type: "Like", Object: object(1)})
		assert.Equal(d, store.Counts{Likes: 1, Shares: 1}, must(d.Counts(ctx, object(1)))(d))
		assert.Equal(d, store.Counts{Likes: 1}, must(d.Counts(ctx, object(2)))(d))
	}},
	{says: "reactions are found by each field, newest first", test: func(d *db) {
		boost := likes("aroha", hosts[0], object(1))
		boost.Reaction.Type, boost.Reaction.ID = "Announce", "boost"
		d.do(likes("aroha", hosts[0], object(1)), boost, likes("mia", hosts[1], object(2)))
		all := must(d.Reactions(ctx, store.ReactionQuery{}))(d)
		require.Len(d, all, 3)
		for _, c := range []struct {
			q    store.ReactionQuery
			want []int
		}{
			{store.ReactionQuery{ID: "boost"}, []int{1}},
			{store.ReactionQuery{From: aroha}, []int{1, 2}},
			{store.ReactionQuery{Type: "Like"}, []int{0, 2}},
			{store.ReactionQuery{Object: object(2)}, []int{0}},
			{store.ReactionQuery{Before: all[0].Seq}, []int{1, 2}},
			{store.ReactionQuery{Limit: 2}, []int{0, 1}},
			{store.ReactionQuery{Object: object(2), From: aroha}, nil},
		} {
			var want []store.Reaction
			for _, i := range c.want {
				want = append(want, all[i])
			}
			assert.Equal(d, want, must(d.Reactions(ctx, c.q))(d), "%+v", c.q)
		}
	}},
	{says: "counts are of likes, boosts, shown replies and held ones, each reply once", test: func(d *db) {
		flag, theirs := replies(5, object(1)), replies(1, object(1))
		flag.Received.Type, theirs.Received.Actor = "Flag", alerts
		boost := likes("aroha", hosts[0], object(1))
		boost.Reaction.Type = "Announce"
		d.do(replies(1, object(1)), theirs, replies(2, object(1)), replies(3, object(1)), replies(4, object(1)), flag,
			replies(6, object(2)), likes("aroha", hosts[0], object(1)), likes("mia", hosts[1], object(1)), boost)
		d.do(store.Decide{Actor: news, ID: reply(2), State: store.Shown}, store.Decide{Actor: news, ID: reply(3), State: store.Refused},
			store.Retract{ID: reply(4), From: aroha})
		assert.Equal(d, store.Counts{Likes: 2, Shares: 1, Replies: 1, Held: 1}, must(d.Counts(ctx, object(1)))(d))
		assert.Equal(d, store.Counts{}, must(d.Counts(ctx, object(9)))(d))
		d.do(store.Decide{Actor: news, ID: reply(1), State: store.Shown}, store.Decide{Actor: alerts, ID: reply(1), State: store.Shown})
		assert.Equal(d, store.Counts{Likes: 2, Shares: 1, Replies: 2}, must(d.Counts(ctx, object(1)))(d))
	}},
}
