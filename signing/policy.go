package signing

import "crypto"

// Policy says which keys may be used by us and accepted from others. The zero
// Policy is [NZISM].
type Policy struct {
	Name          string
	MinRSA        int // bits of our own RSA keys
	MinPeer       int // bits of RSA keys accepted from others
	MaxRSA        int // bits, ours and others'
	MayUseEd25519 bool
}

// MayUse says why the policy forbids that we sign with key, or nil.
func (p Policy) MayUse(key crypto.PublicKey) error { panic("not built yet") }

// MayAccept says why the policy forbids to trust a peer's key, or nil.
func (p Policy) MayAccept(key crypto.PublicKey) error { panic("not built yet") }
