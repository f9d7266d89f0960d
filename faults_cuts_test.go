package panui_test

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/webfinger"
)

// cutting is how a connection goes on after so many bytes of an answer.
type cutting int

const (
	whole     cutting = iota // it does not matter
	reset                    // by a machine or firewall in between
	halfClose                // as by a server that was stopped
	drip                     // every byte in a packet of its own, and all of them
	hush                     // nothing more ever comes
)

var bothWays = []cutting{reset, halfClose}

func (c cutting) String() string {
	return [...]string{"whole", "reset", "half-close", "drip", "silence"}[c]
}

// wire is a server that gives one answer to every request, and cuts it.
type wire struct {
	testing.TB
	listener net.Listener
	tls      *tls.Config // nil is plain http
	answer   string
	open     atomic.Int64 // connections
	serving  sync.WaitGroup

	mu   sync.Mutex
	how  cutting
	keep int // bytes of the answer
}

func newWire(t testing.TB, secure *tls.Config) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{TB: t, listener: l, tls: secure}
	w.serving.Go(w.accept)
	return w
}

func (w *wire) host() string { return w.listener.Addr().String() }

// cut has answers from now on end after so many bytes.
func (w *wire) cut(how cutting, keep int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.how, w.keep = how, keep
}

func (w *wire) accept() {
	for {
		conn, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.open.Add(1)
		w.serving.Go(func() {
			defer w.open.Add(-1)
			defer conn.Close()
			w.serve(conn.(*net.TCPConn))
		})
	}
}

// serve answers what comes on a connection until one answer is cut.
func (w *wire) serve(plain *net.TCPConn) {
	conn := net.Conn(plain)
	if w.tls != nil {
		conn = tls.Server(plain, w.tls)
	}
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if !w.reply(plain, conn) {
			return
		}
	}
}

// reply gives the answer as it is to be cut, and says whether it was whole.
func (w *wire) reply(plain *net.TCPConn, conn net.Conn) bool {
	w.mu.Lock()
	how, keep := w.how, w.keep
	w.mu.Unlock()
	switch how {
	case whole:
		io.WriteString(conn, w.answer)
		return true
	case drip:
		for i := range len(w.answer) {
			io.WriteString(conn, w.answer[i:i+1])
		}
		return true
	default:
		io.WriteString(conn, w.answer[:keep])
	}
	switch how {
	case reset:
		plain.SetLinger(0)
		return false
	case halfClose:
		if c, ok := conn.(*tls.Conn); ok {
			c.CloseWrite()
		}
		plain.CloseWrite()
	}
	io.Copy(io.Discard, conn) // until the other side hangs up
	return false
}

// ends stops the server, and expects that nobody holds a connection to it.
func (w *wire) ends(client *egress.Client) {
	w.Helper()
	client.CloseIdle()
	assert.Eventually(w, func() bool { return w.open.Load() == 0 }, 10*time.Second, time.Millisecond, "connections that nobody closed")
	w.listener.Close()
	w.serving.Wait()
}

// golden makes the answer that is cut: with its length, or in two chunks.
func golden(status, mediaType, body string, chunked bool) string {
	head := "HTTP/1.1 " + status + "\r\nDate: Thu, 26 Nov 2026 09:00:00 GMT\r\nContent-Type: " + mediaType +
		"\r\nVary: Accept, Signature\r\nCache-Control: max-age=180, public\r\nServer: Mastodon\r\n"
	if !chunked {
		return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	half := len(body) / 2
	return head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", half, body[:half], len(body)-half, body[half:])
}

// briefly is short, for servers that fall silent.
func briefly() limits.Limits {
	l := limits.Default()
	l.HeaderTimeout, l.FetchTimeout, l.DeliveryTimeout = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	return l
}

// cutEverywhere has an exchange take place with the answer cut after each of its
// bytes in each way, and whole in pieces. The exchange gets how many bytes come.
func (w *wire) cutEverywhere(t *testing.T, ways []cutting, exchange func(t *testing.T, how cutting, keep int)) {
	t.Helper()
	n := 0
	for _, how := range ways {
		for keep := range len(w.answer) + 1 {
			w.cut(how, keep)
			exchange(t, how, keep)
			n++
			if t.Failed() {
				t.Fatalf("%s after byte %d of %d: %q", how, keep, len(w.answer), w.answer[max(0, keep-20):keep])
			}
		}
	}
	w.cut(drip, 0)
	exchange(t, drip, len(w.answer))
	t.Logf("%d cuts", n)
}

// someBytes are places at which a server falls silent, other ones in each run.
func (w *wire) someBytes() (places []int) {
	for range 4 {
		places = append(places, rand.IntN(len(w.answer)))
	}
	return append(places, 0, len(w.answer))
}

// A delivery is done when the status and the headers of the answer have come, and
// tried again when not; then it is done with the next answer.
func TestADeliveryWhoseAnswerIsCutAfterAnyByte(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	key, err := signing.New(smallKey())
	require.NoError(t, err)
	var clock atomic.Int64
	now := func() time.Time { return start.Add(time.Duration(clock.Load())) }
	urls := actor.URLs{Base: "https://www.agency.govt.nz"}
	news, err := actor.NewLocal(actor.Profile{Handle: "news@agency.govt.nz", Name: "News", Key: key}, urls, signing.Policy{MinRSA: 1024})
	require.NoError(t, err)
	db, w := memory.New(), newWire(t, nil)
	w.answer = golden("202 Accepted", "application/json; charset=utf-8", `{"status":"taken"}`, false)
	headers := strings.Index(w.answer, "\r\n\r\n") + 4
	client := egress.New(egress.Options{InsecureLoopback: true})
	hasty := egress.New(egress.Options{InsecureLoopback: true, Limits: briefly()})
	actors := []*actor.Local{news}
	publisher := &outbox.Publisher{Store: db, Actors: actors, URLs: urls, Now: now}
	require.NoError(t, publisher.Pin(t.Context()))
	inbox := "http://" + w.host() + "/inbox"
	n := 0
	deliver := func(client *egress.Client) func(*testing.T, cutting, int) {
		d := &outbox.Deliverer{Store: db, Client: client, Actors: actors, Now: now, Roll: func() float64 { return 0 }}
		return func(t *testing.T, how cutting, keep int) {
			n++
			id := fmt.Sprintf("https://www.agency.govt.nz/ap/activities/%d", n)
			require.NoError(t, db.Apply(t.Context(), store.PutPeer{Peer: store.Peer{Host: w.host()}}, store.Send{Inbox: inbox, Activity: store.Activity{
				ID: id, Actor: news.ID, Type: "Create", Object: id + "/object", Body: []byte(`{"type":"Create"}`), Public: true, At: now(),
			}}))
			state := func() store.Delivery {
				found, err := db.Deliveries(t.Context(), store.DeliveryQuery{Activity: id})
				require.NoError(t, err)
				require.Len(t, found, 1)
				return found[0]
			}
			_, err := d.Step(t.Context())
			require.NoError(t, err)
			after := state()
			if keep >= headers {
				assert.Equal(t, store.Delivered, after.State, "%s %d: %s", how, keep, after.Answer)
				return
			}
			assert.Equal(t, store.Pending, after.State, "%s %d", how, keep)
			assert.Zero(t, after.Status)
			assert.NotEmpty(t, after.Answer)
			w.cut(whole, 0)
			clock.Add(int64(time.Minute))
			_, err = d.Step(t.Context())
			require.NoError(t, err)
			assert.Equal(t, store.Delivered, state().State)
			assert.Equal(t, 2, state().Attempt)
		}
	}
	w.cutEverywhere(t, bothWays, deliver(client))
	for _, keep := range w.someBytes() {
		w.cut(hush, keep)
		deliver(hasty)(t, hush, keep)
	}
	hasty.CloseIdle()
	w.ends(client)
	left, err := db.Deliveries(t.Context(), store.DeliveryQuery{State: store.Pending})
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A fetched actor is the whole document or none; what broke off is asked for again.
func TestAnActorWhoseDocumentIsCutAfterAnyByte(t *testing.T) {
	peer, err := actortest.Start(actortest.Options{NewKey: func() (crypto.Signer, error) { return smallKey(), nil }})
	require.NoError(t, err)
	aroha := peer.Actor("aroha")
	document := body(t.Context(), t, aroha.ID)
	require.NoError(t, peer.Close())
	ways := map[bool][]cutting{false: bothWays, true: {halfClose}} // in chunks only an end that could be meant
	for name, chunked := range map[string]bool{"with its length": false, "in chunks": true} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			w := newWire(t, nil)
			id := strings.ReplaceAll(aroha.ID, peer.URL(), "http://"+w.host())
			w.answer = golden("200 OK", "application/activity+json; charset=utf-8", strings.ReplaceAll(document, peer.URL(), "http://"+w.host()), chunked)
			client := egress.New(egress.Options{InsecureLoopback: true})
			hasty := egress.New(egress.Options{InsecureLoopback: true, Limits: briefly()})
			fetch := func(client *egress.Client) func(*testing.T, cutting, int) {
				return func(t *testing.T, how cutting, keep int) {
					r := &actor.Resolver{Client: client, Policy: signing.Policy{MinPeer: 1024}}
					got, err := r.Actor(t.Context(), id)
					if keep < len(w.answer) {
						assert.ErrorIs(t, err, signing.ErrUnreachable)
						assert.Empty(t, got.ID)
						w.cut(whole, 0)
						r.ForgetFailures()
						got, err = r.Actor(t.Context(), id)
					}
					require.NoError(t, err)
					assert.Equal(t, id, got.ID)
					assert.Equal(t, "http://"+w.host()+"/inbox", got.SharedInbox)
				}
			}
			w.cutEverywhere(t, ways[chunked], fetch(client))
			for _, keep := range w.someBytes() {
				w.cut(hush, keep)
				fetch(hasty)(t, hush, keep)
			}
			hasty.CloseIdle()
			w.ends(client)
		})
	}
}

// quickCertificate is of 127.0.0.1, with a key that makes thousands of handshakes affordable.
func quickCertificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(crand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	own, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(own)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// A handle leads to the actor that the whole answer names, or nowhere. It is asked
// for over TLS only, where a cut within the answer may come with an end of the
// connection that is as it should be.
func TestAWebFingerAnswerThatIsCutAfterAnyByte(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	certificate, roots := quickCertificate(t)
	w := newWire(t, &tls.Config{Certificates: []tls.Certificate{certificate}})
	handle, id := "aroha@"+w.host(), "https://"+w.host()+"/users/aroha"
	w.answer = golden("200 OK", "application/jrd+json; charset=utf-8", `{"subject":"acct:`+handle+`","aliases":["`+id+`"],"links":[`+
		`{"rel":"self","type":"application/activity+json","href":"`+id+`"}]}`, false)
	client := egress.New(egress.Options{InsecureLoopback: true, RootCAs: roots})
	l := briefly()
	l.HeaderTimeout, l.FetchTimeout = time.Second, time.Second
	hasty := egress.New(egress.Options{InsecureLoopback: true, RootCAs: roots, Limits: l})
	ask := func(client *egress.Client) func(*testing.T, cutting, int) {
		return func(t *testing.T, how cutting, keep int) {
			got, err := webfinger.Ask(t.Context(), client, handle)
			if keep < len(w.answer) {
				assert.Error(t, err)
				assert.Zero(t, got)
				assert.False(t, errors.Is(err, context.Canceled))
				w.cut(whole, 0)
				got, err = webfinger.Ask(t.Context(), client, handle)
			}
			require.NoError(t, err)
			assert.Equal(t, id, got.ActorID)
		}
	}
	w.cutEverywhere(t, bothWays, ask(client))
	w.cut(hush, len(w.answer)/2)
	ask(hasty)(t, hush, len(w.answer)/2)
	hasty.CloseIdle()
	w.ends(client)
}
