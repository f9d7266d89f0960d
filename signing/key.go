// Package signing proves who sent what: keys, which of them may be used, HTTP
// Signatures made and checked.
package signing

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"

	"golang.org/x/crypto/ssh"
)

// Key signs for an actor. It never prints what it holds, and it is safe for
// concurrent use when the crypto.Signer behind it is, as those of the standard
// library are.
type Key struct {
	public crypto.PublicKey
	der    []byte            // of public, PKIX
	signer func() ssh.Signer // a func, because printing by reflection stops there
}

// New makes a Key of any crypto.Signer: in memory, a KMS or an HSM. It fails
// for keys other than RSA and Ed25519; [Policy.MayUse] has the say about their sizes.
func New(signer crypto.Signer) (*Key, error) {
	if signer == nil {
		return nil, errors.New("signing: New: the signer is nil")
	}
	algorithm := ""
	switch public := signer.Public().(type) {
	case *rsa.PublicKey:
		algorithm = ssh.KeyAlgoRSASHA256
	case ed25519.PublicKey:
		algorithm = ssh.KeyAlgoED25519
	default:
		return nil, fmt.Errorf("signing: New: a %T cannot sign HTTP requests in the fediverse; use RSA", public)
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("signing: New: %w", err)
	}
	wrapped, err := ssh.NewSignerFromSigner(signer)
	if err != nil {
		return nil, fmt.Errorf("signing: New: %w", err)
	}
	plain, ok := wrapped.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("signing: New: %T cannot choose its hash", wrapped)
	}
	return &Key{
		public: signer.Public(),
		der:    der,
		signer: func() ssh.Signer { return sha2Signer{plain, algorithm} },
	}, nil
}

// Public returns the public half.
func (k *Key) Public() crypto.PublicKey { return k.public }

// PublicPEM returns the public half as a PKIX PEM block.
func (k *Key) PublicPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: pemPKIX, Bytes: k.der}))
}

// Fingerprint returns the SHA-256 of the public key's PKIX form, as "sha256:" and hex digits.
func (k *Key) Fingerprint() string { return fingerprint(k.der) }

// Fingerprint returns what [Key.Fingerprint] does of the key with a public half.
// It fails for what is no public key.
func Fingerprint(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("signing: fingerprint: %w", err)
	}
	return fingerprint(der), nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

var fingerprintForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// IsFingerprint says whether text has the form of what [Key.Fingerprint] returns.
func IsFingerprint(text string) bool { return fingerprintForm.MatchString(text) }

// SignMessage signs a message as it is, which is no HTTP request: Ed25519 (RFC
// 8032), or RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017). Whoever may call it may sign
// anything as the actor.
func (k *Key) SignMessage(message []byte) ([]byte, error) {
	signature, err := k.signer().Sign(rand.Reader, message)
	if err != nil {
		return nil, err
	}
	return signature.Blob, nil
}

// sha2Signer lets go-fed/httpsig use any crypto.Signer: of its two ways in, the
// one for private keys takes only *rsa.PrivateKey, and the one for SSH signers
// takes their default algorithm, which for RSA is SHA-1.
type sha2Signer struct {
	ssh.AlgorithmSigner
	algorithm string
}

// Sign hashes data as the algorithm says and signs it.
func (s sha2Signer) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, s.algorithm)
}

// redacted is all that a Key says about itself.
const redacted = "REDACTED"

// String returns REDACTED.
func (k Key) String() string { return redacted }

// GoString returns REDACTED.
func (k Key) GoString() string { return redacted }

// Format writes REDACTED, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue returns REDACTED.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns REDACTED; JSON and XML use it too.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
