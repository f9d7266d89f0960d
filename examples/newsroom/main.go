// Newsroom is a small agency's website with Pānui mounted in it, and, as a
// simulation beside it, the server of one reader: publish, edit and withdraw
// news, and watch what the fediverse sees of it.
//
//	go run ./examples/newsroom
//
// The website is news.go, website.go and editor.go, as a website may be without
// Pānui. What Pānui adds is mount.go, the calls in newsroom.go, and pages for
// people: moderation.go and record.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "newsroom:", err)
		os.Exit(1)
	}
}

// run is the program: it starts everything, tells where it is, and returns nil
// once ctx has ended and everything has stopped.
func run(ctx context.Context, args []string, stdout io.Writer) (err error) {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	listener, err := listen(o.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := o.settle(listener.Addr()); err != nil {
		return err
	}

	site, db, err := mount(ctx, o)
	if err != nil {
		return ended(ctx, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	news, err := openArchive(filepath.Join(o.data, "news.json"))
	if err != nil {
		return err
	}
	n := &newsroom{site: site, db: db, news: news, options: o, pages: parsePages("layout.html")}
	var aroha *reader
	if o.reader {
		if aroha, err = startReader(o); err != nil {
			return err
		}
		defer aroha.close()
		n.simulation = aroha.url
	}
	if err := n.restore(ctx); err != nil {
		return ended(ctx, err)
	}
	defer serve(listener, site.Handler(n.website()))()

	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return site.Run(ctx) })
	introduce(stdout, o, aroha)
	work.Go(func() error { return ended(ctx, n.speak(ctx, aroha, stdout)) })
	return work.Wait()
}

// introduce says in a few lines what runs where.
func introduce(w io.Writer, o options, aroha *reader) {
	fmt.Fprintf(w, "\nKia ora! Te Manatū Tauira, the Ministry of Examples, is @%s.\n\n", o.handle)
	fmt.Fprintf(w, "  Website     %s/\n", o.base)
	fmt.Fprintf(w, "  Editor      %s/editor/\n", o.base)
	fmt.Fprintf(w, "  Moderation  %s/editor/moderation\n", o.base)
	fmt.Fprintf(w, "  Record      %s/editor/record\n", o.base)
	if aroha != nil {
		fmt.Fprintf(w, "  Reader      %s/   (a simulation of somebody else's server)\n", aroha.url)
	}
	if o.base != "http://"+o.addr {
		fmt.Fprintf(w, "  Listening   %s   (bring what reaches the website's address here, with its Host header)\n", o.addr)
	}
	fmt.Fprintf(w, "\n  Data        %s\n", o.data)
	if o.refuseEditors() {
		fmt.Fprintf(w, "\nThe editor's pages are closed, since others can reach this address: open them with -editor-password FILE.\n")
	}
	fmt.Fprintf(w, "\nCtrl-C stops it. Start it with -data %s to go on where it stopped.\n\n", o.data)
}

// ended forgets the error of work that ended because everything ends.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address, such as -addr 127.0.0.1:8090, or -addr 127.0.0.1:0 for any that is free", err)
	}
	return listener, nil
}

// serve answers on l until the function that it returns is called, which lets
// open requests end.
func serve(l net.Listener, h http.Handler) (stop func()) {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	return func() {
		patience, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Shutdown(patience); err != nil {
			server.Close()
		}
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			slog.Error("server failed", "address", l.Addr(), "error", err)
		}
	}
}
