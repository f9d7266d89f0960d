package inbox

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// world is a site with two actors, news and alerts, and people on other servers.
type world struct {
	testing.TB
	*Handler
	now    time.Time
	spy    *spy
	people *directory
	lines  *lines
}

var ids = map[string]string{
	"alice": "https://peer.test/users/alice", "bob": "https://peer.test/users/bob", "carol": "https://other.test/users/carol",
	"mallory": "https://evil.test/users/mallory", "news": "https://our.test/ap/actors/news", "alerts": "https://our.test/ap/actors/alerts",
	"post": "https://our.test/ap/objects/live", "alert": "https://our.test/ap/objects/alert", "withdrawn": "https://our.test/ap/objects/withdrawn",
	"draft": "https://our.test/ap/objects/draft", "inbox": "https://our.test/ap/inbox", "public": as2.Public,
}

// replace writes ids for their names in braces: {alice}, {post}.
var replace = func() *strings.Replacer {
	var pairs []string
	for name, id := range ids {
		pairs = append(pairs, "{"+name+"}", id)
	}
	return strings.NewReplacer(pairs...)
}()

// privateKey is everybody's, so that the tests are quick: whose a key is, is said by the directory.
var privateKey = sync.OnceValue(func() *rsa.PrivateKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return private
})

var oneKey = sync.OnceValue(func() *signing.Key {
	key, err := signing.New(privateKey())
	if err != nil {
		panic(err)
	}
	return key
})

// start is the time at which every story begins.
var start = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)

func newWorld(t testing.TB) *world {
	w := &world{TB: t, now: start, spy: &spy{Store: memory.New()}, people: newDirectory(), lines: &lines{}}
	urls := actor.URLs{Base: "https://our.test"}
	w.Handler = &Handler{
		URLs:     urls,
		Actors:   []*actor.Local{local(urls, "news"), local(urls, "alerts")},
		Store:    w.spy,
		Resolver: w.people,
		Log:      slog.New(slog.NewJSONHandler(w.lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:      func() time.Time { return w.now },
	}
	w.Verifier = &signing.Verifier{BaseURL: "https://our.test", Keys: w.people, Policy: signing.Fediverse(), Now: w.Handler.Now}
	for _, name := range []string{"alice", "bob", "carol", "mallory"} {
		w.people.add(ids[name])
	}
	for name, local := range map[string]string{"post": "news", "alert": "alerts", "withdrawn": "news"} {
		w.must(store.PutPost{Post: store.Post{
			ID: ids[name], Actor: ids[local], Key: name, Rev: 1, State: store.Live, Published: start.Add(-time.Hour), Updated: start.Add(-time.Hour),
		}})
	}
	w.must(store.PutPost{Post: store.Post{
		ID: ids["withdrawn"], Actor: ids["news"], Key: "withdrawn", Rev: 2, State: store.Withdrawn, Updated: start,
	}})
	return w
}

func local(urls actor.URLs, segment string) *actor.Local {
	return &actor.Local{ID: urls.Actor(segment), Segment: segment, Profile: actor.Profile{Handle: segment + "@our.test"}}
}

func (w *world) must(ops ...store.Op) {
	w.Helper()
	require.NoError(w, w.spy.Store.Apply(context.Background(), ops...))
}

// request is an activity, signed by its actor, on its way to the shared inbox.
func (w *world) request(activity string) *http.Request {
	body := []byte(replace.Replace(activity))
	var named struct{ Actor string }
	_ = json.Unmarshal(body, &named)
	return w.signed(named.Actor, ids["inbox"], body)
}

func (w *world) signed(by, inbox string, body []byte) *http.Request {
	w.Helper()
	return w.signedWith(by+"#main-key", inbox, body)
}

func (w *world) signedWith(keyID, inbox string, body []byte) *http.Request {
	w.Helper()
	r := httptest.NewRequest(http.MethodPost, inbox, bytes.NewReader(body))
	r.Header.Set("Content-Type", as2.MediaType)
	require.NoError(w, oneKey().Sign(r, body, keyID, w.now))
	return r
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

// deliver sends an activity signed by its actor and returns the status.
func (w *world) deliver(activity string) int { return w.serve(w.request(activity)).Code }

// verified proves the activity as the handler would.
func (w *world) verified(activity string) (signing.Verified, as2.Activity) {
	w.Helper()
	w.once.Do(w.prepare)
	r := w.request(activity)
	body := []byte(replace.Replace(activity))
	v, err := w.Verifier.Verify(context.Background(), r, body)
	require.NoError(w, err, activity)
	a, err := as2.ReadActivity(body, w.Handler.limits)
	require.NoError(w, err, activity)
	return v, a
}

// decided says in words what an activity would come to: the reason of a refusal,
// or the outcome and the ops.
func (w *world) decided(activity string) string {
	w.Helper()
	words, _ := w.weigh(w.verified(activity))
	return words
}

func (w *world) weigh(v signing.Verified, a as2.Activity) (string, []store.Op) {
	w.Helper()
	remote, refusal := w.asking(context.Background(), a)
	require.Nil(w, refusal)
	f, err := w.facts(context.Background(), a, remote)
	require.NoError(w, err)
	if refusal := authorise(v, a, f); refusal != nil {
		return fmt.Sprint(refusal.Status, " ", refusal.Reason), nil
	}
	f.verdict, f.reason = w.Policy.judge(context.Background(), a, w.Handler.limits)
	ops, out, err := plan(v, a, f)
	require.NoError(w, err)
	return strings.TrimSpace(string(out) + ": " + w.words(ops)), ops
}

// words says what ops do, and for which actor where that is not the first.
func (w *world) words(ops []store.Op) string {
	said := make([]string, len(ops))
	for i, op := range ops {
		said[i] = w.word(op)
	}
	return strings.Join(said, " ")
}

func (w *world) word(op store.Op) string {
	switch op := op.(type) {
	case store.Record:
		return "Record(" + op.Entry.Kind + w.whose(op.Entry.Actor) + ")"
	case store.PutFollower:
		return "PutFollower(" + string(op.Follower.State) + w.whose(op.Follower.Actor) + ")"
	case store.RemoveFollower:
		return "RemoveFollower" + w.whose(op.Actor)
	case store.Send:
		return "Send(" + op.Activity.Type + w.whose(op.Activity.Actor) + ")"
	case store.Receive:
		kind := ""
		if op.Received.Type != "Create" {
			kind = op.Received.Type + " "
		}
		return "Receive(" + kind + string(op.Received.State) + w.whose(op.Received.Actor) + ")"
	case store.React:
		return "React(" + op.Reaction.Type + w.whose(op.Reaction.Actor) + ")"
	case store.Unreact:
		return "Unreact(" + op.Type + ")"
	case store.Decide:
		return "Decide(" + string(op.State) + w.whose(op.Actor) + ")"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", op), "store.")
}

func (w *world) whose(actor string) string {
	if actor == w.Actors[0].ID {
		return ""
	}
	return " " + actor[strings.LastIndex(actor, "/")+1:]
}

// spy is a store that remembers what it was told, and fails when it is told to.
type spy struct {
	store.Store
	mu      sync.Mutex
	applied [][]store.Op
	asked   int
	bytes   int // of bodies that were read
	fail    error
}

func (s *spy) Apply(ctx context.Context, ops ...store.Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.applied = append(s.applied, ops)
	return s.Store.Apply(ctx, ops...)
}

func (s *spy) Received(ctx context.Context, q store.ReceivedQuery) ([]store.Received, error) {
	s.count()
	rows, err := s.Store.Received(ctx, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range rows {
		s.bytes += len(row.Body)
	}
	return rows, err
}

func (s *spy) Followers(ctx context.Context, q store.FollowerQuery) ([]store.Follower, error) {
	s.count()
	return s.Store.Followers(ctx, q)
}

func (s *spy) Posts(ctx context.Context, q store.PostQuery) ([]store.Post, error) {
	s.count()
	return s.Store.Posts(ctx, q)
}

func (s *spy) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
}

// directory knows remote actors and their keys, as a resolver does that has asked their servers.
type directory struct {
	mu        sync.Mutex
	actors    map[string]actor.Remote
	keys      map[string]signing.PublicKey
	asked     []string
	forgotten []string
	fail      error
}

func newDirectory() *directory {
	return &directory{actors: map[string]actor.Remote{}, keys: map[string]signing.PublicKey{}}
}

func (d *directory) add(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.actors[id] = actor.Remote{Actor: as2.Actor{
		ID: id, Type: "Person", Inbox: id + "/inbox", SharedInbox: origin(id) + "/inbox",
	}}
	d.keys[id+"#main-key"] = signing.PublicKey{ID: id + "#main-key", Owner: id, Key: oneKey().Public()}
}

func (d *directory) addKey(id, owner string, key crypto.PublicKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[id] = signing.PublicKey{ID: id, Owner: owner, Key: key}
}

func (d *directory) Actor(_ context.Context, id string) (actor.Remote, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if remote, ok := d.actors[id]; ok && d.fail == nil {
		return remote, nil
	}
	return actor.Remote{}, fmt.Errorf("%s: %w", id, d.fail)
}

func (d *directory) Forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgotten = append(d.forgotten, id)
}

func (d *directory) PublicKey(_ context.Context, id string, _ bool) (signing.PublicKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, id)
	if key, ok := d.keys[id]; ok {
		return key, nil
	}
	return signing.PublicKey{}, fmt.Errorf("key %s: %w", id, actor.ErrGone)
}

func (d *directory) Proved(context.Context, string) {}

func (d *directory) requests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

func origin(id string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(id, "https://"), "/")
	return "https://" + host
}

// lines collects the log.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(line))
	return len(line), nil
}

// refusals are the lines about refused requests, read.
func (l *lines) refusals() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for _, line := range l.all {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) == nil && (fields["msg"] == "inbox refused" || fields["msg"] == "fetch refused") {
			found = append(found, fields)
		}
	}
	return found
}

func (l *lines) reason() string {
	if found := l.refusals(); len(found) > 0 {
		return fmt.Sprint(found[len(found)-1]["reason"])
	}
	return ""
}

// dump is everything that is stored, for a comparison.
func (w *world) dump() string {
	w.Helper()
	ctx, all := context.Background(), 1000
	var parts []any
	keep := func(part any, err error) {
		require.NoError(w, err)
		parts = append(parts, part)
	}
	followers, err := w.spy.Store.Followers(ctx, store.FollowerQuery{Limit: all})
	keep(followers, err)
	received, err := w.spy.Store.Received(ctx, store.ReceivedQuery{Limit: all})
	keep(received, err)
	reactions, err := w.spy.Store.Reactions(ctx, store.ReactionQuery{Limit: all})
	keep(reactions, err)
	journal, err := w.spy.Store.Journal(ctx, store.JournalQuery{Limit: all})
	keep(journal, err)
	posts, err := w.spy.Store.Posts(ctx, store.PostQuery{Limit: all})
	keep(posts, err)
	keep(w.queue(), nil)
	text, err := json.Marshal(parts)
	require.NoError(w, err)
	return string(text)
}

func (w *world) queue() []store.Delivery {
	w.Helper()
	deliveries, err := w.spy.Store.Deliveries(context.Background(), store.DeliveryQuery{Limit: 1000})
	require.NoError(w, err)
	return deliveries
}

func (w *world) followers() []string {
	w.Helper()
	rows, err := w.spy.Store.Followers(context.Background(), store.FollowerQuery{Limit: 1000})
	require.NoError(w, err)
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) received(q store.ReceivedQuery) []store.Received {
	w.Helper()
	rows, err := w.spy.Store.Received(context.Background(), q)
	require.NoError(w, err)
	return rows
}

func (w *world) journal() []store.Entry {
	w.Helper()
	entries, err := w.spy.Store.Journal(context.Background(), store.JournalQuery{Limit: 1000})
	require.NoError(w, err)
	return entries
}
