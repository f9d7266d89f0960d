package actor_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// keyOf wraps a signer; the RSA-3072 one is made once for all tests.
func keyOf(t testing.TB, signer crypto.Signer) *signing.Key {
	t.Helper()
	key, err := signing.New(signer)
	require.NoError(t, err)
	return key
}

var agencyKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		panic(err)
	}
	return key
})

func ministry(t testing.TB) actor.Profile {
	return actor.Profile{
		Handle:    "News@Agency.test",
		Name:      "Ministry of Examples",
		Key:       keyOf(t, agencyKey()),
		ID:        "ministry",
		Summary:   `<p>News of the <strong>Ministry</strong>. <a href="https://www.agency.test/about" onclick="x()">About us</a></p><script>x()</script><table><tr><td>kept text</td></tr></table>`,
		URL:       "https://www.agency.test/news",
		Icon:      actor.Image{URL: "https://www.agency.test/logo.png", Alt: "A fern"},
		Header:    actor.Image{URL: "https://cdn.test/header", MediaType: "image/jpeg", Alt: "Wellington Harbour"},
		Fields:    []actor.Field{{Name: "Website & contact", Value: "https://www.agency.test/?a=1&b=2"}, {Name: "Phone", Value: "04 <123> & 456"}},
		Languages: []string{"en-NZ", "mi"},
		Since:     time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestTheDocumentOfAnActor(t *testing.T) {
	p := ministry(t)
	p.ApproveFollowers = true
	p.AlsoKnownAs = []string{"https://mastodon.test/users/ministry"}
	l, err := actor.NewLocal(p, site, signing.Policy{})
	require.NoError(t, err)
	assert.Equal(t, "https://www.agency.test/ap/actors/ministry", l.ID)
	assert.Equal(t, l.ID+"#main-key", standing(t, l).KeyID)
	assert.Equal(t, "news@agency.test", l.Handle.String())

	document := jsontext.Value(strings.ReplaceAll(string(standing(t, l).Document), escaped(t, p.Key.PublicPEM()), `"PEM"`))
	require.NoError(t, document.Indent())
	golden(t, "testdata/ministry.json", string(document)+"\n")

	read, err := as2.ReadActor(standing(t, l).Document, limits.Default())
	require.NoError(t, err, "a strict reader takes it")
	assert.Equal(t, []as2.Key{{ID: standing(t, l).KeyID, Owner: l.ID, PEM: p.Key.PublicPEM()}}, read.Keys)
	assert.Equal(t, site.SharedInbox(), read.SharedInbox)
}

func TestTheLeastThatAnActorNeeds(t *testing.T) {
	l, err := actor.NewLocal(actor.Profile{Handle: "@news@agency.test", Name: "Ministry", Key: keyOf(t, agencyKey())}, site, signing.Policy{})
	require.NoError(t, err)
	assert.Regexp(t, `^[a-z2-7]{16}$`, l.Segment, "opaque")
	assert.Equal(t, "https://www.agency.test/", l.URL)
	for _, absent := range []string{"null", `"icon"`, `"attachment"`, `"summary"`, `"published":`, `"alsoKnownAs":[`} {
		assert.NotContains(t, string(standing(t, l).Document), absent)
	}

	again, err := actor.NewLocal(actor.Profile{Handle: "NEWS@Agency.TEST", Name: "Ministry", Key: keyOf(t, agencyKey())}, site, signing.Policy{})
	require.NoError(t, err)
	assert.Equal(t, l.ID, again.ID, "the same handle has the same id")
}

func TestAHiddenActorAsksToBeLeftOut(t *testing.T) {
	p := ministry(t)
	p.Hidden = true
	l, err := actor.NewLocal(p, site, signing.Policy{})
	require.NoError(t, err)
	assert.Contains(t, string(standing(t, l).Document), `"discoverable":false,"indexable":false`)
}

func TestNewLocalNamesEveryMistakeAtOnce(t *testing.T) {
	_, err := actor.NewLocal(actor.Profile{Handle: "news", Type: "Robot", Languages: []string{"English, please"}}, actor.URLs{}, signing.Policy{})
	for _, mistake := range []string{"base URL", `handle "news": write it as`, "name: write what", "key: make one", "type \"Robot\": use one of", `language "English, please"`} {
		assert.ErrorContains(t, err, mistake)
	}
}

func TestMistakesInAProfile(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	long := strings.Repeat("ā", 4_000)
	for _, c := range []struct {
		mistake string // part of the error; "" is none
		make    func(*actor.Profile)
	}{
		{"", func(p *actor.Profile) {}},
		{"", func(p *actor.Profile) { p.Summary = strings.Repeat("ā", 2_048) }},
		{"", func(p *actor.Profile) { p.Name = long[:256] }},
		{"its domain is not one of the public network", func(p *actor.Profile) { p.Handle = "news@intranet" }},
		{"name: 4000 characters, where 128 are shown", func(p *actor.Profile) { p.Name = long }},
		{"name: leave out control characters", func(p *actor.Profile) { p.Name = "Ministry\nof Examples" }},
		{"name: leave out control characters", func(p *actor.Profile) { p.Name = "Ministry \xff" }},
		{"forbids our key", func(p *actor.Profile) { p.Key = keyOf(t, small) }},
		{"forbids our key", func(p *actor.Profile) { p.Key = keyOf(t, edwards) }},
		{"id \"a/b\": use up to 64 letters", func(p *actor.Profile) { p.ID = "a/b" }},
		{"summary: 4000 characters of HTML, where 2048 are shown", func(p *actor.Profile) { p.Summary = long }},
		{"use a page on www.agency.test", func(p *actor.Profile) { p.URL = "https://agency.test/news" }},
		{"url \"/news\": write a whole https URL", func(p *actor.Profile) { p.URL = "/news" }},
		{"icon \"http://www.agency.test/a.png\": write a whole https URL", func(p *actor.Profile) { p.Icon.URL = "http://www.agency.test/a.png" }},
		{"icon \"https://www.agency.test/a.svg\": use one of image/png", func(p *actor.Profile) { p.Icon.URL = "https://www.agency.test/a.svg" }},
		{"say in Alt what it shows", func(p *actor.Profile) { p.Icon.Alt = " " }},
		{"header \"\": write a whole https URL", func(p *actor.Profile) { p.Header = actor.Image{Alt: "A bay"} }},
		{"fields: 17 of them", func(p *actor.Profile) { p.Fields = make([]actor.Field, 17) }},
		{"field \"Phone\": give it a name and a value", func(p *actor.Profile) { p.Fields = []actor.Field{{Name: "Phone"}} }},
		{"field \"Phone\": use up to 255 characters", func(p *actor.Profile) { p.Fields = []actor.Field{{Name: "Phone", Value: long}} }},
		{"field \"Phone\": leave out control characters", func(p *actor.Profile) { p.Fields = []actor.Field{{Name: "Phone", Value: "1\n2"}} }},
		{"not its handle", func(p *actor.Profile) { p.AlsoKnownAs = []string{"@news@mastodon.test"} }},
	} {
		p := ministry(t)
		c.make(&p)
		_, err := actor.NewLocal(p, site, signing.Policy{})
		if c.mistake == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, c.mistake)
		}
	}
	p := ministry(t)
	p.Key = keyOf(t, edwards)
	_, err = actor.NewLocal(p, site, signing.Fediverse())
	assert.ErrorContains(t, err, "use RSA, the only kind that every server checks")
}

func TestASiteInAFolderOnThisMachine(t *testing.T) {
	p := actor.Profile{Handle: "news@localhost:8080", Name: "Trial", Key: keyOf(t, agencyKey()), Icon: actor.Image{URL: "http://localhost:8080/a.png", Alt: "A fern"}}
	l, err := actor.NewLocal(p, actor.URLs{Base: "http://localhost:8080/site"}, signing.Policy{})
	require.NoError(t, err)
	assert.Equal(t, "http://localhost:8080/site", l.URL)
}

func escaped(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	require.NoError(t, err)
	return string(b)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
