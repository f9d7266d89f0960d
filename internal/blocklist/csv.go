package blocklist

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a list that is read.
const (
	maxList    = 2 << 20 // bytes
	maxRows    = 10_000
	maxComment = 500 // characters that are kept of a comment
)

// columns are those of Mastodon's domain_blocks.csv, in its order.
var columns = []string{"domain", "severity", "reject_media", "reject_reports", "public_comment", "obfuscate"}

// accounts is the first column of Mastodon's other lists, where they have a heading.
const accounts = "Account address"

// Row is a line of a list.
type Row struct {
	Line    int
	Text    string // whom it names, as written
	Subject string // the same as Parse has it; empty for a handle, and where Problem says why
	Handle  string // name@domain, whose id is to be found out
	Comment string
	Suffix  bool   // it is a public suffix
	Idle    string // why nothing is to be done, in words
	Problem string // why it cannot be taken, in words
}

// Read reads Mastodon's domain_blocks.csv, with or without its heading, a list
// with one domain or id on each line, or a list of blocked accounts as
// name@domain. It fails where the file is no such list or is over a bound.
func Read(r io.Reader) ([]Row, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxList+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxList:
		return nil, fmt.Errorf("longer than %d bytes", maxList)
	case !utf8.Valid(text):
		return nil, errors.New("not UTF-8")
	}
	lines := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	lines.FieldsPerRecord = -1
	lines.ReuseRecord = true
	var rows []Row
	at := places(nil)
	for first := true; ; first = false {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if first && isHeading(cells) {
			at = places(cells)
			continue
		}
		if len(rows) == maxRows {
			return nil, fmt.Errorf("more than %d lines: divide it", maxRows)
		}
		line, _ := lines.FieldPos(0)
		rows = append(rows, at.read(cells, line))
	}
}

func isHeading(cells []string) bool {
	first := strings.TrimSpace(cells[0])
	return strings.EqualFold(strings.TrimPrefix(first, "#"), columns[0]) || strings.EqualFold(first, accounts)
}

// layout says in which cell a column is.
type layout map[string]int

// places finds the columns in a heading; without one they are in Mastodon's order.
func places(heading []string) layout {
	at := layout{}
	if heading == nil {
		heading = columns
	}
	for i, name := range heading {
		name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "#"))
		if _, twice := at[name]; !twice {
			at[name] = i
		}
	}
	at[columns[0]] = 0
	return at
}

func (at layout) cell(cells []string, column string) string {
	i, known := at[column]
	if !known || i >= len(cells) {
		return ""
	}
	return strings.TrimSpace(cells[i])
}

func (at layout) read(cells []string, line int) Row {
	row := Row{Line: line, Text: short(at.cell(cells, "domain")), Comment: short(at.cell(cells, "public_comment"))}
	for _, column := range []string{"reject_media", "reject_reports", "obfuscate"} {
		if value := strings.ToLower(at.cell(cells, column)); !slices.Contains([]string{"", "true", "false", "1", "0"}, value) {
			row.Problem = fmt.Sprintf("%s is %.20q, not true or false", column, value)
			return row
		}
	}
	row.name(at.cell(cells, "domain"))
	if row.Problem != "" {
		return row
	}
	switch severity := strings.ToLower(at.cell(cells, "severity")); severity {
	case "", "suspend":
	case "silence":
		row.Idle = "silence keeps posts off timelines, of which there are none here, and replies wait for a person anyhow"
	case "noop":
		row.Idle = "noop blocks nobody, and no media of others are fetched here anyhow"
	default:
		row.Problem = fmt.Sprintf("severity %.20q is not suspend, silence or noop", severity)
	}
	return row
}

// name reads whom a row names.
func (row *Row) name(cell string) {
	if strings.Contains(cell, "@") && !strings.Contains(cell, "://") && !strings.Contains(cell, "*") {
		name, domain, _ := strings.Cut(strings.TrimPrefix(cell, "@"), "@")
		if row.Handle = name + "@" + domain; name == "" || domain == "" {
			row.Handle, row.Problem = "", "not a handle: write it as name@social.example"
		}
		return
	}
	subject, err := Parse(cell)
	row.Subject, row.Suffix = subject, errors.Is(err, ErrSuffix)
	if err != nil && !row.Suffix {
		row.Problem = err.Error()
	}
}

// short keeps the printed start of a text, on one line.
func short(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) }), " ")
	if letters := []rune(text); len(letters) > maxComment {
		return string(letters[:maxComment]) + "…"
	}
	return text
}

// Write writes domains, each with a comment, as Mastodon's domain_blocks.csv.
func Write(w io.Writer, blocks func(yield func(domain, comment string) bool)) error {
	out := csv.NewWriter(w)
	heading := make([]string, len(columns))
	for i, name := range columns {
		heading[i] = "#" + name
	}
	err := out.Write(heading)
	for domain, comment := range blocks {
		err = errors.Join(err, out.Write([]string{domain, "suspend", "true", "true", harmless(comment), "false"}))
	}
	out.Flush()
	return errors.Join(err, out.Error())
}

// harmless keeps a spreadsheet from taking a comment for a formula.
func harmless(comment string) string {
	if comment != "" && strings.ContainsAny(comment[:1], "=+-@") {
		return "'" + comment
	}
	return comment
}
