package panui_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/internal/limits"
)

// impatient are limits that a test can wait for.
func impatient() limits.Limits {
	l := limits.Default()
	l.BodyDeadline = 100 * time.Millisecond
	return l
}

func behindProxy(c *panui.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

// bodiless is a letter whose body is something else than what its head says.
func bodiless(lines ...string) func(body string) writes {
	return func(body string) writes {
		return changed(func(_ *world, l letter) letter {
			l = l.with(lines...)
			l.body = body
			return l
		})
	}
}

// B025 to B038: what HTTP carries to the inbox.
func wireCorpus() []row {
	return []row{
		{id: "B025", must: "no body: 400", tries: []try{
			{"a length of 0", bodiless("Content-Length: 0")(""), 400, "body-empty", 0},
			{"no length", bodiless("Content-Length:")(""), 400, "body-empty", 0},
			{"an empty stream", bodiless("Content-Length:", "Transfer-Encoding: chunked")("0\r\n\r\n"), 400, "body-empty", 0},
		}},
		{id: "B026", must: "ten gigabytes are announced: 413 before a byte of it is read", tries: []try{
			{"and not sent", bodiless("Content-Length: 10000000000")(""), 413, "body-too-long", 0},
			{"and waited with", bodiless("Content-Length: 10000000000", "Expect: 100-continue")(""), 413, "body-too-long", 0},
			{"a byte over the limit", bodiless(fmt.Sprint("Content-Length: ", 256<<10+1))(""), 413, "body-too-long", 0},
		}},
		{id: "B027", must: "chunks without end: 413 at the limit and a byte", tries: []try{
			{"large ones", bodiless("Content-Length:", "Transfer-Encoding: chunked")(strings.Repeat("10000\r\n"+strings.Repeat(" ", 1<<16)+"\r\n", 16)), 413, "body-too-long", 0},
			{"small ones", bodiless("Content-Length:", "Transfer-Encoding: chunked")(strings.Repeat("40\r\n"+strings.Repeat(" ", 64)+"\r\n", 8<<10)), 413, "body-too-long", 0},
		}},
		{id: "B028", must: "a body that comes too slowly: 408 at the deadline, and the connection ends", scene: scene{limits: impatient()}, tries: []try{
			{"and stops", bodiless("Content-Length: 500")("{"), 408, "body-slow", 0},
			{"and stops between chunks", bodiless("Content-Length:", "Transfer-Encoding: chunked")("1\r\n{\r\n"), 408, "body-slow", 0},
		}},
		{id: "B029", must: "two framings of one body: 400, or the chunks alone count and net/http says so to nobody behind (RFC 9112 section 6.3); two lengths: 400 by net/http",
			but: byNetHTTP(spared{}), tries: []try{
				{"chunked and a length, with a body for neither", bodiless("Transfer-Encoding: chunked")("0\r\n\r\n"), 400, "body-empty", 0},
				{"two lengths", changed(func(_ *world, l letter) letter { return l.plus("Content-Length: 3") }), 400, "", 0},
				{"chunked twice", bodiless("Content-Length:", "Transfer-Encoding: chunked, chunked")("0\r\n\r\n"), 501, "", 0},
				{"a length with a sign", bodiless("Content-Length: +3")("{}x"), 400, "", 0},
				{"a line end that is none", bodiless("Content-Length: 3\rX: y")("{}x"), 400, "", 0},
			}},
		{id: "B030", must: "compressed: 415, and not inflated", tries: []try{
			{"a bomb", changed(func(w *world, l letter) letter {
				l.body = bomb()
				return l.with("Content-Encoding: gzip", fmt.Sprint("Content-Length: ", len(l.body)))
			}), 415, "media-type", 0},
			{"in disguise", headed("Content-Encoding: identity, gzip"), 415, "media-type", 0},
			{"another", headed("Content-Encoding: br"), 415, "media-type", 0},
		}},
		{id: "B031", must: "not exactly one media type of ActivityPub: 415", tries: []try{
			{"text/plain", headed("Content-Type: text/plain"), 415, "media-type", 0},
			{"none", headed("Content-Type:"), 415, "media-type", 0},
			{"two", changed(func(_ *world, l letter) letter { return l.plus("Content-Type: text/plain") }), 415, "media-type", 0},
			{"the right one twice", changed(func(_ *world, l letter) letter { return l.plus("Content-Type: application/activity+json") }), 415, "media-type", 0},
			{"plain JSON", headed("Content-Type: application/json"), 415, "media-type", 0},
			{"another profile", headed(`Content-Type: application/ld+json; profile="https://example.org/"`), 415, "media-type", 0},
			{"another charset", headed("Content-Type: application/activity+json; charset=latin1"), 415, "media-type", 0},
		}},
		{id: "B032", must: "what a form on any page can send: 415", tries: []try{
			{"multipart", headed("Content-Type: multipart/form-data; boundary=x"), 415, "media-type", 0},
			{"encoded", headed("Content-Type: application/x-www-form-urlencoded"), 415, "media-type", 0},
		}},
		{id: "B033", must: "a body that is asked for and never sent: 408 at the deadline, and the connection ends", scene: scene{limits: impatient()}, tries: []try{
			{"silence", bodiless("Expect: 100-continue")(""), 408, "body-slow", 0},
		}},
		{id: "B034", must: "a URL that is not exactly an inbox: 404, never a redirect", but: byNetHTTP(spared{}), tries: []try{
			{"a query", forged(aliceReplies, forge{to: "/ap/inbox?x=1"}), 404, "no-such-inbox", 0},
			{"an empty query", forged(aliceReplies, forge{to: "/ap/inbox?"}), 404, "no-such-inbox", 0},
			{"two slashes", forged(aliceReplies, forge{to: "//ap/inbox"}), 404, "", 0},
			{"a slash behind", forged(aliceReplies, forge{to: "/ap/inbox/"}), 404, "", 0},
			{"capitals", forged(aliceReplies, forge{to: "/ap/Inbox"}), 404, "", 0},
			{"an escape", forged(aliceReplies, forge{to: "/ap/%69nbox"}), 404, "", 0},
			{"the inbox of nobody", forged(aliceReplies, forge{to: "/ap/actors/nobody/inbox"}), 404, "no-such-inbox", 0},
		}},
		{id: "B035", must: "100 copies at once: every one is 202, the effect is one", test: oneEffect,
			but: spared{storeSame: "the one effect is checked", queueSame: "the one Accept is checked", oneEvent: "each of the hundred has its own"}},
		{id: "B036", must: "10,000 connections from one address: 429, and 503 when the house is full, with Retry-After; others and GETs are served", test: crowd,
			scene: scene{config: behindProxy}, but: spared{oneEvent: "each of the ten thousand has its own"}},
		{id: "B037", must: "a folded Signature: net/http puts a blank for the fold (RFC 9112 section 5.2): 400 where that breaks it, and nothing else where it does not",
			tries: []try{
				{"inside the signature", changed(func(_ *world, l letter) letter { return folded(l, `signature="`, 30) }), 400, "signature-malformed", 0},
				{"inside the key id", changed(func(_ *world, l letter) letter { return folded(l, `keyId="`, 12) }), 401, "key-id-refused", 0},
			},
			test: func(t *testing.T, w *world) {
				l := w.letter(aliceIgnored, forge{})
				w.log.clear()
				assert.Equal(t, http.StatusAccepted, w.send(folded(l, `",algorithm`, 2).wire()).status, "a blank between parameters is one")
				assert.Equal(t, "ignored", w.log.events()[0].code)
				start := l
				start.start += "\r\n folded"
				assert.Equal(t, http.StatusBadRequest, w.send(start.wire()).status, "where there is nothing to go on with, net/http refuses it")
			}},
		{id: "B038", must: "trailers that carry what is missing: ignored, so 401", tries: []try{
			{"the signature", inTrailer("Signature"), 401, "signature-missing", 0},
			{"the digest", inTrailer("Digest"), 401, "signature-covers-too-little", 0},
			{"the date", inTrailer("Date"), 401, "signature-covers-too-little", 0},
		}},
	}
}

// bomb is a quarter of a gigabyte of blanks, packed.
var bomb = sync.OnceValue(func() string {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	blanks := bytes.Repeat([]byte(" "), 1<<20)
	for range 240 {
		z.Write(blanks)
	}
	z.Close()
	return packed.String()
})

// folded puts an obsolete line fold into the Signature field, some bytes behind the start of what is named.
func folded(l letter, what string, behind int) letter {
	signature := l.field("Signature")
	at := strings.Index(signature, what) + behind
	return l.with("Signature: " + signature[:at] + "\r\n " + signature[at:])
}

// inTrailer sends a field after the body instead of before it.
func inTrailer(name string) writes {
	return changed(func(_ *world, l letter) letter {
		value := l.field(name)
		l.body = fmt.Sprintf("%x\r\n%s\r\n0\r\n%s: %s\r\n\r\n", len(l.body), l.body, name, value)
		return l.with(name+":", "Content-Length:", "Transfer-Encoding: chunked", "Trailer: "+name)
	})
}

func oneEffect(t *testing.T, w *world) {
	wire := w.letter(malloryFollows, forge{by: "mallory"}).wire()
	queued, dialled := len(w.queue()), w.dialled()
	var sending sync.WaitGroup
	statuses := make([]int, 100)
	for i := range statuses {
		sending.Go(func() { statuses[i] = w.send(wire).status })
	}
	sending.Wait()
	for _, status := range statuses {
		assert.Equal(t, http.StatusAccepted, status)
	}
	assert.Len(t, w.followers(), 3, "bob, alice and mallory")
	assert.Len(t, w.queue(), queued+1, "one Accept")
	assert.Equal(t, 1, w.dialled()-dialled, "one fetch for all")
}

func crowd(t *testing.T, w *world) {
	unsigned := func(from string) string {
		return w.letter(aliceReplies, forge{}).with("Signature:", "X-Forwarded-For: "+from).wire()
	}
	kept := w.tables()

	// One address comes ten thousand times with what is not signed.
	wire := unsigned("192.0.2.7")
	var mu sync.Mutex
	counts := map[int]int{}
	var coming sync.WaitGroup
	for range 20 {
		coming.Go(func() {
			for range w.often(500) {
				got := w.send(wire)
				mu.Lock()
				counts[got.status]++
				if got.status == http.StatusTooManyRequests {
					assert.Equal(t, "30", got.header.Get("Retry-After"))
				}
				mu.Unlock()
			}
		})
	}
	coming.Wait()
	assert.InDelta(t, 300, counts[http.StatusUnauthorized], 30, "its budget, with what was inside already and what grew back")
	assert.Equal(t, 20*w.often(500), counts[http.StatusUnauthorized]+counts[http.StatusTooManyRequests], counts)
	assert.Equal(t, http.StatusUnauthorized, w.send(unsigned("192.0.2.8")).status, "another address has its own")
	assert.Equal(t, http.StatusOK, w.send(get("{news}")(w).wire()).status)

	// As many as are let in hold the door with bodies that do not come.
	l := limits.Default()
	house := (l.InWork + l.Waiting) * runtime.GOMAXPROCS(0)
	head, _, _ := strings.Cut(unsigned("192.0.2.9"), "{")
	var held []net.Conn
	hold := func() {
		connection, err := net.Dial("tcp", w.address)
		require.NoError(t, err)
		_, err = io.WriteString(connection, head)
		require.NoError(t, err)
		held = append(held, connection)
	}
	defer func() {
		for _, connection := range held {
			connection.Close()
		}
	}()
	for range house {
		hold()
	}
	full := w.send(unsigned("192.0.2.10"))
	for n := 0; full.status != http.StatusServiceUnavailable && n < house; n++ {
		hold() // whoever asks may have taken the place of one who was still on the way
		full = w.send(unsigned("192.0.2.10"))
	}
	require.Equal(t, http.StatusServiceUnavailable, full.status)
	assert.Equal(t, "30", full.header.Get("Retry-After"))
	assert.Equal(t, http.StatusOK, w.send(get("{news}")(w).wire()).status, "GETs are served")
	for _, connection := range held {
		connection.Close()
	}
	require.Eventually(t, func() bool {
		return w.send(w.letter(aliceIgnored, forge{head: []string{"X-Forwarded-For: 192.0.2.11"}}).wire()).status == http.StatusAccepted
	}, patience, 10*time.Millisecond, "and when they have gone, letters too")
	assert.Equal(t, kept, w.tables())
}
