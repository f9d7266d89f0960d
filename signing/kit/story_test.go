package kit_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	"github.com/panui/panui/signing/kit"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/sqlite"
)

// The key file is deleted. What is restored from the kit is believed by a peer
// that has kept the old key for ever; a site with a new key would not even start.
func TestAPeerThatKeepsKeysForEverBelievesTheRestoredKey(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	path := filepath.Join(dir, "panui.pem")
	db, err := sqlite.Open(ctx, filepath.Join(dir, "panui.db"))
	require.NoError(t, err)
	defer db.Close()
	front := open(t)
	peer, err := actortest.Start(actortest.Options{Dialect: actortest.GoToSocial, KeepKeys: true})
	require.NoError(t, err)
	defer peer.Close()
	aroha := peer.Actor("aroha")

	site, stop := start(ctx, t, front, db, path)
	_, err = aroha.Follow(ctx, front.handle())
	require.NoError(t, err)
	require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
	publish(ctx, t, site, "2026/17")
	require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))
	pinned, err := db.Actors(ctx)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = kit.MakeFile(&file, path, kit.Label{
		Handle: pinned[0].Handle, Actor: pinned[0].ID, Fingerprint: pinned[0].Fingerprint, Officers: officers(),
	})
	require.NoError(t, err)
	stop()

	require.NoError(t, os.Remove(path))
	replaced, err := newSite(front, db, filepath.Join(dir, "new.pem"))
	require.NoError(t, err)
	assert.ErrorIs(t, replaced.Run(ctx), store.ErrConflict, "another key cannot speak as the ministry")

	opened, err := kit.Open(&file, tama())
	require.NoError(t, err)
	require.NoError(t, opened.Restore(path))
	site, stop = start(ctx, t, front, db, path)
	defer stop()
	publish(ctx, t, site, "2026/18")
	require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 2 }))
	assert.True(t, aroha.Timeline()[0].Arrived.Verdict.OK(), aroha.Timeline()[0].Arrived.String())
}

// address is where the website is found, whichever process runs it.
type address struct {
	server *httptest.Server
	site   atomic.Pointer[panui.Site]
}

func open(t *testing.T) *address {
	a := &address{}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.site.Load().Handler(nil).ServeHTTP(w, r)
	}))
	t.Cleanup(a.server.Close)
	return a
}

func (a *address) handle() string { return "news@" + a.server.Listener.Addr().String() }

func newSite(front *address, db store.Store, path string) (*panui.Site, error) {
	key, err := signing.File(path)
	if err != nil {
		return nil, err
	}
	return panui.New(panui.Config{
		BaseURL: front.server.URL, Store: db, InsecureLoopback: true, Log: slog.New(slog.DiscardHandler),
		Actors: []actor.Profile{{Handle: front.handle(), Name: "Te Manatū Tauira", Key: key, Languages: []string{"en-NZ"}}},
	})
}

// start runs the site with the key at path until stop.
func start(ctx context.Context, t *testing.T, front *address, db store.Store, path string) (site *panui.Site, stop func()) {
	t.Helper()
	site, err := newSite(front, db, path)
	require.NoError(t, err)
	front.site.Store(site)
	running, end := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Run(running) }()
	return site, func() {
		end()
		assert.NoError(t, <-done)
	}
}

func publish(ctx context.Context, t *testing.T, site *panui.Site, key string) {
	t.Helper()
	_, err := site.Publish(ctx, outbox.Item{
		Key: key, URL: "https://www.agency.govt.nz/news/" + key, Title: "Roads " + key, HTML: "<p>Open.</p>", Language: "en-NZ",
	})
	require.NoError(t, err)
}
