package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// blocks makes the op that blocks subjects, each for a reason of its own.
func blocks(subjects ...string) (op store.PutBlocks) {
	for _, subject := range subjects {
		op.Blocks = append(op.Blocks, store.Block{Subject: subject, Reason: "spam from " + subject, By: "Hana", At: after(time.Hour)})
	}
	return op
}

// neighbours are ids on and around evil.example, and whether a block of that domain covers them.
var neighbours = map[string]bool{
	"https://evil.example/users/mia":               true,
	"https://evil.example:443/users/mia":           true,
	"https://evil.example:8443/users/mia":          true,
	"https://evil.example":                         true,
	"https://evil.example?user=mia":                true,
	"https://EVIL.example/users/mia":               true,
	"https://evil.example./users/mia":              true,
	"https://social.evil.example/users/mia":        true,
	"https://a.b.evil.example/users/mia":           true,
	"http://evil.example/users/mia":                true,
	"https://notevil.example/users/mia":            false,
	"https://evil.example.com/users/mia":           false,
	"https://evil.example0/users/mia":              false,
	"https://evil.example0":                        false,
	"https://evil-example/users/mia":               false,
	"https://evil.exampl/users/mia":                false,
	"https://example/users/mia":                    false,
	"https://kauri.example/users/evil.example":     false,
	"https://kauri.example/x.evil.example/mia":     false,
	"https://kauri.example?evil.example/users/mia": false,
	"evil.example":                                 false, // no id
}

// neighbour makes a follower, a like and a reply of a remote actor with the id.
func neighbour(id string) []store.Op {
	return []store.Op{
		store.PutFollower{Follower: store.Follower{Actor: news, ID: id, Inbox: "https://kauri.example/inbox", Host: "kauri.example", Follow: id + "#follow", State: store.Accepted, Since: nine}},
		store.PutFollower{Follower: store.Follower{Actor: alerts, ID: "https://kauri.example/of/" + id, Inbox: id, Host: store.HostOf(id), Follow: id + "#other", State: store.Accepted, Since: nine}},
		store.React{Reaction: store.Reaction{ID: id + "#like", Actor: news, From: id, Type: "Like", Object: object(1), At: nine}},
		store.Receive{Received: store.Received{ID: id + "#reply", Actor: news, From: id, Type: "Create", About: object(1), State: store.Shown, Body: []byte("Kia ora"), At: nine}},
		store.Send{Activity: store.Activity{ID: "to " + id, Actor: news, Type: "Create", Object: object(1), Public: true, At: nine}, Inbox: id},
	}
}

var blockRules = []rule{
	{says: "a block is kept whole; putting it again leaves it as it is", test: func(d *db) {
		first := blocks("evil.example", person("mia", hosts[1]))
		d.do(first)
		again := blocks("evil.example")
		again.Blocks[0].Reason, again.Blocks[0].By = "another reason", "Wiremu"
		d.do(again)
		want := first.Blocks
		got := must(d.Blocks(ctx, store.BlockQuery{}))(d)
		require.Len(d, got, 2)
		assert.Less(d, got[0].Seq, got[1].Seq)
		for i := range got {
			want[i].Seq = got[i].Seq
		}
		assert.Equal(d, want, got)
		assert.Equal(d, want[1:], must(d.Blocks(ctx, store.BlockQuery{After: got[0].Seq}))(d))
		assert.Equal(d, want[:1], must(d.Blocks(ctx, store.BlockQuery{Limit: 1}))(d))
		assert.Equal(d, want[1:], must(d.Blocks(ctx, store.BlockQuery{Subject: want[1].Subject}))(d))
	}},
	{says: "a block ends with RemoveBlock, once, and a new one is the newest", test: func(d *db) {
		d.do(blocks("evil.example", "rata.example"))
		d.do(store.RemoveBlock{Subject: "evil.example"})
		d.refuses(store.ErrNotFound, notes("unblock"), store.RemoveBlock{Subject: "evil.example"})
		last := must(d.Blocks(ctx, store.BlockQuery{}))(d)
		require.Len(d, last, 1)
		d.do(store.RemoveBlock{Subject: "rata.example"}, blocks("rata.example"))
		assert.Greater(d, must(d.Blocks(ctx, store.BlockQuery{}))(d)[0].Seq, last[0].Seq)
	}},
	{says: "a domain is blocked with all that is under it, on every port, and without its neighbours", test: func(d *db) {
		for id := range neighbours {
			d.do(neighbour(id)...)
		}
		d.do(blocks("evil.example"))
		all := d.everything()
		stays := func(id string) bool { return !neighbours[id] }
		followers := map[string]bool{}
		for _, f := range all.Followers {
			followers[f.ID] = true
		}
		liked, shown, sent := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, r := range all.Reactions {
			liked[r.From] = true
		}
		for _, r := range all.Received {
			shown[r.From] = r.State == store.Shown
		}
		for _, one := range all.Deliveries {
			sent[one.Inbox] = one.State == store.Pending
		}
		for id := range neighbours {
			assert.Equal(d, stays(id), followers[id], "follower %s", id)
			assert.Equal(d, stays(id), followers["https://kauri.example/of/"+id], "inbox %s", id)
			assert.Equal(d, stays(id), liked[id], "like by %s", id)
			assert.Equal(d, stays(id), shown[id], "reply by %s", id)
			assert.Equal(d, stays(id), sent[id], "delivery to %s", id)
		}
	}},
	{says: "whoever is blocked is not let in, and their neighbours are", test: func(d *db) {
		d.do(blocks("evil.example"))
		for id, covered := range neighbours {
			for i, op := range neighbour(id)[:4] {
				err := d.Apply(ctx, notes("before"), op)
				if covered {
					assert.ErrorIs(d, err, store.ErrBlocked, "%T %d of %s", op, i, id)
				} else {
					assert.NoError(d, err, "%T %d of %s", op, i, id)
				}
			}
		}
		d.do(store.RemoveBlock{Subject: "evil.example"})
		for id, covered := range neighbours {
			if covered {
				d.do(neighbour(id)...)
			}
		}
	}},
	{says: "an actor is blocked by its id, and nobody else of its server", test: func(d *db) {
		shy := follows(alerts, "mia", hosts[1])
		shy.Follower.SharedInbox = ""
		d.do(follows(news, "mia", hosts[1]), shy, follows(news, "aroha", hosts[1]), accepts(1, "mia", hosts[1]), accepts(2, "aroha", hosts[1]),
			likes("mia", hosts[1], object(1)), likes("aroha", hosts[1], object(1)), sends(creates(3), inbox("mia", hosts[1])),
			sends(creates(4), inbox("aroha", hosts[1])), sends(creates(5), shared(hosts[1])))
		theirs := replies(1, object(1))
		theirs.Received.From = person("mia", hosts[1])
		d.do(theirs, blocks(person("mia", hosts[1])))
		assert.Equal(d, []string{person("aroha", hosts[1])}, d.names(store.FollowerQuery{}))
		all := d.everything()
		require.Len(d, all.Reactions, 1)
		assert.Equal(d, person("aroha", hosts[1]), all.Reactions[0].From)
		assert.Equal(d, store.Refused, all.Received[0].State)
		assert.Empty(d, d.inboxes(activity(1)), "what was said to it alone is forgotten")
		assert.Len(d, d.inboxes(activity(2)), 1)
		assert.Equal(d, []string{"rata.example cancelled"}, d.states(object(3)))
		assert.Equal(d, []string{"rata.example pending"}, d.states(object(4)))
		assert.Equal(d, []string{"rata.example pending"}, d.states(object(5)), "others are behind the shared inbox")
		d.refuses(store.ErrBlocked, follows(news, "mia", hosts[1]))
		d.do(likes("hemi", hosts[1], object(1)))
	}},
	{says: "an inbox that a blocked actor shares with others gets its letters", test: func(d *db) {
		one, all := follows(news, "mia", hosts[1]), follows(news, "hemi", hosts[2])
		one.Follower.Inbox, one.Follower.SharedInbox = shared(hosts[1]), ""
		all.Follower.Inbox, all.Follower.SharedInbox = shared(hosts[2]), ""
		d.do(one, all, follows(news, "aroha", hosts[1]), sends(creates(1), shared(hosts[1])), sends(creates(2), shared(hosts[2])))
		d.do(blocks(one.Follower.ID, all.Follower.ID))
		assert.Equal(d, []string{hosts[1] + " pending"}, d.states(object(1)))
		assert.Equal(d, []string{hosts[2] + " cancelled"}, d.states(object(2)))
	}},
	{says: "an actor is blocked under its id with the port that goes without saying", test: func(d *db) {
		id := "https://rata.example:443/users/mia"
		d.do(neighbour(id)...)
		d.do(blocks("https://rata.example/users/mia"))
		assert.Equal(d, []string{"https://kauri.example/of/" + id}, d.names(store.FollowerQuery{}), "only its inbox is elsewhere")
		d.refuses(store.ErrBlocked, neighbour(id)[0])
	}},
	{says: "what somebody said is refused by a block, and what was decided or only noted stays", test: func(d *db) {
		for n, state := range []store.ReceivedState{store.Held, store.Shown, store.Refused, store.Noted} {
			r := replies(n, object(1))
			r.Received.State = state
			if state == store.Refused {
				r.Received.By, r.Received.Reason, r.Received.Decided = "Wiremu", "abuse", nine
			}
			d.do(r)
		}
		d.do(replies(4, object(1)), store.Retract{ID: reply(4), From: person("aroha", hosts[0]), At: nine})
		before := d.everything().Received
		d.do(blocks(hosts[0]))
		want := before
		for i := range want {
			if want[i].State == store.Held || want[i].State == store.Shown {
				want[i].State, want[i].By, want[i].Reason, want[i].Decided = store.Refused, "Hana", "spam from "+hosts[0], after(time.Hour)
			}
		}
		assert.Equal(d, want, d.everything().Received)
		d.do(store.RemoveBlock{Subject: hosts[0]})
		assert.Equal(d, want, d.everything().Received, "nothing comes back")
	}},
	{says: "with Erase nothing of what they said is left but that they said it", test: func(d *db) {
		for n, state := range []store.ReceivedState{store.Held, store.Shown, store.Refused, store.Noted} {
			r := replies(n, object(1))
			r.Received.State = state
			d.do(r)
		}
		op := blocks(hosts[0])
		op.Erase = true
		d.do(op)
		for _, r := range d.everything().Received {
			assert.Equal(d, store.Retracted, r.State, r.ID)
			assert.Nil(d, r.Body)
			assert.Equal(d, after(time.Hour), r.Updated)
		}
		d.do(store.RemoveBlock{Subject: hosts[0]})
		d.refuses(store.ErrDuplicate, replies(0, object(1)))
		d.refuses(store.ErrNotFound, store.Revise{ID: reply(1), From: person("aroha", hosts[0]), Body: []byte("again"), At: after(2 * time.Hour)})
	}},
	{says: "what is blocked cannot be revised", test: func(d *db) {
		d.do(replies(1, object(1)), blocks(hosts[0]))
		d.refuses(store.ErrBlocked, store.Revise{ID: reply(1), From: person("aroha", hosts[0]), Body: []byte("again"), At: after(2 * time.Hour)})
	}},
	{says: "deliveries are taken back as by Cancel: what is under way may still arrive, and dead letters do not revive", test: func(d *db) {
		d.do(pin(news), sends(creates(1), inbox("aroha", hosts[0])))
		one := d.claimOne(nine, news)
		d.do(sends(creates(2), inbox("aroha", hosts[0])), sends(creates(3), inbox("mia", hosts[1])))
		dead := d.claims(store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute})
		require.Len(d, dead, 2)
		for _, letter := range dead {
			d.do(settles(letter, store.Failed))
		}
		d.do(blocks(hosts[0]), store.Retry{Actor: news})
		assert.Equal(d, []string{hosts[0] + " cancelled"}, d.states(object(1)))
		assert.Equal(d, []string{hosts[0] + " cancelled"}, d.states(object(2)))
		assert.Equal(d, []string{hosts[1] + " pending"}, d.states(object(3)))
		d.do(settles(one, store.Delivered))
		assert.Equal(d, []string{hosts[0] + " delivered"}, d.states(object(1)))
	}},
	{says: "many are blocked in one op, each for its own reason", test: func(d *db) {
		for i, host := range hosts {
			r := replies(i, object(1))
			r.Received.ID, r.Received.From = fmt.Sprint("reply ", i), person("mia", host)
			d.do(follows(news, "mia", host), r)
		}
		d.do(blocks("kauri.example", "totara.example", person("mia", hosts[1])))
		assert.Equal(d, []string{person("mia", hosts[3]), person("mia", hosts[4])}, d.names(store.FollowerQuery{}))
		var reasons []string
		for _, r := range d.everything().Received {
			reasons = append(reasons, r.Reason)
		}
		assert.Equal(d, []string{"", "", "spam from totara.example", "spam from " + person("mia", hosts[1]), "spam from kauri.example"}, reasons)
	}},
	{says: "a block that fails with the rest of its Apply ended nothing", test: func(d *db) {
		d.do(follows(news, "aroha", hosts[0]), likes("aroha", hosts[0], object(1)), replies(1, object(1)), sends(creates(1), inbox("aroha", hosts[0])))
		d.refuses(store.ErrNotFound, blocks(hosts[0]), store.RemoveBlock{Subject: "nobody.example"})
	}},
	{says: "a block is seen at once by who shares the database", test: func(d *db) {
		second := d.handle()
		d.do(blocks("evil.example"))
		assert.Len(d, must(second.Blocks(ctx, store.BlockQuery{}))(d), 1)
		assert.ErrorIs(d, second.Apply(ctx, neighbour("https://evil.example/users/mia")[0]), store.ErrBlocked)
	}},
}
