package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

func TestAResultTakesThePlaceOfTheOneBefore(t *testing.T) {
	page := filepath.Join(t.TempDir(), "evidence.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+begin+"of another day"+end+"\nafter\n"), 0o600))
	guard, scan := areas[0].file, areas[1].file
	of := map[string]string{guard: "aaaa", scan: "bbbb"}
	about := func(file string, outcomes ...outcome) *report {
		r := &report{every: 1, unreached: []block{{guard, 7}}}
		for _, o := range outcomes {
			r.add(try{mutant: mutant{file: file, fn: "F", was: "a | b", is: "a"}}, o)
		}
		return r
	}
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	require.NoError(t, keep(page, about(guard, killed, survived).results(noon, of)))
	require.NoError(t, keep(page, about(scan, killed, killed, survived, unbuilt).results(noon, of)))

	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), "before\n"+begin))
	assert.True(t, strings.HasSuffix(string(text), end+"\nafter\n"))
	assert.NotContains(t, string(text), "of another day")
	assert.Regexp(t, `(?m)^\| `+scan+` \| 3 \| 2 \| 0 \| 1 \| 66.7 % \| 0 \| 2026-11-26 go\S+ \| bbbb \|$`, string(text))
	assert.Regexp(t, `(?m)^\| `+guard+` \| 2 \| 1 \| 0 \| 1 \| 50.0 % \| 1 \| 2026-11-26 go\S+ \| aaaa \|$`, string(text), "what was known before is kept")
	assert.Regexp(t, `(?m)^\| all \| 5 \| 3 \| 0 \| 2 \| 60.0 % \| 1 \|`, string(text))
	assert.Equal(t, 2, strings.Count(string(text), survivorsOf))

	files, err := stale(page, of)
	require.NoError(t, err)
	assert.Empty(t, files)
	files, err = stale(page, map[string]string{guard: "aaaa", scan: "cccc", "x.go": "dddd"})
	require.NoError(t, err)
	assert.Equal(t, []string{scan, "x.go"}, files)

	require.NoError(t, keep(page, about(guard, killed).results(noon, of)))
	text, err = os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(text), survivorsOf), "whoever is killed now is listed no more")

	require.NoError(t, os.WriteFile(page, []byte("no marks"), 0o600))
	assert.Error(t, keep(page, nil))
	_, err = stale(page, of)
	assert.Error(t, err)
}

// The state changes with what can be tried, and with nothing else.
func TestTheStateOfAFile(t *testing.T) {
	of := func(text string) string {
		found, err := find(area{file: "x.go"}, text)
		require.NoError(t, err)
		return state(found)
	}
	one := of("package x\nfunc F(a bool) bool { return a }\n")
	assert.Equal(t, one, of("package x\n\n// F is a.\nfunc F(a bool) bool { return a }\n"))
	assert.NotEqual(t, one, of("package x\nfunc F(a bool) bool { return !a }\n"))
}

// docs/security/evidence.md is about these files as they are.
func TestTheEvidenceIsOfToday(t *testing.T) {
	root := testenv.Root(t)
	of, err := states(root)
	require.NoError(t, err)
	files, err := stale(filepath.Join(root, evidence), of)
	require.NoError(t, err)
	for _, file := range files {
		t.Errorf("%s says nothing about %s as it is; run: go run ./internal/mutants -write -only %s", evidence, file, file)
	}
}
