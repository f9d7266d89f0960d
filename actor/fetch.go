package actor

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
)

// fetchActor gets the document at id and believes it if it is about id.
func (r *Resolver) fetchActor(ctx context.Context, id string) (*known, error) {
	body, err := r.get(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.readActor(id, body)
}

func (r *Resolver) readActor(id string, body []byte) (*known, error) {
	a, err := as2.ReadActor(body, r.Limits)
	if err != nil {
		return nil, err
	}
	if a.ID != id {
		return nil, fmt.Errorf("its document is about %.200q", a.ID)
	}
	if err := r.mayAsk(a.Inbox); err != nil {
		return nil, fmt.Errorf("inbox %.200q: %w", a.Inbox, err)
	}
	if r.mayAsk(a.SharedInbox) != nil || !sameOrigin(a.SharedInbox, a.Inbox) {
		a.SharedInbox = ""
	}
	k := &known{Remote: Remote{Actor: a, Fetched: r.now()}}
	for _, listed := range a.Keys {
		key, err := signing.ParsePublicPEM(listed.PEM, r.Policy)
		if err == nil && listed.Owner == a.ID {
			k.keys = append(k.keys, signing.PublicKey{ID: listed.ID, Owner: a.ID, Key: key})
		}
	}
	r.remember(k)
	return k, nil
}

// remember notes which keys are k's: here only those that lie in its document.
// A key that lies elsewhere is its owner's only when the place where it lies says
// so too; else anyone could list a stranger's key id and make that useless.
func (r *Resolver) remember(k *known) {
	for _, key := range k.keys {
		if place, _, _ := strings.Cut(key.ID, "#"); place == k.ID {
			r.owners.Add(key.ID, k.ID)
		}
	}
	r.actors.Add(k.ID, k)
}

// fetchOwner finds the actor that owns a key and lists it. One document is
// enough where the key lies in the actor's own; else the key's document only
// says whom to ask.
func (r *Resolver) fetchOwner(ctx context.Context, keyID string) (*known, error) {
	place, _, _ := strings.Cut(keyID, "#")
	body, err := r.get(ctx, place)
	if err != nil {
		return nil, err
	}
	claim, err := as2.ReadKey(body, keyID, r.Limits)
	if err != nil {
		return nil, err
	}
	var owner *known
	if claim.Owner == place {
		owner, err = r.readActor(place, body)
	} else {
		owner, err = r.fetchActor(ctx, claim.Owner)
	}
	if err != nil {
		return nil, fmt.Errorf("owner %.200q: %w", claim.Owner, err)
	}
	if err := r.confirms(owner, claim); err != nil {
		return nil, err
	}
	r.owners.Add(keyID, owner.ID)
	return owner, nil
}

// confirms checks that the owner's document lists the key that the key's document holds.
func (r *Resolver) confirms(owner *known, claim as2.Key) error {
	listed, err := owner.key(claim.ID)
	if err != nil {
		return err
	}
	claimed, err := signing.ParsePublicPEM(claim.PEM, r.Policy)
	if err != nil {
		return err
	}
	if same, ok := listed.Key.(interface{ Equal(crypto.PublicKey) bool }); ok && same.Equal(claimed) {
		return nil
	}
	return errors.New("its owner lists another key under that id")
}

// accept asks for what ActivityPub section 3.2 wants asked for, and what servers answer.
const accept = as2.MediaType + ", " + as2.LDMediaType

// get fetches a document, within the budget of its domain and the time of one fetch.
func (r *Resolver) get(ctx context.Context, id string) ([]byte, error) {
	if err := r.mayAsk(id); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Limits.FetchTimeout)
	defer cancel()
	answer, err := r.ask(ctx, id)
	switch {
	case errors.Is(err, egress.ErrForbidden):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, egress.ErrTooBig), errors.Is(err, signing.ErrUnreachable): // which is our own budget
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", signing.ErrUnreachable, err)
	}
	if err := usable(answer); err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// ask knocks at id, and once more where that may help: the one after the other
// within the time of one fetch, and each counts.
//
// What a GET shows is remembered only where the older form was refused before, or
// RFC 9421 asked for: a server that looks at no signature takes every form.
func (r *Resolver) ask(ctx context.Context, id string) (*egress.Response, error) {
	host := store.HostOf(id)
	k, err := r.first(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: %w", signing.ErrUnreachable, errForms, err)
	}
	answer, err := r.knock(ctx, id, k)
	if err != nil || r.Sign == nil {
		return answer, err
	}
	said := knock.Read(answer.Status, answer.Header)
	shown := said.Wish != nil && k.Shows(said)
	if again, ok := k.Second(said); ok {
		second, err := r.knock(ctx, id, again)
		if err != nil {
			return nil, err
		}
		if said = knock.Read(second.Status, second.Header); !said.BlamesForm() {
			answer, shown = second, again.Shows(said)
		}
	}
	if shown && r.Forms != nil {
		r.Forms.Notice(host)
	}
	return answer, nil
}

func (r *Resolver) first(ctx context.Context, host string) (knock.Knock, error) {
	if r.Forms == nil {
		return knock.Knock{Form: signing.Cavage}, nil
	}
	return r.Forms.First(ctx, host)
}

// knock is one request, with its redirects.
func (r *Resolver) knock(ctx context.Context, id string, k knock.Knock) (*egress.Response, error) {
	if !r.budget(id).spend(r.now()) {
		return nil, errBudget
	}
	var sign egress.Signer
	if r.Sign != nil {
		sign = func(request *http.Request) error { return r.Sign(k, request) }
	}
	return r.Client.Get(ctx, id, accept, sign)
}

// What is wrong with us, and no reason to leave a server alone.
var (
	errForms  = errors.New("how to sign is not known")
	errBudget = fmt.Errorf("%w: its domain was asked too often within a minute", signing.ErrUnreachable)
)

func (r *Resolver) mayAsk(id string) error {
	if err := r.Client.Check(id); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if r.Ours != nil && r.Ours(id) {
		return fmt.Errorf("%w: it is ours", ErrRefused)
	}
	if u, err := url.Parse(id); err != nil || r.Blocked != nil && r.Blocked(strings.ToLower(u.Hostname())) {
		return fmt.Errorf("%w: its host is blocked", ErrRefused)
	}
	return nil
}

// usable takes a 200 with a media type of ActivityPub and nothing else. A server
// that wants GETs signed answers 401 when it could not fetch our key at the
// moment, which is no fault of who signed what we are to verify: ask again later.
func usable(answer *egress.Response) error {
	kind := as2.ReadMediaType(answer.Header["Content-Type"])
	switch status := answer.Status; {
	case status == http.StatusNotFound || status == http.StatusGone:
		return fmt.Errorf("%w: status %d", ErrGone, status)
	case status == http.StatusUnauthorized || status == http.StatusTooManyRequests || status >= 500:
		return fmt.Errorf("%w: status %d", signing.ErrUnreachable, status)
	case status != http.StatusOK:
		return fmt.Errorf("status %d", status)
	case kind != as2.MediaType && kind != as2.LDMediaType:
		return fmt.Errorf("content type %.80q is not of ActivityPub", answer.Header["Content-Type"])
	}
	return nil
}

func sameOrigin(a, b string) bool {
	one, err := url.Parse(a)
	other, err2 := url.Parse(b)
	return err == nil && err2 == nil && origin(one) == origin(other)
}
