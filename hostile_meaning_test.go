package panui_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/store"
)

// act is an activity of somebody about an object, as JSON or as an id in quotes.
func act(who, kind, object string) string {
	return `{"id":"{` + who + `}/acts/1","type":"` + kind + `","actor":"{` + who + `}","object":` + object + `}`
}

// note is mallory's reply with something in it replaced.
func note(old, new string) string { return strings.Replace(malloryReplies, old, new, 1) }

// evilBlocked blocks mallory's server.
func evilBlocked(c *panui.Config) {
	c.Blocked = func(host string) bool { return host == "127.0.0.3" || strings.HasSuffix(host, "blocked.test") }
}

// B071 to B089: who may say what about which id.
func meaningCorpus() []row {
	refused := func(name string, letter writes) try { return try{name, letter, 400, "json-refused", 0} }
	ignored := func(name, body string) try { return try{name, says(body), 202, "ignored", 1} }
	forbidden := func(name, body, code string) try { return try{name, says(body), 403, code, 1} }
	undone := func(object string) string { return act("mallory", "Undo", object) }
	return []row{
		{id: "B071", must: "an activity with an id of another origin than its actor: 403", tries: []try{
			forbidden("alice's", note("{mallory}/says/1", "{alice}/says/1"), "id-elsewhere"),
			forbidden("ours", note("{mallory}/says/1", "{our}/ap/activities/1"), "id-elsewhere"),
			forbidden("another port", note("{mallory}/says/1", "http://127.0.0.3:1/says/1"), "id-elsewhere"),
		}},
		{id: "B072", must: "no id, or one that is none: 400", tries: []try{
			refused("none", instead(`"id":"{alice}/says/1",`, ``)),
			refused("empty", instead(`{alice}/says/1`, ``)),
			refused("no URL", instead(`{alice}/says/1`, `says 1`)),
			refused("8 KiB", instead(`{alice}/says/1`, `{alice}/`+strings.Repeat("x", 8<<10))),
		}},
		{id: "B073", must: "the key in an embedded actor: not believed, so 401 where nobody else lists it and 403 for the owner of another", tries: []try{
			{"signed with that key", forged(strings.Replace(aliceReplies, `"actor":"{alice}"`, `"actor":{"id":"{alice}","publicKey":`+bareKey("{evil}/new-key", "{alice}", privateKey("mallory").Public())+`}`, 1),
				forge{by: "mallory", keyID: "{evil}/new-key"}), 401, "key-unknown", 1},
			{"signed with her own", forged(strings.Replace(aliceReplies, `"actor":"{alice}"`, `"actor":{"id":"{alice}","publicKey":`+bareKey("{mallory}#main-key", "{alice}", privateKey("mallory").Public())+`}`, 1),
				forge{by: "mallory"}), 403, "actor-not-signer", 1},
		}},
		{id: "B074", must: "a Follow of what is not an actor of ours: 404", tries: []try{
			{"nobody", says(act("mallory", "Follow", `"{our}/ap/actors/nobody"`)), 404, "no-such-actor", 1},
			{"a post", says(act("mallory", "Follow", `"{post}"`)), 404, "no-such-actor", 0},
			{"alice", says(act("mallory", "Follow", `"{alice}"`)), 404, "no-such-actor", 0},
			{"our actor in another spelling", says(act("mallory", "Follow", `"{our}/ap/actors/../actors/news"`)), 404, "no-such-actor", 0},
		}},
		{id: "B075", must: "a follower whose inbox is one that we never deliver to: refused, and not kept", test: strangeInboxes},
		{id: "B076", must: "Undo of another's Follow or like: 403, and the follower stays", tries: []try{
			forbidden("embedded", undone(bobFollows), "undo-of-another"),
			forbidden("by its id", undone(`"{bob}/follows/1"`), "stored-for-another"),
			forbidden("embedded, under her own name", undone(strings.Replace(bobFollows, `"actor":"{bob}"`, `"actor":"{mallory}"`, 1)), "stored-for-another"),
			forbidden("of a like by its id", undone(`"{bob}/likes/1"`), "stored-for-another"),
			forbidden("of a reply by its id", undone(`"{our}/ap/activities/1"`), "object-is-ours"),
			{"by a neighbour of bob", says(act("alice", "Undo", `"{bob}/follows/1"`)), 403, "stored-for-another", 0},
		}},
		{id: "B077", must: "Accept or Reject of a Follow that we never sent: ignored", tries: []try{
			ignored("Accept", act("mallory", "Accept", `{"id":"{news}#follow","type":"Follow","actor":"{news}","object":"{mallory}"}`)),
			ignored("Reject", act("mallory", "Reject", `"{news}#follow"`)),
		}},
		{id: "B078", must: "Delete of another's reply: 403, also from the same host; we never fetch it to see whether it is gone", tries: []try{
			{"by a neighbour", says(act("alice", "Delete", `"{bob}/notes/1"`)), 403, "stored-for-another", 0},
			{"by a neighbour, as a Tombstone", says(act("alice", "Delete", `{"id":"{bob}/notes/1","type":"Tombstone"}`)), 403, "stored-for-another", 0},
			forbidden("by a stranger", act("mallory", "Delete", `"{bob}/notes/1"`), "stored-for-another"),
			{"of a neighbour as a whole", says(act("alice", "Delete", `"{bob}"`)), 202, "early", 0},
		}},
		{id: "B079", must: "Delete of what is ours: 403", tries: []try{
			forbidden("a post", act("mallory", "Delete", `"{post}"`), "object-is-ours"),
			forbidden("the actor", act("mallory", "Delete", `"{news}"`), "object-is-ours"),
			forbidden("as a Tombstone", act("mallory", "Delete", `{"id":"{post}","type":"Tombstone"}`), "object-is-ours"),
			forbidden("in another spelling", act("mallory", "Delete", `"{our}/ap/./objects/x"`), "object-is-ours"),
			forbidden("an Update of a post", act("mallory", "Update", `{"id":"{post}","type":"Note","attributedTo":"{mallory}","content":"x"}`), "object-is-ours"),
		}},
		{id: "B080", must: "an Update that is older than what is stored, or of what concerns nobody here: no effect; one with another author: 403. " +
			"An Update of an unknown reply to us is heard as its author's reply, since servers send one where the Create was lost", tries: []try{
			{"older", says(act("bob", "Update", strings.Replace(bobsNote, "2026-11-01", "2026-10-01", 1))), 202, "repeated", 0},
			{"as old", says(act("bob", "Update", strings.Replace(bobsNote, "Kia ora", "Haere rā", 1))), 202, "repeated", 0},
			{"another author", says(act("bob", "Update", strings.Replace(bobsNote, `"attributedTo":"{bob}"`, `"attributedTo":"{alice}"`, 1))), 403, "object-of-another", 0},
			{"by another", says(act("alice", "Update", bobsNote)), 403, "object-of-another", 0},
			{"by another, under her name", says(act("alice", "Update", strings.Replace(bobsNote, `"attributedTo":"{bob}"`, `"attributedTo":"{alice}"`, 1))), 403, "stored-for-another", 0},
			{"of what concerns nobody here", says(act("alice", "Update", `{"id":"{alice}/notes/9","type":"Note","attributedTo":"{alice}","content":"x"}`)), 202, "ignored", 0},
		}},
		{id: "B081", must: "a new key in the Update of a Person: not believed; the document is asked again", test: keyInUpdate,
			but: spared{storeSame: "the good letter at the end is taken (checked)"}},
		{id: "B082", must: "what somebody else is said to have said: 403; an author that is no id: 400", tries: []try{
			forbidden("alice", note(`"attributedTo":"{mallory}"`, `"attributedTo":"{alice}"`), "object-of-another"),
			forbidden("us", note(`"attributedTo":"{mallory}"`, `"attributedTo":"{news}"`), "object-of-another"),
			forbidden("nobody", note(`"attributedTo":"{mallory}",`, ``), "object-of-another"),
			forbidden("an id of alice's server", note("{mallory}/notes/1", "{alice}/notes/5"), "object-of-another"),
			forbidden("an id of ours", note("{mallory}/notes/1", "{post}"), "object-is-ours"),
			refused("a number", says(note(`"attributedTo":"{mallory}"`, `"attributedTo":7`))),
		}},
		{id: "B083", must: "a reply to itself, to a thousand, or to what is not public: ignored, nothing is fetched", tries: []try{
			ignored("to itself", note(`"inReplyTo":"{post}"`, `"inReplyTo":"{mallory}/notes/1"`)),
			ignored("to a post of her own", note(`"inReplyTo":"{post}"`, `"inReplyTo":"{mallory}/notes/2"`)),
			ignored("to a draft", note(`"inReplyTo":"{post}"`, `"inReplyTo":"{draft}"`)),
			ignored("to what was withdrawn", note(`"inReplyTo":"{post}"`, `"inReplyTo":"{gone}"`)),
			ignored("to 1,000", note(`"inReplyTo":"{post}"`, `"inReplyTo":[`+strings.Repeat(`"{evil}/x",`, 999)+`"{evil}/x"]`)),
			refused("a thousand levels of parents", says(note(`"inReplyTo":"{post}"`, `"inReplyTo":`+strings.Repeat(`{"id":"{evil}/x","inReplyTo":`, 1_000)+`null`+strings.Repeat("}", 1_000)))),
		}},
		{id: "B084", must: "a boost of what is blocked: 403; of another's post, or of a boost: ignored; nothing is fetched", scene: scene{config: evilBlocked}, tries: []try{
			{"of what is blocked", says(act("alice", "Announce", `"{mallory}/notes/1"`)), 403, "actor-blocked", 0},
			{"of what is blocked, by name", says(act("alice", "Announce", `"https://blocked.test/notes/1"`)), 403, "actor-blocked", 0},
			{"of another's", says(act("alice", "Announce", `"{bob}/notes/1"`)), 202, "ignored", 0},
			{"of a boost", says(act("alice", "Announce", `{"id":"{bob}/boosts/1","type":"Announce","actor":"{bob}","object":"{post}"}`)), 202, "ignored", 0},
			{"a reply to what is blocked", says(strings.Replace(aliceReplies, `"inReplyTo":"{post}"`, `"inReplyTo":"{mallory}/notes/1"`, 1)), 403, "actor-blocked", 0},
		}},
		{id: "B085", must: "1,000 likes by one are 1; by who is blocked, 403 and none; of what was withdrawn, none", scene: scene{config: evilBlocked},
			tries: []try{
				{"by who is blocked", says(act("mallory", "Like", `"{post}"`)), 403, "host-blocked", 0},
				{"of what was withdrawn", says(act("alice", "Like", `"{gone}"`)), 202, "ignored", 0},
			},
			test: manyLikes, but: spared{}},
		{id: "B086", must: "a Move to us: ignored; of us: 403; a forged one of a follower is kept for people to read, follows nobody and fetches nothing", tries: []try{
			{"to us", says(strings.Replace(act("alice", "Move", `"{alice}"`), `"object"`, `"target":"{news}","object"`, 1)), 202, "ignored", 0},
			{"of us", says(strings.Replace(act("alice", "Move", `"{news}"`), `"object"`, `"target":"{mallory}","object"`, 1)), 403, "object-is-ours", 0},
			{"of another", says(strings.Replace(act("alice", "Move", `"{bob}"`), `"object"`, `"target":"{mallory}","object"`, 1)), 202, "ignored", 0},
			ignored("of who does not follow", strings.Replace(act("mallory", "Move", `"{mallory}"`), `"object"`, `"target":"{alice}","object"`, 1)),
		}, test: forgedMove},
		{id: "B087", must: "10,000 of anything: 400, nothing is queued", tries: []try{
			refused("to", says(note(`"to":[`, `"to":[`+strings.Repeat(`"a:b",`, 10_000)))),
			refused("cc", says(note(`"to":[`, `"cc":[`+strings.Repeat(`"a:b",`, 9_999)+`"a:b"],"to":[`))),
			refused("257 in all", says(note(`"to":[`, `"to":[`+strings.Repeat(`"{news}",`, 257)))),
			refused("tag", says(note(`"content"`, `"tag":[`+strings.Repeat(`{},`, 9_999)+`{}],"content"`))),
			refused("attachment", says(note(`"content"`, `"attachment":[`+strings.Repeat(`{},`, 9_999)+`{}],"content"`))),
			refused("object", says(act("mallory", "Flag", `[`+strings.Repeat(`"a:b",`, 9_999)+`"a:b"]`))),
		}},
		{id: "B088", must: "what strangers write is text and its emphasis, however it is written; read again it is the same; a name of 100 KiB is cut", test: wildTexts,
			but: spared{storeSame: "they are replies, and kept", queueSame: "nothing is (checked)", oneEvent: "each has its own"}},
		{id: "B089", must: "a date that cannot be: ignored or no later than it came; the order is that of arrival", test: wildDates,
			but: spared{storeSame: "they are replies, and kept", oneEvent: "each has its own"}},
	}
}

func strangeInboxes(t *testing.T, w *world) {
	for name, at := range map[string]string{
		"ten": "https://10.0.0.1/inbox", "script": "javascript:alert(1)", "ours": "{inbox}", "plain": "http://victim.test/inbox", "file": "file:///etc/passwd",
		"label": "https://intranet/inbox", "port": "https://victim.test:25/inbox", "none": "",
	} {
		id := w.fill("{evil}/users/" + name)
		w.evil.serve("/users/"+name, document(personWith(id, w.fill(at), id+"#main-key", id, pemOf(privateKey("mallory").Public()))))
		row{must: at}.endure(t, w, try{name, forged(strings.ReplaceAll(malloryFollows, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"}), 401, "key-unknown", 1})
	}
	assert.Len(t, w.followers(), 2)
}

func keyInUpdate(t *testing.T, w *world) {
	kept, dialled := w.tables(), w.dialled()
	update := act("alice", "Update", person("{alice}", privateKey("mallory").Public()))
	require.Equal(t, http.StatusAccepted, w.send(w.letter(update, forge{}).wire()).status)
	assert.Equal(t, kept, w.tables())
	for range 2 {
		assert.Equal(t, http.StatusUnauthorized, w.send(w.letter(aliceReplies, forge{by: "mallory", keyID: "{alice}#main-key"}).wire()).status, "the key that the Update named")
	}
	assert.Equal(t, kept, w.tables())
	assert.Equal(t, 1, w.dialled()-dialled, "her document, once")
	assert.Equal(t, http.StatusAccepted, w.send(w.letter(aliceReplies, forge{}).wire()).status, "the key that she has")
	assert.Contains(t, w.tables(), w.fill("{alice}/notes/1"))
}

func manyLikes(t *testing.T, w *world) {
	for i := range w.often(1_000) {
		like := strings.Replace(act("alice", "Like", `"{post}"`), "acts/1", fmt.Sprint("acts/", i), 1)
		require.Equal(t, http.StatusAccepted, w.send(w.letter(like, forge{}).wire()).status)
	}
	counts, err := w.store.Counts(t.Context(), w.fill("{post}"))
	require.NoError(t, err)
	assert.Equal(t, store.Counts{Likes: 2, Held: 1}, counts, "bob's and alice's")
}

func forgedMove(t *testing.T, w *world) {
	dialled, queued, followers := w.dialled(), w.queue(), w.followers()
	move := strings.Replace(act("alice", "Move", `"{alice}"`), `"object"`, `"target":"{mallory}","object"`, 1)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(move, forge{}).wire()).status)
	assert.Equal(t, followers, w.followers())
	assert.Equal(t, queued, w.queue())
	assert.Equal(t, dialled, w.dialled(), "alsoKnownAs is nobody's word here")
	assert.Len(t, w.received(store.ReceivedQuery{Type: "Move", State: store.Noted}), 1)
}

// wild are a few of each way in which HTML does more than show text; package
// inbox tries many more.
var wild = []string{
	`<script>alert(1)</script>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)//`, `<a href="javascript:alert(1)">x</a>`,
	`<a href="&#106;avascript:alert(1)">x</a>`, `<a href="https://evil.test" onclick=alert(1) style="position:fixed" target=_top>x</a>`, `<iframe srcdoc="<script>alert(1)</script>">`,
	`<form action="https://evil.test"><input name=password></form>`, `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
	`<style>@import "https://evil.test/x.css";</style>`, `<base href="https://evil.test/">`, `<meta http-equiv=refresh content="0;url=https://evil.test">`, `<p class="alert" id="login">x</p>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `</div></main><h1>Official notice</h1>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, "\u202eexe.gpj \u2066\u202d",
	"z" + strings.Repeat("\u0301", 500), strings.Repeat("<b>", 2_000), `<plaintext><script>alert(1)</script>`,
}

var (
	element  = regexp.MustCompile(`<[^>]*>`)
	harmless = regexp.MustCompile(`^<(/?(p|b|strong|i|em|u|s|del|code|pre|blockquote|ul|ol|li|a|bdi|div|span)|br/?|(bdi|div|span) dir="auto"|a href="https?://[^"<>]*" rel="nofollow noopener ugc")>$`)
)

func wildTexts(t *testing.T, w *world) {
	queued, hears := w.queue(), w.hears
	for _, content := range wild {
		reply := hears(content, "")
		for _, tag := range element.FindAllString(reply.HTML.String(), -1) {
			assert.Regexp(t, harmless, tag, content)
		}
		assert.NotContains(t, reply.HTML.String(), "\u202e")
		assert.NotContains(t, reply.Text, "\u202e")
		assert.Equal(t, reply.HTML, hears(reply.HTML.String(), "").HTML, "read again it is the same")
		assert.NotContains(t, html.UnescapeString(element.ReplaceAllString(reply.HTML.String(), "")), "\x00")
	}
	long := hears("x", `"name":"`+strings.Repeat("n", 100<<10)+`","summary":"`+strings.Repeat("s", 100<<10)+`",`)
	assert.LessOrEqual(t, len(long.Warning), 2<<10)
	assert.True(t, long.Cut)
	assert.Equal(t, queued, w.queue())
}

func wildDates(t *testing.T, w *world) {
	dates := []string{"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-26T23:00:00-12:00", "yesterday", "2026-02-30T00:00:00Z", "", "-0001-01-01T00:00:00Z"}
	for i, date := range dates {
		id := fmt.Sprint("{mallory}/notes/", i)
		body := strings.ReplaceAll(note(`"content"`, `"published":"`+date+`","updated":"`+date+`","content"`), "{mallory}/notes/1", id)
		body = strings.Replace(body, "{mallory}/says/1", id+"#create", 1)
		require.Equal(t, http.StatusAccepted, w.send(w.letter(body, forge{by: "mallory"}).wire()).status, date)
	}
	replies := w.heard()
	require.Len(t, replies, len(dates)+1)
	for i, reply := range replies[:len(dates)] {
		assert.Equal(t, w.fill(fmt.Sprint("{mallory}/notes/", len(dates)-1-i)), reply.ID, "newest first, whatever they say")
		assert.False(t, reply.Published.After(reply.Arrived), reply.ID)
		assert.WithinRange(t, reply.Published, time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Now().Add(time.Minute), reply.ID)
	}
}
