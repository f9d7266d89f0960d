package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// stranger is an op that no backend knows.
type stranger struct{ store.Op }

var applyRules = []rule{
	{says: "every op changes something, and none of it stays when a later or an earlier op fails", test: func(d *db) {
		ops := oneOfEach(d)
		before := d.everything()
		for at := range len(ops) + 1 {
			err := d.Apply(ctx, slices.Insert(slices.Clone(ops), at, store.Op(stranger{}))...)
			require.Error(d, err)
			require.Equal(d, before, d.everything(), "with the failure at position %d", at)
		}
		for _, op := range ops {
			before := d.everything()
			d.do(op)
			assert.NotEqual(d, before, d.everything(), "%T must be seen to have worked", op)
		}
	}},
	{says: "what failed can be tried again", test: func(d *db) {
		require.Error(d, d.Apply(ctx, puts(1, 1), notes("1"), stranger{}))
		d.do(puts(1, 1), notes("1"))
		assert.Len(d, d.everything().Journal, 1)
	}},
	{says: "an unknown op fails, and the error names it", test: func(d *db) {
		assert.ErrorContains(d, d.Apply(ctx, stranger{}), "stranger")
		assert.ErrorContains(d, d.Apply(ctx, notes("1"), &store.Stop{Actor: news}), "op 2 of 2, *store.Stop")
		assert.Error(d, d.Apply(ctx, []store.Op{nil}...))
	}},
	{says: "later ops see what earlier ones did", test: func(d *db) {
		d.do(pin(news), store.RepinKey{Actor: news, From: "one", To: "two"}, puts(1, 1), puts(1, 2),
			follows(news, "aroha", hosts[0]), toFollowers(creates(1)), store.Cancel{Object: object(1)})
		assert.Equal(d, []string{"kauri.example cancelled"}, d.states(object(1)))
	}},
	{says: "no call does anything once its context has ended", test: func(d *db) {
		d.do(pin(news), follows(news, "aroha", hosts[0]), toFollowers(creates(1)))
		before := d.everything()
		ended, end := context.WithCancel(ctx)
		end()
		require.ErrorIs(d, d.Apply(ended, notes("1")), context.Canceled)
		_, err := d.Claim(ended, store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute})
		require.ErrorIs(d, err, context.Canceled)
		_, err = d.Posts(ended, store.PostQuery{})
		require.ErrorIs(d, err, context.Canceled)
		_, err = d.Setting(ended, "digest")
		require.ErrorIs(d, err, context.Canceled)
		assert.Equal(d, before, d.everything())
		assert.Equal(d, 1, d.claimOne(nine, news).Attempt, "the claim that ended took nothing")
	}},
}

// oneOfEach fills the store and returns ops of every type, each of which
// changes something when they are applied in order.
func oneOfEach(d *db) []store.Op {
	d.do(pin(alerts), puts(9, 1),
		follows(news, "aroha", hosts[0]), follows(news, "hemi", hosts[0]), follows(news, "mia", hosts[1]), follows(news, "tane", hosts[3]),
		replies(1, object(1)), replies(2, object(1)), replies(3, object(1)), likes("mia", hosts[1], object(1)),
		store.Receive{Received: store.Received{ID: "moved", Actor: news, From: person("tane", hosts[3]), Type: "Move", State: store.Noted, Body: []byte("I moved"), At: nine}},
		toFollowers(creates(8)), sends(creates(7), inbox("tane", hosts[3])))
	given := d.claim(nine, news)
	require.Len(d, given, 4)
	d.do(settles(given[1], store.Failed))
	return []store.Op{
		pin(news),
		store.RepinKey{Actor: news, From: "one", To: "two", Handover: activity(5), At: nine},
		store.Stop{Actor: news, At: nine},
		store.Resume{Actor: news},
		puts(1, 1),
		puts(9, 2),
		toFollowers(creates(1)),
		accepts(2, "mia", hosts[1]),
		store.Settle{Delivery: given[0].ID, Fence: given[0].Fence, Unsent: true},
		store.Cancel{Object: object(1)},
		settles(given[2], store.Delivered),
		store.Retry{Delivery: given[1].ID},
		store.Gone{Inbox: inbox("hemi", hosts[0]), At: after(time.Hour)},
		store.PutPeer{Peer: store.Peer{Host: hosts[1], Failures: 1, DownSince: nine, DownUntil: after(time.Hour)}},
		follows(alerts, "mia", hosts[1]),
		store.RemoveFollower{Actor: news, ID: person("mia", hosts[1])},
		store.ForgetActor{ID: person("tane", hosts[3]), At: after(time.Hour)},
		replies(4, object(1)),
		store.Revise{ID: reply(1), From: person("aroha", hosts[0]), Body: []byte("Mōrena!"), At: after(time.Minute)},
		store.Retract{ID: reply(2), From: person("aroha", hosts[0]), At: after(time.Minute)},
		store.Decide{Actor: news, ID: reply(3), State: store.Shown, By: "Hana", At: after(time.Minute)},
		likes("aroha", hosts[0], object(1)),
		store.Unreact{From: person("mia", hosts[1]), Type: "Like", Object: object(1)},
		notes("1"),
		store.PutSetting{Name: "digest", Value: "weekly"},
	}
}

var identityRules = []rule{
	{says: "an actor is pinned once; pinning it alike changes nothing", test: func(d *db) {
		d.do(pin(news), pin(alerts))
		again := pin(news)
		again.Actor.Since = after(time.Hour)
		before := d.everything()
		d.do(again)
		assert.Equal(d, before, d.everything())
		assert.Equal(d, pin(news).Actor, must(d.Actor(ctx, news))(d))
		assert.Equal(d, []store.Actor{pin(alerts).Actor, pin(news).Actor}, must(d.Actors(ctx))(d), "by id")
	}},
	{says: "an id or handle that is pinned with anything else is a conflict", test: func(d *db) {
		d.do(pin(news), pin(alerts))
		for name, change := range map[string]func(*store.Actor){
			"another base URL":          func(a *store.Actor) { a.BaseURL = "https://staging.agency.govt.nz" },
			"another key":               func(a *store.Actor) { a.Fingerprint = "two" },
			"another handle":            func(a *store.Actor) { a.Handle = "press@agency.govt.nz" },
			"another id":                func(a *store.Actor) { a.ID = site + "/ap/press" },
			"the handle of another one": func(a *store.Actor) { a.Handle = pin(alerts).Actor.Handle },
		} {
			d.Log(name)
			op := pin(news)
			change(&op.Actor)
			d.refuses(store.ErrConflict, op)
		}
	}},
	{says: "a key is replaced only by who knows the present one", test: func(d *db) {
		d.do(pin(news), pin(alerts))
		d.refuses(store.ErrConflict, store.RepinKey{Actor: news, From: "two", To: "three"})
		d.refuses(store.ErrConflict, store.RepinKey{Actor: other, From: "one", To: "two"})
		d.do(store.RepinKey{Actor: news, From: "one", To: "two"})
		assert.Equal(d, "two", must(d.Actor(ctx, news))(d).Fingerprint)
		assert.Equal(d, pin(alerts).Actor, must(d.Actor(ctx, alerts))(d))
		d.refuses(store.ErrConflict, store.RepinKey{Actor: news, From: "one", To: "two"})
	}},
	{says: "each replacement of a key counts, and only one that hands over keeps the key before", test: func(d *db) {
		d.do(pin(news), store.RepinKey{Actor: news, From: "one", To: "two", Handover: activity(1), At: after(time.Hour)})
		want := pin(news).Actor
		want.Fingerprint, want.Previous, want.Handover, want.Rotations, want.Rotated = "two", "one", activity(1), 1, after(time.Hour)
		assert.Equal(d, want, must(d.Actor(ctx, news))(d))
		d.do(store.RepinKey{Actor: news, From: "two", To: "three", Handover: activity(2), At: after(2 * time.Hour)})
		want.Fingerprint, want.Previous, want.Handover, want.Rotations, want.Rotated = "three", "two", activity(2), 2, after(2*time.Hour)
		assert.Equal(d, []store.Actor{want}, must(d.Actors(ctx))(d))
		d.do(store.RepinKey{Actor: news, From: "three", To: "four", At: after(3 * time.Hour)})
		want.Fingerprint, want.Previous, want.Handover, want.Rotations, want.Rotated = "four", "", "", 3, after(3*time.Hour)
		assert.Equal(d, want, must(d.Actor(ctx, news))(d))
	}},
	{says: "an actor whose key was replaced is pinned again with what it is pinned with now, and stays as it is", test: func(d *db) {
		d.do(pin(news), store.RepinKey{Actor: news, From: "one", To: "two", Handover: activity(1), At: after(time.Hour)})
		d.refuses(store.ErrConflict, pin(news))
		before := d.everything()
		again := pin(news)
		again.Actor.Fingerprint = "two"
		d.do(again)
		assert.Equal(d, before, d.everything())
	}},
	{says: "an actor can be pinned with what another store knew of its key", test: func(d *db) {
		moved := pin(news)
		moved.Actor.Previous, moved.Actor.Handover, moved.Actor.Rotations, moved.Actor.Rotated = "zero", activity(1), 4, nine
		d.do(moved)
		assert.Equal(d, moved.Actor, must(d.Actor(ctx, news))(d))
	}},
	{says: "stopping notes when it was first done, and ends with Resume", test: func(d *db) {
		d.refuses(store.ErrNotFound, store.Stop{Actor: news, At: nine})
		d.refuses(store.ErrNotFound, store.Resume{Actor: news})
		d.do(pin(news), pin(alerts), store.Stop{Actor: news, At: nine}, store.Stop{Actor: news, At: after(time.Hour)})
		assert.Equal(d, nine, must(d.Actor(ctx, news))(d).Stopped)
		assert.Zero(d, must(d.Actor(ctx, alerts))(d).Stopped)
		d.do(store.Resume{Actor: news})
		assert.Zero(d, must(d.Actor(ctx, news))(d).Stopped)
	}},
	{says: "a setting is kept, replaced, and removed by an empty value", test: func(d *db) {
		d.do(store.PutSetting{Name: "digest", Value: "weekly"}, store.PutSetting{Name: "origin", Value: "here"})
		d.do(store.PutSetting{Name: "digest", Value: "daily"})
		assert.Equal(d, "daily", must(d.Setting(ctx, "digest"))(d))
		d.do(store.PutSetting{Name: "digest"})
		_, err := d.Setting(ctx, "digest")
		require.ErrorIs(d, err, store.ErrNotFound)
		assert.Equal(d, "here", must(d.Setting(ctx, "origin"))(d))
	}},
	{says: "what is not there is ErrNotFound, and an empty list is nil", test: func(d *db) {
		for name, ask := range map[string]func() error{
			"actor":    func() error { _, err := d.Actor(ctx, news); return err },
			"activity": func() error { _, err := d.Activity(ctx, activity(1)); return err },
			"receipt":  func() error { _, err := d.Receipt(ctx, object(1)); return err },
			"peer":     func() error { _, err := d.Peer(ctx, hosts[0]); return err },
			"setting":  func() error { _, err := d.Setting(ctx, "digest"); return err },
		} {
			assert.ErrorIs(d, ask(), store.ErrNotFound, name)
		}
		all := d.everything()
		assert.Nil(d, all.Actors)
		assert.Nil(d, all.Posts)
		assert.Nil(d, all.Deliveries)
		assert.Nil(d, all.Followers)
		assert.Nil(d, all.Received)
		assert.Nil(d, all.Reactions)
		assert.Nil(d, all.Journal)
		assert.Nil(d, d.claim(nine, news))
		assert.Nil(d, d.claim(nine))
	}},
}
