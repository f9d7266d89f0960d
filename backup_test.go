package panui_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/sqlite"
)

// What docs/deploy.md says about backups and docs/privacy.md about the -wal file.
func TestABackupHoldsWhatStandsAndNothingErased(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "panui.db"), filepath.Join(dir, "backup.db")
	db, err := sqlite.Open(t.Context(), path)
	require.NoError(t, err)
	defer func() { assert.NoError(t, db.Close()) }()
	at := time.Now()
	hears := func(id, words string) store.Op {
		return store.Receive{Received: store.Received{ID: id, From: "them", Actor: "us", State: store.Held, Body: []byte(words), At: at}}
	}
	require.NoError(t, db.Apply(t.Context(), hears("1", "words that stay"), hears("2", "words taken back")))
	require.NoError(t, db.Apply(t.Context(), store.Retract{ID: "2", From: "them", At: at}))

	// Another process, while the website has the file open.
	other, err := sqlite3.Open(path)
	require.NoError(t, err)
	require.NoError(t, other.Exec("VACUUM INTO '"+backup+"'"))
	copied, err := os.ReadFile(backup)
	require.NoError(t, err)
	assert.Contains(t, string(copied), "words that stay")
	assert.NotContains(t, string(copied), "words taken back")

	wal := func() string {
		text, err := os.ReadFile(path + "-wal")
		require.NoError(t, err)
		return string(text)
	}
	assert.Contains(t, wal(), "words taken back", "until the file is emptied")
	require.NoError(t, other.Exec("PRAGMA wal_checkpoint(TRUNCATE)"))
	assert.NotContains(t, wal(), "words taken back")
	require.NoError(t, other.Close())

	restored, err := sqlite.Open(t.Context(), backup)
	require.NoError(t, err)
	defer func() { assert.NoError(t, restored.Close()) }()
	rows, err := restored.Received(t.Context(), store.ReceivedQuery{})
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, "words that stay", string(rows[1].Body))
}
