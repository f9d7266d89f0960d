package signing

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// pins are actors by id.
type pins map[string]store.Actor

var errDisk = errors.New("the disk is gone")

func (p pins) Actor(_ context.Context, id string) (store.Actor, error) {
	switch a, ok := p[id]; {
	case id == "broken":
		return store.Actor{}, errDisk
	case !ok:
		return store.Actor{}, store.ErrNotFound
	default:
		return a, nil
	}
}

func TestInventory(t *testing.T) {
	const news, alerts, fresh = "https://a.nz/ap/actor/news", "https://a.nz/ap/actor/alerts", "https://a.nz/ap/actor/fresh"
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	alice, other, ed := newKey(t, aliceKey()), newKey(t, otherKey()), newKey(t, edKey())
	known := pins{
		news:   {ID: news, Fingerprint: alice.Fingerprint(), Since: now.AddDate(0, 0, -400)},
		alerts: {ID: alerts, Fingerprint: alice.Fingerprint(), Since: now.AddDate(0, 0, -1).Add(time.Hour)},
	}
	keys := []Held{
		{Owner: news, KeyID: news + "#main-key", Key: alice},
		{Owner: fresh, KeyID: fresh + "#main-key", Key: ed, Use: "proofs"},
		{Owner: alerts, KeyID: alerts + "#main-key", Key: other},
	}
	listing, err := Inventory(t.Context(), known, Policy{Name: "ours", MinRSA: 2048}, now, keys...)
	require.NoError(t, err)
	require.Len(t, listing, 3)
	assert.Equal(t, Listed{
		Owner: alerts, KeyID: alerts + "#main-key", Algorithm: "RSA", Bits: 2048, Use: "signs what the actor sends",
		Since: known[alerts].Since, Days: 0, Fingerprint: other.Fingerprint(), Verdict: "not the key that is pinned: " + alice.Fingerprint(),
	}, listing[0])
	assert.Equal(t, Listed{
		Owner: fresh, KeyID: fresh + "#main-key", Algorithm: "Ed25519", Bits: 256, Use: "proofs",
		Fingerprint: ed.Fingerprint(), Verdict: "signing: policy ours forbids our key: Ed25519 is not on its list",
	}, listing[1])
	assert.Equal(t, "allowed", listing[2].Verdict)
	assert.Equal(t, 400, listing[2].Days)

	lines := strings.Split(strings.TrimSpace(listing.String()), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, []string{"KEY", "ALGORITHM", "SINCE", "DAYS", "DRILLED", "USE", "FINGERPRINT", "VERDICT"}, strings.Fields(lines[0]))
	assert.Regexp(t, `^https://a.nz/ap/actor/fresh#main-key +Ed25519 256 +- +0 +- +proofs +sha256:`, lines[2])
	assert.Regexp(t, `#main-key +RSA 2048 +2025-10-22 +400 +- +signs what the actor sends +sha256:[0-9a-f]{64} +allowed$`, lines[3])

	proofs, err := Inventory(t.Context(), known, Fediverse(), now, Held{Owner: news, KeyID: news + "#ed25519-1", Use: Proves, Key: ed})
	require.NoError(t, err)
	assert.Equal(t, "proves what the actor publishes", proofs[0].Use)
	assert.Equal(t, "allowed", proofs[0].Verdict, "the key of proofs is another than the one that is pinned")

	rotated := pins{news: {ID: news, Fingerprint: other.Fingerprint(), Since: now.AddDate(0, 0, -400), Rotations: 1, Rotated: now.AddDate(0, 0, -3)}}
	after, err := Inventory(t.Context(), rotated, Fediverse(), now, Held{Owner: news, KeyID: news + "#key-2", Key: other},
		Held{Owner: news, KeyID: news + "#main-key", Use: "retired", Key: alice})
	require.NoError(t, err)
	assert.Equal(t, 3, after[0].Days, "the age of the key, not of the actor")
	assert.Equal(t, "allowed", after[0].Verdict)
	assert.Zero(t, after[1].Since, "one that signs no more is not the one that is pinned")
	assert.Equal(t, "allowed", after[1].Verdict)

	backwards := []Held{keys[2], keys[1], keys[0]}
	again, err := Inventory(t.Context(), known, Policy{Name: "ours", MinRSA: 2048}, now, backwards...)
	require.NoError(t, err)
	first, err := json.Marshal(listing)
	require.NoError(t, err)
	second, err := json.Marshal(again)
	require.NoError(t, err)
	assert.Equal(t, string(first), string(second), "the same in any order")
	assert.NotContains(t, string(first), "0001-01-01")

	strict, err := Inventory(t.Context(), known, NZISM(), now, keys[0])
	require.NoError(t, err)
	assert.Contains(t, strict[0].Verdict, "RSA of 2048 bits is not within 3072 to 8192")
	_, err = Inventory(t.Context(), known, NZISM(), now, Held{Owner: "broken", Key: alice})
	assert.ErrorIs(t, err, errDisk)
}

// What is remembered of a key beside the pin is told of it too.
func TestInventoryTellsWhatIsRememberedOfAKey(t *testing.T) {
	const news = "https://a.nz/ap/actor/news"
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	alice, other := newKey(t, aliceKey()), newKey(t, otherKey())
	known := pins{news: {ID: news, Fingerprint: alice.Fingerprint(), Since: now.AddDate(0, 0, -9)}}
	for _, row := range []struct {
		name string
		held Held
		want Listed
		line string
	}{
		{
			"announced", Held{Owner: news, KeyID: news + "#key-2", Use: "announced", Key: other, Since: now.AddDate(0, 0, -2)},
			Listed{KeyID: news + "#key-2", Use: "announced", Since: now.AddDate(0, 0, -2), Days: 2, Fingerprint: other.Fingerprint(), Verdict: "allowed"},
			`^https://a.nz/ap/actor/news#key-2 +RSA 2048 +2026-11-24 +2 +- +announced +\S+ +allowed$`,
		},
		{
			"drilled", Held{Owner: news, KeyID: news + "#main-key", Key: alice, Drilled: now.AddDate(0, 0, -1), Since: now},
			Listed{
				KeyID: news + "#main-key", Use: Signs, Since: now.AddDate(0, 0, -9), Days: 9, Drilled: now.AddDate(0, 0, -1), Fingerprint: alice.Fingerprint(), Verdict: "allowed",
			},
			`#main-key +RSA 2048 +2026-11-17 +9 +2026-11-25 +signs what the actor sends +\S+ +allowed$`,
		},
		{
			"never drilled", Held{Owner: news, KeyID: news + "#main-key", Key: alice, DrillDue: "never"},
			Listed{KeyID: news + "#main-key", Use: Signs, Since: now.AddDate(0, 0, -9), Days: 9, DrillDue: "never", Fingerprint: alice.Fingerprint(), Verdict: "allowed"},
			`#main-key +RSA 2048 +2026-11-17 +9 +-, due +signs`,
		},
		{
			"drilled long ago", Held{Owner: news, KeyID: news + "#main-key", Key: alice, Drilled: now.AddDate(-1, 0, 0), DrillDue: "long ago"},
			Listed{
				KeyID: news + "#main-key", Use: Signs, Since: now.AddDate(0, 0, -9), Days: 9, Drilled: now.AddDate(-1, 0, 0), DrillDue: "long ago",
				Fingerprint: alice.Fingerprint(), Verdict: "allowed",
			},
			`#main-key +RSA 2048 +2026-11-17 +9 +2025-11-26, due +signs`,
		},
		{
			"revoked, and listed nowhere", Held{Owner: news, Use: "none", Key: other, Revoked: "revoked on 2026-11-20 by Hine (stolen)"},
			Listed{Use: "none", Revoked: "revoked on 2026-11-20 by Hine (stolen)", Fingerprint: other.Fingerprint(), Verdict: "revoked on 2026-11-20 by Hine (stolen)"},
			`^https://a.nz/ap/actor/news +RSA 2048 +- +0 +- +none +\S+ +revoked on 2026-11-20 by Hine \(stolen\)$`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want.Owner, row.want.Algorithm, row.want.Bits = news, "RSA", 2048
			listing, err := Inventory(t.Context(), known, Fediverse(), now, row.held)
			require.NoError(t, err)
			assert.Equal(t, Listing{row.want}, listing)
			assert.Regexp(t, row.line, strings.Split(strings.TrimSpace(listing.String()), "\n")[1])
		})
	}
}
