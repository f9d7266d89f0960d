package inbox

import (
	"context"
	"fmt"
	"strings"
	"testing"

	vocab "github.com/go-ap/activitypub"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// What people say in the tests below.
const (
	aliceFollows       = `{"id":"{alice}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}`
	aliceFollowsAgain  = `{"id":"{alice}/follows/2","type":"Follow","actor":"{alice}","object":"{news}"}`
	aliceUnfollows     = `{"id":"{alice}/undo/1","type":"Undo","actor":"{alice}","object":{"id":"{alice}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}}`
	aliceReplies       = `{"id":"{alice}/say/1","type":"Create","actor":"{alice}","object":{"id":"{alice}/notes/1","type":"Note","attributedTo":"{alice}","inReplyTo":"{post}","content":"<p>Thanks</p>","to":["{public}"]}}`
	aliceEdits         = `{"id":"{alice}/edit/1","type":"Update","actor":"{alice}","object":{"id":"{alice}/notes/1","type":"Note","attributedTo":"{alice}","inReplyTo":"{post}","content":"<p>Thank you</p>","to":["{public}"],"updated":"2026-11-26T00:59:00Z"}}`
	aliceWrites        = `{"id":"{alice}/say/2","type":"Create","actor":"{alice}","object":{"id":"{alice}/notes/2","type":"Note","attributedTo":"{alice}","content":"<p>May I have the report?</p>","to":["{news}"],"tag":[{"type":"Mention","href":"{news}"}]}}`
	aliceMentionsBoth  = `{"id":"{alice}/say/3","type":"Create","actor":"{alice}","object":{"id":"{alice}/notes/3","type":"Note","attributedTo":"{alice}","content":"<p>Hello</p>","to":["{public}"],"cc":["{alerts}"],"tag":[{"type":"Mention","href":"{news}"}]}}`
	aliceDeletesReply  = `{"id":"{alice}/delete/1","type":"Delete","actor":"{alice}","object":{"id":"{alice}/notes/1","type":"Tombstone"}}`
	aliceLikes         = `{"id":"{alice}/likes/1","type":"Like","actor":"{alice}","object":"{post}"}`
	aliceBoosts        = `{"id":"{alice}/boosts/1","type":"Announce","actor":"{alice}","object":"{post}","to":["{public}"]}`
	aliceBlocks        = `{"id":"{alice}/blocks/1","type":"Block","actor":"{alice}","object":"{news}"}`
	aliceReports       = `{"id":"{alice}/flags/1","type":"Flag","actor":"{alice}","content":"wrong","object":["{news}","{post}"]}`
	aliceMoves         = `{"id":"{alice}/moves/1","type":"Move","actor":"{alice}","object":"{alice}","target":"{carol}"}`
	aliceClosesAccount = `{"id":"{alice}#delete","type":"Delete","actor":"{alice}","object":"{alice}","to":["{public}"]}`
)

// undo takes something back: an id, or a whole object.
func undo(object string) string {
	return `{"id":"{alice}/undo/9","type":"Undo","actor":"{alice}","object":` + object + `}`
}

// create says an object of alice's with the members.
func create(members string) string {
	return `{"id":"{alice}/say/9","type":"Create","actor":"{alice}","object":{"id":"{alice}/notes/9","type":"Note","attributedTo":"{alice}",` + members + `}}`
}

func approves(w *world)    { w.Actors[0].Profile.ApproveFollowers = true }
func noticeBoard(w *world) { w.Mode = NoticeBoard }
func blocksAlice(w *world) {
	w.Blocked = func(id string) bool { return strings.HasPrefix(id, ids["alice"]) }
}

func says(v Verdict) func(*world) {
	return func(w *world) {
		w.Policy = func(context.Context, string, *vocab.Activity) (Verdict, string) { return v, "as the house rules say" }
	}
}

func TestPlan(t *testing.T) {
	type given []string
	tests := []struct {
		name  string
		given given        // what was said before
		now   func(*world) // what changed since
		says  string
		want  string
	}{
		// Following.
		{"a Follow is accepted", nil, nil, aliceFollows, "accepted: Record(follow) PutFollower(accepted) Send(Accept)"},
		{"a Follow that is sent again is answered again", given{aliceFollows}, nil, aliceFollows, "repeated: PutFollower(accepted) Send(Accept)"},
		{"a Follow of an existing follower with a new id is answered again", given{aliceFollows}, nil, aliceFollowsAgain, "repeated: PutFollower(accepted) Send(Accept)"},
		{"a Follow waits where a person approves each", nil, approves, aliceFollows, "requested: Record(follow-request) PutFollower(requested)"},
		{"a Follow waits when the policy says so", nil, says(Hold), aliceFollows, "requested: Record(follow-request) PutFollower(requested)"},
		{"who follows already need not wait again", given{aliceFollows}, approves, aliceFollows, "repeated: PutFollower(accepted) Send(Accept)"},
		{"a Follow is refused by the policy", nil, says(Refuse), aliceFollows, "refused: Send(Reject)"},
		{"a Follow of a blocked actor is refused, and it is not told", nil, blocksAlice, aliceFollows, "403 actor-blocked"},
		{"a follower whom the policy now refuses is let go", given{aliceFollows}, says(Refuse), aliceFollows, "refused: Record(refuse) RemoveFollower Send(Reject)"},
		{"a Follow after leaving with the same id is a new one", given{aliceFollows, aliceUnfollows}, nil, aliceFollows, "accepted: Record(follow) PutFollower(accepted) Send(Accept)"},
		{"a Follow on a notice board", nil, noticeBoard, aliceFollows, "accepted: Record(follow) PutFollower(accepted) Send(Accept)"},

		// Leaving.
		{"Undo of a Follow", given{aliceFollows}, nil, aliceUnfollows, "left: Record(unfollow) RemoveFollower"},
		{"Undo of a Follow by its id", given{aliceFollows}, nil, undo(`"{alice}/follows/1"`), "left: Record(unfollow) RemoveFollower"},
		{"Undo of a Follow with an id that was never used", given{aliceFollows}, nil, undo(`{"id":"{alice}/follows/77","type":"Follow","actor":"{alice}","object":"{news}"}`), "left: Record(unfollow) RemoveFollower"},
		{"Undo of a Follow without an id", given{aliceFollows}, nil, undo(`{"type":"Follow","actor":"{alice}","object":"{news}"}`), "left: Record(unfollow) RemoveFollower"},
		{"Undo of a Follow while blocked", given{aliceFollows}, blocksAlice, aliceUnfollows, "left: Record(unfollow) RemoveFollower"},
		{"Undo of a Follow that there is not", nil, nil, aliceUnfollows, "ignored:"},
		{"Undo of a Follow of the other actor", given{aliceFollows}, nil, undo(`{"type":"Follow","actor":"{alice}","object":"{alerts}"}`), "ignored:"},
		{"a Block ends the following and is kept for people", given{aliceFollows}, nil, aliceBlocks, "left: Receive(Block noted) Record(block) Record(unfollow) RemoveFollower"},
		{"a Block by somebody who does not follow", nil, nil, aliceBlocks, "noted: Receive(Block noted) Record(block)"},
		{"a Block again after following anew", given{aliceBlocks, aliceFollows}, nil, aliceBlocks, "left: Record(unfollow) RemoveFollower"},
		{"Undo of a Block", given{aliceBlocks}, nil, undo(`{"id":"{alice}/blocks/1","type":"Block","actor":"{alice}","object":"{news}"}`), "retracted: Record(unblock) Retract"},
		{"Undo of a Block by its id", given{aliceBlocks}, nil, undo(`"{alice}/blocks/1"`), "retracted: Record(unblock) Retract"},
		{"a follower moves", given{aliceFollows}, nil, aliceMoves, "noted: Receive(Move noted) Record(move)"},
		{"somebody else moves", nil, nil, aliceMoves, "ignored:"},
		{"a follower says that it moved to us", given{aliceFollows}, nil, strings.ReplaceAll(aliceMoves, "{carol}", "{news}"), "ignored:"},
		{"an account is closed", given{aliceFollows, aliceReplies, aliceLikes}, nil, aliceClosesAccount, "forgotten: ForgetActor Record(forget)"},
		{"an account that liked is closed", given{aliceLikes}, nil, aliceClosesAccount, "forgotten: ForgetActor Record(forget)"},
		{"an account that liked both is closed", given{aliceLikes, strings.NewReplacer("likes/1", "likes/2", "{post}", "{alert}").Replace(aliceLikes)}, nil, aliceClosesAccount, "forgotten: ForgetActor Record(forget alerts) Record(forget)"},
		{"an account is closed again, of which only is known that it took back a reply", given{aliceReplies, aliceClosesAccount}, nil, aliceClosesAccount, "ignored:"},
		{"an account of whom nothing is kept is closed", nil, nil, aliceClosesAccount, "ignored:"},

		// Saying something.
		{"a reply waits for a person", nil, nil, aliceReplies, "held: Receive(held) Record(reply)"},
		{"a reply again", given{aliceReplies}, nil, aliceReplies, "repeated:"},
		{"a reply on a notice board", nil, noticeBoard, aliceReplies, "dropped:"},
		{"a reply that the policy refuses is kept as refused", nil, says(Refuse), aliceReplies, "refused: Receive(refused) Record(reply)"},
		{"a reply that the policy holds", nil, says(Hold), aliceReplies, "held: Receive(held) Record(reply)"},
		{"a reply by a blocked actor", nil, blocksAlice, aliceReplies, "403 actor-blocked"},
		{"a mention of both actors", nil, nil, aliceMentionsBoth, "held: Receive(held) Record(mention) Receive(held alerts) Record(mention alerts)"},
		{"a reply that mentions the other actor", nil, nil, create(`"inReplyTo":"{post}","to":["{public}"],"cc":["{alerts}"]`), "held: Receive(held) Record(reply) Receive(held alerts) Record(mention alerts)"},
		{"a reply that mentions its own actor is one", nil, nil, create(`"inReplyTo":"{post}","to":["{public}","{news}"]`), "held: Receive(held) Record(reply)"},
		{"an unlisted reply", nil, nil, create(`"inReplyTo":"{post}","to":["{alice}/followers"],"cc":["as:Public"]`), "held: Receive(held) Record(reply)"},
		{"a private message is kept for people and never shown", nil, nil, aliceWrites, "noted: Receive(noted) Record(message)"},
		{"a reply to followers only is private", nil, nil, create(`"inReplyTo":"{post}","to":["{alice}/followers"]`), "noted: Receive(noted) Record(message)"},
		{"a private message on a notice board", nil, noticeBoard, aliceWrites, "dropped:"},
		{"a reply to a post that was withdrawn", nil, nil, create(`"inReplyTo":"{withdrawn}","to":["{public}"]`), "ignored:"},
		{"a reply to a post that was withdrawn, with a mention", nil, nil, create(`"inReplyTo":"{withdrawn}","to":["{public}","{news}"]`), "held: Receive(held) Record(mention)"},
		{"a reply to what is no post yet", nil, nil, create(`"inReplyTo":"{draft}","to":["{public}"]`), "ignored:"},
		{"a post that concerns nobody here", nil, nil, create(`"content":"Hello","to":["{public}"]`), "ignored:"},
		{"a reply by its id only", nil, nil, `{"id":"{alice}/say/9","type":"Create","actor":"{alice}","object":"{alice}/notes/9"}`, "ignored:"},
		{"a vote", nil, nil, create(`"name":"Yes","inReplyTo":"{post}","to":["{news}"]`), "ignored:"},
		{"a poll that concerns nobody here", nil, nil, strings.Replace(create(`"content":"Yes?","to":["{public}"]`), "Note", "Question", 1), "ignored:"},
		{"a reply past what is kept of one actor in a day", given{aliceReplies}, func(w *world) { w.limits.RepliesPerDay = 1 }, aliceMentionsBoth, "dropped:"},
		{"a reply past what is kept for one post", given{aliceReplies}, func(w *world) { w.limits.RepliesPerPost, w.rooms = 1, newRooms(1) }, create(`"inReplyTo":"{post}","to":["{public}"]`), "dropped:"},
		{"a mention, however many there are", given{aliceMentionsBoth}, func(w *world) { w.limits.RepliesPerPost, w.rooms = 1, newRooms(1) }, create(`"to":["{public}","{news}"]`), "held: Receive(held) Record(mention)"},
		{"a report is kept for people", nil, nil, aliceReports, "noted: Receive(Flag noted) Record(report)"},
		{"a report on a notice board", nil, noticeBoard, aliceReports, "noted: Receive(Flag noted) Record(report)"},
		{"a report again", given{aliceReports}, nil, aliceReports, "repeated:"},
		{"a report of both actors", nil, nil, `{"id":"{alice}/flags/2","type":"Flag","actor":"{alice}","object":["{news}","{alert}"]}`, "noted: Receive(Flag noted) Record(report) Receive(Flag noted alerts) Record(report alerts)"},
		{"a report of somebody else", nil, nil, `{"id":"{alice}/flags/2","type":"Flag","actor":"{alice}","object":["{bob}"]}`, "ignored:"},

		// Changing it.
		{"an edit waits again", given{aliceReplies}, nil, aliceEdits, "revised: Revise Record(revise)"},
		{"an edit on a notice board, where a reply is kept from before", given{aliceReplies}, noticeBoard, aliceEdits, "revised: Revise Record(revise)"},
		{"an edit that the policy refuses", given{aliceReplies}, says(Refuse), aliceEdits, "revised: Revise Record(revise) Decide(refused)"},
		{"an edit that is older", given{aliceReplies, aliceEdits}, nil, strings.Replace(aliceEdits, "00:59", "00:58", 1), "repeated:"},
		{"an edit that came before its reply", given{aliceEdits}, nil, aliceReplies, "repeated:"},
		{"an edit of a reply that never came", nil, nil, aliceEdits, "held: Receive(held) Record(reply)"},
		{"an edit of a reply that was taken back", given{aliceReplies, aliceDeletesReply}, nil, aliceEdits, "repeated:"},
		{"an edit of a private message", given{aliceWrites}, nil, strings.Replace(strings.Replace(aliceWrites, "Create", "Update", 1), `"content"`, `"updated":"2026-11-26T00:59:00Z","content"`, 1), "revised: Revise Record(revise)"},
		{"an edit without a date that changes the words", given{aliceReplies}, nil, strings.Replace(aliceEdits, `,"updated":"2026-11-26T00:59:00Z"`, "", 1), "revised: Revise Record(revise)"},
		{"an edit of something that concerns nobody here", nil, nil, strings.Replace(create(`"content":"Hello","to":["{public}"]`), "Create", "Update", 1), "ignored:"},
		{"a changed profile", given{aliceFollows}, nil, `{"id":"{alice}#update","type":"Update","actor":"{alice}","object":{"id":"{alice}","type":"Person","publicKey":{"id":"{alice}#main-key","owner":"{alice}","publicKeyPem":"new"}}}`, "renewed:"},

		// Taking it back.
		{"a reply is deleted", given{aliceReplies}, nil, aliceDeletesReply, "retracted: Retract Record(retract)"},
		{"a reply is deleted by its id", given{aliceReplies}, nil, `{"id":"{alice}/delete/1","type":"Delete","actor":"{alice}","object":"{alice}/notes/1"}`, "retracted: Retract Record(retract)"},
		{"a mention of both is deleted", given{aliceMentionsBoth}, nil, strings.ReplaceAll(aliceDeletesReply, "notes/1", "notes/3"), "retracted: Retract Record(retract alerts) Record(retract)"},
		{"a reply is deleted twice", given{aliceReplies, aliceDeletesReply}, nil, aliceDeletesReply, "ignored:"},
		{"a reply that came again after it was deleted", given{aliceReplies, aliceDeletesReply}, nil, aliceReplies, "repeated:"},
		{"a blocked actor deletes its reply", given{aliceReplies}, blocksAlice, aliceDeletesReply, "retracted: Retract Record(retract)"},
		{"a reply that never came is deleted", nil, nil, aliceDeletesReply, "early:"},
		{"a reply that comes after its Delete, of one who follows", given{aliceFollows, aliceDeletesReply}, nil, aliceReplies, "dropped:"},
		{"a reply that another deleted", given{aliceFollows, strings.ReplaceAll(aliceFollows, "{alice}", "{bob}"), strings.NewReplacer("{alice}/notes/1", "{alice}/notes/1", "{alice}", "{bob}").Replace(aliceDeletesReply)}, nil, aliceReplies, "held: Receive(held) Record(reply)"},
		{"something without an id is deleted", given{aliceReplies}, nil, `{"id":"{alice}/delete/1","type":"Delete","actor":"{alice}","object":{"type":"Tombstone"}}`, "ignored:"},

		// Liking and boosting.
		{"a like is counted", nil, nil, aliceLikes, "counted: React(Like)"},
		{"a like with an emoji is a like", nil, nil, strings.Replace(aliceLikes, `"object"`, `"content":"❤","object"`, 1), "counted: React(Like)"},
		{"an emoji is no like", nil, nil, strings.Replace(aliceLikes, `"Like"`, `"EmojiReact"`, 1), "ignored:"},
		{"a like again", given{aliceLikes}, nil, strings.Replace(aliceLikes, "likes/1", "likes/2", 1), "repeated:"},
		{"a like of what was withdrawn", nil, nil, strings.Replace(aliceLikes, "{post}", "{withdrawn}", 1), "ignored:"},
		{"a like of an actor", nil, nil, strings.Replace(aliceLikes, "{post}", "{news}", 1), "ignored:"},
		{"a like of something else", nil, nil, strings.Replace(aliceLikes, "{post}", "{bob}/notes/1", 1), "ignored:"},
		{"a like by a blocked actor", nil, blocksAlice, aliceLikes, "403 actor-blocked"},
		{"a like on a notice board", nil, noticeBoard, aliceLikes, "dropped:"},
		{"a like that the policy leaves out", nil, says(Hold), aliceLikes, "uncounted:"},
		{"a boost is counted", nil, nil, aliceBoosts, "counted: React(Announce)"},
		{"a boost beside a like", given{aliceLikes}, nil, aliceBoosts, "counted: React(Announce)"},
		{"a boost of the other actor's post", nil, nil, strings.Replace(aliceBoosts, "{post}", "{alert}", 1), "counted: React(Announce alerts)"},
		{"a boost that carries the post changes nothing in it", nil, nil, strings.Replace(aliceBoosts, `"{post}"`, `{"id":"{post}","type":"Note","content":"forged","attributedTo":"{news}"}`, 1), "counted: React(Announce)"},
		{"Undo of a like", given{aliceLikes}, nil, undo(`{"id":"{alice}/likes/1","type":"Like","actor":"{alice}","object":"{post}"}`), "retracted: Unreact(Like)"},
		{"Undo of a like by its id", given{aliceLikes}, nil, undo(`"{alice}/likes/1"`), "retracted: Unreact(Like)"},
		{"Undo of a like leaves the boost", given{aliceLikes, aliceBoosts}, nil, undo(`{"type":"Like","actor":"{alice}","object":"{post}"}`), "retracted: Unreact(Like)"},
		{"Undo of a boost", given{aliceBoosts}, nil, undo(`{"id":"{alice}/boosts/1","type":"Announce","actor":"{alice}","object":"{post}"}`), "retracted: Unreact(Announce)"},
		{"Undo of a like that there is not", nil, nil, undo(`{"id":"{alice}/likes/1","type":"Like","actor":"{alice}","object":"{post}"}`), "ignored:"},

		// What a publisher has no use for.
		{"an Accept of a Follow that we never sent", nil, nil, `{"id":"{alice}/accept/1","type":"Accept","actor":"{alice}","object":{"id":"{news}#follow","type":"Follow","actor":"{news}","object":"{alice}"}}`, "ignored:"},
		{"a Reject of a Follow that we never sent", nil, nil, `{"id":"{alice}/reject/1","type":"Reject","actor":"{alice}","object":"{news}#follow"}`, "ignored:"},
		{"an Add to our pinned posts", nil, nil, `{"id":"{alice}/add/1","type":"Add","actor":"{alice}","object":"{alice}/notes/1","target":"{news}/featured"}`, "ignored:"},
		{"a Remove from our pinned posts", nil, nil, `{"id":"{alice}/remove/1","type":"Remove","actor":"{alice}","object":"{post}","target":"{news}/featured"}`, "ignored:"},
		{"a request to quote", nil, nil, `{"id":"{alice}/quote/1","type":"QuoteRequest","actor":"{alice}","object":"{post}","instrument":"{alice}/notes/1"}`, "ignored:"},
		{"a request to reply", nil, nil, `{"id":"{alice}/reply/1","type":"ReplyRequest","actor":"{alice}","object":"{post}","instrument":"{alice}/notes/1"}`, "ignored:"},
		{"a request to like", nil, nil, `{"id":"{alice}/like/1","type":"LikeRequest","actor":"{alice}","object":"{post}","instrument":"{alice}/likes/1"}`, "ignored:"},
		{"a dislike", nil, nil, strings.Replace(aliceLikes, `"Like"`, `"Dislike"`, 1), "ignored:"},
		{"a type that nobody knows", nil, nil, strings.Replace(aliceLikes, `"Like"`, `"Frobnicate"`, 1), "ignored:"},

		// What nobody may say.
		{"a Follow of a post", nil, nil, strings.Replace(aliceFollows, "{news}", "{post}", 1), "404 no-such-actor"},
		{"a Follow of somebody else", nil, nil, strings.Replace(aliceFollows, "{news}", "{bob}", 1), "404 no-such-actor"},
		{"a reply by another author", nil, nil, strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"{bob}"`, 1), "403 object-of-another"},
		{"a reply by us", nil, nil, strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"{news}"`, 1), "403 object-of-another"},
		{"a reply without an author", nil, nil, strings.Replace(aliceReplies, `"attributedTo":"{alice}",`, ``, 1), "403 object-of-another"},
		{"a reply with an id of another server", nil, nil, strings.Replace(aliceReplies, "{alice}/notes/1", "{carol}/notes/1", 1), "403 object-of-another"},
		{"a reply with an id of ours", nil, nil, strings.Replace(aliceReplies, "{alice}/notes/1", "{post}", 1), "403 object-is-ours"},
		{"an edit of our post", nil, nil, strings.Replace(aliceEdits, "{alice}/notes/1", "{post}", 1), "403 object-is-ours"},
		{"our actor is edited", nil, nil, `{"id":"{alice}#update","type":"Update","actor":"{alice}","object":{"id":"{news}","type":"Organization"}}`, "403 object-is-ours"},
		{"our post is deleted", nil, nil, strings.Replace(aliceDeletesReply, "{alice}/notes/1", "{post}", 1), "403 object-is-ours"},
		{"our actor is deleted", nil, nil, strings.Replace(aliceClosesAccount, `"object":"{alice}"`, `"object":"{news}"`, 1), "403 object-is-ours"},
		{"our actor moved", nil, nil, strings.Replace(aliceMoves, `"object":"{alice}"`, `"object":"{news}"`, 1), "403 object-is-ours"},
		{"an answer of ours is undone", nil, nil, undo(`"https://our.test/ap/activities/1"`), "403 object-is-ours"},
		{"another's Follow is undone", nil, nil, undo(`{"id":"{bob}/follows/1","type":"Follow","actor":"{bob}","object":"{news}"}`), "403 undo-of-another"},
		{"an activity with an id of another server", nil, nil, strings.Replace(aliceLikes, "{alice}/likes/1", "{carol}/likes/1", 1), "403 id-elsewhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for _, before := range tt.given {
				require.Equal(t, 202, w.deliver(before), w.lines.all)
			}
			if tt.now != nil {
				w.once.Do(w.prepare)
				tt.now(w)
			}
			assert.Equal(t, tt.want, w.decided(tt.says))
		})
	}
}

// The plan does not look anything up, so the store that it is not given stays as it was.
func TestPlanHasNoEffects(t *testing.T) {
	w := newWorld(t)
	before := w.dump()
	for _, activity := range []string{aliceFollows, aliceReplies, aliceLikes, aliceBlocks, aliceReports} {
		w.decided(activity)
	}
	assert.Equal(t, before, w.dump())
}

// The answer has one id for one asking, so that repetitions are one delivery.
func TestTheSameFollowHasTheSameAnswer(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 202, w.deliver(aliceFollows))
	first := w.queue()
	require.Len(t, first, 1)

	w.now = w.now.Add(1)
	require.Equal(t, 202, w.deliver(strings.Replace(aliceFollows, `"object"`, `"to":["{news}"],"object"`, 1)))
	assert.Equal(t, first, w.queue(), "one delivery while it is pending")

	require.Equal(t, 202, w.deliver(aliceUnfollows))
	assert.Empty(t, w.queue(), "nothing is told to who left")
	require.Equal(t, 202, w.deliver(strings.Replace(aliceFollows, `"object"`, `"cc":[],"object"`, 1)))
	again := w.queue()
	require.Len(t, again, 1)
	assert.Equal(t, first[0].Activity, again[0].Activity)

	sent, err := w.spy.Activity(t.Context(), first[0].Activity)
	require.NoError(t, err)
	assert.JSONEq(t, replace.Replace(fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":%q,"type":"Accept","actor":"{news}","to":["{alice}"],
		"object":{"id":"{alice}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}}`, sent.ID)), string(sent.Body))
	assert.False(t, sent.Public)
	assert.Equal(t, ids["alice"]+"/inbox", first[0].Inbox, "its own inbox, not the shared one")
	assert.Equal(t, store.Prompt, first[0].Lane)
}

func TestTheJournalHoldsNoFollower(t *testing.T) {
	w := newWorld(t)
	for _, activity := range []string{aliceFollows, aliceLikes, aliceBlocks, aliceFollowsAgain, aliceMoves, aliceUnfollows, aliceFollows, aliceClosesAccount} {
		require.Equal(t, 202, w.deliver(activity), activity)
		w.now = w.now.Add(1e9)
	}
	require.NotEmpty(t, w.journal())
	for _, entry := range w.journal() {
		assert.Equal(t, "peer.test", entry.By)
		assert.NotContains(t, fmt.Sprint(entry), "alice")
	}
	assert.Empty(t, w.followers(), "who closed the account follows nobody")
	assert.Empty(t, w.queue(), "and is told nothing")
	for _, row := range w.received(store.ReceivedQuery{}) {
		assert.Equal(t, store.Retracted, row.State)
		assert.Empty(t, row.Body)
	}
}
