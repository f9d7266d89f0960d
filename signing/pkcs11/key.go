//go:build cgo

package pkcs11

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	cryptoki "github.com/miekg/pkcs11"
)

// Key is an RSA key on a token, as a crypto.Signer of PKCS #1 v1.5 signatures.
// It is safe for concurrent use; Config.Sessions signatures are made at once.
type Key struct {
	token  *Token
	label  string
	id     []byte
	public *rsa.PublicKey

	mu     sync.Mutex
	handle cryptoki.ObjectHandle
	life   int // the login in which handle was found
}

// Key finds the one private RSA key with a label (CKA_LABEL) and an id (CKA_ID);
// what is empty may be anything. It signs once, to see that the key does and
// that the public half belongs to it. It refuses a key that wants the PIN for each
// signature, since nobody is there to type it.
func (t *Token) Key(label string, id []byte) (*Key, error) {
	k := &Key{token: t, label: label, id: id}
	if label == "" && len(id) == 0 {
		return nil, errors.New("pkcs11: key: give its label or its id")
	}
	if err := t.use(k.meet); err != nil {
		return nil, fmt.Errorf("pkcs11: %s: %w", k.name(), err)
	}
	sample := sha256.Sum256([]byte("pānui"))
	if _, err := k.Sign(nil, sample[:], crypto.SHA256); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *Key) name() string {
	return fmt.Sprintf("key %q %x of token %s", k.label, k.id, k.token.name())
}

// Public returns the public half, an *rsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs a digest of SHA-256, SHA-384 or SHA-512 with PKCS #1 v1.5; the
// token brings its own randomness. It does not give out a signature that the
// public key does not verify: a faulty one can tell the private key.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	info, err := digestInfo(digest, opts)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: sign with %s: %w", k.name(), err)
	}
	var signature []byte
	err = k.token.use(func(s cryptoki.SessionHandle) error {
		signature, err = k.sign(s, info)
		return err
	})
	if err == nil {
		err = rsa.VerifyPKCS1v15(k.public, opts.HashFunc(), digest, signature)
	}
	if err != nil {
		return nil, fmt.Errorf("pkcs11: sign with %s: %w", k.name(), err)
	}
	return signature, nil
}

func (k *Key) sign(s cryptoki.SessionHandle, info []byte) ([]byte, error) {
	handle, err := k.object(s)
	if err != nil {
		return nil, err
	}
	// CKM_RSA_PKCS over a DigestInfo, because more tokens have it than CKM_SHA256_RSA_PKCS.
	if err := k.token.module.SignInit(s, []*cryptoki.Mechanism{cryptoki.NewMechanism(cryptoki.CKM_RSA_PKCS, nil)}, handle); err != nil {
		return nil, err
	}
	return k.token.module.Sign(s, info)
}

// prefixes make a DigestInfo of a digest (RFC 8017, 9.2 note 1).
var prefixes = map[crypto.Hash]string{
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA384: "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

func digestInfo(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss {
		return nil, errors.New("PSS is not what the fediverse checks")
	}
	hash := opts.HashFunc()
	prefix, ok := prefixes[hash]
	switch {
	case !ok:
		return nil, fmt.Errorf("%v is not a hash to sign with", hash)
	case len(digest) != hash.Size():
		return nil, fmt.Errorf("%d bytes are no digest of %v", len(digest), hash)
	}
	return append([]byte(prefix), digest...), nil
}

// object returns the handle of the key, which another login may have changed;
// the key must not have.
func (k *Key) object(s cryptoki.SessionHandle) (cryptoki.ObjectHandle, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.life == k.token.life {
		return k.handle, nil
	}
	handle, public, err := k.token.lookUp(s, k.label, k.id)
	if err != nil {
		return 0, err
	}
	if !public.Equal(k.public) {
		return 0, errors.New("the token now has another key of this name")
	}
	k.handle, k.life = handle, k.token.life
	return handle, nil
}

// meet finds the key for the first time.
func (k *Key) meet(s cryptoki.SessionHandle) error {
	handle, public, err := k.token.lookUp(s, k.label, k.id)
	if err != nil {
		return err
	}
	k.handle, k.public, k.life = handle, public, k.token.life
	return nil
}

// lookUp finds the private key and its public half.
func (t *Token) lookUp(s cryptoki.SessionHandle, label string, id []byte) (cryptoki.ObjectHandle, *rsa.PublicKey, error) {
	handle, err := t.one(s, cryptoki.CKO_PRIVATE_KEY, label, id)
	if err != nil {
		return 0, nil, err
	}
	if each, err := t.attribute(s, handle, cryptoki.CKA_ALWAYS_AUTHENTICATE); err == nil && isTrue(each) {
		return 0, nil, errors.New("it wants the PIN for each signature (CKA_ALWAYS_AUTHENTICATE)")
	}
	public, err := t.publicOf(s, handle, label, id)
	return handle, public, err
}

// one returns the only object of a class with a label and an id.
func (t *Token) one(s cryptoki.SessionHandle, class uint, label string, id []byte) (cryptoki.ObjectHandle, error) {
	found, err := t.search(s, class, label, id)
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, errors.New("the token has no such RSA key, or hides it from this user")
	case len(found) > 1:
		return 0, errors.New("the token has several keys of this name: give label and id")
	}
	return found[0], nil
}

// search returns up to two RSA keys of a class.
func (t *Token) search(s cryptoki.SessionHandle, class uint, label string, id []byte) ([]cryptoki.ObjectHandle, error) {
	template := []*cryptoki.Attribute{
		cryptoki.NewAttribute(cryptoki.CKA_CLASS, class),
		cryptoki.NewAttribute(cryptoki.CKA_KEY_TYPE, cryptoki.CKK_RSA),
	}
	if label != "" {
		template = append(template, cryptoki.NewAttribute(cryptoki.CKA_LABEL, label))
	}
	if len(id) > 0 {
		template = append(template, cryptoki.NewAttribute(cryptoki.CKA_ID, id))
	}
	if err := t.module.FindObjectsInit(s, template); err != nil {
		return nil, err
	}
	found, _, err := t.module.FindObjects(s, 2)
	return found, errors.Join(err, t.module.FindObjectsFinal(s))
}

// publicOf reads the public half from the public key of the same name, or else
// from the private key, where many tokens have it too.
func (t *Token) publicOf(s cryptoki.SessionHandle, private cryptoki.ObjectHandle, label string, id []byte) (*rsa.PublicKey, error) {
	from := private
	if public, err := t.one(s, cryptoki.CKO_PUBLIC_KEY, label, id); err == nil {
		from = public
	}
	n, err := t.attribute(s, from, cryptoki.CKA_MODULUS)
	if err != nil {
		return nil, fmt.Errorf("its modulus: %w", err)
	}
	e, err := t.attribute(s, from, cryptoki.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, fmt.Errorf("its public exponent: %w", err)
	}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil, errors.New("its public exponent is over 31 bits")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

func (t *Token) attribute(s cryptoki.SessionHandle, object cryptoki.ObjectHandle, kind uint) ([]byte, error) {
	values, err := t.module.GetAttributeValue(s, object, []*cryptoki.Attribute{cryptoki.NewAttribute(kind, nil)})
	if err != nil {
		return nil, err
	}
	return values[0].Value, nil
}
