package panui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/inbox"
)

// P1 to P10: deleting and changing what is another's.
func advisoriesOfOthersWords() []advisory {
	refused := func(name, body, code string, dials int) try { return try{name, says(body), 403, code, dials} }
	ignored := func(name, body string, dials int) try { return try{name, says(body), 202, "ignored", dials} }
	inNameOf := func(who string) string {
		return strings.Replace(bobsNote, `"attributedTo":"{bob}"`, `"attributedTo":"{`+who+`}"`, 1)
	}
	return []advisory{
		{known: "CVE-2026-73090 of PeerTube", row: row{
			id: "P1", must: "an Update of what another said: 403, from the same server as from another", tries: []try{
				refused("same server", act("alice", "Update", bobsNote), "object-of-another", 0),
				refused("same server, under her name", act("alice", "Update", inNameOf("alice")), "stored-for-another", 0),
				refused("another server", act("mallory", "Update", bobsNote), "object-of-another", 1),
				refused("another server, under her name", act("mallory", "Update", inNameOf("mallory")), "object-of-another", 0),
			},
		}},
		{known: "CVE-2025-32946 of PeerTube", row: row{
			id: "P2", must: "an object that names another's collection, conversation or audience is in none of them: it is a reply to what it answers, and waits", test: othersContainers,
		}},
		{known: "PR nextcloud/social#2225 of Nextcloud Social", row: row{
			id: "P3", must: "two people on one server are two people: alice does nothing in bob's name, and nothing to what is his", tries: neighbours(),
		}},
		{known: "NodeBB report on FEP-fe34", row: row{
			id: "P4", must: "a Delete by somebody else of the same server: 403, though some servers take a moderator's. The object is not fetched to see whether it is gone", tries: []try{
				refused("by id", act("alice", "Delete", `"{bob}/notes/1"`), "stored-for-another", 0),
				refused("as a Tombstone", act("alice", "Delete", `{"id":"{bob}/notes/1","type":"Tombstone","formerType":"Note"}`), "stored-for-another", 0),
				refused("in his name", act("alice", "Delete", `{"id":"{bob}/notes/1","type":"Note","attributedTo":"{bob}"}`), "stored-for-another", 0),
			},
			test: func(t *testing.T, w *world) {
				w.victim.serve("/users/bob/notes/1", func(rw http.ResponseWriter, _ *http.Request) {
					t.Error("fetched")
					rw.WriteHeader(http.StatusGone)
				})
				row{must: "gone at its server"}.endure(t, w, refused("gone", strings.Replace(act("alice", "Delete", `"{bob}/notes/1"`), "acts/1", "acts/2", 1), "stored-for-another", 0))
			},
		}},
		{known: "Pleroma 75670a99", row: row{
			id: "P5", must: "an Update of an actor by another: 403, or no effect where she says that she made him; by itself it is asked for anew, and what it carries is not believed", tries: []try{
				refused("by a neighbour", act("alice", "Update", person("{bob}", privateKey("alice").Public())), "object-of-another", 0),
				refused("by a stranger", act("mallory", "Update", person("{bob}", privateKey("mallory").Public())), "object-of-another", 1),
				ignored("said to be made by her", act("alice", "Update", strings.Replace(person("{bob}", privateKey("alice").Public()), `"type":"Person"`, `"type":"Person","attributedTo":"{alice}"`, 1)), 0),
			},
			test: func(t *testing.T, w *world) {
				assert.Equal(t, http.StatusUnauthorized, w.send(w.letter(bobReplies, forge{by: "alice", keyID: "{bob}#main-key"}).wire()).status)
			},
		}},
		{known: "CVE-2026-54740 of Lemmy", row: row{
			id: "P6", must: "no rank of another server counts here: a Remove is ignored, and only who runs the site moderates", tries: []try{
				ignored("by a neighbour", strings.Replace(act("alice", "Remove", `"{bob}/notes/1"`), `"object"`, `"target":"{post}/replies","object"`, 1), 0),
				ignored("by a stranger", strings.Replace(act("mallory", "Remove", `"{bob}/notes/1"`), `"object"`, `"target":"{news}/featured","object"`, 1), 1),
			},
			test: func(t *testing.T, _ *world) { unknownActivities.check(t) },
		}},
		{known: "GHSA-gwfj-h8r7-792v of Lemmy", row: row{
			id: "P7", must: "Add, Remove, and Block, Flag and Move of what is not the sender's or ours: ignored", tries: []try{
				ignored("Add to our pinned posts", strings.Replace(act("alice", "Add", `"{alice}/notes/1"`), `"object"`, `"target":"{news}/featured","object"`, 1), 0),
				ignored("Add of ours", strings.Replace(act("alice", "Add", `"{post}"`), `"object"`, `"target":"{alice}/featured","object"`, 1), 0),
				ignored("Remove of ours", strings.Replace(act("alice", "Remove", `"{post}"`), `"object"`, `"target":"{news}/featured","object"`, 1), 0),
				ignored("Block of a neighbour", act("alice", "Block", `"{bob}"`), 0), ignored("Flag of a neighbour", act("alice", "Flag", `"{bob}"`), 0),
				ignored("Move of a neighbour", strings.Replace(act("alice", "Move", `"{bob}"`), `"object"`, `"target":"{mallory}","object"`, 1), 0),
			},
			test: func(t *testing.T, w *world) {
				assert.NotContains(t, w.send(get("{news}/featured")(w).wire()).body, "notes/1")
			},
		}},
		{known: "bridgy-fed#566", row: row{
			id: "P8", must: "to be who one is is not to be allowed: what each may say about which id is one table, tried in full by inbox.TestAuthority", tries: []try{
				refused("a good signature, another's reply", act("alice", "Delete", `"{bob}/notes/1"`), "stored-for-another", 0),
				refused("a good signature, our post", act("alice", "Delete", `"{post}"`), "object-is-ours", 0),
				refused("a good signature, another's follow", act("alice", "Undo", `"{bob}/follows/1"`), "stored-for-another", 0),
				{"a good signature, nobody to follow", says(act("alice", "Follow", `"{bob}"`)), 404, "no-such-actor", 0},
			},
		}},
		{known: "gotosocial#593", row: row{
			id: "P9", must: "who is blocked is refused wherever an activity is about them: as author, object, target or parent. Who is only addressed or mentioned says nothing here; that reply is shown to nobody before a person read it",
			scene: scene{config: blockedByName}, tries: []try{
				refused("the object of a boost", act("alice", "Announce", `"https://blocked.test/notes/1"`), "actor-blocked", 0),
				refused("the author of a boosted object", act("alice", "Announce", `{"id":"{post}","type":"Note","attributedTo":"https://blocked.test/users/x"}`), "actor-blocked", 0),
				refused("the parent", strings.Replace(aliceReplies, `"inReplyTo":"{post}"`, `"inReplyTo":"https://blocked.test/notes/1"`, 1), "actor-blocked", 0),
				refused("the target", strings.Replace(act("alice", "Move", `"{alice}"`), `"object"`, `"target":"https://blocked.test/users/x","object"`, 1), "actor-blocked", 0),
				refused("what is reported", act("alice", "Flag", `["{post}","https://blocked.test/notes/1"]`), "actor-blocked", 0),
				refused("the author", strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"https://blocked.test/users/x"`, 1), "", 0),
			},
			test: func(t *testing.T, w *world) {
				mentions := strings.Replace(aliceReplies, `"content"`, `"cc":["https://blocked.test/users/x"],"tag":[{"type":"Mention","href":"https://blocked.test/users/x"}],"content"`, 1)
				assert.Contains(t, []int{202, 403}, w.send(w.letter(mentions, forge{}).wire()).status)
				replies, _, err := w.site.Moderator().Replies(t.Context(), w.fill("{post}"), inbox.Page{})
				require.NoError(t, err)
				assert.Empty(t, replies)
			},
		}},
		{known: "Delete of unknown / self-delete", row: row{
			id: "P10", must: "a Delete of an actor that nobody can prove any more changes nothing, also where its server says that it is gone; followers go when deliveries to them have found no inbox for a week (outbox.TestWhatAnAnswerMeans)",
			tries: []try{
				{"unsigned", changed(func(w *world, _ letter) letter {
					return w.letter(act("bob", "Delete", `"{bob}"`), forge{by: "bob"}).with("Signature:")
				}), 401, "signature-missing", 0},
				{"signed by another", forged(act("bob", "Delete", `"{bob}"`), forge{by: "mallory"}), 403, "actor-not-signer", 1},
			},
			test: goneAlready,
		}},
	}
}

// othersContainers lets mallory name what is bob's, and ours, around a reply.
func othersContainers(t *testing.T, w *world) {
	queued := w.queue()
	body := strings.Replace(malloryReplies, `"content"`, `"context":"{bob}/conversations/1","audience":"{news}/followers","target":"{bob}/collections/1","partOf":"{news}/featured","content"`, 1)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(body, forge{by: "mallory"}).wire()).status)
	reply := w.newest()
	assert.Equal(t, w.fill("{mallory}"), reply.From)
	assert.Equal(t, w.fill("{post}"), reply.About)
	for _, page := range []string{"{news}/featured", "{news}/outbox?page=true", "{post}/replies"} {
		assert.NotContains(t, w.send(get(page)(w).wire()).body, w.fill("{mallory}"), page)
	}
	assert.Equal(t, queued, w.queue())
}

// neighbours are what alice tries in bob's name, and on what is his.
func neighbours() (tries []try) {
	for _, kind := range []string{"Follow", "Create", "Update", "Delete", "Undo", "Like", "Announce", "Block", "Move"} {
		for _, target := range []string{`"{news}"`, `"{post}"`, `"{bob}"`} {
			tries = append(tries, try{"as bob: " + kind + " " + target, forged(act("bob", kind, target), forge{by: "alice"}), 403, "actor-not-signer", 0})
		}
	}
	for _, what := range []string{"{bob}/notes/1", "{bob}/follows/1", "{bob}/likes/1"} {
		kind := "Undo"
		if strings.Contains(what, "notes") {
			kind = "Delete"
		}
		tries = append(tries, try{"to bob: " + kind + " " + what, says(act("alice", kind, `"`+what+`"`)), 403, "stored-for-another", 0})
	}
	return append(tries,
		try{"bob deleted", says(act("alice", "Delete", `"{bob}"`)), 202, "early", 0},
		try{"bob's key", says(act("alice", "Update", person("{bob}", privateKey("alice").Public()))), 403, "object-of-another", 0},
		try{"bob's follow, embedded", says(act("alice", "Undo", bobFollows)), 403, "undo-of-another", 0},
	)
}

func goneAlready(t *testing.T, w *world) {
	w.victim.serve("/users/bob", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) })
	kept := w.tables()
	for i := range 2 {
		deletion := w.letter(strings.Replace(act("bob", "Delete", `"{bob}"`), "acts/1", fmt.Sprint("acts/", i), 1), forge{by: "mallory", keyID: "{bob}#old-key"})
		assert.Equal(t, http.StatusAccepted, w.send(deletion.wire()).status, "so that its server stops telling")
	}
	assert.Equal(t, kept, w.tables(), "and nothing is forgotten on an unproven word")
	assert.Contains(t, w.followers(), w.fill("{bob}"))
}

// Q1 to Q4: undoing and accepting in another's name.
func advisoriesOfOthersDeeds() []advisory {
	refused := func(name, body, code string, dials int) try { return try{name, says(body), 403, code, dials} }
	ignored := func(name, body string, dials int) try { return try{name, says(body), 202, "ignored", dials} }
	return []advisory{
		{known: "PR nextcloud/social#2225 (Undo part) of Nextcloud Social", row: row{
			id: "Q1", must: "an Undo of another's Follow or like, by id or embedded, from the same server as from another: 403, and he still follows", tries: []try{
				refused("neighbour, embedded", act("alice", "Undo", bobFollows), "undo-of-another", 0),
				refused("neighbour, by id", act("alice", "Undo", `"{bob}/follows/1"`), "stored-for-another", 0),
				refused("neighbour, under her name", act("alice", "Undo", strings.Replace(bobFollows, `"actor":"{bob}"`, `"actor":"{alice}"`, 1)), "stored-for-another", 0),
				refused("stranger, embedded", act("mallory", "Undo", bobFollows), "undo-of-another", 1),
				refused("stranger, by id", act("mallory", "Undo", `"{bob}/follows/1"`), "stored-for-another", 0),
				refused("a like, embedded", act("mallory", "Undo", bobLikes), "undo-of-another", 0),
				refused("a like, by id", act("alice", "Undo", `"{bob}/likes/1"`), "stored-for-another", 0),
			},
			test: func(t *testing.T, w *world) { assert.Contains(t, w.followers(), w.fill("{bob}")) },
		}},
		{known: "Egregoros F-03 (self-published)", row: row{
			id: "Q2", must: "we follow nobody, so an Accept or Reject of a Follow of ours is of one never sent: ignored", tries: []try{
				ignored("Accept", act("mallory", "Accept", `{"id":"{our}/ap/activities/f","type":"Follow","actor":"{news}","object":"{mallory}"}`), 1),
				ignored("Reject", act("mallory", "Reject", `{"id":"{our}/ap/activities/f","type":"Follow","actor":"{news}","object":"{mallory}"}`), 0),
				ignored("Accept by id", act("alice", "Accept", `"{our}/ap/activities/f"`), 0),
			},
			test: func(t *testing.T, _ *world) { timelines.check(t) },
		}},
		{known: "Pleroma 2.0.3", row: row{
			id: "Q3", must: "nobody becomes a follower by another activity than a Follow of their own", tries: []try{
				ignored("Accept of a Follow of us", act("mallory", "Accept", malloryFollows), 1),
				ignored("Accept in bob's name", act("mallory", "Accept", strings.ReplaceAll(malloryFollows, "{mallory}", "{victim}/users/carol")), 0),
				ignored("Create of a Follow by id", act("mallory", "Create", `"{mallory}/follows/1"`), 0),
				refused("Create of a Follow", act("mallory", "Create", malloryFollows), "object-of-another", 0),
				ignored("Announce of a Follow", act("mallory", "Announce", malloryFollows), 0),
				{"a Follow of carol's, sent by mallory", forged(strings.ReplaceAll(malloryFollows, "{mallory}", "{victim}/users/carol"), forge{by: "mallory"}), 403, "actor-not-signer", 0},
			},
			test: func(t *testing.T, w *world) { assert.Len(t, w.followers(), 2) },
		}},
		{known: "Pleroma 1.0.3", absent: []absent{otherProtocols}, row: row{
			id: "Q4", must: "there is one protocol, so no check can be avoided through an older one",
		}},
	}
}
