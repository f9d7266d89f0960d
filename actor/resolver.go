package actor

import (
	"context"
	"time"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
)

// Remote is an actor on another server.
type Remote struct {
	as2.Actor
	Fetched time.Time
}

// Resolver finds remote actors and their keys, and remembers them for a while.
// It is bounded in memory and in requests, and asks once where many wait.
type Resolver struct {
	Client *egress.Client
	Sign   egress.Signer    // signs the fetches; nil leaves them unsigned
	Policy signing.Policy   // which keys to believe
	Now    func() time.Time // nil is time.Now
	Limits limits.Limits    // zero is limits.Default
}

// Actor returns the remote actor with the id.
func (r *Resolver) Actor(ctx context.Context, id string) (Remote, error) { panic("not built yet") }

// PublicKey returns the key with the id, as the document of the actor that owns it lists it.
func (r *Resolver) PublicKey(ctx context.Context, keyID string, renew bool) (signing.PublicKey, error) {
	panic("not built yet")
}
