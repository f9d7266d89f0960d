package actor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
)

// What went wrong, where a caller may want to know. What may be asked again
// with hope wraps [signing.ErrUnreachable]; everything else is not an actor, or
// does not own the key.
var (
	// ErrRefused says that the id is one that is never asked: not a public https
	// URL, one of our own, or on a blocked host.
	ErrRefused = errors.New("not to be asked")
	// ErrGone says that the server answered that there is no such actor (404 or 410).
	ErrGone = errors.New("gone")
)

// Remote is an actor on another server, as its own document says. Its Inbox is
// one that may be asked; its SharedInbox is too, and of the same origin, or empty.
type Remote struct {
	as2.Actor
	Fetched time.Time
}

// Resolver finds remote actors and their keys, and remembers them for a while.
// It is bounded in memory and in requests, and asks once where many wait. The
// fields must not change once it is used; it is safe for concurrent use and must
// not be copied.
//
// An actor is what a document says that was fetched from the actor's own id and
// names that id, letter for letter. A key belongs to the actor that the key's
// document names as owner, if that actor's own document lists the same key. What
// a document embeds is never believed.
type Resolver struct {
	Client  *egress.Client
	Sign    knock.Sign             // signs the fetches; nil leaves them unsigned
	Forms   *knock.Forms           // how hosts are signed for, shared with what else asks them; nil remembers nothing
	Policy  signing.Policy         // which keys to believe
	Ours    func(id string) bool   // such as URLs.Owns: what is never fetched, nor taken as an inbox; nil is nothing
	Blocked func(host string) bool // hosts that are never asked; nil blocks nobody
	Now     func() time.Time       // nil is time.Now
	Limits  limits.Limits          // zero is limits.Default

	once     sync.Once
	flight   singleflight.Group
	actors   *lru.Cache[string, *known]  // by id
	owners   *lru.Cache[string, string]  // the actor's id by key id
	failures *lru.Cache[string, failure] // by what was asked
	budgets  *lru.Cache[string, *budget] // by registrable domain
}

// known is an actor with those of its keys that the policy accepts.
type known struct {
	Remote
	keys   []signing.PublicKey
	proved sync.Once // what it took to fetch it was given back
}

type failure struct {
	err   error
	until time.Time
}

// Actor returns the remote actor with the id, fetching it when it is not known
// or was fetched longer ago than Limits.ActorTTL.
func (r *Resolver) Actor(ctx context.Context, id string) (Remote, error) {
	k, err := r.actor(ctx, id)
	if err != nil {
		return Remote{}, fmt.Errorf("actor: resolve %.200q: %w", id, err)
	}
	return k.Remote, nil
}

// PublicKey returns the key with the id, as the document of the actor that owns
// it lists it. Renew asks for it anew, at most once in Limits.KeyRefetch;
// otherwise it returns what is known.
func (r *Resolver) PublicKey(ctx context.Context, keyID string, renew bool) (signing.PublicKey, error) {
	key, err := r.publicKey(ctx, keyID, renew)
	if err != nil {
		return signing.PublicKey{}, fmt.Errorf("actor: key %.200q: %w", keyID, err)
	}
	return key, nil
}

// Proved gives back to the domain of the key's owner what it took to find the
// key, once for each time that it was fetched: it was worth asking for. What was
// learned of its server on the way is written down only now; where that fails, it
// is learned again.
func (r *Resolver) Proved(ctx context.Context, keyID string) {
	r.start()
	id, _ := r.owners.Peek(keyID)
	k, ok := r.actors.Peek(id)
	if !ok {
		return
	}
	k.proved.Do(func() {
		r.budget(id).giveBack()
		if r.Forms != nil {
			_ = r.Forms.Keep(ctx, store.HostOf(id))
		}
	})
}

// Forget drops what is known of an actor, its keys too: it was deleted, or said
// that it changed.
func (r *Resolver) Forget(id string) {
	r.start()
	if k, ok := r.actors.Peek(id); ok {
		for _, key := range k.keys {
			r.forgetKey(key.ID, id)
		}
	}
	r.actors.Remove(id)
	r.failures.Remove(id)
}

// ForgetFailures has everything asked for again that failed lately: who may be
// asked has changed.
func (r *Resolver) ForgetFailures() {
	r.start()
	r.failures.Purge()
}

// forgetKey has a key asked for again where it lies, however lately that failed. It
// leaves alone what another actor owns, whatever the forgotten one listed.
func (r *Resolver) forgetKey(keyID, owner string) {
	if found, _ := r.owners.Peek(keyID); found == owner {
		r.owners.Remove(keyID)
		r.failures.Remove(asKey(keyID))
	}
}

// asKey keeps the failure to find a key apart from that to find an actor whose id is the same.
func asKey(keyID string) string { return "key " + keyID }

// start makes the caches on first use, so that a Resolver is one struct literal.
func (r *Resolver) start() {
	r.once.Do(func() {
		if r.Limits == (limits.Limits{}) {
			r.Limits = limits.Default()
		}
		size := max(r.Limits.CacheEntries, 1)
		r.actors, _ = lru.New[string, *known](size)
		r.owners, _ = lru.New[string, string](size)
		r.failures, _ = lru.New[string, failure](size)
		r.budgets, _ = lru.New[string, *budget](size)
	})
}

func (r *Resolver) actor(ctx context.Context, id string) (*known, error) {
	r.start()
	if strings.Contains(id, "#") {
		return nil, fmt.Errorf("%w: an id with a fragment", ErrRefused)
	}
	return r.together(ctx, id,
		func() *known { return r.remembered(id) },
		func(ctx context.Context) (*known, error) { return r.fetchActor(ctx, id) })
}

func (r *Resolver) publicKey(ctx context.Context, keyID string, renew bool) (signing.PublicKey, error) {
	r.start()
	owner, err := r.together(ctx, asKey(keyID),
		func() *known { return r.ownerOf(keyID, renew) },
		func(ctx context.Context) (*known, error) { return r.fetchOwner(ctx, keyID) })
	if err != nil {
		return signing.PublicKey{}, err
	}
	return owner.key(keyID)
}

// remembered returns the actor that was fetched not too long ago, or nil.
func (r *Resolver) remembered(id string) *known {
	if k, ok := r.actors.Get(id); ok && r.now().Sub(k.Fetched) < r.Limits.ActorTTL {
		return k
	}
	return nil
}

// ownerOf returns the actor who is known to own the key, or nil. To renew is to
// forget that, unless the key, or a failure to get it, is newer than Limits.KeyRefetch.
func (r *Resolver) ownerOf(keyID string, renew bool) *known {
	id, _ := r.owners.Get(keyID)
	k := r.remembered(id) // nobody has no id
	if k == nil {
		return nil
	}
	if _, err := k.key(keyID); err != nil {
		return nil
	}
	if renew && r.failed(asKey(keyID)) == nil && r.now().Sub(k.Fetched) >= r.Limits.KeyRefetch {
		return nil
	}
	return k
}

// key returns the key with the id, or the one that is listed for the id of the
// actor itself, which PeerTube signs with.
func (k *known) key(id string) (signing.PublicKey, error) {
	i := slices.IndexFunc(k.keys, func(key signing.PublicKey) bool {
		return key.ID == id || id == k.ID && len(k.Keys) == 1
	})
	if i < 0 {
		return signing.PublicKey{}, errors.New("its owner lists no such key that the policy accepts")
	}
	return k.keys[i], nil
}

// together returns what is known, or runs fetch once for all who want the same,
// and not at all when it failed lately. A fetch runs on when a caller gives up,
// since others may wait; the client's deadlines bound it.
func (r *Resolver) together(ctx context.Context, what string, have func() *known, fetch func(context.Context) (*known, error)) (*known, error) {
	if k := have(); k != nil {
		return k, nil
	}
	if err := r.failed(what); err != nil {
		return nil, err
	}
	done := r.flight.DoChan(what, func() (_ any, err error) {
		if k := have(); k != nil { // another flight landed meanwhile
			return k, nil
		}
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
			r.note(what, err)
		}()
		return fetch(context.WithoutCancel(ctx))
	})
	select {
	case result := <-done:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*known), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", signing.ErrUnreachable, ctx.Err())
	}
}

// failed returns how asking failed lately, or nil.
func (r *Resolver) failed(what string) error {
	if f, _ := r.failures.Get(what); r.now().Before(f.until) {
		return f.err
	}
	return nil
}

// note remembers a failure, but for those that are ours: of the budget, of the
// store and of the outgoing proxy.
func (r *Resolver) note(what string, err error) {
	if err != nil && !errors.Is(err, errBudget) && !errors.Is(err, errForms) && !errors.Is(err, egress.ErrProxy) {
		r.failures.Add(what, failure{err, r.now().Add(r.Limits.FailureTTL)})
	}
}

func (r *Resolver) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}
