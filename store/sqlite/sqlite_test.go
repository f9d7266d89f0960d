package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/storetest"
)

var backend = storetest.Backend{
	Create: func(tb testing.TB) func() (storetest.Store, error) {
		path := filepath.Join(tb.TempDir(), "panui.db")
		return func() (storetest.Store, error) { return Open(context.Background(), path) }
	},
}

func TestStore(t *testing.T) { storetest.Run(t, backend) }

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, backend) }

var ctx = context.Background()

func opened(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(ctx, path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// hears is a reply of so many bytes.
func hears(id string, size int) store.Receive {
	return store.Receive{Received: store.Received{ID: id, Actor: "us", From: "them", Type: "Create", State: store.Held, Body: make([]byte, size)}}
}

func TestOnlyItsOwnerReadsANewDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a name with ? # and %20.db")
	s := opened(t, path)
	require.NoError(t, s.Apply(ctx, store.Record{}))
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, "-rw-------", info.Mode().String(), file)
	}
}

func TestTheModeOfADatabaseThatExistsIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	require.NoError(t, os.WriteFile(path, nil, 0o640))
	require.NoError(t, os.Chmod(path, 0o640))
	s := opened(t, path)
	require.NoError(t, s.Apply(ctx, store.Record{}))
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, "-rw-r-----", info.Mode().String(), file)
	}
}

func TestWhatCannotBeOpenedIsAnError(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("this is no database, though it is long enough to be one"), 0o600))
	for _, path := range []string{"", ":memory:", dir, filepath.Join(dir, "no", "folder"), text} {
		_, err := Open(ctx, path)
		assert.ErrorContains(t, err, "sqlite: open", path)
	}
}

func TestADatabaseOfANewerVersionIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	require.NoError(t, opened(t, path).Close())
	raw(t, path, `INSERT INTO migration VALUES (999, 'future')`)
	_, err := Open(ctx, path)
	assert.ErrorContains(t, err, "made by a newer one")
}

func TestADatabaseOfAnEarlierVersionKeepsWhatItHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	first, err := migrations.ReadFile("migrations/0001_start.sql")
	require.NoError(t, err)
	raw(t, path, `CREATE TABLE migration (version INTEGER PRIMARY KEY, file TEXT NOT NULL);
		INSERT INTO migration VALUES (1, '0001_start.sql');`+string(first)+`;
		INSERT INTO actor VALUES ('us', 'https://www.agency.govt.nz', 'news@agency.govt.nz', 'one', 0, -62135596800000);
		INSERT INTO follower (actor, id, inbox, shared_inbox, host, follow, state, since, gone)
			VALUES ('us', 'https://them.example/users/mia', 'https://them.example/inbox', '', 'them.example', 'f', 'accepted', 0, -62135596800000)`)
	s := opened(t, path)
	pinned, err := s.Actor(ctx, "us")
	require.NoError(t, err)
	assert.Equal(t, store.Actor{
		ID: "us", BaseURL: "https://www.agency.govt.nz", Handle: "news@agency.govt.nz", Fingerprint: "one", Since: time.Unix(0, 0).UTC(),
	}, pinned, "with a key that was never replaced")
	require.NoError(t, s.Apply(ctx, store.RepinKey{Actor: "us", From: "one", To: "two", At: time.Unix(1, 0)}))
	require.NoError(t, s.Apply(ctx, store.PutBlocks{Blocks: []store.Block{{Subject: "them.example"}}}))
	followers, err := s.CountFollowers(ctx, "us")
	require.NoError(t, err)
	assert.Zero(t, followers, "and its followers can be blocked")
	require.NoError(t, s.Close())
	pinned, err = opened(t, path).Actor(ctx, "us")
	require.NoError(t, err)
	assert.Equal(t, 1, pinned.Rotations)
}

// raw runs SQL on a connection of its own.
func raw(t *testing.T, path, query string) *sqlite3.Conn {
	t.Helper()
	c, err := sqlite3.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.Exec(query))
	return c
}

func TestEveryConnectionIsDurableAndOverwritesWhatItDeletes(t *testing.T) {
	c := raw(t, filepath.Join(t.TempDir(), "panui.db"), ``)
	require.NoError(t, configure(c))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1"} {
		stmt, _, err := c.Prepare("PRAGMA " + pragma)
		require.NoError(t, err)
		require.True(t, stmt.Step())
		assert.Equal(t, want, stmt.ColumnText(0), pragma)
		require.NoError(t, stmt.Close())
	}
}

func TestALockedDatabaseIsAnErrorAndRecovers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	impatient := func(c *sqlite3.Conn) error {
		if err := configure(c); err != nil {
			return err
		}
		return c.BusyTimeout(20 * time.Millisecond)
	}
	shared, err := open(ctx, path, impatient)
	require.NoError(t, err)
	defer shared.Close()
	require.NoError(t, shared.Apply(ctx, hears("1", 1)))

	other := raw(t, path, `BEGIN IMMEDIATE`)
	assert.ErrorIs(t, shared.Apply(ctx, hears("2", 1)), sqlite3.BUSY)
	_, err = shared.Claim(ctx, store.Claim{Actors: []string{"us"}})
	assert.ErrorIs(t, err, sqlite3.BUSY)
	got, err := shared.Received(ctx, store.ReceivedQuery{})
	require.NoError(t, err, "reading goes on")
	assert.Len(t, got, 1)

	require.NoError(t, other.Exec(`ROLLBACK`))
	require.NoError(t, shared.Apply(ctx, hears("2", 1)))
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	s := opened(t, path)
	other := raw(t, path, `BEGIN IMMEDIATE`)
	soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, s.Apply(soon, hears("1", 1)), context.DeadlineExceeded)
	require.NoError(t, other.Exec(`ROLLBACK`))
	require.NoError(t, s.Apply(ctx, hears("1", 1)))
}

func TestAFullDiskIsAnErrorThatLeavesNothingAndRecovers(t *testing.T) {
	small := func(c *sqlite3.Conn) error {
		if err := configure(c); err != nil {
			return err
		}
		return c.Exec(`PRAGMA max_page_count = 150`)
	}
	s, err := open(ctx, filepath.Join(t.TempDir(), "panui.db"), small)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Apply(ctx, hears("first", 100<<10)))
	before, err := s.Received(ctx, store.ReceivedQuery{})
	require.NoError(t, err)

	for range 3 {
		err = s.Apply(ctx, store.Record{Entry: store.Entry{Kind: "lost"}}, hears("a", 100<<10), hears("b", 1<<20))
		require.ErrorIs(t, err, sqlite3.FULL)
	}
	after, err := s.Received(ctx, store.ReceivedQuery{})
	require.NoError(t, err)
	assert.Equal(t, before, after)
	entries, err := s.Journal(ctx, store.JournalQuery{})
	require.NoError(t, err)
	assert.Empty(t, entries)

	require.NoError(t, s.Apply(ctx, store.Retract{ID: "first", From: "them"}, hears("a", 100<<10)), "there is room again")
}

func TestWhatIsErasedIsNotInTheFileAfterwards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	s := opened(t, path)
	reply := hears("https://them.example/secret-reply", 0)
	reply.Received.From, reply.Received.Body = "https://them.example/secret-person", []byte("secret-words")
	follower := store.Follower{Actor: "us", ID: "https://them.example/secret-person", Inbox: "https://them.example/secret-inbox",
		Follow: "https://them.example/secret-follow", State: store.Accepted}
	accept := store.Activity{ID: "accept", Actor: "us", Object: follower.Follow, Body: []byte("secret-accept")}
	require.NoError(t, s.Apply(ctx, reply, store.PutFollower{Follower: follower}, store.Send{Activity: accept, Inbox: follower.Inbox}))
	require.NoError(t, s.Apply(ctx, store.Retract{ID: reply.Received.ID, From: reply.Received.From},
		store.RemoveFollower{Actor: "us", ID: follower.ID}))
	require.NoError(t, s.Close())

	file, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(file), "secret-reply", "that something was said there is remembered")
	for _, secret := range []string{"secret-words", "secret-inbox", "secret-follow", "secret-accept"} {
		assert.NotContains(t, string(file), secret)
	}
}
