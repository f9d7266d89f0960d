package as2_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

// seed adds the documents of these tests, hostile ones among them.
func seed(f *testing.F) {
	for _, document := range []string{
		follow, reply, person, `{}`, `{"a":[{}],"A":1e9}`, `{"@context":[{"as":"x","actor":{"@id":"as:actor"}}]}`,
		`{"to":["a",{"id":"b"}],"contentMap":{"en":"x"}}`, "{\"public\u212aey\":\"\\ud83d\\udca9\"}",
	} {
		f.Add([]byte(document))
	}
	for _, document := range documents(f) {
		b, err := as2.Marshal(document)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever Scan takes, encoding/json takes, and both read the same strings. What
// encoding/json takes and Scan does not is never called a mistake of syntax, but
// for half a character in two escapes, of which encoding/json makes U+FFFD.
func FuzzScan(f *testing.F) {
	seed(f)
	f.Add([]byte(`{"a":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		reason := reasonOf(t, as2.Scan(body, limits.Default()))
		agrees(t, body)
		if reason == "json-syntax" && json.Valid(body) {
			assert.Regexp(t, `\\u[dD][89a-fA-F]`, string(body))
		}
	})
}

// An activity that is read keeps what its comment promises, and what is written about it is read again.
func FuzzReadActivity(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := as2.ReadActivity(body, limits.Default())
		if reasonOf(t, err) != "" {
			return
		}
		assert.NotEmpty(t, a.ID)
		assert.NotEmpty(t, a.Type)
		assert.NotEmpty(t, a.Actor)
		assert.LessOrEqual(t, len(a.To)+len(a.Cc), limits.Default().Recipients)
		_, _ = as2.ToAP(body, limits.Default())

		answer, err := as2.Marshal(as2.ActivityDocument{ID: base + "1", Type: "Accept", Actor: base + "2", Object: as2.Embedded(body)})
		if err != nil {
			assert.True(t, len(body) > as2.MaxSize/2 || assert.ErrorContains(t, err, "deeper"))
			return
		}
		back, err := as2.ReadActivity(answer, limits.Default())
		if assert.NoError(t, err) {
			assert.Equal(t, a.ID, back.Object[0].ID)
			assert.Equal(t, a.Actor, back.Object[0].Object.Actor)
		}
	})
}

// An actor that is read has an id, a type of actors and whole keys.
func FuzzReadActor(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := as2.ReadActor(body, limits.Default())
		if reasonOf(t, err) != "" {
			return
		}
		assert.NotEmpty(t, a.ID)
		assert.True(t, actors[a.Type])
		assert.LessOrEqual(t, len(a.Keys), 10)
		for _, key := range a.Keys {
			assert.NotEmpty(t, key.ID)
			assert.NotEmpty(t, key.PEM)
			found, err := as2.ReadKey(body, key.ID, limits.Default())
			if assert.NoError(t, err) {
				assert.Equal(t, key.ID, found.ID)
			}
		}
	})
}
