package custody_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func TestWhenADrillIsDue(t *testing.T) {
	for _, row := range []struct {
		name    string
		drilled time.Time // zero: never
		months  int
		why     string
		next    time.Time
	}{
		{"never", time.Time{}, 0, "its recovery kit was never drilled", time.Time{}},
		{"never, and nobody asks", time.Time{}, -1, "", time.Time{}},
		{"today", now, 0, "", now.AddDate(0, 6, 0)},
		{"a second short of six months ago", now.AddDate(0, -6, 0).Add(time.Second), 0, "", now.Add(time.Second)},
		{"six months ago", now.AddDate(0, -6, 0), 0, "its last drill was on 2026-05-26, and the next was due on 2026-11-26", time.Time{}},
		{"six months ago, each year asked", now.AddDate(0, -6, 0), 12, "", now.AddDate(0, 6, 0)},
		{"two months ago, each month asked", now.AddDate(0, -2, 0), 1, "its last drill was on 2026-09-26, and the next was due on 2026-10-26", time.Time{}},
		{"nine years ago, and nobody asks", now.AddDate(-9, 0, 0), -1, "", time.Time{}},
		{"tomorrow", now.AddDate(0, 0, 1), 0, "its last drill is dated in the future: 2026-11-27", time.Time{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := memory.New()
			last := custody.Drill{}
			if !row.drilled.IsZero() {
				last = custody.Drill{Actor: news, Fingerprint: one, By: "Hine Rāwiri", At: row.drilled}
				require.NoError(t, last.Remember(t.Context(), s))
			}
			reminder, err := custody.Due(t.Context(), s, news, one, row.months, now)
			require.NoError(t, err)
			assert.Equal(t, custody.Reminder{Why: row.why, Next: row.next, Last: last}, reminder)
		})
	}
}

// The next key is drilled before it signs, and the one that signs stays drilled.
func TestEachKeyOfEachActorIsDrilledForItself(t *testing.T) {
	s := memory.New()
	require.NoError(t, custody.Drill{Actor: news, Fingerprint: one, By: "Hine Rāwiri", At: now}.Remember(t.Context(), s))
	require.NoError(t, custody.Drill{Actor: news, Fingerprint: two, By: "Tama Ngata", At: now}.Remember(t.Context(), s))
	for _, row := range []struct {
		actor, fingerprint string
		by                 string // empty: due
	}{{news, one, "Hine Rāwiri"}, {news, two, "Tama Ngata"}, {news, three, ""}, {alerts, one, ""}} {
		reminder, err := custody.Due(t.Context(), s, row.actor, row.fingerprint, 0, now)
		require.NoError(t, err)
		assert.Equal(t, row.by, reminder.Last.By, "%v", row)
		assert.Equal(t, row.by == "", reminder.Why != "", "%v", row)
	}
	lines, err := s.Journal(t.Context(), store.JournalQuery{Kind: "drill"})
	require.NoError(t, err)
	require.Len(t, lines, 2)
	assert.Equal(t, "Tama Ngata", lines[1].By)
	assert.Equal(t, two, lines[1].Note)
}

// Whatever stands where the last drill should, a drill is due, and done it is forgotten.
func TestARecordThatIsDamagedCountsAsNoDrill(t *testing.T) {
	for _, text := range []string{"yesterday", "{}", "null", `{"actor":"` + news + `","fingerprint":"` + one + `","by":"Hine"}`, `{"at":"2026-11-26T09:00:00Z"}`} {
		t.Run(text, func(t *testing.T) {
			s, kept := memory.New(), &keeping{}
			drill := custody.Drill{Actor: news, Fingerprint: one, By: "Hine Rāwiri", At: now}
			require.NoError(t, drill.Remember(t.Context(), kept))
			scribble(t, s, text, kept.ops[0])
			reminder, err := custody.Due(t.Context(), s, news, one, 0, now)
			require.NoError(t, err)
			assert.Contains(t, reminder.Why, "its last drill cannot be read, so drill it again: ")
			assert.Zero(t, reminder.Last)
			silent, err := custody.Due(t.Context(), s, news, one, -1, now)
			require.NoError(t, err)
			assert.Zero(t, silent)
			require.NoError(t, drill.Remember(t.Context(), s))
			reminder, err = custody.Due(t.Context(), s, news, one, 0, now)
			require.NoError(t, err)
			assert.Empty(t, reminder.Why)
		})
	}
	_, err := custody.Due(t.Context(), down{}, news, one, 0, now)
	assert.ErrorIs(t, err, errDown, "a store that does not answer is no answer")
}

// keeping keeps the ops that it is given.
type keeping struct {
	store.Store
	ops []store.Op
}

func (k *keeping) Apply(_ context.Context, ops ...store.Op) error {
	k.ops = append(k.ops, ops...)
	return nil
}

func TestADrillThatLacksSomethingIsNotRemembered(t *testing.T) {
	for name, spoil := range map[string]func(*custody.Drill){
		"no actor":               func(d *custody.Drill) { d.Actor = "" },
		"nobody":                 func(d *custody.Drill) { d.By = "" },
		"no time":                func(d *custody.Drill) { d.At = time.Time{} },
		"no fingerprint":         func(d *custody.Drill) { d.Fingerprint = "" },
		"half a fingerprint":     func(d *custody.Drill) { d.Fingerprint = one[:40] },
		"a fingerprint and more": func(d *custody.Drill) { d.Fingerprint += "\n" },
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			drill := custody.Drill{Actor: news, Fingerprint: one, By: "Hine Rāwiri", At: now}
			spoil(&drill)
			assert.ErrorContains(t, drill.Remember(t.Context(), s), "is missing")
			lines, err := s.Journal(t.Context(), store.JournalQuery{})
			require.NoError(t, err)
			assert.Empty(t, lines)
		})
	}
	err := custody.Drill{Actor: news, Fingerprint: one, By: "Hine Rāwiri", At: now}.Remember(t.Context(), down{})
	assert.ErrorIs(t, err, errDown)
	assert.ErrorContains(t, err, "custody: remember drill for "+news)
}
