package panui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// notThere are GETs of paths that nothing answers.
func notThere(paths ...string) (tries []try) {
	for _, path := range paths {
		tries = append(tries, try{path, get(path), 404, "", 0})
	}
	return tries
}

// M1 to M3: where visitors are sent.
func advisoriesOfVisitors() []advisory {
	letterTo := func(path string) try { return try{path, forged(aliceReplies, forge{to: path}), 404, "", 0} }
	return []advisory{
		{known: "CVE-2026-33868 of Mastodon", row: row{
			id: "M1", must: "nothing is redirected, so nobody can be sent elsewhere: 404", but: publicPage, scene: scene{public: true},
			tries: notThere("//evil.test/", "/%2Fevil.test", `/\evil.test`, "/ap/%2Fevil.test", "/ap//evil.test", "/web/%2Fevil.test", "/ap/actors/news//evil.test", "/ap/%0d%0aLocation:%20https://evil.test", "/.well-known//evil.test", "/ap/https:evil.test"),
			test:  func(t *testing.T, _ *world) { redirects.check(t) },
		}},
		{known: "Go ServeMux (measured)", row: row{
			id: "M2", must: "a letter to a path that is not exactly an inbox: 404, never a redirect that would bring it again; names in paths are not decoded", but: byNetHTTP(spared{}),
			tries: []try{
				letterTo("/ap//inbox"), letterTo("/ap/./inbox"), letterTo("/ap/actors//news/inbox"), letterTo("/ap/actors/news%2Finbox"), letterTo("/ap/actors/%00/inbox"),
				letterTo("/ap/actors/..%2f..%2fetc%2fpasswd/inbox"), letterTo("/ap/actors/../actors/news/inbox"), letterTo("/ap/actors/a%2Fb/inbox"), letterTo("/ap/actors/" + strings.Repeat("a", 65) + "/inbox"),
			},
		}},
		{known: "Remote-follow helper of our own", absent: []absent{remoteFollow}, row: row{
			id: "M3", must: "there is no page that sends a visitor to a server of their choice, and WebFinger names no template of one",
		}},
	}
}

// N1 to N10: what is not public.
func advisoriesOfLeaks() []advisory {
	reports := func(name, object string) try {
		return try{name, says(act("alice", "Flag", object)), 202, "ignored", 0}
	}
	return []advisory{
		{known: "CVE-2026-25808 of Hollo", row: row{
			id: "N1", must: "drafts and news under embargo never reach the library: an item of tomorrow is refused. What is withdrawn is in no list and count, and its page is a tombstone without words", test: unpublished,
		}},
		{known: "CVE-2025-30741 of Pixelfed", row: row{
			id: "N2", must: "who asks to follow, where a person decides, is no follower: not counted, and nothing is sent",
			scene: scene{config: func(c *panui.Config) { c.Actors[0].ApproveFollowers = true }}, test: onlyAsked,
		}},
		{known: "CVE-2025-66402 of Misskey", absent: []absent{archives}, row: row{
			id: "N3", must: "nothing is exported; every page asks the same store query for what is live",
		}},
		{known: "mastodon#15589 / #15592", row: row{
			id: "N4", must: "what is not public is unknown under every form of its URL, and what is withdrawn has no words under any", but: publicPage,
			tries: notThere("{draft}", "{draft}?page=true", "{draft}/activity", "{draft}/replies", "{draft}/", "{draft}%23", "{our}/ap/activities/00000000000000000000000000", "{gone}/replies?page=true", "{gone}/activity"),
			test:  everyForm,
		}},
		{known: "CVE-2025-67500 of Mastodon", row: row{
			id: "N5", must: "what exists but is not public and what never did: the same answer, to the byte. Drafts are not in the store, so there is no time to tell them by", but: publicPage,
			test: func(t *testing.T, w *world) {
				want := w.send(get("{draft}")(w).wire())
				require.Equal(t, http.StatusNotFound, want.status)
				for _, unseen := range []string{w.queue()[0].Activity, "{our}/ap/objects/" + strings.Repeat("z", 26), "{our}/ap/activities/" + strings.Repeat("z", 26), "{our}/ap/actors/nobody", "{our}/ap/actors/nobody/outbox"} {
					assert.Equal(t, want, w.send(get(unseen)(w).wire()), unseen)
				}
			},
		}},
		{known: "Pleroma 2.4.3", row: row{
			id: "N6", must: "a signed GET gets what an unsigned one gets, so a cache between can give nothing away", but: publicPage, scene: scene{public: true}, test: signedOrNot,
		}},
		{known: "CVE-2023-3706 of the WordPress plugin", row: row{
			id: "N7", must: "ids cannot be counted up: 404 under every endpoint", but: publicPage, scene: scene{public: true},
			test: func(t *testing.T, w *world) {
				for n := range 50 {
					for _, form := range []string{"/ap/objects/%d", "/ap/objects/%d/replies", "/ap/activities/%d", "/ap/actors/%d", "/ap/actors/%d/outbox?page=true", "/?p=%d", "/ap/objects/news-%d"} {
						path := fmt.Sprintf(form, n)
						require.Equal(t, http.StatusNotFound, w.send(get(path)(w).wire()).status, path)
					}
				}
			},
		}},
		{known: "CVE-2024-23649 of Lemmy", row: row{
			id: "N8", must: "a report shows its sender nothing, whatever it names: the same empty 202", tries: []try{
				reports("a reply of another", `"{bob}/notes/1"`), reports("a draft", `"{draft}"`), reports("an answer to bob", `"{our}/ap/activities/1"`), reports("many", `["{bob}/notes/1","{draft}","{gone}1"]`),
			},
			test: func(t *testing.T, w *world) {
				unknown := w.send(w.letter(act("alice", "Flag", `"{draft}"`), forge{}).wire())
				assert.Equal(t, unknown, w.send(w.letter(strings.Replace(act("alice", "Flag", `"{post}"`), "acts/1", "acts/2", 1), forge{}).wire()))
				assert.Empty(t, unknown.body)
			},
		}},
		{known: "wordpress-activitypub#2082 of the WordPress plugin", row: row{
			id: "N9", must: "a handle is written into the configuration and made of nothing else: New refuses one that is missing or no handle", test: namedOnPurpose,
		}},
		{known: "Direct messages to us", row: row{
			id: "N10", must: "what is not addressed to everybody is kept for the agency's people only: never shown, in no collection, and not in the log",
			scene: scene{config: func(c *panui.Config) { c.Mode = inbox.Converse }}, test: directMessage,
		}},
	}
}

func unpublished(t *testing.T, w *world) {
	item := outbox.Item{Key: "30", URL: w.base + "/news/30", Title: "Embargoed", HTML: "<p>Not yet.</p>", Language: "en-NZ", Published: time.Now().Add(24 * time.Hour)}
	_, err := w.site.Publish(t.Context(), item)
	assert.ErrorContains(t, err, "in the future")
	for _, page := range []string{"{news}/outbox", "{news}/outbox?page=true", "{news}/featured", "/.well-known/nodeinfo", "/ap/nodeinfo/2.1", "{news}"} {
		body := w.send(get(page)(w).wire()).body
		assert.NotContains(t, body, w.fill("{gone}"), page)
		assert.NotContains(t, body, "Embargoed", page)
	}
	assert.Contains(t, w.send(get("{news}/outbox")(w).wire()).body, `"totalItems":1`)
	gone := w.send(get("{gone}")(w).wire())
	assert.Equal(t, http.StatusGone, gone.status)
	assert.NotContains(t, gone.body, "Road")
}

func onlyAsked(t *testing.T, w *world) {
	require.Equal(t, http.StatusAccepted, w.send(w.letter(malloryFollows, forge{by: "mallory"}).wire()).status)
	assert.Contains(t, w.send(get("{news}/followers")(w).wire()).body, `"totalItems":0`)
	_, err := w.site.Publish(t.Context(), outbox.Item{Key: "31", URL: w.base + "/news/31", Title: "Road open", HTML: "<p>Since Tuesday.</p>", Language: "en-NZ"})
	require.NoError(t, err)
	assert.Empty(t, w.queue(), "neither an Accept nor news")
	rows, err := w.store.Followers(t.Context(), store.FollowerQuery{ID: w.fill("{mallory}")})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, store.Requested, rows[0].State)
}

func everyForm(t *testing.T, w *world) {
	for _, form := range []string{"{gone}", "{gone}?page=true", "{gone}/replies", "{news}/outbox?page=true", "{news}/featured"} {
		got := w.send(get(form)(w).wire())
		assert.NotContains(t, got.body, w.fill("{our}/news/18"), form)
	}
	posts, err := w.store.Posts(t.Context(), store.PostQuery{ID: w.fill("{gone}"), Limit: 1})
	require.NoError(t, err)
	require.Len(t, posts, 1)
	if said := posts[0].Activity; assert.NotEmpty(t, said) {
		got := w.send(get(said)(w).wire())
		assert.NotContains(t, got.body, "Until Monday", "nor under the id of its Create")
	}
}

func signedOrNot(t *testing.T, w *world) {
	for _, page := range pages {
		target := strings.TrimPrefix(w.fill(page), w.base)
		l := w.letter("", forge{covers: "(request-target) host date", target: target})
		same(t, w, get(page), get(page, "Signature: "+strings.Replace(l.field("Signature"), "post ", "get ", 1), "Date: "+l.field("Date")))
		assert.NotContains(t, w.send(get(page)(w).wire()).header.Get("Vary"), "Signature")
	}
}

func namedOnPurpose(t *testing.T, w *world) {
	for _, handle := range []string{"", "news", "@", "news@", "@our.test", "jane@agency@our.test", "jane doe@our.test", "jane+work@our.test", "<b>@our.test", "né@our.test", "news@our.test/", strings.Repeat("n", 65) + "@our.test"} {
		_, err := panui.New(panui.Config{
			BaseURL: "https://our.test", Store: memory.New(), Keys: signing.Fediverse(),
			Actors: []actor.Profile{{Handle: handle, Name: "News", Key: siteKey()}},
		})
		assert.ErrorContains(t, err, "handle", handle)
	}
	assert.Contains(t, w.send(get("{news}")(w).wire()).body, `"preferredUsername":"news"`, "as it is written there")
}

func directMessage(t *testing.T, w *world) {
	w.log.clear()
	direct := strings.ReplaceAll(malloryReplies, `"to":["{public}"]`, `"to":["{news}"]`)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(direct, forge{by: "mallory"}).wire()).status)
	rows := w.received(store.ReceivedQuery{ID: w.fill("{mallory}/notes/1")})
	require.Len(t, rows, 1)
	assert.Equal(t, store.Noted, rows[0].State)
	err := w.site.Moderator().Decide(t.Context(), inbox.Decision{Actor: w.fill("{news}"), ID: rows[0].ID, State: store.Shown, By: "Aroha", Seen: rows[0].At})
	assert.Error(t, err, "not even by mistake")
	for _, page := range append([]string{"{post}/replies", "{post}/replies?page=true"}, pages...) {
		body := w.send(get(page)(w).wire()).body
		assert.NotContains(t, body, w.fill("{mallory}"), page)
		assert.NotContains(t, body, secret, page)
	}
	for _, e := range w.log.events() {
		assert.NotContains(t, e.json, secret)
	}
}

// O1 to O3: who follows whom.
func advisoriesOfFollowers() []advisory {
	return []advisory{
		{known: "CVE-2026-22246 of Mastodon", row: row{
			id: "O1", must: "who follows is a number: no page, no parameter and no log line names one", but: publicPage, test: onlyCounted,
		}},
		{known: "CVE-2025-27399 of Mastodon", row: row{
			id: "O2", must: "who is blocked is served nowhere", but: publicPage, scene: scene{config: blockedByName},
			tries: notThere("/api/v1/instance/domain_blocks", "/api/v1/domain_blocks", "/ap/blocks", "/ap/actors/news/blocks", "/ap/actors/news/blocked", "/about/more"),
			test: func(t *testing.T, w *world) {
				for _, page := range append([]string{"/ap/nodeinfo/2.1", "/.well-known/host-meta"}, pages...) {
					assert.NotContains(t, w.send(get(page)(w).wire()).body, "blocked.test", page)
				}
			},
		}},
		{known: "FEP-8fcf of all projects", absent: []absent{followerSync}, row: row{
			id: "O3", must: "followers are not compared with other servers, so no server can ask for those of another",
		}},
	}
}

func onlyCounted(t *testing.T, w *world) {
	w.log.clear()
	require.Equal(t, http.StatusAccepted, w.send(w.letter(malloryFollows, forge{by: "mallory"}).wire()).status)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(act("mallory", "Undo", malloryFollows), forge{by: "mallory"}).wire()).status)
	for _, e := range w.log.events() {
		assert.NotContains(t, e.json, "mallory")
	}
	same(t, w, get("{news}/followers"), get("{news}/followers?page=true"), get("{news}/followers?page=1"), get("{news}/followers?domain=127.0.0.2"), get("{news}/followers?cursor=0"))
	for _, page := range append([]string{"{news}/following", "{post}/replies", "/ap/nodeinfo/2.1"}, pages...) {
		body := w.send(get(page)(w).wire()).body
		for _, who := range []string{"{alice}", "{bob}", "{mallory}"} {
			assert.NotContains(t, body, w.fill(who), page)
		}
	}
	assert.Contains(t, w.send(get("{news}/followers")(w).wire()).body, `"totalItems":2`)
}
