package custody_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store/memory"
)

func TestAnAnnouncementIsRememberedForItsActorUntilItIsForgotten(t *testing.T) {
	s := memory.New()
	said := custody.Announcement{Fingerprint: two, Activity: news + "/updates/1", At: now}
	op, err := said.Of(news)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), op))
	for actor, want := range map[string]custody.Announcement{news: said, alerts: {}} {
		got, err := custody.Announced(t.Context(), s, actor)
		require.NoError(t, err)
		assert.Equal(t, want, got, actor)
	}
	op, err = custody.Announcement{}.Of(news)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), op))
	got, err := custody.Announced(t.Context(), s, news)
	require.NoError(t, err)
	assert.Zero(t, got)
}

func TestWhenAnAnnouncedKeyMaySign(t *testing.T) {
	for _, row := range []struct {
		name      string
		announced custody.Announcement
		says      string
	}{
		{"nothing announced", custody.Announcement{}, "has not been announced"},
		{"another key announced", custody.Announcement{Fingerprint: three, At: now.AddDate(0, 0, -9)}, "has not been announced"},
		{"just now", custody.Announcement{Fingerprint: two, At: now}, "was announced at 2026-11-26T09:00:00Z: wait until 2026-11-27T09:00:00Z"},
		{"a second short of a day", custody.Announcement{Fingerprint: two, At: now.Add(time.Second - 24*time.Hour)}, "wait until 2026-11-26T09:00:01Z"},
		{"a day", custody.Announcement{Fingerprint: two, At: now.Add(-24 * time.Hour)}, ""},
		{"a year", custody.Announcement{Fingerprint: two, At: now.AddDate(-1, 0, 0)}, ""},
		{"by a clock that is ahead", custody.Announcement{Fingerprint: two, At: now.Add(time.Hour)}, "wait until 2026-11-27T10:00:00Z"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.announced.LongEnough(two, now)
			if row.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, row.says)
		})
	}
}
