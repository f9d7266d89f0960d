package panui_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// house is the address of an agency, behind which machines come and go that share a store.
type house struct {
	*testing.T
	ctx    context.Context
	server *httptest.Server
	front  atomic.Pointer[panui.Site]
	store  store.Store
	log    *lines

	mu  sync.Mutex
	now time.Time
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += string(p)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

func newHouse(t *testing.T, s store.Store) *house {
	h := &house{T: t, ctx: within(t), store: s, log: &lines{}, now: time.Now()}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.front.Load().Handler(nil).ServeHTTP(w, r)
	}))
	t.Cleanup(h.server.Close)
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) handle() string { return "news@" + h.server.Listener.Addr().String() }

// site is a machine with these keys that does not run.
func (h *house) site(s store.Store, key, next *signing.Key) *panui.Site {
	h.Helper()
	site, err := panui.New(panui.Config{
		BaseURL: h.server.URL, Store: s, Keys: signing.Fediverse(), InsecureLoopback: true, Now: h.clock,
		Log:    slog.New(slog.NewTextHandler(h.log, nil)),
		Actors: []actor.Profile{{Handle: h.handle(), Name: "Te Manatū Tauira", Key: key, Next: next, Languages: []string{"en-NZ"}}},
	})
	require.NoError(h, err)
	return site
}

// starts has a machine with these keys run, and answer, until stop.
func (h *house) starts(key, next *signing.Key) (site *panui.Site, stop func()) {
	h.Helper()
	site = h.site(h.store, key, next)
	h.front.Store(site)
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan error, 1)
	go func() { done <- site.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(h, <-done)
	})
	h.Cleanup(stop)
	return site, stop
}

// keyPeer is somebody on a server with a manner of its own about keys.
type keyPeer struct {
	*actortest.Server
	who *actortest.Actor
}

func (h *house) followedBy(o actortest.Options) keyPeer {
	h.Helper()
	o.Now = h.clock
	server, err := actortest.Start(o)
	require.NoError(h, err)
	h.Cleanup(func() { server.Close() })
	f := keyPeer{server, server.Actor("aroha")}
	_, err = f.who.Follow(h.ctx, h.handle())
	require.NoError(h, err)
	require.NoError(h, server.WaitFor(h.ctx, func() bool { return len(f.who.Following()) == 1 }))
	return f
}

// follows adds a follower who is known here and knows nothing of it.
func (h *house) follows(inbox string) {
	h.Helper()
	require.NoError(h, h.store.Apply(h.ctx, store.PutFollower{Follower: store.Follower{
		Actor: h.actor().ID, ID: inbox + "/owner", Inbox: inbox, Host: hostOf(h.T, inbox), Follow: inbox + "/follow", State: store.Accepted,
	}}))
}

// says publishes an item and waits until it is read everywhere.
func (h *house) says(site *panui.Site, key string, readers map[string]keyPeer) {
	h.Helper()
	item := outbox.Item{Key: key, URL: h.server.URL + "/" + key, Title: "News", HTML: "<p>" + key + "</p>", Language: "en-NZ", Images: picture(h.server.URL)}
	post, err := site.Publish(h.ctx, item)
	require.NoError(h, err)
	for name, r := range readers {
		err := r.WaitFor(h.ctx, func() bool {
			for _, p := range r.who.Timeline() {
				if p.ID == post.ID {
					return true
				}
			}
			return false
		})
		require.NoError(h, err, "%s does not read %s: %v", name, key, r.Received())
	}
}

func picture(base string) []outbox.Image {
	return []outbox.Image{{URL: base + "/bridge.jpg", Alt: "A bridge", MediaType: "image/jpeg"}}
}

// heard is hears, and waits until nothing is on its way.
func (h *house) heard(updates int, readers map[string]keyPeer) {
	h.Helper()
	h.hears(updates, readers)
	h.quiet()
}

// hears waits until the readers have taken so many Updates of the profile.
func (h *house) hears(updates int, readers map[string]keyPeer) {
	h.Helper()
	for name, r := range readers {
		err := r.WaitFor(h.ctx, func() bool { return len(signedWith(r, "Update")) >= updates })
		require.NoError(h, err, "%s: %v", name, r.Received())
	}
}

// quiet waits until nothing is on its way.
func (h *house) quiet() {
	h.Helper()
	require.Eventually(h, func() bool {
		pending, err := h.store.Deliveries(h.ctx, store.DeliveryQuery{State: store.Pending})
		return err == nil && len(pending) == 0
	}, 20*time.Second, 10*time.Millisecond)
}

// isRefused waits until a reader's server has answered 401 to a type of activity.
func (h *house) isRefused(r keyPeer, kind, why string) {
	h.Helper()
	require.NoError(h, r.WaitFor(h.ctx, func() bool {
		return slices.ContainsFunc(r.Received(), func(got actortest.Received) bool {
			return got.Type == kind && got.Verdict.Status == http.StatusUnauthorized
		})
	}), why)
}

// signedWith are the ids of keys with which a type of activity was signed that the server took.
func signedWith(r keyPeer, kind string) []string {
	var keys []string
	for _, got := range r.Received() {
		if got.Type == kind && got.Verdict.OK() {
			keys = append(keys, fragment(got.Verdict.Signature.KeyID))
		}
	}
	return keys
}

func fragment(id string) string {
	for i := range id {
		if id[i] == '#' {
			return id[i:]
		}
	}
	return id
}

func (h *house) document() string { h.Helper(); return body(h.ctx, h.T, h.actor().ID) }

func (h *house) actor() store.Actor {
	h.Helper()
	all, err := h.store.Actors(h.ctx)
	require.NoError(h, err)
	require.Len(h, all, 1)
	return all[0]
}

func (h *house) journal(kind string) []store.Entry {
	h.Helper()
	entries, err := h.store.Journal(h.ctx, store.JournalQuery{Kind: kind})
	require.NoError(h, err)
	return entries
}

// every manner that a peer has about keys and signatures.
func (h *house) everyKindOfReader() map[string]keyPeer {
	return map[string]keyPeer{
		"keeps keys, cavage":      h.followedBy(actortest.Options{KeepKeys: true, Signatures: actortest.CavageAlone}),
		"keeps keys, RFC 9421":    h.followedBy(actortest.Options{KeepKeys: true, Signatures: actortest.RFC9421Alone}),
		"fetches again, cavage":   h.followedBy(actortest.Options{Signatures: actortest.CavageAlone}),
		"fetches again, RFC 9421": h.followedBy(actortest.Options{Signatures: actortest.RFC9421Alone}),
		"GoToSocial":              h.followedBy(actortest.Options{Dialect: actortest.GoToSocial}),
		"Misskey":                 h.followedBy(actortest.Options{Dialect: actortest.Misskey}),
		"Pixelfed":                h.followedBy(actortest.Options{Dialect: actortest.Pixelfed}),
	}
}

// keys are the keys of the site and what they are for. All are allowed.
func (h *house) keys(site *panui.Site) (all []string) {
	listing, err := site.Keys(h.ctx)
	require.NoError(h, err)
	for _, key := range listing {
		_, id, _ := strings.Cut(key.KeyID, "#")
		all = append(all, "#"+id+" "+key.Use)
		assert.Equal(h, "allowed", key.Verdict)
	}
	return all
}
