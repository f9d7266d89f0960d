package panui_test

import (
	"crypto/dsa" //lint:ignore SA1019 a peer may still offer such a key, and what is refused must exist
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// trusting is a world that trusts an authority of its own.
func trusting(t *testing.T, w *world, ca authority) *world {
	return newWorld(t, w.backend, scene{config: func(c *panui.Config) {
		hasty(c)
		c.Egress.Limits.TLSTimeout = patience // a handshake takes its time where many tests run
		c.Egress.RootCAs = ca.pool()
	}})
}

// from is a letter whose key lies at a URL.
func from(name, id string, status int, code string) try {
	return try{name, forged(strings.ReplaceAll(malloryReplies, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"}), status, code, 0}
}

func httpsToHTTP(t *testing.T, w *world) {
	ca := newAuthority(t)
	w = trusting(t, w, ca)
	host := serveTLS(t, ca.issue(t, forEvil()), http.RedirectHandler(w.evil.url+"/users/mallory", http.StatusFound))
	row{must: "from https to http"}.endure(t, w, from("", host+"/users/mallory", 401, "key-unknown"))
}

func hostileHTTP2(t *testing.T, w *world) {
	ca := newAuthority(t)
	for name, hostile := range map[string]func(*http2.Framer){
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
			w := trusting(t, w, ca)
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, forEvil())}, NextProtos: []string{"h2"}})
			require.NoError(t, err)
			converse(t, listener, func(connection net.Conn) {
				io.ReadFull(connection, make([]byte, len(http2.ClientPreface)))
				hostile(http2.NewFramer(connection, connection))
			})
			row{must: name}.endure(t, w, from("", "https://"+listener.Addr().String()+"/users/mallory", 503, "key-unreachable"))
		})
	}
}

func silence(t *testing.T, w *world) {
	held := make(chan net.Conn, 100)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	converse(t, listener, func(connection net.Conn) { held <- connection })
	row{must: "TLS that stalls"}.endure(t, w, from("", "https://"+listener.Addr().String()+"/users/mallory", 503, "key-unreachable"))
	assert.Len(t, held, 1)

	hole := blackHole(t)
	row{must: "a connection that never comes about"}.endure(t, w, from("", "http://"+hole+"/users/mallory", 503, "key-unreachable"))

	row{must: "a DNS that never answers", but: spared{nobodyAsked: "the DNS is asked"}}.endure(t, w, from("", "https://silent.test/users/mallory", 503, "key-unreachable"))
	assert.Contains(t, w.names.lookups(), "silent.test.")
	w.names.close()
}

// rsaOf is an RSA key of a size that nobody has the other half of.
func rsaOf(bits uint, e int64) string {
	n := new(big.Int).SetBit(new(big.Int), int(bits)-1, 1)
	return pemOf(&rsa.PublicKey{N: n.SetBit(n, 0, 1), E: int(e)})
}

// badKeys are keys that a document lists, each in the place of mallory's.
func badKeys() []try {
	public := pemOf(privateKey("mallory").Public())
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(privateKey("mallory"))})
	var tries []try
	for _, key := range []struct{ name, pem string }{
		{"RSA-512", rsaOf(512, 65537)}, {"RSA-1024", rsaOf(1024, 65537)}, {"RSA-65536", rsaOf(65536, 65537)},
		{"exponent 1", rsaOf(2048, 1)}, {"exponent 3", rsaOf(2048, 3)}, {"an even exponent", rsaOf(2048, 65536)},
		{"P-256", pemOf(ec.Public())}, {"DSA", dsaPEM()}, {"a private key", string(private)},
		{"two blocks", public + public}, {"something behind", public + "x"}, {"9 KiB", public + strings.Repeat("\n", 9<<10)},
		{"1 MiB", public + strings.Repeat("\n", 1<<20)}, {"no PEM", "x"}, {"nothing", ""},
	} {
		tries = append(tries, fetched(key.name, lists(key.pem), 401, "key-unknown"))
	}
	return tries
}

// dsaPEM is a DSA key (RFC 3279 section 2.3.2), which crypto/x509 reads and does not write.
func dsaPEM() string {
	key := dsa.PublicKey{Parameters: dsa.Parameters{P: big.NewInt(23), Q: big.NewInt(11), G: big.NewInt(4)}, Y: big.NewInt(8)}
	parameters, err := asn1.Marshal(struct{ P, Q, G *big.Int }{key.P, key.Q, key.G})
	if err != nil {
		panic(err)
	}
	y, err := asn1.Marshal(key.Y)
	if err != nil {
		panic(err)
	}
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, Parameters: asn1.RawValue{FullBytes: parameters}},
		asn1.BitString{Bytes: y, BitLength: 8 * len(y)},
	})
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func badCertificates(t *testing.T, w *world) {
	ca, stranger := newAuthority(t), newAuthority(t)
	with := func(change func(*x509.Certificate)) tls.Certificate {
		template := forEvil()
		change(&template)
		return ca.issue(t, template)
	}
	narrow := ca.issueAuthority(t, x509.Certificate{PermittedIPRanges: []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0), Mask: net.CIDRMask(8, 32)}}})
	heavy := ca.issue(t, forEvil())
	for size := 0; size < 10<<20; size += len(heavy.Certificate[0]) {
		heavy.Certificate = append(heavy.Certificate, heavy.Certificate[0])
	}
	asked := 0
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		document(me("https://"+r.Host+r.URL.Path))(w, r)
	})
	w = trusting(t, w, ca)
	for _, c := range []struct {
		name        string
		certificate tls.Certificate
	}{
		{"expired", with(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		})},
		{"not yet good", with(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		})},
		{"for another address", with(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 9)} })},
		{"for a name", with(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"localhost"} })},
		{"for another use", with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })},
		{"of a stranger", stranger.issue(t, forEvil())},
		{"of itself", authority{}.issue(t, forEvil())},
		{"of an authority for other addresses", narrow.issue(t, forEvil())},
	} {
		host := serveTLS(t, c.certificate, pages)
		row{must: c.name}.endure(t, w, from(c.name, host+"/users/mallory", 503, "key-unreachable"))
	}
	host := serveTLS(t, heavy, pages)
	row{must: "a chain of 10 MiB", but: spared{littleKept: "the server that packs the 10 MiB is here too"}}.endure(t, w,
		from("10 MiB", host+"/users/mallory", 503, "key-unreachable"))
	assert.Zero(t, asked, "no request went over such a connection")

	good := serveTLS(t, with(func(*x509.Certificate) {}), pages)
	id := good + "/users/mallory"
	got := w.send(w.letter(strings.ReplaceAll(malloryReplies, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"}).wire())
	assert.Equal(t, http.StatusAccepted, got.status, "and a good certificate is one")
}

// fingers is a server of mallory's that is asked for handles over https.
type fingers struct {
	client          *egress.Client
	domain, mallory string
	answer          http.HandlerFunc
	asked           []*http.Request
}

// newFingers starts one. The world is replaced by one that trusts it.
func newFingers(t *testing.T, w *world) *fingers {
	ca := newAuthority(t)
	*w = *trusting(t, w, ca)
	f := &fingers{answer: http.NotFound}
	host := serveTLS(t, ca.issue(t, forEvil()), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		f.asked = append(f.asked, r)
		f.answer(rw, r)
	}))
	f.domain, f.mallory = strings.TrimPrefix(host, "https://"), host+"/users/mallory"
	f.client = egress.New(egress.Options{RootCAs: ca.pool(), InsecureLoopback: true})
	t.Cleanup(f.client.CloseIdle)
	return f
}

// self is a link to an actor.
func (f *fingers) self(href string) string {
	return `{"rel":"self","type":"application/activity+json","href":"` + href + `"}`
}

func (f *fingers) descriptor(subject string, links ...string) http.HandlerFunc {
	return page("application/jrd+json", `{"subject":"acct:`+subject+`","links":[`+strings.Join(links, ",")+`]}`)
}

func falseFingers(t *testing.T, w *world) {
	f := newFingers(t, w)
	domain, mallory, client, self, descriptor := f.domain, f.mallory, f.client, f.self, f.descriptor
	remote := actor.Remote{Actor: as2.Actor{ID: mallory, PreferredUsername: "mallory"}}

	f.answer = descriptor("mallory@"+domain, self(mallory))
	handle, err := webfinger.Verify(t.Context(), client, remote)
	require.NoError(t, err)
	assert.Equal(t, "mallory@"+domain, handle.String(), "an honest answer is believed")

	for name, answer := range map[string]http.HandlerFunc{
		"a subject of another host":   descriptor("minister@127.0.0.1:1", self(mallory)),
		"a subject that is no handle": descriptor("mallory", self(mallory)),
		"two actors":                  descriptor("mallory@"+domain, self(mallory), self(w.fill("{alice}"))),
		"another's actor":             descriptor("mallory@"+domain, self(w.fill("{alice}"))),
		"an actor over http":          descriptor("mallory@"+domain, self(strings.Replace(mallory, "https", "http", 1))),
		"an actor on a private host":  descriptor("mallory@"+domain, self("https://10.0.0.1/users/mallory")),
		"no actor":                    descriptor("mallory@" + domain),
		"a script":                    descriptor("mallory@"+domain, self("javascript:alert(1)")),
		"XML":                         page("application/xrd+xml", `<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Subject>acct:mallory@`+domain+`</Subject></XRD>`),
		"HTML":                        page("text/html", "hello"),
		"a subject twice":             page("application/jrd+json", `{"subject":"acct:mallory@`+domain+`","subject":"acct:minister@our.test","links":[`+self(mallory)+`]}`),
		"over 1 MiB":                  page("application/jrd+json", `{"subject":"acct:mallory@`+domain+`","links":[`+self(mallory)+`],"x":"`+strings.Repeat("x", 1<<20)+`"}`),
		"a redirect":                  http.RedirectHandler(w.evil.url, http.StatusFound).ServeHTTP,
		"nobody":                      http.NotFound,
	} {
		f.answer = answer
		handle, err := webfinger.Verify(t.Context(), client, remote)
		assert.Error(t, err, name)
		assert.Empty(t, handle, name)
	}

	// The inbox shows who wrote under the host of the id, and asks no WebFinger.
	f.asked = nil
	f.answer = func(rw http.ResponseWriter, r *http.Request) {
		document(strings.Replace(me(mallory), `"preferredUsername":"mallory"`, `"preferredUsername":"minister@our.test","webfinger":"minister@our.test"`, 1))(rw, r)
	}
	letter := w.letter(strings.ReplaceAll(malloryReplies, "{mallory}", mallory), forge{by: "mallory", keyID: mallory + "#main-key"})
	require.Equal(t, http.StatusAccepted, w.send(letter.wire()).status)
	require.Len(t, f.asked, 1)
	assert.Equal(t, "/users/mallory", f.asked[0].URL.Path, "it asks no WebFinger")
	replies, _, err := w.site.Moderator().Received(t.Context(), store.Held, inbox.Page{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, mallory, replies[0].From)
	assert.Equal(t, "mallory@"+domain, strings.TrimPrefix(replies[0].Handle, "@"))
}
