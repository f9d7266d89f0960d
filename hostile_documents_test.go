package panui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages are one of each kind that the site serves.
var pages = []string{"{news}", "{news}/followers", "{news}/outbox", "{news}/outbox?page=true", "{post}", "/.well-known/webfinger?" + canonical, "/.well-known/nodeinfo"}

// everyPage checks that these header lines change no page.
func everyPage(lines ...string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		for _, page := range pages {
			same(t, w, get(page), get(page, lines...))
		}
	}
}

const apart = "; there is nothing to choose: the ids are for servers and one form is all that they have, the pages for people have other URLs"

// B013 to B024: documents are fetched.
func documentsCorpus() []row {
	public := scene{public: true}
	return []row{
		{id: "B013", must: "2,000 ranges in Accept: the document" + apart, but: publicPage, scene: public,
			test: everyPage("Accept: " + strings.Repeat("text/x,", 2_000) + "text/y")},
		{id: "B014", must: "ActivityPub not wanted: the document all the same, and no Vary" + apart, but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			everyPage("Accept: application/activity+json;q=0, text/html")(t, w)
			got := w.send(get("{news}", "Accept: application/activity+json;q=0, text/html")(w).wire())
			assert.Equal(t, "application/activity+json", got.header.Get("Content-Type"))
		}},
		{id: "B015", must: "ld+json without profile: the document, never an error page with 200" + apart, but: publicPage, scene: public,
			test: everyPage("Accept: application/ld+json")},
		{id: "B016", must: "an escaped slash, dots or NUL in an id: 404, no redirect", but: publicPage, scene: public,
			tries: []try{
				{"an escaped slash", get("/ap/actors/a%2Fb"), 404, "", 0},
				{"an escaped slash in ours", get("/ap%2Factors/news"), 404, "", 0},
				{"dots", get("/ap/actors/..%2f"), 404, "", 0},
				{"dots that a mux would follow", get("/ap/actors/../actors/news"), 404, "", 0},
				{"NUL", get("/ap/actors/%00"), 404, "", 0},
				{"two slashes", get("//ap/actors/news"), 404, "", 0},
				{"a slash behind", get("{news}/"), 404, "", 0},
				{"an escaped letter", get("/ap/actors/%6eews"), 404, "", 0},
			}},
		{id: "B017", must: "what exists but is not public and what does not exist: the same 404, to the byte", but: publicPage, scene: scene{}, test: func(t *testing.T, w *world) {
			accept := w.queue()[0].Activity // an answer to a follower
			want := w.send(get("{draft}")(w).wire())
			assert.Equal(t, http.StatusNotFound, want.status)
			for _, unseen := range []string{accept, "{our}/ap/objects/x", "{our}/ap/activities/x", "{our}/ap/objects/" + strings.Repeat("z", 26), "{gone}/replies", "{our}/ap/nothing"} {
				assert.Equal(t, want, w.send(get(unseen)(w).wire()), unseen)
			}
		}},
		{id: "B018", must: "a cursor that we never gave: 400; a parameter that we do not know: the collection; the store is never asked for it", but: publicPage, scene: public,
			tries: []try{
				{"below nothing", get("{news}/outbox?page=true&before=-1"), 400, "", 0},
				{"no number", get("{news}/outbox?page=true&before='%20OR%201=1"), 400, "", 0},
				{"a float", get("{news}/outbox?page=true&before=1e9"), 400, "", 0},
				{"over every number", get("{news}/outbox?page=true&before=99999999999999999999"), 400, "", 0},
				{"another page of replies", get("{post}/replies?page=true&before=x"), 400, "", 0},
			},
			test: func(t *testing.T, w *world) {
				w.log.clear()
				same(t, w, get("{news}/outbox"), get("{news}/outbox?cursor='%20OR%201=1"))
				same(t, w, get("{news}/outbox?page=true"), get("{news}/outbox?page=-1"), get("{news}/outbox?page=1e9"))
				assert.Empty(t, w.log.events(), "nothing failed")
			}},
		{id: "B019", must: "1,000 ranges: the whole document, once", but: publicPage, scene: public,
			test: everyPage("Range: bytes=" + strings.TrimSuffix(strings.Repeat("0-0,1-1,", 500), ","))},
		{id: "B020", must: "a GET with a broken signature: served as unsigned, nobody is asked", but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			everyPage("Signature: garbage", "Authorization: Signature garbage", "Signature-Input: sig1=()")(t, w)
			assert.Zero(t, w.dialled())
		}},
		{id: "B021", must: "a GET signed with a key of ours or on loopback: served as unsigned, nobody is asked", but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			for _, key := range []string{"{news}#main-key", "https://127.0.0.1/k", "https://evil.test/users/mallory#main-key"} {
				everyPage(`Signature: keyId="`+w.fill(key)+`",algorithm="rsa-sha256",headers="(request-target) host date",signature="AAAA"`)(t, w)
			}
			assert.Zero(t, w.dialled())
		}},
		{id: "B022", must: "1,000 conditional GETs: 304 where the tag is listed, else the document; memory stays", but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			whole := w.send(get("{post}")(w).wire())
			require.Equal(t, http.StatusOK, whole.status)
			tag := whole.header.Get("Etag")
			before := heapInUse()
			for i := range 1_000 {
				form := []string{tag, "W/" + tag, `"x", ` + tag, "*", strings.Trim(tag, `"`), `"x"`, tag[:len(tag)-1], `W/"` + fmt.Sprint(i) + `"`, ",,," + tag, "W/*"}[i%10]
				want := http.StatusOK
				if i%10 < 4 || i%10 == 8 {
					want = http.StatusNotModified
				}
				got := w.send(get("{post}", "If-None-Match: "+form)(w).wire())
				require.Equal(t, want, got.status, form)
				require.Equal(t, tag, got.header.Get("Etag"))
				require.Equal(t, want == http.StatusNotModified, got.body == "", form)
			}
			assert.LessOrEqual(t, heapInUse(), before+1<<20)
		}},
		{id: "B023", must: "HTTP/1.0 without Host: 400; HTTP/1.1 without Host: net/http says 400", scene: public,
			but: spared{oneEvent: publicPage[oneEvent] + "; the POST has its event (checked)"},
			tries: []try{
				{"webfinger", hostless("GET /.well-known/webfinger?" + canonical + " HTTP/1.0"), 400, "", 0},
				{"an actor", hostless("GET /ap/actors/news HTTP/1.0"), 400, "", 0},
				{"an outbox", hostless("GET /ap/actors/news/outbox HTTP/1.0"), 400, "", 0},
				{"HTTP/1.1", hostless("GET /ap/actors/news HTTP/1.1"), 400, "", 0},
			},
			test: func(t *testing.T, w *world) {
				w.log.clear()
				signed := w.letter(aliceIgnored, forge{}).with("Host:")
				signed.start = "POST /ap/inbox HTTP/1.0"
				assert.Equal(t, http.StatusUnauthorized, w.send(signed.wire()).status, "to the inbox it is a request for another host")
				require.Len(t, w.log.events(), 1)
				assert.Equal(t, "host-not-ours", w.log.events()[0].code)
			}},
		{id: "B024", must: "a request line that names another host: the same answer, to the byte", but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			for _, page := range pages {
				absolute := get(page)(w)
				absolute.start = strings.Replace(absolute.start, "GET /", "GET http://evil.test/", 1)
				assert.Equal(t, w.send(get(page)(w).wire()), w.send(absolute.wire()), page)
			}
		}},
	}
}

func hostless(start string) writes {
	return func(*world) letter { return letter{start: start, head: []string{"Connection: close"}} }
}
