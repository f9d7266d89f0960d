package webfinger_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/webfinger"
)

// documents shows every actor as one that calls itself name.
func documents(name string) func(context.Context, string) (actor.Remote, error) {
	return func(_ context.Context, id string) (actor.Remote, error) { return remote(id, name), nil }
}

func nobody(context.Context, string) (actor.Remote, error) { panic("no document is needed") }

func TestWhoUsesAHandleIsFound(t *testing.T) {
	host, apex := newPeer(t), newPeer(t)
	id := host.URL + "/users/1"
	host.says("alice", jrd("acct:"+apex.handle("alice"), self(id)))
	apex.says("alice", jrd("acct:"+apex.handle("alice"), self(id)))
	client := clientOf(host, apex)

	found, err := webfinger.Find(t.Context(), client, documents("alice"), apex.handle("alice"))
	require.NoError(t, err)
	assert.Equal(t, id, found, "the handle is of another domain than the actor")

	host.says("bob", jrd("acct:"+host.handle("bob"), self(host.URL+"/users/2")))
	found, err = webfinger.Find(t.Context(), client, nobody, host.handle("bob"))
	require.NoError(t, err)
	assert.Equal(t, host.URL+"/users/2", found)
}

func TestAHandleThatPointsToSomebodyElseFindsNobody(t *testing.T) {
	evil, kauri := newPeer(t), newPeer(t)
	id := kauri.URL + "/users/aroha"
	kauri.says("aroha", jrd("acct:"+kauri.handle("aroha"), self(id)))
	evil.says("mia", jrd("acct:"+evil.handle("mia"), self(id)))    // as if she used this handle
	evil.says("noa", jrd("acct:"+kauri.handle("aroha"), self(id))) // as if it were another one of hers
	for _, name := range []string{"mia", "noa"} {
		found, err := webfinger.Find(t.Context(), clientOf(evil, kauri), documents("aroha"), evil.handle(name))
		assert.ErrorContains(t, err, "who uses the handle "+kauri.handle("aroha"), name)
		assert.Empty(t, found)
	}
}

// Whoever cannot be asked, or is not confirmed by their own server, is not found,
// and the one error says why.
func TestWhoIsNotConfirmedIsNotFound(t *testing.T) {
	apex, kauri := newPeer(t), newPeer(t)
	id := kauri.URL + "/users/aroha"
	apex.says("aroha", jrd("acct:"+apex.handle("aroha"), self(id)))
	client := clientOf(apex, kauri)
	found, err := webfinger.Find(t.Context(), client, func(context.Context, string) (actor.Remote, error) {
		return actor.Remote{}, errors.New("its server is on fire")
	}, apex.handle("aroha"))
	assert.ErrorContains(t, err, "its server is on fire")
	assert.Empty(t, found)

	found, err = webfinger.Find(t.Context(), client, documents("aroha"), apex.handle("aroha"))
	assert.ErrorContains(t, err, "status 404", "kauri has no such handle")
	assert.Empty(t, found)
}
