package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

var screenshots = flag.String("screenshots", "", "keep the pictures of TestInABrowser in this `folder`")

// TestInABrowser uses every page in Chromium: it updates by itself, axe-core finds
// nothing wrong with it in light, dark and on a small screen, and nothing breaks.
func TestInABrowser(t *testing.T) {
	node := testenv.Command(t, "node", "node")
	chromium := testenv.Command(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	if _, err := os.Stat("browser/node_modules"); err != nil {
		testenv.Missing(t, "node", "run npm ci in examples/newsroom/browser")
	}
	pictures := t.TempDir()
	if *screenshots != "" {
		var err error
		pictures, err = filepath.Abs(*screenshots)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(pictures, 0o755))
	}
	p := start(t)
	told, err := json.Marshal(map[string]string{"website": p.website, "reader": p.reader, "chromium": chromium, "pictures": pictures})
	require.NoError(t, err)
	browser := exec.CommandContext(t.Context(), node, "visit.mjs", string(told))
	browser.Dir, browser.Stderr = "browser", t.Output()
	lines, err := browser.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, browser.Start())

	done := false
	for seen := bufio.NewScanner(lines); seen.Scan(); {
		var page struct {
			Page               string
			TooWide, Done      bool
			Broken, Violations []string
		}
		require.NoError(t, json.Unmarshal(seen.Bytes(), &page), seen.Text())
		assert.Empty(t, page.Violations, "%s: what axe-core found", page.Page)
		assert.Empty(t, page.Broken, "%s: what broke", page.Page)
		assert.False(t, page.TooWide, "%s: scrolls sideways", page.Page)
		done = done || page.Done
	}
	assert.NoError(t, browser.Wait())
	assert.True(t, done, "the visit ended early")
}
