// Package faults makes a whole site meet trouble on purpose, for tests: an
// [Injector] fails the n-th call to the store, the n-th moment on the network
// or the n-th signature, and everything else works. A test plays the same story
// for n = 1, 2, 3 … until one passes without a fault, as SQLite's anomaly tests
// do (https://www.sqlite.org/testing.html, section 3), and each time checks that
// nothing was lost, doubled or half done.
package faults

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/panui/panui/store"
)

// Place is where a call can fail.
type Place string

// The places.
const (
	InStore   Place = "store"   // every method of store.Store
	OnNetwork Place = "network" // a connection made, a request that begins to arrive, an answer that begins to leave
	InKey     Place = "key"     // a signature
)

// Kind is what goes wrong.
type Kind string

// What goes wrong in a store: the call fails and has no effect, except for Lost,
// where a write takes effect and its answer never comes.
const (
	IO       Kind = "EIO"
	Full     Kind = "ENOSPC"
	Timeout  Kind = "timeout"
	Reset    Kind = "reset"     // the connection, of a store that is reached over one, or of a peer
	Cancel   Kind = "cancelled" // the caller's context ends at the call
	Conflict Kind = "conflict"  // only of writes that may meet one
	Lost     Kind = "lost"      // only of writes and claims
)

// What goes wrong on the network, beside Reset. Whatever was half done ends there.
const (
	HangUp  Kind = "hang up" // the connection is closed in good order
	Cut     Kind = "cut"     // and half of what was to come has come
	Stall   Kind = "stall"   // nothing more comes, until Heal
	Busy    Kind = "503"     // is answered, whatever the server thinks
	Garbage Kind = "garbage" // is answered
)

// StoreKinds lists what can go wrong in a store.
func StoreKinds() []Kind { return []Kind{IO, Full, Timeout, Reset, Cancel, Conflict, Lost} }

// NetworkKinds lists what can go wrong on the network.
func NetworkKinds() []Kind { return []Kind{Reset, HangUp, Cut, Stall, Busy, Garbage} }

// KeyKinds lists what can go wrong with a key.
func KeyKinds() []Kind { return []Kind{IO, Timeout, Cancel} }

// ErrInjected is in every error of an [Injector].
var ErrInjected = errors.New("injected")

// Err is the error that a kind comes as.
func (k Kind) Err() error {
	cause := map[Kind]error{
		IO: syscall.EIO, Full: syscall.ENOSPC, Timeout: context.DeadlineExceeded, Reset: syscall.ECONNRESET,
		Cancel: context.Canceled, Conflict: store.ErrConflict, Lost: syscall.EPIPE,
	}[k]
	return fmt.Errorf("%w: %w", ErrInjected, cause)
}

// Plan says which call fails, and how.
type Plan struct {
	Place Place
	Kind  Kind
	Call  int  // counted from 1; 0 fails none
	Lasts bool // so do all at the place after it, until Heal
	Also  int  // so does the one that many calls after it, with EIO, where the kind is another; 0 is none
}

// String names a plan, as in "store ENOSPC 17 lasting".
func (p Plan) String() string {
	s := fmt.Sprintf("%s %s %d", p.Place, p.Kind, p.Call)
	if p.Lasts {
		s += " lasting"
	}
	if p.Also > 0 {
		s += fmt.Sprintf(" and EIO %d later", p.Also)
	}
	return s
}

// Injector carries out one Plan. It is safe for concurrent use.
type Injector struct {
	plan Plan
	seen *Sites

	mu       sync.Mutex
	calls    int
	since    int      // calls at the place since the first that was hit
	struck   []string // what was hit
	healthy  bool
	recovery chan struct{}
	cancels  map[*context.CancelFunc]struct{}
}

// New returns an Injector that carries out p. What it hits is noted in seen,
// which may be nil.
func New(p Plan, seen *Sites) *Injector {
	return &Injector{plan: p, seen: seen, recovery: make(chan struct{}), cancels: map[*context.CancelFunc]struct{}{}}
}

// Struck returns what was hit so far, such as "Apply" or "accept".
func (in *Injector) Struck() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]string(nil), in.struck...)
}

// Heal ends the trouble: nothing fails from here on, and what stalls ends.
func (in *Injector) Heal() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.healthy {
		in.healthy = true
		close(in.recovery)
	}
}

// WithCancel returns a context that ends when a call fails by [Cancel].
func (in *Injector) WithCancel(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.cancels[&cancel] = struct{}{}
	return ctx, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		delete(in.cancels, &cancel)
		cancel()
	}
}

// strikes counts a call, and says how it fails, if it does. Calls that the kind
// cannot hit are not counted.
func (in *Injector) strikes(at Place, what string, can bool) (Kind, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if at != in.plan.Place || in.plan.Call == 0 || in.healthy {
		return "", false
	}
	if in.plan.Also > 0 && len(in.struck) > 0 {
		if in.since++; in.since == in.plan.Also {
			return in.hit(what, IO), true
		}
		return "", false
	}
	if !can {
		return "", false
	}
	in.calls++
	if in.calls == in.plan.Call || in.plan.Lasts && in.calls > in.plan.Call {
		return in.hit(what, in.plan.Kind), true
	}
	return "", false
}

// hit notes what is hit. The caller holds mu.
func (in *Injector) hit(what string, k Kind) Kind {
	in.struck = append(in.struck, what)
	in.seen.note(what, k)
	if k == Cancel {
		for cancel := range in.cancels {
			(*cancel)()
		}
	}
	return k
}

// Sites notes what was hit, by all runs of a test together.
type Sites struct {
	mu    sync.Mutex
	hits  map[string]map[Kind]int // by what was hit
	lines map[string]bool         // of source that led there, as "outbox/publisher.go:177"
}

// Hits returns how often each sort of call was hit by each kind.
func (s *Sites) Hits() map[string]map[Kind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// Led says whether a line of source, as "outbox/publisher.go:177", led to a call that was hit.
func (s *Sites) Led(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines[line]
}

func (s *Sites) note(what string, kind Kind) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hits == nil {
		s.hits, s.lines = map[string]map[Kind]int{}, map[string]bool{}
	}
	if s.hits[what] == nil {
		s.hits[what] = map[Kind]int{}
	}
	s.hits[what][kind]++
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for frame, more := frames.Next(); ; frame, more = frames.Next() {
		if line, ours := placeOf(frame); ours {
			s.lines[line] = true
		}
		if !more {
			return
		}
	}
}

// placeOf is where a frame is within the module.
func placeOf(f runtime.Frame) (line string, ours bool) {
	name, _, _ := strings.Cut(f.Function, "[")
	slash := strings.LastIndex(name, "/")
	pkg, _, _ := strings.Cut(name[slash+1:], ".")
	below, ours := strings.CutPrefix(name[:slash+1]+pkg, "github.com/panui/panui")
	return fmt.Sprintf("%s:%d", path.Join(".", below, path.Base(f.File)), f.Line), ours
}
