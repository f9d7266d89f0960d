package kit_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/kit"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

func TestADrillProvesTheKitOfTheKeyThatIsPublished(t *testing.T) {
	sealed := kitOf(t, rsaKey())
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for _, row := range []struct {
		name      string
		kit       []byte
		published crypto.PublicKey
		says      string
	}{
		{"the key in use", sealed, rsaKey().Public(), ""},
		{"an Ed25519 key in use", kitOf(t, edKey), edKey.Public(), ""},
		{"the key of before a rotation", sealed, otherKey().Public(), "its key is not the one that is published"},
		{"a key of another kind", sealed, edKey.Public(), "its key is not the one that is published"},
		{"half a key", kitOf(t, edKey), edKey.Public().(ed25519.PublicKey)[:5], "not the one that is published"},
		{"nothing published", sealed, nil, "the published key is a <nil>"},
		{"half a kit", sealed[:2000], rsaKey().Public(), "damaged"},
	} {
		t.Run(row.name, func(t *testing.T) {
			drill, err := kit.Prove(bytes.NewReader(row.kit), row.published, "Hine Rāwiri", made, hine())
			if row.says != "" {
				assert.ErrorContains(t, err, row.says)
				assert.Zero(t, drill)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "https://www.agency.govt.nz/ap/actor/x", drill.Actor)
			assert.Equal(t, "Hine Rāwiri", drill.By)
		})
	}
	_, err = kit.Prove(bytes.NewReader(sealed), rsaKey().Public(), "Hine Rāwiri", made, stranger())
	assert.ErrorContains(t, err, "not made for this officer")
	_, err = kit.Prove(bytes.NewReader(sealed), rsaKey().Public(), "", made, hine())
	assert.ErrorContains(t, err, "name who drills")
}

// An officer drills at home and sends the result in a mail.
func TestADrillIsRememberedWithDateAndPerson(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "panui.db"))
	require.NoError(t, err)
	defer db.Close()
	for name, s := range map[string]store.Store{"memory": memory.New(), "sqlite": db} {
		t.Run(name, func(t *testing.T) {
			drill, err := kit.Prove(bytes.NewReader(kitOf(t, rsaKey())), rsaKey().Public(), "Hine Rāwiri", made, hine())
			require.NoError(t, err)
			mail, err := json.Marshal(drill)
			require.NoError(t, err)
			var arrived kit.Drill
			require.NoError(t, json.Unmarshal(mail, &arrived))
			require.NoError(t, arrived.Remember(t.Context(), s))

			reminder, err := kit.Due(t.Context(), s, drill.Actor, drill.Fingerprint, 0, made.AddDate(0, 1, 0))
			require.NoError(t, err)
			assert.Equal(t, kit.Reminder{Next: made.AddDate(0, 6, 0), Last: drill}, reminder)
			lines, err := s.Journal(t.Context(), store.JournalQuery{Kind: "drill"})
			require.NoError(t, err)
			require.Len(t, lines, 1)
			assert.Equal(t, "Hine Rāwiri", lines[0].By)
			assert.Equal(t, drill.Fingerprint, lines[0].Note)
		})
	}
	err = kit.Drill{Actor: "https://www.agency.govt.nz/ap/actor/x"}.Remember(t.Context(), memory.New())
	assert.ErrorContains(t, err, "is missing")
}

func TestWhenADrillIsDue(t *testing.T) {
	const actor = "https://www.agency.govt.nz/ap/actor/x"
	now, ours, other := made, fingerprint(t, rsaKey()), fingerprint(t, otherKey())
	for _, row := range []struct {
		name    string
		drilled time.Time // zero: never
		key     string
		months  int
		why     string
	}{
		{"never", time.Time{}, ours, 0, "the recovery kit was never drilled"},
		{"today", now, ours, 0, ""},
		{"a day short of six months ago", now.AddDate(0, -6, 1), ours, 0, ""},
		{"six months ago", now.AddDate(0, -6, 0), ours, 0, "the last drill was on 2026-05-26, over 6 months ago"},
		{"two months ago, each month asked", now.AddDate(0, -2, 0), ours, 1, "the last drill was on 2026-09-26, over 1 months ago"},
		{"yesterday, of another key", now.AddDate(0, 0, -1), other, 0, "the key has changed since the last drill: make a kit of it and drill that"},
		{"tomorrow", now.AddDate(0, 0, 1), ours, 0, "the last drill is dated in the future"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := memory.New()
			if !row.drilled.IsZero() {
				require.NoError(t, kit.Drill{Actor: actor, Fingerprint: row.key, By: "Hine", At: row.drilled}.Remember(t.Context(), s))
			}
			reminder, err := kit.Due(t.Context(), s, actor, ours, row.months, now)
			require.NoError(t, err)
			assert.Equal(t, row.why, reminder.Why)
			assert.Equal(t, row.why == "", !reminder.Next.IsZero())
			elsewhere, err := kit.Due(t.Context(), s, actor+"y", ours, row.months, now)
			require.NoError(t, err)
			assert.Equal(t, "the recovery kit was never drilled", elsewhere.Why, "each actor has its own")
		})
	}
}

func TestMemoryThatFails(t *testing.T) {
	_, err := kit.Due(t.Context(), broken{}, "x", "y", 0, made)
	assert.ErrorContains(t, err, "kit: last drill for x")
	err = kit.Drill{Actor: "x", Fingerprint: fingerprint(t, rsaKey()), By: "Hine", At: made}.Remember(t.Context(), broken{})
	assert.ErrorIs(t, err, os.ErrClosed)
}

// broken remembers nonsense and takes nothing.
type broken struct{}

func (broken) Setting(context.Context, string) (string, error) { return "yesterday", nil }
func (broken) Apply(context.Context, ...store.Op) error        { return os.ErrClosed }
