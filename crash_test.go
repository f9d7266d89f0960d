package panui_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	"github.com/panui/panui/store/sqlite"
)

// Set for the process that TestKillDuringFanout starts and kills: the folder of the site that it is to
// play, and how far its clock is ahead.
const (
	crashDir   = "PANUI_TEST_CRASH_DIR"
	crashClock = "PANUI_TEST_CRASH_CLOCK"
)

// restart is how far the clock goes on between two runs: over any lease that the killed one held.
const restart = 5 * time.Minute

const crashBase = "http://127.0.0.1:9"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, crashing(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// crashing is a site that publishes one item after another and delivers until it is killed. It prints
// the key of each item once Publish has returned.
func crashing(dir string) error {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "panui.db"))
	if err != nil {
		return err
	}
	ahead, err := time.ParseDuration(os.Getenv(crashClock))
	if err != nil {
		return err
	}
	site, err := crashSite(dir, db, func() time.Time { return time.Now().Add(ahead) })
	if err != nil {
		return err
	}
	go func() {
		for i := 0; ; i++ {
			it := outbox.Item{
				Key: fmt.Sprintf("%d-%d", os.Getpid(), i), Title: "News", Language: "en-NZ",
				URL: fmt.Sprintf("%s/news/%d-%d", crashBase, os.Getpid(), i),
			}
			if _, err := site.Publish(ctx, it); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(it.Key)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return site.Run(ctx)
}

func crashSite(dir string, s store.Store, now func() time.Time) (*panui.Site, error) {
	key, err := signing.File(filepath.Join(dir, "panui.pem"))
	if err != nil {
		return nil, err
	}
	return panui.New(panui.Config{
		BaseURL: crashBase, Store: s, InsecureLoopback: true, Log: slog.New(slog.DiscardHandler),
		Now:    now,
		Actors: []actor.Profile{{Handle: "news@127.0.0.1:9", Name: "Ministry", Key: key}},
	})
}

func TestKillDuringFanout(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process several times")
	}
	const servers, each, kills = 8, 25, 6
	dir := t.TempDir()
	var sinks []*actortest.Sink
	for i := range servers {
		server, err := actortest.Start(actortest.Options{Address: fmt.Sprintf("127.0.0.%d:0", i+2)})
		require.NoError(t, err)
		defer server.Close()
		sinks = append(sinks, server.Inboxes(each))
	}
	followedBy(t, dir, sinks)

	var published []string
	for i := range kills {
		published = append(published, runAndKill(t, dir, time.Duration(i)*restart)...)
	}
	require.NotEmpty(t, published)

	// The site starts once more and sends what is left.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "panui.db"))
	require.NoError(t, err)
	defer db.Close()
	var ahead atomic.Int64
	ahead.Store(int64(kills * restart))
	site, err := crashSite(dir, db, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- site.Run(ctx) }()
	// What a busy machine made fail is due again after minutes: when it takes long, the clock is made to run.
	started := time.Now()
	waitForQuiet(ctx, t, db, func() {
		if time.Since(started) > 30*time.Second {
			ahead.Add(int64(5 * time.Second))
		}
	})
	cancel()
	require.NoError(t, <-done)

	posts, err := db.Posts(t.Context(), store.PostQuery{State: store.Live, Limit: 10_000})
	require.NoError(t, err)
	said := map[string]string{}
	for _, p := range posts {
		said[p.Key] = p.Activity
	}
	for _, key := range published {
		assert.Contains(t, said, key, "Publish returned, so the post is kept")
	}
	duplicates, total := 0, 0
	for _, sink := range sinks {
		for i := range each {
			got := sink.Counts(i)
			for key, activity := range said {
				assert.Positive(t, got[activity], "inbox %d never got %s", i, key)
				assert.LessOrEqual(t, got[activity], 1+kills, "more than one duplicate for each kill")
				duplicates += max(got[activity]-1, 0)
				total++
			}
			assert.Len(t, got, len(said), "nothing arrives that is not published")
		}
	}
	t.Logf("%d posts to %d inboxes over %d kills: %d deliveries, %d duplicates", len(said), servers*each, kills, total, duplicates)
	// In flight at a kill is what is on the wire, two to a host, and what has arrived and is not written down yet:
	// answers are written down in batches, of 64 at the most.
	assert.LessOrEqual(t, duplicates, kills*(servers*2+64))
}

// followedBy makes every inbox of the sinks a follower of the site in dir.
func followedBy(t *testing.T, dir string, sinks []*actortest.Sink) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "panui.db"))
	require.NoError(t, err)
	defer db.Close()
	site, err := crashSite(dir, db, time.Now)
	require.NoError(t, err)
	_, err = site.Publish(t.Context(), outbox.Item{Key: "first", Title: "First", Language: "en-NZ", URL: crashBase + "/news/first"})
	require.NoError(t, err)
	require.NoError(t, site.Withdraw(t.Context(), "", "first"))
	actors, err := db.Actors(t.Context())
	require.NoError(t, err)
	var ops []store.Op
	for _, sink := range sinks {
		for _, inbox := range sink.URLs() {
			ops = append(ops, store.PutFollower{Follower: store.Follower{
				Actor: actors[0].ID, ID: inbox + "/owner", Inbox: inbox, Host: hostOf(t, inbox),
				Follow: inbox + "/follow", State: store.Accepted, Since: time.Now(),
			}})
		}
	}
	require.NoError(t, db.Apply(t.Context(), ops...))
}

// runAndKill runs the site in a process of its own, kills it while it delivers, and returns the keys
// of the items whose Publish had returned.
func runAndKill(t *testing.T, dir string, ahead time.Duration) []string {
	t.Helper()
	site := exec.Command(os.Args[0])
	site.Env = append(os.Environ(), crashDir+"="+dir, crashClock+"="+ahead.String())
	site.Stderr = os.Stderr
	out, err := site.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, site.Start())
	var published []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		published = append(published, lines.Text())
		if len(published) == 1 {
			time.AfterFunc(50*time.Millisecond+rand.N(400*time.Millisecond), func() { site.Process.Kill() })
		}
	}
	require.Error(t, site.Wait(), "it ends by being killed")
	return published
}

// waitForQuiet waits until nothing is on its way, and calls meanwhile again and again.
func waitForQuiet(ctx context.Context, t *testing.T, s store.Store, meanwhile func()) {
	t.Helper()
	for {
		pending, err := s.Deliveries(ctx, store.DeliveryQuery{State: store.Pending, Limit: 1})
		require.NoError(t, err)
		if len(pending) == 0 {
			return
		}
		meanwhile()
		time.Sleep(100 * time.Millisecond)
	}
}

func hostOf(t *testing.T, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	return u.Host
}
