package actortest

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The RFC's own examples of requests (RFC 9421, Appendix B.2).
func TestRFC9421Examples(t *testing.T) {
	var file struct {
		Keys    map[string]string
		Request struct {
			Method, URL, Body string
			Headers           map[string]string
		}
		Vectors []struct {
			Label     string
			Input     string `json:"signature_input"`
			Signature string
			On        string
		}
	}
	readShared(t, "interop/vectors/rfc9421/appendix-b.json", &file)
	m := message{file.Request.Method, "/foo?param=Value&Pet=dog", "example.com", headers(file.Request.Headers), 18}
	pss := pssKey(t, file.Keys["test-key-rsa-pss"])
	edwards, err := x509.ParsePKCS8PrivateKey(der(file.Keys["test-key-ed25519"]))
	require.NoError(t, err)
	judged := 0
	for _, v := range file.Vectors {
		if v.On == "response" {
			continue
		}
		judged++
		t.Run(v.Label, func(t *testing.T) {
			s, err := messageSignatureOf(http.Header{"Signature-Input": {v.Input}, "Signature": {v.Signature}})
			require.NoError(t, err)
			other := m
			other.header = m.header.Clone()
			other.header.Set("Date", "Tue, 20 Apr 2021 02:07:56 GMT")
			verify := func(m message) error { return s.verify(m, "http", edwards.(crypto.Signer).Public()) }
			switch s.params["keyid"] {
			case "test-key-rsa-pss":
				s.params["alg"] = "rsa-pss-sha512"
				verify = func(m message) error { return s.verify(m, "http", pss.Public()) }
			case "test-shared-secret":
				verify = func(m message) error { return authentic(t, s, m, file.Keys["test-shared-secret"]) }
			}
			assert.NoError(t, verify(m))
			assert.Equal(t, s.covers("date"), verify(other) != nil, "another date")
		})
	}
	assert.Equal(t, 5, judged)
}

// authentic checks the HMAC of the RFC's example, which nobody here sends.
func authentic(t *testing.T, s messageSignature, m message, secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(secret))
	require.NoError(t, err)
	base, err := s.base(m, "http")
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write(base)
	if !hmac.Equal(mac.Sum(nil), s.value) {
		return assert.AnError
	}
	return nil
}

func der(text string) []byte {
	block, _ := pem.Decode([]byte(text))
	return block.Bytes
}

// pssKey reads a key that is marked as for RSASSA-PSS only, which crypto/x509 does not.
func pssKey(t *testing.T, text string) *rsa.PrivateKey {
	var outer struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	_, err := asn1.Unmarshal(der(text), &outer)
	require.NoError(t, err)
	key, err := x509.ParsePKCS1PrivateKey(outer.Key)
	require.NoError(t, err)
	return key
}

func TestMastodonsVectorsOfRFC9421(t *testing.T) {
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
		if v.Scheme != "rfc9421" || !strings.Contains(v.Headers["Signature-Input"], `"`+suite.KeyID+`"`) {
			continue
		}
		judged++
		t.Run(v.Name, func(t *testing.T) {
			s := bystander(Mastodon, "https://www.example.com", v.Now, bob)
			s.o.Signatures = RFC9421Alone
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
			assert.Empty(t, proof.Owner)
		})
	}
	assert.Equal(t, 11, judged)
}

// Which form a server of each kind takes.
func TestFormsOfSignatures(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	now := time.Now()
	for _, c := range []struct {
		takes, comes Signatures
		good         bool
	}{
		{CavageAlone, CavageAlone, true}, {CavageAlone, RFC9421Alone, false},
		{RFC9421Alone, CavageAlone, false}, {RFC9421Alone, RFC9421Alone, true},
		{Both, CavageAlone, true}, {Both, RFC9421Alone, true},
	} {
		sender, err := Start(Options{Signatures: c.comes, NewKey: func() (crypto.Signer, error) { return key, nil }})
		require.NoError(t, err)
		alice := sender.Actor("alice")
		s := bystander(Mastodon, "http://a.test", now, foreignKey{id: alice.KeyID(), owner: alice.ID, key: key.Public()})
		s.o.Signatures = c.takes
		r, err := http.NewRequest(http.MethodPost, "http://a.test/inbox", nil)
		require.NoError(t, err)
		r.Header.Set("Content-Type", activityType)
		require.NoError(t, alice.postForms()[0](r, []byte("{}"), Forge{}))
		r.Host, r.RequestURI = "a.test", "/inbox"
		_, no := s.prove(r, []byte("{}"))
		assert.Equal(t, c.good, no == nil, "%d to %d: %v", c.comes, c.takes, no)
		require.NoError(t, sender.Close())
	}
}

func TestSignatureInputsThatCannotBeRead(t *testing.T) {
	for _, input := range []string{"", "sig1", "sig1=", "sig1=5", `sig1=("a"`, `sig1=("a`, `sig1=(a)`, `sig1=("a");keyid="x`, `sig2=("a")`} {
		_, err := messageSignatureOf(http.Header{"Signature-Input": {input}, "Signature": {"sig1=:AAAA:"}})
		assert.Error(t, err, input)
	}
}

func FuzzMessageSignature(f *testing.F) {
	f.Add(`sig1=("@method" "@target-uri" "content-digest");created=1;keyid="k"`, "sig1=:AAAA:")
	f.Add(`sig1=("@query-param";name="a b" "date");created=1`, "sig0=:AA==:, sig1=:AAAA:")
	f.Add(`a=(`, "a=::")
	f.Fuzz(func(t *testing.T, input, value string) {
		s, err := messageSignatureOf(http.Header{"Signature-Input": {input}, "Signature": {value}})
		if err != nil {
			return
		}
		assert.Contains(t, input, s.paramsText)
		_, _ = s.base(message{method: "POST", target: "/inbox?a%20b=1", host: "a.test", header: http.Header{"Date": {"now"}}}, "https")
	})
}
