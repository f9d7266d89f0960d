package main

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// advisory is a row of the tables in the tests of the root, as the page says it.
type advisory struct {
	id, known, must string
	absent          []string // features that were left out; otherwise a test shows it
}

// classes say what the advisories of a letter have in common.
var classes = map[string]string{
	"A": "Who an actor or an object is said to be",
	"B": "What a fetched document is said to be",
	"C": "Whose a key is",
	"D": "What a signature covers",
	"E": "Algorithms and kinds of keys",
	"F": "Repetition and order",
	"G": "Redirects",
	"H": "Requests to inner networks",
	"I": "JSON-LD, linked-data signatures, and parsers that differ",
	"J": "Endless collections, bombs, crashes, growth",
	"K": "Slow parsing",
	"L": "Scripts and markup in what strangers write",
	"M": "Redirects of visitors",
	"N": "What is not public",
	"O": "Who follows whom",
	"P": "Deleting and changing what is another's",
	"Q": "Undoing and accepting in another's name",
	"R": "Boosts, likes and quotes",
	"S": "Forwarding, and trust in what is embedded",
	"T": "Changing keys",
	"U": "Shared caches",
	"V": "Slow peers and herds",
	"W": "WebFinger, hosts, case and look-alikes",
	"X": "Injection, logs, rate limits and exposure",
}

// advisoriesTable says every advisory, by its letter, under how many there are.
func advisoriesTable(source library) (string, error) {
	found, err := advisories(source["."])
	shown, absent := 0, 0
	var tables strings.Builder
	letter := ""
	for _, a := range found {
		if a.id[:1] != letter {
			letter = a.id[:1]
			fmt.Fprintf(&tables, "\n### %s: %s\n\n%s%s", letter, classes[letter], row("", "Known as", "What must hold", "Shown by"), row("---", "---", "---", "---"))
		}
		by := "`TestAdvisories/" + a.test() + "`"
		if len(a.absent) > 0 {
			absent++
			by = "absent: " + strings.Join(a.absent, "; ")
		} else {
			shown++
		}
		tables.WriteString(row(a.id, a.known, sentence(a.must), by))
	}
	summary := fmt.Sprintf("%d advisories: %d are sent to a whole site and have no effect there, %d concern features that were left out, which is checked.\n",
		len(found), shown, absent)
	return summary + tables.String(), err
}

var inName = regexp.MustCompile(`[^A-Za-z0-9.#-]+`)

// test is what the test of an advisory is called, as the root's advisory.name has it.
func (a advisory) test() string { return a.id + "_" + inName.ReplaceAllString(a.known, "_") }

// advisories reads the tables from the tests of the root, in the order of their ids.
func advisories(root *pkg) (found []advisory, _ error) {
	var mistakes []error
	features := map[string]string{}
	root.eachTestLiteral(func(name string, fields map[string]ast.Expr) {
		if feature, ok := fields["feature"]; ok {
			features[name] = spelled(feature)
		}
	})
	root.eachTestLiteral(func(_ string, fields map[string]ast.Expr) {
		r, ok := fields["row"].(*ast.CompositeLit)
		if !ok || fields["known"] == nil {
			return
		}
		inRow := fieldsOf(r)
		a := advisory{id: spelled(inRow["id"]), known: spelled(fields["known"]), must: spelled(inRow["must"])}
		if list, ok := fields["absent"].(*ast.CompositeLit); ok {
			for _, e := range list.Elts {
				a.absent = append(a.absent, features[nameOf(e)])
			}
		}
		if a.known == "" || a.must == "" || slices.Contains(a.absent, "") || classes[a.letter()] == "" {
			mistakes = append(mistakes, fmt.Errorf("advisory %q: write id, known and must as texts and absent as names of features", a.id))
			return
		}
		found = append(found, a)
	})
	slices.SortFunc(found, func(a, b advisory) int {
		return cmp.Or(cmp.Compare(a.letter(), b.letter()), cmp.Compare(a.number(), b.number()))
	})
	return found, errors.Join(mistakes...)
}

func (a advisory) letter() string { return a.id[:min(len(a.id), 1)] }

func (a advisory) number() int {
	n, _ := strconv.Atoi(strings.TrimPrefix(a.id, a.letter()))
	return n
}

// eachTestLiteral visits the struct literals with named fields in a package's
// tests, with the name of the variable where it is one.
func (p *pkg) eachTestLiteral(visit func(name string, fields map[string]ast.Expr)) {
	for _, name := range slices.Sorted(maps.Keys(p.tests)) {
		variables := map[ast.Expr]string{}
		ast.Inspect(p.tests[name], func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, value := range n.Values {
					variables[value] = n.Names[i].Name
				}
			case *ast.CompositeLit:
				visit(variables[n], fieldsOf(n))
			}
			return true
		})
	}
}

// fieldsOf are the fields of a struct literal by name.
func fieldsOf(literal *ast.CompositeLit) map[string]ast.Expr {
	fields := map[string]ast.Expr{}
	for _, element := range literal.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			fields[nameOf(pair.Key)] = pair.Value
		}
	}
	return fields
}

func nameOf(e ast.Expr) string {
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// spelled is a text that is written out, in one piece or several; else nothing.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return spelled(e.X) + spelled(e.Y)
	}
	return ""
}
