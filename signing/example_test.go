package signing_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/panui/panui/signing"
)

// A sender signs, and the receiver learns whose key it was.
func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	key, err := signing.File(filepath.Join(dir, "panui.pem")) // made on first use
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key, signing.NZISM().MayUse(key.Public()))

	body := []byte(`{"type":"Follow"}`)
	r, _ := http.NewRequest(http.MethodPost, "https://www.agency.govt.nz/ap/inbox", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/activity+json")
	if err := key.Sign(r, body, "https://peer.example/users/alice#main-key", time.Now()); err != nil {
		fmt.Println(err)
		return
	}

	verifier := signing.Verifier{BaseURL: "https://www.agency.govt.nz", Keys: known{key}}
	verified, err := verifier.Verify(context.Background(), r, body)
	fmt.Println(verified.Actor(), err)

	_, err = verifier.Verify(context.Background(), r, []byte(`{"type":"Delete"}`))
	fmt.Println(err)
	// Output:
	// REDACTED <nil>
	// https://peer.example/users/alice <nil>
	// refused: digest-wrong
}

// known finds one key; in a site, package actor's Resolver finds all.
type known struct{ key *signing.Key }

func (k known) PublicKey(_ context.Context, id string, _ bool) (signing.PublicKey, error) {
	return signing.PublicKey{ID: id, Owner: "https://peer.example/users/alice", Key: k.key.Public()}, nil
}

func (known) Proved(context.Context, string) {}
