package panui_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// house is the address of an agency, behind which machines come and go that share a store.
type house struct {
	*testing.T
	ctx    context.Context
	server *httptest.Server
	front  atomic.Pointer[panui.Site]
	store  store.Store
	log    *lines

	mu  sync.Mutex
	now time.Time
}

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text += string(p)
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

func newHouse(t *testing.T, s store.Store) *house {
	h := &house{T: t, ctx: within(t), store: s, log: &lines{}, now: time.Now()}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.front.Load().Handler(nil).ServeHTTP(w, r)
	}))
	t.Cleanup(h.server.Close)
	return h
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) handle() string { return "news@" + h.server.Listener.Addr().String() }

// site is a machine with these keys that does not run.
func (h *house) site(s store.Store, key, next *signing.Key) *panui.Site {
	h.Helper()
	site, err := panui.New(panui.Config{
		BaseURL: h.server.URL, Store: s, Keys: signing.Fediverse(), InsecureLoopback: true, Now: h.clock,
		Log:    slog.New(slog.NewTextHandler(h.log, nil)),
		Actors: []actor.Profile{{Handle: h.handle(), Name: "Te Manatū Tauira", Key: key, Next: next, Languages: []string{"en-NZ"}}},
	})
	require.NoError(h, err)
	return site
}

// starts has a machine with these keys run, and answer, until stop.
func (h *house) starts(key, next *signing.Key) (site *panui.Site, stop func()) {
	h.Helper()
	site = h.site(h.store, key, next)
	h.front.Store(site)
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan error, 1)
	go func() { done <- site.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		assert.NoError(h, <-done)
	})
	h.Cleanup(stop)
	return site, stop
}

// keyPeer is somebody on a server with a manner of its own about keys.
type keyPeer struct {
	*actortest.Server
	who *actortest.Actor
}

func (h *house) followedBy(o actortest.Options) keyPeer {
	h.Helper()
	o.Now = h.clock
	server, err := actortest.Start(o)
	require.NoError(h, err)
	h.Cleanup(func() { server.Close() })
	f := keyPeer{server, server.Actor("aroha")}
	_, err = f.who.Follow(h.ctx, h.handle())
	require.NoError(h, err)
	require.NoError(h, server.WaitFor(h.ctx, func() bool { return len(f.who.Following()) == 1 }))
	return f
}

// follows adds a follower who is known here and knows nothing of it.
func (h *house) follows(inbox string) {
	h.Helper()
	require.NoError(h, h.store.Apply(h.ctx, store.PutFollower{Follower: store.Follower{
		Actor: h.actor().ID, ID: inbox + "/owner", Inbox: inbox, Host: hostOf(h.T, inbox), Follow: inbox + "/follow", State: store.Accepted,
	}}))
}

// says publishes an item and waits until it is read everywhere.
func (h *house) says(site *panui.Site, key string, readers map[string]keyPeer) {
	h.Helper()
	item := outbox.Item{Key: key, URL: h.server.URL + "/" + key, Title: "News", HTML: "<p>" + key + "</p>", Language: "en-NZ", Images: picture(h.server.URL)}
	post, err := site.Publish(h.ctx, item)
	require.NoError(h, err)
	for name, r := range readers {
		err := r.WaitFor(h.ctx, func() bool {
			for _, p := range r.who.Timeline() {
				if p.ID == post.ID {
					return true
				}
			}
			return false
		})
		require.NoError(h, err, "%s does not read %s: %v", name, key, r.Received())
	}
}

func picture(base string) []outbox.Image {
	return []outbox.Image{{URL: base + "/bridge.jpg", Alt: "A bridge", MediaType: "image/jpeg"}}
}

// heard is hears, and waits until nothing is on its way.
func (h *house) heard(updates int, readers map[string]keyPeer) {
	h.Helper()
	h.hears(updates, readers)
	h.quiet()
}

// hears waits until the readers have taken so many Updates of the profile.
func (h *house) hears(updates int, readers map[string]keyPeer) {
	h.Helper()
	for name, r := range readers {
		err := r.WaitFor(h.ctx, func() bool { return len(signedWith(r, "Update")) >= updates })
		require.NoError(h, err, "%s: %v", name, r.Received())
	}
}

// quiet waits until nothing is on its way.
func (h *house) quiet() {
	h.Helper()
	require.Eventually(h, func() bool {
		pending, err := h.store.Deliveries(h.ctx, store.DeliveryQuery{State: store.Pending})
		return err == nil && len(pending) == 0
	}, 20*time.Second, 10*time.Millisecond)
}

// signedWith are the ids of keys with which a type of activity was signed that the server took.
func signedWith(r keyPeer, kind string) []string {
	var keys []string
	for _, got := range r.Received() {
		if got.Type == kind && got.Verdict.OK() {
			keys = append(keys, fragment(got.Verdict.Signature.KeyID))
		}
	}
	return keys
}

func fragment(id string) string {
	for i := range id {
		if id[i] == '#' {
			return id[i:]
		}
	}
	return id
}

func (h *house) document() string { h.Helper(); return body(h.ctx, h.T, h.actor().ID) }

func (h *house) actor() store.Actor {
	h.Helper()
	all, err := h.store.Actors(h.ctx)
	require.NoError(h, err)
	require.Len(h, all, 1)
	return all[0]
}

func (h *house) journal(kind string) []store.Entry {
	h.Helper()
	entries, err := h.store.Journal(h.ctx, store.JournalQuery{Kind: kind})
	require.NoError(h, err)
	return entries
}

// every manner that a peer has about keys and signatures.
func (h *house) everyKindOfReader() map[string]keyPeer {
	return map[string]keyPeer{
		"keeps keys, cavage":      h.followedBy(actortest.Options{KeepKeys: true, Signatures: actortest.CavageAlone}),
		"keeps keys, RFC 9421":    h.followedBy(actortest.Options{KeepKeys: true, Signatures: actortest.RFC9421Alone}),
		"fetches again, cavage":   h.followedBy(actortest.Options{Signatures: actortest.CavageAlone}),
		"fetches again, RFC 9421": h.followedBy(actortest.Options{Signatures: actortest.RFC9421Alone}),
		"GoToSocial":              h.followedBy(actortest.Options{Dialect: actortest.GoToSocial}),
		"Misskey":                 h.followedBy(actortest.Options{Dialect: actortest.Misskey}),
		"Pixelfed":                h.followedBy(actortest.Options{Dialect: actortest.Pixelfed}),
	}
}

// keys are the keys of the site and what they are for. All are allowed.
func (h *house) keys(site *panui.Site) (all []string) {
	listing, err := site.Keys(h.ctx)
	require.NoError(h, err)
	for _, key := range listing {
		_, id, _ := strings.Cut(key.KeyID, "#")
		all = append(all, "#"+id+" "+key.Use)
		assert.Equal(h, "allowed", key.Verdict)
	}
	return all
}

func TestAPlannedRotationIsNoticedByNobody(t *testing.T) {
	for name, fresh := range stores(t) {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, fresh(t))
			one, two := quickKey(t), quickKey(t)

			site, stop := h.starts(one, nil)
			readers := h.everyKindOfReader()
			h.says(site, "before", readers)
			stop()

			// The next key is announced, and not yet to be used.
			site, stop = h.starts(one, two)
			h.heard(1, readers)
			h.says(site, "announced", readers)
			assert.Contains(t, h.document(), two.PublicMultikey())
			assert.ErrorContains(t, site.RotateKey(h.ctx, ""), "Profile.Next was announced at")
			assert.Equal(t, []string{"#key-2 " + actor.Announced, "#main-key " + signing.Signs}, h.keys(site))
			h.quiet() // a day that passes in no time ends the lease of what is not written down yet
			h.wait(25 * time.Hour)

			// The switch: told with the old key, everything else with the new one.
			require.NoError(t, site.As("Hine Rāwiri, security").RotateKey(h.ctx, ""))
			require.NoError(t, site.RotateKey(h.ctx, ""), "again changes nothing")
			h.heard(2, readers)
			h.says(site, "switched", readers)
			assert.Equal(t, []string{"#key-2 " + signing.Signs, "#main-key " + actor.Retired}, h.keys(site))
			stop()

			// A restart in between, then the old key leaves the configuration.
			site, stop = h.starts(one, two)
			h.says(site, "restarted", readers)
			stop()
			site, stop = h.starts(two, nil)
			h.heard(3, readers)
			h.says(site, "old key gone", readers)
			assert.NotContains(t, h.document(), one.PublicMultikey())
			assert.NotContains(t, h.document(), "#main-key")
			stop()

			for name, r := range readers {
				assert.Equal(t, []string{"#main-key", "#main-key", "#key-2"}, signedWith(r, "Update"), "Update of %s", name)
				assert.Equal(t, []string{"#main-key", "#main-key", "#key-2", "#key-2", "#key-2"}, signedWith(r, "Create"), "Create of %s", name)
			}
			for name, r := range readers {
				for _, got := range r.Received() {
					knock := got.Verdict.Status == http.StatusUnauthorized && got.Header.Get("Signature-Input") == ""
					assert.True(t, got.Verdict.OK() || knock, "%s: %s", name, got.String())
				}
			}
			rotations := h.journal("rotate-key")
			require.Len(t, rotations, 1)
			assert.Equal(t, "Hine Rāwiri, security", rotations[0].By)
			assert.Contains(t, rotations[0].Note, two.Fingerprint())
			assert.Len(t, h.journal("announce-key"), 1)
			assert.Len(t, h.journal("introduce"), 2)
		})
	}
}

// A follower who came after the switch, or whose server never met the old key, is
// told with the new one.
func TestWhoNeverMetTheOldKeyIsToldWithTheNew(t *testing.T) {
	h := newHouse(t, memory.New())
	one, two := quickKey(t), quickKey(t)
	site, stop := h.starts(one, two)
	h.followedBy(actortest.Options{})
	h.quiet()
	stop()
	stranger, err := actortest.Start(actortest.Options{Dialect: actortest.PeerTube, Now: h.clock})
	require.NoError(t, err)
	defer stranger.Close()
	h.follows(stranger.Actor("tama").Inbox)
	require.NoError(t, site.RotateKeyRiskingRefusal(h.ctx, ""))
	h.starts(one, two)
	tama := keyPeer{stranger, stranger.Actor("tama")}
	h.heard(1, map[string]keyPeer{"PeerTube": tama})
	assert.Equal(t, []string{"#key-2"}, signedWith(tama, "Update"))
	assert.Len(t, tama.Received(), 3, "both forms with the old key, then the new one")
}

func TestRotationIsRefusedWithWhatToDo(t *testing.T) {
	h := newHouse(t, memory.New())
	one, two, three := quickKey(t), quickKey(t), quickKey(t)
	h.front.Store(h.site(h.store, one, nil))
	refuses := func(says string, err error) {
		t.Helper()
		assert.ErrorContains(t, err, says)
	}
	refuses("there is no Profile.Next", h.site(h.store, one, nil).RotateKeyRiskingRefusal(h.ctx, ""))
	refuses("has not been announced: let Run announce it", h.site(h.store, one, two).RotateKey(h.ctx, ""))
	refuses(`no actor is called "alerts"`, h.site(h.store, one, two).RotateKey(h.ctx, "alerts"))
	refuses("say why", h.site(h.store, one, two).RevokeKey(h.ctx, "", nil, " "))
	refuses("there is no replacement: hand one over", h.site(h.store, one, nil).RevokeKey(h.ctx, "", nil, "stolen"))
	refuses("the replacement is the key that signs now", h.site(h.store, one, nil).RevokeKey(h.ctx, "", one, "stolen"))

	// A server that is down has not heard of the next key.
	down, err := actortest.Start(actortest.Options{})
	require.NoError(t, err)
	inbox := down.Actor("aroha").Inbox
	require.NoError(t, down.Close())
	_, stop := h.starts(one, nil)
	require.Eventually(t, func() bool { _, err := h.store.Setting(h.ctx, "introduced "+h.actor().ID); return err == nil }, 10*time.Second, 10*time.Millisecond)
	stop()
	h.follows(inbox)
	_, stop = h.starts(one, two)
	require.Eventually(t, func() bool { return len(h.journal("announce-key")) == 1 }, 10*time.Second, 10*time.Millisecond)
	stop()
	h.wait(25 * time.Hour)
	refuses("the announcement is still on its way to "+hostOf(t, inbox), h.site(h.store, one, two).RotateKey(h.ctx, ""))
	require.NoError(t, h.site(h.store, one, two).RotateKeyRiskingRefusal(h.ctx, ""))

	refuses("Profile.Next is the key that was replaced last", h.site(h.store, two, one).RotateKeyRiskingRefusal(h.ctx, ""))
	require.NoError(t, h.site(h.store, one, two).RevokeKey(h.ctx, "", three, "stolen"))
	refuses("the replacement was revoked itself", h.site(h.store, three, nil).RevokeKey(h.ctx, "", two, "lost"))
}

// failing is a store whose writes fail on demand, before or after they are done.
type failing struct {
	store.Store
	at   int // which write about keys fails, with all after it until the next
	lose bool
	n    int
}

var errCut = errors.New("cut off")

func (f *failing) Apply(ctx context.Context, ops ...store.Op) error {
	if slices.ContainsFunc(ops, concernsKeys) {
		f.n++
	}
	if f.n == f.at && !f.lose {
		return errCut
	}
	err := f.Store.Apply(ctx, ops...)
	if f.n == f.at && err == nil {
		return errCut // done, but nobody heard of it
	}
	return err
}

func concernsKeys(op store.Op) bool {
	switch op.(type) {
	case store.PinActor, store.RepinKey:
		return true
	}
	return false
}

// Whatever write of a rotation is cut off, before it is done or before that is
// known, starting again leaves one rotation that every reader has followed.
func TestARotationThatIsCutOffIsTakenUpAgain(t *testing.T) {
	for _, lose := range []bool{false, true} {
		for at := 1; at <= 3; at++ {
			t.Run(fmt.Sprintf("write %d, done %v", at, lose), func(t *testing.T) {
				h := newHouse(t, memory.New())
				one, two := quickKey(t), quickKey(t)
				site, stop := h.starts(one, nil)
				readers := map[string]keyPeer{"keeps keys": h.followedBy(actortest.Options{KeepKeys: true}), "fetches again": h.followedBy(actortest.Options{})}
				h.says(site, "before", readers)
				stop()

				cut := &failing{Store: h.store, at: at, lose: lose}
				pass := func(s store.Store) error {
					p := h.site(s, one, two)
					ended, end := context.WithTimeout(h.ctx, 300*time.Millisecond)
					defer end()
					if err := p.Run(ended); err != nil {
						return err
					}
					return p.RotateKeyRiskingRefusal(h.ctx, "")
				}
				h.front.Store(h.site(h.store, one, two))
				require.ErrorIs(t, pass(cut), errCut)
				require.NoError(t, pass(h.store))
				assert.Equal(t, two.Fingerprint(), h.actor().Fingerprint)
				assert.Equal(t, 1, h.actor().Rotations)
				site, stop = h.starts(one, two)
				h.heard(2, readers)
				h.says(site, "after", readers)
				stop()
				assert.Len(t, h.journal("rotate-key"), 1)
				assert.Len(t, h.journal("announce-key"), 1)
				for name, r := range readers {
					assert.Equal(t, []string{"#main-key", "#key-2"}, signedWith(r, "Create"), name)
				}
			})
		}
	}
}

// One machine revokes; the other, which holds the replacement as its Next, follows at once.
func TestARevokedKeySignsNothingOnAnyMachine(t *testing.T) {
	for name, shared := range map[string]func(t *testing.T) (a, b store.Store){
		"memory": func(*testing.T) (a, b store.Store) { s := memory.New(); return s, s },
		"sqlite": func(t *testing.T) (a, b store.Store) {
			path := filepath.Join(t.TempDir(), "panui.db")
			opened := func() store.Store {
				db, err := sqlite.Open(t.Context(), path)
				require.NoError(t, err)
				t.Cleanup(func() { assert.NoError(t, db.Close()) })
				return db
			}
			return opened(), opened()
		},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := shared(t)
			h := newHouse(t, first)
			one, two := quickKey(t), quickKey(t)
			site, stop := h.starts(one, two)
			readers := map[string]keyPeer{"fetches again": h.followedBy(actortest.Options{})}
			h.says(site, "before", readers)
			stubborn := h.followedBy(actortest.Options{Dialect: actortest.GoToSocial})
			h.quiet()

			require.NoError(t, h.site(second, one, two).As("Hine Rāwiri, security").RevokeKey(h.ctx, "", nil, "found in a public repository"))
			h.hears(1, readers)
			h.says(site, "after", readers)
			assert.Equal(t, []string{"#main-key", "#key-2"}, signedWith(readers["fetches again"], "Create"))
			assert.Equal(t, []string{"#key-2"}, signedWith(readers["fetches again"], "Update"), "not signed with the old one")
			assert.NotContains(t, h.document(), one.PublicMultikey())
			assert.NotContains(t, h.document(), "#main-key")
			require.NoError(t, stubborn.WaitFor(h.ctx, func() bool {
				for _, got := range stubborn.Received() {
					if got.Type == "Update" && got.Verdict.Status == http.StatusUnauthorized {
						return true
					}
				}
				return false
			}), "who keeps keys believes no other that the old one did not tell of")
			stop()

			for _, again := range []*panui.Site{h.site(second, one, two), h.site(first, one, nil), h.site(first, two, one)} {
				err := again.Run(h.ctx)
				assert.ErrorContains(t, err, "the key "+one.Fingerprint()+" was revoked on")
				assert.ErrorContains(t, err, "by Hine Rāwiri, security (found in a public repository): take it out of the configuration")
			}
			site, _ = h.starts(two, nil)
			h.says(site, "as it should be", readers)
			revoked := h.journal("revoke-key")
			require.Len(t, revoked, 1)
			assert.Equal(t, "Hine Rāwiri, security", revoked[0].By)
		})
	}
}

// A machine without the replacement leaves what is to be sent to one that has it.
func TestAMachineWithoutTheReplacementSendsNothing(t *testing.T) {
	h := newHouse(t, memory.New())
	one, two := quickKey(t), quickKey(t)
	site, stop := h.starts(one, nil)
	aroha := h.followedBy(actortest.Options{})
	h.quiet()
	require.NoError(t, h.site(h.store, one, nil).RevokeKey(h.ctx, "", two, "stolen"))
	require.Eventually(t, func() bool {
		answer, err := aroha.who.Fetch(h.ctx, h.actor().ID)
		return err == nil && answer.Status == http.StatusServiceUnavailable
	}, 10*time.Second, 20*time.Millisecond)
	_, err := site.Publish(h.ctx, outbox.Item{Key: "waits", URL: h.server.URL + "/waits", Title: "Waits", Language: "en-NZ"})
	require.NoError(t, err)
	time.Sleep(1200 * time.Millisecond)
	assert.Empty(t, signedWith(aroha, "Create"))
	assert.Contains(t, h.log.String(), "deliveries left to others")
	stop()
	h.starts(two, nil)
	require.NoError(t, aroha.WaitFor(h.ctx, func() bool { return len(aroha.who.Timeline()) == 1 }))
	assert.Equal(t, []string{"#key-2"}, signedWith(aroha, "Create"))
}

// The key is lost, and there is no kit. A new one takes its place without the old one's word.
func TestAKeyThatIsLostForGood(t *testing.T) {
	h := newHouse(t, memory.New())
	_, stop := h.starts(quickKey(t), nil)
	aroha, tama := h.followedBy(actortest.Options{}), h.followedBy(actortest.Options{KeepKeys: true})
	h.quiet()
	stop()
	fresh := quickKey(t)
	lost := h.site(h.store, fresh, nil)
	assert.ErrorContains(t, lost.Run(h.ctx), "where it is lost for good, call RevokeKey")
	require.NoError(t, lost.RevokeKey(h.ctx, "", fresh, "disk lost, no kit"))
	site, _ := h.starts(fresh, nil)
	h.says(site, "new key", map[string]keyPeer{"fetches again": aroha})
	require.NoError(t, tama.WaitFor(h.ctx, func() bool {
		for _, got := range tama.Received() {
			if got.Type == "Create" && !got.Verdict.OK() {
				return true
			}
		}
		return false
	}))
	assert.Empty(t, tama.who.Timeline())
}
