package as2_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

// reasonOf returns the reason of a refusal; empty for no error.
func reasonOf(t testing.TB, err error) as2.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var refusal *as2.Refusal
	require.ErrorAs(t, err, &refusal)
	require.NotEmpty(t, refusal.Reason.Means())
	return refusal.Reason
}

func TestScanRefusesWhatTwoReadersUnderstandDifferently(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       as2.Reason
	}{
		{"B057 a member twice", `{"actor":"https://good.example/","actor":"https://evil.example/"}`, "json-duplicate-member"},
		{"B058 in capitals, beside", `{"actor":"https://good.example/","ACTOR":"https://evil.example/"}`, "json-case-variant"},
		{"B058 in capitals, alone", `{"ACTOR":"https://evil.example/"}`, "json-case-variant"},
		{"B058 escaped", `{"actor":"https://good.example/","\u0061ctor":"https://evil.example/"}`, "json-duplicate-member"},
		{"B058 escaped, alone, is the member", `{"\u0061ctor":"https://good.example/"}`, ""},
		{"B058 escaped capital", `{"\u0041ctor":"https://evil.example/"}`, "json-case-variant"},
		{"B058 deep inside", `{"object":{"object":[{"attributedTo":"a","AttributedTo":"b"}]}}`, "json-case-variant"},
		{"B058 a member nobody knows, twice", `{"x":[{"y":1,"y":1}]}`, "json-duplicate-member"},
		{"B058 a member nobody knows, in two cases", `{"flavour":1,"Flavour":2}`, "json-case-variant"},
		{"the same name in two objects", `{"object":{"id":"a"},"target":{"id":"b"},"id":"c"}`, ""},
		{"the same name after the inner object", `{"id":"a","object":{"id":"b"},"id":"c"}`, "json-duplicate-member"},
		{"B058 the last letter, in two cases", `{"az":1,"aZ":2}`, "json-case-variant"},
		{"B058 the first letter, in two cases", `{"za":1,"zA":2}`, "json-case-variant"},
		{"B058 what stands before and behind the capitals is no letter", "{\"a@\":1,\"a`\":2,\"a[\":3,\"a{\":4}", ""},
		{"B059 the kelvin sign, alone", `{"publicKey":1}`, ""},
		{"B059 the kelvin sign", `{"public\u212Aey":1}`, "json-case-variant"},
		{"B059 the kelvin sign, raw", "{\"public\u212Aey\":1}", "json-case-variant"},
		{"B059 the long s", "{\"\u017Fummary\":\"x\"}", "json-case-variant"},
		{"B059 the long s beside, in a member nobody knows", "{\"flas\":1,\"fla\u017F\":2}", "json-case-variant"},
		{"B059 letters that fold, Greek", "{\"\u03c3\":1,\"\u03c2\":2}", "json-case-variant"},
		{"letters that do not fold", "{\"\u00e9\":1,\"\u00e8\":2}", ""},
		{"B060 not UTF-8", "{\"a\":\"\xc3\x28\"}", "json-utf8"},
		{"B060 not UTF-8 in a name", "{\"a\xff\":1}", "json-utf8"},
		{"B060 overlong", "{\"a\":\"\xc0\xaf\"}", "json-utf8"},
		{"B060 half of a surrogate pair, first", `{"a":"\ud83d"}`, "json-utf8"},
		{"B060 half of a surrogate pair, second", `{"a":"\udca9x"}`, "json-utf8"},
		{"B060 half of a surrogate pair, in a name", `{"a\ud83dx":1}`, "json-utf8"},
		{"B060 a whole surrogate pair", `{"a":"\ud83d\udca9"}`, ""},
		{"B060 NUL", "{\"a\":\"x\x00y\"}", "json-nul"},
		{"B060 NUL between tokens", "{\"a\":1,\x00\"b\":2}", "json-nul"},
		{"B060 NUL escaped", `{"a":"x\u0000y"}`, "json-nul"},
		{"B060 NUL in front", "\x00{}", "json-nul"},
		{"B060 NUL escaped, in front", `{"a":"\u0000y"}`, "json-nul"},
		{"B060 NUL escaped in a name", `{"a\u0000":"x"}`, "json-nul"},
		{"B060 a backslash before u0000 is none", `{"a":"x\\u0000y"}`, ""},
		{"B060 a byte order mark", "\ufeff{}", "json-bom"},
		{"B060 UTF-16", "\xff\xfe{\x00}\x00", "json-utf8"},
		{"B063 another object", `{"a":1}{}`, "json-trailing"},
		{"B063 one object a line", "{\"a\":1}\n{\"a\":2}\n", "json-trailing"},
		{"B063 a JSON sequence", "\x1e{\"a\":1}\n", "json-syntax"},
		{"B063 garbage", `{"a":1}x`, "json-trailing"},
		{"white space around", " \t\r\n{}\n ", ""},
		{"B064 an array", `[{"a":1}]`, "json-top-level"},
		{"B064 a string", `"a"`, "json-top-level"},
		{"B064 a number", `1`, "json-top-level"},
		{"B064 null", `null`, "json-top-level"},
		{"nothing", ``, "json-syntax"},
		{"white space only", "  \n", "json-syntax"},
		{"the start of an object", `{"a":`, "json-syntax"},
		{"a comma too many", `{"a":1,}`, "json-syntax"},
		{"single quotes", `{'a':1}`, "json-syntax"},
		{"a comment", `{"a":1/**/}`, "json-syntax"},
		{"a control character", "{\"a\":\"\x01\"}", "json-syntax"},
		{"a line end in a string", "{\"a\":\"x\ny\"}", "json-syntax"},
		{"an escape that is none", `{"a":"\x41"}`, "json-syntax"},
		{"B065 too large for a number", `{"a":1e999999}`, "json-number"},
		{"B065 too large for a number, with a capital", `{"a":1E999999}`, "json-number"},
		{"B065 as long as a number may be", `{"a":` + strings.Repeat("9", 64) + `}`, ""},
		{"B065 one digit longer", `{"a":` + strings.Repeat("9", 65) + `}`, "json-number"},
		{"B065 a long integer", `{"a":` + strings.Repeat("9", 10_000) + `}`, "json-number"},
		{"B065 minus zero", `{"a":-0}`, ""},
		{"B065 too small for a number", `{"a":1e-999}`, ""},
		{"B065 NaN", `{"a":NaN}`, "json-syntax"},
		{"B065 Infinity", `{"a":-Infinity}`, "json-syntax"},
		{"B065 hexadecimal", `{"a":0x10}`, "json-syntax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, reasonOf(t, as2.Scan([]byte(c.body), limits.Default())))
		})
	}
}

func TestScanRefusesContextsThatChangeWhatMembersMean(t *testing.T) {
	for _, c := range []struct {
		name, context string
		want          as2.Reason
	}{
		{"B066 the ActivityStreams document", `"https://www.w3.org/ns/activitystreams"`, ""},
		{"B066 a document that is never fetched", `"http://127.0.0.1:1/context"`, ""},
		{"B066 as many entries as are taken", `[` + strings.Repeat(`"https://a.example/",`, 255) + `"https://a.example/"]`, ""},
		{"B066 one more", `[` + strings.Repeat(`"https://a.example/",`, 256) + `"https://a.example/"]`, "jsonld-context-size"},
		{"B066 actor is something else", `{"actor":"https://evil.example/ns#x"}`, "jsonld-context"},
		{"B066 actor is another known term", `{"actor":"as:object"}`, "jsonld-context"},
		{"B066 actor is another known term, in full", `{"actor":"https://www.w3.org/ns/activitystreams#target"}`, "jsonld-context"},
		{"B066 actor is nothing", `{"actor":null}`, "jsonld-context"},
		{"B066 actor is a number", `{"actor":1}`, "jsonld-context"},
		{"B066 actor is a list", `{"actor":["as:actor"]}`, "jsonld-context"},
		{"B066 actor is itself", `{"actor":"as:actor"}`, ""},
		{"B066 actor is itself, at length", `{"actor":{"@id":"as:actor","@type":"@id"}}`, ""},
		{"B066 a definition that is something else", `{"object":{"@id":"https://evil.example/ns#x","@type":"@id"}}`, "jsonld-context"},
		{"B066 a definition without an id", `{"object":{"@type":"@id"}}`, "jsonld-context"},
		{"B066 a definition whose id is an object", `{"object":{"@id":{"@id":"as:object"}}}`, "jsonld-context"},
		{"B066 a definition that makes it JSON", `{"object":{"@id":"as:object","@type":"@json"}}`, "jsonld-context"},
		{"B066 a definition that gives it a language", `{"object":{"@id":"as:object","@language":"en"}}`, "jsonld-context"},
		{"B066 a definition whose type is a keyword", `{"object":{"@id":"as:object","@type":"@none"}}`, "jsonld-context"},
		{"B066 a definition whose type is nothing", `{"object":{"@id":"as:object","@type":null}}`, "jsonld-context"},
		{"B066 a definition whose type is a number", `{"object":{"@id":"as:object","@type":1}}`, "jsonld-context"},
		{"B066 a definition whose type is of the vocabulary", `{"object":{"@id":"as:object","@type":"@vocab"}}`, ""},
		{"B066 a definition whose language is a word of types", `{"object":{"@id":"as:object","@language":"@id"}}`, "jsonld-context"},
		{"B066 a definition with a member that means nothing", `{"ext":{"@id":"x:ext","object":[]}}`, ""},
		{"B066 a definition that is a list", `{"ext":["as:object"],"other":{"@id":["as:object"],"@container":["@list"]}}`, ""},
		{"B066 a definition with a context of its own", `{"object":{"@id":"as:object","@context":{}}}`, "jsonld-context"},
		{"B066 in a list", `["https://www.w3.org/ns/activitystreams",{"attributedTo":"x:y"}]`, "jsonld-context"},
		{"B066 in a context inside a definition", `{"ext":{"@id":"x:ext","@context":{"actor":"x:y"}}}`, "jsonld-context"},
		{"B066 in a context inside that", `{"ext":{"@id":"x:ext","@context":[{"e":{"@id":"x:e","@context":{"to":"x:y"}}}]}}`, "jsonld-context"},
		{"B066 an activity is another", `{"Follow":"as:Delete"}`, "jsonld-context"},
		{"B066 the prefix", `{"as":"https://evil.example/ns#"}`, "jsonld-context"},
		{"B066 the prefix as it is", `{"as":"https://www.w3.org/ns/activitystreams#"}`, ""},
		{"B066 the key", `{"publicKeyPem":"https://evil.example/ns#x"}`, "jsonld-context"},
		{"B066 the key as it is", `{"sec":"https://w3id.org/security#","publicKeyPem":"sec:publicKeyPem","owner":{"@id":"sec:owner","@type":"@id"}}`, ""},
		{"B066 escaped", `{"\u0061ctor":"x:y"}`, "jsonld-context"},
		{"terms as the ActivityStreams document defines them", `{"published":{"@id":"as:published","@type":"xsd:dateTime"},"contentMap":{"@id":"as:content","@container":"@language"},"orderedItems":{"@id":"as:items","@type":"@id","@container":"@list"},"inbox":{"@id":"ldp:inbox","@type":"@id"},"Follow":"as:Follow"}`, ""},
		{"id and type by their keywords", `{"id":"@id","type":"@type"}`, ""},
		{"id and type exchanged", `{"id":"@type","type":"@id"}`, "jsonld-context"},
		{"keywords that are other keywords", `{"@vocab":"@id"}`, "jsonld-context"},
		{"a document whose name is a keyword", `["@graph"]`, "jsonld-context"},
		{"an id that is a list with a keyword", `{"ext":{"@id":["@graph"]}}`, "jsonld-context"},
		{"what is a keyword's own", `{"@version":1.1,"@protected":true,"@propagate":false,"@base":null,"@import":"https://a.example/"}`, ""},
		{"a term without a name", `{"":"https://a.example/"}`, ""},
		{"another name for id", `{"name2":"@id"}`, "jsonld-context"},
		{"another name for graph", `{"hidden":"@graph"}`, "jsonld-context"},
		{"another name for graph, at length", `{"hidden":{"@id":"@graph"}}`, "jsonld-context"},
		{"a term turned round", `{"subjectOf":{"@reverse":"as:object"}}`, "jsonld-keyword"},
		{"a nested term", `{"ext":{"@id":"x:ext","@nest":"object"}}`, "jsonld-keyword"},
		{"extension terms", `{"toot":"http://joinmastodon.org/ns#","featured":{"@id":"toot:featured","@type":"@id"},"Hashtag":"as:Hashtag"}`, ""},
		{"terms that differ by case, as Fedify and Ghost send them", `{"QuoteAuthorization":"x:y","quoteAuthorization":{"@id":"x:z"}}`, ""},
		{"a term twice", `{"toot":"x:y","toot":"x:z"}`, "json-duplicate-member"},
		{"a language", `{"@language":"und","@vocab":"https://a.example/"}`, ""},
		{"a scoped context as Pixelfed sends it", `{"capabilities":{"announce":{"@type":"@id"},"like":{"@type":"@id"}}}`, ""},
		{"null", `null`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			outside := `{"@context":` + c.context + `,"id":"https://a.example/1"}`
			assert.Equal(t, c.want, reasonOf(t, as2.Scan([]byte(outside), limits.Default())), "at the top")
			inside := `{"object":[{"@context":` + c.context + `}]}`
			assert.Equal(t, c.want, reasonOf(t, as2.Scan([]byte(inside), limits.Default())), "inside")
		})
	}
}

func TestScanTakesNoKeywordForAMember(t *testing.T) {
	for body, want := range map[string]as2.Reason{
		`{"@graph":[{"id":"https://a.example/1"}]}`:                 "jsonld-keyword",
		`{"@included":[]}`:                                          "jsonld-keyword",
		`{"@reverse":{"object":"https://a.example/1"}}`:             "jsonld-keyword",
		`{"@nest":{"actor":"https://a.example/1"}}`:                 "jsonld-keyword",
		`{"@id":"https://a.example/1"}`:                             "jsonld-keyword",
		`{"@type":"Follow"}`:                                        "jsonld-keyword",
		`{"\u0040graph":[]}`:                                        "jsonld-keyword",
		`{"object":{"@id":"https://a.example/1"}}`:                  "jsonld-keyword",
		`{"to":[{"@id":"https://a.example/1"}]}`:                    "jsonld-keyword",
		`{"content":{"@value":"x","@language":"en"}}`:               "jsonld-keyword",
		`{"contentMap":{"@none":"x"}}`:                              "jsonld-keyword",
		`{"vcard:hasAddress":{"@type":"vcard:Home"}}`:               "", // Friendica
		`{"vcard:hasAddress":[{"@id":"https://a.example/"}]}`:       "",
		`{"vcard:hasAddress":{"object":{"@type":"vcard:Home"}}}`:    "",
		`{"vcard:hasAddress":{"@graph":[]}}`:                        "jsonld-keyword",
		`{"vcard:hasAddress":{"@included":[]}}`:                     "jsonld-keyword",
		`{"vcard:hasAddress":{"@reverse":{}}}`:                      "jsonld-keyword",
		`{"vcard:hasAddress":{"@nest":{}}}`:                         "jsonld-keyword",
		`{"contentMap":{"id":"Bahasa Indonesia","TO":"lea Tonga"}}`: "", // languages, not terms
		`{"contentMap":[{"id":"Bahasa Indonesia","TO":"lea"}]}`:     "",
		`{"contentMap":{"en":{"@type":"x"}}}`:                       "", // which nobody here reads
		`{"contentMap":{"en":"a","EN":"b"}}`:                        "json-case-variant",
	} {
		assert.Equal(t, want, reasonOf(t, as2.Scan([]byte(body), limits.Default())), body)
	}
}

// Each limit holds at its number and refuses one more.
func TestScanAtTheLimit(t *testing.T) {
	small := limits.Limits{JSONDepth: 4, JSONTokens: 100, JSONItems: 20, JSONString: 20, Recipients: 5}
	for _, c := range []struct {
		name string
		want as2.Reason
		body func(n int) string
		most int
	}{
		{"B061 depth of objects", "json-depth", func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }, 4},
		{"B061 depth of arrays", "json-depth", func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}" }, 4},
		{"tokens", "json-tokens", func(n int) string {
			return `{"a":[` + strings.Repeat("[0,0,0,0,0,0,0,0],", (n-6)/10) + strings.Repeat("0,", (n-6)%10) + `0]}`
		}, 100},
		{"B062 members", "json-items", func(n int) string {
			var b strings.Builder
			for i := range n {
				b.WriteString(`"` + string(rune('a'+i)) + `":0,`)
			}
			return "{" + strings.TrimSuffix(b.String(), ",") + "}"
		}, 20},
		{"B062 items", "json-items", func(n int) string { return `{"a":[` + strings.Repeat("0,", n-1) + `0]}` }, 20},
		{"length of a string", "json-string", func(n int) string { return `{"a":"` + strings.Repeat("x", n) + `"}` }, 20},
		{"length of a name", "json-string", func(n int) string { return `{"` + strings.Repeat("x", n) + `":0}` }, 20},
		{"B087 recipients of one member", "as2-recipients", func(n int) string { return `{"to":[` + strings.Repeat(`"x",`, n-1) + `"x"]}` }, 5},
		{"B087 recipients of several members", "as2-recipients", func(n int) string {
			return `{"to":"x","cc":["x",{"id":"x"}],"content":"x","audience":[[` + strings.Repeat(`"x",`, n-4) + `"x"]]}`
		}, 5},
		{"B087 recipients of an object inside", "as2-recipients", func(n int) string { return `{"to":"x","object":{"bto":[` + strings.Repeat(`"x",`, n-1) + `"x"]}}` }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.NoError(t, as2.Scan([]byte(c.body(c.most)), small), "at the limit")
			assert.Equal(t, c.want, reasonOf(t, as2.Scan([]byte(c.body(c.most+1)), small)), "one more")
		})
	}
}

// Names that are not ASCII are few, together.
func TestScanBoundsTheNamesThatTakeLongToFold(t *testing.T) {
	names := func(bytes int) []byte {
		return []byte(`{"é":0,"` + strings.Repeat("x", 20_000) + `":{"é` + strings.Repeat("x", bytes-2*len("é")) + `":0}}`)
	}
	assert.NoError(t, as2.Scan(names(8<<10), limits.Default()))
	assert.Equal(t, as2.Reason("json-names"), reasonOf(t, as2.Scan(names(8<<10+1), limits.Default())))
}

// A name that is there already is found among few and among many.
func TestScanFindsATwinAmongManyMembers(t *testing.T) {
	member := func(i int) string { return fmt.Sprintf(`"name%d":0,`, i) }
	for _, many := range []int{1, 127, 128, 129, 130, 300} {
		var before strings.Builder
		for i := range many {
			before.WriteString(member(i))
		}
		assert.NoError(t, as2.Scan([]byte(`{"object":{`+before.String()+`"last":0},"last":0}`), limits.Default()), many)
		for i := range many {
			twin := "{" + before.String() + strings.TrimSuffix(member(i), ",") + "}"
			require.Equal(t, as2.Reason("json-duplicate-member"), reasonOf(t, as2.Scan([]byte(twin), limits.Default())), "%d of %d", i, many)
			twin = "{" + before.String() + strings.TrimSuffix(strings.ToUpper(member(i)), ",") + "}"
			require.Equal(t, as2.Reason("json-case-variant"), reasonOf(t, as2.Scan([]byte(twin), limits.Default())), "%d of %d", i, many)
		}
	}
}

func TestScanStopsHostileBodiesEarly(t *testing.T) {
	for name, c := range hostile() {
		t.Run(name, func(t *testing.T) {
			assert.LessOrEqual(t, len(c.body), int(limits.Default().InboxBody))
			assert.Equal(t, c.reason, reasonOf(t, as2.Scan(c.body, limits.Default())))
		})
	}
	t.Run("B061 depth 10,001", func(t *testing.T) {
		deep := `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`
		assert.Equal(t, as2.Reason("json-depth"), reasonOf(t, as2.Scan([]byte(deep), limits.Default())))
	})
}

func TestARefusalSaysWhereButNotWhat(t *testing.T) {
	for _, body := range []string{
		`{"sesame":1,"sesame":2}`, `{"sesame":sesame}`, `{"object":"sesame","OBJECT":"sesame"}`, `{"sesame":"\ud800sesame"}`,
		`{"@context":{"actor":"sesame"}}`, `{"id":"sesame","type":"Follow"}`, `{"id":["sesame"]}`, `{"id":"https://a.example/","actor":"sesame:x"}`,
		`{"id":"https://a.example/","type":{"sesame":"sesame"}}`,
	} {
		_, err := as2.ReadActivity([]byte(body), limits.Default())
		require.Error(t, err, body)
		assert.NotContains(t, err.Error(), "sesame")
	}
	_, err := as2.ReadActivity([]byte(`{"id":"https://a.example/1","type":"Like","actor":{"id":7},"object":"https://b.example/2"}`), limits.Default())
	assert.EqualError(t, err, "as2: as2-kind: a member is not of the kind it must be (actor)")
	err = as2.Scan([]byte(`{"a":1,"b":{"c":2,"c":3}}`), limits.Default())
	assert.EqualError(t, err, "as2: json-duplicate-member: a member is there twice near byte 21")
}

// strings collects every name and string of a JSON value, in no order.
func stringsIn(v any, found map[string]int) {
	switch v := v.(type) {
	case string:
		found[v]++
	case []any:
		for _, item := range v {
			stringsIn(item, found)
		}
	case map[string]any:
		for name, member := range v {
			found[name]++
			stringsIn(member, found)
		}
	}
}

// agrees checks that encoding/json takes what Scan takes, with the members that we read.
func agrees(t testing.TB, body []byte) {
	t.Helper()
	if as2.Scan(body, limits.Default()) != nil {
		return
	}
	var v map[string]any
	require.NoError(t, json.Unmarshal(body, &v), "encoding/json refuses what Scan takes")
	a, err := as2.ReadActivity(body, limits.Default())
	if err != nil {
		return
	}
	assert.Equal(t, v["id"], a.ID)
	assert.Equal(t, v["type"], a.Type)
	all := map[string]int{}
	stringsIn(v, all)
	assert.Contains(t, all, a.Actor)
	for _, to := range append(a.To, a.Cc...) {
		if to != as2.Public {
			assert.Contains(t, all, to)
		}
	}
	var loose struct{ ID, Type string } // matches members in any case
	require.NoError(t, json.Unmarshal(body, &loose))
	assert.Equal(t, a.ID, loose.ID)
	assert.Equal(t, a.Type, loose.Type)
}
