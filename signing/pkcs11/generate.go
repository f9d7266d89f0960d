//go:build cgo

package pkcs11

import (
	"errors"
	"fmt"

	cryptoki "github.com/miekg/pkcs11"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/internal/keyfile"
)

// Generate makes an RSA key in the token, which signs and does nothing else and
// can never be read: of 3072 bits, or more where the policy asks for more. Label
// and id are required. It fails when either is taken, and leaves nothing
// when the token or the policy wants it otherwise.
func (t *Token) Generate(label string, id []byte, policy signing.Policy) (*Key, error) {
	k := &Key{token: t, label: label, id: id}
	if label == "" || len(id) == 0 {
		return nil, errors.New("pkcs11: generate: give label and id")
	}
	if err := t.generate(label, id, max(keyfile.NewBits, policy.MinRSA)); err != nil {
		return nil, fmt.Errorf("pkcs11: generate %s: %w", k.name(), err)
	}
	made, err := t.Key(label, id)
	if err == nil {
		err = policy.MayUse(made.public)
	}
	if err == nil {
		err = made.confined()
	}
	if err != nil {
		return nil, fmt.Errorf("pkcs11: generate %s: %w", k.name(), errors.Join(err, t.destroy(label, id)))
	}
	return made, nil
}

// generate needs a session that may write, which is not one of the pool.
func (t *Token) generate(label string, id []byte, bits int) error {
	return t.writing(func(s cryptoki.SessionHandle) error {
		for _, taken := range []struct {
			label string
			id    []byte
		}{{label, nil}, {"", id}} {
			found, err := t.search(s, cryptoki.CKO_PRIVATE_KEY, taken.label, taken.id)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				return errors.New("the token has a key with that label or id, and keeps it")
			}
		}
		public, private := templates(label, id, bits)
		mechanism := []*cryptoki.Mechanism{cryptoki.NewMechanism(cryptoki.CKM_RSA_PKCS_KEY_PAIR_GEN, nil)}
		_, _, err := t.module.GenerateKeyPair(s, mechanism, public, private)
		return err
	})
}

func templates(label string, id []byte, bits int) (public, private []*cryptoki.Attribute) {
	both := func(more ...*cryptoki.Attribute) []*cryptoki.Attribute {
		return append(more,
			cryptoki.NewAttribute(cryptoki.CKA_TOKEN, true),
			cryptoki.NewAttribute(cryptoki.CKA_LABEL, label),
			cryptoki.NewAttribute(cryptoki.CKA_ID, id))
	}
	public = both(
		cryptoki.NewAttribute(cryptoki.CKA_VERIFY, true),
		cryptoki.NewAttribute(cryptoki.CKA_ENCRYPT, false),
		cryptoki.NewAttribute(cryptoki.CKA_WRAP, false),
		cryptoki.NewAttribute(cryptoki.CKA_MODULUS_BITS, bits),
		cryptoki.NewAttribute(cryptoki.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
	private = both(
		cryptoki.NewAttribute(cryptoki.CKA_PRIVATE, true),
		cryptoki.NewAttribute(cryptoki.CKA_SENSITIVE, true),
		cryptoki.NewAttribute(cryptoki.CKA_EXTRACTABLE, false),
		cryptoki.NewAttribute(cryptoki.CKA_SIGN, true),
		cryptoki.NewAttribute(cryptoki.CKA_DECRYPT, false),
		cryptoki.NewAttribute(cryptoki.CKA_UNWRAP, false))
	return public, private
}

// confined says why the key could ever have been read, or nil.
func (k *Key) confined() error {
	return k.token.use(func(s cryptoki.SessionHandle) error {
		handle, err := k.object(s)
		if err != nil {
			return err
		}
		for _, kind := range []uint{cryptoki.CKA_LOCAL, cryptoki.CKA_ALWAYS_SENSITIVE, cryptoki.CKA_NEVER_EXTRACTABLE} {
			if value, err := k.token.attribute(s, handle, kind); err != nil || !isTrue(value) {
				return errors.Join(errors.New("the token does not say that the key never leaves it"), err)
			}
		}
		return nil
	})
}

// destroy removes a key that was made just now.
func (t *Token) destroy(label string, id []byte) error {
	return t.writing(func(s cryptoki.SessionHandle) error {
		var wrong []error
		for _, class := range []uint{cryptoki.CKO_PRIVATE_KEY, cryptoki.CKO_PUBLIC_KEY} {
			found, err := t.search(s, class, label, id)
			wrong = append(wrong, err)
			for _, object := range found {
				wrong = append(wrong, t.module.DestroyObject(s, object))
			}
		}
		return errors.Join(wrong...)
	})
}

// writing calls do with a session of its own that may change the token.
func (t *Token) writing(do func(cryptoki.SessionHandle) error) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if err := t.usable(); err != nil {
		return err
	}
	s, err := t.module.OpenSession(t.slot, cryptoki.CKF_SERIAL_SESSION|cryptoki.CKF_RW_SESSION)
	if err != nil {
		return err
	}
	defer t.module.CloseSession(s)
	return do(s)
}

func isTrue(value []byte) bool { return len(value) > 0 && value[0] != 0 }
