// Docgen writes the tables in docs/security that say what the code says: every
// bound, every reason for a refusal, every line of the log, every kind of journal
// entry and every advisory that is tested. In the root of the module:
//
//	go generate .
//
// What the code cannot say, such as why a bound is what it is, stands in tables
// here. A bound, a message or a kind that they do not know fails the run, and the
// test fails where a page is no longer what the run would write.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

// run writes all pages of the module in root.
func run(root string) error {
	written, err := render(root)
	if err != nil {
		return err
	}
	for name, text := range written {
		if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A table makes the Markdown of one part of a page.
type table func(library) (string, error)

// pages are the pages with generated parts, each part under its name.
var pages = map[string]map[string]table{
	"docs/security/advisories.md": {"advisories": advisoriesTable},
	"docs/security/limits.md":     {"limits": limitsTable, "bounds": boundsTable},
	"docs/security/events.md": {
		"refusals": refusalsTable, "documents": documentsTable, "outcomes": outcomesTable,
		"messages": messagesTable, "journal": journalTable,
	},
}

// render returns the pages as they should be, by name.
func render(root string) (map[string][]byte, error) {
	source, err := load(root)
	if err != nil {
		return nil, err
	}
	rendered := map[string][]byte{}
	var mistakes []error
	for name, parts := range pages {
		text, err := os.ReadFile(filepath.Join(root, name))
		for part, write := range parts {
			if err == nil {
				text, err = renderPart(text, part, write, source)
			}
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", name, err))
		}
		rendered[name] = text
	}
	return rendered, errors.Join(mistakes...)
}

// renderPart replaces what stands between the marks of a part.
func renderPart(text []byte, part string, write table, source library) ([]byte, error) {
	begin, end := []byte("<!-- generated: "+part+" -->\n"), []byte("<!-- end: "+part+" -->\n")
	before, rest, found := bytes.Cut(text, begin)
	_, after, ended := bytes.Cut(rest, end)
	if !found || !ended {
		return nil, fmt.Errorf("no place for %s: write %s and %s", part, bytes.TrimSpace(begin), bytes.TrimSpace(end))
	}
	body, err := write(source)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{before, begin, []byte(body), end, after}, nil), nil
}
