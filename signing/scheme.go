package signing

import (
	"crypto"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/panui/panui/internal/limits"
)

// scheme is a way to sign requests: draft-cavage and RFC 9421.
type scheme interface {
	// signs says whether h carries a signature of this scheme.
	signs(h http.Header) bool
	// parse reads the signature, without believing any of it.
	parse(h http.Header, l limits.Limits) (proof, error)
}

// proof is a signature of some scheme as a request carries it. Its methods are
// called in this order; an error is a *Refusal.
type proof interface {
	keyID() string
	signature() []byte
	covers(m message) error                                // enough of the request
	fresh(m message, now time.Time, l limits.Limits) error // within the date window
	intact(m message) error                                // the body has the digest that is covered
	matches(m message, key crypto.PublicKey) error
}

// schemes are tried in order; the first that signs the request has the say, as
// on Mastodon.
var schemes = []scheme{rfc9421{}, cavage{}}

// parse reads what signs a request.
func parse(h http.Header, l limits.Limits) (proof, error) {
	size := 0
	for name, values := range h {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	if size > l.RequestHeader {
		return nil, refuse(headerTooLarge, fmt.Errorf("%d bytes", size))
	}
	for _, s := range schemes {
		if s.signs(h) {
			return s.parse(h, l)
		}
	}
	return nil, refuse(signatureMissing, nil)
}

// message is a request as its sender must have signed it. Where senders differ
// in what they sign, there are several candidates.
type message struct {
	method  string
	scheme  string
	hosts   []string // none when it is not for us
	targets []string
	header  http.Header
	body    []byte
}

func (v *Verifier) message(r *http.Request, body []byte) (message, error) {
	base, err := url.Parse(v.BaseURL)
	if err != nil || base.Host == "" || v.Keys == nil {
		return message{}, refuse(misconfigured, fmt.Errorf("base URL %q", v.BaseURL))
	}
	return message{
		method:  r.Method,
		scheme:  base.Scheme,
		hosts:   v.hosts(base, r.Host),
		targets: targets(base, r),
		header:  r.Header,
		body:    body,
	}, nil
}

// hosts returns the configured host, and the spelling of it in the request where
// that differs. Nothing is returned for a request to another host.
func (v *Verifier) hosts(base *url.URL, received string) []string {
	ours := strings.ToLower(base.Host)
	port := map[string]string{"https": ":443", "http": ":80"}[base.Scheme]
	same := strings.TrimSuffix(strings.ToLower(received), port) == strings.TrimSuffix(ours, port)
	switch {
	case received == ours || !same && v.AnyHost:
		return []string{ours}
	case same:
		return []string{ours, received}
	}
	return nil
}

// targets returns the public path with its query, and without: tootik, Pleroma
// and older Mastodons sign the path only.
func targets(base *url.URL, r *http.Request) []string {
	target := r.RequestURI
	if target == "" { // it never went over a wire
		target = r.URL.RequestURI()
	}
	if _, absolute, ok := strings.Cut(target, "://"); ok && target[0] != '/' {
		_, target, _ = strings.Cut(absolute, "/")
		target = "/" + target
	}
	if path := strings.TrimSuffix(base.EscapedPath(), "/"); !strings.HasPrefix(target, path+"/") {
		target = path + target
	}
	path, _, hasQuery := strings.Cut(target, "?")
	if hasQuery {
		return []string{target, path}
	}
	return []string{target}
}
