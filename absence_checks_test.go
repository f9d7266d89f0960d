package panui_test

import (
	"go/ast"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A check finds in one file of the library what is not to be there, in words, or nothing.
type check = func(source) (found string)

// anyOf finds what any of the checks finds.
func anyOf(checks ...check) check {
	return func(s source) string {
		for _, c := range checks {
			if found := c(s); found != "" {
				return found
			}
		}
		return ""
	}
}

// in looks only into one package.
func in(pkg string, c check) check {
	return func(s source) string {
		if s.pkg != pkg {
			return ""
		}
		return c(s)
	}
}

// notIn restricts a check to the other files.
func notIn(file string, c check) check {
	return func(s source) string {
		if s.file == file {
			return ""
		}
		return c(s)
	}
}

// importing finds an import of a package in one of the trees.
func importing(trees ...string) check {
	return func(s source) string {
		for _, imported := range imports(s.ast) {
			for _, tree := range trees {
				if isIn(imported, tree) && !slices.Contains(exclusive[tree], s.pkg) {
					return "imports " + imported
				}
			}
		}
		return ""
	}
}

// using finds something that is taken from an imported package, as http.Cookie.
func using(names ...string) check {
	return func(s source) string {
		for _, name := range selectors(s.ast) {
			if slices.Contains(names, name) {
				return "uses " + name
			}
		}
		return ""
	}
}

// openingFiles finds what reads or writes a file by its name.
var openingFiles = using("os.Open", "os.OpenFile", "os.OpenRoot", "os.Create", "os.CreateTemp", "os.ReadFile", "os.WriteFile", "os.Mkdir", "os.MkdirAll", "os.Rename", "os.Remove", "os.ReadDir")

// calling finds a call whose end is written so, as Client.Get.
func calling(ends ...string) check {
	return func(s source) string {
		return first(s.ast, func(n ast.Node) string {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return ""
			}
			for _, end := range ends {
				if strings.HasSuffix("."+written(call.Fun), "."+strings.TrimPrefix(end, ".")) {
					return "calls " + end
				}
			}
			return ""
		})
	}
}

// written is how a name with selectors is written: s.d.Client.Get.
func written(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return written(e.X) + "." + e.Sel.Name
	}
	return ""
}

// reading finds a member of foreign JSON among those that are read from it.
func reading(members ...string) check {
	return in("internal/as2", func(s source) string {
		if strings.HasSuffix(s.file, "/documents.go") { // what is written
			return ""
		}
		return tagged(s, members)
	})
}

// writing finds a member among those that are written in documents of ours.
func writing(members ...string) check {
	return in("internal/as2", func(s source) string {
		if !strings.HasSuffix(s.file, "/documents.go") {
			return ""
		}
		return tagged(s, members)
	})
}

func tagged(s source, members []string) string {
	return first(s.ast, func(n ast.Node) string {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return ""
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return ""
		}
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		if slices.Contains(members, name) {
			return "the member " + name
		}
		return ""
	})
}

// saying finds a word, whole, as a text in one package: a type of activity.
func saying(pkg string, words ...string) check {
	return in(pkg, func(s source) string {
		return text(s, func(t string) bool { return slices.Contains(words, t) })
	})
}

// naming finds a text with a piece in it, in any case of letters.
func naming(pieces ...string) check {
	return func(s source) string {
		return text(s, func(t string) bool {
			return slices.ContainsFunc(pieces, func(piece string) bool {
				return strings.Contains(strings.ToLower(t), strings.ToLower(piece))
			})
		})
	}
}

// text finds a text in the code that is one of those looked for. Paths of imports are none.
func text(s source, wanted func(string) bool) string {
	return first(s.ast, func(n ast.Node) string {
		literal, ok := n.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return ""
		}
		if t, err := strconv.Unquote(literal.Value); err == nil && wanted(t) {
			return "the text " + literal.Value
		}
		return ""
	})
}

// storing finds an op or a query of the store.
func storing(names ...string) check {
	return in("store", func(s source) string {
		return first(s.ast, func(n ast.Node) string {
			if spec, ok := n.(*ast.TypeSpec); ok && slices.Contains(names, spec.Name.Name) {
				return "the op " + spec.Name.Name
			}
			return ""
		})
	})
}

// fetchingWhileServing finds a file that answers HTTP and can ask other servers too.
func fetchingWhileServing(s source) string {
	fetches := slices.Contains(imports(s.ast), module+"/signing/egress")
	answers := slices.Contains(selectors(s.ast), "http.ResponseWriter")
	if fetches && answers && s.pkg != "." {
		return "answers requests and asks other servers"
	}
	return ""
}

// first is the first thing that is found in a file, or nothing.
func first(f *ast.File, find func(ast.Node) string) (found string) {
	for _, declaration := range f.Decls {
		if imported, ok := declaration.(*ast.GenDecl); ok && imported.Tok == token.IMPORT {
			continue
		}
		ast.Inspect(declaration, func(n ast.Node) bool {
			if found == "" && n != nil {
				found = find(n)
			}
			return found == ""
		})
	}
	return found
}

// fetching finds a file that can ask other servers and has a text with the piece in it.
func fetching(piece string) check {
	return func(s source) string {
		if !slices.Contains(imports(s.ast), module+"/signing/egress") {
			return ""
		}
		return naming(piece)(s)
	}
}

// pastTheGuard finds what reaches the network outside of the packages that may.
func pastTheGuard(s source) string {
	for _, name := range selectors(s.ast) {
		packages, guarded := calls[name]
		if kind, _, _ := strings.Cut(name, "."); guarded && slices.Contains([]string{"net", "http", "tls"}, kind) && !slices.Contains(packages, s.pkg) {
			return "uses " + name
		}
	}
	return ""
}
