package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

var benchKeys = []struct {
	bits int
	key  func() *rsa.PrivateKey
}{
	{2048, aliceKey},
	{3072, func() *rsa.PrivateKey { return newRSA(3072) }},
}

// beside runs the key operation alone and the whole call in turns, so that a
// busy machine slows both, and reports what the rest adds.
func beside(b *testing.B, alone, whole func() error) {
	var first, both time.Duration
	for b.Loop() {
		start := time.Now()
		err := alone()
		middle := time.Now()
		if err != nil || whole() != nil {
			b.Fatal("failed")
		}
		first += middle.Sub(start)
		both += time.Since(start)
	}
	b.ReportMetric(float64(both-first)/float64(first), "times-key-op")
}

func delivery(b *testing.B) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "https://peer.test/inbox", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/activity+json")
	return r
}

func BenchmarkSign(b *testing.B) {
	sum := sha256.Sum256([]byte(follow))
	for _, row := range benchKeys {
		private := row.key()
		key, r := newKey(b, private), delivery(b)
		b.Run(fmt.Sprintf("RSA-%d", row.bits), func(b *testing.B) {
			beside(b, func() error {
				_, err := private.Sign(rand.Reader, sum[:], crypto.SHA256)
				return err
			}, func() error { return key.Sign(r, []byte(follow), keyID, noon) })
		})
	}
	b.Run("free key", func(b *testing.B) {
		key, r := newKey(b, freeKey{aliceKey()}), delivery(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := key.Sign(r, []byte(follow), keyID, noon); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// freeKey signs for nothing, with nothing.
type freeKey struct{ crypto.Signer }

func (freeKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 256), nil
}

func BenchmarkSignRFC9421(b *testing.B) {
	sum := sha256.Sum256([]byte(follow))
	for _, row := range benchKeys {
		private := row.key()
		key, r := newKey(b, private), delivery(b)
		b.Run(fmt.Sprintf("RSA-%d", row.bits), func(b *testing.B) {
			beside(b, func() error {
				_, err := private.Sign(rand.Reader, sum[:], crypto.SHA256)
				return err
			}, func() error { return key.SignRFC9421(Wish{}, r, []byte(follow), keyID, noon) })
		})
	}
}

func BenchmarkVerifyRFC9421(b *testing.B) {
	for _, row := range benchKeys {
		private := row.key()
		n := posted(noon)
		n.key = private
		r, signature, sum := n.request(b), n.sign(b), sha256.Sum256([]byte(n.text()))
		v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: private.Public()}})
		b.Run(fmt.Sprintf("RSA-%d", row.bits), func(b *testing.B) {
			b.ReportAllocs()
			beside(b, func() error {
				return rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, sum[:], signature)
			}, func() error {
				_, err := v.Verify(b.Context(), r, []byte(follow))
				return err
			})
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, row := range benchKeys {
		private := row.key()
		l := sent(noon)
		l.key = private
		r, signature, sum := l.request(b), l.sign(b), sha256.Sum256([]byte(l.text()))
		v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: private.Public()}})
		b.Run(fmt.Sprintf("RSA-%d", row.bits), func(b *testing.B) {
			beside(b, func() error {
				return rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, sum[:], signature)
			}, func() error {
				_, err := v.Verify(b.Context(), r, []byte(follow))
				return err
			})
		})
	}
}

// BenchmarkRefuse says what bad requests cost, with the key known already.
func BenchmarkRefuse(b *testing.B) {
	wrong := sent(noon)
	wrong.signedTarget = "/elsewhere"
	unsigned := sent(noon).request(b)
	unsigned.Header.Del("Signature")
	for name, row := range map[string]struct {
		r    *http.Request
		body string
	}{
		"no signature":    {unsigned, follow},
		"wrong digest":    {sent(noon).request(b), "x"},
		"wrong signature": {wrong.request(b), follow},
	} {
		v := verifier(aliceRing())
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), row.r, []byte(row.body)); err == nil {
					b.Fatal("taken")
				}
			}
		})
	}
}
