package panui_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
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
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/faults"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// troubled is a world in which one call fails: an agency, and two servers on
// which people follow it. Its verbs do what a website, a person or a peer does,
// and when that fails do it again as they would.
type troubled struct {
	*testing.T
	in     *faults.Injector
	mute   bool
	kept   store.Store // as it is, to look into
	store  store.Store // as the site sees it
	config panui.Config
	site   atomic.Pointer[panui.Site]
	base   string
	log    *ledger

	north, south *actortest.Server // Mastodon, with aroha and wiremu; GoToSocial, with bob
	aroha        *actortest.Actor
	wiremu       *actortest.Actor
	bob          *actortest.Actor

	mu   sync.Mutex
	now  time.Time
	told []string // errors that callers got
}

// setting is what is particular about a troubled world.
type setting struct {
	backend string             // memory when empty
	alone   bool               // nobody else is in the world, nor a network
	south   *actortest.Options // of the south; GoToSocial's when nil
	proofs  bool               // what is said to everybody has a proof
	mute    string             // why nobody need be told of trouble
	change  func(*panui.Config)
}

// start is when the stories begin.
var start = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// smallKey is the key of the agency and of everybody else: a small one makes
// thousands of runs affordable. On SQLite the agency's is as large as in real life.
var smallKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return key
})

func newTroubled(t *testing.T, s setting, plan faults.Plan, seen *faults.Sites) *troubled {
	t.Helper()
	w := &troubled{T: t, in: faults.New(plan, seen), mute: s.mute != "", now: start, log: &ledger{}}
	w.kept = memory.New()
	if s.backend == "sqlite" {
		db, err := sqlite.Open(t.Context(), emptyDatabase(t))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		w.kept = db
	}
	w.store = faults.Around(w.kept, w.in)
	if s.alone {
		w.base = "https://www.agency.govt.nz"
		w.configure(s)
		return w
	}
	w.north = w.peer(actortest.Options{Dialect: actortest.Mastodon})
	south := actortest.Options{Dialect: actortest.GoToSocial}
	if s.south != nil {
		south = *s.south
	}
	w.south = w.peer(south)
	w.aroha, w.wiremu, w.bob = w.north.Actor("aroha"), w.north.Actor("wiremu"), w.south.Actor("bob")
	w.open(s, plan.Kind)
	return w
}

func (w *troubled) peer(o actortest.Options) *actortest.Server {
	w.Helper()
	o.Now, o.Around = w.clock, w.around
	o.NewKey = func() (crypto.Signer, error) { return smallKey(), nil }
	server, err := actortest.Start(o)
	require.NoError(w, err)
	w.Cleanup(func() { assert.NoError(w, server.Close()) })
	return server
}

func (w *troubled) around(l net.Listener) net.Listener { return faults.AroundListener(l, w.in) }

// open starts the agency's server. What stalls does so on the way to peers only:
// those have patience for longer than a test.
func (w *troubled) open(s setting, kind faults.Kind) {
	w.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	if kind != faults.Stall {
		server.Listener = w.around(server.Listener)
	}
	w.base = "http://" + server.Listener.Addr().String()
	if kind == faults.Stall {
		w.config.Egress.Limits = limits.Default()
		w.config.Egress.Limits.HeaderTimeout = 150 * time.Millisecond
	}
	w.configure(s)
	server.Start()
	w.Cleanup(func() { w.site.Load().HangUp(); server.Close() })
}

// configure starts the first process of the site.
func (w *troubled) configure(s setting) {
	w.Helper()
	key := smallKey()
	if s.backend == "sqlite" {
		key = privateKey("news")
	}
	signer, err := signing.New(faults.AroundKey(key, w.in))
	require.NoError(w, err)
	_, host, _ := strings.Cut(w.base, "://")
	w.config.BaseURL, w.config.InsecureLoopback = w.base, !s.alone
	w.config.Store, w.config.Now, w.config.Log = w.store, w.clock, slog.New(w.log)
	w.config.Keys, w.config.Mode = signing.Policy{MinRSA: 1024, MinPeer: 1024, Ed25519: s.proofs}, inbox.Converse
	w.config.Actors = []actor.Profile{{Handle: "news@" + host, ID: "news", Name: "Te Manatū Tauira", Key: signer, Languages: []string{"en-NZ"}}}
	if s.proofs {
		w.config.Actors[0].ProofKey, err = signing.New(faults.AroundKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), w.in))
		require.NoError(w, err)
	}
	if s.change != nil {
		s.change(&w.config)
	}
	w.restart()
}

// serve answers for whichever process of the site runs at the time.
func (w *troubled) serve(rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := w.in.WithCancel(r.Context())
	defer cancel()
	w.site.Load().Handler(nil).ServeHTTP(rw, r.WithContext(ctx))
}

// restart is the site as a new process that knows only what is stored.
func (w *troubled) restart(change ...func(*panui.Config)) {
	w.Helper()
	if old := w.site.Load(); old != nil {
		old.HangUp()
	}
	for _, c := range change {
		c(&w.config)
	}
	site, err := panui.New(w.config)
	require.NoError(w, err)
	site.Small()
	w.site.Store(site)
	w.do("begin", func(ctx context.Context) error { return site.Begin(ctx) })
}

func (w *troubled) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *troubled) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// meanwhile is how long everybody waits before they try again: longer than a
// failure to fetch a key is remembered, and than a lease lasts.
const meanwhile = 6 * time.Minute

// tries is how often something is tried in a world in which one call fails.
const tries = 4

// do has something done as who asked for it would: again when it failed, once
// the trouble is over.
func (w *troubled) do(what string, act func(context.Context) error) {
	w.Helper()
	w.wait(time.Second)
	for range tries {
		ctx, cancel := w.in.WithCancel(w.Context())
		err := act(ctx)
		cancel()
		if err == nil {
			return
		}
		w.hear(what, err)
		w.in.Heal()
		w.wait(meanwhile)
	}
	require.Fail(w, "it still fails when the trouble is over", "%s: %v", what, w.told)
}

// ours is how an error of the library begins, and says what was being done.
var ours = regexp.MustCompile(`^(panui|outbox|inbox): [a-z]+ ?.*: `)

// hear judges an error: it must say what failed, and keep the reason.
func (w *troubled) hear(what string, err error) {
	w.Helper()
	require.NotEmpty(w, w.in.Struck(), "%s failed although nothing has: %v", what, err)
	w.told = append(w.told, err.Error())
	assert.Regexp(w, ours, err.Error(), "who reads it must know what was being done")
	if !errors.Is(err, context.Canceled) { // which whoever is called first finds
		assert.ErrorIs(w, err, faults.ErrInjected, "the reason is lost")
	}
}

// says has a person on another server say something. When that does not arrive,
// their server sends the same again.
func (w *troubled) says(who *actortest.Actor, act func(context.Context) (actortest.Sent, error)) (sent actortest.Sent) {
	w.Helper()
	w.wait(time.Second)
	var err error
	for range tries {
		if sent.JSON == nil {
			sent, err = act(w.Context())
		} else {
			sent, err = who.Send(w.Context(), sent.Inbox, sent.JSON, actortest.Forge{})
		}
		if err == nil && sent.Status == http.StatusAccepted {
			return sent
		}
		require.NotEmpty(w, w.in.Struck(), "it failed although nothing has: %d %v %v", sent.Status, err, w.log.events())
		if err == nil && sent.JSON != nil {
			assert.GreaterOrEqual(w, sent.Status, 500, "a peer gives up for good what is answered so, and it is no fault of the peer: %v", w.log.events())
		}
		w.in.Heal()
		w.wait(meanwhile)
	}
	require.Fail(w, "it still fails when the trouble is over", "%d %v %v", sent.Status, err, w.log.events())
	return sent
}

func (w *troubled) follows(who *actortest.Actor) actortest.Sent {
	w.Helper()
	return w.says(who, func(ctx context.Context) (actortest.Sent, error) {
		return who.Follow(ctx, w.config.Actors[0].Handle)
	})
}

func (w *troubled) replies(who *actortest.Actor, post store.Post) actortest.Sent {
	w.Helper()
	return w.says(who, func(ctx context.Context) (actortest.Sent, error) {
		return who.Reply(ctx, post.ID, "<p>Kia ora "+secret+"</p>")
	})
}

func (w *troubled) undoes(who *actortest.Actor, what actortest.Sent) {
	w.Helper()
	w.says(who, func(ctx context.Context) (actortest.Sent, error) { return who.Undo(ctx, what) })
}

// publish says an item as it now is.
func (w *troubled) publish(key, title string, change ...func(*outbox.Item)) (post store.Post) {
	w.Helper()
	it := outbox.Item{Key: key, URL: w.base + "/news/" + key, Title: title, HTML: "<p>Until Monday.</p>", Language: "en-NZ"}
	for _, c := range change {
		c(&it)
	}
	w.do("publish", func(ctx context.Context) (err error) {
		post, err = w.site.Load().Publish(ctx, it)
		return err
	})
	return post
}

func (w *troubled) withdraw(key string) {
	w.Helper()
	w.do("withdraw", func(ctx context.Context) error { return w.site.Load().Withdraw(ctx, "", key) })
}

// deliver has the site deliver until nothing waits any more, over all the
// retries that it takes.
func (w *troubled) deliver() {
	w.Helper()
	for range 30 {
		w.do("deliver", func(ctx context.Context) error { return w.site.Load().Deliver(ctx) })
		pending, err := w.kept.Deliveries(w.Context(), store.DeliveryQuery{State: store.Pending, Limit: 1})
		require.NoError(w, err)
		if len(pending) == 0 {
			return
		}
		if len(w.in.Struck()) > 0 {
			w.in.Heal()
		}
		w.wait(meanwhile)
	}
	require.Fail(w, "something waits for ever", "%v\n%s", w.told, w.remains())
}

// decide has a person decide about what waits.
func (w *troubled) decide(state store.ReceivedState) {
	w.Helper()
	var held []inbox.Reply
	w.do("read", func(ctx context.Context) (err error) {
		held, _, err = w.site.Load().Moderator().Received(ctx, store.Held, inbox.Page{})
		return err
	})
	for _, reply := range held {
		w.do("decide", func(ctx context.Context) error {
			return w.site.Load().Moderator().Decide(ctx, inbox.Decision{
				Actor: reply.Actor, ID: reply.ID, State: state, By: "Hine", Reason: "rule 3", Seen: reply.Seen(),
			})
		})
	}
}

// looks has somebody look at a document of the site.
func (w *troubled) looks(at string, status int) {
	w.Helper()
	w.wait(time.Minute) // past what is kept for a moment
	before := len(w.in.Struck())
	for range tries {
		answer := httptest.NewRecorder()
		w.serve(answer, httptest.NewRequestWithContext(w.Context(), http.MethodGet, at, nil))
		if len(w.in.Struck()) > before { // who looks has a 503, or what was there a moment ago
			w.told = append(w.told, http.StatusText(answer.Code))
		}
		if answer.Code == status {
			return
		}
		require.NotEmpty(w, w.in.Struck(), "%s: %d", at, answer.Code)
		assert.GreaterOrEqual(w, answer.Code, 500, "%s is there, but for the trouble", at)
		w.in.Heal()
		w.wait(meanwhile)
	}
	require.Fail(w, "it cannot be had when the trouble is over", at)
}

// reads has somebody on another server fetch a document, signed. A server that
// is told to go away does not come back.
func (w *troubled) reads(who *actortest.Actor, at string, status int) {
	w.Helper()
	w.wait(time.Minute)
	for range tries {
		answer, err := who.Fetch(w.Context(), at)
		if err == nil && answer.Status == status {
			return
		}
		require.NotEmpty(w, w.in.Struck(), "%s: %v %v %v", at, answer, err, w.log.events())
		if err == nil {
			w.told = append(w.told, http.StatusText(answer.Status))
			assert.GreaterOrEqual(w, answer.Status, 500, "who signs is not to be refused for our trouble: %v", w.log.events())
		}
		w.in.Heal()
		w.wait(meanwhile)
	}
	require.Fail(w, "it cannot be had when the trouble is over", at)
}

// knew puts into the store what is there before the story goes on.
func (w *troubled) knew(ops ...store.Op) {
	w.Helper()
	require.NoError(w, w.kept.Apply(w.Context(), ops...))
}

// quiet checks what the log must never hold.
func (w *troubled) quiet() {
	w.Helper()
	private := smallKey().D.String()
	for _, e := range w.log.events() {
		assert.NotContains(w, e.json, secret, "what people say is not logged")
		assert.NotContains(w, e.json, private, "nor what is to be kept secret")
		assert.NotContains(w, strings.ToLower(e.json), "panic")
	}
}

// somebodyWasTold checks that trouble with the store or the key does not pass
// in silence: the caller has the error, or who reads the log.
func (w *troubled) somebodyWasTold(p faults.Plan) {
	w.Helper()
	silent := w.mute || p.Place == faults.OnNetwork || p.Kind == faults.Cancel || p.Kind == faults.Conflict
	if silent || len(w.in.Struck()) == 0 || len(w.told) > 0 {
		return
	}
	for _, e := range w.log.events() {
		if strings.Contains(e.json, faults.ErrInjected.Error()) {
			return
		}
	}
	assert.Fail(w, "nobody was told", "%s: %v", p, w.in.Struck())
}
