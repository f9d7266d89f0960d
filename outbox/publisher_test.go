package outbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func kinds(t *testing.T, s store.Store) (all []string) {
	entries, err := s.Journal(t.Context(), store.JournalQuery{Limit: 1000})
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Kind)
	}
	return all
}

func TestTheLifeOfAnItem(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		first := tw.publish(bridge())
		assert.Equal(t, first.ID, tw.publish(bridge()).ID, "published as it is, nothing happens")

		tw.wait(time.Hour)
		corrected := tw.publish(bridge(func(it *Item) { it.Abstract = "It opens on Tuesday."; it.By = "Ana" }))
		assert.Equal(t, first.ID, corrected.ID)
		assert.Equal(t, 2, corrected.Rev)

		require.NoError(t, tw.publisher.Withdraw(tw.ctx, "@news@agency.govt.nz", "2026/17"))
		require.NoError(t, tw.publisher.Withdraw(tw.ctx, tw.actor.ID, "2026/17"), "once more changes nothing")
		assert.ErrorIs(t, tw.publisher.Withdraw(tw.ctx, "", "2026/99"), store.ErrNotFound)

		again := tw.publish(bridge())
		assert.NotEqual(t, first.ID, again.ID)
		assert.Equal(t, []string{"publish", "edit", "withdraw", "publish"}, kinds(t, s))
		entries, err := s.Journal(tw.ctx, store.JournalQuery{})
		require.NoError(t, err)
		assert.Equal(t, "website", entries[0].By)
		assert.Equal(t, "Ana", entries[1].By)
		assert.Contains(t, string(entries[1].Body), "It opens on Tuesday.", "the record keeps each version as it was said")
	})
}

func TestWhoSaysIt(t *testing.T) {
	tw := newTown(t, memory.New())
	_, err := tw.publisher.Publish(tw.ctx, bridge(func(it *Item) { it.Actor = "alerts@agency.govt.nz" }))
	assert.EqualError(t, err, `outbox: publish "2026/17": no actor is called "alerts@agency.govt.nz": there are news@agency.govt.nz`)

	post := tw.publish(bridge(func(it *Item) { it.Language = "" }))
	assert.Contains(t, string(post.Body), `"contentMap":{"en-NZ":`, "the actor's language")
	assert.Equal(t, post.ID, tw.publish(bridge(func(it *Item) { it.Actor = "News@Agency.govt.nz" })).ID)
}

func TestManyProcessesPublishOneItemOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		var publishing sync.WaitGroup
		var mu sync.Mutex
		ids := map[string]int{}
		for range 8 {
			publishing.Go(func() {
				post, err := tw.newPublisher().Publish(tw.ctx, bridge())
				assert.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				ids[post.ID]++
			})
		}
		publishing.Wait()
		assert.Len(t, ids, 1)
		assert.Equal(t, []string{"publish"}, kinds(t, s))
	})
}

// rival changes the post just before each of the first few writes.
type rival struct {
	store.Store
	before func()
	times  int
}

func (r *rival) Apply(ctx context.Context, ops ...store.Op) error {
	if r.times > 0 {
		r.times--
		r.before()
	}
	return r.Store.Apply(ctx, ops...)
}

func TestAnEditThatLosesARaceIsDecidedAnew(t *testing.T) {
	tw := newTown(t, memory.New())
	tw.publish(bridge())
	n := 0
	other := tw.newPublisher()
	slow := tw.newPublisher()
	r := &rival{Store: tw.store, times: 3, before: func() {
		n++
		_, err := other.Publish(tw.ctx, bridge(func(it *Item) { it.Title = strings.Repeat("!", n) }))
		require.NoError(t, err)
	}}
	slow.Store = r
	post, err := slow.Publish(tw.ctx, bridge(func(it *Item) { it.Title = "The last word" }))
	require.NoError(t, err)
	assert.Equal(t, 5, post.Rev)

	r.times = 1000
	_, err = slow.Publish(tw.ctx, bridge(func(it *Item) { it.Title = "Never" }))
	assert.ErrorIs(t, err, store.ErrConflict, "it does not go on for ever")
}

func TestPreviewWritesNothing(t *testing.T) {
	tw := newTown(t, memory.New())
	preview, err := tw.publisher.Preview(bridge(func(it *Item) {
		it.URL, it.Published = "https://elsewhere.example/17", noon.Add(-7*time.Hour)
		for range 5 {
			it.Images = append(it.Images, Image{URL: "https://elsewhere.example/a.png", Alt: "A bridge"})
		}
	}))
	require.NoError(t, err)
	assert.Contains(t, preview.Content, "<p><strong>Bridge opens</strong></p>")
	assert.True(t, json.Valid(preview.Object))
	assert.Equal(t, []string{
		"published more than six hours ago: Mastodon puts it into no home timeline",
		"url is on another host than the site: Mastodon links the post to its id instead",
		"more than four images: Mastodon shows the first four",
	}, preview.Advice)

	later, err := tw.publisher.Preview(bridge(func(it *Item) { it.Published = noon.Add(time.Hour) }))
	require.NoError(t, err)
	assert.Empty(t, later.Advice)
	_, err = tw.publisher.Preview(Item{})
	assert.ErrorContains(t, err, "key is missing")
	assert.Empty(t, kinds(t, tw.store))
}

func TestACopyOfTheSiteCannotSpeakAsIt(t *testing.T) {
	tw := newTown(t, memory.New())
	require.NoError(t, tw.newPublisher().Pin(tw.ctx), "another process like this one may")

	staging := tw.newPublisher()
	staging.URLs = actor.URLs{Base: "https://staging.agency.govt.nz"}
	a := *tw.actor
	a.ID = staging.URLs.Actor("news")
	staging.Actors = []*actor.Local{&a}
	err := staging.Pin(tw.ctx)
	assert.ErrorIs(t, err, store.ErrConflict)
	assert.ErrorContains(t, err, "this store belongs to https://www.agency.govt.nz, and this process is configured as https://staging.agency.govt.nz. "+
		"A copy of the site, such as staging, needs a store of its own")
	_, err = staging.Publish(tw.ctx, bridge())
	assert.ErrorIs(t, err, store.ErrConflict, "whether or not somebody called Pin")
	assert.Empty(t, kinds(t, tw.store))

	rekeyed := tw.newPublisher()
	rekeyed.Actors = []*actor.Local{newsWith(t, otherKey())}
	assert.ErrorContains(t, rekeyed.Pin(tw.ctx), "Bring back the pinned key, such as from its recovery kit")

	renamed := tw.newPublisher()
	renamed.Actors = []*actor.Local{profiled(func(p *actor.Profile) { p.Handle = "media@agency.govt.nz" })}
	assert.ErrorContains(t, renamed.Pin(tw.ctx), "the actor is pinned as news@agency.govt.nz")
}

func TestAChangedProfileIsIntroducedOnce(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	tw.followedBy(p, 1)
	require.NoError(t, tw.publisher.Introduce(tw.ctx))
	tw.drain()
	assert.Empty(t, p.got(), "the first time it only takes note")

	name := func(name string) *Publisher {
		other := tw.newPublisher()
		other.Actors = []*actor.Local{profiled(func(p *actor.Profile) { p.Name = name })}
		return other
	}
	for range 3 {
		require.NoError(t, name("Department of Examples").Introduce(tw.ctx))
	}
	tw.wait(time.Minute)
	require.NoError(t, tw.publisher.Introduce(tw.ctx), "and back")
	tw.wait(time.Minute)
	require.NoError(t, name("Department of Examples").Introduce(tw.ctx), "and forth")
	tw.drain()
	assert.Equal(t, []string{"Update", "Update", "Update"}, p.got())
	assert.Equal(t, []string{"introduce", "introduce", "introduce"}, kinds(t, tw.store))

	said, err := tw.store.Deliveries(tw.ctx, store.DeliveryQuery{Object: tw.actor.ID, Limit: 1})
	require.NoError(t, err)
	update, err := tw.store.Activity(tw.ctx, said[0].Activity)
	require.NoError(t, err)
	assert.Contains(t, string(update.Body), `"type":"Update"`)
	assert.Contains(t, string(update.Body), `"name":"Department of Examples"`)
}

func TestAReceiptSaysHowFarItGot(t *testing.T) {
	tw := newTown(t, memory.New())
	tw.followedBy(newPeer(tw), 3)
	refusing := newPeer(tw, 400)
	tw.followedBy(refusing, 2)
	tw.followedBy(newPeer(tw, 503), 1)
	tw.publish(bridge())
	tw.drain()
	tw.publish(bridge(func(it *Item) { it.Title = "Bridge opens on Tuesday" }))
	tw.drain()

	r := tw.receipt("2026/17")
	assert.Equal(t, store.Receipt{Targeted: 6, Delivered: 3, Pending: 1, Failed: 2, Last: noon}, r.Receipt)
	require.Len(t, r.Activities, 2)
	assert.Equal(t, "Create", r.Activities[0].Type)
	assert.Equal(t, "Update", r.Activities[1].Type)
	assert.Equal(t, 2, r.Activities[1].Failed)
	require.Len(t, r.Answers, 2)
	assert.Equal(t, Answer{Text: "400 Bad Request", Status: 400, Inboxes: 4, Host: store.HostOf(refusing.URL)}, r.Answers[0])

	_, err := tw.publisher.Receipt(tw.ctx, "", "2026/99")
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func TestDeadLettersAreRevivedOneByOneOrAllTogether(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw, 400, 400, 400, 202)
	tw.followedBy(p, 3)
	tw.publish(bridge())
	tw.drain()
	letters, err := tw.publisher.DeadLetters(tw.ctx, "")
	require.NoError(t, err)
	require.Len(t, letters, 3)

	require.NoError(t, tw.publisher.Retry(tw.ctx, "", letters[1].ID))
	tw.drain()
	assert.Equal(t, []string{"Create failed", "Create delivered", "Create failed"}, tw.deliveries())
	assert.ErrorIs(t, tw.publisher.Retry(tw.ctx, "", letters[1].ID), store.ErrNotFound, "it is no dead letter any more")
	assert.ErrorIs(t, tw.publisher.Retry(tw.ctx, "", 99), store.ErrNotFound)

	require.NoError(t, tw.publisher.Retry(tw.ctx, "news@agency.govt.nz"))
	tw.drain()
	assert.Equal(t, []string{"Create delivered", "Create delivered", "Create delivered"}, tw.deliveries())
}

func TestADeadLetterOfWhatWasWithdrawnIsNotRevived(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		p := newPeer(tw, 400, 202)
		tw.followedBy(p, 1)
		tw.publish(bridge())
		tw.drain()
		require.NoError(t, tw.publisher.Withdraw(tw.ctx, "", "2026/17"))
		tw.drain()
		require.NoError(t, tw.publisher.Retry(tw.ctx, ""))
		tw.drain()
		assert.Equal(t, []string{"Create", "Delete"}, p.got(), "a 400 may have been said after taking it in")
		assert.Equal(t, []string{"Create cancelled", "Delete delivered"}, tw.deliveries())
	})
}

func TestTheJournalSaysWhoDecided(t *testing.T) {
	tw := newTown(t, memory.New())
	tw.followedBy(newPeer(tw, 400), 1)
	ana, mere := tw.publisher.As("Ana Tamihana"), tw.publisher.As("Mere Rangi")
	_, err := ana.Publish(tw.ctx, bridge())
	require.NoError(t, err)
	_, err = ana.Publish(tw.ctx, bridge(func(it *Item) { it.Title, it.By = "Bridge opens on Tuesday", "scheduler" }))
	require.NoError(t, err)
	require.NoError(t, mere.Stop(tw.ctx))
	require.NoError(t, ana.Resume(tw.ctx))
	tw.drain()
	require.NoError(t, mere.Retry(tw.ctx, ""))
	require.NoError(t, mere.Withdraw(tw.ctx, "", "2026/17"))
	tw.publish(bridge())

	entries, err := tw.store.Journal(tw.ctx, store.JournalQuery{})
	require.NoError(t, err)
	var lines []string
	for _, e := range entries {
		if e.Kind != "undelivered" {
			lines = append(lines, e.Kind+" by "+e.By)
		}
	}
	assert.Equal(t, []string{
		"publish by Ana Tamihana", "edit by scheduler", "stop by Mere Rangi", "resume by Ana Tamihana",
		"retry by Mere Rangi", "withdraw by Mere Rangi", "publish by website",
	}, lines)
}

func TestAPublisherInOtherHandsIsOtherwiseTheSame(t *testing.T) {
	p := Publisher{
		Store: memory.New(), Actors: []*actor.Local{news()}, URLs: testURLs, By: "Ana", TagURL: func(string) string { return "" }, Spread: time.Minute,
		Wake: func() {}, Changed: func(store.Post) {}, NewID: NewID, Now: time.Now, Log: slog.Default(),
	}
	all, other := reflect.ValueOf(&p).Elem(), reflect.ValueOf(p.As("Mere")).Elem()
	for i := range all.NumField() {
		name := all.Type().Field(i).Name
		assert.True(t, name == "pinned" || !all.Field(i).IsZero(), "say %s above", name)
		assert.Equal(t, all.Field(i).IsZero(), other.Field(i).IsZero(), name)
	}
}

func TestIDsAreOpaqueAndSortByTime(t *testing.T) {
	var made []string
	for range 20 {
		id := NewID()
		assert.True(t, isID(id), id)
		made = append(made, id)
		time.Sleep(2 * time.Millisecond)
	}
	assert.True(t, sort.StringsAreSorted(made))
	for _, s := range []string{"", "0", strings.Repeat("0", 27), strings.Repeat("w", 26), strings.Repeat("A", 26), "../../../../../etc/passwd0"} {
		assert.False(t, isID(s), s)
	}
}
