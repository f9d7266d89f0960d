package panui_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// A story is told once in peace, and then again for each call that can fail.
type story struct {
	name    string
	brief   bool  // fails in one way of each effect only, because it is long
	twice   []int // a conflict, and that many calls later EIO
	setting setting
	tell    func(*troubled)
}

// stories are what an agency and its followers live through.
func stories() []story {
	return []story{
		{name: "a follow is accepted", twice: []int{1, 2}, tell: func(w *troubled) {
			w.follows(w.aroha)
			w.deliver()
		}},
		{name: "a follow is accepted, and news arrives, on SQLite", brief: true, setting: setting{backend: "sqlite"}, tell: func(w *troubled) {
			w.follows(w.aroha)
			w.deliver()
			post := w.publish("17", "Road closed")
			w.deliver()
			w.replies(w.aroha, post)
			w.decide(store.Shown)
		}},
		{name: "news reaches two servers", brief: true, tell: func(w *troubled) {
			w.follows(w.aroha)
			w.follows(w.wiremu)
			w.follows(w.bob)
			w.deliver()
			w.publish("17", "Road closed")
			w.deliver()
		}},
		{name: "news is corrected and withdrawn", brief: true, tell: func(w *troubled) {
			w.follows(w.bob)
			w.deliver()
			w.publish("17", "Road closed")
			w.publish("18", "Bridge open", func(it *outbox.Item) { it.Pinned = true })
			w.deliver()
			w.publish("17", "Road open")
			w.deliver()
			w.withdraw("17")
			w.deliver()
			w.publish("17", "Road closed again")
			w.deliver()
		}},
		{name: "a reply is approved, edited and taken back", tell: func(w *troubled) {
			post := w.publish("17", "Road closed")
			reply := w.replies(w.aroha, post)
			w.decide(store.Shown)
			w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) {
				return w.aroha.EditReply(ctx, reply, "<p>Ka pai "+secret+"</p>")
			})
			w.decide(store.Refused)
			w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) { return w.aroha.DeleteReply(ctx, reply) })
		}},
		{name: "likes and boosts come and go", tell: func(w *troubled) {
			post := w.publish("17", "Road closed")
			like := w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) { return w.aroha.Like(ctx, post.ID) })
			w.says(w.bob, func(ctx context.Context) (actortest.Sent, error) { return w.bob.Announce(ctx, post.ID) })
			w.undoes(w.aroha, like)
		}},
		{name: "a follower leaves and comes back", tell: func(w *troubled) {
			follow := w.follows(w.bob)
			w.deliver()
			w.undoes(w.bob, follow)
			w.publish("17", "Road closed")
			w.deliver()
			w.follows(w.bob)
			w.deliver()
		}},
		{name: "a remote account closes", tell: func(w *troubled) {
			w.follows(w.aroha)
			w.deliver()
			post := w.publish("17", "Road closed")
			w.replies(w.aroha, post)
			w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) { return w.aroha.Like(ctx, post.ID) })
			w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) {
				return w.aroha.DeleteActor(ctx, w.config.Actors[0].Handle)
			})
		}},
		{name: "someone reports, blocks and moves", tell: func(w *troubled) {
			post := w.publish("17", "Road closed")
			w.follows(w.aroha)
			w.deliver()
			handle := w.config.Actors[0].Handle
			w.says(w.north.Actor(""), func(ctx context.Context) (actortest.Sent, error) { return w.aroha.Flag(ctx, handle, "spam", post.ID) })
			w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) { return w.aroha.Move(ctx, handle, w.bob.ID) })
			w.says(w.aroha, func(ctx context.Context) (actortest.Sent, error) { return w.aroha.Block(ctx, handle) })
		}},
		{name: "followers wait for a person", setting: setting{change: func(c *panui.Config) { c.Actors[0].ApproveFollowers = true }}, tell: func(w *troubled) {
			w.follows(w.aroha)
			w.follows(w.bob)
			us := w.base + "/ap/actors/news"
			w.do("who waits", func(ctx context.Context) error {
				_, err := w.site.Load().Moderator().Waiting(ctx, us, 0)
				return err
			})
			w.do("accept", func(ctx context.Context) error {
				return w.site.Load().Moderator().AcceptFollower(ctx, us, w.aroha.ID, "Hine")
			})
			w.do("refuse", func(ctx context.Context) error {
				err := w.site.Load().Moderator().RefuseFollower(ctx, us, w.bob.ID, "Hine")
				return unlessGone(w, err)
			})
			w.deliver()
		}},
		{name: "sending is stopped for a while", tell: func(w *troubled) {
			w.follows(w.bob)
			w.deliver()
			w.do("stop", func(ctx context.Context) error { return w.site.Load().As("Hine").Stop(ctx) })
			w.publish("17", "Road closed")
			w.do("deliver", func(ctx context.Context) error { return w.site.Load().Deliver(ctx) })
			w.do("resume", func(ctx context.Context) error { return w.site.Load().As("Hine").Resume(ctx) })
			w.deliver()
		}},
		{name: "a server takes RFC 9421 only, and no GET without it", brief: true, setting: setting{south: &actortest.Options{Dialect: actortest.Mastodon, Signatures: actortest.RFC9421Alone, RejectUnsignedGets: true}, mute: "a form that could not be written down is found out again"}, tell: func(w *troubled) {
			w.follows(w.bob)
			w.deliver()
			w.publish("17", "Road closed")
			w.deliver()
			w.restart()
			w.publish("18", "Bridge open")
			w.deliver()
		}},
		{name: "only who signs may read", setting: setting{change: func(c *panui.Config) { c.AuthorizedFetch = true }}, tell: func(w *troubled) {
			post := w.publish("17", "Road closed", func(it *outbox.Item) { it.Pinned = true })
			w.looks(post.ID, http.StatusUnauthorized)
			for _, at := range []string{post.ID, post.Activity, w.us() + "/outbox?page=true", w.us() + "/featured", post.ID + "/replies"} {
				w.reads(w.aroha, at, http.StatusOK)
			}
			w.restart()
			w.reads(w.bob, post.ID, http.StatusOK)
			w.withdraw("17")
			w.reads(w.bob, post.ID, http.StatusGone)
		}},
		{name: "a server demands proofs", brief: true, setting: setting{proofs: true, south: &actortest.Options{Proofs: true}}, tell: func(w *troubled) {
			w.follows(w.bob)
			w.deliver()
			w.publish("17", "Road closed")
			w.deliver()
			w.publish("17", "Road open")
			w.deliver()
			w.withdraw("17")
			w.deliver()
		}},
		{name: "the profile changes and the site starts anew", brief: true, tell: func(w *troubled) {
			w.follows(w.bob)
			w.deliver()
			w.publish("17", "Road closed")
			w.restart(func(c *panui.Config) { c.Actors[0].Name = "Te Manatū Hou" })
			w.deliver()
			w.restart()
			w.publish("18", "Bridge open")
			w.deliver()
		}},
		{name: "the process dies between all steps", brief: true, tell: func(w *troubled) {
			w.restart()
			w.follows(w.aroha)
			w.restart()
			post := w.publish("17", "Road closed")
			w.restart()
			w.deliver()
			w.restart()
			w.replies(w.aroha, post)
			w.restart()
			w.withdraw("17")
			w.restart()
			w.deliver()
		}},
		{name: "a server is in trouble and its letters are sent again", brief: true, tell: func(w *troubled) {
			w.follows(w.aroha)
			w.follows(w.bob)
			w.deliver()
			w.north.Answer("", actortest.Answer{Status: http.StatusGone})
			w.south.Answer("", actortest.Answer{Status: http.StatusTooManyRequests, RetryAfter: time.Minute, Times: 2})
			w.publish("17", "Road closed")
			w.deliver()
			w.north.Answer("", actortest.Answer{})
			var letters []store.Delivery
			w.do("dead letters", func(ctx context.Context) (err error) {
				letters, err = w.site.Load().DeadLetters(ctx, "")
				return err
			})
			for _, letter := range letters {
				w.do("retry", func(ctx context.Context) error {
					return unlessGone(w, w.site.Load().Retry(ctx, "", letter.ID))
				})
			}
			w.deliver()
			w.do("receipt", func(ctx context.Context) error {
				receipt, err := w.site.Load().Receipt(ctx, "", "17")
				if err == nil {
					assert.Equal(w, 2, receipt.Delivered)
				}
				return err
			})
		}},
	}
}

// deskStories are those in which the agency is alone with its store. They cost
// little, so that they may be long.
func deskStories() []story {
	alone := setting{alone: true}
	return []story{
		{name: "a day at the website", setting: alone, tell: dayAtTheWebsite},
		{name: "a day at the website, on SQLite", brief: true, setting: setting{alone: true, backend: "sqlite"}, tell: dayAtTheWebsite},
		{name: "an archive is taken over", setting: alone, tell: func(w *troubled) {
			w.knew(follower(w.us(), "a"))
			for year := range 12 {
				w.publish(strconv.Itoa(2014+year), "Annual report")
			}
			for year := range 6 {
				w.withdraw(strconv.Itoa(2014 + year))
			}
		}},
		{name: "a day of a moderator", setting: alone, tell: dayOfAModerator},
		{name: "a day of a moderator, on SQLite", brief: true, setting: setting{alone: true, backend: "sqlite"}, tell: dayOfAModerator},
		{name: "a copy with another key may not speak", setting: alone, tell: func(w *troubled) {
			w.publish("17", "Road closed")
			key, err := signing.New(privateKey("copy"))
			require.NoError(w, err)
			copied := w.config
			copied.Actors = []actor.Profile{copied.Actors[0]}
			copied.Actors[0].Key = key
			site, err := panui.New(copied)
			require.NoError(w, err)
			for range 2 {
				ctx, cancel := w.in.WithCancel(w.Context())
				err := site.Begin(ctx)
				cancel()
				require.Error(w, err)
				if !errors.Is(err, store.ErrConflict) {
					w.hear("begin", err)
				}
				w.told = append(w.told, err.Error())
				w.in.Heal()
			}
		}},
		{name: "a server and an actor are blocked and let in again", setting: alone, tell: blocksAndUnblocks},
		{name: "blocked and let in again, on SQLite", setting: setting{alone: true, backend: "sqlite"}, tell: blocksAndUnblocks},
		{name: "a key is announced, switched and revoked", setting: alone, tell: replacesKeys},
		{name: "two processes share the store", setting: alone, tell: func(w *troubled) {
			w.knew(follower(w.us(), "a"))
			one := w.site.Load()
			w.restart()
			two := w.site.Load()
			turn := func(s *panui.Site) { w.site.Store(s) }
			w.publish("17", "Road closed")
			turn(one)
			w.publish("17", "Road closed until Monday")
			w.publish("18", "Bridge open")
			turn(two)
			w.withdraw("18")
			w.publish("17", "Road open")
			turn(one)
			w.withdraw("18")
			w.publish("18", "Bridge open again")
			turn(two)
			w.publish("18", "Bridge open again")
			w.looks(w.us()+"/outbox?page=true", http.StatusOK)
			turn(one)
			w.looks(w.us()+"/outbox?page=true", http.StatusOK)
		}},
		{name: "everything is looked at", setting: alone, tell: func(w *troubled) {
			post := w.publish("17", "Road closed", func(it *outbox.Item) { it.Pinned = true })
			w.knew(arrival(w, post, "1"))
			w.decide(store.Shown)
			for range 2 {
				for _, at := range []string{
					w.us(), w.us() + "/followers", w.us() + "/outbox", w.us() + "/outbox?page=true", w.us() + "/featured", post.ID, post.Activity,
					post.ID + "/replies", post.ID + "/replies?page=true", w.base + "/ap/nodeinfo/2.1",
				} {
					w.looks(at, http.StatusOK)
				}
				w.restart()
			}
			w.withdraw("17")
			w.looks(post.ID, http.StatusGone)
			w.looks(post.Activity, http.StatusGone)
		}},
	}
}

func dayOfAModerator(w *troubled) {
	post := w.publish("17", "Road closed")
	for _, id := range []string{"1", "2", "3"} {
		w.knew(arrival(w, post, id))
		w.decide(map[string]store.ReceivedState{"1": store.Shown, "2": store.Refused, "3": store.Shown}[id])
	}
	w.do("list", func(ctx context.Context) error {
		_, _, err := w.site.Load().Moderator().Replies(ctx, post.ID, inbox.Page{})
		return err
	})
	for _, id := range []string{"a", "b", "c"} {
		asks := follower(w.us(), id)
		asks.Follower.State = store.Requested
		w.knew(asks)
	}
	moderator := w.site.Load().Moderator()
	answer := map[string]func(ctx context.Context, actor, id, by string) error{
		"a": moderator.AcceptFollower, "b": moderator.RefuseFollower, "c": moderator.AcceptFollower,
	}
	for _, id := range []string{"a", "b", "c"} {
		w.do("who waits", func(ctx context.Context) error {
			_, err := moderator.Waiting(ctx, w.us(), 0)
			return err
		})
		w.do("answer", func(ctx context.Context) error {
			return unlessGone(w, answer[id](ctx, w.us(), follower(w.us(), id).Follower.ID, "Hine"))
		})
	}
}

func dayAtTheWebsite(w *troubled) {
	w.knew(follower(w.us(), "a"), follower(w.us(), "b"))
	w.publish("17", "Road closed")
	w.publish("17", "Road closed until Monday")
	w.publish("17", "Road closed until Monday")
	w.publish("18", "Bridge open", func(it *outbox.Item) { it.Pinned = true })
	w.publish("18", "Bridge open")
	w.restart(func(c *panui.Config) { c.Actors[0].Name = "Te Manatū Hou" })
	w.do("stop", func(ctx context.Context) error { return w.site.Load().As("Hine").Stop(ctx) })
	w.withdraw("17")
	w.restart(func(c *panui.Config) { c.Actors[0].Summary = "Tēnā koutou" })
	w.do("resume", func(ctx context.Context) error { return w.site.Load().As("Hine").Resume(ctx) })
	w.publish("17", "Road open")
	w.withdraw("18")
	w.do("receipt", func(ctx context.Context) error {
		receipt, err := w.site.Load().Receipt(ctx, "", "17")
		if err == nil {
			assert.Equal(w, 2, receipt.Pending)
		}
		return err
	})
	w.do("dead letters", func(ctx context.Context) error {
		_, err := w.site.Load().DeadLetters(ctx, "")
		return err
	})
	w.do("retry", func(ctx context.Context) error { return w.site.Load().Retry(ctx, "") })
	w.do("link", func(ctx context.Context) error {
		_, err := w.site.Load().Link(ctx, "", "17")
		return err
	})
}

func blocksAndUnblocks(w *troubled) {
	w.knew(follower(w.us(), "a"), follower(w.us(), "b"))
	post := w.publish("17", "Road closed")
	w.knew(arrival(w, post, "1"))
	moderator := w.site.Load().Moderator()
	w.do("block", func(ctx context.Context) error {
		return moderator.Block(ctx, inbox.Block{Subject: follower(w.us(), "a").Follower.ID, Reason: "rule 3", By: "Hine"})
	})
	w.do("block", func(ctx context.Context) error {
		return moderator.Block(ctx, inbox.Block{Subject: "peer.example", Reason: "rule 3", By: "Hine"})
	})
	w.publish("18", "Bridge open")
	w.do("import", func(ctx context.Context) error {
		_, err := moderator.ImportBlocks(ctx, strings.NewReader("#domain,#severity\nspam.example,suspend\n"), inbox.Import{Reason: "a list", By: "Hine"})
		return err
	})
	w.do("import that erases", func(ctx context.Context) error {
		_, err := moderator.ImportBlocks(ctx, strings.NewReader("peer.example\n"), inbox.Import{Reason: "a list", By: "Hine", Erase: true})
		return err
	})
	for _, subject := range []string{"peer.example", follower(w.us(), "a").Follower.ID} {
		w.do("unblock", func(ctx context.Context) error { return unlessGone(w, moderator.Unblock(ctx, subject, "Hine")) })
	}
	w.do("list", func(ctx context.Context) error {
		all, err := moderator.Blocks(ctx, 0)
		if err == nil {
			assert.Len(w, all, 1)
		}
		return err
	})
	w.do("export", func(ctx context.Context) error { return moderator.ExportBlocks(ctx, io.Discard) })
}

func replacesKeys(w *troubled) {
	next := func(name string) *signing.Key {
		key, err := signing.New(privateKey(name))
		require.NoError(w, err)
		return key
	}
	w.publish("17", "Road closed")
	w.restart(func(c *panui.Config) { c.Actors[0].Next = next("next") })
	w.wait(25 * time.Hour)
	w.do("rotate", func(ctx context.Context) error { return w.site.Load().As("Hine").RotateKey(ctx, "") })
	w.knew(follower(w.us(), "a"))
	w.publish("18", "Bridge open")
	w.restart(func(c *panui.Config) { c.Actors[0].Key, c.Actors[0].Next = next("next"), next("last") })
	w.wait(25 * time.Hour)
	w.do("rotate", func(ctx context.Context) error { return w.site.Load().RotateKeyRiskingRefusal(ctx, "") })
	w.do("revoke", func(ctx context.Context) error {
		return w.site.Load().As("Hine").RevokeKey(ctx, "", next("spare"), "a laptop was stolen")
	})
	w.do("keys", func(ctx context.Context) error {
		all, err := w.site.Load().Keys(ctx)
		if err == nil {
			require.Len(w, all, 3, "one replaced, one revoked, and the one that signs")
			assert.Equal(w, next("spare").Fingerprint(), all[2].Fingerprint)
		}
		return err
	})
	w.restart(func(c *panui.Config) { c.Actors[0].Key, c.Actors[0].Next = next("spare"), nil })
	w.publish("19", "Road open")
}

// us is the id of the agency's actor.
func (w *troubled) us() string { return w.base + "/ap/actors/news" }

func follower(of, name string) store.PutFollower {
	id := "https://peer.example/users/" + name
	return store.PutFollower{Follower: store.Follower{
		Actor: of, ID: id, Inbox: id + "/inbox", Host: "peer.example", Follow: id + "/follow", State: store.Accepted, Since: start,
	}}
}

func arrival(w *troubled, to store.Post, name string) store.Receive {
	id := "https://peer.example/notes/" + name
	return store.Receive{Received: store.Received{
		ID: id, Actor: to.Actor, From: "https://peer.example/users/a", Type: "Create", About: to.ID, State: store.Held, At: w.clock(),
		Body: []byte(`{"@context":"https://www.w3.org/ns/activitystreams","id":"` + id + `/create","type":"Create","actor":"https://peer.example/users/a",
			"to":"https://www.w3.org/ns/activitystreams#Public","object":{"id":"` + id + `","type":"Note","attributedTo":"https://peer.example/users/a","inReplyTo":"` + to.ID + `","content":"Kia ora ` + secret + `"}}`),
	}}
}

// unlessGone takes what was done already for done: the answer to the first try was lost.
func unlessGone(w *troubled, err error) error {
	if len(w.in.Struck()) > 0 && errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
