package storetest

import (
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

var postRules = []rule{
	{says: "a post comes back as it was put, and a revision replaces all but its number", test: func(d *db) {
		first := store.Post{ID: object(1), Actor: news, Key: "2026/1", URL: site + "/news/1", Digest: "d", Rev: 1, State: store.Live,
			Activity: activity(1), Body: []byte("b"), Pinned: true, Published: nine, Updated: after(time.Minute)}
		second := store.Post{ID: object(1), Actor: news, Key: "2026/1", URL: site + "/news/one", Digest: "e", Rev: 2, State: store.Live,
			Activity: activity(2), Body: []byte("c"), Published: after(-time.Hour), Updated: after(time.Hour)}
		d.do(puts(2, 1), store.PutPost{Post: first}, puts(3, 1))
		got := must(d.Posts(ctx, store.PostQuery{ID: object(1)}))(d)
		require.Len(d, got, 1)
		first.Seq, second.Seq = got[0].Seq, got[0].Seq
		assert.Equal(d, first, got[0])
		d.do(store.PutPost{Post: second})
		assert.Equal(d, []store.Post{second}, must(d.Posts(ctx, store.PostQuery{ID: object(1)}))(d))
		assert.Equal(d, []string{object(3), object(1), object(2)}, postIDs(d, store.PostQuery{}), "newest first, by first publication")
	}},
	{says: "an id is published once", test: func(d *db) {
		d.do(puts(1, 1))
		again := puts(1, 1)
		again.Post.Key = "another"
		d.refuses(store.ErrDuplicate, again)
		d.refuses(store.ErrDuplicate, puts(1, 1))
	}},
	{says: "an actor has one live post for a key", test: func(d *db) {
		d.do(puts(1, 1))
		twin := puts(2, 1)
		twin.Post.Key = postOf(1, 1).Key
		d.refuses(store.ErrConflict, twin)
		elsewhere := twin
		elsewhere.Post.Actor, elsewhere.Post.ID = alerts, object(3)
		d.do(elsewhere)
		d.do(withdraws(1, 2))
		d.do(twin)
	}},
	{says: "a revision is the next one, of the same actor and key, of a live post", test: func(d *db) {
		d.do(puts(1, 1), puts(2, 1))
		d.refuses(store.ErrConflict, puts(1, 3))
		d.refuses(store.ErrConflict, puts(1, 0))
		d.refuses(store.ErrConflict, puts(3, 2))
		for _, change := range []func(*store.Post){
			func(p *store.Post) { p.Actor = alerts },
			func(p *store.Post) { p.Key = "2026/2" },
		} {
			op := puts(1, 2)
			change(&op.Post)
			d.refuses(store.ErrConflict, op)
		}
		d.do(puts(1, 2))
		d.refuses(store.ErrConflict, puts(1, 2))
		d.do(withdraws(1, 3))
		d.refuses(store.ErrConflict, puts(1, 4))
		assert.Equal(d, []string{object(1)}, postIDs(d, store.PostQuery{State: store.Withdrawn}))
	}},
	{says: "posts are found by each field, and by several at once", test: func(d *db) {
		pinned, foreign := puts(2, 1), puts(3, 1)
		pinned.Post.Pinned, foreign.Post.Actor = true, alerts
		foreign.Post.Pinned = true
		d.do(puts(1, 1), pinned, foreign, puts(4, 1), withdraws(4, 2))
		seq := must(d.Posts(ctx, store.PostQuery{ID: object(3)}))(d)[0].Seq
		for _, c := range []struct {
			q    store.PostQuery
			want []string
		}{
			{store.PostQuery{}, []string{object(4), object(3), object(2), object(1)}},
			{store.PostQuery{ID: object(2)}, []string{object(2)}},
			{store.PostQuery{Actor: news}, []string{object(4), object(2), object(1)}},
			{store.PostQuery{Key: "2026/3"}, []string{object(3)}},
			{store.PostQuery{URL: site + "/news/1"}, []string{object(1)}},
			{store.PostQuery{State: store.Live}, []string{object(3), object(2), object(1)}},
			{store.PostQuery{State: store.Withdrawn}, []string{object(4)}},
			{store.PostQuery{Pinned: true}, []string{object(3), object(2)}},
			{store.PostQuery{Pinned: true, Actor: news}, []string{object(2)}},
			{store.PostQuery{Before: seq}, []string{object(2), object(1)}},
			{store.PostQuery{Limit: 2}, []string{object(4), object(3)}},
			{store.PostQuery{Actor: alerts, Key: "2026/1"}, nil},
		} {
			assert.Equal(d, c.want, postIDs(d, c.q), "%+v", c.q)
		}
	}},
	{says: "the live posts of one actor are counted", test: func(d *db) {
		theirs := puts(3, 1)
		theirs.Post.Actor = alerts
		d.do(puts(1, 1), puts(2, 1), theirs, puts(4, 1), puts(2, 2), withdraws(4, 2))
		assert.Equal(d, 2, must(d.CountPosts(ctx, news))(d))
		assert.Equal(d, 1, must(d.CountPosts(ctx, alerts))(d))
		assert.Equal(d, 0, must(d.CountPosts(ctx, other))(d))
	}},
	{says: "a list without a limit has a hundred", test: func(d *db) {
		for n := range 101 {
			d.do(puts(n, 1), notes("x"), replies(n, object(1)), follows(news, string(rune('a'+n)), hosts[0]),
				likes(string(rune('a'+n)), hosts[0], object(1)), sends(says(n, news, "Create", object(n)), shared(hosts[0])))
		}
		assert.Len(d, must(d.Posts(ctx, store.PostQuery{}))(d), 100)
		assert.Len(d, must(d.Journal(ctx, store.JournalQuery{}))(d), 100)
		assert.Len(d, must(d.Received(ctx, store.ReceivedQuery{}))(d), 100)
		assert.Len(d, must(d.Followers(ctx, store.FollowerQuery{}))(d), 100)
		assert.Len(d, must(d.Reactions(ctx, store.ReactionQuery{}))(d), 100)
		assert.Len(d, must(d.Deliveries(ctx, store.DeliveryQuery{}))(d), 100)
		assert.Len(d, d.claim(nine, news), 100)
	}},
}

func withdraws(n, rev int) store.PutPost {
	op := puts(n, rev)
	op.Post.State = store.Withdrawn
	return op
}

func postIDs(d *db, q store.PostQuery) (ids []string) {
	d.Helper()
	for _, p := range must(d.Posts(ctx, q))(d) {
		ids = append(ids, p.ID)
	}
	return ids
}
