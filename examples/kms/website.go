package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// newSite is all that a website writes: the KMS is a crypto.Signer like any
// other, and Signers says how many signatures are asked for at once.
func newSite(base string, db store.Store, private crypto.Signer, signers int) (*panui.Site, actor.Profile, error) {
	key, err := signing.New(private)
	if err != nil {
		return nil, actor.Profile{}, err
	}
	news := actor.Profile{Handle: "news@agency.govt.nz", Name: "Ministry of Examples", Key: key, Languages: []string{"en-NZ"}}
	site, err := panui.New(panui.Config{
		BaseURL: base, Actors: []actor.Profile{news}, Store: db, Signers: signers,
		InsecureLoopback: true, Log: slog.New(slog.DiscardHandler),
	})
	return site, news, err
}

// fanOut publishes one post to inboxes on many servers and returns how long it
// took until the last of them had it.
func fanOut(ctx context.Context, private crypto.Signer, inboxes, signers int) (took time.Duration, err error) {
	const base = "http://127.0.0.1:1" // nobody needs to reach this website
	db := memory.New()
	site, news, err := newSite(base, db, private, signers)
	if err != nil {
		return 0, err
	}
	crowd, err := gather(inboxes)
	if err != nil {
		return 0, err
	}
	defer crowd.disperse()
	local, err := actor.NewLocal(news, actor.URLs{Base: base}, signing.Policy{})
	if err != nil {
		return 0, err
	}
	if err := db.Apply(ctx, crowd.follow(local.ID)...); err != nil {
		return 0, err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Run(running) }()
	defer func() {
		stop()
		err = errors.Join(err, <-done)
	}()
	begun := time.Now()
	_, err = site.Publish(ctx, outbox.Item{
		Key: "2026/17", URL: "https://www.agency.govt.nz/news/17", Title: "Kia ora", HTML: "<p>Signed elsewhere.</p>", Language: "en-NZ",
	})
	if err != nil {
		return 0, err
	}
	err = crowd.waitFor(ctx)
	return time.Since(begun), err
}

// crowd are the servers that a post goes to, each with some inboxes: two
// connections to one server are all that Pānui makes.
type crowd struct {
	servers []*actortest.Server
	sinks   []*actortest.Sink
}

const inboxesEach = 10

func gather(inboxes int) (*crowd, error) {
	c := &crowd{}
	for left := inboxes; left > 0; left -= inboxesEach {
		server, err := actortest.Start(actortest.Options{})
		if err != nil {
			c.disperse()
			return nil, err
		}
		c.servers = append(c.servers, server)
		c.sinks = append(c.sinks, server.Inboxes(min(left, inboxesEach)))
	}
	return c, nil
}

func (c *crowd) disperse() {
	for _, s := range c.servers {
		s.Close()
	}
}

// follow makes a follower of each inbox.
func (c *crowd) follow(actor string) (ops []store.Op) {
	for _, s := range c.sinks {
		for i, inbox := range s.URLs() {
			ops = append(ops, store.PutFollower{Follower: store.Follower{
				Actor: actor, ID: fmt.Sprintf("%s/follower/%d", inbox, i), Inbox: inbox, Host: store.HostOf(inbox),
				Follow: fmt.Sprintf("%s/follow/%d", inbox, i), State: store.Accepted, Since: time.Now(),
			}})
		}
	}
	return ops
}

func (c *crowd) waitFor(ctx context.Context) error {
	for _, s := range c.sinks {
		if err := s.WaitFor(ctx, len(s.URLs())); err != nil {
			return err
		}
	}
	return nil
}
