package blocklist

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhoIsBlockedIsNamedInOneForm(t *testing.T) {
	for _, c := range []struct{ text, subject, problem string }{
		{"evil.example", "evil.example", ""},
		{" Evil.EXAMPLE. ", "evil.example", ""},
		{"bücher.example", "xn--bcher-kva.example", ""},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example", ""},
		{"māori.example", "xn--mori-qsa.example", ""},
		{"evil。example", "evil.example", ""},
		{"a.b.c.evil.example", "a.b.c.evil.example", ""},
		{"EV--il.example", "ev--il.example", ""}, // the DNS has such names, and IDNA does not
		{"xn--a.example", "xn--a.example", ""},
		{"https://ev--il.example/users/mia", "https://ev--il.example/users/mia", ""},
		{"www.agency.govt.nz", "www.agency.govt.nz", ""},
		{"127.0.0.3", "127.0.0.3", ""},
		{"localhost", "localhost", ""},
		{"https://evil.example/users/mia", "https://evil.example/users/mia", ""},
		{"HTTPS://EVIL.example.:443/users/Mia", "https://evil.example/users/Mia", ""},
		{"https://evil.example:8443/users/mia", "https://evil.example:8443/users/mia", ""},
		{"https://bücher.example/users/mia?x=1", "https://xn--bcher-kva.example/users/mia?x=1", ""},
		{"http://127.0.0.3:8080/users/mia", "http://127.0.0.3:8080/users/mia", ""},

		{"nz", "nz", "a suffix under which anybody"},
		{"govt.nz", "govt.nz", "a suffix under which anybody"},
		{"github.io", "github.io", "a suffix under which anybody"},
		{"", "", "nobody is named"},
		{"ev*l.example", "", "hidden, and is not guessed"},
		{"*.evil.example", "", "hidden, and is not guessed"},
		{"mia@evil.example", "", "a handle"},
		{"evil.example:8443", "", "without https:// and port"},
		{"evil.example/users", "", "not a domain"},
		{"evil..example", "", "not a domain"},
		{".evil.example", "", "not a domain"},
		{"evil example", "", "not a domain"},
		{"192.0.2.7", "", "an address"},
		{"[2001:db8::1]", "", "an address"},
		{strings.Repeat("a", 64) + ".example", "", "not a domain"},
		{strings.Repeat("a", 3000), "", "longer than"},
		{"http://evil.example/users/mia", "", "begins with https"},
		{"ftp://evil.example/users/mia", "", "begins with https"},
		{"https://evil.example", "", "a server, not an actor"},
		{"https://evil.example/", "", "a server, not an actor"},
		{"https://evil.example/users/mia#main-key", "", "no fragment"},
		{"https://evil.example/users/mia aroha", "", "no space"},
		{"https://mia@evil.example/users/mia", "", "user information"},
		{"https:///users/mia", "", "its host: not a domain"},
	} {
		subject, err := Parse(c.text)
		assert.Equal(t, c.subject, subject, c.text)
		if c.problem == "" {
			assert.NoError(t, err, c.text)
		} else {
			assert.ErrorContains(t, err, c.problem, c.text)
		}
	}
}

func TestAListCoversDomainsWithWhatIsUnderThem(t *testing.T) {
	list := NewSet("evil.example", "xn--bcher-kva.example", "deep.under.example", "https://half.example/users/mia", "co.test")
	for id, covered := range map[string]string{
		"https://evil.example/users/mia":             "evil.example",
		"https://evil.example:8443/users/mia":        "evil.example",
		"http://evil.example":                        "evil.example",
		"https://Social.EVIL.Example./inbox":         "evil.example",
		"https://evil.example#key":                   "evil.example",
		"https://evil.example?x":                     "evil.example",
		"https://kauri.example@evil.example/mia":     "evil.example",
		"https://bücher.example/mia":                 "xn--bcher-kva.example",
		"https://www.xn--bcher-kva.example/mia":      "xn--bcher-kva.example",
		"https://x.deep.under.example/mia":           "deep.under.example",
		"https://half.example/users/mia":             "https://half.example/users/mia",
		"https://half.example/users/mia#main-key":    "https://half.example/users/mia",
		"https://HALF.example:443/users/mia":         "https://half.example/users/mia",
		"https://half.example/users/mia/":            "",
		"https://half.example/users/mia/followers":   "",
		"https://half.example/users/Mia":             "",
		"https://half.example/users/mia2":            "",
		"https://half.example:8443/users/mia":        "",
		"https://www.half.example/users/mia":         "",
		"https://under.example/mia":                  "",
		"https://notevil.example/mia":                "",
		"https://evil.example.com/mia":               "",
		"https://kauri.example/evil.example":         "",
		"https://kauri.example?https://evil.example": "",
		"evil.example":                               "",
		"":                                           "",
		"https://":                                   "",
	} {
		subject, found := list.ID(id)
		assert.Equal(t, covered, subject, id)
		assert.Equal(t, covered != "", found, id)
	}
	_, found := Set{}.ID("https://evil.example/mia")
	assert.False(t, found, "an empty list is nobody")
}

// Whoever names subjects one by one, as a database does, finds the same as a Set.
func TestSubjectsAreAllThatCoverAnID(t *testing.T) {
	assert.Equal(t, []string{"https://a.evil.example/mia", "a.evil.example", "evil.example", "example"}, Subjects("https://A.evil.example:443/mia#key"))
	assert.Equal(t, []string{"https://x.example/mia", "https://x.example:443/mia"}, Spellings("https://x.example/mia"))
	assert.Equal(t, []string{"https://x.example:8443/mia"}, Spellings("https://x.example:8443/mia"))
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"evil.example", "https://evil.example/users/mia", "bücher.example", "*.x", "a@b", "https://[::1]/x", "https://x.example:443/"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		subject, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(subject)
		require.NoError(t, err, subject)
		require.Equal(t, subject, again, "the one form is its own")
		covers := NewSet(subject)
		id := subject
		if !IsActor(subject) {
			id = "https://x." + subject + ":8443/users/mia"
		}
		_, found := covers.ID(id)
		require.True(t, found, id)
		_, found = covers.ID("https://elsewhere.test/?" + id)
		require.Equal(t, subject == "elsewhere.test" || subject == "test", found)
	})
}
