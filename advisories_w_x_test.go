package panui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// W: names of hosts and people.
func advisoriesOfNames() []advisory {
	public := scene{public: true}
	refused := func(keyID string) try { return try{keyID, keyed(keyID), 401, "key-id-refused", 0} }
	return []advisory{
		{known: "CVE-2023-42451 of Mastodon", row: row{id: "W1", scene: public, test: hostsAreNotRepaired,
			must:  "a host with anything in it that is not a letter, digit, dot or hyphen is refused, never repaired to another one",
			tries: []try{refused("https://exa/mple.com@evil.test/k"), refused("https://our test/k"), refused("https:///our.test/k")}}},
		{known: "Pleroma b15f8b06 of Pleroma", row: row{id: "W2", test: falseFingers,
			must: "an answer of WebFinger is bound to the question: another user, another host or two actors in it are no handle, and the actor is shown with the host of its id",
			but:  spared{storeSame: "a reply is kept, to be shown", oneEvent: "the questions are no events"}}},
		{known: "PR TryGhost/ActivityPub#2163 (review) of Ghost", row: row{id: "W3", test: subjectsOfOthers,
			must: "a subject at another host is asked there, and without the same actor in that answer it is nobody's handle",
			but:  spared{oneEvent: "the questions are no events"}}},
		{known: "CVE-2026-39821 of Go", row: row{id: "W4", scene: public,
			must:  "a label that calls itself Punycode and is not, or decodes to ASCII: refused; the module asks for an x/net that is mended",
			tries: []try{refused("https://xn--example-.com/k"), refused("https://xn--.com/k")},
			test: func(t *testing.T, _ *world) {
				atLeast(t, "golang.org/x/net", 0, 55)
				for _, host := range []string{"xn--example-.com", "xn--.com", "xn--a-.com", "XN--EXAMPLE-.com", "a.xn--example-.com"} {
					_, err := actor.ParseHandle("news@" + host)
					assert.Error(t, err, host)
				}
			}}},
		{known: "CVE-2025-47912 of Go", row: row{id: "W5", scene: public,
			must: "brackets around what is no IPv6 address, or with something behind: refused, and so is every address, since no peer has one for a name",
			tries: []try{refused("https://[1.2.3.4]/k"), refused("https://[::1]x/k"), refused("https://[v1.x]/k"), refused("https://[::1%25lo]/k"), refused("https://[our.test]/k"),
				refused("https://[2606:4700:4700::1111]/k"), refused("https://our.test[::1]/k"), refused("https://[/k"), refused("https://]/k")}}},
		{known: "takahe#664 of Takahe", row: row{id: "W6", but: publicPage, scene: public, test: spellings,
			must: "a handle in capitals is the same actor, to the byte; another spelling is nobody, never somebody else, and two actors cannot differ by case"}},
		{known: "owncast#5025 of Owncast", row: row{id: "W7", test: lookalikes,
			must: "no name that somebody has given themselves is shown: a moderator sees the handle with the host, in ASCII, so that nobody looks like the agency",
			but:  spared{storeSame: "a reply is kept, to be shown", oneEvent: "each has its own"}}},
		{known: "Measured url/idna quirks of Go", row: row{id: "W8", scene: public, tries: quirks(),
			must: "what a parser repairs is no id: full-width dots, letters that fold to others, an empty host, a port that is none",
			test: func(t *testing.T, w *world) {
				for _, quirk := range quirkyURLs {
					_, err := egress.CheckURL(quirk, false)
					assert.ErrorIs(t, err, egress.ErrForbidden, quirk)
				}
				quirkyIDs(t, w)
			}}},
	}
}

var notHosts = []string{
	"exa/mple.com", "exa\\mple.com", "exa mple.com", "exa\tmple.com", "exa\nmple.com", "exa\x00mple.com", "example.com/", "/example.com", "example.com?", "example.com#",
	"example..com", ".example.com", "example.com..", "-example.com", "example-.com", "exa_mple.com", "exam%70le.com", "exa:mple.com", "example.com:x", "example.com:-1",
	"example.com:99999", "example.com:", "user@example.com", "exa,mple.com", "exa;mple.com", "exa'mple.com", `exa"mple.com`, "exa<mple.com", "exa*mple.com", "[example.com]",
	"example。com", "ｅxample.com", "ⅇxample.com", "exam\u00adple.com", "exa\u200bmple.com", "xn--example-.com", "1.2.3.4", "0x7f.1", "localhost", strings.Repeat("a", 64) + ".com",
	strings.Repeat("a.", 127) + "com", "",
}

func hostsAreNotRepaired(t *testing.T, _ *world) {
	for _, host := range notHosts {
		if !strings.ContainsAny(host, "/?#") { // which end the host of an URL
			_, err := egress.CheckURL("https://"+host+"/users/alice", false)
			assert.Error(t, err, "%q is asked", host)
		}
		_, err := actor.ParseHandle("alice@" + host)
		if !strings.HasPrefix(host, "1.2.") && !strings.HasPrefix(host, "0x7f") && host != "localhost" { // handles in development; asking for them is refused
			assert.Error(t, err, "%q has people", host)
		}
		client := egress.New(egress.Options{})
		_, err = webfinger.Ask(t.Context(), client, "alice@"+host)
		assert.Error(t, err, host)
		client.CloseIdle()
	}
	for _, given := range []string{"News@Agency.govt.nz", "@news@agency.govt.nz", "acct:news@AGENCY.GOVT.NZ", "a.b-c_d@xn--pnui-iqa.nz"} {
		once, err := actor.ParseHandle(given)
		require.NoError(t, err)
		twice, err := actor.ParseHandle(once.String())
		require.NoError(t, err)
		assert.Equal(t, once.String(), twice.String())
	}
}

func subjectsOfOthers(t *testing.T, w *world) {
	f := newFingers(t, w)
	remote := actor.Remote{Actor: as2.Actor{ID: f.mallory, PreferredUsername: "mallory"}}
	for _, subject := range []string{"mallory@victim.test", "minister@" + f.domain, "mallory@" + strings.TrimPrefix(w.victim.url, "http://")} {
		f.answer = func(rw http.ResponseWriter, r *http.Request) {
			named := f.mallory
			if r.URL.Query().Get("resource") == "acct:"+subject {
				named = w.fill("{alice}") // who has that handle is somebody else
			}
			f.descriptor(subject, f.self(named))(rw, r)
		}
		handle, err := webfinger.Verify(t.Context(), f.client, remote)
		assert.Error(t, err, subject)
		assert.Empty(t, handle, subject)
	}
	f.answer = func(rw http.ResponseWriter, r *http.Request) {
		f.descriptor("renamed@"+f.domain, f.self(f.mallory))(rw, r)
	}
	handle, err := webfinger.Verify(t.Context(), f.client, remote)
	require.NoError(t, err)
	assert.Equal(t, "renamed@"+f.domain, handle.String(), "one that is confirmed is")
}

func spellings(t *testing.T, w *world) {
	same(t, w, finger(canonical), finger("resource=acct:NEWS@our.test"), finger("resource=acct:News@OUR.TEST"), finger("resource=acct%3Anews%40our.test"), finger("resource=ACCT:news@our.test"))
	for _, resource := range []string{"acct:news@our.test.", "acct:news@our.test:443", "acct:news%2540our.test", "acct:news@our.test/", "acct:ＮＥＷＳ@our.test", "acct:new%C5%BF@our.test", "acct:news@our.test%20"} {
		got := w.send(finger("resource=" + resource)(w).wire())
		assert.Contains(t, []int{http.StatusOK, http.StatusNotFound, http.StatusBadRequest}, got.status, resource)
		if got.status == http.StatusOK {
			assert.Equal(t, w.send(finger(canonical)(w).wire()), got, resource)
		}
	}
	_, err := panui.New(panui.Config{BaseURL: "https://our.test", Store: w.store, Keys: signing.Fediverse(), Actors: []actor.Profile{
		{Handle: "news@our.test", Name: "One", Key: siteKey()}, {Handle: "NEWS@our.test", Name: "Two", Key: siteKey()},
	}})
	assert.Error(t, err, "two actors differ by case")
}

func lookalikes(t *testing.T, w *world) {
	id := w.evil.url + "/users/news"
	w.evil.serve("/users/news", document(strings.Replace(me(id), `"preferredUsername":"news"`, `"preferredUsername":"news","name":"Te Manatū Tauira ✓"`, 1)))
	l := w.letter(strings.ReplaceAll(malloryReplies, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"})
	require.Equal(t, http.StatusAccepted, w.send(l.wire()).status)
	replies, _, err := w.site.Moderator().Received(t.Context(), store.Held, inbox.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, id, replies[0].From)
	assert.Equal(t, "@news@"+strings.TrimPrefix(w.evil.url, "http://"), "@"+strings.TrimPrefix(replies[0].Handle, "@"))
	shown, err := json.Marshal(replies[0])
	require.NoError(t, err)
	assert.NotContains(t, string(shown), "Tauira", "the name that they gave themselves")
	for _, host := range []string{"оur.test", "our。test", "oυr.test"} { // letters of other scripts
		_, err := egress.CheckURL("https://"+host+"/users/news", false)
		assert.Error(t, err, "an id with %s, of which a handle would be made", host)
	}
}

var quirkyURLs = []string{
	"https://ⅇxample.com/k", "https://example。com/k", "https:example.com/k", "https:/example.com/k", "https://example.com:0/k", "https://example.com:99999/k",
	"https://example.com:/k", "https://example.com:0443/k", "https://example.com.:443/k", "https://example%2ecom/k", "https://%65xample.com/k", "https://ｅxample.com/k",
	"HTTPS:\\\\example.com/k", " https://example.com/k", "https://example.com/k\n", "https://straße..de/k", "https://exa\u00admple.com/k", "//example.com/k",
}

func quirks() (tries []try) {
	for i, quirk := range quirkyURLs {
		ascii := !strings.ContainsFunc(quirk, func(r rune) bool { return r > unicode.MaxASCII })
		switch {
		case strings.ContainsAny(quirk, "\n\\"): // no header field has these
		case ascii:
			tries = append(tries, try{fmt.Sprint(i), keyed(quirk), 401, "key-id-refused", 0})
		default:
			tries = append(tries, try{fmt.Sprint(i), keyed(quirk), 400, "signature-malformed", 0})
		}
	}
	return tries
}

// quirkyIDs has alice say something under an id that a parser would repair.
func quirkyIDs(t *testing.T, w *world) {
	w = newWorld(t, w.backend, scene{})
	kept := w.tables()
	for _, quirk := range quirkyURLs {
		quoted, err := json.Marshal(quirk)
		require.NoError(t, err)
		for _, id := range []string{"{alice}/says/1", "{alice}/notes/1"} {
			got := w.send(w.letter(strings.ReplaceAll(aliceReplies, `"`+id+`"`, string(quoted)), forge{}).wire())
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusForbidden}, got.status, "%s for %s", quirk, id)
		}
	}
	assert.Equal(t, kept, w.tables())
}

// X: injection, logs, budgets, and what is exposed.
func advisoriesOfExposure() []advisory {
	public := scene{public: true}
	counted := func(proxies ...string) scene {
		few := limits.Default()
		few.PerIP = 5
		return scene{limits: few, config: func(c *panui.Config) {
			for _, p := range proxies {
				c.Proxies = append(c.Proxies, netip.MustParsePrefix(p))
			}
		}}
	}
	behind, beside := counted("127.0.0.0/8"), counted("10.0.0.0/8")
	each := spared{oneEvent: "each of many has its own"}
	return []advisory{
		{known: "CVE-2026-73211 of PeerTube", row: row{id: "X1", test: injections,
			must: "quotes and semicolons in every text that somebody sends are text: what was there stays, and nobody else is found by them",
			but:  spared{storeSame: "some are kept, as what they are (checked)", queueSame: "some may follow (checked)", oneEvent: "each has its own"}}},
		{known: "CVE-2022-3751 of Owncast", absent: []absent{builtSQL},
			row: row{id: "X2", must: "no statement is made of what comes in: values are parameters, and package fmt writes none"}},
		{known: "CVE-2023-5588 of Pleroma", absent: []absent{filesByName},
			row: row{id: "X3", must: "nothing that a stranger names becomes the name of a file: the packages that hear strangers open none"}},
		{known: "CVE-2026-42507 of Go", row: row{id: "X4", but: byNetHTTP(spared{}),
			must: "what strangers write is never in the message of an event, and in its attributes it is escaped and cut",
			tries: []try{
				{"an escape in a key id", keyed("https://evil.test/\x1b[31m"), 400, "", 0},
				{"a line separator in a key id", keyed("https://evil.test/\u2028level=ERROR"), 400, "signature-malformed", 0},
				{"a long key id", keyed("https://evil.test/" + strings.Repeat("x", 3000)), 401, "key-id-refused", 0},
				{"a line end in a type", says(strings.Replace(aliceReplies, `"Create"`, `"Create\nlevel=ERROR msg=root"`, 1)), 202, "ignored", 1},
				{"an escape in an id", says(strings.Replace(aliceReplies, "{alice}/says/1", `{alice}/says/\u001b[2J`, 1)), 400, "json-refused", 0},
			}, test: longAgents}},
		{known: "CVE-2023-49952 of Mastodon", row: row{id: "X5", scene: beside, but: each, test: notFooled("X-Forwarded-For: %s", "Forwarded: for=%s", "X-Real-IP: %s", "X-Client-IP: %s"),
			must: "a forwarding field of who is no listed proxy is not believed: its own address is counted"}},
		{known: "CVE-2024-34535 of Mastodon", row: row{id: "X6", scene: behind, but: each, test: notFooled("X-Forwarded-For: %s, nonsense", "X-Forwarded-For: , ,", "X-Forwarded-For: unknown", "X-Forwarded-For: %s:"),
			must: "a forwarding field that makes no sense is no way around the budget: what can be read from its right end is counted"}},
		{known: "CVE-2025-54879 of Mastodon", row: row{id: "X7", scene: beside, but: each, test: notFooled(oddCounts...),
			must: "what is counted is the address: no other field of a request makes it a new one"}},
		{known: "CVE-2026-54738 of Lemmy", row: row{id: "X8", scene: behind, but: each, test: notFooled("X-Forwarded-For: %s, 192.0.2.7"),
			must: "the first address in X-Forwarded-For is what the client says; the last one that is no proxy is counted"}},
		{known: "CVE-2025-66482 of Misskey", row: row{id: "X9", but: each, test: trustedByNobody,
			must: "nobody is trusted unless listed, and New refuses to trust everybody"}},
		{known: "GHSA-xgg7-8hvq-8m65 of Lemmy", row: row{id: "X10", but: publicPage, scene: public, test: nobodyIsTold,
			must: "who is not there is answered alike, to the byte, whatever the reason; an actor that is stopped or asks directories to leave it out is answered as ever"}},
		{known: "CVE-2024-29026 of Owncast", row: row{id: "X11", but: publicPage, test: openToReadOnly,
			must: "pages may read what is public, without credentials; the inbox says nothing to them; a key file that others can read is refused"}},
		{known: "CVE-2026-27468 of Mastodon", row: row{id: "X12", but: each, scene: scene{config: func(c *panui.Config) { c.Actors[0].ApproveFollowers = true }}, test: pendingFollowers,
			must: "who waits to be approved gets nothing: no news, no word that they follow, and is not counted"}},
		{known: "CVE-2025-22871; CL+TE and bare LF (measured) of Go", row: row{id: "X13", but: byNetHTTP(spared{}),
			must: "two framings, or lines that end otherwise: refused by net/http, or one body for everybody, of which every byte is under the digest that was signed",
			tries: []try{
				{"chunked, and a length for another body", changed(func(_ *world, l letter) letter {
					body := l.body
					l = l.with("Content-Length: 5").plus("Transfer-Encoding: chunked")
					l.body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), strings.Replace(body, "Kia ora", "Kia oha", 1))
					return l
				}), 401, "digest-wrong", 0},
				{"a bare line feed in a chunk", bodiless("Content-Length:", "Transfer-Encoding: chunked")("2;x\n{}\r\n0\r\n\r\n"), 400, "body-broken", 0},
				{"HTTP/1.0 and chunked", changed(func(_ *world, l letter) letter {
					l.start = strings.Replace(l.start, "1.1", "1.0", 1)
					return l.with("Transfer-Encoding: chunked", "Content-Length:")
				}), 400, "", 0},
				{"a blank before the colon", headed("Digest : SHA-256=x"), 400, "", 0},
			}}},
		{known: "CVE-2025-61726 of Go", absent: []absent{forms},
			row: row{id: "X14", must: "no body is read as a form, and a query only where it was measured first: over 2 KiB it is 414 (B008 of the corpus)"}},
	}
}

// injections has somebody follow and reply whose every text tries to be SQL.
func injections(t *testing.T, w *world) {
	const evil = `x'); DROP TABLE follower; UPDATE actor SET fingerprint=''; --`
	before := w.followers()
	id := w.evil.url + "/users/" + "o'brien%22;--"
	w.evil.serve("/users/o'brien%22;--", document(personWith(id, w.evil.url+"/inbox?q=x');DROP%20TABLE%20follower;--", id+"#main-key", id, pemOf(privateKey("mallory").Public()))))
	send := func(body string) int {
		return w.send(w.letter(strings.ReplaceAll(body, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"}).wire()).status
	}
	assert.Equal(t, http.StatusAccepted, send(malloryFollows))
	assert.Equal(t, http.StatusAccepted, send(strings.Replace(malloryReplies, "Kia ora", evil, 1)))
	assert.Contains(t, []int{202, 400}, send(strings.Replace(malloryReplies, "says/1", `says/1' OR '1'='1`, 1)))
	assert.Equal(t, append(before, id), w.followers(), "as one more, under the id as it is")
	rows := w.received(store.ReceivedQuery{From: id})
	require.NotEmpty(t, rows)
	assert.Contains(t, string(rows[len(rows)-1].Body), "DROP TABLE follower")
	assert.Empty(t, w.received(store.ReceivedQuery{From: `' OR '1'='1`}))
	pinned, err := w.store.Actors(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, pinned[0].Fingerprint)
}

func longAgents(t *testing.T, w *world) {
	for _, agent := range []string{strings.Repeat("x", 10<<10), "a\x1b[31m", "level=ERROR msg=\"pwned\""} {
		w.log.clear()
		got := w.send(headed("Signature:", "User-Agent: "+agent)(w).wire())
		assert.Contains(t, []int{400, 401}, got.status)
		for _, e := range w.log.events() {
			assert.LessOrEqual(t, len(e.json), 2<<10)
			assert.NotContains(t, e.json, "\x1b")
			assert.Equal(t, "inbox refused", e.message)
		}
	}
}

// notFooled sends more than the budget, each with other forwarding fields.
func notFooled(lines ...string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		for i := range 20 {
			line := lines[i%len(lines)]
			if strings.Contains(line, "%s") {
				line = fmt.Sprintf(line, fmt.Sprintf("198.51.100.%d", i))
			}
			got := w.send(headed("Signature:", line)(w).wire())
			want := http.StatusUnauthorized
			if i >= 5 {
				want = http.StatusTooManyRequests
			}
			require.Equal(t, want, got.status, "the %dth, with %s", i+1, line)
		}
	}
}

var oddCounts = []string{
	"User-Agent: %s", "Accept-Language: %s", "Cookie: session=%s", "Authorization: Bearer %s", "X-Forwarded-Host: %s", "X-Api-Key: %s",
	"Referer: https://%s/", "Via: 1.1 %s", "True-Client-IP: %s", "CF-Connecting-IP: %s", "X-Cluster-Client-Ip: %s", "Fastly-Client-IP: %s",
}

func trustedByNobody(t *testing.T, w *world) {
	for _, everybody := range []string{"0.0.0.0/0", "::/0"} {
		_, err := panui.New(panui.Config{
			BaseURL: "https://our.test", Store: w.store, Keys: signing.Fediverse(), Proxies: []netip.Prefix{netip.MustParsePrefix(everybody)},
			Actors: []actor.Profile{{Handle: "news@our.test", Name: "One", Key: siteKey()}},
		})
		assert.ErrorContains(t, err, everybody)
	}
}

func nobodyIsTold(t *testing.T, w *world) {
	want := w.send(finger("resource=acct:nobody@our.test")(w).wire())
	assert.Equal(t, http.StatusNotFound, want.status)
	for _, resource := range []string{"acct:admin@our.test", "acct:news@other.test", "acct:mallory@evil.test", "https:%2F%2Four.test/ap/actors/nobody"} {
		assert.Equal(t, want, w.send(finger("resource="+resource)(w).wire()), resource)
	}
	known := w.send(finger(canonical)(w).wire())
	require.NoError(t, w.site.Stop(t.Context()))
	assert.Equal(t, known, w.send(finger(canonical)(w).wire()), "that it is stopped is nobody's business")
	require.NoError(t, w.site.Resume(t.Context()))
}

func openToReadOnly(t *testing.T, w *world) {
	for _, page := range []string{"{news}", "{post}", "{news}/outbox"} {
		got := w.send(get(page, "Origin: https://evil.test")(w).wire())
		assert.Equal(t, "*", got.header.Get("Access-Control-Allow-Origin"), page)
		assert.Empty(t, got.header.Values("Access-Control-Allow-Credentials"), page)
	}
	for _, method := range []string{"POST", "OPTIONS"} {
		got := w.send(ask(method, "{inbox}", "Origin: https://evil.test", "Access-Control-Request-Method: POST")(w).wire())
		assert.Empty(t, got.header.Values("Access-Control-Allow-Origin"), method)
		assert.GreaterOrEqual(t, got.status, 400, method)
	}
	path := filepath.Join(t.TempDir(), "panui.pem")
	_, err := signing.File(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644, 0o777} {
		require.NoError(t, os.Chmod(path, mode))
		_, err = signing.File(path)
		assert.Error(t, err, "%o", mode)
	}
}

func pendingFollowers(t *testing.T, w *world) {
	count := func() int {
		n, err := w.store.CountFollowers(t.Context(), w.fill("{news}"))
		require.NoError(t, err)
		return n
	}
	require.Zero(t, count(), "alice and bob wait as well")
	require.Equal(t, http.StatusAccepted, w.send(w.letter(malloryFollows, forge{by: "mallory"}).wire()).status)
	_, err := w.site.Publish(t.Context(), outbox.Item{Key: "19", URL: w.base + "/news/19", Title: "Road open", HTML: "<p>Now.</p>", Language: "en-NZ", Published: time.Now()})
	require.NoError(t, err)
	assert.Empty(t, w.queue(), "nothing goes to who waits")
	assert.Zero(t, count())
	assert.NotContains(t, w.send(get("{news}/followers")(w).wire()).body, "mallory")
}
