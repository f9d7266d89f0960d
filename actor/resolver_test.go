package actor_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
)

// origin is a remote server that serves what it is told and counts who asks.
type origin struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]page
	asked map[string]int
	last  http.Header
	wait  chan struct{} // answers wait for it to close; nil does not
}

type page struct {
	status      int
	contentType string
	location    string
	body        string
}

func newOrigin(t *testing.T) *origin {
	o := &origin{pages: map[string]page{}, asked: map[string]int{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked[r.URL.RequestURI()]++
	o.last = r.Header
	p, ok := o.pages[r.URL.RequestURI()]
	wait := o.wait
	o.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", p.contentType)
	if p.location != "" {
		w.Header().Set("Location", p.location)
	}
	w.WriteHeader(p.status)
	fmt.Fprint(w, p.body)
}

func (o *origin) serve(path, body string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pages[path] = page{status: 200, contentType: "application/activity+json", body: body}
	return o.URL + path
}

func (o *origin) requests() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, times := range o.asked {
		n += times
	}
	return n
}

// alice puts an actor with a key at /alice and returns her id.
func (o *origin) alice(key crypto.PublicKey) string {
	id := o.URL + "/alice"
	return o.serve("/alice", person(id, o.URL+"/inbox", id+"#main-key", id, pemOf(key)))
}

func person(id, inbox, keyID, owner, pem string) string {
	return fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":%q,"type":"Person","preferredUsername":"alice",
		"inbox":%q,"publicKey":{"id":%q,"owner":%q,"publicKeyPem":%q}}`, id, inbox, keyID, owner, pem)
}

func pemOf(key crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

var keys = sync.OnceValue(func() (made [2]*rsa.PrivateKey) {
	for i := range made {
		made[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return made
})

func public(i int) crypto.PublicKey { return keys()[i].Public() }

// clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newResolver() (*actor.Resolver, *clock) {
	c := &clock{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	return &actor.Resolver{Client: egress.New(egress.Options{InsecureLoopback: true}), Now: c.Now}, c
}

func TestAnActorIsFetchedOnceAndBelievedForADay(t *testing.T) {
	o := newOrigin(t)
	id := o.alice(public(0))
	r, clock := newResolver()
	for range 3 {
		a, err := r.Actor(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, id, a.ID)
		assert.Equal(t, o.URL+"/inbox", a.Inbox)
	}
	key, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	assert.Equal(t, id, key.Owner)
	assert.Equal(t, 1, o.requests(), "the key came with the actor")
	assert.Contains(t, o.last.Get("Accept"), "application/activity+json")

	clock.pass(24 * time.Hour)
	_, err = r.Actor(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, 2, o.requests())

	r.Forget(id)
	_, err = r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	assert.Equal(t, 3, o.requests())
}

func TestFetchesAreSignedWhereThatIsWanted(t *testing.T) {
	o := newOrigin(t)
	r, _ := newResolver()
	r.Sign = func(_ knock.Knock, r *http.Request) error { r.Header.Set("Signature", "ours"); return nil }
	_, err := r.Actor(t.Context(), o.alice(public(0)))
	require.NoError(t, err)
	assert.Equal(t, "ours", o.last.Get("Signature"))
}

func TestKeysAreFoundWhereverTheyLie(t *testing.T) {
	for _, c := range []struct {
		say, keyID string // below the origin
		pages      func(o *origin)
		fetches    int
	}{
		{"in the actor's document", "/alice#main-key", func(o *origin) { o.alice(public(0)) }, 1},
		{"WordPress: ids with a query", "/?author=1#main-key", func(o *origin) {
			id := o.URL + "/?author=1"
			o.serve("/?author=1", person(id, o.URL+"/inbox", id+"#main-key", id, pemOf(public(0))))
		}, 1},
		{"GoToSocial: a stub of the actor at a path", "/alice/main-key", func(o *origin) {
			id := o.URL + "/alice"
			o.serve("/alice", person(id, o.URL+"/inbox", id+"/main-key", id, pemOf(public(0))))
			o.serve("/alice/main-key", fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":%q,"type":"Person",
				"publicKey":{"id":%q,"owner":%q,"publicKeyPem":%q}}`, id, id+"/main-key", id, pemOf(public(0))))
		}, 2},
		{"a bare key", "/keys/7", func(o *origin) {
			id := o.URL + "/alice"
			o.serve("/alice", person(id, o.URL+"/inbox", o.URL+"/keys/7", id, pemOf(public(0))))
			o.serve("/keys/7", fmt.Sprintf(`{"id":%q,"owner":%q,"publicKeyPem":%q}`, o.URL+"/keys/7", id, pemOf(public(0))))
		}, 2},
	} {
		t.Run(c.say, func(t *testing.T) {
			o := newOrigin(t)
			c.pages(o)
			r, _ := newResolver()
			key, err := r.PublicKey(t.Context(), o.URL+c.keyID, false)
			require.NoError(t, err)
			assert.Equal(t, o.URL+c.keyID, key.ID)
			assert.True(t, keys()[0].PublicKey.Equal(key.Key))
			_, err = r.PublicKey(t.Context(), o.URL+c.keyID, false)
			require.NoError(t, err)
			assert.Equal(t, c.fetches, o.requests(), "the second time it is known")
		})
	}
}

// PeerTube names the actor where others name the key.
func TestTheActorStandsForItsOneKey(t *testing.T) {
	o := newOrigin(t)
	id := o.alice(public(0))
	r, _ := newResolver()
	for range 2 {
		key, err := r.PublicKey(t.Context(), id, false)
		require.NoError(t, err)
		assert.Equal(t, id, key.Owner)
		assert.Equal(t, id+"#main-key", key.ID)
		assert.True(t, keys()[0].PublicKey.Equal(key.Key))
	}
	assert.Equal(t, 1, o.requests(), "the second time it is known")

	two := o.URL + "/two"
	o.serve("/two", fmt.Sprintf(`{"id":%q,"type":"Person","inbox":%q,"publicKey":[%s,%s]}`, two, o.URL+"/inbox",
		bareKey(two+"#a", two, public(0)), bareKey(two+"#b", two, public(1))))
	_, err := r.PublicKey(t.Context(), two, false)
	assert.Error(t, err, "it does not say which of two")
}

// B098, and what else a key's document may claim that its owner does not confirm.
func TestAKeyThatItsOwnerDoesNotListIsRefused(t *testing.T) {
	for _, c := range []struct {
		say     string
		prepare func(evil, victim *origin, r *actor.Resolver)
	}{
		{"owner is a victim who lists another key", func(evil, victim *origin, _ *actor.Resolver) {
			victim.alice(public(0))
			evil.serve("/key", bareKey(evil.URL+"/key", victim.URL+"/alice", public(1)))
		}},
		{"owner lists the id with another key", func(evil, victim *origin, _ *actor.Resolver) {
			id := victim.URL + "/alice"
			victim.serve("/alice", person(id, victim.URL+"/inbox", evil.URL+"/key", id, pemOf(public(0))))
			evil.serve("/key", bareKey(evil.URL+"/key", id, public(1)))
		}},
		{"owner is unreachable", func(evil, victim *origin, _ *actor.Resolver) {
			evil.serve("/key", bareKey(evil.URL+"/key", victim.URL+"/nobody", public(1)))
		}},
		{"owner is on a blocked host", func(evil, victim *origin, r *actor.Resolver) {
			id := strings.Replace(victim.URL, "127.0.0.1", "localhost", 1) + "/alice"
			victim.serve("/alice", person(id, victim.URL+"/inbox", evil.URL+"/key", id, pemOf(public(1))))
			evil.serve("/key", bareKey(evil.URL+"/key", id, public(1)))
			r.Blocked = func(host string) bool { return host == "localhost" }
		}},
		{"owner is ours", func(evil, victim *origin, r *actor.Resolver) {
			victim.alice(public(1))
			evil.serve("/key", bareKey(evil.URL+"/key", victim.URL+"/alice", public(1)))
			r.Ours = actor.URLs{Base: victim.URL}.Owns
		}},
		{"the actor's document names another owner", func(evil, victim *origin, _ *actor.Resolver) {
			id := evil.URL + "/key"
			evil.serve("/key", person(id, evil.URL+"/inbox", id, victim.URL+"/alice", pemOf(public(1))))
			victim.alice(public(0))
		}},
		{"no owner", func(evil, _ *origin, _ *actor.Resolver) {
			evil.serve("/key", fmt.Sprintf(`{"id":%q,"publicKeyPem":%q}`, evil.URL+"/key", pemOf(public(1))))
		}},
		{"another id", func(evil, victim *origin, _ *actor.Resolver) {
			evil.serve("/key", bareKey(evil.URL+"/other", evil.URL+"/key", public(1)))
		}},
		{"an actor that embeds a victim", func(evil, victim *origin, _ *actor.Resolver) {
			id := victim.URL + "/alice"
			evil.serve("/key", person(id, evil.URL+"/inbox", evil.URL+"/key", id, pemOf(public(1))))
			victim.alice(public(0))
		}},
	} {
		t.Run(c.say, func(t *testing.T) {
			evil, victim := newOrigin(t), newOrigin(t)
			r, _ := newResolver()
			c.prepare(evil, victim, r)
			_, err := r.PublicKey(t.Context(), evil.URL+"/key", false)
			assert.Error(t, err)
			before := evil.requests() + victim.requests()
			assert.LessOrEqual(t, before, 2, "one pair of fetches")
			_, again := r.PublicKey(t.Context(), evil.URL+"/key", false)
			assert.Equal(t, err, again, "the same answer")
			assert.Equal(t, before, evil.requests()+victim.requests(), "and nothing asked for it")
		})
	}
}

func bareKey(id, owner string, key crypto.PublicKey) string {
	return fmt.Sprintf(`{"id":%q,"owner":%q,"publicKeyPem":%q}`, id, owner, pemOf(key))
}

func TestNobodyCanSpoilTheKeyOfAnotherByListingIt(t *testing.T) {
	evil, victim := newOrigin(t), newOrigin(t)
	r, _ := newResolver()
	id := victim.alice(public(0))
	mallory := evil.URL + "/mallory"
	evil.serve("/mallory", person(mallory, evil.URL+"/inbox", id+"#main-key", mallory, pemOf(public(1))))
	_, err := r.Actor(t.Context(), mallory)
	require.NoError(t, err)

	key, err := r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	assert.Equal(t, id, key.Owner)
	assert.True(t, keys()[0].PublicKey.Equal(key.Key))

	r.Forget(mallory)
	_, err = r.PublicKey(t.Context(), id+"#main-key", false)
	require.NoError(t, err)
	assert.Equal(t, 1, victim.requests(), "nor make it forgotten")
}

// B090, B091: what is not a 200 with a document of ActivityPub.
func TestAnswersThatAreNoActor(t *testing.T) {
	for _, c := range []struct {
		page  page
		again bool  // asking later may help
		is    error // nil is any
	}{
		{page{status: 200, contentType: "text/html"}, false, nil},
		{page{status: 200, contentType: "application/json"}, false, nil},
		{page{status: 200, contentType: "application/ld+json"}, false, nil},
		{page{status: 200, contentType: `application/ld+json; profile="https://evil.test/"`}, false, nil},
		{page{status: 200, contentType: "text/plain; x=application/activity+json"}, false, nil},
		{page{status: 200, contentType: "application/activity+json; charset=utf-16"}, false, nil},
		{page{status: 200, contentType: "application/activity+jsonx"}, false, nil},
		{page{status: 200, contentType: ""}, false, nil},
		{page{status: 204, contentType: "application/activity+json"}, false, nil},
		{page{status: 206, contentType: "application/activity+json"}, false, nil},
		{page{status: 300, contentType: "application/activity+json"}, false, nil},
		{page{status: 401, contentType: "application/activity+json"}, true, nil},
		{page{status: 403, contentType: "application/activity+json"}, false, nil},
		{page{status: 404, contentType: "application/activity+json"}, false, actor.ErrGone},
		{page{status: 410, contentType: "application/activity+json"}, false, actor.ErrGone},
		{page{status: 418, contentType: "application/activity+json"}, false, nil},
		{page{status: 429, contentType: "application/activity+json"}, true, nil},
		{page{status: 499, contentType: "application/activity+json"}, false, nil},
		{page{status: 500, contentType: "application/activity+json"}, true, nil},
		{page{status: 503, contentType: "application/activity+json"}, true, nil},
		{page{status: 302, location: "https://evil.test/alice"}, false, actor.ErrRefused},
	} {
		t.Run(fmt.Sprint(c.page.status, " ", c.page.contentType), func(t *testing.T) {
			o := newOrigin(t)
			id := o.alice(public(0))
			if c.page.status != 204 && c.page.status != 302 {
				c.page.body = o.pages["/alice"].body
			}
			o.pages["/alice"] = c.page
			r, _ := newResolver()
			_, err := r.Actor(t.Context(), id)
			require.Error(t, err)
			assert.Equal(t, c.again, isUnreachable(err), err)
			if c.is != nil {
				assert.ErrorIs(t, err, c.is)
			}
		})
	}
}

// What is wrong with an answer is said as it is.
func TestWhatIsWrongWithAnAnswerIsSaid(t *testing.T) {
	o := newOrigin(t)
	r, _ := newResolver()
	_, err := r.Actor(t.Context(), o.serve("/none", "no JSON"))
	var refusal *as2.Refusal
	assert.ErrorAs(t, err, &refusal)
	refusal = nil
	_, err = r.PublicKey(t.Context(), o.serve("/no-key", "no JSON"), false)
	assert.ErrorAs(t, err, &refusal)

	_, err = r.Actor(t.Context(), o.serve("/big", `{"id":"`+strings.Repeat("x", 2<<20)+`"}`))
	assert.ErrorIs(t, err, egress.ErrTooBig)
	assert.False(t, isUnreachable(err), "it will not be smaller soon")

	_, err = r.PublicKey(t.Context(), o.serve("/key", bareKey(o.URL+"/key", o.URL+"/nobody", public(0))), false)
	assert.ErrorIs(t, err, actor.ErrGone, "of its owner")

	busy := newOrigin(t)
	r, _ = newResolver()
	r.Limits = limits.Default()
	r.Limits.FetchesPerHost = 1
	r.Actor(t.Context(), busy.URL+"/1")
	_, err = r.Actor(t.Context(), busy.URL+"/2")
	assert.True(t, isUnreachable(err))
	assert.Equal(t, 1, strings.Count(err.Error(), signing.ErrUnreachable.Error()), "once: %v", err)
}

func TestWhoIsNotBlockedIsAsked(t *testing.T) {
	o := newOrigin(t)
	r, _ := newResolver()
	r.Blocked = func(host string) bool { return host == "other.test" }
	_, err := r.Actor(t.Context(), o.alice(public(0)))
	assert.NoError(t, err)
}

func isUnreachable(err error) bool { return errors.Is(err, signing.ErrUnreachable) }

func TestBothMediaTypesOfActivityPubAreTaken(t *testing.T) {
	for _, contentType := range []string{
		"application/activity+json", "application/activity+json; charset=utf-8", "Application/Activity+JSON",
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams"`,
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams https://w3id.org/security"; charset=UTF-8`,
	} {
		o := newOrigin(t)
		id := o.alice(public(0))
		o.pages["/alice"] = page{status: 200, contentType: contentType, body: o.pages["/alice"].body}
		r, _ := newResolver()
		_, err := r.Actor(t.Context(), id)
		assert.NoError(t, err, contentType)
	}
}

// B092: the document must name the id that was asked for, letter for letter.
func TestADocumentAboutAnotherIDIsRefused(t *testing.T) {
	o := newOrigin(t)
	upper := strings.Replace(o.URL, "http://127", "HTTP://127", 1)
	for _, id := range []string{
		o.URL + "/bob", o.URL + "/alice#me", o.URL + "/Alice", o.URL + "/alice/", o.URL + "//alice", o.URL + "/%61lice",
		upper + "/alice", strings.Replace(o.URL, "127.0.0.1", "127.0.0.1.", 1) + "/alice",
		"https://victim.test/alice", "https://xn--lice-8la.test/alice",
	} {
		o.serve("/alice", person(id, o.URL+"/inbox", id+"#main-key", id, pemOf(public(0))))
		r, _ := newResolver()
		_, err := r.Actor(t.Context(), o.URL+"/alice")
		assert.Error(t, err, id)
	}
}

func TestADocumentReachedByRedirectMustStillNameWhatWasAsked(t *testing.T) {
	o := newOrigin(t)
	id := o.alice(public(0))
	o.pages["/moved"] = page{status: 302, location: "/alice"}
	o.pages["/true"] = page{status: 302, location: "/real"}
	o.serve("/real", person(o.URL+"/true", o.URL+"/inbox", id+"#main-key", id, pemOf(public(0))))
	r, _ := newResolver()
	_, err := r.Actor(t.Context(), o.URL+"/moved")
	assert.ErrorContains(t, err, "its document is about")
	_, err = r.Actor(t.Context(), o.URL+"/true")
	assert.NoError(t, err)
}

// B051, B052, B021: ids that are never asked.
func TestIDsThatAreNeverAsked(t *testing.T) {
	r := &actor.Resolver{Client: egress.New(egress.Options{}), Ours: site.Owns, Blocked: func(host string) bool { return host == "blocked.test" }}
	for _, id := range []string{
		"", "alice", "/alice", "acct:alice@evil.test", "file:///etc/passwd", "data:,x", "http://evil.test/alice",
		"https://127.0.0.1/k", "https://[::ffff:10.0.0.1]/k", "https://localhost/k", "https://10.0.0.1/k", "https://evil.test:22/k",
		"https://user@evil.test/k", "https://evil.test/" + strings.Repeat("k", 8<<10),
		site.Actor("a1"), "https://WWW.agency.test:443/ap/actors/a1", "https://blocked.test/alice",
	} {
		_, err := r.Actor(t.Context(), id)
		assert.ErrorIs(t, err, actor.ErrRefused, id)
		_, err = r.PublicKey(t.Context(), id+"#main-key", false)
		assert.ErrorIs(t, err, actor.ErrRefused, id)
	}
	_, err := r.Actor(t.Context(), "https://evil.test/alice#me")
	assert.ErrorIs(t, err, actor.ErrRefused)
}

// What the outgoing proxy keeps from us is asked for again at once when it serves again.
func TestAFailureOfTheProxyIsNotRemembered(t *testing.T) {
	asked := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	r := &actor.Resolver{Client: egress.New(egress.Options{InsecureLoopback: true, Proxy: &egress.Proxy{URL: proxy.URL}})}
	for range 2 {
		_, err := r.Actor(t.Context(), "http://127.0.0.1:9/alice")
		assert.ErrorIs(t, err, signing.ErrUnreachable)
		assert.ErrorIs(t, err, egress.ErrProxy)
	}
	assert.Equal(t, 2, asked)
}

// B075
func TestInboxes(t *testing.T) {
	for _, c := range []struct {
		say, inbox, shared string
		want               string // the shared inbox; "refused" is an error
	}{
		{"a shared inbox of the same origin", "/inbox", "/shared", "/shared"},
		{"none", "/inbox", "", ""},
		{"one of ours at an origin that is not", "/inbox", "/ours", ""},
		{"one of another origin", "/inbox", "https://victim.test/inbox", ""},
		{"one with another port", "/inbox", "http://127.0.0.1:1/inbox", ""},
		{"no inbox", "", "/shared", "refused"},
		{"an inbox in a private network", "https://10.0.0.1/inbox", "", "refused"},
		{"an inbox that is a script", "javascript:alert(1)", "", "refused"},
		{"an inbox of ours", site.SharedInbox(), "", "refused"},
		{"an inbox of ours, written differently", "https://WWW.AGENCY.test:443/ap/inbox", "", "refused"},
	} {
		t.Run(c.say, func(t *testing.T) {
			o := newOrigin(t)
			at := func(s string) string {
				if strings.HasPrefix(s, "/") {
					return o.URL + s
				}
				return s
			}
			id := o.serve("/alice", fmt.Sprintf(`{"id":%q,"type":"Person","inbox":%q,"endpoints":{"sharedInbox":%q}}`, o.URL+"/alice", at(c.inbox), at(c.shared)))
			r, _ := newResolver()
			r.Ours = func(id string) bool { return site.Owns(id) || id == o.URL+"/ours" }
			a, err := r.Actor(t.Context(), id)
			if c.want == "refused" {
				assert.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, at(c.want), a.SharedInbox)
		})
	}
}

// B097: keys that the policy does not take.
func TestKeysThatAreNotTaken(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	low := &rsa.PublicKey{N: keys()[0].N, E: 3}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(keys()[0])}))
	good := pemOf(public(0))
	for say, text := range map[string]string{
		"RSA-1024": pemOf(weak.Public()), "P-256": pemOf(curve.Public()), "exponent 3": pemOf(low), "private": private,
		"two blocks": good + good, "text before": "x\n" + good, "text after": good + "x", "1 MiB": good + strings.Repeat(" ", 100<<10), "none": "x",
	} {
		t.Run(say, func(t *testing.T) {
			o := newOrigin(t)
			id := o.URL + "/alice"
			o.serve("/alice", person(id, o.URL+"/inbox", id+"#main-key", id, text))
			r, _ := newResolver()
			_, err := r.PublicKey(t.Context(), id+"#main-key", false)
			assert.Error(t, err)
			assert.False(t, isUnreachable(err))
		})
	}
}
