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
	KeyID string // empty when no document lists it
	Use   string // Signs when empty
	Key   *Key

	Since    time.Time // since when it has a use other than Signs, whose time the pin has; zero where that is not known
	Drilled  time.Time // when somebody last proved that it can be restored; zero when nobody has
	DrillDue string    // why that is to be done again; empty while it is not
	Revoked  string    // when, by whom and why; empty when it was not
}

// Listed is a line of an inventory of keys (NZISM 2.4.13).
type Listed struct {
	Owner       string    `json:"owner"`
	KeyID       string    `json:"keyId"`
	Algorithm   string    `json:"algorithm"`
	Bits        int       `json:"bits"`
	Use         string    `json:"use"`
	Since       time.Time `json:"since,omitzero"` // when it was pinned, took over from another, was announced or retired; zero where that is not known
	Days        int       `json:"days"`           // since then
	Drilled     time.Time `json:"drilled,omitzero"`
	DrillDue    string    `json:"drillDue,omitempty"`
	Revoked     string    `json:"revoked,omitempty"`
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
	l := Listed{
		Owner: h.Owner, KeyID: h.KeyID, Use: cmp.Or(h.Use, Signs), Since: h.Since,
		Drilled: h.Drilled, DrillDue: h.DrillDue, Revoked: h.Revoked, Fingerprint: h.Key.Fingerprint(), Verdict: "allowed",
	}
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
	if l.Revoked != "" {
		wrong = append(wrong, l.Revoked)
	}
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
	fmt.Fprintln(table, "KEY\tALGORITHM\tSINCE\tDAYS\tDRILLED\tUSE\tFINGERPRINT\tVERDICT")
	for _, k := range l {
		fmt.Fprintf(table, "%s\t%s %d\t%s\t%d\t%s\t%s\t%s\t%s\n",
			cmp.Or(k.KeyID, k.Owner), k.Algorithm, k.Bits, day(k.Since), k.Days, k.drill(), k.Use, k.Fingerprint, k.Verdict)
	}
	table.Flush()
	return text.String()
}

// drill is when the key was drilled, and whether it should be.
func (k Listed) drill() string {
	if k.DrillDue == "" {
		return day(k.Drilled)
	}
	return day(k.Drilled) + ", due"
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}
