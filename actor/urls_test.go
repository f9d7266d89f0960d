package actor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/actor"
)

var site = actor.URLs{Base: "https://www.agency.test"}

func TestEveryIDThatIsMadeIsRecognised(t *testing.T) {
	for _, u := range []actor.URLs{
		site,
		{Base: "https://agency.test", Prefix: "/fediverse/v1/"},
		{Base: "https://council.test/news/site"},
		{Base: "http://127.0.0.1:8080"},
	} {
		assert.NoError(t, u.Check())
		for kind, id := range map[actor.Kind]string{
			actor.KindActor:     u.Actor("a1"),
			actor.KindInbox:     u.Inbox("a1"),
			actor.KindOutbox:    u.Outbox("a1"),
			actor.KindFollowers: u.Followers("a1"),
			actor.KindFollowing: u.Following("a1"),
			actor.KindFeatured:  u.Featured("a1"),
			actor.KindObject:    u.Object("a1"),
			actor.KindReplies:   u.Replies("a1"),
			actor.KindActivity:  u.Activity("a1"),
		} {
			got, segment := u.Parse(id)
			assert.Equal(t, kind, got, id)
			assert.Equal(t, "a1", segment, id)
			assert.True(t, u.Owns(id), id)
		}
		kind, segment := u.Parse(u.SharedInbox())
		assert.Equal(t, actor.KindSharedInbox, kind)
		assert.Empty(t, segment)
		kind, _ = u.Parse(u.Key("a1", 0))
		assert.Equal(t, actor.Unknown, kind, "a key is no document of its own")
	}
}

func TestIDsAsTheyStand(t *testing.T) {
	assert.Equal(t, "https://www.agency.test/ap/actors/a1", site.Actor("a1"))
	assert.Equal(t, "https://www.agency.test/ap/actors/a1#main-key", site.Key("a1", 0))
	assert.Equal(t, "https://www.agency.test/ap/actors/a1#key-2", site.Key("a1", 1))
	assert.Equal(t, "https://www.agency.test/ap/inbox", site.SharedInbox())
	assert.Equal(t, "https://www.agency.test/ap/objects/o1/replies", site.Replies("o1"))
	assert.Equal(t, "www.agency.test", site.Host())
	assert.Equal(t, "agency.test:8443", actor.URLs{Base: "https://agency.test:8443/site"}.Host())
}

// B016, B034: only the one way of writing a path is answered; nothing is redirected.
func TestRoute(t *testing.T) {
	folder := actor.URLs{Base: "https://council.test/site"}
	for _, c := range []struct {
		u    actor.URLs
		path string
		want actor.Kind
	}{
		{site, "/ap/actors/a1", actor.KindActor},
		{site, "/ap/inbox", actor.KindSharedInbox},
		{site, "/ap/objects/" + strings.Repeat("a", 64), actor.KindObject},
		{folder, "/site/ap/actors/a1/outbox", actor.KindOutbox},

		{site, "", actor.NotOurs},
		{site, "/", actor.NotOurs},
		{site, "/ap", actor.NotOurs},
		{site, "/news/ap/actors/a1", actor.NotOurs},
		{site, "//ap/inbox", actor.NotOurs},
		{site, "/AP/inbox", actor.NotOurs},
		{folder, "/ap/actors/a1", actor.NotOurs},
		{folder, "/site2/ap/actors/a1", actor.NotOurs},

		{site, "/ap/", actor.Unknown},
		{site, "/ap/inbox/", actor.Unknown},
		{site, "/ap//inbox", actor.Unknown},
		{site, "/ap/actors", actor.Unknown},
		{site, "/ap/actors/", actor.Unknown},
		{site, "/ap/actors/a1/", actor.Unknown},
		{site, "/ap/actors/a1/inbox/", actor.Unknown},
		{site, "/ap/actors/a1/secret", actor.Unknown},
		{site, "/ap/actors/a%2Fb", actor.Unknown},
		{site, "/ap/actors/..%2f", actor.Unknown},
		{site, "/ap/actors/..", actor.Unknown},
		{site, "/ap/actors/%00", actor.Unknown},
		{site, "/ap/actors/māori", actor.Unknown},
		{site, "/ap/objects/o1/outbox", actor.Unknown},
		{site, "/ap/activities/x/replies", actor.Unknown},
		{site, "/ap/actors/" + strings.Repeat("a", 65), actor.Unknown},
	} {
		kind, segment := c.u.Route(c.path)
		assert.Equal(t, c.want, kind, c.path)
		assert.Equal(t, kind == actor.NotOurs || kind == actor.Unknown || kind == actor.KindSharedInbox, segment == "", c.path)
	}
}

func TestOwns(t *testing.T) {
	folder := actor.URLs{Base: "https://council.test/site"}
	dev := actor.URLs{Base: "http://127.0.0.1:8080"}
	for _, c := range []struct {
		u  actor.URLs
		id string
		is bool
	}{
		{site, "https://www.agency.test", true},
		{site, "https://www.agency.test/", true},
		{site, "https://www.agency.test/news?x#y", true},
		{site, "HTTPS://WWW.Agency.TEST/news", true},
		{site, "https://www.agency.test:443/ap/inbox", true},
		{site, "https://www.agency.test./ap/inbox", true},
		{site, "http://www.agency.test/ap/inbox", true},
		{site, "http://www.agency.test:80/ap/inbox", true},
		{site, "https://someone@www.agency.test/ap/inbox", true},
		{site, `https:\\www.agency.test\ap\inbox`, true},
		{folder, "https://council.test/site/x", true},
		{folder, "https://council.test/%73ite/x", true},
		{folder, "https://council.test/other/../site/x", true},
		{folder, "https://council.test/site/../other", true}, // by one of two readings: enough to refuse
		{dev, "http://127.0.0.1:8080/x", true},

		{site, "", false},
		{site, "https://www.agency.test.evil.test/", false},
		{site, "https://agency.test/", false},
		{site, "https://www.agency.test@evil.test/", false},
		{site, "https://www.agency.test:8443/", false},
		{site, "acct:news@www.agency.test", false},
		{site, "/ap/inbox", false},
		{folder, "https://council.test/", false},
		{folder, "https://council.test/site2", false},
		{dev, "http://127.0.0.1:8081/x", false},
	} {
		assert.Equal(t, c.is, c.u.Owns(c.id), "%s owns %s", c.u.Base, c.id)
	}
}

func TestCheckSaysWhatToWriteInstead(t *testing.T) {
	for _, c := range []struct {
		u    actor.URLs
		want string // "" is right
	}{
		{actor.URLs{Base: "https://agency.test"}, ""},
		{actor.URLs{Base: "https://agency.test:8443/site"}, ""},
		{actor.URLs{Base: "http://localhost:8080"}, ""},
		{actor.URLs{Base: "http://[::1]:8080"}, ""},
		{actor.URLs{}, `base URL "": write it as https://www.agency.govt.nz`},
		{actor.URLs{Base: "agency.test"}, `base URL "agency.test": write it as https://www.agency.govt.nz`},
		{actor.URLs{Base: "http://agency.test"}, `base URL "http://agency.test": only https works in the fediverse`},
		{actor.URLs{Base: "https://agency.test/"}, `base URL "https://agency.test/": leave out the slash at the end`},
		{actor.URLs{Base: "https://Agency.test:443/a"}, `base URL "https://Agency.test:443/a": write it as https://agency.test/a`},
		{actor.URLs{Base: "https://māori.test"}, `base URL "https://māori.test": write it as https://xn--mori-qsa.test`},
		{actor.URLs{Base: "https://agency.test?x"}, `base URL "https://agency.test?x": leave out user, query and fragment`},
		{actor.URLs{Base: "https://agency.test/a//b"}, `base URL "https://agency.test/a//b": its path may have letters, digits, - and _ only`},
		{actor.URLs{Base: "https://agency.test", Prefix: "ap"}, `prefix "ap": write it as /ap/`},
		{actor.URLs{Base: "https://agency.test", Prefix: "//"}, `prefix "//": write it as /ap/`},
	} {
		if err := c.u.Check(); c.want == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, c.want)
		}
	}
}

func FuzzRoute(f *testing.F) {
	for _, path := range []string{"/ap/actors/a1/inbox", "/ap/inbox", "/ap//", "/ap/actors/%2e%2e", "/"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		kind, segment := site.Route(path)
		if kind == actor.NotOurs || kind == actor.Unknown {
			assert.Empty(t, segment)
			return
		}
		again, same := site.Parse(site.Base + path)
		assert.Equal(t, kind, again)
		assert.Equal(t, segment, same)
		assert.True(t, site.Owns(site.Base+path))
	})
}

func TestRouteAllocatesNothing(t *testing.T) {
	u := actor.URLs{Base: "https://council.test/site"}
	assert.Zero(t, testing.AllocsPerRun(100, func() { u.Route("/site/ap/actors/mzxw6ytboi/followers") }))
}

func BenchmarkRoute(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		site.Route("/ap/actors/mzxw6ytboi/followers")
	}
}
