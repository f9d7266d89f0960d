// Package signing proves who sent what: keys, which of them may be used, HTTP
// Signatures made and checked.
package signing

import (
	"crypto"
	"net/http"
	"time"
)

// Key signs for an actor. It never prints what it holds.
type Key struct {
	signer crypto.Signer
}

// New makes a Key of any crypto.Signer: in memory, a KMS or an HSM.
func New(signer crypto.Signer) (*Key, error) { panic("not built yet") }

// File reads the PEM private key at path, or makes an RSA-3072 one there, mode
// 0600, when there is none. It refuses a file that others may read.
func File(path string) (*Key, error) { panic("not built yet") }

// Public returns the public half.
func (k *Key) Public() crypto.PublicKey { panic("not built yet") }

// PublicPEM returns the public half as a PKIX PEM block.
func (k *Key) PublicPEM() string { panic("not built yet") }

// Fingerprint returns the SHA-256 of the public key's PKIX form, as "sha256:" and hex digits.
func (k *Key) Fingerprint() string { panic("not built yet") }

// Sign signs r, whose body is body (nil for a GET), with draft-cavage HTTP
// Signatures. It sets Date, Digest (when body is not nil) and Signature.
func (k *Key) Sign(r *http.Request, body []byte, keyID string, now time.Time) error {
	panic("not built yet")
}
