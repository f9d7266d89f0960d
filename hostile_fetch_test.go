package panui_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/internal/limits"
)

// fetches is a signed GET, or what start says instead, of a page of the site. It
// is signed by hand, as letters are. Where it is really sent may differ.
func fetches(page string, f forge) writes {
	return func(w *world) letter {
		method, path, ok := strings.Cut(page, " ")
		if !ok {
			method, path = http.MethodGet, page
		}
		l := ask(method, path)(w).with("Date: " + time.Now().UTC().Format(http.TimeFormat)).with(f.head...)
		if f.by == "" {
			f.by = "alice"
		}
		if f.keyID == "" {
			f.keyID = "{" + f.by + "}#main-key"
		}
		if f.covers == "" {
			f.covers = "(request-target) host date"
		}
		if f.target == "" {
			f.target = strings.Fields(l.start)[1]
		}
		var lines []string
		for _, name := range strings.Fields(f.covers) {
			value := l.field(name)
			if name == "(request-target)" {
				value = strings.ToLower(method) + " " + f.target
			}
			lines = append(lines, name+": "+value)
		}
		sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
		signature, err := rsa.SignPKCS1v15(rand.Reader, privateKey(f.by), crypto.SHA256, sum[:])
		require.NoError(w, err)
		return l.plus(fmt.Sprintf(`Signature: keyId="%s",algorithm="rsa-sha256",headers="%s",signature="%s"`,
			w.fill(f.keyID), f.covers, base64.StdEncoding.EncodeToString(signature)))
	}
}

// guardedPages are all that authorized fetch hides, also what is not there.
var guardedPages = []string{
	"{post}", "{post}/replies", "{news}/outbox", "{news}/outbox?page=true", "{news}/featured", "{news}/followers", "{news}/following",
	"{gone}", "{draft}", "{our}/ap/activities/x", "{our}/ap/actors/nobody/outbox",
}

func authorized(c *panui.Config) { c.AuthorizedFetch = true }

// With authorized fetch, nothing but who they are is told to those who do not say who they are.
func TestHostileFetches(t *testing.T) {
	unsigned := row{id: "unsigned", must: "401 for everything, whether it is there or not, and nobody is asked", scene: scene{config: authorized}}
	for _, page := range guardedPages {
		unsigned.tries = append(unsigned.tries,
			try{"GET " + page, get(page), 401, "signature-missing", 0},
			try{"HEAD " + page, ask("HEAD", page), 401, "signature-missing", 0})
	}
	bad := row{id: "badly signed", must: "401, and a key is asked for once at most", scene: scene{config: authorized}, tries: []try{
		{"garbage", get("{post}", "Signature: garbage"), 401, "signature-malformed", 0},
		{"garbage of RFC 9421", get("{post}", "Signature-Input: (((", "Signature: x"), 401, "signature-malformed", 0},
		{"a signature without an end", get("{post}", "Signature: "+strings.Repeat("x", 5<<10)), 401, "signature-too-large", 0},
		{"for another page", fetches("{post}", forge{target: "/ap/actors/news/outbox"}), 401, "signature-wrong", 0},
		{"for another query", fetches("{news}/outbox?page=true", forge{target: "/ap/actors/news/outbox?page=false"}), 401, "signature-wrong", 0},
		{"with another's key", fetches("{post}", forge{by: "mallory", keyID: "{alice}#main-key"}), 401, "signature-wrong", 0},
		{"for a GET, as a HEAD", func(w *world) letter {
			l := fetches("{post}", forge{})(w)
			l.start = strings.Replace(l.start, "GET", "HEAD", 1)
			return l
		}, 401, "signature-wrong", 0},
		{"too little", fetches("{post}", forge{covers: "host date"}), 401, "signature-covers-too-little", 0},
		{"no time", fetches("{post}", forge{covers: "(request-target) host"}), 401, "signature-covers-too-little", 0},
		{"yesterday", fetches("{post}", forge{head: []string{"Date: " + time.Now().Add(-24*time.Hour).UTC().Format(http.TimeFormat)}}), 401, "date-outside-window", 0},
		{"for another host", fetches("{post}", forge{head: []string{"Host: victim.test"}}), 401, "host-not-ours", 0},
		{"a key of ours", fetches("{post}", forge{keyID: "{news}#main-key"}), 401, "key-unknown", 0},
		{"a key that is no URL", fetches("{post}", forge{keyID: "alice"}), 401, "key-id-refused", 0},
		{"a key of nobody", fetches("{post}", forge{keyID: "{evil}/users/nobody#main-key"}), 401, "key-unknown", 1},
	}}
	far := row{id: "a key that nobody may ask for", must: "401, and nobody is asked", scene: scene{public: true, config: authorized}, tries: []try{
		{"on loopback", fetches("{post}", forge{keyID: "https://127.0.0.1/alice#main-key"}), 401, "key-id-refused", 0},
		{"over http", fetches("{post}", forge{keyID: "http://victim.test/alice#main-key"}), 401, "key-id-refused", 0},
		{"on our own host", fetches("{post}", forge{keyID: "https://our.test/alice#main-key"}), 401, "key-unknown", 0},
	}}
	for _, r := range []row{unsigned, bad, far} {
		t.Run(r.id, func(t *testing.T) {
			for _, backend := range []string{"memory", "sqlite"} {
				t.Run(backend, func(t *testing.T) { r.run(t, backend) })
			}
		})
	}
}

func TestWhoSignsIsShownEverything(t *testing.T) {
	w := newWorld(t, "memory", scene{config: authorized})
	for _, page := range guardedPages[:7] {
		for _, method := range []string{"GET", "HEAD"} {
			shown := w.send(fetches(method+" "+page, forge{})(w).wire())
			assert.Equal(t, http.StatusOK, shown.status, page)
			assert.Equal(t, []string{"private, no-store"}, shown.header["Cache-Control"], page)
			assert.Equal(t, []string{"Authorization", "Signature", "Signature-Input"}, shown.header["Vary"], page)
		}
	}
	assert.Equal(t, http.StatusGone, w.send(fetches("{gone}", forge{})(w).wire()).status)
	missing := w.send(fetches("{draft}", forge{})(w).wire())
	assert.Equal(t, http.StatusNotFound, missing.status)
	assert.Equal(t, []string{"private, no-store"}, missing.header["Cache-Control"])

	t.Run("somebody new is asked for their key once", func(t *testing.T) {
		dialled := w.dialled()
		for range 3 {
			assert.Equal(t, http.StatusOK, w.send(fetches("{post}", forge{by: "mallory"})(w).wire()).status)
		}
		assert.Equal(t, dialled+1, w.dialled())
	})
	t.Run("who has it already", func(t *testing.T) {
		have := w.send(fetches("{post}", forge{})(w).wire()).header.Get("Etag")
		again := w.send(fetches("{post}", forge{head: []string{"If-None-Match: " + have}})(w).wire())
		assert.Equal(t, http.StatusNotModified, again.status)
		assert.Equal(t, []string{"private, no-store"}, again.header["Cache-Control"])
	})
	t.Run("in the ways of real servers", func(t *testing.T) {
		for what, letter := range map[string]writes{
			"snac: with the digest of nothing": fetches("{post}", forge{covers: "(request-target) host digest date", head: []string{"Digest: " + sha256Digest("")}}),
			"tootik: without its query":        fetches("{news}/outbox?page=true", forge{target: "/ap/actors/news/outbox"}),
			"Mastodon":                         fetches("{post}", forge{covers: "host date accept (request-target)", head: []string{"Accept: application/activity+json"}}),
		} {
			assert.Equal(t, http.StatusOK, w.send(letter(w).wire()).status, what)
		}
	})
	t.Run("who we are is open to all, as ever", func(t *testing.T) {
		for _, page := range []string{"{news}", "/.well-known/webfinger?resource=acct:news@{host}", "/.well-known/nodeinfo", "/.well-known/host-meta"} {
			for _, letter := range []writes{get(page), get(page, "Signature: garbage")} {
				shown := w.send(letter(w).wire())
				assert.Equal(t, http.StatusOK, shown.status, page)
				assert.Contains(t, shown.header.Get("Cache-Control"), "public", page)
			}
		}
	})
	t.Run("a POST is no way round", func(t *testing.T) {
		assert.Equal(t, http.StatusMethodNotAllowed, w.send(ask("POST", "{post}", "Content-Length: 0")(w).wire()).status)
	})
}

// What does not verify uses up the budget that an address has for the inbox; what is not signed does not.
func TestFetchesThatDoNotVerifyAreCounted(t *testing.T) {
	l := limits.Default()
	l.PerIP = 3
	w := newWorld(t, "memory", scene{limits: l, config: func(c *panui.Config) {
		authorized(c)
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}})
	from := func(address string, write writes) int {
		return w.send(write(w).plus("X-Forwarded-For: " + address).wire()).status
	}
	for range 10 {
		assert.Equal(t, http.StatusUnauthorized, from("192.0.2.1", get("{post}")))
	}
	bad := fetches("{post}", forge{target: "/elsewhere"})
	for range 3 {
		assert.Equal(t, http.StatusUnauthorized, from("192.0.2.1", bad))
	}
	assert.Equal(t, http.StatusTooManyRequests, from("192.0.2.1", bad))
	assert.Equal(t, http.StatusTooManyRequests, from("192.0.2.1", says(aliceIgnored)), "the inbox has the same")
	assert.Equal(t, http.StatusOK, from("192.0.2.2", fetches("{post}", forge{})), "others are served")
	assert.Equal(t, http.StatusOK, from("192.0.2.1", get("{news}")), "and who we are stays readable")
}
