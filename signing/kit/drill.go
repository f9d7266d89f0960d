package kit

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"

	"github.com/panui/panui/signing/custody"
)

// Prove opens a kit in memory, signs a challenge with its key and checks the
// signature with the public key that the actor's document publishes. It writes
// nothing and asks nobody. By is the person who drills. The Drill holds nothing
// secret: an officer may prove a kit on a machine of their own and send it, as
// JSON, to whoever keeps the website's store and has it remembered there.
func Prove(kit io.Reader, published crypto.PublicKey, by string, at time.Time, officer ...age.Identity) (custody.Drill, error) {
	if by == "" {
		return custody.Drill{}, errors.New("kit: drill: name who drills")
	}
	o, err := open(kit, officer)
	if err != nil {
		return custody.Drill{}, fmt.Errorf("kit: drill: %w", err)
	}
	if err := answers(o.private(), published); err != nil {
		return custody.Drill{}, fmt.Errorf("kit: drill for %s: %w", o.Label.Handle, err)
	}
	return custody.Drill{Actor: o.Label.Actor, Fingerprint: o.Label.Fingerprint, By: by, At: at.UTC()}, nil
}

// answers says why a signature of private is not one of the published key.
func answers(private crypto.Signer, published crypto.PublicKey) error {
	challenge := sha256.Sum256([]byte("Pānui recovery drill " + rand.Text()))
	var good bool
	switch published := published.(type) {
	case *rsa.PublicKey:
		signature, err := private.Sign(rand.Reader, challenge[:], crypto.SHA256)
		good = err == nil && rsa.VerifyPKCS1v15(published, crypto.SHA256, challenge[:], signature) == nil
	case ed25519.PublicKey:
		signature, err := private.Sign(rand.Reader, challenge[:], crypto.Hash(0))
		good = err == nil && len(published) == ed25519.PublicKeySize && ed25519.Verify(published, challenge[:], signature)
	default:
		return fmt.Errorf("the published key is a %T", published)
	}
	if !good {
		return errors.New("the kit opens, but its key is not the one that is published: make a kit of the key in use")
	}
	return nil
}
