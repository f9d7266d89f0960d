package actor_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// guarded is a server that shows its documents only to who signs as it likes.
type guarded struct {
	*origin
	came []string // the form and path of each request
}

// guard has o answer refused to every form but those that it takes.
func guard(o *origin, refused int, header http.Header, takes ...signing.Form) *guarded {
	g := &guarded{origin: o}
	o.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form := signing.Form(r.Header.Get("Signature"))
		o.mu.Lock()
		g.came = append(g.came, string(form)+" "+r.URL.Path)
		o.mu.Unlock()
		for name, values := range header {
			w.Header()[name] = values
		}
		for _, taken := range takes {
			if form == taken {
				o.ServeHTTP(w, r)
				return
			}
		}
		w.WriteHeader(refused)
	})
	return g
}

// knocker is a resolver that writes the name of the form where the signature would be.
func knocker(s knock.Store) (*actor.Resolver, *clock) {
	r, c := newResolver()
	r.Sign = func(k knock.Knock, r *http.Request) error {
		r.Header.Set("Signature", string(k.Form))
		if k.Wish.Nonce != "" {
			r.Header.Set("Nonce", k.Wish.Nonce)
		}
		return nil
	}
	r.Forms = &knock.Forms{Store: s, Now: c.Now}
	return r, c
}

func TestAServerThatRefusesOneFormIsAskedInTheOther(t *testing.T) {
	wish := http.Header{"Accept-Signature": {`me=("@method");nonce="n17"`}}
	for _, c := range []struct {
		say     string
		refused int
		header  http.Header
		takes   []signing.Form
		came    []string
		found   bool
		first   signing.Form // at the next time
	}{
		{"draft-cavage alone", 401, nil, []signing.Form{signing.Cavage}, []string{"cavage /alice"}, true, signing.Cavage},
		{"both", 401, nil, []signing.Form{signing.Cavage, signing.RFC9421}, []string{"cavage /alice"}, true, signing.Cavage},
		{"RFC 9421 alone", 401, nil, []signing.Form{signing.RFC9421}, []string{"cavage /alice", "rfc9421 /alice"}, true, signing.RFC9421},
		{"RFC 9421 alone, with 403", 403, nil, []signing.Form{signing.RFC9421}, []string{"cavage /alice", "rfc9421 /alice"}, true, signing.RFC9421},
		{"RFC 9421 alone, with 400", 400, nil, []signing.Form{signing.RFC9421}, []string{"cavage /alice"}, false, signing.Cavage},
		{"RFC 9421 alone, asked for with 400", 400, wish, []signing.Form{signing.RFC9421}, []string{"cavage /alice", "rfc9421 /alice"}, true, signing.RFC9421},
		{"both, asking for RFC 9421", 401, wish, []signing.Form{signing.Cavage, signing.RFC9421}, []string{"cavage /alice"}, true, signing.RFC9421},
		{"nothing", 401, nil, nil, []string{"cavage /alice", "rfc9421 /alice"}, false, signing.Cavage},
		{"nothing, asking for RFC 9421", 401, wish, nil, []string{"cavage /alice", "rfc9421 /alice"}, false, signing.Cavage},
	} {
		t.Run(c.say, func(t *testing.T) {
			g := guard(newOrigin(t), c.refused, c.header, c.takes...)
			id := g.alice(public(0))
			r, _ := knocker(memory.New())
			_, err := r.Actor(t.Context(), id)
			assert.Equal(t, c.found, err == nil, err)
			assert.Equal(t, c.came, g.came)
			if len(c.came) == 2 && c.header != nil && c.found {
				assert.Equal(t, "n17", g.last.Get("Nonce"), "as it is asked")
			}
			first, err := r.Forms.First(t.Context(), store.HostOf(id))
			require.NoError(t, err)
			assert.Equal(t, c.first, first.Form)
		})
	}
}

// What a stranger's request makes us learn is in memory only, until a signature
// shows that it was worth asking.
func TestTheFormOfAHostIsWrittenDownWhenItHasProvedItself(t *testing.T) {
	g := guard(newOrigin(t), 401, nil, signing.RFC9421)
	id, s := g.alice(public(0)), memory.New()
	r, c := knocker(s)
	_, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	_, err = s.Peer(t.Context(), store.HostOf(id))
	assert.ErrorIs(t, err, store.ErrNotFound)

	r.Proved(t.Context(), id+"#main-key")
	p, err := s.Peer(t.Context(), store.HostOf(id))
	require.NoError(t, err)
	assert.Equal(t, "rfc9421", p.Form)

	g.came = nil
	restarted, clock := knocker(s)
	clock.pass(c.Now().Sub(clock.Now()))
	_, err = restarted.Actor(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, []string{"rfc9421 /alice"}, g.came, "never a downgrade")

	// Now it takes only draft-cavage. It is not asked so before the week is over, and
	// then it is found: what was read meanwhile without a look at the signature has not
	// put that off.
	open := guard(g.origin, 401, nil, signing.Cavage, signing.RFC9421)
	clock.pass(6 * 24 * time.Hour)
	_, err = restarted.Actor(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, []string{"rfc9421 /alice"}, open.came)
	changed := guard(g.origin, 401, nil, signing.Cavage)
	clock.pass(24*time.Hour - time.Minute)
	_, err = restarted.Actor(t.Context(), id+"?")
	assert.Error(t, err)
	assert.Equal(t, []string{"rfc9421 /alice"}, changed.came)
	clock.pass(time.Hour)
	_, err = restarted.Actor(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, []string{"rfc9421 /alice", "cavage /alice"}, changed.came)
}

func TestASecondKnockCountsAndKeepsToTheRules(t *testing.T) {
	t.Run("it is one of the fetches of its domain", func(t *testing.T) {
		g := guard(newOrigin(t), 401, nil, signing.RFC9421)
		r, _ := knocker(memory.New())
		r.Limits = limits.Default()
		r.Limits.FetchesPerHost = 1
		_, err := r.Actor(t.Context(), g.alice(public(0)))
		assert.ErrorIs(t, err, signing.ErrUnreachable)
		assert.Equal(t, []string{"cavage /alice"}, g.came)
	})
	t.Run("it follows no redirect elsewhere", func(t *testing.T) {
		g, other := guard(newOrigin(t), 401, nil, signing.RFC9421), newOrigin(t)
		g.pages["/alice"] = page{status: 302, location: other.alice(public(0))}
		r, _ := knocker(memory.New())
		_, err := r.Actor(t.Context(), g.URL+"/alice")
		assert.ErrorIs(t, err, actor.ErrRefused)
		assert.Equal(t, []string{"cavage /alice", "rfc9421 /alice"}, g.came)
		assert.Zero(t, other.requests())
	})
	t.Run("both have the time of one", func(t *testing.T) {
		g := guard(newOrigin(t), 401, nil, signing.RFC9421)
		id, quick := g.alice(public(0)), g.Config.Handler
		g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(150 * time.Millisecond)
			quick.ServeHTTP(w, r)
		})
		r, _ := knocker(memory.New())
		r.Limits = limits.Default()
		r.Limits.FetchTimeout = 250 * time.Millisecond
		_, err := r.Actor(t.Context(), id)
		assert.ErrorIs(t, err, signing.ErrUnreachable)
	})
	t.Run("the first answer counts where the second is no better", func(t *testing.T) {
		o := newOrigin(t)
		o.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Signature") == string(signing.Cavage) {
				w.WriteHeader(http.StatusUnauthorized)
			} else {
				w.WriteHeader(http.StatusForbidden)
			}
		})
		r, _ := knocker(memory.New())
		_, err := r.Actor(t.Context(), o.URL+"/alice")
		assert.ErrorIs(t, err, signing.ErrUnreachable, "a 401 may be our key's server, and pass")
	})
	t.Run("it needs no memory", func(t *testing.T) {
		g := guard(newOrigin(t), 401, nil, signing.RFC9421)
		r, _ := knocker(memory.New())
		r.Forms = nil
		_, err := r.Actor(t.Context(), g.alice(public(0)))
		assert.NoError(t, err)
		assert.Equal(t, []string{"cavage /alice", "rfc9421 /alice"}, g.came)
	})
	t.Run("nobody is there", func(t *testing.T) {
		o := newOrigin(t)
		o.Close()
		r, _ := knocker(memory.New())
		_, err := r.Actor(t.Context(), o.URL+"/alice")
		assert.ErrorIs(t, err, signing.ErrUnreachable)
	})
	t.Run("there is none without a signature", func(t *testing.T) {
		g := guard(newOrigin(t), 401, nil)
		r, _ := knocker(memory.New())
		r.Sign = nil
		_, err := r.Actor(t.Context(), g.alice(public(0)))
		assert.Error(t, err)
		assert.Len(t, g.came, 1)
	})
}

// A server that looks at no signature takes every form, and shows nothing by it.
func TestAnAnswerThatAsksForNothingShowsNothing(t *testing.T) {
	g := guard(newOrigin(t), 401, nil, signing.Cavage, signing.RFC9421)
	id := g.alice(public(0))
	s := memory.New()
	r, clock := knocker(s)
	until := clock.Now().Add(time.Hour)
	require.NoError(t, s.Apply(t.Context(), store.PutForm{Host: store.HostOf(id), Form: string(signing.RFC9421), Until: until}))
	_, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	r.Proved(t.Context(), id+"#main-key")
	assert.Equal(t, []string{"rfc9421 /alice"}, g.came)
	peer, err := s.Peer(t.Context(), store.HostOf(id))
	require.NoError(t, err)
	assert.True(t, until.Equal(peer.FormUntil), "as it was: %v", peer.FormUntil)
}

// storeAway is a store that does not say how a host is signed for.
type storeAway struct{ knock.Store }

func (storeAway) Peer(context.Context, string) (store.Peer, error) {
	return store.Peer{}, context.DeadlineExceeded
}

func TestWithoutTheStoreNobodyIsAskedAndNobodyBlamed(t *testing.T) {
	g := guard(newOrigin(t), 401, nil, signing.Cavage)
	id := g.alice(public(0))
	r, _ := knocker(storeAway{})
	_, err := r.Actor(t.Context(), id)
	assert.ErrorIs(t, err, signing.ErrUnreachable)
	assert.Empty(t, g.came)
	r.Forms = nil
	_, err = r.Actor(t.Context(), id)
	require.NoError(t, err, "it is asked as soon as that is mended")
	assert.Equal(t, []string{"cavage /alice"}, g.came)
}
