package signing

import (
	"crypto"
	"crypto/ed25519"
	"fmt"

	"github.com/panui/panui/signing/internal/keyfile"
)

// File reads the PEM private key (PKCS #8 or PKCS #1) at path, or makes an
// RSA-3072 one there, mode 0600, when there is none. It refuses a file that
// others may read. Whoever makes it at the same time gets the same key, and a
// full disk leaves no part of one.
func File(path string) (*Key, error) { return fileOf(path, keyfile.RSA) }

// ProofFile is File for the key of integrity proofs (FEP-8b32): it makes an
// Ed25519 key, and fails where there is one of another kind.
func ProofFile(path string) (*Key, error) {
	key, err := fileOf(path, keyfile.Ed25519)
	if err != nil {
		return nil, err
	}
	if _, ok := key.Public().(ed25519.PublicKey); !ok {
		return nil, fmt.Errorf("signing: key file %s: integrity proofs are made with Ed25519 alone, and this is another key: name a file of its own", path)
	}
	return key, nil
}

func fileOf(path string, fresh func() (crypto.Signer, error)) (*Key, error) {
	signer, err := keyfile.ReadOrMake(path, fresh)
	if err != nil {
		return nil, fmt.Errorf("signing: key file %s: %w", path, err)
	}
	key, err := New(signer)
	if err != nil {
		return nil, fmt.Errorf("signing: key file %s: %w", path, err)
	}
	return key, nil
}
