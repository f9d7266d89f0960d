package signing

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/panui/panui/store"
)

// Signs is the use of a key that signs what its owner sends: the one that is pinned.
const Signs = "signs what the actor sends"

// Proves is the use of a key that signs integrity proofs alone. It is not the
// one that is pinned for its owner.
const Proves = "proves what the actor publishes"

// Held is a key that a site holds, and what for.
type Held struct {
	Owner string // the actor's id
	KeyID string
	Use   string // Signs when empty
	Key   *Key
}

// Listed is a line of an inventory of keys (NZISM 2.4.13).
type Listed struct {
	Owner       string    `json:"owner"`
	KeyID       string    `json:"keyId"`
	Algorithm   string    `json:"algorithm"`
	Bits        int       `json:"bits"`
	Use         string    `json:"use"`
	Since       time.Time `json:"since,omitzero"` // of a key that signs: when it was pinned or took over from another; zero before, and for other uses
	Days        int       `json:"days"`           // since then
	Fingerprint string    `json:"fingerprint"`
	Verdict     string    `json:"verdict"` // "allowed", or what is wrong with the key
}

// Listing is an inventory, by owner and key id. Its text is a table for people;
// its JSON has the same lines in the same order.
type Listing []Listed

// Pinned knows when an actor was first seen and with which key; a store.Store does.
type Pinned interface {
	Actor(ctx context.Context, id string) (store.Actor, error)
}

// Inventory lists keys with their algorithm, size, age at now, use and what the
// policy says about them. A key that is not the one pinned for its owner is told.
func Inventory(ctx context.Context, p Pinned, policy Policy, now time.Time, keys ...Held) (Listing, error) {
	var all Listing
	for _, held := range keys {
		pinned, err := p.Actor(ctx, held.Owner)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("signing: inventory: %s: %w", held.Owner, err)
		}
		all = append(all, held.listed(pinned, policy, now))
	}
	slices.SortFunc(all, func(a, b Listed) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.KeyID, b.KeyID))
	})
	return all, nil
}

func (h Held) listed(pinned store.Actor, policy Policy, now time.Time) Listed {
	l := Listed{Owner: h.Owner, KeyID: h.KeyID, Use: cmp.Or(h.Use, Signs), Fingerprint: h.Key.Fingerprint(), Verdict: "allowed"}
	if l.Use == Signs {
		l.Since = pinned.Since
		if pinned.Rotations > 0 {
			l.Since = pinned.Rotated
		}
	}
	switch public := h.Key.Public().(type) {
	case *rsa.PublicKey:
		l.Algorithm, l.Bits = "RSA", public.N.BitLen()
	case ed25519.PublicKey:
		l.Algorithm, l.Bits = "Ed25519", 8*len(public)
	}
	if !l.Since.IsZero() {
		l.Days = int(now.Sub(l.Since) / (24 * time.Hour))
	}
	var wrong []string
	if err := policy.MayUse(h.Key.Public()); err != nil {
		wrong = append(wrong, err.Error())
	}
	if l.Use == Signs && pinned.Fingerprint != "" && pinned.Fingerprint != l.Fingerprint {
		wrong = append(wrong, "not the key that is pinned: "+pinned.Fingerprint)
	}
	if len(wrong) > 0 {
		l.Verdict = strings.Join(wrong, "; ")
	}
	return l
}

// String returns the inventory as a table.
func (l Listing) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tALGORITHM\tSINCE\tDAYS\tUSE\tFINGERPRINT\tVERDICT")
	for _, k := range l {
		since := "-"
		if !k.Since.IsZero() {
			since = k.Since.UTC().Format(time.DateOnly)
		}
		fmt.Fprintf(table, "%s\t%s %d\t%s\t%d\t%s\t%s\t%s\n", k.KeyID, k.Algorithm, k.Bits, since, k.Days, k.Use, k.Fingerprint, k.Verdict)
	}
	table.Flush()
	return text.String()
}
