package panui_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/sqlite"
)

// good is a configuration that is right, and needs nothing that is not there.
func good() panui.Config {
	return panui.Config{
		BaseURL: "https://www.agency.govt.nz",
		Actors:  []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Te Manatū Tauira", Key: siteKey()}},
		Store:   memory.New(),
		Keys:    signing.Fediverse(),
	}
}

func TestBadConfiguration(t *testing.T) {
	for _, c := range []struct {
		mistake string
		make    func(*panui.Config)
		says    []string // each is in the error
	}{
		{"nothing at all", func(c *panui.Config) { *c = panui.Config{} },
			[]string{"base", "Store: name one, such as sqlite.Open", "Actors: name at least one, with Handle, Name and Key"}},
		{"no store", func(c *panui.Config) { c.Store = nil }, []string{"Store: name one"}},
		{"nobody to speak", func(c *panui.Config) { c.Actors = nil }, []string{"Actors: name at least one"}},
		{"plain http", func(c *panui.Config) { c.BaseURL = "http://www.agency.govt.nz" }, []string{"https"}},
		{"a slash behind", func(c *panui.Config) { c.BaseURL += "/" }, []string{"leave out the slash at the end"}},
		{"a page for a base", func(c *panui.Config) { c.BaseURL += "/?a=b" }, []string{"leave out user, query and fragment"}},
		{"an address", func(c *panui.Config) { c.BaseURL = "https://192.0.2.1" }, []string{"no peer would ask it"}},
		{"this machine, in production", func(c *panui.Config) { c.BaseURL = "http://localhost:8080" }, []string{"set InsecureLoopback to develop, or write the public https address"}},
		{"the public network, in development", func(c *panui.Config) { c.InsecureLoopback = true }, []string{"leave InsecureLoopback out"}},
		{"a prefix without slashes", func(c *panui.Config) { c.Prefix = "ap" }, []string{"prefix"}},
		{"no handle", func(c *panui.Config) { c.Actors[0].Handle = "" }, []string{"actor 1:", "handle"}},
		{"no key", func(c *panui.Config) { c.Actors[0].Key = nil }, []string{"actor 1:", "make one with signing.File"}},
		{"a key that the policy does not allow", func(c *panui.Config) { c.Keys = signing.NZISM() }, []string{"actor 1:", "key:", "3072"}},
		{"a picture without words", func(c *panui.Config) {
			c.Actors[0].Icon = actor.Image{URL: "https://www.agency.govt.nz/icon.png"}
		}, []string{"actor 1:", "say in Alt what it shows"}},
		{"two who have one handle", func(c *panui.Config) { c.Actors = append(c.Actors, c.Actors[0]) }, []string{"two actors"}},
		{"a proxy without a port", func(c *panui.Config) { c.Egress.Proxy = &egress.Proxy{URL: "http://panui:s3cret@proxy.agency.govt.nz"} },
			[]string{"outgoing proxy: write its port, such as :3128"}},
		{"a proxy by its name", func(c *panui.Config) { c.Egress.Proxy = &egress.Proxy{URL: "proxy.agency.govt.nz:3128"} },
			[]string{"outgoing proxy: begin it with http:// or https://"}},
		{"everything at once", func(c *panui.Config) {
			c.BaseURL, c.Store, c.Prefix = "http://10.0.0.1/x/", nil, "ap"
			c.Actors = append(c.Actors, actor.Profile{Type: "Robot", Languages: []string{"english please"}, Fields: []actor.Field{{}}})
		}, []string{
			"only https works", "prefix", "Store: name one",
			"actor 2:", "name: write what people know the agency by", "make one with signing.File", `type "Robot": use one of`,
			`language "english please": write it as BCP 47 has it`, "give it a name and a value",
		}},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			config := good()
			c.make(&config)
			site, err := panui.New(config)
			require.Error(t, err)
			assert.Nil(t, site)
			assert.True(t, strings.HasPrefix(err.Error(), "panui: New:\n"), err.Error())
			for _, words := range c.says {
				assert.Contains(t, err.Error(), words)
			}
			for _, subject := range []string{"base URL", "prefix"} {
				assert.LessOrEqual(t, strings.Count(err.Error(), subject), 1, "%s is named once: %s", subject, err)
			}
		})
	}
	site, err := panui.New(good())
	require.NoError(t, err)
	assert.NotNil(t, site)
}

// A store belongs to the site that used it first. A copy of the site, or one with
// another key, starts and serves what is there, and sends nothing.
func TestTwoSitesOnOneStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panui.db")
	process := func(change func(*panui.Config)) (*panui.Site, store.Store) {
		db, err := sqlite.Open(t.Context(), path)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, db.Close()) })
		config := good()
		config.Store, config.Log = db, slog.New(slog.DiscardHandler)
		change(&config)
		site, err := panui.New(config)
		require.NoError(t, err)
		return site, db
	}
	item := outbox.Item{Key: "17", URL: "https://www.agency.govt.nz/news/17", Title: "Road closed", Language: "en-NZ"}
	first, db := process(func(*panui.Config) {})
	_, err := first.Publish(t.Context(), item)
	require.NoError(t, err)
	dump := dumper(t, path)
	before := dump()

	for name, c := range map[string]struct {
		change func(*panui.Config)
		says   string
	}{
		"a copy for staging": {func(c *panui.Config) { c.BaseURL = "https://staging.agency.govt.nz" },
			"this store belongs to https://www.agency.govt.nz, and this process is configured as https://staging.agency.govt.nz"},
		"another key":    {func(c *panui.Config) { c.Actors[0].Key = quickKey(t) }, "Bring back the pinned key, such as from its recovery kit"},
		"another handle": {func(c *panui.Config) { c.Actors[0].ID, c.Actors[0].Handle = pathOf(t, db), "press@agency.govt.nz" }, "Keep that handle"},
	} {
		t.Run(name, func(t *testing.T) {
			second, _ := process(c.change)
			other := item
			other.Key = "18"
			_, published := second.Publish(t.Context(), other)
			for _, err := range []error{
				second.Run(t.Context()), published, second.Withdraw(t.Context(), "", "17"),
			} {
				require.ErrorIs(t, err, store.ErrConflict)
				assert.Contains(t, err.Error(), c.says)
			}
			assert.Equal(t, before, dump(), "nothing is said, and nothing taken back")
		})
	}

	ctx, stop := context.WithCancel(t.Context())
	third, _ := process(func(*panui.Config) {})
	done := make(chan error, 1)
	go func() { done <- third.Run(ctx) }()
	_, err = third.Publish(t.Context(), outbox.Item{Key: "19", URL: "https://www.agency.govt.nz/news/19", Title: "Road open", Language: "en-NZ"})
	assert.NoError(t, err, "another machine of the same site shares the store")
	stop()
	assert.NoError(t, <-done, "it stops cleanly, also where it had hardly begun")
	assert.NoError(t, third.Run(ctx))
}

// pathOf is the last part of the id of the one actor in a store.
func pathOf(t testing.TB, db store.Store) string {
	t.Helper()
	actors, err := db.Actors(t.Context())
	require.NoError(t, err)
	require.Len(t, actors, 1)
	return actors[0].ID[strings.LastIndex(actors[0].ID, "/")+1:]
}
