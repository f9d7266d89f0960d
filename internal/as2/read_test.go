package as2_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

const follow = `{"id":"https://a.example/f/1","type":"Follow","actor":"https://a.example/u","object":"https://our.test/ap/actor/1"}`

// with returns a document with a member set to a JSON value, or taken out where that is empty.
func with(t testing.TB, document, member, value string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(document), &members))
	if delete(members, member); value != "" {
		members[member] = json.RawMessage(value)
	}
	b, err := json.Marshal(members)
	require.NoError(t, err)
	return b
}

func TestAnActivityIsReadInEveryDialect(t *testing.T) {
	for _, c := range []struct {
		name, member, value string
		want                func(*as2.Activity)
	}{
		{"B073 actor as a whole", "actor", `{"id":"https://a.example/u","type":"Person","publicKey":{"id":"https://evil.example/k"}}`, nil},
		{"actor in a list of one", "actor", `["https://a.example/u"]`, nil},
		{"object in a list of one", "object", `["https://our.test/ap/actor/1"]`, nil},
		{"object beside null", "object", `[null,"https://our.test/ap/actor/1"]`, nil},
		{"to as a string", "to", `"https://our.test/ap/actor/1"`, func(a *as2.Activity) { a.To = []string{"https://our.test/ap/actor/1"} }},
		{"to as a list", "to", `["https://our.test/ap/actor/1","as:Public"]`, func(a *as2.Activity) { a.To = []string{"https://our.test/ap/actor/1", as2.Public} }},
		{"to nobody", "to", `[]`, nil},
		{"to null", "to", `null`, nil},
		{"cc with null", "cc", `["Public",null]`, func(a *as2.Activity) { a.Cc = []string{as2.Public} }},
		{"cc as wholes", "cc", `[{"id":"https://a.example/u"}]`, func(a *as2.Activity) { a.Cc = []string{"https://a.example/u"} }},
		{"a target", "target", `{"type":"OrderedCollection","id":"https://a.example/featured"}`, func(a *as2.Activity) { a.Target = "https://a.example/featured" }},
		{"a type nobody knows", "type", `"EmojiReact"`, func(a *as2.Activity) { a.Type = "EmojiReact" }},
		{"over http", "id", `"http://a.example/f/1"`, func(a *as2.Activity) { a.ID = "http://a.example/f/1" }},
		{"an id with a query and a fragment", "id", `"https://a.example/?author=1#follows/2"`, func(a *as2.Activity) { a.ID = "https://a.example/?author=1#follows/2" }},
		{"B070 a signature of somebody else", "signature", `{"type":"RsaSignature2017","creator":"https://a.example/u#main-key"}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := with(t, follow, c.member, c.value)
			want := as2.Activity{
				ID: "https://a.example/f/1", Type: "Follow", Actor: "https://a.example/u",
				Object: []as2.Ref{{ID: "https://our.test/ap/actor/1"}}, Raw: body,
			}
			if c.want != nil {
				c.want(&want)
			}
			got, err := as2.ReadActivity(body, limits.Default())
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestAnActivityIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, member, value string
		want                as2.Reason
	}{
		{"B072 no id", "id", "", "as2-missing"},
		{"B072 an empty id", "id", `""`, "as2-missing"},
		{"B072 an id that is null", "id", `null`, "as2-missing"},
		{"B072 an id that is no URL", "id", `"follow 1"`, "as2-id"},
		{"B072 an id that is relative", "id", `"/f/1"`, "as2-id"},
		{"B072 an id without a host", "id", `"https:///f/1"`, "as2-id"},
		{"B072 an id with only a port", "id", `"https://:443/f/1"`, "as2-id"},
		{"B072 an id that two parsers split differently", "id", `"https://a.example\\@evil.example/"`, "as2-id"},
		{"B072 an id with a user", "id", `"https://our.test@evil.example/"`, "as2-id"},
		{"B072 an id with a space", "id", `"https://a.example/ 1"`, "as2-id"},
		{"B072 an id with a line end", "id", `"https://a.example/\n1"`, "as2-id"},
		{"B072 an id of 8 KiB", "id", `"https://a.example/` + strings.Repeat("x", 8<<10) + `"`, "as2-id-length"},
		{"an id of another scheme", "id", `"ap://did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2/actor"`, "as2-id-scheme"},
		{"an id that is a script", "id", `"javascript:alert(1)"`, "as2-id-scheme"},
		{"an id in capitals", "id", `"HTTPS://a.example/1"`, "as2-id-scheme"},
		{"an id in a list", "id", `["https://a.example/f/1"]`, "as2-kind"},
		{"B068 several types", "type", `["Follow","Delete"]`, "as2-kind"},
		{"B068 one type in a list", "type", `["Follow"]`, "as2-kind"},
		{"B068 a type that is an object", "type", `{}`, "as2-kind"},
		{"no type", "type", "", "as2-missing"},
		{"no actor", "actor", "", "as2-missing"},
		{"no actors", "actor", "[]", "as2-missing"},
		{"an actor without an id", "actor", `{"type":"Person"}`, "as2-missing"},
		{"several actors", "actor", `["https://a.example/u","https://victim.example/u"]`, "as2-several"},
		{"the same actor twice", "actor", `["https://a.example/u","https://a.example/u"]`, "as2-several"},
		{"an actor by account", "actor", `"acct:u@a.example"`, "as2-id-scheme"},
		{"no object", "object", "", "as2-missing"},
		{"objects that are nothing", "object", `[null,{}]`, ""},
		{"257 objects", "object", `[` + strings.Repeat(`"https://b.example/1",`, 256) + `"https://b.example/1"]`, "as2-objects"},
		{"an object that is a number", "object", `7`, "as2-kind"},
		{"recipients that are numbers", "to", `[7]`, "as2-kind"},
		{"a recipient of 8 KiB", "cc", `"` + strings.Repeat("x", 8<<10) + `"`, "as2-id-length"},
		{"B087 257 recipients", "to", `[` + strings.Repeat(`"https://a.example/1",`, 256) + `"x"]`, "as2-recipients"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := as2.ReadActivity(with(t, follow, c.member, c.value), limits.Default())
			assert.Equal(t, c.want, reasonOf(t, err))
		})
	}
	t.Run("an intransitive activity needs no object", func(t *testing.T) {
		travel := with(t, string(with(t, follow, "object", "")), "type", `"Travel"`)
		_, err := as2.ReadActivity(travel, limits.Default())
		assert.NoError(t, err)
	})
}

const reply = `{
	"id": "https://a.example/n/1#create", "type": "Create", "actor": "https://a.example/u",
	"object": {
		"id": "https://a.example/n/1", "type": "Note", "attributedTo": "https://a.example/u",
		"inReplyTo": "https://our.test/ap/object/1", "summary": null, "sensitive": false,
		"content": "<p>Ka pai</p>", "contentMap": {"en": "<p>Good</p>", "mi": "<p>Ka pai</p>"},
		"url": "https://a.example/@u/1", "published": "2026-03-01T12:00:00+13:00", "updated": "2026-03-01T00:00:00Z",
		"to": "https://www.w3.org/ns/activitystreams#Public", "cc": ["https://a.example/u/followers", "https://our.test/ap/actor/1"],
		"tag": [{"type": "Mention", "href": "https://our.test/ap/actor/1", "name": "@news@our.test"}, {"type": "Hashtag", "href": "https://a.example/t/x", "name": "#x"}]
	}
}`

// note is the object of that reply as it is read.
func note() as2.Object {
	return as2.Object{
		ID: "https://a.example/n/1", Type: "Note", AttributedTo: "https://a.example/u", InReplyTo: "https://our.test/ap/object/1",
		Content: "<p>Ka pai</p>", Language: "mi", URL: "https://a.example/@u/1",
		To: []string{as2.Public}, Cc: []string{"https://a.example/u/followers", "https://our.test/ap/actor/1"},
		Mentions:  []string{"https://our.test/ap/actor/1"},
		Published: time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC), Updated: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestAnObjectIsReadInEveryDialect(t *testing.T) {
	many := `[` + strings.Repeat(`{"type":"Mention","href":"https://a.example/u"},`, 70) + `{}]`
	for _, c := range []struct {
		name, member, value string
		want                func(*as2.Object)
	}{
		{"as Mastodon sends it", "tag", `[{"type":"Mention","href":"https://our.test/ap/actor/1"}]`, nil},
		{"one tag without a list", "tag", `{"type":"Mention","href":"https://our.test/ap/actor/1"}`, nil},
		{"tags that are none", "tag", `["x",7,null,{"type":["Mention"],"href":"https://a.example/"},{"type":"Mention","href":{}}]`, func(o *as2.Object) { o.Mentions = nil }},
		{"a mention that is a script", "tag", `{"type":"Mention","href":"javascript:alert(1)"}`, func(o *as2.Object) { o.Mentions = nil }},
		{"B087 more tags than are read", "tag", many, func(o *as2.Object) {
			o.Mentions = strings.Fields(strings.Repeat("https://a.example/u ", 64))
		}},
		{"author as a whole", "attributedTo", `{"id":"https://a.example/u","type":"Person"}`, nil},
		{"authors as PeerTube sends them", "attributedTo", `[{"type":"Person","id":"https://a.example/u"},{"type":"Group","id":"https://a.example/c"}]`, nil},
		{"no author", "attributedTo", "", func(o *as2.Object) { o.AttributedTo = "" }},
		{"a link to the page", "url", `{"type":"Link","href":"https://a.example/@u/1"}`, nil},
		{"links, of which one is a page", "url", `[{"type":"Link","mediaType":"video/mp4","href":"https://a.example/1.mp4"},{"type":"Link","mediaType":"text/html","href":"https://a.example/@u/1"}]`, nil},
		{"links that are none but one", "url", `["javascript:alert(1)",7,{"href":null},"https://a.example/@u/1"]`, nil},
		{"no link", "url", `null`, func(o *as2.Object) { o.URL = "" }},
		{"a summary", "summary", `"spoiler"`, func(o *as2.Object) { o.Summary = "spoiler" }},
		{"languages that are no object, as PHP sends them", "contentMap", `[]`, func(o *as2.Object) { o.Language = "" }},
		{"content in another language than all of them", "contentMap", `{"en":"<p>Good</p>","de":"<p>Gut</p>"}`, func(o *as2.Object) { o.Language = "en" }},
		{"an unknown language", "contentMap", `{"und":"<p>Ka pai</p>"}`, func(o *as2.Object) { o.Language = "" }},
		{"content only by language", "content", "", func(o *as2.Object) { o.Content, o.Language = "<p>Good</p>", "en" }},
		{"content that is a number", "content", "7", func(o *as2.Object) { o.Content, o.Language = "<p>Good</p>", "en" }},
		{"sensitive", "sensitive", `true`, func(o *as2.Object) { o.Sensitive = true }},
		{"sensitive, but no boolean", "sensitive", `"yes"`, nil},
		{"a name of 300 bytes", "name", `"` + strings.Repeat("ā", 150) + `!"`, func(o *as2.Object) { o.Name, o.Cut = strings.Repeat("ā", 128), true }},
		{"a name that is cut within a letter", "name", `"x` + strings.Repeat("ā", 150) + `"`, func(o *as2.Object) { o.Name, o.Cut = "x"+strings.Repeat("ā", 127), true }},
		{"a content of 100 KiB", "content", `"` + strings.Repeat("x", 100<<10) + `"`, func(o *as2.Object) {
			o.Content, o.Cut, o.Language = strings.Repeat("x", 64<<10), true, "en"
		}},
		{"B089 published in 1970", "published", `"1970-01-01T00:00:00Z"`, func(o *as2.Object) { o.Published = time.Time{} }},
		{"B089 published in 9999", "published", `"9999-12-31T23:59:59Z"`, func(o *as2.Object) { o.Published = time.Time{} }},
		{"B089 published in another zone", "published", `"2026-02-28T13:00:00-10:00"`, nil},
		{"B089 published on no date", "published", `"yesterday"`, func(o *as2.Object) { o.Published = time.Time{} }},
		{"B089 published on 30 February", "published", `"2026-02-30T00:00:00Z"`, func(o *as2.Object) { o.Published = time.Time{} }},
		{"B089 published at a number", "published", `1772236800`, func(o *as2.Object) { o.Published = time.Time{} }},
		{"a reply to a whole object", "inReplyTo", `{"id":"https://our.test/ap/object/1","type":"Note"}`, nil},
		{"a reply to nothing", "inReplyTo", `null`, func(o *as2.Object) { o.InReplyTo = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var create struct{ Object json.RawMessage }
			require.NoError(t, json.Unmarshal([]byte(reply), &create))
			object := with(t, string(create.Object), c.member, c.value)
			want := note()
			want.Raw = object
			if c.want != nil {
				c.want(&want)
			}
			a, err := as2.ReadActivity(with(t, reply, "object", string(object)), limits.Default())
			require.NoError(t, err)
			require.Len(t, a.Object, 1)
			assert.Equal(t, "https://a.example/n/1", a.Object[0].ID)
			assert.Equal(t, want, *a.Object[0].Object)
		})
	}
}

func TestAnObjectIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, member, value string
		want                as2.Reason
	}{
		{"B082 an author that is a number", "attributedTo", `7`, "as2-kind"},
		{"B082 authors of which one is a number", "attributedTo", `["https://a.example/u",7]`, "as2-kind"},
		{"B082 an author whose id is a number", "attributedTo", `{"id":7}`, "as2-kind"},
		{"B082 an author by account", "attributedTo", `"acct:u@a.example"`, "as2-id-scheme"},
		{"an id that is a script", "id", `"javascript:alert(1)"`, "as2-id-scheme"},
		{"B068 several types", "type", `["Note","Follow"]`, "as2-kind"},
		{"a reply to a number", "inReplyTo", `7`, "as2-kind"},
		{"B087 257 recipients", "cc", `[` + strings.Repeat(`"https://a.example/1",`, 256) + `"x"]`, "as2-recipients"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var create struct{ Object json.RawMessage }
			require.NoError(t, json.Unmarshal([]byte(reply), &create))
			object := with(t, string(create.Object), c.member, c.value)
			_, err := as2.ReadActivity(with(t, reply, "object", string(object)), limits.Default())
			assert.Equal(t, c.want, reasonOf(t, err))
		})
	}
}

func TestActivitiesInsideActivities(t *testing.T) {
	read := func(t *testing.T, body string) as2.Activity {
		a, err := as2.ReadActivity([]byte(body), limits.Default())
		require.NoError(t, err)
		return a
	}
	undo := `{"id":"https://a.example/u/1","type":"Undo","actor":"https://a.example/u","object":%s}`

	t.Run("Undo of a whole Follow", func(t *testing.T) {
		inner := read(t, fmt.Sprintf(undo, follow)).Object[0]
		assert.Equal(t, "https://a.example/f/1", inner.ID)
		assert.Equal(t, "Follow", inner.Object.Type)
		assert.Equal(t, "https://a.example/u", inner.Object.Actor)
		assert.Equal(t, as2.Ref{ID: "https://our.test/ap/actor/1"}, inner.Object.Object)
	})
	t.Run("Undo by id", func(t *testing.T) {
		assert.Equal(t, []as2.Ref{{ID: "https://a.example/f/1"}}, read(t, fmt.Sprintf(undo, `"https://a.example/f/1"`)).Object)
	})
	t.Run("Undo of a Follow that has no id", func(t *testing.T) {
		inner := read(t, fmt.Sprintf(undo, with(t, follow, "id", ""))).Object[0]
		assert.Empty(t, inner.ID)
		assert.Equal(t, "Follow", inner.Object.Type)
	})
	t.Run("Delete of a Tombstone", func(t *testing.T) {
		inner := read(t, `{"id":"https://a.example/d","type":"Delete","actor":"https://a.example/u","object":{"id":"https://a.example/n/1","type":"Tombstone"}}`).Object[0]
		assert.Equal(t, "https://a.example/n/1", inner.ID)
		assert.Equal(t, "Tombstone", inner.Object.Type)
	})
	t.Run("Flag of several", func(t *testing.T) {
		assert.Len(t, read(t, `{"id":"https://a.example/r","type":"Flag","actor":"https://a.example/u","object":["https://our.test/1","https://our.test/2"]}`).Object, 2)
	})
	t.Run("two levels are read, and of the third the id", func(t *testing.T) {
		level := follow
		for range 3 {
			level = fmt.Sprintf(undo, level)
		}
		first := read(t, level).Object[0].Object
		second := first.Object.Object
		assert.Equal(t, "Undo", second.Type)
		assert.Equal(t, as2.Ref{ID: "https://a.example/f/1"}, second.Object)
	})
	t.Run("an actor of several inside", func(t *testing.T) {
		_, err := as2.ReadActivity(fmt.Appendf(nil, undo, with(t, follow, "actor", `["https://a.example/u","https://b.example/u"]`)), limits.Default())
		assert.Equal(t, as2.Reason("as2-several"), reasonOf(t, err))
	})
}

const person = `{
	"id": "https://a.example/u", "type": "Person", "preferredUsername": "u", "name": "U", "url": "https://a.example/@u",
	"inbox": "https://a.example/u/inbox", "endpoints": {"sharedInbox": "https://a.example/inbox"},
	"alsoKnownAs": ["https://b.example/u"], "movedTo": "https://c.example/u",
	"publicKey": {"id": "https://a.example/u#main-key", "owner": "https://a.example/u", "publicKeyPem": "PEM"}
}`

func TestAnActorIsReadInEveryDialect(t *testing.T) {
	keys := func(n int) string {
		list := `[`
		for i := range n - 1 {
			list += fmt.Sprintf(`{"id":"https://a.example/u#k%d","owner":"https://a.example/u","publicKeyPem":"PEM"},`, i)
		}
		return list + `{"id":"https://a.example/u#main-key","owner":"https://a.example/u","publicKeyPem":"PEM"}]`
	}
	for _, c := range []struct {
		name, member, value string
		want                func(*as2.Actor)
		refused             as2.Reason
	}{
		{name: "as Mastodon sends it", member: "discoverable", value: "true"},
		{name: "a key in a list", member: "publicKey", value: keys(1)},
		{name: "ten keys", member: "publicKey", value: keys(10), want: func(a *as2.Actor) {
			last := a.Keys
			a.Keys = nil
			for i := range 9 {
				a.Keys = append(a.Keys, as2.Key{ID: fmt.Sprint("https://a.example/u#k", i), Owner: "https://a.example/u", PEM: "PEM"})
			}
			a.Keys = append(a.Keys, last...)
		}},
		{name: "two keys of one id", member: "publicKey", refused: "as2-several",
			value: `[{"id":"https://a.example/u#k","publicKeyPem":"ONE"},{"id":"https://a.example/u#k","publicKeyPem":"TWO"}]`},
		{name: "eleven keys", member: "publicKey", value: keys(11), refused: "as2-keys"},
		{name: "keys that are none", member: "publicKey", value: `["https://a.example/u#main-key",null,{},{"id":"x","publicKeyPem":"PEM"}]`, want: func(a *as2.Actor) { a.Keys = nil }},
		{name: "a key that is a number", member: "publicKey", value: `7`, refused: "as2-kind"},
		{name: "a PEM that is a list", member: "publicKey", value: `{"id":"https://a.example/u#main-key","publicKeyPem":["PEM"]}`, refused: "as2-kind"},
		{name: "a type in a list", member: "type", value: `["Person"]`},
		{name: "one known type in a list", member: "type", value: `["Person","https://schema.org/Person"]`},
		{name: "several known types", member: "type", value: `["Person","Group"]`, refused: "as2-several"},
		{name: "no known type", member: "type", value: `["NewsMediaOrganization"]`, refused: "as2-actor-type"},
		{name: "not an actor", member: "type", value: `"Note"`, refused: "as2-actor-type"},
		{name: "a type that is an object", member: "type", value: `{}`, refused: "as2-kind"},
		{name: "no type", member: "type", refused: "as2-actor-type"},
		{name: "no id", member: "id", refused: "as2-missing"},
		{name: "an inbox as a whole", member: "inbox", value: `{"id":"https://a.example/u/inbox","type":"OrderedCollection"}`},
		{name: "no inbox, as GoToSocial shows for a key", member: "inbox", want: func(a *as2.Actor) { a.Inbox = "" }},
		{name: "two inboxes", member: "inbox", value: `["https://a.example/1","https://a.example/2"]`, refused: "as2-several"},
		{name: "an inbox that is a script", member: "inbox", value: `"javascript:alert(1)"`, refused: "as2-id-scheme"},
		{name: "endpoints that are a list, as PHP sends them", member: "endpoints", value: `[]`, want: func(a *as2.Actor) { a.SharedInbox = "" }},
		{name: "endpoints that are null", member: "endpoints", value: `null`, want: func(a *as2.Actor) { a.SharedInbox = "" }},
		{name: "a shared inbox that is none", member: "endpoints", value: `{"sharedInbox":"file:///etc/passwd"}`, want: func(a *as2.Actor) { a.SharedInbox = "" }},
		{name: "one earlier name", member: "alsoKnownAs", value: `"https://b.example/u"`},
		{name: "earlier names that are none", member: "alsoKnownAs", value: `["acct:u@b.example"]`, want: func(a *as2.Actor) { a.AlsoKnownAs = nil }},
		{name: "not moved", member: "movedTo", value: `null`, want: func(a *as2.Actor) { a.MovedTo = "" }},
		{name: "no name", member: "name", value: `null`, want: func(a *as2.Actor) { a.Name = "" }},
		{name: "B088 a name of 100 KiB", member: "name", value: `"` + strings.Repeat("x", 100<<10) + `"`, want: func(a *as2.Actor) { a.Name = strings.Repeat("x", 256) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := as2.Actor{
				ID: "https://a.example/u", Type: "Person", PreferredUsername: "u", Name: "U", URL: "https://a.example/@u",
				Inbox: "https://a.example/u/inbox", SharedInbox: "https://a.example/inbox",
				AlsoKnownAs: []string{"https://b.example/u"}, MovedTo: "https://c.example/u",
				Keys: []as2.Key{{ID: "https://a.example/u#main-key", Owner: "https://a.example/u", PEM: "PEM"}},
			}
			if c.want != nil {
				c.want(&want)
			}
			got, err := as2.ReadActor(with(t, person, c.member, c.value), limits.Default())
			if c.refused != "" {
				assert.Equal(t, c.refused, reasonOf(t, err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// PeerTube names its actor where others name a key.
func TestTheIDOfAnActorIsThatOfItsOneKey(t *testing.T) {
	const id = "https://a.example/u"
	key := func(name string) string {
		return `{"id":"https://a.example/u#` + name + `","owner":"https://a.example/u","publicKeyPem":"PEM"}`
	}
	got, err := as2.ReadKey([]byte(person), id, limits.Default())
	require.NoError(t, err)
	assert.Equal(t, as2.Key{ID: id + "#main-key", Owner: id, PEM: "PEM"}, got)
	for name, body := range map[string]string{
		"two keys":                string(with(t, person, "publicKey", "["+key("one")+","+key("two")+"]")),
		"no key":                  string(with(t, person, "publicKey", "[]")),
		"a key without a PEM":     string(with(t, person, "publicKey", `{"id":"https://a.example/u#k","owner":"https://a.example/u"}`)),
		"the document of another": string(with(t, person, "id", `"https://a.example/v"`)),
	} {
		_, err := as2.ReadKey([]byte(body), id, limits.Default())
		assert.Equal(t, as2.Reason("as2-no-key"), reasonOf(t, err), name)
	}
}

func TestAKeyIsRead(t *testing.T) {
	const id = "https://a.example/u#main-key"
	want := as2.Key{ID: id, Owner: "https://a.example/u", PEM: "PEM"}
	bare := `{"id":"https://a.example/u#main-key","type":"Key","owner":"https://a.example/u","publicKeyPem":"PEM"}`
	for _, c := range []struct {
		name, body string
		refused    as2.Reason
	}{
		{"from the document of its owner", person, ""},
		{"from a document of its own", bare, ""},
		{"owned by a whole actor", `{"id":"https://a.example/u#main-key","owner":{"id":"https://a.example/u"},"publicKeyPem":"PEM"}`, ""},
		{"B073 not when the document has another", string(with(t, person, "publicKey", strings.ReplaceAll(bare, "main-key", "other"))), "as2-no-key"},
		{"not when the id differs by case", strings.ReplaceAll(bare, "main-key", "MAIN-KEY"), "as2-no-key"},
		{"not without a PEM", string(with(t, bare, "publicKeyPem", "")), "as2-no-key"},
		{"not with two owners", string(with(t, bare, "owner", `["https://a.example/u","https://victim.example/u"]`)), "as2-several"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := as2.ReadKey([]byte(c.body), id, limits.Default())
			if c.refused != "" {
				assert.Equal(t, c.refused, reasonOf(t, err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// B069: every member of every document as every kind of value is read or refused, and nothing panics.
func TestEveryMemberAsEveryKind(t *testing.T) {
	kinds := []string{
		`null`, `true`, `false`, `0`, `-1.5e3`, `""`, `"x"`, `"https://b.example/1"`, `[]`, `[null]`, `["x"]`, `[7]`, `[[["x"]]]`,
		`{}`, `[{}]`, `{"id":null}`, `{"id":7}`, `{"id":["x"]}`, `{"id":{"id":"x"}}`, `{"type":7}`, `{"href":[]}`, `{"en":7}`,
	}
	read := func(body string) {
		b := []byte(body)
		_, activity := as2.ReadActivity(b, limits.Default())
		_, actor := as2.ReadActor(b, limits.Default())
		_, key := as2.ReadKey(b, "https://a.example/u#main-key", limits.Default())
		_, vocabulary := as2.ToAP(b, limits.Default())
		for _, err := range []error{activity, actor, key, vocabulary} {
			reasonOf(t, err)
		}
		agrees(t, b)
	}
	for document, values := range map[string]int{follow: 5, reply: 29, person: 16} {
		found := 0
		everywhere(t, document, func(before, after string) {
			found++
			for _, kind := range kinds {
				read(before + kind + after)
			}
		})
		assert.Equal(t, values, found)
	}
}

// everywhere calls do with what is before and after each string, object and array of a document.
func everywhere(t testing.TB, document string, do func(before, after string)) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(document))
	for {
		token, err := dec.Token()
		if err != nil {
			return
		}
		end := int(dec.InputOffset())
		if text, ok := token.(string); ok {
			start := strings.LastIndex(document[:end], text) - 1
			if rest := strings.TrimLeft(document[end:], " \n\t"); !strings.HasPrefix(rest, ":") {
				do(document[:start], document[end:])
			}
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			var whole json.RawMessage
			require.NoError(t, json.NewDecoder(strings.NewReader(document[end-1:])).Decode(&whole))
			do(document[:end-1], document[end-1+len(whole):])
		}
	}
}
