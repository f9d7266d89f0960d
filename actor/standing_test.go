package actor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

func standing(t testing.TB, l *actor.Local) *actor.Standing {
	t.Helper()
	s, err := l.Standing()
	require.NoError(t, err)
	return s
}

// ring are three keys that the policy allows, made once: one, two, three.
var ring = sync.OnceValue(func() map[string]*signing.Key {
	keys := map[string]*signing.Key{}
	for _, name := range []string{"one", "two", "three"} {
		private, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		if keys[name], err = signing.New(private); err != nil {
			panic(err)
		}
	}
	return keys
})

// rotating is the ministry with a key and the one to follow it.
func rotating(t testing.TB, key, next string) *actor.Local {
	t.Helper()
	p := ministry(t)
	p.Key, p.Next = ring()[key], ring()[next]
	l, err := actor.NewLocal(p, site, signing.Fediverse())
	require.NoError(t, err)
	return l
}

// pinned is how the store has the ministry: "two after one" is the second key,
// with one that hands over to it.
func pinned(l *actor.Local, key, before string, rotations int) store.Actor {
	a := store.Actor{ID: l.ID, Fingerprint: ring()[key].Fingerprint(), Rotations: rotations}
	if before != "" {
		a.Previous, a.Handover = ring()[before].Fingerprint(), "https://www.agency.test/ap/activities/handover"
	}
	return a
}

// Configuration and store together decide what signs and what is listed.
func TestWhichKeySigns(t *testing.T) {
	for _, c := range []struct {
		name      string
		key, next string // configured
		pinned    string // empty: not yet
		before    string
		rotations int
		want      string // what is listed: id=key use
	}{
		{"one key, not yet pinned", "one", "", "", "", 0, "#main-key=one signs"},
		{"one key", "one", "", "one", "", 0, "#main-key=one signs"},
		{"the next one is announced under the id that it will have", "one", "two", "one", "", 0, "#main-key=one signs, #key-2=two announced"},
		{"switched, both still at hand", "one", "two", "two", "one", 1, "#main-key=one retired, #key-2=two signs"},
		{"the operator has moved Next into Key", "two", "", "two", "one", 1, "#key-2=two signs"},
		{"the third is announced", "two", "three", "two", "one", 1, "#key-2=two signs, #key-3=three announced"},
		{"the third signs", "two", "three", "three", "two", 2, "#key-2=two retired, #key-3=three signs"},
		{"the first was revoked: it is listed nowhere", "one", "two", "two", "", 1, "#key-2=two signs"},
		{"what was replaced is not announced", "two", "one", "two", "one", 1, "#key-2=two signs"},
		{"pinned is a key that is not at hand", "one", "two", "three", "", 2, "none"},
		{"pinned is a key that is not at hand, after the switch elsewhere", "one", "", "two", "one", 1, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := rotating(t, c.key, c.next)
			how := store.Actor{}
			if c.pinned != "" {
				how = pinned(l, c.pinned, c.before, c.rotations)
			}
			s, err := l.Stand(how)
			if c.want == "none" {
				assert.ErrorContains(t, err, "which this process does not hold")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, described(l, s))
			read, err := as2.ReadActor(s.Document, limits.Default())
			require.NoError(t, err)
			require.NotEmpty(t, read.Keys)
			assert.Equal(t, as2.Key{ID: s.KeyID, Owner: l.ID, PEM: s.Key.PublicPEM()}, read.Keys[0], "publicKey is the one key that signs")
			assert.Contains(t, string(s.Document), `"publicKey":{"id":"`+s.KeyID+`"`, "one object, never an array")
			for _, h := range s.Keys {
				inOverlap := strings.Contains(string(s.Document), `{"id":"`+h.KeyID+`","type":"Multikey","controller":"`+l.ID+`","publicKeyMultibase":"`+h.Key.PublicMultikey()+`"}`)
				assert.Equal(t, len(s.Keys) > 1, inOverlap, "%s", h.KeyID)
			}
		})
	}
}

// described lists the keys of a standing by their names here.
func described(l *actor.Local, s *actor.Standing) string {
	var lines []string
	for _, h := range s.Keys {
		for name, key := range ring() {
			if key == h.Key {
				use, _, _ := strings.Cut(h.Use, " ")
				lines = append(lines, strings.TrimPrefix(h.KeyID, l.ID)+"="+name+" "+strings.TrimSuffix(use, ","))
			}
		}
	}
	return strings.Join(lines, ", ")
}

func TestOnlyTheHandoverIsSignedWithTheKeyBefore(t *testing.T) {
	l := rotating(t, "one", "two")
	s, err := l.Stand(pinned(l, "two", "one", 1))
	require.NoError(t, err)
	key, id := s.Before("https://www.agency.test/ap/activities/handover")
	assert.Same(t, ring()["one"], key)
	assert.Equal(t, l.ID+"#main-key", id)
	for _, other := range []string{"", "https://www.agency.test/ap/activities/post"} {
		key, _ = s.Before(other)
		assert.Nil(t, key, other)
	}
	s, err = l.Stand(pinned(l, "two", "", 1))
	require.NoError(t, err)
	key, _ = s.Before("")
	assert.Nil(t, key, "a revoked key signs nothing")
}

func TestWhatIsLearnedIsServedAndNeverForgotten(t *testing.T) {
	l := rotating(t, "one", "two")
	before := standing(t, l)
	_, err := l.Learn(pinned(l, "two", "one", 1))
	require.NoError(t, err)
	assert.Same(t, ring()["two"], standing(t, l).Key)
	_, err = l.Learn(pinned(l, "one", "", 0))
	require.NoError(t, err)
	assert.Same(t, ring()["two"], standing(t, l).Key, "who read the store before the rotation comes late")
	again, err := l.Learn(pinned(l, "two", "one", 1))
	require.NoError(t, err)
	assert.Same(t, standing(t, l), again, "nothing new, nothing rendered")
	assert.NotEqual(t, before.Document, again.Document)

	_, err = l.Learn(pinned(l, "three", "", 2))
	assert.Error(t, err)
	_, err = l.Standing()
	assert.Error(t, err, "a key that is not at hand signs nothing, and neither does the one before")
	require.NoError(t, l.Hold(ring()["three"]))
	_, err = l.Learn(pinned(l, "three", "", 2))
	require.NoError(t, err)
	assert.Equal(t, "#key-3=three signs", described(l, standing(t, l)))
	assert.ErrorContains(t, rotatingStrictly(t).Hold(ring()["one"]), "RSA of 2048 bits is not within 3072")
}

// rotatingStrictly is the ministry under the NZISM's policy.
func rotatingStrictly(t *testing.T) *actor.Local {
	l, err := actor.NewLocal(ministry(t), site, signing.Policy{})
	require.NoError(t, err)
	return l
}

// counting is a store that counts how often it is asked.
type counting struct {
	asked  atomic.Int32
	pinned store.Actor
	err    error
	slow   time.Duration
}

func (c *counting) Actor(ctx context.Context, _ string) (store.Actor, error) {
	c.asked.Add(1)
	time.Sleep(c.slow)
	if c.err == nil {
		return c.pinned, ctx.Err()
	}
	return store.Actor{}, c.err
}

func TestThousandsWhoAskWakeTheStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rotating(t, "one", "two")
		pins := &counting{pinned: pinned(l, "two", "one", 1), slow: time.Second}
		h := actor.NewHandler(site, pins, seven, l)
		herd := func() {
			var all sync.WaitGroup
			for range 1000 {
				all.Go(func() { assert.Contains(t, get(h, l.ID, nil).Body.String(), "#key-2") })
			}
			all.Wait()
		}
		herd()
		assert.EqualValues(t, 1, pins.asked.Load())
		time.Sleep(31 * time.Second)
		herd()
		assert.EqualValues(t, 2, pins.asked.Load(), "once more after half a minute, while the rest are served")
		for range 100 {
			time.Sleep(500 * time.Millisecond)
			_, err := l.Learn(pins.pinned)
			require.NoError(t, err)
			get(h, l.ID, nil)
		}
		assert.EqualValues(t, 2, pins.asked.Load(), "never while somebody tells of it")
	})
}

func TestADocumentIsServedThroughTroubleOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rotating(t, "one", "two")
		pins := &counting{err: errors.New("disk")}
		h := actor.NewHandler(site, pins, seven, l)
		assert.Equal(t, 503, get(h, l.ID, nil).Code, "nobody knows which key signs")
		get(h, l.ID, nil)
		assert.EqualValues(t, 1, pins.asked.Load(), "trouble is not asked again within a second")
		time.Sleep(2 * time.Second)
		pins.err = store.ErrNotFound
		assert.Contains(t, get(h, l.ID, nil).Body.String(), "#main-key", "not pinned yet: as configured")
		time.Sleep(time.Minute)
		pins.err = errors.New("disk")
		assert.Equal(t, 200, get(h, l.ID, nil).Code, "what was known last")
		pins.err, pins.pinned = nil, pinned(l, "three", "", 2)
		time.Sleep(time.Minute)
		w := get(h, l.ID, nil)
		assert.Equal(t, 503, w.Code, "another process holds the key")
		assert.Equal(t, "30", w.Header().Get("Retry-After"))
	})
}

func TestAnUnusableNextKeyIsRefused(t *testing.T) {
	p := ministry(t)
	for says, next := range map[string]*signing.Key{
		"next key: signing: policy NZISM forbids our key: RSA of 2048 bits": ring()["one"],
		"next key: it is the same as key":                                   p.Key,
	} {
		p.Next = next
		_, err := actor.NewLocal(p, site, signing.Policy{})
		assert.ErrorContains(t, err, says)
	}
}
