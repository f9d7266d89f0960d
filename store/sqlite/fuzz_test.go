package sqlite

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// Whatever stands in a row of the queue, what is claimed is what was sent.
func FuzzQueueRow(f *testing.F) {
	f.Add("https://peer.example/inbox", "Accept", "o", []byte("{}"), int64(1_800_000_000_000), 1)
	f.Add("'; DROP TABLE deliveries; --", "\x00", "\xff\xfe", []byte{0}, int64(-1), -7)
	s, err := Open(ctx, filepath.Join(f.TempDir(), "panui.db"))
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, s.Close()) })
	require.NoError(f, s.Apply(ctx, store.PinActor{Actor: store.Actor{ID: "us", Handle: "news@our.test"}}))
	serial := 0
	f.Fuzz(func(t *testing.T, inbox, kind, object string, body []byte, ms int64, lane int) {
		serial++
		due := time.UnixMilli(ms % (1 << 42)).UTC()
		said := store.Activity{ID: strconv.Itoa(serial), Actor: "us", Type: kind, Object: strconv.Itoa(serial) + object, Body: body, At: due}
		require.NoError(t, s.Apply(ctx, store.Send{Activity: said, Inbox: inbox, Lane: store.Lane(lane), Due: due}))
		claimed, err := s.Claim(ctx, store.Claim{Actors: []string{"us"}, Now: due, Lease: time.Hour})
		require.NoError(t, err)
		require.Len(t, claimed, 1)
		got := claimed[0]
		assert.Equal(t, []string{said.ID, kind, said.Object, inbox}, []string{got.Activity, got.Type, got.Object, got.Inbox})
		assert.Equal(t, due, got.Due)
		assert.Equal(t, store.Lane(lane), got.Lane)
		if len(body) == 0 {
			body = nil
		}
		assert.Equal(t, body, got.Body)
		require.NoError(t, s.Apply(ctx, store.Settle{Delivery: got.ID, Fence: got.Fence, State: store.Delivered, At: due}))
	})
}
