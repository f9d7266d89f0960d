// Package storetest holds the rules that every backend of package store must
// pass. Each subtest is named after the rule that it enforces.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// Store is what a backend offers.
type Store interface {
	store.Store
	Close() error
}

// Backend says how the suite gets at a backend.
type Backend struct {
	// Create makes a new, empty database and returns how to open it. Opening it
	// twice gives two handles on the one database.
	Create func(tb testing.TB) (open func() (Store, error))

	// Forgetful is for a backend that keeps nothing once it is closed.
	Forgetful bool
}

// Run tests a backend.
func Run(t *testing.T, b Backend) {
	for _, group := range []struct {
		name  string
		rules []rule
	}{
		{"Apply", applyRules},
		{"Identity", identityRules},
		{"Posts", postRules},
		{"Fanout", fanoutRules},
		{"Claim", claimRules},
		{"Settle", settleRules},
		{"Followers", followerRules},
		{"Received", receivedRules},
		{"Blocks", blockRules},
		{"Journal", journalRules},
		{"Values", valueRules},
		{"Sharing", sharingRules},
		{"Model", modelRules},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, r := range group.rules {
				t.Run(r.says, func(t *testing.T) {
					if r.lasting && b.Forgetful {
						t.Skip("this backend keeps nothing once it is closed")
					}
					r.test(newDB(t, b))
				})
			}
		})
	}
}

// rule is one thing that a backend must do.
type rule struct {
	says    string
	test    func(d *db)
	lasting bool // about what is kept after Close
}

// db is an empty database with one handle on it, and the test that uses it.
type db struct {
	*testing.T
	Store
	open    func() (Store, error)
	backend Backend
}

var ctx = context.Background()

func newDB(t *testing.T, b Backend) *db {
	d := &db{T: t, open: b.Create(t), backend: b}
	d.Store = d.handle()
	return d
}

// handle opens another handle, closed with the test.
func (d *db) handle() Store {
	d.Helper()
	s, err := d.open()
	require.NoError(d, err)
	d.Cleanup(func() { assert.NoError(d, s.Close()) })
	return s
}

// do applies ops that must succeed.
func (d *db) do(ops ...store.Op) {
	d.Helper()
	require.NoError(d, d.Apply(ctx, ops...))
}

// refuses applies ops that must fail with want and change nothing.
func (d *db) refuses(want error, ops ...store.Op) {
	d.Helper()
	before := d.everything()
	require.ErrorIs(d, d.Apply(ctx, ops...), want)
	require.Equal(d, before, d.everything(), "nothing may have changed")
}

// claim leases up to 100 deliveries for a minute.
func (d *db) claim(at time.Time, actors ...string) []store.Delivery {
	d.Helper()
	return d.claims(store.Claim{Actors: actors, Now: at, Lease: time.Minute})
}

func (d *db) claims(q store.Claim) []store.Delivery {
	d.Helper()
	got, err := d.Claim(ctx, q)
	require.NoError(d, err)
	return got
}

// claimOne leases the one delivery there must be.
func (d *db) claimOne(at time.Time, actors ...string) store.Delivery {
	d.Helper()
	got := d.claim(at, actors...)
	require.Len(d, got, 1)
	return got[0]
}

// deliveries lists all that match.
func (d *db) deliveries(q store.DeliveryQuery) []store.Delivery {
	d.Helper()
	q.Limit = everything
	return must(d.Deliveries(ctx, q))(d)
}

// states lists the deliveries about an object in a few words, as "kauri.example delivered".
func (d *db) states(object string) (all []string) {
	d.Helper()
	for _, one := range d.deliveries(store.DeliveryQuery{Object: object}) {
		all = append(all, fmt.Sprintf("%s %s", one.Host, one.State))
	}
	return all
}

// must returns a value, or ends the test with the error that came with it.
func must[T any](value T, err error) func(require.TestingT) T {
	return func(t require.TestingT) T {
		require.NoError(t, err)
		return value
	}
}

// everything is a limit that no test reaches.
const everything = 100_000

// Everything is all that a store tells of the names in these tests.
type Everything struct {
	Actors     []store.Actor
	Posts      []store.Post
	Activities []store.Activity
	Receipts   []store.Receipt
	Deliveries []store.Delivery
	Peers      []store.Peer
	Followers  []store.Follower
	Received   []store.Received
	Reactions  []store.Reaction
	Counts     []store.Counts
	Blocks     []store.Block
	Journal    []store.Entry
	Settings   []string
}

func (d *db) everything() Everything { return read(d.T, d.Store) }

func read(t *testing.T, s store.Reader) Everything {
	t.Helper()
	return Everything{
		Actors:     must(s.Actors(ctx))(t),
		Posts:      must(s.Posts(ctx, store.PostQuery{Limit: everything}))(t),
		Activities: known(t, s.Activity, activities()),
		Receipts:   known(t, s.Receipt, objects()),
		Deliveries: must(s.Deliveries(ctx, store.DeliveryQuery{Limit: everything}))(t),
		Peers:      known(t, s.Peer, hosts),
		Followers:  must(s.Followers(ctx, store.FollowerQuery{Limit: everything}))(t),
		Received:   must(s.Received(ctx, store.ReceivedQuery{Limit: everything}))(t),
		Reactions:  must(s.Reactions(ctx, store.ReactionQuery{Limit: everything}))(t),
		Counts:     known(t, s.Counts, objects()),
		Blocks:     must(s.Blocks(ctx, store.BlockQuery{Limit: everything}))(t),
		Journal:    must(s.Journal(ctx, store.JournalQuery{Limit: everything}))(t),
		Settings:   known(t, s.Setting, []string{"digest", "origin"}),
	}
}

// known gets each name, and the zero value for those that are not there.
func known[T any](t *testing.T, get func(context.Context, string) (T, error), names []string) (all []T) {
	t.Helper()
	for _, name := range names {
		one, err := get(ctx, name)
		if err != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		all = append(all, one)
	}
	return all
}
