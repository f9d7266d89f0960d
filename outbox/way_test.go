package outbox

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// forwardProxy is a proxy on loopback that connects, answers with a status, or hangs, as it is told.
type forwardProxy struct {
	url    string
	asked  atomic.Int64
	status func(target string) int // 200 connects, 0 hangs
	mu     sync.Mutex
}

func newForwardProxy(t *testing.T) *forwardProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &forwardProxy{url: "http://" + listener.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { defer conn.Close(); p.serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); open.Wait() })
	return p
}

func (p *forwardProxy) answers(how func(target string) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = how
}

func (p *forwardProxy) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	request, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	p.asked.Add(1)
	p.mu.Lock()
	status := p.status(request.RequestURI)
	p.mu.Unlock()
	if status == 0 {
		io.Copy(io.Discard, r)
		return
	}
	fmt.Fprintf(conn, "HTTP/1.1 %d x\r\n\r\n", status)
	if status != http.StatusOK {
		return
	}
	peer, err := net.Dial("tcp", request.RequestURI)
	if err != nil {
		return
	}
	defer peer.Close()
	go func() { io.Copy(peer, r); peer.(*net.TCPConn).CloseWrite() }()
	io.Copy(conn, peer)
}

// quick are limits that do not make a test wait.
func quick() limits.Limits {
	l := limits.Default()
	l.DialTimeout, l.HeaderTimeout, l.DeliveryTimeout = 200*time.Millisecond, 200*time.Millisecond, time.Second
	return l
}

func always(status int) func(string) int { return func(string) int { return status } }

// through has the town deliver through a proxy, and returns what it logs.
func (tw *town) through(t *testing.T, p *forwardProxy, l limits.Limits) *strings.Builder {
	log := &strings.Builder{}
	client := egress.New(egress.Options{InsecureLoopback: true, Limits: l, Proxy: &egress.Proxy{URL: p.url}})
	t.Cleanup(client.CloseIdle)
	tw.deliverer.Client, tw.deliverer.Log = client, slog.New(slog.NewTextHandler(log, nil))
	return log
}

// A proxy that does not serve, for longer than a delivery may grow old without
// luck, is a pause: no try is burnt, no peer is blamed, and the proxy is not hammered.
func TestADeadProxyIsAPause(t *testing.T) {
	const people, hosts = 60, 20
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		var peers []*peer
		for range hosts {
			peers = append(peers, newPeer(tw))
			tw.followedBy(peers[len(peers)-1], people/hosts)
		}
		proxy := newForwardProxy(t)
		proxy.answers(always(http.StatusProxyAuthRequired))
		log := tw.through(t, proxy, limits.Default())
		tw.publish(bridge())

		for range 100 {
			tw.drain()
			tw.wait(proxyRest)
		}
		first := int64(2 * hosts) // two connections to each host
		assert.LessOrEqual(t, proxy.asked.Load(), first+100, "once more each time")
		require.NoError(t, eachDelivery(tw.ctx, s, store.DeliveryQuery{}, func(d store.Delivery) {
			assert.Equal(t, store.Pending, d.State)
			assert.Zero(t, d.Attempt)
		}))
		for _, p := range peers {
			known, err := s.Peer(tw.ctx, store.HostOf(p.inbox(1)))
			assert.ErrorIs(t, err, store.ErrNotFound, "%+v", known)
		}
		assert.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log.String())
		assert.Contains(t, log.String(), "the outgoing proxy does not serve; deliveries wait")
		assert.Contains(t, log.String(), "407")

		proxy.answers(always(http.StatusOK))
		tw.drain()
		assert.Equal(t, people, tw.receipt("2026/17").Delivered)
		assert.Len(t, perInbox("Create", peers...), people)
		assert.Equal(t, 1, strings.Count(log.String(), "serves again"))
	})
}

// A proxy that hangs is a pause too, whereas a server that it does not reach in
// time is that server's trouble.
func TestAProxyThatHangsIsAPause(t *testing.T) {
	tw := newTown(t, memory.New())
	far, fine := newPeer(tw), newPeer(tw)
	tw.followedBy(far, 1)
	tw.followedBy(fine, 1)
	proxy := newForwardProxy(t)
	proxy.answers(always(0))
	log := tw.through(t, proxy, quick())
	tw.publish(bridge())
	tw.drain()
	assert.ElementsMatch(t, []string{"Create pending", "Create pending"}, tw.deliveries())
	require.NoError(t, eachDelivery(tw.ctx, tw.store, store.DeliveryQuery{}, func(d store.Delivery) { assert.Zero(t, d.Attempt) }))
	for _, p := range []*peer{far, fine} {
		_, err := tw.store.Peer(tw.ctx, store.HostOf(p.inbox(1)))
		assert.ErrorIs(t, err, store.ErrNotFound)
	}
	assert.Contains(t, log.String(), "the outgoing proxy does not serve; deliveries wait")
	assert.Contains(t, log.String(), strings.TrimPrefix(proxy.url, "http://"))

	proxy.answers(func(target string) int {
		switch "http://" + target {
		case far.URL:
			return 0
		case fine.URL:
			return http.StatusOK
		}
		return http.StatusBadRequest // of who asks whether it is there
	})
	for range 3 { // the first that is tried may be the one that is not reached
		tw.wait(proxyRest)
		tw.drain()
	}
	assert.ElementsMatch(t, []string{"Create pending", "Create delivered"}, tw.deliveries())
	known, err := tw.store.Peer(tw.ctx, store.HostOf(far.inbox(1)))
	require.NoError(t, err)
	assert.Positive(t, known.Failures)
	assert.Contains(t, log.String(), "serves again")
}

// While Run goes on, the same happens by itself.
func TestRunWaitsForTheProxy(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	tw.followedBy(p, 5)
	proxy := newForwardProxy(t)
	proxy.answers(always(http.StatusProxyAuthRequired))
	tw.through(t, proxy, limits.Default())
	stop := tw.run(tw.deliverer)
	defer stop()
	tw.publish(bridge())
	require.Eventually(t, func() bool { return proxy.asked.Load() > 0 }, 10*time.Second, 5*time.Millisecond)
	time.Sleep(300 * time.Millisecond)
	assert.LessOrEqual(t, proxy.asked.Load(), int64(2), "then it is left alone")
	proxy.answers(always(http.StatusOK))
	tw.wait(proxyRest)
	require.Eventually(t, func() bool { return tw.receipt("2026/17").Delivered == 5 }, 10*time.Second, 10*time.Millisecond)
}

// The agency's own rules keep it from one server. That server is not ill, nor gone, and the others are reached.
func TestAProxyThatRefusesOneServer(t *testing.T) {
	tw := newTown(t, memory.New())
	refused, fine := newPeer(tw), newPeer(tw)
	tw.followedBy(refused, 1)
	tw.followedBy(fine, 1)
	proxy := newForwardProxy(t)
	proxy.answers(func(target string) int {
		if "http://"+target == refused.URL {
			return http.StatusForbidden
		}
		return http.StatusOK
	})
	log := tw.through(t, proxy, limits.Default())
	tw.publish(bridge())
	tw.drain()
	assert.Equal(t, []string{"Create"}, fine.got())
	assert.Empty(t, refused.got())
	assert.ElementsMatch(t, []string{"Create pending", "Create delivered"}, tw.deliveries())
	_, err := tw.store.Peer(tw.ctx, store.HostOf(refused.inbox(1)))
	assert.ErrorIs(t, err, store.ErrNotFound)
	assert.Contains(t, log.String(), "outgoing proxy refused to connect: 403 Forbidden")
	assert.NotContains(t, log.String(), "level=ERROR")
}

func TestWhatIsKnownOfTheWayOut(t *testing.T) {
	var w way
	log := slog.New(slog.DiscardHandler)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	down := fmt.Errorf("post: %w", egress.ErrProxy)
	assert.Equal(t, math.MaxInt, w.room(at(0)))
	w.note(t.Context(), at(0), at(2), down, log)
	assert.Zero(t, w.room(at(2)))
	w.note(t.Context(), at(1), at(3), nil, log)
	assert.Zero(t, w.room(at(3)), "a request from before says nothing")
	w.note(t.Context(), at(0), at(5), down, log)
	assert.Zero(t, w.room(at(16)))
	assert.Equal(t, 1, w.room(at(17)), "15 seconds after the first failure")
	assert.Zero(t, w.room(at(17)), "one at a time")
	w.note(t.Context(), at(17), at(18), egress.ErrTimeout, log)
	assert.Equal(t, math.MaxInt, w.room(at(18)), "what a peer does says that the way is open")
}
