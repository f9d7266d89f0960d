package signing

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into), path)
}

// capture is a request as a real server sent it, or a document that it served.
type capture struct {
	Time         time.Time
	Method       string
	Host         string
	RequestURI   string
	Headers      http.Header
	Body         string
	Signature    *struct{ Valid bool }
	ResponseJSON struct {
		PublicKey struct{ ID, Owner, PublicKeyPem string }
	}
}

// recorded returns the requests to us, by file, and the keys that the captures hold.
func recorded(t testing.TB) (map[string]capture, *keyring) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/captures/gotosocial"), "*.json"))
	require.NoError(t, err)
	requests, ring := map[string]capture{}, &keyring{known: map[string]crypto.PublicKey{}}
	for _, file := range files {
		var c capture
		readJSON(t, file, &c)
		if key := c.ResponseJSON.PublicKey; key.PublicKeyPem != "" {
			ring.known[key.ID], err = ParsePublicPEM(key.PublicKeyPem, Policy{})
			require.NoError(t, err, file)
		}
		if c.Signature != nil {
			requests[filepath.Base(file)] = c
		}
	}
	return requests, ring
}

func (c capture) request() *http.Request {
	r := httptest.NewRequest(c.Method, c.RequestURI, strings.NewReader(c.Body))
	r.Host, r.Header = c.Host, c.Headers.Clone()
	return r
}

func TestRequestsOfGoToSocial(t *testing.T) {
	requests, ring := recorded(t)
	require.Greater(t, len(requests), 50)
	for file, c := range requests {
		v := verifier(ring)
		v.Now = func() time.Time { return c.Time }
		got, err := v.Verify(t.Context(), c.request(), []byte(c.Body))
		if !c.Signature.Valid {
			assert.Equal(t, signatureMissing, refused(t, err).Reason, file)
			continue
		}
		if assert.NoError(t, err, file) {
			assert.Contains(t, got.Actor(), "https://gts.test/users/", file)
		}

		v.Now = func() time.Time { return c.Time.Add(13 * time.Hour) }
		_, err = v.Verify(t.Context(), c.request(), []byte(c.Body))
		assert.Equal(t, dateOutside, refused(t, err).Reason, file)
	}
}

func TestAlteredRequestsOfGoToSocial(t *testing.T) {
	requests, ring := recorded(t)
	c := requests["0011-post-Create-Note-inbox.json"]
	require.NotEmpty(t, c.Body)
	v := verifier(ring)
	v.Now = func() time.Time { return c.Time }
	for i := 0; i < len(c.Body); i += 7 {
		body := []byte(c.Body)
		body[i] ^= 1
		_, err := v.Verify(t.Context(), c.request(), body)
		assert.Equal(t, digestWrong, refused(t, err).Reason, i)
		r := c.request()
		r.Header.Set("Digest", sha256Digest(string(body)))
		_, err = v.Verify(t.Context(), r, body)
		assert.Equal(t, signatureWrong, refused(t, err).Reason, i)
	}
}

// Mastodon's own tests of its verifier. We differ where the reason is given.
func TestMastodonsVectors(t *testing.T) {
	var file struct {
		KeyID         string
		PrivateKeyPem string `json:"private_key_pem"`
		Vectors       []struct {
			Name, Scheme, Method, URL string
			Now                       time.Time
			Headers                   map[string]string
			Body                      string
			Expect                    string
		}
	}
	readJSON(t, testenv.Shared(t, "interop/vectors/mastodon/vectors.json"), &file)
	differ := map[string]string{
		"with an acct key ID":               keyIDRefused,    // no URL, so no document whose key it could be
		"when the key material has changed": signatureBroken, // the vector holds a placeholder instead of a signature
	}
	block, _ := pem.Decode([]byte(file.PrivateKeyPem))
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(t, err)
	require.NotEmpty(t, file.Vectors)
	for _, vector := range file.Vectors {
		t.Run(vector.Scheme+" "+vector.Name, func(t *testing.T) {
			v := verifier(&keyring{known: map[string]crypto.PublicKey{file.KeyID: private.Public()}})
			v.BaseURL = "https://www.example.com"
			v.Now = func() time.Time { return vector.Now }
			target := strings.TrimPrefix(vector.URL, "https://www.example.com")
			r := httptest.NewRequest(vector.Method, target, strings.NewReader(vector.Body))
			r.Host = "www.example.com"
			for name, value := range vector.Headers {
				r.Header.Set(name, value)
			}
			_, err := v.Verify(t.Context(), r, []byte(vector.Body))
			switch reason := differ[vector.Name]; {
			case reason != "":
				assert.Equal(t, reason, refused(t, err).Reason)
			case vector.Expect == "accept":
				assert.NoError(t, err)
			default:
				assert.Error(t, err)
			}
		})
	}
}

// The vectors of draft-cavage-12 Appendix C cover less than we demand and have a
// key of 1024 bits, so only the arithmetic is tried.
func TestCavageAppendixC(t *testing.T) {
	var file struct {
		PrivateKeyPem string `json:"private_key_pem"`
		Request       struct {
			Method, URL, Body string
			Headers           map[string]string
		}
		Vectors []struct {
			Name            string
			SignatureHeader string `json:"signature_header"`
		}
	}
	readJSON(t, testenv.Shared(t, "interop/vectors/cavage/appendix-c.json"), &file)
	block, _ := pem.Decode([]byte(file.PrivateKeyPem))
	private, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(t, err)
	assert.Error(t, Fediverse().MayAccept(private.Public()))
	h := http.Header{}
	for name, value := range file.Request.Headers {
		h.Set(name, value)
	}
	// The file has nOjRJN where the draft has nOJRJN; C.3 covers it.
	h.Set("Digest", sha256Digest(file.Request.Body))
	m := message{
		method: file.Request.Method, hosts: []string{"example.com"}, targets: []string{"/foo?param=value&pet=dog"},
		header: h, body: []byte(file.Request.Body),
	}
	require.Len(t, file.Vectors, 3)
	for _, vector := range file.Vectors {
		p, err := cavage{}.parse(http.Header{"Signature": {vector.SignatureHeader}}, verifier(nil).limits())
		require.NoError(t, err)
		assert.NoError(t, p.matches(m, private.Public()), vector.Name)
		assert.NoError(t, p.intact(m))

		altered := m
		altered.targets = []string{"/bar"}
		onlyDate := strings.HasPrefix(vector.Name, "C.1")
		assert.Equal(t, onlyDate, p.matches(altered, private.Public()) == nil, vector.Name)
		altered.header = http.Header{"Date": {"Sun, 05 Jan 2014 21:31:41 GMT"}}
		assert.Error(t, p.matches(altered, private.Public()), vector.Name)
	}
}

// The W3C's suite tests parsers: none of its messages may pass, each for its reason.
func TestW3CMessages(t *testing.T) {
	dir := testenv.Shared(t, "interop/vectors/w3c-ccg-cavage")
	for name, reason := range map[string]string{
		"basic-request":             signatureMissing,
		"created":                   notCovered,
		"created-ecdsa":             algorithmRefused,
		"created-hmac":              algorithmRefused,
		"created-rsa":               algorithmRefused,
		"default-test":              signatureMissing,
		"duplicate-headers-request": signatureBroken,
		"duplicate-parameters":      signatureBroken,
		"ecdsa-signed":              notCovered,
		"ed25519-signed":            notCovered,
		"expires":                   signatureBroken,
		"ignore-case":               signatureMissing,
		"nokeyid-request":           signatureBroken,
		"nosignature-request":       signatureBroken,
		"p256-signed":               notCovered,
		"rsa-signed":                notCovered,
		"zero-length":               signatureMissing,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, name+".httpMessage"))
			require.NoError(t, err)
			r := readMessage(t, string(text))
			v := verifier(aliceRing())
			v.BaseURL, v.AnyHost = "https://example.com", true
			_, err = v.Verify(t.Context(), r, []byte(`{"hello": "world"}`))
			assert.Equal(t, reason, refused(t, err).Reason, err)
		})
	}
}

func readMessage(t *testing.T, text string) *http.Request {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target, _, _ := strings.Cut(rest, " ")
	r := httptest.NewRequest(method, target, nil)
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "Host") {
			r.Host = strings.TrimSpace(value)
			continue
		}
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r
}

// A Follow's Accept as oeee.cafe sent it, with created and expires given as strings.
func TestARequestOfOeeeCafe(t *testing.T) {
	var file struct {
		Excerpt string
		Actor   struct {
			PublicKey struct{ ID, Owner, PublicKeyPem string }
		}
	}
	readJSON(t, testenv.Shared(t, "interop/vectors/fedify/oeee-hs2019.json"), &file)
	quoted := func(before, quote string) string {
		_, rest, ok := strings.Cut(file.Excerpt[strings.Index(file.Excerpt, "request2"):], before)
		require.True(t, ok, before)
		_, rest, _ = strings.Cut(rest, quote)
		value, _, _ := strings.Cut(rest, quote)
		return value
	}
	body := quoted("body:", "'")
	public, err := ParsePublicPEM(file.Actor.PublicKey.PublicKeyPem, Policy{})
	require.NoError(t, err)
	assert.Equal(t, 2048, public.(*rsa.PublicKey).N.BitLen())
	v := &Verifier{
		BaseURL: "https://c27a97f98d5f.ngrok.app",
		Keys:    &keyring{known: map[string]crypto.PublicKey{file.Actor.PublicKey.ID: public}},
	}
	verify := func() error {
		r := httptest.NewRequest(http.MethodPost, "/i/inbox", strings.NewReader(body))
		r.Host = "c27a97f98d5f.ngrok.app"
		r.Header.Set("Content-Type", quoted(`"Content-Type":`, `"`))
		r.Header.Set("Date", quoted("Date:", `"`))
		r.Header.Set("Digest", quoted("Digest:", `"`))
		r.Header.Set("Signature", quoted("Signature:", "'"))
		_, err := v.Verify(t.Context(), r, []byte(body))
		return err
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2025, 8, 25, 12, 58, 14, 0, time.UTC)))
		assert.NoError(t, verify())
		time.Sleep(time.Hour + 10*time.Second)
		assert.NoError(t, verify(), "an hour is what it says, and ten seconds are for the clocks")
		time.Sleep(time.Second)
		assert.Equal(t, dateOutside, refused(t, verify()).Reason)
	})
}
