package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

func TestWhatAPolicyAllows(t *testing.T) {
	odd := new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), 2047, 1), 0, 1)
	sized := func(bits, e int) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), bits-1, 1), 0, 1), E: e}
	}
	const yes, no = true, false
	for _, row := range []struct {
		what                                   string
		key                                    crypto.PublicKey
		nzismUse, nzismTake, fediUse, fediTake bool
	}{
		{"RSA-512", sized(512, 65537), no, no, no, no},
		{"RSA-1024", sized(1024, 65537), no, no, no, no},
		{"RSA-2047", sized(2047, 65537), no, no, no, no},
		{"RSA-2048", sized(2048, 65537), no, yes, yes, yes},
		{"RSA-3071", sized(3071, 65537), no, yes, yes, yes},
		{"RSA-3072", sized(3072, 65537), yes, yes, yes, yes},
		{"RSA-8192", sized(8192, 65537), yes, yes, yes, yes},
		{"RSA-8193", sized(8193, 65537), no, no, no, no},
		{"RSA-65536", sized(65536, 65537), no, no, no, no},
		{"e=1", sized(4096, 1), no, no, no, no},
		{"e=3", sized(4096, 3), no, no, no, no},
		{"e=65538", sized(4096, 65538), no, no, no, no},
		{"e=65539", sized(4096, 65539), yes, yes, yes, yes},
		{"an even modulus", &rsa.PublicKey{N: new(big.Int).Lsh(odd, 2048), E: 65537}, no, no, no, no},
		{"a negative modulus", &rsa.PublicKey{N: new(big.Int).Neg(odd), E: 65537}, no, no, no, no},
		{"no modulus", &rsa.PublicKey{}, no, no, no, no},
		{"a nil RSA key", (*rsa.PublicKey)(nil), no, no, no, no},
		{"Ed25519", edKey().Public(), no, no, yes, yes},
		{"half an Ed25519 key", ed25519.PublicKey("half"), no, no, no, no},
		{"nothing", nil, no, no, no, no},
		{"a string", "key", no, no, no, no},
	} {
		assert.Equal(t, row.nzismUse, Policy{}.MayUse(row.key) == nil, "%s, ours, NZISM", row.what)
		assert.Equal(t, row.nzismTake, NZISM().MayAccept(row.key) == nil, "%s, theirs, NZISM", row.what)
		assert.Equal(t, row.fediUse, Fediverse().MayUse(row.key) == nil, "%s, ours, fediverse", row.what)
		assert.Equal(t, row.fediTake, Fediverse().MayAccept(row.key) == nil, "%s, theirs, fediverse", row.what)
	}
	assert.ErrorContains(t, Policy{MinPeer: 3072}.MayAccept(sized(2048, 65537)), "policy NZISM forbids the peer's key: RSA of 2048 bits is not within 3072 to 8192")
}

func TestECDSAIsRefusedWithTheReason(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	assert.ErrorContains(t, NZISM().MayUse(key.Public()), "no server of the fediverse checks ECDSA")
	assert.Error(t, Fediverse().MayAccept(key.Public()))
	_, err = New(key)
	assert.ErrorContains(t, err, "use RSA")
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkix(t testing.TB, key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return pemOf(pemPKIX, der)
}

func TestPublicPEMIsRead(t *testing.T) {
	key := aliceKey().Public().(*rsa.PublicKey)
	plain := pkix(t, key)
	for name, text := range map[string]string{
		"PKIX":               plain,
		"PKCS #1":            pemOf(pemPKCS1, x509.MarshalPKCS1PublicKey(key)),
		"without a last end": strings.TrimSpace(plain),
		"with white space":   " \n" + plain + "\r\n\t ",
		"with CRLF":          strings.ReplaceAll(plain, "\n", "\r\n"),
	} {
		got, err := ParsePublicPEM(text, Policy{})
		if assert.NoError(t, err, name) {
			assert.True(t, key.Equal(got), name)
		}
	}
	got, err := ParsePublicPEM(pkix(t, edKey().Public()), Fediverse())
	require.NoError(t, err)
	assert.True(t, same(got, edKey().Public()))
}

// B097: refused before anything is verified with it.
func TestHostilePublicPEMIsRefused(t *testing.T) {
	key := aliceKey()
	good := pkix(t, key.Public())
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	with := func(bits, e int) string {
		n := new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), bits-1, 1), 0, 1)
		der, err := asn1.Marshal(struct {
			N *big.Int
			E int
		}{n, e})
		require.NoError(t, err)
		return pemOf(pemPKCS1, der)
	}
	dsa, err := os.ReadFile(testenv.Shared(t, "interop/vectors/w3c-ccg-cavage/keys/dsa_pub.pem"))
	require.NoError(t, err)

	for name, text := range map[string]string{
		"nothing":             "",
		"not PEM":             "ssh-rsa AAAA",
		"RSA-512":             with(512, 65537),
		"RSA-1024":            pkix(t, smallKey().Public()),
		"RSA-16384":           with(16384, 65537),
		"RSA-65536":           with(65536, 65537),
		"e=1":                 with(2048, 1),
		"e=3":                 with(2048, 3),
		"e even":              with(2048, 65538),
		"e negative":          with(2048, -65537),
		"P-256":               pkix(t, p256.Public()),
		"Ed25519":             pkix(t, edKey().Public()),
		"DSA":                 string(dsa),
		"a private key":       pemOf("PRIVATE KEY", private),
		"a private RSA key":   pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"private labelled":    pemOf(pemPKIX, private),
		"a certificate":       pemOf("CERTIFICATE", der),
		"PKIX as PKCS #1":     pemOf(pemPKCS1, der),
		"1 MiB":               strings.Repeat(good, 1<<20/len(good)),
		"1 MiB of space":      good + strings.Repeat(" ", 1<<20),
		"two blocks":          good + good,
		"two blocks in one":   strings.TrimSpace(good) + good,
		"text before":         "key:\n" + good,
		"a broken one before": "-----BEGIN PUBLIC KEY-----\n" + good,
		"text behind":         good + "x",
		"a header":            strings.Replace(good, "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
		"trailing bytes":      pemOf(pemPKIX, append(der, 0)),
		"cut short":           pemOf(pemPKIX, der[:len(der)-1]),
		"no bytes":            pemOf(pemPKIX, nil),
	} {
		key, err := ParsePublicPEM(text, Policy{})
		assert.ErrorContains(t, err, "signing: ", name)
		assert.Nil(t, key, name)
	}
}
