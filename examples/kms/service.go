package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// service is a key management service as clouds offer them, in small: it keeps a
// key, signs digests for whoever has the token, takes its time, and signs no
// more often than its quota says.
type service struct {
	key     *rsa.PrivateKey
	token   string
	latency time.Duration
	quota   *rate.Limiter // nil has none

	signed, refused atomic.Int64
}

// newService makes a service with a new key. A quota of 0 requests a second is none.
func newService(latency time.Duration, quota int) (*service, error) {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	s := &service{key: key, token: rand.Text(), latency: latency}
	if quota > 0 {
		s.quota = rate.NewLimiter(rate.Limit(quota), quota)
	}
	return s, nil
}

// question and answer are what goes over the wire.
type question struct {
	Algorithm string `json:"algorithm"`
	Digest    []byte `json:"digest"`
}

type answer struct {
	Signature []byte `json:"signature"`
}

const algorithm = "RSASSA_PKCS1_V1_5_SHA_256"

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+s.token)) == 0 {
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /key":
		s.publish(w)
	case "POST /sign":
		s.sign(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *service) publish(w http.ResponseWriter) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func (s *service) sign(w http.ResponseWriter, r *http.Request) {
	if s.quota != nil && !s.quota.Allow() {
		s.refused.Add(1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "over quota", http.StatusTooManyRequests)
		return
	}
	time.Sleep(s.latency)
	var q question
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&q)
	if err == nil && (q.Algorithm != algorithm || len(q.Digest) != sha256.Size) {
		err = fmt.Errorf("only SHA-256 digests are signed, with %s", algorithm)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, q.Digest)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.signed.Add(1)
	json.NewEncoder(w).Encode(answer{signature})
}
