package signing

import (
	"context"
	"crypto"
	"net/http"
	"time"

	"github.com/panui/panui/internal/limits"
)

// PublicKey is a key that an actor's own document, fetched from its own origin, lists.
type PublicKey struct {
	ID    string
	Owner string // the actor's id
	Key   crypto.PublicKey
}

// Keys finds public keys; package actor's Resolver is one. Renew asks for the
// key as it is now; the finder may refuse to ask so often.
type Keys interface {
	PublicKey(ctx context.Context, keyID string, renew bool) (PublicKey, error)
}

// Refusal is why a request is not taken: the status that the stranger gets and
// the reason that the log gets.
type Refusal struct {
	Status int
	Reason string // a code from docs/security/events.md, such as signature-missing
	Err    error  // detail for the log; may be nil
}

func (r *Refusal) Error() string { return "refused: " + r.Reason }

// Unwrap returns the detail.
func (r *Refusal) Unwrap() error { return r.Err }

// Verifier checks signed requests to one site.
type Verifier struct {
	BaseURL string // the site's: what peers sign, whatever a proxy made of it
	Keys    Keys
	Policy  Policy
	Blocked func(host string) bool // nil blocks nobody
	Now     func() time.Time       // nil is time.Now
	Limits  limits.Limits          // zero is limits.Default
}

// Verified is a request body with the proof of who sent it. Only a Verifier makes one.
type Verified struct {
	actor, keyID string
	body         []byte
	mark         [32]byte
}

// Actor returns the id of the actor that owns the key.
func (v Verified) Actor() string { return v.actor }

// KeyID returns the id of the key.
func (v Verified) KeyID() string { return v.keyID }

// Body returns the bytes that were signed.
func (v Verified) Body() []byte { return v.body }

// Mark identifies the signature, so that a replay can be known.
func (v Verified) Mark() [32]byte { return v.mark }

// Verify checks the signature of r over body, in this order: header, date
// window, digest, blocked host, key, signature. An error is a *Refusal.
func (v *Verifier) Verify(ctx context.Context, r *http.Request, body []byte) (Verified, error) {
	panic("not built yet")
}
