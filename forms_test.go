package panui_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
)

// Servers that sign in the old form, in the new one, and in both follow, read and answer.
func TestEveryFormOfSignatureIsServed(t *testing.T) {
	const modern, old = "rsa-v1_5-sha256", "rsa-sha256"
	for name, fresh := range stores(t) {
		for _, kind := range []struct {
			name       string
			signatures actortest.Signatures
			guarded    bool     // nothing is shown to who does not sign
			taken      []string // algorithms of the Accept, the Create and the Update, with those refused
			remembered string
		}{
			{"only draft-cavage", actortest.CavageAlone, false, []string{"202 " + old, "202 " + old, "202 " + old}, ""},
			{"only RFC 9421", actortest.RFC9421Alone, false, []string{"401 ", "202 " + modern, "202 " + modern, "202 " + modern}, "rfc9421"},
			{"both", actortest.Both, false, []string{"202 " + old, "202 " + old, "202 " + old}, ""},
			{"only draft-cavage, also for what is read", actortest.CavageAlone, true, []string{"202 " + old, "202 " + old, "202 " + old}, ""},
			{"only RFC 9421, also for what is read", actortest.RFC9421Alone, true, []string{"202 " + modern, "202 " + modern, "202 " + modern}, "rfc9421"},
		} {
			t.Run(name+", "+kind.name, func(t *testing.T) {
				ctx := within(t)
				ministry := open(t, fresh(t), func(c *panui.Config) { c.Mode, c.AuthorizedFetch = inbox.Converse, kind.guarded })
				server, err := actortest.Start(actortest.Options{Signatures: kind.signatures, RejectUnsignedGets: kind.guarded})
				require.NoError(t, err)
				defer server.Close()
				aroha := server.Actor("aroha")
				taken := func(sent actortest.Sent, err error) {
					t.Helper()
					require.NoError(t, err)
					assert.Equal(t, http.StatusAccepted, sent.Status)
					assert.Equal(t, 1, sent.Knocks, "the first form is taken")
				}

				taken(aroha.Follow(ctx, ministry.handle))
				require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
				item := outbox.Item{Key: "2026/17", URL: ministry.url + "/news/17", Title: "Roads", HTML: "<p>Closed.</p>", Language: "en-NZ"}
				post, err := ministry.Publish(ctx, item)
				require.NoError(t, err)
				require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))
				shown, err := aroha.Fetch(ctx, post.ID)
				require.NoError(t, err)
				assert.Equal(t, http.StatusOK, shown.Status, "whoever demands signatures of the other")
				item.HTML = "<p>Open.</p>"
				_, err = ministry.Publish(ctx, item)
				require.NoError(t, err)
				require.NoError(t, server.WaitFor(ctx, func() bool { return aroha.Timeline()[0].Edits == 1 }))
				taken(aroha.Reply(ctx, post.ID, "<p>Until when?</p>"))

				held, _, err := ministry.Moderator().Received(ctx, store.Held, inbox.Page{})
				require.NoError(t, err)
				require.Len(t, held, 1)
				assert.Equal(t, "Until when?", held[0].Text)
				var came []string
				ids := map[string][]string{}
				for _, r := range server.Received() {
					came = append(came, r.Verdict.String()[:3]+" "+r.Verdict.Signature.Algorithm)
					if !slices.Contains(ids[r.Type], r.ID) {
						ids[r.Type] = append(ids[r.Type], r.ID)
					}
				}
				assert.Equal(t, kind.taken, came)
				assert.Len(t, ids["Accept"], 1, "two knocks, one activity")
				require.NoError(t, server.WaitFor(ctx, func() bool {
					p, err := ministry.store.Peer(ctx, server.Host())
					return kind.remembered == "" || err == nil && p.Form == kind.remembered
				}))
			})
		}
	}
}
