package signing

import (
	"fmt"

	"github.com/panui/panui/signing/internal/keyfile"
)

// File reads the PEM private key (PKCS #8 or PKCS #1) at path, or makes an
// RSA-3072 one there, mode 0600, when there is none. It refuses a file that
// others may read. Whoever makes it at the same time gets the same key, and a
// full disk leaves no part of one.
func File(path string) (*Key, error) {
	signer, err := keyfile.ReadOrMake(path)
	if err != nil {
		return nil, fmt.Errorf("signing: key file %s: %w", path, err)
	}
	key, err := New(signer)
	if err != nil {
		return nil, fmt.Errorf("signing: key file %s: %w", path, err)
	}
	return key, nil
}
