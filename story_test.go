package panui_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// agency is a website with Pānui mounted, on loopback.
type agency struct {
	*panui.Site
	url    string
	handle string
	store  store.Store
}

// open starts an agency. Its deliverer runs and its server answers until the test ends.
func open(t *testing.T, s store.Store, change ...func(*panui.Config)) *agency {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url := "http://" + server.Listener.Addr().String()
	config := panui.Config{
		BaseURL:          url,
		Actors:           []actor.Profile{{Handle: "news@" + server.Listener.Addr().String(), Name: "Te Manatū Tauira", Key: quickKey(t), Languages: []string{"en-NZ"}}},
		Store:            s,
		Keys:             signing.Fediverse(),
		Log:              slog.New(slog.NewTextHandler(t.Output(), nil)),
		InsecureLoopback: true,
	}
	for _, c := range change {
		c(&config)
	}
	site, err := panui.New(config)
	require.NoError(t, err)
	server.Config.Handler = site.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("the website"))
	}))
	server.Start()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- site.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
		server.Close()
	})
	return &agency{Site: site, url: url, handle: config.Actors[0].Handle, store: s}
}

// quickKey is an RSA-2048 key, for tests that have no time for a longer one.
func quickKey(t testing.TB) *signing.Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	key, err := signing.New(private)
	require.NoError(t, err)
	return key
}

// stores are the backends that a story is told on.
func stores(t *testing.T) map[string]func(*testing.T) store.Store {
	t.Helper()
	return map[string]func(*testing.T) store.Store{
		"memory": func(*testing.T) store.Store { return memory.New() },
		"sqlite": func(t *testing.T) store.Store {
			db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "panui.db"))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
			return db
		},
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestFollowPublishReplyWithdraw(t *testing.T) {
	for name, fresh := range stores(t) {
		t.Run(name, func(t *testing.T) {
			for _, dialect := range []actortest.Dialect{actortest.Mastodon, actortest.GoToSocial, actortest.Misskey} {
				t.Run(dialect.String(), func(t *testing.T) { tellStory(t, fresh(t), dialect) })
			}
		})
	}
}

func tellStory(t *testing.T, s store.Store, dialect actortest.Dialect) {
	ctx := within(t)
	ministry := open(t, s, func(c *panui.Config) { c.Mode = inbox.Converse })
	server, err := actortest.Start(actortest.Options{Dialect: dialect})
	require.NoError(t, err)
	defer server.Close()
	aroha := server.Actor("aroha")

	// Aroha follows the ministry by its handle and is accepted.
	follow, err := aroha.Follow(ctx, ministry.handle)
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, follow.Status)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))

	// News reaches her timeline, signed and verified.
	item := outbox.Item{
		Key: "2026/17", URL: ministry.url + "/news/17", Title: "Kua tuwhera te huarahi", Language: "en-NZ",
		HTML: "<p>State Highway 1 is open again.</p>", Tags: []string{"RoadsNZ"},
	}
	post, err := ministry.Publish(ctx, item)
	require.NoError(t, err)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))
	seen := aroha.Timeline()[0]
	assert.Equal(t, post.ID, seen.ID)
	assert.Contains(t, seen.Content, "Kua tuwhera te huarahi")
	assert.Equal(t, "en-NZ", seen.Language)
	assert.Equal(t, follow.Object, seen.Arrived.Verdict.Signature.Owner)
	link, err := ministry.Link(ctx, "", "2026/17")
	require.NoError(t, err)
	assert.Equal(t, post.ID, link)

	// A correction changes it there; publishing it as it is changes nothing.
	item.HTML = "<p>State Highway 1 is open again, with one lane at Mangamuka.</p>"
	_, err = ministry.Publish(ctx, item)
	require.NoError(t, err)
	same, err := ministry.Publish(ctx, item)
	require.NoError(t, err)
	assert.Equal(t, 2, same.Rev)
	require.NoError(t, server.WaitFor(ctx, func() bool { return aroha.Timeline()[0].Edits == 1 }))
	assert.Contains(t, aroha.Timeline()[0].Content, "Mangamuka")

	// She answers; the answer waits until a person approves it.
	reply, err := aroha.Reply(ctx, post.ID, `<p>Tēnā koe! <script>alert(1)</script>Until when?</p>`)
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, reply.Status)
	held, _, err := ministry.Moderator().Received(ctx, store.Held, inbox.Page{})
	require.NoError(t, err)
	require.Len(t, held, 1)
	assert.Equal(t, aroha.ID, held[0].From)
	assert.NotContains(t, held[0].HTML.String(), "script")
	shown, _, err := ministry.Moderator().Replies(ctx, post.ID, inbox.Page{})
	require.NoError(t, err)
	assert.Empty(t, shown)
	require.NoError(t, ministry.Moderator().Decide(ctx, inbox.Decision{
		Actor: held[0].Actor, ID: held[0].ID, State: store.Shown, By: "Hine, press office", Seen: held[0].Seen(),
	}))
	shown, _, err = ministry.Moderator().Replies(ctx, post.ID, inbox.Page{})
	require.NoError(t, err)
	require.Len(t, shown, 1)
	assert.Contains(t, shown[0].Text, "Tēnā koe!")

	// What she takes back is gone.
	_, err = aroha.DeleteReply(ctx, reply)
	require.NoError(t, err)
	shown, _, err = ministry.Moderator().Replies(ctx, post.ID, inbox.Page{})
	require.NoError(t, err)
	assert.Empty(t, shown)

	// The news is withdrawn: gone from her timeline, 410 at its id, and told by the receipt.
	require.NoError(t, ministry.As("Ana Tamihana").Withdraw(ctx, "", "2026/17"))
	withdrawals, err := s.Journal(ctx, store.JournalQuery{Kind: "withdraw"})
	require.NoError(t, err)
	require.Len(t, withdrawals, 1)
	assert.Equal(t, "Ana Tamihana", withdrawals[0].By)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 0 }))
	answer, err := aroha.Fetch(ctx, post.ID)
	require.NoError(t, err)
	assert.Equal(t, http.StatusGone, answer.Status)
	assert.Contains(t, string(answer.Body), `"Tombstone"`)
	require.Eventually(t, func() bool {
		receipt, err := ministry.Receipt(ctx, "", "2026/17")
		return err == nil && receipt.Targeted == 1 && receipt.Delivered == 1 && receipt.Pending == 0
	}, 10*time.Second, 10*time.Millisecond)

	// Said again, it is a new post.
	again, err := ministry.Publish(ctx, item)
	require.NoError(t, err)
	assert.NotEqual(t, post.ID, again.ID)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))

	// She leaves, and nothing of her is kept among the followers.
	_, err = aroha.Undo(ctx, follow)
	require.NoError(t, err)
	count, err := s.CountFollowers(ctx, follow.Object)
	require.NoError(t, err)
	assert.Zero(t, count)

	var kinds []string
	entries, err := s.Journal(ctx, store.JournalQuery{})
	require.NoError(t, err)
	for i, e := range entries {
		assert.Equal(t, int64(i+1), e.Seq)
		kinds = append(kinds, e.Kind)
	}
	assert.Equal(t, []string{"follow", "publish", "edit", "reply", "approve", "retract", "withdraw", "publish", "unfollow"}, kinds)
	for _, r := range server.Received() {
		assert.Equal(t, http.StatusAccepted, r.Verdict.Status, r.String())
	}
}

func TestRunEndsCleanlyHoweverEarlyItIsTold(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for name, fresh := range stores(t) {
		t.Run(name, func(t *testing.T) {
			site, err := panui.New(panui.Config{
				BaseURL: "https://www.agency.govt.nz", Keys: signing.Fediverse(), Store: fresh(t),
				Actors: []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Te Manatū Tauira", Key: quickKey(t)}},
			})
			require.NoError(t, err)
			assert.NoError(t, site.Run(ended))
		})
	}
}
