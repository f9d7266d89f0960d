package signing

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
)

func TestARotatedKeyIsAskedForAnew(t *testing.T) {
	ring := aliceRing()
	ring.renewed = map[string]crypto.PublicKey{keyID: otherKey().Public()}
	l := sent(noon)
	l.key = otherKey()
	_, err := verifier(ring).Verify(t.Context(), l.request(t), []byte(follow))
	require.NoError(t, err)
	assert.Equal(t, 1, ring.again)

	_, err = verifier(ring).Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.NoError(t, err, "while the old key is known, it is not asked for anew")
	assert.Equal(t, 1, ring.again)

	ring.renewed = map[string]crypto.PublicKey{}
	_, err = verifier(ring).Verify(t.Context(), l.request(t), []byte(follow))
	assert.Equal(t, signatureWrong, refused(t, err).Reason, "a failure to look again is no failure to know")
	assert.ErrorContains(t, err, "and no newer key: refused: key-unknown: no such key")

	ring.renewed = map[string]crypto.PublicKey{keyID: newRSA(3072).Public()}
	_, err = verifier(ring).Verify(t.Context(), l.request(t), []byte(follow))
	assert.Equal(t, signatureWrong, refused(t, err).Reason, "a new key is no proof of anything that it did not sign")

	ring.renewed = map[string]crypto.PublicKey{keyID: smallKey().Public()}
	l.key = smallKey()
	_, err = verifier(ring).Verify(t.Context(), l.request(t), []byte(follow))
	assert.Equal(t, signatureWrong, refused(t, err).Reason, "the policy holds for the new key too")
}

// B056, the verifier's half: bad signatures never keep good ones out.
func TestBadSignaturesDoNotKeepGoodOnesOut(t *testing.T) {
	ring := aliceRing()
	bad := sent(noon)
	bad.key = otherKey()
	for range 100 {
		_, err := verifier(ring).Verify(t.Context(), bad.request(t), []byte(follow))
		assert.Equal(t, 401, refused(t, err).Status)
	}
	_, err := verifier(ring).Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.NoError(t, err)
}

func TestABlockedHostIsNotAsked(t *testing.T) {
	ring := aliceRing()
	v := verifier(ring)
	v.Blocked = func(host string) bool { return host == "peer.test" }
	_, err := v.Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.Equal(t, hostBlocked, refused(t, err).Reason)
	assert.Equal(t, http.StatusForbidden, refused(t, err).Status)
	assert.Zero(t, ring.asked)

	v.Blocked = func(host string) bool { return host != "peer.test" }
	_, err = v.Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.NoError(t, err, "who is not blocked is heard")
}

func TestAKeyIDAtTheLimit(t *testing.T) {
	v := verifier(aliceRing())
	v.Limits = limits.Default()
	v.Limits.ID = len(keyID)
	_, err := v.Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.NoError(t, err)
	v.Limits.ID--
	_, err = v.Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.Equal(t, keyIDRefused, refused(t, err).Reason)
}

func TestARefusalSaysWhy(t *testing.T) {
	assert.EqualError(t, &Refusal{Reason: keyUnknown}, "refused: key-unknown")
	assert.EqualError(t, &Refusal{Reason: keyUnknown, Err: errors.New("gone")}, "refused: key-unknown: gone")
}

// B097, B098 and B053, as far as the finder of keys tells.
func TestKeysThatAreNotFound(t *testing.T) {
	gone, stop := context.WithCancel(t.Context())
	stop()
	for name, row := range map[string]struct {
		ctx    context.Context
		err    error
		key    crypto.PublicKey
		reason string
		status int
	}{
		"its owner does not list it":     {t.Context(), errors.New("owner lists another"), nil, keyUnknown, 401},
		"its server is out of reach":     {t.Context(), fmt.Errorf("look up: %w", ErrUnreachable), nil, keyUnreachable, 503},
		"the stranger did not wait":      {gone, context.Canceled, nil, keyUnreachable, 503},
		"it is too small":                {t.Context(), nil, smallKey().Public(), keyRefused, 401},
		"it is Ed25519, in a plain site": {t.Context(), nil, edKey().Public(), keyRefused, 401},
		"it is nothing":                  {t.Context(), nil, nil, keyRefused, 401},
	} {
		t.Run(name, func(t *testing.T) {
			ring := &keyring{err: row.err, known: map[string]crypto.PublicKey{keyID: row.key}}
			_, err := verifier(ring).Verify(row.ctx, sent(noon).request(t), []byte(follow))
			refusal := refused(t, err)
			assert.Equal(t, row.reason, refusal.Reason)
			assert.Equal(t, row.status, refusal.Status)
			if row.err != nil {
				assert.ErrorIs(t, err, row.err)
			}
		})
	}
}

// A key that is known needs nobody to wait for it.
func TestAKnownKeyIsTakenFromWhoDidNotWait(t *testing.T) {
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, err := verifier(aliceRing()).Verify(gone, sent(noon).request(t), []byte(follow))
	assert.NoError(t, err)
}

func TestABadSignatureProvesNothing(t *testing.T) {
	ring := aliceRing()
	_, err := verifier(ring).Verify(t.Context(), sent(noon).request(t), []byte(follow+" "))
	require.Error(t, err)
	ring.known[keyID] = otherKey().Public()
	_, err = verifier(ring).Verify(t.Context(), sent(noon).request(t), []byte(follow))
	assert.Equal(t, signatureWrong, refused(t, err).Reason)
	assert.Empty(t, ring.proved)
}

func TestAKeyWithoutAnOwnerProvesNothing(t *testing.T) {
	for _, owner := range []string{"", "https://peer.test/%zz"} {
		ownerless := found{PublicKey{ID: keyID, Owner: owner, Key: aliceKey().Public()}}
		_, err := verifier(ownerless).Verify(t.Context(), sent(noon).request(t), []byte(follow))
		assert.Equal(t, keyUnknown, refused(t, err).Reason, "%q", owner)
	}
}

func TestWhatIsNoKeyIsTheSameAsNone(t *testing.T) {
	assert.True(t, same(aliceKey().Public(), aliceKey().Public()))
	assert.False(t, same(aliceKey().Public(), otherKey().Public()))
	assert.False(t, same(nil, nil))
	assert.False(t, same("a", "a"))
}

// found is one key for every question.
type found struct{ key PublicKey }

func (f found) PublicKey(context.Context, string, bool) (PublicKey, error) { return f.key, nil }
func (found) Proved(context.Context, string)                               {}

func TestEd25519WhereThePolicyHasIt(t *testing.T) {
	for _, label := range []string{"", "hs2019", "ed25519"} {
		l := sent(noon)
		l.key, l.algorithm = edKey(), label
		v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: edKey().Public()}})
		v.Policy = Fediverse()
		_, err := v.Verify(t.Context(), l.request(t), []byte(follow))
		assert.NoError(t, err, label)
	}
}
