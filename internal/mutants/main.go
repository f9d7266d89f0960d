// Command mutants changes the code that decides whom to believe and whom to
// ask, one expression at a time, and runs its tests: a change that they do not
// notice is a rule that nobody checks.
//
//	go run ./internal/mutants [-every n] [-only text] [-v] [-write]
//
// Changes that do not build are not counted. Without -every it also measures
// which statements the tests reach. It exits with 1 when fewer than 95 % of a
// file's mutants are killed, a statement is not reached, or the list of
// equivalent ones is wrong. -write keeps the result in docs/security/evidence.md,
// in the place of the one before about the same files; a test fails while that
// page speaks of another state of a file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/panui/panui/internal/mutation"
)

func main() {
	o := options{out: os.Stdout}
	flag.IntVar(&o.every, "every", 1, "try each `nth` mutant only")
	flag.StringVar(&o.only, "only", "", "try files with this `text` in their name only")
	flag.BoolVar(&o.list, "list", false, "list the mutants, and try none")
	flag.BoolVar(&o.verbose, "v", false, "say what became of each")
	flag.BoolVar(&o.write, "write", false, "write docs/security/evidence.md")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

type options struct {
	every                int
	only                 string
	list, verbose, write bool
	out                  io.Writer
}

func (o options) run(ctx context.Context) error {
	if o.every < 1 || o.write && o.every > 1 {
		return errors.New("use -every with 1 or more, and -write without it")
	}
	root, err := mutation.Root(ctx)
	if err != nil {
		return err
	}
	todo, err := o.choose(root)
	if err != nil {
		return err
	}
	if o.list {
		for _, t := range todo {
			fmt.Fprintln(o.out, t.mutant)
		}
		return nil
	}
	var unreached []block
	if o.every == 1 {
		if unreached, err = uncovered(ctx, root, o.chosen()); err != nil {
			return err
		}
	}
	found := &report{every: o.every, unreached: unreached}
	t := trier{root: root, verbose: o.verbose, out: o.out}
	if err := t.all(ctx, todo, runtime.GOMAXPROCS(0), found); err != nil {
		return err
	}
	fmt.Fprint(o.out, found)
	if o.write {
		of, err := states(root)
		if err != nil {
			return err
		}
		if err := keep(filepath.Join(root, evidence), found.results(time.Now(), of)); err != nil {
			return err
		}
	}
	return found.verdict()
}

func (o options) chosen() (chosen []area) {
	for _, a := range areas {
		if strings.Contains(a.file, o.only) {
			chosen = append(chosen, a)
		}
	}
	return chosen
}

// try is a mutant to be tried, with the tests that should notice it.
type try struct {
	mutant
	area
	text       string // of the file as it is
	equivalent bool
}

// choose lists what to try, and fails where a mutant that is said to be equivalent is none.
func (o options) choose(root string) (todo []try, err error) {
	n := 0
	for _, a := range o.chosen() {
		text, err := os.ReadFile(filepath.Join(root, a.file))
		if err != nil {
			return nil, err
		}
		mutants, err := find(a, string(text))
		if err != nil {
			return nil, err
		}
		if err := allThere(a, mutants); err != nil {
			return nil, err
		}
		for _, m := range mutants {
			if n++; n%o.every == 0 {
				todo = append(todo, try{m, a, string(text), isEquivalent(m)})
			}
		}
	}
	if len(todo) == 0 {
		return nil, errors.New("nothing to try")
	}
	return todo, nil
}

func isEquivalent(m mutant) bool {
	for _, e := range equivalents {
		if e.names(m) {
			return true
		}
	}
	return false
}

// allThere says which functions and equivalent mutants of the area are not, or no longer.
func allThere(a area, mutants []mutant) error {
	var missing []error
	for _, fn := range a.funcs {
		if !has(mutants, func(m mutant) bool { return m.fn == fn }) {
			missing = append(missing, fmt.Errorf("%s has nothing to change in %s", a.file, fn))
		}
	}
	for _, e := range equivalents {
		if e.file == a.file && !has(mutants, e.names) {
			missing = append(missing, fmt.Errorf("%s %s has no mutant %q → %q, which the list calls equivalent", e.file, e.fn, e.was, e.is))
		}
	}
	return errors.Join(missing...)
}

func has(mutants []mutant, is func(mutant) bool) bool {
	for _, m := range mutants {
		if is(m) {
			return true
		}
	}
	return false
}
