package knock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// Store is where Forms remembers; store.Store is one.
type Store interface {
	Peer(ctx context.Context, host string) (store.Peer, error)
	Apply(ctx context.Context, ops ...store.Op) error
}

// Forms knows which hosts have shown RFC 9421. All that asks other servers shares
// one, so that what one part has learned the others know. Store is required. It is
// safe for concurrent use and must not be copied once it is used.
type Forms struct {
	Store Store
	Now   func() time.Time // nil is time.Now
	Size  int              // hosts kept in memory; Limits.CacheEntries when 0

	once  sync.Once
	shown *lru.Cache[string, shown] // by host
}

// How long a host that has shown RFC 9421 is asked in no other form, how much of
// that must have passed for it to be written down anew, and how long what the
// store says is believed.
const (
	rememberFor = 7 * 24 * time.Hour
	renewAfter  = 24 * time.Hour
	readAfter   = time.Minute
)

// shown is what is known of a host's form.
type shown struct {
	until time.Time // RFC 9421 until then
	seen  time.Time // when that was read or learned
	kept  bool      // and whether the store has it
}

// First returns how a host is asked first. It fails when the store does.
func (f *Forms) First(ctx context.Context, host string) (Knock, error) {
	now := f.start()
	known, ok := f.shown.Get(host)
	if told := known.kept || !now.Before(known.until); !ok || told && now.Sub(known.seen).Abs() >= readAfter {
		p, err := f.Store.Peer(ctx, host)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Knock{}, fmt.Errorf("signing/knock: how to sign for %s: %w", host, err)
		}
		known = shown{seen: now, kept: true}
		if p.Form == string(signing.RFC9421) {
			known.until = p.FormUntil
		}
		f.shown.Add(host, known)
	}
	if now.Before(known.until) {
		return Knock{Form: signing.RFC9421}, nil
	}
	return Knock{Form: signing.Cavage}, nil
}

// Learn notes that a host has shown RFC 9421, and says whether that is worth
// writing down.
func (f *Forms) Learn(host string) bool {
	now := f.start()
	known, _ := f.shown.Get(host)
	if known.kept && known.until.Sub(now) > rememberFor-renewAfter {
		return false
	}
	f.shown.Add(host, shown{until: now.Add(rememberFor), seen: now, kept: true})
	return true
}

// Notice is as Learn for what is not to be written down before Keep is called:
// what anyone can make a host show.
func (f *Forms) Notice(host string) {
	now := f.start()
	if known, _ := f.shown.Get(host); !now.Before(known.until) {
		f.shown.Add(host, shown{until: now.Add(rememberFor), seen: now})
	}
}

// Keep writes down what was noticed of a host, if anything was.
func (f *Forms) Keep(ctx context.Context, host string) error {
	now := f.start()
	known, _ := f.shown.Get(host)
	if known.kept || !now.Before(known.until) {
		return nil
	}
	if err := f.Store.Apply(ctx, store.PutForm{Host: host, Form: string(signing.RFC9421), Until: known.until}); err != nil {
		return fmt.Errorf("signing/knock: remember how to sign for %s: %w", host, err)
	}
	known.kept = true
	f.shown.Add(host, known)
	return nil
}

// Shown writes down that a host has shown RFC 9421, for as long as that counts.
func Shown(host string, now time.Time) store.PutForm {
	return store.PutForm{Host: host, Form: string(signing.RFC9421), Until: now.Add(rememberFor)}
}

// start makes the cache on first use, so that Forms is one struct literal.
func (f *Forms) start() (now time.Time) {
	f.once.Do(func() {
		if f.Size == 0 {
			f.Size = limits.Default().CacheEntries
		}
		f.shown, _ = lru.New[string, shown](max(f.Size, 1))
	})
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}
