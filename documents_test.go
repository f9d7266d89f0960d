package panui_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// counting is a store that counts how often it is asked for posts and followers.
type counting struct {
	store.Store
	asked atomic.Int64
}

func (c *counting) Posts(ctx context.Context, q store.PostQuery) ([]store.Post, error) {
	c.asked.Add(1)
	return c.Store.Posts(ctx, q)
}

func (c *counting) Received(ctx context.Context, q store.ReceivedQuery) ([]store.Received, error) {
	c.asked.Add(1)
	return c.Store.Received(ctx, q)
}

func (c *counting) CountFollowers(ctx context.Context, actor string) (int, error) {
	c.asked.Add(1)
	return c.Store.CountFollowers(ctx, actor)
}

// boosted is a site with one post, and the paths that thousands of servers fetch when it is boosted.
func boosted(tb testing.TB) (site *panui.Site, s *counting, paths map[string]string) {
	tb.Helper()
	s = &counting{Store: memory.New()}
	site, err := panui.New(panui.Config{
		BaseURL: "https://www.agency.govt.nz", Store: s, Keys: signing.Fediverse(),
		Actors: []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Ministry", Key: quickKey(tb)}},
	})
	require.NoError(tb, err)
	post, err := site.Publish(tb.Context(), outbox.Item{Key: "1", URL: "https://www.agency.govt.nz/1", Title: "News", Language: "en-NZ"})
	require.NoError(tb, err)
	paths = map[string]string{}
	for name, id := range map[string]string{"actor": post.Actor, "object": post.ID} {
		u, err := url.Parse(id)
		require.NoError(tb, err)
		paths[name] = u.Path
	}
	return site, s, paths
}

func TestABoostedPostDoesNotWakeTheDatabase(t *testing.T) {
	site, s, paths := boosted(t)
	handler := site.Handler(nil)
	s.asked.Store(0)
	for range 1000 {
		for _, path := range paths {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = "www.agency.govt.nz"
			handler.ServeHTTP(w, r)
			require.Equal(t, http.StatusOK, w.Code)
		}
	}
	assert.Zero(t, s.asked.Load())
}

// BenchmarkDocument measures GETs of the actor and of a recent object over a real connection. Requests to the
// site alternate with requests to a net/http handler that writes the same bytes, so that what else the machine
// does weighs on both alike; "of-bare" is the site's rate as a share of the bare handler's.
func BenchmarkDocument(b *testing.B) {
	site, _, paths := boosted(b)
	for name, path := range paths {
		b.Run(name, func(b *testing.B) {
			ours := site.Handler(nil)
			w := httptest.NewRecorder()
			ours.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			document := w.Body.Bytes()
			bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/activity+json")
				w.Write(document)
			})
			askBare, askOurs := fetcher(b, bare, path), fetcher(b, ours, path)
			var bareTook, oursTook time.Duration
			for b.Loop() {
				start := time.Now()
				askBare()
				middle := time.Now()
				askOurs()
				bareTook += middle.Sub(start)
				oursTook += time.Since(middle)
			}
			b.ReportMetric(float64(bareTook)/float64(oursTook), "of-bare")
			b.ReportMetric(float64(b.N)/oursTook.Seconds(), "requests/s")
		})
	}
}

// fetcher asks a server of its own for one path, over one connection. It reads answers without parsing them, so
// that the server's work is what is measured.
func fetcher(b *testing.B, handler http.Handler, path string) func() {
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	answer, err := server.Client().Get(server.URL + path)
	require.NoError(b, err)
	plain, err := httputil.DumpResponse(answer, true)
	require.NoError(b, err)
	require.NoError(b, answer.Body.Close())
	require.Equal(b, http.StatusOK, answer.StatusCode)

	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(b, err)
	b.Cleanup(func() { connection.Close() })
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: www.agency.govt.nz\r\nAccept: application/activity+json\r\n\r\n")
	buffer := make([]byte, len(plain))
	return func() {
		_, err := connection.Write(request)
		require.NoError(b, err)
		_, err = io.ReadFull(connection, buffer)
		require.NoError(b, err)
	}
}
