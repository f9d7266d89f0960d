package egress

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/panui/panui/internal/limits"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const accept = "application/activity+json"

// small are limits that a test can reach.
func small() limits.Limits {
	l := limits.Default()
	l.Document, l.ResponseHeader = 1<<10, 8<<10
	return l
}

// quick are limits that a test can wait for.
func quick() limits.Limits {
	l := limits.Default()
	l.DNSTimeout, l.DialTimeout, l.TLSTimeout, l.HeaderTimeout = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	l.FetchTimeout, l.DeliveryTimeout = 500*time.Millisecond, 500*time.Millisecond
	return l
}

// remote starts a TLS server, with HTTP/2, and a client that trusts it.
func remote(t *testing.T, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return client(t, server.Certificate(), limits.Default()), server.URL
}

func client(t *testing.T, trusted *x509.Certificate, l limits.Limits) *Client {
	roots := x509.NewCertPool()
	if trusted != nil {
		roots.AddCert(trusted)
	}
	c := New(Options{InsecureLoopback: true, RootCAs: roots, Limits: l, UserAgent: "panui-test"})
	t.Cleanup(c.CloseIdle)
	return c
}

func TestGetAsksForTheDocument(t *testing.T) {
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
		assert.Equal(t, "/users/a%2Fb?x=1", r.RequestURI)
		assert.Equal(t, accept, r.Header.Get("Accept"))
		assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
		assert.Equal(t, "panui-test", r.Header.Get("User-Agent"))
		assert.Equal(t, "yes", r.Header.Get("Signed-For"))
		w.Header().Set("Content-Type", accept)
		io.WriteString(w, `{"id":1}`)
	})
	sign := func(r *http.Request) error { r.Header.Set("Signed-For", "yes"); return nil }
	got, err := c.Get(t.Context(), base+"/users/a%2Fb?x=1#main-key", accept, sign)
	require.NoError(t, err)
	assert.Equal(t, 200, got.Status)
	assert.Equal(t, accept, got.Header.Get("Content-Type"))
	assert.Equal(t, `{"id":1}`, string(got.Body))
	assert.Equal(t, base+"/users/a%2Fb?x=1", got.URL)
}

func TestUserAgentIsNeverEmpty(t *testing.T) {
	c := New(Options{})
	u, err := c.parse("https://a.example:443/x#y")
	require.NoError(t, err)
	r, err := c.request(t.Context(), http.MethodGet, u, nil)
	require.NoError(t, err)
	assert.Equal(t, "panui", r.Header.Get("User-Agent"))
	assert.Equal(t, "a.example", r.Host, "the default port is not said")
	assert.Equal(t, "https://a.example/x", r.URL.String())
}

func TestPostDelivers(t *testing.T) {
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		assert.Equal(t, "{}", string(body))
		assert.EqualValues(t, 2, r.ContentLength)
		assert.Equal(t, accept, r.Header.Get("Content-Type"))
		assert.NotContains(t, r.Header, "Idempotency-Key")
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, strings.Repeat("x", 1<<20))
	})
	got, err := c.Post(t.Context(), base+"/inbox", accept, []byte("{}"), nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusAccepted, got.Status)
	assert.Len(t, got.Body, keptOfPost, "a long answer does not undo a delivery")
}

func TestPostOfNothingHasALength(t *testing.T) {
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Zero(t, r.ContentLength)
		assert.Empty(t, r.TransferEncoding)
	})
	_, err := c.Post(t.Context(), base+"/inbox", accept, nil, nil)
	assert.NoError(t, err)
}

func TestASignerThatFailsSendsNothing(t *testing.T) {
	var asked atomic.Int32
	c, base := remote(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	broken := errors.New("the HSM is out")
	_, err := c.Post(t.Context(), base, accept, nil, func(*http.Request) error { return broken })
	assert.ErrorIs(t, err, broken)
	_, err = c.Get(t.Context(), base, accept, func(*http.Request) error { return broken })
	assert.ErrorIs(t, err, broken)
	assert.Zero(t, asked.Load())
}

// B090: whatever the status, it is an answer.
func TestEveryStatusIsAnAnswer(t *testing.T) {
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	})
	for _, status := range []int{200, 204, 206, 300, 304, 401, 404, 410, 418, 429, 500, 503} {
		got, err := c.Get(t.Context(), fmt.Sprintf("%s/%d", base, status), accept, nil)
		if assert.NoError(t, err) {
			assert.Equal(t, status, got.Status)
		}
	}
	for _, status := range []int{200, 202, 301, 302, 307, 308, 401, 410, 503} {
		got, err := c.Post(t.Context(), fmt.Sprintf("%s/%d", base, status), accept, []byte("{}"), nil)
		if assert.NoError(t, err) {
			assert.Equal(t, status, got.Status, "a POST follows no redirect")
		}
	}
}

func TestGetFollowsItsOriginAndSignsEachHop(t *testing.T) {
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, r.URL.Path, r.Header.Get("Signed-For"))
		switch r.URL.Path {
		case "/1":
			http.Redirect(w, r, "/2", http.StatusMovedPermanently)
		case "/2":
			http.Redirect(w, r, "3", http.StatusFound)
		case "/3":
			http.Redirect(w, r, "/4", http.StatusPermanentRedirect)
		}
	})
	sign := func(r *http.Request) error { r.Header.Set("Signed-For", r.URL.Path); return nil }
	got, err := c.Get(t.Context(), base+"/1", accept, sign)
	require.NoError(t, err)
	assert.Equal(t, base+"/4", got.URL)
}

// B093.
func TestGetRefusesOtherRedirects(t *testing.T) {
	var elsewhere atomic.Int32
	_, otherBase := remote(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	for name, to := range map[string]string{
		"itself":           "",
		"another port":     otherBase,
		"plain http":       strings.Replace(base, "https:", "http:", 1),
		"another host":     strings.Replace(base, "127.0.0.1", "localhost", 1),
		"a private host":   "https://10.0.0.1/",
		"a public host":    "https://evil.example/",
		"a file":           "file:///etc/passwd",
		"user information": strings.Replace(base, "https://", "https://a@", 1),
		"not a URL":        "https://%zz/",
	} {
		_, err := c.Get(t.Context(), base+"/?to="+to, accept, nil)
		assert.ErrorIs(t, err, ErrForbidden, name)
	}
	assert.Zero(t, elsewhere.Load())
}

func TestGetRefusesLongChains(t *testing.T) {
	var asked atomic.Int32
	c, base := remote(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, fmt.Sprintf("/%d", asked.Add(1)), http.StatusFound)
	})
	_, err := c.Get(t.Context(), base+"/0", accept, nil)
	assert.ErrorIs(t, err, ErrForbidden)
	assert.EqualValues(t, 4, asked.Load(), "the first and three hops")

	asked.Store(0)
	c, base = remote(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, map[string]string{"/a": "/b", "/b": "/a"}[r.URL.Path], http.StatusFound)
	})
	_, err = c.Get(t.Context(), base+"/a", accept, nil)
	assert.ErrorContains(t, err, "circle")
	assert.EqualValues(t, 2, asked.Load())
}

// B094 and B095, over both versions of HTTP. A header that is too big breaks an
// HTTP/2 connection before anything can be said about it.
func TestAnswersAreBounded(t *testing.T) {
	const most = 1 << 10
	table := []struct {
		name  string
		want  error
		serve http.HandlerFunc
	}{
		{"exactly the limit", nil, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, most)) }},
		{"one byte more, announced", ErrTooBig, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(most+1))
			w.Write(make([]byte, most+1))
		}},
		{"endless", ErrTooBig, func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 512)); err != nil {
					return
				}
			}
		}},
		{"a header field of 64 KiB", ErrTooBig, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 64<<10))
		}},
		{"10,000 header fields", ErrTooBig, func(w http.ResponseWriter, r *http.Request) {
			for i := range 10_000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), "x")
			}
		}},
	}
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		for _, row := range table {
			t.Run(version+" "+row.name, func(t *testing.T) {
				server := httptest.NewUnstartedServer(row.serve)
				server.EnableHTTP2 = version == "HTTP/2"
				server.Config.ErrorLog = quietLog()
				server.StartTLS()
				t.Cleanup(server.Close)
				_, err := client(t, server.Certificate(), small()).Get(t.Context(), server.URL, accept, nil)
				switch {
				case row.want == nil:
					assert.NoError(t, err)
				case version == "HTTP/2" && strings.Contains(row.name, "header"):
					assert.Error(t, err)
				default:
					assert.ErrorIs(t, err, row.want)
				}
			})
		}
	}
}

// raw serves bytes that no HTTP library would write, to one connection after
// another, and counts them.
func raw(t *testing.T, serve func(conn net.Conn, r *bufio.Reader)) (base string, accepted *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			serve(conn, bufio.NewReader(conn))
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return "http://" + listener.Addr().String(), accepted
}

func TestBrokenAnswersAreErrors(t *testing.T) {
	for name, answer := range map[string]string{
		"gzip although identity was asked": "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
		"shorter than announced":           "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"two lengths":                      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
		"a flood of early hints":           strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 1000),
		"not HTTP":                         "SSH-2.0-OpenSSH\r\n",
		"nothing":                          "",
	} {
		t.Run(name, func(t *testing.T) {
			base, _ := raw(t, func(conn net.Conn, r *bufio.Reader) {
				http.ReadRequest(r)
				io.WriteString(conn, answer)
			})
			_, err := client(t, nil, small()).Get(t.Context(), base, accept, nil)
			assert.Error(t, err)
			assert.NotErrorIs(t, err, ErrForbidden)
			assert.NotErrorIs(t, err, ErrTLS)
		})
	}
}

// B096: each way to be slow ends, as the same kind of error.
func TestSlowServersTimeOut(t *testing.T) {
	read := func(conn net.Conn, r *bufio.Reader) { io.Copy(io.Discard, r) }
	drip := func(conn net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
		for {
			if _, err := io.WriteString(conn, "x"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	for name, row := range map[string]struct {
		scheme string
		serve  func(net.Conn, *bufio.Reader)
	}{
		"no TLS handshake": {"https", read},
		"no header":        {"http", read},
		"a dripping body":  {"http", drip},
	} {
		t.Run(name, func(t *testing.T) {
			base, _ := raw(t, row.serve)
			c := client(t, nil, quick())
			_, err := c.Get(t.Context(), strings.Replace(base, "http", row.scheme, 1), accept, nil)
			assert.ErrorIs(t, err, ErrTimeout)
			assert.NotErrorIs(t, err, ErrTLS)
		})
	}
}

func TestACallerWhoGivesUpIsNoTimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	base, _ := raw(t, func(conn net.Conn, r *bufio.Reader) {
		http.ReadRequest(r)
		cancel()
		io.Copy(io.Discard, r)
	})
	_, err := client(t, nil, limits.Default()).Get(ctx, base, accept, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrTimeout)
}

// A peer may close a kept connection just when the next delivery is written to
// it. That delivery is sent again, whole.
func TestADeadConnectionIsReplaced(t *testing.T) {
	var bodies []string
	base, accepted := raw(t, func(conn net.Conn, r *bufio.Reader) {
		for i := 0; ; i++ {
			request, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(request.Body)
			bodies = append(bodies, string(body))
			if i > 0 {
				return
			}
			io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := client(t, nil, limits.Default())
	for _, body := range []string{"first", "second"} {
		got, err := c.Post(t.Context(), base, accept, []byte(body), nil)
		require.NoError(t, err)
		assert.Equal(t, 202, got.Status)
	}
	c.CloseIdle()
	assert.EqualValues(t, 2, accepted.Load())
	assert.Equal(t, []string{"first", "second", "second"}, bodies)
}

func TestDeliveriesShareFewConnections(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS() // HTTP/1.1: one request at a time on each
	t.Cleanup(server.Close)
	c := client(t, server.Certificate(), limits.Default())
	failed := make(chan error, 20)
	for range 20 {
		go func() {
			_, err := c.Post(t.Context(), server.URL, accept, []byte("{}"), nil)
			failed <- err
		}()
	}
	for range 20 {
		assert.NoError(t, <-failed)
	}
	assert.LessOrEqual(t, connections.Load(), int32(limits.Default().ConnsPerHost))
}

// Nothing is dialled for what may never be asked.
func TestForbiddenURLsAreNotDialled(t *testing.T) {
	var dialled []string
	for _, options := range []Options{{}, {InsecureLoopback: true}} {
		c := New(options)
		count := func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return nil, errors.New("not in this test")
		}
		c.transport.DialContext, c.transport.DialTLSContext = count, count
		for _, url := range []string{
			"https://10.0.0.1/", "https://[::ffff:10.0.0.1]/k", "https://169.254.169.254/", "https://2130706433/",
			"http://example.com/", "https://example.com:22/", "https://intranet/", "https://a@example.com/", "file:///etc/passwd",
		} {
			_, err := c.Get(t.Context(), url, accept, nil)
			assert.ErrorIs(t, err, ErrForbidden, url)
			_, err = c.Post(t.Context(), url, accept, nil, nil)
			assert.ErrorIs(t, err, ErrForbidden, url)
		}
		if !options.InsecureLoopback {
			_, err := c.Get(t.Context(), "https://127.0.0.1/k", accept, nil)
			assert.ErrorIs(t, err, ErrForbidden)
		}
		assert.Empty(t, dialled)
		_, err := c.Get(t.Context(), "https://example.com/", accept, nil)
		assert.Error(t, err)
		assert.Equal(t, []string{"example.com:443"}, slices.Compact(dialled), "the count counts")
		dialled = nil
	}
}
