package outbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
)

// errSigning says that our own key failed, which no peer is to blame for.
var errSigning = errors.New("signing failed")

// errForm says that our own store did not tell how a host is asked, which no peer is to blame for either.
var errForm = errors.New("look up how the host is asked")

// send tries a job: it knocks, and once more where that may help. Where the job
// hands over from the key before, it knocks with that one, and with the one that
// signs now for peers that never met the other. It calls onWire when nothing but
// the peer is waited for.
func (d *Deliverer) send(ctx context.Context, j job, a *actor.Local, onWire func()) (r result) {
	defer func() {
		if p := recover(); p != nil {
			d.log().ErrorContext(ctx, "outbox: panic while sending", "inbox", j.Inbox, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r = result{job: j, answer: answer{err: fmt.Errorf("%w: %v", errPanic, p)}}
		}
	}()
	if d.Blocks != nil && d.Blocks.ID(j.Inbox) {
		return result{job: j, barred: true}
	}
	k, err := d.Forms.First(ctx, j.Host)
	switch {
	case ctx.Err() != nil:
		return result{job: j, unsent: true}
	case err != nil:
		return result{job: j, answer: answer{err: fmt.Errorf("%w: %w", errForm, err)}}
	}
	handover := handsOver(a, j)
	p := pen{actor: a, before: handover && j.Attempt%2 == 1} // every other try, for who fails at an unknown key
	r = d.knocks(ctx, j, p, k, onWire)
	if handover && r.answer.blamesKey() {
		p.before = !p.before
		if second := d.knocks(ctx, j, p, k, onWire); second.outweighs() {
			r = second
		}
	}
	r.learned = r.learned && d.Forms.Learn(j.Host)
	return r
}

// knocks posts a job once, and once more in the other form where that may help.
func (d *Deliverer) knocks(ctx context.Context, j job, p pen, k knock.Knock, onWire func()) result {
	r := d.post(ctx, j, p, k, onWire)
	if again, ok := k.Second(r.answer.knocked()); ok {
		if second := d.post(ctx, j, p, again, onWire); second.outweighs() {
			k, r = again, second
		}
	}
	r.learned = k.Shows(r.answer.knocked())
	return r
}

// handsOver says whether a job is signed with the key before the present one.
func handsOver(a *actor.Local, j job) bool {
	s, err := a.Standing()
	if err != nil {
		return false
	}
	before, _ := s.Before(j.Activity)
	return before != nil
}

// pen is what signs: the key of an actor, or the one before.
type pen struct {
	actor  *actor.Local
	before bool
}

// key returns the key that signs a job at this moment: what was replaced while
// the job waited signs no more.
func (p pen) key(j job) (*signing.Key, string, error) {
	s, err := p.actor.Standing()
	if err != nil {
		return nil, "", err
	}
	if before, id := s.Before(j.Activity); p.before && before != nil {
		return before, id, nil
	}
	return s.Key, s.KeyID, nil
}

// clockSlack is by how much a clock may be corrected during a request without
// making a signature out of date.
const clockSlack = 15 * time.Second

// post signs a job when there is a place to sign, and posts it at once, so that
// its Date is fresh.
func (d *Deliverer) post(ctx context.Context, j job, p pen, k knock.Knock, onWire func()) (r result) {
	r.job = j
	signed, absent := false, false
	select {
	case <-ctx.Done():
		r.unsent = true
		return r
	case d.signing <- struct{}{}:
	}
	release := sync.OnceFunc(func() { <-d.signing })
	defer release()
	if d.now().After(j.until) {
		r.unsent = true
		return r
	}
	began := d.now()
	answered, err := d.Client.Post(ctx, j.Inbox, as2.MediaType, j.Body, func(req *http.Request) error {
		defer release()
		if err := ctx.Err(); err != nil {
			return err
		}
		key, id, err := p.key(j)
		if err != nil {
			absent = true
			return err
		}
		if err := key.SignAs(k.Form, k.Wish, req, j.Body, id, d.now()); err != nil {
			return fmt.Errorf("%w: %w", errSigning, err)
		}
		signed = true
		onWire()
		return nil
	})
	if signed && ctx.Err() == nil {
		d.way.note(ctx, began, d.now(), err, d.log())
	}
	if err != nil {
		r.answer.err = reason(err)
		r.unsent = absent || ctx.Err() != nil && !signed || r.noWay()
		r.cut = ctx.Err() != nil && signed
		return r
	}
	if took := d.now().Round(0).Sub(began.Round(0)); took < -clockSlack || took > d.limits.DeliveryTimeout+clockSlack {
		if (knock.Answer{Status: answered.Status}).BlamesForm() {
			r.cut = true // what was refused is a Date that this clock does not have
			return r
		}
	}
	r.answer = answer{status: answered.Status, wish: knock.Read(answered.Status, answered.Header).Wish, retryAfter: egress.RetryAfter(answered.Header, d.now())}
	return r
}

// reason is an error of egress without the URL around it: the journal must not
// say who follows, and the same trouble of many inboxes is one in a receipt.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// String says the answer in a few words, with nothing that the peer wrote at
// length, and nothing that a database cannot keep: a certificate may name a host
// with a NUL in it.
func (a answer) String() string {
	if a.err != nil {
		return cut(strings.Map(printed, a.err.Error()), maxAnswer)
	}
	return strconv.Itoa(a.status) + " " + http.StatusText(a.status)
}

func printed(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return utf8.RuneError
}

// maxAnswer bounds, in characters, what is kept of an error.
const maxAnswer = 200

func cut(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
