package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store/memory"
)

func TestAMinistryPublishesWithAKeyThatItNeverHolds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := newService(5*time.Millisecond, 0)
	require.NoError(t, err)
	kms := httptest.NewServer(s)
	defer kms.Close()
	key, err := dial(ctx, kms.URL, s.token, 10*time.Second, 4)
	require.NoError(t, err)
	defer key.close()

	front := httptest.NewUnstartedServer(nil)
	base := "http://" + front.Listener.Addr().String()
	site, _, err := newSite(base, memory.New(), key, 4)
	require.NoError(t, err)
	front.Config.Handler = site.Handler(nil)
	front.Start()
	defer front.Close()
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- site.Run(running) }()
	defer func() {
		stop()
		assert.NoError(t, <-done)
	}()

	peer, err := actortest.Start(actortest.Options{Hosts: map[string]string{"agency.govt.nz": base}})
	require.NoError(t, err)
	defer peer.Close()
	aroha := peer.Actor("aroha")
	_, err = aroha.Follow(ctx, "news@agency.govt.nz")
	require.NoError(t, err)
	require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
	_, err = site.Publish(ctx, outbox.Item{Key: "1", URL: "https://www.agency.govt.nz/1", Title: "Kia ora", HTML: "<p>Kia ora.</p>", Language: "en-NZ"})
	require.NoError(t, err)
	require.NoError(t, peer.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))
	for _, r := range peer.Received() {
		assert.True(t, r.Verdict.OK(), r.String())
	}
	assert.GreaterOrEqual(t, s.signed.Load(), int64(2), "the Accept and the Create")
}

func TestAFanOutUnderAQuotaReachesEverybody(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := newService(0, 2)
	require.NoError(t, err)
	kms := httptest.NewServer(s)
	defer kms.Close()
	key, err := dial(ctx, kms.URL, s.token, 30*time.Second, 4)
	require.NoError(t, err)
	defer key.close()
	_, err = fanOut(ctx, key, 8, 4)
	require.NoError(t, err)
	assert.Positive(t, s.refused.Load())
	assert.Equal(t, int64(8), s.signed.Load(), "one signature a delivery, and none wasted")
}

func TestWhatTheServiceAnswers(t *testing.T) {
	s, err := newService(0, 0)
	require.NoError(t, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("kia ora"))
	forged, err := rsa.SignPKCS1v15(nil, other, crypto.SHA256, digest[:])
	require.NoError(t, err)
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	asJSON := func(v any) string {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		return string(text)
	}
	for _, row := range []struct {
		name  string
		first http.HandlerFunc // answers the first times
		times int64
		asked int64  // 0: more than once
		says  string // empty: signed in the end
	}{
		{"nothing wrong", nil, 0, 1, ""},
		{"over quota, twice", says(429, ""), 2, 3, ""},
		{"broken, once", says(503, ""), 1, 2, ""},
		{"hung up, once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1, 2, ""},
		{"over quota for ever", says(429, ""), 1 << 30, 0, "429 Too Many Requests"},
		{"over quota until after the deadline", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, 1 << 30, 1, "429 Too Many Requests"},
		{"silent", func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // or it would not hear of a client that goes away
			<-r.Context().Done()
		}, 1 << 30, 0, "try again"},
		{"a refusal", says(403, ""), 1 << 30, 1, "the service answers 403 Forbidden"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/sign", http.StatusTemporaryRedirect)
		}, 1 << 30, 0, "the service redirects"},
		{"no JSON", says(200, "kia ora"), 1 << 30, 1, "invalid character"},
		{"another key's signature", says(200, asJSON(answer{forged})), 1 << 30, 1, "signature is wrong"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var asked atomic.Int64
			kms := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/sign" && asked.Add(1) <= row.times {
					row.first(w, r)
					return
				}
				s.ServeHTTP(w, r)
			}))
			defer kms.Close()
			patience := time.Minute
			if row.says != "" {
				patience = 300 * time.Millisecond
			}
			key, err := dial(t.Context(), kms.URL, s.token, time.Minute, 1)
			require.NoError(t, err)
			defer key.close()
			key.patience = patience
			signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
			if row.says != "" {
				assert.ErrorContains(t, err, row.says)
			} else if assert.NoError(t, err) {
				assert.NoError(t, rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, digest[:], signature))
			}
			if row.asked > 0 {
				assert.Equal(t, row.asked, asked.Load())
			}
		})
	}
}

func TestOnlyWhoHasTheTokenAndAsksForTheRightThing(t *testing.T) {
	s, err := newService(0, 0)
	require.NoError(t, err)
	kms := httptest.NewServer(s)
	defer kms.Close()
	_, err = dial(t.Context(), kms.URL, "guess", time.Minute, 1)
	assert.ErrorContains(t, err, "401 Unauthorized")
	key, err := dial(t.Context(), kms.URL, s.token, time.Minute, 1)
	require.NoError(t, err)
	defer key.close()
	for name, opts := range map[string]crypto.SignerOpts{"SHA-1": crypto.SHA1, "PSS": &rsa.PSSOptions{Hash: crypto.SHA256}} {
		_, err = key.Sign(nil, make([]byte, 32), opts)
		assert.ErrorContains(t, err, "only PKCS #1 v1.5 with SHA-256", name)
	}
	_, err = key.Sign(nil, make([]byte, 20), crypto.SHA256)
	assert.ErrorContains(t, err, "400 Bad Request")
}

func TestRunMeasures(t *testing.T) {
	var out lines
	require.NoError(t, run(t.Context(), []string{"-latency", "1ms", "-inboxes", "12", "-signers", "1,3"}, &out))
	assert.Regexp(t, `^1 signers: \d+ deliveries/s, where concurrency / latency is 1000; 12 signatures, 0 refused over quota\n3 signers: \d+ deliveries/s`, string(out))
	assert.ErrorContains(t, run(t.Context(), []string{"-signers", "0"}, &out), "from 1 up")
}

type lines []byte

func (l *lines) Write(b []byte) (int, error) { *l = append(*l, b...); return len(b), nil }
