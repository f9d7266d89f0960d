//go:build cgo

package pkcs11_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	cryptoki "github.com/miekg/pkcs11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/pkcs11"
)

// signs requires that the key makes a good signature.
func signs(t testing.TB, key crypto.Signer) {
	t.Helper()
	digest := sha256.Sum256([]byte("Kua tuwhera te huarahi"))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	require.NoError(t, err)
	require.NoError(t, rsa.VerifyPKCS1v15(key.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature))
}

func TestAKeyIsMadeInTheTokenAndNeverLeavesIt(t *testing.T) {
	h := newHSM(t)
	token := h.open(t)
	made, err := token.Generate("news", []byte("1"), signing.NZISM())
	require.NoError(t, err)
	signs(t, made)
	assert.Equal(t, 3072, made.Public().(*rsa.PublicKey).N.BitLen())
	assert.NoError(t, signing.NZISM().MayUse(made.Public()))

	private := h.hand(t).objects(t, cryptoki.CKO_PRIVATE_KEY, "news")
	require.Len(t, private, 1)
	_, err = h.hand(t).GetAttributeValue(h.hand(t).session, private[0], []*cryptoki.Attribute{cryptoki.NewAttribute(cryptoki.CKA_PRIVATE_EXPONENT, nil)})
	assert.Equal(t, cryptoki.Error(cryptoki.CKR_ATTRIBUTE_SENSITIVE), err)

	for name, find := range map[string]func() (*pkcs11.Key, error){
		"by label": func() (*pkcs11.Key, error) { return token.Key("news", nil) },
		"by id":    func() (*pkcs11.Key, error) { return token.Key("", []byte("1")) },
		"by both":  func() (*pkcs11.Key, error) { return token.Key("news", []byte("1")) },
	} {
		found, err := find()
		require.NoError(t, err, name)
		assert.Equal(t, made.Public(), found.Public(), name)
	}
	for _, taken := range []struct{ label, id string }{{"news", "2"}, {"alerts", "1"}} {
		_, err := token.Generate(taken.label, []byte(taken.id), signing.NZISM())
		assert.ErrorContains(t, err, "has a key with that label or id, and keeps it")
	}
	_, err = token.Generate("alerts", nil, signing.NZISM())
	assert.ErrorContains(t, err, "give label and id")
}

func TestAKeyThatThePolicyForbidsIsNotLeftInTheToken(t *testing.T) {
	h := newHSM(t)
	_, err := h.open(t).Generate("news", []byte("1"), signing.Policy{Name: "ours", MaxRSA: 3000})
	assert.ErrorContains(t, err, "policy ours forbids")
	for _, class := range []uint{cryptoki.CKO_PRIVATE_KEY, cryptoki.CKO_PUBLIC_KEY} {
		assert.Empty(t, h.hand(t).objects(t, class, "news"))
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	h := newHSM(t)
	h.initialise(t, "another")
	h.initialise(t, "twin")
	h.initialise(t, "twin")
	asked := 0
	for _, row := range []struct {
		name   string
		change func(*pkcs11.Config)
		says   string
	}{
		{"no module", func(c *pkcs11.Config) { c.Module = "" }, "are required"},
		{"no token", func(c *pkcs11.Config) { c.Label = "" }, "are required"},
		{"no PIN", func(c *pkcs11.Config) { c.PIN = nil }, "are required"},
		{"a number of sessions below zero", func(c *pkcs11.Config) { c.Sessions = -1 }, "-1 Sessions"},
		{"a module that is not there", func(c *pkcs11.Config) { c.Module = "/nowhere.so" }, "/nowhere.so cannot be loaded"},
		{"a token that is not there", func(c *pkcs11.Config) { c.Label = "lost" }, `"another" with serial`},
		{"a serial that does not fit", func(c *pkcs11.Config) { c.Serial = "0" }, "no such token"},
		{"two tokens of the name", func(c *pkcs11.Config) { c.Label = "twin" }, "2 tokens fit: give the Serial too"},
		{"a PIN that nobody knows", func(c *pkcs11.Config) { c.PIN = func() (string, error) { return "", errors.New("the safe is shut") } }, "the safe is shut"},
		{"a wrong PIN", func(c *pkcs11.Config) {
			c.PIN = func() (string, error) { asked++; return "0000", nil }
		}, "the PIN is refused and not tried again"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := h.config()
			row.change(&c)
			_, err := pkcs11.Open(c)
			assert.ErrorContains(t, err, row.says)
		})
	}
	assert.Equal(t, 1, asked)
}

func TestATokenIsFoundBySerial(t *testing.T) {
	h := newHSM(t)
	hand := h.hand(t)
	info, err := hand.GetTokenInfo(hand.slot)
	require.NoError(t, err)
	hand.Finalize()
	c := h.config()
	c.Label, c.Serial = "", info.SerialNumber
	token, err := pkcs11.Open(c)
	require.NoError(t, err)
	require.NoError(t, token.Close())
}

func TestPINFile(t *testing.T) {
	h := newHSM(t)
	path := filepath.Join(t.TempDir(), "pin")
	c := h.config()
	c.PIN = pkcs11.PINFile(path)
	_, err := pkcs11.Open(c)
	assert.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(pin+"\r\nthe card is in the safe\n"), 0o644))
	_, err = pkcs11.Open(c)
	assert.ErrorContains(t, err, "chmod 600")
	require.NoError(t, os.Chmod(path, 0o600))
	token, err := pkcs11.Open(c)
	require.NoError(t, err)
	require.NoError(t, token.Close())
}

func TestKeyRefusesWhatCannotServe(t *testing.T) {
	h := newHSM(t)
	token, hand := h.open(t), h.hand(t)
	hand.makeRSA(t, "two", "1")
	hand.makeRSA(t, "two", "2")
	hand.makeRSA(t, "careful", "3", cryptoki.NewAttribute(cryptoki.CKA_ALWAYS_AUTHENTICATE, true), cryptoki.NewAttribute(cryptoki.CKA_PRIVATE, true))
	p384 := []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}
	hand.make(t, cryptoki.CKM_EC_KEY_PAIR_GEN, "elliptic", "4", []*cryptoki.Attribute{cryptoki.NewAttribute(cryptoki.CKA_EC_PARAMS, p384)}, nil)
	for _, row := range []struct{ label, id, says string }{
		{"", "", "give its label or its id"},
		{"none", "", "no such RSA key"},
		{"two", "3", "no such RSA key"},
		{"two", "", "several keys of this name"},
		{"careful", "", "wants the PIN for each signature"},
		{"elliptic", "", "no such RSA key"},
	} {
		_, err := token.Key(row.label, []byte(row.id))
		assert.ErrorContains(t, err, row.says, row.label)
	}
	key, err := token.Key("two", []byte("2"))
	require.NoError(t, err)
	signs(t, key)
}

func TestThePublicHalfIsInThePrivateKeyToo(t *testing.T) {
	h := newHSM(t)
	token, hand := h.open(t), h.hand(t)
	hand.makeRSA(t, "news", "1")
	with, err := token.Key("news", nil)
	require.NoError(t, err)
	require.NoError(t, hand.DestroyObject(hand.session, hand.objects(t, cryptoki.CKO_PUBLIC_KEY, "news")[0]))
	without, err := token.Key("news", nil)
	require.NoError(t, err)
	assert.Equal(t, with.Public(), without.Public())

	// A public key of the same name that is not the other half is found out by the first signature.
	hand.makeRSA(t, "other", "2")
	public := hand.objects(t, cryptoki.CKO_PUBLIC_KEY, "other")[0]
	require.NoError(t, hand.SetAttributeValue(hand.session, public, []*cryptoki.Attribute{cryptoki.NewAttribute(cryptoki.CKA_LABEL, "news")}))
	_, err = token.Key("news", nil)
	assert.ErrorIs(t, err, rsa.ErrVerification)
}

func TestOnlyDigestsOfGoodHashesAreSigned(t *testing.T) {
	h := newHSM(t)
	token := h.open(t)
	h.hand(t).makeRSA(t, "news", "1")
	key, err := token.Key("news", nil)
	require.NoError(t, err)
	digest := sha512.Sum512([]byte("pānui"))
	for _, row := range []struct {
		name string
		opts crypto.SignerOpts
		size int
		says string
	}{
		{"SHA-256", crypto.SHA256, 32, ""},
		{"SHA-384", crypto.SHA384, 48, ""},
		{"SHA-512", crypto.SHA512, 64, ""},
		{"SHA-1", crypto.SHA1, 20, "not a hash to sign with"},
		{"no hash", crypto.Hash(0), 32, "not a hash to sign with"},
		{"half a digest", crypto.SHA256, 16, "16 bytes are no digest"},
		{"PSS", &rsa.PSSOptions{Hash: crypto.SHA256}, 32, "PSS"},
	} {
		signature, err := key.Sign(rand.Reader, digest[:row.size], row.opts)
		if row.says != "" {
			assert.ErrorContains(t, err, row.says, row.name)
			continue
		}
		require.NoError(t, err, row.name)
		assert.NoError(t, rsa.VerifyPKCS1v15(key.Public().(*rsa.PublicKey), row.opts.HashFunc(), digest[:row.size], signature), row.name)
	}
}

func TestManySignAtOnceAlsoWhileSessionsAreLost(t *testing.T) {
	h := newHSM(t)
	c := h.config()
	c.Sessions = 3
	token, err := pkcs11.Open(c)
	require.NoError(t, err)
	defer token.Close()
	hand := h.hand(t)
	hand.makeRSA(t, "news", "1")
	key, err := token.Key("news", nil)
	require.NoError(t, err)
	// SoftHSM itself crashes when a session is closed under a signature, so that happens between signatures only.
	var signing sync.RWMutex
	var signers sync.WaitGroup
	for range 12 {
		signers.Go(func() {
			for range 10 {
				digest := sha256.Sum256([]byte("x"))
				signing.RLock()
				_, err := key.Sign(nil, digest[:], crypto.SHA256)
				signing.RUnlock()
				// Whoever loses the new session as well gives up: the deliverer tries again.
				if code, lost := errors.AsType[cryptoki.Error](err); err != nil && !lost {
					t.Error(err, code)
				}
			}
		})
	}
	for range 5 {
		signing.Lock()
		assert.NoError(t, hand.CloseAllSessions(hand.slot))
		signing.Unlock()
	}
	signers.Wait()
	signs(t, key)
}

func TestALostTokenIsLoggedInToAgain(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, hsm, hand){
		"its sessions are closed": func(t *testing.T, _ hsm, h hand) { require.NoError(t, h.CloseAllSessions(h.slot)) },
		"it is logged out":        func(t *testing.T, _ hsm, h hand) { require.NoError(t, h.Logout(h.session)) },
		"the module starts anew":  func(t *testing.T, _ hsm, h hand) { require.NoError(t, h.Finalize()) },
		"it sits in another slot": func(t *testing.T, hsm hsm, h hand) {
			require.NoError(t, h.Finalize())
			hsm.initialise(t, "a new neighbour")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHSM(t)
			token := h.open(t)
			hand := h.hand(t)
			hand.makeRSA(t, "news", "1")
			key, err := token.Key("news", nil)
			require.NoError(t, err)
			lose(t, h, hand)
			signs(t, key)
			signs(t, key)
		})
	}
}

func TestATokenThatIsAwayIsAskedForUntilItIsBack(t *testing.T) {
	h := newHSM(t)
	token := h.open(t)
	hand := h.hand(t)
	hand.makeRSA(t, "news", "1")
	key, err := token.Key("news", nil)
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("x"))

	require.NoError(t, hand.Finalize())
	require.NoError(t, os.Rename(h.tokens, h.tokens+".away"))
	require.NoError(t, os.Mkdir(h.tokens, 0o700))
	for range 2 {
		_, err = key.Sign(nil, digest[:], crypto.SHA256)
		assert.ErrorContains(t, err, "no such token")
	}
	require.NoError(t, hand.Finalize())
	require.NoError(t, os.RemoveAll(h.tokens))
	require.NoError(t, os.Rename(h.tokens+".away", h.tokens))
	signs(t, key)
}

func TestAPINThatIsRefusedIsNotTriedAgain(t *testing.T) {
	h := newHSM(t)
	c := h.config()
	asked := 0
	c.PIN = func() (string, error) { asked++; return pin, nil }
	token, err := pkcs11.Open(c)
	require.NoError(t, err)
	defer token.Close()
	hand := h.hand(t)
	hand.makeRSA(t, "news", "1")
	key, err := token.Key("news", nil)
	require.NoError(t, err)
	require.NoError(t, hand.SetPIN(hand.session, pin, "another"))
	require.NoError(t, hand.CloseAllSessions(hand.slot))
	digest := sha256.Sum256([]byte("x"))
	for range 5 {
		_, err = key.Sign(nil, digest[:], crypto.SHA256)
		assert.ErrorContains(t, err, "the PIN is refused and not tried again")
	}
	assert.Equal(t, 2, asked)
}

func TestAnotherKeyUnderTheSameNameIsNotSignedWith(t *testing.T) {
	h := newHSM(t)
	token := h.open(t)
	hand := h.hand(t)
	hand.makeRSA(t, "news", "1")
	key, err := token.Key("news", nil)
	require.NoError(t, err)
	hand.destroy(t, "news")
	hand.makeRSA(t, "news", "1")
	digest := sha256.Sum256([]byte("x"))
	_, err = key.Sign(nil, digest[:], crypto.SHA256)
	assert.ErrorContains(t, err, "another key of this name")
}

func TestClose(t *testing.T) {
	h := newHSM(t)
	token := h.open(t)
	h.hand(t).makeRSA(t, "news", "1")
	key, err := token.Key("news", nil)
	require.NoError(t, err)
	require.NoError(t, token.Close())
	require.NoError(t, token.Close())
	digest := sha256.Sum256([]byte("x"))
	_, err = key.Sign(nil, digest[:], crypto.SHA256)
	assert.ErrorContains(t, err, "the token is closed")
	_, err = token.Key("news", nil)
	assert.ErrorContains(t, err, "the token is closed")
	_, err = token.Generate("alerts", []byte("2"), signing.NZISM())
	assert.ErrorContains(t, err, "the token is closed")
}

// Two tokens of one module may be open, and closing one leaves the other.
func TestTwoTokensOfOneModule(t *testing.T) {
	h := newHSM(t)
	h.initialise(t, "another")
	first := h.open(t)
	c := h.config()
	c.Label = "another"
	second, err := pkcs11.Open(c)
	require.NoError(t, err)
	defer second.Close()
	key, err := second.Generate("alerts", []byte("1"), signing.NZISM())
	require.NoError(t, err)
	require.NoError(t, first.Close())
	signs(t, key)
}

func BenchmarkSign(b *testing.B) {
	h := newHSM(b)
	key, err := h.open(b).Generate("news", []byte("1"), signing.NZISM())
	require.NoError(b, err)
	for b.Loop() {
		signs(b, key)
	}
}
