package signing

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing/egress"
)

// PublicKey is a key that an actor's own document, fetched from its own origin, lists.
type PublicKey struct {
	ID    string
	Owner string // the actor's id
	Key   crypto.PublicKey
}

// Keys finds public keys; package actor's Resolver is one. Renew asks for the
// key as it is now; the finder may refuse to ask so often. An error that wraps
// ErrUnreachable says that asking again later may help; any other, that there is no such key.
type Keys interface {
	PublicKey(ctx context.Context, keyID string, renew bool) (PublicKey, error)

	// Proved says that a request was signed with the key: the finder may take that
	// as a reason to ask its server more often, which anyone can cause by naming a key.
	Proved(ctx context.Context, keyID string)
}

// ErrUnreachable says that a key's server gave no usable answer just now. The
// stranger gets 503 instead of 401.
var ErrUnreachable = errors.New("server of the key is out of reach")

// Refusal is why a request is not taken: the status that the stranger gets and
// the reason that the log gets.
type Refusal struct {
	Status int
	Reason string // a code of [Reasons], such as signature-missing
	Err    error  // detail for the log; may be nil
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return "refused: " + r.Reason
	}
	return "refused: " + r.Reason + ": " + r.Err.Error()
}

// Unwrap returns the detail.
func (r *Refusal) Unwrap() error { return r.Err }

// Verifier checks signed requests to one site.
//
// The host and path that must have been signed are those of BaseURL and of the
// request target as it came over the wire, still percent-encoded, so
// http.StripPrefix changes nothing. Where BaseURL has a path that a proxy takes
// away, it is put back. A proxy that changes the path otherwise makes every
// signature wrong. The request's Host must be that of BaseURL too;
// X-Forwarded-* say nothing.
type Verifier struct {
	BaseURL string // the site's: what peers sign, whatever a proxy made of it
	Keys    Keys
	Policy  Policy
	Blocked func(host string) bool // nil blocks nobody; the host is lower case, without port
	Now     func() time.Time       // nil is time.Now
	Limits  limits.Limits          // zero is limits.Default

	// AnyHost does not compare the request's Host, for a proxy that changes it.
	// What was signed must still be the host of BaseURL.
	AnyHost bool

	// InsecureLoopback also takes keys of http and of loopback addresses, for
	// development and tests on one machine. Never set it in production.
	InsecureLoopback bool
}

// Verified is a request body with the proof of who sent it. Only a Verifier makes one.
type Verified struct {
	actor string
	body  []byte
	mark  [32]byte
}

// Actor returns the id of the actor that owns the key.
func (v Verified) Actor() string { return v.actor }

// Body returns the bytes that were signed.
func (v Verified) Body() []byte { return v.body }

// Mark identifies the signature, so that a replay can be known, also one under
// another id of the same key.
func (v Verified) Mark() [32]byte { return v.mark }

// Verify checks the signature of r over body (nil for a GET), in this order:
// header, date window, digest, blocked host, key, signature. An error is a *Refusal.
func (v *Verifier) Verify(ctx context.Context, r *http.Request, body []byte) (Verified, error) {
	l := v.limits()
	m, err := v.message(r, body)
	if err != nil {
		return Verified{}, err
	}
	p, err := parse(r.Header, l)
	if err != nil {
		return Verified{}, err
	}
	if len(m.hosts) == 0 {
		return Verified{}, refuse(hostNotOurs, fmt.Errorf("%.100q", r.Host))
	}
	if err := p.covers(m); err != nil {
		return Verified{}, err
	}
	if err := p.fresh(m, v.now(), l); err != nil {
		return Verified{}, err
	}
	if err := p.intact(m); err != nil {
		return Verified{}, err
	}
	if err := v.mayAsk(p.keyID(), l); err != nil {
		return Verified{}, err
	}
	key, err := v.prove(ctx, m, p)
	if err != nil {
		return Verified{}, err
	}
	v.Keys.Proved(ctx, p.keyID())
	return Verified{actor: key.Owner, body: body, mark: mark(key.Owner, p.signature())}, nil
}

// prove finds the key and checks the signature with it, and once more with the
// key as it is now when the one known before does not match.
func (v *Verifier) prove(ctx context.Context, m message, p proof) (PublicKey, error) {
	known, err := v.key(ctx, p.keyID(), false)
	if err != nil {
		return PublicKey{}, err
	}
	wrong := p.matches(m, known.Key)
	if wrong == nil {
		return known, nil
	}
	now, err := v.key(ctx, p.keyID(), true)
	if err != nil {
		return PublicKey{}, refuse(signatureWrong, fmt.Errorf("and no newer key: %w", err))
	}
	if same(now.Key, known.Key) {
		return PublicKey{}, wrong
	}
	return now, p.matches(m, now.Key)
}

func (v *Verifier) key(ctx context.Context, id string, renew bool) (PublicKey, error) {
	key, err := v.Keys.PublicKey(ctx, id, renew)
	switch {
	case errors.Is(err, ErrUnreachable) || err != nil && ctx.Err() != nil:
		return PublicKey{}, refuse(keyUnreachable, err)
	case err != nil:
		return PublicKey{}, refuse(keyUnknown, err)
	case key.Owner == "":
		return PublicKey{}, refuse(keyUnknown, errors.New("it has no owner"))
	}
	if err := v.Policy.MayAccept(key.Key); err != nil {
		return PublicKey{}, refuse(keyRefused, err)
	}
	owner, err := url.Parse(key.Owner)
	if err != nil {
		return PublicKey{}, refuse(keyUnknown, err)
	}
	return key, v.hears(owner)
}

// mayAsk refuses a key id that is never to be asked for.
func (v *Verifier) mayAsk(keyID string, l limits.Limits) error {
	if len(keyID) > l.ID {
		return refuse(keyIDRefused, fmt.Errorf("%d bytes long", len(keyID)))
	}
	u, err := egress.CheckURL(keyID, v.InsecureLoopback)
	if err != nil {
		return refuse(keyIDRefused, err)
	}
	return v.hears(u)
}

// hears refuses a blocked host: that of a key, or of its owner.
func (v *Verifier) hears(u *url.URL) error {
	if v.Blocked != nil && v.Blocked(u.Hostname()) {
		return refuse(hostBlocked, errors.New(u.Hostname()))
	}
	return nil
}

// mark is over the signature's bytes, not over a spelling of them, and over whose
// it is, not over the key id, which nothing covers.
func mark(owner string, signature []byte) [32]byte {
	return sha256.Sum256(append([]byte(owner+"\x00"), signature...))
}

func same(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func (v *Verifier) limits() limits.Limits {
	if v.Limits == (limits.Limits{}) {
		return limits.Default()
	}
	return v.Limits
}
