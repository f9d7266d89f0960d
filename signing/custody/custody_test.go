package custody_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

const (
	news   = "https://www.agency.govt.nz/ap/actor/news"
	alerts = "https://www.agency.govt.nz/ap/actor/alerts"

	one   = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	two   = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	three = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
)

var now = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// scribble puts text where something is remembered, under each name that op would write.
func scribble(t *testing.T, s store.Store, text string, ops ...store.Op) {
	t.Helper()
	for _, op := range ops {
		setting, ok := op.(store.PutSetting)
		require.True(t, ok)
		setting.Value = text
		require.NoError(t, s.Apply(t.Context(), setting))
	}
}

// down is a store that does not answer.
type down struct{ store.Store }

var errDown = errors.New("the database is down")

func (down) Setting(context.Context, string) (string, error) { return "", errDown }
func (down) Apply(context.Context, ...store.Op) error        { return errDown }

// What cannot be read is never taken for nothing: a key that may have been
// revoked would be used again.
func TestWhatCannotBeReadIsNoAnswer(t *testing.T) {
	s := memory.New()
	announcement, err := custody.Announcement{Fingerprint: two, At: now}.Of(news)
	require.NoError(t, err)
	revocation, err := custody.Revocation{Actor: news, Fingerprint: one}.Ops()
	require.NoError(t, err)
	scribble(t, s, "yesterday", append(revocation, announcement)...)
	for name, ask := range map[string]func(custody.Settings) error{
		"announced": func(s custody.Settings) error { _, err := custody.Announced(t.Context(), s, news); return err },
		"revoked":   func(s custody.Settings) error { _, _, err := custody.Revoked(t.Context(), s, one); return err },
		"last revoked": func(s custody.Settings) error {
			_, _, err := custody.LastRevoked(t.Context(), s, news)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, ask(s), "what is remembered there is damaged")
			assert.ErrorIs(t, ask(down{}), errDown)
			assert.NoError(t, ask(memory.New()), "nothing remembered is an answer")
		})
	}
}
