package document_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/document"
)

const activityJSON = "application/activity+json"

func ask(t *testing.T, h http.Handler, method string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "https://agency.test/ap/actors/a", nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

func TestADocumentIsServedWholeWithHeadersThatAreSafeForAnyone(t *testing.T) {
	d := document.New(activityJSON, []byte(`{"a":1}`), document.Options{})
	res := ask(t, d, "GET", nil)
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, `{"a":1}`, body(t, res))
	assert.Equal(t, http.Header{
		"Content-Type":                {activityJSON},
		"Content-Length":              {"7"},
		"Etag":                        {d.ETag()},
		"Cache-Control":               {"public, max-age=60, s-maxage=60, stale-while-revalidate=300"},
		"Access-Control-Allow-Origin": {"*"},
		"Content-Security-Policy":     {"default-src 'none'; frame-ancestors 'none'"},
		"X-Content-Type-Options":      {"nosniff"},
	}, res.Header)
}

func TestHeadSaysWhatGetWouldWithoutTheBody(t *testing.T) {
	d := document.New(activityJSON, []byte(`{"a":1}`), document.Options{})
	get, head := ask(t, d, "GET", nil), ask(t, d, "HEAD", nil)
	assert.Equal(t, get.Header, head.Header)
	assert.Empty(t, body(t, head))
}

// B022: conditional requests with right and wrong forms of the tag.
func TestIfNoneMatch(t *testing.T) {
	d := document.New(activityJSON, []byte(`{"a":1}`), document.Options{})
	tag := d.ETag()
	require.Regexp(t, `^"[\w-]{22}"$`, tag)
	for _, c := range []struct {
		say    string
		fields []string
		status int
	}{
		{"the tag", []string{tag}, 304},
		{"weak", []string{"W/" + tag}, 304},
		{"anything", []string{"*"}, 304},
		{"in a list", []string{`"x", W/"y,z" ,` + tag}, 304},
		{"in a second field", []string{`"x"`, tag}, 304},
		{"another", []string{`"x"`}, 200},
		{"without quotes", []string{strings.Trim(tag, `"`)}, 200},
		{"half quoted", []string{strings.TrimSuffix(tag, `"`)}, 200},
		{"lower-case w", []string{"w/" + tag}, 200},
		{"empty", []string{""}, 200},
		{"garbage", []string{`,,,"",W/,` + tag}, 200},
		{"long", []string{strings.Repeat(`"x",`, 10_000)}, 200},
	} {
		t.Run(c.say, func(t *testing.T) {
			res := ask(t, d, "GET", http.Header{"If-None-Match": c.fields})
			assert.Equal(t, c.status, res.StatusCode)
			assert.Equal(t, tag, res.Header.Get("Etag"))
			if c.status == 304 {
				assert.Empty(t, body(t, res))
				assert.Empty(t, res.Header.Get("Content-Length"))
				assert.NotEmpty(t, res.Header.Get("Cache-Control"))
			}
		})
	}
}

func TestTagsDifferByBodyAndType(t *testing.T) {
	one := document.New(activityJSON, []byte("1"), document.Options{})
	assert.NotEqual(t, one.ETag(), document.New(activityJSON, []byte("2"), document.Options{}).ETag())
	assert.NotEqual(t, one.ETag(), document.New("application/jrd+json", []byte("1"), document.Options{}).ETag())
	assert.Equal(t, one.ETag(), document.New(activityJSON, []byte("1"), document.Options{}).ETag())
}

// B019: a thousand ranges are answered with the one document.
func TestRangesAreNotServed(t *testing.T) {
	d := document.New(activityJSON, []byte(`{"a":1}`), document.Options{})
	res := ask(t, d, "GET", http.Header{"Range": {"bytes=0-0" + strings.Repeat(",1-1", 1000)}})
	assert.Equal(t, 200, res.StatusCode)
	assert.Equal(t, `{"a":1}`, body(t, res))
}

// B011
func TestOtherMethodsAreRefused(t *testing.T) {
	d := document.New(activityJSON, []byte(`{"a":1}`), document.Options{})
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "OPTIONS"} {
		res := ask(t, d, method, nil)
		assert.Equal(t, 405, res.StatusCode, method)
		assert.Equal(t, "GET, HEAD", res.Header.Get("Allow"), method)
	}
}

// B023: HTTP/1.0 lets a request name no host.
func TestARequestWithoutHostIsRefused(t *testing.T) {
	r := httptest.NewRequest("GET", "/ap/actors/a", nil)
	r.Host = ""
	w := httptest.NewRecorder()
	document.New(activityJSON, nil, document.Options{}).ServeHTTP(w, r)
	assert.Equal(t, 400, w.Code)
}

func TestATombstoneIsGoneWhateverTheCallerHas(t *testing.T) {
	d := document.New(activityJSON, []byte(`{"type":"Tombstone"}`), document.Options{Status: http.StatusGone})
	res := ask(t, d, "GET", http.Header{"If-None-Match": {d.ETag(), "*"}})
	assert.Equal(t, 410, res.StatusCode)
	assert.Equal(t, `{"type":"Tombstone"}`, body(t, res))
	assert.Empty(t, res.Header.Get("Etag"))
}

func TestLifetimes(t *testing.T) {
	for _, c := range []struct {
		o    document.Options
		want string
	}{
		{document.Options{MaxAge: 10 * time.Second}, "public, max-age=10, s-maxage=10, stale-while-revalidate=50"},
		{document.Options{MaxAge: time.Minute, Shared: time.Hour, Stale: 24 * time.Hour},
			"public, max-age=60, s-maxage=3600, stale-while-revalidate=86400"},
	} {
		res := ask(t, document.New(activityJSON, nil, c.o), "GET", nil)
		assert.Equal(t, c.want, res.Header.Get("Cache-Control"))
	}
}

func TestVaryJoinsWhatAMiddlewareSaid(t *testing.T) {
	d := document.New(activityJSON, nil, document.Options{Vary: "Accept"})
	for _, c := range []struct{ before, after []string }{
		{nil, []string{"Accept"}},
		{[]string{"Accept-Encoding"}, []string{"Accept-Encoding", "Accept"}},
		{[]string{"Origin, accept"}, []string{"Origin, accept"}},
		{[]string{"*"}, []string{"*"}},
	} {
		w := httptest.NewRecorder()
		w.Header()["Vary"] = c.before
		d.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		assert.Equal(t, c.after, w.Header()["Vary"])
	}
}

func TestARefusalEchoesNothingAndIsNotKept(t *testing.T) {
	w := httptest.NewRecorder()
	document.Refuse(w, http.StatusNotFound)
	assert.Equal(t, 404, w.Code)
	assert.Equal(t, "Not Found\n", w.Body.String())
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
}

func FuzzIfNoneMatch(f *testing.F) {
	d := document.New(activityJSON, []byte(`{"a":1}`), document.Options{})
	for _, field := range []string{d.ETag(), "W/" + d.ETag(), "*", `"a", "b"`, `W/"`, `"",,W/""`} {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		res := ask(t, d, "GET", http.Header{"If-None-Match": {field}})
		if res.StatusCode == 304 {
			assert.True(t, strings.TrimSpace(field) == "*" || strings.Contains(field, d.ETag()), field)
			return
		}
		assert.Equal(t, 200, res.StatusCode)
	})
}
