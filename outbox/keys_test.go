package outbox

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// reminders keeps what is logged, a line for each.
type reminders struct {
	mu   sync.Mutex
	text string
}

func (r *reminders) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text += string(p)
	return len(p), nil
}

// new returns what was logged since it was last called.
func (r *reminders) new() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(r.text), "\n")
	if r.text == "" {
		lines = nil
	}
	r.text = ""
	return lines
}

// reminding has a publisher remind in a bubble where days take no time. The site's
// clock goes with the bubble's, and shows another time.
func reminding(t *testing.T, s store.Store, a *actor.Local) (said *reminders, clock func() time.Time, stop func()) {
	said = &reminders{}
	began := time.Now()
	clock = func() time.Time { return noon.Add(time.Since(began)) }
	p := &Publisher{Store: s, Actors: []*actor.Local{a}, URLs: testURLs, Now: clock, Log: slog.New(slog.NewTextHandler(said, nil))}
	require.NoError(t, p.Pin(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		p.Remind(ctx)
		close(ended)
	}()
	synctest.Wait()
	return said, clock, func() { cancel(); <-ended }
}

func pass(days int) {
	time.Sleep(time.Duration(days) * 24 * time.Hour)
	synctest.Wait()
}

func TestADrillIsAskedForEachDayUntilItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := memory.New(), newsWith(t, quickKey())
		said, clock, stop := reminding(t, s, a)
		drill := func() {
			d := custody.Drill{Actor: a.ID, Fingerprint: a.Profile.Key.Fingerprint(), By: "Hine Rāwiri", At: clock()}
			require.NoError(t, d.Remember(t.Context(), s))
		}
		lines := said.new()
		require.Len(t, lines, 1, "at the start")
		assert.Contains(t, lines[0], `level=WARN msg="outbox: drill due" actor=`+a.ID+` key=`+a.Profile.Key.Fingerprint()+` use="signs what the actor sends" why="its recovery kit was never drilled"`)
		pass(3)
		assert.Len(t, said.new(), 3, "a line a day")
		drill()
		pass(150)
		assert.Empty(t, said.new(), "until it is drilled")
		pass(35)
		lines = said.new()
		require.NotEmpty(t, lines, "and again after six months")
		assert.Contains(t, lines[0], `why="its last drill was on `)
		pass(10)
		assert.Len(t, said.new(), 10)
		drill()
		pass(100)
		assert.Empty(t, said.new())
		stop()
		pass(1000)
		assert.Empty(t, said.new(), "nothing after the end")
	})
}

// forgetful is a store that cannot say what it remembers while it is in trouble.
type forgetful struct {
	store.Store
	mu      sync.Mutex
	trouble error
}

func (f *forgetful) ails(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = err
}

func (f *forgetful) Setting(ctx context.Context, name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trouble != nil {
		return "", f.trouble
	}
	return f.Store.Setting(ctx, name)
}

func TestWhatIsNotKnownOfADrillIsSaidOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a := &forgetful{Store: memory.New()}, newsWith(t, quickKey())
		said, clock, stop := reminding(t, s, a)
		defer stop()
		said.new()
		s.ails(errors.New("the disk is gone"))
		pass(2)
		lines := said.new()
		require.Len(t, lines, 2)
		assert.Contains(t, lines[1], `msg="outbox: not known whether a drill is due"`)
		assert.Contains(t, lines[1], "the disk is gone")
		s.ails(nil)

		done := custody.Drill{Actor: a.ID, Fingerprint: a.Profile.Key.Fingerprint(), By: "Hine Rāwiri", At: clock()}
		damaged := &recording{Store: s}
		require.NoError(t, done.Remember(t.Context(), damaged))
		require.NoError(t, s.Apply(t.Context(), store.PutSetting{Name: damaged.setting, Value: `{"actor":`}))
		pass(2)
		lines = said.new()
		require.Len(t, lines, 2)
		assert.Contains(t, lines[1], `msg="outbox: drill due"`)
		assert.Contains(t, lines[1], "its last drill cannot be read, so drill it again")
		require.NoError(t, done.Remember(t.Context(), s))
		pass(30)
		assert.Empty(t, said.new())
	})
}

// recording takes note under which name a setting is put.
type recording struct {
	store.Store
	setting string
}

func (r *recording) Apply(ctx context.Context, ops ...store.Op) error {
	for _, op := range ops {
		if put, ok := op.(store.PutSetting); ok {
			r.setting = put.Name
		}
	}
	return r.Store.Apply(ctx, ops...)
}

func freshKey(t *testing.T) *signing.Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	key, err := signing.New(private)
	require.NoError(t, err)
	return key
}

// Asked for are the keys that nothing replaces once they are lost.
func TestOfWhichKeysADrillIsAskedFor(t *testing.T) {
	one, two, three := freshKey(t), freshKey(t), freshKey(t)
	names := map[string]string{one.Fingerprint(): "one", two.Fingerprint(): "two", three.Fingerprint(): "three"}
	for _, row := range []struct {
		name    string
		profile func(*actor.Profile)
		pinned  func(*store.Actor) // after the first start; nil leaves it
		want    []string
	}{
		{"the one that signs", func(p *actor.Profile) {}, nil, []string{"one"}},
		{"the one that is announced, before it signs", func(p *actor.Profile) { p.Next = two }, nil, []string{"one", "two"}},
		{"after the switch not the one that is retired", func(p *actor.Profile) { p.Next = two }, rotated(two, one), []string{"two"}},
		{"after a revocation not the one that was revoked", func(p *actor.Profile) { p.Next = two }, rotated(two, nil), []string{"two"}},
		{"none where the pinned one is elsewhere", func(p *actor.Profile) { p.Next = two }, rotated(three, nil), nil},
		{"none where no drills are asked for", func(p *actor.Profile) { p.Next, p.DrillMonths = two, -1 }, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			said := &reminders{}
			a := profiled(func(p *actor.Profile) { p.Key = one; row.profile(p) })
			p := &Publisher{Store: memory.New(), Actors: []*actor.Local{a}, URLs: testURLs, Log: slog.New(slog.NewTextHandler(said, nil))}
			require.NoError(t, p.Pin(t.Context()))
			if row.pinned != nil {
				pinned, err := p.Store.Actor(t.Context(), a.ID)
				require.NoError(t, err)
				row.pinned(&pinned)
				_, _ = a.Learn(pinned) // it fails where the key is elsewhere
			}
			p.remind(t.Context(), a)
			var asked []string
			for _, line := range said.new() {
				for fingerprint, name := range names {
					if strings.Contains(line, "key="+fingerprint) {
						asked = append(asked, name)
					}
				}
			}
			assert.Equal(t, row.want, asked)
		})
	}
}

func rotated(to, from *signing.Key) func(*store.Actor) {
	return func(a *store.Actor) {
		a.Fingerprint, a.Rotations = to.Fingerprint(), a.Rotations+1
		if from != nil {
			a.Previous = from.Fingerprint()
		}
	}
}

// The table of keys, from the first start to a revocation, as the process sees it
// that was configured with the first key and the second.
func TestTheTableOfKeysSaysWhatBecameOfEach(t *testing.T) {
	one, two, three := freshKey(t), freshKey(t), freshKey(t)
	names := map[string]string{one.Fingerprint(): "one", two.Fingerprint(): "two", three.Fingerprint(): "three"}
	s, now := memory.New(), noon
	process := func(key, next *signing.Key) *Publisher {
		a := profiled(func(p *actor.Profile) { p.Key, p.Next = key, next })
		return &Publisher{Store: s, Actors: []*actor.Local{a}, URLs: testURLs, Now: func() time.Time { return now }, By: "Hine"}
	}
	tells := func(p *Publisher, want ...string) {
		t.Helper()
		listing, err := p.Keys(t.Context(), signing.Policy{MinRSA: 1024})
		require.NoError(t, err)
		var lines []string
		for _, k := range listing {
			line := names[k.Fingerprint] + ", " + k.Use
			if !k.Since.IsZero() {
				line += ", since " + k.Since.Format("2 Jan")
			}
			if !k.Drilled.IsZero() {
				line += ", drilled " + k.Drilled.Format("2 Jan")
			}
			if k.DrillDue != "" {
				line += ", drill due"
			}
			if k.Verdict != "allowed" {
				line += ": " + k.Verdict
			}
			lines = append(lines, line)
		}
		assert.Equal(t, want, lines)
	}
	const signs, retired, idle = signing.Signs, actor.Retired, actor.Idle

	p := process(one, two)
	require.NoError(t, p.Introduce(t.Context()))
	tells(p, "two, "+actor.Announced+", since 14 Mar, drill due", "one, "+signs+", since 14 Mar, drill due")
	now = now.AddDate(0, 0, 1)
	require.NoError(t, custody.Drill{Actor: p.Actors[0].ID, Fingerprint: two.Fingerprint(), By: "Hine", At: now}.Remember(t.Context(), s))
	tells(p, "two, "+actor.Announced+", since 14 Mar, drilled 15 Mar", "one, "+signs+", since 14 Mar, drill due")
	now = now.AddDate(0, 0, 1)
	require.NoError(t, p.RotateKey(t.Context(), ""))
	tells(p, "two, "+signs+", since 16 Mar, drilled 15 Mar", "one, "+retired+", since 16 Mar")
	now = now.AddDate(0, 0, 1)
	require.NoError(t, p.RevokeKey(t.Context(), "", three, "stolen"))
	const stolen = ": revoked on 2026-03-17 by Hine (stolen)"
	tells(p, "one, "+idle, "two, "+idle+stolen, "three, "+signs+", since 17 Mar, drill due")
	tells(process(one, two), "one, "+idle, "two, "+idle+stolen)
	tells(process(three, nil), "three, "+signs+", since 17 Mar, drill due")
}

// Who did not hear that a key was revoked says so again, also in another process,
// and nothing more is done.
func TestARevocationThatIsAskedForAgainIsDone(t *testing.T) {
	one, two := freshKey(t), freshKey(t)
	s := memory.New()
	process := func(next *signing.Key) *Publisher {
		a := profiled(func(p *actor.Profile) { p.Key, p.Next = one, next })
		return &Publisher{Store: s, Actors: []*actor.Local{a}, URLs: testURLs, Now: func() time.Time { return noon }}
	}
	require.NoError(t, process(nil).Pin(t.Context()))
	unheard := process(nil).As("Hine")
	unheard.Store = lost{s}
	assert.ErrorIs(t, unheard.RevokeKey(t.Context(), "", two, "stolen"), errLost)
	before, err := s.Actor(t.Context(), unheard.Actors[0].ID)
	require.NoError(t, err)
	require.Equal(t, two.Fingerprint(), before.Fingerprint, "it was done")

	again := []*Publisher{unheard, process(nil).As("Hine"), process(two).As("Hine")}
	for _, p := range again {
		require.NoError(t, p.RevokeKey(t.Context(), "", two, "stolen"))
		standing, err := p.Actors[0].Standing()
		require.NoError(t, err)
		assert.Equal(t, two, standing.Key, "and this process signs with it")
	}
	require.NoError(t, process(two).As("Hine").RevokeKey(t.Context(), "", nil, "stolen"), "the replacement is Profile.Next")
	const isThat = "the replacement is the key that signs now, since the one before it was revoked on 2026-03-14 by Hine (stolen)"
	assert.ErrorContains(t, process(nil).As("Hine").RevokeKey(t.Context(), "", two, "stolen as well"), isThat)
	assert.ErrorContains(t, process(nil).As("Tama").RevokeKey(t.Context(), "", two, "stolen"), isThat)

	after, err := s.Actor(t.Context(), before.ID)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	lines, err := s.Journal(t.Context(), store.JournalQuery{Kind: "revoke-key"})
	require.NoError(t, err)
	assert.Len(t, lines, 1)
}

// lost is a store whose answers to writes get lost.
type lost struct{ store.Store }

var errLost = errors.New("the answer is lost")

func (l lost) Apply(ctx context.Context, ops ...store.Op) error {
	return errors.Join(errLost, l.Store.Apply(ctx, ops...))
}
