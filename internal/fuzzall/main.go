// Command fuzzall fuzzes every target of the module for a while, as CI does:
//
//	go run ./internal/fuzzall -total 10m -each 60s -first 'Scan|Guard'
//
// It builds each test binary once and runs as many targets at once as there are
// processors, each with one worker. Those that -first names get -each or their
// share of -total, whichever is less, and the others share what is left. An input that breaks something is kept in testdata/fuzz of
// its package, where go test finds it from then on; what is only interesting goes
// to the cache of go test -fuzz.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"time"
)

func main() {
	total := flag.Duration("total", 10*time.Minute, "for all targets together")
	each := flag.Duration("each", time.Minute, "the most for one target")
	first := flag.String("first", "", "`regexp` of the names of targets that come first, with no less than the others")
	dir := flag.String("C", ".", "folder of the module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names, err := regexp.Compile(*first)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall: -first:", err)
		os.Exit(2)
	}
	f := fuzzer{dir: *dir, total: *total, each: *each, first: names, jobs: runtime.GOMAXPROCS(0), out: os.Stdout}
	if err := f.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall:", err)
		os.Exit(1)
	}
}
