// Package egress is the only way out: every request that Pānui makes to another
// server goes through its Client, which reaches public addresses only, follows
// almost no redirects and bounds what it reads and how long it waits.
package egress

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/panui/panui/internal/limits"
)

// What went wrong, where a caller may want to know. Any other error is the
// network's: refused, reset, no such host.
var (
	// ErrForbidden says that a URL, the address behind it or a redirect is one that Pānui never asks.
	ErrForbidden = errors.New("address is not allowed")
	// ErrTooBig says that the answer was over a limit and was not read to its end.
	ErrTooBig = errors.New("answer is too big")
	// ErrTimeout says that the server, or the DNS, took too long.
	ErrTimeout = errors.New("took too long")
	// ErrTLS says that no trusted TLS connection came about.
	ErrTLS = errors.New("no trusted TLS connection")
	// ErrProxy says that the outgoing proxy does not serve: it is not there, hangs,
	// wants other credentials, or does not speak HTTP. No server behind it is to blame.
	ErrProxy = errors.New("outgoing proxy does not serve")
	// ErrProxyRefused says that the outgoing proxy may not or will not connect to this server.
	ErrProxyRefused = errors.New("outgoing proxy refused to connect")
)

// Options configure a Client. The zero value is safe for the public network.
type Options struct {
	UserAgent string // ASCII; empty says "panui"
	RootCAs   *x509.CertPool
	Resolver  *net.Resolver // nil is the system's
	Limits    limits.Limits // zero is limits.Default
	Proxy     *Proxy        // the only way out of the network, where that is so; nil connects directly

	// Blocked are hosts that are never asked, in lower case and without port; nil is none.
	Blocked func(host string) bool

	// InsecureLoopback also allows plain http and any port on localhost and on
	// loopback addresses written as such, for development and tests on one
	// machine. Never set it in production.
	InsecureLoopback bool
}

// Client asks other servers. It is safe for concurrent use, and keeps
// connections for the next request.
type Client struct {
	options   Options
	proxy     *tunneller // nil connects directly
	transport *http.Transport
}

// Response is an answer, read whole.
type Response struct {
	URL    string // the one that answered, after redirects
	Status int
	Header http.Header
	Body   []byte
}

// Signer signs a request just before it is sent; nil sends it unsigned.
type Signer func(*http.Request) error

// How many connections are kept for later, and how long. A delivery to all
// followers goes to thousands of hosts.
const (
	idleConnections = 512
	idleTimeout     = 90 * time.Second
)

// pingAfter is how long an HTTP/2 connection may be silent before it is asked
// whether it still lives.
const pingAfter = 30 * time.Second

// New returns a Client. It reaches nobody when Options.Check finds a mistake.
func New(o Options) *Client {
	if o.Limits == (limits.Limits{}) {
		o.Limits = limits.Default()
	}
	o.UserAgent = cmp.Or(o.UserAgent, "panui")
	c := &Client{options: o}
	if o.Proxy != nil {
		c.options.Proxy = nil
		c.proxy = newTunneller(*o.Proxy, c.options)
	}
	c.transport = &http.Transport{
		Proxy:                  nil,
		DialContext:            c.dial,
		DialTLSContext:         c.dialTLS,
		ResponseHeaderTimeout:  o.Limits.HeaderTimeout,
		MaxResponseHeaderBytes: o.Limits.ResponseHeader,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: o.Limits.HeaderTimeout},
		DisableCompression:     true,
		MaxConnsPerHost:        o.Limits.ConnsPerHost,
		MaxIdleConnsPerHost:    o.Limits.ConnsPerHost,
		MaxIdleConns:           idleConnections,
		IdleConnTimeout:        idleTimeout,
	}
	return c
}

// CloseIdle closes the connections that are kept and not in use.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// Get fetches url, within Limits.FetchTimeout in all. Redirects stay within its
// origin and are signed anew. An answer of any status is no error. Where a proxy
// may be to blame for a failure, it takes Limits.DialTimeout more to find out.
func (c *Client) Get(ctx context.Context, url, accept string, sign Signer) (*Response, error) {
	within, cancel := context.WithTimeout(ctx, c.options.Limits.FetchTimeout)
	defer cancel()
	response, err := c.get(within, url, accept, sign)
	if err != nil {
		return nil, fmt.Errorf("egress: get %.200q: %w", url, c.explain(ctx, err))
	}
	return response, nil
}

// Post sends body to url, within Limits.DeliveryTimeout in all, and follows no
// redirect. An answer of any status is no error, and only its first bytes are
// kept. When a kept connection turns out to be dead, the request is sent once
// more on a new one: it may arrive twice, as every delivery may, with the same
// activity id. A failure takes as much longer as that of Get.
func (c *Client) Post(ctx context.Context, url, contentType string, body []byte, sign Signer) (*Response, error) {
	within, cancel := context.WithTimeout(ctx, c.options.Limits.DeliveryTimeout)
	defer cancel()
	response, err := c.post(within, url, contentType, body, sign)
	if err != nil {
		return nil, fmt.Errorf("egress: post %.200q: %w", url, c.explain(ctx, err))
	}
	return response, nil
}

// explain says what a failure was, and whether the proxy is to blame.
func (c *Client) explain(ctx context.Context, err error) error {
	err = classify(err)
	if c.proxy == nil || !lost(err) {
		return err
	}
	return c.proxy.blame(ctx, err)
}

func (c *Client) get(ctx context.Context, rawURL, accept string, sign Signer) (*Response, error) {
	u, err := c.parse(rawURL)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for {
		seen[u.String()] = true
		r, err := c.request(ctx, http.MethodGet, u, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", accept)
		answer, err := c.send(r, sign)
		if err != nil {
			return nil, err
		}
		if !redirects(answer) {
			return c.read(answer, u)
		}
		answer.Body.Close()
		if u, err = c.next(u, answer, seen); err != nil {
			return nil, err
		}
	}
}

func (c *Client) post(ctx context.Context, rawURL, contentType string, body []byte, sign Signer) (*Response, error) {
	u, err := c.parse(rawURL)
	if err != nil {
		return nil, err
	}
	r, err := c.request(ctx, http.MethodPost, u, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	// Present and empty: net/http may send the request again, and writes no such field.
	r.Header["Idempotency-Key"] = []string{}
	answer, err := c.send(r, sign)
	if err != nil {
		return nil, err
	}
	return c.readStart(answer, u), nil
}

func (c *Client) request(ctx context.Context, method string, u *url.URL, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", c.options.UserAgent)
	r.Header.Set("Accept-Encoding", "identity")
	return r, nil
}

func (c *Client) send(r *http.Request, sign Signer) (*http.Response, error) {
	if sign != nil {
		if err := sign(r); err != nil {
			return nil, err
		}
	}
	return c.transport.RoundTrip(r)
}

// redirects says whether the answer sends a GET elsewhere (RFC 9110 section 15.4).
func redirects(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// next returns where a redirect leads, when that is within the same origin and new.
func (c *Client) next(from *url.URL, answer *http.Response, seen map[string]bool) (*url.URL, error) {
	location, err := from.Parse(answer.Header.Get("Location"))
	if err != nil {
		return nil, fmt.Errorf("%w: redirect to nowhere: %w", ErrForbidden, err)
	}
	to, err := c.parse(location.String())
	switch {
	case err != nil:
		return nil, fmt.Errorf("redirect: %w", err)
	case to.Scheme != from.Scheme || to.Host != from.Host:
		return nil, fmt.Errorf("%w: redirect to another origin, %s", ErrForbidden, to.Host)
	case seen[to.String()]:
		return nil, fmt.Errorf("%w: redirects go in a circle", ErrForbidden)
	case len(seen) > c.options.Limits.Redirects:
		return nil, fmt.Errorf("%w: more than %d redirects", ErrForbidden, c.options.Limits.Redirects)
	}
	return to, nil
}
