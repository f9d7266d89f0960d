package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/sqlite"
)

// mount is all that Pānui asks of a website: somewhere to remember, a key, and
// who speaks. Then site.Handler goes in front of the website, and site.Run runs.
func mount(ctx context.Context, o options) (*panui.Site, *sqlite.Store, error) {
	db, err := sqlite.Open(ctx, filepath.Join(o.data, "panui.db"))
	if err != nil {
		return nil, nil, err
	}
	key, err := signing.File(filepath.Join(o.data, "panui.pem")) // made on first use, mode 0600
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	next, err := keyToCome(filepath.Join(o.data, "panui-next.pem"))
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	site, err := panui.New(panui.Config{
		BaseURL:          o.base,
		Actors:           []actor.Profile{ministry(o, key, next)},
		Store:            db,
		Mode:             inbox.Converse, // approved replies are shown; the default is to show none
		InsecureLoopback: o.insecure,     // only on loopback
	})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return site, db, nil
}

// keyToCome is the key that somebody has put beside the one that signs, to follow
// it: announced from the next start on. Nil where there is none.
func keyToCome(path string) (*signing.Key, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return signing.File(path)
}

// segment is the actor's part of its id, which never changes.
const segment = "news"

// ministry is the profile as servers show it.
func ministry(o options, key, next *signing.Key) actor.Profile {
	return actor.Profile{
		Handle:    o.handle,
		ID:        segment,
		Name:      "Te Manatū Tauira | Ministry of Examples",
		Key:       key,
		Next:      next,
		Summary:   "<p>Ngā pānui a Te Manatū Tauira. News from the Ministry of Examples, a made-up agency.</p>",
		Fields:    []actor.Field{{Name: "Website", Value: o.base + "/"}, {Name: "House rules", Value: o.base + "/house-rules"}},
		Icon:      actor.Image{URL: o.base + "/static/icon.png", Alt: "A spiral, like the unfurling frond of a fern"},
		Languages: []string{"en-NZ", "mi"},
	}
}

// actorID is what the website's pages name as the one who speaks.
func (o options) actorID() string { return actor.URLs{Base: o.base}.Actor(segment) }
