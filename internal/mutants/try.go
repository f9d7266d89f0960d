package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/panui/panui/internal/mutation"
)

// outcome is what became of a mutant.
type outcome string

const (
	killed     outcome = "killed"
	survived   outcome = "SURVIVED"
	unbuilt    outcome = "does not build"
	longEnough         = 3 * time.Minute // for tests that take some seconds on a quiet machine
)

type trier struct {
	root    string
	verbose bool
	out     io.Writer
}

// all tries the mutants, some at once.
func (t trier) all(ctx context.Context, todo []try, jobs int, found *report) error {
	next := make(chan try)
	var workers sync.WaitGroup
	var said sync.Mutex
	var failed error
	for range jobs {
		workers.Go(func() {
			for m := range next {
				o, err := t.one(ctx, m)
				said.Lock()
				if err != nil && failed == nil {
					failed = fmt.Errorf("%s: %w", m.mutant, err)
				}
				found.add(m, o)
				if t.verbose || (o == survived) != m.equivalent && o != unbuilt {
					fmt.Fprintf(t.out, "%-9s %s\n", o, m.mutant)
				}
				said.Unlock()
			}
		})
	}
	for _, m := range todo {
		next <- m
	}
	close(next)
	workers.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// one builds the tests with the mutant in place and runs them, the narrow ones first.
func (t trier) one(ctx context.Context, m try) (outcome, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	changed := mutation.Mutant{Root: t.root, File: m.mutant.file, Text: m.mutant.apply(m.text)}
	built, tests := "", ""
	for _, s := range m.tests {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if s.pkg != built {
			tests, err = changed.Build(ctx, s.pkg, dir)
			if errors.Is(err, mutation.ErrUnbuilt) {
				return unbuilt, nil
			}
			if err != nil {
				return "", err
			}
			built = s.pkg
		}
		noticed, err := mutation.Noticed(ctx, tests, filepath.Join(t.root, s.pkg), dir, longEnough, "-test.short", "-test.run="+s.run)
		if err != nil {
			return "", err
		}
		if noticed {
			return killed, nil
		}
	}
	return survived, nil
}
