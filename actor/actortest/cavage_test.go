package actortest

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

func readShared(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(testenv.Shared(t, path))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into))
}

func privatePEM(t *testing.T, text string) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	require.NotNil(t, block)
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(t, err)
	return key
}

func headers(m map[string]string) http.Header {
	h := http.Header{}
	for name, value := range m {
		h.Set(name, value)
	}
	return h
}

// The draft's own examples (draft-cavage-http-signatures-12, appendix C).
func TestDraftExamples(t *testing.T) {
	var draft struct {
		Private string `json:"private_key_pem"`
		Request struct {
			Method, URL string
			Headers     map[string]string
		}
		Vectors []struct {
			Name      string
			Signature string `json:"signature_header"`
		}
	}
	readShared(t, "interop/vectors/cavage/appendix-c.json", &draft)
	key := privatePEM(t, draft.Private)
	m := message{draft.Request.Method, "/foo?param=value&pet=dog", "example.com", headers(draft.Request.Headers), 18}
	require.Len(t, draft.Vectors, 3)
	for _, v := range draft.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			s, err := readSignature(v.Signature)
			require.NoError(t, err)
			err = s.verify(m, key.Public())
			if strings.HasPrefix(v.Name, "C.3") {
				assert.Error(t, err, "the draft's third example is known not to verify")
				return
			}
			require.NoError(t, err)
			again, err := s.sign(m, key)
			require.NoError(t, err)
			assert.Equal(t, v.Signature, again.write([]string{"keyId", "algorithm", "headers", "signature"}), "we sign as the draft does")
			m := m
			m.header = m.header.Clone()
			m.header.Set("Date", "Sun, 05 Jan 2014 21:31:41 GMT")
			assert.Error(t, s.verify(m, key.Public()), "another date")
		})
	}
}

// bystander is a server that is asked nothing: it knows the key and only judges.
func bystander(d Dialect, url string, now time.Time, keys ...foreignKey) *Server {
	s := &Server{o: Options{Dialect: d, KeepKeys: true, Now: func() time.Time { return now }}, manner: d.manner(), url: url, keys: map[string]foreignKey{}}
	for _, key := range keys {
		s.keys[key.id] = key
	}
	return s
}

// What Mastodon's own tests take and refuse, our Mastodon takes and refuses.
func TestMastodonsVectors(t *testing.T) {
	var suite struct {
		Private string `json:"private_key_pem"`
		KeyID   string
		Vectors []struct {
			Name, Scheme, Method, URL, Expect string
			Now                               time.Time
			Headers                           map[string]string
			Body                              *string
		}
	}
	readShared(t, "interop/vectors/mastodon/vectors.json", &suite)
	bob := foreignKey{id: suite.KeyID, owner: "https://remote.domain/users/bob", key: privatePEM(t, suite.Private).Public()}
	judged := 0
	for _, v := range suite.Vectors {
		if v.Scheme != "cavage" || !strings.Contains(v.Headers["Signature"], `"`+suite.KeyID+`"`) {
			continue // RFC 9421, and look-ups of keys
		}
		judged++
		t.Run(v.Name, func(t *testing.T) {
			s := bystander(Mastodon, "https://www.example.com", v.Now, bob)
			var body []byte
			if v.Body != nil {
				body = []byte(*v.Body)
			}
			r, err := http.NewRequest(v.Method, v.URL, bytes.NewReader(body))
			require.NoError(t, err)
			r.Header, r.Host, r.RequestURI = headers(v.Headers), v.Headers["Host"], r.URL.RequestURI()
			proof, no := s.prove(r, body)
			if v.Expect == "accept" {
				require.Nil(t, no)
				assert.Equal(t, bob.owner, proof.Owner)
				return
			}
			require.NotNil(t, no)
			assert.Equal(t, 401, no.status)
			assert.Empty(t, proof.Owner)
		})
	}
	assert.Equal(t, 12, judged)
}

// Every request that a real GoToSocial signed verifies, and no longer does once it is touched.
func TestGoToSocialsRequests(t *testing.T) {
	files, err := filepath.Glob(testenv.Shared(t, "interop/captures/gotosocial") + "/*.json")
	require.NoError(t, err)
	keys := map[string]foreignKey{}
	judged := 0
	for _, file := range files {
		var capture struct {
			Kind, Method, RequestURI, Body, ResponseBody, Host string
			Time                                               time.Time
			Headers                                            http.Header
			Signature                                          struct{ Valid bool }
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &capture))
		if capture.Kind == "keyfetch" {
			doc, err := readObject([]byte(capture.ResponseBody))
			require.NoError(t, err)
			key, err := listedKey(doc, doc.inner("publicKey").text("id"), doc.text("id"))
			require.NoError(t, err)
			keys[key.id] = key
		}
		if !capture.Signature.Valid {
			continue
		}
		judged++
		s := bystander(GoToSocial, "https://agency.test", capture.Time)
		s.keys = keys
		r := &http.Request{Method: capture.Method, Host: capture.Host, RequestURI: capture.RequestURI, Header: capture.Headers}
		var body []byte
		if capture.Method == http.MethodPost {
			body = []byte(capture.Body)
		}
		_, no := s.prove(r, body)
		assert.Nil(t, no, "%s: %v", filepath.Base(file), no)

		if body != nil {
			body[len(body)/2] ^= 1
			_, no = s.prove(r, body)
			assert.NotNil(t, no, "%s with another body", filepath.Base(file))
		}
		r.RequestURI += "x"
		_, no = s.prove(r, []byte(capture.Body))
		assert.NotNil(t, no, "%s at another path", filepath.Base(file))
	}
	assert.Greater(t, judged, 50)
}

func TestSignatureHeadersThatCannotBeRead(t *testing.T) {
	cases := []struct{ name, field string }{
		{"empty", ""},
		{"no keyId", `headers="date",signature="AAAA"`},
		{"no signature", `keyId="https://a.test/k",headers="date"`},
		{"signature is not base64", `keyId="https://a.test/k",headers="date",signature="*"`},
		{"covers nothing", `keyId="https://a.test/k",headers="",signature="AAAA"`},
		{"parameter twice", `keyId="https://a.test/k",keyId="https://b.test/k",headers="date",signature="AAAA"`},
		{"open quote", `keyId="https://a.test/k,headers="date",signature="AAAA`},
		{"no comma", `keyId="https://a.test/k"headers="date",signature="AAAA"`},
		{"comma at the end", `keyId="https://a.test/k",headers="date",signature="AAAA",`},
		{"no value", `keyId`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := readSignature(c.field)
			assert.Error(t, err)
		})
	}
}

// Algorithms that must not pass for what they are not.
func TestAlgorithmAndKeyMustAgree(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	numbers, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	cases := []struct {
		name, algorithm string
		key             crypto.Signer
		good            bool
	}{
		{"RSA by its old name", "rsa-sha256", numbers, true},
		{"RSA under the label that hides it", "hs2019", numbers, true},
		{"RSA without a label", "", numbers, true},
		{"RSA called HMAC", "hmac-sha256", numbers, false},
		{"RSA called SHA-512", "rsa-sha512", numbers, false},
		{"RSA called SHA-1", "rsa-sha1", numbers, false},
		{"Ed25519 by its name", "ed25519", edwards, true},
		{"Ed25519 under the label that hides it", "hs2019", edwards, true},
		{"Ed25519 called RSA", "rsa-sha256", edwards, false},
	}
	m := message{method: "POST", target: "/inbox", host: "a.test", header: http.Header{"Date": {"now"}}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := signature{keyID: "k", algorithm: c.algorithm, covered: []string{"(request-target)", "host", "date"}}.sign(m, c.key)
			require.NoError(t, err)
			err = s.verify(m, c.key.Public())
			assert.Equal(t, c.good, err == nil, err)
		})
	}
}

// What the reader makes of a header, it can write and read again.
func FuzzReadSignature(f *testing.F) {
	f.Add(`keyId="https://a.test/k#main-key",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="AAAA"`)
	f.Add(`keyId="https://a.test/k",algorithm=hs2019,created=1402170695,expires=1402170699,headers="(created)",signature="AAAA"`)
	f.Add(`keyId="https://a.test/k",signature="AAAA"`)
	f.Add(`,,="`)
	f.Fuzz(func(t *testing.T, field string) {
		s, err := readSignature(field)
		if err != nil {
			return
		}
		s.bare = nil
		if strings.ContainsAny(s.created+s.expires, `", `) {
			return // we write numbers there
		}
		again, err := readSignature(s.write([]string{"keyId", "algorithm", "created", "expires", "headers", "signature"}))
		require.NoError(t, err)
		again.bare = nil
		assert.Equal(t, s, again)
	})
}

func FuzzReadObject(f *testing.F) {
	f.Add([]byte(`{"@context":"https://www.w3.org/ns/activitystreams","type":"Create","object":{"id":"x","tag":[{"type":"Mention"}]}}`))
	f.Add([]byte(`{"contentMap":{"en":"x"},"to":["a",{"id":"b"},1,null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := readObject(b)
		if err != nil {
			return
		}
		for name := range o {
			o.ids(name)
			o.inner(name).text("id")
			o.link(name)
		}
		o.mentions()
		depth(o)
		firstKey(b, "contentMap")
		_, err = o.write(true)
		require.NoError(t, err)
	})
}
