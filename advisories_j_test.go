package panui_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// J: what has no end.
func advisoriesJ() []advisory {
	forbidden := func(name, body, code string) try { return try{name, says(body), 403, code, 1} }
	ignored := func(name, body string) try { return try{name, says(body), 202, "ignored", 1} }
	return []advisory{
		{known: "CVE-2025-32947 of PeerTube", row: row{id: "J1", but: keptReply,
			must: "a collection of others is never read, so it does not matter where it ends: the one connection is for the author",
			tries: []try{
				{"a page whose next is itself", endless("/c1", "/c1"), 202, "held", 1},
				{"two that name each other", endless("/c1", "/c2"), 202, "held", 1},
			}}},
		{known: "CVE-2026-23962 of Mastodon", row: row{id: "J2", tries: bounds(), test: cutTexts,
			must: "each bound holds to the byte: what fits is taken, one more is refused, and what people write is cut and says so",
			but:  spared{oneEvent: "those of replies are told apart"}}},
		{known: "GHSA-mc44-6cfg-2v6w of Fedify", row: row{id: "J3", test: endlessBody,
			must: "ten gigabytes in chunks without a length: 413 at the bound, and the connection ends; a document of others is read to its bound",
			tries: []try{
				fetched("a document without end", raw(func(to io.Writer) {
					fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine, "\r\n{")
					for {
						if _, err := io.WriteString(to, strings.Repeat(" ", 1<<16)); err != nil {
							return
						}
					}
				}), 401, "key-unknown"),
			}}},
		{known: "CVE-2026-50129 of Mastodon", row: row{id: "J4", test: oddAttributes,
			must: "markup with attributes that are empty, doubled or no attributes is put right; and were it to break the parser, the one reply is shown without its text and the list goes on",
			but:  spared{storeSame: "they are replies, and kept", oneEvent: "each has its own"}}},
		{known: "gotosocial#3730 of GoToSocial", row: row{id: "J5", test: membersLess,
			must: "each activity without each of its members, and with something else in its place: refused, or nothing; never a panic",
			but:  spared{storeSame: "some are good as they are; what is refused changes nothing (checked)", queueSame: "as I1", oneEvent: "each of hundreds has its own"}}},
		{known: "CVE-2025-32944 of PeerTube", row: row{id: "J6", test: poisoned,
			must: "what cannot be sent is given up after three tries at most, holds nothing up, and a site starts whatever waits to be sent",
			but:  spared{storeSame: "the end of the deliveries is written down", queueSame: "as I1", oneEvent: "it is about what is sent", nobodyAsked: "it is about what is sent"}}},
		{known: "Pleroma 2.4.3 / 2.5.4 / 2.6.0 of Pleroma", absent: []absent{xmlOfOthers, otherProtocols},
			row: row{id: "J7", must: "no XML of others is read: host-meta is written from a constant, and only the agency's own feed goes through a parser, after its tokens were counted"}},
		{known: "CVE-2022-46405 of Mastodon", row: row{id: "J8", scene: scene{public: true}, test: domainFarm,
			must: "a farm of names under one domain has one budget of fetches: then 503 without a look-up; another domain has its own",
			but:  spared{nobodyAsked: "that it is few of many is checked", oneEvent: "each of many has its own"}}},
		{known: "BookWyrm 602c505a of BookWyrm", row: row{id: "J9", scene: scene{public: true}, test: throughTheMount,
			must: "the bound of a body holds where the site is mounted in a website with a mux and a middleware, with a length and without",
			but:  spared{oneEvent: "told apart"}}},
		{known: "BookWyrm fb10a0ba of BookWyrm", row: row{id: "J10", test: manyDeletes,
			must: "a hundred thousand Deletes of strangers: 202 each before a key is asked for, and nothing is kept",
			but:  spared{oneEvent: "a Delete of what nobody here knows is no event"}}},
		{known: "CVE-2026-69132 of Fedify", row: row{id: "J11", test: deadInboxes,
			must: "what is known of hosts that do not answer is a row in the store for each that a verified follower named, and in memory a cache with a bound: five hundred dead inboxes leave the heap as it was",
			but:  spared{storeSame: "the failures are written down", queueSame: "they wait for their next try", oneEvent: "it is about what is sent", nobodyAsked: "it is about what is sent"}}},
		{known: "CVE-2026-33869 of Mastodon", row: row{id: "J12", test: knownEarly,
			must: "what strangers say about an item of ours before it is there is ignored or refused, and changes nothing later",
			tries: []try{
				ignored("Accept", act("mallory", "Accept", `"{draft}"`)), ignored("Reject", act("mallory", "Reject", `{"id":"{draft}","type":"Follow","actor":"{news}"}`)),
				forbidden("Update", act("mallory", "Update", `{"id":"{draft}","type":"Note","attributedTo":"{mallory}","content":"x"}`), "object-is-ours"),
				forbidden("Delete", act("mallory", "Delete", `"{draft}"`), "object-is-ours"),
				ignored("Like", act("mallory", "Like", `"{draft}"`)),
			}}},
		{known: "Go gzip (measured) of Go", row: row{id: "J13", test: asksForIdentity,
			must: "nothing is inflated: who is asked for a document is asked for it as it is, an answer that is packed all the same is an error, and a packed letter is 415",
			tries: []try{
				fetched("a packed document", packedWith(bomb), 503, "key-unreachable"),
				{"a packed letter", changed(func(_ *world, l letter) letter {
					l.body = bomb()
					return l.with("Content-Encoding: gzip", fmt.Sprint("Content-Length: ", len(l.body)))
				}), 415, "media-type", 0},
			}}},
		{known: "CVE-2022-30631 of Go", row: row{id: "J14",
			must: "gzip of many empty members reaches no reader of gzip: there is none",
			tries: []try{
				fetched("a document", packedWith(emptyMembers), 503, "key-unreachable"),
				{"a letter", changed(func(_ *world, l letter) letter {
					l.body = emptyMembers()
					return l.with("Content-Encoding: gzip", fmt.Sprint("Content-Length: ", len(l.body)))
				}), 415, "media-type", 0},
			},
			test: func(t *testing.T, _ *world) { decompression.check(t) }}},
		{known: "gotosocial#851 of GoToSocial", row: row{id: "J15",
			must: "no thread is walked: whatever a reply or a boost leads to, one look at what is stored says whether it concerns us",
			tries: []try{
				ignored("a reply to itself", note(`"inReplyTo":"{post}"`, `"inReplyTo":"{mallory}/notes/1"`)),
				ignored("two that answer each other", note(`"inReplyTo":"{post}"`, `"inReplyTo":{"id":"{evil}/n2","type":"Note","inReplyTo":{"id":"{mallory}/notes/1","inReplyTo":"{evil}/n2"}}`)),
				ignored("boosts of boosts", act("mallory", "Announce", strings.Repeat(`{"id":"{evil}/a","type":"Announce","actor":"{mallory}","object":`, 28)+`"{post}"`+strings.Repeat("}", 28))),
				ignored("a boost of itself", act("mallory", "Announce", `"{mallory}/acts/1"`)),
				ignored("a reply to the thousandth of a thread", note(`"inReplyTo":"{post}"`, `"inReplyTo":"{evil}/thread/1000"`)),
				{"a thread that is deeper than JSON may be", says(note(`"inReplyTo":"{post}"`, `"inReplyTo":`+strings.Repeat(`{"inReplyTo":`, 1_000)+`"{post}"`+strings.Repeat("}", 1_000))), 400, "json-refused", 0},
			}}},
	}
}

// endless is a reply of an author all of whose collections begin at a page, which is followed by another and that by the first.
func endless(first, second string) writes {
	return func(w *world) letter {
		for page, next := range map[string]string{first: second, second: first} {
			w.evil.serve(page, document(w.fill(`{"id":"{evil}`+page+`","type":"CollectionPage","next":"{evil}`+next+`","items":["{evil}/x"]}`)))
		}
		id := w.evil.url + "/users" + first + second
		w.evil.serve("/users"+first+second, document(strings.Replace(me(id), `"inbox"`, w.fill(`"outbox":"{evil}`+first+`","followers":"{evil}`+first+`","featured":"{evil}`+first+`","inbox"`), 1)))
		collection := `{"id":"{evil}/c","type":"Collection","first":"{evil}` + first + `"}`
		body := note(`"content"`, `"replies":`+collection+`,"likes":`+collection+`,"shares":"{evil}`+first+`","content"`)
		return w.letter(strings.ReplaceAll(body, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"})
	}
}

// tokensOf counts names, values and brackets.
func tokensOf(body string) (n int) {
	for d := json.NewDecoder(strings.NewReader(body)); ; n++ {
		if _, err := d.Token(); err != nil {
			return n
		}
	}
}

// bounds tries each bound on a letter with what just fits and with one more.
func bounds() (tries []try) {
	l := limits.Default()
	odd := func(member string) string { return strings.Replace(aliceIgnored, "{", `{`+member+`,`, 1) }
	zeros := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]" }
	both := func(name string, most, status int, code string, write func(n int) writes) {
		tries = append(tries, try{name + " that fits", write(most), 202, "ignored", 0}, try{name + ", one more", write(most + 1), status, code, 0})
	}
	json := func(name string, most int, body func(n int) string) {
		both(name, most, 400, "json-refused", func(n int) writes { return says(body(n)) })
	}
	both("a body", int(l.InboxBody), 413, "body-too-long", func(n int) writes {
		return func(w *world) letter {
			filled := w.fill(aliceIgnored)
			return w.letter(filled+strings.Repeat(" ", n-len(filled)), forge{})
		}
	})
	both("all header fields", l.RequestHeader, 400, "header-too-large", func(n int) writes {
		return changed(func(w *world, _ letter) letter {
			l, left := w.letter(aliceIgnored, forge{}).plus("X-Pad: "), n
			for _, line := range l.head {
				if !strings.HasPrefix(line, "Host:") {
					left -= len(line) + len("\r\n")
				}
			}
			l.head[len(l.head)-1] += strings.Repeat("x", left)
			return l
		})
	})
	json("depth", l.JSONDepth, func(n int) string { return odd(`"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1)) })
	json("items", l.JSONItems, func(n int) string { return odd(`"x":` + zeros(n)) })
	json("a string", l.JSONString, func(n int) string { return odd(`"x":"` + strings.Repeat("x", n) + `"`) })
	json("tokens", l.JSONTokens, func(n int) string {
		n -= tokensOf(odd(`"x":[[]]`))
		whole := ""
		for ; n > 4_000; n -= 4_002 {
			whole += zeros(4_000) + ","
		}
		return odd(`"x":[` + whole + zeros(n) + `]`)
	})
	json("an id", l.ID, func(n int) string {
		return act("alice", "Like", `"https://evil.test/`+strings.Repeat("x", n-len("https://evil.test/"))+`"`)
	})
	json("recipients", l.Recipients, func(n int) string { return odd(`"to":[` + strings.TrimSuffix(strings.Repeat(`"a:b",`, n), ",") + `]`) })
	json("objects", 256, func(n int) string {
		return act("alice", "Flag", "["+strings.TrimSuffix(strings.Repeat(`"https://evil.test/x",`, n), ",")+"]")
	})
	return append(tries, try{"4,000 choices in a poll", says(act("alice", "Create", `{"id":"{alice}/q","type":"Question","attributedTo":"{alice}","oneOf":[`+strings.TrimSuffix(strings.Repeat(`{"type":"Note","name":"x"},`, 4_000), ",")+`]}`)), 202, "ignored", 0})
}

// cutTexts has mallory write as much as is kept, and one letter more.
func cutTexts(t *testing.T, w *world) {
	l := limits.Default()
	w = newWorld(t, w.backend, scene{})
	assert.False(t, w.hears(strings.Repeat("x", l.Content), "").Cut)
	long := w.hears(strings.Repeat("x", l.Content+1), "")
	assert.True(t, long.Cut)
	assert.Len(t, long.Text, l.Content)
	assert.False(t, w.hears("x", `"summary":"`+strings.Repeat("s", l.Summary)+`",`).Cut)
	warned := w.hears("x", `"summary":"`+strings.Repeat("s", l.Summary+1)+`",`)
	assert.True(t, warned.Cut)
	assert.Len(t, warned.Warning, l.Summary)
}

func endlessBody(t *testing.T, w *world) {
	kept := w.tables()
	connection, err := net.Dial("tcp", w.address)
	require.NoError(t, err)
	defer connection.Close()
	head := w.letter(aliceReplies, forge{}).with("Content-Length:", "Transfer-Encoding: chunked")
	head.body = ""
	_, err = io.WriteString(connection, head.wire())
	require.NoError(t, err)
	chunk := []byte("10000\r\n" + strings.Repeat(" ", 1<<16) + "\r\n")
	written := make(chan int64, 1)
	go func() {
		var n int64
		for n < 10<<30 {
			m, err := connection.Write(chunk)
			if n += int64(m); err != nil {
				break
			}
		}
		written <- n
	}()
	assert.Equal(t, http.StatusRequestEntityTooLarge, w.read(connection).status)
	connection.Close()
	assert.Less(t, <-written, int64(64<<20), "nobody reads on")
	assert.Equal(t, kept, w.tables())
}

func oddAttributes(t *testing.T, w *world) {
	for _, content := range []string{
		`<a>x</a>`, `<a href>x</a>`, `<a href=>x</a>`, `<a =>x</a>`, `<a "href">x</a>`, `<a href href=https://evil.test>x</a>`, `<a/href/=/>x</a>`, `<a rel>x</a>`, `<span class>x</span>`,
		`<a href="https://evil.test" rel rel="x" class>x</a>`, `<p lang>x</p>`, "<a \x01=x>x</a>", `<a xlink:href>x</a>`, `<svg><a xlink:href=x href>x</a></svg>`, `<br/ =>x`, `<ol start reversed><li value>x</ol>`,
	} {
		reply := w.hears(content, "")
		assert.Equal(t, "x", reply.Text, content)
		for _, tag := range element.FindAllString(reply.HTML.String(), -1) {
			assert.Regexp(t, harmless, tag, content)
		}
	}
	assert.Len(t, w.heard(), 17, "with bob's")
}

// membersLess takes each member of each activity away, and puts other values in its place.
func membersLess(t *testing.T, w *world) {
	note := `{"id":"{alice}/notes/3","type":"Note","attributedTo":"{alice}","inReplyTo":"{post}","content":"x","to":["{public}"],"tag":[{"type":"Mention","href":"{news}"}]}`
	follow := `{"id":"{alice}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}`
	n := 0
	for kind, object := range map[string]string{
		"Follow": `"{news}"`, "Create": note, "Update": note, "Delete": `{"id":"{alice}/notes/4","type":"Tombstone"}`, "Undo": follow, "Accept": follow, "Reject": follow,
		"Like": `"{post}"`, "Announce": `{"id":"{post}","type":"Note"}`, "Flag": `["{news}","{post}"]`, "Block": `"{news}"`, "Move": `"{alice}"`, "Question": note, "Add": note,
	} {
		var whole map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.fill(act("alice", kind, object))), &whole))
		whole["target"] = w.fill("{bob}")
		for _, place := range places(whole, nil) {
			for _, value := range []any{nothing, nil, 7, []any{}, map[string]any{}} {
				if n++; !w.samples(n) {
					continue
				}
				body, err := json.Marshal(put(whole, place, value))
				require.NoError(t, err)
				body = bytes.ReplaceAll(body, []byte(`"`+nothing+`"`), []byte("null"))
				if value == nothing {
					body, err = json.Marshal(without(whole, place))
					require.NoError(t, err)
				}
				kept := w.tables()
				w.log.clear()
				status := w.send(w.letter(string(body), forge{}).wire()).status
				assert.Contains(t, []int{202, 400, 401, 403, 404}, status, "%.300s", body)
				for _, e := range w.log.events() {
					assert.NotEqual(t, "panicked", e.code, "%.300s", body)
				}
				if status != http.StatusAccepted {
					assert.Equal(t, kept, w.tables(), "%.300s", body)
				}
			}
		}
	}
	assert.Greater(t, n, 400)
}

const nothing = "nothing at all"

// places lists every member of an object and of those inside it.
func places(v any, at []string) (found [][]string) {
	object, _ := v.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		here := append(slices.Clone(at), name)
		found = append(append(found, here), places(object[name], here)...)
	}
	return found
}

// without copies an object but for one member of it or of one inside it.
func without(object map[string]any, place []string) map[string]any {
	copied := maps.Clone(object)
	if len(place) > 1 {
		copied[place[0]] = without(object[place[0]].(map[string]any), place[1:])
	} else {
		delete(copied, place[0])
	}
	return copied
}

func poisoned(t *testing.T, w *world) {
	quiet := func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusAccepted) }
	w.victim.serve("/users/alice/inbox", quiet)
	w.victim.serve("/users/bob/inbox", quiet)
	news := w.fill("{news}")
	inboxes := []string{"", "::", "http://[::1", "javascript:alert(1)", "https://10.0.0.1/inbox", "http://a@127.0.0.3/", w.evil.url + "/\x00"}
	for i, inbox := range inboxes {
		require.NoError(t, w.store.Apply(t.Context(), store.Send{Inbox: inbox, Lane: store.Urgent, Activity: store.Activity{
			ID: fmt.Sprint(news, "/poison/", i), Actor: news, Type: "Create", Object: fmt.Sprint(news, "/x/", i), Body: []byte("\xff{"), Public: true, At: time.Now(),
		}}))
	}
	_, err := w.site.Publish(t.Context(), outbox.Item{Key: "19", URL: w.base + "/news/19", Title: "Road open", Language: "en-NZ"})
	require.NoError(t, err)
	w.deliver()
	given := 0
	for _, d := range w.queue() {
		if strings.Contains(d.Activity, "/poison/") {
			given++
			assert.Equal(t, store.Failed, d.State, "%q %s", d.Inbox, d.Answer)
			assert.LessOrEqual(t, d.Attempt, 3)
		} else if d.Type == "Create" {
			assert.Equal(t, store.Delivered, d.State, "%q %s", d.Inbox, d.Answer)
		}
	}
	assert.Equal(t, len(inboxes), given)

	again, err := panui.New(panui.Config{
		BaseURL: w.base, Store: w.store, Keys: signing.Fediverse(), InsecureLoopback: true, Log: slog.New(w.log),
		Actors: []actor.Profile{{Handle: "news@" + w.host(), ID: "news", Name: "Te Manatū Tauira", Key: siteKey()}},
	})
	require.NoError(t, err)
	require.NoError(t, again.Retry(t.Context(), ""))
	w.site = again
	w.deliver()
}

func domainFarm(t *testing.T, w *world) {
	w.names.mu.Lock()
	w.names.otherwise = "10.0.0.1"
	w.names.mu.Unlock()
	kept, queued := w.tables(), w.queue()
	wire := w.letter(malloryFollows, forge{by: "mallory", keyID: "https://HOST/users/x#main-key"}).wire()
	counts := map[int]int{}
	began := time.Now()
	for i := range w.often(2_000) {
		counts[w.send(strings.Replace(wire, "HOST", fmt.Sprintf("bot%d.farm.test", i), 1)).status]++
	}
	grown := int(time.Since(began).Minutes()*float64(limits.Default().FetchesPerHost)) + 1
	assert.LessOrEqual(t, len(w.names.lookups()), limits.Default().FetchesPerHost+grown)
	assert.Equal(t, len(w.names.lookups()), counts[http.StatusUnauthorized])
	assert.Equal(t, w.often(2_000), counts[http.StatusUnauthorized]+counts[http.StatusServiceUnavailable], counts)
	assert.Equal(t, kept, w.tables())
	assert.Equal(t, queued, w.queue())
	assert.Equal(t, http.StatusUnauthorized, w.send(strings.Replace(wire, "HOST", "www.healthy.test", 1)).status, "another domain is asked")
	assert.Contains(t, w.names.lookups(), "www.healthy.test.")
}

func throughTheMount(t *testing.T, w *world) {
	mux := http.NewServeMux()
	mux.Handle("/", w.site.Handler(http.NotFoundHandler()))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Website", "yes")
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.address = server.Listener.Addr().String()
	most := int(limits.Default().InboxBody)
	for status, n := range map[int]int{http.StatusRequestEntityTooLarge: most + 1, http.StatusBadRequest: most} {
		body := strings.Repeat(" ", n)
		got := w.send(w.letter(body, forge{}).wire())
		assert.Equal(t, status, got.status, "with a length of %d", n)
		assert.Equal(t, "yes", got.header.Get("X-Website"))
		assert.Equal(t, status, w.send(w.letter(body, forge{}).chunk().wire()).status, "%d in chunks", n)
	}
}

func manyDeletes(t *testing.T, w *world) {
	kept, dialled := w.tables(), w.dialled()
	wire := w.letter(act("mallory", "Delete", `"{mallory}"`), forge{by: "mallory"})
	for i := range w.often(2_000) {
		one := wire
		one.body = strings.ReplaceAll(wire.body, "mallory", fmt.Sprintf("m%06d", i)) // as long as her name
		one = one.with("Signature: "+strings.Replace(wire.field("Signature"), "mallory", fmt.Sprintf("m%06d", i), 1), "Digest: "+sha256Digest(one.body))
		require.Equal(t, http.StatusAccepted, w.send(one.wire()).status)
	}
	assert.Equal(t, dialled, w.dialled())
	assert.Equal(t, kept, w.tables())
}

func deadInboxes(t *testing.T, w *world) {
	news, n := w.fill("{news}"), w.often(500)
	for i := range n {
		require.NoError(t, w.store.Apply(t.Context(), store.Send{Inbox: fmt.Sprintf("http://127.9.%d.%d:1/inbox", i/250, i%250+1), Activity: store.Activity{
			ID: fmt.Sprint(news, "/dead/", i%10), Actor: news, Type: "Create", Object: fmt.Sprint(news, "/x/", i), Body: []byte("{}"), Public: true, At: time.Now(),
		}}))
	}
	w.deliver()
	down := 0
	for i := range n {
		if p, err := w.store.Peer(t.Context(), fmt.Sprintf("127.9.%d.%d:1", i/250, i%250+1)); err == nil && p.Failures > 0 {
			down++
		}
	}
	assert.Equal(t, n, down, "each failure is a row of its own, and nothing else is kept")
}

func knownEarly(t *testing.T, w *world) {
	post, err := w.site.Publish(t.Context(), outbox.Item{Key: "20", URL: w.base + "/news/20", Title: "Road open", Language: "en-NZ"})
	require.NoError(t, err)
	assert.Equal(t, store.Live, post.State)
	assert.Equal(t, http.StatusOK, w.send(get(post.ID)(w).wire()).status)
	require.Equal(t, http.StatusAccepted, w.send(w.letter(strings.ReplaceAll(act("alice", "Like", `"{draft}"`), "{draft}", post.ID), forge{}).wire()).status)
	counts, err := w.store.Counts(t.Context(), post.ID)
	require.NoError(t, err)
	assert.Equal(t, store.Counts{Likes: 1}, counts)
}

// packedWith serves bytes as a packed document.
func packedWith(packed func() string) func(string) http.HandlerFunc {
	return func(string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", as2.MediaType)
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, packed())
		}
	}
}

// emptyMembers is gzip of nothing, ten thousand times.
func emptyMembers() string {
	var one bytes.Buffer
	z := gzip.NewWriter(&one)
	z.Close()
	return strings.Repeat(one.String(), 10_000)
}

func asksForIdentity(t *testing.T, w *world) {
	for _, asked := range w.evil.requests() {
		assert.Equal(t, []string{"identity"}, asked.Header.Values("Accept-Encoding"))
	}
	require.NotEmpty(t, w.evil.requests())
	decompression.check(t)
}
