package actortest

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/panui/panui/signing/egress"
)

// Options say what a server is like. The zero value is a Mastodon server over
// plain http on a free port of 127.0.0.1.
type Options struct {
	Dialect Dialect
	Address string // loopback address and port to listen on; empty is 127.0.0.1:0
	TLS     bool   // serve https, with a certificate from the server's own authority

	// RootCAs are the authorities that the server trusts. With TLS its own is added:
	// servers started with one pool, before any is asked, trust each other.
	RootCAs *x509.CertPool
	// Hosts says where the domain of a handle, or the host of an id, is really
	// found: {"agency.govt.nz": "http://127.0.0.1:8080"}. A loopback host that is
	// not listed is asked over http, every other one over https.
	Hosts map[string]string
	// NewKey makes the key of each actor when it is first needed; nil makes RSA-2048.
	NewKey func() (crypto.Signer, error)
	// RejectUnsignedGets answers 401 to a GET of an actor, object or collection
	// without a good signature. GoToSocial and Threads always do.
	RejectUnsignedGets bool
	// Signatures are the forms that the server signs in and takes; zero is as the
	// software does, which is draft-cavage.
	Signatures Signatures
	// KeepKeys never fetches a key again, so that a key changed without an Update
	// of the actor, signed with the one before, is refused, also under a new id.
	// GoToSocial always does so; the others fetch it once more.
	KeepKeys bool
	Now      func() time.Time // nil is time.Now
	// Around is put around the listener, for tests of a network in trouble; nil leaves it as it is.
	Around func(net.Listener) net.Listener
	// Proofs refuses what is said to everybody without an integrity proof
	// (FEP-8b32) that the document of its actor verifies. No software does.
	Proofs bool
}

// Server is a remote server on loopback, with any number of actors. It is safe
// for concurrent use.
type Server struct {
	o       Options
	manner  *manner
	url     string
	out     *egress.Client
	web     *http.Server
	door    *door
	serving sync.WaitGroup
	done    chan struct{}
	sink    *Sink

	mu       sync.Mutex
	closed   bool
	changed  chan struct{} // closed and replaced at every change
	actors   map[string]*Actor
	pages    map[string]page
	keys     map[string]foreignKey
	answers  map[string]*Answer
	requests map[string]int
	receipts []Received
	posts    map[string]*Post
	erased   map[string]bool
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if at, err := netip.ParseAddrPort(o.Address); err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("actortest: Start: %q is not a loopback address with a port", o.Address)
	}
	s := &Server{
		o: o, manner: o.Dialect.manner(), done: make(chan struct{}), changed: make(chan struct{}),
		actors: map[string]*Actor{}, pages: map[string]page{}, keys: map[string]foreignKey{},
		answers: map[string]*Answer{}, requests: map[string]int{}, posts: map[string]*Post{}, erased: map[string]bool{},
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("actortest: Start: %w", err)
	}
	if o.Around != nil {
		listener = o.Around(listener)
	}
	if err := s.open(listener); err != nil {
		return nil, errors.Join(fmt.Errorf("actortest: Start: %w", err), listener.Close())
	}
	return s, nil
}

// open serves on the listener.
func (s *Server) open(l net.Listener) error {
	s.door = &door{Listener: l, held: s.silent}
	s.url = "http://" + l.Addr().String()
	s.web = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	serve := func() error { return s.web.Serve(s.door) }
	if s.o.TLS {
		root, config, err := newAuthority(l.Addr().(*net.TCPAddr).IP)
		if err != nil {
			return err
		}
		if s.o.RootCAs == nil {
			s.o.RootCAs = x509.NewCertPool()
		}
		s.o.RootCAs.AddCert(root)
		s.url, s.web.TLSConfig = "https://"+l.Addr().String(), config
		serve = func() error { return s.web.ServeTLS(s.door, "", "") }
	}
	s.out = egress.New(egress.Options{UserAgent: s.manner.software + "/" + s.manner.version, RootCAs: s.o.RootCAs, InsecureLoopback: true})
	s.sink = newSink(s)
	s.instance()
	s.serving.Go(func() { _ = serve() })
	return nil
}

// Close ends every connection, also the stalled ones, and returns when nothing
// of the server runs any more.
func (s *Server) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	close(s.done)
	s.door.freeze(false)
	err := s.web.Close()
	s.serving.Wait()
	s.out.CloseIdle()
	return err
}

// enter counts a request that is being answered, unless the server is closing.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.serving.Add(1)
	}
	return !s.closed
}

// URL returns the server's base, without a slash at the end.
func (s *Server) URL() string { return s.url }

// Host returns the server's host and port, which is the domain of its handles.
func (s *Server) Host() string {
	u, _ := url.Parse(s.url)
	return u.Host
}

// RootCAs returns the authorities to trust in order to reach the server: its
// own and those of Options. It is nil for plain http without any.
func (s *Server) RootCAs() *x509.CertPool { return s.o.RootCAs }

// SharedInbox returns the URL of the inbox of all the server's actors.
func (s *Server) SharedInbox() string { return s.url + s.manner.sharedInbox }

// Actor returns the actor with the name, which is made on first use. The empty
// name is the actor that stands for the server itself.
func (s *Server) Actor(name string) *Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.actors[name]; a != nil {
		return a
	}
	return s.settle(name)
}

// instance is the actor that signs for the server.
func (s *Server) instance() *Actor { return s.Actor("") }

// now is the time for the server.
func (s *Server) now() time.Time {
	if s.o.Now != nil {
		return s.o.Now()
	}
	return time.Now()
}

// change wakes whoever waits. The caller holds mu.
func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// stir wakes whoever waits.
func (s *Server) stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change()
}

// silent counts a connection that met a frozen server.
func (s *Server) silent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[frozen]++
	s.change()
}
