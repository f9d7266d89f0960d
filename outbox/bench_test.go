package outbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

// BenchmarkFanout delivers one post to all inboxes, from a SQLite file to a
// server in this process, and compares with the rate at which the same key signs
// on the same cores when it does nothing else.
//
//	go test ./outbox -run - -bench Fanout -benchtime 1x
func BenchmarkFanout(b *testing.B) {
	for _, c := range []struct{ bits, inboxes int }{{3072, 5_000}, {2048, 5_000}, {1024, 50_000}} {
		b.Run(fmt.Sprintf("rsa%d/%d", c.bits, c.inboxes), func(b *testing.B) {
			key, err := rsa.GenerateKey(rand.Reader, c.bits)
			require.NoError(b, err)
			for b.Loop() {
				fanOut(b, key, c.inboxes)
			}
		})
	}
}

func fanOut(b *testing.B, key crypto.Signer, inboxes int) {
	tw := townOf(b, openSQLite(b), key)
	tw.deliverer.Now, tw.publisher.Now = nil, nil
	arrived := new(atomic.Int64)
	hosts := sinks(b, 1000, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		arrived.Add(1)
		w.WriteHeader(http.StatusAccepted)
	})
	tw.follow(inboxes, inboxes, hosts)
	tw.publish(bridge())
	raw := signatures(b, tw, inboxes/10)

	peak := watchHeap()
	begun := now()
	stop := tw.run(tw.deliverer)
	for arrived.Load() < int64(inboxes) {
		time.Sleep(5 * time.Millisecond)
	}
	whole := begun.since(inboxes)
	stop()
	megabytes := peak()
	require.Equal(b, inboxes, tw.receipt("2026/17").Delivered)

	b.ReportMetric(whole.perSecond, "deliveries/s")
	b.ReportMetric(raw.perSecond, "signatures/s")
	b.ReportMetric(whole.perSecond/raw.perSecond, "ratio")
	b.ReportMetric(whole.perCPUSecond/raw.perCPUSecond, "cpu-ratio")
	b.ReportMetric(megabytes, "peak-MB")
}

// instant is a moment in wall time and in the CPU time of the process. On a
// machine that is busy with other things only the second can be compared.
type instant struct {
	wall time.Time
	cpu  time.Duration
}

func now() instant {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return instant{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}

// rate is how fast n things were done.
type rate struct{ perSecond, perCPUSecond float64 }

func (i instant) since(n int) rate {
	end := now()
	return rate{float64(n) / end.wall.Sub(i.wall).Seconds(), float64(n) / (end.cpu - i.cpu).Seconds()}
}

// signatures is how fast all cores sign n requests when they do nothing else.
func signatures(b *testing.B, tw *town, n int) rate {
	var left atomic.Int64
	left.Store(int64(n))
	var signing sync.WaitGroup
	begun := now()
	for range runtime.GOMAXPROCS(0) {
		signing.Go(func() {
			body := make([]byte, 2000)
			for left.Add(-1) >= 0 {
				r, err := http.NewRequest(http.MethodPost, "https://peer.example/inbox", nil)
				if err == nil {
					r.Header.Set("Content-Type", as2.MediaType)
					err = tw.actor.Profile.Key.Sign(r, body, tw.actor.ID+"#main-key", time.Now())
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	signing.Wait()
	return begun.since(n)
}

// sinks starts a server that listens on n loopback addresses, and returns them.
func sinks(b *testing.B, n int, handler http.HandlerFunc) []string {
	server := &http.Server{Handler: handler}
	b.Cleanup(func() { server.Close() })
	var hosts []string
	for i := range n {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.%d.%d:0", i/200, 1+i%200))
		require.NoError(b, err)
		hosts = append(hosts, listener.Addr().String())
		go server.Serve(listener)
	}
	return hosts
}

// follow adds followers behind a number of inboxes spread over the hosts.
func (tw *town) follow(followers, inboxes int, hosts []string) {
	var ops []store.Op
	for i := range followers {
		shared := ""
		host := hosts[i%len(hosts)]
		if followers > inboxes {
			shared = fmt.Sprintf("http://%s/inbox/%d", host, i%inboxes)
		}
		ops = append(ops, tw.follower(fmt.Sprintf("http://%s/people/%d/inbox", host, i), shared))
		if len(ops) == 10_000 || i == followers-1 {
			tw.apply(ops...)
			ops = nil
		}
	}
}

// watchHeap returns a function that says how large the live heap was at most, in MB.
func watchHeap() func() float64 {
	debug.FreeOSMemory()
	ended := make(chan struct{})
	peak := make(chan uint64)
	go func() {
		var most uint64
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-ended:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() float64 {
		close(ended)
		return float64(<-peak) / 1e6
	}
}

// BenchmarkPublish publishes to 100,000 followers behind 8,000 inboxes, in one
// transaction on a SQLite file.
func BenchmarkPublish(b *testing.B) {
	tw := newTown(b, openSQLite(b))
	hosts := make([]string, 4000)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("peer%d.example", i)
	}
	tw.follow(100_000, 8_000, hosts)
	n, begun := 0, now()
	for b.Loop() {
		n++
		tw.publish(bridge(func(it *Item) { it.Key = fmt.Sprint(n) }))
	}
	b.ReportMetric(1e3/begun.since(n).perCPUSecond, "cpu-ms/op")
	require.Equal(b, 8000, tw.receipt("1").Targeted)
}
