package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
)

// agency is a website with Pānui mounted, on a free port of localhost over TLS.
type agency struct {
	*panui.Site
	ID, Handle string

	url, keyID string
	key        *signing.Key
	store      store.Store
	client     *egress.Client

	server *http.Server
	stop   context.CancelFunc
	ran    chan error

	mu     sync.Mutex
	knocks []knock
}

// knock is a POST to an inbox of the agency: how it was signed, and the answer.
type knock struct {
	Scheme string
	Status int
}

func (k knock) String() string { return fmt.Sprintf("%s → %d", k.Scheme, k.Status) }

// openAgency starts the website and its deliveries. Its key is made in dir.
func openAgency(ctx context.Context, s store.Store, ca *authority, dir string, log *slog.Logger) (*agency, error) {
	certificate, err := ca.issue()
	if err != nil {
		return nil, err
	}
	key, err := signing.File(filepath.Join(dir, "agency.pem"))
	if err != nil {
		return nil, err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return nil, err
	}
	host := fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	urls := actor.URLs{Base: "https://" + host}
	a := &agency{
		ID: urls.Actor("news"), Handle: "news@" + host,
		url: urls.Base, key: key, keyID: urls.Key("news", 0), store: s, ran: make(chan error, 1),
	}
	if a.Site, err = panui.New(a.config(ca.pool(), log)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	a.client = egress.New(egress.Options{RootCAs: ca.pool(), InsecureLoopback: true})
	a.server = &http.Server{
		Handler: a.count(a.Site.Handler(nil)), ReadHeaderTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	running, stop := context.WithCancel(ctx)
	a.stop = stop
	go func() { a.ran <- a.Run(running) }()
	go a.server.Serve(listener)
	return a, nil
}

// config is what an agency would write, but for InsecureLoopback and the authority.
func (a *agency) config(trusted *x509.CertPool, log *slog.Logger) panui.Config {
	return panui.Config{
		BaseURL:          a.url,
		Actors:           []actor.Profile{{Handle: a.Handle, ID: "news", Name: "Te Manatū Tauira", Key: a.key, Languages: []string{"en-NZ"}}},
		Store:            a.store,
		Mode:             inbox.Converse,
		Egress:           egress.Options{RootCAs: trusted},
		Log:              log,
		InsecureLoopback: true,
	}
}

func (a *agency) close() error {
	a.stop()
	return errors.Join(<-a.ran, a.server.Close())
}

// count notes each knock at an inbox, before the answer leaves.
func (a *agency) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			scheme := "draft-cavage"
			if r.Header.Get("Signature-Input") != "" {
				scheme = "RFC 9421"
			}
			w = &overheard{w, func(status int) { a.note(knock{scheme, status}) }}
		}
		next.ServeHTTP(w, r)
	})
}

func (a *agency) note(k knock) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.knocks = append(a.knocks, k)
}

// overheard tells the status of an answer.
type overheard struct {
	http.ResponseWriter
	tell func(status int)
}

func (o *overheard) WriteHeader(status int) {
	o.tell(status)
	o.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (o *overheard) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// heard returns the knocks after the first n.
func (a *agency) heard(n int) []knock {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]knock(nil), a.knocks[n:]...)
}

// item is a piece of news of the website.
func (a *agency) item(text string) outbox.Item {
	return outbox.Item{
		Key: "2026/17", URL: a.url + "/news/17", Title: "Kua tuwhera te huarahi", Language: "en-NZ",
		HTML: "<p>" + text + "</p>", Tags: []string{"RoadsNZ"},
	}
}

// state says in words what the store holds about the followers and a post.
func (a *agency) state(ctx context.Context, post string) (string, error) {
	followers, err := a.store.CountFollowers(ctx, a.ID)
	if err != nil {
		return "", err
	}
	counts, err := a.store.Counts(ctx, post)
	if err != nil {
		return "", err
	}
	said := []string{fmt.Sprintf("followers %d, likes %d, boosts %d", followers, counts.Likes, counts.Shares)}
	for _, state := range []store.ReceivedState{store.Held, store.Shown} {
		replies, _, err := a.Moderator().Received(ctx, state, inbox.Page{Actor: a.ID})
		if err != nil {
			return "", err
		}
		for _, r := range replies {
			said = append(said, fmt.Sprintf("%s %q", state, r.Text))
		}
	}
	return strings.Join(said, ", "), nil
}

// approve shows the reply that waits.
func (a *agency) approve(ctx context.Context) error {
	held, _, err := a.Moderator().Received(ctx, store.Held, inbox.Page{})
	if err != nil {
		return err
	}
	if len(held) != 1 {
		return fmt.Errorf("%d replies wait, want one", len(held))
	}
	return a.Moderator().Decide(ctx, inbox.Decision{
		Actor: a.ID, ID: held[0].ID, State: store.Shown, By: "Hine, press office", Seen: held[0].Seen(),
	})
}
