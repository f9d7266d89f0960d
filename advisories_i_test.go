package panui_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sealed is a body with a linked-data signature of somebody in it, as Mastodon
// writes one.
func sealed(by, body string) writes {
	return func(w *world) letter {
		sum := sha256.Sum256([]byte(w.fill(body)))
		value, err := rsa.SignPKCS1v15(rand.Reader, privateKey(by), crypto.SHA256, sum[:])
		require.NoError(w, err)
		signature := `"signature":{"type":"RsaSignature2017","creator":"{` + by + `}#main-key","created":"2026-11-26T00:00:00Z","signatureValue":"` + base64.StdEncoding.EncodeToString(value) + `"}`
		return w.letter(strings.Replace(body, "{", "{"+signature+",", 1), forge{by: by})
	}
}

// then does something to a letter that was written.
func then(write writes, change func(*world, letter) letter) writes {
	return func(w *world) letter { return change(w, write(w)) }
}

// I: JSON that two readers understand differently.
func advisoriesI() []advisory {
	refused := func(name string, letter writes) try { return try{name, letter, 400, "json-refused", 0} }
	const foreign = `{"id":"{mallory}/graph","type":"Create","actor":"{mallory}","object":{"id":"{mallory}/notes/2","type":"Note","attributedTo":"{mallory}","inReplyTo":"{post}","content":"x"}}`
	return []advisory{
		{known: "CVE-2022-24307 of Mastodon", row: row{id: "I1",
			must: "a linked-data signature is a member that nobody reads: with it alone 401, and in the letter of somebody else 403",
			tries: []try{
				{"alone", then(sealed("alice", aliceReplies), func(_ *world, l letter) letter { return l.with("Signature:") }), 401, "signature-missing", 0},
				{"in the letter of mallory", then(sealed("alice", aliceReplies), func(w *world, l letter) letter {
					return w.letter(l.body, forge{by: "mallory"})
				}), 403, "actor-not-signer", 1},
				{"of her own, on something that nobody here is concerned by", sealed("alice", aliceIgnored), 202, "ignored", 0},
			}}},
		{known: "CVE-2024-32983 of Misskey", row: row{id: "I2",
			must: "a linked-data signature does not help a bad signature of the request: 401",
			tries: []try{
				{"another's key", then(sealed("alice", aliceReplies), func(w *world, l letter) letter {
					return w.letter(l.body, forge{by: "mallory", keyID: "{alice}#main-key"})
				}), 401, "signature-wrong", 1},
				{"another body", then(sealed("alice", aliceReplies), func(_ *world, l letter) letter {
					l.body = strings.Replace(l.body, "Kia", "Kiq", 1)
					return l
				}), 401, "digest-wrong", 0},
			}}},
		{known: "CVE-2026-46349 of Mastodon", row: row{id: "I3",
			must: "JSON-LD that says things elsewhere than where they are read, or names a keyword anew: 400",
			tries: []try{
				refused("@graph", sealed("alice", strings.Replace(aliceReplies, "{", `{"@graph":[`+foreign+`],`, 1))),
				refused("@included", sealed("alice", strings.Replace(aliceReplies, "{", `{"@included":[`+foreign+`],`, 1))),
				refused("@reverse", member(`"@reverse":{"object":`+foreign+`}`)),
				refused("@nest", member(`"@nest":{"actor":"{mallory}"}`)),
				refused("@set", instead(`"actor":"{alice}"`, `"actor":{"@set":["{alice}"]}`)),
				refused("another name of @type", inContext(`["https://www.w3.org/ns/activitystreams",{"kind":"@type"}]`)),
				refused("another name of @graph", inContext(`["https://www.w3.org/ns/activitystreams",{"parts":{"@id":"@graph"}}]`)),
			}}},
		{known: "CVE-2026-48028 of Mastodon", row: row{id: "I4",
			must: "no entry can be taken out of what was signed: the signature of the request is over every byte",
			tries: []try{
				{"an entry less", taken(`"to":["{public}"],`, false), 401, "digest-wrong", 0},
				{"and a digest that is right", taken(`"to":["{public}"],`, true), 401, "signature-wrong", 1},
				{"a whole object less", taken(`"inReplyTo":"{post}",`, false), 401, "digest-wrong", 0},
				{"a @graph more", changed(func(_ *world, l letter) letter {
					l.body = strings.Replace(l.body, "{", `{"@graph":[],`, 1)
					return l.chunk()
				}), 400, "json-refused", 0},
			}}},
		{known: "CVE-2026-42462 of Fedify", row: row{id: "I5",
			must: "a named graph is refused wherever it stands, also in the object, in a list and with a context that hides its name",
			tries: []try{
				refused("of the activity", sealed("alice", strings.Replace(aliceReplies, "{", `{"@id":"{alice}/says/1","@graph":`+foreign+`,`, 1))),
				refused("of the object", instead(`"object":{`, `"object":{"@graph":[`+foreign+`],`)),
				refused("in a list of objects", instead(`"object":{`, `"object":[{"@graph":[]},{`)),
				refused("under a name of its own", says(strings.Replace(strings.Replace(aliceReplies, `"https://www.w3.org/ns/activitystreams"`, `{"graph":"@graph"}`, 1), `"object"`, `"graph":[`+foreign+`],"object"`, 1))),
			}}},
		{known: "CVE-2026-46713 of Misskey", row: row{id: "I6",
			must: "what is put beside the activity in the document is refused with it",
			tries: []try{
				refused("@included in the object", instead(`"object":{`, `"object":{"@included":[`+foreign+`],`)),
				refused("@graph in its tags", instead(`"object":{`, `"object":{"tag":[{"@graph":[]}],`)),
				refused("@graph beside a signature", member(`"signature":{"type":"RsaSignature2017","creator":"{alice}#main-key","signatureValue":"AAAA"},"@graph":[`+foreign+`]`)),
				refused("no activity but in the graph", says(`{"@context":"https://www.w3.org/ns/activitystreams","@graph":[`+strings.Replace(foreign, "mallory", "alice", -1)+`]}`)),
			}}},
		{known: "CVE-2026-50128 of Mastodon", row: row{id: "I7", test: otherShapes,
			must: "a text is a text: as a value object of JSON-LD it is refused, as an object or a list it is refused or read as none, and a context that gives a text the type of an id is refused",
			but:  spared{storeSame: "some are replies without a text; what is refused changes nothing (checked)", oneEvent: "each of many has its own"},
			tries: []try{
				refused("content is an id", inContext(`["https://www.w3.org/ns/activitystreams",{"content":{"@id":"https://evil.test/ns#x","@type":"@id"}}]`)),
				refused("summary is nothing", inContext(`["https://www.w3.org/ns/activitystreams",{"summary":null}]`)),
			}}},
		{known: "libreserver blog (Epicyon) of Epicyon", row: row{id: "I8",
			must: "a context is a text that nobody follows, in a letter and in the document of an actor",
			tries: []try{
				{"in a letter", says(strings.Replace(aliceIgnored, `"https://www.w3.org/ns/activitystreams"`, `["{evil}/ctx","https://w3id.org/security/v1",{"x":"{evil}/x#"}]`, 1)), 202, "ignored", 0},
				{"on this machine", says(strings.Replace(aliceIgnored, `"https://www.w3.org/ns/activitystreams"`, `["http://127.0.0.1:1/ctx"]`, 1)), 202, "ignored", 0},
				{"in an object", says(act("alice", "Like", `{"@context":"{evil}/ctx","id":"{draft}"}`)), 202, "ignored", 0},
			},
			but: spared{storeSame: "the reply of an author with such a document is kept", oneEvent: "told apart"},
			test: func(t *testing.T, w *world) {
				attempt := fetched("its context is at victim's", func(id string) http.HandlerFunc {
					return document(strings.Replace(me(id), `"https://www.w3.org/ns/activitystreams"`, w.fill(`["{victim}/ctx","{evil}/ctx"]`), 1))
				}, 202, "held")
				asked := len(w.victim.requests())
				row{must: "no context is fetched", but: keptReply}.endure(t, w, attempt)
				assert.Len(t, w.victim.requests(), asked)
				for _, r := range w.evil.requests() {
					assert.NotEqual(t, "/ctx", r.URL.Path)
				}
			}}},
		{known: "Go encoding/json (measured) of Go", row: row{id: "I9",
			must: "what the standard reader takes in silence is refused: doubles after folding, bytes that are not UTF-8, NUL, a byte order mark, bytes behind, more than 32 levels",
			tries: []try{
				refused("a member twice", member(`"actor":"{mallory}"`)),
				refused("in capitals", member(`"ACTOR":"{mallory}"`)),
				refused("in capitals, behind", instead(`"to":["{public}"],"object"`, `"to":["{public}"],"Actor":"{mallory}","object"`)),
				refused("in mixed case, alone", instead(`"type":"Create"`, `"tYPE":"Create"`)),
				refused("escaped", member(`"\u0061ctor":"{mallory}"`)),
				refused("escaped in capitals", member(`"\u0041ctor":"{mallory}"`)),
				refused("the Kelvin sign", member(`"public\u212Aey":{}`)),
				refused("the long s", member(`"\u017fummary":"x"`)),
				refused("inside an object that is read", instead(`"attributedTo":"{alice}"`, `"attributedTo":"{alice}","AttributedTo":"{mallory}"`)),
				refused("inside one that is not", member(`"x":{"y":1,"Y":2}`)),
				refused("not UTF-8", member("\"x\":\"\xc3\x28\"")),
				refused("not UTF-8 in a name", member("\"x\xff\":1")),
				refused("half a pair", member(`"x":"\ud83d"`)),
				refused("NUL", member(`"x":"a\u0000b"`)),
				refused("a byte order mark", says("\xef\xbb\xbf"+aliceReplies)),
				refused("bytes behind", says(aliceReplies+` {"actor":"{mallory}"}`)),
				refused("33 levels", member(`"x":`+strings.Repeat(`{"x":`, 32)+`1`+strings.Repeat(`}`, 32))),
			}}},
	}
}

// taken is a letter of alice with something taken out of its body on the way,
// and with the digest of what is left where that is mended.
func taken(piece string, mended bool) writes {
	return changed(func(w *world, l letter) letter {
		less := strings.Replace(l.body, w.fill(piece), "", 1)
		require.NotEqual(w, less, l.body)
		if l.body = less; mended {
			l = l.with("Digest: " + sha256Digest(less))
		}
		return l.chunk()
	})
}

// otherShapes tries every text of a reply in other shapes.
func otherShapes(t *testing.T, w *world) {
	var whole map[string]any
	require.NoError(t, json.Unmarshal([]byte(w.fill(aliceReplies)), &whole))
	for _, place := range texts(whole, nil) {
		if place[0] == "@context" {
			continue
		}
		for name, value := range map[string]any{
			"a value object": map[string]any{"@value": "x"}, "a typed one": map[string]any{"@value": "x", "@type": "@id"},
			"an object": map[string]any{"id": "https://evil.test/x"}, "a list": []any{"https://evil.test/x"}, "a list of lists": []any{[]any{"x"}},
		} {
			body, err := json.Marshal(put(whole, place, value))
			require.NoError(t, err)
			kept := w.tables()
			status := w.send(w.letter(string(body), forge{}).wire()).status
			last := place[len(place)-1]
			switch {
			case strings.HasSuffix(name, "value object") || name == "a typed one", last == "id", last == "type":
				assert.Equal(t, http.StatusBadRequest, status, "%s as %s", place, name)
			case status == http.StatusAccepted:
				assert.Contains(t, []string{"content", "inReplyTo"}, last, "%s as %s", place, name)
			}
			if status != http.StatusAccepted {
				assert.Equal(t, kept, w.tables(), "%s as %s", place, name)
			}
		}
	}
	for _, reply := range w.heard() {
		assert.NotContains(t, reply.Text, "evil.test", "a text that was none")
	}
}
