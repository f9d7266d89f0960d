package inbox

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/sqlite"
)

// cpu runs f once for each of the benchmark's rounds and returns the processor
// time of one in microseconds, that of other goroutines included.
func cpu(b *testing.B, f func(i int)) float64 {
	var from, to syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &from))
	for i := range b.N {
		f(i)
	}
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &to))
	spent := to.Utime.Nano() + to.Stime.Nano() - from.Utime.Nano() - from.Stime.Nano()
	return float64(spent) / 1e3 / float64(b.N)
}

func onSQLite(b *testing.B) *world {
	w := newWorld(b)
	db, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "panui.db"))
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	w.Store, w.spy.Store, w.Handler.Log = db, db, nil
	w.must(store.PutPost{Post: store.Post{ID: ids["post"], Actor: ids["news"], Key: "post", Rev: 1, State: store.Live}})
	return w
}

// BenchmarkCreate is a verified Create with its key known, on SQLite: its
// processor time, and how much more that is than one RSA-2048 verification and
// one commit of the same rows, measured in the same run.
func BenchmarkCreate(b *testing.B) {
	w := onSQLite(b)
	requests := make([]*http.Request, b.N)
	for i := range requests {
		who := fmt.Sprintf("https://peer.test/users/u%d", i%5000)
		w.people.addKey(who+"#main-key", who, oneKey().Public())
		say := strings.NewReplacer("{alice}/say/1", fmt.Sprint(who, "/say/", i), "{alice}/notes/1", fmt.Sprint(who, "/notes/", i), "{alice}", who)
		requests[i] = w.request(say.Replace(aliceReplies))
	}
	w.once.Do(w.prepare)
	w.limits.RepliesPerPost = 10 * b.N
	b.ResetTimer()
	whole := cpu(b, func(i int) {
		if code := w.serve(requests[i]).Code; code != http.StatusAccepted {
			b.Fatal(code)
		}
	})
	b.StopTimer()

	sum := sha256.Sum256([]byte("x"))
	signature, err := rsa.SignPKCS1v15(nil, privateKey(), crypto.SHA256, sum[:])
	require.NoError(b, err)
	bare := onSQLite(b)
	body := []byte(replace.Replace(aliceReplies))
	least := cpu(b, func(i int) {
		if rsa.VerifyPKCS1v15(&privateKey().PublicKey, crypto.SHA256, sum[:], signature) != nil {
			b.Fatal("wrong signature")
		}
		id := fmt.Sprint("https://peer.test/notes/", i)
		bare.must(
			store.Receive{Received: store.Received{ID: id, Actor: ids["news"], From: ids["alice"], Type: "Create", About: ids["post"], State: store.Held, Body: body, At: start}},
			store.Record{Entry: store.Entry{At: start, Actor: ids["news"], Kind: "reply", Subject: id, By: "peer.test"}},
		)
	})
	b.ReportMetric(whole, "cpu-µs/op")
	b.ReportMetric(least, "least-µs/op")
	b.ReportMetric(whole/least, "ratio")
}

// BenchmarkUnsigned is the refusal of a POST without a signature.
func BenchmarkUnsigned(b *testing.B) {
	w := newWorld(b)
	w.Handler.Log = nil
	w.once.Do(w.prepare)
	w.gate.budgets.burst = 1 << 40
	requests := make([]*http.Request, b.N)
	for i := range requests {
		requests[i] = w.request(aliceReplies)
		requests[i].Header.Del("Signature")
	}
	b.ResetTimer()
	for _, r := range requests {
		if code := w.serve(r).Code; code != http.StatusUnauthorized {
			b.Fatal(code)
		}
	}
}

// BenchmarkBadSignature is the refusal of a signature that does not match a key that is known.
func BenchmarkBadSignature(b *testing.B) {
	w := newWorld(b)
	w.Handler.Log = nil
	w.once.Do(w.prepare)
	w.gate.budgets.burst = 1 << 40
	requests := make([]*http.Request, b.N)
	for i := range requests {
		requests[i] = w.request(aliceReplies)
		requests[i].Header.Set("Signature", spoil(requests[i].Header.Get("Signature")))
	}
	b.ResetTimer()
	for _, r := range requests {
		if code := w.serve(r).Code; code != http.StatusUnauthorized {
			b.Fatal(code)
		}
	}
}
