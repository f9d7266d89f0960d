// Kms publishes with a key that Pānui never holds: a service elsewhere signs,
// which takes time and has a quota. It shows the two files that an agency writes
// for its KMS (remote.go; service.go stands for the KMS) and measures what latency and quota
// make of a fan-out.
//
//	go run ./examples/kms -latency 100ms -quota 0 -signers 1,4,16
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kms:", err)
		os.Exit(1)
	}
}

// run measures a fan-out for each number of signers.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("kms", flag.ContinueOnError)
	flags.SetOutput(stdout)
	latency := flags.Duration("latency", 100*time.Millisecond, "how long the service takes for a signature")
	quota := flags.Int("quota", 0, "how many signatures a second the service makes; 0 is any number")
	inboxes := flags.Int("inboxes", 100, "how many servers the post goes to")
	signers := flags.String("signers", "1,4,16", "how many signatures are asked for at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for text := range strings.SplitSeq(*signers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-signers %q: write numbers from 1 up with commas between them", *signers)
		}
		took, s, err := measure(ctx, *latency, *quota, *inboxes, n)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%d signers: %.0f deliveries/s, where concurrency / latency is %.0f; %d signatures, %d refused over quota\n",
			n, float64(*inboxes)/took.Seconds(), float64(n)/latency.Seconds(), s.signed.Load(), s.refused.Load())
	}
	return nil
}

// measure publishes one post to many inboxes with a key in a service, and
// returns how long that took.
func measure(ctx context.Context, latency time.Duration, quota, inboxes, signers int) (time.Duration, *service, error) {
	s, err := newService(latency, quota)
	if err != nil {
		return 0, nil, err
	}
	url, stop, err := serve(s)
	if err != nil {
		return 0, nil, err
	}
	defer stop()
	key, err := dial(ctx, url, s.token, 10*time.Second, signers)
	if err != nil {
		return 0, nil, err
	}
	defer key.close()
	took, err := fanOut(ctx, key, inboxes, signers)
	return took, s, err
}

// serve answers on a free port of this machine until stop.
func serve(h http.Handler) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)}
	go server.Serve(listener)
	return "http://" + listener.Addr().String(), server.Close, nil
}
