// Package custody is what the store remembers of keys beside the one that is
// pinned: which key is announced, and which was revoked.
package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

// Settings is where this is read; a store.Store is one.
type Settings interface {
	Setting(ctx context.Context, name string) (string, error)
}

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

// Revocation says that a key is never to be used again.
type Revocation struct {
	Actor       string    `json:"actor"`
	Fingerprint string    `json:"fingerprint"`
	Reason      string    `json:"reason"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

func revoked(fingerprint string) string { return "key revoked " + fingerprint }

// Revoked returns the revocation of a key, and whether there is one.
func Revoked(ctx context.Context, s Settings, fingerprint string) (Revocation, bool, error) {
	return read[Revocation](ctx, s, revoked(fingerprint))
}

// Op returns the op that remembers the revocation, for ever.
func (r Revocation) Op() (store.Op, error) { return put(revoked(r.Fingerprint), r) }

func read[T any](ctx context.Context, s Settings, name string) (value T, found bool, err error) {
	text, err := s.Setting(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return value, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &value)
	}
	if err != nil {
		return value, false, fmt.Errorf("custody: %s: %w", name, err)
	}
	return value, true, nil
}

func put(name string, value any) (store.Op, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("custody: %s: %w", name, err)
	}
	return store.PutSetting{Name: name, Value: string(text)}, nil
}
