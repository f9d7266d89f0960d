package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

type fuzzer struct {
	dir         string // of the module
	total, each time.Duration
	first       *regexp.Regexp // names of those that get each; the others share what is left
	jobs        int            // at once
	out         io.Writer
}

// target is one fuzz test.
type target struct {
	pkg    testedPackage
	name   string
	binary string
	long   time.Duration // to be fuzzed
}

// testedPackage is what go list says of a package.
type testedPackage struct {
	Dir, ImportPath           string
	TestGoFiles, XTestGoFiles []string
}

// outcome is what fuzzing a target came to.
type outcome struct {
	target
	took          time.Duration
	execs, corpus int
	output        string
	err           error
}

func (f fuzzer) run(ctx context.Context) error {
	began := time.Now()
	found, err := f.find(ctx)
	if err != nil {
		return err
	}
	bin, err := os.MkdirTemp("", "fuzzall")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	cache, err := f.goCommand(ctx, "env", "GOCACHE")
	if err != nil {
		return err
	}
	for i := range found {
		if i > 0 && found[i].pkg.ImportPath == found[i-1].pkg.ImportPath {
			found[i].binary = found[i-1].binary
			continue
		}
		found[i].binary = filepath.Join(bin, strconv.Itoa(i)+".test")
		// With -fuzz the compiler counts branches, without which fuzzing is blind.
		if _, err := f.goCommand(ctx, "test", "-c", "-fuzz", "^"+found[i].name+"$", "-o", found[i].binary, found[i].pkg.ImportPath); err != nil {
			return err
		}
	}
	p := plan{left: f.total - time.Since(began), each: f.each, jobs: f.jobs}
	found = p.share(found, f.first.MatchString)
	fmt.Fprintf(f.out, "%d targets, built in %s, %d at once\n", len(found), time.Since(began).Round(time.Second), f.jobs)
	return f.report(f.fuzzEach(ctx, found, strings.TrimSpace(cache)))
}

// plan is how much time there is.
type plan struct {
	left, each time.Duration
	jobs       int // at once
}

// share says how long each target is fuzzed, those first that are to be.
func (p plan) share(targets []target, first func(name string) bool) []target {
	var early, late []target
	for _, t := range targets {
		if first(t.name) {
			early = append(early, t)
		} else {
			late = append(late, t)
		}
	}
	long := p.shareOf(len(early))
	p.left -= long * time.Duration(p.rounds(len(early)))
	short := p.shareOf(len(late))
	for i := range early {
		early[i].long = long
	}
	for i := range late {
		late[i].long = short
	}
	return append(early, late...)
}

// rounds is how many of n targets come after each other.
func (p plan) rounds(n int) int { return (n + p.jobs - 1) / p.jobs }

// shareOf is what each of n targets gets of the time that is left, to the tenth
// of a second: a second at least.
func (p plan) shareOf(n int) time.Duration {
	return max(min(p.each, p.left/time.Duration(max(p.rounds(n), 1))), time.Second).Truncate(100 * time.Millisecond)
}

// find lists all fuzz tests of the module, package by package.
func (f fuzzer) find(ctx context.Context) (found []target, err error) {
	list, err := f.goCommand(ctx, "list", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, err
	}
	for packages := json.NewDecoder(strings.NewReader(list)); packages.More(); {
		var p testedPackage
		if err := packages.Decode(&p); err != nil {
			return nil, fmt.Errorf("read what go list says: %w", err)
		}
		for _, file := range append(p.TestGoFiles, p.XTestGoFiles...) {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, d := range parsed.Decls {
				if test, ok := d.(*ast.FuncDecl); ok && test.Recv == nil && strings.HasPrefix(test.Name.Name, "Fuzz") {
					found = append(found, target{pkg: p, name: test.Name.Name})
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no fuzz test is found")
	}
	return found, nil
}

func (f fuzzer) goCommand(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = f.dir
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, out, &complaint)
	}
	return string(out), nil
}

// fuzzEach fuzzes the targets, some at once, and sends each outcome when it is there.
func (f fuzzer) fuzzEach(ctx context.Context, targets []target, cache string) <-chan outcome {
	todo, done := make(chan target), make(chan outcome)
	var workers sync.WaitGroup
	for range f.jobs {
		workers.Go(func() {
			for t := range todo {
				done <- t.fuzz(ctx, cache)
			}
		})
	}
	go func() {
		for _, t := range targets {
			todo <- t
		}
		close(todo)
		workers.Wait()
		close(done)
	}()
	return done
}

// fuzz runs the target as go test -fuzz would, but with the binary that is there.
// It is interrupted at its end, not given a -test.fuzztime: where that ends while
// an input is tried, Go before 1.27 fails with "context deadline exceeded"
// (https://go.dev/issue/75804).
func (t target) fuzz(ctx context.Context, cache string) outcome {
	began := time.Now()
	command := exec.CommandContext(ctx, t.binary,
		"-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.parallel=1", "-test.fuzzminimizetime=100x",
		"-test.fuzzcachedir="+filepath.Join(cache, "fuzz", t.pkg.ImportPath), "-test.timeout="+(t.long+5*time.Minute).String())
	command.Dir = t.pkg.Dir
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	err := command.Start()
	if err == nil {
		end := time.AfterFunc(t.long, func() { _ = command.Process.Signal(os.Interrupt) }) // it may have failed before
		defer end.Stop()
		err = command.Wait()
	}
	o := outcome{target: t, took: time.Since(began), output: said.String(), err: err}
	if lines := progress.FindAllStringSubmatch(o.output, -1); len(lines) > 0 {
		last := lines[len(lines)-1]
		o.execs, _ = strconv.Atoi(last[1])
		o.corpus, _ = strconv.Atoi(last[2])
	}
	return o
}

// progress is what fuzzing says every few seconds and at its end.
var progress = regexp.MustCompile(`fuzz: elapsed: \S+, execs: (\d+) \(\d+/sec\), new interesting: \d+ \(total: (\d+)\)`)

// crasher is where fuzzing says that it wrote an input.
var crasher = regexp.MustCompile(`testdata/fuzz/(Fuzz\w+/\w+)`)

// report writes a line for each outcome, and says in the error how to see again what went wrong.
func (f fuzzer) report(outcomes <-chan outcome) error {
	var failed []error
	execs := 0
	for o := range outcomes {
		execs += o.execs
		fmt.Fprintf(f.out, "%-55s %-24s %6s %10d execs %6d inputs\n", o.pkg.ImportPath, o.name, o.took.Round(time.Second), o.execs, o.corpus)
		switch found := crasher.FindStringSubmatch(o.output); {
		case o.err == nil && !strings.Contains(o.output, "fuzz: elapsed"):
			failed = append(failed, fmt.Errorf("%s %s ran nothing:\n%s", o.pkg.ImportPath, o.name, o.output))
		case o.err != nil && found != nil:
			failed = append(failed, fmt.Errorf("%s\nthe input is kept in %s; to see it again:\n\tgo test -run '%s' %s",
				o.output, filepath.Join(o.pkg.Dir, found[0]), found[1], o.pkg.ImportPath))
		case o.err != nil:
			failed = append(failed, fmt.Errorf("%s %s: %w\n%s\nto see it again:\n\tgo test -run '^%s$' %s",
				o.pkg.ImportPath, o.name, o.err, o.output, o.name, o.pkg.ImportPath))
		}
	}
	fmt.Fprintf(f.out, "%d execs in all\n", execs)
	return errors.Join(failed...)
}
