package outbox

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/store"
)

// Publisher turns items into posts. Store, Actors and URLs are required. It
// never waits for another server and is safe for concurrent use, also by
// several processes on one store.
type Publisher struct {
	Store  store.Store
	Actors []*actor.Local
	URLs   actor.URLs

	By      string                  // who decides, for the journal, where an item does not say; "website" when empty. See As
	TagURL  func(tag string) string // the page of a hashtag; nil links hashtags to the page of the item
	Spread  time.Duration           // over which routine news goes out, where more than store.SpreadAbove servers get it; 0 is at once, and six days are the most
	Wake    func()                  // called when there is something to deliver; may be nil
	Changed func(store.Post)        // called with each post as it now stands; may be nil
	NewID   func() string           // nil is the function [NewID]
	Now     func() time.Time        // nil is time.Now
	Log     *slog.Logger            // nil logs nothing

	pinned atomic.Bool
}

// As returns the publisher in the hands of a person or system, whom the journal
// then names for all that is decided with it:
//
//	publisher.As("Ana Tamihana").Withdraw(ctx, "", "2026/17")
func (p *Publisher) As(by string) *Publisher {
	other := &Publisher{
		Store: p.Store, Actors: p.Actors, URLs: p.URLs,
		By: by, TagURL: p.TagURL, Spread: p.Spread, Wake: p.Wake, Changed: p.Changed, NewID: p.NewID, Now: p.Now, Log: p.Log,
	}
	other.pinned.Store(p.pinned.Load())
	return other
}

// NewID returns an opaque id of 26 lower-case letters and digits: 48 bits of
// time, so that ids of one process sort by it, and 82 random bits.
func NewID() string {
	var b [16]byte
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	rand.Read(b[6:])
	return idEncoding.EncodeToString(b[:])
}

// idEncoding keeps the order of the bytes.
var idEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// isID says whether s has the form of what NewID returns.
func isID(s string) bool {
	if len(s) != 26 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'v') {
			return false
		}
	}
	return true
}

// Publish says an item: a new one becomes a post, a changed one an edit of its
// post, and one that is published as it is changes nothing. The error joins all
// that is wrong with the item. It is safe to call again after any error.
func (p *Publisher) Publish(ctx context.Context, it Item) (store.Post, error) {
	v, err := p.voice(it.Actor)
	if err != nil {
		return store.Post{}, fmt.Errorf("outbox: publish %q: %w", it.Key, err)
	}
	it = spoken(it, v)
	m := p.moment(it.By)
	if err := it.check(m.now); err != nil {
		return store.Post{}, fmt.Errorf("outbox: publish %q: %w", it.Key, err)
	}
	post, err := p.decide(ctx, v.actor.ID, it.Key, func(current *store.Post) (step, error) {
		return next(current, it, v, m)
	})
	if err != nil {
		return store.Post{}, fmt.Errorf("outbox: publish %q: %w", it.Key, err)
	}
	return post, nil
}

// Withdraw takes back what an actor published under key. Peers are asked to
// erase it; a tombstone stays. It fails with store.ErrNotFound when nothing was
// published, and changes nothing when it is withdrawn already.
func (p *Publisher) Withdraw(ctx context.Context, actor, key string) error {
	v, err := p.voice(actor)
	if err != nil {
		return fmt.Errorf("outbox: withdraw %q: %w", key, err)
	}
	m := p.moment("")
	_, err = p.decide(ctx, v.actor.ID, key, func(current *store.Post) (step, error) {
		switch {
		case current == nil:
			return step{}, store.ErrNotFound
		case current.State == store.Withdrawn:
			return step{kind: unchanged, post: *current}, nil
		default:
			return withdraw(*current, v, m)
		}
	})
	if err != nil {
		return fmt.Errorf("outbox: withdraw %q: %w", key, err)
	}
	return nil
}

// attempts is how often a decision is made anew when another process was faster.
const attempts = 8

// decide reads the newest post under a key, decides, and writes; when the post
// changed in between, it starts over.
func (p *Publisher) decide(ctx context.Context, actor, key string, decision func(*store.Post) (step, error)) (store.Post, error) {
	err := p.mayWrite(ctx)
	if err != nil {
		return store.Post{}, err
	}
	for range attempts {
		var current *store.Post
		var s step
		if current, err = p.newest(ctx, actor, key); err != nil {
			return store.Post{}, err
		}
		if s, err = decision(current); err != nil {
			return store.Post{}, err
		}
		if s.kind == unchanged {
			return s.post, nil
		}
		if err = p.Store.Apply(ctx, s.ops...); err == nil {
			return p.done(ctx, s)
		}
		if !errors.Is(err, store.ErrConflict) {
			return store.Post{}, err
		}
	}
	return store.Post{}, fmt.Errorf("gave up after %d attempts: %w", attempts, err)
}

// Post returns what an actor has published under key and not withdrawn. It fails
// with store.ErrNotFound when there is nothing.
func (p *Publisher) Post(ctx context.Context, actor, key string) (store.Post, error) {
	a, err := find(p.Actors, actor)
	if err != nil {
		return store.Post{}, fmt.Errorf("outbox: post %q: %w", key, err)
	}
	post, err := p.newest(ctx, a.ID, key)
	switch {
	case err != nil:
		return store.Post{}, fmt.Errorf("outbox: post %q: %w", key, err)
	case post == nil || post.State != store.Live:
		return store.Post{}, fmt.Errorf("outbox: post %q: %w", key, store.ErrNotFound)
	}
	return *post, nil
}

// newest returns the newest post of an actor under key, or nil.
func (p *Publisher) newest(ctx context.Context, actor, key string) (*store.Post, error) {
	posts, err := p.Store.Posts(ctx, store.PostQuery{Actor: actor, Key: key, Limit: 1})
	if err != nil || len(posts) == 0 {
		return nil, err
	}
	return &posts[0], nil
}

// done tells those who wait for it what was written.
func (p *Publisher) done(ctx context.Context, s step) (store.Post, error) {
	p.log().InfoContext(ctx, "outbox: "+s.kind, "post", s.post.ID, "key", s.post.Key, "rev", s.post.Rev)
	if p.Changed != nil {
		p.Changed(s.post)
	}
	p.wake()
	return s.post, nil
}

// Preview shows what an item would become.
type Preview struct {
	Object  []byte   // the document
	Content string   // its HTML
	Advice  []string // what is allowed, but probably not meant
}

// Preview renders an item without publishing it. It fails where Publish would,
// except that a time to come is fine.
func (p *Publisher) Preview(it Item) (Preview, error) {
	v, err := p.voice(it.Actor)
	if err != nil {
		return Preview{}, fmt.Errorf("outbox: preview %q: %w", it.Key, err)
	}
	it = spoken(it, v)
	m := p.moment(it.By)
	if it.Published.After(m.now) {
		m.now = it.Published
	}
	if err := it.check(m.now); err != nil {
		return Preview{}, fmt.Errorf("outbox: preview %q: %w", it.Key, err)
	}
	s, err := create(it, v, m)
	if err != nil {
		return Preview{}, fmt.Errorf("outbox: preview %q: %w", it.Key, err)
	}
	return Preview{Object: s.post.Body, Content: v.content(it, it.texts()), Advice: v.advice(it, m.now)}, nil
}

// realTime is how old a post may be for Mastodon to put it into home timelines.
const realTime = 6 * time.Hour

// shownImages is how many images Mastodon shows.
const shownImages = 4

func (v voice) advice(it Item, now time.Time) []string {
	var advice []string
	if !it.Published.IsZero() && now.Sub(it.Published) > realTime {
		advice = append(advice, "published more than six hours ago: Mastodon puts it into no home timeline")
	}
	if page, err := url.Parse(it.URL); err == nil && page.Host != v.urls.Host() {
		advice = append(advice, "url is on another host than the site: Mastodon links the post to its id instead")
	}
	if len(it.Images) > shownImages {
		advice = append(advice, "more than four images: Mastodon shows the first four")
	}
	return advice
}

// spoken fills in what an item leaves to its actor.
func spoken(it Item, v voice) Item {
	if it.Language == "" && len(v.actor.Profile.Languages) > 0 {
		it.Language = v.actor.Profile.Languages[0]
	}
	it.Actor = v.actor.Profile.Handle
	return it
}

func (p *Publisher) voice(name string) (voice, error) {
	a, err := find(p.Actors, name)
	return voice{actor: a, urls: p.URLs, tagURL: p.TagURL, spread: p.Spread}, err
}

// find returns the actor with a handle or id; the first one for an empty name.
func find(actors []*actor.Local, name string) (*actor.Local, error) {
	if len(actors) == 0 {
		return nil, errors.New("the site has no actor")
	}
	if name == "" {
		return actors[0], nil
	}
	var known []string
	for _, a := range actors {
		if strings.EqualFold(strings.TrimPrefix(name, "@"), a.Profile.Handle) || name == a.ID {
			return a, nil
		}
		known = append(known, a.Profile.Handle)
	}
	return nil, fmt.Errorf("no actor is called %q: there are %s", name, strings.Join(known, ", "))
}

func (p *Publisher) moment(by string) moment {
	m := moment{now: p.now(), newID: p.NewID, by: by}
	if m.newID == nil {
		m.newID = NewID
	}
	if m.by == "" {
		m.by = p.By
	}
	if m.by == "" {
		m.by = "website"
	}
	return m
}

func (p *Publisher) now() time.Time { return clock(p.Now) }

func (p *Publisher) log() *slog.Logger { return logger(p.Log) }

func (p *Publisher) wake() {
	if p.Wake != nil {
		p.Wake()
	}
}

func clock(now func() time.Time) time.Time {
	if now == nil {
		return time.Now()
	}
	return now()
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
