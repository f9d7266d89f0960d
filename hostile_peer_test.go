package panui_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/panui/panui/internal/testenv"
)

// peer is another server. It serves what it is told and counts who connects.
type peer struct {
	url      string
	accepted atomic.Int64
	mu       sync.Mutex
	pages    map[string]http.HandlerFunc // by path
	asked    []*http.Request             // in their order, without bodies
}

// newPeer starts a peer on a loopback address of its own, which not every system has.
func newPeer(t testing.TB, address string) *peer {
	t.Helper()
	listener, err := net.Listen("tcp", address+":0")
	if err != nil {
		testenv.Missing(t, "loopback", err.Error())
	}
	p := &peer{url: "http://" + listener.Addr().String(), pages: map[string]http.HandlerFunc{}}
	server := &httptest.Server{Listener: counted{listener, &p.accepted}, Config: &http.Server{Handler: p, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}}
	server.Config.SetKeepAlivesEnabled(false)
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// counted counts connections.
type counted struct {
	net.Listener
	accepted *atomic.Int64
}

func (c counted) Accept() (net.Conn, error) {
	connection, err := c.Listener.Accept()
	if err == nil {
		c.accepted.Add(1)
	}
	return connection, err
}

func (p *peer) serve(path string, page http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = page
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	page := p.pages[r.URL.RequestURI()]
	p.asked = append(p.asked, r)
	p.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

// requests are what was asked so far.
func (p *peer) requests() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// document is a page of ActivityPub.
func document(body string) http.HandlerFunc { return page("application/activity+json", body) }

func page(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		io.WriteString(w, body)
	}
}

// person is the document of somebody with a key.
func person(id string, key crypto.PublicKey) string {
	return personWith(id, id+"/inbox", id+"#main-key", id, pemOf(key))
}

func personWith(id, inbox, keyID, owner, key string) string {
	return fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":%q,"type":"Person","preferredUsername":%q,"inbox":%q,"publicKey":{"id":%q,"owner":%q,"publicKeyPem":%q}}`,
		id, strings.Trim(id[strings.LastIndex(id, "/")+1:], "{}"), inbox, keyID, owner, key)
}

func bareKey(id, owner string, key crypto.PublicKey) string {
	return fmt.Sprintf(`{"id":%q,"owner":%q,"publicKeyPem":%q}`, id, owner, pemOf(key))
}

func pemOf(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// names is a DNS without a socket. Each lookup of a name gets the next of its
// answers, of one or more addresses, and the last of them from then on; a name
// without any gets no reply.
type names struct {
	mu        sync.Mutex
	answers   map[string][]string // addresses, with blanks between them, by name with a final dot
	otherwise string              // the answer for any other name; empty for no reply
	asked     []string
	waiting   []net.Conn // for replies that never come
	closed    bool
}

// close ends the waiting for replies that never come.
func (n *names) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, connection := range n.waiting {
		connection.Close()
	}
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.closed {
			return nil, net.ErrClosed
		}
		n.waiting = append(n.waiting, theirs)
		go n.answer(theirs)
		return ours, nil
	}}
}

// answer reads a query, as it is framed over TCP (RFC 1035 section 4.2.2), and replies.
func (n *names) answer(connection net.Conn) {
	defer connection.Close()
	length := make([]byte, 2)
	if _, err := io.ReadFull(connection, length); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(length))
	if _, err := io.ReadFull(connection, query); err != nil {
		return
	}
	if reply := n.reply(query); reply != nil {
		connection.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	}
	io.Copy(io.Discard, connection)
}

func (n *names) reply(query []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	question := m.Questions[0]
	left := n.answers[question.Name.String()]
	if question.Type == dnsmessage.TypeA {
		n.asked = append(n.asked, question.Name.String())
	}
	if len(left) == 0 && n.otherwise != "" {
		left = []string{n.otherwise}
	}
	if len(left) == 0 {
		return nil
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	for address := range strings.FieldsSeq(left[0]) {
		header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class}
		switch ip := netip.MustParseAddr(address); {
		case ip.Is4() && question.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && question.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	if question.Type == dnsmessage.TypeA {
		n.answers[question.Name.String()] = left[min(1, len(left)-1):]
	}
	packed, _ := m.Pack()
	return packed
}

// teach makes a name, under no domain that was asked before, with these answers.
func (n *names) teach(answers ...string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := fmt.Sprintf("evil%d.test", len(n.answers))
	n.answers[name+"."] = answers
	return name
}

// know has a name lead to an address.
func (n *names) know(name, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = []string{address}
}

// lookups are the names that were asked for.
func (n *names) lookups() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked)
}

// ledger keeps what is logged.
type ledger struct {
	mu  sync.Mutex
	all []event
}

// event is what was logged at once. Its code is the reason of a refusal, or the
// outcome of what was taken.
type event struct {
	message string
	code    string
	json    string
}

func (l *ledger) Enabled(context.Context, slog.Level) bool { return true }
func (l *ledger) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *ledger) WithGroup(string) slog.Handler            { return l }

func (l *ledger) Handle(ctx context.Context, r slog.Record) error {
	e := event{message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" || a.Key == "outcome" {
			e.code = a.Value.String()
		}
		return true
	})
	var line strings.Builder
	if err := slog.NewJSONHandler(&line, &slog.HandlerOptions{Level: slog.LevelDebug}).Handle(ctx, r); err != nil {
		return err
	}
	e.json = line.String()
	if !json.Valid([]byte(e.json)) {
		return fmt.Errorf("not JSON: %s", e.json)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
	return nil
}

func (l *ledger) events() []event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func (l *ledger) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}
