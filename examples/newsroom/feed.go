package main

import (
	"context"
	"strings"

	"github.com/panui/panui/outbox"
	"github.com/panui/panui/outbox/feed"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
)

// poller takes the news from a feed instead of the editor.
func (n *newsroom) poller() *feed.Poller {
	source := feed.FromFile(n.feed)
	if strings.HasPrefix(n.feed, "https://") || strings.HasPrefix(n.feed, "http://") {
		source = feed.FromURL(egress.New(egress.Options{InsecureLoopback: n.insecure}), n.feed)
	}
	return &feed.Poller{
		Name: n.handle, Source: source, Reading: feed.Reading{Language: "en-NZ"}, Backfill: n.backfill,
		Publisher: fromFeed{n}, Store: n.db,
	}
}

// fromFeed publishes what the poller finds on the website, too.
type fromFeed struct{ *newsroom }

// Publish keeps an item of the feed as an article with a page of its own.
func (n fromFeed) Publish(ctx context.Context, it outbox.Item) (store.Post, error) {
	a, known := n.news.find(it.Key)
	if !known {
		a = article{Key: it.Key, Slug: n.news.slug(it.Title), Published: it.Published}
	} else if a.HTML != it.HTML || a.Title != it.Title {
		a.Updated = now()
	}
	if a.Published.IsZero() {
		a.Published = now()
	}
	a.Title, a.Summary, a.HTML, a.Language, a.Tags, a.Source = it.Title, it.Abstract, it.HTML, it.Language, it.Tags, it.URL
	if len(it.Images) > 0 {
		a.Image, a.ImageAlt, a.Decorative = it.Images[0].URL, it.Images[0].Alt, it.Images[0].Decorative
	}
	a.By = "the feed"
	if err := n.news.put(a); err != nil {
		return store.Post{}, err
	}
	it.URL, it.By = n.address(a), a.By
	return n.site.Publish(ctx, it)
}
