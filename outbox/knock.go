package outbox

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// knock is how one request of a try is signed. A try has one or two, with the
// same activity: draft-cavage, which nearly everybody takes, then RFC 9421.
type knock struct {
	form signing.Form
	wish signing.Wish
}

// second says whether a refusal is reason to knock once more in the same try,
// and how. A host that has shown RFC 9421 is not asked in the older form again.
func (k knock) second(a answer) (knock, bool) {
	switch {
	case !a.blamesForm():
		return knock{}, false
	case a.wish != nil:
		return knock{signing.RFC9421, *a.wish}, true
	case k.form != signing.RFC9421:
		return knock{form: signing.RFC9421}, true
	}
	return knock{}, false
}

// blamesForm says whether an answer may be about the signature's form: to
// software that does not know it, the signature is missing or wrong. A 400 is
// mostly about the activity, and final.
func (a answer) blamesForm() bool {
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusBadRequest:
		return a.wish != nil
	}
	return false
}

// outweighs says whether what came of a second knock is what counts. What was not
// sent, or was refused again, says less than the first refusal.
func (second result) outweighs() bool {
	return !second.unsent && !second.answer.blamesForm()
}

// shows says whether the host has shown RFC 9421: it took what was signed so,
// or took something else and asked for it.
func (k knock) shows(a answer) bool {
	return a.err == nil && a.status/100 == 2 && (k.form == signing.RFC9421 || a.wish != nil)
}

// How long a host that has shown RFC 9421 is asked in no other form, and how much
// of that must have passed for it to be written down anew.
const (
	formFor   = 7 * 24 * time.Hour
	formRenew = 24 * time.Hour
)

// shown is what is known of a host's form, and when that was read.
type shown struct {
	until time.Time // RFC 9421 until then
	seen  time.Time
}

// first returns how a host is asked first.
func (d *Deliverer) first(ctx context.Context, host string) (knock, error) {
	now := d.now()
	known, ok := d.shown.Get(host)
	if !ok || now.Sub(known.seen).Abs() >= wellFor {
		p, err := d.Store.Peer(ctx, host)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return knock{}, err
		}
		known = shown{seen: now}
		if p.Form == string(signing.RFC9421) {
			known.until = p.FormUntil
		}
		d.shown.Add(host, known)
	}
	if now.Before(known.until) {
		return knock{form: signing.RFC9421}, nil
	}
	return knock{form: signing.Cavage}, nil
}

// learn notes that a host has shown RFC 9421, and says whether that is worth
// writing down.
func (d *Deliverer) learn(host string) bool {
	now := d.now()
	known, _ := d.shown.Get(host)
	if known.until.Sub(now) > formFor-formRenew {
		return false
	}
	d.shown.Add(host, shown{until: now.Add(formFor), seen: now})
	return true
}

// remembered is a peer as it is known now: with the form that it has shown, and
// without one that has run out.
func remembered(p store.Peer, learned bool, now time.Time) store.Peer {
	switch {
	case learned:
		p.Form, p.FormUntil = string(signing.RFC9421), now.Add(formFor)
	case !now.Before(p.FormUntil):
		p.Form, p.FormUntil = "", time.Time{}
	}
	return p
}
