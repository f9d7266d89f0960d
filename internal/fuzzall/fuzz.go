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
	jobs        int // at once
	out         io.Writer
}

// target is one fuzz test.
type target struct {
	pkg    testedPackage
	name   string
	binary string
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
	share := share(f.total-time.Since(began), f.each, len(found), f.jobs)
	fmt.Fprintf(f.out, "%d targets, built in %s, %s each, %d at once\n", len(found), time.Since(began).Round(time.Second), share, f.jobs)
	return f.report(f.fuzzEach(ctx, found, share, strings.TrimSpace(cache)))
}

// share is how long each of n targets may take, to the tenth of a second.
func share(left, each time.Duration, n, jobs int) time.Duration {
	rounds := (n + jobs - 1) / jobs
	return max(min(each, left/time.Duration(max(rounds, 1))), time.Second).Truncate(100 * time.Millisecond)
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
func (f fuzzer) fuzzEach(ctx context.Context, targets []target, long time.Duration, cache string) <-chan outcome {
	todo, done := make(chan target), make(chan outcome)
	var workers sync.WaitGroup
	for range f.jobs {
		workers.Go(func() {
			for t := range todo {
				done <- t.fuzz(ctx, long, cache)
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
func (t target) fuzz(ctx context.Context, long time.Duration, cache string) outcome {
	began := time.Now()
	command := exec.CommandContext(ctx, t.binary,
		"-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+long.String(), "-test.parallel=1", "-test.fuzzminimizetime=100x",
		"-test.fuzzcachedir="+filepath.Join(cache, "fuzz", t.pkg.ImportPath), "-test.timeout="+(long+5*time.Minute).String())
	command.Dir = t.pkg.Dir
	output, err := command.CombinedOutput()
	o := outcome{target: t, took: time.Since(began), output: string(output), err: err}
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
