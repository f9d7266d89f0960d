package panui_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store/memory"
)

// Somebody on a server of each software follows the agency, reads, sees the
// correction and the withdrawal, and does everything that people there can do.
func TestEverySoftwareIsServed(t *testing.T) {
	for _, dialect := range []actortest.Dialect{
		actortest.Mastodon, actortest.Misskey, actortest.Pleroma, actortest.GoToSocial, actortest.Pixelfed,
		actortest.Lemmy, actortest.PeerTube, actortest.Threads, actortest.WordPress, actortest.MicroBlog,
	} {
		t.Run(dialect.String(), func(t *testing.T) {
			ctx := within(t)
			ministry := open(t, memory.New(), func(c *panui.Config) { c.Mode = inbox.Converse })
			server, err := actortest.Start(actortest.Options{Dialect: dialect})
			require.NoError(t, err)
			defer server.Close()
			aroha := server.Actor("aroha")
			// A Lemmy server shows no Note that is not a reply: it takes it and drops it.
			shows := dialect != actortest.Lemmy
			taken := func(sent actortest.Sent, err error) actortest.Sent {
				t.Helper()
				require.NoError(t, err)
				require.Equal(t, http.StatusAccepted, sent.Status, string(sent.JSON))
				return sent
			}

			follow := taken(aroha.Follow(ctx, ministry.handle))
			require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
			item := outbox.Item{
				Key: "2026/17", URL: ministry.url + "/news/17", Title: "Roads", HTML: "<p>Closed.</p>", Language: "en-NZ",
				Images: []outbox.Image{{URL: ministry.url + "/road.jpg", MediaType: "image/jpeg", Alt: "A road", Width: 640, Height: 480}},
			}
			post, err := ministry.Publish(ctx, item)
			require.NoError(t, err)
			item.HTML = "<p>Open.</p>"
			_, err = ministry.Publish(ctx, item)
			require.NoError(t, err)
			require.NoError(t, server.WaitFor(ctx, func() bool {
				seen := aroha.Timeline()
				return !shows || len(seen) == 1 && seen[0].Edits == 1
			}))

			reply := taken(aroha.Reply(ctx, post.ID, "<p>Until when?</p>"))
			taken(aroha.EditReply(ctx, reply, "<p>Until when, please?</p>"))
			taken(aroha.DeleteReply(ctx, reply))
			taken(aroha.Undo(ctx, taken(aroha.Like(ctx, post.ID))))
			taken(aroha.Undo(ctx, taken(aroha.Announce(ctx, post.ID))))
			taken(aroha.Mention(ctx, ministry.handle, "<p>Thank you</p>"))
			taken(aroha.Flag(ctx, ministry.handle, "wrong road", post.ID))

			require.NoError(t, ministry.Withdraw(ctx, "", "2026/17"))
			require.NoError(t, server.WaitFor(ctx, func() bool {
				came := server.Received()
				return came[len(came)-1].Type == "Delete"
			}))
			assert.Empty(t, aroha.Timeline())
			taken(aroha.Undo(ctx, follow))
			taken(aroha.DeleteActor(ctx, follow.Object))
			for _, r := range server.Received() {
				assert.True(t, r.Verdict.OK() || !shows, r.String())
			}
		})
	}
}
