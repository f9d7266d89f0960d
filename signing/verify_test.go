package signing

import (
	"bufio"
	"crypto"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func verifier(keys Keys) *Verifier {
	return &Verifier{BaseURL: base, Keys: keys, Now: func() time.Time { return noon }}
}

func TestASignedRequestIsVerified(t *testing.T) {
	ring := aliceRing()
	got, err := verifier(ring).Verify(t.Context(), sent(noon).request(t), []byte(follow))
	require.NoError(t, err)
	assert.Equal(t, alice, got.Actor())
	assert.Equal(t, follow, string(got.Body()))
	assert.Equal(t, 1, ring.asked)
	assert.Equal(t, []string{keyID}, ring.proved, "the finder hears that its key was good for something")

	same, err := verifier(ring).Verify(t.Context(), sent(noon).request(t), []byte(follow))
	require.NoError(t, err)
	assert.Equal(t, got.Mark(), same.Mark(), "a replay is known by its mark")

	// The key id is not signed, and that of the actor may stand for that of its one key.
	respelt := sent(noon).request(t)
	respelt.Header.Set("Signature", strings.Replace(respelt.Header.Get("Signature"), keyID, alice, 1))
	again, err := verifier(&keyring{known: map[string]crypto.PublicKey{alice: aliceKey().Public()}}).Verify(t.Context(), respelt, []byte(follow))
	require.NoError(t, err)
	assert.Equal(t, got.Mark(), again.Mark(), "a replay under another id of the key")

	other, err := verifier(ring).Verify(t.Context(), sent(noon.Add(-time.Minute)).request(t), []byte(follow))
	require.NoError(t, err)
	assert.NotEqual(t, got.Mark(), other.Mark())
}

// How real servers sign, from interop/requirements.md.
func TestEveryServersLayoutIsTaken(t *testing.T) {
	for name, alter := range map[string]func(l *letter){
		"Mastodon": func(l *letter) { l.covers = "host date digest content-type (request-target)" },
		"Misskey":  func(l *letter) { l.covers = "(request-target) date host digest" },
		"Pleroma": func(l *letter) {
			l.covers = "(request-target) content-length date digest host"
			l.header.Set("Content-Length", strconv.Itoa(len(follow)))
		},
		"Pleroma, no query": func(l *letter) { l.target, l.signedTarget = "/ap/inbox?x=1", "/ap/inbox" },
		"GoToSocial":        func(l *letter) { l.covers, l.algorithm = "(request-target) host date digest", "hs2019" },
		"PeerTube":          func(l *letter) { l.covers, l.keyID = "(request-target) host date digest", alice },
		"Pixelfed": func(l *letter) { // in another order, without the query
			l.target, l.signedTarget = "/ap/inbox?x=1", "/ap/inbox"
			l.after = func(r *http.Request) {
				p, _ := parseParams(r.Header.Get("Signature"))
				r.Header.Set("Signature", `keyId="`+p["keyId"]+`",headers="`+p["headers"]+`",algorithm="rsa-sha256",signature="`+p["signature"]+`"`)
			}
		},
		"WordPress":         func(l *letter) { l.covers = "(request-target) host date digest content-type" },
		"Ghost, by Fedify":  func(l *letter) { l.covers = "(request-target) content-type date digest host" },
		"Lemmy":             func(l *letter) { l.covers, l.algorithm = "(request-target) content-type date digest host", "hs2019" },
		"Bridgy Fed":        func(l *letter) { l.covers = "date host digest (request-target)" },
		"Threads":           func(l *letter) { l.covers, l.algorithm = "(request-target) host date digest", "" },
		"lower-case digest": func(l *letter) { l.header.Set("Digest", "sha-256"+strings.TrimPrefix(sha256Digest(follow), "SHA-256")) },
		"Upper-Case names":  func(l *letter) { l.covers = "(request-target) Host Date Digest" },
		"GET": func(l *letter) {
			l.method, l.body, l.covers = http.MethodGet, "", "(request-target) host date accept"
			l.header.Del("Digest")
			l.header.Set("Accept", "application/activity+json")
		},
		"GET of snac, with a digest of nothing": func(l *letter) {
			l.method, l.body, l.covers = http.MethodGet, "", "(request-target) host digest date"
			l.header.Set("Digest", sha256Digest(""))
		},
		"GET of tootik, without its query": func(l *letter) {
			l.method, l.body, l.covers = http.MethodGet, "", "(request-target) host date"
			l.target, l.signedTarget = "/ap/followers?page=1", "/ap/followers"
		},
		"Authorization instead of Signature": func(l *letter) {
			l.after = func(r *http.Request) {
				r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature"))
				r.Header.Del("Signature")
			}
		},
		"Signature with the scheme's name": func(l *letter) {
			l.after = func(r *http.Request) { r.Header.Set("Signature", "Signature "+r.Header.Get("Signature")) }
		},
		"spaces after commas": func(l *letter) {
			l.after = func(r *http.Request) {
				r.Header.Set("Signature", strings.ReplaceAll(r.Header.Get("Signature"), `",`, `" , `))
			}
		},
		"Basic authorisation of a staging host": func(l *letter) { l.header.Set("Authorization", "Basic YTpi") },
		"the default port in Host":              func(l *letter) { l.host = "agency.test:443" },
		"upper case in Host":                    func(l *letter) { l.host, l.signedHost = "Agency.Test", "agency.test" },
		"upper case in Host, signed so":         func(l *letter) { l.host = "Agency.Test" },
		"a percent-encoded path":                func(l *letter) { l.target = "/ap/actors/a%2Fb/inbox" },
		"a doubled slash":                       func(l *letter) { l.target = "/ap//inbox" },
		"a field given twice": func(l *letter) {
			l.covers += " x-list"
			l.header["X-List"] = []string{" a ", "b"}
			l.header["X-List"] = []string{"a", "b"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := sent(noon)
			alter(l)
			ring := &keyring{known: map[string]crypto.PublicKey{l.keyID: aliceKey().Public()}}
			got, err := verifier(ring).Verify(t.Context(), l.request(t), []byte(l.body))
			require.NoError(t, err)
			assert.Equal(t, alice, got.Actor())
		})
	}
}

// The corpus of hostile input, B039 to B052, and more of its kind. Nobody is asked for a key
// unless the row says so.
func TestHostileSignaturesAreRefused(t *testing.T) {
	date := func(at time.Time, format string) func(*letter) {
		return func(l *letter) { l.header.Set("Date", at.UTC().Format(format)) }
	}
	covers := func(s string) func(*letter) { return func(l *letter) { l.covers = s } }
	digest := func(s ...string) func(*letter) { return func(l *letter) { l.header["Digest"] = s } }
	key := func(s string) func(*letter) { return func(l *letter) { l.keyID = s } }
	algorithm := func(s string) func(*letter) { return func(l *letter) { l.algorithm = s } }
	signature := func(change func(string) string) func(*letter) {
		return func(l *letter) {
			l.after = func(r *http.Request) { r.Header.Set("Signature", change(r.Header.Get("Signature"))) }
		}
	}
	replace := func(old, with string) func(*letter) {
		return signature(func(s string) string { return strings.Replace(s, old, with, 1) })
	}
	after := func(change func(*http.Request)) func(*letter) { return func(l *letter) { l.after = change } }
	unix := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	created := func(created, expires, algorithm string) func(*letter) {
		return func(l *letter) {
			l.covers, l.created, l.expires, l.algorithm = "(request-target) (created) host digest", created, expires, algorithm
		}
	}
	long := func(s string, n int) string { return s + strings.Repeat("a", n) }

	table := []struct {
		id, what string
		alter    func(*letter)
		status   int
		reason   string
		asked    int
	}{
		{"B037", "a fold left in a field", replace(`",algorithm`, "\",\r\n algorithm"), 400, signatureBroken, 0},
		{"B039", "no signature", after(func(r *http.Request) { r.Header.Del("Signature") }), 401, signatureMissing, 0},
		{"B039", "another kind of authorisation", after(func(r *http.Request) { r.Header.Del("Signature"); r.Header.Set("Authorization", "Bearer x") }), 401, signatureMissing, 0},
		{"B039", "an empty signature", signature(func(string) string { return "" }), 400, signatureBroken, 0},
		{"B040", "only date", covers("date"), 401, notCovered, 0},
		{"B040", "no list: only date by default", replace(`headers="`+layout+`",`, ""), 401, notCovered, 0},
		{"B041", "not digest", covers("(request-target) host date"), 401, notCovered, 0},
		{"B041", "not host", covers("(request-target) date digest"), 401, notCovered, 0},
		{"B041", "not (request-target)", covers("host date digest"), 401, notCovered, 0},
		{"B041", "neither date nor (created)", covers("(request-target) host digest"), 401, notCovered, 0},
		{"B041", "a field that is not there", covers(layout + " x-absent"), 401, notCovered, 0},
		{"B041", "(created) without created", func(l *letter) { l.covers, l.algorithm = layout+" (created)", "hs2019" }, 401, notCovered, 0},
		{"B041", "(expires) without expires", func(l *letter) { l.covers, l.algorithm = layout+" (expires)", "hs2019" }, 401, notCovered, 0},
		{"B042", "an empty list", replace(`headers="`+layout, `headers="`), 400, signatureBroken, 0},
		{"B042", "a list of blanks", replace(`headers="`+layout, `headers="  `), 400, signatureBroken, 0},
		{"B042", "200 names", covers(layout + numbered(" x-", 200)), 400, signatureTooLarge, 0},
		{"B042", "21 names", covers(layout + numbered(" x-", 16)), 400, signatureTooLarge, 0},
		{"B042", "a name twice", covers(layout + " date"), 400, signatureBroken, 0},
		{"B042", "a name twice in other case", covers(layout + " Date"), 400, signatureBroken, 0},
		{"B042", "an unknown special name", covers(layout + " (status)"), 400, signatureBroken, 0},
		{"B042", "the signature itself", covers(layout + " signature"), 400, signatureBroken, 0},
		{"B043", "keyId twice", func(l *letter) { l.extra = `keyId="https://evil.test/k",` }, 400, signatureBroken, 0},
		{"B043", "headers twice", func(l *letter) { l.extra = `headers="date",` }, 400, signatureBroken, 0},
		{"B043", "two Signature fields", after(func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) }), 400, signatureSeveral, 0},
		{"B043", "Signature and Authorization", after(func(r *http.Request) { r.Header.Set("Authorization", "signature "+r.Header.Get("Signature")) }), 400, signatureSeveral, 0},
		{"B043", "no keyId", replace("keyId=", "keyid="), 400, signatureBroken, 0},
		{"B043", "no signature parameter", replace("signature=", "sig="), 400, signatureBroken, 0},
		{"B043", "an open quote", replace(`"`+alice, alice), 400, signatureBroken, 0},
		{"B043", "an escape", replace(`alice`, `al\ice`), 400, signatureBroken, 0},
		{"B043", "no comma", replace(`",algorithm`, `" algorithm`), 400, signatureBroken, 0},
		{"B043", "a comma at the end", signature(func(s string) string { return s + "," }), 400, signatureBroken, 0},
		{"B043", "bad base64", replace(`signature="`, `signature="*`), 400, signatureBroken, 0},
		{"B043", "base64 without padding", signature(func(s string) string { return strings.Replace(s, "=\"", "\"", 1) }), 400, signatureBroken, 0},
		{"B043", "4 KiB and a byte", func(l *letter) { l.extra = `x="` + long("", 4<<10) + `",` }, 400, signatureTooLarge, 0},
		{"B043", "16 KiB of other fields", func(l *letter) { l.header.Set("X", long("", 16<<10)) }, 400, headerTooLarge, 0},
		{"B044", "another body", func(l *letter) { l.body = `{"type":"Fallow"}` }, 401, digestWrong, 0},
		{"B045", "a right and a wrong digest", digest(sha256Digest(follow) + ", " + sha256Digest("")), 401, digestBroken, 0},
		{"B045", "a right and a wrong digest in two fields", digest(sha256Digest(follow), sha256Digest("")), 401, digestBroken, 0},
		{"B045", "a right one twice", digest(sha256Digest(follow) + "," + sha256Digest(follow)), 401, digestBroken, 0},
		{"B046", "MD5", digest("MD5=Sd/dVLAcvNLSq16eXua5uQ=="), 401, digestBroken, 0},
		{"B046", "SHA-512", digest("SHA-512=" + long("", 86) + "=="), 401, digestBroken, 0},
		{"B046", "bad base64", digest("SHA-256=***"), 401, digestBroken, 0},
		{"B046", "another alphabet of base64", digest("SHA-256=-_" + long("", 41) + "="), 401, digestBroken, 0},
		{"B046", "too short", digest("SHA-256=AAAA"), 401, digestBroken, 0},
		{"B046", "no algorithm", digest("X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE"), 401, digestBroken, 0},
		{"B047", "13 hours old", date(noon.Add(-13*time.Hour), http.TimeFormat), 401, dateOutside, 0},
		{"B047", "12 hours and a second old", date(noon.Add(-12*time.Hour-time.Second), http.TimeFormat), 401, dateOutside, 0},
		{"B047", "6 minutes ahead", date(noon.Add(6*time.Minute), http.TimeFormat), 401, dateOutside, 0},
		{"B047", "RFC 850", date(noon, time.RFC850), 401, dateBroken, 0},
		{"B047", "asctime", date(noon, time.ANSIC), 401, dateBroken, 0},
		{"B047", "another zone", date(noon, "Mon, 02 Jan 2006 15:04:05 +0000"), 401, dateBroken, 0},
		{"B047", "no date", func(l *letter) { l.header.Del("Date") }, 401, notCovered, 0},
		{"B047", "two dates", func(l *letter) { l.header.Add("Date", l.header.Get("Date")) }, 401, dateBroken, 0},
		{"B048", "(created) with rsa-sha256", created(unix(noon), "", "rsa-sha256"), 401, algorithmRefused, 0},
		{"B048", "(created) in the future with rsa-sha256", created(unix(noon.Add(time.Hour)), "", "rsa-sha256"), 401, algorithmRefused, 0},
		{"B048", "created in the future", created(unix(noon.Add(time.Minute)), "", "hs2019"), 401, dateOutside, 0},
		{"B048", "created 13 hours ago", created(unix(noon.Add(-13*time.Hour)), "", "hs2019"), 401, dateOutside, 0},
		{"B048", "expires before created", created(unix(noon), unix(noon.Add(-time.Second)), "hs2019"), 401, dateOutside, 0},
		{"B048", "expired", created(unix(noon.Add(-time.Hour)), unix(noon.Add(-time.Minute)), "hs2019"), 401, dateOutside, 0},
		{"B048", "expired, beside a date", func(l *letter) { l.expires = unix(noon.Add(-time.Minute)) }, 401, dateOutside, 0},
		{"B048", "created is a word", created("now", "", "hs2019"), 400, signatureBroken, 0},
		{"B048", "created is nothing", created("0", "", "hs2019"), 400, signatureBroken, 0},
		{"B048", "created is beyond counting", created("9223372036854775807", "", "hs2019"), 400, signatureBroken, 0},
		{"B049", "hmac-sha256", algorithm("hmac-sha256"), 401, algorithmRefused, 0},
		{"B049", "rsa-sha1", algorithm("rsa-sha1"), 401, algorithmRefused, 0},
		{"B049", "none", algorithm("none"), 401, algorithmRefused, 0},
		{"B049", "that of another type of key", algorithm("ed25519"), 401, algorithmRefused, 2},
		{"B050", "signed for another path of ours", func(l *letter) { l.signedTarget = "/ap/other/inbox" }, 401, signatureWrong, 2},
		{"B050", "signed for another query", func(l *letter) { l.target, l.signedTarget = "/ap/inbox?a=1", "/ap/inbox?a=2" }, 401, signatureWrong, 2},
		{"B050", "signed for another host", func(l *letter) { l.signedHost = "victim.test" }, 401, signatureWrong, 2},
		{"B050", "signed for and sent to another host", func(l *letter) { l.host = "victim.test" }, 401, hostNotOurs, 0},
		{"B050", "signed for us, sent to another host", func(l *letter) { l.host, l.signedHost = "victim.test", "agency.test" }, 401, hostNotOurs, 0},
		{"B050", "sent to another port", func(l *letter) { l.host = "agency.test:8443" }, 401, hostNotOurs, 0},
		{"B050", "signed with another method", after(func(r *http.Request) { r.Method = http.MethodPut }), 401, signatureWrong, 2},
		{"B050", "signed with another key", func(l *letter) { l.key = otherKey() }, 401, signatureWrong, 2},
		{"B051", "a key of http", key("http://peer.test/users/alice"), 401, keyIDRefused, 0},
		{"B051", "a key of file", key("file:///etc/passwd"), 401, keyIDRefused, 0},
		{"B051", "a key of data", key("data:application/json;base64/e30="), 401, keyIDRefused, 0},
		{"B051", "a key of acct", key("acct:alice@peer.test"), 401, keyIDRefused, 0},
		{"B051", "a relative key", key("/users/alice"), 401, keyIDRefused, 0},
		{"B051", "a key id over 2 KiB", key(long("https://peer.test/", 2<<10)), 401, keyIDRefused, 0},
		{"B051", "a key id of 8 KiB", key(long("https://peer.test/", 8<<10)), 400, signatureTooLarge, 0},
		{"B052", "a key on loopback", key("https://127.0.0.1/k"), 401, keyIDRefused, 0},
		{"B052", "a key on a mapped address", key("https://[::ffff:10.0.0.1]/k"), 401, keyIDRefused, 0},
		{"B052", "a key on localhost", key("https://localhost/k"), 401, keyIDRefused, 0},
		{"B054", "RFC 9421 beside draft-cavage", after(func(r *http.Request) { r.Header.Set("Signature-Input", `sig1=("@method")`) }), 400, signatureBroken, 0},
		{"B098", "a key that nobody lists", key("https://peer.test/users/bob#main-key"), 401, keyUnknown, 1},
	}
	for _, row := range table {
		t.Run(row.id+" "+row.what, func(t *testing.T) {
			l, ring := sent(noon), aliceRing()
			row.alter(l)
			for range 2 { // the same answer twice
				asked := ring.asked
				got, err := verifier(ring).Verify(t.Context(), l.request(t), []byte(l.body))
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

func numbered(name string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(name + strconv.Itoa(i))
	}
	return b.String()
}

func refused(t *testing.T, err error) *Refusal {
	t.Helper()
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	return refusal
}

func TestTheEdgesOfTheDateWindowAreInside(t *testing.T) {
	for _, at := range []time.Duration{-12 * time.Hour, -time.Hour, 0, 5 * time.Minute} {
		l := sent(noon)
		l.header.Set("Date", noon.Add(at).Format(http.TimeFormat))
		_, err := verifier(aliceRing()).Verify(t.Context(), l.request(t), []byte(follow))
		assert.NoError(t, err, at)
	}
	strict := verifier(aliceRing())
	strict.Limits = limits.Default()
	strict.Limits.SignatureAge = 5 * time.Minute
	l := sent(noon.Add(-6 * time.Minute))
	_, err := strict.Verify(t.Context(), l.request(t), []byte(follow))
	assert.Equal(t, dateOutside, refused(t, err).Reason)
}

// Every byte that is covered counts, one at a time.
func TestAnyByteAlteredIsRefused(t *testing.T) {
	v := verifier(aliceRing())
	original := sent(noon).request(t)
	check := func(r *http.Request, body []byte, what string, at int) {
		_, err := v.Verify(t.Context(), r, body)
		assert.Error(t, err, "%s, byte %d", what, at)
	}
	flip := func(s string, i int) string { return s[:i] + string(s[i]^1) + s[i+1:] }

	for i := range follow {
		check(original, []byte(flip(follow, i)), "body", i)
	}
	for i := range original.RequestURI {
		r := original.Clone(t.Context())
		r.RequestURI = flip(original.RequestURI, i)
		check(r, []byte(follow), "target", i)
	}
	for i := range original.Host {
		r := original.Clone(t.Context())
		r.Host = flip(original.Host, i)
		check(r, []byte(follow), "host", i)
	}
	for i := range original.Method {
		r := original.Clone(t.Context())
		r.Method = flip(original.Method, i)
		check(r, []byte(follow), "method", i)
	}
	for _, name := range []string{"Date", "Digest", "Content-Type"} {
		value := original.Header.Get(name)
		for i := range value {
			r := original.Clone(t.Context())
			r.Header.Set(name, flip(value, i))
			check(r, []byte(follow), name, i)
		}
	}
	value := original.Header.Get("Signature")
	for i := strings.Index(value, `headers="`); i < len(value); i++ {
		r := original.Clone(t.Context())
		r.Header.Set("Signature", flip(value, i))
		check(r, []byte(follow), "Signature", i)
	}
	_, err := v.Verify(t.Context(), original, []byte(follow))
	assert.NoError(t, err, "and unaltered it is taken")
}

func TestCreatedStandsForDate(t *testing.T) {
	now := time.Now() // go-fed/httpsig looks at the machine's clock
	for name, alter := range map[string]func(l *letter){
		"without an algorithm": func(l *letter) { l.algorithm = "" },
		"quoted":               func(l *letter) { l.extra = fmt.Sprintf("created=%q,", l.created) },
		"of Lemmy": func(l *letter) {
			l.covers = "(created) (expires) (request-target) content-type date digest host"
			l.expires = strconv.FormatInt(now.Add(10*time.Second).Unix(), 10)
		},
		"beside a date": func(l *letter) { l.covers += " date" },
		"that expires": func(l *letter) {
			l.covers += " (expires)"
			l.expires = strconv.FormatInt(now.Add(time.Minute).Unix(), 10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := sent(now)
			l.covers, l.algorithm, l.created = "(request-target) (created) host digest", "hs2019", strconv.FormatInt(now.Unix(), 10)
			alter(l)
			if l.extra != "" {
				l.after = func(r *http.Request) {
					r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), ",created="+l.created, "", 1))
				}
			}
			v := verifier(aliceRing())
			v.Now = nil
			_, err := v.Verify(t.Context(), l.request(t), []byte(follow))
			assert.NoError(t, err)
		})
	}
}

// A proxy and a mount change what a handler sees of host and path.
func TestBehindAProxy(t *testing.T) {
	t.Run("that changes Host", func(t *testing.T) {
		l := sent(noon)
		l.host, l.signedHost = "10.0.0.7:8080", "agency.test"
		v := verifier(aliceRing())
		_, err := v.Verify(t.Context(), l.request(t), []byte(follow))
		assert.Equal(t, hostNotOurs, refused(t, err).Reason)
		v.AnyHost = true
		_, err = v.Verify(t.Context(), l.request(t), []byte(follow))
		assert.NoError(t, err)
		l.signedHost = "victim.test"
		_, err = v.Verify(t.Context(), l.request(t), []byte(follow))
		assert.Equal(t, signatureWrong, refused(t, err).Reason)
	})
	t.Run("that drops Content-Length", func(t *testing.T) {
		l := sent(noon)
		l.covers += " content-length"
		l.header.Set("Content-Length", strconv.Itoa(len(follow)))
		l.after = func(r *http.Request) { r.Header.Del("Content-Length") }
		_, err := verifier(aliceRing()).Verify(t.Context(), l.request(t), []byte(follow))
		assert.NoError(t, err)
	})
	t.Run("that takes the base path away", func(t *testing.T) {
		l := sent(noon)
		l.signedTarget = "/social/ap/inbox"
		v := verifier(aliceRing())
		v.BaseURL = base + "/social"
		_, err := v.Verify(t.Context(), l.request(t), []byte(follow))
		assert.NoError(t, err)
		l.target = "/social/ap/inbox"
		_, err = v.Verify(t.Context(), l.request(t), []byte(follow))
		assert.NoError(t, err, "or leaves it")
	})
	t.Run("under http.StripPrefix", func(t *testing.T) {
		l := sent(noon)
		l.target = "/ap/a%2Fb/inbox"
		var err error
		http.StripPrefix("/ap", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err = verifier(aliceRing()).Verify(r.Context(), r, []byte(follow))
		})).ServeHTTP(httptest.NewRecorder(), l.request(t))
		assert.NoError(t, err)
	})
	t.Run("with an absolute request target", func(t *testing.T) {
		l := sent(noon)
		for _, whole := range []string{"http://agency.test/ap/inbox", "https://agency.test/ap/inbox", ""} {
			l.after = func(r *http.Request) { r.RequestURI = whole }
			_, err := verifier(aliceRing()).Verify(t.Context(), l.request(t), []byte(follow))
			assert.NoError(t, err, whole)
		}
	})
}

func TestDevelopmentOnLoopback(t *testing.T) {
	const local = "http://127.0.0.1:3000/users/alice#main-key"
	l := sent(noon)
	l.keyID = local
	v := verifier(&keyring{known: map[string]crypto.PublicKey{local: aliceKey().Public()}})
	_, err := v.Verify(t.Context(), l.request(t), []byte(follow))
	assert.Equal(t, keyIDRefused, refused(t, err).Reason)
	v.InsecureLoopback = true
	_, err = v.Verify(t.Context(), l.request(t), []byte(follow))
	assert.NoError(t, err)
}

func TestAVerifierThatCannotVerifySaysSo(t *testing.T) {
	for _, v := range []*Verifier{{}, {BaseURL: base}, {Keys: aliceRing()}, {BaseURL: "https://%", Keys: aliceRing()}} {
		_, err := v.Verify(t.Context(), sent(time.Now()).request(t), []byte(follow))
		assert.Equal(t, misconfigured, refused(t, err).Reason)
	}
}

func TestVerifyLeavesTheRequestAlone(t *testing.T) {
	r := sent(noon).request(t)
	before := r.Header.Clone()
	_, err := verifier(aliceRing()).Verify(t.Context(), r, []byte(follow))
	require.NoError(t, err)
	assert.Equal(t, before, r.Header)
}

// B037 and B038 over a real connection, where net/http has a say too.
func TestFoldsAndTrailers(t *testing.T) {
	got := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, err := verifier(aliceRing()).Verify(r.Context(), r, body)
		got <- err
	}))
	defer server.Close()
	send := func(t *testing.T, signature, trailer string) error {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		l := sent(noon)
		fmt.Fprintf(conn, "POST /ap/inbox HTTP/1.1\r\nHost: agency.test\r\nDate: %s\r\nContent-Type: %s\r\nDigest: %s\r\n%sTransfer-Encoding: chunked\r\nTrailer: Digest, Signature\r\n\r\n%x\r\n%s\r\n0\r\n%s\r\n",
			l.header.Get("Date"), l.header.Get("Content-Type"), l.header.Get("Digest"), signature, len(follow), follow, trailer)
		_, err = bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		return <-got
	}
	signature := "Signature: " + sent(noon).parameters(t) + "\r\n"

	assert.NoError(t, send(t, signature, "Digest: "+sha256Digest("")+"\r\nSignature: x\r\n"), "trailers are ignored")
	assert.Equal(t, signatureMissing, refused(t, send(t, "", signature)).Reason, "and sign nothing")
	folded := signature[:len(signature)-40] + "\r\n " + signature[len(signature)-40:]
	assert.Equal(t, signatureBroken, refused(t, send(t, folded, "")).Reason, "a fold inside a parameter")
}

func TestReasonsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Reasons() {
		assert.False(t, seen[r.Code], r.Code)
		seen[r.Code] = true
		assert.NotEmpty(t, r.Meaning)
		assert.Contains(t, []int{400, 401, 403, 500, 503}, r.Status)
		assert.Equal(t, r.Status, refuse(r.Code, nil).Status)
	}
	assert.Equal(t, "refused: signature-missing", refuse(signatureMissing, nil).Error())
	Reasons()[0].Status = 200
	assert.NotEqual(t, 200, Reasons()[0].Status, "nobody changes the table")
}
