package panui_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// member puts members in front of those of alice's reply.
func member(members string) writes {
	return says(strings.Replace(aliceReplies, "{", "{"+members+",", 1))
}

// inContext gives alice's reply another @context.
func inContext(value string) writes {
	return says(strings.Replace(aliceReplies, `"https://www.w3.org/ns/activitystreams"`, value, 1))
}

// instead is alice's reply with something in it replaced.
func instead(old, new string) writes { return says(strings.Replace(aliceReplies, old, new, 1)) }

// B057 to B070: what a strict reader refuses.
func jsonCorpus() []row {
	refused := func(name string, letter writes) try { return try{name, letter, 400, "json-refused", 0} }
	ignored := func(name, body string) try { return try{name, says(body), 202, "ignored", 0} }
	odd := func(members string) string { return strings.Replace(aliceIgnored, "{", "{"+members+",", 1) }
	return []row{
		{id: "B057", must: "a member twice: 400", tries: []try{
			refused("two actors", member(`"actor":"{mallory}"`)),
			refused("the same actor", member(`"actor":"{alice}"`)),
			refused("inside the object", instead(`"type":"Note"`, `"type":"Note","attributedTo":"{mallory}"`)),
		}},
		{id: "B058", must: "a member in two spellings: 400", tries: []try{
			refused("capitals", member(`"ACTOR":"{mallory}"`)),
			refused("capitals alone", instead(`"actor"`, `"Actor"`)),
			refused("escaped", member(`"\u0061ctor":"{mallory}"`)),
		}},
		{id: "B059", must: "letters that fold to ASCII in a name: 400", tries: []try{
			refused("the Kelvin sign", member(`"public\u212aey":1`)),
			refused("the long s", member(`"\u017fummary":"x"`)),
			refused("the long s, raw", member(`"ſummary":"x"`)),
		}},
		{id: "B060", must: "what is not clean UTF-8: 400", tries: []try{
			refused("not UTF-8", member("\"name\":\"\xff\"")),
			refused("a lone surrogate", member(`"name":"\ud800"`)),
			refused("NUL", member("\"name\":\"\x00\"")),
			refused("NUL, escaped", member(`"name":"\u0000"`)),
			refused("a byte order mark", says("\xef\xbb\xbf"+aliceReplies)),
		}},
		{id: "B061", must: "too deep: 400", tries: []try{
			refused("33 levels", member(`"x":`+strings.Repeat("[", 33)+strings.Repeat("]", 33))),
			refused("10,001 levels", member(`"x":`+strings.Repeat("[", 10_001)+strings.Repeat("]", 10_001))),
			refused("10,001 objects", member(`"x":`+strings.Repeat(`{"a":`, 10_001)+"1"+strings.Repeat("}", 10_001))),
		}},
		{id: "B062", must: "too many pieces: 400; a whole megabyte of them is over the limit of a body: 413", tries: []try{
			{"1 MiB of objects", member(`"x":[` + strings.Repeat("{},", 349_525) + `{}]`), 413, "body-too-long", 0},
			refused("as many as a body holds", member(`"x":[`+strings.Repeat("{},", 80_000)+`{}]`)),
			{"300,000 names", member(manyMembers(300_000)), 413, "body-too-long", 0},
			refused("as many names as a body holds", member(manyMembers(25_000))),
		}},
		{id: "B063", must: "something behind the object: 400", tries: []try{
			refused("another", says(aliceReplies+`{}`)),
			refused("lines of JSON", says(aliceReplies+"\n"+aliceIgnored)),
			refused("a JSON sequence", says("\x1e"+aliceReplies)),
		}},
		{id: "B064", must: "no object at the top: 400", tries: []try{
			refused("an array", says("["+aliceReplies+"]")),
			refused("a string", says(`"{alice}"`)),
			refused("a number", says("1")),
			refused("null", says("null")),
		}},
		{id: "B065", must: "a number that no float holds, or longer than any needs to be: 400; a number that is only odd, in a member that nobody reads: ignored with the activity", tries: []try{
			refused("1e999999", member(`"x":1e999999`)),
			refused("10,000 digits", member(`"x":`+strings.Repeat("1", 10_000))),
			refused("NaN", member(`"x":NaN`)),
			ignored("-0", odd(`"x":-0`)),
			ignored("next to nothing", odd(`"x":5e-324`)),
		}},
		{id: "B066", must: "a context is never fetched; 10,000 of them, or one that gives a known term another meaning: 400", tries: []try{
			ignored("a context at mallory's", strings.Replace(aliceIgnored, `"https://www.w3.org/ns/activitystreams"`, `"{evil}/context"`, 1)),
			ignored("and on a name", strings.Replace(aliceIgnored, `"https://www.w3.org/ns/activitystreams"`, `["https://evil.test/context",{"x":"https://evil.test/x"}]`, 1)),
			refused("10,000 contexts", inContext(`["https://www.w3.org/ns/activitystreams"`+strings.Repeat(`,"evil:c"`, 10_000)+`]`)),
			refused("another actor", inContext(`["https://www.w3.org/ns/activitystreams",{"actor":"https://evil.test/ns#x"}]`)),
			refused("another Follow", inContext(`{"Follow":"as:Delete"}`)),
		}},
		{id: "B067", must: "JSON-LD that says things elsewhere: 400", tries: []try{
			refused("@graph", member(`"@graph":[]`)),
			refused("@included", member(`"@included":[]`)),
			refused("@reverse", member(`"@reverse":{}`)),
			refused("@nest", member(`"@nest":{}`)),
			refused("@id instead of id", instead(`"id":"{alice}/says/1"`, `"@id":"{alice}/says/1"`)),
			refused("@type instead of type", instead(`"type":"Create"`, `"@type":"Create"`)),
		}},
		{id: "B068", must: "several types, or none that is text: 400", tries: []try{
			refused("two", instead(`"Create"`, `["Create","Delete"]`)),
			refused("one in a list", instead(`"Create"`, `["Create"]`)),
			refused("an object", instead(`"Create"`, `{}`)),
			refused("two of the object", instead(`"Note"`, `["Note","Follow"]`)),
		}},
		{id: "B069", must: "every text as every other kind of value: read, ignored or refused, and never a panic; in id, type and actor: 400", test: wrongKinds,
			but: spared{
				storeSame: "some are good replies; what is refused changes nothing (checked)",
				queueSame: "as I1", oneEvent: "each of hundreds has its own",
			}},
		{id: "B070", must: "somebody else's linked-data signature: ignored, so 403 for who signed the request", tries: []try{
			{"alice's, sent by mallory", forged(strings.Replace(aliceReplies, "{", `{"signature":{"type":"RsaSignature2017","creator":"{alice}#main-key","created":"2026-11-26T00:00:00Z","signatureValue":"AAAA"},`, 1), forge{by: "mallory"}), 403, "actor-not-signer", 1},
		}},
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%s":0,`, strconv.FormatInt(int64(i), 36))
	}
	return strings.TrimSuffix(b.String(), ",")
}

// wrongKinds tries every text of four activities as every other kind of value.
func wrongKinds(t *testing.T, w *world) {
	for _, activity := range []string{
		aliceReplies, aliceFollows,
		`{"id":"{alice}/undo/1","type":"Undo","actor":"{alice}","object":{"id":"{alice}/follows/9","type":"Follow","actor":"{alice}","object":"{post}"}}`,
		`{"id":"{alice}/flag/1","type":"Flag","actor":"{alice}","content":"x","object":"{draft}","target":"{draft}"}`,
	} {
		var whole map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.fill(activity)), &whole))
		for _, place := range texts(whole, nil) {
			for _, value := range []any{map[string]any{}, map[string]any{"id": 1}, []any{}, []any{[]any{}}, 7, true, nil, strings.Repeat("x", 3_000)} {
				body, err := json.Marshal(put(whole, place, value))
				require.NoError(t, err)
				kept := w.tables()
				w.log.clear()
				status := w.send(w.letter(string(body), forge{}).wire()).status
				assert.Contains(t, []int{202, 400, 401, 403, 404}, status, "%.300s", body)
				require.Len(t, w.log.events(), 1)
				if status != http.StatusAccepted {
					assert.Equal(t, kept, w.tables())
				}
				if _, isText := value.(string); !isText && len(place) == 1 && strings.Contains("id type actor", place[0]) {
					assert.Equal(t, http.StatusBadRequest, status, "%.300s", body)
				}
			}
		}
	}
	assert.Len(t, w.followers(), 2, "nobody left or came")
}

// texts lists where in an object there is a text.
func texts(v any, at []string) (found [][]string) {
	object, _ := v.(map[string]any)
	for name, value := range object {
		here := append(append([]string{}, at...), name)
		if _, isText := value.(string); isText {
			found = append(found, here)
		}
		found = append(found, texts(value, here)...)
	}
	return found
}

// put copies an object with another value in one place.
func put(object map[string]any, place []string, value any) map[string]any {
	copied := maps.Clone(object)
	if len(place) > 1 {
		value = put(object[place[0]].(map[string]any), place[1:], value)
	}
	copied[place[0]] = value
	return copied
}
