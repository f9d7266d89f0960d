package panui_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// R1 to T5: boosts and quotes, forwarding, changing keys.
func advisoriesOfSpread() []advisory {
	ignored := func(name, body string, dials int) try { return try{name, says(body), 202, "ignored", dials} }
	blocked := func(name, body string) try { return try{name, says(body), 403, "actor-blocked", 0} }
	forged403 := func(name, body string) try {
		return try{name, forged(body, forge{by: "mallory"}), 403, "actor-not-signer", 1}
	}
	return []advisory{
		{known: "CVE-2026-23961 of Mastodon", row: row{
			id: "R1", must: "what is blocked does not come back through a boost, a reply or an Update by others: 403, nothing is fetched", scene: scene{config: blockedByName}, tries: []try{
				blocked("a boost", act("alice", "Announce", `"https://blocked.test/notes/1"`)),
				blocked("a boost with the object", act("alice", "Announce", `{"id":"https://blocked.test/notes/1","type":"Note","content":"x"}`)),
				{"an Update by the blocked", forged(by("https://blocked.test/users/x", aliceReplies), forge{by: "mallory", keyID: "https://blocked.test/users/x#main-key"}), 403, "host-blocked", 0},
			},
		}},
		{known: "CVE-2025-62605 of Mastodon", absent: []absent{quotes}, row: row{id: "R2", must: "leave to quote is never given, so none can be had by a trick"}},
		{known: "CVE-2026-47777 of Mastodon", absent: []absent{collections}, row: row{id: "R3", must: "collections of others are not read, so one that lists us grants nothing"}},
		{known: "Embedded object in Announce", row: row{
			id: "R4", must: "of what is boosted only the id counts, and only where it is ours", tries: []try{
				ignored("another's, embedded", act("alice", "Announce", `{"id":"{bob}/notes/1","type":"Note","attributedTo":"{bob}","content":"forged"}`), 0),
				ignored("another's, under a name of ours", act("alice", "Announce", `{"id":"{alice}/notes/1","type":"Note","attributedTo":"{news}","content":"forged"}`), 0),
			},
			test: func(t *testing.T, w *world) {
				boost := act("alice", "Announce", `{"id":"{post}","type":"Note","attributedTo":"{news}","content":"forged"}`)
				require.Equal(t, http.StatusAccepted, w.send(w.letter(boost, forge{}).wire()).status)
				assert.NotContains(t, w.tables(), "forged")
			},
		}},
		{known: "Like/Announce counts", row: row{
			id: "R5", must: "a thousand likes by one are one", test: manyLikes,
			but: spared{storeSame: "the one like is stored (checked)"},
		}},
		{known: "GHSA-39gj-rchc-q5m3 of Fedify", row: row{
			id: "S1", must: "what somebody else sends on is dropped whole: 403, neither its bytes nor its origin's are used", tries: []try{
				forged403("genuine", aliceReplies), forged403("altered", strings.Replace(aliceReplies, "Kia ora", "Haere rā", 1)),
			},
			test: func(t *testing.T, _ *world) { objectFetching.check(t) },
		}},
		{known: "tootik 8a511f54", row: row{
			id: "S2", must: "a forwarded activity is dropped and not fetched: 403", tries: []try{
				forged403("a reply", aliceReplies), forged403("a deletion", act("bob", "Delete", `"{bob}/notes/1"`)),
			},
		}},
		{known: "We never forward", row: row{
			id: "S3", must: "a reply that names many people causes no delivery", test: func(t *testing.T, w *world) {
				queued := w.queue()
				many := strings.Replace(malloryReplies, `"to":[`, `"cc":[`+strings.Repeat(`"{bob}",`, 100)+`"{news}/followers"],"to":[`, 1)
				require.Equal(t, http.StatusAccepted, w.send(w.letter(many, forge{by: "mallory"}).wire()).status)
				assert.Equal(t, queued, w.queue())
				forwarding.check(t)
			},
		}},
		{known: "GHSA-37jf-59fg-9hpr of PeerTube", row: row{
			id: "T1", must: "an id is its actor's for good: a document that changes it, or a key that somebody else offers for it, is not believed", tries: []try{
				shown("a key from elsewhere", "/t1", personWith("{alice}", "{evil}/inbox", "{alice}#main-key", "{alice}", malloryPEM), forge{by: "mallory", keyID: "{evil}/t1"}, aliceReplies, 401, "key-unknown", 1),
			},
			test: aliceIsAlice,
		}},
		{known: "gotosocial#3198", row: row{
			id: "T2", must: "the key in an Update is not believed; the document is asked for anew", test: keyInUpdate,
			but: spared{storeSame: "the good letter at the end is taken (checked)"},
		}},
		{known: "GHSA-q9f8-5hc7-898f (cache part) of Fedify", row: row{
			id: "T3", must: "keys of others are kept in memory only, so a new version begins with none: a second site on the same store asks for them anew", test: func(t *testing.T, w *world) {
				assert.NotContains(t, w.tables(), "BEGIN PUBLIC KEY")
				dialled := w.dialled()
				fresh := newWorld(t, w.backend, scene{})
				assert.Equal(t, 2, fresh.dialled(), "bob's and alice's")
				assert.Equal(t, dialled, w.dialled())
			},
		}},
		{known: "Akkoma min-interval", row: row{
			id: "T4", must: "bad signatures cause one fetch of a key, and a good letter still passes", test: badSignatures,
			but: spared{oneEvent: "each of the thousand has its own, and the good one"},
		}},
		{known: "Our own rotation", row: row{
			id: "T5", must: "a served key is one that the site signs with or holds: what our actor lists verifies what it sends (the steps are in actor.TestWhichKeySigns)", test: agreement,
		}},
	}
}
