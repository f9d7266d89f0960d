package as2_test

import (
	"fmt"
	"strings"
	"testing"

	vocab "github.com/go-ap/activitypub"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

func TestAGoAPValueOfAReply(t *testing.T) {
	item, err := as2.ToAP([]byte(reply), limits.Default())
	require.NoError(t, err)
	require.NoError(t, vocab.OnActivity(item, func(a *vocab.Activity) error {
		assert.Equal(t, "https://a.example/u", a.Actor.GetLink().String())
		return vocab.OnObject(a.Object, func(o *vocab.Object) error {
			assert.Equal(t, "https://our.test/ap/object/1", o.InReplyTo.GetLink().String())
			assert.Equal(t, "https://a.example/u", o.AttributedTo.GetLink().String())
			assert.Equal(t, note().Published, o.Published)
			assert.Len(t, o.Tag, 1, "the Hashtag is lost, as the comment says")
			return nil
		})
	}))
}

func TestGoAPReadsNothingThatScanRefuses(t *testing.T) {
	for body, want := range map[string]as2.Reason{
		`{"type":"Follow","type":"Delete"}`: "json-duplicate-member",
		`{"type":"Follow","TYPE":"Delete"}`: "json-case-variant",
		`[]`:                                "json-top-level",
		``:                                  "json-syntax",
		`{"type":"EmojiReact","id":"https://a.example/1"}`: "as2-vocabulary",
		`{}`: "as2-vocabulary",
	} {
		_, err := as2.ToAP([]byte(body), limits.Default())
		assert.Equal(t, want, reasonOf(t, err), body)
	}
}

// What go-ap would compare for long is refused; what real servers send is not.
func TestTheWorkOfGoAPIsBounded(t *testing.T) {
	list := func(n int, item string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = strings.ReplaceAll(item, "?", fmt.Sprint(i))
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	iri, create := `"https://a.example/?"`, `{"type":"Create","actor":"https://a.example/u","object":{"type":"Note","content":"?"}}`
	nested := `"x"`
	for range 5 {
		nested = `{"type":"Note","tag":` + list(6, nested) + `}`
	}
	for _, c := range []struct {
		name, members string
		want          as2.Reason
	}{
		{"256 recipients, of the activity and of its object", `"to":` + list(256, iri) + `,"object":{"type":"Note","cc":` + list(256, iri) + `}`, ""},
		{"64 tags and 16 attachments", `"tag":` + list(64, `{"type":"Mention","href":"https://a.example/?"}`) + `,"attachment":` + list(16, `{"type":"Image","url":"https://a.example/?"}`), ""},
		{"1,000 tags", `"tag":` + list(1000, iri), "as2-vocabulary-work"},
		{"4,000 items of a collection", `"object":{"type":"Collection","items":` + list(4000, iri) + `}`, "as2-vocabulary-work"},
		{"256 activities", `"attachment":` + list(256, create), "as2-vocabulary-work"},
		{"lists in lists in lists", `"tag":[` + nested + `,` + nested + `]`, "as2-vocabulary-work"},
		{"many short lists", `"tag":` + list(200, `{"type":"Note","tag":`+list(20, `"https://a.example/x"`)+`}`), "as2-vocabulary-work"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := as2.ToAP([]byte(`{"id":"https://a.example/1","type":"Create",`+c.members+`}`), limits.Default())
			assert.Equal(t, c.want, reasonOf(t, err))
		})
	}
	t.Run("what real servers sent", func(t *testing.T) {
		read, unknown := 0, 0
		for path, body := range payloads(t) {
			switch _, err := as2.ToAP(body, limits.Default()); reasonOf(t, err) {
			case "":
				read++
			case "as2-vocabulary":
				unknown++
			case "as2-vocabulary-work":
				assert.Contains(t, path, "peertube/framatube.org-video", "a video with some fifty links")
			default:
				t.Errorf("%s: %v", path, err)
			}
		}
		t.Logf("%d read, %d of types that go-ap does not know", read, unknown)
		assert.Greater(t, read, 500)
	})
}

func TestAHarnessWritesGoAPValues(t *testing.T) {
	f := vocab.Follow{
		ID: "https://a.example/f/1", Type: vocab.FollowType,
		Actor: vocab.IRI("https://a.example/u"), Object: vocab.IRI("https://our.test/ap/actor/1"),
	}
	b, err := as2.FromAP(f)
	require.NoError(t, err)
	a, err := as2.ReadActivity(b, limits.Default())
	require.NoError(t, err)
	assert.Equal(t, as2.Activity{
		ID: "https://a.example/f/1", Type: "Follow", Actor: "https://a.example/u",
		Object: []as2.Ref{{ID: "https://our.test/ap/actor/1"}}, Raw: b,
	}, a)
	assert.Contains(t, string(b), `"@context":"https://www.w3.org/ns/activitystreams"`)

	t.Run("an id that breaks out of its string is an error", func(t *testing.T) {
		f.ID = `https://a.example/","actor":"https://evil.example/u`
		_, err := as2.FromAP(f)
		assert.Error(t, err)
	})
	t.Run("nothing is an error", func(t *testing.T) {
		_, err := as2.FromAP(nil)
		assert.Error(t, err)
		var missing *vocab.Activity
		_, err = as2.FromAP(missing)
		assert.Error(t, err)
	})
}
