package outbox

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/proof"
	"github.com/panui/panui/store"
)

// proving is the newsroom with a key for proofs, the same in every run.
func proving(t testing.TB) *actor.Local {
	t.Helper()
	key, err := signing.New(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	require.NoError(t, err)
	a := news()
	a.Profile.ProofKey = key
	return a
}

// proved checks that a document carries a proof of the actor, made then.
func proved(t testing.TB, a *actor.Local, document []byte, then time.Time) {
	t.Helper()
	p, err := proof.Read(document, then)
	require.NoError(t, err, string(document))
	assert.Equal(t, then.UTC().Truncate(time.Second), p.Created)
	assert.NoError(t, p.Verify(proof.Method{ID: a.ProofKeyID(), Controller: a.ID, Key: a.Profile.ProofKey.Public()}))
}

func TestAllThatIsSaidAndShownCarriesAProof(t *testing.T) {
	a := proving(t)
	v := voice{actor: a, urls: testURLs}
	var last *store.Post
	for i, turn := range []struct {
		name string
		step func(m moment) (step, error)
	}{
		{"published", func(m moment) (step, error) {
			return next(nil, bridge(func(it *Item) { it.Pinned, it.Tags = true, []string{"Waikato"} }), v, m)
		}},
		{"edited", func(m moment) (step, error) { return next(last, bridge(), v, m) }},
		{"withdrawn", func(m moment) (step, error) { return withdraw(*last, v, m) }},
	} {
		now := noon.Add(time.Duration(i) * time.Hour)
		s, err := turn.step(at(now))
		require.NoError(t, err, turn.name)
		proved(t, a, s.post.Body, now)
		said := 0
		for _, op := range s.ops {
			if fan, ok := op.(store.Fanout); ok {
				said++
				proved(t, a, fan.Activity.Body, now)
				assert.Equal(t, 1, strings.Count(string(fan.Activity.Body), `"proof":`), "what is inside has none of its own")
			}
		}
		assert.Equal(t, map[string]int{"published": 2, "edited": 2, "withdrawn": 1}[turn.name], said, turn.name)
		last = &s.post
	}
}

func TestAProofIsTheSameWheneverItIsMade(t *testing.T) {
	v := voice{actor: proving(t), urls: testURLs}
	first, err := next(nil, bridge(), v, at(noon))
	require.NoError(t, err)
	again, err := next(nil, bridge(), v, at(noon))
	require.NoError(t, err)
	assert.Equal(t, string(first.post.Body), string(again.post.Body))
	golden(t, "proved", first.post.Body)
	golden(t, "proved-create", first.ops[1].(store.Fanout).Activity.Body)
	gone, err := withdraw(first.post, v, at(noon.Add(time.Hour)))
	require.NoError(t, err)
	golden(t, "proved-tombstone", gone.post.Body)
	golden(t, "proved-delete", gone.ops[2].(store.Fanout).Activity.Body)
}

func TestAProofTakesNoMoreThanThereIsRoomFor(t *testing.T) {
	v := voice{actor: proving(t), urls: testURLs}
	size := func(n int) (int, error) {
		note := as2.PostDocument{ID: testURLs.Object("x"), Type: "Note", AttributedTo: v.actor.ID, Content: strings.Repeat("x", n)}
		b, err := v.write(note, noon)
		return len(b), err
	}
	small, err := size(1)
	require.NoError(t, err)
	few := 3 // by so many characters base58 of 64 bytes differs in length
	largest, err := size(as2.MaxSize - small - few)
	require.NoError(t, err)
	assert.InDelta(t, as2.MaxSize, largest, float64(2*few+1))
	_, err = size(as2.MaxSize - small + few + 1)
	assert.ErrorContains(t, err, "bytes with its proof, larger than 64 KB")
}

// What is fetched is what was stored: the key signs for no GET.
func TestWhatIsFetchedCarriesItsProof(t *testing.T) {
	l := newLibrary(t)
	a := l.actor
	a.Profile.ProofKey = proving(t).Profile.ProofKey
	post := l.publish(bridge())
	then := l.clock()
	fetch := func(id string) []byte {
		t.Helper()
		w := ask(l.handler, http.MethodGet, id)
		require.Contains(t, []int{http.StatusOK, http.StatusGone}, w.Code)
		return w.Body.Bytes()
	}
	proved(t, a, fetch(post.ID), then)
	proved(t, a, fetch(post.Activity), then)

	l.wait(time.Minute)
	corrected := l.publish(bridge(func(it *Item) { it.Title = "Bridge closed" }))
	proved(t, a, fetch(post.ID), l.clock())
	proved(t, a, fetch(newestOf(t, l, "edit")), l.clock())
	t.Run("but not the activity that first said what was corrected since", func(t *testing.T) {
		l.wait(time.Minute)
		create := fetch(corrected.Activity)
		assert.Contains(t, string(create), "Bridge closed")
		assert.NotContains(t, string(create), `"proof"`)
	})
	t.Run("nor a list, whose parts have no proofs", func(t *testing.T) {
		for _, id := range []string{testURLs.Outbox("news") + firstPage, testURLs.Featured("news")} {
			list := fetch(id)
			assert.NotContains(t, string(list), `"proof"`)
			assert.NotContains(t, string(list), "data-integrity")
		}
	})
	l.wait(time.Minute)
	require.NoError(t, l.publisher.Withdraw(l.ctx, "", "2026/17"))
	proved(t, a, fetch(post.ID), l.clock())
}

// newestOf returns the id of the activity in the newest journal line of a kind.
func newestOf(t *testing.T, l *library, kind string) string {
	t.Helper()
	lines, err := l.reads.Journal(l.ctx, store.JournalQuery{Kind: kind})
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	var said struct{ ID string }
	require.NoError(t, json.Unmarshal(lines[len(lines)-1].Body, &said))
	return said.ID
}

// BenchmarkNext says what a proof adds to deciding and rendering a post.
func BenchmarkNext(b *testing.B) {
	for name, v := range map[string]voice{
		"without proofs": {actor: news(), urls: testURLs},
		"with proofs":    {actor: proving(b), urls: testURLs},
	} {
		b.Run(name, func(b *testing.B) {
			it := bridge(func(it *Item) {
				it.Abstract, it.Tags = strings.Repeat("The Waikato bridge opens on Monday. ", 20), []string{"Waikato", "TeReoMāori"}
			})
			var s step
			var err error
			for b.Loop() {
				if s, err = next(nil, it, v, at(noon)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(s.post.Body)), "object-B")
			b.ReportMetric(float64(len(s.ops[1].(store.Fanout).Activity.Body)), "activity-B")
		})
	}
}
