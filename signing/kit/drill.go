package kit

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"filippo.io/age"

	"github.com/panui/panui/store"
)

// Drill is the proof that an officer could have restored a key. It holds nothing
// secret: an officer may prove a kit on a machine of their own and send the
// Drill, as JSON, to whoever keeps the website's store.
type Drill struct {
	Actor       string    `json:"actor"`
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

// Prove opens a kit in memory, signs a challenge with its key and checks the
// signature with the public key that the actor's document publishes. It writes
// nothing and asks nobody. By is the person who drills.
func Prove(kit io.Reader, published crypto.PublicKey, by string, at time.Time, officer ...age.Identity) (Drill, error) {
	if by == "" {
		return Drill{}, errors.New("kit: drill: name who drills")
	}
	o, err := open(kit, officer)
	if err != nil {
		return Drill{}, fmt.Errorf("kit: drill: %w", err)
	}
	if err := answers(o.private(), published); err != nil {
		return Drill{}, fmt.Errorf("kit: drill for %s: %w", o.Label.Handle, err)
	}
	return Drill{Actor: o.Label.Actor, Fingerprint: o.Label.Fingerprint, By: by, At: at.UTC()}, nil
}

// answers says why a signature of private is not one of the published key.
func answers(private crypto.Signer, published crypto.PublicKey) error {
	challenge := sha256.Sum256([]byte("Pānui recovery drill " + rand.Text()))
	var good bool
	switch published := published.(type) {
	case *rsa.PublicKey:
		signature, err := private.Sign(rand.Reader, challenge[:], crypto.SHA256)
		good = err == nil && rsa.VerifyPKCS1v15(published, crypto.SHA256, challenge[:], signature) == nil
	case ed25519.PublicKey:
		signature, err := private.Sign(rand.Reader, challenge[:], crypto.Hash(0))
		good = err == nil && len(published) == ed25519.PublicKeySize && ed25519.Verify(published, challenge[:], signature)
	default:
		return fmt.Errorf("the published key is a %T", published)
	}
	if !good {
		return errors.New("the kit opens, but its key is not the one that is published: make a kit of the key in use")
	}
	return nil
}

// Memory is where drills are remembered; a store.Store is one.
type Memory interface {
	Setting(ctx context.Context, name string) (string, error)
	Apply(ctx context.Context, ops ...store.Op) error
}

func setting(actor string) string { return "kit drilled " + actor }

// Remember keeps the drill as the last one of its actor, with a line in the journal.
func (d Drill) Remember(ctx context.Context, m Memory) error {
	if d.Actor == "" || d.By == "" || d.At.IsZero() || !sha256Hex.MatchString(d.Fingerprint) {
		return errors.New("kit: remember drill: actor, fingerprint, person or time is missing")
	}
	value, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("kit: remember drill for %s: %w", d.Actor, err)
	}
	err = m.Apply(ctx, store.PutSetting{Name: setting(d.Actor), Value: string(value)},
		store.Record{Entry: store.Entry{At: d.At, Actor: d.Actor, Kind: "drill", Subject: d.Actor, By: d.By, Note: d.Fingerprint}})
	if err != nil {
		return fmt.Errorf("kit: remember drill for %s: %w", d.Actor, err)
	}
	return nil
}

// Reminder says whether a drill is due.
type Reminder struct {
	Why  string    // in words for people; empty while none is due
	Next time.Time // when the next is due; zero when it is due now
	Last Drill     // zero when there was none
}

// Due says whether a drill for an actor with the key fingerprint is due at now:
// when there was none, none of this key, or none for so many months; 6 when 0.
func Due(ctx context.Context, m Memory, actor, fingerprint string, months int, now time.Time) (Reminder, error) {
	value, err := m.Setting(ctx, setting(actor))
	if errors.Is(err, store.ErrNotFound) {
		return Reminder{Why: "the recovery kit was never drilled"}, nil
	}
	var last Drill
	if err == nil {
		err = json.Unmarshal([]byte(value), &last)
	}
	if err != nil {
		return Reminder{}, fmt.Errorf("kit: last drill for %s: %w", actor, err)
	}
	return due(last, fingerprint, cmp.Or(months, 6), now), nil
}

func due(last Drill, fingerprint string, months int, now time.Time) Reminder {
	next := last.At.AddDate(0, months, 0)
	r := Reminder{Last: last}
	switch {
	case last.Fingerprint != fingerprint:
		r.Why = "the key has changed since the last drill: make a kit of it and drill that"
	case last.At.After(now):
		r.Why = "the last drill is dated in the future"
	case !now.Before(next):
		r.Why = fmt.Sprintf("the last drill was on %s, over %d months ago", last.At.Format(time.DateOnly), months)
	default:
		r.Next = next
	}
	return r
}
