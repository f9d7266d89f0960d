package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
)

// forgery is a delivery of the agency that somebody changed on its way, with
// the status that Fedify must answer to it.
type forgery struct {
	says string
	body []byte
	sign egress.Signer
	want int
}

// forgeries are made of a true delivery, which is the first of them: sent again
// as it was, it is no forgery.
func (a *agency) forgeries(truth []byte) ([]forgery, error) {
	private, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, err
	}
	stranger, err := signing.New(private)
	if err != nil {
		return nil, err
	}
	lie := bytes.ReplaceAll(truth, []byte("is open"), []byte("is shut"))
	signTruth := func(r *http.Request) error { return a.key.Sign(r, truth, a.keyID, time.Now()) }
	return []forgery{
		{"the true delivery once more", truth, signTruth, http.StatusAccepted},
		{"other words under the true signature", lie, signTruth, http.StatusUnauthorized},
		{"other words, and a digest that fits them", lie, func(r *http.Request) error {
			if err := signTruth(r); err != nil {
				return err
			}
			sum := sha256.Sum256(lie)
			r.Header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]))
			return nil
		}, http.StatusUnauthorized},
		{"other words, signed with a stranger's key", lie, func(r *http.Request) error {
			return stranger.Sign(r, lie, a.keyID, time.Now())
		}, http.StatusUnauthorized},
	}, nil
}

// forge sends each forgery of the post's Create to Kiri's server.
func (c *conversation) forge(ctx context.Context) error {
	create, err := c.agency.store.Activity(ctx, c.post.Activity)
	if err != nil {
		return err
	}
	all, err := c.agency.forgeries(create.Body)
	for _, f := range all {
		response, failed := c.agency.client.Post(ctx, c.kiri.Inbox, "application/activity+json", f.body, f.sign)
		if failed == nil && response.Status != f.want {
			failed = fmt.Errorf("%s: answered %d, want %d", f.says, response.Status, f.want)
		}
		err = errors.Join(err, failed)
	}
	return err
}
