package kit_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/kit"
)

var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	hine     = sync.OnceValue(func() *age.X25519Identity { return must(age.GenerateX25519Identity()) })
	tama     = sync.OnceValue(func() *age.X25519Identity { return must(age.GenerateX25519Identity()) })
	stranger = sync.OnceValue(func() *age.X25519Identity { return must(age.GenerateX25519Identity()) })
	made     = time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func officers() []kit.Officer {
	return []kit.Officer{
		{Recipient: hine().Recipient().String(), Name: "Hine Rāwiri, CISO"},
		{Recipient: tama().Recipient().String()},
	}
}

func label() kit.Label {
	return kit.Label{
		Handle: "news@agency.govt.nz", Actor: "https://www.agency.govt.nz/ap/actor/x", Made: made, Officers: officers(),
	}
}

func kitOf(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := kit.Make(&out, key, label())
	require.NoError(t, err)
	return out.Bytes()
}

func fingerprint(t testing.TB, key crypto.Signer) string {
	t.Helper()
	k, err := signing.New(key)
	require.NoError(t, err)
	return k.Fingerprint()
}

func TestEachOfficerOpensTheKitAloneAndNobodyElse(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]crypto.Signer{"RSA": rsaKey(), "Ed25519": edKey} {
		t.Run(name, func(t *testing.T) {
			sealed := kitOf(t, key)
			want := label()
			want.Fingerprint = fingerprint(t, key)
			for _, officer := range []age.Identity{hine(), tama()} {
				opened, err := kit.Open(bytes.NewReader(sealed), officer)
				require.NoError(t, err)
				assert.Equal(t, want, opened.Label)
				assert.Equal(t, key.Public(), opened.Key.Public())
			}
			_, err := kit.Open(bytes.NewReader(sealed), stranger())
			assert.EqualError(t, err, "kit: open: it was not made for this officer: no identity fits")
			_, err = kit.Open(bytes.NewReader(sealed))
			assert.ErrorContains(t, err, "no identity")
		})
	}
}

func TestAKitSaysInPlainWordsWhatItIs(t *testing.T) {
	sealed := string(kitOf(t, rsaKey()))
	for _, words := range []string{
		"PĀNUI RECOVERY KIT\n", "Account:     news@agency.govt.nz\n", "Actor:       https://www.agency.govt.nz/ap/actor/x\n",
		"Fingerprint: " + fingerprint(t, rsaKey()), "Made:        2026-11-26T02:00:00Z\n",
		"Officer:     " + hine().Recipient().String() + " Hine Rāwiri, CISO\n", "Officer:     " + tama().Recipient().String() + "\n",
	} {
		assert.Contains(t, sealed, words)
	}
	assert.Less(t, len(sealed), 8<<10, "small enough to print")

	outside, err := kit.Read(strings.NewReader(sealed))
	require.NoError(t, err)
	opened, err := kit.Open(strings.NewReader(sealed), hine())
	require.NoError(t, err)
	assert.Equal(t, outside, opened.Label)
}

func TestWhoChangesTheOutsideDeceivesNobodyWhoOpensIt(t *testing.T) {
	sealed := string(kitOf(t, rsaKey()))
	changed := strings.Replace(sealed, "news@agency.govt.nz", "news@evil.example", 1)
	outside, err := kit.Read(strings.NewReader(changed))
	require.NoError(t, err)
	assert.Equal(t, "news@evil.example", outside.Handle)
	opened, err := kit.Open(strings.NewReader(changed), hine())
	require.NoError(t, err)
	assert.Equal(t, "news@agency.govt.nz", opened.Label.Handle)

	_, cut, _ := strings.Cut(sealed, "panui.pem\n\n")
	for name, text := range map[string]string{
		"sent with Windows line ends": strings.ReplaceAll(sealed, "\n", "\r\n"),
		"its words cut away":          cut,
	} {
		_, err := kit.Open(strings.NewReader(text), tama())
		assert.NoError(t, err, name)
	}
}

// The command that the kit itself names restores a key file that signing.File takes.
func TestAKitOpensWithoutPanui(t *testing.T) {
	testenv.Command(t, "age", "age")
	dir := t.TempDir()
	sealed := kitOf(t, rsaKey())
	command := regexp.MustCompile(`(?m)^  (umask .*)$`).FindSubmatch(sealed)
	require.NotNil(t, command)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "KIT"), sealed, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "IDENTITY"), []byte(hine().String()+"\n"), 0o600))
	shell := exec.CommandContext(t.Context(), "sh", "-c", string(command[1]))
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	key, err := signing.File(filepath.Join(dir, "panui.pem"))
	require.NoError(t, err)
	assert.Equal(t, fingerprint(t, rsaKey()), key.Fingerprint())
}

func TestNothingSecretIsWrittenOrPrinted(t *testing.T) {
	sealed := kitOf(t, rsaKey())
	der := must(x509.MarshalPKCS8PrivateKey(rsaKey()))
	secrets := [][]byte{rsaKey().D.Bytes(), []byte(rsaKey().D.String())}
	for line := range bytes.Lines(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) {
		secrets = append(secrets, bytes.TrimSpace(line))
	}
	opened, err := kit.Open(bytes.NewReader(sealed), hine())
	require.NoError(t, err)
	var failure recorder
	assert.Equal(&failure, opened, &kit.Opened{})
	require.NotEmpty(t, failure.text)
	printed := fmt.Sprintf("%v %+v %#v", opened, opened, *opened) + failure.text
	for _, secret := range secrets {
		assert.False(t, bytes.Contains(sealed, secret))
		assert.NotContains(t, printed, string(secret))
	}
	assert.NotContains(t, printed, "Primes")
}

type recorder struct{ text string }

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }

// remote is a key that a KMS or an HSM keeps.
type remote struct{ crypto.Signer }

func TestMakeRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		key    crypto.Signer
		change func(*kit.Label)
		says   string
	}{
		{"no officer", rsaKey(), func(l *kit.Label) { l.Officers = nil }, "0 of at least 2 officers: one person alone may be away"},
		{"one officer", rsaKey(), func(l *kit.Label) { l.Officers = l.Officers[:1] }, "1 of at least 2 officers"},
		{"one officer twice", rsaKey(), func(l *kit.Label) { l.Officers[1].Recipient = l.Officers[0].Recipient }, "officer 2: the recipient of another"},
		{"too many officers", rsaKey(), func(l *kit.Label) { l.Officers = make([]kit.Officer, 17) }, "17 officers, of at most 16"},
		{"an officer without recipient", rsaKey(), func(l *kit.Label) { l.Officers[1].Recipient = "" }, "officer 2: not an X25519 recipient"},
		{"an officer's secret", rsaKey(), func(l *kit.Label) { l.Officers[1].Recipient = tama().String() }, "treat that identity as disclosed"},
		{"a name of two lines", rsaKey(), func(l *kit.Label) { l.Officers[0].Name = "Hine\nActor: https://evil.example" }, "not one line"},
		{"another key than the published", rsaKey(), func(l *kit.Label) { l.Fingerprint = fingerprint(t, otherKey()) }, "the key is sha256:"},
		{"no handle", rsaKey(), func(l *kit.Label) { l.Handle = "" }, `handle ""`},
		{"an actor of two lines", rsaKey(), func(l *kit.Label) { l.Actor += "\nMade: 2001" }, "is not one word"},
		{"a key in a KMS", remote{rsaKey()}, func(*kit.Label) {}, "cannot be in a kit; back it up with the means of its maker"},
		{"no key", nil, func(*kit.Label) {}, "cannot be in a kit"},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := label()
			row.change(&l)
			var out bytes.Buffer
			_, err := kit.Make(&out, row.key, l)
			assert.ErrorContains(t, err, row.says)
			assert.NotContains(t, fmt.Sprint(err), "AGE-SECRET-KEY-1")
			assert.Zero(t, out.Len(), "nothing is written")
		})
	}
}

func TestMakeFileTakesTheKeyOfSigningFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "panui.pem")
	key, err := signing.File(path)
	require.NoError(t, err)
	var out bytes.Buffer
	l, err := kit.MakeFile(&out, path, label())
	require.NoError(t, err)
	assert.Equal(t, key.Fingerprint(), l.Fingerprint)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing else is on the disk")

	_, err = kit.MakeFile(io.Discard, filepath.Join(dir, "other.pem"), label())
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "HSM cannot be in a kit")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = kit.MakeFile(io.Discard, path, label())
	assert.ErrorContains(t, err, "chmod 600")

	_, err = kit.Make(full{}, rsaKey(), label())
	assert.ErrorIs(t, err, io.ErrShortWrite)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// sealedBy is a file that somebody else encrypted to the officers: they can be
// given anything.
func sealedBy(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("PĀNUI RECOVERY KIT\n")
	armoured := armor.NewWriter(&out)
	w, err := age.Encrypt(armoured, hine().Recipient(), tama().Recipient())
	require.NoError(t, err)
	io.WriteString(w, text)
	require.NoError(t, w.Close())
	require.NoError(t, armoured.Close())
	return out.Bytes()
}

func TestOpenRefusesWhatIsDamagedOrForged(t *testing.T) {
	sealed := kitOf(t, rsaKey())
	words, _, _ := bytes.Cut(sealed, []byte(armor.Header))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(otherKey()))}))
	middle := bytes.LastIndexByte(sealed[:len(sealed)/2], '\n') + 10
	flipped := bytes.Clone(sealed)
	flipped[middle] ^= 1
	for _, row := range []struct {
		name string
		kit  []byte
		says string
	}{
		{"nothing", nil, "not a recovery kit"},
		{"garbage", []byte("hello"), "not a recovery kit"},
		{"words alone", words, "not a recovery kit"},
		{"the marker within a line", []byte("x" + armor.Header), "not a recovery kit"},
		{"half of it", sealed[:len(sealed)/2], "damaged"},
		{"its last line gone", sealed[:len(sealed)-len(armor.Footer)-1], "damaged"},
		{"a flipped bit", flipped, "damaged"},
		{"something after it", append(bytes.Clone(sealed), "more"...), "damaged"},
		{"too big a file", append(bytes.Clone(sealed), make([]byte, 64<<10)...), "over 65536 bytes"},
		{"too big inside", sealedBy(t, strings.Repeat("\n", 60<<10)), "over 65536 bytes"},
		{"no label inside", sealedBy(t, keyPEM), "it does not begin with"},
		{"no key inside", sealedBy(t, string(words)), "not a PEM private key"},
		{"another key inside", sealedBy(t, string(words)+keyPEM), "but its label says sha256:"},
		{"half a label inside", sealedBy(t, "PĀNUI RECOVERY KIT\nMade: yesterday\n"+keyPEM), "not a time"},
		{"an empty label inside", sealedBy(t, "PĀNUI RECOVERY KIT\n"+keyPEM), "at least 2 officers"},
		{"a password's file", []byte(password(t)), "not made for this officer"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := kit.Open(bytes.NewReader(row.kit), hine())
			assert.ErrorContains(t, err, row.says)
		})
	}
	for cut := 0; cut < len(sealed)-1; cut += 7 {
		_, err := kit.Open(bytes.NewReader(sealed[:cut]), hine())
		assert.Error(t, err, "the first %d bytes", cut)
	}
}

// password is a file that asks for the dearest scrypt: an officer's identity does none of it.
func password(t *testing.T) string {
	r, err := age.NewScryptRecipient("x")
	require.NoError(t, err)
	r.SetWorkFactor(10)
	var out bytes.Buffer
	armoured := armor.NewWriter(&out)
	w, err := age.Encrypt(armoured, r)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, armoured.Close())
	return out.String()
}

func TestRestoreNeverReplacesAnotherKey(t *testing.T) {
	opened, err := kit.Open(bytes.NewReader(kitOf(t, rsaKey())), hine())
	require.NoError(t, err)
	there := func(text []byte, mode os.FileMode) func(string) {
		return func(path string) {
			require.NoError(t, os.WriteFile(path, text, mode))
			require.NoError(t, os.Chmod(path, mode))
		}
	}
	pkcs1 := func(key *rsa.PrivateKey) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	}
	for _, row := range []struct {
		name   string
		before func(path string)
		says   string // empty: restored
	}{
		{"no file", func(string) {}, ""},
		{"the same key, in another form", there(pkcs1(rsaKey()), 0o600), ""},
		{"another key", there(pkcs1(otherKey()), 0o600), "another key is there already, and stays"},
		{"a file that is no key", there([]byte("minutes"), 0o600), "what is there stays as it is"},
		{"the same key, for all to read", there(pkcs1(rsaKey()), 0o644), "chmod 600"},
		{"a link to nowhere", func(path string) { require.NoError(t, os.Symlink("nowhere", path)) }, "what is there stays as it is"},
		{"a folder", func(path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, "not a regular file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "panui.pem")
			row.before(path)
			before, _ := os.ReadFile(path)
			err := opened.Restore(path)
			after, _ := os.ReadFile(path)
			if row.says != "" {
				assert.ErrorContains(t, err, row.says)
			} else if assert.NoError(t, err) {
				key, err := signing.File(path)
				require.NoError(t, err)
				assert.Equal(t, opened.Key.Fingerprint(), key.Fingerprint())
				info, err := os.Stat(path)
				require.NoError(t, err)
				assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			}
			if before != nil {
				assert.Equal(t, before, after)
			}
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, entries, 1, "nothing else is left")
		})
	}
	err = opened.Restore(filepath.Join(t.TempDir(), "no", "folder", "panui.pem"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestOfficersOfAFile(t *testing.T) {
	h, m := hine().Recipient().String(), tama().Recipient().String()
	found, err := kit.Officers(strings.NewReader("# Those who can open it\n\n# Hine Rāwiri, CISO\n" + h + "\n\n" + m + "\r\n"))
	require.NoError(t, err)
	assert.Equal(t, officers(), found)

	for _, row := range []struct{ name, text, says string }{
		{"empty", "", "0 of at least 2"},
		{"one", h, "1 of at least 2"},
		{"one twice", h + "\n" + h, "officer 2: the recipient of another"},
		{"garbage", h + "\nhello", "line 2: not an X25519 recipient"},
		{"a typing error", h + "\n" + m[:len(m)-1] + "x", "line 2: not an X25519 recipient"},
		{"a secret", h + "\n" + tama().String(), "line 2: a secret identity"},
		{"a secret in small letters", h + "\n" + strings.ToLower(tama().String()), "line 2: a secret identity"},
		{"a post-quantum recipient", must(age.GenerateHybridIdentity()).Recipient().String(), "without -pq"},
		{"an SSH key", "ssh-ed25519 AAAA", "line 1: not an X25519"},
		{"a line without end", strings.Repeat("x", 100<<10), "token too long"},
		{"a crowd", crowd(17), "line 17: more than 16"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := kit.Officers(strings.NewReader(row.text))
			assert.ErrorContains(t, err, row.says)
			assert.NotContains(t, strings.ToUpper(fmt.Sprint(err)), strings.ToUpper(tama().String()))
		})
	}
}

func crowd(n int) string {
	var lines strings.Builder
	for range n {
		fmt.Fprintln(&lines, must(age.GenerateX25519Identity()).Recipient())
	}
	return lines.String()
}

func FuzzOpen(f *testing.F) {
	f.Add(kitOf(f, rsaKey()))
	f.Add([]byte("PĀNUI RECOVERY KIT\n" + armor.Header + "\n" + armor.Footer + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		opened, err := kit.Open(bytes.NewReader(data), hine())
		if err == nil && opened.Label.Fingerprint != opened.Key.Fingerprint() {
			t.Fatal("a kit with a key that its label does not name")
		}
		if outside, err := kit.Read(bytes.NewReader(data)); err == nil && len(outside.Officers) < 2 {
			t.Fatal("a label without two officers")
		}
	})
}

func FuzzOfficers(f *testing.F) {
	f.Add("# Hine\n" + hine().Recipient().String() + "\n" + tama().Recipient().String())
	f.Fuzz(func(t *testing.T, text string) {
		found, err := kit.Officers(strings.NewReader(text))
		if err != nil {
			return
		}
		l := label()
		l.Officers = found
		var out bytes.Buffer
		if _, err := kit.Make(&out, fuzzKey(), l); err != nil && !strings.Contains(err.Error(), "low order") {
			t.Fatal(err)
		}
	})
}

// fuzzKey costs less than an RSA key.
var fuzzKey = sync.OnceValue(func() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(big.NewInt(1).FillBytes(make([]byte, ed25519.SeedSize)))
})
