package actortest_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/panui/panui/actor/actortest"
)

// A harness puts its own publisher where this example has a second server: it
// follows it on loopback, waits for a post, and reads what a person would see.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	publisher, err := actortest.Start(actortest.Options{}) // yours: http.Server, 127.0.0.1, any port
	if err != nil {
		log.Fatal(err)
	}
	defer publisher.Close()
	news := publisher.Actor("news")

	readers, err := actortest.Start(actortest.Options{Dialect: actortest.GoToSocial})
	if err != nil {
		log.Fatal(err)
	}
	defer readers.Close()
	alice := readers.Actor("alice")

	// Handle, WebFinger, actor, inbox, and back: what breaks first in practice.
	follow, err := alice.Follow(ctx, news.Handle)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("follow:", follow.Status)

	// Yours accepts by itself and publishes; here we say it.
	if _, err := news.Accept(ctx, publisher.Received()[0]); err != nil {
		log.Fatal(err)
	}
	if _, err := news.Mention(ctx, alice.Handle, "<p>State Highway 1 is open again.</p>"); err != nil {
		log.Fatal(err)
	}

	if err := readers.WaitFor(ctx, func() bool { return len(alice.Timeline()) == 1 }); err != nil {
		log.Fatal(err) // tells what came instead, and why it was dropped
	}
	fmt.Println("alice reads:", alice.Timeline()[0].Content)

	// What goes wrong is said, also where the answer is a friendly 202.
	forged := strings.ReplaceAll(`{"@context":"https://www.w3.org/ns/activitystreams","id":"$news/1","type":"Delete","actor":"$news","object":"https://victim.test/post"}`, "$news", news.ID)
	if _, err := news.Send(ctx, alice.Inbox, []byte(forged), actortest.Forge{}); err != nil {
		log.Fatal(err)
	}
	received := readers.Received()
	fmt.Println("forged:", received[len(received)-1].Verdict)

	// Output:
	// follow: 202
	// alice reads: <p>State Highway 1 is open again.</p>
	// forged: 202 Delete of "https://victim.test/post", on another host
}
