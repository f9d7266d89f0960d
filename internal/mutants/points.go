package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// mutant is one change of a file that a test should notice.
type mutant struct {
	file       string
	fn         string // the function or table that it is in
	line       int
	start, end int    // what is replaced, in bytes
	with       string // by what
	was, is    string // the lines that it touches, with single spaces
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d %s: %s → %s", m.file, m.line, m.fn, m.was, m.is)
}

func (m mutant) apply(text string) string { return text[:m.start] + m.with + text[m.end:] }

// points finds the mutants of a file, in the order of the text.
type points struct {
	file    string
	text    string
	fset    *token.FileSet
	fn      string
	results [][]ast.Expr      // of the functions around, the innermost last
	decided map[ast.Expr]bool // conditions that were made to hold always and never, which is more than their opposite
	found   []mutant
	known   map[string]bool
}

// find lists the mutants of what the area takes of its file.
func find(a area, text string) ([]mutant, error) {
	p := points{file: a.file, text: text, fset: token.NewFileSet(), known: map[string]bool{}, decided: map[ast.Expr]bool{}}
	parsed, err := parser.ParseFile(p.fset, a.file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range parsed.Decls {
		if p.fn = declared(d); a.takes(p.fn) {
			p.visit(d)
		}
	}
	return p.found, nil
}

// declared is the name of a function, Type.Method, or the first name of other declarations.
func declared(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return d.Name.Name
		}
		of := d.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if name, ok := of.(*ast.Ident); ok {
			return name.Name + "." + d.Name.Name
		}
	case *ast.GenDecl:
		if len(d.Specs) > 0 {
			if values, ok := d.Specs[0].(*ast.ValueSpec); ok {
				return values.Names[0].Name
			}
		}
	}
	return ""
}

func (p *points) visit(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			p.inside(n.Type, n.Body)
			return false
		case *ast.FuncLit:
			p.inside(n.Type, n.Body)
			return false
		case *ast.GenDecl:
			if n.Tok == token.IMPORT || n.Tok == token.TYPE {
				return false
			}
			p.constants(n)
		default:
			p.change(n)
		}
		return true
	})
}

func (p *points) inside(f *ast.FuncType, body *ast.BlockStmt) {
	if body == nil {
		return
	}
	var results []ast.Expr
	if f.Results != nil {
		for _, field := range f.Results.List {
			for range max(len(field.Names), 1) {
				results = append(results, field.Type)
			}
		}
	}
	p.results = append(p.results, results)
	p.visit(body)
	p.results = p.results[:len(p.results)-1]
}

func (p *points) change(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		p.decide(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			p.never(n.Cond) // always would only wait for the end of its time
		}
	case *ast.SwitchStmt:
		p.cases(n.Body, n.Tag == nil)
	case *ast.TypeSwitchStmt:
		p.cases(n.Body, false)
	case *ast.BinaryExpr:
		p.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			p.replace(n, "("+p.of(n.X)+")")
		}
	case *ast.Ident:
		if opposite := map[string]string{"true": "false", "false": "true"}[n.Name]; opposite != "" {
			p.replace(n, opposite)
		}
	case *ast.ExprStmt, *ast.IncDecStmt:
		p.replace(n, "")
	case *ast.AssignStmt:
		p.assignment(n)
	case *ast.ReturnStmt:
		p.returned(n)
	case *ast.CompositeLit:
		for i, element := range n.Elts {
			p.drop(n.Elts, i, element)
		}
	}
}

// decide makes a condition hold always and never: a test that notices both has been on both sides of it.
func (p *points) decide(condition ast.Expr) {
	p.decided[condition] = true
	p.replace(condition, "("+p.of(condition)+") || true")
	p.never(condition)
}

func (p *points) never(condition ast.Expr) {
	p.replace(condition, "("+p.of(condition)+") && false")
}

// cases drops each case, and where the cases are conditions makes each hold always.
func (p *points) cases(body *ast.BlockStmt, conditions bool) {
	for _, s := range body.List {
		c, ok := s.(*ast.CaseClause)
		if !ok {
			continue
		}
		p.replace(c, "")
		for i, e := range c.List {
			if conditions {
				p.decided[e] = true
				p.replace(e, "("+p.of(e)+") || true")
			}
			if len(c.List) > 1 {
				p.drop(c.List, i, e)
			}
		}
	}
}

// opposites and neighbours are what a comparison may be mistaken for.
var (
	opposites = map[token.Token]string{
		token.EQL: "!=", token.NEQ: "==", token.LSS: ">=", token.GEQ: "<", token.GTR: "<=", token.LEQ: ">",
	}
	neighbours = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}
)

func (p *points) binary(n *ast.BinaryExpr) {
	x, y := p.of(n.X), p.of(n.Y)
	switch n.Op {
	case token.LAND:
		p.replace(n, "(("+x+") || ("+y+"))")
		p.replace(n.X, "(("+x+") || true)")
		p.replace(n.Y, "(("+y+") || true)")
	case token.LOR:
		p.replace(n, "(("+x+") && ("+y+"))")
		p.replace(n.X, "(("+x+") && false)")
		p.replace(n.Y, "(("+y+") && false)")
	}
	if opposite, compares := opposites[n.Op]; compares {
		if !p.decided[n] {
			p.replace(n, x+" "+opposite+" "+y)
		}
		if neighbour := neighbours[n.Op]; neighbour != "" {
			p.replace(n, x+" "+neighbour+" "+y)
		}
		p.number(n.Op, n.Y)
	}
}

// number moves the whole number that something is compared with: where the
// neighbour of the comparison is the same as one step, only the other way.
func (p *points) number(op token.Token, e ast.Expr) {
	if literal, ok := e.(*ast.BasicLit); !ok || literal.Kind != token.INT {
		return
	}
	if op != token.LSS && op != token.GEQ {
		p.replace(e, "("+p.of(e)+" + 1)")
	}
	if op != token.GTR && op != token.LEQ {
		p.replace(e, "("+p.of(e)+" - 1)")
	}
}

// constants moves each declared whole number one up and one down.
func (p *points) constants(d *ast.GenDecl) {
	if d.Tok != token.CONST {
		return
	}
	for _, s := range d.Specs {
		for _, value := range s.(*ast.ValueSpec).Values {
			if isNumber(value) {
				p.replace(value, "("+p.of(value)+") + 1")
				p.replace(value, "("+p.of(value)+") - 1")
			}
		}
	}
}

func isNumber(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.INT
	case *ast.BinaryExpr:
		return isNumber(e.X) && isNumber(e.Y)
	}
	return false
}

// assignment keeps what is assigned from its place.
func (p *points) assignment(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE || len(n.Lhs) == 1 && p.of(n.Lhs[0]) == "_" {
		return
	}
	nowhere := strings.TrimSuffix(strings.Repeat("_, ", len(n.Lhs)), ", ")
	p.replace(n, nowhere+" = "+strings.TrimSpace(p.between(n.Rhs[0].Pos(), n.End())))
}

// returned makes each result zero, or the opposite where it is a bool.
func (p *points) returned(n *ast.ReturnStmt) {
	types := p.results[len(p.results)-1]
	if len(n.Results) != len(types) {
		return
	}
	for i, result := range n.Results {
		switch zero := zero(types[i]); {
		case zero == "false":
			p.replace(result, "!("+p.of(result)+")")
		case zero != "" && zero != p.of(result):
			p.replace(result, zero)
		}
	}
}

// zero is how the zero value is written, or nothing where the type's name does not tell.
func zero(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr, *ast.MapType, *ast.FuncType, *ast.InterfaceType:
		return "nil"
	case *ast.ArrayType:
		if of.Len == nil {
			return "nil"
		}
	case *ast.Ident:
		return map[string]string{"error": "nil", "bool": "false", "string": `""`, "Reason": `""`, "int": "0"}[of.Name]
	}
	return ""
}

// drop leaves one element out of a list.
func (p *points) drop(list []ast.Expr, i int, e ast.Expr) {
	start, end := e.Pos(), e.End()
	switch {
	case i+1 < len(list):
		end = list[i+1].Pos()
	case i > 0:
		start = list[i-1].End()
	case strings.HasPrefix(p.text[p.at(end):], ","):
		end++
	}
	p.edit(start, end, "")
}

func (p *points) replace(n ast.Node, with string) { p.edit(n.Pos(), n.End(), with) }

func (p *points) edit(from, to token.Pos, with string) {
	m := mutant{file: p.file, fn: p.fn, line: p.fset.Position(from).Line, start: p.at(from), end: p.at(to), with: with}
	first := strings.LastIndexByte(p.text[:m.start], '\n') + 1
	last := len(p.text)
	if i := strings.IndexByte(p.text[m.end:], '\n'); i >= 0 {
		last = m.end + i
	}
	m.was = oneLine(p.text[first:last])
	m.is = oneLine(p.text[first:m.start] + with + p.text[m.end:last])
	if changed := m.apply(p.text); changed != p.text && !p.known[changed] {
		p.known[changed] = true
		p.found = append(p.found, m)
	}
}

func (p *points) at(pos token.Pos) int              { return p.fset.Position(pos).Offset }
func (p *points) between(from, to token.Pos) string { return p.text[p.at(from):p.at(to)] }
func (p *points) of(n ast.Node) string              { return p.between(n.Pos(), n.End()) }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
