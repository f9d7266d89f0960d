package outbox

import (
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
)

// answer is how a try ended: with a status, or with an error before there was one.
type answer struct {
	status     int
	retryAfter time.Duration
	wish       *signing.Wish // how the peer wants requests signed; nil when it does not say
	err        error
}

// try is what a verdict may know of a delivery beside the answer.
type try struct {
	attempt int           // 1 for the first
	age     time.Duration // since the delivery was made
	roll    float64       // chance, 0 to 1, for the jitter
}

// verdict is what an answer means.
type verdict struct {
	state store.DeliveryState
	wait  time.Duration // until the next try of a pending one
	gone  time.Duration // when not zero, the inbox is taken as gone once it has been so for this long
	ill   bool          // the server is in trouble, not only this delivery
	rest  time.Duration // the server asked to be left alone for so long
	form  bool          // the server has shown RFC 9421, and that is to be remembered
}

// How long an inbox must have answered 410, answered 404 or not answered for its
// followers to be forgotten, and how often what may pass is tried where a week
// of tries would be a nuisance.
const (
	goneFor    = time.Hour
	missingFor = 7 * 24 * time.Hour
	deadFor    = 30 * 24 * time.Hour
	fewTries   = 3
)

// errPanic says that the code that was to send a delivery panicked.
var errPanic = errors.New("panic while sending")

// blamesUs says that it was our own key or store that failed.
func (a answer) blamesUs() bool { return errors.Is(a.err, errSigning) || errors.Is(a.err, errForm) }

// judge decides what becomes of a delivery. It has no effects.
func judge(a answer, t try, l limits.Limits) verdict {
	switch {
	case errors.Is(a.err, egress.ErrForbidden):
		return verdict{state: store.Failed}
	case a.blamesUs():
		return verdict{state: store.Pending, wait: min(backoff(t.attempt, t.roll), time.Hour)}
	case errors.Is(a.err, errPanic):
		return again(a, t, l, fewTries)
	case errors.Is(a.err, egress.ErrProxyRefused):
		return again(a, t, l, l.DeliveryTries) // by the agency's own rules, which say nothing about the server
	case a.err != nil:
		return judgeTrouble(a, t, l)
	}
	switch a.status / 100 {
	case 2:
		return verdict{state: store.Delivered}
	case 3:
		return again(a, t, l, fewTries) // a POST follows no redirect, and this one may be for maintenance
	case 4:
		return judgeRefusal(a, t, l)
	case 5:
		return judgeTrouble(a, t, l)
	default:
		return verdict{state: store.Failed}
	}
}

// judgeTrouble is about a server that gave no usable answer: it is tried for a
// week, and its followers are forgotten once that has failed for a month.
func judgeTrouble(a answer, t try, l limits.Limits) verdict {
	if a.status == http.StatusNotImplemented {
		return verdict{state: store.Failed}
	}
	v := again(a, t, l, l.DeliveryTries)
	v.ill = true
	if a.status == http.StatusServiceUnavailable {
		v.rest = a.retryAfter
	}
	if v.state == store.Failed {
		v.gone = deadFor
	}
	return v
}

func judgeRefusal(a answer, t try, l limits.Limits) verdict {
	switch a.status {
	case http.StatusGone:
		return verdict{state: store.Failed, gone: goneFor}
	case http.StatusNotFound:
		v := again(a, t, l, fewTries)
		if v.state == store.Failed {
			v.gone = missingFor
		}
		return v
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooEarly:
		return again(a, t, l, l.DeliveryTries)
	case http.StatusTooManyRequests:
		v := again(a, t, l, l.DeliveryTries)
		v.rest = a.retryAfter
		return v
	default:
		return verdict{state: store.Failed}
	}
}

// again has a delivery tried once more, unless it was tried so often already or is too old.
func again(a answer, t try, l limits.Limits, tries int) verdict {
	wait := max(backoff(t.attempt, t.roll), a.retryAfter)
	if t.attempt >= tries || t.age+wait > l.DeliveryAge {
		return verdict{state: store.Failed}
	}
	return verdict{state: store.Pending, wait: wait}
}

// The first wait is up to firstWait, each further one up to three times as
// long, none more than longestWait: 14 tries fit into a week even without luck.
const (
	firstWait   = time.Minute
	longestWait = 24 * time.Hour
)

// backoff is exponential with full jitter, but never at once.
func backoff(attempt int, roll float64) time.Duration {
	ceiling := min(float64(firstWait)*math.Pow(3, float64(attempt-1)), float64(longestWait))
	return max(time.Duration(roll*ceiling), time.Second)
}

// The breaker leaves a host alone after this many failures in a row, first for
// firstWait, then for twice as long each time, at most for longestWait.
const failuresToRest = 5

// troubled is a peer after another failure.
func troubled(p store.Peer, now time.Time, rest time.Duration) store.Peer {
	p.Failures++
	if p.DownSince.IsZero() {
		p.DownSince = now
	}
	if over := p.Failures - failuresToRest; over >= 0 {
		rest = max(rest, time.Duration(min(float64(firstWait)*math.Pow(2, float64(over)), float64(longestWait))))
	}
	if until := now.Add(rest); rest > 0 && until.After(p.DownUntil) {
		p.DownUntil = until
	}
	return p
}
