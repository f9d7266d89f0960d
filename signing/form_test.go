package signing

import (
	"crypto"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outgoingTo is a delivery of ours to our own inbox, so that the verifier can look at it.
func outgoingTo(t testing.TB, method, url string) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/activity+json")
	r.RequestURI = r.URL.RequestURI()
	return r
}

func TestWeSignAsMastodonDoes(t *testing.T) {
	r := outgoingTo(t, http.MethodPost, base+"/ap/inbox")
	require.NoError(t, newKey(t, aliceKey()).SignRFC9421(Wish{}, r, []byte(follow), keyID, noon))
	assert.Equal(t, `sig1=("@method" "@target-uri" "content-digest");created=1788177600;keyid="https://peer.test/users/alice#main-key";alg="rsa-v1_5-sha256"`,
		strings.Replace(r.Header.Get("Signature-Input"), created(noon), "1788177600", 1))
	assert.Equal(t, contentDigest256(follow), r.Header.Get("Content-Digest"))
	assert.Equal(t, noon.UTC().Format(http.TimeFormat), r.Header.Get("Date"))
	assert.Empty(t, r.Header.Get("Digest"))
	_, err := verifier(aliceRing()).Verify(t.Context(), r, []byte(follow))
	assert.NoError(t, err)

	n := posted(noon)
	n.params = stamped(noon) + `;alg="rsa-v1_5-sha256"`
	assert.Equal(t, n.request(t).Header.Get("Signature"), r.Header.Get("Signature"), "the same as one that is made by hand")
}

func created(at time.Time) string {
	_, text, _ := strings.Cut(stamped(at), "created=")
	text, _, _ = strings.Cut(text, ";")
	return text
}

func TestWhatWeSignIsVerified(t *testing.T) {
	for _, key := range []crypto.Signer{aliceKey(), edKey()} {
		for _, form := range []Form{Cavage, RFC9421} {
			for _, url := range []string{base + "/ap/inbox", base + "/ap/a%2Fb/inbox?q=%20", base} {
				for _, method := range []string{http.MethodPost, http.MethodGet} {
					r := outgoingTo(t, method, url)
					r.Header.Set("Accept", "application/activity+json")
					var body []byte
					if method == http.MethodPost {
						body = []byte(follow)
					}
					require.NoError(t, newKey(t, key).SignAs(form, Wish{}, r, body, keyID, noon))
					v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: key.Public()}})
					v.Policy = Fediverse()
					_, err := v.Verify(t.Context(), r, body)
					assert.NoError(t, err, "%s %s %s", form, method, url)
				}
			}
		}
	}
}

func TestARequestIsSignedAgainInTheOtherForm(t *testing.T) {
	key := newKey(t, aliceKey())
	r := outgoingTo(t, http.MethodPost, base+"/ap/inbox")
	for _, form := range []Form{Cavage, RFC9421, Cavage, RFC9421} {
		require.NoError(t, key.SignAs(form, Wish{}, r, []byte(follow), keyID, noon))
		assert.Equal(t, form == RFC9421, r.Header.Get("Signature-Input") != "")
		assert.Equal(t, form == RFC9421, r.Header.Get("Content-Digest") != "")
		assert.Equal(t, form == Cavage, r.Header.Get("Digest") != "")
		_, err := verifier(aliceRing()).Verify(t.Context(), r, []byte(follow))
		assert.NoError(t, err, form)
	}
}

func TestAFailedSignatureOfRFC9421ChangesNothing(t *testing.T) {
	r := outgoingTo(t, http.MethodPost, base+"/ap/inbox")
	before := r.Header.Clone()
	assert.Error(t, newKey(t, aliceKey()).SignRFC9421(Wish{}, r, []byte(follow), "a\"b", noon))
	assert.Error(t, newKey(t, aliceKey()).SignRFC9421(Wish{Nonce: "ā"}, r, []byte(follow), keyID, noon))
	assert.Error(t, newKey(t, brokenHSM{aliceKey()}).SignRFC9421(Wish{}, r, []byte(follow), keyID, noon))
	assert.Equal(t, before, r.Header)
}

func TestWhatAServerAsksIsDone(t *testing.T) {
	for _, row := range []struct{ asked, signed string }{
		{`sig1=("@method" "@target-uri" "content-digest")`, `sig1=("@method" "@target-uri" "content-digest")` + `;created;keyid;alg`},
		{`me=("@method" "date" "@authority");created;keyid="x";nonce="n";tag="fediverse";expires`, `me=("@method" "@target-uri" "content-digest" "date" "@authority");created;expires;keyid;alg;nonce;tag`},
		{`a=("x-other"), b=("content-type" "@query" "@path" "@scheme" "host" "content-length" "@request-target")`,
			`b=("@method" "@target-uri" "content-digest" "content-type" "@query" "@path" "@scheme" "host" "content-length" "@request-target");created;keyid;alg`},
		{`a=("@query-param";name="x"), b=(date), c=5`, ""},
		{`a=("date" "date")`, ""},
		{`a=`, ""},
		{``, ""},
		{`a=();nonce="` + strings.Repeat("n", 1<<10) + `"`, ""},
	} {
		t.Run(row.asked[:min(len(row.asked), 20)], func(t *testing.T) {
			wish, ok := ReadWish(http.Header{"Accept-Signature": {row.asked}})
			require.Equal(t, row.signed != "", ok)
			if !ok {
				assert.Equal(t, Wish{}, wish)
				return
			}
			r := outgoingTo(t, http.MethodPost, base+"/ap/inbox?a=b")
			require.NoError(t, newKey(t, aliceKey()).SignRFC9421(wish, r, []byte(follow), keyID, noon))
			input := r.Header.Get("Signature-Input")
			components, params, _ := strings.Cut(input, ")")
			names := ""
			for _, param := range strings.Split(params, ";")[1:] {
				name, _, _ := strings.Cut(param, "=")
				names += ";" + name
			}
			assert.Equal(t, row.signed, components+")"+names)
			_, err := verifier(aliceRing()).Verify(t.Context(), r, []byte(follow))
			assert.NoError(t, err)
		})
	}
	_, ok := ReadWish(http.Header{})
	assert.False(t, ok)
}
