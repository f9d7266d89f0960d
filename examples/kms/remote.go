package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/panui/panui/signing"
)

// remoteKey is a key in a service, as a crypto.Signer: all that Pānui needs to
// know of a KMS. It is safe for concurrent use, and each signature that is being
// made holds one request open.
type remoteKey struct {
	client   *http.Client
	url      string
	token    string
	patience time.Duration // for one signature with all its tries
	public   *rsa.PublicKey
}

// What a service sends is never longer, and what it refuses is tried again after
// firstWait, then after twice as long, unless it says when.
const (
	maxAnswer = 16 << 10
	firstWait = 50 * time.Millisecond
)

// dial asks a service for the public key. Signers says how many signatures will
// be made at once, so that as many connections are kept.
func dial(ctx context.Context, url, token string, patience time.Duration, signers int) (*remoteKey, error) {
	k := &remoteKey{
		url: url, token: token, patience: patience,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: signers, ResponseHeaderTimeout: patience},
			CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the service redirects") },
		},
	}
	text, _, err := k.ask(ctx, http.MethodGet, "/key", nil)
	if err != nil {
		return nil, fmt.Errorf("kms: public key: %w", err)
	}
	public, err := signing.ParsePublicPEM(string(text), signing.Policy{})
	if err != nil {
		return nil, fmt.Errorf("kms: public key: %w", err)
	}
	ofRSA, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("kms: public key: a %T", public)
	}
	k.public = ofRSA
	return k, nil
}

func (k *remoteKey) close() { k.client.CloseIdleConnections() }

// Public returns the public key, as the service told it at first.
func (k *remoteKey) Public() crypto.PublicKey { return k.public }

// Sign has the service sign a SHA-256 digest. Over quota, or when the service
// fails, it tries again until its patience ends; Pānui then tries the whole
// delivery again later. It believes no signature that the public key does not verify.
func (k *remoteKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, pss := opts.(*rsa.PSSOptions); pss || opts.HashFunc() != crypto.SHA256 {
		return nil, errors.New("kms: sign: only PKCS #1 v1.5 with SHA-256")
	}
	body, err := json.Marshal(question{algorithm, digest})
	if err != nil {
		return nil, fmt.Errorf("kms: sign: %w", err)
	}
	// A crypto.Signer gets no context: its own deadline has to do.
	ctx, cancel := context.WithTimeout(context.Background(), k.patience)
	defer cancel()
	text, err := k.insist(ctx, body)
	if err != nil {
		return nil, fmt.Errorf("kms: sign: %w", err)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, fmt.Errorf("kms: sign: %w", err)
	}
	if err := rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest, a.Signature); err != nil {
		return nil, fmt.Errorf("kms: sign: the service's signature is wrong: %w", err)
	}
	return a.Signature, nil
}

// errAgain is in errors after which trying again may help.
var errAgain = errors.New("try again")

// insist asks for a signature until there is one, the service says no, or the
// next try would be too late.
func (k *remoteKey) insist(ctx context.Context, body []byte) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	for wait := firstWait; ; wait *= 2 {
		text, pause, err := k.ask(ctx, http.MethodPost, "/sign", body)
		if err == nil || !errors.Is(err, errAgain) {
			return text, err
		}
		// Those who were refused together do not come back together.
		pause = max(pause, wait) + rand.N(wait)
		if time.Until(deadline) < pause {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

// ask makes one request. Pause is how long the service wants to be left alone.
func (k *remoteKey) ask(ctx context.Context, method, path string, body []byte) (text []byte, pause time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, method, k.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+k.token)
	answer, err := k.client.Do(r)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errAgain, err)
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case answer.StatusCode == http.StatusOK:
		return text, 0, err
	case answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode >= 500:
		seconds, _ := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16)
		return nil, time.Duration(seconds) * time.Second, fmt.Errorf("%w: the service answers %s", errAgain, answer.Status)
	}
	return nil, 0, fmt.Errorf("the service answers %s", answer.Status)
}
