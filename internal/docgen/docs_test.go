package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

// A limit without a reason, a reason without a meaning, a new line of the log or a
// new kind of journal entry fails here, and so does a page that was not written anew.
func TestThePagesSayWhatTheCodeSays(t *testing.T) {
	root := testenv.Root(t)
	rendered, err := render(root)
	require.NoError(t, err)
	require.Len(t, rendered, len(pages))
	for name, want := range rendered {
		got, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s is stale: run go generate . in the root", name)
	}
}

// The texts of real calls, in each of the ways in which they are put together.
func TestWordsAreFoundWhereverTheyComeFrom(t *testing.T) {
	p := packageOf(t, `package p

const prefix, late = "p: ", "late"

var names = map[int]string{1: "one", 2: "two"}

type step struct{ kind string }

func literal()             { log.Info("plain") }
func constant()            { log.Info(prefix + late) }
func parameter(s string)   { log.Info(s) }
func caller()              { parameter("from a caller") }
func element(i int)        { log.Info(names[i]) }
func variable(b bool)      { v := "first"; if b { v = "second" }; log.Info(v) }
func field(s step)         { log.Info(s.kind) }
func filled() step         { return step{kind: "filled"} }
func changed(s *step)      { s.kind = "changed" }
func result()              { log.Info(word()) }
func word() string         { if late == "" { return "yes" }; return "no" }
func key()                 { m := map[string]int{}; m["counted"]++; for k := range m { log.Info(k) } }
func loop(s string)        { loop(s); log.Info(s) }
func outside(s fmt.Stringer) { log.Info(s.String()) }
`)
	want := map[string][]string{
		"literal": {"plain"}, "constant": {"p: late"}, "parameter": {"from a caller"}, "element": {"one", "two"},
		"variable": {"first", "second"}, "field": {"changed", "filled"}, "result": {"no", "yes"}, "key": {"counted"},
		"loop": nil, "outside": nil,
	}
	found := map[string]message{}
	p.eachCall(func(call *ast.CallExpr, in *ast.FuncDecl) {
		if m, ok := p.logged(call, in); ok {
			found[in.Name.Name] = m
		}
	})
	require.Len(t, found, len(want))
	for function, texts := range want {
		assert.Equal(t, texts, found[function].texts, function)
		assert.Equal(t, "info", found[function].level)
	}
}

func TestWhatATableDoesNotKnowIsAMistake(t *testing.T) {
	found := map[string]bool{"new": true, "known": true, "outbox: unchanged": true}
	mistakes := differ("kind", "kinds", found, map[string]bool{"known": true, "old": true})
	require.Len(t, mistakes, 2)
	assert.ErrorContains(t, mistakes[0], `does not know: "new"`)
	assert.ErrorContains(t, mistakes[1], `remove "old"`)

	p := packageOf(t, "package p\n\nconst maxNew = 3 << 10\n")
	p.folder = "p"
	_, err := boundsTable(library{"p": p})
	assert.ErrorContains(t, err, "p.maxNew is a bound that bounds does not know")
	assert.ErrorContains(t, err, "inbox.retries is no constant any more")
}

func packageOf(t *testing.T, source string) *pkg {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	require.NoError(t, err)
	p := newPkg("p")
	p.add(file)
	return p
}

// The tests, files and pages that the documents name are there.
func TestWhatTheDocumentsNameExists(t *testing.T) {
	root := testenv.Root(t)
	tests := regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz|Example|Benchmark)\\w*)`")
	files := regexp.MustCompile("`([\\w.-]+(?:/[\\w.-]+)*\\.(?:go|md|sql))`")
	links := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	named := 0
	for _, name := range documents(t, root) {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		for _, match := range tests.FindAllStringSubmatch(string(text), -1) {
			named++
			assert.Contains(t, testsIn(t, root, match[1]), match[2], "%s names a test that is not in %s", name, match[1])
		}
		for _, match := range files.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(match[1], "/") {
				assert.FileExists(t, filepath.Join(root, match[1]), "%s names it", name)
			}
		}
		for _, match := range links.FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(root, filepath.Dir(name), match[1]))
			assert.NoError(t, err, "%s links to it", name)
		}
	}
	assert.Greater(t, named, 50, "the patterns above find what they look for")
}

// documents are the pages that are written for people who judge or run a site.
func documents(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"docs/security/*.md", "docs/privacy.md", "docs/deploy.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, name := range found {
			name, err = filepath.Rel(root, name)
			require.NoError(t, err)
			names = append(names, name)
		}
	}
	require.NotEmpty(t, names)
	return names
}

// testsIn lists the functions in the tests of a folder; panui is the root.
func testsIn(t *testing.T, root, folder string) []string {
	t.Helper()
	if folder == "panui" {
		folder = "."
	}
	sources, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	require.NoError(t, err)
	var names []string
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	for want, got := range map[string]string{
		"256 KiB": octets.write(256 << 10), "1 MiB": octets.write(1 << 20), "300 bytes": octets.write(300),
		"50,000": things.write(50_000), "1,234,567": things.write(1_234_567), "12": things.write(12), "3,072 bits": bits.write(3072),
		"24 hours": lasting(24 * time.Hour), "7 days": lasting(7 * 24 * time.Hour), "12 hours": lasting(12 * time.Hour),
		"90 seconds": lasting(90 * time.Second), "1 minute": lasting(time.Minute), "500 milliseconds": lasting(500 * time.Millisecond),
	} {
		assert.Equal(t, want, got)
	}
}

// An advisory whose row cannot be read as text would be missing from the page.
func TestAdvisoriesAreReadAsTheyAreWritten(t *testing.T) {
	read := func(table string) ([]advisory, error) {
		file, err := parser.ParseFile(token.NewFileSet(), "x_test.go", `package p
var media = absent{feature: "remote " + "media"}
var table = []advisory{`+table+`}`, 0)
		require.NoError(t, err)
		p := newPkg(".")
		p.tests["x_test.go"] = file
		return advisories(p)
	}
	found, err := read(`
		{known: "CVE-2", row: row{id: "A10", must: "no " + "effect", tries: two()}},
		{known: "CVE-1 of X (a/b)", absent: []absent{media}, row: row{id: "A9", must: "none"}},`)
	require.NoError(t, err)
	assert.Equal(t, []advisory{{"A9", "CVE-1 of X (a/b)", "none", []string{"remote media"}}, {"A10", "CVE-2", "no effect", nil}}, found)
	assert.Equal(t, "A9_CVE-1_of_X_a_b_", found[0].test())

	for _, wrong := range []string{
		`{known: name, row: row{id: "A1", must: "x"}}`, `{known: "x", row: row{id: "A1", must: words()}}`,
		`{known: "x", row: row{id: "?", must: "x"}}`, `{known: "x", absent: []absent{other}, row: row{id: "A1", must: "x"}}`,
	} {
		_, err := read(wrong)
		assert.ErrorContains(t, err, "write id, known and must as texts", wrong)
	}
}

// Each line of the checklist is on its page once, in order, and names a test,
// which TestWhatTheDocumentsNameExists then looks for.
func TestTheChecklistIsWhole(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs/security/checklist.md"))
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?m)^\| (\d+) \| (.+) \| (.+) \|$`).FindAllStringSubmatch(string(text), -1)
	require.Len(t, lines, 52)
	source, err := load(testenv.Root(t))
	require.NoError(t, err)
	found, err := advisories(source["."])
	require.NoError(t, err)
	rows := map[string]bool{}
	for _, a := range found {
		rows[a.id] = true
	}
	for i, line := range lines {
		assert.Equal(t, strconv.Itoa(i+1), line[1])
		assert.Regexp(t, "`[a-z0-9/]+\\.(Test|Fuzz)\\w+`", line[3], "line %s names a test", line[1])
		for _, id := range regexp.MustCompile(`\b[A-X]\d{1,2}\b`).FindAllString(line[3], -1) {
			assert.True(t, rows[id], "line %s names %s, which is no advisory", line[1], id)
		}
	}
}
