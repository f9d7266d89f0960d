package signing

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/mr-tron/base58"
)

// The multicodec prefixes of public keys, as varints, and the multibase prefix of base58btc.
const (
	multicodecEd25519 = "\xed\x01" // 32 bytes
	multicodecRSA     = "\x85\x24" // 0x1205: DER of the RSAPublicKey of PKCS #1
	base58btc         = "z"
)

// maxMultikey is more characters than an RSA-8192 key needs. Reading base58
// takes time in the square of them.
const maxMultikey = 2 << 10

// PublicMultikey returns the public half as publicKeyMultibase of a Multikey has
// it (W3C Controlled Identifiers 2.2.2, FEP-521a).
func (k *Key) PublicMultikey() string {
	switch key := k.public.(type) {
	case ed25519.PublicKey:
		return encodeMultikey(multicodecEd25519, key)
	case *rsa.PublicKey:
		return encodeMultikey(multicodecRSA, x509.MarshalPKCS1PublicKey(key))
	}
	return "" // New takes no others
}

func encodeMultikey(codec string, key []byte) string {
	return base58btc + base58.Encode(append([]byte(codec), key...))
}

// ParsePublicMultikey reads publicKeyMultibase of a Multikey that a peer's
// document lists: base58btc of an Ed25519 or RSA key, in at most 2,048
// characters, that the policy accepts.
func ParsePublicMultikey(text string, p Policy) (crypto.PublicKey, error) {
	key, err := decodeMultikey(text)
	if err != nil {
		return nil, fmt.Errorf("signing: multikey: %w", err)
	}
	if err := p.MayAccept(key); err != nil {
		return nil, err
	}
	return key, nil
}

func decodeMultikey(text string) (crypto.PublicKey, error) {
	switch {
	case len(text) > maxMultikey:
		return nil, fmt.Errorf("over %d characters", maxMultikey)
	case len(text) < 2 || text[:1] != base58btc:
		return nil, errors.New("not base58btc, which starts with z")
	}
	raw, err := base58.Decode(text[1:])
	if err != nil || base58.Encode(raw) != text[1:] {
		return nil, errors.New("not base58btc")
	}
	if key, ok := bytes.CutPrefix(raw, []byte(multicodecEd25519)); ok {
		if len(key) != ed25519.PublicKeySize {
			return nil, errors.New("not a whole Ed25519 key")
		}
		return ed25519.PublicKey(key), nil
	}
	if der, ok := bytes.CutPrefix(raw, []byte(multicodecRSA)); ok {
		key, err := x509.ParsePKCS1PublicKey(der)
		if err != nil {
			return nil, fmt.Errorf("RSA: %w", err)
		}
		return key, nil
	}
	return nil, errors.New("neither an Ed25519 nor an RSA key")
}
