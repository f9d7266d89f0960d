package panui_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/memory"
)

// silent is a ResponseWriter that costs nothing, so that only the handler is measured.
type silent struct{ header http.Header }

func (s silent) Header() http.Header         { return s.header }
func (s silent) Write(b []byte) (int, error) { return len(b), nil }
func (s silent) WriteHeader(int)             {}

// public is a site with a public address, which nothing has reached yet.
func public(tb testing.TB) *panui.Site {
	tb.Helper()
	site, err := panui.New(panui.Config{
		BaseURL: "https://www.agency.govt.nz", Store: memory.New(), Keys: signing.Fediverse(),
		Actors: []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Ministry", Key: quickKey(tb)}},
	})
	require.NoError(tb, err)
	return site
}

// BenchmarkWebsiteRequest measures what Pānui costs a request that is the
// website's own, beside the same website without it.
func BenchmarkWebsiteRequest(b *testing.B) {
	website := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	site := public(b)
	for name, handler := range map[string]http.Handler{"without": website, "with": site.Handler(website)} {
		for _, target := range []string{"/", "/news/2026/17/kua-tuwhera-te-huarahi?utm=1", "/apples/pears"} {
			b.Run(name+target, func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, target, nil)
				w := silent{http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					handler.ServeHTTP(w, r)
				}
			})
		}
	}
}

func TestWebsiteRequestAllocatesNothing(t *testing.T) {
	site := public(t)
	handler := site.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, target := range []string{"/", "/news/2026/17/kua-tuwhera-te-huarahi?utm=1", "/apples", "/.well-known/security.txt"} {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		w := silent{http.Header{}}
		require.Zero(t, testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }), target)
	}
}
