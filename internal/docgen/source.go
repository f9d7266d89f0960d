package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// library is the source of the packages that an agency's website runs, by folder.
type library map[string]*pkg

// pkg is the source of one package.
type pkg struct {
	folder    string
	files     []*ast.File
	tests     map[string]*ast.File // by file, of the root only
	constants map[string]constant
	variables map[string]ast.Expr
	functions map[string][]*ast.FuncDecl // functions and methods by name
}

// constant is a constant of a package, in its order.
type constant struct {
	name    string
	kind    string // the name of its type; empty when it has none
	value   ast.Expr
	comment string
	order   token.Pos
}

// aside are folders whose packages no website runs.
var aside = map[string]bool{
	"docs": true, "cmd": true, "examples": true,
	"actor/actortest": true, "internal/docgen": true, "internal/testenv": true, "store/storetest": true,
}

func load(root string) (library, error) {
	found := library{}
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (aside[name] || isHidden(d.Name())):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") && strings.Contains(name, "/"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(name))
		if found[folder] == nil {
			found[folder] = newPkg(folder)
		}
		if strings.HasSuffix(name, "_test.go") {
			found[folder].tests[name] = file
			return nil
		}
		found[folder].add(file)
		return nil
	})
	return found, err
}

func isHidden(folder string) bool {
	return strings.HasPrefix(folder, ".") || folder == "testdata" || folder == "node_modules"
}

func newPkg(folder string) *pkg {
	return &pkg{folder: folder, tests: map[string]*ast.File{}, constants: map[string]constant{}, variables: map[string]ast.Expr{}, functions: map[string][]*ast.FuncDecl{}}
}

func (p *pkg) add(file *ast.File) {
	p.files = append(p.files, file)
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			p.functions[d.Name.Name] = append(p.functions[d.Name.Name], d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					p.addValues(d.Tok, v)
				}
			}
		}
	}
}

func (p *pkg) addValues(what token.Token, v *ast.ValueSpec) {
	for i, value := range v.Values {
		name := v.Names[i].Name
		if what != token.CONST {
			p.variables[name] = value
			continue
		}
		kind, _ := v.Type.(*ast.Ident)
		c := constant{name: name, value: value, comment: oneLine(v.Comment), order: v.Pos()}
		if kind != nil {
			c.kind = kind.Name
		}
		p.constants[name] = c
	}
}

func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

// number is what a constant expression of whole numbers and durations comes to.
func (p *pkg) number(e ast.Expr) (n int64, isTime bool, err error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		n, err = strconv.ParseInt(e.Value, 0, 64)
		return n, false, err
	case *ast.ParenExpr:
		return p.number(e.X)
	case *ast.Ident:
		if c, ok := p.constants[e.Name]; ok {
			return p.number(c.value)
		}
	case *ast.SelectorExpr:
		if n, ok := durations[e.Sel.Name]; ok {
			return int64(n), true, nil
		}
	case *ast.BinaryExpr:
		return p.operation(e)
	}
	return 0, false, fmt.Errorf("%s: an expression that is not read here", p.folder)
}

var durations = map[string]time.Duration{
	"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
}

func (p *pkg) operation(e *ast.BinaryExpr) (n int64, isTime bool, err error) {
	a, aTime, err := p.number(e.X)
	if err != nil {
		return 0, false, err
	}
	b, bTime, err := p.number(e.Y)
	if err != nil {
		return 0, false, err
	}
	switch e.Op {
	case token.ADD:
		a += b
	case token.SUB:
		a -= b
	case token.MUL:
		a *= b
	case token.SHL:
		a <<= b
	default:
		return 0, false, fmt.Errorf("%s: %s is not read here", p.folder, e.Op)
	}
	return a, aTime || bTime, nil
}
