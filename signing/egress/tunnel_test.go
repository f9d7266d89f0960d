package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
)

// forward is a forward proxy on loopback. It connects to what its world has at
// the address that it is asked for, and says how it was asked.
type forward struct {
	url   string
	world map[string]string // what listens where it thinks that the public network is; nil is the network as it is
	hook  func(conn net.Conn, target string) (answered bool)

	mu    sync.Mutex
	lines []string // of requests: method, target
	auth  []string
}

func newForward(t *testing.T, world map[string]string, served *tls.Config) *forward {
	t.Helper()
	f := &forward{world: world}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f.url = "http://" + listener.Addr().String()
	if served != nil {
		listener = tls.NewListener(listener, served)
		f.url = "https://" + listener.Addr().String()
	}
	ctx, end := context.WithCancel(context.Background())
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			closes := context.AfterFunc(ctx, func() { conn.Close() })
			open.Go(func() { defer conn.Close(); defer closes(); f.serve(conn) })
		}
	})
	t.Cleanup(func() { end(); listener.Close(); open.Wait() })
	return f
}

func (f *forward) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	request, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.lines = append(f.lines, request.Method+" "+request.RequestURI)
	f.auth = append(f.auth, request.Header.Get("Proxy-Authorization"))
	to, hook := request.RequestURI, f.hook
	if f.world != nil {
		to = f.world[to]
	}
	f.mu.Unlock()
	if hook != nil && hook(conn, request.RequestURI) {
		return
	}
	peer, err := net.Dial("tcp", to)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}")
		return
	}
	defer peer.Close()
	io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { io.Copy(peer, r); peer.(*net.TCPConn).CloseWrite() }()
	io.Copy(conn, peer)
}

// change changes how the proxy and the DNS answer from now on.
func change(f *forward, dns *names, how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	dns.mu.Lock()
	defer dns.mu.Unlock()
	how()
}

// asked lists what the proxy was asked for.
func (f *forward) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.lines)
}

const peerAddress = "93.184.216.34"

// behind starts a peer by the name peer.example, at an address of the public
// network that only the proxy can reach, and a client that knows the proxy only.
func behind(t *testing.T, options Options, h http.HandlerFunc) (*Client, *forward, *names) {
	t.Helper()
	root := authority(t, x509.Certificate{})
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{Certificates: []tls.Certificate{root.issue(t, x509.Certificate{DNSNames: []string{"peer.example"}})}}
	server.StartTLS()
	t.Cleanup(server.Close)
	f := newForward(t, map[string]string{peerAddress + ":443": server.Listener.Addr().String(), "peer.example:443": server.Listener.Addr().String()}, nil)
	dns := &names{answers: map[string][]string{"peer.example.": {peerAddress}}}
	if options.Proxy == nil {
		options.Proxy = &Proxy{}
	}
	options.Proxy.URL = strings.Replace(f.url, "://", "://panui:s3c%20ret@", 1)
	options.Resolver, options.RootCAs = dns.resolver(t), x509.NewCertPool()
	options.RootCAs.AddCert(root.cert)
	c := New(options)
	t.Cleanup(c.CloseIdle)
	return c, f, dns
}

func TestThroughAProxy(t *testing.T) {
	c, f, _ := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
		assert.Equal(t, "peer.example", r.TLS.ServerName)
		assert.Equal(t, "peer.example", r.Host)
		assert.NotContains(t, r.Header, "Proxy-Authorization")
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
	})
	for range 10 {
		got, err := c.Post(t.Context(), "https://peer.example/inbox?a=b", accept, []byte("{}"), nil)
		require.NoError(t, err)
		assert.Equal(t, "POST /inbox?a=b {}", string(got.Body))
	}
	got, err := c.Get(t.Context(), "https://peer.example/users/a", accept, nil)
	require.NoError(t, err)
	assert.Equal(t, "GET /users/a ", string(got.Body))
	assert.Equal(t, []string{"CONNECT 93.184.216.34:443"}, f.asked(), "one tunnel, to the address that was judged, is kept for all")
	assert.Equal(t, []string{"Basic cGFudWk6czNjIHJldA=="}, f.auth)
}

func TestAtMostTwoTunnelsToAHost(t *testing.T) {
	c, f, _ := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Millisecond) })
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := c.Post(t.Context(), "https://peer.example/inbox", accept, []byte("{}"), nil)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.LessOrEqual(t, len(f.asked()), limits.Default().ConnsPerHost)
}

// No variable of the environment is read: neither instead of the option, nor without it.
func TestTheEnvironmentNamesNoProxy(t *testing.T) {
	trap := newForward(t, nil, nil)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, trap.url)
		t.Setenv(strings.ToLower(name), trap.url)
	}
	t.Setenv("NO_PROXY", "")
	c, f, _ := behind(t, Options{}, func(http.ResponseWriter, *http.Request) {})
	_, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	require.NoError(t, err)
	assert.Len(t, f.asked(), 1)
	direct, base := remote(t, func(http.ResponseWriter, *http.Request) {})
	_, err = direct.Get(t.Context(), base, accept, nil)
	require.NoError(t, err)
	assert.Empty(t, trap.asked())
}

func TestAProxyThatIsReachedByTLS(t *testing.T) {
	inside := authority(t, x509.Certificate{})
	served := &tls.Config{Certificates: []tls.Certificate{inside.issue(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})}, NextProtos: []string{"h2", "http/1.1"}}
	f := newForward(t, nil, served)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	outside, internal := x509.NewCertPool(), x509.NewCertPool()
	outside.AddCert(server.Certificate())
	internal.AddCert(inside.cert)

	ask := func(peers, proxy *x509.CertPool) error {
		c := New(Options{InsecureLoopback: true, RootCAs: peers, Proxy: &Proxy{URL: f.url, RootCAs: proxy}})
		defer c.CloseIdle()
		_, err := c.Get(t.Context(), server.URL, accept, nil)
		return err
	}
	assert.NoError(t, ask(outside, internal))
	err := ask(outside, outside)
	assert.ErrorIs(t, err, ErrProxy, "who may name peers may not name the proxy")
	assert.NotErrorIs(t, err, ErrTLS)
	err = ask(internal, internal)
	assert.ErrorIs(t, err, ErrTLS, "and the other way round")
	assert.NotErrorIs(t, err, ErrProxy)
}

// In development there is plain HTTP, and it goes through a tunnel too.
func TestDevelopmentThroughAProxy(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) }))
	t.Cleanup(server.Close)
	f := newForward(t, nil, nil)
	for _, trust := range []bool{false, true} {
		c := New(Options{InsecureLoopback: true, Proxy: &Proxy{URL: f.url, TrustToRefuseInternalAddresses: trust}})
		got, err := c.Get(t.Context(), server.URL+"/a", accept, nil)
		require.NoError(t, err)
		assert.Equal(t, "/a", string(got.Body))
		c.CloseIdle()
	}
	assert.Equal(t, slices.Repeat([]string{"CONNECT " + server.Listener.Addr().String()}, 2), f.asked())
}

// The proxy is inside the network and could reach all of it. It is never asked for any of it.
func TestNoInternalAddressIsReachedThroughAProxy(t *testing.T) {
	dns := &names{answers: map[string][]string{}}
	add := func(name, address string) string {
		dns.answers[name+".example."] = []string{address}
		return "https://" + name + ".example/"
	}
	urls := map[string]string{}
	for i, row := range refusedNetworks {
		prefix := netip.MustParsePrefix(row.prefix)
		for end, address := range map[string]netip.Addr{"first": prefix.Addr(), "last": last(prefix)} {
			urls[add(fmt.Sprintf("%s%d", end, i), address.String())] = row.why
		}
	}
	for i, row := range refusedDisguises {
		if !strings.Contains(row.address, "%") { // the DNS has no zones
			urls[add(fmt.Sprintf("disguise%d", i), row.address)] = row.why
		}
	}
	for _, url := range []string{
		"https://10.0.0.1/", "https://[::ffff:10.0.0.1]/k", "https://[64:ff9b::7f00:1]/", "https://169.254.169.254/", "https://2130706433/", "https://0x7f.1/",
		"http://peer.example/", "https://peer.example:22/", "https://peer.example:8443/", "https://intranet/", "https://a@peer.example/", "file:///etc/passwd", "http://localhost/",
	} {
		urls[url] = "as a URL"
	}
	loop := add("loop", "127.0.0.1")
	f := newForward(t, nil, nil)
	resolver := dns.resolver(t)
	c := New(Options{Resolver: resolver, Proxy: &Proxy{URL: f.url}})
	for url, why := range urls {
		_, err := c.Get(t.Context(), url, accept, nil)
		assert.ErrorIs(t, err, ErrForbidden, "%s, %s", url, why)
		_, err = c.Post(t.Context(), url, accept, []byte("{}"), nil)
		assert.ErrorIs(t, err, ErrForbidden, "%s, %s", url, why)
	}
	development := New(Options{Resolver: resolver, InsecureLoopback: true, Proxy: &Proxy{URL: f.url}})
	_, err := development.Get(t.Context(), loop, accept, nil)
	assert.ErrorIs(t, err, ErrForbidden, "a name is no way to loopback, in development neither")
	trusting := New(Options{Resolver: resolver, Proxy: &Proxy{URL: f.url, TrustToRefuseInternalAddresses: true}})
	for url, why := range urls {
		if why == "as a URL" {
			_, err := trusting.Get(t.Context(), url, accept, nil)
			assert.ErrorIs(t, err, ErrForbidden, "%s, whoever looks names up", url)
		}
	}
	assert.Empty(t, f.asked())
	assert.Greater(t, len(urls), 80)
}

// B053 through a proxy: the address that was judged is the one that the proxy is
// told, so that no second answer of the DNS counts.
func TestRebindingLeadsNowhereThroughAProxy(t *testing.T) {
	c, f, dns := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	change(f, dns, func() { dns.answers["peer.example."] = []string{peerAddress, "127.0.0.1"} })
	got, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	require.NoError(t, err)
	assert.Equal(t, 204, got.Status)
	assert.Equal(t, []string{"peer.example."}, dns.lookups(), "looked up once")
	c.CloseIdle()
	_, err = c.Get(t.Context(), "https://peer.example/", accept, nil)
	assert.ErrorIs(t, err, ErrForbidden)
	assert.Equal(t, []string{"CONNECT 93.184.216.34:443"}, f.asked())
}

func TestAProxyThatIsTrustedLooksNamesUp(t *testing.T) {
	c, f, dns := behind(t, Options{Proxy: &Proxy{TrustToRefuseInternalAddresses: true}}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	change(f, dns, func() {
		dns.answers = nil // there is no DNS of the world outside
		f.hook = func(conn net.Conn, target string) bool {
			if target == "peer.example:443" {
				return false
			}
			io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\n\r\n")
			return true
		}
	})
	got, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	require.NoError(t, err)
	assert.Equal(t, 204, got.Status)
	_, err = c.Get(t.Context(), "https://intranet.agency.example/", accept, nil)
	assert.ErrorIs(t, err, ErrProxyRefused)
	assert.Equal(t, []string{"CONNECT peer.example:443", "CONNECT intranet.agency.example:443"}, f.asked())
	assert.Empty(t, dns.lookups())
}

// The proxy may have no way to IPv6, and a name many addresses.
func TestAProxyIsAskedForFewAddressesOfAName(t *testing.T) {
	c, f, dns := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	change(f, dns, func() {
		f.world[peerAddress+":443"], f.world["1.1.1.2:443"] = "127.0.0.1:1", f.world[peerAddress+":443"]
		dns.answers["peer.example."] = []string{"2606:4700::1 2606:4700::2 2606:4700::3 10.0.0.1 93.184.216.34 1.1.1.2 1.1.1.3"}
	})
	got, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	require.NoError(t, err)
	assert.Equal(t, 204, got.Status)
	asked := f.asked()
	assert.Contains(t, asked, "CONNECT 1.1.1.2:443")
	assert.LessOrEqual(t, len(asked), 4)
	for _, never := range []string{"10.0.0.1", "2606:4700::3", "1.1.1.3"} {
		assert.NotContains(t, strings.Join(asked, " "), never)
	}
}

func TestAProxyThatIsNotTheOneThatWasThought(t *testing.T) {
	answers := func(text string) func(net.Conn) {
		return func(conn net.Conn) { io.WriteString(conn, text); io.Copy(io.Discard, conn) }
	}
	endless := func(start, line string) func(net.Conn) {
		return func(conn net.Conn) {
			io.WriteString(conn, start)
			for {
				if _, err := io.WriteString(conn, line); err != nil {
					return
				}
			}
		}
	}
	const body = `{"id":"https://peer.example/"}`
	peers := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", accept, len(body), body)
	for name, row := range map[string]struct {
		does  func(net.Conn)
		fails error
		says  string
	}{
		"200 and then garbage": {answers("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-OpenSSH\r\n"), ErrTLS, ""},
		"200 with a body":      {answers(peers), ErrTLS, ""},
		"two answers":          {answers("HTTP/1.1 200 OK\r\n\r\n" + peers), ErrTLS, ""},
		"a second answer, later": {func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			time.Sleep(50 * time.Millisecond)
			answers(peers)(c)
		}, ErrTLS, ""},
		"200 and then silence":             {answers("HTTP/1.1 200 OK\r\n\r\n"), ErrTimeout, ""},
		"endless header fields":            {endless("HTTP/1.1 200 OK\r\n", "X-Long: "+strings.Repeat("x", 500)+"\r\n"), ErrProxy, "over 8192 bytes"},
		"one endless header field":         {endless("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"), ErrProxy, "over 8192 bytes"},
		"a flood of 100 Continue":          {endless("", "HTTP/1.1 100 Continue\r\n\r\n"), ErrProxy, "over 8192 bytes"},
		"other protocols":                  {answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), ErrProxyRefused, "101"},
		"silence":                          {answers(""), ErrTimeout, "no answer of the outgoing proxy"},
		"half a header":                    {answers("HTTP/1.1 200 OK\r\nA: b"), ErrTimeout, "no answer of the outgoing proxy"},
		"hanging up":                       {func(net.Conn) {}, io.EOF, "no answer of the outgoing proxy"},
		"no HTTP":                          {answers("SSH-2.0-OpenSSH\r\n"), ErrProxy, "not HTTP"},
		"no status":                        {answers("HTTP/1.1 okay\r\n\r\n"), ErrProxy, "not HTTP"},
		"a redirect":                       {answers("HTTP/1.1 302 Found\r\nLocation: https://10.0.0.1/\r\n\r\n"), ErrProxyRefused, "302"},
		"a refusal with a document":        {answers(strings.Replace(peers, "200 OK", "403 Forbidden", 1)), ErrProxyRefused, "403 Forbidden"},
		"no content":                       {answers("HTTP/1.1 204 No Content\r\n\r\n"), ErrProxyRefused, "204"},
		"other credentials":                {answers("HTTP/1.1 407 x\r\nProxy-Authenticate: Negotiate\r\n\r\n"), ErrProxy, `does not take the user and password in its URL; it offers "Negotiate"`},
		"no way to the peer, with a story": {answers(strings.Replace(peers, "200 OK", "503 s3c ret", 1)), nil, "outgoing proxy: no connection: 503 Service Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			l := quick()
			l.ResponseHeader = 8 << 10
			c, f, dns := behind(t, Options{Limits: l}, func(http.ResponseWriter, *http.Request) { t.Error("nobody is asked") })
			change(f, dns, func() {
				f.hook = func(conn net.Conn, target string) bool {
					if target == "*" {
						io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
					} else {
						row.does(conn)
					}
					return true
				}
			})
			got, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
			require.Error(t, err)
			assert.Nil(t, got)
			for _, kind := range []error{ErrProxy, ErrProxyRefused, ErrTLS, ErrTimeout, ErrForbidden, ErrTooBig} {
				assert.Equal(t, kind == row.fails, errors.Is(err, kind), "%v: %v", err, kind)
			}
			if row.fails == io.EOF {
				assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
			assert.ErrorContains(t, err, row.says)
			assert.NotContains(t, err.Error(), "s3c")
			assert.NotContains(t, err.Error(), body)
			asked := f.asked()
			assert.Equal(t, "CONNECT 93.184.216.34:443", asked[0])
			if row.fails == ErrTimeout || row.fails == io.EOF {
				assert.Equal(t, []string{"OPTIONS *"}, asked[1:], "is it the proxy that hangs, or the peer?")
			} else {
				assert.Empty(t, asked[1:], "asked once")
			}
		})
	}
}

// A proxy that hangs, or that hangs up on everybody, is not its peers being down,
// whenever it begins to.
func TestAProxyThatHangs(t *testing.T) {
	hangs := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	for name, does := range map[string]func(net.Conn){
		"silence":               hangs,
		"hanging up":            func(net.Conn) {},
		"a tunnel into nothing": func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); hangs(conn) },
		"a tunnel that breaks":  func(conn net.Conn) { io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			c, f, dns := behind(t, Options{Limits: quick()}, func(http.ResponseWriter, *http.Request) { t.Error("nobody is asked") })
			change(f, dns, func() {
				f.hook = func(conn net.Conn, target string) bool {
					if target != "*" {
						does(conn)
					} else if name != "hanging up" {
						hangs(conn)
					}
					return true
				}
			})
			_, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
			isTheProxys(t, err, f)
			_, err = c.Post(t.Context(), "https://peer.example/inbox", accept, []byte("{}"), nil)
			isTheProxys(t, err, f)
		})
	}
}

// isTheProxys says that an error blames nobody behind the proxy, and names it.
func isTheProxys(t *testing.T, err error, f *forward) {
	t.Helper()
	require.ErrorIs(t, err, ErrProxy)
	assert.NotErrorIs(t, err, ErrTimeout, "which would be said of the peer")
	assert.NotErrorIs(t, err, ErrTLS)
	assert.ErrorContains(t, err, strings.TrimPrefix(f.url, "http://"), "the operator is told which")
	assert.NotContains(t, err.Error(), "s3c")
}

// The tunnels that are kept hang with it.
func TestAProxyThatHangsWhileATunnelIsKept(t *testing.T) {
	arrived, frozen := make(chan struct{}), make(chan struct{})
	defer close(frozen)
	c, f, dns := behind(t, Options{Limits: quick()}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(arrived)
			<-frozen // what the peer answers comes no further
		}
	})
	_, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	require.NoError(t, err)
	change(f, dns, func() { f.hook = func(conn net.Conn, _ string) bool { io.Copy(io.Discard, conn); return true } })
	_, err = c.Post(t.Context(), "https://peer.example/inbox", accept, []byte("{}"), nil)
	<-arrived
	isTheProxys(t, err, f)
	assert.Equal(t, []string{"CONNECT 93.184.216.34:443", "OPTIONS *"}, f.asked())
}

// A deadline of the caller that is up with the request leaves time to ask the proxy.
func TestWhoseTimeIsUpStillLearnsThatTheProxyHangs(t *testing.T) {
	c, f, dns := behind(t, Options{Limits: quick()}, func(http.ResponseWriter, *http.Request) {})
	change(f, dns, func() { f.hook = func(conn net.Conn, _ string) bool { io.Copy(io.Discard, conn); return true } })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.Get(ctx, "https://peer.example/", accept, nil)
	isTheProxys(t, err, f)

	change(f, dns, func() {
		f.hook = func(conn net.Conn, _ string) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			return true
		}
	})
	<-ctx.Done()
	assert.Equal(t, ErrTimeout, c.proxy.blame(ctx, ErrTimeout), "or that it does not")
}

// Nothing is asked of the proxy about what it cannot be to blame for.
func TestWhatTheProxyIsNotAskedAbout(t *testing.T) {
	c, f, dns := behind(t, Options{Limits: quick()}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://other.example/")
		w.WriteHeader(http.StatusFound)
	})
	_, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	assert.ErrorIs(t, err, ErrForbidden)
	_, err = c.Get(t.Context(), "https://nobody.example/", accept, nil)
	assert.Error(t, err, "a name that the DNS does not know")
	change(f, dns, func() { dns.answers = nil })
	_, err = c.Post(t.Context(), "https://peer.example/", accept, nil, func(*http.Request) error { return errors.New("no key") })
	assert.ErrorContains(t, err, "no key")
	assert.Equal(t, []string{"CONNECT 93.184.216.34:443"}, f.asked())
}

func TestAProxyThatWantsCredentialsSaysSo(t *testing.T) {
	f := newForward(t, nil, nil)
	change(f, new(names), func() {
		f.hook = func(conn net.Conn, _ string) bool {
			io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"agency\"\r\n\r\n")
			return true
		}
	})
	c := New(Options{InsecureLoopback: true, Proxy: &Proxy{URL: f.url}})
	_, err := c.Get(t.Context(), "https://127.0.0.1:9/", accept, nil)
	assert.ErrorIs(t, err, ErrProxy)
	assert.ErrorContains(t, err, `write user and password into the proxy's URL; it offers "Basic realm`)
	assert.Equal(t, []string{""}, f.auth)
}

// A proxy that opens TLS to read what passes is not believed.
func TestAProxyThatOpensTLSIsNotBelieved(t *testing.T) {
	c, f, dns := behind(t, Options{}, func(http.ResponseWriter, *http.Request) { t.Error("nobody is asked") })
	other := authority(t, x509.Certificate{}).issue(t, x509.Certificate{DNSNames: []string{"peer.example"}})
	change(f, dns, func() {
		f.hook = func(conn net.Conn, _ string) bool {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{other}}).Handshake()
			return true
		}
	})
	_, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
	assert.ErrorIs(t, err, ErrTLS)
	assert.NotErrorIs(t, err, ErrProxy)
}

func TestWhoGivesUpSaysNothingAboutTheProxy(t *testing.T) {
	c, f, dns := behind(t, Options{}, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	change(f, dns, func() {
		f.hook = func(conn net.Conn, _ string) bool { cancel(); io.Copy(io.Discard, conn); return true }
	})
	_, err := c.Get(ctx, "https://peer.example/", accept, nil)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrProxy)
	_, err = c.proxy.open(ctx, peerAddress+":443", time.Second)
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrProxy)
	assert.Equal(t, ErrTimeout, c.proxy.blame(ctx, ErrTimeout), "nor does who gave up just now")

	later, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	change(f, dns, func() {
		f.hook = func(conn net.Conn, _ string) bool { giveUp(); io.Copy(io.Discard, conn); return true }
	})
	assert.Equal(t, ErrTimeout, c.proxy.blame(later, ErrTimeout), "nor who gives up while the proxy is asked")
	assert.Error(t, later.Err())
}
