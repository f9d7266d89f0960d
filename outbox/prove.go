package outbox

import (
	"fmt"
	"time"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing/proof"
)

// write renders a document of the actor, with a proof (FEP-8b32) where it has a
// key for that. The key signs once, here: not for each delivery, and for no GET.
// A document inside another has no proof of its own, since none can be verified
// without the context that is only around it.
func (v voice) write(d as2.Document, now time.Time) ([]byte, error) {
	key := v.actor.Profile.ProofKey
	if key == nil {
		return as2.Marshal(d)
	}
	body, err := as2.Marshal(as2.Provable{Document: d})
	if err != nil {
		return nil, err
	}
	if body, err = proof.Sign(body, key, v.actor.ProofKeyID(), now); err != nil {
		return nil, err
	}
	if len(body) > as2.MaxSize {
		return nil, fmt.Errorf("%d bytes with its proof, larger than 64 KB, which is all that every server takes", len(body))
	}
	return body, nil
}
