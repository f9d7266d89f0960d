package actor

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
)

// checkProofKey says what is wrong with the key of proofs, where there is one.
func (p Profile) checkProofKey(policy signing.Policy) error {
	if p.ProofKey == nil {
		return nil
	}
	if _, ok := p.ProofKey.Public().(ed25519.PublicKey); !ok {
		return errors.New("proof key: use Ed25519, the only kind that integrity proofs are made with; the RSA key is Key")
	}
	if err := policy.MayUse(p.ProofKey.Public()); err != nil {
		return fmt.Errorf("proof key: %w; leave ProofKey out, or choose a policy that has Ed25519, such as signing.Fediverse", err)
	}
	return nil
}

// ProofKeyID returns the id of the actor's ProofKey, or nothing where it has none.
// It follows from the key, so that nobody takes another one that they cached for it.
func (l *Local) ProofKeyID() string {
	if l.Profile.ProofKey == nil {
		return ""
	}
	_, fingerprint, _ := strings.Cut(l.Profile.ProofKey.Fingerprint(), ":")
	return l.ID + "#ed25519-" + fingerprint[:16]
}

// Held lists the keys of the actor as the store has them pinned: those that its
// document lists, the one of its proofs, and what else this process has been given.
// None of them signs where the pinned key is not among them.
func (l *Local) Held(ctx context.Context, pins signing.Pinned) ([]signing.Held, error) {
	pinned, err := l.ask(ctx, pins)
	if err != nil {
		return nil, err
	}
	var held []signing.Held
	if s, err := l.Learn(pinned); err == nil {
		held = slices.Clone(s.Keys)
	}
	for i := range held {
		if held[i].Use == Retired {
			held[i].Since = pinned.Rotated
		}
	}
	for _, key := range l.given() {
		if !slices.ContainsFunc(held, func(h signing.Held) bool { return h.Key.Fingerprint() == key.Fingerprint() }) {
			held = append(held, signing.Held{Owner: l.ID, Use: Idle, Key: key})
		}
	}
	if l.Profile.ProofKey != nil {
		held = append(held, signing.Held{Owner: l.ID, KeyID: l.ProofKeyID(), Use: signing.Proves, Key: l.Profile.ProofKey})
	}
	return held, nil
}

// proves lists the actor's ProofKey as its document does (FEP-521a).
func (l *Local) proves() []as2.Multikey {
	if l.Profile.ProofKey == nil {
		return nil
	}
	return []as2.Multikey{{
		ID: l.ProofKeyID(), Type: "Multikey", Controller: l.ID, PublicKeyMultibase: l.Profile.ProofKey.PublicMultikey(),
	}}
}
