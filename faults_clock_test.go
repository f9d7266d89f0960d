package panui_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// leaps are where a clock goes that is wrong, from a time at which it is right.
var leaps = []struct {
	name string
	to   func(time.Time) time.Time
}{
	{"a second on", off(time.Second)}, {"a second back", off(-time.Second)},
	{"an hour on", off(time.Hour)}, {"an hour back, which so comes twice", off(-time.Hour)},
	{"13 hours on", off(13 * time.Hour)}, {"13 hours back", off(-13 * time.Hour)},
	{"10 years on", off(3652 * 24 * time.Hour)}, {"10 years back", off(-3652 * 24 * time.Hour)},
	{"the end of 32 bits", func(time.Time) time.Time { return time.Unix(1<<31-1, 0) }},
	{"past 2038", func(time.Time) time.Time { return time.Unix(1<<31+60, 0) }},
	{"1970", func(time.Time) time.Time { return time.Unix(0, 0) }},
}

func off(d time.Duration) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(d) }
}

// setClock has the clock of the house stand at another time.
func (h *house) setClock(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = t
}

// A clock is set wrong while news is on its way, some of it to a server that is
// down, and somebody follows and leaves; later it is right again. Nothing is lost, and
// nothing is tried more than once more for each time that the clock is set; what
// was heard once has no effect again, whatever the clock says.
func TestWhateverTheClockSaysNothingIsLost(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, leap := range leaps {
		t.Run(leap.name, func(t *testing.T) {
			t.Parallel()
			clockLeaps(t, private, leap.to)
		})
	}
}

func clockLeaps(t *testing.T, private crypto.Signer, leap func(time.Time) time.Time) {
	h := newHouse(t, memory.New())
	letter := h.keepsALetter()
	var mu sync.Mutex
	right := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC) // the clock of everybody else
	everybody := func() time.Time { mu.Lock(); defer mu.Unlock(); return right }
	passes := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		right = right.Add(d)
		h.setClock(right)
	}
	passes(0)
	key, err := signing.New(private)
	require.NoError(t, err)
	site, _ := h.starts(key, nil)
	peers := map[string]keyPeer{}
	for _, name := range []string{"up", "down"} {
		server, err := actortest.Start(actortest.Options{Now: everybody, NewKey: func() (crypto.Signer, error) { return private, nil }})
		require.NoError(t, err)
		t.Cleanup(func() { server.Close() })
		peers[name] = keyPeer{server, server.Actor("aroha")}
		_, err = peers[name].who.Follow(h.ctx, h.handle())
		require.NoError(t, err)
	}
	h.quiet()
	up, down := peers["up"], peers["down"]
	publish := func(key string) store.Post {
		post, err := site.Publish(h.ctx, outbox.Item{Key: key, URL: h.server.URL + "/" + key, Title: key, HTML: "<p>" + key + "</p>", Language: "en-NZ", Images: picture(h.server.URL)})
		require.NoError(t, err)
		return post
	}
	tried := func(id string, attempts int) { // and written down
		t.Helper()
		require.Eventually(t, func() bool {
			found, err := h.store.Deliveries(h.ctx, store.DeliveryQuery{Object: id})
			n := 0
			for _, d := range found {
				if d.Attempt >= attempts && d.Status != 0 {
					n++
				}
			}
			return err == nil && n == 2
		}, 10*time.Second, time.Millisecond)
	}

	down.Answer("", actortest.Answer{Status: http.StatusServiceUnavailable})
	before := publish("before")
	tried(before.ID, 1)
	hemi := up.Actor("hemi")
	follow, err := hemi.Follow(h.ctx, h.handle())
	require.NoError(t, err)
	_, err = hemi.Undo(h.ctx, follow)
	require.NoError(t, err)
	followers := func() int {
		t.Helper()
		n, err := h.store.CountFollowers(h.ctx, h.actor().ID)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 2, followers())

	h.setClock(leap(right)) // wrong, while two are pending
	during := publish("during")
	tried(during.ID, 1)
	letter(t)
	assert.Equal(t, 2, followers(), "a replay while the clock is wrong")

	h.setClock(right)
	after := publish("after")
	tried(after.ID, 1)
	letter(t)
	assert.Equal(t, 2, followers(), "a replay when it is right again")
	down.Answer("", actortest.Answer{})
	for range 20 {
		passes(time.Hour)
		require.NoError(t, site.Resume(h.ctx)) // looks for work at once
		if pending, err := h.store.Deliveries(h.ctx, store.DeliveryQuery{State: store.Pending}); err == nil && len(pending) == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.quiet()
	for _, post := range []store.Post{before, during, after} {
		found, err := h.store.Deliveries(h.ctx, store.DeliveryQuery{Object: post.ID})
		require.NoError(t, err)
		require.Len(t, found, 2)
		for _, d := range found {
			assert.Equal(t, store.Delivered, d.State, "%s to %s: %s", post.Key, d.Host, d.Answer)
			assert.LessOrEqual(t, d.Attempt, 4, "%s: first, once for each time that the clock was set, and when the server is up again", post.Key)
		}
	}
	passes(13 * time.Hour)
	assert.Equal(t, http.StatusUnauthorized, letter(t), "and its time is over")
	assert.Equal(t, 2, followers())
}

// keepsALetter keeps the first thing that hemi says to the house, and returns how it
// is posted again, byte for byte.
func (h *house) keepsALetter() (again func(*testing.T) (status int)) {
	var mu sync.Mutex
	var kept *http.Request
	var text []byte
	next := h.server.Config.Handler
	h.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		if bytes.Contains(body, []byte("hemi")) && kept == nil {
			kept, text = r.Clone(h.ctx), body
		}
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
	return func(t *testing.T) int {
		mu.Lock()
		defer mu.Unlock()
		r, err := http.NewRequestWithContext(h.ctx, http.MethodPost, h.server.URL+kept.RequestURI, bytes.NewReader(text))
		require.NoError(t, err)
		r.Header, r.Host = kept.Header.Clone(), kept.Host
		recorder := httptest.NewRecorder()
		r.RequestURI = kept.RequestURI
		r.RemoteAddr = kept.RemoteAddr
		h.front.Load().Handler(nil).ServeHTTP(recorder, r)
		return recorder.Code
	}
}
