// Command fedify lets a Pānui site and a server on Fedify talk, and prints what
// each says of it:
//
//	(cd examples/interop/fedify && npm ci)
//	go run ./examples/interop/fedify
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "examples/interop/fedify", "where peer.mjs and node_modules are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return tell(ctx, os.Stdout, *dir)
}

// tell has the conversation and prints it. It fails when anything was not as it must be.
func tell(ctx context.Context, out io.Writer, dir string) (err error) {
	temp, err := os.MkdirTemp("", "panui-fedify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	c, err := meet(ctx, memory.New(), dir, temp, slog.New(slog.DiscardHandler), os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	fmt.Fprintf(out, "Pānui   @%s\nFedify  %s, on Node %s\n", c.agency.Handle, c.kiri.Handle, c.kiri.Node)
	wrong := 0
	for i, s := range c.steps() {
		v := c.take(ctx, s)
		printVerdict(out, i+1, v)
		if !v.right() {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d steps went wrong", wrong)
	}
	return nil
}

func printVerdict(out io.Writer, n int, v verdict) {
	fmt.Fprintf(out, "\n%2d  %s\n", n, v.says)
	if v.err != nil {
		fmt.Fprintf(out, "    ✗ %v\n", v.err)
	}
	for _, k := range v.knocks {
		fmt.Fprintf(out, "      Fedify knocks: %s\n", k)
	}
	printSide(out, "Fedify", v.theirs, v.gotTheirs)
	printSide(out, "Pānui ", v.ours, v.gotOurs)
}

func printSide(out io.Writer, who, want, got string) {
	switch {
	case want != got:
		fmt.Fprintf(out, "    ✗ %s  %s, but should be: %s\n", who, got, want)
	case got != "":
		fmt.Fprintf(out, "    ✓ %s  %s\n", who, got)
	}
}

// meet starts both servers. What they need on disk goes to temp; stderr gets
// what Fedify complains about.
func meet(ctx context.Context, s store.Store, dir, temp string, log *slog.Logger, stderr io.Writer) (*conversation, error) {
	if err := installed(dir); err != nil {
		return nil, err
	}
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	f, err := ca.write(temp)
	if err != nil {
		return nil, err
	}
	kiri, err := startPeer(ctx, dir, f, stderr)
	if err != nil {
		return nil, err
	}
	a, err := openAgency(ctx, s, ca, temp, log)
	if err != nil {
		return nil, errors.Join(err, kiri.close())
	}
	return &conversation{agency: a, kiri: kiri}, nil
}

func (c *conversation) close() error { return errors.Join(c.agency.close(), c.kiri.close()) }
