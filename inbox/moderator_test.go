package inbox

import (
	"context"
	"strings"
	"testing"
	"time"

	vocab "github.com/go-ap/activitypub"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

func (w *world) moderator() *Moderator {
	return &Moderator{URLs: w.URLs, Store: w.spy, Mode: w.Mode, Now: w.Handler.Now}
}

// held is the one reply that waits.
func (w *world) held(m *Moderator) Reply {
	w.Helper()
	replies, _, err := m.Received(context.Background(), store.Held, Page{})
	require.NoError(w, err)
	require.Len(w, replies, 1)
	return replies[0]
}

// Alice replies. Hana reads and approves it; it is shown. Alice edits it; it is
// gone from the page until somebody reads it again. This time it is refused. At
// last alice deletes it, and nothing of it is left.
func TestAReplyIsModerated(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.Mode = Converse
	m := w.moderator()
	shown := func() []Reply {
		replies, _, err := m.Replies(ctx, ids["post"], Page{})
		require.NoError(t, err)
		return replies
	}
	require.Equal(t, 202, w.deliver(aliceReplies))
	assert.Empty(t, shown())

	reply := w.held(m)
	assert.Equal(t, Reply{
		ID: ids["alice"] + "/notes/1", Actor: ids["news"], About: ids["post"], From: ids["alice"], Handle: "alice@peer.test", Type: "Create",
		State: store.Held, HTML: SafeHTML{`<div dir="auto"><p>Thanks</p></div>`}, Text: "Thanks", URL: ids["alice"] + "/notes/1", Arrived: start, Published: start,
	}, reply)

	w.now = w.now.Add(time.Minute)
	approve := Decision{Actor: ids["news"], ID: reply.ID, State: store.Shown, By: "Hana", Seen: reply.Seen()}
	require.NoError(t, m.Decide(ctx, approve))
	require.Len(t, shown(), 1)
	assert.Equal(t, "Hana", shown()[0].By)

	w.now = w.now.Add(time.Minute)
	require.Equal(t, 202, w.deliver(aliceEdits))
	assert.Empty(t, shown(), "an edit was not approved")
	assert.ErrorIs(t, m.Decide(ctx, approve), store.ErrConflict, "what Hana read is not what is there now")
	edited := w.held(m)
	assert.Equal(t, "Thank you", edited.Text)
	assert.Equal(t, w.now, edited.Edited)

	require.NoError(t, m.Decide(ctx, Decision{Actor: ids["news"], ID: reply.ID, State: store.Refused, By: "Wiremu", Reason: "house rule 3: advertising", Seen: edited.Seen()}))
	assert.Empty(t, shown())

	require.Equal(t, 202, w.deliver(aliceDeletesReply))
	assert.ErrorIs(t, m.Decide(ctx, Decision{Actor: ids["news"], ID: reply.ID, State: store.Held, By: "Hana"}), store.ErrConflict)
	assert.NotContains(t, w.dump(), "Thank")

	var told []string
	for _, e := range w.journal() {
		told = append(told, strings.TrimSpace(strings.Join([]string{e.Kind, e.By, e.Note}, " ")))
		assert.Equal(t, reply.ID, e.Subject)
	}
	assert.Equal(t, []string{
		"reply peer.test", "approve Hana", "revise peer.test", "refuse Wiremu house rule 3: advertising", "retract peer.test",
	}, told)
}

func TestOnlyConverseShows(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 202, w.deliver(aliceReplies))
	reply := w.held(w.moderator())
	require.NoError(t, w.moderator().Decide(t.Context(), Decision{Actor: ids["news"], ID: reply.ID, State: store.Shown, By: "Hana", Seen: reply.Seen()}))
	for _, mode := range []Mode{Listen, NoticeBoard, Converse} {
		w.Mode = mode
		replies, _, err := w.moderator().Replies(t.Context(), ids["post"], Page{})
		require.NoError(t, err)
		assert.Equal(t, mode == Converse, len(replies) == 1, mode.String())
	}
}

// A message that is not for everybody is read by people and shown to nobody,
// whatever anybody decides, and so is a reply that becomes one.
func TestWhatIsPrivateStaysPrivate(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	w.Mode = Converse
	m := w.moderator()
	require.Equal(t, 202, w.deliver(aliceWrites))
	messages, _, err := m.Received(ctx, store.Noted, Page{})
	require.NoError(t, err)
	require.Len(t, messages, 1)
	assert.True(t, messages[0].Private)
	assert.Equal(t, "May I have the report?", messages[0].Text)
	for state := range kinds {
		assert.Error(t, m.Decide(ctx, Decision{Actor: ids["news"], ID: messages[0].ID, State: state, By: "Hana", Reason: "x", Seen: messages[0].Seen()}))
	}

	require.Equal(t, 202, w.deliver(aliceReplies))
	w.now = w.now.Add(time.Second)
	require.Equal(t, 202, w.deliver(strings.Replace(aliceEdits, "{public}", "{alice}/followers", 1)))
	narrowed := w.held(m)
	assert.True(t, narrowed.Private)
	assert.Error(t, m.Decide(ctx, Decision{Actor: ids["news"], ID: narrowed.ID, State: store.Shown, By: "Hana", Seen: narrowed.Seen()}))
}

func TestADecisionIsComplete(t *testing.T) {
	w := newWorld(t)
	m := w.moderator()
	require.Equal(t, 202, w.deliver(aliceReplies))
	good := Decision{Actor: ids["news"], ID: ids["alice"] + "/notes/1", State: store.Shown, By: "Hana", Seen: start}
	before := w.dump()
	for name, spoil := range map[string]func(*Decision){
		"nobody decides":       func(d *Decision) { d.By = "" },
		"nobody read it":       func(d *Decision) { d.Seen = time.Time{} },
		"another time":         func(d *Decision) { d.Seen = start.Add(time.Second) },
		"no such state":        func(d *Decision) { d.State = store.Retracted },
		"refused for nothing":  func(d *Decision) { d.State = store.Refused },
		"another actor's":      func(d *Decision) { d.Actor = ids["alerts"] },
		"something else's":     func(d *Decision) { d.ID = "x" },
		"noted by a moderator": func(d *Decision) { d.State = store.Noted },
	} {
		d := good
		spoil(&d)
		assert.Error(t, m.Decide(t.Context(), d), name)
	}
	assert.Equal(t, before, w.dump())
	assert.NoError(t, m.Decide(t.Context(), good))
}

// A person answers those who asked to follow.
func TestFollowersAreAnswered(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	approves(w)
	woken := 0
	m := w.moderator()
	m.Wake = func() { woken++ }
	require.Equal(t, 202, w.deliver(aliceFollows))
	require.Equal(t, 202, w.deliver(strings.ReplaceAll(aliceFollows, "{alice}", "{carol}")))
	waiting, err := m.Waiting(ctx, ids["news"], 0)
	require.NoError(t, err)
	require.Len(t, waiting, 2)
	assert.Empty(t, w.queue(), "nobody is answered yet")

	assert.Error(t, m.AcceptFollower(ctx, ids["news"], ids["alice"], ""), "by whom?")
	require.NoError(t, m.AcceptFollower(ctx, ids["news"], ids["alice"], "Hana"))
	require.NoError(t, m.AcceptFollower(ctx, ids["news"], ids["alice"], "Hana"), "twice is once")
	require.NoError(t, m.RefuseFollower(ctx, ids["news"], ids["carol"], "Hana"))
	assert.ErrorIs(t, m.RefuseFollower(ctx, ids["news"], ids["carol"], "Hana"), store.ErrNotFound)
	assert.ErrorIs(t, m.AcceptFollower(ctx, ids["news"], ids["bob"], "Hana"), store.ErrNotFound)

	assert.Equal(t, []string{ids["alice"]}, w.followers(), "nothing is kept of who was refused")
	queue := w.queue()
	require.Len(t, queue, 2)
	assert.Equal(t, []string{"Accept", "Reject"}, []string{queue[0].Type, queue[1].Type})
	assert.Equal(t, ids["carol"]+"/inbox", queue[1].Inbox)
	assert.Equal(t, 2, woken)
	for _, entry := range w.journal()[2:] {
		assert.Equal(t, "Hana", entry.By)
		assert.NotContains(t, entry.Subject+entry.Note, "users/")
	}
}

func TestThePolicyIsContained(t *testing.T) {
	for name, policy := range map[string]Policy{
		"panics": func(context.Context, string, *vocab.Activity) (Verdict, string) { panic("oh") },
		"tarries": func(ctx context.Context, _ string, _ *vocab.Activity) (Verdict, string) {
			<-ctx.Done()
			return Accept, ""
		},
		"is wrong": func(context.Context, string, *vocab.Activity) (Verdict, string) { return Verdict(9), "" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Policy = policy
			assert.Equal(t, 202, w.deliver(aliceLikes))
			assert.Empty(t, w.spy.applied, "a like is not counted on no word")
			assert.Equal(t, "requested: Record(follow-request) PutFollower(requested)", w.decided(aliceFollows))
		})
	}
}

func TestThePolicySeesWhatWasSaid(t *testing.T) {
	w := newWorld(t)
	var from, words string
	w.Policy = func(_ context.Context, actor string, said *vocab.Activity) (Verdict, string) {
		from = actor
		_ = vocab.OnObject(said.Object, func(o *vocab.Object) error { words = o.Content.First().String(); return nil })
		return Refuse, "house rule 2"
	}
	require.Equal(t, 202, w.deliver(aliceReplies))
	assert.Equal(t, ids["alice"], from)
	assert.Equal(t, "<p>Thanks</p>", words)
	kept := w.received(store.ReceivedQuery{})[0]
	assert.Equal(t, []any{store.Refused, "policy", "house rule 2", start}, []any{kept.State, kept.By, kept.Reason, kept.Decided})
}

// B089: the dates of others order nothing of ours and say no more than is possible.
func TestDatesOfOthers(t *testing.T) {
	for date, want := range map[string]time.Time{
		"1970-01-01T00:00:00Z": start, "9999-12-31T23:59:59Z": start, "yesterday": start,
		"2026-11-26T13:30:00+13:00": start.Add(-30 * time.Minute), "2026-11-26T02:00:00Z": start,
	} {
		w := newWorld(t)
		require.Equal(t, 202, w.deliver(create(`"inReplyTo":"{post}","to":["{public}"],"content":"x","published":"`+date+`"`)))
		assert.Equal(t, want, w.held(w.moderator()).Published.UTC(), date)
	}
}

// An edit dated in the future does not shut out those that follow.
func TestAnEditFromTheFuture(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 202, w.deliver(aliceReplies))
	require.Equal(t, 202, w.deliver(strings.Replace(aliceEdits, "2026-11-26T00:59", "2098-01-01T00:00", 1)))
	w.now = w.now.Add(time.Hour)
	assert.Equal(t, "revised: Revise Record(revise)", w.decided(strings.Replace(aliceEdits, "2026-11-26T00:59", "2026-11-26T01:59", 1)))
}

func TestGuessedHandles(t *testing.T) {
	for id, want := range map[string]string{
		"https://peer.test/users/alice": "alice@peer.test", "https://peer.test/@alice": "alice@peer.test", "https://peer.test/?author=1": "peer.test",
		"https://peer.test/": "peer.test", "https://peer.test": "peer.test", "https://peer.test:8443/u/a.b-c": "a.b-c@peer.test:8443",
		"https://peer.test/users/%3Cscript%3E": "peer.test", "https://peer.test/users/news%40our.test": "peer.test", "https://peer.test/users/n\u0435ws": "peer.test",
	} {
		assert.Equal(t, want, guessHandle(id), id)
	}
}

// Who left while a person thought about it does not come back.
func TestWhoLeftIsNotAccepted(t *testing.T) {
	w := newWorld(t)
	w.Actors[0].Profile.ApproveFollowers = true
	require.Equal(t, 202, w.deliver(aliceFollows))
	left := store.RemoveFollower{Actor: ids["news"], ID: ids["alice"]}
	m := Moderator{URLs: w.URLs, Store: &overtaken{Store: w.spy.Store, by: left}, Now: w.Handler.Now}
	assert.ErrorIs(t, m.AcceptFollower(t.Context(), ids["news"], ids["alice"], "Hana"), store.ErrNotFound)
	assert.Empty(t, w.followers())
	assert.Empty(t, w.queue())
	assert.Len(t, w.journal(), 1, "only that she asked")
}

// A page of long replies ends with the request for it.
func TestListingEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 202, w.deliver(aliceReplies))
	ctx, cancel := context.WithCancel(t.Context())
	m := Moderator{URLs: w.URLs, Store: hangsUp{w.spy.Store, cancel}, Mode: Converse}
	_, _, err := m.Received(ctx, store.Held, Page{})
	assert.ErrorIs(t, err, context.Canceled)
}

// hangsUp ends the request once the rows are read.
type hangsUp struct {
	store.Store
	cancel context.CancelFunc
}

func (h hangsUp) Received(ctx context.Context, q store.ReceivedQuery) ([]store.Received, error) {
	defer h.cancel()
	return h.Store.Received(ctx, q)
}
