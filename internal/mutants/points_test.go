package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

// In each row a function's body and what it may be mistaken for.
func TestWhatIsChanged(t *testing.T) {
	for body, want := range map[string][]string{
		`if a < 3 { return nil }; return err`: {
			`if (a < 3) || true { return nil }; return err`,
			`if (a < 3) && false { return nil }; return err`,
			`if a <= 3 { return nil }; return err`,
			`if a < (3 - 1) { return nil }; return err`,
			`if a < 3 { return nil }; return nil`,
		},
		`for p && q { f() }; return nil`: {
			`for (p && q) && false { f() }; return nil`,
			`for ((p) || (q)) { f() }; return nil`,
			`for ((p) || true) && q { f() }; return nil`,
			`for p && ((q) || true) { f() }; return nil`,
			`for p && q { }; return nil`,
		},
		`switch { case a == 1: b = 2; default: c++ }; return nil`: {
			`switch { ; default: c++ }; return nil`,
			`switch { case (a == 1) || true: b = 2; default: c++ }; return nil`,
			`switch { case a == 1: b = 2; }; return nil`,
			`switch { case a == (1 + 1): b = 2; default: c++ }; return nil`,
			`switch { case a == (1 - 1): b = 2; default: c++ }; return nil`,
			`switch { case a == 1: _ = 2; default: c++ }; return nil`,
			`switch { case a == 1: b = 2; default: }; return nil`,
		},
		`switch a { case 1, 2: }; return nil`: {
			`switch a { }; return nil`,
			`switch a { case 2: }; return nil`,
			`switch a { case 1: }; return nil`,
		},
		`t := []int{7, 8}; return nil`:              {`t := []int{8}; return nil`, `t := []int{7}; return nil`},
		`x := !p; y := true; return nil`:            {`x := (p); y := true; return nil`, `x := !p; y := false; return nil`},
		`f := func() bool { return p }; return nil`: {`f := func() bool { return !(p) }; return nil`},
		`const most = 8 << 10; return nil`:          {`const most = (8 << 10) + 1; return nil`, `const most = (8 << 10) - 1; return nil`},
	} {
		found, err := find(area{file: "x.go"}, "package x\n\nfunc F() error {\n"+body+"\n}\n")
		require.NoError(t, err, body)
		var got []string
		for _, m := range found {
			assert.Equal(t, body, m.was)
			assert.Equal(t, "F", m.fn)
			assert.Equal(t, 4, m.line)
			got = append(got, m.is)
		}
		assert.ElementsMatch(t, want, got, body)
	}
}

func TestOnlyTheNamedFunctionsAreChanged(t *testing.T) {
	found, err := find(area{file: "x.go", funcs: []string{"T.A"}}, "package x\nfunc (t *T) A() { f() }\nfunc (t *T) B() { f() }\n")
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "func (t *T) A() { }", found[0].is)
}

func TestEachAreaIsThereWithWhatIsCalledEquivalent(t *testing.T) {
	chosen, err := options{every: 1}.choose(testenv.Root(t))
	require.NoError(t, err)
	assert.Greater(t, len(chosen), 1000)
	for _, e := range equivalents {
		assert.NotEmpty(t, e.reason, e.was)
	}
	_, err = options{every: 1, only: "no such file"}.choose(testenv.Root(t))
	assert.Error(t, err, "a run that tries nothing shows nothing")
}

func TestTheVerdict(t *testing.T) {
	add := func(killedOnes, survivors int) *report {
		r := &report{every: 1}
		for i := range killedOnes + survivors {
			o := killed
			if i < survivors {
				o = survived
			}
			r.add(try{mutant: mutant{file: "a.go"}}, o)
		}
		return r
	}
	assert.NoError(t, add(95, 5).verdict())
	assert.ErrorContains(t, add(94, 6).verdict(), "a.go: 94.0 % killed")

	builtNot := add(1, 0)
	builtNot.add(try{mutant: mutant{file: "a.go"}}, unbuilt)
	assert.Contains(t, builtNot.String(), "| a.go | 1 | 1 | 0 | 0 | 100.0 % | 0 |")

	gap := add(1, 0)
	gap.unreached = []block{{"a.go", 7}}
	assert.ErrorContains(t, gap.verdict(), "a.go:7: no test reaches it")

	same := add(1, 0)
	same.add(try{mutant: mutant{file: "a.go"}, equivalent: true}, survived)
	assert.NoError(t, same.verdict())
	same.add(try{mutant: mutant{file: "a.go"}, equivalent: true}, killed)
	assert.ErrorContains(t, same.verdict(), "is called equivalent, but is not")
}

func TestABlockIsReachedWhereOnePackageReachesIt(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "a.go"), []byte("package a\n\nfunc F() {\n\tf()\n}\n\nfunc G() {\n\tg()\n}\n"), 0o600))
	const profile = "mode: set\ngithub.com/panui/panui/a.go:3.1,5.2 1 0\ngithub.com/panui/panui/a.go:7.1,9.2 1 0\ngithub.com/panui/panui/a.go:3.1,5.2 1 1\n"
	found, err := unreached(root, []area{{file: "a.go"}}, profile)
	require.NoError(t, err)
	assert.Equal(t, []block{{"a.go", 7}}, found)

	found, err = unreached(root, []area{{file: "a.go", funcs: []string{"F"}}}, profile)
	require.NoError(t, err)
	assert.Empty(t, found)

	_, err = unreached(root, []area{{file: "b.go"}}, profile)
	assert.Error(t, err, "a profile of something else shows nothing")
}
