package mutation

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A module with one rule and a test of it.
func module(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.test/rules\n\ngo 1.26\n",
		"rule.go": rule,
		"rule_test.go": `package rules

import "testing"

func TestRule(t *testing.T) {
	if Even(3) {
		t.Error("3 is odd")
	}
}
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	return root
}

const rule = "package rules\n\nfunc Even(n int) bool { return n%2 == 0 }\n"

func TestTestsNoticeAMutantOrNot(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	root := module(t)
	for name, row := range map[string]struct {
		text    string
		within  time.Duration
		noticed bool
	}{
		"as it is":                 {rule, time.Minute, false},
		"the opposite":             {"package rules\n\nfunc Even(n int) bool { return n%2 != 0 }\n", time.Minute, true},
		"nothing tests this":       {"package rules\n\nfunc Even(n int) bool { return n%4 == 0 }\n", time.Minute, false},
		"a panic":                  {"package rules\n\nfunc Even(n int) bool { return []bool{}[n] }\n", time.Minute, true},
		"it never comes to an end": {"package rules\n\nfunc Even(n int) bool { for { } }\n", time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tests, err := Mutant{Root: root, File: "rule.go", Text: row.text}.Build(t.Context(), ".", dir)
			require.NoError(t, err)
			noticed, err := Noticed(t.Context(), tests, root, dir, row.within)
			require.NoError(t, err)
			assert.Equal(t, row.noticed, noticed)
			kept, err := os.ReadFile(filepath.Join(root, "rule.go"))
			require.NoError(t, err)
			assert.Equal(t, rule, string(kept), "the work tree stays as it is")
		})
	}
}

func TestOnlyTheCompilerSaysThatAMutantDoesNotBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	root := module(t)
	wrong := Mutant{Root: root, File: "rule.go", Text: "package rules\n\nfunc Even(n int) bool { return n }\n"}
	_, err := wrong.Build(t.Context(), ".", t.TempDir())
	assert.ErrorIs(t, err, ErrUnbuilt)

	good := Mutant{Root: root, File: "rule.go", Text: rule}
	_, err = good.Build(t.Context(), "./nowhere", t.TempDir())
	assert.Error(t, err)
	assert.NotErrorIs(t, err, ErrUnbuilt)
	_, err = good.Build(t.Context(), ".", filepath.Join(root, "nowhere"))
	assert.Error(t, err)
	assert.NotErrorIs(t, err, ErrUnbuilt)

	_, err = Noticed(t.Context(), filepath.Join(root, "nowhere"), root, root, time.Minute)
	assert.Error(t, err, "tests that cannot be started notice nothing")
}
