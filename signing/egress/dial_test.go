package egress

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
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
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/http2"

	"github.com/panui/panui/internal/limits"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

// names is a DNS server on loopback. Each lookup of a name gets the next of
// its answers, and the last of them from then on.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
	asked   []string
}

func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buffer := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := n.reply(buffer[:size]); reply != nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		asking, err := new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
		if err == nil { // the resolver goes on waiting when its caller has left
			t.Cleanup(func() { asking.Close() })
		}
		return asking, err
	}}
}

// reply answers an A or AAAA query from the list, and every other with nothing. A
// name without answers gets no reply at all.
func (n *names) reply(query []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	question := m.Questions[0]
	name := question.Name.String()
	left := n.answers[name]
	if len(left) == 0 {
		return nil
	}
	m.Response, m.Authoritative = true, true
	m.Additionals = nil
	for text := range strings.FieldsSeq(left[0]) {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 0}
		switch address := netip.MustParseAddr(text); {
		case question.Type == dnsmessage.TypeA && address.Is4():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: address.As4()}})
		case question.Type == dnsmessage.TypeAAAA && address.Is6():
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}})
		}
	}
	if question.Type == dnsmessage.TypeA {
		n.asked = append(n.asked, name)
		if len(left) > 1 {
			n.answers[name] = left[1:]
		}
	}
	packed, _ := m.Pack()
	return packed
}

func (n *names) lookups() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked)
}

// B053: a name is looked up, checked and connected to in one step, so that an
// address which was public when somebody looked before does not count.
func TestRebindingLeadsNowhere(t *testing.T) {
	dns := &names{answers: map[string][]string{
		"evil.example.":  {"93.184.216.34", "127.0.0.1"},
		"inner.example.": {"10.1.2.3 169.254.169.254 192.168.0.1"},
	}}
	c := New(Options{Resolver: dns.resolver(t), InsecureLoopback: true})
	before, err := c.lookup(t.Context(), "evil.example")
	require.NoError(t, err)
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("93.184.216.34")}, before)

	_, err = c.Get(t.Context(), "https://evil.example/users/a", accept, nil)
	assert.ErrorIs(t, err, ErrForbidden, "a name is no way to loopback, in development neither")
	_, err = c.Post(t.Context(), "https://evil.example/inbox", accept, []byte("{}"), nil)
	assert.ErrorIs(t, err, ErrForbidden)
	_, err = c.Get(t.Context(), "https://inner.example/", accept, nil)
	assert.ErrorIs(t, err, ErrForbidden)
	assert.Equal(t, []string{"evil.example.", "evil.example.", "evil.example.", "inner.example."}, dns.lookups(),
		"and no search domain was tried")
}

func TestASilentDNSTimesOut(t *testing.T) {
	dns := &names{}
	c := New(Options{Resolver: dns.resolver(t), Limits: quick()})
	_, err := c.Get(t.Context(), "https://silent.example/", accept, nil)
	assert.ErrorIs(t, err, ErrTimeout)

	_, err = c.lookup(t.Context(), "silent.example")
	var failed *net.DNSError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "silent.example.", failed.Name, "as it is, whatever domains this machine searches")
}

func TestNothingIsDialledThatNoURLSays(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, err = New(Options{}).dial(t.Context(), "tcp", listener.Addr().String())
	assert.ErrorIs(t, err, ErrForbidden, "loopback, outside development")
	_, err = New(Options{InsecureLoopback: true}).dial(t.Context(), "tcp", "localhost")
	assert.ErrorContains(t, err, "missing port")
}

func TestDialTriesTheNextAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	connect := func(ctx context.Context, to string, within time.Duration) (net.Conn, error) {
		return (&net.Dialer{Control: guardLoopback, Timeout: within}).DialContext(ctx, "tcp", to)
	}
	addresses := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}
	conn, err := dialAny(t.Context(), addresses, port, time.Second, connect)
	require.NoError(t, err, "one is forbidden, one refuses, one answers")
	conn.Close()
}

// What is said where no address answers decides whether the peer is tried again.
func TestDialSaysWhatMayPass(t *testing.T) {
	refused := errors.New("connection refused")
	another := errors.New("no route")
	for name, row := range map[string]struct {
		answers []error
		within  time.Duration
		want    error
		tried   int
	}{
		"forbidden":                            {[]error{ErrForbidden, ErrForbidden}, time.Minute, ErrForbidden, 2},
		"one refuses, who may not tomorrow":    {[]error{ErrForbidden, refused}, time.Minute, refused, 2},
		"and in the other order":               {[]error{refused, ErrForbidden}, time.Minute, refused, 2},
		"the first of two":                     {[]error{refused, another}, time.Minute, refused, 2},
		"the proxy, without which all is vain": {[]error{refused, ErrProxy, another}, time.Minute, ErrProxy, 2},
		"no address":                           {nil, time.Minute, nil, 0},
		"no time":                              {[]error{refused}, -time.Second, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tried := 0
			conn, err := dialAny(t.Context(), make([]netip.Addr, len(row.answers)), "443", row.within,
				func(_ context.Context, _ string, share time.Duration) (net.Conn, error) {
					assert.Positive(t, share)
					assert.LessOrEqual(t, share, row.within/time.Duration(len(row.answers)-tried), "time is kept for the others")
					tried++
					return nil, row.answers[tried-1]
				})
			assert.Nil(t, conn)
			assert.Equal(t, row.tried, tried)
			if row.want == nil {
				assert.ErrorContains(t, err, "no address, or no time to try one")
			} else {
				assert.Equal(t, row.want, err)
			}
		})
	}
}

// Who gives up while hands are shaken says nothing about the peer's TLS.
func TestGivingUpIsNoFaultOfTLS(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		io.ReadFull(conn, make([]byte, 1)) // of the ClientHello
		cancel()
		io.Copy(io.Discard, conn)
		conn.Close()
	}()
	_, err = New(Options{InsecureLoopback: true}).dialTLS(ctx, "tcp", listener.Addr().String())
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrTLS)
	<-done
}

func TestAFailedHandshakeLeavesNoConnection(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	ended := make(chan error, 1)
	go func() {
		io.ReadFull(theirs, make([]byte, 5)) // of the ClientHello
		go io.WriteString(theirs, "HTTP/1.1 400 Bad Request\r\n\r\n")
		theirs.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := io.Copy(io.Discard, theirs)
		ended <- err
	}()
	_, err := handshake(t.Context(), ours, &tls.Config{ServerName: "peer.example"}, time.Minute)
	assert.Error(t, err)
	assert.NoError(t, <-ended, "the peer sees the end")
}

// B099.
func TestOnlyTrustedCertificates(t *testing.T) {
	now := time.Now()
	root := authority(t, x509.Certificate{})
	bound := authority(t, x509.Certificate{PermittedIPRanges: []*net.IPNet{{IP: net.IP{10, 0, 0, 0}, Mask: net.CIDRMask(8, 32)}}})
	loopback := []net.IP{net.IPv4(127, 0, 0, 1)}
	good := root.issue(t, x509.Certificate{IPAddresses: loopback})
	long := good
	for range 400 {
		long.Certificate = append(long.Certificate, make([]byte, 1<<10))
	}
	table := []struct {
		name    string
		served  tls.Certificate
		trusted *x509.Certificate
		most    uint16 // TLS version
		want    error
	}{
		{"good", good, root.cert, 0, nil},
		{"from an unknown authority", good, bound.cert, 0, ErrTLS},
		{"with no authority at all", good, nil, 0, ErrTLS},
		{"expired", root.issue(t, x509.Certificate{IPAddresses: loopback, NotAfter: now.Add(-time.Minute)}), root.cert, 0, ErrTLS},
		{"not yet valid", root.issue(t, x509.Certificate{IPAddresses: loopback, NotBefore: now.Add(time.Hour)}), root.cert, 0, ErrTLS},
		{"for another name", root.issue(t, x509.Certificate{DNSNames: []string{"example.com"}}), root.cert, 0, ErrTLS},
		{"outside its authority's names", bound.issue(t, x509.Certificate{IPAddresses: loopback}), bound.cert, 0, ErrTLS},
		{"with a chain of 400 KiB", long, root.cert, 0, ErrTLS},
		{"with TLS 1.1", good, root.cert, tls.VersionTLS11, ErrTLS},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.TLS = &tls.Config{Certificates: []tls.Certificate{row.served}, MinVersion: tls.VersionTLS10, MaxVersion: row.most}
			server.Config.ErrorLog = quietLog()
			server.StartTLS()
			t.Cleanup(server.Close)
			c := client(t, row.trusted, limits.Default())
			_, err := c.Get(t.Context(), server.URL, accept, nil)
			if row.want == nil {
				assert.NoError(t, err)
				return
			}
			assert.ErrorIs(t, err, row.want)
			assert.NotErrorIs(t, err, ErrTimeout)
		})
	}
	t.Run("plain HTTP", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(server.Close)
		_, err := client(t, nil, limits.Default()).Get(t.Context(), strings.Replace(server.URL, "http", "https", 1), accept, nil)
		assert.ErrorIs(t, err, ErrTLS)
	})
}

// B095, the part that only HTTP/2 has.
func TestHostileHTTP2IsAnError(t *testing.T) {
	for name, serve := range map[string]func(*http2.Framer){
		"SETTINGS_MAX_FRAME_SIZE of 0": func(f *http2.Framer) {
			f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 0})
		},
		"endless CONTINUATION": func(f *http2.Framer) {
			f.WriteSettings()
			for {
				frame, err := f.ReadFrame()
				if err != nil {
					return
				}
				if frame.Header().Type == http2.FrameHeaders {
					break
				}
			}
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x88}})
			for f.WriteContinuation(1, false, make([]byte, 1<<10)) == nil {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := authority(t, x509.Certificate{})
			served := root.issue(t, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{served}, NextProtos: []string{"h2"}})
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
				serve(http2.NewFramer(conn, conn))
				io.Copy(io.Discard, conn)
			}()
			t.Cleanup(func() { listener.Close(); <-done })
			c := client(t, root.cert, small())
			_, err = c.Get(t.Context(), "https://"+listener.Addr().String(), accept, nil)
			assert.Error(t, err)
			assert.NotErrorIs(t, err, ErrTLS)
			assert.NotErrorIs(t, err, ErrTimeout, "it is refused, not waited for")
		})
	}
}

type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func authority(t *testing.T, template x509.Certificate) ca {
	t.Helper()
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	c := ca{cert: &template}
	issued := c.issue(t, template)
	c.cert, c.key = issued.Leaf, issued.PrivateKey.(*ecdsa.PrivateKey)
	return c
}

// issue makes a certificate; without a key of its own the authority signs itself.
func (c ca) issue(t *testing.T, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(2 * time.Hour)
	}
	parent, signer := c.cert, c.key
	if signer == nil {
		parent, signer = &template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
