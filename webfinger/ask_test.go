package webfinger_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/webfinger"
)

// peer is a server that answers WebFinger with what it is told.
type peer struct {
	*httptest.Server
	status      int
	contentType string
	answers     map[string]string // by resource
	asked       atomic.Int64
}

func newPeer(t *testing.T) *peer {
	p := &peer{status: 200, contentType: "application/jrd+json", answers: map[string]string{}}
	p.Server = httptest.NewTLSServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	answer, ok := p.answers[r.URL.Query().Get("resource")]
	if !ok || r.URL.Path != webfinger.Path {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", p.contentType)
	w.WriteHeader(p.status)
	fmt.Fprint(w, answer)
}

// handle is that of someone at the peer.
func (p *peer) handle(name string) string { return name + "@" + strings.TrimPrefix(p.URL, "https://") }

// says makes the peer answer for someone.
func (p *peer) says(name, jrd string) { p.answers["acct:"+p.handle(name)] = jrd }

func clientOf(peers ...*peer) *egress.Client {
	roots := x509.NewCertPool()
	for _, p := range peers {
		roots.AddCert(p.Certificate())
	}
	return egress.New(egress.Options{InsecureLoopback: true, RootCAs: roots})
}

func jrd(subject string, links ...string) string {
	return fmt.Sprintf(`{"subject":%q,"links":[%s]}`, subject, strings.Join(links, ","))
}

func self(href string) string { return selfAs(href, as2.MediaType) }

func selfAs(href, mediaType string) string {
	return fmt.Sprintf(`{"rel":"self","type":%q,"href":%q}`, mediaType, href)
}

func TestAskingForAHandle(t *testing.T) {
	p := newPeer(t)
	id := p.URL + "/users/1"
	p.says("alice", jrd("acct:"+p.handle("alice"), `{"rel":"http://webfinger.net/rel/profile-page","href":"`+p.URL+`/@alice"}`, self(id)))
	answer, err := webfinger.Ask(t.Context(), clientOf(p), "@"+p.handle("alice"))
	require.NoError(t, err)
	assert.Equal(t, id, answer.ActorID)
	assert.Equal(t, p.handle("alice"), answer.Handle.String())
	assert.EqualValues(t, 1, p.asked.Load())
}

func TestAHandleOnAnotherDomainIsConfirmedThere(t *testing.T) {
	host, apex := newPeer(t), newPeer(t)
	id := host.URL + "/users/1"
	host.says("alice", jrd("acct:"+apex.handle("alice"), self(id)))
	apex.says("alice", jrd("acct:"+apex.handle("alice"), self(id)))
	answer, err := webfinger.Ask(t.Context(), clientOf(host, apex), host.handle("alice"))
	require.NoError(t, err)
	assert.Equal(t, apex.handle("alice"), answer.Handle.String())

	handle, err := webfinger.Verify(t.Context(), clientOf(host, apex), remote(id, "alice"))
	require.NoError(t, err)
	assert.Equal(t, apex.handle("alice"), handle.String())
}

func remote(id, name string) actor.Remote {
	return actor.Remote{Actor: as2.Actor{ID: id, PreferredUsername: name}}
}

// B100: never another actor.
func TestAnswersThatAreNotBelieved(t *testing.T) {
	for _, c := range []struct {
		say    string
		answer func(p, victim *peer) string
		change func(p *peer)
	}{
		{"the subject is a victim who says otherwise", func(p, victim *peer) string {
			return jrd("acct:"+victim.handle("alice"), self(p.URL+"/eve"))
		}, nil},
		{"the subject is somebody who does not exist", func(p, victim *peer) string {
			return jrd("acct:"+victim.handle("bob"), self(p.URL+"/eve"))
		}, nil},
		{"no subject", func(p, _ *peer) string { return `{"links":[` + self(p.URL+"/eve") + `]}` }, nil},
		{"a subject that is a URL", func(p, _ *peer) string { return jrd(p.URL+"/eve", self(p.URL+"/eve")) }, nil},
		{"two actors", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), self(p.URL+"/1"), self(p.URL+"/2")) }, nil},
		{"no actor", func(p, _ *peer) string { return jrd("acct:" + p.handle("eve")) }, nil},
		{"an actor without media type", func(p, _ *peer) string {
			return jrd("acct:"+p.handle("eve"), `{"rel":"self","href":"`+p.URL+`/eve"}`)
		}, nil},
		{"an actor as HTML", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), selfAs(p.URL+"/eve", "text/html")) }, nil},
		{"an actor under http", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), self("http://evil.test/1")) }, nil},
		{"an actor in a private network", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), self("https://10.0.0.1/1")) }, nil},
		{"a script", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), self("javascript:alert(1)")) }, nil},
		{"XML", func(_, _ *peer) string { return `<XRD/>` }, func(p *peer) { p.contentType = "application/xrd+xml" }},
		{"XML that says it is JSON", func(_, _ *peer) string { return `<XRD/>` }, nil},
		{"HTML", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), self(p.URL+"/eve")) }, func(p *peer) { p.contentType = "text/html" }},
		{"gone", func(p, _ *peer) string { return jrd("acct:"+p.handle("eve"), self(p.URL+"/eve")) }, func(p *peer) { p.status = 410 }},
		{"a megabyte", func(p, _ *peer) string {
			return jrd("acct:"+p.handle("eve"), self(p.URL+"/eve")) + strings.Repeat(" ", 1<<20)
		}, nil},
		{"a member twice", func(p, _ *peer) string {
			return strings.Replace(jrd("acct:"+p.handle("eve"), self(p.URL+"/eve")), "{", `{"subject":"x",`, 1)
		}, nil},
		{"links that are none", func(p, _ *peer) string { return `{"subject":"acct:` + p.handle("eve") + `","links":"self"}` }, nil},
	} {
		t.Run(c.say, func(t *testing.T) {
			p, victim := newPeer(t), newPeer(t)
			victim.says("alice", jrd("acct:"+victim.handle("alice"), self(victim.URL+"/alice")))
			p.says("eve", c.answer(p, victim))
			if c.change != nil {
				c.change(p)
			}
			answer, err := webfinger.Ask(t.Context(), clientOf(p, victim), p.handle("eve"))
			assert.Error(t, err)
			assert.Zero(t, answer)
			assert.LessOrEqual(t, p.asked.Load()+victim.asked.Load(), int64(2))
		})
	}
}

func TestOneActorUnderBothMediaTypesIsOne(t *testing.T) {
	p := newPeer(t)
	p.says("alice", jrd("acct:"+p.handle("alice"), self(p.URL+"/1"), selfAs(p.URL+"/1", as2.LDMediaType)))
	answer, err := webfinger.Ask(t.Context(), clientOf(p), p.handle("alice"))
	require.NoError(t, err)
	assert.Equal(t, p.URL+"/1", answer.ActorID)
}

func TestVerifyDoesNotTakeTheHandleOfSomebodyElse(t *testing.T) {
	p := newPeer(t)
	p.says("alice", jrd("acct:"+p.handle("alice"), self(p.URL+"/alice")))
	_, err := webfinger.Verify(t.Context(), clientOf(p), remote(p.URL+"/eve", "alice"))
	assert.ErrorContains(t, err, "is somebody else")
	_, err = webfinger.Verify(t.Context(), clientOf(p), remote(p.URL+"/eve", "alice@victim.test"))
	assert.Error(t, err)
}

func TestAskRefusesWhatIsNoHandle(t *testing.T) {
	for _, handle := range []string{"", "alice", "alice@", "alice@evil.test/x", "alice@10.0.0.1:22", "alice@localhost"} {
		_, err := webfinger.Ask(t.Context(), egress.New(egress.Options{}), handle)
		assert.Error(t, err, handle)
	}
}
