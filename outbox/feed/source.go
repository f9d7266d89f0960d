package feed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/panui/panui/signing/egress"
)

// Version is what a server says of one state of a feed (RFC 9110 section 8.8),
// so that it need not send the same state again.
type Version struct {
	ETag         string
	LastModified string
}

// Copy is a feed as fetched.
type Copy struct {
	Version
	Unchanged   bool // the feed is still as it was in the version asked with; there is no body
	URL         string
	ContentType string
	Body        []byte
}

// Source fetches a feed, unless it is still in the version that is had already.
// The zero Version always fetches.
type Source func(ctx context.Context, had Version) (Copy, error)

// Unavailable says that the server answered, but without a feed.
type Unavailable struct {
	Status int
	After  time.Duration // when the server wants to be asked again (Retry-After); 0 when it does not say
}

func (u *Unavailable) Error() string {
	return fmt.Sprintf("server answered %d %s", u.Status, http.StatusText(u.Status))
}

const accept = "application/feed+json, application/atom+xml, application/rss+xml, application/xml;q=0.9, application/json;q=0.9, text/xml;q=0.8, */*;q=0.1"

// FromURL fetches a feed from a public address. A feed on a loopback address
// takes a client of its own, made with InsecureLoopback and used for nothing else.
func FromURL(client *egress.Client, url string) Source {
	return func(ctx context.Context, had Version) (Copy, error) {
		answer, err := client.Get(ctx, url, accept, had.condition)
		if err != nil {
			return Copy{}, err
		}
		c, err := readAnswer(answer.Status, answer.Header, had)
		c.URL, c.Body = answer.URL, answer.Body
		return c, err
	}
}

// FromPrivateNetwork fetches a feed of the website's own from an address that
// is not public, behind the proxy, say. The caller brings the client, usually
// [http.Client.Do]; nothing guards where it connects to, so that url must come
// from the configuration and never from outside.
func FromPrivateNetwork(do func(*http.Request) (*http.Response, error), url string) Source {
	return func(ctx context.Context, had Version) (Copy, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return Copy{}, err
		}
		request.Header.Set("Accept", accept)
		if err := had.condition(request); err != nil {
			return Copy{}, err
		}
		answer, err := do(request)
		if err != nil {
			return Copy{}, err
		}
		defer answer.Body.Close()
		c, err := readAnswer(answer.StatusCode, answer.Header, had)
		if err != nil || c.Unchanged {
			return c, err
		}
		c.URL = url
		c.Body, err = readBounded(answer.Body)
		return c, err
	}
}

// FromFile reads a feed that the website writes to a file. Its version is a
// digest of what is in it.
func FromFile(path string) Source {
	return func(_ context.Context, had Version) (Copy, error) {
		f, err := os.Open(filepath.Clean(path))
		if err != nil {
			return Copy{}, err
		}
		defer f.Close()
		body, err := readBounded(f)
		if err != nil {
			return Copy{}, fmt.Errorf("read %s: %w", path, err)
		}
		now := Version{ETag: digest(string(body))}
		return Copy{Version: now, Unchanged: now == had, Body: body}, nil
	}
}

func readBounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err == nil && len(body) > MaxBytes {
		err = ErrTooLarge
	}
	return body, err
}

// condition makes a request conditional (RFC 9110 section 13.1).
func (v Version) condition(r *http.Request) error {
	if v.ETag != "" {
		r.Header.Set("If-None-Match", v.ETag)
	}
	if v.LastModified != "" {
		r.Header.Set("If-Modified-Since", v.LastModified)
	}
	return nil
}

func readAnswer(status int, h http.Header, had Version) (Copy, error) {
	switch status {
	case http.StatusOK:
		return Copy{
			Version:     Version{ETag: bounded(h.Get("ETag")), LastModified: bounded(h.Get("Last-Modified"))},
			ContentType: h.Get("Content-Type"),
		}, nil
	case http.StatusNotModified:
		return Copy{Version: had, Unchanged: true}, nil
	}
	return Copy{}, &Unavailable{Status: status, After: egress.RetryAfter(h, time.Now())}
}

// bounded drops what is too long to be kept.
func bounded(field string) string {
	if len(field) > 256 {
		return ""
	}
	return field
}
