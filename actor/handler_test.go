package actor_test

import (
	"context"
	"encoding/json"
	"errors"
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

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/memory"
)

func newSite(t testing.TB, count actor.Count) (*actor.Handler, *actor.Local) {
	t.Helper()
	l, err := actor.NewLocal(ministry(t), site, signing.Policy{})
	require.NoError(t, err)
	return actor.NewHandler(site, memory.New(), count, l), l
}

func seven(context.Context, string) (int, error) { return 7, nil }

func get(h http.Handler, url string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", url, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhatThereIsToSeeOfAnActor(t *testing.T) {
	h, l := newSite(t, seven)
	assert.Equal(t, string(standing(t, l).Document), get(h, l.ID, nil).Body.String())
	for _, c := range []struct {
		id    string
		total int
	}{
		{site.Followers(l.Segment), 7},
		{site.Following(l.Segment), 0},
	} {
		w := get(h, c.id, nil)
		require.Equal(t, 200, w.Code)
		assert.Equal(t, as2.MediaType, w.Header().Get("Content-Type"))
		var collection map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &collection))
		assert.EqualValues(t, c.total, collection["totalItems"])
		assert.Equal(t, c.id, collection["id"])
		assert.NotContains(t, collection, "first", "never who")
		assert.NotContains(t, collection, "orderedItems", "never who")
	}
}

// B016, B017: what is not there looks alike.
func TestEverythingElseIsNotFound(t *testing.T) {
	h, l := newSite(t, seven)
	for _, url := range []string{
		site.Actor("nobody"), site.Followers("nobody"), site.Inbox(l.Segment), site.Outbox(l.Segment), site.SharedInbox(),
		site.Object("o1"), site.Base + "/", l.ID + "/", site.Base + "/ap/actors/a%2Fb", site.Base + "/ap/actors/..%2f", site.Base + "/ap/actors/%00",
	} {
		w := get(h, url, nil)
		assert.Equal(t, 404, w.Code, url)
		assert.Equal(t, "Not Found\n", w.Body.String())
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

// B012 to B015, B018, B020, B021, B024: everyone gets the same bytes, and no
// request can make the handler ask anyone, since it has nothing to ask with.
func TestTheAnswerIsTheSameForEveryone(t *testing.T) {
	h, l := newSite(t, seven)
	want := get(h, l.ID, nil)
	for say, header := range map[string]http.Header{
		"a long Accept":      {"Accept": {strings.Repeat("text/x;q=0.1,", 2000)}},
		"a browser":          {"Accept": {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}},
		"not ours":           {"Accept": {"application/activity+json;q=0, text/html"}},
		"ld+json, bare":      {"Accept": {"application/ld+json"}},
		"a false host":       {"X-Forwarded-Host": {"evil.test"}},
		"a bad signature":    {"Signature": {`keyId="x`}},
		"a signature of us":  {"Signature": {`keyId="` + standing(t, l).KeyID + `",algorithm="rsa-sha256",headers="date",signature="AAAA"`}},
		"a loopback keyId":   {"Signature": {`keyId="https://127.0.0.1/k",headers="date",signature="AAAA"`}},
		"a digest on a GET":  {"Digest": {"SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}},
		"an authorization":   {"Authorization": {"Bearer x"}},
		"many small ranges":  {"Range": {"bytes=" + strings.Repeat("0-0,", 1000) + "0-0"}},
		"a cookie, a query ": {"Cookie": {"session=x"}},
	} {
		w := get(h, l.ID+"?page=-1&cursor='%20OR%201=1", header)
		assert.Equal(t, want.Code, w.Code, say)
		assert.Equal(t, want.Body.String(), w.Body.String(), say)
		assert.Equal(t, want.Header(), w.Header(), say)
	}
	other := httptest.NewRequest("GET", "https://evil.test/ap/actors/"+l.Segment, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, other)
	assert.Equal(t, want.Body.String(), w.Body.String())
}

func TestAHerdDoesNotReachTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, broken := 0, error(nil)
		h, l := newSite(t, func(context.Context, string) (int, error) { asked++; return 100 + asked, broken })
		followers := site.Followers(l.Segment)
		for range 1000 {
			assert.Contains(t, get(h, followers, nil).Body.String(), `"totalItems":101`)
		}
		time.Sleep(time.Minute)
		assert.Contains(t, get(h, followers, nil).Body.String(), `"totalItems":102`)
		time.Sleep(time.Minute)
		broken = errors.New("the store is away")
		assert.Contains(t, get(h, followers, nil).Body.String(), `"totalItems":102`, "the last known")
		assert.Equal(t, 3, asked)
	})
}

// GoToSocial's own requests, as they were sent to a publisher: each with its
// path changed to ours.
func TestGoToSocialReadsAnActor(t *testing.T) {
	h, l := newSite(t, seven)
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/captures/gotosocial"), "*-get-users_*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		var capture struct {
			RequestURI string
			Headers    http.Header
		}
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &capture))
		parts := strings.SplitN(strings.TrimPrefix(capture.RequestURI, "/users/"), "/", 2)
		url := l.ID
		if len(parts) == 2 {
			url += "/" + parts[1]
		}
		if strings.HasSuffix(url, "featured") || strings.HasSuffix(url, "outbox") {
			continue // package outbox answers those
		}
		w := get(h, url, capture.Headers)
		assert.Equal(t, 200, w.Code, file)
		assert.Equal(t, "application/activity+json", w.Header().Get("Content-Type"), file)
	}
}

// BenchmarkActor compares with a handler that writes the same bytes and nothing else.
func BenchmarkActor(b *testing.B) {
	h, l := newSite(b, seven)
	document := standing(b, l).Document
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", as2.MediaType)
		w.Write(document)
	})
	for name, handler := range map[string]http.Handler{"bare": bare, "actor": h} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", l.ID, nil)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(w, r)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
