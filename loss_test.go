package panui_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/store/memory"
)

// The key is lost, and there is no kit. A new one takes its place without the old one's word.
func TestAKeyThatIsLostForGood(t *testing.T) {
	h := newHouse(t, memory.New())
	_, stop := h.starts(quickKey(t), nil)
	aroha, tama := h.followedBy(actortest.Options{}), h.followedBy(actortest.Options{KeepKeys: true})
	h.quiet()
	stop()
	fresh := quickKey(t)
	lost := h.site(h.store, fresh, nil)
	assert.ErrorContains(t, lost.Run(h.ctx), "where it is lost for good, call RevokeKey")
	require.NoError(t, lost.RevokeKey(h.ctx, "", fresh, "disk lost, no kit"))
	site, _ := h.starts(fresh, nil)
	h.says(site, "new key", map[string]keyPeer{"fetches again": aroha})
	h.isRefused(tama, "Create", "who keeps keys believes no other")
	assert.Empty(t, tama.who.Timeline())
}
