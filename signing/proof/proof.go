// Package proof makes and checks object integrity proofs (FEP-8b32): that a
// document is an actor's, from whomever it came. It knows one cryptosuite,
// eddsa-jcs-2022 (W3C Data Integrity EdDSA Cryptosuites 3.3).
package proof

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gowebpki/jcs"
	"github.com/mr-tron/base58"

	"github.com/panui/panui/signing"
)

// What a proof of ours says, and all that is taken from others.
const (
	proofType   = "DataIntegrityProof"
	cryptosuite = "eddsa-jcs-2022"
	purpose     = "assertionMethod"
	base58btc   = "z" // the multibase prefix
)

// options are what a proof says beside its value (W3C Data Integrity 2.1), in
// the order in which they are written. Fedify puts the context of the document
// in the place of this one, Mastodon wants it to begin the document's: they are the same.
type options struct {
	Context jsontext.Value `json:"@context,omitzero"`
	Type    string         `json:"type"`
	Suite   string         `json:"cryptosuite"`
	Created string         `json:"created"`
	Expires string         `json:"expires,omitzero"`
	Method  string         `json:"verificationMethod"`
	Purpose string         `json:"proofPurpose"`
	Value   string         `json:"proofValue,omitzero"`
}

// Sign returns the document with a proof as its last member, made with an
// Ed25519 key that the actor's document lists as method. The same document, key
// and second give the same bytes. It fails for other keys, for a document that
// [Read] would refuse for another reason than its proof, and where @context is
// no array, since Mastodon takes no proof then.
func Sign(document []byte, key *signing.Key, method string, created time.Time) ([]byte, error) {
	signed, err := sign(document, key, method, created)
	if err != nil {
		return nil, fmt.Errorf("proof: sign: %w", err)
	}
	return signed, nil
}

func sign(document []byte, key *signing.Key, method string, created time.Time) ([]byte, error) {
	if _, ok := key.Public().(ed25519.PublicKey); !ok {
		return nil, fmt.Errorf("a %T makes no %s proof; use Ed25519", key.Public(), cryptosuite)
	}
	members, err := split(document)
	if err != nil {
		return nil, err
	}
	switch context := members["@context"]; {
	case members["proof"] != nil:
		return nil, errors.New("there is a proof already")
	case context.Kind() != '[':
		return nil, errors.New("@context is not an array")
	}
	o := options{
		Context: members["@context"], Type: proofType, Suite: cryptosuite,
		Created: created.UTC().Format(time.RFC3339), Method: method, Purpose: purpose,
	}
	message, err := hash(o, members)
	if err != nil {
		return nil, err
	}
	signature, err := key.SignMessage(message)
	if err != nil {
		return nil, err
	}
	o.Value = base58btc + base58.Encode(signature)
	written, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	open := bytes.TrimSuffix(bytes.TrimRight(document, " \t\r\n"), []byte("}"))
	return fmt.Appendf(open[:len(open):len(open)], `,"proof":%s}`, written), nil
}

// hash returns what is signed: the SHA-256 of the options in canonical form
// (RFC 8785), then that of the document.
func hash(o any, members map[string]jsontext.Value) ([]byte, error) {
	var sums []byte
	for _, part := range []any{o, members} {
		plain, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		canonical, err := jcs.Transform(plain)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(canonical)
		sums = append(sums, sum[:]...)
	}
	return sums, nil
}

// Method is a key as the assertionMethod of an actor's document lists it (FEP-521a).
type Method struct {
	ID         string
	Controller string
	Key        crypto.PublicKey // as signing.ParsePublicMultikey reads it
}

// Verify says why the proof is not one by m, or nil: its id and controller are
// exactly the proof's method and the document's owner, and its signature is right.
//
// That m was read from the document that the owner's own id gave, fetched from
// its own origin, is for the caller to see to, as is what the owner may say about
// which id. A proof stays good for as long as its key is listed, however often it
// is sent.
func (p Proof) Verify(m Method) error {
	key, ok := m.Key.(ed25519.PublicKey)
	switch {
	case m.ID == "" || m.ID != p.Method:
		return errors.New("proof: verify: made with another key")
	case m.Controller == "" || m.Controller != p.Owner:
		return errors.New("proof: verify: the key is not that of the owner")
	case !ok || len(key) != ed25519.PublicKeySize:
		return errors.New("proof: verify: not an Ed25519 key")
	case !ed25519.Verify(key, p.message, p.signature):
		return errors.New("proof: verify: wrong signature")
	}
	return nil
}
