package panui_test

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// One machine revokes; the other, which holds the replacement as its Next, follows at once.
func TestARevokedKeySignsNothingOnAnyMachine(t *testing.T) {
	for name, shared := range map[string]func(t *testing.T) (a, b store.Store){
		"memory": func(*testing.T) (a, b store.Store) { s := memory.New(); return s, s },
		"sqlite": func(t *testing.T) (a, b store.Store) {
			path := filepath.Join(t.TempDir(), "panui.db")
			opened := func() store.Store {
				db, err := sqlite.Open(t.Context(), path)
				require.NoError(t, err)
				t.Cleanup(func() { assert.NoError(t, db.Close()) })
				return db
			}
			return opened(), opened()
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := shared(t)
			h := newHouse(t, first)
			one, two := quickKey(t), quickKey(t)
			site, stop := h.starts(one, two)
			readers := map[string]keyPeer{"fetches again": h.followedBy(actortest.Options{})}
			h.says(site, "before", readers)
			stubborn := h.followedBy(actortest.Options{Dialect: actortest.GoToSocial})
			h.quiet()

			require.NoError(t, h.site(second, one, two).As("Hine Rāwiri, security").RevokeKey(h.ctx, "", nil, "found in a public repository"))
			h.hears(1, readers)
			h.says(site, "after", readers)
			assert.Equal(t, []string{"#main-key", "#key-2"}, signedWith(readers["fetches again"], "Create"))
			assert.Equal(t, []string{"#key-2"}, signedWith(readers["fetches again"], "Update"), "not signed with the old one")
			assert.NotContains(t, h.document(), one.PublicMultikey())
			assert.NotContains(t, h.document(), "#main-key")
			h.isRefused(stubborn, "Update", "who keeps keys believes no other that the old one did not tell of")
			stop()

			for _, again := range []*panui.Site{h.site(second, one, two), h.site(first, one, nil), h.site(first, two, one)} {
				err := again.Run(h.ctx)
				assert.ErrorContains(t, err, "the key "+one.Fingerprint()+" was revoked on")
				assert.ErrorContains(t, err, "by Hine Rāwiri, security (found in a public repository): take it out of the configuration")
			}
			site, _ = h.starts(two, nil)
			h.says(site, "as it should be", readers)
			revoked := h.journal("revoke-key")
			require.Len(t, revoked, 1)
			assert.Equal(t, "Hine Rāwiri, security", revoked[0].By)
		})
	}
}

// A machine without the replacement leaves what is to be sent to one that has it.
func TestAMachineWithoutTheReplacementSendsNothing(t *testing.T) {
	h := newHouse(t, memory.New())
	one, two := quickKey(t), quickKey(t)
	site, stop := h.starts(one, nil)
	aroha := h.followedBy(actortest.Options{})
	h.quiet()
	require.NoError(t, h.site(h.store, one, nil).RevokeKey(h.ctx, "", two, "stolen"))
	require.Eventually(t, func() bool {
		answer, err := aroha.who.Fetch(h.ctx, h.actor().ID)
		return err == nil && answer.Status == http.StatusServiceUnavailable
	}, 10*time.Second, 20*time.Millisecond)
	_, err := site.Publish(h.ctx, outbox.Item{Key: "waits", URL: h.server.URL + "/waits", Title: "Waits", Language: "en-NZ"})
	require.NoError(t, err)
	time.Sleep(1200 * time.Millisecond)
	assert.Empty(t, signedWith(aroha, "Create"))
	assert.Contains(t, h.log.String(), "deliveries left to others")
	stop()
	h.starts(two, nil)
	require.NoError(t, aroha.WaitFor(h.ctx, func() bool { return len(aroha.who.Timeline()) == 1 }))
	assert.Equal(t, []string{"#key-2"}, signedWith(aroha, "Create"))
}
