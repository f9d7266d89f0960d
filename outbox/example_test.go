package outbox_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// A post on its way to one follower, and how far it got.
func Example() {
	ctx, urls := context.Background(), actor.URLs{Base: "https://www.agency.govt.nz"}
	news := exampleActor(urls)
	db := memory.New()

	// Aroha's server, on this machine.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path, r.Header.Get("Content-Type"))
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	inbox := server.URL + "/users/aroha/inbox"
	check(db.Apply(ctx, store.PutFollower{Follower: store.Follower{
		Actor: news.ID, ID: server.URL + "/users/aroha", Inbox: inbox, Host: store.HostOf(inbox), State: store.Accepted,
	}}))

	deliverer := &outbox.Deliverer{
		Store: db, Actors: []*actor.Local{news}, Client: egress.New(egress.Options{InsecureLoopback: true}),
	}
	publisher := &outbox.Publisher{Store: db, Actors: []*actor.Local{news}, URLs: urls, Wake: deliverer.Wake}
	_, err := publisher.As("Ana Tamihana").Publish(ctx, outbox.Item{
		Key: "2026/17", URL: "https://www.agency.govt.nz/news/17",
		Title: "Bridge opens", Abstract: "The Waikato bridge opens on Monday.", Tags: []string{"WaikatoBridge"},
	})
	check(err)
	check(deliverer.Drain(ctx)) // a website calls Run, which goes on until its context ends

	receipt, err := publisher.Receipt(ctx, "", "2026/17")
	check(err)
	fmt.Printf("delivered to %d of %d\n", receipt.Delivered, receipt.Targeted)
	// Output:
	// POST /users/aroha/inbox application/activity+json
	// delivered to 1 of 1
}

func ExamplePublisher_Preview() {
	urls := actor.URLs{Base: "https://www.agency.govt.nz"}
	publisher := &outbox.Publisher{Store: memory.New(), Actors: []*actor.Local{exampleActor(urls)}, URLs: urls}
	preview, err := publisher.Preview(outbox.Item{
		Key: "2026/17", URL: "https://www.agency.govt.nz/news/17", Title: "Bridge opens",
		HTML: "<p>The Waikato bridge opens on Monday.</p><p>It has four lanes.</p>",
	})
	check(err)
	fmt.Println(preview.Content)

	_, err = publisher.Preview(outbox.Item{
		Key: "2026/18", URL: "https://www.agency.govt.nz/news/18", Title: "Bridge open", Link: "Read more",
		Images: []outbox.Image{{URL: "https://www.agency.govt.nz/bridge.jpg"}},
	})
	fmt.Println(err)
	// Output:
	// <p><strong>Bridge opens</strong></p><p>The Waikato bridge opens on Monday.</p><p><a href="https://www.agency.govt.nz/news/17">Bridge opens – www.agency.govt.nz</a></p>
	// outbox: preview "2026/18": link "Read more" says nothing when it is read alone: say where it leads, or leave it out
	// image 1 has no alt text: say in a sentence what it shows, or mark it decorative
}

// exampleActor has a key that lasts as long as the example.
func exampleActor(urls actor.URLs) *actor.Local {
	dir, err := os.MkdirTemp("", "panui")
	check(err)
	defer os.RemoveAll(dir)
	key, err := signing.File(filepath.Join(dir, "panui.pem"))
	check(err)
	news, err := actor.NewLocal(actor.Profile{
		Handle: "news@agency.govt.nz", Name: "Ministry of Examples", Languages: []string{"en-NZ"}, Key: key,
	}, urls, signing.Policy{})
	check(err)
	return news
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
