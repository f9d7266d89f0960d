package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// press records what it is given to publish, and publishes an item again only
// where it differs, as an outbox does.
type press struct {
	said    []string // key and title
	current map[string]string
	broken  map[string]error
}

func (p *press) Publish(_ context.Context, item outbox.Item) (store.Post, error) {
	if err := p.broken[item.Key]; err != nil {
		return store.Post{}, err
	}
	if p.current[item.Key] != digestOf(item) {
		p.said = append(p.said, item.Key+" "+item.Title)
	}
	if p.current == nil {
		p.current = map[string]string{}
	}
	p.current[item.Key] = digestOf(item)
	return store.Post{Key: item.Key}, nil
}

func (p *press) take() []string {
	said := p.said
	p.said = nil
	return said
}

// website is a feed that a newsroom writes, the newest item first.
type website struct {
	items []story
	down  error
	reads int
}

type story struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Title     string `json:"title"`
	Published string `json:"date_published,omitempty"`
}

var morning = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// write puts a story first. It is dated in hours after the morning.
func (w *website) write(id string, hours int) {
	at := morning.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339)
	w.items = append([]story{{id, "https://agency.example/" + id, "Story " + id, at}}, w.items...)
}

func (w *website) edit(id, title string) {
	i := slices.IndexFunc(w.items, func(s story) bool { return s.ID == id })
	w.items[i].Title = title
}

func (w *website) remove(id string) {
	w.items = slices.DeleteFunc(w.items, func(s story) bool { return s.ID == id })
}

func (w *website) fetch(_ context.Context, had Version) (Copy, error) {
	w.reads++
	body, _ := json.Marshal(map[string]any{"version": "https://jsonfeed.org/version/1.1", "items": append([]story{}, w.items...)})
	now := Version{ETag: digest(string(body))}
	return Copy{Version: now, Unchanged: now == had, Body: body}, w.down
}

// newsroom is a website with a poller that has read it once, in the morning.
type newsroom struct {
	*website
	*press
	*Poller
	t   *testing.T
	now time.Time
}

func open(t *testing.T) *newsroom {
	n := &newsroom{website: &website{}, press: &press{broken: map[string]error{}}, t: t, now: morning}
	n.Poller = &Poller{
		Name: "news", Source: n.fetch, Publisher: n.press, Store: memory.New(),
		Now: func() time.Time { return n.now },
	}
	n.write("monday", -72)
	n.write("tuesday", -48)
	report := n.poll()
	require.True(t, report.First)
	require.Empty(t, n.take())
	return n
}

// poll polls an hour later.
func (n *newsroom) poll() Report {
	n.t.Helper()
	report, err := n.Poll(n.t.Context())
	require.NoError(n.t, err)
	n.now = n.now.Add(time.Hour)
	return report
}

func keys(items []outbox.Item) []string {
	var all []string
	for _, i := range items {
		all = append(all, i.Key)
	}
	return all
}

func TestNewsIsPublishedOnceOldestFirst(t *testing.T) {
	n := open(t)
	n.write("a", 0)
	n.write("b", 1)
	report := n.poll()
	assert.Equal(t, []string{"a", "b"}, keys(report.Published))
	assert.Equal(t, []string{"a Story a", "b Story b"}, n.take())

	assert.True(t, n.poll().Unchanged)
	n.remove("monday")
	report = n.poll()
	assert.False(t, report.Unchanged)
	assert.Empty(t, n.take())
}

func TestWhatWasThereBeforeIsLeftAlone(t *testing.T) {
	n := open(t)
	n.edit("tuesday", "Corrected")
	assert.Empty(t, n.poll().Edited)
	n.remove("tuesday")
	n.poll()
	n.write("tuesday", 2) // the same item, dated anew
	assert.Empty(t, n.poll().Published)
	assert.Empty(t, n.take())
}

func TestBackfillPublishesTheNewest(t *testing.T) {
	n := open(t)
	n.Poller.Name, n.Poller.Backfill = "another feed", 2
	n.write("friday", -1)
	report := n.poll()
	assert.Equal(t, []string{"tuesday", "friday"}, keys(report.Published))
	assert.Equal(t, []string{"monday"}, keys(report.Skipped))
}

func TestAnEditOfAPublishedItemIsAnEdit(t *testing.T) {
	n := open(t)
	n.write("a", 0)
	n.poll()
	n.take()
	n.edit("a", "Corrected")
	report := n.poll()
	assert.Equal(t, []string{"a"}, keys(report.Edited))
	assert.Equal(t, []string{"a Corrected"}, n.take())

	n.items[0].Published = morning.Add(time.Hour).Format(time.RFC3339)
	assert.Empty(t, n.poll().Edited, "a new date is no edit")
}

func TestAnItemThatAgesOutStaysKnown(t *testing.T) {
	n := open(t)
	n.write("a", 0)
	n.poll()
	n.remove("a")
	n.poll()
	n.write("a", 0)
	n.poll()
	assert.Equal(t, []string{"a Story a"}, n.take())
	n.edit("a", "Corrected")
	assert.Equal(t, []string{"a"}, keys(n.poll().Edited))
}

func TestOldContentThatAppearsAnewIsLeftAlone(t *testing.T) {
	n := open(t)
	n.write("from last year", -24*300)
	n.write("approved late", -24*8) // six days before tuesday's
	report := n.poll()
	assert.Equal(t, []string{"from last year"}, keys(report.Old))
	assert.Equal(t, []string{"approved late"}, keys(report.Published))

	assert.Empty(t, n.poll().Old, "said once")
	require.NoError(t, n.Release(t.Context(), "from last year"))
	assert.Equal(t, []string{"from last year"}, keys(n.poll().Published))
}

func TestAFeedThatIsEmptyAtFirst(t *testing.T) {
	n := open(t)
	n.Poller.Name, n.items = "another feed", nil
	assert.True(t, n.poll().First)
	n.write("monday", -72)
	n.write("a", 2)
	report := n.poll()
	assert.Equal(t, []string{"monday"}, keys(report.Old))
	assert.Equal(t, []string{"a"}, keys(report.Published))
}

func TestAnItemOfTomorrowWaits(t *testing.T) {
	n := open(t)
	n.write("embargoed", 3)
	n.write("a", 0)
	report := n.poll() // at one
	assert.Equal(t, []string{"embargoed"}, keys(report.Waiting))
	assert.Equal(t, []string{"a"}, keys(report.Published))
	assert.Equal(t, []string{"embargoed"}, keys(n.poll().Waiting)) // at two
	assert.Equal(t, []string{"embargoed"}, keys(n.poll().Published))
}

func TestManyAtOnceAreHeld(t *testing.T) {
	n := open(t)
	for i := range 11 {
		n.write(fmt.Sprintf("n%02d", i), 0)
	}
	assert.Len(t, n.poll().Held, 11)
	assert.Empty(t, n.take())
	n.write("a", 1)
	report := n.poll()
	assert.Len(t, report.Held, 11)
	assert.Equal(t, []string{"a"}, keys(report.Published), "news goes on")

	require.NoError(t, n.Dismiss(t.Context(), "n00"))
	require.NoError(t, n.Release(t.Context(), "n01"))
	report = n.poll()
	assert.Equal(t, []string{"n01"}, keys(report.Published))
	assert.Len(t, report.Held, 9)

	n.remove("n02")
	assert.Equal(t, []string{"n02"}, n.poll().Missed)
	require.NoError(t, n.Release(t.Context()))
	assert.Len(t, n.poll().Published, 8)
	n.edit("n00", "Dismissed")
	assert.Empty(t, n.poll().Published)
	assert.ErrorContains(t, n.Release(t.Context(), "nobody"), "is not known from the feed")
}

func TestReleaseDuringAPollIsNotForgotten(t *testing.T) {
	n := open(t)
	n.Source = func(ctx context.Context, had Version) (Copy, error) {
		c, err := n.fetch(ctx, had)
		require.NoError(t, n.Release(ctx, "tuesday"))
		return c, err
	}
	n.write("a", 0)
	n.poll()
	n.Source = n.fetch
	assert.Equal(t, []string{"tuesday"}, keys(n.poll().Published))
}

func TestReleaseBeforeTheFirstPollDoesNotStandForIt(t *testing.T) {
	n := open(t)
	n.Poller.Name = "another feed"
	assert.ErrorContains(t, n.Release(t.Context()), "has not been polled yet")
	assert.True(t, n.poll().First)
	assert.Empty(t, n.take())
}

// A new template changes every item: twenty edits to everyone who follows are
// as little wanted as twenty posts.
func TestManyEditsAtOnceAreHeld(t *testing.T) {
	n := open(t)
	n.Bulk = 2
	for _, id := range []string{"a", "b", "c"} {
		n.write(id, 0)
		n.poll()
	}
	n.take()
	for _, id := range []string{"a", "b", "c"} {
		n.edit(id, "New look")
	}
	assert.Equal(t, []string{"a", "b", "c"}, keys(n.poll().Held))
	n.edit("a", "Story a")
	assert.Equal(t, []string{"b", "c"}, keys(n.poll().Held), "a is again as it is published")
	assert.Empty(t, n.take())
	require.NoError(t, n.Release(t.Context()))
	assert.Equal(t, []string{"b", "c"}, keys(n.poll().Edited))

	n.Bulk = -1
	for _, id := range []string{"a", "b", "c"} {
		n.edit(id, "Newest look")
	}
	assert.Len(t, n.poll().Edited, 3)
}

func TestAFailureHoldsUpNothing(t *testing.T) {
	n := open(t)
	n.broken["a"] = errors.New("image 1 has no alt text")
	n.write("a", 0)
	n.write("b", 0)
	report := n.poll()
	require.Len(t, report.Failed, 1)
	assert.Equal(t, "a", report.Failed[0].Item.Key)
	assert.Equal(t, []string{"b"}, keys(report.Published))

	assert.Len(t, n.poll().Failed, 1, "tried again although the feed is as it was")
	delete(n.broken, "a")
	n.edit("a", "With alt text")
	assert.Equal(t, []string{"a"}, keys(n.poll().Published))
	assert.Equal(t, []string{"b Story b", "a With alt text"}, n.take())

	n.broken["c"] = errors.New("again")
	n.write("c", 1)
	n.poll()
	n.remove("c")
	assert.Equal(t, []string{"c"}, n.poll().Missed)
	require.NoError(t, n.Dismiss(t.Context(), "c"))
	assert.Empty(t, n.poll().Missed)
}

// What a person withdrew must not come back because the website edits its page:
// publishing would make a new post.
func TestAWithdrawnItemStaysWithdrawn(t *testing.T) {
	n := open(t)
	n.write("a", 0)
	n.poll()
	n.take()
	n.broken["a"] = fmt.Errorf("outbox: publish: %w", outbox.ErrWithdrawn)

	n.edit("a", "Corrected")
	assert.Equal(t, []string{"a"}, keys(n.poll().Withdrawn))
	n.edit("a", "Corrected again")
	report := n.poll()
	assert.Empty(t, report.Withdrawn)
	assert.Empty(t, report.Edited)
	assert.Empty(t, n.take())
}

// fragile is a memory that stops working after some writes, as a process does
// that is killed.
type fragile struct {
	Memory
	writes int
}

var errKilled = errors.New("killed")

func (f *fragile) Apply(ctx context.Context, ops ...store.Op) error {
	if f.writes--; f.writes < 0 {
		return errKilled
	}
	return f.Memory.Apply(ctx, ops...)
}

func TestAPollThatIsKilledIsMadeUpFor(t *testing.T) {
	for writes := range 4 {
		n := open(t)
		n.Bulk = 2
		n.write("a", 0)
		n.write("b", 0)
		whole := n.Store
		n.Store = &fragile{whole, writes}
		_, err := n.Poll(t.Context())
		if writes < 3 {
			require.ErrorIs(t, err, errKilled)
		}
		n.Store = whole
		n.poll()
		assert.ElementsMatch(t, []string{"a Story a", "b Story b"}, n.take(), "killed after %d writes", writes)
		assert.True(t, n.poll().Unchanged)
	}
}

func TestAPollThatIsKilledLeavesItsNewsToTheNext(t *testing.T) {
	n := open(t)
	n.Bulk = 2
	n.write("a", 0)
	n.write("b", 0)
	n.broken["a"], n.broken["b"] = errKilled, errKilled
	n.poll()
	clear(n.broken)
	n.write("c", 1)
	assert.Equal(t, []string{"a", "b", "c"}, keys(n.poll().Published), "what was decided before does not count as bulk")
}

func TestTwoProcessesPublishOnce(t *testing.T) {
	n := open(t)
	var other *Poller
	second := &Poller{Name: "news", Source: n.fetch, Publisher: n.press, Store: n.Store, Now: n.Poller.Now}
	n.write("a", 0)
	// The other process polls while the first is between its fetch and its first write.
	n.Source = func(ctx context.Context, had Version) (Copy, error) {
		c, err := n.fetch(ctx, had)
		if other != nil {
			p := other
			other = nil
			_, err := p.Poll(ctx)
			require.NoError(t, err)
		}
		return c, err
	}
	other = second
	n.poll()
	assert.Equal(t, []string{"a Story a"}, n.take())
	n.edit("a", "Corrected")
	other = second
	n.poll()
	assert.Equal(t, []string{"a Corrected"}, n.take())
}

func TestTheSlowFirstPollOfAnotherProcessForgetsNothing(t *testing.T) {
	n := open(t)
	late := &Poller{Name: "news", Publisher: n.press, Store: n.Store, Now: n.Poller.Now}
	value, err := n.Store.Setting(t.Context(), "feed/news")
	require.NoError(t, err)
	require.NoError(t, n.Store.Apply(t.Context(), store.PutSetting{Name: "feed/news"}))
	late.Source = func(ctx context.Context, had Version) (Copy, error) {
		require.NoError(t, n.Store.Apply(ctx, store.PutSetting{Name: "feed/news", Value: value}))
		n.write("a", 0)
		n.poll()
		return n.fetch(ctx, had)
	}
	_, err = late.Poll(t.Context())
	require.NoError(t, err)
	n.edit("a", "Corrected")
	assert.Equal(t, []string{"a"}, keys(n.poll().Edited))
}

func TestPreviewDoesNothing(t *testing.T) {
	n := open(t)
	n.write("a", 0)
	n.poll()
	n.take()
	n.write("b", 1)
	n.edit("a", "Corrected")
	n.Poller.Actor = "news@agency.example"
	before, err := n.Store.Setting(t.Context(), "feed/news")
	require.NoError(t, err)
	for range 2 {
		report, err := n.Preview(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"b"}, keys(report.Published))
		assert.Equal(t, []string{"a"}, keys(report.Edited))
		assert.Equal(t, "news@agency.example", report.Published[0].Actor)
	}
	after, err := n.Store.Setting(t.Context(), "feed/news")
	require.NoError(t, err)
	assert.Equal(t, before, after)
	assert.Empty(t, n.take())
}

func TestANewWayOfReadingIsNoEdit(t *testing.T) {
	n := open(t)
	n.write("a", 0)
	n.poll()
	n.take()
	s, err := n.load(t.Context())
	require.NoError(t, err)
	s.Reading = 0
	for i := range s.Known {
		if s.Known[i].mark == published {
			s.Known[i].digest = "of an earlier release"
		}
	}
	require.NoError(t, n.Store.Apply(t.Context(), store.PutSetting{Name: "feed/news", Value: s.String()}))
	assert.Empty(t, n.poll().Edited)
	n.edit("a", "Corrected")
	assert.Equal(t, []string{"a"}, keys(n.poll().Edited))
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	n := open(t)
	n.Bulk = -1
	for day := range 30 {
		n.items = nil
		for i := range 100 {
			n.write(strconv.Itoa(day)+"/"+strconv.Itoa(i)+strings.Repeat("x", 300), day)
		}
		n.now = morning.Add(time.Duration(day) * time.Hour)
		require.Len(t, n.poll().Published, 100)
	}
	s, err := n.load(t.Context())
	require.NoError(t, err)
	assert.Len(t, s.Known, 100+remembered)
	value, err := n.Store.Setting(t.Context(), "feed/news")
	require.NoError(t, err)
	assert.Less(t, len(value), 50_000)
}

func TestDamagedMemoryIsNotAFirstPoll(t *testing.T) {
	n := open(t)
	require.NoError(t, n.Store.Apply(t.Context(), store.PutSetting{Name: "feed/news", Value: "{"}))
	_, err := n.Poll(t.Context())
	assert.ErrorContains(t, err, "damaged")
}

func TestOrderOfItemsWithoutDates(t *testing.T) {
	at := func(key string, hour int) outbox.Item {
		i := outbox.Item{Key: key}
		if hour > 0 {
			i.Published = morning.Add(time.Duration(hour) * time.Hour)
		}
		return i
	}
	for name, tt := range map[string]struct {
		feed []outbox.Item
		want []string
	}{
		"newest first":       {[]outbox.Item{at("c", 3), at("b", 0), at("a", 1)}, []string{"a", "b", "c"}},
		"oldest first":       {[]outbox.Item{at("a", 1), at("b", 0), at("c", 3)}, []string{"a", "b", "c"}},
		"no dates":           {[]outbox.Item{at("c", 0), at("b", 0), at("a", 0)}, []string{"a", "b", "c"}},
		"out of order":       {[]outbox.Item{at("b", 2), at("c", 3), at("a", 1)}, []string{"a", "b", "c"}},
		"undated at the end": {[]outbox.Item{at("c", 3), at("b", 2), at("a", 0)}, []string{"a", "b", "c"}},
	} {
		assert.Equal(t, tt.want, keys(oldestFirst(tt.feed)), name)
	}
}

// The real feed of the White House, before and after two rounds of edits: the
// second drops one date and sets another a year ahead.
func TestTheWhiteHouseEditsItsFeed(t *testing.T) {
	for name, tt := range map[string]struct {
		backfill int
		said     [3][]string
	}{
		"followed from now on": {0, [3][]string{}},
		"with what it has": {3, [3][]string{
			{"Supporting Scientists at the Lab Bench ... and at Bedtime", "A Call to Peace: Perspectives of Volunteers on the Peace Corps at 50", "Famine in the Horn of Africa: Be a Part of the Solution"},
			{"A Call to Peace: Perspectives of Volunteers on the Peace Corps at 50 (no pubDate)"},
			{"A Call to Peace: Perspectives of Volunteers on the Peace Corps at 50 (updated)", "Supporting Scientists at the Lab Bench ... and at Bedtime (updated)"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			press := &press{}
			p := &Poller{
				Name: "wh", Publisher: press, Store: memory.New(), Backfill: tt.backfill,
				Now: func() time.Time { return time.Date(2011, 9, 27, 0, 0, 0, 0, time.UTC) },
			}
			for i, file := range []string{"us-whitehouse-blog-2011.rss.xml", "us-whitehouse-blog-2011-edit1.rss.xml", "us-whitehouse-blog-2011-edit2.rss.xml"} {
				body := shared(t, file)
				p.Source = func(context.Context, Version) (Copy, error) { return Copy{Body: body}, nil }
				_, err := p.Poll(t.Context())
				require.NoError(t, err)
				var titles []string
				for _, said := range press.take() {
					_, title, _ := strings.Cut(strings.Replace(said, " at http", "@http", 1), " ")
					titles = append(titles, title)
				}
				assert.Equal(t, tt.said[i], titles, file)
			}
		})
	}
}

func TestRunPollsAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := open(t)
		n.Poller.Now = nil
		n.reads = 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		assert.ErrorIs(t, n.Run(ctx), context.DeadlineExceeded)
		assert.InDelta(t, 12, n.reads, 2, "every five minutes, give or take a tenth")

		n.down, n.reads = errors.New("no such host"), 0
		ctx, cancel = context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		assert.ErrorIs(t, n.Run(ctx), context.DeadlineExceeded)
		assert.InDelta(t, 7, n.reads, 1, "after 10, 20, 40 minutes, then every hour")
	})
}

func TestPauses(t *testing.T) {
	busy := fmt.Errorf("feed: %w", &Unavailable{Status: 503, After: 3 * time.Hour})
	for name, tt := range map[string]struct {
		every    time.Duration
		failures int
		err      error
		roll     float64
		want     time.Duration
	}{
		"default":               {want: 5 * time.Minute, roll: 0.5},
		"a tenth less":          {want: 270 * time.Second, roll: 0},
		"after a failure":       {failures: 1, err: errKilled, want: 10 * time.Minute, roll: 0.5},
		"after many":            {failures: 60, err: errKilled, want: time.Hour, roll: 0.5},
		"the server's wish":     {failures: 1, err: busy, want: 3 * time.Hour, roll: 0.5},
		"a feed polled by days": {every: 24 * time.Hour, failures: 2, err: errKilled, want: 24 * time.Hour, roll: 0.5},
	} {
		p := Poller{Every: tt.every}
		assert.Equal(t, tt.want, p.pause(tt.failures, tt.err, tt.roll), name)
	}
}

func TestTheLogSaysWhatAPersonHasToKnow(t *testing.T) {
	var log bytes.Buffer
	n := open(t)
	n.Log = slog.New(slog.NewTextHandler(&log, nil))
	n.Source = func(context.Context, Version) (Copy, error) {
		return Copy{Body: rssOf(`<item><guid>a</guid><description>&lt;img src="https://agency.example/i.png"&gt;Hello&lt;br&gt;</description></item>`)}, nil
	}
	n.poll()
	assert.Contains(t, log.String(), `msg="item published" feed=news key=a`)
	assert.Contains(t, log.String(), `note="left out the image https://agency.example/i.png: it has no text alternative"`)
	log.Reset()
	n.poll()
	assert.Empty(t, log.String())
}
