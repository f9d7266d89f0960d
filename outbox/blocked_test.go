package outbox

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// shut blocks one inbox.
type shut string

func (s shut) ID(id string) bool             { return id == string(s) }
func (s shut) Refresh(context.Context) error { return nil }

// What was queued before its inbox was blocked is taken back, not tried again.
func TestWhatWasQueuedForWhoIsBlockedIsTakenBack(t *testing.T) {
	tw := newTown(t, memory.New())
	evil, kind := newPeer(tw), newPeer(tw)
	tw.followedBy(evil, 1)
	tw.followedBy(kind, 1)
	post := tw.publish(bridge())
	tw.deliverer.Blocks = shut(evil.inbox(1))
	tw.drain()

	assert.Empty(t, evil.got())
	assert.Equal(t, []string{"Create"}, kind.got())
	rows, err := tw.store.Deliveries(tw.ctx, store.DeliveryQuery{Object: post.ID})
	require.NoError(t, err)
	require.Len(t, rows, 2)
	for _, row := range rows {
		if row.Inbox == evil.inbox(1) {
			assert.Equal(t, store.Cancelled, row.State)
			assert.Equal(t, "blocked", row.Answer)
		} else {
			assert.Equal(t, store.Delivered, row.State)
		}
	}
	peer, err := tw.store.Peer(tw.ctx, store.HostOf(evil.inbox(1)))
	assert.True(t, errors.Is(err, store.ErrNotFound) || err == nil && peer.Failures == 0, "its server has not failed: %v", err)
}
