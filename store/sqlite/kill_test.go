package sqlite

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// victim names the database that a copy of this test, run as its own process,
// writes to until it is killed.
const victim = "PANUI_TEST_VICTIM"

func TestWhatApplyReturnedFromSurvivesAKill(t *testing.T) {
	if path := os.Getenv(victim); path != "" {
		writeForever(t, path)
	}
	path := filepath.Join(t.TempDir(), "panui.db")
	acknowledged := 0
	for life := range 3 {
		acknowledged = max(acknowledged, writeAndDie(t, path, acknowledged+20+7*life))
		s := opened(t, path)
		entries, err := s.Journal(ctx, store.JournalQuery{Limit: 10_000})
		require.NoError(t, err)
		received, err := s.Received(ctx, store.ReceivedQuery{Limit: 10_000})
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(entries), acknowledged)
		assert.Len(t, received, len(entries), "the journal line commits with what it records")
		require.NoError(t, s.Close())
		acknowledged = len(entries)
	}
	stmt, _, err := raw(t, path, ``).Prepare(`PRAGMA integrity_check`)
	require.NoError(t, err)
	defer stmt.Close()
	require.True(t, stmt.Step())
	assert.Equal(t, "ok", stmt.ColumnText(0))
}

// writeForever says, after each Apply, how many entries there are for certain.
func writeForever(t *testing.T, path string) {
	s := opened(t, path)
	entries, err := s.Journal(ctx, store.JournalQuery{Limit: 10_000})
	require.NoError(t, err)
	for n := len(entries) + 1; n < 10_000; n++ {
		require.NoError(t, s.Apply(ctx, hears(fmt.Sprint(n), 3000), store.Record{Entry: store.Entry{Kind: "reply"}}))
		fmt.Println("acknowledged", n)
	}
}

// writeAndDie kills a writer once it has acknowledged so many entries, and
// returns the last number that it gave.
func writeAndDie(t *testing.T, path string, enough int) (last int) {
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), victim+"="+path)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	for last < enough && lines.Scan() {
		fmt.Sscanf(lines.Text(), "acknowledged %d", &last)
	}
	require.NoError(t, child.Process.Kill())
	for lines.Scan() {
		fmt.Sscanf(lines.Text(), "acknowledged %d", &last)
	}
	require.Error(t, child.Wait(), "it was killed")
	require.GreaterOrEqual(t, last, enough)
	return last
}
