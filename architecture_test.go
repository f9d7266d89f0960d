package panui_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/panui/panui"

// floors are the storeys of the building: a package may import packages of lower floors only. A
// package that is not named here fails the test, so that the folder list stays the architecture.
var floors = [][]string{
	{"internal/limits", "internal/document", "internal/blocklist", "internal/testenv", "internal/fuzzall", "internal/mutation", "signing/internal/keyfile"},
	{"internal/as2", "store", "internal/mutants"},
	{"store/memory", "store/internal/sqlstore", "internal/faults"},
	{"store/sqlite", "store/storetest"},
	{"store/storetest/mutate"},
	{"signing/egress"},
	{"signing"},
	{"signing/knock", "signing/custody"},
	{"actor", "signing/kit", "signing/pkcs11", "signing/proof"},
	{"webfinger", "inbox/blocks"},
	{"inbox", "outbox", "actor/actortest"},
	{"outbox/feed", "internal/docgen"},
	{"."},
	{"examples/newsroom", "examples/kms", "examples/interop/fedify"},
}

// exclusive dependencies may be imported by the named packages alone, so that nobody else pays for them.
var exclusive = map[string][]string{
	"github.com/ncruces/go-sqlite3": {"store/sqlite"},
	"database/sql":                  {"store/sqlite", "store/internal/sqlstore"},
	"github.com/mmcdole/gofeed":     {"outbox/feed"},
	"github.com/go-fed/httpsig":     {"signing"},
	"github.com/dadrus/httpsig":     {}, // tests compare with it
	"github.com/dunglas/httpsfv":    {"signing"},
	"github.com/go-ap/":             {"internal/as2", "inbox"},
	"filippo.io/age":                {"signing/kit"},
	"github.com/mr-tron/base58":     {"signing", "signing/proof"},
	"github.com/gowebpki/jcs":       {"signing/proof"},
	"github.com/miekg/pkcs11":       {"signing/pkcs11"},
	"encoding/xml":                  {"outbox/feed"}, // to bound what gofeed then reads
	"image":                         {},
	"os/exec":                       {"internal/fuzzall", "internal/mutants", "internal/mutation", "internal/testenv"},
	"unsafe":                        {},
	"net/http/cookiejar":            {},
	"net/smtp":                      {},
}

// calls are the ways to reach the network, or past a guard, that only the named packages may use.
var calls = map[string][]string{
	"net.Dial":                  {"signing/egress"},
	"net.DialTimeout":           {"signing/egress"},
	"net.Dialer":                {"signing/egress"},
	"net.DialTCP":               {},
	"net.DialUDP":               {},
	"net.DialUnix":              {},
	"net.DialIP":                {},
	"net.DefaultResolver":       {},
	"net.ResolveTCPAddr":        {},
	"tls.Dial":                  {},
	"tls.DialWithDialer":        {},
	"tls.Dialer":                {},
	"net.LookupHost":            {"signing/egress"},
	"net.LookupIP":              {"signing/egress"},
	"http.Get":                  {},
	"http.Head":                 {},
	"http.Post":                 {},
	"http.PostForm":             {},
	"http.DefaultClient":        {},
	"http.DefaultTransport":     {},
	"http.ProxyFromEnvironment": {},
	"http.Client":               {"signing/egress"},
	"http.Transport":            {"signing/egress"},
	"template.HTML":             {"inbox"},
	"template.HTMLAttr":         {},
	"template.JS":               {},
	"template.URL":              {},
	"template.CSS":              {},
	"tls.InsecureSkipVerify":    {},
	"os.Getenv":                 {"internal/testenv"},
	"as2.ToAP":                  {"inbox"},
	"context.WithValue":         {},
	"log.Print":                 {},
	"log.Fatal":                 {},
	"slog.Default":              {"."},
	"http.DetectContentType":    {},
	"http.ListenAndServe":       {},
	"http.ListenAndServeTLS":    {},
}

type source struct {
	pkg  string // folder below the module
	file string
	ast  *ast.File
	fset *token.FileSet
}

func TestArchitecture(t *testing.T) {
	library := sources(t)

	t.Run("imports point down only", func(t *testing.T) {
		floor := map[string]int{}
		for i, packages := range floors {
			for _, p := range packages {
				floor[p] = i
			}
		}
		for _, s := range library {
			if !assert.Contains(t, floor, s.pkg, "%s: a package that the list of floors does not know", s.file) {
				continue
			}
			for _, imported := range imports(s.ast) {
				below, ours := strings.CutPrefix(imported, module)
				if !ours {
					continue
				}
				below = strings.TrimPrefix(below, "/")
				if below == "" {
					below = "."
				}
				assert.Less(t, floor[below], floor[s.pkg], "%s imports %s, which is not below it", s.file, imported)
			}
		}
	})

	t.Run("no folder without a reason", func(t *testing.T) {
		vague := []string{"util", "utils", "common", "types", "helpers", "helper", "manager", "misc", "base"}
		for _, s := range library {
			assert.NotContains(t, vague, path.Base(s.pkg), s.file)
		}
	})

	t.Run("some dependencies have one place", func(t *testing.T) {
		for _, s := range library {
			for _, imported := range imports(s.ast) {
				for dependency, packages := range exclusive {
					if !isIn(imported, dependency) || isExample(s.pkg) {
						continue
					}
					assert.Contains(t, packages, s.pkg, "%s imports %s", s.file, imported)
				}
			}
		}
	})

	t.Run("one way out", func(t *testing.T) {
		for _, s := range library {
			for _, name := range selectors(s.ast) {
				packages, guarded := calls[name]
				if guarded && !isExample(s.pkg) {
					assert.Contains(t, packages, s.pkg, "%s uses %s", s.file, name)
				}
			}
		}
	})

	t.Run("nothing happens before the caller says so", func(t *testing.T) {
		for _, s := range library {
			for _, declaration := range s.ast.Decls {
				if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil {
					assert.NotEqual(t, "init", f.Name.Name, "%s has an init function", s.file)
				}
			}
		}
	})
}

func TestImportingPanuiBringsNoDriver(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module, module+"/store/memory", module+"/inbox", module+"/outbox").Output()
	require.NoError(t, err)
	for dependency := range strings.Lines(string(out)) {
		dependency = strings.TrimSpace(dependency)
		for _, heavy := range []string{"github.com/ncruces/go-sqlite3", "github.com/jackc/pgx", "github.com/mmcdole/gofeed", "filippo.io/age", "github.com/miekg/pkcs11", "database/sql", "github.com/stretchr/testify", "testing"} {
			assert.False(t, isIn(dependency, heavy), "importing panui brings %s", dependency)
		}
	}
}

// sources are every Go file of the module but the tests, parsed.
func sources(t *testing.T) []source {
	t.Helper()
	found, err := parsedOnce()
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

var parsedOnce = sync.OnceValues(func() (found []source, _ error) {
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found = append(found, source{pkg: filepath.ToSlash(filepath.Dir(file)), file: filepath.ToSlash(file), ast: parsed, fset: fset})
		return nil
	})
	return found, err
})

func imports(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// selectors lists what a file takes from the packages that it imports, as http.Get, and the fields
// that it sets in a composite literal of one, as tls.InsecureSkipVerify.
func selectors(f *ast.File) []string {
	imported := map[string]bool{}
	for _, p := range imports(f) {
		imported[path.Base(p)] = true
	}
	names := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && imported[x.Name] {
				names[x.Name+"."+n.Sel.Name] = true
			}
		case *ast.Ident:
			if n.Name == "InsecureSkipVerify" {
				names["tls.InsecureSkipVerify"] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(names))
}

func isIn(pkg, tree string) bool {
	return pkg == tree || strings.HasPrefix(pkg, strings.TrimSuffix(tree, "/")+"/")
}

func isExample(pkg string) bool { return strings.HasPrefix(pkg, "examples/") }
