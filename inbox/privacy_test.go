package inbox

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/sqlite"
)

// Of who followed and left, in whatever way, nothing is in the database
// afterwards: not in a row, not in a page that is free, not in the log of writes.
func TestNothingStaysOfWhoFollowed(t *testing.T) {
	again := strings.Replace(aliceFollows, "follows/1", "follows/2", 1)
	refused := func(w *world) {
		m := Moderator{URLs: w.URLs, Store: w.Store, Now: w.Handler.Now}
		require.NoError(t, m.RefuseFollower(t.Context(), ids["news"], ids["alice"], "Hana"))
	}
	for name, leaves := range map[string]func(*world){
		"by Undo":                     func(w *world) { w.deliver(undo(`"{alice}/follows/1"`)) },
		"by Undo, after a new Follow": func(w *world) { w.deliver(again); w.deliver(undo(`"{alice}/follows/2"`)) },
		"by Delete":                   func(w *world) { w.deliver(aliceClosesAccount) },
		"refused, answer lost":        refused,
		"gone": func(w *world) {
			w.must(store.Gone{Inbox: ids["alice"] + "/inbox", At: start, Before: start}, store.Gone{Inbox: ids["alice"] + "/inbox", At: start, Before: start.Add(1e9)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, path := newWorld(t), filepath.Join(t.TempDir(), "panui.db")
			db, err := sqlite.Open(context.Background(), path)
			require.NoError(t, err)
			w.Store, w.spy.Store = db, db
			w.must(store.PinActor{Actor: store.Actor{ID: ids["news"]}})
			require.Equal(t, 202, w.deliver(aliceFollows))
			require.Contains(t, everyByte(t, path), "alice")
			leaves(w)
			w.giveUp()
			require.Empty(t, w.followers())
			require.NoError(t, db.Close())
			assert.NotContains(t, everyByte(t, path), "alice")
		})
	}
}

// giveUp fails whatever is in the queue.
func (w *world) giveUp() {
	w.Helper()
	claimed, err := w.Store.Claim(context.Background(), store.Claim{Actors: []string{ids["news"]}, Now: w.now, Lease: 1e9})
	require.NoError(w, err)
	for _, d := range claimed {
		w.must(store.Settle{Delivery: d.ID, Fence: d.Fence, State: store.Failed, Status: 500, At: w.now})
	}
}

// everyByte reads the database with the files beside it.
func everyByte(t *testing.T, path string) string {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
