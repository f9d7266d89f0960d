package as2_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/as2"
)

func TestReadMediaType(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		{`application/activity+json`, as2.MediaType},
		{`Application/Activity+JSON; charset=UTF-8`, as2.MediaType},
		{`application/activity+json; profile="https://a.example/"`, as2.MediaType},
		{`application/ld+json; profile="https://www.w3.org/ns/activitystreams"`, as2.LDMediaType},
		{`application/ld+json;profile="https://w3id.org/security https://www.w3.org/ns/activitystreams";charset=utf-8`, as2.LDMediaType},
		{`application/ld+json`, as2.BareMediaType},
		{`application/ld+json; charset=utf-8`, as2.BareMediaType},
		{`application/ld+json; profile="https://a.example/"`, ""},
		{`application/ld+json; profile="https://www.w3.org/ns/activitystreams#"`, ""},
		{`application/activity+json; charset=utf-16`, ""},
		{`application/activity+json; charset=`, ""},
		{`application/activity+json, text/html`, ""},
		{`application/json`, ""},
		{`text/plain; x=application/activity+json`, ""},
		{``, ""},
	} {
		assert.Equal(t, c.want, as2.ReadMediaType([]string{c.field}), "%q", c.field)
	}
	assert.Empty(t, as2.ReadMediaType(nil))
	assert.Empty(t, as2.ReadMediaType([]string{as2.MediaType, as2.MediaType}), "two fields")
}
