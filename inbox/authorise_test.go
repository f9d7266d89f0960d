package inbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// speech is one case of the matrix: alice has signed it.
type speech struct {
	kind, actor, id, object, author, owner string
	bare, blocked                          bool
}

// laws say in other words than the table what is refused. What no law forbids is allowed.
var laws = map[string]func(speech) bool{
	"nobody speaks for another": func(s speech) bool {
		return s.actor != ids["alice"]
	},
	"an activity has an id of its actor's server": func(s speech) bool {
		return !strings.HasPrefix(s.id, "https://peer.test/")
	},
	"nothing of ours is written from outside": func(s speech) bool {
		return s.writes() && strings.Contains(strings.ToLower(s.object), "://our.test")
	},
	"nobody says another's words": func(s speech) bool {
		return s.publishes() && !s.bare && s.object != ids["alice"] &&
			(s.author != ids["alice"] || !strings.HasPrefix(s.object, "https://peer.test/"))
	},
	"nobody changes what another said": func(s speech) bool {
		return (s.publishes() || s.kind == "Delete" || s.kind == "Undo") && s.owner != "" && s.owner != ids["alice"]
	},
	"nobody undoes what another did": func(s speech) bool {
		return s.kind == "Undo" && !s.bare && s.author != "" && s.author != ids["alice"]
	},
	"who is blocked may leave and take back, but say nothing": func(s speech) bool {
		return s.blocked && (s.publishes() || slices.Contains([]string{"Follow", "Like", "Announce", "Flag", "Move"}, s.kind))
	},
	"only an actor is followed": func(s speech) bool {
		return s.kind == "Follow" && s.object != ids["news"]
	},
}

func (s speech) publishes() bool { return s.kind == "Create" || s.kind == "Update" }
func (s speech) writes() bool {
	return s.publishes() || s.kind == "Delete" || s.kind == "Undo" || s.kind == "Move"
}

func TestAuthority(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.verified(aliceLikes)
	kinds := []string{"Accept", "Reject", "Add", "Remove", "QuoteRequest", "EmojiReact", "Frobnicate"}
	for kind := range authority {
		kinds = append(kinds, kind)
	}
	speakers := []string{ids["alice"], ids["bob"], ids["news"]}
	activities := []string{ids["alice"] + "/1", ids["carol"] + "/1", "https://peer.test.evil.test/1", "http://peer.test/1", "https://our.test/ap/activities/1"}
	objects := []string{ids["alice"], ids["alice"] + "/notes/1", ids["bob"] + "/notes/1", ids["carol"] + "/notes/1", ids["news"], ids["post"], "https://OUR.test/ap/objects/live", "http://our.test:80/ap/objects/live"}
	authors := []string{"", ids["alice"], ids["bob"], ids["news"], strings.ToUpper(ids["alice"]), ids["alice"] + "#x"}
	owners := []string{"", ids["alice"], ids["bob"], ids["carol"]}

	cases := 0
	for _, kind := range kinds {
		for _, actor := range speakers {
			for _, id := range activities {
				for _, object := range objects {
					for _, author := range authors {
						for _, owner := range owners {
							for flags := range 4 {
								s := speech{kind, actor, id, object, author, owner, flags&1 != 0, flags&2 != 0}
								refusal := authorise(alice, s.activity(), s.facts(w))
								if broken := s.broken(); (refusal != nil) != (len(broken) > 0) {
									assert.Failf(t, "the table and the laws differ", "%+v: refused %v, laws broken: %v", s, refusal, broken)
									return
								}
								cases++
							}
						}
					}
				}
			}
		}
	}
	t.Log(cases, "cases")
}

func (s speech) broken() []string {
	var names []string
	for name, forbids := range laws {
		if forbids(s) {
			names = append(names, name)
		}
	}
	return names
}

func (s speech) activity() as2.Activity {
	ref := as2.Ref{ID: s.object}
	if !s.bare {
		ref.Object = &as2.Object{ID: s.object, AttributedTo: s.author, Actor: s.author}
	}
	return as2.Activity{ID: s.id, Type: s.kind, Actor: s.actor, Object: []as2.Ref{ref}}
}

// facts stores what the owner said in one of the three ways.
func (s speech) facts(w *world) facts {
	f := facts{urls: w.URLs, blocked: s.blocked, remote: w.people.actors[ids["alice"]]}
	if local := w.Handler.actor(s.object); local != nil {
		f.concerns = []concern{{local, s.object}}
	}
	if s.owner == "" {
		return f
	}
	switch len(s.id+s.author) % 3 {
	case 0:
		f.followers = []store.Follower{{ID: s.owner}}
	case 1:
		f.received = []store.Received{{From: ids["alice"]}, {From: s.owner}}
	default:
		f.reactions = []store.Reaction{{From: s.owner}}
	}
	return f
}

// Whom we cannot answer, in our own turn or at all, is no follower.
func TestAFollowerHasAnInboxOfItsOwn(t *testing.T) {
	w := newWorld(t)
	alice, follow := w.verified(aliceFollows)
	remote := w.people.actors[ids["alice"]]
	bob, inOurs := remote, remote
	bob.ID = ids["bob"]
	inOurs.Inbox = ids["news"] + "/inbox"
	without := remote
	without.Inbox = ""
	for name, row := range map[string]struct {
		remote actor.Remote
		want   *signing.Refusal
	}{
		"a follower":                 {remote, nil},
		"somebody else":              {bob, refuse(actorUnusable, nil)},
		"a follower without inbox":   {without, refuse(actorUnusable, nil)},
		"a follower with our inbox":  {inOurs, refuse(actorUnusable, nil)},
		"a follower who is not read": {actor.Remote{}, refuse(actorUnusable, nil)},
	} {
		f := facts{urls: w.URLs, remote: row.remote, concerns: []concern{{w.Handler.actor(ids["news"]), ids["news"]}}}
		assert.Equal(t, row.want, authorise(alice, follow, f), name)
	}
}

// Whatever was read before, an activity about nothing has no object.
func TestAnActivityAboutNothing(t *testing.T) {
	w := newWorld(t)
	alice, _ := w.verified(aliceLikes)
	for _, kind := range []string{"Create", "Update", "Undo"} {
		a := as2.Activity{ID: ids["alice"] + "/1", Type: kind, Actor: ids["alice"]}
		assert.Nil(t, authorise(alice, a, facts{urls: w.URLs}), kind)
	}
}

func TestSameOrigin(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"https://peer.test/a", "https://peer.test/b", true},
		{"https://peer.test/a", "https://peer.test:443/a", false}, // as they are written
		{"https://peer.test/a", "http://peer.test/a", false},
		{"https://peer.test/a", "https://other.test/a", false},
		{"acct:a@peer.test", "acct:a@peer.test", false}, // no origin at all
		{"", "", false},
		{"https://peer.test/%zz", "https://peer.test/", false},
		{"https://peer.test/", "https://peer.test/%zz", false},
		{":", ":", false},
	} {
		assert.Equal(t, row.want, sameOrigin(row.a, row.b), "%s %s", row.a, row.b)
	}
}

// An activity need not name all that may be blocked.
func TestWhatIsNotNamedIsNotBlocked(t *testing.T) {
	w := newWorld(t)
	_, like := w.verified(aliceLikes)
	w.Handler.Blocked = func(id string) bool { return id == "" }
	assert.False(t, w.Handler.blocks(like, actor.Remote{}))
}

// Blocks are asked about every id that an activity names and that is not ours.
func TestBlocksAreAskedAboutEveryID(t *testing.T) {
	for _, activity := range []string{
		`{"id":"{alice}/1","type":"Like","actor":"{alice}","object":"{carol}/notes/1"}`,
		`{"id":"{alice}/1","type":"Move","actor":"{alice}","object":"{alice}","target":"{carol}"}`,
		`{"id":"{alice}/1","type":"Flag","actor":"{alice}","object":["{news}","{carol}"]}`,
		`{"id":"{alice}/1","type":"Create","actor":"{alice}","object":{"id":"{alice}/notes/1","attributedTo":"{alice}","inReplyTo":"{carol}/notes/1","to":["{news}"]}}`,
		`{"id":"{alice}/1","type":"Announce","actor":"{alice}","object":{"id":"{post}","attributedTo":"{carol}"}}`,
		`{"id":"{alice}/1","type":"Flag","actor":"{alice}","object":{"id":"{news}","actor":"{carol}"}}`,
	} {
		w := newWorld(t)
		w.Blocked = func(id string) bool {
			assert.False(t, w.URLs.Owns(id), "never about ours: %s", id)
			return strings.HasPrefix(id, ids["carol"])
		}
		assert.Equal(t, "403 actor-blocked", w.decided(activity), activity)
	}
}

// Whoever is blocked is refused before their server is asked for anything.
func TestABlockedActorWhoAsksToFollowIsNotLookedUp(t *testing.T) {
	w := newWorld(t)
	blocksAlice(w)
	w.people.fail = assert.AnError // to ask for the document would fail otherwise
	assert.Equal(t, 403, w.deliver(aliceFollows))
	assert.Equal(t, actorBlocked, w.lines.reason())
	assert.Zero(t, w.spy.asked)
}

// Who is not blocked may have an inbox on a server that is.
func TestAFollowerWithABlockedInboxIsRefused(t *testing.T) {
	w := newWorld(t)
	remote := w.people.actors[ids["alice"]]
	remote.Inbox = ids["mallory"] + "/inbox"
	w.people.actors[ids["alice"]] = remote
	w.Blocked = func(id string) bool { return strings.HasPrefix(id, ids["mallory"]) }
	assert.Equal(t, 403, w.deliver(aliceFollows))
	assert.Equal(t, actorBlocked, w.lines.reason())
	assert.Empty(t, w.spy.applied)
}

// What the resolver does not take is no follower; what may be had later is asked for again.
func TestWhoMayNotFollow(t *testing.T) {
	for _, tt := range []struct {
		fail   error
		inbox  string
		status int
		reason string
	}{
		{fmt.Errorf("inbox https://10.0.0.1/: %w", actor.ErrRefused), "", 403, actorUnusable},
		{actor.ErrGone, "", 403, actorUnusable},
		{signing.ErrUnreachable, "", 503, actorUnreachable},
		{nil, "https://our.test/ap/inbox", 403, actorUnusable},
		{nil, "https://OUR.test:443/other", 403, actorUnusable},
		{nil, "", 403, actorUnusable},
	} {
		w := newWorld(t)
		remote := w.people.actors[ids["alice"]]
		remote.Inbox = tt.inbox
		w.people.actors[ids["alice"]], w.people.fail = remote, tt.fail
		before := w.dump()
		assert.Equal(t, tt.status, w.deliver(aliceFollows), "%v", tt)
		assert.Equal(t, tt.reason, w.lines.reason())
		assert.Equal(t, before, w.dump())
	}
}
