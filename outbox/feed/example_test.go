package feed_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/outbox/feed"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/memory"
)

// A feed that the website writes to a file. The first poll publishes nothing;
// from then on what is new becomes a post.
func ExamplePoller() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "panui")
	check(err)
	defer os.RemoveAll(dir)
	key, err := signing.File(filepath.Join(dir, "panui.pem"))
	check(err)
	urls := actor.URLs{Base: "https://www.agency.govt.nz"}
	news, err := actor.NewLocal(actor.Profile{Handle: "news@agency.govt.nz", Name: "Ministry of Examples", Key: key}, urls, signing.Policy{})
	check(err)
	db, file := memory.New(), filepath.Join(dir, "feed.xml")

	poller := &feed.Poller{
		Name: "news@agency.govt.nz", Source: feed.FromFile(file), Reading: feed.Reading{Language: "en-NZ"}, Store: db,
		Publisher: &outbox.Publisher{Store: db, Actors: []*actor.Local{news}, URLs: urls},
	}
	const tunnel = `<item><guid>16</guid><link>https://www.agency.govt.nz/16</link><title>Tunnel closed</title></item>`
	const bridge = `<item><guid>17</guid><link>https://www.agency.govt.nz/17</link><title>Bridge opens</title></item>`
	for _, items := range []string{tunnel, bridge + tunnel} {
		check(os.WriteFile(file, []byte(`<rss version="2.0"><channel>`+items+`</channel></rss>`), 0o600))
		report, err := poller.Poll(ctx) // a website calls Run, which polls every five minutes
		check(err)
		for _, item := range report.Skipped {
			fmt.Println("left alone:", item.Title)
		}
		for _, item := range report.Published {
			fmt.Println("published:", item.Title)
		}
	}
	// Output:
	// left alone: Tunnel closed
	// published: Bridge opens
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
