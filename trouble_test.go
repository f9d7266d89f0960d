package panui_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/sqlite"
)

// A database that cannot be written to costs the agency nothing but what would have been written: peers are
// asked to come again, Publish says so, and every page goes on.
func TestWhenTheDatabaseCannotBeWritten(t *testing.T) {
	troubles := map[string]func(t *testing.T) (dir string, begin, end func()){
		"another process holds the lock": func(t *testing.T) (string, func(), func()) {
			dir := t.TempDir()
			var other *sqlite3.Conn
			begin := func() {
				var err error
				other, err = sqlite3.Open(filepath.Join(dir, "panui.db"))
				require.NoError(t, err)
				require.NoError(t, other.BusyTimeout(time.Minute)) // the site may be writing
				require.NoError(t, other.Exec("BEGIN IMMEDIATE"))
			}
			end := func() { require.NoError(t, other.Close()) }
			return dir, begin, end
		},
		"the disk is full": func(t *testing.T) (string, func(), func()) {
			dir := smallDisk(t)
			filler := filepath.Join(dir, "filler")
			begin := func() { fill(t, filler) }
			end := func() { require.NoError(t, os.Remove(filler)) }
			return dir, begin, end
		},
	}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			ctx := within(t)
			dir, begin, end := trouble(t)
			db, err := sqlite.Open(ctx, filepath.Join(dir, "panui.db"))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
			ministry := open(t, db)
			server, err := actortest.Start(actortest.Options{})
			require.NoError(t, err)
			defer server.Close()
			aroha := server.Actor("aroha")
			_, err = aroha.Follow(ctx, ministry.handle)
			require.NoError(t, err)
			require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
			item := outbox.Item{Key: "1", URL: ministry.url + "/1", Title: "Before", Language: "en-NZ"}
			before, err := ministry.Publish(ctx, item)
			require.NoError(t, err)
			require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))

			begin()
			reply, err := aroha.Reply(ctx, before.ID, "<p>Kia ora</p>")
			require.NoError(t, err)
			assert.Equal(t, http.StatusServiceUnavailable, reply.Status)
			assert.NotEmpty(t, reply.Header.Get("Retry-After"))
			_, err = ministry.Publish(ctx, outbox.Item{Key: "2", URL: ministry.url + "/2", Title: "During", Language: "en-NZ"})
			assert.Error(t, err)
			assert.Equal(t, "the website", body(ctx, t, ministry.url+"/news"))
			assert.Contains(t, body(ctx, t, before.ID), "Before")
			end()

			// What was refused can be said again, and was not half said before.
			again, err := aroha.Send(ctx, reply.Inbox, reply.JSON, actortest.Forge{})
			require.NoError(t, err)
			assert.Equal(t, http.StatusAccepted, again.Status)
			held, _, err := ministry.Moderator().Received(ctx, store.Held, inbox.Page{})
			require.NoError(t, err)
			assert.Len(t, held, 1)
			_, err = ministry.Publish(ctx, outbox.Item{Key: "2", URL: ministry.url + "/2", Title: "After", Language: "en-NZ"})
			require.NoError(t, err)
			require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 2 }))
		})
	}
}

// smallDisk mounts a file system of two megabytes, for which the test must run as root on Linux.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		testenv.Missing(t, "mount", "cannot mount a small disk: "+err.Error())
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill writes to a file until the disk has no room for one byte more.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
	}
}

func body(ctx context.Context, t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(b)
}
