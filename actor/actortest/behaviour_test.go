package actortest_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/signing/egress"
)

// ping is an activity that every inbox takes and nobody acts upon.
func ping(a *actortest.Actor) []byte {
	return []byte(`{"@context":"https://www.w3.org/ns/activitystreams","id":"` + a.ID + `#ping","type":"Like","actor":"` + a.ID + `","object":"https://a.test/1"}`)
}

func TestAnInboxAnswersAsItIsTold(t *testing.T) {
	ctx := within(t)
	news := start(t, actortest.Options{}).Actor("news")
	readers := start(t, actortest.Options{})
	alice, bob := readers.Actor("alice"), readers.Actor("bob")
	send := func(inbox string) actortest.Sent {
		sent, err := news.Send(ctx, inbox, ping(news), actortest.Forge{})
		require.NoError(t, err)
		return sent
	}

	readers.Answer(alice.Inbox, actortest.Answer{Status: 429, RetryAfter: 2 * time.Minute, Times: 2})
	assert.Equal(t, 429, send(alice.Inbox).Status)
	assert.Equal(t, "120", send(alice.Inbox).Header.Get("Retry-After"))
	assert.Equal(t, 202, send(alice.Inbox).Status, "twice, it was told")
	assert.Equal(t, 202, send(bob.Inbox).Status, "others are not meant")

	readers.Answer("", actortest.Answer{Status: 410, Body: "gone"})
	for _, inbox := range []string{alice.Inbox, bob.Inbox, readers.SharedInbox()} {
		assert.Equal(t, 410, send(inbox).Status)
	}
	readers.Answer("", actortest.Answer{})
	assert.Equal(t, 202, send(bob.Inbox).Status)
	assert.Len(t, readers.Received(), 3, "what is answered as told is not judged")
	requests := readers.Requests()
	assert.Equal(t, 4, requests["POST /users/alice/inbox"])
	assert.Equal(t, 3, requests["POST /users/bob/inbox"])
	assert.Zero(t, requests["GET /users/alice"])
}

func TestAnInboxIsSlowOrSilent(t *testing.T) {
	news := start(t, actortest.Options{}).Actor("news")
	send := func(ctx context.Context, inbox string) (actortest.Sent, error) {
		return news.Send(ctx, inbox, ping(news), actortest.Forge{})
	}
	cases := []struct {
		name string
		with actortest.Answer
	}{
		{"it never answers", actortest.Answer{Stall: true}},
		{"it waits for an hour", actortest.Answer{Wait: time.Hour, Status: 202}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			readers := start(t, actortest.Options{})
			alice := readers.Actor("alice")
			readers.Answer(alice.Inbox, c.with)
			ctx, cancel := context.WithCancelCause(within(t))
			enough := errors.New("waited long enough")
			go func() {
				_ = readers.WaitFor(ctx, func() bool { return readers.Requests()["POST /users/alice/inbox"] == 1 })
				cancel(enough)
			}()
			_, err := send(ctx, alice.Inbox)
			assert.ErrorIs(t, err, enough)
			assert.Empty(t, readers.Received())
		})
	}
	t.Run("it hangs up", func(t *testing.T) {
		readers := start(t, actortest.Options{})
		readers.Answer(readers.SharedInbox(), actortest.Answer{HangUp: true})
		_, err := send(within(t), readers.SharedInbox())
		assert.Error(t, err)
	})
	t.Run("it answers drop by drop", func(t *testing.T) {
		readers := start(t, actortest.Options{})
		readers.Answer(readers.SharedInbox(), actortest.Answer{Status: 500, Body: "sorry", Drip: time.Millisecond})
		sent, err := send(within(t), readers.SharedInbox())
		require.NoError(t, err)
		assert.Equal(t, 500, sent.Status)
		assert.Equal(t, "sorry", string(sent.Body))
	})
	t.Run("it waits and then does its work", func(t *testing.T) {
		readers := start(t, actortest.Options{})
		readers.Answer(readers.SharedInbox(), actortest.Answer{Wait: time.Millisecond})
		sent, err := send(within(t), readers.SharedInbox())
		require.NoError(t, err)
		assert.Equal(t, 202, sent.Status)
		assert.Len(t, readers.Received(), 1)
	})
}

// A frozen server leaves even the TLS handshake unanswered, and closing it frees whoever waits.
func TestAFrozenServerSaysNothing(t *testing.T) {
	readers := start(t, actortest.Options{TLS: true})
	news := start(t, actortest.Options{RootCAs: readers.RootCAs()}).Actor("news")
	readers.Freeze(true)
	failed := make(chan error)
	go func() {
		_, err := news.Fetch(within(t), readers.URL()+"/users/alice")
		failed <- err
	}()
	require.NoError(t, readers.WaitFor(within(t), func() bool { return readers.Requests()["frozen"] == 1 }))
	readers.Freeze(false)
	assert.Error(t, <-failed)
	readers.Actor("alice")
	answer, err := news.Fetch(within(t), readers.URL()+"/users/alice")
	require.NoError(t, err)
	assert.Equal(t, 200, answer.Status)
}

func TestServersSpeakTLS(t *testing.T) {
	trusted := x509.NewCertPool()
	agency := start(t, actortest.Options{TLS: true, RootCAs: trusted})
	readers := start(t, actortest.Options{TLS: true, RootCAs: trusted, Address: "127.0.0.2:0", Hosts: map[string]string{agency.Host(): agency.URL()}})
	alice := readers.Actor("alice")
	sent, err := alice.Follow(within(t), agency.Actor("news").Handle)
	require.NoError(t, err)
	assert.Equal(t, 202, sent.Status)
	assert.True(t, strings.HasPrefix(readers.URL(), "https://127.0.0.2:"))

	t.Run("and distrust other authorities", func(t *testing.T) {
		stranger := start(t, actortest.Options{TLS: true}).Actor("mallory")
		_, err := stranger.Fetch(within(t), alice.ID)
		assert.ErrorIs(t, err, egress.ErrTLS)
		sent, err := alice.Send(within(t), agency.SharedInbox(), ping(alice), actortest.Forge{KeyID: stranger.KeyID()})
		require.NoError(t, err)
		assert.Equal(t, 503, sent.Status, "its key cannot be fetched")
	})
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.test:80", "127.0.0.1"} {
		_, err := actortest.Start(actortest.Options{Address: address})
		assert.ErrorContains(t, err, "loopback", address)
	}
}

// A handle's domain may be another than the host that serves it.
func TestAHandleOfAnotherDomain(t *testing.T) {
	agency := start(t, actortest.Options{})
	news := agency.Actor("news")
	agency.Answer("/.well-known/webfinger?resource="+"acct%3Anews%40agency.govt.nz", actortest.Answer{Status: 404})
	alice := start(t, actortest.Options{Hosts: map[string]string{"agency.govt.nz": agency.URL()}}).Actor("alice")
	_, err := alice.Follow(within(t), "news@agency.govt.nz")
	assert.ErrorContains(t, err, "answers 404")
	_, err = alice.Follow(within(t), news.Handle)
	assert.NoError(t, err)
}

// An id of a public host is asked for on loopback, under its own name.
func TestAnIdOfAPublicHost(t *testing.T) {
	var host string
	site := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { host = r.Host }))
	defer site.Close()
	alice := start(t, actortest.Options{Hosts: map[string]string{"www.agency.govt.nz": site.URL}}).Actor("alice")
	_, err := alice.Fetch(within(t), "https://www.agency.govt.nz/ap/1")
	require.NoError(t, err)
	assert.Equal(t, "www.agency.govt.nz", host)
	_, err = alice.Send(within(t), "https://www.agency.govt.nz/ap/inbox", ping(alice), actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, "www.agency.govt.nz", host)
}

// Misskey sends the same Follow again under the same id; the others under a new one.
func TestAFollowSentAgain(t *testing.T) {
	for _, d := range []actortest.Dialect{actortest.Misskey, actortest.Mastodon} {
		t.Run(d.String(), func(t *testing.T) {
			news := start(t, actortest.Options{}).Actor("news")
			alice := start(t, actortest.Options{Dialect: d}).Actor("alice")
			follow(t, alice, news)
			first, err := alice.Follow(within(t), news.ID)
			require.NoError(t, err)
			second, err := alice.Follow(within(t), news.ID)
			require.NoError(t, err)
			assert.Equal(t, d == actortest.Misskey, first.ID == second.ID)
			assert.Equal(t, []string{news.ID}, alice.Following(), "and what was accepted stays so")
		})
	}
}

// Servers that want signed GETs get them from each other, and give a stranger the key alone.
func TestSignedGets(t *testing.T) {
	for _, d := range []actortest.Dialect{actortest.GoToSocial, actortest.Threads} {
		t.Run(d.String(), func(t *testing.T) {
			ctx := within(t)
			guarded := start(t, actortest.Options{Dialect: d})
			alice := guarded.Actor("alice")
			other := start(t, actortest.Options{Dialect: d}).Actor("bob")
			signed, err := other.Fetch(ctx, alice.ID)
			require.NoError(t, err)
			assert.Equal(t, 200, signed.Status)

			assert.Equal(t, 401, visit(t, guarded, alice.ID).Code)
			assert.Equal(t, 200, visit(t, guarded, guarded.URL()+"/.well-known/webfinger?resource=acct:"+alice.Handle).Code)
			if d == actortest.GoToSocial {
				stub := visit(t, guarded, alice.KeyID())
				assert.Equal(t, 200, stub.Code)
				assert.Contains(t, stub.Body.String(), "publicKeyPem")
				assert.NotContains(t, stub.Body.String(), "inbox")
			}
		})
	}
	open := start(t, actortest.Options{})
	assert.Equal(t, 200, visit(t, open, open.Actor("alice").ID).Code)
	closed := start(t, actortest.Options{RejectUnsignedGets: true})
	assert.Equal(t, 401, visit(t, closed, closed.Actor("alice").ID).Code)
}

// Mastodon fetches a changed key once; GoToSocial believes only an Update signed with the old one.
func TestChangedKeys(t *testing.T) {
	cases := []struct {
		o                     actortest.Options
		silently, afterUpdate int
	}{
		{actortest.Options{Dialect: actortest.Mastodon}, 202, 202},
		{actortest.Options{Dialect: actortest.GoToSocial}, 401, 202},
		{actortest.Options{Dialect: actortest.Mastodon, KeepKeys: true}, 401, 202},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.o.Dialect, c.o.KeepKeys), func(t *testing.T) {
			ctx := within(t)
			news := start(t, actortest.Options{}).Actor("news")
			inbox := start(t, c.o).Actor("alice").Inbox
			send := func(activity []byte, f actortest.Forge) int {
				sent, err := news.Send(ctx, inbox, activity, f)
				require.NoError(t, err)
				return sent.Status
			}
			require.Equal(t, 202, send(ping(news), actortest.Forge{}))
			old, err := news.RotateKey(newKey(t))
			require.NoError(t, err)
			assert.Equal(t, c.silently, send(ping(news), actortest.Forge{}))

			doc, err := news.Fetch(ctx, news.ID)
			require.NoError(t, err)
			update := `{"@context":"https://www.w3.org/ns/activitystreams","id":"` + news.ID + `#update","type":"Update","actor":"` + news.ID + `","object":` + string(doc.Body) + `}`
			if c.silently != 202 {
				require.Equal(t, 202, send([]byte(update), actortest.Forge{Key: old}))
			}
			assert.Equal(t, c.afterUpdate, send(ping(news), actortest.Forge{}))
			assert.NotEqual(t, 202, send(ping(news), actortest.Forge{Key: old}), "the old key is worth nothing any more")
		})
	}
}

func TestAnEd25519Actor(t *testing.T) {
	news := start(t, actortest.Options{NewKey: func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}}).Actor("news")
	inbox := start(t, actortest.Options{}).Actor("alice").Inbox
	sent, err := news.Send(within(t), inbox, ping(news), actortest.Forge{Algorithm: "hs2019"})
	require.NoError(t, err)
	assert.Equal(t, 202, sent.Status)
	sent, err = news.Send(within(t), inbox, ping(news), actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, 401, sent.Status, "it calls itself rsa-sha256")
}

func TestUndoAndReject(t *testing.T) {
	ctx := within(t)
	agency := start(t, actortest.Options{})
	news := agency.Actor("news")
	readers := start(t, actortest.Options{})
	alice, bob := readers.Actor("alice"), readers.Actor("bob")
	follow(t, alice, news)
	wish, err := alice.Follow(ctx, news.ID)
	require.NoError(t, err)
	undo, err := alice.Undo(ctx, wish)
	require.NoError(t, err)
	assert.Equal(t, 202, undo.Status)
	assert.Empty(t, alice.Following())

	wish, err = bob.Follow(ctx, news.ID)
	require.NoError(t, err)
	reject := `{"@context":"https://www.w3.org/ns/activitystreams","id":"` + news.ID + `#r","type":"Reject","actor":"` + news.ID + `","object":"` + wish.ID + `"}`
	_, err = news.Send(ctx, bob.Inbox, []byte(reject), actortest.Forge{})
	require.NoError(t, err)
	assert.True(t, readers.Received()[len(readers.Received())-1].Verdict.OK())
	accept, err := news.Send(ctx, bob.Inbox, []byte(strings.Replace(reject, "Reject", "Accept", 1)), actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, 202, accept.Status)
	assert.Empty(t, bob.Following(), "a rejected Follow is not there to be accepted")
}

func TestWaitForSaysWhatCameInstead(t *testing.T) {
	news := start(t, actortest.Options{}).Actor("news")
	readers := start(t, actortest.Options{})
	_, err := news.Send(within(t), readers.Actor("alice").Inbox, ping(news), actortest.Forge{Unsigned: true})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = readers.WaitFor(ctx, func() bool { return false })
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "Like of https://a.test/1 by "+news.ID+": 401 signature is missing")
}

func TestThousandsOfInboxes(t *testing.T) {
	ctx := within(t)
	news := start(t, actortest.Options{}).Actor("news")
	crowd := start(t, actortest.Options{})
	sink := crowd.Inboxes(1000)
	require.Len(t, sink.URLs(), 1000)
	for _, i := range []int{0, 7, 7, 999} {
		sent, err := news.Send(ctx, sink.URLs()[i], ping(news), actortest.Forge{})
		require.NoError(t, err)
		assert.Equal(t, 202, sent.Status)
	}
	require.NoError(t, sink.WaitFor(ctx, 4))
	assert.Equal(t, map[string]int{news.ID + "#ping": 2}, sink.Counts(7))
	assert.Empty(t, sink.Counts(8))
	assert.Equal(t, 4, sink.Total())
	assert.Len(t, crowd.Inboxes(5).URLs(), 1005)
	none, err := news.Send(ctx, crowd.URL()+"/sink/1005", ping(news), actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, 404, none.Status)
}
