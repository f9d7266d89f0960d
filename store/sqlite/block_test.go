package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// The work of a block grows with what is theirs and with the number of servers.
func BenchmarkBlock(b *testing.B) {
	for _, followers := range []int{10_000, 100_000} {
		s, err := Open(ctx, filepath.Join(b.TempDir(), "panui.db"))
		require.NoError(b, err)
		var ops []store.Op
		for i := range followers {
			host := fmt.Sprintf("s%d.example", i%2000)
			if i%2 == 0 {
				host = "big.example"
			}
			id := fmt.Sprintf("https://%s/users/%d", host, i)
			ops = append(ops, store.PutFollower{Follower: store.Follower{
				Actor: "us", ID: id, Inbox: id + "/inbox", SharedInbox: "https://" + host + "/inbox", Host: host, Follow: id + "/follow", State: store.Accepted}})
		}
		require.NoError(b, s.Apply(ctx, ops...))
		ops = []store.Op{store.Fanout{Activity: store.Activity{ID: "a", Actor: "us", Object: "o", Public: true}, To: store.ToFollowers}}
		require.NoError(b, s.Apply(ctx, ops...))
		block := func(b *testing.B, subject ...string) {
			var op store.PutBlocks
			for _, one := range subject {
				op.Blocks = append(op.Blocks, store.Block{Subject: one})
			}
			require.NoError(b, s.Apply(ctx, op))
		}
		b.Run(fmt.Sprintf("of=%d/nobody", followers), func(b *testing.B) {
			for b.Loop() {
				block(b, "nobody.example")
			}
		})
		b.Run(fmt.Sprintf("of=%d/a list of 1000", followers), func(b *testing.B) {
			var list []string
			for i := range 1000 {
				list = append(list, fmt.Sprintf("nobody%d.example", i))
			}
			for b.Loop() {
				block(b, list...)
			}
		})
		b.Run(fmt.Sprintf("of=%d/half of them", followers), func(b *testing.B) {
			start := time.Now()
			block(b, "big.example")
			once := time.Since(start)
			for b.Loop() {
				block(b, "big.example")
			}
			b.ReportMetric(float64(once.Milliseconds()), "ms-the-first-time")
		})
		require.NoError(b, s.Close())
	}
}
