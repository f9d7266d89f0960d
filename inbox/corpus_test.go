package inbox

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

// The rows of the hostile corpus that concern the inbox, by their numbers. After
// each the standing invariants hold: nothing is stored or queued, no key is
// looked for but where the row says so, the answer is small and echoes nothing,
// there is one line of log with a reason, and a second try has the same answer.

type row struct {
	id     string
	name   string
	make   func(*world) *http.Request
	want   int
	reason string // of the refusal; empty where any will do
	asks   int    // how often keys may be looked for
}

// forged is a signature made by hand, so that it can be wrong in one way.
type forged struct {
	keyID      string
	algorithm  string
	components []string
	header     map[string]string
	extra      string // more parameters
	path, host string // as signed
	raw        string // the whole header instead
}

func (w *world) forge(body string, f forged) *http.Request {
	body = replace.Replace(body)
	r := httptest.NewRequest(http.MethodPost, ids["inbox"], strings.NewReader(body))
	r.Header.Set("Content-Type", as2.MediaType)
	r.Header.Set("Date", w.now.Format(http.TimeFormat))
	sum := sha256.Sum256([]byte(body))
	r.Header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]))
	for name, value := range f.header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	if f.raw != "" {
		r.Header.Set("Signature", f.raw)
		return r
	}
	keyID, path, host, components := ids["alice"]+"#main-key", "/ap/inbox", "our.test", []string{"(request-target)", "host", "date", "digest"}
	if f.keyID != "" {
		keyID = f.keyID
	}
	if f.path != "" {
		path = f.path
	}
	if f.host != "" {
		host = f.host
	}
	if f.components != nil {
		components = f.components
	}
	var lines []string
	for _, c := range components {
		switch c {
		case "(request-target)":
			lines = append(lines, c+": post "+path)
		case "host":
			lines = append(lines, c+": "+host)
		case "(created)", "(expires)":
			_, value, _ := strings.Cut(f.extra, strings.Trim(c, "()")+"=")
			value, _, _ = strings.Cut(value, ",")
			lines = append(lines, c+": "+value)
		default:
			lines = append(lines, c+": "+r.Header.Get(c))
		}
	}
	hashed := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, privateKey(), crypto.SHA256, hashed[:])
	require.NoError(w, err)
	algorithm := "rsa-sha256"
	if f.algorithm != "" {
		algorithm = f.algorithm
	}
	r.Header.Set("Signature", fmt.Sprintf(`keyId="%s",algorithm="%s",headers="%s",%ssignature="%s"`,
		keyID, algorithm, strings.Join(components, " "), f.extra, base64.StdEncoding.EncodeToString(signature)))
	return r
}

// raw signs bytes as alice would.
func raw(body string) func(*world) *http.Request {
	return func(w *world) *http.Request {
		return w.signed(ids["alice"], ids["inbox"], []byte(replace.Replace(body)))
	}
}

// with changes a good request before it is sent.
func with(change func(*http.Request)) func(*world) *http.Request {
	return func(w *world) *http.Request {
		r := w.request(aliceReplies)
		change(r)
		return r
	}
}

func header(name string, values ...string) func(*world) *http.Request {
	return with(func(r *http.Request) { r.Header[name] = values })
}

func forging(f forged) func(*world) *http.Request {
	return func(w *world) *http.Request { return w.forge(aliceReplies, f) }
}

// member puts members in front of those of a reply.
func member(members string) func(*world) *http.Request {
	return raw(strings.Replace(aliceReplies, "{", "{"+members+",", 1))
}

func TestHTTPCorpus(t *testing.T) {
	run(t, []row{
		{"B025", "no body", func(*world) *http.Request {
			r := httptest.NewRequest(http.MethodPost, ids["inbox"], nil)
			r.Header.Set("Content-Type", as2.MediaType)
			return r
		}, 400, bodyEmpty, 0},
		{"B026", "an announced length of ten gigabytes", with(func(r *http.Request) { r.ContentLength = 10_000_000_000 }), 413, bodyTooLong, 0},
		{"B027", "endless", with(func(r *http.Request) { r.ContentLength, r.Body = -1, endless{} }), 413, bodyTooLong, 0},
		{"B030", "gzip", header("Content-Encoding", "gzip"), 415, wrongMediaType, 0},
		{"B030", "gzip in disguise", header("Content-Encoding", "identity, gzip"), 415, wrongMediaType, 0},
		{"B031", "text/plain", header("Content-Type", "text/plain"), 415, wrongMediaType, 0},
		{"B031", "no type", header("Content-Type"), 415, wrongMediaType, 0},
		{"B031", "two types", header("Content-Type", as2.MediaType, "text/plain"), 415, wrongMediaType, 0},
		{"B031", "the right type twice", header("Content-Type", as2.MediaType, as2.MediaType), 415, wrongMediaType, 0},
		{"B031", "plain JSON", header("Content-Type", "application/json"), 415, wrongMediaType, 0},
		{"B031", "another profile", header("Content-Type", `application/ld+json; profile="https://example.org/"`), 415, wrongMediaType, 0},
		{"B031", "another charset", header("Content-Type", as2.MediaType+"; charset=utf-16"), 415, wrongMediaType, 0},
		{"B031", "a broken type", header("Content-Type", as2.MediaType+"; ="), 415, wrongMediaType, 0},
		{"B032", "a form", header("Content-Type", "multipart/form-data; boundary=x"), 415, wrongMediaType, 0},
		{"B032", "an encoded form", header("Content-Type", "application/x-www-form-urlencoded"), 415, wrongMediaType, 0},
		{"B034", "a query", sentTo("https://our.test/ap/inbox?x=1"), 404, noSuchInbox, 0},
		{"B034", "an empty query", sentTo("https://our.test/ap/inbox?"), 404, noSuchInbox, 0},
		{"B034", "two slashes", sentTo("https://our.test//ap/inbox"), 404, noSuchInbox, 0},
		{"B034", "a slash at the end", sentTo("https://our.test/ap/inbox/"), 404, noSuchInbox, 0},
		{"B034", "another case", sentTo("https://our.test/ap/Inbox"), 404, noSuchInbox, 0},
		{"B034", "an escape", sentTo("https://our.test/ap/%69nbox"), 404, noSuchInbox, 0},
		{"B034", "the inbox of nobody", sentTo("https://our.test/ap/actors/nobody/inbox"), 404, noSuchInbox, 0},
		{"B038", "a digest and a signature after the body", with(func(r *http.Request) {
			r.Trailer = http.Header{"Digest": r.Header["Digest"], "Signature": r.Header["Signature"]}
			r.Header.Del("Signature")
		}), 401, "signature-missing", 0},
		{"", "GET", with(func(r *http.Request) { r.Method = http.MethodGet }), 405, wrongMethod, 0},
		{"", "PUT", with(func(r *http.Request) { r.Method = http.MethodPut }), 405, wrongMethod, 0},
		{"", "header fields of 17 KiB", header("X-Filler", strings.Repeat("x", 17<<10)), 400, headerTooLarge, 0},
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }
func (endless) Close() error               { return nil }

func sentTo(inbox string) func(*world) *http.Request {
	return func(w *world) *http.Request {
		return w.signed(ids["alice"], inbox, []byte(replace.Replace(aliceReplies)))
	}
}

func TestSignatureCorpus(t *testing.T) {
	good := []string{"(request-target)", "host", "date", "digest"}
	without := func(name string) []string {
		var rest []string
		for _, c := range good {
			if c != name {
				rest = append(rest, c)
			}
		}
		return rest
	}
	sum512 := sha512.Sum512([]byte(replace.Replace(aliceReplies)))
	right := sha256.Sum256([]byte(replace.Replace(aliceReplies)))
	digest := "SHA-256=" + base64.StdEncoding.EncodeToString(right[:])
	unix := func(d time.Duration) string { return strconv.FormatInt(start.Add(d).Unix(), 10) }
	rows := []row{
		{"B039", "no signature", header("Signature"), 401, "signature-missing", 0},
		{"B040", "only the date", forging(forged{components: []string{"date"}}), 401, "", 0},
		{"B041", "no digest", forging(forged{components: without("digest")}), 401, "", 0},
		{"B041", "no host", forging(forged{components: without("host")}), 401, "", 0},
		{"B041", "no request target", forging(forged{components: without("(request-target)")}), 401, "", 0},
		{"B042", "an empty list", forging(forged{components: []string{}}), 400, "", 0},
		{"B042", "200 names", forging(forged{components: append(good, strings.Fields(strings.Repeat("x ", 200))...)}), 400, "", 0},
		{"B042", "a name twice", forging(forged{components: append(good, "date")}), 400, "", 0},
		{"B043", "keyId twice", forging(forged{extra: `keyId="` + ids["bob"] + `#main-key",`}), 400, "", 0},
		{"B043", "two Signature fields", with(func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) }), 400, "", 0},
		{"B043", "Signature and Authorization", with(func(r *http.Request) { r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature")) }), 400, "", 0},
		{"B044", "another body", with(func(r *http.Request) {
			body := strings.Replace(replace.Replace(aliceReplies), "Thanks", "Thankz", 1)
			r.Body, r.ContentLength = http.NoBody, int64(len(body))
			r.Body = nopCloser{strings.NewReader(body)}
		}), 401, "digest-wrong", 0},
		{"B045", "two digests", forging(forged{header: map[string]string{"Digest": digest + ", SHA-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}), 401, "", 0},
		{"B046", "MD5", forging(forged{header: map[string]string{"Digest": "MD5=1B2M2Y8AsgTpgAmY7PhCfg=="}}), 401, "", 0},
		{"B046", "SHA-512 only", forging(forged{header: map[string]string{"Digest": "SHA-512=" + base64.StdEncoding.EncodeToString(sum512[:])}}), 401, "", 0},
		{"B046", "bad base64", forging(forged{header: map[string]string{"Digest": "SHA-256=*"}}), 401, "", 0},
		{"B047", "13 hours old", forging(forged{header: map[string]string{"Date": start.Add(-13 * time.Hour).Format(http.TimeFormat)}}), 401, "", 0},
		{"B047", "6 minutes ahead", forging(forged{header: map[string]string{"Date": start.Add(6 * time.Minute).Format(http.TimeFormat)}}), 401, "", 0},
		{"B047", "no date", forging(forged{header: map[string]string{"Date": ""}}), 401, "", 0},
		{"B047", "RFC 850", forging(forged{header: map[string]string{"Date": start.Format(time.RFC850)}}), 401, "", 0},
		{"B048", "created in the future with rsa-sha256", forging(forged{components: []string{"(request-target)", "host", "(created)", "digest"}, extra: "created=" + unix(time.Hour) + ","}), 401, "", 0},
		{"B048", "expires before created", forging(forged{
			algorithm: "hs2019", components: []string{"(request-target)", "host", "(created)", "(expires)", "digest"},
			extra: "created=" + unix(0) + ",expires=" + unix(-time.Minute) + ",",
		}), 401, "", 0},
		{"B049", "HMAC", forging(forged{algorithm: "hmac-sha256"}), 401, "", 0},
		{"B050", "another path of ours", forging(forged{path: "/ap/actors/news/inbox"}), 401, "", 2},
		{"B050", "another host", forging(forged{host: "evil.test"}), 401, "", 2},
		{"B051", "a keyId of 8 KiB", forging(forged{keyID: "https://peer.test/" + strings.Repeat("k", 8<<10)}), 400, "", 0},
		{"B054", "RFC 9421 with two keys", with(func(r *http.Request) {
			r.Header.Set("Signature-Input", `sig1=("@method");keyid="a", sig2=("@method";bs);keyid="b"`)
			r.Header.Set("Signature", `sig1=:AA==:, sig2=:AA==:`)
		}), 401, "", 2},
		{"B055", "RFC 9421 without content-digest", with(func(r *http.Request) {
			r.Header.Set("Signature-Input", `sig1=("@method" "@target-uri");created=`+unix(0)+`;keyid="`+ids["alice"]+`#main-key"`)
			r.Header.Set("Signature", `sig1=:AA==:`)
		}), 401, "", 2},
		{"B056", "a bad signature for a good key", with(func(r *http.Request) { r.Header.Set("Signature", spoil(r.Header.Get("Signature"))) }), 401, "signature-wrong", 2},
		{"", "no such key", forging(forged{keyID: ids["alice"] + "#other"}), 401, "key-unknown", 1},
	}
	for _, id := range []string{"http://peer.test/key", "file:///etc/passwd", "data:text/plain,x", "acct:alice@peer.test", "key", "//peer.test/key"} {
		rows = append(rows, row{"B051", "keyId " + id, forging(forged{raw: `keyId="` + id + `",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="AAAA"`}), 401, "", 0})
	}
	for _, id := range []string{"https://127.0.0.1/k", "https://[::ffff:10.0.0.1]/k", "https://localhost/k", "https://peer/k", "https://1/k", "https://peer.test:22/k"} {
		rows = append(rows, row{"B052", "keyId " + id, forging(forged{keyID: id}), 401, "key-id-refused", 0})
	}
	run(t, rows)
}

type nopCloser struct{ *strings.Reader }

func (nopCloser) Close() error { return nil }

func TestJSONCorpus(t *testing.T) {
	run(t, []row{
		{"B057", "two actors", member(`"actor":"{mallory}"`), 400, jsonRefused, 0},
		{"B058", "ACTOR", member(`"ACTOR":"{mallory}"`), 400, jsonRefused, 0},
		{"B058", "an escaped actor", member(`"\u0061ctor":"{mallory}"`), 400, jsonRefused, 0},
		{"B059", "a Kelvin sign", member(`"\u212aey":1,"key":2`), 400, jsonRefused, 0},
		{"B059", "a long s", member(`"ob\u017fect":1,"obsect":2`), 400, jsonRefused, 0},
		{"B060", "not UTF-8", member("\"name\":\"\xff\""), 400, jsonRefused, 0},
		{"B060", "a lone surrogate", member(`"name":"\ud800"`), 400, jsonRefused, 0},
		{"B060", "NUL", member("\"name\":\"\x00\""), 400, jsonRefused, 0},
		{"B060", "an escaped NUL", member(`"name":"\u0000"`), 400, jsonRefused, 0},
		{"B060", "a byte order mark", raw("\xef\xbb\xbf" + aliceReplies), 400, jsonRefused, 0},
		{"B061", "33 levels", member(`"x":` + strings.Repeat("[", 33) + strings.Repeat("]", 33)), 400, jsonRefused, 0},
		{"B061", "10,001 levels", member(`"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)), 400, jsonRefused, 0},
		{"B062", "very many objects", member(`"x":[` + strings.Repeat("{},", 60_000) + `{}]`), 400, jsonRefused, 0},
		{"B062", "very many keys", member(manyKeys(20_000)), 400, jsonRefused, 0},
		{"B063", "something behind", raw(aliceReplies + `{}`), 400, jsonRefused, 0},
		{"B063", "lines of JSON", raw(aliceReplies + "\n" + aliceLikes), 400, jsonRefused, 0},
		{"B063", "a JSON sequence", raw("\x1e" + aliceReplies), 400, jsonRefused, 0},
		{"B064", "an array", raw("[" + aliceReplies + "]"), 400, jsonRefused, 0},
		{"B064", "a string", raw(`"{alice}"`), 400, jsonRefused, 0},
		{"B064", "a number", raw(`1`), 400, jsonRefused, 0},
		{"B064", "null", raw(`null`), 400, jsonRefused, 0},
		{"B065", "NaN", member(`"x":NaN`), 400, jsonRefused, 0},
		{"B066", "10,000 contexts", member(`"@context":["https://www.w3.org/ns/activitystreams"` + strings.Repeat(`,"https://x.test/c"`, 10_000) + `]`), 400, jsonRefused, 0},
		{"B066", "a context that remaps actor", member(`"@context":["https://www.w3.org/ns/activitystreams",{"actor":"https://x.test/actor"}]`), 400, jsonRefused, 0},
		{"B067", "@graph", member(`"@graph":[]`), 400, jsonRefused, 0},
		{"B067", "@included", member(`"@included":[]`), 400, jsonRefused, 0},
		{"B067", "@reverse", member(`"@reverse":{}`), 400, jsonRefused, 0},
		{"B067", "@id instead of id", raw(strings.Replace(aliceReplies, `"id"`, `"@id"`, 1)), 400, jsonRefused, 0},
		{"B067", "@type instead of type", raw(strings.Replace(aliceReplies, `"type"`, `"@type"`, 1)), 400, jsonRefused, 0},
		{"B068", "two types", raw(strings.Replace(aliceFollows, `"Follow"`, `["Follow","Delete"]`, 1)), 400, jsonRefused, 0},
		{"B068", "a type that is an object", raw(strings.Replace(aliceFollows, `"Follow"`, `{}`, 1)), 400, jsonRefused, 0},
		{"B070", "a third party's linked-data signature", func(w *world) *http.Request {
			body := strings.Replace(aliceReplies, "{", `{"signature":{"type":"RsaSignature2017","creator":"{alice}#main-key","signatureValue":"AAAA"},`, 1)
			return w.signed(ids["mallory"], ids["inbox"], []byte(replace.Replace(body)))
		}, 403, actorNotSigner, 1},
		{"B071", "an id of another host", raw(strings.Replace(aliceReplies, "{alice}/say/1", "{mallory}/say/1", 1)), 403, idElsewhere, 1},
		{"B072", "no id", raw(strings.Replace(aliceReplies, `"id":"{alice}/say/1",`, ``, 1)), 400, jsonRefused, 0},
		{"B072", "an empty id", raw(strings.Replace(aliceReplies, `{alice}/say/1`, ``, 1)), 400, jsonRefused, 0},
		{"B072", "an id that is no URL", raw(strings.Replace(aliceReplies, `{alice}/say/1`, `say 1`, 1)), 400, jsonRefused, 0},
		{"B072", "an id of 8 KiB", raw(strings.Replace(aliceReplies, `{alice}/say/1`, "{alice}/"+strings.Repeat("x", 8<<10), 1)), 400, jsonRefused, 0},
		{"B082", "a number for an author", raw(strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":7`, 1)), 400, jsonRefused, 0},
		{"B087", "10,000 recipients", member(`"to":[` + strings.Repeat(`"a:b",`, 9_999) + `"a:b"]`), 400, jsonRefused, 0},
		{"B087", "257 recipients", member(`"to":[` + strings.Repeat(`"{news}",`, 256) + `"{news}"]`), 400, jsonRefused, 0},
		{"B087", "10,000 tags", raw(strings.Replace(aliceReplies, `"content"`, `"tag":[`+strings.Repeat(`{},`, 9_999)+`{}],"content"`, 1)), 400, jsonRefused, 0},
		{"B087", "10,000 attachments", raw(strings.Replace(aliceReplies, `"content"`, `"attachment":[`+strings.Repeat(`{},`, 9_999)+`{}],"content"`, 1)), 400, jsonRefused, 0},
	})
}

func manyKeys(n int) string {
	var keys strings.Builder
	for i := range n {
		fmt.Fprintf(&keys, `%q:0,`, strconv.FormatInt(int64(i), 36))
	}
	return strings.TrimSuffix(keys.String(), ",")
}

func TestSemanticCorpus(t *testing.T) {
	bobs := strings.NewReplacer("{alice}", "{bob}")
	carols := strings.NewReplacer("{alice}", "{carol}")
	before := func(said string, then func(*world) *http.Request) func(*world) *http.Request {
		return func(w *world) *http.Request {
			require.Equal(w, 202, w.deliver(said))
			w.people.asked, w.spy.asked = nil, 0
			return then(w)
		}
	}
	run(t, []row{
		{"B074", "a Follow of nobody", raw(strings.Replace(aliceFollows, "{news}", "https://our.test/ap/actors/nobody", 1)), 404, noSuchActor, 1},
		{"B074", "a Follow of a post", raw(strings.Replace(aliceFollows, "{news}", "{post}", 1)), 404, noSuchActor, 1},
		{"B075", "an inbox on a private network", func(w *world) *http.Request {
			w.people.fail = fmt.Errorf("inbox https://10.0.0.1/inbox: %w", actor.ErrRefused)
			return w.request(aliceFollows)
		}, 403, actorUnusable, 1},
		{"B076", "Undo of another's Follow, embedded", before(bobs.Replace(aliceFollows), raw(undo(bobs.Replace(`{"id":"{alice}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}`)))), 403, undoOfAnother, 1},
		{"B076", "Undo of another's Follow, by id", before(bobs.Replace(aliceFollows), raw(undo(`"{bob}/follows/1"`))), 403, storedOfAnother, 1},
		{"B076", "Undo of another's Follow, under a false name", before(bobs.Replace(aliceFollows), raw(undo(`{"id":"{bob}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}`))), 403, storedOfAnother, 1},
		{"B076", "Undo of another's like, by id", before(bobs.Replace(aliceLikes), raw(undo(`"{bob}/likes/1"`))), 403, storedOfAnother, 1},
		{"B078", "Delete of another's reply on the same host", before(bobs.Replace(aliceReplies), raw(strings.Replace(aliceDeletesReply, "{alice}/notes/1", "{bob}/notes/1", 1))), 403, storedOfAnother, 2},
		{"B079", "Delete of our post", before(aliceReplies, raw(strings.Replace(aliceDeletesReply, "{alice}/notes/1", "{post}", 1))), 403, objectOurs, 2},
		{"B079", "Delete of our actor", before(aliceReplies, raw(strings.Replace(aliceClosesAccount, `"object":"{alice}"`, `"object":"{news}"`, 1))), 403, objectOurs, 2},
		{"B080", "an Update with another author", before(aliceReplies, raw(strings.Replace(aliceEdits, `"attributedTo":"{alice}"`, `"attributedTo":"{bob}"`, 1))), 403, objectOfAnother, 1},
		{"B080", "an Update of another's reply", before(bobs.Replace(aliceReplies), raw(strings.Replace(aliceEdits, "{alice}/notes/1", "{bob}/notes/1", 1))), 403, storedOfAnother, 1},
		{"B082", "a reply by another author", raw(strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"{carol}"`, 1)), 403, objectOfAnother, 1},
		{"B082", "a reply by us", raw(strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"{news}"`, 1)), 403, objectOfAnother, 1},
		{"B085", "a like by a blocked actor", func(w *world) *http.Request { blocksAlice(w); return w.request(aliceLikes) }, 403, actorBlocked, 1},
		{"", "an actor of another server says what is another's", raw(carols.Replace(strings.Replace(aliceReplies, `"actor":"{alice}"`, `"actor":"{mallory}"`, 1))), 403, actorNotSigner, 1},
	})
}

// run sends every row twice and checks the standing invariants.
func run(t *testing.T, rows []row) {
	for _, tt := range rows {
		t.Run(strings.TrimSpace(tt.id+" "+tt.name), func(t *testing.T) {
			w := newWorld(t)
			r := tt.make(w)
			w.lines.all = nil
			before := w.dump()
			for range 2 {
				w.people.asked, w.lines.all = nil, nil
				answer := w.serve(again(w, r))

				assert.Equal(t, tt.want, answer.Code, w.lines.all)
				assert.Equal(t, before, w.dump(), "nothing is stored or queued")
				assert.LessOrEqual(t, w.people.requests(), tt.asks, "keys looked for: %v", w.people.asked)
				assert.Equal(t, http.StatusText(tt.want)+"\n", answer.Body.String(), "nothing is echoed")
				assert.Empty(t, answer.Header().Get("Location"))
				refusals := w.lines.refusals()
				require.Len(t, refusals, 1)
				line, err := json.Marshal(refusals[0])
				require.NoError(t, err)
				assert.Less(t, len(line), 2<<10)
				assert.NotContains(t, string(line), "Thanks", "what people say is not logged")
				if tt.reason != "" {
					assert.Equal(t, tt.reason, refusals[0]["reason"])
				}
			}
		})
	}
}

// again copies a request, whose body can be read only once.
func again(w *world, r *http.Request) *http.Request {
	if _, ok := r.Body.(endless); ok {
		return r
	}
	var body bytes.Buffer
	_, err := body.ReadFrom(r.Body)
	require.NoError(w, err)
	r.Body = nopCloser{strings.NewReader(body.String())}
	copied := r.Clone(r.Context())
	copied.Body = nopCloser{strings.NewReader(body.String())}
	return copied
}

// Rows whose input is answered 202 and has no effect.
func TestIgnoredCorpus(t *testing.T) {
	tests := []struct{ id, name, says string }{
		{"B077", "an Accept of a Follow that was never sent", `{"id":"{alice}/a","type":"Accept","actor":"{alice}","object":{"id":"{news}#f","type":"Follow","actor":"{news}","object":"{alice}"}}`},
		{"B077", "a Reject of a Follow that was never sent", `{"id":"{alice}/a","type":"Reject","actor":"{alice}","object":"{news}#f"}`},
		{"B083", "a reply to a draft", strings.Replace(aliceReplies, "{post}", "{draft}", 1)},
		{"B083", "a reply to itself", strings.Replace(aliceReplies, "{post}", "{alice}/notes/1", 1)},
		{"B084", "a boost of another's post", strings.Replace(aliceBoosts, "{post}", "{mallory}/notes/1", 1)},
		{"B084", "a boost of a boost", strings.Replace(aliceBoosts, `"{post}"`, `{"id":"{mallory}/b","type":"Announce","object":"{post}"}`, 1)},
		{"B085", "a like of a withdrawn post", strings.Replace(aliceLikes, "{post}", "{withdrawn}", 1)},
		{"B086", "a Move to us", strings.Replace(aliceMoves, "{carol}", "{news}", 1)},
	}
	for _, tt := range tests {
		t.Run(tt.id+" "+tt.name, func(t *testing.T) {
			w := newWorld(t)
			before := w.dump()
			answer := w.serve(w.request(tt.says))
			assert.Equal(t, http.StatusAccepted, answer.Code)
			assert.Empty(t, answer.Body.String())
			assert.Equal(t, before, w.dump())
			assert.Equal(t, 1, w.people.requests(), "only the key of the sender")
			assert.LessOrEqual(t, w.spy.asked, 3)
		})
	}
}

// B086: a Move whose alsoKnownAs would be forged changes no follower.
func TestAMoveChangesNoFollower(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 202, w.deliver(aliceFollows))
	require.Equal(t, 202, w.deliver(strings.Replace(aliceMoves, "{carol}", "{mallory}", 1)))
	assert.Equal(t, []string{ids["alice"]}, w.followers())
}

// B065 and B066: odd numbers and contexts that are not ours are no reason to refuse, and cost nothing.
func TestOddButHarmless(t *testing.T) {
	for _, members := range []string{
		`"x":1e999999`, `"x":-0`, `"x":` + strings.Repeat("1", 10_000), `"published":5e-324`,
		`"@context":"https://evil.test/context"`, `"@context":["https://evil.test/context",{"x":"https://evil.test/x"}]`,
	} {
		w := newWorld(t)
		code := w.serve(member(members)(w)).Code
		assert.Contains(t, []int{202, 400}, code, members)
		assert.LessOrEqual(t, w.people.requests(), 1, members)
	}
}

// B069: every text as an object, an array, a number, true and null.
func TestWrongKindsOfValues(t *testing.T) {
	for _, activity := range []string{aliceFollows, aliceUnfollows, aliceReplies, aliceEdits, aliceWrites, aliceLikes, aliceReports, aliceMoves, aliceClosesAccount} {
		var whole map[string]any
		require.NoError(t, json.Unmarshal([]byte(replace.Replace(activity)), &whole))
		for _, place := range places(whole, nil) {
			for _, value := range []any{map[string]any{}, map[string]any{"id": 1}, []any{}, []any{[]any{}}, 7, true, nil, strings.Repeat("x", 3000)} {
				w := newWorld(t)
				body, err := json.Marshal(put(whole, place, value))
				require.NoError(t, err)
				code := w.serve(w.signed(ids["alice"], ids["inbox"], body)).Code
				assert.Contains(t, []int{202, 400, 401, 403, 404}, code, string(body))
				if _, isText := value.(string); !isText && len(place) == 1 && strings.Contains("id type actor", place[0]) {
					assert.Equal(t, 400, code, string(body))
				}
			}
		}
	}
}

// places lists the paths of all texts.
func places(v any, at []string) [][]string {
	var found [][]string
	if object, ok := v.(map[string]any); ok {
		for name, member := range object {
			here := append(append([]string{}, at...), name)
			if _, isText := member.(string); isText {
				found = append(found, here)
			}
			found = append(found, places(member, here)...)
		}
	}
	return found
}

// put copies an object with another value in one place.
func put(object map[string]any, place []string, value any) map[string]any {
	copied := map[string]any{}
	for name, member := range object {
		copied[name] = member
	}
	if len(place) == 1 {
		copied[place[0]] = value
	} else {
		copied[place[0]] = put(object[place[0]].(map[string]any), place[1:], value)
	}
	return copied
}

// B073: the key in an embedded actor is nobody's.
func TestAnEmbeddedKeyIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	body := []byte(replace.Replace(`{"id":"{alice}/likes/1","type":"Like","object":"{post}","actor":{"id":"{alice}","publicKey":{"id":"{mallory}#new","owner":"{alice}","publicKeyPem":"x"}}}`))
	r := w.signed(ids["mallory"], ids["inbox"], body)
	assert.Equal(t, http.StatusForbidden, w.serve(r).Code)
	assert.Equal(t, []string{ids["mallory"] + "#main-key"}, w.people.asked)
}

// B081: a changed profile is read again from its own server; the key in the Update is not believed.
func TestAKeyInAnUpdateIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 202, w.deliver(`{"id":"{alice}#u","type":"Update","actor":"{alice}","object":{"id":"{alice}","type":"Person","publicKey":{"id":"{alice}#main-key","owner":"{alice}","publicKeyPem":"x"}}}`))
	assert.Equal(t, []string{ids["alice"]}, w.people.forgotten)
	assert.Empty(t, w.spy.applied)
}

// B085: a thousand likes are one.
func TestLikesAreCountedOnce(t *testing.T) {
	w := newWorld(t)
	for i := range 1000 {
		require.Equal(t, 202, w.deliver(strings.Replace(aliceLikes, "likes/1", "likes/"+strconv.Itoa(i), 1)))
	}
	counts, err := w.spy.Counts(t.Context(), ids["post"])
	require.NoError(t, err)
	assert.Equal(t, store.Counts{Likes: 1}, counts)
	assert.Len(t, w.spy.applied, 1)
}

// P1 32: a Delete of who is known to nobody here costs no fetch and no row.
func TestADeleteByAStrangerCostsNothing(t *testing.T) {
	stranger := strings.NewReplacer("{alice}", "https://gone.test/users/dave")
	for _, activity := range []string{aliceClosesAccount, aliceDeletesReply} {
		w := newWorld(t)
		require.Equal(t, 202, w.deliver(aliceReplies))
		w.people.asked = nil
		before := w.dump()
		assert.Equal(t, 202, w.serve(w.request(stranger.Replace(activity))).Code)
		assert.Zero(t, w.people.requests())
		assert.Equal(t, before, w.dump())
		assert.Empty(t, w.lines.refusals())
	}
	w := newWorld(t)
	r := w.request(stranger.Replace(aliceClosesAccount))
	r.Header.Del("Signature")
	assert.Equal(t, 401, w.serve(r).Code, "it must at least look signed")

	w = newWorld(t)
	require.Equal(t, 202, w.deliver(aliceFollows))
	delete(w.people.keys, ids["alice"]+"#main-key")
	assert.Equal(t, 202, w.deliver(aliceClosesAccount), "of a follower whose key is gone it proves nothing, and nobody can ask again")
	assert.Equal(t, []string{ids["alice"]}, w.followers())

	w = newWorld(t)
	require.Equal(t, 202, w.deliver(aliceFollows))
	r = w.request(aliceClosesAccount)
	r.Header.Set("Signature", spoil(r.Header.Get("Signature")))
	assert.Equal(t, 401, w.serve(r).Code, "of a follower it must be signed well")
	assert.Equal(t, []string{ids["alice"]}, w.followers())
}
