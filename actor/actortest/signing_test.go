package actortest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
)

// oneKey is the answer to every question for a key.
type oneKey signing.PublicKey

func (k oneKey) PublicKey(context.Context, string, bool) (signing.PublicKey, error) {
	return signing.PublicKey(k), nil
}

func (oneKey) Proved(context.Context, string) {}

// Two implementations of the draft meet: what package signing signs, every
// dialect verifies, and what the dialects sign, package signing verifies.
func TestPackageSigningAgrees(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 3072)
	require.NoError(t, err)
	ours, err := signing.New(private)
	require.NoError(t, err)
	now := time.Now()
	const site, actor, keyID = "https://www.agency.govt.nz", "https://www.agency.govt.nz/ap/actors/1", "https://www.agency.govt.nz/ap/actors/1#main-key"
	body := []byte(`{"type":"Create"}`)

	for d := Mastodon; int(d) < len(manners); d++ {
		t.Run(d.String()+" verifies ours", func(t *testing.T) {
			s := bystander(d, "https://peer.test", now.Add(time.Minute), foreignKey{id: keyID, owner: actor, key: private.Public()})
			for _, body := range [][]byte{body, nil} {
				r := request(t, "https://peer.test/inbox?a=%2F1", body)
				require.NoError(t, ours.Sign(r, body, keyID, now))
				r.RequestURI = r.URL.RequestURI()
				proof, no := s.prove(r, body)
				require.Nil(t, no, "%v", no)
				assert.Equal(t, actor, proof.Owner)
			}
		})
		t.Run(d.String()+" is verified by ours", func(t *testing.T) {
			s := bystander(d, "https://peer.test", now)
			s.actors, s.pages = map[string]*Actor{}, map[string]page{}
			alice := s.Actor("alice")
			alice.private = private
			verifier := signing.Verifier{
				BaseURL: site, Policy: signing.Fediverse(), Now: s.now,
				Keys: oneKey{ID: alice.KeyID(), Owner: alice.ID, Key: private.Public()},
			}
			r := request(t, site+"/ap/inbox", body)
			require.NoError(t, alice.signPost(r, body, Forge{}))
			r.RequestURI = r.URL.RequestURI()
			verified, err := verifier.Verify(t.Context(), r, body)
			require.NoError(t, err)
			assert.Equal(t, alice.ID, verified.Actor())
		})
	}
}

func request(t *testing.T, at string, body []byte) *http.Request {
	t.Helper()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, at, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", activityType)
	r.Header.Set("Accept", activityType)
	return r
}
