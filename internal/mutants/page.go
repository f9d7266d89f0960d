package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// evidence is the page that keeps the last result about each file.
const evidence = "docs/security/evidence.md"

// The marks between which the results stand in the page.
const (
	begin = "<!-- result of go run ./internal/mutants -write -->"
	end   = "<!-- end of the result -->"
)

// result is what a whole run said about one file, and about which state of it.
type result struct {
	row
	gaps      int // blocks that no test reaches
	tried     string
	of        string   // state of the area
	survivors []string // as they are listed
}

// state is the same as long as there is the same to be tried in a file.
func state(mutants []mutant) string {
	h := sha256.New()
	for _, m := range mutants {
		fmt.Fprintf(h, "%q%q%q\n", m.fn, m.was, m.is)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6])
}

// states returns the state of each area as it is.
func states(root string) (map[string]string, error) {
	found := map[string]string{}
	for _, a := range areas {
		text, err := os.ReadFile(filepath.Join(root, a.file))
		if err != nil {
			return nil, err
		}
		mutants, err := find(a, string(text))
		if err != nil {
			return nil, err
		}
		found[a.file] = state(mutants)
	}
	return found, nil
}

// results are what the report says file by file.
func (r *report) results(now time.Time, of map[string]string) (all []result) {
	for _, f := range r.rows {
		one := result{row: f, gaps: r.gaps(f.file), tried: now.Format(time.DateOnly) + " " + runtime.Version(), of: of[f.file]}
		for _, m := range r.survivors {
			if m.file == f.file {
				one.survivors = append(one.survivors, listed(f.file, fmt.Sprintf("%s `%s` → `%s`", m.fn, m.was, m.is)))
			}
		}
		all = append(all, one)
	}
	return all
}

const survivorsOf = "- survived in "

func listed(file, what string) string { return survivorsOf + file + ": " + what }

// tableLine is a row of the page's table.
var tableLine = regexp.MustCompile(`(?m)^\| (\S+\.go) \| \d+ \| (\d+) \| (\d+) \| (\d+) \| [\d.]+ % \| (\d+) \| (\S+ \S+) \| ([0-9a-f]+) \|$`)

// readResults reads what stands between the marks.
func readResults(text string) (all []result) {
	for _, m := range tableLine.FindAllStringSubmatch(text, -1) {
		number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
		one := result{row: row{file: m[1], killed: number(2), equivalent: number(3), survived: number(4)}, gaps: number(5), tried: m[6], of: m[7]}
		for l := range strings.Lines(text) {
			if strings.HasPrefix(l, survivorsOf+one.file+":") {
				one.survivors = append(one.survivors, strings.TrimSuffix(l, "\n"))
			}
		}
		all = append(all, one)
	}
	return all
}

// keep writes results into the page, each in the place of the one before about
// the same file, and leaves the rest of the page as it is.
func keep(page string, results []result) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, between, after, err := cut(string(old))
	if err != nil {
		return fmt.Errorf("%s %w", page, err)
	}
	for _, kept := range readResults(between) {
		same := func(r result) bool { return r.file == kept.file }
		if !slices.ContainsFunc(results, same) && isArea(kept.file) {
			results = append(results, kept)
		}
	}
	slices.SortFunc(results, func(a, b result) int { return cmp.Compare(a.file, b.file) })
	return os.WriteFile(page, []byte(before+begin+"\n\n"+written(results)+"\n"+end+after), 0o644)
}

func cut(page string) (before, between, after string, err error) {
	before, rest, found := strings.Cut(page, begin)
	between, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", "", "", fmt.Errorf("has no place for the result")
	}
	return before, between, after, nil
}

func isArea(file string) bool {
	return slices.ContainsFunc(areas, func(a area) bool { return a.file == file })
}

// written is what stands between the marks.
func written(results []result) string {
	var b strings.Builder
	b.WriteString("| File | Mutants | Killed | Equivalent | Survived | Killed of those that can be | Blocks no test reaches | Tried | State |\n|---|--:|--:|--:|--:|--:|--:|---|---|\n")
	all := result{row: row{file: "all"}}
	write := func(r result) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.1f %% | %d | %s | %s |\n",
			r.file, r.killed+r.equivalent+r.survived, r.killed, r.equivalent, r.survived, r.share(), r.gaps, r.tried, r.of)
	}
	for _, r := range results {
		write(r)
		all.killed, all.equivalent, all.survived, all.gaps = all.killed+r.killed, all.equivalent+r.equivalent, all.survived+r.survived, all.gaps+r.gaps
	}
	write(all)
	b.WriteString("\nSurvivors, which no test noticed:\n\n")
	for _, r := range results {
		for _, s := range r.survivors {
			b.WriteString(s + "\n")
		}
	}
	if all.survived == 0 {
		b.WriteString("- none\n")
	}
	b.WriteString("\nCalled equivalent, since no test can see them:\n\n")
	for _, e := range equivalents {
		fmt.Fprintf(&b, "- %s, %s: `%s` → `%s`: %s\n", e.file, e.fn, e.was, e.is, e.reason)
	}
	return b.String()
}

// stale says which areas the page has no result about as they are.
func stale(page string, of map[string]string) (files []string, err error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	_, between, _, err := cut(string(text))
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for _, r := range readResults(between) {
		known[r.file] = r.of
	}
	for file, is := range of {
		if known[file] != is {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files, nil
}
