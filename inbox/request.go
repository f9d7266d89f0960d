package inbox

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
)

// admissible says what is wrong with a request before its body is read.
func (h *Handler) admissible(r *http.Request) *signing.Refusal {
	switch {
	case !h.isInbox(r):
		return refuse(noSuchInbox, nil)
	case r.Method != http.MethodPost:
		return refuse(wrongMethod, nil)
	case headerSize(r.Header) > h.limits.RequestHeader:
		return refuse(headerTooLarge, nil)
	case !encodedPlainly(r.Header) || as2.ReadMediaType(r.Header["Content-Type"]) == "":
		return refuse(wrongMediaType, nil)
	case r.ContentLength > h.limits.InboxBody:
		return refuse(bodyTooLong, nil)
	case r.ContentLength == 0:
		return refuse(bodyEmpty, nil)
	}
	return nil
}

// isInbox says whether the URL is exactly one of our inboxes.
func (h *Handler) isInbox(r *http.Request) bool {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return false
	}
	switch kind, segment := h.URLs.Route(r.URL.EscapedPath()); kind {
	case actor.KindSharedInbox:
		return true
	case actor.KindInbox:
		return slices.ContainsFunc(h.Actors, func(l *actor.Local) bool { return l.Segment == segment })
	}
	return false
}

func headerSize(h http.Header) int {
	size := 0
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}

// encodedPlainly refuses compressed bodies: a small one can hide a huge one.
func encodedPlainly(h http.Header) bool {
	return !slices.ContainsFunc(h.Values("Content-Encoding"), func(v string) bool {
		return v != "" && !strings.EqualFold(v, "identity")
	})
}

// limitTime gives the body until a deadline, whether it is read here or drained
// by the server after a refusal. A middleware that hides the connection makes
// this impossible; then reading gives up what drips by itself.
func (h *Handler) limitTime(w http.ResponseWriter) (limited bool) {
	if http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.limits.BodyDeadline)) == nil {
		return true
	}
	h.warn.Do(func() {
		h.log().Warn("inbox: a middleware hides the connection, so a body that does not come holds it, and a place here, until the server's ReadTimeout; set that, or give the middleware's ResponseWriter an Unwrap method")
	})
	return false
}

// read reads the body within its bounds of size and time.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, limited bool) ([]byte, *signing.Refusal) {
	body, err := h.readAll(w, http.MaxBytesReader(w, r.Body, h.limits.InboxBody), limited)
	var long *http.MaxBytesError
	switch {
	case err == nil && len(body) == 0:
		return nil, refuse(bodyEmpty, nil)
	case err == nil:
		return body, nil
	case errors.As(err, &long):
		return nil, refuse(bodyTooLong, nil)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, refuse(bodySlow, err)
	}
	return nil, refuse(bodyBroken, err)
}

func (h *Handler) readAll(w http.ResponseWriter, body io.Reader, limited bool) ([]byte, error) {
	if !limited {
		return io.ReadAll(punctual{body, time.Now().Add(h.limits.BodyDeadline)})
	}
	all, err := io.ReadAll(body)
	if err == nil { // or the server would wait for the rest of it for ever
		err = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	return all, err
}

// punctual gives up a body that drips beyond a time. One that is silent holds it
// until the server's ReadTimeout. It must not be left to a goroutine meanwhile:
// when a handler returns while its body is being read, net/http lifts the
// deadline of ReadTimeout, and whoever drips keeps the connection for ever.
type punctual struct {
	io.Reader
	until time.Time
}

func (p punctual) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err == nil && time.Now().After(p.until) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// unread are the refusals after which a body may still be on its way. The
// connection ends with them, so that nobody waits for it.
var unread = map[string]bool{
	noSuchInbox: true, wrongMethod: true, headerTooLarge: true, wrongMediaType: true,
	bodyTooLong: true, budgetUsed: true, busy: true, bodySlow: true, bodyBroken: true,
}
