package inbox

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

// budgets keeps how much each of many may still do, and forgets who has done
// nothing for longest when there are too many.
type budgets[K comparable] struct {
	of    *lru.Cache[K, *rate.Limiter]
	rate  rate.Limit
	burst int
}

// newBudgets lets each do so much in so long.
func newBudgets[K comparable](size, much int, long time.Duration) *budgets[K] {
	of, err := lru.New[K, *rate.Limiter](max(size, 1))
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return &budgets[K]{of: of, rate: rate.Limit(float64(much) / long.Seconds()), burst: much}
}

func (b *budgets[K]) get(who K) *rate.Limiter {
	if budget, ok := b.of.Get(who); ok {
		return budget
	}
	budget := rate.NewLimiter(b.rate, b.burst)
	if other, there, _ := b.of.PeekOrAdd(who, budget); there {
		return other
	}
	return budget
}

// peers bounds what verified actors change: who follows and leaves, or edits,
// for ever must not fill the journal, of which nothing is ever removed. The
// bound of a host is for one that makes up actors.
type peers struct {
	actors, hosts *budgets[string]
}

func newPeers(l limits.Limits) *peers {
	return &peers{
		actors: newBudgets[string](l.CacheEntries, l.ActorPerDay, 24*time.Hour),
		hosts:  newBudgets[string](l.CacheEntries, l.HostPerMinute, time.Minute),
	}
}

// takesBack are the activities that everyone may send at any time. There is no
// end of them only where there is no end of others.
var takesBack = map[string]bool{"Undo": true, "Delete": true, "Block": true}

// budgetsOf are those from which a change is taken.
func (p *peers) budgetsOf(a as2.Activity) []*rate.Limiter {
	if takesBack[a.Type] {
		return nil
	}
	return []*rate.Limiter{p.actors.get(segment(a.Actor)), p.hosts.get(segment(host(a.Actor)))}
}

// spent says whether the actor, or its host, has changed as much as it may.
func (p *peers) spent(a as2.Activity, now time.Time) bool {
	for _, budget := range p.budgetsOf(a) {
		if budget.TokensAt(now) < 1 {
			return true
		}
	}
	return false
}

func (p *peers) charge(a as2.Activity, now time.Time) {
	for _, budget := range p.budgetsOf(a) {
		budget.AllowN(now, 1)
	}
}
