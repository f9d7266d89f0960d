package outbox

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// quickKey is small, so that tests sign fast; peers in tests are told to take it.
var quickKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})

// newsWith is the actor of the tests with a key of its own.
func newsWith(tb testing.TB, signer crypto.Signer) *actor.Local {
	key, err := signing.New(signer)
	require.NoError(tb, err)
	return profiled(func(p *actor.Profile) { p.Key = key })
}

// town is a site with its store, and servers that may follow it.
type town struct {
	testing.TB
	ctx       context.Context
	store     store.Store
	actor     *actor.Local
	publisher *Publisher
	deliverer *Deliverer
	follows   int

	mu  sync.Mutex
	now time.Time
}

func newTown(tb testing.TB, s store.Store) *town {
	return townOf(tb, s, quickKey())
}

func townOf(tb testing.TB, s store.Store, signer crypto.Signer) *town {
	tw := &town{TB: tb, ctx: tb.Context(), store: s, now: noon, actor: newsWith(tb, signer)}
	tw.publisher = tw.newPublisher()
	tw.deliverer = tw.newDeliverer()
	tw.publisher.Wake = tw.deliverer.Wake
	require.NoError(tb, tw.publisher.Pin(tw.ctx))
	return tw
}

func (tw *town) newPublisher() *Publisher {
	return &Publisher{Store: tw.store, Actors: []*actor.Local{tw.actor}, URLs: testURLs, Now: tw.clock}
}

// newDeliverer is another process that delivers for the town.
func (tw *town) newDeliverer() *Deliverer {
	l := limits.Default()
	return &Deliverer{
		Store: tw.store, Actors: []*actor.Local{tw.actor}, limits: l, Now: tw.clock,
		Client: egress.New(egress.Options{InsecureLoopback: true, Limits: l}),
	}
}

func (tw *town) clock() time.Time {
	tw.mu.Lock()
	defer tw.mu.Unlock()
	return tw.now
}

func (tw *town) wait(d time.Duration) {
	tw.mu.Lock()
	defer tw.mu.Unlock()
	tw.now = tw.now.Add(d)
}

func (tw *town) apply(ops ...store.Op) {
	tw.Helper()
	require.NoError(tw, tw.store.Apply(tw.ctx, ops...))
}

// followedBy has n people on a server follow, each with an inbox of their own.
func (tw *town) followedBy(p *peer, n int) {
	tw.Helper()
	var ops []store.Op
	for range n {
		tw.follows++
		ops = append(ops, tw.follower(p.inbox(tw.follows), ""))
	}
	tw.apply(ops...)
}

func (tw *town) follower(inbox, shared string) store.Op {
	return store.PutFollower{Follower: store.Follower{
		Actor: tw.actor.ID, ID: inbox + "/owner", Inbox: inbox, SharedInbox: shared, Host: store.HostOf(inbox),
		Follow: inbox + "/follow", State: store.Accepted, Since: tw.clock(),
	}}
}

func (tw *town) publish(it Item) store.Post {
	tw.Helper()
	post, err := tw.publisher.Publish(tw.ctx, it)
	require.NoError(tw, err)
	return post
}

func (tw *town) drain() {
	tw.Helper()
	require.NoError(tw, tw.deliverer.Drain(tw.ctx))
}

// run has a deliverer work until the returned function is called.
func (tw *town) run(d *Deliverer) (stop func()) {
	ctx, cancel := context.WithCancel(tw.ctx)
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(tw, <-done)
	})
}

func (tw *town) receipt(key string) Receipt {
	tw.Helper()
	r, err := tw.publisher.Receipt(tw.ctx, "", key)
	require.NoError(tw, err)
	return r
}

// deliveries says the state of all deliveries, oldest first.
func (tw *town) deliveries() []string {
	tw.Helper()
	var all []string
	require.NoError(tw, eachDelivery(tw.ctx, tw.store, store.DeliveryQuery{}, func(d store.Delivery) {
		all = append(all, d.Type+" "+string(d.State))
	}))
	return all
}

// peer is a server of others. It answers as it is told, after checking the signature.
type peer struct {
	testing.TB
	*httptest.Server
	verifier signing.Verifier
	answer   func(arrival, http.ResponseWriter)

	mu       sync.Mutex
	arrivals []arrival
}

// arrival is a delivery as it came in.
type arrival struct {
	inbox, kind, id, contentType string
	date                         time.Time
	form                         signing.Form
	input                        string // Signature-Input
}

// newPeer starts a server that gives the answers in turn, then the last of them
// for ever; 202 when there are none.
func newPeer(tw *town, statuses ...int) *peer {
	p := &peer{TB: tw}
	var tried atomic.Int64
	p.answer = func(_ arrival, w http.ResponseWriter) {
		status := http.StatusAccepted
		if nth := int(tried.Add(1)) - 1; len(statuses) > 0 {
			status = statuses[min(nth, len(statuses)-1)]
		}
		w.WriteHeader(status)
	}
	p.Server = httptest.NewServer(p)
	tw.Cleanup(p.Close)
	p.verifier = signing.Verifier{
		BaseURL: p.URL, Keys: keyOf{tw.actor}, Policy: signing.Policy{MinPeer: 1024}, Now: tw.clock,
	}
	return p
}

// keyOf knows the key that an actor signs with.
type keyOf struct{ *actor.Local }

func (k keyOf) PublicKey(_ context.Context, id string, _ bool) (signing.PublicKey, error) {
	s, err := k.Standing()
	if err != nil || id != s.KeyID {
		return signing.PublicKey{}, fmt.Errorf("unknown key %s: %w", id, err)
	}
	return signing.PublicKey{ID: id, Owner: k.ID, Key: s.Key.Public()}, nil
}

func (keyOf) Proved(context.Context, string) {}

func (p *peer) inbox(n int) string { return p.URL + "/people/" + strconv.Itoa(n) + "/inbox" }

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	verified, err := p.verifier.Verify(r.Context(), r, body)
	if err != nil {
		p.Errorf("%s: %v", r.URL, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	said, err := as2.ReadActivity(verified.Body(), limits.Default())
	if err != nil || said.Actor != verified.Actor() {
		p.Errorf("%s: %v, actor %s, key of %s", r.URL, err, said.Actor, verified.Actor())
	}
	date, _ := http.ParseTime(r.Header.Get("Date"))
	a := arrival{inbox: p.URL + r.URL.Path, kind: said.Type, id: said.ID, contentType: r.Header.Get("Content-Type"), date: date, form: signing.Cavage, input: r.Header.Get("Signature-Input")}
	if a.input != "" {
		a.form = signing.RFC9421
	}
	p.mu.Lock()
	p.arrivals = append(p.arrivals, a)
	answer := p.answer
	p.mu.Unlock()
	answer(a, w)
}

// got says what arrived, in order.
func (p *peer) got() (kinds []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.arrivals {
		kinds = append(kinds, a.kind)
	}
	return kinds
}

// perInbox counts what arrived of a kind for each inbox of all peers.
func perInbox(kind string, peers ...*peer) map[string]int {
	count := map[string]int{}
	for _, p := range peers {
		p.mu.Lock()
		for _, a := range p.arrivals {
			if a.kind == kind {
				count[a.inbox]++
			}
		}
		p.mu.Unlock()
	}
	return count
}

// onEachStore runs a story on every kind of store that needs no server.
func onEachStore(t *testing.T, story func(*testing.T, store.Store)) {
	t.Run("memory", func(t *testing.T) { story(t, memory.New()) })
	t.Run("sqlite", func(t *testing.T) { story(t, openSQLite(t)) })
}

func openSQLite(tb testing.TB) store.Store {
	s, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "outbox.db"))
	require.NoError(tb, err)
	tb.Cleanup(func() { s.Close() })
	return s
}

var otherKey = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})
