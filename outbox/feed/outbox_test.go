package feed_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/outbox/feed"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// speakers are the one actor of a site. It signs nothing here, but an identity has a key.
func speakers(t *testing.T, urls actor.URLs, name string) []*actor.Local {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	key, err := signing.New(private)
	require.NoError(t, err)
	local, err := actor.NewLocal(actor.Profile{Handle: name + "@agency.example", Name: name, ID: name, Languages: []string{"en"}, Key: key},
		urls, signing.Fediverse())
	require.NoError(t, err)
	return []*actor.Local{local}
}

// The White House's feed and its edits, through the outbox itself.
func TestFeedToPosts(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2011, 9, 27, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { now = now.Add(time.Minute); return now }
	memory := memory.New()
	urls := actor.URLs{Base: "https://www.whitehouse.gov"} // its feed is older than that
	publisher := &outbox.Publisher{Store: memory, URLs: urls, Now: clock, Actors: speakers(t, urls, "blog")}
	poller := &feed.Poller{Name: "blog", Publisher: publisher, Store: memory, Now: clock, Backfill: 2}
	poll := func(file string) feed.Report {
		t.Helper()
		body, err := os.ReadFile(testenv.Shared(t, "feeds/"+file))
		require.NoError(t, err)
		poller.Source = func(context.Context, feed.Version) (feed.Copy, error) { return feed.Copy{Body: body}, nil }
		report, err := poller.Poll(ctx)
		require.NoError(t, err)
		require.Empty(t, report.Failed)
		return report
	}

	poll("us-whitehouse-blog-2011.rss.xml")
	poll("us-whitehouse-blog-2011.rss.xml")
	assert.Equal(t, []string{"publish 80671 at http://www.whitehouse.gov", "publish 80731 at http://www.whitehouse.gov"}, journal(t, memory))

	poll("us-whitehouse-blog-2011-edit1.rss.xml")
	report := poll("us-whitehouse-blog-2011-edit2.rss.xml")
	assert.Len(t, report.Edited, 1, "the third item is edited too, but was there before")
	assert.Equal(t, []string{
		"publish 80671 at http://www.whitehouse.gov", "publish 80731 at http://www.whitehouse.gov",
		"edit 80671 at http://www.whitehouse.gov", "edit 80671 at http://www.whitehouse.gov",
	}, journal(t, memory))

	posts, err := memory.Posts(ctx, store.PostQuery{Key: "80671 at http://www.whitehouse.gov"})
	require.NoError(t, err)
	require.Len(t, posts, 1)
	assert.Equal(t, 3, posts[0].Rev)
	assert.Equal(t, time.Date(2011, 9, 26, 20, 0, 43, 0, time.UTC), posts[0].Published, "although one edit had no date")
	var note struct{ Content, URL string }
	require.NoError(t, json.Unmarshal(posts[0].Body, &note))
	assert.Contains(t, note.Content, "A Call to Peace: Perspectives of Volunteers on the Peace Corps at 50 (updated)")
	assert.Contains(t, note.Content, "Since the Peace Corps was established in 1961,")

	require.NoError(t, publisher.Withdraw(ctx, "", "80671 at http://www.whitehouse.gov"))
	report = poll("us-whitehouse-blog-2011.rss.xml")
	assert.Len(t, report.Withdrawn, 1, "the website edits what a person has withdrawn")
	assert.Len(t, journal(t, memory), 5)
}

// What one actor has withdrawn is withdrawn, whatever another says under the same key.
func TestActorsDoNotShareTheirKeys(t *testing.T) {
	ctx, memory, urls := t.Context(), memory.New(), actor.URLs{Base: "https://agency.example"}
	publisher := &outbox.Publisher{
		Store: memory, URLs: urls, Actors: append(speakers(t, urls, "news"), speakers(t, urls, "alerts")...),
	}
	var body []byte
	poll := func(handle, title string) feed.Report {
		t.Helper()
		body = []byte(`{"version":"1.1","items":[{"id":"a","url":"https://agency.example/a","title":"` + title + `"}]}`)
		p := &feed.Poller{
			Name: handle, Actor: handle, Publisher: publisher, Store: memory, Backfill: 1,
			Source: func(context.Context, feed.Version) (feed.Copy, error) { return feed.Copy{Body: body}, nil },
		}
		report, err := p.Poll(ctx)
		require.NoError(t, err)
		return report
	}
	require.Len(t, poll("news@agency.example", "Flood").Published, 1)
	require.NoError(t, publisher.Withdraw(ctx, "news@agency.example", "a"))
	assert.Len(t, poll("alerts@agency.example", "Flood").Published, 1, "the other actor never said it")
	assert.Len(t, poll("news@agency.example", "Floods").Withdrawn, 1, "though the other's stands")
}

func journal(t *testing.T, r store.Reader) []string {
	t.Helper()
	entries, err := r.Journal(t.Context(), store.JournalQuery{})
	require.NoError(t, err)
	var lines []string
	for _, e := range entries {
		assert.Equal(t, e.Kind == "withdraw", e.By != "feed blog", e.Kind)
		lines = append(lines, e.Kind+" "+e.Note)
	}
	return lines
}

// Several processes that poll at the same moment make one post of each item.
func TestManyProcessesMakeOnePost(t *testing.T) {
	memory := memory.New()
	urls := actor.URLs{Base: "https://agency.example"}
	actors := speakers(t, urls, "news")
	source := func(body string) feed.Source {
		return func(context.Context, feed.Version) (feed.Copy, error) { return feed.Copy{Body: []byte(body)}, nil }
	}
	const before = `{"version":"1.1","items":[{"id":"a","url":"https://agency.example/a","title":"A"}]}`
	const after = `{"version":"1.1","items":[{"id":"c","url":"https://agency.example/c","title":"C"},
		{"id":"b","url":"https://agency.example/b","title":"B"},{"id":"a","url":"https://agency.example/a","title":"A"}]}`
	var pollers []*feed.Poller
	for range 4 {
		pollers = append(pollers, &feed.Poller{
			Name: "news", Source: source(before), Store: memory,
			Publisher: &outbox.Publisher{Store: memory, URLs: urls, Actors: actors},
		})
	}
	everybody := func() {
		var wg sync.WaitGroup
		for _, p := range pollers {
			wg.Go(func() {
				_, err := p.Poll(t.Context())
				assert.NoError(t, err)
			})
		}
		wg.Wait()
	}
	everybody()
	for _, p := range pollers {
		p.Source = source(after)
	}
	everybody()
	everybody()
	posts, err := memory.Posts(t.Context(), store.PostQuery{})
	require.NoError(t, err)
	require.Len(t, posts, 2)
	for _, post := range posts {
		assert.Equal(t, 1, post.Rev)
		assert.NotEqual(t, "a", post.Key)
	}
}
