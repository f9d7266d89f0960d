package panui_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func TestAPlannedRotationIsNoticedByNobody(t *testing.T) {
	for name, fresh := range stores(t) {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, fresh(t))
			one, two := quickKey(t), quickKey(t)

			site, stop := h.starts(one, nil)
			readers := h.everyKindOfReader()
			h.says(site, "before", readers)
			stop()

			// The next key is announced, and not yet to be used.
			site, stop = h.starts(one, two)
			h.heard(1, readers)
			h.says(site, "announced", readers)
			assert.Contains(t, h.document(), two.PublicMultikey())
			assert.ErrorContains(t, site.RotateKey(h.ctx, ""), "Profile.Next was announced at")
			assert.Equal(t, []string{"#key-2 " + actor.Announced, "#main-key " + signing.Signs}, h.keys(site))
			h.quiet() // a day that passes in no time ends the lease of what is not written down yet
			h.wait(25 * time.Hour)

			// The switch: told with the old key, everything else with the new one.
			require.NoError(t, site.As("Hine Rāwiri, security").RotateKey(h.ctx, ""))
			require.NoError(t, site.RotateKey(h.ctx, ""), "again changes nothing")
			h.heard(2, readers)
			h.says(site, "switched", readers)
			assert.Equal(t, []string{"#key-2 " + signing.Signs, "#main-key " + actor.Retired}, h.keys(site))
			stop()

			// A restart in between, then the old key leaves the configuration.
			site, stop = h.starts(one, two)
			h.says(site, "restarted", readers)
			stop()
			site, stop = h.starts(two, nil)
			h.heard(3, readers)
			h.says(site, "old key gone", readers)
			assert.NotContains(t, h.document(), one.PublicMultikey())
			assert.NotContains(t, h.document(), "#main-key")
			stop()

			for name, r := range readers {
				assert.Equal(t, []string{"#main-key", "#main-key", "#key-2"}, signedWith(r, "Update"), "Update of %s", name)
				assert.Equal(t, []string{"#main-key", "#main-key", "#key-2", "#key-2", "#key-2"}, signedWith(r, "Create"), "Create of %s", name)
			}
			for name, r := range readers {
				for _, got := range r.Received() {
					knock := got.Verdict.Status == http.StatusUnauthorized && got.Header.Get("Signature-Input") == ""
					assert.True(t, got.Verdict.OK() || knock, "%s: %s", name, got.String())
				}
			}
			rotations := h.journal("rotate-key")
			require.Len(t, rotations, 1)
			assert.Equal(t, "Hine Rāwiri, security", rotations[0].By)
			assert.Contains(t, rotations[0].Note, two.Fingerprint())
			assert.Len(t, h.journal("announce-key"), 1)
			assert.Len(t, h.journal("introduce"), 2)
		})
	}
}

// A follower who came after the switch, or whose server never met the old key, is
// told with the new one.
func TestWhoNeverMetTheOldKeyIsToldWithTheNew(t *testing.T) {
	h := newHouse(t, memory.New())
	one, two := quickKey(t), quickKey(t)
	site, stop := h.starts(one, two)
	h.followedBy(actortest.Options{})
	h.quiet()
	stop()
	stranger, err := actortest.Start(actortest.Options{Dialect: actortest.PeerTube, Now: h.clock})
	require.NoError(t, err)
	defer stranger.Close()
	h.follows(stranger.Actor("tama").Inbox)
	require.NoError(t, site.RotateKeyRiskingRefusal(h.ctx, ""))
	h.starts(one, two)
	tama := keyPeer{stranger, stranger.Actor("tama")}
	h.heard(1, map[string]keyPeer{"PeerTube": tama})
	assert.Equal(t, []string{"#key-2"}, signedWith(tama, "Update"))
	assert.Len(t, tama.Received(), 3, "both forms with the old key, then the new one")
}

func TestRotationIsRefusedWithWhatToDo(t *testing.T) {
	h := newHouse(t, memory.New())
	one, two, three := quickKey(t), quickKey(t), quickKey(t)
	h.front.Store(h.site(h.store, one, nil))
	refuses := func(says string, err error) {
		t.Helper()
		assert.ErrorContains(t, err, says)
	}
	refuses("there is no Profile.Next", h.site(h.store, one, nil).RotateKeyRiskingRefusal(h.ctx, ""))
	refuses("has not been announced: let Run announce it", h.site(h.store, one, two).RotateKey(h.ctx, ""))
	refuses(`no actor is called "alerts"`, h.site(h.store, one, two).RotateKey(h.ctx, "alerts"))
	refuses("say why", h.site(h.store, one, two).RevokeKey(h.ctx, "", nil, " "))
	refuses("there is no replacement: hand one over", h.site(h.store, one, nil).RevokeKey(h.ctx, "", nil, "stolen"))
	refuses("the replacement is the key that signs now", h.site(h.store, one, nil).RevokeKey(h.ctx, "", one, "stolen"))

	// A server that is down has not heard of the next key.
	down, err := actortest.Start(actortest.Options{})
	require.NoError(t, err)
	inbox := down.Actor("aroha").Inbox
	require.NoError(t, down.Close())
	_, stop := h.starts(one, nil)
	require.Eventually(t, func() bool { _, err := h.store.Setting(h.ctx, "introduced "+h.actor().ID); return err == nil }, 10*time.Second, 10*time.Millisecond)
	stop()
	h.follows(inbox)
	_, stop = h.starts(one, two)
	require.Eventually(t, func() bool { return len(h.journal("announce-key")) == 1 }, 10*time.Second, 10*time.Millisecond)
	stop()
	h.wait(25 * time.Hour)
	refuses("the announcement is still on its way to "+hostOf(t, inbox), h.site(h.store, one, two).RotateKey(h.ctx, ""))
	require.NoError(t, h.site(h.store, one, two).RotateKeyRiskingRefusal(h.ctx, ""))

	refuses("Profile.Next is the key that was replaced last", h.site(h.store, two, one).RotateKeyRiskingRefusal(h.ctx, ""))
	require.NoError(t, h.site(h.store, one, two).RevokeKey(h.ctx, "", three, "stolen"))
	refuses("the replacement was revoked itself", h.site(h.store, three, nil).RevokeKey(h.ctx, "", two, "lost"))
}

// failing is a store whose writes fail on demand, before or after they are done.
type failing struct {
	store.Store
	at   int // which write about keys fails, with all after it until the next
	lose bool
	n    int
}

var errCut = errors.New("cut off")

func (f *failing) Apply(ctx context.Context, ops ...store.Op) error {
	if slices.ContainsFunc(ops, concernsKeys) {
		f.n++
	}
	if f.n == f.at && !f.lose {
		return errCut
	}
	err := f.Store.Apply(ctx, ops...)
	if f.n == f.at && err == nil {
		return errCut // done, but nobody heard of it
	}
	return err
}

func concernsKeys(op store.Op) bool {
	switch op.(type) {
	case store.PinActor, store.RepinKey:
		return true
	}
	return false
}

// Whatever write of a rotation is cut off, before it is done or before that is
// known, starting again leaves one rotation that every reader has followed.
func TestARotationThatIsCutOffIsTakenUpAgain(t *testing.T) {
	for _, lose := range []bool{false, true} {
		for at := 1; at <= 3; at++ {
			t.Run(fmt.Sprintf("write %d, done %v", at, lose), func(t *testing.T) {
				h := newHouse(t, memory.New())
				one, two := quickKey(t), quickKey(t)
				site, stop := h.starts(one, nil)
				readers := map[string]keyPeer{"keeps keys": h.followedBy(actortest.Options{KeepKeys: true}), "fetches again": h.followedBy(actortest.Options{})}
				h.says(site, "before", readers)
				stop()

				cut := &failing{Store: h.store, at: at, lose: lose}
				pass := func(s store.Store) error {
					p := h.site(s, one, two)
					ended, end := context.WithTimeout(h.ctx, 300*time.Millisecond)
					defer end()
					if err := p.Run(ended); err != nil {
						return err
					}
					return p.RotateKeyRiskingRefusal(h.ctx, "")
				}
				h.front.Store(h.site(h.store, one, two))
				require.ErrorIs(t, pass(cut), errCut)
				require.NoError(t, pass(h.store))
				assert.Equal(t, two.Fingerprint(), h.actor().Fingerprint)
				assert.Equal(t, 1, h.actor().Rotations)
				site, stop = h.starts(one, two)
				h.heard(2, readers)
				h.says(site, "after", readers)
				stop()
				assert.Len(t, h.journal("rotate-key"), 1)
				assert.Len(t, h.journal("announce-key"), 1)
				for name, r := range readers {
					assert.Equal(t, []string{"#main-key", "#key-2"}, signedWith(r, "Create"), name)
				}
			})
		}
	}
}
