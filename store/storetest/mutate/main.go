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
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
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
	root, err := moduleRoot()
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
		outcome := m.try(root, dir)
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

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

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
func (m mutation) try(root, dir string) (outcome string) {
	tests, err := m.build(root, dir)
	if err != nil {
		return err.Error()
	}
	return judge(tests, filepath.Join(root, m.backend()), dir)
}

func (m mutation) build(root, dir string) (tests string, err error) {
	text, err := m.apply(root)
	if err != nil {
		return "", err
	}
	mutant, replace, tests := filepath.Join(dir, "mutant"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tests")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, m.file): mutant}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(mutant, []byte(text), 0o600), os.WriteFile(replace, overlay, 0o600)); err != nil {
		return "", err
	}
	build := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", tests, "-overlay", replace, m.backend())
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return tests, nil
}

// judge takes tests that do not come to an end for tests that fail.
func judge(tests, dir, temporary string) (outcome string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tests, "-test.failfast")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return survived
	case errors.As(err, &failed):
		return killed
	default:
		return err.Error()
	}
}
