package panui_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"go/ast"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	rendered "github.com/panui/panui/internal/document"
	"github.com/panui/panui/store"
)

// U: what a shared cache may keep.
func advisoriesOfCaches() []advisory {
	public := scene{public: true}
	return []advisory{
		{known: "CVE-2026-25540 of Mastodon", row: row{id: "U1", but: publicPage, scene: scene{config: evilBlocked}, test: sameForAll,
			must: "who is signed for, or blocked, gets what everybody gets, to the byte: nothing depends on the signature, and nobody is asked for its key"}},
		{known: "CVE-2026-53943 of Ghost", row: row{id: "U2", but: publicPage, scene: public, test: everyPage(oddHeaders...),
			must: "forty fields that a server or a framework may obey change no page"}},
		{known: "mastodon#37426 of Mastodon", row: row{id: "U3", but: publicPage, scene: public, test: variesOnce,
			must: "one form at one URL, whatever is accepted, so no Vary is needed; where a document has two forms, Vary says so once, beside what the website varies by"}},
		{known: "misskey#14419 of Misskey", row: row{id: "U4", but: publicPage, scene: public, test: throughACache,
			must: "a cache in between, whichever asks first: every answer is the one that was asked for, since pages for people have other URLs"}},
		{known: "Host header of every system", row: row{id: "U5", but: publicPage, scene: public, test: otherHosts,
			must: "ids come of the configuration: twenty ways to name another host change no page, or are 400 by net/http"}},
	}
}

// signedGet is a GET that somebody has really signed.
func signedGet(who, target string) writes {
	return func(w *world) letter {
		l := get(target)(w)
		path, _, _ := strings.Cut(strings.TrimPrefix(l.start, "GET "), " ")
		date := time.Now().UTC().Format(http.TimeFormat)
		sum := sha256.Sum256([]byte("(request-target): get " + path + "\nhost: " + w.host() + "\ndate: " + date))
		signature, err := rsa.SignPKCS1v15(rand.Reader, privateKey(who), crypto.SHA256, sum[:])
		require.NoError(w, err)
		return l.with("Date: "+date, fmt.Sprintf(`Signature: keyId="%s",algorithm="rsa-sha256",headers="(request-target) host date",signature="%s"`,
			w.fill("{"+who+"}#main-key"), base64.StdEncoding.EncodeToString(signature)))
	}
}

func sameForAll(t *testing.T, w *world) {
	before := w.dialled()
	for _, page := range pages {
		page = strings.Replace(page, "news@our.test", "news@"+w.host(), 1)
		same(t, w, get(page), signedGet("alice", page), signedGet("mallory", page), get(page, "Cookie: session=1", "Authorization: Bearer x"))
		got := w.send(get(page)(w).wire())
		assert.Regexp(t, `^public, max-age=`, got.header.Get("Cache-Control"), page)
		assert.Empty(t, got.header.Values("Set-Cookie"), page)
	}
	assert.Equal(t, before, w.dialled())
}

var oddHeaders = []string{
	"X-Forwarded-Host: evil.test", "X-Forwarded-Proto: http", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /x", "X-Forwarded-Scheme: http",
	"X-Forwarded-Server: evil.test", "X-Forwarded-Path: /x", "X-Original-URL: /x", "X-Original-Host: evil.test", "X-Rewrite-URL: /x",
	"X-Host: evil.test", "X-HTTP-Host-Override: evil.test", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
	"X-Real-IP: 127.0.0.1", "X-Client-IP: 127.0.0.1", "True-Client-IP: 127.0.0.1", "CF-Connecting-IP: 127.0.0.1", "Forwarded: for=127.0.0.1;host=evil.test;proto=http",
	"Via: 1.1 evil.test", "X-ProxyUser-Ip: 127.0.0.1", "X-Wap-Profile: http://evil.test/", "Front-End-Https: on", "X-Url-Scheme: http",
	"Accept-Language: mi", "Accept-Charset: utf-16", "Accept-Encoding: gzip, br", "Accept-Datetime: Thu, 01 Jan 1970 00:00:00 GMT", "Prefer: return=minimal",
	"User-Agent: <script>alert(1)</script>", "Referer: http://evil.test/", "Origin: http://evil.test", "DNT: 1", "Sec-Fetch-Mode: navigate",
	"Cookie: lang=mi; preview=1", "Authorization: Basic eDp5", "X-Requested-With: XMLHttpRequest", "Upgrade-Insecure-Requests: 1", "X-Preview: 1",
	"X-Api-Version: 2", "Save-Data: on", "Purpose: prefetch",
}

func variesOnce(t *testing.T, w *world) {
	for _, page := range pages {
		for _, accept := range []string{"text/html", "application/activity+json", "*/*", "application/activity+json, text/html;q=0.1"} {
			got := w.send(get(page, "Accept: "+accept)(w).wire())
			assert.NotContains(t, strings.ToLower(strings.Join(got.header.Values("Vary"), ",")), "cookie", page)
			assert.LessOrEqual(t, strings.Count(strings.ToLower(strings.Join(got.header.Values("Vary"), ",")), "accept"), 1, page)
		}
	}
	twoForms := rendered.New("application/activity+json", []byte("{}"), rendered.Options{Vary: "Accept"})
	for before, want := range map[string][]string{
		"":                              {"Accept"},
		"Accept":                        {"Accept"},
		"accept-encoding, accept":       {"accept-encoding, accept"},
		"Accept-Encoding,Cookie":        {"Accept-Encoding,Cookie", "Accept"},
		"Accept-Encoding Cookie Accept": {"Accept-Encoding Cookie Accept", "Accept"},
		"*":                             {"*"},
	} {
		answer := httptest.NewRecorder()
		if before != "" {
			answer.Header().Set("Vary", before)
		}
		twoForms.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
		assert.Equal(t, want, answer.Header().Values("Vary"), before)
	}
}

// throughACache asks a thousand times, in any order, through a cache that keys
// by URL and what Vary names.
func throughACache(t *testing.T, w *world) {
	website := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		rw.Header().Set("Cache-Control", "public, max-age=60")
		io.WriteString(rw, "<h1>Road closed</h1>")
	})
	origin := w.site.Handler(website)
	ask := func(url, accept string) *httptest.ResponseRecorder {
		request := httptest.NewRequest("GET", url, nil)
		request.Header.Set("Accept", accept)
		answer := httptest.NewRecorder()
		origin.ServeHTTP(answer, request)
		return answer
	}
	urls := []string{"/news/17", w.fill("{post}"), w.fill("{news}"), "/.well-known/webfinger?" + canonical}
	accepts := []string{"text/html,*/*;q=0.8", "application/activity+json", `application/ld+json; profile="https://www.w3.org/ns/activitystreams"`, "*/*"}
	for round := range w.often(1000) {
		kept := map[string]*httptest.ResponseRecorder{} // by URL and what was varied by
		varied := map[string]string{}
		for _, i := range mathrand.Perm(len(urls) * len(accepts)) {
			url, accept := urls[i%len(urls)], accepts[i/len(urls)]
			key := url
			if varied[url] != "" {
				key += " " + accept
			}
			got := kept[key]
			if got == nil {
				got = ask(url, accept)
				varied[url] = got.Header().Get("Vary")
				kept[url], kept[url+" "+accept] = got, got
			}
			want := ask(url, accept)
			require.Equal(t, want.Body.String(), got.Body.String(), "%s as %s in round %d", url, accept, round)
			require.Equal(t, want.Header().Get("Content-Type"), got.Header().Get("Content-Type"))
		}
	}
}

func otherHosts(t *testing.T, w *world) {
	for _, host := range []string{
		"evil.test", "evil.test:443", "OUR.TEST", "our.test.", "our.test:443", "our.test:80", "our.test:0", "127.0.0.1", "[::1]", "localhost",
		"our.test.evil.test", "evil.test,our.test", "xn--r-1ga.test", "a", "_", "0", "evil.test:99999", "our-test", "www.our.test", "admin.our.test",
	} {
		for _, page := range pages {
			want := w.send(get(page)(w).wire())
			assert.Equal(t, want, w.send(get(page, "Host: "+host)(w).wire()), "%s at %s", page, host)
		}
	}
	for _, host := range []string{"our.test evil.test", "our.test/evil", "evil.test@our.test:x y"} {
		assert.Equal(t, http.StatusBadRequest, w.send(get("{news}", "Host: "+host)(w).wire()).status, host)
	}
	absolute := get("{news}")(w)
	absolute.start = strings.Replace(absolute.start, "GET /", "GET http://evil.test/", 1)
	assert.Equal(t, w.send(get("{news}")(w).wire()), w.send(absolute.wire()))
}

// V: peers that are slow, many or deaf.
func advisoriesOfLoad() []advisory {
	var asked questions
	return []advisory{
		{known: "CVE-2023-36461 of Mastodon", row: row{id: "V1", scene: scene{config: hasty},
			must: "a byte now and then, for ever: the deadline is for the whole answer, so each is given up within it, and nothing is left running",
			tries: []try{
				dripping("in the header", "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\nX: "),
				dripping("in the body", "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\nContent-Length: 100000\r\n\r\n{"),
				dripping("in a chunk", "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n"),
				dripping("in the status", "HTTP/1.1 200 "),
			}}},
		{known: "mastodon#4486 of Mastodon", row: row{id: "V2", but: publicPage, scene: scene{config: asked.count}, test: asked.stampede,
			must: "thousands of servers fetch the post within a minute: caches may keep it, who has it gets 304, and the store is not asked at all"}},
		{known: "TryGhost/ActivityPub#1961 of Ghost", row: row{id: "V3", but: publicPage, test: nobodyWaits,
			must: "our actor is readable without a signature and while we ask the one who asks: two servers cannot wait for each other"}},
		{known: "CVE-2026-33814 of Go", row: row{id: "V4", test: func(t *testing.T, w *world) { atLeast(t, "go", 1, 26); hostileHTTP2(t, w) },
			must: "a peer whose HTTP/2 frames may have no size: given up within its time, nothing is left running; and the module asks for a Go that is mended"}},
		{known: "CVE-2023-39325 of Go", row: row{id: "V5", test: func(t *testing.T, w *world) {
			atLeast(t, "go", 1, 26)
			listeners.check(t)
			safeServers(t)
		}, must: "the library opens no listener, so floods of HTTP/2 meet the website's own server: the module asks for a Go that is mended, and every server in the examples bounds how long a header takes"}},
		{known: "CVE-2026-56853 of Go", row: row{id: "V6", scene: scene{limits: impatient()}, but: byNetHTTP(spared{}),
			must: "a body that is asked for and does not come, or chunks that are mostly something else: 408 at the deadline or 400, and the connection ends",
			tries: []try{
				{"100-continue, then silence", bodiless("Expect: 100-continue")(""), 408, "body-slow", 0},
				{"100-continue for a refused type", headed("Expect: 100-continue", "Content-Type: text/plain"), 415, "media-type", 0},
				{"chunk extensions", bodiless("Content-Length:", "Transfer-Encoding: chunked")(strings.Repeat("1;"+strings.Repeat("x", 2000)+"\r\n{\r\n", 100)), 400, "body-broken", 0},
				{"an expectation that nobody knows", headed("Expect: a-miracle"), 417, "", 0},
			}, test: func(t *testing.T, _ *world) { atLeast(t, "go", 1, 26) }}},
	}
}

// dripping is a letter of somebody whose server says one byte after another.
func dripping(name, start string) try {
	return fetched(name, raw(func(to io.Writer) {
		fmt.Fprint(to, start)
		for {
			if _, err := io.WriteString(to, "1"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}), 503, "key-unreachable")
}

// questions counts what the store is asked where a document may need it.
type questions struct {
	store.Store
	asked int
}

func (q *questions) count(c *panui.Config) { q.Store, c.Store = c.Store, q }

func (q *questions) Posts(ctx context.Context, p store.PostQuery) ([]store.Post, error) {
	q.asked++
	return q.Store.Posts(ctx, p)
}

func (q *questions) Activity(ctx context.Context, id string) (store.Activity, error) {
	q.asked++
	return q.Store.Activity(ctx, id)
}

func (q *questions) Actor(ctx context.Context, id string) (store.Actor, error) {
	q.asked++
	return q.Store.Actor(ctx, id)
}

func (q *questions) stampede(t *testing.T, w *world) {
	first := w.send(get("{post}")(w).wire())
	require.Equal(t, http.StatusOK, first.status)
	assert.Regexp(t, `^public, max-age=\d+, s-maxage=\d+, stale-while-revalidate=\d+$`, first.header.Get("Cache-Control"))
	w.send(get("{news}")(w).wire())
	q.asked = 0
	request := httptest.NewRequest("GET", w.fill("{post}/replies"), nil)
	w.site.Handler(nil).ServeHTTP(httptest.NewRecorder(), request)
	require.NotZero(t, q.asked, "what is not kept is asked for: the count counts")
	q.asked = 0
	handler := w.site.Handler(nil)
	for i := range 5_000 {
		request := httptest.NewRequest("GET", w.fill([]string{"{post}", "{news}"}[i%2]), nil)
		want := http.StatusOK
		if i%4 == 0 {
			request.Header.Set("If-None-Match", first.header.Get("Etag"))
			want = http.StatusNotModified
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		require.Equal(t, want, answer.Code)
	}
	assert.Zero(t, q.asked, "the store is asked again")
}

func nobodyWaits(t *testing.T, w *world) {
	seen := make(chan int, 1)
	id := w.evil.url + "/users/waits"
	w.evil.serve("/users/waits", func(rw http.ResponseWriter, r *http.Request) {
		// Before it answers it wants to know who asks.
		keyID := regexp.MustCompile(`keyId="([^"#]+)`).FindStringSubmatch(r.Header.Get("Signature"))
		if keyID == nil {
			http.Error(rw, "", http.StatusUnauthorized)
			return
		}
		seen <- w.send(get(keyID[1])(w).wire()).status
		document(me(id))(rw, r)
	})
	l := w.letter(strings.ReplaceAll(malloryReplies, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"})
	assert.Equal(t, http.StatusAccepted, w.send(l.wire()).status)
	assert.Equal(t, http.StatusOK, <-seen)
	before := w.dialled()
	same(t, w, get("{news}"), signedGet("mallory", "{news}"))
	assert.Equal(t, before, w.dialled(), "a GET of the actor asks nobody")
}

// atLeast checks what go.mod asks for: of Go itself or of a module.
func atLeast(t *testing.T, what string, major, minor int) {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(what) + ` v?(\d+)\.(\d+)`).FindStringSubmatch(string(text))
	require.NotNil(t, found, what)
	is := func(i int) int { n, _ := strconv.Atoi(found[i]); return n }
	assert.True(t, is(1) > major || is(1) == major && is(2) >= minor, "go.mod asks for %s %s.%s", what, found[1], found[2])
}

// safeServers checks that every http.Server in the examples bounds what net/http leaves open.
func safeServers(t *testing.T) {
	servers := 0
	for _, s := range sources(t) {
		if !isExample(s.pkg) {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			made, ok := n.(*ast.CompositeLit)
			if !ok || written(made.Type) != "http.Server" {
				return true
			}
			servers++
			fields := map[string]bool{}
			for _, e := range made.Elts {
				if field, ok := e.(*ast.KeyValueExpr); ok {
					fields[written(field.Key)] = true
				}
			}
			assert.True(t, fields["ReadHeaderTimeout"], "%s has a server without ReadHeaderTimeout", filepath.ToSlash(s.file))
			return true
		})
	}
	assert.GreaterOrEqual(t, servers, 2, "of examples")
}
