// Package kit makes recovery kits: the private key of an actor, encrypted to two
// or more officers, in one small file that says in plain words what it is.
//
// A key that is lost cannot be replaced by an announcement, because the
// announcement would have to be signed with it: servers that have kept the old
// key refuse whatever the new one signs. So make a kit the day the key is made
// ([MakeFile]), keep copies away from the website, let an officer show now and
// then that it opens ([Prove]), and have that remembered (custody.Drill): a site
// that runs reminds of it when nobody has.
//
// The encryption is age (age-encryption.org/v1) with X25519. Any officer opens
// the kit alone, also without Pānui: the kit says how. Nothing here writes a
// private key anywhere, but [Opened.Restore]. Buffers that held one are zeroed;
// copies that the packages age and crypto/rsa keep of it stay in memory until
// the garbage collector reuses them, so open a kit in a process that ends soon.
//
// What a key file does not hold cannot be in a kit: keys in a KMS or an HSM are
// backed up with the means of its maker.
package kit

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/internal/keyfile"
)

// maxKit is several times the size of a kit for an RSA-8192 key and sixteen officers.
const maxKit = 64 << 10

// MakeFile seals the key in the file at path, as [signing.File] makes it, in a
// kit that it writes to w; see [Make].
func MakeFile(w io.Writer, path string, l Label) (Label, error) {
	key, err := keyfile.Read(path)
	if err != nil {
		return Label{}, fmt.Errorf("kit: make: key file %s: %w; a key in a KMS or an HSM cannot be in a kit: back it up with the means of its maker", path, err)
	}
	return Make(w, key, l)
}

// Make seals an RSA or Ed25519 private key for the officers of l in a kit that it
// writes to w, and returns what the kit says on its outside. Where l has a
// Fingerprint, the key must be that one. Nothing is written when it fails.
func Make(w io.Writer, key crypto.Signer, l Label) (Label, error) {
	kit, l, err := seal(key, l)
	if err != nil {
		return Label{}, fmt.Errorf("kit: make for %s: %w", l.Handle, err)
	}
	if _, err := w.Write(kit); err != nil {
		return Label{}, fmt.Errorf("kit: make for %s: %w", l.Handle, err)
	}
	return l, nil
}

func seal(key crypto.Signer, l Label) ([]byte, Label, error) {
	l, err := l.of(key)
	if err != nil {
		return nil, l, err
	}
	recipients, err := recipients(l.Officers)
	if err != nil {
		return nil, l, err
	}
	private, err := keyfile.Marshal(key)
	if err != nil {
		return nil, l, err
	}
	defer clear(private)
	words := l.words()
	out := bytes.NewBuffer(bytes.Clone(words))
	if err := encrypt(out, recipients, words, private); err != nil {
		return nil, l, err
	}
	return out.Bytes(), l, nil
}

// encrypt seals the words with the key, since anybody can change those outside.
func encrypt(w io.Writer, to []age.Recipient, words, private []byte) error {
	armoured := armor.NewWriter(w)
	sealed, err := age.Encrypt(armoured, to...)
	if err != nil {
		return err
	}
	for _, part := range [][]byte{words, private} {
		if _, err := sealed.Write(part); err != nil {
			return err
		}
	}
	return errors.Join(sealed.Close(), armoured.Close())
}

// of completes the label of a kit that holds key.
func (l Label) of(key crypto.Signer) (Label, error) {
	switch key.(type) {
	case *rsa.PrivateKey, ed25519.PrivateKey:
	default:
		return l, fmt.Errorf("a %T keeps its private half to itself: a key in a KMS or an HSM cannot be in a kit; back it up with the means of its maker", key)
	}
	published, err := signing.New(key)
	if err != nil {
		return l, err
	}
	if l.Fingerprint != "" && l.Fingerprint != published.Fingerprint() {
		return l, fmt.Errorf("the key is %s, not %s", published.Fingerprint(), l.Fingerprint)
	}
	l.Fingerprint = published.Fingerprint()
	if l.Made.IsZero() {
		l.Made = time.Now()
	}
	l.Made = l.Made.UTC().Truncate(time.Second)
	return l, l.check()
}

// Opened is a kit that an officer has opened.
type Opened struct {
	Label Label        // as sealed with the key, whatever the outside says
	Key   *signing.Key // ready to sign

	private func() crypto.Signer // a func, because printing by reflection stops there
}

// Open decrypts a kit with the identity of one of its officers and checks that
// the key is the one that its label names. It writes nothing. Whether the key is
// the one that the actor publishes, [Prove] says.
func Open(r io.Reader, officer ...age.Identity) (*Opened, error) {
	o, err := open(r, officer)
	if err != nil {
		return nil, fmt.Errorf("kit: open: %w", err)
	}
	return o, nil
}

func open(r io.Reader, officer []age.Identity) (*Opened, error) {
	text, err := decrypt(r, officer)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	label, err := parseLabel(text)
	if err != nil {
		return nil, err
	}
	private, err := keyfile.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("what is sealed in it: %w", err)
	}
	key, err := signing.New(private)
	if err != nil {
		return nil, err
	}
	if key.Fingerprint() != label.Fingerprint {
		return nil, fmt.Errorf("its key is %s, but its label says %s", key.Fingerprint(), label.Fingerprint)
	}
	return &Opened{Label: label, Key: key, private: func() crypto.Signer { return private }}, nil
}

// decrypt returns what is sealed in a kit, which is never longer than the kit:
// age does not compress.
func decrypt(r io.Reader, officer []age.Identity) ([]byte, error) {
	kit, err := readKit(r)
	if err != nil {
		return nil, err
	}
	_, armoured, err := split(kit)
	if err != nil {
		return nil, err
	}
	if len(officer) == 0 {
		return nil, errors.New("no identity: an officer's file with AGE-SECRET-KEY-1… is needed")
	}
	sealed, err := age.Decrypt(armor.NewReader(bytes.NewReader(armoured)), officer...)
	if _, stranger := errors.AsType[*age.NoIdentityMatchError](err); stranger {
		return nil, errors.New("it was not made for this officer: no identity fits")
	}
	if err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return readSealed(sealed, len(armoured))
}

// readSealed reads less than size bytes, and without growing a buffer, which
// would leave copies of a secret behind.
func readSealed(sealed io.Reader, size int) ([]byte, error) {
	text := make([]byte, size)
	for n := 0; n < size; {
		m, err := sealed.Read(text[n:])
		n += m
		if err == io.EOF { // not errors.Is: age ends a file that is cut short with an error that wraps it
			return text[:n], nil
		}
		if err != nil {
			clear(text)
			return nil, fmt.Errorf("damaged: %w", err)
		}
	}
	clear(text)
	return nil, errors.New("damaged: more in it than it could hold")
}

func readKit(r io.Reader) ([]byte, error) {
	kit, err := io.ReadAll(io.LimitReader(r, maxKit+1))
	if err != nil {
		return nil, err
	}
	if len(kit) > maxKit {
		return nil, fmt.Errorf("over %d bytes: not a recovery kit", maxKit)
	}
	return bytes.ReplaceAll(kit, []byte("\r\n"), []byte("\n")), nil
}

// split parts the words of a kit from what is sealed.
func split(kit []byte) (words, armoured []byte, err error) {
	if bytes.HasPrefix(kit, []byte(armor.Header)) {
		return nil, kit, nil
	}
	at := bytes.Index(kit, []byte("\n"+armor.Header))
	if at < 0 {
		return nil, nil, errors.New("not a recovery kit: no line says " + armor.Header)
	}
	return kit[:at+1], kit[at+1:], nil
}

// Restore puts the key back in the file at path, as [signing.File] reads it:
// mode 0600, whole or not at all. Where that key is there already, nothing
// changes; another one, and a file that is no key, is never replaced.
func (o *Opened) Restore(path string) error {
	if err := keyfile.Write(path, o.private()); err != nil {
		return fmt.Errorf("kit: restore %s to %s: %w", o.Label.Handle, path, err)
	}
	return nil
}
