//go:build cgo

package pkcs11_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	cryptoki "github.com/miekg/pkcs11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing/pkcs11"
)

const (
	label = "panui"
	pin   = "4711-kererū"
)

// module returns the path of SoftHSM's library.
func module(t testing.TB) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/softhsm", "/usr/lib/*/softhsm", "/usr/local/lib/softhsm"} {
		if found, _ := filepath.Glob(filepath.Join(pattern, "libsofthsm2.so")); len(found) > 0 {
			return found[0]
		}
	}
	testenv.Missing(t, "softhsm", "libsofthsm2.so is not installed")
	return ""
}

// hsm is a SoftHSM of the test's own, with one token.
type hsm struct {
	module string
	tokens string // the folder of its tokens
}

func newHSM(t testing.TB) hsm {
	t.Helper()
	h := hsm{module: module(t), tokens: filepath.Join(t.TempDir(), "tokens")}
	require.NoError(t, os.Mkdir(h.tokens, 0o700))
	config := filepath.Join(filepath.Dir(h.tokens), "softhsm2.conf")
	require.NoError(t, os.WriteFile(config, []byte("directories.tokendir = "+h.tokens+"\nlog.level = ERROR\n"), 0o600))
	t.Setenv("SOFTHSM2_CONF", config)
	h.initialise(t, label)
	return h
}

// initialise puts another token into the HSM.
func (h hsm) initialise(t testing.TB, label string) {
	t.Helper()
	util := testenv.Command(t, "softhsm", "softhsm2-util")
	out, err := exec.CommandContext(t.Context(), util, "--init-token", "--free", "--label", label, "--so-pin", "so-pin", "--pin", pin).CombinedOutput()
	require.NoError(t, err, string(out))
}

func (h hsm) config() pkcs11.Config {
	return pkcs11.Config{Module: h.module, Label: label, PIN: func() (string, error) { return pin, nil }}
}

func (h hsm) open(t testing.TB) *pkcs11.Token {
	t.Helper()
	token, err := pkcs11.Open(h.config())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, token.Close()) })
	return token
}

// hand is somebody else in the same process who uses the token.
type hand struct {
	*cryptoki.Ctx
	session cryptoki.SessionHandle
	slot    uint
}

// hand opens a writing session, logged in or not as the process is.
func (h hsm) hand(t testing.TB) hand {
	t.Helper()
	c := hand{Ctx: cryptoki.New(h.module)}
	c.Initialize()
	slots, err := c.GetSlotList(true)
	require.NoError(t, err)
	c.slot = slots[0]
	c.session, err = c.OpenSession(c.slot, cryptoki.CKF_SERIAL_SESSION|cryptoki.CKF_RW_SESSION)
	require.NoError(t, err)
	c.Login(c.session, cryptoki.CKU_USER, pin)
	return c
}

// make makes a key pair that Generate would not.
func (c hand) make(t testing.TB, mechanism uint, label, id string, public, private []*cryptoki.Attribute) {
	t.Helper()
	name := []*cryptoki.Attribute{
		cryptoki.NewAttribute(cryptoki.CKA_TOKEN, true), cryptoki.NewAttribute(cryptoki.CKA_LABEL, label), cryptoki.NewAttribute(cryptoki.CKA_ID, id),
	}
	private = append(private, cryptoki.NewAttribute(cryptoki.CKA_SIGN, true))
	_, _, err := c.GenerateKeyPair(c.session, []*cryptoki.Mechanism{cryptoki.NewMechanism(mechanism, nil)}, append(public, name...), append(private, name...))
	require.NoError(t, err)
}

// makeRSA makes a small RSA key.
func (c hand) makeRSA(t testing.TB, label, id string, private ...*cryptoki.Attribute) {
	t.Helper()
	c.make(t, cryptoki.CKM_RSA_PKCS_KEY_PAIR_GEN, label, id, []*cryptoki.Attribute{
		cryptoki.NewAttribute(cryptoki.CKA_MODULUS_BITS, 2048), cryptoki.NewAttribute(cryptoki.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}),
	}, private)
}

// objects lists those of a class with a label.
func (c hand) objects(t testing.TB, class uint, label string) []cryptoki.ObjectHandle {
	t.Helper()
	require.NoError(t, c.FindObjectsInit(c.session, []*cryptoki.Attribute{
		cryptoki.NewAttribute(cryptoki.CKA_CLASS, class), cryptoki.NewAttribute(cryptoki.CKA_LABEL, label),
	}))
	found, _, err := c.FindObjects(c.session, 10)
	require.NoError(t, err)
	require.NoError(t, c.FindObjectsFinal(c.session))
	return found
}

// destroy removes both halves of a key.
func (c hand) destroy(t testing.TB, label string) {
	t.Helper()
	for _, class := range []uint{cryptoki.CKO_PRIVATE_KEY, cryptoki.CKO_PUBLIC_KEY} {
		for _, object := range c.objects(t, class, label) {
			require.NoError(t, c.DestroyObject(c.session, object), fmt.Sprint(class))
		}
	}
}
