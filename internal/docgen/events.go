package main

import (
	"errors"
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
)

// refusalsTable says every reason of the inbox, in the order in which a request meets them.
func refusalsTable(library) (string, error) {
	text := row("Reason", "Status", "Meaning") + row("---", "---:", "---")
	said := map[string]bool{}
	say := func(r signing.Reason) {
		if !said[r.Code] { // header-too-large is one of both packages
			text += row("`"+r.Code+"`", strconv.Itoa(r.Status), r.Meaning)
		}
		said[r.Code] = true
	}
	for _, r := range inbox.Reasons() {
		say(r)
		if r.Code == "json-refused" {
			for _, r := range signing.Reasons() {
				say(r)
			}
		}
	}
	return text, nil
}

// documentsTable says why a foreign document is not read.
func documentsTable(source library) (string, error) {
	text := row("Detail", "Meaning") + row("---", "---")
	p := source["internal/as2"]
	for _, c := range p.ofKind("Reason") {
		for _, code := range p.words(c.value, nil) {
			text += row("`"+code+"`", sentence(as2.Reason(code).Means()))
		}
	}
	return text, nil
}

// outcomesTable says what a verified activity can come to.
func outcomesTable(source library) (string, error) {
	text := row("Outcome", "Meaning") + row("---", "---")
	p := source["inbox"]
	var mistakes []error
	for _, c := range p.ofKind("outcome") {
		if c.comment == "" {
			mistakes = append(mistakes, fmt.Errorf("inbox.%s: say in its comment what it means", c.name))
		}
		for _, code := range p.words(c.value, nil) {
			text += row("`"+code+"`", sentence(c.comment))
		}
	}
	return text, errors.Join(mistakes...)
}

// ofKind returns the constants of a type, in their order.
func (p *pkg) ofKind(kind string) (found []constant) {
	for _, c := range p.constants {
		if c.kind == kind {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b constant) int { return int(a.order - b.order) })
	return found
}

// messagesTable says every line that the library logs.
func messagesTable(source library) (string, error) {
	found := map[string]message{}
	var mistakes []error
	for _, folder := range slices.Sorted(maps.Keys(source)) {
		p := source[folder]
		p.eachCall(func(call *ast.CallExpr, in *ast.FuncDecl) {
			m, ok := p.logged(call, in)
			if ok && len(m.texts) == 0 {
				mistakes = append(mistakes, fmt.Errorf("%s: a message of the log that cannot be told from the source: write it as a literal", folder))
			}
			for _, text := range m.texts {
				found[text] = m
			}
		})
	}
	text := row("Message", "Level", "Meaning", "What to do") + row("---", "---", "---", "---")
	for _, about := range messages {
		if m, ok := found[about.text]; ok {
			text += row("`"+about.text+"`", m.level, about.meaning, about.do)
		}
	}
	return text, errors.Join(append(mistakes, differ("message of the log", "messages", found, known(messages))...)...)
}

// message is what one call of a logger says.
type message struct {
	texts []string
	level string
}

// logged reads a call of a method of slog.Logger.
func (p *pkg) logged(call *ast.CallExpr, in *ast.FuncDecl) (message, bool) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isLogger(method.X) {
		return message{}, false
	}
	at, level := 0, method.Sel.Name
	switch {
	case level == "Log" || level == "LogAttrs":
		at, level = 2, strings.Join(levels(call.Args[1], in), " or ")
	case strings.HasSuffix(level, "Context"):
		at, level = 1, strings.TrimSuffix(level, "Context")
	case !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, level):
		return message{}, false
	}
	return message{p.words(call.Args[at], in), strings.ToLower(level)}, true
}

// isLogger tells a logger by its name: log, a field Log, or what a function log or logger returns.
func isLogger(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		return isLogger(e.Fun)
	case *ast.SelectorExpr:
		return isLogger(e.Sel)
	case *ast.Ident:
		return slices.Contains([]string{"slog", "log", "Log", "logger"}, e.Name)
	}
	return false
}

// levels are those that are named in an expression or assigned to the variable that it is.
func levels(e ast.Expr, in *ast.FuncDecl) (found []string) {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return []string{strings.TrimPrefix(s.Sel.Name, "Level")}
	}
	ast.Inspect(in, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && isNamed(a.Lhs[0], e.(*ast.Ident).Name) {
			found = append(found, levels(a.Rhs[0], in)...)
		}
		return true
	})
	return found
}

// journalTable says every kind of entry of the journal.
func journalTable(source library) (string, error) {
	found := map[string]bool{}
	var mistakes []error
	for folder, p := range source {
		p.each(func(n ast.Node, in *ast.FuncDecl) {
			kind := kindOfEntry(n)
			if kind == nil || strings.HasPrefix(folder, "store") {
				return
			}
			words := p.words(kind, in)
			if len(words) == 0 {
				mistakes = append(mistakes, fmt.Errorf("%s: a kind of journal entry that cannot be told from the source", folder))
			}
			for _, word := range words {
				found[word] = true
			}
		})
	}
	text := row("Kind", "What happened", "By", "Kept with it") + row("---", "---", "---", "---")
	for _, k := range kinds {
		text += row("`"+k.text+"`", sentence(k.meaning), sentence(k.by), sentence(k.kept))
	}
	return text, errors.Join(append(mistakes, differ("kind of journal entry", "kinds", found, known(kinds))...)...)
}

// kindOfEntry returns the Kind of a store.Entry that is made here, or nil.
func kindOfEntry(n ast.Node) ast.Expr {
	entry, ok := n.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	if name, ok := entry.Type.(*ast.SelectorExpr); !ok || name.Sel.Name != "Entry" || !isNamed(name.X, "store") {
		return nil
	}
	for _, element := range entry.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok && isNamed(pair.Key, "Kind") {
			return pair.Value
		}
	}
	return nil
}

// differ names what is found in the source and not in a table here, and the other way round.
func differ[T any](what, table string, found map[string]T, known map[string]bool) (mistakes []error) {
	for _, text := range slices.Sorted(maps.Keys(found)) {
		if !known[text] && never[text] == "" {
			mistakes = append(mistakes, fmt.Errorf("a %s that %s in internal/docgen does not know: %q", what, table, text))
		}
	}
	for _, text := range slices.Sorted(maps.Keys(known)) {
		if _, ok := found[text]; !ok {
			mistakes = append(mistakes, fmt.Errorf("a %s that the source has no more: remove %q from %s in internal/docgen", what, text, table))
		}
	}
	return mistakes
}

func known[T interface{ name() string }](table []T) map[string]bool {
	names := map[string]bool{}
	for _, t := range table {
		names[t.name()] = true
	}
	return names
}
