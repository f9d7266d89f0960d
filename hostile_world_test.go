package panui_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// world is three origins: our.test, the site under attack, served by net/http on
// a socket; victim.test, where alice and bob are; and evil.test, where mallory
// is. On loopback the site federates with the other two. In public the site has
// an https base URL, as behind a proxy, reaches nobody, and asks a DNS of its own.
type world struct {
	testing.TB
	backend      string
	site         *panui.Site
	base         string // of the site
	address      string // where it listens
	store        store.Store
	tables       func() string // everything stored, as the backend itself has it
	victim, evil *peer
	names        *names
	log          *ledger
	said         int // by mallory
	words        *strings.Replacer
}

// scene is what is particular about a world.
type scene struct {
	public bool
	config func(*panui.Config)
	limits limits.Limits // of the inbox
	keys   signing.Keys  // instead of those that are fetched; then nobody has said anything
}

// secret stands in everything that people say, and must never be in the log.
const secret = "kupu-huna-4711"

// What alice and bob have said before mallory comes.
const (
	bobFollows   = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{bob}/follows/1","type":"Follow","actor":"{bob}","object":"{news}"}`
	aliceFollows = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{alice}/follows/1","type":"Follow","actor":"{alice}","object":"{news}"}`
	bobLikes     = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{bob}/likes/1","type":"Like","actor":"{bob}","object":"{post}"}`
	bobReplies   = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{bob}/says/1","type":"Create","actor":"{bob}","to":["{public}"],"object":` + bobsNote + `}`
	bobsNote     = `{"id":"{bob}/notes/1","type":"Note","attributedTo":"{bob}","inReplyTo":"{post}","content":"<p>Kia ora ` + secret + `</p>","to":["{public}"],"updated":"2026-11-01T00:00:00Z"}`
)

// What alice, who follows, and mallory, of whom nothing is known, say next.
const (
	aliceReplies   = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{alice}/says/1","type":"Create","actor":"{alice}","to":["{public}"],"object":{"id":"{alice}/notes/1","type":"Note","attributedTo":"{alice}","inReplyTo":"{post}","content":"<p>Kia ora ` + secret + `</p>","to":["{public}"]}}`
	aliceIgnored   = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{alice}/likes/7","type":"Like","actor":"{alice}","object":"{draft}"}`
	malloryFollows = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{mallory}/follows/1","type":"Follow","actor":"{mallory}","object":"{news}"}`
	malloryReplies = `{"@context":"https://www.w3.org/ns/activitystreams","id":"{mallory}/says/1","type":"Create","actor":"{mallory}","to":["{public}"],"object":{"id":"{mallory}/notes/1","type":"Note","attributedTo":"{mallory}","inReplyTo":"{post}","content":"<p>Kia ora ` + secret + `</p>","to":["{public}"]}}`
)

// newWorld starts a world that ends with the test.
func newWorld(t testing.TB, backend string, s scene) *world {
	t.Helper()
	w := &world{TB: t, backend: backend, log: &ledger{}, victim: newPeer(t, "127.0.0.2"), evil: newPeer(t, "127.0.0.3"), names: &names{answers: map[string][]string{}}}
	w.open(backend)
	server := httptest.NewUnstartedServer(nil)
	w.address = server.Listener.Addr().String()
	w.base = "http://" + w.address
	if s.public {
		w.base = "https://our.test"
	}
	config := panui.Config{
		BaseURL:          w.base,
		Actors:           []actor.Profile{{Handle: "news@" + w.host(), ID: "news", Name: "Te Manatū Tauira", Key: siteKey(), Languages: []string{"en-NZ"}}},
		Store:            w.store,
		Keys:             signing.Fediverse(),
		Log:              slog.New(w.log),
		InsecureLoopback: !s.public,
	}
	config.Egress.Resolver = w.names.resolver()
	if s.config != nil {
		s.config(&config)
	}
	site, err := panui.New(config)
	require.NoError(t, err)
	w.site = site
	if s.limits != (limits.Limits{}) {
		site.Bound(s.limits)
	}
	if s.keys != nil {
		site.Trust(s.keys)
	}
	server.Config.Handler = site.Handler(nil)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.Start()
	t.Cleanup(server.Close)
	w.furnish(s.public || s.keys != nil)
	return w
}

// open makes the store, with a way to see all of it that is not the library's.
func (w *world) open(backend string) {
	if backend == "memory" {
		w.store, w.tables = memory.New(), w.asked
		return
	}
	path := emptyDatabase(w)
	db, err := sqlite.Open(w.Context(), path)
	require.NoError(w, err)
	w.Cleanup(func() { assert.NoError(w, db.Close()) })
	w.store, w.tables = db, dumper(w, path)
}

// migrated is a database with its tables and nothing in them.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "panui")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "panui.db")
	db, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil { // writes into the file what stands beside it
		return nil, err
	}
	return os.ReadFile(path)
})

// emptyDatabase is the path of a new SQLite database of the test. It is a copy:
// to make the tables anew, thousands of times, takes longer than many a test.
func emptyDatabase(t testing.TB) string {
	t.Helper()
	empty, err := migrated()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "panui.db")
	require.NoError(t, os.WriteFile(path, empty, 0o600))
	return path
}

// furnish publishes two posts, of which one is withdrawn, and lets alice and bob say their part.
func (w *world) furnish(silent bool) {
	publish := func(key string) store.Post {
		post, err := w.site.Publish(w.Context(), outbox.Item{Key: key, URL: w.base + "/news/" + key, Title: "Road closed", HTML: "<p>Until Monday.</p>", Language: "en-NZ"})
		require.NoError(w, err)
		return post
	}
	post, gone := publish("17"), publish("18")
	require.NoError(w, w.site.Withdraw(w.Context(), "", "18"))
	w.words = strings.NewReplacer(
		"{our}", w.base, "{host}", w.host(), "{news}", w.base+"/ap/actors/news", "{inbox}", w.base+"/ap/inbox",
		"{post}", post.ID, "{gone}", gone.ID, "{draft}", w.base+"/ap/objects/"+strings.Repeat("0", 26),
		"{victim}", w.victim.url, "{evil}", w.evil.url,
		"{alice}", w.victim.url+"/users/alice", "{bob}", w.victim.url+"/users/bob", "{mallory}", w.evil.url+"/users/mallory",
		"{public}", "https://www.w3.org/ns/activitystreams#Public",
	)
	for _, name := range []string{"alice", "bob"} {
		w.victim.serve("/users/"+name, document(w.fill(person("{"+name+"}", privateKey(name).Public()))))
	}
	w.evil.serve("/users/mallory", document(w.fill(person("{mallory}", privateKey("mallory").Public()))))
	if silent {
		return
	}
	for _, said := range []struct{ who, what string }{
		{"bob", bobFollows}, {"bob", bobReplies}, {"bob", bobLikes}, {"alice", aliceFollows},
	} {
		answer := w.send(w.letter(said.what, forge{by: said.who}).wire())
		require.Equal(w, http.StatusAccepted, answer.status, w.log.events())
	}
}

// host is the host of the site, as peers sign it.
func (w *world) host() string {
	_, host, _ := strings.Cut(w.base, "://")
	return host
}

func (w *world) fill(s string) string { return w.words.Replace(s) }

// deliver has the site send until everything that waits was tried.
func (w *world) deliver() {
	w.Helper()
	ctx, end := context.WithCancel(w.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.site.Run(ctx) }()
	require.Eventually(w, func() bool {
		return !slices.ContainsFunc(w.queue(), func(d store.Delivery) bool { return d.State == store.Pending && d.Answer == "" })
	}, patience, 5*time.Millisecond)
	end()
	require.NoError(w, <-ran)
}

// often is how many times something is repeated that only shows by number: all of
// them in memory, a tenth where each waits for a disk and the number shows the same.
func (w *world) often(n int) int {
	if w.backend == "memory" {
		return n
	}
	return n / 10
}

// samples says whether the i-th of many kinds is tried, in the same way as often.
func (w *world) samples(i int) bool { return w.backend == "memory" || i%10 == 0 }

// dialled counts who was connected to, and which names were asked for.
func (w *world) dialled() int {
	return int(w.victim.accepted.Load()+w.evil.accepted.Load()) + len(w.names.lookups())
}

// queue is what waits to be sent.
func (w *world) queue() []store.Delivery {
	w.Helper()
	deliveries, err := w.store.Deliveries(context.Background(), store.DeliveryQuery{Limit: 1000})
	require.NoError(w, err)
	return deliveries
}

func (w *world) received(q store.ReceivedQuery) []store.Received {
	w.Helper()
	rows, err := w.store.Received(context.Background(), q)
	require.NoError(w, err)
	return rows
}

// heard are the replies that wait for a person, newest first, as a person reads them.
func (w *world) heard() []inbox.Reply {
	w.Helper()
	replies, _, err := w.site.Moderator().Received(context.Background(), store.Held, inbox.Page{Limit: 1000})
	require.NoError(w, err)
	return replies
}

// hears lets mallory reply, with more members of the object, and returns that as a person reads it.
func (w *world) hears(content, more string) inbox.Reply {
	w.Helper()
	w.said++
	id := fmt.Sprint("{mallory}/notes/", w.said)
	var written strings.Builder
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	require.NoError(w, encoder.Encode(content))
	body := `{"id":"` + id + `#create","type":"Create","actor":"{mallory}","to":["{public}"],"object":{"id":"` + id + `","type":"Note","attributedTo":"{mallory}","inReplyTo":"{post}","to":["{public}"],` + more + `"content":` + written.String() + `}}`
	require.Equal(w, http.StatusAccepted, w.send(w.letter(body, forge{by: "mallory"}).wire()).status, content)
	reply := w.newest()
	require.Equal(w, w.fill(id), reply.ID)
	return reply
}

// followers are the ids of those who follow.
func (w *world) followers() (ids []string) {
	w.Helper()
	rows, err := w.store.Followers(context.Background(), store.FollowerQuery{Limit: 1000})
	require.NoError(w, err)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

// asked is everything stored, as the queries tell it.
func (w *world) asked() string {
	w.Helper()
	ctx, all := context.Background(), 1000
	parts := []any{w.queue()}
	keep := func(rows any, err error) {
		require.NoError(w, err)
		parts = append(parts, rows)
	}
	keep(w.store.Actors(ctx))
	keep(w.store.Posts(ctx, store.PostQuery{Limit: all}))
	keep(w.store.Followers(ctx, store.FollowerQuery{Limit: all}))
	keep(w.store.Received(ctx, store.ReceivedQuery{Limit: all}))
	keep(w.store.Reactions(ctx, store.ReactionQuery{Limit: all}))
	keep(w.store.Journal(ctx, store.JournalQuery{Limit: all}))
	text, err := json.Marshal(parts)
	require.NoError(w, err)
	return string(text)
}

// dumper returns what reads every row of every table of a SQLite file, past the library.
func dumper(t testing.TB, path string) func() string {
	t.Helper()
	db, err := driver.Open("file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?mode=ro")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	tables := rowsOf(t, db, `SELECT name FROM sqlite_master WHERE type = 'table'`)
	require.NotEmpty(t, tables)
	return func() string {
		var lines []string
		for _, table := range tables {
			for _, row := range rowsOf(t, db, `SELECT * FROM "`+table+`"`) {
				lines = append(lines, table+" "+row)
			}
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
}

// rowsOf writes each row that a query finds as a line.
func rowsOf(t testing.TB, db *sql.DB, query string) (lines []string) {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		cells, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			places[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(places...))
		lines = append(lines, strings.TrimSuffix(fmt.Sprintln(cells...), "\n"))
	}
	require.NoError(t, rows.Err())
	return lines
}
