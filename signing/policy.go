package signing

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Policy says which keys may be used by us and accepted from others. A field
// that is zero is as in [NZISM]: the zero Policy is that one, and
// Policy{MinPeer: 3072} is that one with a stricter view of others.
type Policy struct {
	Name    string
	MinRSA  int  // bits of our own RSA keys
	MinPeer int  // bits of RSA keys accepted from others
	MaxRSA  int  // bits, ours and others'
	Ed25519 bool // such keys too, ours and others'
}

// NZISM is the policy of the New Zealand Information Security Manual (17.2.24):
// our own keys are RSA of at least 3072 bits. Others' may be RSA of 2048 bits,
// because nearly all of the fediverse has those. ECDSA P-384 is on the manual's
// list, but no server of the fediverse checks it, so no policy here allows it.
func NZISM() Policy {
	return Policy{Name: "NZISM", MinRSA: 3072, MinPeer: 2048, MaxRSA: 8192}
}

// Fediverse is what most servers do: RSA of at least 2048 bits for all, and
// Ed25519, which only some servers check.
func Fediverse() Policy {
	return Policy{Name: "fediverse", MinRSA: 2048, MinPeer: 2048, MaxRSA: 8192, Ed25519: true}
}

func (p Policy) filled() Policy {
	d := NZISM()
	return Policy{
		Name:    cmp.Or(p.Name, d.Name),
		MinRSA:  cmp.Or(p.MinRSA, d.MinRSA),
		MinPeer: cmp.Or(p.MinPeer, d.MinPeer),
		MaxRSA:  cmp.Or(p.MaxRSA, d.MaxRSA),
		Ed25519: p.Ed25519,
	}
}

// MayUse says why the policy forbids that we sign with key, or nil.
func (p Policy) MayUse(key crypto.PublicKey) error {
	p = p.filled()
	if err := p.allows(key, p.MinRSA); err != nil {
		return fmt.Errorf("signing: policy %s forbids our key: %w", p.Name, err)
	}
	return nil
}

// MayAccept says why the policy forbids to trust a peer's key, or nil.
func (p Policy) MayAccept(key crypto.PublicKey) error {
	p = p.filled()
	if err := p.allows(key, p.MinPeer); err != nil {
		return fmt.Errorf("signing: policy %s forbids the peer's key: %w", p.Name, err)
	}
	return nil
}

func (p Policy) allows(key crypto.PublicKey, minRSA int) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsaWithin(key, minRSA, p.MaxRSA)
	case ed25519.PublicKey:
		if !p.Ed25519 {
			return errors.New("Ed25519 is not on its list")
		}
		if len(key) != ed25519.PublicKeySize {
			return errors.New("not a whole Ed25519 key")
		}
		return nil
	case *ecdsa.PublicKey:
		return errors.New("no server of the fediverse checks ECDSA signatures")
	default:
		return fmt.Errorf("%T is not on its list", key)
	}
}

// rsaWithin checks the size of a key and its exponent, which FIPS 186-5 (A.1.1)
// wants odd and over 2^16.
func rsaWithin(key *rsa.PublicKey, least, most int) error {
	if key == nil || key.N == nil || key.N.Sign() <= 0 || key.N.Bit(0) == 0 {
		return errors.New("not an RSA key: its modulus is not odd")
	}
	if bits := key.N.BitLen(); bits < least || bits > most {
		return fmt.Errorf("RSA of %d bits is not within %d to %d", bits, least, most)
	}
	if key.E < 65537 || key.E%2 == 0 {
		return fmt.Errorf("RSA exponent %d is not odd and at least 65537", key.E)
	}
	return nil
}

const (
	pemPKIX  = "PUBLIC KEY"
	pemPKCS1 = "RSA PUBLIC KEY"
	pemBegin = "-----BEGIN "
)

// maxPublicPEM is several times the size of an RSA-8192 key.
const maxPublicPEM = 8 << 10

// ParsePublicPEM reads the public key that a peer's document holds: one PEM
// block, PKIX or PKCS #1, of at most 8 KiB with nothing but white space around
// it, and a key that the policy accepts.
func ParsePublicPEM(text string, p Policy) (crypto.PublicKey, error) {
	der, kind, err := onePEM(text)
	if err != nil {
		return nil, fmt.Errorf("signing: public key: %w", err)
	}
	var key crypto.PublicKey
	switch kind {
	case pemPKIX:
		key, err = x509.ParsePKIXPublicKey(der)
	case pemPKCS1:
		key, err = x509.ParsePKCS1PublicKey(der)
	default:
		err = fmt.Errorf("PEM block %q is not a public key", kind)
	}
	if err != nil {
		return nil, fmt.Errorf("signing: public key: %w", err)
	}
	if err := p.MayAccept(key); err != nil {
		return nil, err
	}
	return key, nil
}

// onePEM returns the only PEM block in text; pem.Decode alone skips what stands
// before one, broken blocks too.
func onePEM(text string) (der []byte, kind string, err error) {
	if len(text) > maxPublicPEM {
		return nil, "", fmt.Errorf("over %d bytes of PEM", maxPublicPEM)
	}
	text = strings.TrimSpace(text)
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil || !strings.HasPrefix(text, pemBegin):
		return nil, "", errors.New("not a PEM block")
	case len(rest) > 0 || strings.Count(text, pemBegin) > 1:
		return nil, "", errors.New("more than one PEM block, or something after it")
	case len(block.Headers) > 0:
		return nil, "", errors.New("PEM headers are not taken")
	}
	return block.Bytes, block.Type, nil
}
