package knock_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

var (
	old    = knock.Knock{Form: signing.Cavage}
	modern = knock.Knock{Form: signing.RFC9421}
	asked  = &signing.Wish{Label: "me", Nonce: "n"}
)

func TestWhenToKnockTwice(t *testing.T) {
	for _, c := range []struct {
		first  knock.Knock
		answer knock.Answer
		want   string
	}{
		{old, knock.Answer{Status: 202}, "once"},
		{old, knock.Answer{Status: 401}, "again as rfc9421"},
		{old, knock.Answer{Status: 403}, "again as rfc9421"},
		{knock.Knock{}, knock.Answer{Status: 401}, "again as rfc9421"},
		{old, knock.Answer{Status: 400}, "once"},
		{old, knock.Answer{Status: 404}, "once"},
		{old, knock.Answer{Status: 410}, "once"},
		{old, knock.Answer{Status: 429}, "once"},
		{old, knock.Answer{Status: 500}, "once"},
		{old, knock.Answer{Status: 503}, "once"},
		{old, knock.Answer{}, "once"},
		{old, knock.Answer{Status: 401, Wish: asked}, "again as rfc9421, as asked"},
		{old, knock.Answer{Status: 400, Wish: asked}, "again as rfc9421, as asked"},
		{old, knock.Answer{Status: 202, Wish: asked}, "once"},
		{modern, knock.Answer{Status: 401}, "once"},
		{modern, knock.Answer{Status: 403}, "once"},
		{modern, knock.Answer{Status: 202}, "once"},
		{modern, knock.Answer{Status: 401, Wish: asked}, "again as rfc9421, as asked"},
	} {
		got := "once"
		if k, again := c.first.Second(c.answer); again {
			got = "again as " + string(k.Form)
			if k.Wish.Nonce == "n" {
				got += ", as asked"
			}
		}
		assert.Equal(t, c.want, got, "%s, then %d", c.first.Form, c.answer.Status)
	}
}

func TestWhatShowsTheForm(t *testing.T) {
	assert.True(t, modern.Shows(knock.Answer{Status: 202}))
	assert.True(t, old.Shows(knock.Answer{Status: 200, Wish: asked}), "it asks for it")
	assert.False(t, old.Shows(knock.Answer{Status: 202}))
	assert.False(t, modern.Shows(knock.Answer{Status: 401}))
	assert.False(t, old.Shows(knock.Answer{Status: 401, Wish: asked}), "which nothing has proved yet")
	assert.False(t, modern.Shows(knock.Answer{}))
}

func TestWhatAnAnswerAsksIsRead(t *testing.T) {
	a := knock.Read(401, http.Header{"Accept-Signature": {`me=("@method");nonce="n"`}})
	assert.Equal(t, knock.Answer{Status: 401, Wish: asked}, a)
	assert.Equal(t, knock.Answer{Status: 401}, knock.Read(401, http.Header{"Accept-Signature": {"?"}}))
}

// memoryOf is Forms over a store, with a clock that a test moves.
func memoryOf(s knock.Store) (*knock.Forms, *time.Time) {
	now := noon
	return &knock.Forms{Store: s, Now: func() time.Time { return now }}, &now
}

func first(t *testing.T, f *knock.Forms, host string) signing.Form {
	t.Helper()
	k, err := f.First(t.Context(), host)
	require.NoError(t, err)
	return k.Form
}

func TestWhatAHostHasShownCountsForAWeek(t *testing.T) {
	s := memory.New()
	f, now := memoryOf(s)
	assert.Equal(t, signing.Cavage, first(t, f, "peer.test"))
	assert.True(t, f.Learn("peer.test"))
	assert.False(t, f.Learn("peer.test"), "once a day is enough")
	require.NoError(t, s.Apply(t.Context(), store.PutPeer{Peer: store.Peer{Host: "peer.test", Failures: 2}}, knock.Shown("peer.test", *now)))
	assert.Equal(t, signing.RFC9421, first(t, f, "peer.test"))
	assert.Equal(t, signing.Cavage, first(t, f, "other.test"))

	*now = noon.Add(7*24*time.Hour - time.Second)
	assert.Equal(t, signing.RFC9421, first(t, f, "peer.test"))
	again, _ := memoryOf(s)
	assert.Equal(t, signing.RFC9421, first(t, again, "peer.test"), "after a restart")
	*now = noon.Add(7 * 24 * time.Hour)
	assert.Equal(t, signing.Cavage, first(t, f, "peer.test"))
}

// What anyone can have us learn is written down only when it was worth it.
func TestWhatWasNoticedIsWrittenDownWhenItIsKept(t *testing.T) {
	s := memory.New()
	f, now := memoryOf(s)
	require.NoError(t, s.Apply(t.Context(), store.PutPeer{Peer: store.Peer{Host: "peer.test", Failures: 2}}))
	require.NoError(t, f.Keep(t.Context(), "peer.test"), "there is nothing to keep")
	f.Notice("peer.test")
	*now = noon.Add(time.Hour) // the store is not read meanwhile, which knows nothing
	assert.Equal(t, signing.RFC9421, first(t, f, "peer.test"))
	p, err := s.Peer(t.Context(), "peer.test")
	require.NoError(t, err)
	assert.Empty(t, p.Form)

	require.NoError(t, f.Keep(t.Context(), "peer.test"))
	p, err = s.Peer(t.Context(), "peer.test")
	require.NoError(t, err)
	assert.Equal(t, store.Peer{Host: "peer.test", Failures: 2, Form: "rfc9421", FormUntil: noon.Add(7 * 24 * time.Hour)}, p)
	again, _ := memoryOf(s)
	assert.Equal(t, signing.RFC9421, first(t, again, "peer.test"), "after a restart")

	require.NoError(t, s.Apply(t.Context(), store.PutForm{Host: "peer.test"}))
	*now = noon.Add(2 * time.Hour)
	assert.Equal(t, signing.Cavage, first(t, f, "peer.test"), "the store has the say again")
	f.Notice("gone.test")
	*now = noon.Add(8 * 24 * time.Hour)
	require.NoError(t, f.Keep(t.Context(), "gone.test"), "what has run out")
	_, err = s.Peer(t.Context(), "gone.test")
	assert.ErrorIs(t, err, store.ErrNotFound)
	assert.Equal(t, signing.Cavage, first(t, f, "gone.test"))
}

// away is a store that fails.
type away struct{}

func (away) Peer(context.Context, string) (store.Peer, error) {
	return store.Peer{}, errors.New("disk on fire")
}
func (away) Apply(context.Context, ...store.Op) error { return errors.New("disk on fire") }

func TestWithoutTheStoreNothingIsGuessed(t *testing.T) {
	f, _ := memoryOf(away{})
	_, err := f.First(t.Context(), "peer.test")
	assert.ErrorContains(t, err, "disk on fire")
	f.Notice("peer.test")
	assert.ErrorContains(t, f.Keep(t.Context(), "peer.test"), "disk on fire")
	assert.ErrorContains(t, f.Keep(t.Context(), "peer.test"), "disk on fire", "and is tried again")
}

// counted is a store that says how often it is asked and written to.
type counted struct {
	knock.Store
	reads, writes int
}

func (c *counted) Peer(ctx context.Context, host string) (store.Peer, error) {
	c.reads++
	return c.Store.Peer(ctx, host)
}

func (c *counted) Apply(ctx context.Context, ops ...store.Op) error {
	c.writes++
	return c.Store.Apply(ctx, ops...)
}

func TestTheStoreIsAskedOnceAMinuteAndWrittenToOnceADay(t *testing.T) {
	s := &counted{Store: memory.New()}
	f, now := memoryOf(s)
	first(t, f, "peer.test")
	*now = noon.Add(59 * time.Second)
	first(t, f, "peer.test")
	assert.Equal(t, 1, s.reads)
	*now = noon.Add(-time.Hour)
	first(t, f, "peer.test")
	assert.Equal(t, 2, s.reads, "a clock that was put back does not keep it from the store")

	f.Notice("peer.test")
	assert.True(t, f.Learn("peer.test"), "what was only noticed is written down")
	assert.False(t, f.Learn("peer.test"))
	f.Notice("peer.test")
	require.NoError(t, f.Keep(t.Context(), "peer.test"))
	assert.Zero(t, s.writes, "it stands in the store already")
	*now = now.Add(24 * time.Hour)
	assert.True(t, f.Learn("peer.test"), "and is renewed after a day")

	require.NoError(t, s.Store.Apply(t.Context(), store.PutForm{Host: "odd.test", Form: "rfc10000", Until: now.Add(time.Hour)}))
	assert.Equal(t, signing.Cavage, first(t, f, "odd.test"), "a form of a later version")
}
