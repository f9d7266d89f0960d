package blocks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/inbox/blocks"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// broken is a store that does not answer while it is down, and counts how often it is asked.
type broken struct {
	store.Store
	down  error
	asked int
}

func (b *broken) Setting(ctx context.Context, name string) (string, error) {
	b.asked++
	if b.down != nil {
		return "", b.down
	}
	return b.Store.Setting(ctx, name)
}

func block(t *testing.T, s store.Store, subject string) {
	t.Helper()
	b := store.Block{Subject: subject, Reason: "spam", By: "Hana", At: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)}
	require.NoError(t, s.Apply(t.Context(), store.PutBlocks{Blocks: []store.Block{b}}, blocks.Changed()))
}

func TestTheListIsLookedAtEveryTwoSecondsAndKeptWhileTheStoreIsDown(t *testing.T) {
	s := &broken{Store: memory.New(), down: errors.New("disk full")}
	now, renewed := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC), 0
	list := &blocks.List{Store: s, Now: func() time.Time { return now }, Renewed: func() { renewed++ }}

	require.ErrorContains(t, list.Fresh(t.Context()), "disk full", "nothing was ever read: whom to let in is not known")
	s.down = nil
	block(t, s, "evil.example")
	require.NoError(t, list.Fresh(t.Context()))
	assert.True(t, list.Host("evil.example"))
	assert.True(t, list.ID("https://www.evil.example/users/mia"))
	assert.False(t, list.ID("https://kauri.example/users/aroha"))

	block(t, s, "https://kauri.example/users/aroha")
	asked := s.asked
	now = now.Add(blocks.Stale - time.Millisecond)
	require.NoError(t, list.Fresh(t.Context()))
	assert.Equal(t, asked, s.asked, "it was looked at just now")
	assert.False(t, list.ID("https://kauri.example/users/aroha"))

	s.down = errors.New("disk full")
	now = now.Add(time.Hour)
	require.NoError(t, list.Fresh(t.Context()), "requests go on with what is known")
	require.ErrorContains(t, list.Refresh(t.Context()), "disk full", "and who asks is told")
	assert.True(t, list.Host("evil.example"), "it opens to nobody")

	s.down = nil
	require.NoError(t, list.Fresh(t.Context()))
	assert.True(t, list.ID("https://kauri.example/users/aroha"))
	assert.False(t, list.Host("kauri.example"))
	assert.Equal(t, 2, renewed)

	now = now.Add(time.Hour)
	require.NoError(t, list.Fresh(t.Context()))
	assert.Equal(t, 2, renewed, "the same list is not read again")

	require.NoError(t, s.Apply(t.Context(), store.RemoveBlock{Subject: "evil.example"}, blocks.Changed()))
	require.NoError(t, list.Refresh(t.Context()))
	assert.False(t, list.Host("evil.example"))
	assert.Equal(t, 3, renewed)
}

func TestTheAgencysOwnWordCountsBeside(t *testing.T) {
	asked := ""
	list := &blocks.List{Store: memory.New(), Also: func(host string) bool { asked = host; return host == "bad.example" }}
	assert.True(t, list.ID("https://BAD.example.:8443/users/mia"), "before anything was read, too")
	assert.False(t, list.Host("bücher.example"))
	assert.Equal(t, "xn--bcher-kva.example", asked)
}

// More than a page of blocks is read whole.
func TestALongListIsReadWhole(t *testing.T) {
	s := memory.New()
	var many []store.Block
	for i := range 1001 {
		many = append(many, store.Block{Subject: fmt.Sprintf("s%d.example", i), Reason: "spam", By: "Hana", At: time.Now()})
	}
	require.NoError(t, s.Apply(t.Context(), store.PutBlocks{Blocks: many}, blocks.Changed()))
	all, err := blocks.All(t.Context(), s)
	require.NoError(t, err)
	assert.Len(t, all, len(many))
	list := &blocks.List{Store: s}
	require.NoError(t, list.Refresh(t.Context()))
	assert.True(t, list.Host(many[1000].Subject))
}

// hung is a store that answers nothing until who asks gives up.
type hung struct{ store.Store }

func (h hung) Setting(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// A peer waits meanwhile: nobody queues behind a store that hangs, the first time neither.
func TestWhoWaitsForTheFirstListWaitsNoLongerThanForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := &blocks.List{Store: hung{memory.New()}}
		began, done := time.Now(), make(chan error)
		const many = 20
		for range many {
			go func() { done <- list.Fresh(context.Background()) }()
		}
		for range many {
			assert.ErrorIs(t, <-done, context.DeadlineExceeded)
		}
		assert.Equal(t, limits.Default().StoreTimeout, time.Since(began), "all of them together")

		go func() { done <- list.Fresh(context.Background()) }()
		synctest.Wait()
		gone, leave := context.WithCancel(t.Context())
		leave()
		assert.ErrorIs(t, list.Fresh(gone), context.Canceled)
		assert.ErrorIs(t, list.Refresh(gone), context.Canceled)
		assert.Error(t, <-done)
	})
}

// With a list in hand a store that hangs costs one request the time of the store, and the others nothing.
func TestAStoreThatHangsLaterKeepsNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memory.New()
		block(t, s, "evil.example")
		list := &blocks.List{Store: s}
		require.NoError(t, list.Fresh(t.Context()))
		list.Store = hung{s}
		time.Sleep(time.Hour)
		began, looked := time.Now(), make(chan error)
		go func() { looked <- list.Fresh(context.Background()) }()
		synctest.Wait()
		require.NoError(t, list.Fresh(t.Context()))
		assert.Zero(t, time.Since(began))
		require.NoError(t, <-looked)
		assert.Equal(t, limits.Default().StoreTimeout, time.Since(began))
		assert.True(t, list.Host("evil.example"))
	})
}
