package actor_test

import (
	"context"
	"crypto"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
)

// B056: a thousand bad signatures for one good key cause one fetch in five minutes.
func TestRenewing(t *testing.T) {
	o := newOrigin(t)
	r, clock := newResolver()
	keyID := o.alice(public(0)) + "#main-key"
	renew := func() crypto.PublicKey {
		key, err := r.PublicKey(t.Context(), keyID, true)
		require.NoError(t, err)
		return key.Key
	}
	for range 1000 {
		renew()
	}
	assert.Equal(t, 1, o.requests())

	o.alice(public(1))
	clock.pass(5*time.Minute - time.Second)
	assert.True(t, keys()[0].PublicKey.Equal(renew()), "not yet")
	clock.pass(time.Second)
	assert.True(t, keys()[1].PublicKey.Equal(renew()), "rotated")
	assert.Equal(t, 2, o.requests())

	clock.pass(5 * time.Minute)
	o.pages["/alice"] = page{status: 500}
	_, err := r.PublicKey(t.Context(), keyID, true)
	assert.ErrorIs(t, err, signing.ErrUnreachable)
	assert.True(t, keys()[1].PublicKey.Equal(renew()), "the known key outlives a server that is down")
	assert.Equal(t, 3, o.requests())
}

func TestAFailureIsRememberedForFiveMinutes(t *testing.T) {
	o := newOrigin(t)
	r, clock := newResolver()
	id := o.URL + "/alice"
	for range 100 {
		_, err := r.Actor(t.Context(), id)
		require.ErrorIs(t, err, actor.ErrGone)
	}
	assert.Equal(t, 1, o.requests())
	o.alice(public(0))
	clock.pass(5 * time.Minute)
	_, err := r.Actor(t.Context(), id)
	assert.NoError(t, err)
}

func TestManyWhoWaitCauseOneFetch(t *testing.T) {
	o := newOrigin(t)
	o.wait = make(chan struct{})
	id := o.alice(public(0))
	r, _ := newResolver()

	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := r.Actor(impatient, id)
		gaveUp <- err
	}()
	require.Eventually(t, func() bool { return o.requests() == 1 }, 10*time.Second, time.Millisecond)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, err := r.Actor(t.Context(), id)
			assert.NoError(t, err, "one who gives up spoils it for nobody")
		})
	}
	cancel()
	assert.ErrorIs(t, <-gaveUp, context.Canceled)
	close(o.wait)
	all.Wait()
	assert.Equal(t, 1, o.requests())
}

func TestMemoryIsBounded(t *testing.T) {
	o := newOrigin(t)
	r, _ := newResolver()
	r.Limits = limits.Default()
	r.Limits.CacheEntries, r.Limits.FetchesPerHost = 2, 100
	for i := range 5 {
		path := fmt.Sprintf("/%d", i)
		o.serve(path, person(o.URL+path, o.URL+"/inbox", o.URL+path+"#k", o.URL+path, pemOf(public(0))))
		_, err := r.Actor(t.Context(), o.URL+path)
		require.NoError(t, err)
	}
	for _, i := range []int{4, 3, 0} {
		_, err := r.Actor(t.Context(), fmt.Sprintf("%s/%d", o.URL, i))
		require.NoError(t, err)
	}
	assert.Equal(t, 6, o.requests(), "the newest two were kept")
}
