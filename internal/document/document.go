// Package document serves bytes that are rendered once and asked for by
// thousands: with a strong ETag, 304, HEAD, and headers that are safe for a
// public document which is the same for every caller.
package document

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Options say how a document is served. The zero value serves a 200 that
// caches keep for a minute.
type Options struct {
	Status int    // 200 when zero; 410 for a tombstone
	Vary   string // request headers by which the answer was chosen, such as Accept; usually none

	MaxAge time.Duration // how long anyone may keep it; one minute when zero
	Shared time.Duration // how long a CDN may keep it; MaxAge when zero
	Stale  time.Duration // how long a CDN may serve it while it asks anew; five times MaxAge when zero
}

// Document is a rendered answer to a GET. It never changes and is safe for
// concurrent use; to change what is served, make another.
type Document struct {
	status  int
	body    []byte
	etag    string
	vary    string
	headers []header
}

// header holds the value in the form that http.Header wants, so that serving allocates nothing for it.
type header struct {
	name   string
	values []string
	body   bool // describes the body, so it is left out of a 304
}

// New returns the document with the body, which must not be changed afterwards.
func New(contentType string, body []byte, o Options) *Document {
	if o.Status == 0 {
		o.Status = http.StatusOK
	}
	d := &Document{status: o.Status, body: body, etag: tag(contentType, body), vary: o.Vary}
	d.headers = []header{
		{name: "Content-Type", values: []string{contentType}, body: true},
		{name: "Content-Length", values: []string{strconv.Itoa(len(body))}, body: true},
		{name: "Cache-Control", values: []string{o.cacheControl()}},
		{name: "Access-Control-Allow-Origin", values: []string{"*"}},
		{name: "Content-Security-Policy", values: []string{policy}, body: true},
		{name: "X-Content-Type-Options", values: []string{"nosniff"}, body: true},
	}
	if o.Status == http.StatusOK {
		d.headers = append(d.headers, header{name: "Etag", values: []string{d.etag}})
	}
	return d
}

// policy keeps a browser from doing anything with what is data, not a page.
const policy = "default-src 'none'; frame-ancestors 'none'"

// tag makes a strong entity tag (RFC 9110 section 8.8.3). The content type is
// part of it, so that two forms of one resource never share a tag.
func tag(contentType string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(contentType))
	h.Write([]byte{0})
	h.Write(body)
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16]) + `"`
}

func (o Options) cacheControl() string {
	if o.MaxAge == 0 {
		o.MaxAge = time.Minute
	}
	if o.Shared == 0 {
		o.Shared = o.MaxAge
	}
	if o.Stale == 0 {
		o.Stale = 5 * o.MaxAge
	}
	return "public, max-age=" + seconds(o.MaxAge) +
		", s-maxage=" + seconds(o.Shared) +
		", stale-while-revalidate=" + seconds(o.Stale)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// ETag returns the entity tag, with its quotes.
func (d *Document) ETag() string { return d.etag }

// Body returns the bytes that are served; they must not be changed.
func (d *Document) Body() []byte { return d.body }

// ServeHTTP answers GET and HEAD with the whole document, never a range of it,
// or with 304 when the caller has it already. Other methods get 405.
func (d *Document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !Readable(w, r) {
		return
	}
	h := w.Header()
	unchanged := d.status == http.StatusOK && d.matches(r.Header["If-None-Match"])
	for i := range d.headers {
		if f := &d.headers[i]; !f.body || !unchanged {
			h[f.name] = f.values
		}
	}
	if d.vary != "" {
		vary(h, d.vary)
	}
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(d.status)
	if r.Method != http.MethodHead {
		w.Write(d.body)
	}
}

// matches says whether an If-None-Match field lists the document, by the weak
// comparison of RFC 9110 section 8.8.3.2.
func (d *Document) matches(fields []string) bool {
	for _, field := range fields {
		if strings.TrimSpace(field) == "*" {
			return true
		}
		for rest := field; rest != ""; {
			rest = strings.TrimLeft(rest, " \t,")
			rest = strings.TrimPrefix(rest, "W/")
			if !strings.HasPrefix(rest, `"`) {
				break
			}
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				break
			}
			if rest[:end+2] == d.etag {
				return true
			}
			rest = rest[end+2:]
		}
	}
	return false
}

// Readable says whether r is a GET or HEAD that names a host, and refuses it otherwise.
func Readable(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		Refuse(w, http.StatusMethodNotAllowed)
		return false
	}
	if r.Host == "" {
		Refuse(w, http.StatusBadRequest)
		return false
	}
	return true
}

// Refuse answers with an error status, a few fixed words and nothing that the
// caller sent. Caches do not keep it: what is unknown now may be published in a second.
func Refuse(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write([]byte(http.StatusText(status) + "\n"))
}

// vary adds a name to the Vary field of h, which may hold some of a middleware's already.
func vary(h http.Header, name string) {
	if !lists(h["Vary"], name) {
		h.Add("Vary", name)
	}
}

func lists(fields []string, name string) bool {
	for _, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			if part = strings.TrimSpace(part); part == "*" || strings.EqualFold(part, name) {
				return true
			}
		}
	}
	return false
}
