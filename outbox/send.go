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
	"unicode"
	"unicode/utf8"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
)

// errSigning says that our own key failed, which no peer is to blame for.
var errSigning = errors.New("signing failed")

// send tries a job: it knocks, and once more where that may help. It calls
// onWire when nothing but the peer is waited for.
func (d *Deliverer) send(ctx context.Context, j job, a *actor.Local, onWire func()) (r result) {
	defer func() {
		if p := recover(); p != nil {
			d.log().ErrorContext(ctx, "outbox: panic while sending", "inbox", j.Inbox, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r = result{job: j, answer: answer{err: fmt.Errorf("%w: %v", errPanic, p)}}
		}
	}()
	k, err := d.Forms.First(ctx, j.Host)
	if err != nil {
		return result{job: j, unsent: true}
	}
	r = d.post(ctx, j, a, k, onWire)
	if again, ok := k.Second(r.answer.knocked()); ok {
		if second := d.post(ctx, j, a, again, onWire); second.outweighs() {
			k, r = again, second
		}
	}
	r.learned = k.Shows(r.answer.knocked()) && d.Forms.Learn(j.Host)
	return r
}

// post signs a job when there is a place to sign, and posts it at once, so that
// its Date is fresh.
func (d *Deliverer) post(ctx context.Context, j job, a *actor.Local, k knock.Knock, onWire func()) (r result) {
	r.job = j
	signed := false
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
		if err := a.Profile.Key.SignAs(k.Form, k.Wish, req, j.Body, a.KeyID, d.now()); err != nil {
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
		r.unsent = ctx.Err() != nil && !signed || r.noWay()
		r.cut = ctx.Err() != nil && signed
		return r
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
