package actor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
)

// What is asked of a resolver first need not be an actor.
func TestAResolverThatKnowsNobody(t *testing.T) {
	for say, ask := range map[string]func(*actor.Resolver){
		"proved":          func(r *actor.Resolver) { r.Proved(t.Context(), "https://peer.test/alice#main-key") },
		"forget":          func(r *actor.Resolver) { r.Forget("https://peer.test/alice") },
		"forget failures": func(r *actor.Resolver) { r.ForgetFailures() },
	} {
		r, _ := newResolver()
		assert.NotPanics(t, func() { ask(r) }, say)
	}
}

// Whoever is forgotten is asked again at once, however lately that failed.
func TestForgettingForgetsFailures(t *testing.T) {
	o := newOrigin(t)
	id := o.URL + "/alice"
	for say, forget := range map[string]func(*actor.Resolver){
		"this one":  func(r *actor.Resolver) { r.Forget(id) },
		"every one": func(r *actor.Resolver) { r.ForgetFailures() },
	} {
		t.Run(say, func(t *testing.T) {
			delete(o.pages, "/alice")
			r, _ := newResolver()
			_, err := r.Actor(t.Context(), id)
			require.ErrorIs(t, err, actor.ErrGone)
			o.alice(public(0))
			_, err = r.Actor(t.Context(), id)
			require.ErrorIs(t, err, actor.ErrGone, "not yet")
			forget(r)
			_, err = r.Actor(t.Context(), id)
			assert.NoError(t, err)
		})
	}
}

// A key whose owner said that it changed is asked for, though its server was down a moment ago.
func TestForgettingAnActorForgetsTheFailureOfItsKey(t *testing.T) {
	o := newOrigin(t)
	r, clock := newResolver()
	id := o.alice(public(0))
	key := func(renew bool) (signing.PublicKey, error) { return r.PublicKey(t.Context(), id+"#main-key", renew) }
	_, err := key(false)
	require.NoError(t, err)
	clock.pass(5 * time.Minute)
	o.pages["/alice"] = page{status: 500}
	_, err = key(true)
	require.ErrorIs(t, err, signing.ErrUnreachable)

	o.alice(public(1))
	r.Forget(id)
	found, err := key(false)
	require.NoError(t, err)
	assert.True(t, keys()[1].PublicKey.Equal(found.Key))
}

// A key that lies by itself is confirmed anew by both documents.
func TestForgettingAnActorForgetsWhereItsKeyLies(t *testing.T) {
	o := newOrigin(t)
	r, _ := newResolver()
	id, keyID := o.URL+"/alice", o.URL+"/key"
	o.serve("/alice", person(id, o.URL+"/inbox", keyID, id, pemOf(public(0))))
	o.serve("/key", bareKey(keyID, id, public(0)))
	_, err := r.PublicKey(t.Context(), keyID, false)
	require.NoError(t, err)

	r.Forget(id)
	o.serve("/key", bareKey(keyID, id, public(1)))
	_, err = r.Actor(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, 2, o.asked["/alice"], "whoever is forgotten is asked anew")
	_, err = r.PublicKey(t.Context(), keyID, false)
	assert.ErrorContains(t, err, "lists another key", "its own place says so no more")
}

// A known key is asked for anew only by who has a reason to.
func TestAKeyIsAskedForAnewForAReason(t *testing.T) {
	o := newOrigin(t)
	r, clock := newResolver()
	id := o.alice(public(0))
	for range 3 {
		_, err := r.PublicKey(t.Context(), id+"#main-key", false)
		require.NoError(t, err)
		clock.pass(6 * time.Minute)
	}
	assert.Equal(t, 1, o.requests())

	clock.pass(24 * time.Hour)
	o.alice(public(1))
	key, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	assert.True(t, keys()[1].PublicKey.Equal(key.Key), "a day is long enough to believe it")
}

// A key that its owner lists no more, and then again.
func TestAKeyThatComesBack(t *testing.T) {
	o := newOrigin(t)
	r, clock := newResolver()
	id := o.alice(public(0))
	_, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)

	clock.pass(24 * time.Hour)
	o.serve("/alice", person(id, o.URL+"/inbox", id+"#other", id, pemOf(public(1))))
	_, err = r.Actor(t.Context(), id)
	require.NoError(t, err)

	o.alice(public(0))
	key, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err, "what was read meanwhile does not answer for it")
	assert.Equal(t, id+"#main-key", key.ID)
}

// What an actor's document lists for somebody else, or what the policy does not
// take, is not its key, in whatever order the two are asked for.
func TestAnActorsDocumentGivesOnlyKeysOfItsOwn(t *testing.T) {
	for say, row := range map[string]struct{ owner, pem string }{
		"of another":  {"/victim", pemOf(public(0))},
		"of no use":   {"/alice", "-----BEGIN PUBLIC KEY-----"},
		"of no owner": {"", pemOf(public(0))},
	} {
		t.Run(say, func(t *testing.T) {
			o := newOrigin(t)
			r, _ := newResolver()
			id := o.URL + "/alice"
			o.serve("/alice", person(id, o.URL+"/inbox", id+"#main-key", o.URL+row.owner, row.pem))
			_, err := r.Actor(t.Context(), id)
			if err == nil {
				_, err = r.PublicKey(t.Context(), id+"#main-key", false)
			}
			assert.Error(t, err)
		})
	}
}

// A key that lies by itself is its owner's only where both documents hold the same.
func TestAKeyByItselfIsConfirmedByItsOwner(t *testing.T) {
	for say, row := range map[string]struct {
		listed string // the key's id in the owner's document, below the origin
		pem    string // in the key's own document
		want   string
	}{
		"the same":                 {"/key", pemOf(public(0)), ""},
		"under another id":         {"/alice#main-key", pemOf(public(0)), "lists no such key"},
		"another key":              {"/key", pemOf(public(1)), "lists another key"},
		"what is no key in itself": {"/key", "-----BEGIN PUBLIC KEY-----", "PEM"},
	} {
		t.Run(say, func(t *testing.T) {
			o := newOrigin(t)
			r, _ := newResolver()
			id := o.URL + "/alice"
			o.serve("/alice", person(id, o.URL+"/inbox", o.URL+row.listed, id, pemOf(public(0))))
			o.serve("/key", fmt.Sprintf(`{"id":%q,"owner":%q,"publicKeyPem":%q}`, o.URL+"/key", id, row.pem))
			_, err := r.PublicKey(t.Context(), o.URL+"/key", false)
			if row.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, row.want)
			}
		})
	}
}
