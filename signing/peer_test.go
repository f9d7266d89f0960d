package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	base   = "https://agency.test"
	alice  = "https://peer.test/users/alice"
	keyID  = alice + "#main-key"
	follow = `{"type":"Follow"}`
	layout = "(request-target) host date digest content-type"
)

var (
	aliceKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
	smallKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(1024) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, _ := ed25519.GenerateKey(rand.Reader)
		return key
	})
)

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// keyring is what a Resolver finds, before and after it looks again.
type keyring struct {
	mu             sync.Mutex
	known, renewed map[string]crypto.PublicKey
	err            error
	asked, again   int
	proved         []string
}

func (k *keyring) PublicKey(_ context.Context, id string, renew bool) (PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := k.known
	if k.asked++; renew {
		k.again++
		if k.renewed != nil {
			keys = k.renewed
		}
	}
	key, ok := keys[id]
	if k.err != nil || !ok {
		return PublicKey{}, errors.Join(k.err, errors.New("no such key"))
	}
	owner, _, _ := strings.Cut(id, "#")
	return PublicKey{ID: id, Owner: owner, Key: key}, nil
}

func (k *keyring) Proved(_ context.Context, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.proved = append(k.proved, id)
}

func aliceRing() *keyring {
	return &keyring{known: map[string]crypto.PublicKey{keyID: aliceKey().Public()}}
}

// letter is a request as a peer makes and signs it. It builds the string to
// sign by itself, so that the tests do not agree with the code by construction.
type letter struct {
	method, target, host string
	header               http.Header
	body                 string

	key       crypto.Signer
	keyID     string
	covers    string
	algorithm string
	extra     string // further parameters, each with a comma behind it
	created   string
	expires   string

	signedTarget, signedHost string // what the peer believes; the same when empty
	after                    func(r *http.Request)
}

// sent is a Follow that arrives a second after it was signed.
func sent(now time.Time) *letter {
	return &letter{
		method: http.MethodPost, target: "/ap/inbox", host: "agency.test",
		header: http.Header{
			"Date":         {now.Add(-time.Second).UTC().Format(http.TimeFormat)},
			"Content-Type": {"application/activity+json"},
			"Digest":       {sha256Digest(follow)},
		},
		body: follow, key: aliceKey(), keyID: keyID, covers: layout, algorithm: "rsa-sha256",
	}
}

func sha256Digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

func (l *letter) request(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest(l.method, l.target, bytes.NewReader([]byte(l.body)))
	r.Host = l.host
	r.Header = l.header.Clone()
	r.Header.Set("Signature", l.parameters(t))
	if l.after != nil {
		l.after(r)
	}
	return r
}

func (l *letter) parameters(t testing.TB) string {
	s := `keyId="` + l.keyID + `",` + l.extra
	if l.algorithm != "" {
		s += `algorithm="` + l.algorithm + `",`
	}
	if l.created != "" {
		s += "created=" + l.created + ","
	}
	if l.expires != "" {
		s += "expires=" + l.expires + ","
	}
	return s + `headers="` + l.covers + `",signature="` + base64.StdEncoding.EncodeToString(l.sign(t)) + `"`
}

func (l *letter) sign(t testing.TB) []byte {
	text := []byte(l.text())
	if key, ok := l.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, text)
	}
	sum := sha256.Sum256(text)
	signature, err := l.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	require.NoError(t, err)
	return signature
}

// text is the signing string of draft-cavage-12 section 2.3.
func (l *letter) text() string {
	var lines []string
	for _, name := range strings.Fields(strings.ToLower(l.covers)) {
		value := strings.Join(l.header.Values(name), ", ")
		switch name {
		case "(request-target)":
			value = strings.ToLower(l.method) + " " + either(l.signedTarget, l.target)
		case "(created)":
			value = l.created
		case "(expires)":
			value = l.expires
		case "host":
			value = either(l.signedHost, l.host)
		}
		lines = append(lines, name+": "+value)
	}
	return strings.Join(lines, "\n")
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
