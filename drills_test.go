package panui_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// While the site runs it asks each day for the drill that nobody has done, and
// after it no more.
func TestASiteThatRunsAsksForDrills(t *testing.T) {
	key := siteKey()
	synctest.Test(t, func(t *testing.T) {
		s, said := memory.New(), &lines{}
		began := time.Now()
		clock := func() time.Time { return start.Add(time.Since(began)) }
		site, err := panui.New(panui.Config{
			BaseURL: "https://www.agency.govt.nz", Store: s, Keys: signing.Fediverse(), Now: clock, Log: slog.New(slog.NewTextHandler(said, nil)),
			Actors: []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Te Manatū Tauira", Key: key}},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- site.Run(ctx) }()
		asked := func() int {
			synctest.Wait()
			return strings.Count(said.String(), `level=WARN msg="outbox: drill due"`)
		}
		drill := func() store.Actor {
			all, err := s.Actors(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 1)
			d := custody.Drill{Actor: all[0].ID, Fingerprint: all[0].Fingerprint, By: "Hine Rāwiri", At: clock()}
			require.NoError(t, d.Remember(t.Context(), s))
			return all[0]
		}
		assert.Equal(t, 1, asked(), "at the start")
		time.Sleep(24 * time.Hour)
		assert.Equal(t, 2, asked(), "a day later")
		news := drill()
		assert.Contains(t, said.String(), "actor="+news.ID+" key="+news.Fingerprint)
		time.Sleep(24 * time.Hour)
		assert.Equal(t, 2, asked(), "not once it is drilled")
		listing, err := site.Keys(t.Context())
		require.NoError(t, err)
		require.Len(t, listing, 1)
		assert.Equal(t, start.Add(24*time.Hour), listing[0].Drilled)
		assert.Empty(t, listing[0].DrillDue)
		cancel()
		assert.NoError(t, <-ended)
	})
}
