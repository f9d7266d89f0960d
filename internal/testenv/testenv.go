// Package testenv finds what some tests need beyond Go: the shared test data
// beside the project, PostgreSQL, Node, Chromium. Where something is missing the
// test is skipped with the reason, or fails when PANUI_TEST_REQUIRE, a
// comma-separated list of needs, names it.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Missing ends the test: skipped, or failed when the need is required.
func Missing(tb testing.TB, need, reason string) {
	tb.Helper()
	if slices.Contains(strings.Split(os.Getenv("PANUI_TEST_REQUIRE"), ","), need) {
		tb.Fatalf("%s is required (PANUI_TEST_REQUIRE): %s", need, reason)
	}
	tb.Skipf("needs %s: %s", need, reason)
}

// Root returns the folder of the module.
func Root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// Shared returns the path of shared test data, which lies in a folder called
// shared beside the module and is never copied into it.
func Shared(tb testing.TB, path string) string {
	tb.Helper()
	found := filepath.Join(Root(tb), "..", "shared", filepath.FromSlash(path))
	if _, err := os.Stat(found); err != nil {
		Missing(tb, "shared", found+" is not there")
	}
	return found
}

// Command returns the path of a program, for a need such as "node" or "chromium".
func Command(tb testing.TB, need string, names ...string) string {
	tb.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(tb, need, "none of "+strings.Join(names, ", ")+" is installed")
	return ""
}
