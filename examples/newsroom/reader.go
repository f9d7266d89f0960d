package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/panui/panui/actor/actortest"
)

// reader is a simulation: Aroha, who reads the agency's news on a server of her
// own. The requests between the two are real ones, over HTTP and signed. Only
// her timeline is forgotten when the program ends.
type reader struct {
	url      string // of her timeline
	agency   options
	server   *actortest.Server
	person   *actortest.Actor
	pages    pages
	stopPage func()

	mu      sync.Mutex
	liked   map[string]bool // by the id of the post
	boosted map[string]bool
	replies []said
	trouble string // how her server behaves; empty is well
}

// said is a reply of hers.
type said struct {
	About     string // the id of the post
	Text      string
	Sent      actortest.Sent
	TakenBack bool
}

// addresses are where her server and her timeline were at the last start: a
// follower whose address changed would be another follower.
type addresses struct{ Server, Page string }

// startReader starts her server and her timeline page, each at an address of its own.
func startReader(o options) (*reader, error) {
	path := filepath.Join(o.data, "reader.json")
	at, err := readAddresses(path)
	if err != nil {
		return nil, err
	}
	server, err := actortest.Start(actortest.Options{Dialect: actortest.Mastodon, Address: at.Server})
	if err != nil && at.Server != "" {
		server, err = actortest.Start(actortest.Options{Dialect: actortest.Mastodon})
	}
	if err != nil {
		return nil, err
	}
	page, err := net.Listen("tcp", at.Page)
	if err != nil {
		page, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err == nil {
		err = write(path, addresses{server.Host(), page.Addr().String()})
	}
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	r := &reader{
		url: "http://" + page.Addr().String(), agency: o, server: server, person: server.Actor("aroha"),
		pages: parsePages("reader-layout.html"), liked: map[string]bool{}, boosted: map[string]bool{},
	}
	r.stopPage = serve(page, r.website())
	return r, nil
}

func readAddresses(path string) (addresses, error) {
	at := addresses{Page: "127.0.0.1:0"}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return at, nil
	case err != nil:
		return at, err
	}
	if err := json.Unmarshal(text, &at); err != nil {
		return at, fmt.Errorf("%s: %w", path, err)
	}
	if !loopback(at.Page) {
		return at, fmt.Errorf("%s: %q is not on this machine", path, at.Page)
	}
	return at, nil
}

func (r *reader) close() {
	r.stopPage()
	_ = r.server.Close()
}

// follow finds the agency by its handle, asks to follow it, and waits until it is accepted.
func (r *reader) follow(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sent, err := r.person.Follow(ctx, r.agency.handle)
	if err != nil {
		return err
	}
	if sent.Status >= 300 {
		return fmt.Errorf("the agency answered %d to the reader's follow", sent.Status)
	}
	return r.server.WaitFor(ctx, func() bool { return len(r.person.Following()) > 0 })
}

// reply answers a post, in the HTML that her server makes of what she typed.
func (r *reader) reply(ctx context.Context, post, text string) error {
	var body strings.Builder
	for _, paragraph := range (article{Text: text}).Paragraphs() {
		body.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(paragraph), "\n", "<br>") + "</p>")
	}
	sent, err := r.person.Reply(ctx, post, body.String())
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.replies = append(r.replies, said{About: post, Text: text, Sent: sent})
	return nil
}

// takeBack deletes the reply with the id.
func (r *reader) takeBack(ctx context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, reply := range r.replies {
		if reply.Sent.Object != id || reply.TakenBack {
			continue
		}
		if _, err := r.person.DeleteReply(ctx, reply.Sent); err != nil {
			return err
		}
		r.replies[i].TakenBack = true
	}
	return nil
}

// like and boost are what readers do most.
func (r *reader) like(ctx context.Context, post string) error {
	_, err := r.person.Like(ctx, post)
	return r.remember(r.liked, post, err)
}

func (r *reader) boost(ctx context.Context, post string) error {
	_, err := r.person.Announce(ctx, post)
	return r.remember(r.boosted, post, err)
}

func (r *reader) remember(where map[string]bool, post string, err error) error {
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	where[post] = true
	return nil
}

// troubles are ways for her server to fail, to see what the record makes of them.
var troubles = map[string]actortest.Answer{
	"":       {},
	"busy":   {Status: 503, RetryAfter: 5 * time.Second},
	"refuse": {Status: 422},
	"hangup": {HangUp: true},
}

// behave makes her server's inboxes fail in a way, or work again.
func (r *reader) behave(_ context.Context, how string) error {
	answer, known := troubles[how]
	if !known {
		return fmt.Errorf("no such trouble: %q", how)
	}
	r.server.Answer("", answer)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = how
	return nil
}
