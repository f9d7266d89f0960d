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

// Proof keys of before and to come are listed after the one that signs, each under
// the id that it had or will have.
func TestProofKeysOfBeforeAndToComeAreListed(t *testing.T) {
	before, now, next := proofKey(t, 1), proofKey(t, 2), proofKey(t, 3)
	signsWith := func(key *signing.Key, others ...string) *actor.Local {
		p := ministry(t)
		p.ProofKey, p.OtherProofKeys = key, others
		l, err := actor.NewLocal(p, site, signing.Fediverse())
		require.NoError(t, err)
		return l
	}
	listed := func(l *actor.Local) (ids, keys []string) {
		var document struct{ AssertionMethod []as2.Multikey }
		require.NoError(t, json.Unmarshal(standing(t, l).Document, &document))
		for _, k := range document.AssertionMethod {
			assert.Equal(t, l.ID, k.Controller)
			ids, keys = append(ids, k.ID), append(keys, k.PublicKeyMultibase)
		}
		return ids, keys
	}
	wantIDs := []string{signsWith(now).ProofKeyID(), signsWith(before).ProofKeyID(), signsWith(next).ProofKeyID()}
	wantKeys := []string{now.PublicMultikey(), before.PublicMultikey(), next.PublicMultikey()}

	ids, keys := listed(signsWith(now, before.PublicMultikey(), next.PublicMultikey()))
	assert.Equal(t, wantIDs, ids)
	assert.Equal(t, wantKeys, keys)
	ids, keys = listed(signsWith(nil, before.PublicMultikey()))
	assert.Equal(t, wantIDs[1:2], ids, "where no proofs are made any more")
	assert.Equal(t, wantKeys[1:2], keys)
	assert.Empty(t, signsWith(nil, before.PublicMultikey()).ProofKeyID(), "it signs nothing")
}

func TestOtherProofKeysThatAreNotTaken(t *testing.T) {
	one, two := proofKey(t, 1), proofKey(t, 2)
	var many []string
	for seed := range 17 {
		many = append(many, proofKey(t, byte(10+seed)).PublicMultikey())
	}
	for name, row := range map[string]struct {
		others []string
		policy signing.Policy
		says   string
	}{
		"no key":                    {[]string{"z6Mkfoo"}, signing.Fediverse(), `other proof key "z6Mkfoo": write the public Multikey of an Ed25519 key`},
		"an RSA key":                {[]string{ministry(t).Key.PublicMultikey()}, signing.Fediverse(), "write the public Multikey of an Ed25519 key"},
		"the one that signs":        {[]string{one.PublicMultikey()}, signing.Fediverse(), "it is listed already"},
		"one twice":                 {[]string{two.PublicMultikey(), two.PublicMultikey()}, signing.Fediverse(), "it is listed already"},
		"forbidden by the policy":   {[]string{two.PublicMultikey()}, signing.NZISM(), "policy NZISM forbids our key: Ed25519 is not on its list"},
		"more than anybody retires": {many, signing.Fediverse(), "other proof keys: 17 of them, use at most 16"},
	} {
		t.Run(name, func(t *testing.T) {
			p := ministry(t)
			p.ProofKey, p.OtherProofKeys = one, row.others
			_, err := actor.NewLocal(p, site, row.policy)
			assert.ErrorContains(t, err, row.says)
		})
	}
}
