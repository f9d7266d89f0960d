package feed

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store/memory"
)

// A server that answers conditional requests, as Apache does for a file.
func serve(t *testing.T, body string) *httptest.Server {
	written := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/feed":
			w.Header().Set("Content-Type", "application/rss+xml; charset=windows-1252")
			w.Header().Set("ETag", `"1"`)
			http.ServeContent(w, r, "", written, strings.NewReader(body))
		case "/moved":
			http.Redirect(w, r, "/feed", http.StatusMovedPermanently)
		case "/busy":
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/endless":
			for range MaxBytes/1024 + 2 {
				_, _ = w.Write(make([]byte, 1024))
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestFeedsOverHTTP(t *testing.T) {
	s := serve(t, string(rssOf("<item><guid>a</guid><title>Caf\xe9</title></item>")))
	sources := map[string]func(path string) Source{
		"through the guarded client": func(path string) Source {
			return FromURL(egress.New(egress.Options{InsecureLoopback: true}), s.URL+path)
		},
		"from the private network": func(path string) Source {
			return FromPrivateNetwork(s.Client().Do, s.URL+path)
		},
	}
	for name, from := range sources {
		t.Run(name, func(t *testing.T) {
			got, err := from("/feed")(t.Context(), Version{})
			require.NoError(t, err)
			assert.Equal(t, Version{`"1"`, "Sun, 01 Mar 2026 00:00:00 GMT"}, got.Version)
			f, err := Parse(got.Body, Reading{URL: got.URL, ContentType: got.ContentType})
			require.NoError(t, err)
			assert.Equal(t, "Café", f.Items[0].Title)

			again, err := from("/feed")(t.Context(), got.Version)
			require.NoError(t, err)
			assert.True(t, again.Unchanged)
			assert.Equal(t, got.Version, again.Version)

			moved, err := from("/moved")(t.Context(), Version{LastModified: "Sun, 01 Mar 2026 00:00:00 GMT"})
			require.NoError(t, err)
			assert.True(t, moved.Unchanged, "the condition goes with a redirect")

			var unavailable *Unavailable
			_, err = from("/busy")(t.Context(), Version{})
			require.ErrorAs(t, err, &unavailable)
			assert.Equal(t, Unavailable{Status: 503, After: 2 * time.Minute}, *unavailable)
			_, err = from("/gone")(t.Context(), Version{})
			assert.ErrorContains(t, err, "404 Not Found")
			_, err = from("/endless")(t.Context(), Version{})
			assert.Error(t, err)
		})
	}
}

func TestAPrivateAddressTakesAnOption(t *testing.T) {
	_, err := FromURL(egress.New(egress.Options{}), serve(t, "").URL+"/feed")(t.Context(), Version{})
	assert.ErrorIs(t, err, egress.ErrForbidden)
}

func TestFeedInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "feed.xml")
	source := FromFile(path)
	_, err := source(t.Context(), Version{})
	assert.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, os.WriteFile(path, rssOf("<item><guid>a</guid></item>"), 0o600))
	got, err := source(t.Context(), Version{})
	require.NoError(t, err)
	assert.False(t, got.Unchanged)
	again, err := source(t.Context(), got.Version)
	require.NoError(t, err)
	assert.True(t, again.Unchanged)

	require.NoError(t, os.WriteFile(path, make([]byte, MaxBytes+1), 0o600))
	_, err = source(t.Context(), got.Version)
	assert.ErrorIs(t, err, ErrTooLarge)
}

func TestAPollerAsksOnlyForWhatChanged(t *testing.T) {
	s := serve(t, string(rssOf("<item><guid>a</guid></item>")))
	p := &Poller{
		Name: "news", Publisher: &press{}, Store: memory.New(),
		Source: FromURL(egress.New(egress.Options{InsecureLoopback: true}), s.URL+"/feed"),
	}
	for i, unchanged := range []bool{false, true, true} {
		report, err := p.Poll(t.Context())
		require.NoError(t, err)
		assert.Equal(t, unchanged, report.Unchanged, i)
	}
	p.Source = func(context.Context, Version) (Copy, error) { return Copy{Body: []byte("<html/>")}, nil }
	_, err := p.Poll(t.Context())
	assert.ErrorIs(t, err, ErrNotFeed)
}
