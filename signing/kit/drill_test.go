package kit_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/custody"
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
			var arrived custody.Drill
			require.NoError(t, json.Unmarshal(mail, &arrived))
			require.NoError(t, arrived.Remember(t.Context(), s))

			reminder, err := custody.Due(t.Context(), s, drill.Actor, drill.Fingerprint, 0, made.AddDate(0, 1, 0))
			require.NoError(t, err)
			assert.Equal(t, custody.Reminder{Next: made.AddDate(0, 6, 0), Last: drill}, reminder)
			lines, err := s.Journal(t.Context(), store.JournalQuery{Kind: "drill"})
			require.NoError(t, err)
			require.Len(t, lines, 1)
			assert.Equal(t, "Hine Rāwiri", lines[0].By)
			assert.Equal(t, drill.Fingerprint, lines[0].Note)
		})
	}
}
