package panui_test

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/sqlite"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "panui")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := sqlite.Open(ctx, filepath.Join(dir, "panui.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	key, err := signing.File(filepath.Join(dir, "panui.pem")) // made on first use, mode 0600
	if err != nil {
		log.Fatal(err)
	}
	site, err := panui.New(panui.Config{
		BaseURL: "https://www.agency.govt.nz",
		Actors:  []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Ministry of Examples", Key: key}},
		Store:   db,
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	go site.Run(running) // delivers; a website on several machines runs it on each

	site.Publish(ctx, outbox.Item{
		Key: "2026/17", URL: "https://www.agency.govt.nz/news/17", Language: "en-NZ",
		Title: "Kia ora, fediverse", HTML: "<p>The Ministry can now be followed.</p>",
	})

	website := http.NewServeMux()
	server := http.Server{Addr: "127.0.0.1:0", Handler: site.Handler(website)}
	go server.ListenAndServe()
	server.Close()
	// Output:
}
