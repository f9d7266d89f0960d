package main

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strconv"
)

// words finds the strings that an expression may be when the program runs: rather
// too many than too few. It follows constants, parameters to their callers,
// variables to what is assigned to them, fields to what they are filled with, map
// elements and results of functions, all within one package.
type words struct {
	*pkg
	busy map[ast.Expr]bool
}

// of returns the strings that e, in the function in, may be, in order and without
// repetition; none when it cannot be told.
func (p *pkg) words(e ast.Expr, in *ast.FuncDecl) []string {
	w := words{p, map[ast.Expr]bool{}}
	return slices.Compact(slices.Sorted(slices.Values(w.of(e, in))))
}

func (w words) of(e ast.Expr, in *ast.FuncDecl) []string {
	if w.busy[e] {
		return nil
	}
	w.busy[e] = true
	defer delete(w.busy, e)
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return []string{text}
		}
	case *ast.BinaryExpr:
		return joined(w.of(e.X, in), w.of(e.Y, in))
	case *ast.Ident:
		return w.named(e.Name, in)
	case *ast.SelectorExpr:
		return w.field(e.Sel.Name)
	case *ast.IndexExpr:
		return w.elements(e.X, in)
	case *ast.CallExpr:
		return w.results(e, in)
	}
	return nil
}

func joined(first, second []string) (all []string) {
	for _, a := range first {
		for _, b := range second {
			all = append(all, a+b)
		}
	}
	return all
}

// named follows a parameter, a variable or a constant.
func (w words) named(name string, in *ast.FuncDecl) []string {
	if i := parameter(name, in); i >= 0 {
		return w.arguments(in, i)
	}
	if found := w.assigned(name, in); len(found) > 0 {
		return found
	}
	if c, ok := w.constants[name]; ok {
		return w.of(c.value, nil)
	}
	return nil
}

// parameter returns which of the parameters of a function has the name, or -1.
func parameter(name string, in *ast.FuncDecl) int {
	if in == nil {
		return -1
	}
	i := 0
	for _, field := range in.Type.Params.List {
		for _, n := range field.Names {
			if n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// arguments are what a function is called with in the place of a parameter.
func (w words) arguments(f *ast.FuncDecl, i int) (all []string) {
	w.eachCall(func(call *ast.CallExpr, in *ast.FuncDecl) {
		if calls(call, f) && i < len(call.Args) {
			all = append(all, w.of(call.Args[i], in)...)
		}
	})
	return all
}

// calls says whether a call is one of f: by name, and as a method where f is one.
func calls(call *ast.CallExpr, f *ast.FuncDecl) bool {
	switch callee := call.Fun.(type) {
	case *ast.Ident:
		return f.Recv == nil && callee.Name == f.Name.Name
	case *ast.SelectorExpr:
		return f.Recv != nil && callee.Sel.Name == f.Name.Name
	}
	return false
}

// assigned follows a variable to what is assigned to it, or, for the key of a
// range over a map, to what that map is indexed with.
func (w words) assigned(name string, in *ast.FuncDecl) (all []string) {
	if in == nil {
		return nil
	}
	ast.Inspect(in, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if isNamed(to, name) && len(n.Lhs) == len(n.Rhs) {
					all = append(all, w.of(n.Rhs[i], in)...)
				}
			}
		case *ast.RangeStmt:
			if m, ok := n.X.(*ast.Ident); ok && isNamed(n.Key, name) {
				all = append(all, w.indexes(m.Name, in)...)
			}
		}
		return true
	})
	return all
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func (w words) indexes(variable string, in *ast.FuncDecl) (all []string) {
	ast.Inspect(in, func(n ast.Node) bool {
		if index, ok := n.(*ast.IndexExpr); ok && isNamed(index.X, variable) {
			all = append(all, w.of(index.Index, in)...)
		}
		return true
	})
	return all
}

// field follows a field to what it is filled with anywhere in the package.
func (w words) field(name string) (all []string) {
	w.each(func(n ast.Node, in *ast.FuncDecl) {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if isNamed(n.Key, name) {
				all = append(all, w.of(n.Value, in)...)
			}
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				if s, ok := to.(*ast.SelectorExpr); ok && s.Sel.Name == name && len(n.Lhs) == len(n.Rhs) {
					all = append(all, w.of(n.Rhs[i], in)...)
				}
			}
		}
	})
	return all
}

// elements are the values of a map that is written down as a whole.
func (w words) elements(m ast.Expr, in *ast.FuncDecl) (all []string) {
	if id, ok := m.(*ast.Ident); ok {
		m = w.variables[id.Name]
	}
	whole, ok := m.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	for _, element := range whole.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			all = append(all, w.of(pair.Value, in)...)
		}
	}
	return all
}

// results are what a function returns first.
func (w words) results(call *ast.CallExpr, in *ast.FuncDecl) (all []string) {
	if isNamed(call.Fun, "string") && len(call.Args) == 1 {
		return w.of(call.Args[0], in)
	}
	for _, name := range slices.Sorted(maps.Keys(w.functions)) {
		for _, f := range w.functions[name] {
			if !calls(call, f) {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
					all = append(all, w.of(r.Results[0], f)...)
				}
				return true
			})
		}
	}
	return all
}

// each visits everything in the package, with the function around it or nil.
func (p *pkg) each(visit func(n ast.Node, in *ast.FuncDecl)) {
	for _, file := range p.files {
		for _, declaration := range file.Decls {
			in, _ := declaration.(*ast.FuncDecl)
			ast.Inspect(declaration, func(n ast.Node) bool {
				visit(n, in)
				return true
			})
		}
	}
}

func (p *pkg) eachCall(visit func(call *ast.CallExpr, in *ast.FuncDecl)) {
	p.each(func(n ast.Node, in *ast.FuncDecl) {
		if call, ok := n.(*ast.CallExpr); ok {
			visit(call, in)
		}
	})
}
