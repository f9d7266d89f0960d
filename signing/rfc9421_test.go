package signing

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/internal/testenv"
)

// note is a request as a peer makes and signs it with RFC 9421. It builds the
// signature base by itself, as letter does for draft-cavage.
type note struct {
	method, url string // as the peer believes
	target      string // as it comes to us; that of url when empty
	host        string // the same
	header      http.Header
	body        string

	key    crypto.Signer
	pss    bool
	label  string
	covers string // as in Signature-Input, without the parentheses
	params string
	also   []string // other members: input and signature
	after  func(*http.Request)
}

// posted is a Follow that arrives a second after it was signed, as Mastodon signs it.
func posted(now time.Time) *note {
	return &note{
		method: http.MethodPost, url: base + "/ap/inbox",
		header: http.Header{"Content-Type": {"application/activity+json"}, "Content-Digest": {contentDigest256(follow)}, "Date": {now.UTC().Format(http.TimeFormat)}},
		body:   follow, key: aliceKey(), label: "sig1",
		covers: `"@method" "@target-uri" "content-digest"`,
		params: stamped(now.Add(-time.Second)),
	}
}

func stamped(at time.Time) string { return fmt.Sprintf(`;created=%d;keyid="%s"`, at.Unix(), keyID) }

func contentDigest256(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func contentDigest512(body string) string {
	sum := sha512.Sum512([]byte(body))
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func (n *note) request(t testing.TB) *http.Request {
	t.Helper()
	host, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(n.url, "https://"), "http://"), "/")
	r := httptest.NewRequest(n.method, "/", strings.NewReader(n.body))
	r.RequestURI, r.Host, r.Header = either(n.target, "/"+rest), either(n.host, host), n.header.Clone()
	inputs, values := n.label+"=("+n.covers+")"+n.params, n.label+"=:"+base64.StdEncoding.EncodeToString(n.sign(t))+":"
	if n.also != nil {
		inputs, values = n.also[0]+", "+inputs, n.also[1]+", "+values
	}
	r.Header.Set("Signature-Input", inputs)
	r.Header.Set("Signature", values)
	if n.after != nil {
		n.after(r)
	}
	return r
}

func (n *note) sign(t testing.TB) []byte {
	text := []byte(n.text())
	var signature []byte
	var err error
	switch short, long := sha256.Sum256(text), sha512.Sum512(text); {
	case n.pss:
		signature, err = n.key.Sign(rand.Reader, long[:], &rsa.PSSOptions{SaltLength: 64, Hash: crypto.SHA512})
	case n.ed25519():
		signature, err = n.key.Sign(nil, text, crypto.Hash(0))
	default:
		signature, err = n.key.Sign(rand.Reader, short[:], crypto.SHA256)
	}
	require.NoError(t, err)
	return signature
}

func (n *note) ed25519() bool {
	_, ok := n.key.(ed25519.PrivateKey)
	return ok
}

// text is the signature base of section 2.5.
func (n *note) text() string {
	scheme, rest, _ := strings.Cut(n.url, "://")
	host, rest, _ := strings.Cut(rest, "/")
	path, query, _ := strings.Cut("/"+rest, "?")
	values := map[string]string{
		"@method": n.method, "@target-uri": n.url, "@authority": host, "host": host, "@scheme": scheme,
		"@request-target": "/" + rest, "@path": path, "@query": "?" + query, "content-length": strconv.Itoa(len(n.body)),
	}
	var b strings.Builder
	for _, quoted := range strings.Fields(n.covers) {
		name := strings.Trim(quoted, `"`)
		value, ok := values[name]
		if !ok {
			value = strings.Join(n.header.Values(name), ", ")
		}
		b.WriteString(quoted + ": " + value + "\n")
	}
	return b.String() + `"@signature-params": (` + n.covers + ")" + n.params
}

func (n *note) verify(t testing.TB, v *Verifier) error {
	_, err := v.Verify(t.Context(), n.request(t), []byte(n.body))
	return err
}

func TestASignatureOfRFC9421IsVerified(t *testing.T) {
	n, ring := posted(noon), aliceRing()
	got, err := verifier(ring).Verify(t.Context(), n.request(t), []byte(n.body))
	require.NoError(t, err)
	assert.Equal(t, alice, got.Actor())
	assert.Equal(t, follow, string(got.Body()))
	assert.Equal(t, mark(alice, n.sign(t)), got.Mark())
	assert.Equal(t, []string{keyID}, ring.proved)
}

func TestEveryLayoutOfRFC9421IsTaken(t *testing.T) {
	const mastodon = `"@method" "@target-uri" "content-digest"`
	with := func(params string) string { return stamped(noon) + params }
	signedBy := func(key crypto.Signer) func(*note) { return func(n *note) { n.key = key } }
	for what, alter := range map[string]func(*note){
		"Mastodon": func(n *note) { n.covers = mastodon },
		"Ghost, by Fedify": func(n *note) {
			n.covers, n.params = `"@method" "@target-uri" "@authority" "host" "date" "content-digest"`, fmt.Sprintf(`;alg="rsa-v1_5-sha256";keyid="%s";created=%d`, keyID, noon.Unix())
		},
		"WordPress": func(n *note) {
			n.covers = `"@method" "@target-uri" "content-digest" "content-type"`
			n.params = fmt.Sprintf(`;created=%d;keyid="%s";alg="rsa-v1_5-sha256"`, noon.Unix(), keyID)
		},
		"a field given twice, with white space around": func(n *note) {
			n.covers += ` "x-list"`
			n.header["X-List"] = []string{"a", "b"}
			n.after = func(r *http.Request) { r.Header["X-List"] = []string{" a\t", "b "} }
		},
		"host and path":           func(n *note) { n.covers = `"@path" "@authority" "@method" "content-digest"` },
		"host field and path":     func(n *note) { n.covers = `"@path" "host" "@method" "content-digest"` },
		"host and request target": func(n *note) { n.covers = `"@method" "@authority" "@request-target" "content-digest"` },
		"a path with a query":     func(n *note) { n.url += "?a=b"; n.covers = `"@method" "@authority" "@path" "@query" "content-digest"` },
		"the target with a query": func(n *note) { n.url += "?a=b&c" },
		"more than we ask":        func(n *note) { n.covers = mastodon + ` "@scheme" "@query" "content-type" "content-length" "date"` },
		"alg":                     func(n *note) { n.params = with(`;alg="rsa-v1_5-sha256"`) },
		"nonce, tag and expires": func(n *note) {
			n.params = with(fmt.Sprintf(`;expires=%d;nonce="x";tag="fediverse"`, noon.Add(time.Minute).Unix()))
		},
		"RSA-PSS":          func(n *note) { n.pss, n.params = true, with(`;alg="rsa-pss-sha512"`) },
		"Ed25519":          signedBy(edKey()),
		"Ed25519 with alg": func(n *note) { n.key, n.params = edKey(), with(`;alg="ed25519"`) },
		"another label":    func(n *note) { n.label = "*my_sig-1.0" },
		"SHA-512":          func(n *note) { n.header.Set("Content-Digest", contentDigest512(follow)) },
		"two digests":      func(n *note) { n.header.Set("Content-Digest", contentDigest512(follow)+", "+contentDigest256(follow)) },
		"two digests in two fields": func(n *note) {
			n.header["Content-Digest"] = []string{contentDigest512(follow), contentDigest256(follow)}
		},
		"a digest that nobody checks":     func(n *note) { n.header.Set("Content-Digest", "md5=:AA==:, "+contentDigest256(follow)) },
		"a signature of somebody between": func(n *note) { n.also = []string{`proxy=("@method";req);keyid="p"`, "proxy=:AA==:"} },
		"one that covers less before it":  func(n *note) { n.also = []string{`sig0=("@method");created=1;keyid="k"`, "sig0=:AA==:"} },
		"one that cannot be read":         func(n *note) { n.also = []string{"sig0=5", "sig0=5"} },
		"one without a value": func(n *note) {
			n.also = []string{`sig0=("@method" "@target-uri" "content-digest")` + stamped(noon), "other=:AA==:"}
		},
		"white space": func(n *note) {
			n.after = func(r *http.Request) {
				r.Header.Set("Signature-Input", " "+strings.NewReplacer(`" "`, `"   "`, "(", "(  ", ")", " )").Replace(r.Header.Get("Signature-Input"))+" ")
			}
		},
		"a signature of draft-cavage's time":       func(n *note) { n.header.Set("Digest", "SHA-256=wrong") },
		"an old Date":                              func(n *note) { n.header.Set("Date", "Tue, 20 Apr 2021 02:07:55 GMT") },
		"the default port":                         func(n *note) { n.host = "agency.test:443" },
		"Host in capitals":                         func(n *note) { n.host = "AGENCY.test" },
		"a percent-encoded path":                   func(n *note) { n.url = base + "/ap/a%2Fb/%7E/%c4%81/inbox?q=%20+" },
		"a target that Go would write another way": func(n *note) { n.url += `"x` },
		"a GET": func(n *note) { n.method, n.body, n.covers = http.MethodGet, "", `"@method" "@target-uri"` },
		"a GET with a fragment, as Fedify asks for a key": func(n *note) {
			n.method, n.body, n.covers = http.MethodGet, "", `"@method" "@target-uri"`
			n.url, n.target = base+"/ap/actors/news#main-key", "/ap/actors/news"
		},
		"a GET with the digest of nothing": func(n *note) {
			n.method, n.body = http.MethodGet, ""
			n.header.Set("Content-Digest", contentDigest256(""))
		},
	} {
		t.Run(what, func(t *testing.T) {
			n := posted(noon)
			alter(n)
			v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: n.key.Public()}})
			v.Policy = Fediverse()
			assert.NoError(t, n.verify(t, v))
		})
	}
}

func TestHostileSignaturesOfRFC9421AreRefused(t *testing.T) {
	const mastodon = `"@method" "@target-uri" "content-digest"`
	covers := func(list string) func(*note) { return func(n *note) { n.covers = list } }
	params := func(text string) func(*note) { return func(n *note) { n.params = text } }
	at := func(d time.Duration) func(*note) { return params(stamped(noon.Add(d))) }
	with := func(text string) func(*note) { return params(stamped(noon) + text) }
	digest := func(values ...string) func(*note) { return func(n *note) { n.header["Content-Digest"] = values } }
	field := func(name, value string) func(*note) {
		return func(n *note) { n.after = func(r *http.Request) { r.Header.Set(name, value) } }
	}
	table := []struct {
		id, what string
		alter    func(*note)
		status   int
		reason   string
		asked    int
	}{
		{"B054", "two signatures by two keys, neither of which covers enough", func(n *note) {
			n.covers = `"@method" "content-digest"`
			n.also = []string{`sig0=("@method" "@target-uri");created=1;keyid="https://evil.test/k"`, "sig0=:AA==:"}
		}, 401, notCovered, 0},
		{"B054", "a forged one that covers enough before a good one", func(n *note) {
			n.also = []string{`sig0=(` + mastodon + `)` + stamped(noon), "sig0=:AAAA:"}
		}, 401, signatureWrong, 2},
		{"B054", "@query-param", func(n *note) { n.url += "?a=b"; n.covers = mastodon + ` "@query-param";name="a"` }, 401, componentRefused, 0},
		{"B054", "bs", covers(`"@method" "@target-uri" "content-digest";bs`), 401, componentRefused, 0},
		{"B054", "sf", covers(`"@method" "@target-uri" "content-digest";sf`), 401, componentRefused, 0},
		{"B054", "req", covers(`"@method";req "@target-uri" "content-digest"`), 401, componentRefused, 0},
		{"B054", "tr", covers(`"@method" "@target-uri" "content-digest";tr`), 401, componentRefused, 0},
		{"B054", "key", covers(`"@method" "@target-uri" "content-digest";key="sha-256"`), 401, componentRefused, 0},
		{"B054", "@status", covers(`"@method" "@target-uri" "content-digest" "@status"`), 401, componentRefused, 0},
		{"B054", "a derived component that nobody knows", covers(mastodon + ` "@future"`), 401, componentRefused, 0},
		{"B054", "capitals", covers(mastodon + ` "Content-Type"`), 401, componentRefused, 0},
		{"B054", "another signature", covers(mastodon + ` "signature"`), 401, componentRefused, 0},
		{"B054", "a component with a colon", covers(mastodon + ` "a:b"`), 401, componentRefused, 0},
		{"B054", "an empty component", covers(mastodon + ` ""`), 401, componentRefused, 0},
		{"B054", "a component that is no string", covers(mastodon + ` 5`), 400, signatureBroken, 0},
		{"B054", "a component twice", covers(mastodon + ` "@method"`), 400, signatureBroken, 0},
		{"B054", "a component that is not there", covers(mastodon + ` "x-not-there"`), 401, notCovered, 0},
		{"B054", "twenty-one components", covers(mastodon + many(18)), 400, signatureTooLarge, 0},
		{"B054", "5 KiB of input", with(`;nonce="` + strings.Repeat("n", 5<<10) + `"`), 400, signatureTooLarge, 0},
		{"B054", "no list", field("Signature-Input", "sig1=5"), 400, signatureBroken, 0},
		{"B054", "a display string", covers(mastodon + ` %"x"`), 400, signatureBroken, 0},
		{"B055", "a display string as digest", digest(`sha-256=%"x"`), 401, digestBroken, 0},
		{"B054", "no dictionary", field("Signature-Input", "((("), 400, signatureBroken, 0},
		{"B054", "nothing", field("Signature-Input", ""), 400, signatureBroken, 0},
		{"B054", "no value", field("Signature", ""), 400, signatureBroken, 0},
		{"B054", "a value of another label", field("Signature", "sig2=:AA==:"), 400, signatureBroken, 0},
		{"B054", "a value that is no byte sequence", field("Signature", `sig1="AA=="`), 400, signatureBroken, 0},
		{"B054", "a parameter that nobody knows", with(`;future=1`), 400, signatureBroken, 0},
		{"B054", "a keyid that is no string", params(fmt.Sprintf(`;created=%d;keyid=alice`, noon.Unix())), 400, signatureBroken, 0},
		{"B054", "no keyid", params(fmt.Sprintf(`;created=%d`, noon.Unix())), 400, signatureBroken, 0},
		{"B054", "created as a string", params(fmt.Sprintf(`;created="%d";keyid="%s"`, noon.Unix(), keyID)), 400, signatureBroken, 0},
		{"B054", "created before 1970", params(fmt.Sprintf(`;created=-5;keyid="%s"`, keyID)), 400, signatureBroken, 0},
		{"B047", "no created", params(fmt.Sprintf(`;keyid="%s"`, keyID)), 401, notCovered, 0},
		{"B047", "over 12 hours old", at(-12*time.Hour - time.Second), 401, dateOutside, 0},
		{"B047", "over 5 minutes ahead", at(5*time.Minute + time.Second), 401, dateOutside, 0},
		{"B048", "expired", with(fmt.Sprintf(`;expires=%d`, noon.Add(-11*time.Second).Unix())), 401, dateOutside, 0},
		{"B048", "expires before created", func(n *note) {
			n.params = stamped(noon.Add(time.Minute)) + fmt.Sprintf(`;expires=%d`, noon.Unix())
		}, 401, dateOutside, 0},
		{"B049", "HMAC", with(`;alg="hmac-sha256"`), 401, algorithmRefused, 0},
		{"B049", "SHA-512 that the RFC does not name", with(`;alg="rsa-v1_5-sha512"`), 401, algorithmRefused, 0},
		{"B049", "ECDSA", with(`;alg="ecdsa-p256-sha256"`), 401, algorithmRefused, 0},
		{"B049", "the algorithm of another key", with(`;alg="ed25519"`), 401, algorithmRefused, 2},
		{"B049", "PKCS #1 called PSS", with(`;alg="rsa-pss-sha512"`), 401, signatureWrong, 2},
		{"B050", "signed for another host", func(n *note) { n.url, n.host = "https://victim.test/ap/inbox", "agency.test" }, 401, signatureWrong, 2},
		{"B050", "sent to another host", func(n *note) { n.host = "victim.test" }, 401, hostNotOurs, 0},
		{"B050", "signed for another path", func(n *note) { n.target = "/ap/actors/news/inbox" }, 401, signatureWrong, 2},
		{"B050", "signed without the query", func(n *note) { n.target = "/ap/inbox?a=b" }, 401, signatureWrong, 2},
		{"B050", "signed for http", func(n *note) { n.url = "http://agency.test/ap/inbox" }, 401, signatureWrong, 2},
		{"B050", "signed with another method", func(n *note) { n.after = func(r *http.Request) { r.Method = http.MethodPut } }, 401, signatureWrong, 2},
		{"B050", "signed with another key", func(n *note) { n.key = otherKey() }, 401, signatureWrong, 2},
		{"B050", "a fragment in the target", func(n *note) { n.url += "#x" }, 401, signatureWrong, 2},
		{"B050", "a field that would be two lines", func(n *note) {
			n.covers += ` "x-two"`
			n.header["X-Two"] = []string{"1\n\"x-three\": 2"}
		}, 401, signatureWrong, 2},
		{"B050", "a key's fragment behind the target of a POST", func(n *note) {
			n.url, n.target = base+"/ap/actors/news#main-key", "/ap/actors/news"
		}, 401, signatureWrong, 2},
		{"B050", "path without its query", func(n *note) { n.url += "?a=b"; n.covers = `"@method" "@authority" "@path" "content-digest"` }, 401, notCovered, 0},
		{"B050", "path without host", covers(`"@method" "@path" "content-digest"`), 401, notCovered, 0},
		{"B050", "host without path", covers(`"@method" "@authority" "content-digest"`), 401, notCovered, 0},
		{"B050", "no method", covers(`"@target-uri" "content-digest"`), 401, notCovered, 0},
		{"B051", "a key of http", params(fmt.Sprintf(`;created=%d;keyid="http://peer.test/k"`, noon.Unix())), 401, keyIDRefused, 0},
		{"B052", "a key on loopback", params(fmt.Sprintf(`;created=%d;keyid="https://127.0.0.1/k"`, noon.Unix())), 401, keyIDRefused, 0},
		{"B055", "no content-digest", covers(`"@method" "@target-uri"`), 401, notCovered, 0},
		{"B055", "content-digest that is not there", func(n *note) { n.header.Del("Content-Digest") }, 401, notCovered, 0},
		{"B055", "content-digest of another body", digest(contentDigest256("x")), 401, digestWrong, 0},
		{"B055", "one right and one wrong", digest(contentDigest256(follow), contentDigest512("x")), 401, digestWrong, 0},
		{"B055", "right, then wrong under the same name", digest(contentDigest256(follow), contentDigest256("x")), 401, digestWrong, 0},
		{"B055", "only what the RFC calls insecure", digest("md5=:AA==:"), 401, digestBroken, 0},
		{"B055", "the form of RFC 3230", digest(sha256Digest(follow)), 401, digestBroken, 0},
		{"B055", "a digest that is cut off", digest("sha-256=:AA==:"), 401, digestBroken, 0},
		{"B055", "a digest that is no byte sequence", digest(`sha-256="AA=="`), 401, digestBroken, 0},
		{"B055", "RFC 3230's Digest instead", func(n *note) {
			n.header.Set("Digest", sha256Digest(follow))
			n.covers = `"@method" "@target-uri" "digest"`
		}, 401, notCovered, 0},
	}
	for _, row := range table {
		t.Run(row.id+" "+row.what, func(t *testing.T) {
			n, ring := posted(noon), aliceRing()
			row.alter(n)
			for range 2 { // the same answer twice
				asked := ring.asked
				got, err := verifier(ring).Verify(t.Context(), n.request(t), []byte(n.body))
				refusal := refused(t, err)
				assert.Equal(t, row.reason, refusal.Reason, err)
				assert.Equal(t, row.status, refusal.Status)
				assert.Equal(t, row.asked, ring.asked-asked, "times that a key was asked for")
				assert.Equal(t, Verified{}, got)
				assert.Less(t, len(err.Error()), 2<<10)
			}
		})
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` "x-%d"`, i)
	}
	return b.String()
}

// Signature-Input decides the scheme: a good signature of draft-cavage beside it counts for nothing.
func TestRFC9421HasTheSay(t *testing.T) {
	n := posted(noon)
	n.key = otherKey()
	n.after = func(r *http.Request) {
		r.Header.Set("Date", noon.UTC().Format(http.TimeFormat))
		r.Header.Set("Digest", sha256Digest(follow))
		r.Header.Set("Authorization", "Signature "+sent(noon).parameters(t))
	}
	assert.Equal(t, signatureWrong, refused(t, n.verify(t, verifier(aliceRing()))).Reason)
	n.key = aliceKey()
	assert.NoError(t, n.verify(t, verifier(aliceRing())))
}

func TestEd25519OfRFC9421OnlyWhereThePolicyHasIt(t *testing.T) {
	n := posted(noon)
	n.key = edKey()
	v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: edKey().Public()}})
	assert.Equal(t, keyRefused, refused(t, n.verify(t, v)).Reason)
	v.Policy = Fediverse()
	assert.NoError(t, n.verify(t, v))
}

func TestTheEdgesOfCreatedAreInside(t *testing.T) {
	for _, params := range []string{
		stamped(noon.Add(-12 * time.Hour)), stamped(noon.Add(5 * time.Minute)),
		stamped(noon) + fmt.Sprintf(`;expires=%d`, noon.Add(-10*time.Second).Add(10*time.Second).Unix()),
	} {
		n := posted(noon)
		n.params = params
		assert.NoError(t, n.verify(t, verifier(aliceRing())), params)
	}
}

// The configured public URL decides, whatever a proxy or a mount made of the request.
func TestRFC9421BehindAProxy(t *testing.T) {
	t.Run("that ends TLS and changes Host", func(t *testing.T) {
		n := posted(noon)
		n.host = "10.0.0.7:8080"
		n.after = func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "agency.test") }
		v := verifier(aliceRing())
		assert.Equal(t, hostNotOurs, refused(t, n.verify(t, v)).Reason)
		v.AnyHost = true
		assert.NoError(t, n.verify(t, v))
		n.url = "https://victim.test/ap/inbox"
		assert.Equal(t, signatureWrong, refused(t, n.verify(t, v)).Reason)
	})
	t.Run("that takes the base path away", func(t *testing.T) {
		n := posted(noon)
		n.url, n.target = base+"/social/ap/inbox", "/ap/inbox"
		v := verifier(aliceRing())
		v.BaseURL = base + "/social"
		assert.NoError(t, n.verify(t, v))
		n.target = "/social/ap/inbox"
		assert.NoError(t, n.verify(t, v), "or leaves it")
	})
	t.Run("under http.StripPrefix", func(t *testing.T) {
		n := posted(noon)
		n.url = base + "/ap/a%2Fb/inbox"
		r := n.request(t)
		r.URL.Path, r.URL.RawPath = "/ap/a/b/inbox", "/ap/a%2Fb/inbox"
		var err error
		http.StripPrefix("/ap", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err = verifier(aliceRing()).Verify(r.Context(), r, []byte(follow))
		})).ServeHTTP(httptest.NewRecorder(), r)
		assert.NoError(t, err)
	})
	t.Run("with an absolute request target", func(t *testing.T) {
		n := posted(noon)
		n.target = "http://agency.test/ap/inbox"
		assert.NoError(t, n.verify(t, verifier(aliceRing())))
	})
}

func TestAnyByteAlteredOfRFC9421IsRefused(t *testing.T) {
	n := posted(noon)
	good := n.request(t)
	for _, name := range []string{"Signature", "Signature-Input", "Content-Digest"} {
		whole := good.Header.Get(name)
		for i := range whole {
			r := good.Clone(t.Context())
			altered := []byte(whole)
			altered[i] ^= 1
			r.Header.Set(name, string(altered))
			_, err := verifier(aliceRing()).Verify(t.Context(), r, []byte(n.body))
			if sameBytes(whole, string(altered)) {
				continue
			}
			assert.Error(t, err, string(altered))
		}
	}
}

// sameBytes says whether the two differ in the label only, or in bits of base64
// that stand for nothing.
func sameBytes(a, b string) bool {
	read := func(s string) string {
		_, value, _ := strings.Cut(s, ":")
		bytes, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(value, ":"))
		return string(bytes)
	}
	return !strings.Contains(a, "created") && read(a) != "" && read(a) == read(b) && a[:4] == b[:4]
}

// The vectors of Appendix B cover less than we demand, so only the arithmetic is tried.
func TestRFC9421AppendixB(t *testing.T) {
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
	readJSON(t, testenv.Shared(t, "interop/vectors/rfc9421/appendix-b.json"), &file)
	m := message{
		method: file.Request.Method, scheme: "http", hosts: []string{"example.com"}, targets: []string{"/foo?param=Value&Pet=dog"},
		header: http.Header{}, body: []byte(file.Request.Body),
	}
	for name, value := range file.Request.Headers {
		m.header.Set(name, value)
	}
	require.NoError(t, contentDigest(m.header["Content-Digest"], m.body))
	keys := map[string]crypto.PublicKey{
		"test-key-rsa-pss": pkcs8PSS(t, file.Keys["test-key-rsa-pss"]).Public(),
		"test-key-ed25519": pkcs8(t, file.Keys["test-key-ed25519"]).Public(),
	}
	tried := 0
	for _, vector := range file.Vectors {
		p, err := rfc9421{}.parse(http.Header{"Signature-Input": {vector.Input}, "Signature": {vector.Signature}}, limits.Default())
		if vector.Label == "sig-b22" || vector.On == "response" { // @query-param and @status
			assert.Equal(t, componentRefused, refused(t, err).Reason, vector.Label)
			continue
		}
		require.NoError(t, err)
		in := p.(*several).found[0]
		key := keys[in.key]
		if key == nil {
			continue // HMAC
		}
		if _, ok := key.(*rsa.PublicKey); ok {
			in.algorithm = rsaPSS
		}
		tried++
		assert.NoError(t, in.matches(m, key), vector.Label)
		altered := m
		altered.method = http.MethodPut
		assert.Equal(t, len(in.components) == 0, in.matches(altered, key) == nil, vector.Label)
	}
	assert.Equal(t, 3, tried)
}

func pkcs8(t *testing.T, text string) crypto.Signer {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	return key.(crypto.Signer)
}

// pkcs8PSS reads a key that is marked as for RSASSA-PSS only, which crypto/x509 does not.
func pkcs8PSS(t *testing.T, text string) crypto.Signer {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	var outer struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	_, err := asn1.Unmarshal(block.Bytes, &outer)
	require.NoError(t, err)
	key, err := x509.ParsePKCS1PrivateKey(outer.Key)
	require.NoError(t, err)
	return key
}
