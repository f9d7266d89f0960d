package main

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

var stores = map[string]func(*testing.T) store.Store{
	"memory": func(*testing.T) store.Store { return memory.New() },
	"sqlite": func(t *testing.T) store.Store {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "panui.db"))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		return db
	},
}

// longest bounds a conversation, which takes seconds on an idle machine.
const longest = 5 * time.Minute

func needsPeer(t *testing.T) {
	t.Helper()
	if err := installed("."); err != nil {
		testenv.Missing(t, "node", err.Error())
	}
}

// begin starts both servers, which end with the test.
func begin(t *testing.T, s store.Store) (context.Context, *conversation) {
	t.Helper()
	needsPeer(t)
	// Not t.Context, which ends before the peer is asked to.
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	t.Cleanup(cancel)
	c, err := meet(ctx, s, ".", t.TempDir(), slog.New(slog.NewTextHandler(t.Output(), nil)), t.Output())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.close()) })
	return ctx, c
}

// takes takes the steps and requires that both sides agree with each. It returns
// what reached Kiri's inbox, and the agency's.
func (c *conversation) takes(ctx context.Context, t *testing.T, steps []step) (arrived []event, knocks []knock) {
	t.Helper()
	for _, s := range steps {
		v := c.take(ctx, s)
		require.NoError(t, v.err, s.says)
		require.Equal(t, s.theirs, v.gotTheirs, "Fedify: %s", s.says)
		require.Equal(t, s.ours, v.gotOurs, "Pānui: %s", s.says)
		arrived, knocks = append(arrived, v.arrived...), append(knocks, v.knocks...)
	}
	return arrived, knocks
}

func TestConversation(t *testing.T) {
	for name, fresh := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, c := begin(t, fresh(t))
			arrived, knocks := c.takes(ctx, t, c.meeting())
			c.knowsKiri(ctx, t)
			later, last := c.takes(ctx, t, c.parting())
			fedifyVerified(t, c.agency.ID, append(arrived, later...))
			agencyTook(t, append(knocks, last...))

			var kinds []string
			entries, err := c.agency.store.Journal(ctx, store.JournalQuery{})
			require.NoError(t, err)
			for _, e := range entries {
				kinds = append(kinds, e.Kind)
			}
			assert.Equal(t, []string{
				"follow", "publish", "edit", "reply", "approve", "revise", "retract", "withdraw", "unfollow", "publish",
			}, kinds)
		})
	}
}

// knowsKiri checks what the agency's store holds once she follows, likes, boosts and has answered.
func (c *conversation) knowsKiri(ctx context.Context, t *testing.T) {
	t.Helper()
	followers, err := c.agency.store.Followers(ctx, store.FollowerQuery{Actor: c.agency.ID})
	require.NoError(t, err)
	require.Len(t, followers, 1)
	assert.Equal(t, c.kiri.Actor, followers[0].ID)
	assert.Equal(t, c.kiri.Inbox, followers[0].Inbox)
	assert.Equal(t, store.Accepted, followers[0].State)
	assert.Contains(t, followers[0].Follow, "/activities/follow/")

	reactions, err := c.agency.store.Reactions(ctx, store.ReactionQuery{Object: c.post.ID})
	require.NoError(t, err)
	require.Len(t, reactions, 2)
	for _, r := range reactions {
		assert.Equal(t, c.kiri.Actor, r.From)
	}
	received, err := c.agency.store.Received(ctx, store.ReceivedQuery{ID: c.reply})
	require.NoError(t, err)
	require.Len(t, received, 1)
	assert.Equal(t, c.post.ID, received[0].About)
	assert.Equal(t, c.kiri.Actor, received[0].From)
}

// fedifyVerified checks that what Fedify verified is what the agency said, and nothing forged.
func fedifyVerified(t *testing.T, agency string, arrived []event) {
	t.Helper()
	var verified []event
	for _, e := range arrived {
		assert.Equal(t, agency, e.Actor, e.Type)
		if e.Refused == "" {
			verified = append(verified, e)
			assert.NotContains(t, e.Content, "is shut")
		}
	}
	require.Len(t, verified, 4)
	accept, create, update, remove := verified[0], verified[1], verified[2], verified[3]
	assert.Contains(t, accept.Object, "/activities/follow/")
	assert.Contains(t, create.Content, "State Highway 1 is open again.")
	assert.Contains(t, create.Content, "Kua tuwhera te huarahi")
	assert.Contains(t, update.Content, "One lane only.")
	assert.Equal(t, create.Object, update.Object)
	assert.Equal(t, create.Object, remove.Object)
}

// agencyTook checks that each of Kiri's nine activities was taken at Fedify's first
// knock, which is RFC 9421. Her last comes after she opened the news that is gone:
// Fedify takes the 410 of that GET for a refused signature, tries draft-cavage, and
// keeps to it, whatever the second answer is.
func agencyTook(t *testing.T, knocks []knock) {
	t.Helper()
	require.Len(t, knocks, 9, "no second knock")
	for _, k := range knocks[:8] {
		assert.Equal(t, knock{"RFC 9421", http.StatusAccepted}, k)
	}
	assert.Equal(t, http.StatusAccepted, knocks[8].Status)
}

func TestProgram(t *testing.T) {
	t.Parallel()
	needsPeer(t)
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	var out strings.Builder
	require.NoError(t, tell(ctx, &out, "."), out.String())
	assert.Contains(t, out.String(), "✓ Fedify  Accept(Follow)")
	assert.NotContains(t, out.String(), "✗")
}
