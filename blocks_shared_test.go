package panui_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
)

// Two agencies share a store. What the one blocks the other obeys: at once, since
// the store lets nothing in, and within seconds before a key is looked at.
func TestABlockHoldsOnEverySiteOfAStore(t *testing.T) {
	for name, fresh := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx, s, log := within(t), fresh(t), &ledger{}
			ministry := open(t, s)
			museum := open(t, s, func(c *panui.Config) { c.Log = slog.New(log) })
			server, err := actortest.Start(actortest.Options{Address: "127.0.0.2:0"})
			require.NoError(t, err)
			defer server.Close()
			aroha := server.Actor("aroha")
			_, err = aroha.Follow(ctx, museum.handle)
			require.NoError(t, err)
			require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
			post, err := museum.Publish(ctx, outbox.Item{Key: "1", URL: museum.url + "/1", Title: "Kia ora", HTML: "<p>Kia ora</p>", Language: "en-NZ"})
			require.NoError(t, err)
			like := func() int {
				log.clear()
				sent, err := aroha.Like(ctx, post.ID)
				require.NoError(t, err)
				return sent.Status
			}
			require.Equal(t, 202, like())

			require.NoError(t, ministry.Moderator().Block(ctx, inbox.Block{Subject: "127.0.0.2", By: "Hana", Reason: "spam"}))
			assert.Equal(t, 403, like(), "the store lets nothing in")
			require.Eventually(t, func() bool {
				return like() == 403 && strings.Contains(fmt.Sprint(log.events()), "host-blocked")
			}, 10*time.Second, 100*time.Millisecond, "the museum never learned of the block")
			left, err := s.Followers(ctx, store.FollowerQuery{})
			require.NoError(t, err)
			assert.Empty(t, left, "also those of the museum")

			require.NoError(t, ministry.Moderator().Unblock(ctx, "127.0.0.2", "Hana"))
			require.Eventually(t, func() bool { return like() == 202 }, 10*time.Second, 100*time.Millisecond, "the museum never learned that it ended")
		})
	}
}

// Whatever somebody on a blocked server says, a report or that something is taken
// back too, is refused for its server, and nothing is kept.
func TestABlockedServerIsNotListenedTo(t *testing.T) {
	w := newWorld(t, "sqlite", scene{})
	require.NoError(t, w.site.Moderator().Block(t.Context(), inbox.Block{Subject: "127.0.0.3", By: "Hana", Reason: "spam"}))
	kept, asked := w.tables(), len(w.evil.requests())
	for _, body := range []string{malloryFollows, malloryReplies, act("mallory", "Like", `"{post}"`), act("mallory", "Announce", `"{post}"`),
		act("mallory", "Flag", `["{news}","{post}"]`), act("mallory", "Block", `"{news}"`), act("mallory", "Move", `"{mallory}","target":"{alice}"`),
		act("mallory", "Undo", `"{mallory}/follows/1"`)} {
		w.log.clear()
		assert.Equal(t, 403, w.send(w.letter(body, forge{by: "mallory"}).wire()).status, body)
		require.Len(t, w.log.events(), 1)
		assert.Equal(t, "host-blocked", w.log.events()[0].code, body)
	}
	assert.Equal(t, kept, w.tables())
	assert.Len(t, w.evil.requests(), asked, "it is not even asked for a key")
}

// That somebody could not be looked up because of a block is forgotten with it.
func TestWhoIsLetInAgainNeedNotWait(t *testing.T) {
	w := newWorld(t, "memory", scene{})
	m := w.site.Moderator()
	require.NoError(t, m.Block(t.Context(), inbox.Block{Subject: "evil.example", By: "Hana", Reason: "spam"}))
	follow := followsWith(w, "https://evil.example/inbox", "").wire()
	assert.Equal(t, 401, w.send(follow).status, "an inbox on a blocked server")
	require.NoError(t, m.Unblock(t.Context(), "evil.example", "Hana"))
	assert.Equal(t, 202, w.send(follow).status)
}

// Mastodon's list of blocked accounts has handles, which are asked for.
func TestAListOfAccountsIsImportedAndExported(t *testing.T) {
	ctx := within(t)
	ministry, another := open(t, stores(t)["memory"](t)), open(t, stores(t)["memory"](t))
	server, err := actortest.Start(actortest.Options{Address: "127.0.0.2:0"})
	require.NoError(t, err)
	defer server.Close()
	aroha, m := server.Actor("aroha"), ministry.Moderator()
	ask := m.Find
	m.Find = func(ctx context.Context, handle string) (string, error) {
		if handle == "aroha@"+server.Host() {
			return aroha.ID, nil // this server speaks plain http, and WebFinger https alone
		}
		return ask(ctx, handle)
	}
	list := fmt.Sprintf("Account address\naroha@%[1]s\nnobody@%[1]s\nhttps://kauri.example/users/mia\n", server.Host())

	report, err := m.ImportBlocks(ctx, strings.NewReader(list), inbox.Import{By: "Hana", Reason: "abuse"})
	require.NoError(t, err)
	require.Len(t, report.Lines, 3)
	assert.Equal(t, 2, report.Blocked)
	assert.Equal(t, "blocked", report.Lines[0].Note)
	assert.Equal(t, aroha.ID, report.Lines[0].Subject)
	assert.Contains(t, report.Lines[1].Note, "not taken: its id could not be found")
	assert.Empty(t, report.Lines[1].Subject)
	assert.Equal(t, "https://kauri.example/users/mia", report.Lines[2].Subject)

	var ids, domains bytes.Buffer
	require.NoError(t, m.ExportBlockedActors(ctx, &ids))
	require.NoError(t, m.ExportBlocks(ctx, &domains))
	assert.NotContains(t, domains.String(), "kauri.example", "no server is blocked")
	_, err = another.Moderator().ImportBlocks(ctx, bytes.NewReader(ids.Bytes()), inbox.Import{By: "Wiremu", Reason: "from the ministry"})
	require.NoError(t, err)
	taken, err := another.Moderator().Blocks(ctx, 0)
	require.NoError(t, err)
	var subjects []string
	for _, b := range taken {
		subjects = append(subjects, b.Subject)
	}
	assert.Equal(t, []string{aroha.ID, "https://kauri.example/users/mia"}, subjects)
}
