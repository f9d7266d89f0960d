package outbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// words says ops as a person would read them out.
func words(ops []store.Op) string {
	var said []string
	for _, op := range ops {
		switch op := op.(type) {
		case store.PutPost:
			if op.Post.State == store.Withdrawn {
				said = append(said, fmt.Sprintf("PutPost(%d withdrawn)", op.Post.Rev))
				continue
			}
			said = append(said, fmt.Sprintf("PutPost(%d)", op.Post.Rev))
		case store.Fanout:
			to := map[store.Audience]string{
				store.ToFollowers: "", store.ToReached: " reached", store.ToFollowers | store.ToReached: " followers|reached",
			}[op.To]
			lane := map[store.Lane]string{store.Routine: "", store.Prompt: " prompt", store.Urgent: " urgent"}[op.Lane]
			said = append(said, "Fanout("+op.Activity.Type+to+lane+")")
		case store.Record:
			said = append(said, "Record("+op.Entry.Kind+")")
		default:
			said = append(said, strings.TrimPrefix(fmt.Sprintf("%T", op), "store."))
		}
	}
	return strings.Join(said, " ")
}

// ids counts: a1, a2 …
func ids() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("0000000000000000000000000%d", n)
	}
}

func at(now time.Time) moment { return moment{now: now, newID: ids(), by: "website"} }

var speaking = voice{actor: news(), urls: testURLs}

// firstRevision is the bridge as published at noon.
func firstRevision(t *testing.T, change ...func(*Item)) store.Post {
	s, err := next(nil, bridge(change...), speaking, at(noon))
	require.NoError(t, err)
	return s.post
}

func TestWhatPublishingMeans(t *testing.T) {
	live := firstRevision(t)
	gone, err := withdraw(live, speaking, at(noon.Add(time.Hour)))
	require.NoError(t, err)
	corrected := func(it *Item) { it.Abstract = "The Waikato bridge opens on Tuesday." }
	urgent := func(it *Item) { it.Urgent = true }
	pinnedUp := func(it *Item) { it.Pinned = true }
	pinnedPost := firstRevision(t, pinnedUp)

	for name, c := range map[string]struct {
		current *store.Post
		item    Item
		want    string
	}{
		"new":                     {nil, bridge(), "PutPost(1) Fanout(Create) Record(publish)"},
		"new and urgent":          {nil, bridge(urgent), "PutPost(1) Fanout(Create urgent) Record(publish)"},
		"new and pinned":          {nil, bridge(pinnedUp), "PutPost(1) Fanout(Create) Record(publish) Fanout(Add) Record(pin)"},
		"as it is":                {&live, bridge(), ""},
		"said with more urgency":  {&live, bridge(urgent), ""},
		"corrected":               {&live, bridge(corrected), "PutPost(2) Fanout(Update followers|reached) Record(edit)"},
		"corrected and urgent":    {&live, bridge(corrected, urgent), "PutPost(2) Fanout(Update followers|reached urgent) Record(edit)"},
		"pinned":                  {&live, bridge(pinnedUp), "PutPost(2) Fanout(Add) Record(pin)"},
		"unpinned":                {&pinnedPost, bridge(), "PutPost(2) Fanout(Remove) Record(unpin)"},
		"corrected and pinned":    {&live, bridge(corrected, pinnedUp), "PutPost(2) Fanout(Update followers|reached) Record(edit) Fanout(Add) Record(pin)"},
		"withdrawn, as it was":    {&gone.post, bridge(), "PutPost(1) Fanout(Create) Record(publish)"},
		"withdrawn and corrected": {&gone.post, bridge(corrected), "PutPost(1) Fanout(Create) Record(publish)"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := next(c.current, c.item, speaking, at(noon.Add(2*time.Hour)))
			require.NoError(t, err)
			assert.Equal(t, c.want, words(s.ops))
		})
	}
}

func TestWithdrawing(t *testing.T) {
	s, err := withdraw(firstRevision(t), speaking, at(noon.Add(time.Hour)))
	require.NoError(t, err)
	assert.Equal(t, "PutPost(2 withdrawn) Cancel Fanout(Delete reached prompt) Record(withdraw)", words(s.ops))
	assert.JSONEq(t, `{
		"@context": "https://www.w3.org/ns/activitystreams",
		"id": "https://www.agency.govt.nz/ap/objects/00000000000000000000000001",
		"type": "Tombstone", "attributedTo": "https://www.agency.govt.nz/ap/actors/news", "formerType": "Note",
		"published": "2026-03-14T12:00:00Z", "deleted": "2026-03-14T13:00:00Z"}`, string(s.post.Body))
}

func TestPublishingAgainAfterAWithdrawalTakesANewID(t *testing.T) {
	live := firstRevision(t)
	gone, err := withdraw(live, speaking, at(noon))
	require.NoError(t, err)
	m := at(noon)
	m.newID() // the one of the first post
	again, err := next(&gone.post, bridge(), speaking, m)
	require.NoError(t, err)
	assert.NotEqual(t, live.ID, again.post.ID)
	assert.Equal(t, live.Key, again.post.Key)
}

func TestWhatIsToBeKeptWithdrawnIsNotPublishedAgain(t *testing.T) {
	kept := bridge(func(it *Item) { it.KeepWithdrawn = true })
	live := firstRevision(t)
	gone, err := withdraw(live, speaking, at(noon))
	require.NoError(t, err)
	_, err = next(&gone.post, kept, speaking, at(noon))
	assert.ErrorIs(t, err, ErrWithdrawn)
	for name, current := range map[string]*store.Post{"new": nil, "as it is": &live} {
		_, err := next(current, kept, speaking, at(noon))
		assert.NoError(t, err, name)
	}
	assert.Equal(t, live.Digest, kept.digest())
}

func TestUpdatedIsNewerWithEachEditAndAbsentBefore(t *testing.T) {
	post := firstRevision(t)
	assert.NotContains(t, string(post.Body), `"updated"`)
	last := post.Published
	for i := range 5 { // all within one second
		s, err := next(&post, bridge(func(it *Item) { it.Title += strings.Repeat("!", i+1) }), speaking, at(noon))
		require.NoError(t, err)
		var document struct{ Published, Updated time.Time }
		require.NoError(t, json.Unmarshal(s.post.Body, &document))
		assert.True(t, document.Updated.After(last), "%s is not after %s", document.Updated, last)
		assert.Equal(t, noon, document.Published)
		post, last = s.post, document.Updated
	}
}

func TestTheActivityHoldsTheWholeObject(t *testing.T) {
	s, err := next(nil, bridge(func(it *Item) { it.Tags = []string{"Waikato"} }), speaking, at(noon))
	require.NoError(t, err)
	golden(t, "create", s.ops[1].(store.Fanout).Activity.Body)
	gone, err := withdraw(s.post, speaking, at(noon.Add(time.Hour)))
	require.NoError(t, err)
	golden(t, "delete", gone.ops[2].(store.Fanout).Activity.Body)
}

func TestAnItemTooLargeForSomeServersIsRefused(t *testing.T) {
	_, err := next(nil, bridge(func(it *Item) { it.Abstract = strings.Repeat("long ", 5000) }), speaking, at(noon))
	assert.ErrorContains(t, err, "larger than 64 KB")
}

// Readers of thousands of servers come to the page of the item as soon as theirs
// knows of it. What is urgent does not wait for that.
func TestRoutineNewsIsSpreadOverTime(t *testing.T) {
	patient := speaking
	patient.spread = time.Minute
	spread := func(urgent bool) time.Duration {
		first, err := next(nil, bridge(func(it *Item) { it.Urgent = urgent }), patient, at(noon))
		require.NoError(t, err)
		for _, op := range first.ops {
			if fanout, ok := op.(store.Fanout); ok {
				return fanout.Spread
			}
		}
		return -1
	}
	assert.Equal(t, time.Minute, spread(false))
	patient.spread = 30 * 24 * time.Hour
	assert.Equal(t, 6*24*time.Hour, spread(false), "what waits for longer than a week would be taken for a mistake of the clock")
	assert.Zero(t, spread(true))
}
