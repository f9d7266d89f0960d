package actor_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
)

func proofKey(t testing.TB, seed byte) *signing.Key {
	return keyOf(t, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
}

func TestAnActorListsTheKeyOfItsProofs(t *testing.T) {
	p := ministry(t)
	p.ProofKey = proofKey(t, 1)
	l, err := actor.NewLocal(p, site, signing.Fediverse())
	require.NoError(t, err)
	standing, err := l.Standing()
	require.NoError(t, err)
	var document struct {
		PublicKey       struct{ ID string } // one object, since some servers read no array of them
		AssertionMethod []as2.Multikey
	}
	require.NoError(t, json.Unmarshal(standing.Document, &document))
	assert.Equal(t, l.ID+"#main-key", document.PublicKey.ID)
	require.Len(t, document.AssertionMethod, 1)
	listed := document.AssertionMethod[0]
	assert.Equal(t, as2.Multikey{ID: l.ProofKeyID(), Type: "Multikey", Controller: l.ID, PublicKeyMultibase: p.ProofKey.PublicMultikey()}, listed)
	assert.Regexp(t, `^`+l.ID+`#ed25519-[0-9a-f]{16}$`, listed.ID)
	key, err := signing.ParsePublicMultikey(listed.PublicKeyMultibase, signing.Fediverse())
	require.NoError(t, err)
	assert.Equal(t, p.ProofKey.Public(), key)

	read, err := as2.ReadActor(standing.Document, limits.Default())
	require.NoError(t, err, "a strict reader takes it")
	assert.Equal(t, []as2.Key{{ID: l.ID + "#main-key", Owner: l.ID, PEM: p.Key.PublicPEM()}}, read.Keys, "and finds the one RSA key")
	assert.Less(t, len(standing.Document), as2.MaxSize)

	t.Run("another key has another id, so that none is taken from a cache for it", func(t *testing.T) {
		p.ProofKey = proofKey(t, 2)
		other, err := actor.NewLocal(p, site, signing.Fediverse())
		require.NoError(t, err)
		assert.NotEqual(t, l.ProofKeyID(), other.ProofKeyID())
	})
	t.Run("without one nothing is listed", func(t *testing.T) {
		p.ProofKey = nil
		plain, err := actor.NewLocal(p, site, signing.Fediverse())
		require.NoError(t, err)
		standing, err := plain.Standing()
		require.NoError(t, err)
		assert.Empty(t, plain.ProofKeyID())
		assert.NotContains(t, string(standing.Document), "assertionMethod")
		assert.NotContains(t, string(standing.Document), "Multikey")
	})
}

func TestAProofKeyThatMayNotBeUsed(t *testing.T) {
	p := ministry(t)
	p.ProofKey = proofKey(t, 1)
	_, err := actor.NewLocal(p, site, signing.NZISM())
	assert.ErrorContains(t, err, "proof key: signing: policy NZISM forbids our key: Ed25519 is not on its list; leave ProofKey out, or choose a policy")
	assert.Equal(t, 1, strings.Count(err.Error(), "proof key"))
	p.ProofKey = p.Key
	_, err = actor.NewLocal(p, site, signing.Fediverse())
	assert.ErrorContains(t, err, "proof key: use Ed25519")
}
