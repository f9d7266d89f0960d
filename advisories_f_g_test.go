package panui_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// F1 to F4: repetition and order.
func advisoriesOfOrder() []advisory {
	var at time.Time // of the site's clock, which stands still
	written := func(name string, status int, code, layout string, off time.Duration) try {
		return try{name, func(w *world) letter {
			return w.letter(aliceIgnored, forge{head: []string{"Date: " + at.Add(off).Format(layout)}})
		}, status, code, 0}
	}
	dated := func(name string, status int, code string, off time.Duration) try {
		return written(name, status, code, http.TimeFormat, off)
	}
	fixed := func(name, date, code string) try {
		return try{name, forged(aliceReplies, forge{head: []string{"Date:" + date}}), 401, code, 0}
	}
	repeated := func(name, body string) try { return try{name, says(body), 202, "repeated", 0} }
	ignored := func(name, body string) try { return try{name, says(body), 202, "ignored", 0} }
	return []advisory{
		{known: "go-fed/httpsig (measured)", row: row{
			id: "F1", must: "a date from 12 hours back to 5 minutes ahead, to the second, in the one form that may be sent: others are 401. Within it a signature has its effect once",
			scene: scene{config: func(c *panui.Config) {
				at = time.Now().UTC().Truncate(time.Second)
				c.Now = func() time.Time { return at }
			}},
			tries: []try{
				dated("12 hours old", 202, "ignored", -12*time.Hour), dated("12 hours and a second", 401, "date-outside-window", -12*time.Hour-time.Second),
				dated("5 minutes ahead", 202, "ignored", 5*time.Minute), dated("5 minutes and a second", 401, "date-outside-window", 5*time.Minute+time.Second),
				written("RFC 850", 401, "date-malformed", time.RFC850, 0), written("a year of two digits", 401, "date-malformed", "Mon, 02 Jan 06 15:04:05 GMT", 0),
				fixed("1970", " Thu, 01 Jan 1970 00:00:00 GMT", "date-outside-window"), fixed("9999", " Fri, 31 Dec 9999 23:59:59 GMT", "date-outside-window"),
				fixed("none", "", ""), fixed("no date", " now", "date-malformed"),
			},
		}},
		{known: "Egregoros audit F-02/F-10 (self-published)", row: row{
			id: "F2", must: "a reply, two edits and its deletion come to the same in every order, twice each and at once: the newest edit, or nothing where it was deleted",
			test: everyOrder,
		}},
		{known: "mastodon#37423", row: row{
			id: "F3", must: "follows and leavings of a hundred at once, each several times: who follows is as if they had come one by one", test: followersAtOnce,
		}},
		{known: "mastodon#37537", row: row{
			id: "F4", must: "the first word under an object's id stands: the same activity with another body, and the same body under another id, are repetitions; answers to what we never asked are ignored",
			tries: []try{
				repeated("another body", strings.Replace(bobReplies, "Kia ora", "Haere rā", 1)),
				repeated("another id", strings.Replace(bobReplies, "{bob}/says/1", "{bob}/says/2", 1)),
				repeated("a like under another id", strings.Replace(bobLikes, "{bob}/likes/1", "{bob}/likes/2", 1)),
				ignored("Accept", act("bob", "Accept", `{"id":"{our}/ap/activities/x","type":"Follow","actor":"{news}","object":"{bob}"}`)),
				ignored("Reject", act("bob", "Reject", `{"id":"{our}/ap/activities/x","type":"Follow","actor":"{news}","object":"{bob}"}`)),
			},
			test: deletedTwice,
		}},
	}
}

// everyOrder lets mallory say four things about a note of hers in every order.
func everyOrder(t *testing.T, w *world) {
	orders := permutations([]string{"create", "older", "newer", "delete"})
	if w.backend != "memory" {
		orders = orders[:4]
	}
	for i, order := range slices.Concat(orders, permutations([]string{"create", "older", "newer"})) {
		id := fmt.Sprint("{mallory}/notes/", i)
		said := about(id)
		for _, what := range order {
			wire := w.letter(said[what], forge{by: "mallory"}).wire()
			for range 2 {
				require.Equal(t, http.StatusAccepted, w.send(wire).status, "%v %s\n%v", order, what, w.log.events())
			}
		}
		rows := w.received(store.ReceivedQuery{ID: w.fill(id)})
		if slices.Contains(order, "delete") {
			for _, row := range rows {
				assert.Equal(t, store.Retracted, row.State, order)
				assert.Empty(t, row.Body, order)
			}
			continue
		}
		require.Len(t, rows, 1, order)
		assert.Contains(t, string(rows[0].Body), "newer", order)
	}

	said := about("{mallory}/notes/at-once")
	var sending sync.WaitGroup
	for i := range w.often(100) {
		wire := w.letter(said[[]string{"create", "older", "newer", "delete"}[i%4]], forge{by: "mallory"}).wire()
		sending.Go(func() { assert.Equal(t, http.StatusAccepted, w.send(wire).status) })
	}
	sending.Wait()
	for _, row := range w.received(store.ReceivedQuery{ID: w.fill("{mallory}/notes/at-once")}) {
		assert.Equal(t, store.Retracted, row.State)
	}
}

// about are what mallory says about a note.
func about(id string) map[string]string {
	says := func(kind, content, updated string) string {
		return `{"id":"` + id + `#` + content + `","type":"` + kind + `","actor":"{mallory}","to":["{public}"],"object":{"id":"` + id +
			`","type":"Note","attributedTo":"{mallory}","inReplyTo":"{post}","to":["{public}"],` + updated + `"content":"` + content + `"}}`
	}
	return map[string]string{
		"create": says("Create", "first", ""), "older": says("Update", "older", `"updated":"2026-11-02T00:00:00Z",`), "newer": says("Update", "newer", `"updated":"2026-11-03T00:00:00Z",`),
		"delete": `{"id":"` + id + `#delete","type":"Delete","actor":"{mallory}","object":"` + id + `"}`,
	}
}

func permutations(of []string) (all [][]string) {
	if len(of) == 0 {
		return [][]string{nil}
	}
	for i := range of {
		for _, rest := range permutations(slices.Concat(of[:i], of[i+1:])) {
			all = append(all, append([]string{of[i]}, rest...))
		}
	}
	return all
}

func followersAtOnce(t *testing.T, w *world) {
	var arriving sync.WaitGroup
	var want []string
	for i := range w.often(100) {
		path := fmt.Sprint("/users/m", i)
		id := w.evil.url + path
		w.evil.serve(path, document(me(id)))
		steps := []string{by(id, malloryFollows), strings.Replace(by(id, act("mallory", "Undo", malloryFollows)), "acts/1", "acts/undo", 1)}
		if i%2 == 0 {
			want = append(want, id)
			steps = append(steps, strings.Replace(by(id, malloryFollows), "follows/1", "follows/2", 1))
		}
		arriving.Go(func() {
			for _, step := range steps {
				wire := w.letter(step, forge{by: "mallory", keyID: id + "#main-key"}).wire()
				var same sync.WaitGroup
				for range 4 {
					same.Go(func() { assert.Equal(t, http.StatusAccepted, w.insist(wire)) })
				}
				same.Wait()
			}
		})
	}
	arriving.Wait()
	assert.ElementsMatch(t, append(want, w.fill("{bob}"), w.fill("{alice}")), w.followers())
}

// insist sends until the site is not too busy, as peers do, and returns the status.
func (w *world) insist(wire string) int {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Duration(20+rand.IntN(80)) * time.Millisecond) {
		if got := w.send(wire); got.status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return got.status
		}
	}
}

func deletedTwice(t *testing.T, w *world) {
	again := strings.Replace(bobFollows, "follows/1", "follows/2", 1)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(again, forge{by: "bob"}).wire()).status)
	assert.Len(t, w.followers(), 2, "bob follows once")
	deletion := act("bob", "Delete", `"{bob}/notes/1"`)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(deletion, forge{by: "bob"}).wire()).status)
	row{must: "deleted again"}.endure(t, w, try{"", says(strings.Replace(deletion, "acts/1", "acts/2", 1)), 202, "ignored", 0})
	row{must: "said again"}.endure(t, w, try{"", says(strings.Replace(bobReplies, "says/1", "says/3", 1)), 202, "", 0})
}

// G1 to G9: redirects.
func advisoriesOfRedirects() []advisory {
	unknown := func(name string, to func(me string) string) try {
		return fetched(name, redirect(to), 401, "key-unknown")
	}
	fixed := func(name, to string) try { return unknown(name, func(string) string { return to }) }
	return []advisory{
		{known: "CVE-2026-34148 of Fedify", row: row{
			id: "G1", must: "a redirect in a circle ends where it comes round, within four requests, and for five minutes nobody is asked again", tries: []try{
				unknown("to itself", func(me string) string { return me }),
				{"round three", func(w *world) letter {
					for i := range 3 {
						w.evil.serve(fmt.Sprint("/round/", i), http.RedirectHandler(fmt.Sprint("/round/", (i+1)%3), http.StatusFound).ServeHTTP)
					}
					return w.letter(by("{evil}/round/0", malloryReplies), forge{by: "mallory", keyID: "{evil}/round/0#main-key"})
				}, 401, "key-unknown", 3},
				{"ever on", everOn, 401, "key-unknown", 4},
			},
			test: func(t *testing.T, _ *world) { assert.Equal(t, 5*time.Minute, limits.Default().FailureTTL) },
		}},
		{known: "CVE-2026-77632 of Fedify", row: row{
			id: "G2", must: "a redirect to a loopback, private or metadata address: 401, and nobody is connected to there", tries: []try{
				fixed("127.0.0.1", "http://127.0.0.1/"), fixed("::1", "http://[::1]/"), fixed("metadata", "https://169.254.169.254/latest/meta-data/"), fixed("10/8", "https://10.0.0.1/"),
				sentOn("a neighbour on loopback", "{victim}/users/alice"), sentOn("ourselves", "{news}"),
			},
			test: func(t *testing.T, w *world) {
				trap := setTrap(t)
				row{must: "over https"}.endure(t, w, fixed("the trap", "https://127.0.0.1/"))
				assert.Zero(t, trap())
			},
		}},
		{known: "CVE-2025-23221 of Fedify", row: row{
			id: "G3", must: "a WebFinger answer that sends on without end, to another scheme or to an inner address: an error after four requests at most", test: fingersSentOn,
		}},
		{known: "GHSA-f59r-8gcj-68f2 of Fedify", row: row{
			id: "G4", must: "an inbox that sends a delivery elsewhere: it fails, and its body goes to nobody else", test: deliverySentOn,
			but: spared{nothingRuns: "the site delivered, and keeps a connection for a while"},
		}},
		{known: "GHSA-97w4-f4rq-mgqm of Fedify", row: row{
			id: "G5", must: "HTML is never read to find documents: 401 after one request", tries: []try{
				fetched("a page with an alternate", func(id string) http.HandlerFunc {
					return page("text/html; charset=utf-8", `<html><head><link rel="alternate" type="application/activity+json" href="`+id+`/real"></head></html>`)
				}, 401, "key-unknown"),
				fetched("a Link field", func(id string) http.HandlerFunc {
					return func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Link", `<`+id+`/real>; rel="alternate"; type="application/activity+json"`)
						page("text/html", "<html></html>")(w, r)
					}
				}, 401, "key-unknown"),
			},
			test: func(t *testing.T, _ *world) { htmlDiscovery.check(t) },
		}},
		{known: "Pleroma adb5cb96", row: row{
			id: "G6", must: "a document that a redirect to another server leads to: refused, whatever id it has", tries: []try{
				elsewhere("about what was asked", func(asked, _ string) string { return asked }),
				elsewhere("about where it lies", func(_, there string) string { return there }),
			},
		}},
		{known: "CVE-2024-49363 of Misskey", row: row{
			id: "G7", must: "what a server like us asks of us causes no question of ours, so no circle of servers can form: a GET never does, signed or not",
			but: publicPage, scene: scene{public: true},
			test: func(t *testing.T, w *world) {
				dialled := w.dialled()
				for _, from := range []string{"panui/" + panui.Version + " (+" + w.base + ")", "panui/9 (+https://other.test)"} {
					everyPage("User-Agent: "+from, "Via: 1.1 "+w.host(), "Signature: "+w.fill(`keyId="{mallory}#main-key",headers="(request-target) host date",signature="AAAA"`))(t, w)
				}
				assert.Equal(t, dialled, w.dialled())
			},
		}},
		{known: "Go net/http client (measured, 1.26.8)", row: row{
			id: "G8", must: "no redirect of any kind takes a signed request to another origin: that one sees no request at all", tries: otherOrigin(),
		}},
		{known: "CVE-2024-45336 of Go net/http", row: row{
			id: "G9", must: "a redirect within the origin takes no cookie, no authorisation and no referrer along, and is signed anew for where it goes", test: nothingTakenAlong,
		}},
	}
}

// everOn is a letter whose key lies behind redirects to ever new places.
func everOn(w *world) letter {
	for i := range 50 {
		w.evil.serve(fmt.Sprint("/on/", i), http.RedirectHandler(fmt.Sprint("/on/", i+1), http.StatusTemporaryRedirect).ServeHTTP)
	}
	return w.letter(by("{evil}/on/0", malloryReplies), forge{by: "mallory", keyID: "{evil}/on/0#main-key"})
}

// elsewhere is a letter whose key lies where a redirect to alice's server leads.
func elsewhere(name string, about func(asked, there string) string) try {
	return try{name, func(w *world) letter {
		path := "/users/" + strings.ReplaceAll(name, " ", "-")
		asked, there := w.evil.url+path, w.victim.url+path
		w.evil.serve(path, http.RedirectHandler(there, http.StatusFound).ServeHTTP)
		w.victim.serve(path, document(me(about(asked, there))))
		return w.letter(by(asked, malloryReplies), forge{by: "mallory", keyID: asked + "#main-key"})
	}, 401, "key-unknown", 1}
}

// otherOrigin is a letter for each kind of redirect to alice's server; a
// connection to that would be one too many.
func otherOrigin() (tries []try) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		path := fmt.Sprint("/users/r", status)
		tries = append(tries, try{fmt.Sprint(status), func(w *world) letter {
			w.evil.serve(path, http.RedirectHandler(w.victim.url+path, status).ServeHTTP)
			return w.letter(by("{evil}"+path, malloryReplies), forge{by: "mallory", keyID: "{evil}" + path + "#main-key"})
		}, 401, "key-unknown", 1})
	}
	return tries
}

func fingersSentOn(t *testing.T, w *world) {
	ca, asked := newAuthority(t), 0
	var to string
	host := serveTLS(t, ca.issue(t, forEvil()), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked++
		rw.Header().Set("Location", strings.ReplaceAll(to, "{n}", fmt.Sprint(asked)))
		rw.WriteHeader(http.StatusFound)
	}))
	client := egress.New(egress.Options{RootCAs: ca.pool(), InsecureLoopback: true})
	defer client.CloseIdle()
	dialled := w.dialled()
	for name, where := range map[string]string{
		"itself": webfinger.Path + "?resource=acct:mallory@" + strings.TrimPrefix(host, "https://"), "ever on": "/on/{n}",
		"http": strings.Replace(host, "https:", "http:", 1) + "/x", "a file": "file:///etc/passwd", "gopher": "gopher://127.0.0.1:70/x", "data": "data:application/jrd+json,{}",
		"a neighbour": w.victim.url + "/x", "a private address": "https://10.0.0.1/x", "metadata": "https://169.254.169.254/x", "nowhere": "",
	} {
		asked, to = 0, where
		_, err := webfinger.Ask(t.Context(), client, "mallory@"+strings.TrimPrefix(host, "https://"))
		assert.ErrorIs(t, err, egress.ErrForbidden, name)
		assert.LessOrEqual(t, asked, 4, name)
	}
	assert.Equal(t, dialled, w.dialled())
}

func deliverySentOn(t *testing.T, w *world) {
	var came []string
	var mu sync.Mutex
	for i, to := range []string{w.victim.url + "/sink", "https://10.0.0.1/sink", "/users/mallory0/sink"} {
		path := fmt.Sprint("/users/mallory", i)
		w.evil.serve(path, document(me(w.evil.url+path)))
		w.evil.serve(path+"/inbox", func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			came = append(came, r.URL.Path)
			mu.Unlock()
			http.Redirect(rw, r, to, []int{307, 308, 302}[i])
		})
		w.evil.serve(path+"/sink", func(http.ResponseWriter, *http.Request) { t.Error("the body was sent on") })
		require.Equal(t, http.StatusAccepted, w.send(w.letter(by("{evil}"+path, malloryFollows), forge{by: "mallory", keyID: "{evil}" + path + "#main-key"}).wire()).status)
	}
	w.victim.serve("/sink", func(http.ResponseWriter, *http.Request) { t.Error("the body was sent on") })
	_, err := w.site.Publish(t.Context(), outbox.Item{Key: "20", URL: w.base + "/news/20", Title: "Road open", HTML: "<p>Since Tuesday.</p>", Language: "en-NZ"})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, w.site.Run(ctx)) })
	assert.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(came) >= 3
	}, patience, 10*time.Millisecond)
	cancel()
	running.Wait()
	for _, delivery := range w.queue() {
		if strings.HasPrefix(delivery.Inbox, w.evil.url) {
			assert.NotEqual(t, store.Delivered, delivery.State)
		}
	}
}

func nothingTakenAlong(t *testing.T, w *world) {
	var seen []http.Header
	w.evil.serve("/users/first", func(rw http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		rw.Header().Set("Set-Cookie", "session=1; Path=/")
		rw.Header().Set("WWW-Authenticate", "Basic")
		http.Redirect(rw, r, "/users/second", http.StatusFound)
	})
	w.evil.serve("/users/second", func(rw http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header)
		document(me(w.evil.url+"/users/first"))(rw, r)
	})
	got := w.send(w.letter(by("{evil}/users/first", malloryReplies), forge{by: "mallory", keyID: "{evil}/users/first#main-key"}).wire())
	require.Equal(t, http.StatusAccepted, got.status)
	require.Len(t, seen, 2)
	for _, name := range []string{"Cookie", "Authorization", "Referer", "Proxy-Authorization"} {
		assert.Empty(t, seen[0].Get(name)+seen[1].Get(name), name)
	}
	assert.NotEmpty(t, seen[1].Get("Signature"))
	assert.NotEqual(t, seen[0].Get("Signature"), seen[1].Get("Signature"))
}
