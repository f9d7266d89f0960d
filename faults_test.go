package panui_test

import (
	"flag"
	"fmt"
	"go/ast"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/panui/panui/internal/faults"
	"github.com/panui/panui/store"
)

// Each story is told once in peace. Then it is told again with its first call
// failing, its second, its third … in each way in which it can fail, until one
// passes without a fault. Whoever was told of a failure tries again, as people,
// peers and deliverers do. In the end everything must be as if nothing had been.
func TestWhateverCallFailsNothingIsLost(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var runs atomic.Int64
	var seen faults.Sites
	t.Run("stories", func(t *testing.T) {
		for _, s := range slices.Concat(stories(), deskStories()) {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel() // so that no processor waits for the last trouble of a story
				s.inEveryTrouble(t, &seen, &runs)
			})
		}
	})
	for what, kinds := range seen.Hits() {
		t.Logf("%-15s %v", what, kinds)
	}
	t.Logf("%d runs in which something failed", runs.Load())
	if filtered(t) {
		return
	}
	assert.GreaterOrEqual(t, runs.Load(), int64(5000))
	for _, site := range storeCalls(t) {
		assert.True(t, seen.Led(site), "%s calls the store, and no story had it fail", site)
	}
}

// filtered says whether only some of the stories are told.
func filtered(t *testing.T) bool {
	t.Helper()
	return strings.Contains(flag.Lookup("test.run").Value.String(), "/")
}

// storiesElsewhere are calls to the store that no story makes, and why.
var storiesElsewhere = map[string]string{
	"outbox/feed/poll.go": "a poll is told with a store that fails in outbox/feed",
}

// storeCalls are the lines of the library that call a method of store.Store, as
// "outbox/publisher.go:177".
func storeCalls(t *testing.T) (lines []string) {
	t.Helper()
	methods := map[string]bool{}
	for m := range reflect.TypeFor[store.Store]().Methods() {
		methods[m.Name] = true
	}
	for _, s := range sources(t) {
		if isExample(s.pkg) || isIn(s.pkg, "store") || isIn(s.pkg, "internal") || isIn(s.pkg, "cmd") || storiesElsewhere[s.file] != "" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !methods[method.Sel.Name] {
				return true
			}
			if of, ok := method.X.(*ast.SelectorExpr); ok && of.Sel.Name == "Store" {
				lines = append(lines, fmt.Sprintf("%s:%d", s.file, s.fset.Position(method.Sel.Pos()).Line))
			}
			return true
		})
	}
	require.Greater(t, len(lines), 30)
	return lines
}

// mostCalls is more calls than any story makes.
const mostCalls = 1000

func (s story) inEveryTrouble(t *testing.T, seen *faults.Sites, runs *atomic.Int64) {
	peace := s.told(t)
	for _, later := range s.twice {
		s.inEveryCall(t, faults.Plan{Place: faults.InStore, Kind: faults.Conflict, Also: later}, seen, runs, peace)
	}
	for place, kinds := range s.troubles() {
		for _, kind := range kinds {
			s.inEveryCall(t, faults.Plan{Place: place, Kind: kind}, seen, runs, peace)
			if s.setting.alone {
				s.inEveryCall(t, faults.Plan{Place: place, Kind: kind, Lasts: true}, seen, runs, peace)
			}
		}
	}
}

// inEveryCall tells the story with its first call failing, its second, its third …
func (s story) inEveryCall(t *testing.T, plan faults.Plan, seen *faults.Sites, runs *atomic.Int64, peace string) {
	name := fmt.Sprintf("%s/%s", plan.Place, plan.Kind)
	switch {
	case plan.Lasts:
		name += " lasting"
	case plan.Also > 0:
		name += fmt.Sprintf(" and %d later", plan.Also)
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for call, reached := 1, true; reached; call++ {
			require.Less(t, call, mostCalls)
			t.Run(fmt.Sprint(call), func(t *testing.T) {
				plan.Call = call
				reached = s.endures(t, plan, seen, peace)
			})
			if reached {
				runs.Add(1)
			}
		}
	})
}

// troubles are the ways in which a story is made to fail.
func (s story) troubles() map[faults.Place][]faults.Kind {
	switch {
	case s.setting.alone && s.brief:
		return map[faults.Place][]faults.Kind{faults.InStore: {faults.Full, faults.Cancel, faults.Lost}}
	case s.setting.alone:
		return map[faults.Place][]faults.Kind{faults.InStore: faults.StoreKinds()}
	case s.brief:
		return map[faults.Place][]faults.Kind{
			faults.InStore:   {faults.IO, faults.Cancel, faults.Conflict, faults.Lost},
			faults.OnNetwork: {faults.Reset, faults.Cut, faults.Busy},
			faults.InKey:     {faults.IO},
		}
	}
	return map[faults.Place][]faults.Kind{
		faults.InStore: faults.StoreKinds(), faults.OnNetwork: faults.NetworkKinds(), faults.InKey: faults.KeyKinds(),
	}
}

// told plays the story in peace and returns what remains of it.
func (s story) told(t *testing.T) string {
	w := newTroubled(t, s.setting, faults.Plan{}, nil)
	s.tell(w)
	require.Empty(t, w.in.Struck())
	w.quiet()
	return w.remains()
}

// endures plays the story with a fault, and says whether there was one.
func (s story) endures(t *testing.T, plan faults.Plan, seen *faults.Sites, peace string) (reached bool) {
	w := newTroubled(t, s.setting, plan, seen)
	s.tell(w)
	w.in.Heal()
	w.quiet()
	w.somebodyWasTold(plan)
	assert.Equal(t, peace, w.remains(), "after %s: %v", plan, w.in.Struck())
	return len(w.in.Struck()) > 0
}
