package webfinger_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/webfinger"
)

var site = actor.URLs{Base: "https://www.our.test"}

var agencyKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		panic(err)
	}
	return key
})

func local(t testing.TB, p actor.Profile) *actor.Local {
	t.Helper()
	return at(t, site, p)
}

func at(t testing.TB, site actor.URLs, p actor.Profile) *actor.Local {
	t.Helper()
	key, err := signing.New(agencyKey())
	require.NoError(t, err)
	p.Key = key
	l, err := actor.NewLocal(p, site, signing.Policy{})
	require.NoError(t, err)
	return l
}

// agency has two actors; their handles have the bare domain, the site is at www.
func agency(t testing.TB) (*webfinger.Handler, *actor.Local, *actor.Local) {
	t.Helper()
	news := local(t, actor.Profile{Handle: "News@our.test", Name: "News", ID: "n", Icon: actor.Image{URL: "https://www.our.test/a.png", Alt: "A fern"}})
	alerts := local(t, actor.Profile{Handle: "alerts@our.test", Name: "Alerts", ID: "a", URL: "https://www.our.test/alerts"})
	h, err := webfinger.NewHandler(webfinger.Config{URLs: site, Actors: []*actor.Local{news, alerts}, Aliases: []string{"ours.test"}, Version: "1.2.3"})
	require.NoError(t, err)
	return h, news, alerts
}

func ask(h http.Handler, query string) *httptest.ResponseRecorder {
	return get(h, webfinger.Path+"?"+query, nil)
}

func get(h http.Handler, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "https://www.our.test/", nil)
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAHandleLeadsToItsActor(t *testing.T) {
	h, _, alerts := agency(t)
	w := ask(h, "resource=acct:news@our.test")
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "application/jrd+json", w.Header().Get("Content-Type"))
	assert.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	assert.JSONEq(t, `{
		"subject": "acct:News@our.test",
		"aliases": ["https://www.our.test/ap/actors/n", "https://www.our.test/"],
		"links": [
			{"rel": "self", "type": "application/activity+json", "href": "https://www.our.test/ap/actors/n"},
			{"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": "https://www.our.test/"},
			{"rel": "http://webfinger.net/rel/avatar", "href": "https://www.our.test/a.png"}
		]
	}`, w.Body.String())
	assert.Contains(t, ask(h, "resource=acct:alerts@our.test").Body.String(), `"href":"`+alerts.ID+`"`)
}

// B001 to B009: which resources are whom, and what is no question at all.
func TestResources(t *testing.T) {
	h, news, alerts := agency(t)
	for _, c := range []struct {
		resource string // escaped
		who      *actor.Local
		status   int
	}{
		{"acct:news@our.test", news, 200},
		{"acct%3ANEWS%40OUR.TEST", news, 200}, // B004
		{"ACCT:news@our.test", news, 200},
		{"acct:@news@our.test", news, 200},
		{"news@our.test", news, 200},
		{"@news@our.test", news, 200},
		{"acct:news@www.our.test", news, 200},
		{"acct:news@ours.test", news, 200},
		{"acct:news@www.ours.test", news, 200},
		{"acct:alerts@www.our.test", alerts, 200},
		{"https://www.our.test/ap/actors/n", news, 200},
		{url.QueryEscape(alerts.ID), alerts, 200},
		{"https://www.our.test/alerts", alerts, 200},
		{"https://www.our.test/", news, 200}, // FEP-d556
		{"https://www.our.test", news, 200},
		{"https://our.test/", news, 200},

		{"acct:news@other.example", nil, 404},         // B003
		{"acct:news%2540our.test@our.test", nil, 404}, // B006
		{"acct:n%D0%B5ws@our.test", nil, 404},         // B009, a Cyrillic е
		{"acct:nobody@our.test", nil, 404},
		{"acct:news@evil.our.test", nil, 404},
		{"acct:news", nil, 404},
		{"acct:", nil, 404},
		{"mailto:news@our.test", nil, 404},
		{"https://www.our.test/ap/actors/N", nil, 404},
		{"https://www.our.test/ap/actors/n%23main-key", nil, 404},
		{"http://www.our.test/", nil, 404},
		{"https://evil.test/", nil, 404},

		{"", nil, 400},
		{"news", nil, 400},
		{"acct:news@our.test%00", nil, 400},     // B005
		{"https://our.test%5C@evil/", nil, 400}, // B007
		{"acct:news@our.test%0d%0aX:y", nil, 400},
		{"acct:two%20words@our.test", nil, 400},
		{"acct:%FF@our.test", nil, 400},
		{"acct:%3Cscript%3E@our.test", nil, 400},
	} {
		w := ask(h, "resource="+c.resource)
		assert.Equal(t, c.status, w.Code, c.resource)
		if c.who != nil {
			assert.Contains(t, w.Body.String(), `"acct:`+c.who.Handle.Name+`@our.test"`, c.resource)
		} else {
			assert.Equal(t, http.StatusText(c.status)+"\n", w.Body.String(), "echoes nothing")
		}
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	h, _, _ := agency(t)
	for _, c := range []struct {
		query  string
		status int
	}{
		{"", 400}, // B001
		{"resource=acct:news@our.test&resource=acct:alerts@our.test", 400}, // B002
		{"resource=acct:news@our.test&resource=acct:news@our.test", 400},
		{"resource=%zz", 400},
		{"resource=acct:news@our.test;x", 400},
		{"resource=acct:" + strings.Repeat("n", 64<<10) + "@our.test", 414}, // B008
		{strings.Repeat("a&", 5000) + "resource=acct:news@our.test", 414},
		{strings.Repeat("a&", 1000) + "resource=acct:news@our.test", 200},
	} {
		assert.Equal(t, c.status, ask(h, c.query).Code, "%.60s", c.query)
	}
}

func TestASiteOnThisMachineIsFoundByItsURLsToo(t *testing.T) {
	here := actor.URLs{Base: "http://localhost:8080"}
	news := at(t, here, actor.Profile{Handle: "news@localhost:8080", Name: "Trial", ID: "n"})
	h, err := webfinger.NewHandler(webfinger.Config{URLs: here, Actors: []*actor.Local{news}})
	require.NoError(t, err)
	for _, resource := range []string{"acct:news@localhost:8080", "http://localhost:8080/ap/actors/n", "http://localhost:8080/"} {
		assert.Equal(t, 200, ask(h, "resource="+resource).Code, resource)
	}
	assert.Equal(t, 404, ask(h, "resource=https://localhost:8080/ap/actors/n").Code)
}

func TestRelChoosesLinks(t *testing.T) {
	h, _, _ := agency(t)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", []string{"self", "http://webfinger.net/rel/profile-page", "http://webfinger.net/rel/avatar"}},
		{"&rel=self", []string{"self"}},
		{"&rel=http://webfinger.net/rel/avatar&rel=self", []string{"self", "http://webfinger.net/rel/avatar"}},
		{"&rel=unknown", []string{}},
		{strings.Repeat("&rel=x", 7) + "&rel=self", []string{"self"}},
		{strings.Repeat("&rel=x", 8) + "&rel=self", []string{}}, // B010: the first eight count
		{strings.Repeat("&rel", 500), []string{}},
	} {
		w := ask(h, "resource=acct:news@our.test"+c.query)
		require.Equal(t, 200, w.Code)
		var jrd struct {
			Subject string
			Links   []struct{ Rel string }
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &jrd))
		rels := []string{}
		for _, link := range jrd.Links {
			rels = append(rels, link.Rel)
		}
		assert.Equal(t, c.want, rels)
		assert.Equal(t, "acct:News@our.test", jrd.Subject)
	}
}

// B011, B012
func TestMethodsAndHosts(t *testing.T) {
	h, _, _ := agency(t)
	for _, path := range []string{webfinger.Path, "/.well-known/host-meta", "/.well-known/host-meta.json", "/.well-known/nodeinfo", "/ap/nodeinfo/2.1"} {
		for _, method := range []string{"POST", "TRACE", "PROPFIND"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "https://www.our.test"+path, nil))
			assert.Equal(t, 405, w.Code, path)
			assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"), path)
		}
		want := get(h, path+"?resource=acct:news@our.test", nil)
		r := httptest.NewRequest("GET", "https://evil.test"+path+"?resource=acct:news@our.test", nil)
		r.Header.Set("X-Forwarded-Host", "evil.test")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, want.Body.String(), w.Body.String(), path)
	}
}

func TestTwoActorsCannotShareAHandle(t *testing.T) {
	one := local(t, actor.Profile{Handle: "news@our.test", Name: "News", ID: "1"})
	two := local(t, actor.Profile{Handle: "News@www.our.test", Name: "News", ID: "2"})
	_, err := webfinger.NewHandler(webfinger.Config{URLs: site, Actors: []*actor.Local{one, two}})
	assert.ErrorContains(t, err, `two actors for "news@www.our.test"`)
}

func TestHostMeta(t *testing.T) {
	h, _, _ := agency(t)
	const xml = `<?xml version="1.0" encoding="UTF-8"?>
<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" type="application/jrd+json" template="https://www.our.test/.well-known/webfinger?resource={uri}"/></XRD>
`
	const jrd = `{"links":[{"rel":"lrdd","type":"application/jrd+json","template":"https://www.our.test/.well-known/webfinger?resource={uri}"}]}`
	for _, c := range []struct {
		accept string
		json   bool
	}{
		{"", false},
		{"*/*", false},
		{"application/xrd+xml", false},
		{"application/json", true},
		{"application/jrd+json; q=0.9, */*;q=0.1", true},
		{"application/xrd+xml;q=0.5, APPLICATION/JSON;q=0.8", true},
		{"application/xrd+xml, application/json", false},
		{"application/json;q=0", false},
		{"application/json;q=nan", false},
		{"application/json;q=7", false},
		{strings.Repeat("text/x,", 2000) + "application/json", false}, // B013
	} {
		w := get(h, "/.well-known/host-meta", http.Header{"Accept": {c.accept}})
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, []string{"Accept"}, w.Header()["Vary"])
		if c.json {
			assert.Equal(t, "application/jrd+json", w.Header().Get("Content-Type"), c.accept)
			assert.Equal(t, jrd, w.Body.String(), c.accept)
		} else {
			assert.Equal(t, "application/xrd+xml; charset=utf-8", w.Header().Get("Content-Type"), c.accept)
			assert.Equal(t, xml, w.Body.String(), c.accept)
		}
	}
	w := get(h, "/.well-known/host-meta.json", nil)
	assert.Equal(t, jrd, w.Body.String())
	assert.Empty(t, w.Header()["Vary"])
}

func TestNodeInfo(t *testing.T) {
	h, _, _ := agency(t)
	assert.JSONEq(t, `{"links": [
		{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.1", "href": "https://www.our.test/ap/nodeinfo/2.1"},
		{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": "https://www.our.test/ap/nodeinfo/2.0"}
	]}`, get(h, "/.well-known/nodeinfo", nil).Body.String())

	w := get(h, "/ap/nodeinfo/2.1", nil)
	assert.Equal(t, `application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"`, w.Header().Get("Content-Type"))
	assert.JSONEq(t, `{
		"version": "2.1",
		"software": {"name": "panui", "version": "1.2.3", "repository": "https://github.com/panui/panui"},
		"protocols": ["activitypub"],
		"services": {"inbound": [], "outbound": []},
		"openRegistrations": false,
		"usage": {"users": {"total": 2}},
		"metadata": {}
	}`, w.Body.String())
	assert.NotContains(t, get(h, "/ap/nodeinfo/2.0", nil).Body.String(), "repository", "2.0 knows no such member")
	assert.Equal(t, 404, get(h, "/ap/nodeinfo/3.0", nil).Code)
}

func TestNodeInfoCountsPostsEveryTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		posts, broken := 0, error(nil)
		h, err := webfinger.NewHandler(webfinger.Config{URLs: actor.URLs{Base: "https://council.test/site"}, Posts: func(context.Context) (int, error) {
			posts++
			return posts, broken
		}})
		require.NoError(t, err)
		const place = "/site/ap/nodeinfo/2.1"
		for range 100 {
			assert.Contains(t, get(h, place, nil).Body.String(), `"localPosts":1`)
		}
		time.Sleep(10 * time.Minute)
		assert.Contains(t, get(h, place, nil).Body.String(), `"localPosts":2`)
		time.Sleep(10 * time.Minute)
		broken = errors.New("the store is away")
		assert.Contains(t, get(h, place, nil).Body.String(), `"localPosts":2`)
	})
}

func TestServes(t *testing.T) {
	h, _, _ := agency(t)
	for _, path := range []string{webfinger.Path, "/.well-known/host-meta", "/.well-known/host-meta.json", "/.well-known/nodeinfo", "/ap/nodeinfo/2.0", "/ap/nodeinfo/2.1"} {
		assert.True(t, h.Serves(path), path)
	}
	for _, path := range []string{"/", "/.well-known/webfinger/", "/ap/actors/n", "/.well-known/security.txt"} {
		assert.False(t, h.Serves(path), path)
		assert.Equal(t, 404, get(h, path, nil).Code, path)
	}
}

// GoToSocial's own requests, as they were sent to a publisher.
func TestGoToSocialAsks(t *testing.T) {
	h, news, _ := agency(t)
	for _, c := range []struct{ capture, place, want string }{
		{"*-get-.well_known_webfinger.json", webfinger.Path + "?resource=acct%3Anews%40our.test", news.ID},
		{"*-get-.well_known_nodeinfo.json", "/.well-known/nodeinfo", "schema/2.0"},
		{"*-get-nodeinfo_2.0.json", "/ap/nodeinfo/2.0", "activitypub"},
	} {
		files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/captures/gotosocial"), c.capture))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			var capture struct{ Headers http.Header }
			require.NoError(t, json.Unmarshal(content, &capture))
			w := get(h, c.place, capture.Headers)
			assert.Equal(t, 200, w.Code, file)
			assert.Contains(t, w.Body.String(), c.want, file)
		}
	}
}

func FuzzWebFinger(f *testing.F) {
	h, _, _ := agency(f)
	for _, query := range []string{"resource=acct:news@our.test", "resource=https://www.our.test/&rel=self", "resource=%00", "a=b;c", "resource=acct%3A%40News%40OUR.test"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		w := ask(h, query)
		if w.Code == 200 {
			assert.Regexp(t, `^\{"subject":"acct:(News|alerts)@our\.test"`, w.Body.String())
			return
		}
		assert.Contains(t, []int{400, 404, 414}, w.Code)
		assert.Equal(t, http.StatusText(w.Code)+"\n", w.Body.String())
	})
}

func FuzzAccept(f *testing.F) {
	h, _, _ := agency(f)
	for _, accept := range []string{"application/json", "application/xrd+xml;q=0.5,*/*", ";q=;,=", "application/json;Q=1e-9"} {
		f.Add(accept)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		w := get(h, "/.well-known/host-meta", http.Header{"Accept": {accept}})
		assert.Equal(t, 200, w.Code)
		if !strings.Contains(strings.ToLower(accept), "json") {
			assert.Contains(t, w.Header().Get("Content-Type"), "xml")
		}
	})
}

func BenchmarkWebFinger(b *testing.B) {
	h, _, _ := agency(b)
	r := httptest.NewRequest("GET", "https://www.our.test"+webfinger.Path+"?resource=acct:news@our.test", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
