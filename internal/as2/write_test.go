package as2_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

var update = flag.Bool("update", false, "write the golden files anew")

const base = "https://www.agency.govt.nz/ap/"

var (
	nzdt     = time.FixedZone("NZDT", 13*60*60)
	everyone = []string{as2.Public}
	follower = []string{base + "actor/news/followers"}
)

// post is a Note with everything that a Note of ours may have.
func post() as2.PostDocument {
	return as2.PostDocument{
		ID: base + "object/1", Type: "Note", AttributedTo: base + "actor/news",
		Content:    "<p><strong>Ka tū te hui</strong> & more &lt;here&gt; \u2028</p>",
		ContentMap: as2.LangMap{{Language: "mi", Value: "<p>Ka tū te hui</p>"}, {Language: "en-NZ", Value: "<p>The hui is on</p>"}},
		Source:     as2.Source{Content: "**Ka tū te hui**", MediaType: "text/markdown"},
		URL:        "https://www.agency.govt.nz/news/17",
		To:         everyone, Cc: follower,
		Published: time.Date(2026, 3, 2, 9, 30, 0, 999, nzdt), Updated: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
		Tag: []as2.Tag{
			{Type: "Hashtag", Name: "#hui", Href: "https://www.agency.govt.nz/tags/hui"},
			{Type: "Mention", Name: "@kea@b.example", Href: "https://b.example/users/kea"},
		},
		Attachment: []as2.Media{{
			Type: "Image", MediaType: "image/jpeg", URL: "https://www.agency.govt.nz/marae.jpg", Name: "The marae at dawn",
			Width: 1200, Height: 675, FocalPoint: [2]float64{-0.25, 0.5}, Blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
		}},
		Replies: base + "object/1/replies", Likes: base + "object/1/likes", Shares: base + "object/1/shares",
	}
}

func agency() as2.ActorDocument {
	return as2.ActorDocument{
		ID: base + "actor/news", Type: "Organization", PreferredUsername: "news", WebFinger: "news@agency.govt.nz",
		Name: "Ministry of Examples", NameMap: as2.LangMap{{Language: "mi", Value: "Te Manatū Tauira"}},
		Summary: "<p>Official news</p>", SummaryMap: as2.LangMap{{Language: "en-NZ", Value: "<p>Official news</p>"}},
		URL: "https://www.agency.govt.nz/", Inbox: base + "actor/news/inbox", Outbox: base + "actor/news/outbox",
		Followers: follower[0], Following: base + "actor/news/following", Featured: base + "actor/news/featured",
		Endpoints: as2.Endpoints{SharedInbox: base + "inbox"},
		PublicKey: as2.PublicKey{ID: base + "actor/news#main-key", Owner: base + "actor/news", PublicKeyPem: "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"},
		Icon:      as2.Media{Type: "Image", MediaType: "image/png", URL: "https://www.agency.govt.nz/crest.png", Name: "The crest", Summary: "The crest"},
		Image:     as2.Media{Type: "Image", MediaType: "image/jpeg", URL: "https://www.agency.govt.nz/head.jpg"},
		Attachment: []as2.Field{
			{Name: "Website", Value: `<a href="https://www.agency.govt.nz/" rel="me">www.agency.govt.nz</a>`},
		},
		Discoverable: true, Indexable: true,
		AlsoKnownAs: []string{"https://old.example/users/agency"}, MovedTo: "https://new.example/users/agency",
		AttributionDomains: []string{"agency.govt.nz"}, Published: time.Date(2026, 1, 1, 0, 0, 0, 0, nzdt),
	}
}

// proving is an agency that lists a key for proofs.
func proving() as2.ActorDocument {
	a := agency()
	a.AssertionMethod = []as2.Multikey{{
		ID: a.ID + "#ed25519-key", Type: "Multikey", Controller: a.ID, PublicKeyMultibase: "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
	}}
	return a
}

// documents are one of each that we write, by the name of the golden file.
func documents(t testing.TB) map[string]as2.Document {
	grave := as2.Tombstone{ID: base + "object/1", Type: "Tombstone", FormerType: "Note", Deleted: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}
	activity := func(n int, name string, object as2.Part) as2.ActivityDocument {
		return as2.ActivityDocument{
			ID: fmt.Sprintf("%sactivity/%d", base, n), Type: name, Actor: base + "actor/news",
			To: everyone, Cc: follower, Published: time.Date(2026, 3, 1, 20, 30, 0, 0, time.UTC), Object: object,
		}
	}
	answer := func(name string) as2.ActivityDocument {
		return as2.ActivityDocument{
			ID: base + "activity/9", Type: name, Actor: base + "actor/news",
			To: []string{"https://a.example/u"}, Object: as2.Embedded([]byte(follow)),
		}
	}
	create := activity(1, "Create", post())
	stored, err := as2.Marshal(create)
	require.NoError(t, err)
	article := as2.PostDocument{
		ID: base + "object/2", Type: "Article", AttributedTo: base + "actor/news", Name: "Ka tū te hui", Summary: "The hui is on", Sensitive: true,
		Content: "<p>…</p>", URL: "https://www.agency.govt.nz/news/17", To: everyone,
		Image:   as2.Media{Type: "Image", URL: "https://www.agency.govt.nz/marae.jpg"},
		Preview: as2.PostDocument{Type: "Note", ID: base + "object/2#preview", AttributedTo: base + "actor/news", Content: "<p>The hui is on</p>"},
	}
	return map[string]as2.Document{
		"actor":         agency(),
		"actor-proving": proving(),
		"note":          post(),
		"article":       article,
		"tombstone":     grave,
		"create":        create,
		"update":        activity(2, "Update", post()),
		"update-actor": as2.ActivityDocument{
			ID: base + "activity/3", Type: "Update", Actor: base + "actor/news", To: everyone, Object: agency(),
		},
		"delete":          activity(4, "Delete", grave),
		"announce":        activity(5, "Announce", as2.ID("https://a.example/n/1")),
		"undo":            activity(6, "Undo", activity(5, "Announce", as2.ID("https://a.example/n/1"))),
		"add":             as2.ActivityDocument{ID: base + "activity/7", Type: "Add", Actor: base + "actor/news", Object: as2.ID(base + "object/1"), Target: base + "actor/news/featured"},
		"accept":          answer("Accept"),
		"reject":          answer("Reject"),
		"outbox":          as2.Collection{ID: base + "actor/news/outbox", Type: "OrderedCollection", TotalItems: 2, First: base + "actor/news/outbox?page=1", Last: base + "actor/news/outbox?page=1"},
		"outbox-page":     as2.CollectionPage{ID: base + "actor/news/outbox?page=1", Type: "OrderedCollectionPage", PartOf: base + "actor/news/outbox", Next: base + "actor/news/outbox?page=2", OrderedItems: []as2.Part{as2.Embedded(stored), as2.ID(base + "activity/2")}},
		"featured":        as2.Collection{ID: base + "actor/news/featured", Type: "OrderedCollection", TotalItems: 1, OrderedItems: []as2.Part{post()}},
		"following":       as2.Collection{ID: base + "actor/news/following", Type: "OrderedCollection", OrderedItems: []as2.Part{}},
		"empty-last-page": as2.CollectionPage{ID: base + "object/1/replies?page=9", Type: "OrderedCollectionPage", PartOf: base + "object/1/replies"},
		"mixed-proving":   as2.Collection{ID: base + "x", Type: "OrderedCollection", TotalItems: 2, OrderedItems: []as2.Part{post(), proving()}},
		"mixed":           as2.Collection{ID: base + "x", Type: "OrderedCollection", TotalItems: 2, OrderedItems: []as2.Part{post(), agency()}},
	}
}

func TestDocumentsAsTheyAreWritten(t *testing.T) {
	for name, document := range documents(t) {
		t.Run(name, func(t *testing.T) {
			got, err := as2.Marshal(document)
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".json")
			if *update {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, strings.TrimSuffix(string(want), "\n"), string(got))
		})
	}
}

// What we write is taken by our own reader, by encoding/json, by go-ap and by
// the rules that servers are known to have.
func TestDocumentsAreTakenByOthers(t *testing.T) {
	for name, document := range documents(t) {
		t.Run(name, func(t *testing.T) {
			b, err := as2.Marshal(document)
			require.NoError(t, err)
			require.NoError(t, as2.Scan(b, limits.Default()))
			_, _, err = readAny(t, b)
			require.NoError(t, err)
			item, err := as2.ToAP(b, limits.Default())
			require.NoError(t, err)

			var plain struct {
				Context any `json:"@context"`
				ID      string
			}
			require.NoError(t, json.Unmarshal(b, &plain))
			assert.Equal(t, plain.ID, item.GetID().String(), "go-ap reads the id")
			contexts, ok := plain.Context.([]any)
			if !ok {
				contexts = []any{plain.Context}
			}
			assert.Contains(t, contexts, "https://www.w3.org/ns/activitystreams", "Mastodon looks for the string")
			assert.Equal(t, 1, bytes.Count(b, []byte("@context")), "once, on the outside")
			assert.Empty(t, undefinedTerms(t, b, contexts), "terms that a JSON-LD processor would drop")
			assert.NotContains(t, string(b), `\u00`, "nothing is escaped that need not be")
		})
	}
}

// undefinedTerms returns the members of b that neither the context documents
// that it names nor its own definitions define.
func undefinedTerms(t testing.TB, b []byte, contexts []any) []string {
	t.Helper()
	defined := map[string]bool{}
	for _, name := range strings.Fields(`@context id type actor to cc published updated object target first last next prev
		partOf totalItems orderedItems attributedTo inReplyTo name nameMap summary summaryMap content contentMap source url
		tag image icon preview attachment replies likes shares mediaType width height href formerType deleted
		preferredUsername inbox outbox followers following endpoints sharedInbox`) { // https://www.w3.org/ns/activitystreams
		defined[name] = true
	}
	for _, c := range contexts {
		switch c := c.(type) {
		case string:
			if c == "https://w3id.org/security/v1" {
				defined["publicKey"], defined["publicKeyPem"], defined["owner"] = true, true, true
			}
		case map[string]any:
			for term := range c {
				defined[term] = true
			}
		}
	}
	undefined := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for name, member := range v {
				if !defined[name] {
					undefined[name] = true
				}
				if name != "@context" && !strings.HasSuffix(name, "Map") {
					walk(member)
				}
			}
			if name, _ := v["type"].(string); name == "Hashtag" || name == "PropertyValue" || name == "Multikey" {
				if !defined[name] {
					undefined[name] = true
				}
			}
		}
	}
	var document any
	require.NoError(t, json.Unmarshal(b, &document))
	walk(document)
	return slices.Sorted(maps.Keys(undefined))
}

func TestWritingIsTheSameEveryTime(t *testing.T) {
	for name := range documents(t) {
		first, err := as2.Marshal(documents(t)[name])
		require.NoError(t, err)
		for range 5 {
			again, err := as2.Marshal(documents(t)[name])
			require.NoError(t, err)
			require.Equal(t, string(first), string(again))
		}
	}
}

func TestWhatWeWriteIsReadBack(t *testing.T) {
	all := documents(t)
	write := func(name string) []byte {
		b, err := as2.Marshal(all[name])
		require.NoError(t, err)
		return b
	}
	t.Run("an actor", func(t *testing.T) {
		got, err := as2.ReadActor(write("actor"), limits.Default())
		require.NoError(t, err)
		a := agency()
		assert.Equal(t, as2.Actor{
			ID: a.ID, Type: a.Type, PreferredUsername: a.PreferredUsername, Name: a.Name, URL: a.URL,
			Inbox: a.Inbox, SharedInbox: a.Endpoints.SharedInbox, AlsoKnownAs: a.AlsoKnownAs, MovedTo: a.MovedTo,
			Keys: []as2.Key{{ID: a.PublicKey.ID, Owner: a.PublicKey.Owner, PEM: a.PublicKey.PublicKeyPem}},
		}, got)
		key, err := as2.ReadKey(write("actor"), a.PublicKey.ID, limits.Default())
		require.NoError(t, err)
		assert.Equal(t, got.Keys[0], key)
	})
	t.Run("a post", func(t *testing.T) {
		a, err := as2.ReadActivity(write("create"), limits.Default())
		require.NoError(t, err)
		p, got := post(), a.Object[0].Object
		got.Raw = nil
		assert.Equal(t, &as2.Object{
			ID: p.ID, Type: p.Type, AttributedTo: p.AttributedTo, Content: p.Content, Language: "mi", URL: p.URL,
			To: p.To, Cc: p.Cc, Mentions: []string{p.Tag[1].Href},
			Published: time.Date(2026, 3, 1, 20, 30, 0, 0, time.UTC), Updated: p.Updated,
		}, got)
	})
	t.Run("an answer holds the Follow as it came", func(t *testing.T) {
		assert.Contains(t, string(write("accept")), `"object":`+follow)
		a, err := as2.ReadActivity(write("accept"), limits.Default())
		require.NoError(t, err)
		assert.Equal(t, "https://a.example/f/1", a.Object[0].ID)
		assert.Equal(t, "https://a.example/u", a.Object[0].Object.Actor)
	})
}

func TestForeignBytesAreWrittenAsItCame(t *testing.T) {
	around := func(raw string) (string, error) {
		b, err := as2.Marshal(as2.ActivityDocument{ID: base + "1", Type: "Accept", Actor: base + "2", Object: as2.Embedded([]byte(raw))})
		_, object, _ := strings.Cut(string(b), `"object":`)
		return strings.TrimSuffix(object, "}"), err
	}
	for _, raw := range []string{
		`{"id":"https:\/\/a.example\/1","name":"\u0041\u00e9\ud83d\udca9<&>","n":1.0e+2,"m":-0,"l":[null,true]}`,
		`"https://a.example/1"`,
		`[]`,
	} {
		got, err := around(raw)
		require.NoError(t, err)
		assert.Equal(t, raw, got)
	}
	t.Run("but for white space", func(t *testing.T) {
		got, err := around("{ \"a\" : [ 1 ,\n2 ] }")
		require.NoError(t, err)
		assert.Equal(t, `{"a":[1,2]}`, got)
	})
	for _, raw := range []string{``, `{`, `{}}`, `{},"actor":"https://evil.example"`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}"} {
		_, err := around(raw)
		assert.Error(t, err, "%q must not break out", raw)
	}
}

func TestEmbedded(t *testing.T) {
	stored, err := as2.Marshal(post())
	require.NoError(t, err)
	page, err := as2.Marshal(as2.Collection{ID: base + "x", Type: "OrderedCollection", OrderedItems: []as2.Part{as2.Embedded(stored)}})
	require.NoError(t, err)
	whole, err := as2.Marshal(as2.Collection{ID: base + "x", Type: "OrderedCollection", OrderedItems: []as2.Part{post()}})
	require.NoError(t, err)
	assert.Equal(t, string(whole), string(page), "stored bytes make the same page as the document")

	foreign := `{"@context":"https://b.example/",` + follow[1:]
	page, err = as2.Marshal(as2.Collection{ID: base + "x", Type: "OrderedCollection", OrderedItems: []as2.Part{as2.Embedded([]byte(foreign))}})
	require.NoError(t, err)
	assert.Contains(t, string(page), "["+foreign+"]", "other bytes stay as they are")
}

// A proof is made of a document with its context, and means nothing inside another.
func TestADocumentWithAProofIsEmbeddedWithoutIt(t *testing.T) {
	for name, d := range map[string]as2.Document{"note": post(), "actor": agency(), "actor with a key": proving(), "tombstone": as2.Tombstone{ID: base + "1", Type: "Tombstone"}} {
		t.Run(name, func(t *testing.T) {
			provable, err := as2.Marshal(as2.Provable{Document: d})
			require.NoError(t, err)
			require.NoError(t, as2.Scan(provable, limits.Default()))
			var read struct {
				Context []any `json:"@context"`
			}
			require.NoError(t, json.Unmarshal(provable, &read), "Mastodon takes a proof only where the context is an array")
			assert.Equal(t, "https://www.w3.org/ns/activitystreams", read.Context[0])
			assert.Contains(t, read.Context, "https://w3id.org/security/data-integrity/v2")

			proved := append(bytes.TrimSuffix(bytes.Clone(provable), []byte("}")), `,"proof":{"@context":["x"],"proofValue":"z,\"proof\":{"}}`...)
			plain, err := as2.Marshal(d)
			require.NoError(t, err)
			around := func(stored []byte) string {
				b, err := as2.Marshal(as2.ActivityDocument{ID: base + "2", Type: "Update", Object: as2.Embedded(stored)})
				require.NoError(t, err)
				return string(b)
			}
			assert.Equal(t, around(plain), around(proved))
			assert.Equal(t, around(plain), around(provable))
		})
	}
	t.Run("text that looks like a proof stays", func(t *testing.T) {
		p := post()
		p.Content = `{"a":1,"proof":{"b":2}}`
		provable, err := as2.Marshal(as2.Provable{Document: p})
		require.NoError(t, err)
		b, err := as2.Marshal(as2.ActivityDocument{ID: base + "2", Type: "Update", Object: as2.Embedded(provable)})
		require.NoError(t, err)
		assert.Contains(t, string(b), `"content":"{\"a\":1,\"proof\":{\"b\":2}}"`)
	})
}

func TestMarshalRefusesWhatOthersWould(t *testing.T) {
	t.Run("more than 64 KB", func(t *testing.T) {
		p := post()
		b, err := as2.Marshal(p)
		require.NoError(t, err)
		p.Content += strings.Repeat("x", as2.MaxSize-len(b))
		b, err = as2.Marshal(p)
		require.NoError(t, err)
		assert.Len(t, b, as2.MaxSize)
		p.Content += "x"
		_, err = as2.Marshal(p)
		assert.ErrorContains(t, err, "65537 bytes")
	})
	t.Run("more than eight levels", func(t *testing.T) {
		nested := func(levels int) as2.Document {
			raw := strings.Repeat(`{"a":`, levels-1) + `"[[[[[[[[\"{{{{"` + strings.Repeat("}", levels-1)
			return as2.ActivityDocument{ID: base + "1", Type: "Accept", Actor: base + "2", Object: as2.Embedded([]byte(raw))}
		}
		_, err := as2.Marshal(nested(8))
		assert.NoError(t, err)
		_, err = as2.Marshal(nested(9))
		assert.ErrorContains(t, err, "deeper than 8 levels")
	})
	t.Run("a language twice", func(t *testing.T) {
		_, err := as2.Marshal(as2.PostDocument{ContentMap: as2.LangMap{{Language: "en"}, {Language: "en"}}})
		assert.Error(t, err)
	})
	t.Run("text that is not UTF-8", func(t *testing.T) {
		_, err := as2.Marshal(as2.PostDocument{Content: "\xff"})
		assert.Error(t, err)
	})
}
