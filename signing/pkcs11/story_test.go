//go:build cgo

package pkcs11_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/memory"
)

// A ministry whose key never leaves the token is followed, publishes, loses the
// token's sessions and publishes again. Mastodon verifies all of it.
func TestAMinistryPublishesWithAKeyInAToken(t *testing.T) {
	h := newHSM(t)
	private, err := h.open(t).Generate("news", []byte("1"), signing.NZISM())
	require.NoError(t, err)
	key, err := signing.New(private)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	front := httptest.NewUnstartedServer(nil)
	handle := "news@" + front.Listener.Addr().String()
	site, err := panui.New(panui.Config{
		BaseURL: "http://" + front.Listener.Addr().String(), Store: memory.New(), InsecureLoopback: true, Log: slog.New(slog.DiscardHandler),
		Actors: []actor.Profile{{Handle: handle, Name: "Te Manatū Tauira", Key: key, Languages: []string{"en-NZ"}}},
	})
	require.NoError(t, err)
	front.Config.Handler = site.Handler(http.NotFoundHandler())
	front.Start()
	defer front.Close()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Run(running) }()
	defer func() {
		stop()
		assert.NoError(t, <-done)
	}()

	peer, err := actortest.Start(actortest.Options{})
	require.NoError(t, err)
	defer peer.Close()
	aroha := peer.Actor("aroha")
	_, err = aroha.Follow(ctx, handle)
	require.NoError(t, err)
	require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
	for i, item := range []string{"2026/17", "2026/18"} {
		_, err = site.Publish(ctx, outbox.Item{
			Key: item, URL: "https://www.agency.govt.nz/news/" + item, Title: "Roads " + item, HTML: "<p>Open.</p>", Language: "en-NZ",
		})
		require.NoError(t, err)
		require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == i+1 }))
		hand := h.hand(t)
		require.NoError(t, hand.CloseAllSessions(hand.slot))
	}
	for _, r := range peer.Received() {
		assert.True(t, r.Verdict.OK(), r.String())
		assert.Equal(t, "rsa-sha256", r.Verdict.Signature.Algorithm)
	}
}
