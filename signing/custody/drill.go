package custody

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// everyMonths is how often a drill is due where nobody has said.
const everyMonths = 6

// Drill is the proof that an officer could have restored a key, as signing/kit
// makes it of a recovery kit. For a key in an HSM or a KMS, whoever restored it
// from its maker's backup fills one in. It holds nothing secret.
type Drill struct {
	Actor       string    `json:"actor"`
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}

// Memory is where drills are remembered; a store.Store is one.
type Memory interface {
	Settings
	Apply(ctx context.Context, ops ...store.Op) error
}

// drilled is by key, so that the next one can be drilled before it signs.
func drilled(actor, fingerprint string) string { return "key drilled " + actor + " " + fingerprint }

// whole says whether nothing of the drill is missing.
func (d Drill) whole() bool {
	return d.Actor != "" && d.By != "" && !d.At.IsZero() && signing.IsFingerprint(d.Fingerprint)
}

// Remember keeps the drill as the last one of its key, with a line in the journal.
func (d Drill) Remember(ctx context.Context, m Memory) error {
	if !d.whole() {
		return errors.New("custody: remember drill: actor, fingerprint, person or time is missing")
	}
	op, err := put(drilled(d.Actor, d.Fingerprint), d)
	if err != nil {
		return err
	}
	err = m.Apply(ctx, op, store.Record{Entry: store.Entry{At: d.At, Actor: d.Actor, Kind: "drill", Subject: d.Actor, By: d.By, Note: d.Fingerprint}})
	if err != nil {
		return fmt.Errorf("custody: remember drill for %s: %w", d.Actor, err)
	}
	return nil
}

// Reminder says whether a drill is due.
type Reminder struct {
	Why  string    // in words for people; empty while none is due
	Next time.Time // when the next is due; zero when it is due now, or never
	Last Drill     // zero when there was none, or what is remembered of it is damaged
}

// Due says whether a drill of a key of an actor is due at now: when there was
// none, or none for so many months; 6 when 0. Where months is negative none ever
// is. It fails when the settings cannot be asked; a record that is damaged counts as none.
func Due(ctx context.Context, s Settings, actor, fingerprint string, months int, now time.Time) (Reminder, error) {
	last, found, err := read[Drill](ctx, s, drilled(actor, fingerprint))
	if found && !last.whole() {
		err = fmt.Errorf("%w: actor, fingerprint, person or time is missing", errDamaged)
	}
	switch {
	case errors.Is(err, errDamaged):
		last = Drill{}
	case err != nil:
		return Reminder{}, err
	}
	if months < 0 {
		return Reminder{Last: last}, nil
	}
	return due(last, err, cmp.Or(months, everyMonths), now), nil
}

// due decides, of the last drill and why it cannot be read.
func due(last Drill, damaged error, months int, now time.Time) Reminder {
	r, next := Reminder{Last: last}, last.At.AddDate(0, months, 0)
	switch {
	case damaged != nil:
		r.Why = "its last drill cannot be read, so drill it again: " + damaged.Error()
	case last.At.IsZero():
		r.Why = "its recovery kit was never drilled"
	case last.At.After(now):
		r.Why = "its last drill is dated in the future: " + last.At.Format(time.DateOnly)
	case !now.Before(next):
		r.Why = fmt.Sprintf("its last drill was on %s, and the next was due on %s", last.At.Format(time.DateOnly), next.Format(time.DateOnly))
	default:
		r.Next = next
	}
	return r
}
