package outbox

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/panui/panui/signing/egress"
)

// way is what is known of the outgoing proxy, without which no server is
// reached. While it does not serve, no delivery counts as tried; one is claimed
// now and then to see whether it serves again.
type way struct {
	mu     sync.Mutex
	shut   bool
	failed time.Time // when that was last noticed
	look   time.Time // when to try again
}

// proxyRest is how often a proxy that does not serve is tried.
const proxyRest = 15 * time.Second

// room is how many deliveries may be claimed.
func (w *way) room(now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.shut:
		return math.MaxInt
	case now.Before(w.look) && w.look.Sub(now) <= proxyRest: // else the clock was set back
		return 0
	}
	w.look = now.Add(proxyRest)
	return 1
}

// note learns from how a request ended, and logs when that changes what is known.
// What was begun before the last failure says nothing about the time after it.
func (w *way) note(ctx context.Context, began, now time.Time, err error, log *slog.Logger) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.shut
	switch {
	case errors.Is(err, egress.ErrProxy):
		w.shut, w.failed = true, now
	case w.shut && (began.After(w.failed) || now.Before(w.failed)):
		w.shut = false
	}
	switch {
	case w.shut && !was:
		w.look = now.Add(proxyRest)
		log.ErrorContext(ctx, "outbox: the outgoing proxy does not serve; deliveries wait", "err", reason(err))
	case was && !w.shut:
		log.InfoContext(ctx, "outbox: the outgoing proxy serves again")
	}
}
