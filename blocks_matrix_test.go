package panui_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/inbox"
	"github.com/panui/panui/store"
)

// origins are how the origin of an id may be written, and whether the blocks of
// evil.example and bücher.example cover it. Strange ones are never asked for.
var origins = []struct {
	origin  string
	covered bool
	strange bool
}{
	{"https://evil.example", true, false},
	{"https://social.evil.example", true, false},
	{"https://a.b.evil.example", true, false},
	{"https://evil.example:443", true, false},
	{"https://xn--bcher-kva.example", true, false},
	{"https://evil.example:8443", true, true},
	{"https://EVIL.example", true, true},
	{"https://evil.example.", true, true},
	{"https://bücher.example", true, true},
	{"http://evil.example", true, true},
	{"https://notevil.example", false, false},
	{"https://evil.example.com", false, false},
	{"https://evil.exampl", false, false},
	{"https://evil.example.kauri.example", false, false},
	{"https://xn--bcher-kvb.example", false, false},
}

// position is a place in a request where an id may stand.
type position struct {
	name   string
	letter func(w *world, id string) letter

	// Status and reason where the id is blocked, where it is blocked and strange,
	// and where it is neither.
	blocked, strange, free string

	asks bool // the server of the id is asked, unless it is blocked
}

// named is a position in what alice says, who is not blocked.
func named(name, body string) position {
	return position{
		name:    name,
		letter:  func(w *world, id string) letter { return w.letter(strings.ReplaceAll(body, "{id}", id), forge{}) },
		blocked: "403 actor-blocked", strange: "403 actor-blocked", free: "202",
	}
}

func positions() []position {
	followed := named("what is followed", act("alice", "Follow", `"{id}"`))
	followed.free = "404 no-such-actor"
	return []position{
		{"key", func(w *world, id string) letter { return w.letter(aliceIgnored, forge{keyID: id + "#main-key"}) },
			"403 host-blocked", "401 key-id-refused", "401 key-unknown", true},
		{"owner of the key", ownedBy, "401 key-unknown", "401 key-unknown", "401 key-unknown", true},
		{"inbox of a follower", func(w *world, id string) letter { return followsWith(w, id, "") }, "401 key-unknown", "401 key-unknown", "202", false},
		{"shared inbox of a follower", func(w *world, id string) letter { return followsWith(w, "", id) }, "202", "202", "202", false},
		followed,
		named("object of a like", act("alice", "Like", `"{id}"`)),
		named("object of a boost", act("alice", "Announce", `"{id}"`)),
		named("author of a boosted object", act("alice", "Announce", `{"id":"{draft}","type":"Note","attributedTo":"{id}"}`)),
		named("actor of an embedded activity", act("alice", "Announce", `{"id":"{draft}","type":"Create","actor":"{id}"}`)),
		named("what is replied to", strings.Replace(aliceReplies, `"inReplyTo":"{post}"`, `"inReplyTo":"{id}"`, 1)),
		named("second thing that is reported", act("alice", "Flag", `["{draft}","{id}"]`)),
		named("target of a move", act("alice", "Move", `"{alice}","target":"{id}"`)),
	}
}

func (p position) want(covered, strange bool) string {
	switch {
	case covered && strange:
		return p.strange
	case covered:
		return p.blocked
	}
	return p.free
}

// ownedBy is a letter by an actor whose key lies on a server that is not blocked.
func ownedBy(w *world, id string) letter {
	key := fmt.Sprintf("{evil}/keys/%x", id)
	w.evil.serve(strings.TrimPrefix(key, "{evil}"), document(w.fill(bareKey(key, id, privateKey("mallory").Public()))))
	return w.letter(act("mallory", "Like", `"{post}"`), forge{by: "mallory", keyID: key})
}

// followsWith is a Follow by somebody of the victim's server with inboxes elsewhere.
func followsWith(w *world, inbox, shared string) letter {
	name := fmt.Sprintf("f%x", inbox+shared)
	id := "{victim}/users/" + name
	page := person(id, privateKey("alice").Public())
	if inbox != "" {
		page = personWith(id, inbox, id+"#main-key", id, pemOf(privateKey("alice").Public()))
	}
	if shared != "" {
		page = strings.Replace(page, `"publicKey"`, `"endpoints":{"sharedInbox":"`+shared+`"},"publicKey"`, 1)
	}
	w.victim.serve("/users/"+name, document(w.fill(page)))
	return w.letter(strings.ReplaceAll(aliceFollows, "{alice}", id), forge{keyID: id + "#main-key"})
}

// Every position of an id, times every way to write the origin of one that is
// blocked, or is only near one.
func TestBlocksAreObeyedOnEveryID(t *testing.T) {
	for _, p := range positions() {
		t.Run(p.name, func(t *testing.T) {
			w := newWorld(t, "memory", scene{})
			for _, domain := range []string{"evil.example", "bücher.example"} {
				require.NoError(t, w.site.Moderator().Block(t.Context(), inbox.Block{Subject: domain, By: "Hana", Reason: "spam"}))
			}
			for i, o := range origins {
				w.log.clear()
				host := strings.TrimPrefix(o.origin, "https://")
				if p.asks && !o.covered {
					w.names.know(host+".", "10.0.0.1") // an address that is refused, so that the answer is quick
				}
				id := fmt.Sprintf("%s/users/mia%d", o.origin, i)
				if p.name == "shared inbox of a follower" {
					id = o.origin + "/inbox"
				}
				kept := w.asked()
				got := w.send(p.letter(w, id).wire())
				words := fmt.Sprint(got.status)
				if events := w.log.events(); got.status != http.StatusAccepted && len(events) > 0 {
					words += " " + events[0].code
				}
				want := p.want(o.covered, o.strange)
				if p.name == "key" && host == "bücher.example" {
					want = "400 signature-malformed" // a field of the header is ASCII
				}
				assert.Equal(t, want, words, "%s\n%v", id, w.log.events())
				if got.status != http.StatusAccepted {
					assert.Equal(t, kept, w.asked(), "nothing may be stored: %s", id)
				}
				assert.Equal(t, p.asks && !o.covered, slices.Contains(w.names.lookups(), strings.ToLower(host)+"."), "a blocked server is not even looked up: %s", id)
			}
			for _, f := range w.followersWhole() {
				assert.NotContains(t, f.SharedInbox, "evil.example", "no shared inbox of another server is used")
			}
		})
	}
}

func (w *world) followersWhole() []store.Follower {
	w.Helper()
	rows, err := w.store.Followers(w.Context(), store.FollowerQuery{Limit: 1000})
	require.NoError(w, err)
	return rows
}

// Mallory alone is blocked: what she says is refused, whatever it is and however
// her id is written, but that she takes back what is hers. Her neighbours go on.
func TestABlockedActorIsRefusedWhateverItSays(t *testing.T) {
	for _, backend := range []string{"memory", "sqlite"} {
		t.Run(backend, func(t *testing.T) {
			w := newWorld(t, backend, scene{})
			w.evil.serve("/users/malcolm", document(w.fill(person("{evil}/users/malcolm", privateKey("mallory").Public()))))
			require.Equal(t, 202, w.send(w.letter(malloryReplies, forge{by: "mallory"}).wire()).status)
			require.NoError(t, w.site.Moderator().Block(t.Context(), inbox.Block{Subject: w.fill("{mallory}"), By: "Hana", Reason: "abuse"}))
			refused := w.received(store.ReceivedQuery{From: w.fill("{mallory}")})
			require.Len(t, refused, 1)
			assert.Equal(t, store.Refused, refused[0].State)

			say := func(body string, f forge) string {
				w.log.clear()
				got := w.send(w.letter(body, f).wire())
				require.Len(t, w.log.events(), 1)
				return fmt.Sprint(got.status, " ", w.log.events()[0].code)
			}
			mallory := forge{by: "mallory"}
			for _, body := range []string{malloryFollows, strings.Replace(malloryReplies, "notes/1", "notes/2", 1), act("mallory", "Like", `"{post}"`),
				act("mallory", "Announce", `"{post}"`), act("mallory", "Flag", `"{news}"`), act("mallory", "Move", `"{mallory}","target":"{alice}"`),
				strings.Replace(malloryReplies, `"Create"`, `"Update"`, 1)} {
				kept := w.tables()
				assert.Equal(t, "403 actor-blocked", say(body, mallory), body)
				assert.Equal(t, kept, w.tables())
			}
			assert.Equal(t, "202 retracted", say(act("mallory", "Delete", `"{mallory}/notes/1"`), mallory), "she may take back")
			assert.Equal(t, "202 accepted", say(strings.ReplaceAll(malloryFollows, "{mallory}", "{evil}/users/malcolm"), forge{by: "mallory", keyID: "{evil}/users/malcolm#main-key"}))
		})
	}
}

// A blocked server is asked for nothing, so that nobody there can prove that a
// deletion is theirs (docs/privacy.md has the reason), whether its key is
// remembered or not. What was said is erased by who blocks.
func TestABlockedServersDeletionIsRefusedWithoutAskingIt(t *testing.T) {
	for _, backend := range []string{"memory", "sqlite"} {
		t.Run(backend, func(t *testing.T) {
			w := newWorld(t, backend, scene{})
			mallory := forge{by: "mallory"}
			require.Equal(t, 202, w.send(w.letter(malloryReplies, mallory).wire()).status, "her key is remembered")
			how := inbox.Block{Subject: "127.0.0.3", By: "Hana", Reason: "spam"}
			require.NoError(t, w.site.Moderator().Block(t.Context(), how))
			kept, dialled := w.tables(), w.dialled()
			for name, one := range map[string]struct {
				body string
				by   forge
				want string
			}{
				"of what is hers":        {act("mallory", "Delete", `"{mallory}/notes/1"`), mallory, "403 host-blocked"},
				"of herself":             {act("mallory", "Delete", `"{mallory}"`), mallory, "403 host-blocked"},
				"by a neighbour":         {by("{evil}/users/malcolm", act("alice", "Delete", `"{mallory}/notes/1"`)), forge{by: "mallory", keyID: "{evil}/users/malcolm#main-key"}, "403 host-blocked"},
				"by alice, of hers":      {act("alice", "Delete", `"{mallory}/notes/1"`), forge{}, "403 stored-for-another"},
				"by alice, as if by her": {act("mallory", "Delete", `"{mallory}/notes/1"`), forge{}, "403 actor-not-signer"},
			} {
				w.log.clear()
				got := w.send(w.letter(one.body, one.by).wire())
				require.Len(t, w.log.events(), 1, name)
				assert.Equal(t, one.want, fmt.Sprint(got.status, " ", w.log.events()[0].code), name)
			}
			assert.Equal(t, kept, w.tables(), "refused is refused")
			assert.Equal(t, dialled, w.dialled(), "and nobody is asked")

			how.Erase = true
			require.NoError(t, w.site.Moderator().Block(t.Context(), how))
			theirs := w.received(store.ReceivedQuery{From: w.fill("{mallory}")})
			require.Len(t, theirs, 1)
			assert.Empty(t, theirs[0].Body)
		})
	}
}
