package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

var journalRules = []rule{
	{says: "entries are numbered 1, 2, 3 in order, without gaps where an Apply failed", test: func(d *db) {
		want := store.Entry{At: nine, Actor: news, Kind: "edit", Subject: "2026/1", By: "Hana", Note: "a typo", Body: []byte("b")}
		d.do(notes("1"), store.Record{Entry: want})
		require.Error(d, d.Apply(ctx, notes("x"), notes("x"), stranger{}))
		d.do(notes("3"))
		all := d.everything().Journal
		require.Len(d, all, 3)
		want.Seq = 2
		assert.Equal(d, want, all[1])
		assert.Equal(d, []int64{1, 2, 3}, []int64{all[0].Seq, all[1].Seq, all[2].Seq})
		assert.Equal(d, "3", all[2].Subject)
		assert.Nil(d, all[2].Body)
	}},
	{says: "a number that the caller gives is not taken", test: func(d *db) {
		op := notes("1")
		op.Entry.Seq = 7
		d.do(op)
		assert.EqualValues(d, 1, d.everything().Journal[0].Seq)
	}},
	{says: "entries are found by each field", test: func(d *db) {
		theirs, stop := notes("2"), notes("3")
		theirs.Entry.Actor, stop.Entry.Kind = alerts, "stop"
		d.do(notes("1"), theirs, stop, notes("4"))
		for _, c := range []struct {
			q    store.JournalQuery
			want []string
		}{
			{store.JournalQuery{Actor: news}, []string{"1", "3", "4"}},
			{store.JournalQuery{Kind: "stop"}, []string{"3"}},
			{store.JournalQuery{After: 2}, []string{"3", "4"}},
			{store.JournalQuery{Limit: 3}, []string{"1", "2", "3"}},
			{store.JournalQuery{Actor: alerts, Kind: "stop"}, nil},
		} {
			var got []string
			for _, e := range must(d.Journal(ctx, c.q))(d) {
				got = append(got, e.Subject)
			}
			assert.Equal(d, c.want, got, "%+v", c.q)
		}
	}},
}

// hostile are strings that have broken stores before.
func hostile() map[string]string {
	return map[string]string{
		"quotes":        `it's "quoted" \ 'and' ` + "`escaped`",
		"SQL":           `'; DROP TABLE post; --`,
		"placeholders":  `? ?1 $1 :name @p % _ %%`,
		"NUL":           "before\x00after",
		"invalid UTF-8": "\xff\xfe\xc3\x28",
		"emoji":         "👩🏽‍🚒 🇳🇿",
		"macrons":       "Pānui ki te ao, ngā mihi: āēīōū and a\u0304",
		"right to left": "\u202eשלום مرحبا\u202c",
		"lines":         "one\r\ntwo\u2028three\ttab",
		"spaces":        "  around  ",
		"a number":      "00123",
		"a date":        "2026-03-02T09:00:00Z",
		"long":          strings.Repeat("ā!", 64<<10/3),
	}
}

var valueRules = []rule{
	{says: "text and bodies come back byte for byte, whatever they hold", test: func(d *db) {
		for name, text := range hostile() {
			d.Log(name)
			s, raw := text, []byte(text)
			d.do(store.PinActor{Actor: store.Actor{ID: s, BaseURL: s, Handle: s, Fingerprint: s}},
				store.PutPost{Post: store.Post{ID: s, Actor: s, Key: s, URL: s, Digest: s, Rev: 1, State: store.Live, Activity: s, Body: raw}},
				store.PutFollower{Follower: store.Follower{Actor: s, ID: s, Inbox: s, SharedInbox: s, Host: s, Follow: s, State: store.Accepted}},
				store.Fanout{Activity: store.Activity{ID: s, Actor: s, Type: s, Object: s, Body: raw, Public: true}, To: store.ToFollowers},
				store.Receive{Received: store.Received{ID: s, Actor: s, From: s, Type: s, About: s, State: store.Held, Body: raw, By: s, Reason: s}},
				store.React{Reaction: store.Reaction{ID: s, Actor: s, From: s, Type: s, Object: s}},
				store.Record{Entry: store.Entry{Actor: s, Kind: s, Subject: s, By: s, Note: s, Body: raw}},
				store.PutPeer{Peer: store.Peer{Host: s}}, store.PutSetting{Name: s, Value: s})

			assert.Equal(d, store.Actor{ID: s, BaseURL: s, Handle: s, Fingerprint: s}, must(d.Actor(ctx, s))(d))
			post := must(d.Posts(ctx, store.PostQuery{ID: s, Actor: s, Key: s, URL: s}))(d)
			require.Len(d, post, 1)
			assert.Equal(d, store.Post{Seq: post[0].Seq, ID: s, Actor: s, Key: s, URL: s, Digest: s, Rev: 1, State: store.Live, Activity: s, Body: raw}, post[0])
			follower := must(d.Followers(ctx, store.FollowerQuery{Actor: s, ID: s, Follow: s}))(d)
			require.Len(d, follower, 1)
			assert.Equal(d, store.Follower{Seq: follower[0].Seq, Actor: s, ID: s, Inbox: s, SharedInbox: s, Host: s, Follow: s, State: store.Accepted}, follower[0])
			assert.Equal(d, store.Activity{ID: s, Actor: s, Type: s, Object: s, Body: raw, Public: true}, must(d.Activity(ctx, s))(d))
			claimed := d.claimOne(nine, s)
			assert.Equal(d, store.Delivery{ID: claimed.ID, Activity: s, Actor: s, Type: s, Object: s, Inbox: s, Host: s,
				Weight: 1, State: store.Pending, Attempt: 1, Fence: 1, Body: raw}, claimed)
			d.do(store.Settle{Delivery: claimed.ID, Fence: 1, State: store.Failed, Answer: s})
			assert.Equal(d, s, must(d.Deliveries(ctx, store.DeliveryQuery{Actor: s, Activity: s, Object: s, Inbox: s}))(d)[0].Answer)
			received := must(d.Received(ctx, store.ReceivedQuery{ID: s, Actor: s, From: s, Type: s, About: s}))(d)
			require.Len(d, received, 1)
			assert.Equal(d, store.Received{Seq: received[0].Seq, ID: s, Actor: s, From: s, Type: s, About: s, State: store.Held, Body: raw, By: s, Reason: s}, received[0])
			reaction := must(d.Reactions(ctx, store.ReactionQuery{ID: s, From: s, Type: s, Object: s}))(d)
			require.Len(d, reaction, 1)
			assert.Equal(d, store.Reaction{Seq: reaction[0].Seq, ID: s, Actor: s, From: s, Type: s, Object: s}, reaction[0])
			entry := must(d.Journal(ctx, store.JournalQuery{Actor: s, Kind: s}))(d)
			require.Len(d, entry, 1)
			assert.Equal(d, store.Entry{Seq: entry[0].Seq, Actor: s, Kind: s, Subject: s, By: s, Note: s, Body: raw}, entry[0])
			assert.Equal(d, s, must(d.Setting(ctx, s))(d))
			assert.Equal(d, s, must(d.Peer(ctx, s))(d).Host)
		}
	}},
	{says: "text that differs in case, accents or a NUL differs", test: func(d *db) {
		for i, name := range []string{"a", "A", "ā", "a\u0304", "a\x00", "a\x00b", "a "} {
			d.do(store.PutSetting{Name: name, Value: fmt.Sprint(i)})
		}
		assert.Equal(d, "0", must(d.Setting(ctx, "a"))(d))
		assert.Equal(d, "4", must(d.Setting(ctx, "a\x00"))(d))
	}},
	{says: "times come back in UTC, to the millisecond, from year 1 to 9999", test: func(d *db) {
		zone := time.FixedZone("NZDT", 13*60*60)
		for _, at := range []time.Time{
			{}, time.Unix(0, 0), time.Date(1840, 2, 6, 0, 0, 0, 999_999_999, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, zone),
			time.Date(2026, 4, 5, 2, 30, 0, 123_456_789, zone), time.Unix(-1, 1),
		} {
			want := at.UTC().Truncate(time.Millisecond)
			d.do(notes("1"), store.Record{Entry: store.Entry{At: at}}, store.PutPeer{Peer: store.Peer{Host: hosts[0], DownSince: at}}, store.PutForm{Host: hosts[0], Until: at})
			all := d.everything().Journal
			assert.Equal(d, want, all[len(all)-1].At)
			assert.Equal(d, want, must(d.Peer(ctx, hosts[0]))(d).DownSince)
			assert.Equal(d, want, must(d.Peer(ctx, hosts[0]))(d).FormUntil)
			assert.Equal(d, at.IsZero(), must(d.Peer(ctx, hosts[0]))(d).DownSince.IsZero())
		}
	}},
	{says: "a body that is empty comes back nil, and a caller that reuses its buffer changes nothing", test: func(d *db) {
		buffer := []byte("as it was")
		post, said := puts(1, 1), sendsTo(1, hosts[0])
		heard, noted := replies(1, object(1)), notes("1")
		post.Post.Body, said.Activity.Body, heard.Received.Body, noted.Entry.Body = buffer, buffer, buffer, buffer
		d.do(post, said, heard, noted)
		copy(buffer, bytes.Repeat([]byte("x"), len(buffer)))
		all := d.everything()
		for _, body := range [][]byte{all.Posts[0].Body, must(d.Activity(ctx, activity(1)))(d).Body, all.Received[0].Body, all.Journal[0].Body} {
			assert.Equal(d, "as it was", string(body))
		}
		empty := puts(2, 1)
		empty.Post.Body = []byte{}
		d.do(empty, store.Revise{ID: reply(1), From: aroha, Body: []byte{}, At: nine})
		assert.Nil(d, must(d.Posts(ctx, store.PostQuery{ID: object(2)}))(d)[0].Body)
		assert.Nil(d, d.heard(news, reply(1)).Body)
	}},
}
