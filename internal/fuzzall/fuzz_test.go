package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShare(t *testing.T) {
	for _, c := range []struct {
		left        time.Duration
		early, late int
		jobs        int
		long, short time.Duration
	}{
		{10 * time.Minute, 2, 2, 2, time.Minute, time.Minute},       // there is time for all that is asked
		{8 * time.Minute, 32, 0, 2, 30 * time.Second, 0},            // two at once, sixteen after each other
		{8 * time.Minute, 31, 0, 2, 30 * time.Second, 0},            // the last one alone
		{10 * time.Minute, 18, 23, 2, time.Minute, 5 * time.Second}, // a minute for twelve rounds
		{time.Minute, 2, 2, 1, 30 * time.Second, time.Second},       // nothing is left
		{-time.Minute, 3, 3, 2, time.Second, time.Second},           // building took it all, and every target is still run
		{time.Minute, 0, 8, 2, 0, 15 * time.Second},                 // none comes first
		{2 * time.Minute, 1, 1, 2, time.Minute, time.Minute},        // each
		{time.Second * 10, 0, 3, 1, 0, 3300 * time.Millisecond},     // a tenth of a second
	} {
		var targets []target
		for range c.late {
			targets = append(targets, target{name: "FuzzLate"})
		}
		for range c.early {
			targets = append(targets, target{name: "FuzzEarly"})
		}
		p := plan{left: c.left, each: time.Minute, jobs: c.jobs}
		shared := p.share(targets, func(name string) bool { return name == "FuzzEarly" })
		require.Len(t, shared, c.early+c.late)
		for i, one := range shared {
			if i < c.early {
				assert.Equal(t, target{name: "FuzzEarly", long: c.long}, one, "%+v", c)
			} else {
				assert.Equal(t, target{name: "FuzzLate", long: c.short}, one, "%+v", c)
			}
		}
	}
}

// A module with two targets: one holds, and one breaks at the first input that is not empty.
func TestABrokenTargetIsKeptAndFails(t *testing.T) {
	if testing.Short() {
		t.Skip("builds with the instrumentation of fuzzing")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.test/fuzzed\n\ngo 1.26\n",
		"a.go":   "package fuzzed\n",
		"a_test.go": `package fuzzed

import "testing"

func FuzzHolds(f *testing.F) { f.Fuzz(func(*testing.T, string) {}) }

func FuzzBreaks(f *testing.F) {
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if s != "" {
			t.Error("broken by", s)
		}
	})
}
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	var said bytes.Buffer
	f := fuzzer{dir: dir, total: 3 * time.Second, each: time.Second, first: regexp.MustCompile(""), jobs: 2, out: &said}
	err := f.run(t.Context())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "broken by")
	assert.NotContains(t, err.Error(), "FuzzHolds", "what holds does not fail")
	assert.Regexp(t, `FuzzHolds +1s +[1-9]\d* execs`, said.String())

	kept, globErr := filepath.Glob(filepath.Join(dir, "testdata/fuzz/FuzzBreaks/*"))
	require.NoError(t, globErr)
	require.Len(t, kept, 1, "where go test finds it")
	again := "FuzzBreaks/" + filepath.Base(kept[0])
	assert.Contains(t, err.Error(), "go test -run '"+again+"' example.test/fuzzed")
	command := exec.Command("go", "test", "-run", again, ".")
	command.Dir = dir
	out, runErr := command.CombinedOutput()
	assert.Error(t, runErr, "the command that is named shows it again")
	assert.Contains(t, string(out), "broken by")
}

func TestAModuleWithoutTargetsIsAMistake(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.test/none\n\ngo 1.26\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("package none\n"), 0o600))
	assert.ErrorContains(t, fuzzer{dir: dir, first: regexp.MustCompile(""), jobs: 1, out: &bytes.Buffer{}}.run(t.Context()), "no fuzz test")
}
