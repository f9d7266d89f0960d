package panui_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
)

// A follower's server is blocked: it gets nothing more, also of what was queued,
// and is not listened to. Let in again, nobody of it follows until they ask anew.
func TestAServerIsBlockedAndLetInAgain(t *testing.T) {
	for name, fresh := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx, s := within(t), fresh(t)
			ministry := open(t, s)
			server, err := actortest.Start(actortest.Options{Address: "127.0.0.2:0"})
			require.NoError(t, err)
			defer server.Close()
			aroha, moderator := server.Actor("aroha"), ministry.Moderator()
			_, err = aroha.Follow(ctx, ministry.handle)
			require.NoError(t, err)
			require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
			require.NoError(t, ministry.Stop(ctx))
			item := outbox.Item{Key: "1", URL: ministry.url + "/1", Title: "Kia ora", HTML: "<p>Kia ora</p>", Language: "en-NZ"}
			post, err := ministry.Publish(ctx, item)
			require.NoError(t, err)
			_, err = aroha.Reply(ctx, post.ID, "Spam")
			require.NoError(t, err)

			require.NoError(t, moderator.Block(ctx, inbox.Block{Subject: "127.0.0.2", By: "Hana", Reason: "spam"}))
			require.NoError(t, ministry.Resume(ctx))
			left, err := s.Followers(ctx, store.FollowerQuery{})
			require.NoError(t, err)
			assert.Empty(t, left)
			queue, err := s.Deliveries(ctx, store.DeliveryQuery{Object: post.ID})
			require.NoError(t, err)
			require.Len(t, queue, 1)
			assert.Equal(t, store.Cancelled, queue[0].State)
			refused, _, err := moderator.Received(ctx, store.Refused, inbox.Page{})
			require.NoError(t, err)
			require.Len(t, refused, 1)
			like, err := aroha.Like(ctx, post.ID)
			if err == nil {
				assert.Equal(t, 403, like.Status)
			}

			require.NoError(t, moderator.Block(ctx, inbox.Block{Subject: "127.0.0.2", By: "Hana", Reason: "spam", Erase: true}))
			erased, err := s.Received(ctx, store.ReceivedQuery{})
			require.NoError(t, err)
			for _, row := range erased {
				assert.Empty(t, row.Body, "erased, though blocked before")
			}

			require.NoError(t, moderator.Unblock(ctx, "127.0.0.2", "Hana"))
			left, err = s.Followers(ctx, store.FollowerQuery{})
			require.NoError(t, err)
			assert.Empty(t, left, "nothing comes back")
			again, err := aroha.Follow(ctx, ministry.handle)
			require.NoError(t, err)
			assert.Equal(t, 202, again.Status)
			assert.Empty(t, aroha.Timeline())
		})
	}
}

func TestAListOfBlocksIsImported(t *testing.T) {
	w := newWorld(t, "memory", scene{})
	m, ctx := w.site.Moderator(), t.Context()
	list := "#domain,#severity\nevil.example,suspend\nnoisy.example,silence\nev*l.example,suspend\nevil.example,suspend\ngovt.nz,suspend\n127.0.0.1,suspend\n"
	how := inbox.Import{By: "Hana", Reason: "shared list", Preview: true}
	before := w.asked()
	report, err := m.ImportBlocks(ctx, strings.NewReader(list), how)
	require.NoError(t, err)
	assert.Equal(t, 1, report.Blocked)
	assert.Equal(t, before, w.asked(), "a preview changes nothing")
	how.Preview = false
	report, err = m.ImportBlocks(ctx, strings.NewReader(list), how)
	require.NoError(t, err)
	require.Len(t, report.Lines, 6)
	for i, word := range []string{"blocked", "silence", "not guessed", "named before, on line 2", "suffix", "site's own"} {
		assert.Contains(t, report.Lines[i].String(), word)
	}
	report, err = m.ImportBlocks(ctx, strings.NewReader(list), how)
	require.NoError(t, err)
	assert.Zero(t, report.Blocked, "twice is as once")
	var file bytes.Buffer
	require.NoError(t, m.ExportBlocks(ctx, &file))
	assert.Contains(t, file.String(), "evil.example,suspend,true,true,shared list,false")
}

// A list that erases does so for whom is blocked already, once: the next time there is nothing left.
func TestAListThatErasesDoesSoForWhoIsBlockedAlready(t *testing.T) {
	for _, backend := range []string{"memory", "sqlite"} {
		t.Run(backend, func(t *testing.T) {
			w := newWorld(t, backend, scene{})
			m, ctx := w.site.Moderator(), t.Context()
			require.Equal(t, 202, w.send(w.letter(malloryReplies, forge{by: "mallory"}).wire()).status)
			require.Equal(t, 202, w.send(w.letter(aliceReplies, forge{}).wire()).status)
			require.NoError(t, m.Block(ctx, inbox.Block{Subject: "127.0.0.3", By: "Hana", Reason: "spam"}))
			require.NoError(t, m.Block(ctx, inbox.Block{Subject: "quiet.example", By: "Hana", Reason: "spam"}))
			row, many := w.received(store.ReceivedQuery{From: w.fill("{alice}")})[0], []store.Op(nil)
			for n := range 1000 { // so that hers is not among the first that are looked at
				row.ID = fmt.Sprintf("https://kauri.example/notes/%d", n)
				many = append(many, store.Receive{Received: row})
			}
			require.NoError(t, w.store.Apply(ctx, many...))
			list := "127.0.0.3\nquiet.example\nnew.example\n"
			how := inbox.Import{By: "Wiremu", Reason: "shared list", Erase: true, Preview: true}
			words := func() (said []string) {
				report, err := m.ImportBlocks(ctx, strings.NewReader(list), how)
				require.NoError(t, err)
				for _, line := range report.Lines {
					said = append(said, line.Note)
				}
				return said
			}
			kept := w.tables()
			assert.Equal(t, []string{"blocked already; what was said would be erased", "blocked already", "would be blocked"}, words())
			assert.Equal(t, kept, w.tables())

			how.Preview = false
			assert.Equal(t, []string{"blocked already; what was said is erased", "blocked already", "blocked"}, words())
			theirs := w.received(store.ReceivedQuery{From: w.fill("{mallory}")})
			require.Len(t, theirs, 1)
			assert.Equal(t, store.Retracted, theirs[0].State)
			assert.Empty(t, theirs[0].Body)
			assert.Len(t, w.received(store.ReceivedQuery{From: w.fill("{alice}"), Standing: true, Limit: 2000}), 1001, "nobody else's")
			all, err := m.Blocks(ctx, 0)
			require.NoError(t, err)
			require.Len(t, all, 3)
			assert.Equal(t, "Hana", all[0].By, "the block stays as it was")
			journal, err := w.store.Journal(ctx, store.JournalQuery{})
			require.NoError(t, err)
			last := journal[len(journal)-2]
			assert.Equal(t, []string{"block-server", "127.0.0.3", "Wiremu", "erased; shared list"}, []string{last.Kind, last.Subject, last.By, last.Note})

			kept = w.tables()
			assert.Equal(t, []string{"blocked already", "blocked already", "blocked already"}, words())
			assert.Equal(t, kept, w.tables(), "twice is as once, in the journal too")
		})
	}
}
