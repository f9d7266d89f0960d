package panui_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notActivityPub are media types under which an upload could be served.
var notActivityPub = map[string][]string{
	"text/plain": {"text/plain"}, "application/json": {"application/json"}, "application/octet-stream": {"application/octet-stream"}, "no type": nil,
	"ld+json without profile": {"application/ld+json"}, "another profile": {`application/ld+json; profile="https://other"`},
	"a longer name": {"application/activity+jsonx"}, "two types": {"application/activity+json", "application/activity+json"},
}

// eachType makes a try of each of them.
func eachType(one func(name string, types []string) try) (tries []try) {
	for name, types := range notActivityPub {
		tries = append(tries, one(name, types))
	}
	return tries
}

// ofType serves a document under media types.
func ofType(types []string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = types
		w.Write([]byte(body))
	}
}

// upload is a letter of somebody whose document mallory uploaded to alice's server.
func upload(name, path string, types []string) try {
	return try{name, func(w *world) letter {
		path += "-" + strings.ReplaceAll(name, " ", "-")
		id := w.victim.url + path
		w.victim.serve(path, ofType(types, me(id)))
		return w.letter(by(id, malloryReplies), forge{by: "mallory", keyID: id + "#main-key"})
	}, 401, "key-unknown", 1}
}

// B1 to B8: what a fetched document is said to be.
func advisoriesOfTypes() []advisory {
	return []advisory{
		{known: "CVE-2024-25623 of Mastodon", row: row{
			id: "B1", must: "a good actor document under a type that is not ActivityPub's: 401, and it is not read",
			tries: eachType(func(name string, types []string) try { return fetched(name, typed(types...), 401, "key-unknown") }),
			test:  unread,
		}},
		{known: "CVE-2024-25636 of Misskey", row: row{
			id: "B2", must: "the same where the key has a document of its own, and where its owner's is the upload; objects and collections are never fetched",
			tries: slices.Concat(
				eachType(func(name string, types []string) try {
					return try{"key " + name, func(w *world) letter {
						path := "/keys/" + strings.ReplaceAll(name, " ", "-")
						w.evil.serve(path, ofType(types, bareKey(w.evil.url+path, w.fill("{mallory}"), privateKey("mallory").Public())))
						return w.letter(malloryReplies, forge{by: "mallory", keyID: "{evil}" + path})
					}, 401, "key-unknown", 1}
				}),
				eachType(func(name string, types []string) try {
					return try{"owner " + name, func(w *world) letter {
						path := "/uploads/" + strings.ReplaceAll(name, " ", "-")
						owner, key := w.victim.url+path, w.evil.url+path
						w.victim.serve(path, ofType(types, personWith(owner, owner+"/inbox", key, owner, malloryPEM)))
						w.evil.serve(path, document(bareKey(key, owner, privateKey("mallory").Public())))
						return w.letter(by(owner, malloryReplies), forge{by: "mallory", keyID: key})
					}, 401, "key-unknown", 2}
				}),
			),
			test: func(t *testing.T, _ *world) { objectFetching.check(t); collections.check(t) },
		}},
		{known: "pixelfed 1232cfc8", row: row{
			id: "B3", must: "an actor document that was uploaded to another server as JSON or as text speaks for nobody there: 401",
			tries: []try{upload("JSON", "/storage/m/1.json", []string{"application/json"}), upload("text", "/storage/m/1.txt", []string{"text/plain; charset=utf-8"})},
		}},
		{known: "PR gotosocial#2639 of GoToSocial", row: row{
			id: "B4", must: "the same at the end of a redirect, and there the id is the one that was asked for, not the one that answered",
			tries: []try{
				moved("to an upload", []string{"application/json"}, func(asked, _ string) string { return asked }),
				moved("to a document about itself", []string{"application/activity+json"}, func(_, there string) string { return there }),
			},
		}},
		{known: "activitypub-federation-rust#95", row: row{
			id: "B5", must: "right id and wrong type, or right type and wrong id: 401 both",
			tries: []try{
				fetched("wrong type", typed("application/json; profile=\"https://www.w3.org/ns/activitystreams\""), 401, "key-unknown"),
				fetched("wrong id", shows(func(id string) string { return id + "/other" }), 401, "key-unknown"),
			},
		}},
		{known: "Pleroma 2.2.0", row: row{
			id: "B6", must: "an upload on the main domain speaks for nobody, whatever its name: 401; and all that we serve has nosniff and one of our own few types",
			tries: []try{
				upload("named as JSON", "/media/a.activity+json", []string{"image/png"}),
				upload("named as a user", "/users/minister", []string{"application/json"}),
			},
			test: ourTypes,
		}},
		{known: "Akkoma 3.12.0 (11ae8344, fc36b040)", absent: []absent{mediaProxy, emoji, uploads}, row: row{
			id: "B7", must: "there are no emoji packs, no uploads and no media proxy: nothing serves bytes that came from elsewhere",
		}},
		{known: "FEP-96ff list of all projects", row: row{
			id: "B8", must: "another application on our own host cannot speak here: whatever lies there is never asked. Whether its uploads could speak elsewhere is for the agency to see before going live (docs/deploy.md)",
			scene: scene{public: true},
			tries: []try{
				{"an upload of ours", forged(by("https://our.test/uploads/1.json", aliceReplies), forge{by: "mallory", keyID: "https://our.test/uploads/1.json#main-key"}), 401, "key-unknown", 0},
				{"a page of ours", forged(by("https://our.test/~minister", aliceReplies), forge{by: "mallory", keyID: "https://our.test/~minister"}), 401, "key-unknown", 0},
			},
		}},
	}
}

// unread shows that a document of another type is refused for its type: one
// that no reader could take is refused with the same words.
func unread(t *testing.T, w *world) {
	for name, types := range notActivityPub {
		path := "/broken/" + strings.ReplaceAll(name, " ", "-")
		w.evil.serve(path, ofType(types, `{"id":`))
		w.log.clear()
		got := w.send(w.letter(by("{evil}"+path, malloryReplies), forge{by: "mallory", keyID: "{evil}" + path + "#main-key"}).wire())
		assert.Equal(t, http.StatusUnauthorized, got.status)
		assert.Contains(t, w.log.events()[0].json, "is not of ActivityPub", name)
	}
}

// moved is a letter whose key's document lies where a redirect on the same server leads.
func moved(name string, types []string, about func(asked, there string) string) try {
	return try{name, func(w *world) letter {
		path := "/moved/" + strings.ReplaceAll(name, " ", "-")
		asked, there := w.evil.url+path, w.evil.url+path+"/there"
		w.evil.serve(path, http.RedirectHandler(there, http.StatusFound).ServeHTTP)
		w.evil.serve(path+"/there", ofType(types, me(about(asked, there))))
		return w.letter(by(asked, malloryReplies), forge{by: "mallory", keyID: asked + "#main-key"})
	}, 401, "key-unknown", 2}
}

// ourTypes asks for everything after somebody has written of other types.
func ourTypes(t *testing.T, w *world) {
	body := strings.Replace(malloryReplies, `"content"`, `"mediaType":"text/html","url":[{"type":"Link","href":"{mallory}/1","mediaType":"image/svg+xml"}],"content"`, 1)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(body, forge{by: "mallory"}).wire()).status)
	for _, page := range append([]string{"{post}/replies", "{gone}", "{draft}", "{news}/following", "{news}/featured", "{inbox}", "/ap/nothing"}, pages...) {
		got := w.send(get(page)(w).wire())
		assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), page)
		kind, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
		assert.Contains(t, []string{"application/activity+json", "application/jrd+json", "application/json", "text/plain"}, kind, page)
	}
}

// C1 to C8: whose a key is.
func advisoriesOfOwners() []advisory {
	return []advisory{
		{known: "GHSA-q9f8-5hc7-898f of Fedify", row: row{
			id: "C1", must: "a key's own word about its owner is only whom to ask: where the owner lists no such key, 401; where it is out of reach, 503, which takes nothing either; nothing of it is remembered as hers",
			tries: []try{
				owned("alice lists another", "{alice}", 401, "key-unknown", 2),
				owned("nobody is there", "{victim}/users/nobody", 401, "key-unknown", 2),
				owned("out of reach", "http://127.0.0.1:1/users/alice", 503, "key-unreachable", 1),
				{"by controller", controlled, 401, "key-unknown", 1},
				{"the owner lists the id, with another key", func(w *world) letter {
					w.victim.serve("/users/dave", document(w.fill(personWith("{victim}/users/dave", "{victim}/inbox", "{evil}/keys/dave", "{victim}/users/dave", pemOf(privateKey("bob").Public())))))
					w.evil.serve("/keys/dave", document(w.fill(malloryKey("{evil}/keys/dave", "{victim}/users/dave"))))
					return w.letter(by("{victim}/users/dave", aliceReplies), forge{by: "mallory", keyID: "{evil}/keys/dave"})
				}, 401, "key-unknown", 2},
			},
			test: aliceIsAlice,
		}},
		{known: "CVE-2025-54888 of Fedify", row: row{
			id: "C2", must: "signed by one, said to be of another: 403 where the signature is good, and by then nothing was written or queued (inbox.TestTheOrderIsFixed has the order)",
			tries: []try{
				{"a reply", forged(aliceReplies, forge{by: "mallory"}), 403, "actor-not-signer", 1},
				{"a Follow", forged(aliceFollows, forge{by: "mallory"}), 403, "actor-not-signer", 0},
				{"a Delete", forged(act("bob", "Delete", `"{bob}/notes/1"`), forge{by: "mallory"}), 403, "actor-not-signer", 0},
				{"by a neighbour", forged(act("bob", "Delete", `"{bob}/notes/1"`), forge{by: "alice"}), 403, "actor-not-signer", 0},
			},
		}},
		{known: "PR discourse-activity-pub#325 of the Discourse plugin", row: row{
			id: "C3", must: "the block list is for the host of the key, of its owner and of the actor: any hit refuses", scene: scene{config: blockedByName},
			tries: []try{
				{"the key's host", forged(aliceReplies, forge{by: "mallory", keyID: "https://blocked.test/key"}), 403, "host-blocked", 0},
				owned("the owner's host", "https://blocked.test/users/alice", 401, "key-unknown", 1),
				{"the actor's host", forged(by("https://blocked.test/users/x", aliceReplies), forge{by: "mallory"}), 403, "actor-not-signer", 1},
				{"the host of what is replied to", says(note(`"inReplyTo":"{post}"`, `"inReplyTo":"https://blocked.test/notes/1"`)), 403, "actor-blocked", 0},
			},
		}},
		{known: "fedify#963/#980", row: row{
			id: "C4", must: "a key document with another id than was asked for: 401, and neither id is known afterwards",
			tries: []try{
				shown("alone", "/k1", bareKey("{evil}/k2", "{mallory}", privateKey("mallory").Public()), forge{by: "mallory", keyID: "{evil}/k1"}, malloryReplies, 401, "key-unknown", 1),
				shown("with an actor around it", "/k3", personWith("{evil}/k3", "{evil}/inbox", "{evil}/k4", "{evil}/k3", malloryPEM), forge{by: "mallory", keyID: "{evil}/k3#main-key"}, by("{evil}/k3", malloryReplies), 401, "key-unknown", 1),
			},
			test: func(t *testing.T, w *world) {
				for _, key := range []string{"{evil}/k2", "{evil}/k4"} {
					dialled := w.dialled()
					assert.Equal(t, http.StatusUnauthorized, w.send(w.letter(malloryReplies, forge{by: "mallory", keyID: key}).wire()).status)
					assert.Equal(t, 1, w.dialled()-dialled, "%s is asked for, so it was not known", key)
				}
			},
		}},
		{known: "Akkoma 9728e2f8 follow-ups", row: row{
			id: "C5", must: "only publicKey of an actor is a key, at most ten of them as Mastodon reads, and an id that is listed twice is none: 401",
			tries: []try{
				shown("inside a note", "/n1", `{"id":"{evil}/n1","type":"Note","attachment":{"publicKey":`+malloryKey("{evil}/n1#k", "{mallory}")+`}}`, forge{by: "mallory", keyID: "{evil}/n1#k"}, malloryReplies, 401, "key-unknown", 1),
				shown("inside a Create", "/n2", `{"id":"{evil}/n2","type":"Create","actor":"{mallory}","object":{"publicKey":`+malloryKey("{evil}/n2#k", "{mallory}")+`}}`, forge{by: "mallory", keyID: "{evil}/n2#k"}, malloryReplies, 401, "key-unknown", 1),
				shown("in a list at the top", "/n3", `[`+malloryKey("{evil}/n3", "{mallory}")+`]`, forge{by: "mallory", keyID: "{evil}/n3"}, malloryReplies, 401, "key-unknown", 1),
				manyKeys("one id twice", 1, "#main-key", "#main-key"),
				manyKeys("eleven", 1, "#main-key", "#2", "#3", "#4", "#5", "#6", "#7", "#8", "#9", "#10", "#11"),
			},
			test: func(t *testing.T, w *world) {
				assert.Equal(t, http.StatusAccepted, w.send(manyKeys("two", 1, "#2", "#main-key").letter(w).wire()).status, "two keys are a rotation")
			},
		}},
		{known: "tootik 663b0b48", row: row{
			id: "C6", must: "a proof by a key of another server than the object's lends nothing: the sender's signature alone counts, so 403",
			tries: []try{
				{"alice's word with mallory's proof", forged(proven(aliceReplies, "{mallory}#main-key"), forge{by: "mallory"}), 403, "actor-not-signer", 1},
				{"alice's word with what is said to be her proof", forged(proven(aliceReplies, "{alice}#main-key"), forge{by: "mallory"}), 403, "actor-not-signer", 0},
				{"without a signature", changed(func(w *world, _ letter) letter {
					return w.letter(proven(aliceReplies, "{evil}/key"), forge{}).with("Signature:")
				}), 401, "signature-missing", 0},
			},
		}},
		{known: "PR activities.next#661/#668", row: row{
			id: "C7", must: "the same answers at every inbox, and nothing else takes a letter",
			tries: slices.Concat(keysAt("/ap/inbox"), keysAt("/ap/actors/news/inbox")),
			test: func(t *testing.T, w *world) {
				for _, page := range append([]string{"{post}/replies", "{news}/following", "{news}/featured", "/.well-known/host-meta"}, pages...) {
					letter := w.letter(aliceReplies, forge{to: strings.TrimPrefix(w.fill(page), w.base)})
					assert.Contains(t, []int{404, 405}, w.send(letter.wire()).status, page)
				}
			},
		}},
		{known: "issue TryGhost/ActivityPub#680 of Ghost", row: row{
			id: "C8", must: "our actor's id, the owner of its key and what WebFinger leads to are one, and the key's id is of their origin", test: agreement,
		}},
	}
}

func malloryKey(id, owner string) string { return bareKey(id, owner, privateKey("mallory").Public()) }

// controlled is a letter with a key that names alice as who controls it.
func controlled(w *world) letter {
	w.evil.serve("/keys/controlled", document(w.fill(strings.Replace(malloryKey("{evil}/keys/controlled", "{alice}"), `"owner"`, `"controller"`, 1))))
	return w.letter(aliceReplies, forge{by: "mallory", keyID: "{evil}/keys/controlled"})
}

// manyKeys is a letter of somebody at mallory's server who lists keys with these ends of their ids.
func manyKeys(name string, dials int, ends ...string) try {
	path := "/users/" + strings.ReplaceAll(name, " ", "-")
	id := "{evil}" + path
	var keys []string
	for _, end := range ends {
		keys = append(keys, malloryKey(id+end, id))
	}
	document := `{"id":"` + id + `","type":"Person","inbox":"` + id + `/inbox","publicKey":[` + strings.Join(keys, ",") + `]}`
	return shown(name, path, document, forge{by: "mallory", keyID: id + "#main-key"}, by(id, malloryReplies), 401, "key-unknown", dials)
}

// proven is an activity with a proof (FEP-8b32) that is said to be made with a key.
func proven(activity, method string) string {
	return strings.Replace(activity, "{", `{"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"`+method+
		`","proofPurpose":"assertionMethod","created":"2026-11-26T00:00:00Z","proofValue":"z3sXaxjKs4M3BRicwWA9peyNPJvJqxtGsDmpt1jjoHCjgeUf71TRFz56osPSfDErszyLp5Ks1EhYSgpDaNM977Rg2"},`, 1)
}

// keysAt is something of C1 to C6 at one inbox.
func keysAt(inbox string) []try {
	at := func(name, body string, f forge, status int, code string) try {
		f.to = inbox
		return try{name + " at " + inbox, forged(body, f), status, code, 2}
	}
	return []try{
		{"a key that names alice at " + inbox, func(w *world) letter {
			w.evil.serve("/keys/named", document(w.fill(malloryKey("{evil}/keys/named", "{alice}"))))
			return w.letter(aliceReplies, forge{by: "mallory", keyID: "{evil}/keys/named", to: inbox})
		}, 401, "key-unknown", 2},
		at("another signer", aliceReplies, forge{by: "mallory"}, 403, "actor-not-signer"),
		at("a key under alice's id", aliceReplies, forge{by: "mallory", keyID: "{alice}#main-key"}, 401, "signature-wrong"),
		at("a key that nobody has", aliceReplies, forge{by: "mallory", keyID: "{alice}#other"}, 401, "key-unknown"),
		at("a proof of another", proven(aliceReplies, "{alice}#main-key"), forge{by: "mallory"}, 403, "actor-not-signer"),
		at("somebody else's note", strings.Replace(malloryReplies, `"attributedTo":"{mallory}"`, `"attributedTo":"{alice}"`, 1), forge{by: "mallory"}, 403, "object-of-another"),
	}
}

func agreement(t *testing.T, w *world) {
	var actor struct {
		ID        string
		PublicKey struct{ ID, Owner string }
	}
	require.NoError(t, json.Unmarshal([]byte(w.send(get("{news}")(w).wire()).body), &actor))
	var descriptor struct {
		Links []struct{ Rel, Type, Href string }
	}
	answer := w.send(get("/.well-known/webfinger?resource=acct:news@" + w.host())(w).wire())
	require.NoError(t, json.Unmarshal([]byte(answer.body), &descriptor))
	assert.Equal(t, w.fill("{news}"), actor.ID)
	assert.Equal(t, actor.ID, actor.PublicKey.Owner)
	assert.True(t, strings.HasPrefix(actor.PublicKey.ID, w.base+"/"), actor.PublicKey.ID)
	found := 0
	for _, link := range descriptor.Links {
		if link.Rel == "self" {
			found++
			assert.Equal(t, actor.ID, link.Href)
		}
	}
	assert.Equal(t, 1, found)
}
