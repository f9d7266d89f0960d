package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mr-tron/base58"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

func TestAKeyIsReadBackFromItsMultikey(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	t.Run("Ed25519", func(t *testing.T) {
		key := newKey(t, edwards)
		assert.Regexp(t, `^z6Mk[1-9A-HJ-NP-Za-km-z]{44}$`, key.PublicMultikey())
		got, err := ParsePublicMultikey(key.PublicMultikey(), Fediverse())
		require.NoError(t, err)
		assert.Equal(t, edwards.Public(), got)
	})
	t.Run("RSA", func(t *testing.T) {
		key := newKey(t, aliceKey())
		got, err := ParsePublicMultikey(key.PublicMultikey(), Fediverse())
		require.NoError(t, err)
		assert.Equal(t, aliceKey().Public(), got)
	})
	t.Run("the policy decides", func(t *testing.T) {
		_, err := ParsePublicMultikey(newKey(t, edwards).PublicMultikey(), NZISM())
		assert.ErrorContains(t, err, "policy NZISM forbids the peer's key: Ed25519 is not on its list")
		_, err = ParsePublicMultikey(newKey(t, aliceKey()).PublicMultikey(), Policy{MinPeer: 4096})
		assert.ErrorContains(t, err, "is not within 4096")
	})
}

// A server lists the same RSA key as PEM and as a Multikey.
func TestAMultikeyOfAnotherServerIsItsKey(t *testing.T) {
	b, err := os.ReadFile(testenv.Shared(t, "interop/payloads/fedify-fixtures/hongminhee.json"))
	require.NoError(t, err)
	var actor struct {
		PublicKey       struct{ ID, PublicKeyPem string }
		AssertionMethod []struct{ ID, PublicKeyMultibase string }
	}
	require.NoError(t, json.Unmarshal(b, &actor))
	require.Len(t, actor.AssertionMethod, 2)
	pem, err := ParsePublicPEM(actor.PublicKey.PublicKeyPem, Fediverse())
	require.NoError(t, err)
	for _, method := range actor.AssertionMethod {
		key, err := ParsePublicMultikey(method.PublicKeyMultibase, Fediverse())
		require.NoError(t, err, method.ID)
		if _, ok := key.(*rsa.PublicKey); ok {
			assert.Equal(t, actor.PublicKey.ID, method.ID)
			assert.Equal(t, pem, key)
			assert.Equal(t, method.PublicKeyMultibase, encodeMultikey(multicodecRSA, mustPKCS1(t, key)), "and we write it alike")
		}
	}
}

func TestWhatIsNoMultikey(t *testing.T) {
	whole := strings.Repeat("\x07", ed25519.PublicKeySize)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	point, err := p256.PublicKey.Bytes()
	require.NoError(t, err)
	z := func(raw string) string { return base58btc + base58.Encode([]byte(raw)) }
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":                     {"", "not base58btc, which starts with z"},
		"only the prefix":             {"z", "not base58btc, which starts with z"},
		"no prefix":                   {base58.Encode([]byte("\xed\x01" + whole)), "not base58btc, which starts with z"},
		"base64url, as W3C allows":    {"u7QEHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH", "not base58btc, which starts with z"},
		"a letter that base58 lacks":  {"z6Mk0rJVnaZ", "not base58btc"},
		"a letter beyond ASCII":       {"z6Mkō", "not base58btc"},
		"white space around":          {z("\xed\x01"+whole) + "\n", "not base58btc"},
		"zeros before":                {"z1" + z("\xed\x01" + whole)[1:], "neither an Ed25519 nor an RSA key"},
		"too long":                    {"z" + strings.Repeat("6", maxMultikey), "over 2048 characters"},
		"half an Ed25519 key":         {z("\xed\x01" + whole[:16]), "not a whole Ed25519 key"},
		"an Ed25519 key and a byte":   {z("\xed\x01" + whole + "\x00"), "not a whole Ed25519 key"},
		"an Ed25519 private key":      {z("\x80\x26" + whole), "neither an Ed25519 nor an RSA key"},
		"an ECDSA key":                {z("\x80\x24" + string(point)), "neither an Ed25519 nor an RSA key"},
		"an RSA key that is no DER":   {z("\x85\x24" + whole), "RSA: "},
		"an RSA key, then more":       {z("\x85\x24" + string(mustPKCS1(t, aliceKey().Public())) + "\x00"), "RSA: "},
		"an RSA key with its wrapper": {z("\x85\x24" + string(newKey(t, aliceKey()).der)), "RSA: "},
		"a prefix that is not whole":  {z("\x85"), "neither an Ed25519 nor an RSA key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePublicMultikey(tc.text, Fediverse())
			assert.ErrorContains(t, err, "signing: multikey: "+tc.want)
		})
	}
}

func mustPKCS1(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	public, ok := key.(*rsa.PublicKey)
	require.True(t, ok)
	return x509.MarshalPKCS1PublicKey(public)
}

// FuzzMultikey: what is read is written as it was.
func FuzzMultikey(f *testing.F) {
	f.Add("z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2")
	f.Add("z1111")
	f.Add("z" + strings.Repeat("z", 60))
	f.Add(newKey(f, aliceKey()).PublicMultikey())
	f.Fuzz(func(t *testing.T, text string) {
		key, err := decodeMultikey(text)
		if err != nil {
			return
		}
		switch key := key.(type) {
		case ed25519.PublicKey:
			assert.Equal(t, text, encodeMultikey(multicodecEd25519, key))
		case *rsa.PublicKey:
			assert.Equal(t, text, encodeMultikey(multicodecRSA, mustPKCS1(t, key)))
		default:
			t.Fatalf("a %T", key)
		}
	})
}
