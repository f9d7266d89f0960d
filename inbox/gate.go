package inbox

import (
	"context"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
)

// gate bounds how many requests are inside and how often one address may come
// with something that does not verify.
type gate struct {
	inside  chan struct{} // being read, waiting or worked on
	working chan struct{}
	proxies []netip.Prefix
	budgets *budgets[netip.Prefix]
}

func newGate(l limits.Limits, proxies []netip.Prefix) *gate {
	cpus := runtime.GOMAXPROCS(0)
	return &gate{
		inside:  make(chan struct{}, (l.InWork+l.Waiting)*cpus),
		working: make(chan struct{}, max(l.InWork*cpus, 1)),
		proxies: proxies,
		budgets: newBudgets[netip.Prefix](l.CacheEntries, l.PerIP, l.PerIPWindow),
	}
}

// visit is one request inside the gate.
type visit struct {
	*gate
	budget  *rate.Limiter // nil where none is kept
	now     time.Time
	working bool
}

// enter lets a request in, or answers 429 to an address that has used its
// budget and 503 when the house is full.
func (g *gate) enter(r *http.Request, now time.Time) (*visit, *signing.Refusal) {
	budget := g.budget(r)
	if budget != nil && budget.TokensAt(now) < 1 {
		return nil, refuse(budgetUsed, nil)
	}
	select {
	case g.inside <- struct{}{}:
		return &visit{gate: g, budget: budget, now: now}, nil
	default:
		return nil, refuse(busy, nil)
	}
}

// work waits for a turn: few requests are worked on at once.
func (v *visit) work(ctx context.Context) *signing.Refusal {
	select {
	case v.gate.working <- struct{}{}:
		v.working = true
		return nil
	case <-ctx.Done():
		return refuse(busy, ctx.Err())
	}
}

// charge takes from the budget of the address: what it sent did not verify.
func (v *visit) charge() {
	if v.budget != nil {
		v.budget.AllowN(v.now, 1)
	}
}

// rest gives up the turn, for who has to wait for others.
func (v *visit) rest() {
	if v.working {
		<-v.gate.working
		v.working = false
	}
}

func (v *visit) leave() {
	v.rest()
	<-v.inside
}

func (g *gate) budget(r *http.Request) *rate.Limiter {
	who := g.bucket(client(r, g.proxies))
	if !who.IsValid() {
		return nil
	}
	return g.budgets.get(who)
}

// bucket is the address, or the /64 that an IPv6 customer has to itself. A
// private address that is not a listed proxy has none.
func (g *gate) bucket(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	if !ip.IsValid() || len(g.proxies) == 0 && (ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()) {
		return netip.Prefix{}
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// client is the address that a request comes from: the connection's, or, behind
// listed proxies, the last one in X-Forwarded-For that is not a proxy itself.
func client(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	ip := peer.Addr().Unmap().WithZone("")
	trusted := func(ip netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && trusted(ip); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap().WithZone("")
	}
	return ip
}
