package custody

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

// overlap is how long a key is announced before it may sign. In a day a server
// that is up at all is tried often enough to have heard of it, and people have
// time to make a recovery kit of the key and to prove it.
const overlap = 24 * time.Hour

// Announcement says that followers were told of the key that an actor is to sign with next.
type Announcement struct {
	Fingerprint string    `json:"fingerprint"`
	Activity    string    `json:"activity,omitempty"` // the id of the Update; empty where nobody was there to be told
	At          time.Time `json:"at"`
}

func announced(actor string) string { return "key announced " + actor }

// Announced returns the key announced for an actor, or zero when there is none.
func Announced(ctx context.Context, s Settings, actor string) (Announcement, error) {
	a, _, err := read[Announcement](ctx, s, announced(actor))
	return a, err
}

// Of returns the op that remembers the announcement for an actor; a zero one
// forgets what was announced.
func (a Announcement) Of(actor string) (store.Op, error) {
	if a == (Announcement{}) {
		return store.PutSetting{Name: announced(actor)}, nil
	}
	return put(announced(actor), a)
}

// LongEnough says why the key with a fingerprint, an actor's Profile.Next, should
// not sign at now, or nil: when it is not the one announced, or that for less than a day.
func (a Announcement) LongEnough(fingerprint string, now time.Time) error {
	if a.Fingerprint != fingerprint {
		return errors.New("Profile.Next has not been announced: let Run announce it, and come back after a day")
	}
	if ready := a.At.Add(overlap); now.Before(ready) {
		return fmt.Errorf("Profile.Next was announced at %s: wait until %s, so that servers hear of it",
			a.At.Format(time.RFC3339), ready.Format(time.RFC3339))
	}
	return nil
}
