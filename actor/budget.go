package actor

import (
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/panui/panui/internal/limits"
)

// budget bounds what one domain is asked. Anyone can make us ask, by naming a
// key in a request, so few fetches a minute are free. Those that turn out to be
// worth it, because a request was signed with the key that they found, are given
// back: a server whose thousands follow in one hour is asked for all of them, and
// one whose name is used in vain is hardly asked at all.
type budget struct {
	mu       sync.Mutex
	unproven bucket // what was asked and has proved nothing yet
	all      bucket // and everything together
}

// bucket holds as many fetches as are allowed in a minute, and fills up in one.
type bucket struct {
	size, left float64
	filled     time.Time
}

func newBudget(l limits.Limits, now time.Time) *budget {
	full := func(size int) bucket { return bucket{size: float64(size), left: float64(size), filled: now} }
	return &budget{unproven: full(l.FetchesPerHost), all: full(max(l.ProvenPerHost, l.FetchesPerHost))}
}

// spend takes one fetch, or says that there is none to take.
func (b *budget) spend(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unproven.fill(now)
	b.all.fill(now)
	if b.unproven.left < 1 || b.all.left < 1 {
		return false
	}
	b.unproven.left--
	b.all.left--
	return true
}

// proven is what one proof gives back: the pair of fetches that a key may take.
// A key that took one leaves one more for somebody else, so that a busy server
// is not shut out by those who use its name.
const proven = 2

func (b *budget) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unproven.left = min(b.unproven.left+proven, b.unproven.size)
}

func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.filled); passed > 0 {
		b.left = min(b.left+b.size*passed.Minutes(), b.size)
		b.filled = now
	}
}

// budget is kept by registrable domain, so that a domain with a thousand names
// under it has one.
func (r *Resolver) budget(id string) *budget {
	u, _ := url.Parse(id)
	domain := u.Hostname()
	if registrable, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		domain = registrable
	}
	if b, ok := r.budgets.Get(domain); ok {
		return b
	}
	fresh := newBudget(r.Limits, r.now())
	if b, ok, _ := r.budgets.PeekOrAdd(domain, fresh); ok {
		return b
	}
	return fresh
}
