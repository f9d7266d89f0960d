package custody

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

// Revocation says that a key is never to be used again.
type Revocation struct {
	Actor       string    `json:"actor"`
	Fingerprint string    `json:"fingerprint"`
	Replacement string    `json:"replacement"` // the fingerprint of the key that took its place
	Reason      string    `json:"reason"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

func revoked(fingerprint string) string { return "key revoked " + fingerprint }

func lastRevoked(actor string) string { return "last key revoked " + actor }

// Revoked returns the revocation of a key, and whether there is one.
func Revoked(ctx context.Context, s Settings, fingerprint string) (Revocation, bool, error) {
	return read[Revocation](ctx, s, revoked(fingerprint))
}

// LastRevoked returns the last revocation of a key of an actor, and whether there is one.
func LastRevoked(ctx context.Context, s Settings, actor string) (Revocation, bool, error) {
	return read[Revocation](ctx, s, lastRevoked(actor))
}

// Ops returns the ops that remember the revocation, for ever and as the last of its actor.
func (r Revocation) Ops() ([]store.Op, error) {
	always, err := put(revoked(r.Fingerprint), r)
	if err != nil {
		return nil, err
	}
	last, err := put(lastRevoked(r.Actor), r)
	return []store.Op{always, last}, err
}

// Again says why a revocation that is asked for, whose replacement is the key that
// signs already, is not the last one asked for again, or nil: when actor,
// replacement, reason and person are the same. Who did not hear that it was done asks so.
func (r Revocation) Again(last Revocation) error {
	switch {
	case r.Actor != last.Actor || r.Replacement != last.Replacement:
		return errors.New("the replacement is the key that signs now: where that is Profile.Next after a rotation, the old one signs no more; else make another key")
	case r.Reason != last.Reason || r.By != last.By:
		return fmt.Errorf("the replacement is the key that signs now, since the one before it was %s: where you meant that one, nothing is left to do; "+
			"to revoke the replacement itself, make another key", last)
	}
	return nil
}

// String says when the key was revoked, by whom and why.
func (r Revocation) String() string {
	return fmt.Sprintf("revoked on %s by %s (%s)", r.At.Format(time.DateOnly), r.By, r.Reason)
}
