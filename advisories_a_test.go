package panui_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// A1 to A14: who an actor or an object is said to be.
func advisoriesOfOrigin() []advisory {
	forbidden := func(name, body, code string, dials int) try { return try{name, says(body), 403, code, dials} }
	malformed := func(name, body string) try { return try{name, says(body), 400, "json-refused", 0} }
	author := func(value string) string {
		return note(`"attributedTo":"{mallory}"`, `"attributedTo":`+value)
	}
	update := func(object string) string { return act("mallory", "Update", object) }
	return []advisory{
		{known: "CVE-2024-23832 of Mastodon", row: row{
			id:   "A1",
			must: "a document is about the id that it was fetched from, or nothing: alice is asked at most once, and her key stays",
			tries: []try{
				shown("alice's id, a key of the place", "/x", personWith("{alice}", "{evil}/inbox", "{evil}/x#main-key", "{evil}/x", malloryPEM),
					forge{by: "mallory", keyID: "{evil}/x#main-key"}, by("{evil}/x", aliceReplies), 401, "key-unknown", 1),
				shown("alice's id and key", "/y", personWith("{alice}", "{evil}/inbox", "{evil}/y#main-key", "{alice}", malloryPEM),
					forge{by: "mallory", keyID: "{evil}/y#main-key"}, aliceReplies, 401, "key-unknown", 2),
				shown("alice's id, key and key id", "/z", personWith("{alice}", "{evil}/inbox", "{alice}#main-key", "{alice}", malloryPEM),
					forge{by: "mallory", keyID: "{evil}/z#main-key"}, aliceReplies, 401, "key-unknown", 1),
			},
			test: aliceIsAlice,
		}},
		{known: "CVE-2024-37903 of Mastodon", row: row{
			id: "A2", must: "a Create under the id of a reply that is stored for another: 403, and that reply and who may see it stay as they are",
			tries: []try{
				forbidden("by mallory", note(`{mallory}/notes/1`, `{bob}/notes/1`), "object-of-another", 1),
				forbidden("by a neighbour of bob", strings.Replace(aliceReplies, "{alice}/notes/1", "{bob}/notes/1", 1), "stored-for-another", 0),
				forbidden("to fewer people", strings.Replace(strings.Replace(aliceReplies, "{alice}/notes/1", "{bob}/notes/1", 1), `"to":["{public}"]}}`, `"to":["{news}"]}}`, 1), "stored-for-another", 0),
			},
		}},
		{known: "CVE-2024-52591 of Misskey", row: row{
			id: "A3", must: "an object of somebody else's in one's own activity: 403, and nothing is kept under their names",
			tries: []try{
				forbidden("alice's, under an id of her server", strings.Replace(author(`"{alice}"`), "{mallory}/notes/1", "{victim}/n/1", 1), "object-of-another", 1),
				forbidden("mallory's, under an id of alice's server", strings.Replace(malloryReplies, "{mallory}/notes/1", "{victim}/n/1", 1), "object-of-another", 1),
				forbidden("in an Update", update(`{"id":"{victim}/n/1","type":"Note","attributedTo":"{alice}","inReplyTo":"{post}","content":"x"}`), "object-of-another", 1),
			},
			test: func(t *testing.T, w *world) { assert.NotContains(t, w.tables(), w.fill("{victim}/n/")) },
		}},
		{known: "CVE-2025-25306 of Misskey", row: row{
			id: "A4", must: "a url on another server than the id claims nothing: the reply is mallory's, and the page that it leads to is her own",
			test: func(t *testing.T, w *world) {
				for i, url := range []string{`"{alice}/1"`, `[{"type":"Link","href":"{alice}/1","mediaType":"text/html"}]`, `"https://our.test/minister"`, `"javascript:alert(1)"`} {
					id := "{mallory}/notes/" + string(rune('a'+i))
					body := strings.NewReplacer("{mallory}/says/1", id+"#create", "{mallory}/notes/1", id, `"content"`, `"url":`+url+`,"content"`).Replace(malloryReplies)
					require.Equal(t, http.StatusAccepted, w.send(w.letter(body, forge{by: "mallory"}).wire()).status)
					reply := w.newest()
					assert.Equal(t, w.fill("{mallory}"), reply.From)
					assert.Equal(t, w.fill(id), reply.URL, "not %s", url)
				}
			},
		}},
		{known: "CVE-2024-52590 of Misskey", row: row{
			id: "A5", must: "a profile that its own server sends elsewhere for: 401, the other server is not asked, nothing is kept",
			tries: []try{{"302 to mallory's", func(w *world) letter {
				w.victim.serve("/users/v", http.RedirectHandler(w.evil.url+"/p", http.StatusFound).ServeHTTP)
				w.evil.serve("/p", document(me(w.victim.url+"/users/v")))
				return w.letter(by("{victim}/users/v", aliceReplies), forge{by: "mallory", keyID: "{victim}/users/v#main-key"})
			}, 401, "key-unknown", 1}},
			test: func(t *testing.T, w *world) { assert.Zero(t, w.evil.accepted.Load()) },
		}},
		{known: "VulnCheck advisory (NodeBB attributedTo)", row: row{
			id: "A6", must: "an author that is a number, a name of ours, nothing or our own actor: 400 or 403. Of several the first counts, as PeerTube lists them, and it must be who signed. " +
				"Actors of ours are configuration, so nothing that arrives can look one up",
			tries: []try{
				malformed("1", author("1")), malformed(`"1"`, author(`"1"`)), malformed(`"/news"`, author(`"/news"`)), malformed("true", author("true")),
				forbidden("our actor", author(`"{news}"`), "object-of-another", 1),
				forbidden("an empty list", author("[]"), "object-of-another", 0),
				forbidden("an empty object", author("{}"), "object-of-another", 0),
				forbidden("ours and mallory", author(`["{news}","{mallory}"]`), "object-of-another", 0),
				forbidden("our actor, whole", author(`{"id":"{news}","type":"Organization"}`), "object-of-another", 0),
			},
			test: func(t *testing.T, w *world) {
				require.Equal(t, http.StatusAccepted, w.send(w.letter(author(`["{mallory}","{news}"]`), forge{by: "mallory"}).wire()).status)
				assert.Equal(t, w.fill("{mallory}"), w.newest().From, "hers alone")
			},
		}},
		{known: "PR friendica#6176 of Friendica", row: row{
			id: "A7", must: "what is attributed to another than who signs: 403, on the same host as on another",
			tries: []try{
				forbidden("same host", strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"{bob}"`, 1), "object-of-another", 0),
				forbidden("same host, under an id of bob's", strings.NewReplacer(`"attributedTo":"{alice}"`, `"attributedTo":"{bob}"`, "{alice}/notes/1", "{bob}/notes/2").Replace(aliceReplies), "object-of-another", 0),
				forbidden("another host", author(`"{alice}"`), "object-of-another", 1),
			},
		}},
		{known: "Pleroma 0b2c051a (2018)", row: row{
			id: "A8", must: "activity, actor, object and author are of one origin, letter for letter: each varied alone is 403",
			tries: variedOrigins(), test: func(t *testing.T, w *world) {
				assert.Equal(t, http.StatusAccepted, w.send(w.letter(malloryReplies, forge{by: "mallory"}).wire()).status, "and all as they are is taken")
				assert.Equal(t, w.fill("{mallory}/notes/1"), w.newest().ID)
			},
		}},
		{known: "misskey#4756", row: row{
			id: "A9", must: "objects that are only named are never fetched, so there is nothing to compare: a boost of them, or a reply to them, is ignored",
			tries: []try{
				{"a boost", says(act("alice", "Announce", `"{mallory}/notes/1"`)), 202, "ignored", 0},
				{"a boost of what claims to be bob's", says(act("alice", "Announce", `{"id":"{mallory}/notes/1","type":"Note","attributedTo":"{bob}","content":"x"}`)), 202, "ignored", 0},
				{"a parent", instead(`"inReplyTo":"{post}"`, `"inReplyTo":"{mallory}/notes/1"`), 202, "ignored", 0},
				{"a Create by id", says(act("alice", "Create", `"{mallory}/notes/1"`)), 202, "ignored", 0},
			},
			test: func(t *testing.T, _ *world) { objectFetching.check(t) },
		}},
		{known: "PR gotosocial#3706 of GoToSocial", row: row{
			id: "A10", must: "a document with an id on our host, however spelled: refused, and our own actor is never asked over the network", scene: scene{public: true},
			tries: ourSpellings(), test: ourIDElsewhere,
		}},
		{known: "activitypub-federation-rust#136", row: row{
			id: "A11", must: "what is ours is not changed from outside: 403 object-is-ours, and the post stays", tries: []try{
				forbidden("a post", update(`{"id":"{post}","type":"Note","attributedTo":"{mallory}","content":"x","updated":"2027-01-01T00:00:00Z"}`), "object-is-ours", 1),
				forbidden("in our name", update(`{"id":"{post}","type":"Note","attributedTo":"{news}","content":"x"}`), "object-is-ours", 0),
				forbidden("our actor", update(person("{news}", privateKey("mallory").Public())), "object-is-ours", 0),
				forbidden("by its id", update(`"{post}"`), "object-is-ours", 0),
				forbidden("in another spelling", update(`{"id":"{our}/ap/../ap/objects/x","type":"Note","attributedTo":"{mallory}","content":"x"}`), "object-is-ours", 0),
				forbidden("a new one under our host", strings.Replace(malloryReplies, "{mallory}/notes/1", "{our}/notes/1", 1), "object-is-ours", 0),
			},
			test: func(t *testing.T, w *world) {
				same(t, w, get("{post}"))
				assert.NotContains(t, w.send(get("{post}")(w).wire()).body, "mallory")
			},
		}},
		{known: "tootik acb2a321", row: row{
			id: "A12", must: "an activity with an id of another server than its actor's: 403", tries: []try{
				forbidden("alice's server", note("{mallory}/says/1", "{victim}/says/1"), "id-elsewhere", 1),
				forbidden("another port", note("{mallory}/says/1", "http://127.0.0.3/says/1"), "id-elsewhere", 0),
				forbidden("a Delete", strings.Replace(act("alice", "Delete", `"{alice}"`), "{alice}/acts/1", "{mallory}/acts/1", 1), "id-elsewhere", 0),
				forbidden("a Follow", strings.Replace(malloryFollows, "{mallory}/follows/1", "{alice}/follows/1", 1), "id-elsewhere", 0),
			},
		}},
		{known: "GHSA-5wxh-3p65-r4g6 of Mastodon", row: row{
			id: "A13", must: "an actor whose inbox is no https URL of a public host is refused; a shared inbox that is none is not kept, and other collections are not read",
			tries: strangeInboxKinds(), test: strangeSharedInboxes,
		}},
		{known: "GHSA-xmw2-875x-rq88 of Kitsune", row: row{
			id: "A14", must: "an actor's document among uploads, to which no WebFinger leads, has no handle: Verify fails and a page shows the host only. It may follow, since who follows is shown to nobody",
			test: uploadedActor,
		}},
	}
}

var malloryPEM = pemOf(privateKey("mallory").Public())

// newest is the reply that came last, as a person reads it.
func (w *world) newest() inbox.Reply {
	w.Helper()
	replies, _, err := w.site.Moderator().Received(w.Context(), store.Held, inbox.Page{Limit: 1})
	require.NoError(w, err)
	require.Len(w, replies, 1)
	return replies[0]
}

// aliceIsAlice checks that her key is the one she has, and was not asked for again.
func aliceIsAlice(t *testing.T, w *world) {
	dialled := w.dialled()
	assert.Equal(t, http.StatusUnauthorized, w.send(w.letter(aliceReplies, forge{by: "mallory", keyID: "{alice}#main-key"}).wire()).status, "mallory's key is not hers")
	assert.Equal(t, http.StatusAccepted, w.send(w.letter(aliceReplies, forge{}).wire()).status, "hers is")
	assert.Equal(t, dialled, w.dialled())
}

// variedOrigins are mallory's reply with one id on what only looks like her server.
func variedOrigins() (tries []try) {
	for _, place := range []struct{ name, member, code string }{
		{"activity", `"id":"{mallory}/says/1"`, "id-elsewhere"},
		{"actor", `"actor":"{mallory}"`, "actor-not-signer"},
		{"object", `"id":"{mallory}/notes/1"`, "object-of-another"},
		{"author", `"attributedTo":"{mallory}"`, "object-of-another"},
	} {
		for name, vary := range map[string]func(w *world, id string) string{
			"scheme":            func(_ *world, id string) string { return strings.Replace(id, "http:", "https:", 1) },
			"host":              func(w *world, id string) string { return strings.Replace(id, w.evil.url, w.victim.url, 1) },
			"port":              func(_ *world, id string) string { return strings.Replace(id, "127.0.0.3:", "127.0.0.3:1", 1) },
			"dot":               func(_ *world, id string) string { return strings.Replace(id, "127.0.0.3:", "127.0.0.3.:", 1) },
			"wide digit":        func(_ *world, id string) string { return strings.Replace(id, "127.0.0.3:", "127.0.0.３:", 1) },
			"capital scheme":    func(_ *world, id string) string { return strings.Replace(id, "http:", "HTTP:", 1) },
			"zeros in the port": func(_ *world, id string) string { return strings.Replace(id, "127.0.0.3:", "127.0.0.3:0", 1) },
		} {
			tries = append(tries, try{place.name + " " + name, func(w *world) letter {
				member := w.fill(place.member)
				return w.letter(strings.Replace(w.fill(malloryReplies), member, vary(w, member), 1), forge{by: "mallory"})
			}, 403, place.code, 1})
		}
	}
	for i := range tries { // a scheme in capitals is none that an id may have
		if strings.HasSuffix(tries[i].name, "capital scheme") {
			tries[i].status, tries[i].code = 400, "json-refused"
		}
	}
	return tries
}

// ourIDs are spellings of an id of https://our.test.
var ourIDs = map[string]string{
	"as it is": "https://our.test/ap/actors/news", "capitals": "https://OUR.Test/ap/actors/news", "the port": "https://our.test:443/ap/actors/news",
	"a dot": "https://our.test./ap/actors/news", "http": "http://our.test/ap/actors/news", "wide letters": "https://ｏｕｒ.test/ap/actors/news",
	"a user": "https://news@our.test/ap/actors/news", "escaped": "https://our.test/ap/%61ctors/news", "nobody": "https://our.test/ap/actors/nobody",
}

func ourSpellings() (tries []try) {
	for name, id := range ourIDs {
		tries = append(tries, try{name, forged(by(id, aliceReplies), forge{by: "mallory", keyID: id + "#main-key"}), 0, "", 0})
	}
	for i, t := range tries {
		tries[i].status = 401
		if t.name == "a user" || t.name == "wide letters" { // no id has one, and no key id in a signature the other
			tries[i].status = 400
		}
	}
	return tries
}

func ourIDElsewhere(t *testing.T, w *world) {
	w = newWorld(t, w.backend, scene{})
	for name, spell := range map[string]func(string) string{
		"as it is":        func(id string) string { return id },
		"capitals":        func(id string) string { return strings.Replace(id, "http:", "HTTP:", 1) },
		"https":           func(id string) string { return strings.Replace(id, "http:", "https:", 1) },
		"a dot":           func(id string) string { return strings.Replace(id, "127.0.0.1:", "127.0.0.1.:", 1) },
		"a user":          func(id string) string { return strings.Replace(id, "http://", "http://news@", 1) },
		"as it is mapped": func(id string) string { return strings.Replace(id, "127.0.0.1", "[::ffff:127.0.0.1]", 1) },
	} {
		id := spell(w.fill("{news}"))
		answer := fetched(name, func(string) http.HandlerFunc { return document(me(id)) }, 401, "key-unknown")
		row{must: "mallory shows our actor, " + name}.endure(t, w, answer)
	}
	same(t, w, get("{news}"))
}

// strangeInboxKinds are follows by actors with every other kind of inbox.
func strangeInboxKinds() (tries []try) {
	for name, inbox := range map[string]string{
		"empty": `""`, "none": `null`, "script": `"javascript:1"`, "relative": `"/rel"`, "object without id": `{"type":"OrderedCollection"}`, "object of a private host": `{"id":"https://10.0.0.1/inbox"}`,
		"two": `["{evil}/a","{evil}/b"]`, "number": `7`, "ftp": `"ftp://evil.test/inbox"`, "no host": `"https://"`, "ours": `"{inbox}"`, "a mailbox": `"mailto:mallory@evil.test"`, "blanks": `" {evil}/inbox"`,
	} {
		path := "/users/" + strings.ReplaceAll(name, " ", "-")
		id := "{evil}" + path
		shows := strings.Replace(person(id, privateKey("mallory").Public()), `"inbox":"`+id+`/inbox"`, `"inbox":`+inbox, 1)
		tries = append(tries, shown(name, path, shows, forge{by: "mallory", keyID: id + "#main-key"}, by(id, malloryFollows), 401, "key-unknown", 1))
	}
	return tries
}

func strangeSharedInboxes(t *testing.T, w *world) {
	for i, shared := range []string{`""`, `"javascript:1"`, `"/rel"`, `{"id":"{evil}/x"}`, `["{evil}/x"]`, `"ftp://evil.test/x"`, `"https://"`, `"{inbox}"`, `"{victim}/inbox"`, `7`} {
		path := "/users/s" + string(rune('a'+i))
		id := "{evil}" + path
		shows := strings.Replace(person(id, privateKey("mallory").Public()), `"publicKey"`, `"outbox":7,"followers":"javascript:1","endpoints":{"sharedInbox":`+shared+`},"publicKey"`, 1)
		w.evil.serve(path, document(w.fill(shows)))
		require.Equal(t, http.StatusAccepted, w.send(w.letter(by(id, malloryFollows), forge{by: "mallory", keyID: id + "#main-key"}).wire()).status, shared)
		followers, err := w.store.Followers(t.Context(), store.FollowerQuery{ID: w.fill(id)})
		require.NoError(t, err)
		require.Len(t, followers, 1)
		assert.Empty(t, followers[0].SharedInbox, shared)
		assert.Equal(t, w.fill(id+"/inbox"), followers[0].Inbox)
	}
	_, err := w.site.Publish(t.Context(), outbox.Item{Key: "19", URL: w.base + "/news/19", Title: "Road open", HTML: "<p>Since Tuesday.</p>", Language: "en-NZ"})
	require.NoError(t, err)
	for _, delivery := range w.queue() {
		assert.Regexp(t, `^`+w.fill(`({evil}|{victim})`)+`/users/\w+/inbox$`, delivery.Inbox, "what is published next goes to inboxes that were checked")
	}
}

func uploadedActor(t *testing.T, w *world) {
	ca := newAuthority(t)
	w = trusting(t, w, ca)
	host := serveTLS(t, ca.issue(t, forEvil()), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/uploads/minister" {
			http.NotFound(rw, r)
			return
		}
		document(me("https://"+r.Host+r.URL.Path))(rw, r)
	}))
	id := host + "/uploads/minister"
	client := egress.New(egress.Options{RootCAs: ca.pool(), InsecureLoopback: true})
	defer client.CloseIdle()
	handle, err := webfinger.Verify(t.Context(), client, actor.Remote{Actor: as2.Actor{ID: id, PreferredUsername: "minister"}})
	assert.Error(t, err)
	assert.Empty(t, handle)

	letter := w.letter(by(id, malloryFollows), forge{by: "mallory", keyID: id + "#main-key"})
	require.Equal(t, http.StatusAccepted, w.send(letter.wire()).status)
	for _, page := range []string{"{news}/followers", "{news}/followers?page=true", "{news}"} {
		assert.NotContains(t, w.send(get(page)(w).wire()).body, "minister", page)
	}
}
