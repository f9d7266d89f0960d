package storetest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// Benchmark measures what a busy site asks of a backend.
func Benchmark(b *testing.B, backend Backend) {
	open := func(b *testing.B) Store {
		s, err := backend.Create(b)()
		require.NoError(b, err)
		b.Cleanup(func() { s.Close() })
		return s
	}
	b.Run("fan out to 100,000 followers behind 8,000 inboxes", func(b *testing.B) { benchFanout(b, open(b)) })
	b.Run("claim and settle 64 of 50,000", func(b *testing.B) { benchDrain(b, open(b), 5_000, 10) })
	b.Run("claim 2 of 50,000 for one host", func(b *testing.B) { benchOneHost(b, open(b)) })
	b.Run("receive and record in one commit", func(b *testing.B) { benchReceive(b, open(b)) })
}

// audience makes followers on as many hosts as inboxes, each with a shared inbox.
func audience(b *testing.B, s Store, followers, inboxes int) {
	ops := make([]store.Op, followers)
	for n := range ops {
		ops[n] = follows(news, fmt.Sprint("person", n), fmt.Sprintf("host%d.example", n%inboxes))
	}
	require.NoError(b, s.Apply(ctx, ops...))
}

func article(n int) store.Activity {
	return store.Activity{ID: fmt.Sprint(site, "/a/", n), Actor: news, Type: "Create", Object: fmt.Sprint(site, "/o/", n),
		Public: true, Body: make([]byte, 4<<10), At: nine}
}

func benchFanout(b *testing.B, s Store) {
	audience(b, s, 100_000, 8_000)
	n := 0
	for b.Loop() {
		n++
		require.NoError(b, s.Apply(ctx, toFollowers(article(n)), notes("publish")))
	}
	reportMemory(b)
}

func benchDrain(b *testing.B, s Store, inboxes, articles int) {
	audience(b, s, inboxes, inboxes)
	said, settled := 0, 0
	for b.Loop() {
		got, err := s.Claim(ctx, store.Claim{Actors: []string{news, alerts}, Now: nine, Lease: time.Minute, Limit: 64, PerHost: 2})
		require.NoError(b, err)
		if len(got) == 0 {
			b.StopTimer()
			for range articles {
				said++
				require.NoError(b, s.Apply(ctx, toFollowers(article(said))))
			}
			b.StartTimer()
		}
		ops := make([]store.Op, len(got))
		for i, one := range got {
			ops[i] = settles(one, store.Delivered)
		}
		require.NoError(b, s.Apply(ctx, ops...))
		settled += len(got)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(settled), "µs/delivery")
	reportMemory(b)
}

// benchOneHost looks for the few deliveries for other hosts behind a long queue
// for one that is busy.
func benchOneHost(b *testing.B, s Store) {
	for n := range 50 {
		ops := make([]store.Op, 1000)
		for i := range ops {
			ops[i] = sends(article(1000*n+i), fmt.Sprintf("https://busy.example/%d", i))
		}
		require.NoError(b, s.Apply(ctx, ops...))
	}
	q := store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, Limit: 64, PerHost: 2}
	for b.Loop() {
		got, err := s.Claim(ctx, q)
		require.NoError(b, err)
		require.Len(b, got, 2)
		for _, one := range got {
			require.NoError(b, s.Apply(ctx, store.Settle{Delivery: one.ID, Fence: one.Fence, Unsent: true}))
		}
	}
}

func benchReceive(b *testing.B, s Store) {
	n := 0
	for b.Loop() {
		n++
		heard := replies(n, object(1))
		heard.Received.Body = make([]byte, 2<<10)
		require.NoError(b, s.Apply(ctx, heard, notes("reply")))
	}
}

// reportMemory reports what the process has taken from the system so far.
func reportMemory(b *testing.B) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-taken")
}
