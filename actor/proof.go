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

// checkOtherProofKeys says what is wrong with those that are only listed.
func (p Profile) checkOtherProofKeys(policy signing.Policy) error {
	if len(p.OtherProofKeys) > maxOtherProofKeys {
		return fmt.Errorf("other proof keys: %d of them, use at most %d", len(p.OtherProofKeys), maxOtherProofKeys)
	}
	var mistakes []error
	var known []string
	if p.ProofKey != nil {
		known = append(known, p.ProofKey.PublicMultikey())
	}
	for _, text := range p.OtherProofKeys {
		key, err := signing.ParsePublicMultikey(text, signing.Fediverse())
		if _, ok := key.(ed25519.PublicKey); err != nil || !ok {
			mistakes = append(mistakes, fmt.Errorf("other proof key %.80q: write the public Multikey of an Ed25519 key, z6Mk…, as signing.Key.PublicMultikey tells it", text))
			continue
		}
		if err := policy.MayUse(key); err != nil {
			mistakes = append(mistakes, fmt.Errorf("other proof key %.80q: %w", text, err))
		}
		if slices.Contains(known, text) {
			mistakes = append(mistakes, fmt.Errorf("other proof key %.80q: it is listed already; leave it out here", text))
		}
		known = append(known, text)
	}
	return errors.Join(mistakes...)
}

// ProofKeyID returns the id of the actor's ProofKey, or nothing where it has none.
// It follows from the key, so that nobody takes another one that they cached for it.
func (l *Local) ProofKeyID() string {
	if l.Profile.ProofKey == nil {
		return ""
	}
	return l.proofKeyID(l.Profile.ProofKey.Fingerprint())
}

func (l *Local) proofKeyID(fingerprint string) string {
	_, digits, _ := strings.Cut(fingerprint, ":")
	return l.ID + "#ed25519-" + digits[:16]
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

// proves lists the keys of the actor's proofs as its document does (FEP-521a),
// the one that signs first.
func (l *Local) proves() []as2.Multikey {
	if l.Profile.ProofKey == nil {
		return l.otherProofKeys
	}
	signs := l.multikey(l.ProofKeyID(), l.Profile.ProofKey.PublicMultikey())
	return append([]as2.Multikey{signs}, l.otherProofKeys...)
}

// listedProofKeys are the OtherProofKeys of the profile as the document has them.
func (l *Local) listedProofKeys() (listed []as2.Multikey, _ error) {
	for _, text := range l.Profile.OtherProofKeys {
		key, err := signing.ParsePublicMultikey(text, signing.Fediverse())
		if err != nil {
			return nil, err
		}
		fingerprint, err := signing.Fingerprint(key)
		if err != nil {
			return nil, err
		}
		listed = append(listed, l.multikey(l.proofKeyID(fingerprint), text))
	}
	return listed, nil
}

func (l *Local) multikey(id, public string) as2.Multikey {
	return as2.Multikey{ID: id, Type: "Multikey", Controller: l.ID, PublicKeyMultibase: public}
}
