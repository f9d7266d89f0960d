package inbox

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
)

var seeds = []string{
	aliceFollows, aliceUnfollows, aliceReplies, aliceEdits, aliceWrites, aliceMentionsBoth, aliceDeletesReply, aliceLikes, aliceBoosts,
	aliceBlocks, aliceReports, aliceMoves, aliceClosesAccount, `{}`, `[]`, `{"id":"{alice}/1","type":"Undo","actor":"{alice}","object":"{alice}/follows/1"}`,
}

var byBob = strings.NewReplacer("{alice}", "{bob}")

func (w *world) opsOf(activity string) []store.Op {
	_, ops := w.weigh(w.verified(activity))
	return ops
}

// bobIsAsHeWas says that bob's reply, like and block are there, and that our posts are.
func (w *world) bobIsAsHeWas() {
	w.Helper()
	ctx := context.Background()
	rows := w.received(store.ReceivedQuery{From: ids["bob"]})
	reactions, err := w.spy.Store.Reactions(ctx, store.ReactionQuery{From: ids["bob"]})
	posts, wrong := w.spy.Store.Posts(ctx, store.PostQuery{State: store.Live})
	if err != nil || wrong != nil || len(reactions) != 1 || len(posts) != 2 || len(rows) != 2 || rows[0].State != store.Noted || rows[1].State != store.Held {
		w.Fatalf("bob or our posts were changed: %v %v %v", rows, reactions, posts)
	}
	for _, delivery := range w.queue() {
		if delivery.Inbox != ids["alice"]+"/inbox" && delivery.Inbox != ids["bob"]+"/inbox" {
			w.Fatalf("something is sent to %s", delivery.Inbox)
		}
	}
}

// Whatever alice signs, the answer is one of a few, nothing of ours or of bob's
// changes, and nothing is said to anybody but alice.
func FuzzHandler(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(replace.Replace(seed)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 || len(body) > 1<<16 {
			return
		}
		w := newWorld(t)
		for _, bobs := range []string{aliceFollows, aliceReplies, aliceLikes, aliceBlocks} {
			assert.Equal(t, 202, w.deliver(byBob.Replace(bobs)))
		}
		journal := len(w.journal())
		code := w.serve(w.signed(ids["alice"], ids["inbox"], body)).Code
		if !slices.Contains([]int{202, 400, 403, 404}, code) {
			t.Fatalf("%d for %q", code, body)
		}
		if code != http.StatusAccepted && len(w.journal()) != journal {
			t.Fatalf("%d and yet something happened: %q", code, body)
		}
		w.bobIsAsHeWas()
	})
}

// FuzzPlan is FuzzHandler without signatures, so that it gets further.
func FuzzPlan(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(replace.Replace(seed)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := as2.ReadActivity(body, limits.Default())
		if err != nil {
			return
		}
		w := newWorld(t)
		w.must(w.opsOf(byBob.Replace(aliceFollows))...)
		w.must(w.opsOf(byBob.Replace(aliceReplies))...)
		w.must(w.opsOf(byBob.Replace(aliceLikes))...)
		w.must(w.opsOf(byBob.Replace(aliceBlocks))...)
		v := w.proven(as2.Activity{Actor: ids["alice"]})
		if identify(v, a, w.URLs) != nil {
			return
		}
		_, ops := w.weigh(v, a)
		w.must(ops...)
		w.bobIsAsHeWas()
	})
}

// Whatever a stranger writes, a line of the log stays one line, and short.
func FuzzDetail(f *testing.F) {
	for _, words := range []string{"a\nlevel=ERROR", "\x1b[2J", "\u2028x", "\u0085", strings.Repeat("ā", maxDetail), strings.Repeat("a\xff", maxDetail), "\xff\x00"} {
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, words string) {
		said := detail(errors.New(words))
		assert.True(t, utf8.ValidString(said))
		assert.LessOrEqual(t, len(said), maxDetail)
		assert.NotRegexp(t, `[\x00-\x1f\x7f\x{80}-\x{9f}\x{2028}\x{2029}]`, said)
	})
}
