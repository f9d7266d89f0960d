package faults

import (
	"crypto"
	"io"
)

// Signer is a key that an Injector may fail, as a KMS fails that is out of reach.
type Signer struct {
	crypto.Signer
	in *Injector
}

// AroundKey puts the trouble of in around a key.
func AroundKey(s crypto.Signer, in *Injector) *Signer { return &Signer{s, in} }

// Sign may fail.
func (s *Signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if kind, struck := s.in.strikes(InKey, "Sign", true); struck {
		return nil, failure("Sign", kind)
	}
	return s.Signer.Sign(rand, digest, opts)
}
