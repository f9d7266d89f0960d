// Package mutation builds the tests of a package with one file of the module
// replaced (go test -overlay), so that the work tree stays as it is, and says
// whether they notice.
package mutation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Mutant is a module with one file changed.
type Mutant struct {
	Root string // of the module
	File string // below Root
	Text string // what the file says instead
}

// Root returns the folder of the module around the working directory.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

// ErrUnbuilt says that the compiler does not take a mutant.
var ErrUnbuilt = errors.New("does not build")

// complaint is what the compiler says about a line.
var complaint = regexp.MustCompile(`(?m)^\S+\.go:\d+:\d+: `)

// Build builds the tests of the package, such as ./inbox, in dir, and returns
// the path of the program. An error wraps ErrUnbuilt where the compiler complained.
func (m Mutant) Build(ctx context.Context, pkg, dir string) (tests string, err error) {
	mutant, replace, tests := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tests")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(m.Root, m.File): mutant}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(mutant, []byte(m.Text), 0o600), os.WriteFile(replace, overlay, 0o600)); err != nil {
		return "", err
	}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-o", tests, "-overlay", replace, pkg)
	build.Dir = m.Root
	if out, err := build.CombinedOutput(); err != nil {
		if complaint.Match(out) {
			err = ErrUnbuilt
		}
		return "", fmt.Errorf("mutation: build %s: %w\n%s", pkg, err, out)
	}
	return tests, nil
}

// Noticed runs the tests in dir, with a folder for what they leave behind, and
// says whether they fail. Tests that do not come to an end in time fail.
func Noticed(ctx context.Context, tests, dir, temporary string, within time.Duration, args ...string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(ctx, tests, append([]string{"-test.failfast"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &failed), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return true, nil
	}
	return false, fmt.Errorf("mutation: run %s: %w", tests, err)
}
