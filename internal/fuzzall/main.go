// Command fuzzall fuzzes every target of the module for a while, as CI does:
//
//	go run ./internal/fuzzall -total 8m -each 60s
//
// It builds each test binary once, runs as many targets at once as there are
// processors, each with one worker, and gives each -each or its share of -total,
// whichever is less. An input that breaks something is kept in testdata/fuzz of
// its package, where go test finds it from then on; what is only interesting goes
// to the cache of go test -fuzz.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"
)

func main() {
	total := flag.Duration("total", 10*time.Minute, "for all targets together")
	each := flag.Duration("each", time.Minute, "the most for one target")
	dir := flag.String("C", ".", "folder of the module")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	f := fuzzer{dir: *dir, total: *total, each: *each, jobs: runtime.GOMAXPROCS(0), out: os.Stdout}
	if err := f.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fuzzall:", err)
		os.Exit(1)
	}
}
