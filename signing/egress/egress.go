// Package egress is the only way out: every request that Pānui makes to another
// server goes through its Client, which reaches public addresses only, follows
// almost no redirects and bounds what it reads and how long it waits.
package egress

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"github.com/panui/panui/internal/limits"
)

// ErrForbidden says that a URL or the address behind it is one that Pānui never asks.
var ErrForbidden = errors.New("address is not allowed")

// Options configure a Client. The zero value is safe for the public network.
type Options struct {
	UserAgent string // ASCII; empty says "panui"
	RootCAs   *x509.CertPool
	Resolver  *net.Resolver // nil is the system's
	Limits    limits.Limits // zero is limits.Default

	// InsecureLoopback also allows plain http and any port on loopback
	// addresses, for development and tests on one machine. Never set it in production.
	InsecureLoopback bool
}

// Client asks other servers. It is safe for concurrent use.
type Client struct{}

// Response is an answer, read whole.
type Response struct {
	URL    string // the one that answered, after redirects
	Status int
	Header http.Header
	Body   []byte
}

// Signer signs a request just before it is sent; nil sends it unsigned.
type Signer func(*http.Request) error

// New returns a Client.
func New(o Options) *Client { panic("not built yet") }

// Check says whether the client would ever ask url, without asking.
func (c *Client) Check(url string) error { panic("not built yet") }

// Get fetches url. Redirects stay within its origin and are signed anew.
func (c *Client) Get(ctx context.Context, url, accept string, sign Signer) (*Response, error) {
	panic("not built yet")
}

// Post sends body to url and follows no redirect.
func (c *Client) Post(ctx context.Context, url, contentType string, body []byte, sign Signer) (*Response, error) {
	panic("not built yet")
}
