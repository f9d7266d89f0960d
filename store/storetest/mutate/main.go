// Command mutate breaks each backend on purpose, one rule at a time, and runs
// its tests: a mutation that survives is a rule that nobody checks. It changes
// nothing in the work tree (go test -overlay) and exits with 1 when one survives.
//
//	go run ./store/storetest/mutate [-every n] [text in the name of the file or rule]
//
// All of them take about a quarter of an hour on two cores, half that with
// TMPDIR on a memory disk; -every 10 tries each tenth.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	mutants "github.com/panui/panui/internal/mutation"
)

func main() {
	every := flag.Int("every", 1, "try each `nth` mutation only")
	flag.Parse()
	if err := run(max(*every, 1), strings.Join(flag.Args(), " ")); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(every int, only string) error {
	ctx := context.Background()
	root, err := mutants.Root(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tried, failed := 0, 0
	for i, m := range mutations {
		if i%every != 0 || !strings.Contains(m.file+" "+m.rule, only) {
			continue
		}
		tried++
		outcome := m.try(ctx, root, dir)
		fmt.Printf("%-8s %s: %s\n", outcome, m.file, m.rule)
		if outcome != killed {
			failed++
		}
	}
	fmt.Printf("%d mutations, %d killed\n", tried, tried-failed)
	if failed > 0 || tried == 0 {
		return fmt.Errorf("%d of %d were not killed", failed, tried)
	}
	return nil
}

// The outcomes of a mutation, beside an error that says why it was not tried.
const (
	killed   = "killed"
	survived = "SURVIVED"
)

// mutation breaks a rule by replacing the text that keeps it.
type mutation struct {
	file string // below the module
	rule string
	old  string // occurs once in file
	new  string
}

// backend is the package whose tests must notice.
func (m mutation) backend() string {
	if strings.HasPrefix(m.file, "store/memory/") {
		return "./store/memory"
	}
	return "./store/sqlite"
}

func (m mutation) apply(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if found := strings.Count(string(text), m.old); found != 1 {
		return "", fmt.Errorf("the text to replace occurs %d times, not once: %q", found, m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

// try builds the tests of the backend with the mutation in place, which must
// work, and runs them, which must not.
func (m mutation) try(ctx context.Context, root, dir string) (outcome string) {
	text, err := m.apply(root)
	if err != nil {
		return err.Error()
	}
	tests, err := mutants.Mutant{Root: root, File: m.file, Text: text}.Build(ctx, m.backend(), dir)
	if err != nil {
		return err.Error()
	}
	noticed, err := mutants.Noticed(ctx, tests, filepath.Join(root, m.backend()), dir, 10*time.Minute)
	switch {
	case err != nil:
		return err.Error()
	case noticed:
		return killed
	}
	return survived
}
