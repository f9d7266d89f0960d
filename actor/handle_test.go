package actor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/actor"
)

func TestParseHandle(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"news@agency.govt.nz", "news@agency.govt.nz"},
		{"@news@agency.govt.nz", "news@agency.govt.nz"},
		{"acct:news@agency.govt.nz", "news@agency.govt.nz"},
		{"News@Agency.GOVT.nz", "news@agency.govt.nz"},
		{"civil-defence_1.nz@agency.test", "civil-defence_1.nz@agency.test"},
		{"news@localhost:8080", "news@localhost:8080"},
		{"pānui@agency.test", ""},
		{"news@pānui.test", "news@xn--pnui-qsa.test"},

		{"", ""},
		{"news", ""},
		{"@news", ""},
		{"news@", ""},
		{"@agency.test", ""},
		{"news@a@b", ""},
		{"news@agency..test", ""},
		{"news@agency.test.", ""},
		{"news@.agency.test", ""},
		{"news@agency.test/x", ""},
		{"news@agency.test:99999", ""},
		{"news@agency.test:", ""},
		{"news%40agency.test@agency.test", ""},
		{".news@agency.test", ""},
		{"news-@agency.test", ""},
		{"___@agency.test", ""},
		{"two words@agency.test", ""},
		{"nеws@agency.test", ""}, // a Cyrillic е
		{"news@agency.test\x00", ""},
		{strings.Repeat("n", 65) + "@agency.test", ""},
	} {
		h, err := actor.ParseHandle(c.in)
		if c.want == "" {
			assert.Error(t, err, c.in)
			continue
		}
		if assert.NoError(t, err, c.in) {
			assert.Equal(t, c.want, h.String())
		}
	}
}

func FuzzParseHandle(f *testing.F) {
	for _, s := range []string{"news@agency.govt.nz", "@News@Pānui.nz", "acct:a@b:80", "a@@", "ß@ß.nz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := actor.ParseHandle(s)
		if err != nil {
			return
		}
		again, err := actor.ParseHandle("@" + h.String())
		assert.NoError(t, err)
		assert.Equal(t, h.String(), again.String())
		assert.NotContains(t, h.String(), "%")
		assert.Equal(t, 1, strings.Count(h.String(), "@"))
	})
}
