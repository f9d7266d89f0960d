package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/internal/keyfile"
)

func newKey(t testing.TB, signer crypto.Signer) *Key {
	t.Helper()
	key, err := New(signer)
	require.NoError(t, err)
	return key
}

func TestAKeyNeverPrintsWhatItHolds(t *testing.T) {
	key := newKey(t, aliceKey())
	secret := aliceKey().D.String()
	holder := struct{ K *Key }{key}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, key), fmt.Sprintf(verb, *key))
		assert.NotContains(t, fmt.Sprintf(verb, holder), secret)
	}
	printed = append(printed, key.String(), key.GoString(), key.LogValue().String())
	for _, text := range printed {
		assert.Equal(t, "REDACTED", text)
	}
	asJSON, err := json.Marshal(holder)
	require.NoError(t, err)
	assert.Equal(t, `{"K":"REDACTED"}`, string(asJSON))
	asXML, err := xml.Marshal(key)
	require.NoError(t, err)
	assert.Equal(t, "<Key>REDACTED</Key>", string(asXML))

	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "key", key, "value", *key)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "holder", holder)
	assert.Equal(t, 3, strings.Count(log.String(), "REDACTED"), log.String())

	// Even what prints by reflection, as testify does when an assertion fails, stops at a func.
	var failure recorder
	assert.Equal(&failure, key, newKey(t, otherKey()))
	assert.NotEmpty(t, failure.text)
	assert.NotContains(t, failure.text, secret)
	assert.NotContains(t, failure.text, "Primes")
}

type recorder struct{ text string }

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }

func TestPublicHalf(t *testing.T) {
	key := newKey(t, aliceKey())
	assert.Equal(t, aliceKey().Public(), key.Public())
	parsed, err := ParsePublicPEM(key.PublicPEM(), Policy{})
	require.NoError(t, err)
	assert.True(t, same(parsed, key.Public()))
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", key.Fingerprint())
	assert.Equal(t, key.Fingerprint(), newKey(t, aliceKey()).Fingerprint())
	assert.NotEqual(t, key.Fingerprint(), newKey(t, otherKey()).Fingerprint())
	_, err = New(nil)
	assert.Error(t, err)
}

func TestFileMakesAKeyOnceAndKeepsIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "panui.pem")
	made, err := File(path)
	require.NoError(t, err)
	assert.Equal(t, 3072, made.Public().(*rsa.PublicKey).N.BitLen())
	assert.NoError(t, NZISM().MayUse(made.Public()))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(text), "-----BEGIN PRIVATE KEY-----\n"), "PKCS #8")

	again, err := File(path)
	require.NoError(t, err)
	assert.Equal(t, made.Fingerprint(), again.Fingerprint())
	assert.Equal(t, []string{"panui.pem"}, listed(t, dir), "nothing else is left")
}

func TestProofFileMakesAnEd25519KeyOnceAndTakesNoOther(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "proofs.pem")
	made, err := ProofFile(path)
	require.NoError(t, err)
	assert.IsType(t, ed25519.PublicKey{}, made.Public())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := ProofFile(path)
	require.NoError(t, err)
	assert.Equal(t, made.Fingerprint(), again.Fingerprint())
	assert.Equal(t, []string{"proofs.pem"}, listed(t, dir), "nothing else is left")
	fingerprint, err := Fingerprint(again.Public())
	require.NoError(t, err)
	assert.Equal(t, made.Fingerprint(), fingerprint)
	_, err = Fingerprint("a word")
	assert.Error(t, err)

	signs := filepath.Join(dir, "panui.pem")
	require.NoError(t, os.WriteFile(signs, []byte(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(aliceKey()))), 0o600))
	_, err = ProofFile(signs)
	assert.ErrorContains(t, err, "signing: key file "+signs+": integrity proofs are made with Ed25519 alone")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = ProofFile(path)
	assert.ErrorContains(t, err, "lets others at this secret")
}

func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestFileReadsWhatOthersMade(t *testing.T) {
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return pemOf("PRIVATE KEY", der)
	}
	for name, row := range map[string]struct {
		text string
		want crypto.PublicKey
	}{
		"PKCS #8": {pkcs8(aliceKey()), aliceKey().Public()},
		"PKCS #1": {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(aliceKey())), aliceKey().Public()},
		"Ed25519": {pkcs8(edKey()), edKey().Public()},
	} {
		path := filepath.Join(t.TempDir(), "key.pem")
		require.NoError(t, os.WriteFile(path, []byte(row.text), 0o600))
		key, err := File(path)
		if assert.NoError(t, err, name) {
			assert.Equal(t, row.want, key.Public(), name)
		}
	}
}

func TestFileRefusesWhatIsNotAPrivateKeyOfOurs(t *testing.T) {
	good := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(aliceKey()))
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ec, err := x509.MarshalPKCS8PrivateKey(p256)
	require.NoError(t, err)
	for _, row := range []struct {
		name, text string
		mode       os.FileMode
		says       string
	}{
		{"readable by its group", good, 0o640, "chmod 600 "},
		{"readable by all", good, 0o644, "chmod 600 "},
		{"writable by all", good, 0o602, "chmod 600 "},
		{"empty", "", 0o600, "not a PEM private key"},
		{"garbage", "hello", 0o600, "not a PEM private key"},
		{"half a key", good[:len(good)/2], 0o600, "not a PEM private key"},
		{"a public key", pkix(t, aliceKey().Public()), 0o600, `"PUBLIC KEY" is not a private key`},
		{"an encrypted key", pemOf("ENCRYPTED PRIVATE KEY", []byte("x")), 0o600, "not encrypted"},
		{"bytes that are no PKCS #8", pemOf("PRIVATE KEY", []byte("x")), 0o600, "asn1"},
		{"an ECDSA key", pemOf("PRIVATE KEY", ec), 0o600, "use RSA"},
		{"far too long", strings.Repeat("x", keyfile.Max+1), 0o600, "over 65536 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			require.NoError(t, os.WriteFile(path, []byte(row.text), row.mode))
			require.NoError(t, os.Chmod(path, row.mode))
			_, err := File(path)
			assert.ErrorContains(t, err, row.says)
			assert.ErrorContains(t, err, path)
			text, _ := os.ReadFile(path)
			assert.Equal(t, row.text, string(text), "the file is left as it is")
		})
	}
	_, err = File(t.TempDir())
	assert.ErrorContains(t, err, "not a regular file")
	_, err = File(filepath.Join(t.TempDir(), "no", "such", "folder", "key.pem"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// TestMain lets the test binary play another process.
func TestMain(m *testing.M) {
	if path := os.Getenv("SIGNING_TEST_FILE"); path != "" {
		key, err := File(path)
		if err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		fmt.Println(key.Fingerprint())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func process(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "SIGNING_TEST_FILE="+path)
	return cmd
}

func TestTwoProcessesThatRaceShareOneKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "panui.pem")
	fingerprints := make([]string, 2)
	var racers sync.WaitGroup
	for i := range fingerprints {
		racers.Go(func() {
			out, err := process(path, os.Args[0]).Output()
			assert.NoError(t, err, string(out))
			fingerprints[i] = string(out)
		})
	}
	racers.Wait()
	assert.Equal(t, fingerprints[0], fingerprints[1])
	assert.NotEmpty(t, fingerprints[0])
	assert.Equal(t, []string{"panui.pem"}, listed(t, dir))
}

// A limit on the size of files fails a write as a full disk does.
func TestAFullDiskLeavesNoPartOfAKey(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs sh")
	}
	dir := t.TempDir()
	out, err := process(filepath.Join(dir, "panui.pem"), shell, "-c", `trap "" XFSZ; ulimit -f 1; exec "$0"`, os.Args[0]).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, string(out))
	assert.Contains(t, string(out), "make key file")
	assert.Empty(t, listed(t, dir))
}

func TestSignIsInTheFormThatEveryServerTakes(t *testing.T) {
	for _, row := range []struct {
		method, url, host string
		body              []byte
		covers            string
	}{
		{http.MethodPost, "https://peer.test/inbox", "", []byte(follow), "(request-target) host date digest content-type"},
		{http.MethodPost, "https://peer.test/inbox", "", []byte{}, "(request-target) host date digest content-type"},
		{http.MethodPost, "https://peer.test/a%2Fb/inbox?x=%20&y", "", []byte(follow), "(request-target) host date digest content-type"},
		{http.MethodPost, "https://10.0.0.1/inbox", "peer.test", []byte(follow), "(request-target) host date digest content-type"},
		{http.MethodGet, "https://peer.test/users/alice?page=1", "", nil, "(request-target) host date accept"},
		{"", "https://peer.test", "", nil, "(request-target) host date accept"},
	} {
		t.Run(row.method+" "+row.url, func(t *testing.T) {
			r, err := http.NewRequest(row.method, row.url, bytes.NewReader(row.body))
			require.NoError(t, err)
			r.Method = row.method
			if row.host != "" {
				r.Host = row.host
			}
			r.Header.Set("Accept", "application/activity+json")
			r.Header.Set("Content-Type", "application/activity+json")
			for range 2 { // a request may be signed again
				require.NoError(t, newKey(t, aliceKey()).Sign(r, row.body, keyID, noon))
			}
			assert.Equal(t, "Tue, 24 Nov 2026 12:00:00 GMT", r.Header.Get("Date"))
			assert.NotContains(t, r.Header, "Host")
			if row.body == nil {
				assert.NotContains(t, r.Header, "Digest")
			} else {
				assert.Equal(t, sha256Digest(string(row.body)), r.Header.Get("Digest"))
			}
			require.Len(t, r.Header["Signature"], 1)
			want := letter{
				method: either(row.method, "GET"), target: r.URL.RequestURI(), host: "peer.test",
				header: r.Header, key: aliceKey(), keyID: keyID, covers: row.covers, algorithm: "rsa-sha256",
			}
			assert.Equal(t, want.parameters(t), r.Header.Get("Signature"))
		})
	}
}

func TestSignChangesNothingWhenItFails(t *testing.T) {
	key := newKey(t, aliceKey())
	for name, row := range map[string]struct{ keyID, contentType string }{
		"no content type":          {keyID, ""},
		"a key id with a quote":    {`https://peer.test/"`, "text/plain"},
		"a key id with a comma":    {"https://peer.test/a,b", "text/plain"},
		"a key id with a new line": {"https://peer.test/\r\nX: y", "text/plain"},
	} {
		r, err := http.NewRequest(http.MethodPost, "https://peer.test/inbox", nil)
		require.NoError(t, err)
		if row.contentType != "" {
			r.Header.Set("Content-Type", row.contentType)
		}
		before := r.Header.Clone()
		assert.ErrorContains(t, key.Sign(r, []byte(follow), row.keyID, noon), "signing: sign for peer.test", name)
		assert.Equal(t, before, r.Header, name)
	}
	r, err := http.NewRequest(http.MethodPost, "https://peer.test/inbox", nil)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "text/plain")
	assert.ErrorIs(t, newKey(t, brokenHSM{aliceKey()}).Sign(r, []byte(follow), keyID, noon), io.ErrClosedPipe)
}

// brokenHSM is a signer that lies elsewhere, and fails.
type brokenHSM struct{ crypto.Signer }

func (brokenHSM) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrClosedPipe
}

// hsm is a signer of which only the interface is known, as with a KMS.
type hsm struct{ crypto.Signer }

func TestEveryKindOfKeySignsAndIsVerifiedFromManyGoroutines(t *testing.T) {
	for name, signer := range map[string]crypto.Signer{"RSA": aliceKey(), "an HSM": hsm{aliceKey()}, "Ed25519": edKey()} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t, signer)
			v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: key.Public()}})
			v.Policy = Fediverse()
			var senders sync.WaitGroup
			for i := range 16 {
				senders.Go(func() {
					body := fmt.Appendf(nil, `{"n":%d}`, i)
					r, err := http.NewRequest(http.MethodPost, base+fmt.Sprintf("/ap/%d", i), bytes.NewReader(body))
					assert.NoError(t, err)
					r.Header.Set("Content-Type", "application/activity+json")
					assert.NoError(t, key.Sign(r, body, keyID, noon))
					_, err = v.Verify(t.Context(), r, body)
					assert.NoError(t, err)
				})
			}
			senders.Wait()
		})
	}
}
