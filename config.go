package panui

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/inbox"
	"github.com/panui/panui/inbox/blocks"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/signing/knock"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// Version is the version of the library, as NodeInfo and User-Agent name it.
const Version = "0.1.0"

// Config describes a site. BaseURL, Actors and Store are required; the zero
// value of everything else is right for a website on the public network.
type Config struct {
	BaseURL string          // https://www.agency.govt.nz, where peers reach the site; never taken from a request
	Actors  []actor.Profile // the first speaks where an item names nobody, and signs what the site fetches
	Store   store.Store

	Prefix  string                 // of the site's own paths, below BaseURL; /ap/ when empty
	Aliases []string               // hosts that ask for handles besides the site's and those in handles, each with or without www
	Mode    inbox.Mode             // what becomes of replies; they are kept for people to read when zero
	Policy  inbox.Policy           // the agency's own word on follows, replies, likes and boosts; may be nil
	Blocked func(host string) bool // servers shut out beside those that Site.Moderator blocks: A-labels, lower case, no port; may be nil
	Keys    signing.Policy         // which keys may be used and are believed; the NZISM's when zero
	Proxies []netip.Prefix         // reverse proxies in front, whose X-Forwarded-For is believed
	Egress  egress.Options         // how other servers are reached, such as by a Proxy; its InsecureLoopback is the one below
	Spread  time.Duration          // over which news goes out to more than 500 servers, whose readers all come to the website; at once when 0, six days at most, urgent news always at once
	Signers int                    // signatures at once; GOMAXPROCS when 0. More where a KMS or an HSM signs, which takes waiting
	Now     func() time.Time       // time.Now when nil

	// Log is slog.Default when nil. What net/http has to say of a peer that breaks HTTP
	// cannot come here, such as "Unsolicited response received on idle HTTP channel":
	// a Transport writes it to package log and has no ErrorLog. It is harmless, and
	// slog.SetDefault brings it into the log with everything else.
	Log *slog.Logger

	// AuthorizedFetch shows posts, activities and collections only to servers that
	// sign their GETs and are not blocked. No cache in front keeps them then, and who
	// looks them up without a signature finds nothing. Actors, WebFinger and NodeInfo
	// stay readable, or nobody could check what the site signs.
	AuthorizedFetch bool

	// InsecureLoopback federates with other servers on this machine, over plain
	// http and on any port, for development and tests. New refuses it where
	// BaseURL is not a loopback address.
	InsecureLoopback bool
}

// New makes a site of c. It checks everything, asks nobody and starts nothing;
// the error joins every mistake with what to write instead.
func New(c Config) (*Site, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	urls := actor.URLs{Base: c.BaseURL, Prefix: c.Prefix}
	wrong := []error{urls.Check(), c.reach(), c.believes(), c.Egress.Check()}
	if c.Store == nil {
		wrong = append(wrong, errors.New("no Store: name one, such as sqlite.Open(ctx, \"panui.db\")"))
	}
	if len(c.Actors) == 0 {
		wrong = append(wrong, errors.New("no Actors: name at least one, with Handle, Name and Key"))
	}
	var actors []*actor.Local
	for i, profile := range c.Actors {
		local, err := c.local(profile, urls)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("actor %d: %w", i+1, err))
			continue
		}
		actors = append(actors, local)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("panui: New:\n%w", err)
	}
	site, err := c.compose(urls, actors)
	if err != nil {
		return nil, fmt.Errorf("panui: New:\n%w", err)
	}
	return site, nil
}

// local makes the actor of a profile. Where the site's URLs are wrong, which New
// says once, it makes none and says what else is.
func (c Config) local(p actor.Profile, urls actor.URLs) (*actor.Local, error) {
	if urls.Check() != nil {
		return nil, p.Check(urls, c.Keys)
	}
	return actor.NewLocal(p, urls, c.Keys)
}

// reach checks that BaseURL and InsecureLoopback fit each other. What is no base
// URL at all is left to URLs.Check.
func (c Config) reach() error {
	if (actor.URLs{Base: c.BaseURL}).Check() != nil {
		return nil
	}
	_, public := egress.CheckURL(c.BaseURL, false)
	_, local := egress.CheckURL(c.BaseURL, true)
	switch {
	case public == nil && c.InsecureLoopback:
		return fmt.Errorf("leave InsecureLoopback out: %s is not on this machine", c.BaseURL)
	case public != nil && !c.InsecureLoopback && local == nil:
		return fmt.Errorf("base URL %q is on this machine: set InsecureLoopback to develop, or write the public https address", c.BaseURL)
	case public != nil && !c.InsecureLoopback:
		return fmt.Errorf("base URL %q: no peer would ask it: %w", c.BaseURL, public)
	}
	return nil
}

// believes checks that not everybody is a proxy, who could then give any address
// as that of a visitor.
func (c Config) believes() error {
	for _, p := range c.Proxies {
		if p.Bits() <= 0 {
			return fmt.Errorf("proxies: %s believes everybody: list the addresses of the reverse proxies in front", p)
		}
	}
	return nil
}

// compose connects the parts. It holds no logic of its own.
func (c Config) compose(urls actor.URLs, actors []*actor.Local) (*Site, error) {
	options := c.Egress
	options.InsecureLoopback = c.InsecureLoopback
	if options.UserAgent == "" {
		options.UserAgent = "panui/" + Version + " (+" + c.BaseURL + ")"
	}
	shut := &blocks.List{Store: c.Store, Also: c.Blocked, Now: c.Now, Log: c.Log}
	options.Blocked = shut.Host
	client := egress.New(options)
	forms := &knock.Forms{Store: c.Store, Now: c.Now}
	speaker := actors[0]
	resolver := &actor.Resolver{
		Client: client, Policy: c.Keys, Ours: urls.Owns, Blocked: shut.Host, Now: c.Now,
		Forms: forms,
		Sign: func(k knock.Knock, r *http.Request) error {
			standing, err := speaker.Ask(r.Context(), c.Store)
			if err != nil {
				return err
			}
			return standing.Key.SignAs(k.Form, k.Wish, r, nil, standing.KeyID, c.now())
		},
	}
	shut.Renewed = resolver.ForgetFailures
	deliverer := &outbox.Deliverer{Store: c.Store, Client: client, Forms: forms, Actors: actors, Blocks: shut, Signers: c.Signers, Now: c.Now, Log: c.Log}
	said := &outbox.Handler{Store: c.Store, Actors: actors, URLs: urls, Now: c.Now, Log: c.Log}
	finger, err := webfinger.NewHandler(webfinger.Config{URLs: urls, Actors: actors, Aliases: c.Aliases, Version: Version, Posts: c.posts(actors)})
	if err != nil {
		return nil, err
	}
	heard := &inbox.Handler{
		URLs: urls, Actors: actors, Store: c.Store, Resolver: resolver, Blocked: shut.ID, Fresh: shut.Fresh, Wake: deliverer.Wake,
		Mode: c.Mode, Policy: c.Policy, Proxies: c.Proxies, Now: c.Now, Log: c.Log,
		Verifier: &signing.Verifier{
			BaseURL: c.BaseURL, Keys: resolver, Policy: c.Keys, Blocked: shut.Host, Now: c.Now, InsecureLoopback: c.InsecureLoopback,
		},
	}
	people := actor.NewHandler(urls, c.Store, c.Store.CountFollowers, actors...)
	guard := func(documents http.Handler) http.Handler { return documents }
	if c.AuthorizedFetch {
		guard = heard.Guard
	}
	return &Site{
		policy:    c.Keys,
		urls:      urls,
		finger:    finger,
		actors:    people,
		lists:     guard(people),
		outbox:    guard(said),
		deliverer: deliverer,
		publisher: &outbox.Publisher{
			Store: c.Store, Actors: actors, URLs: urls, Spread: c.Spread, Wake: deliverer.Wake, Changed: said.Refresh, Now: c.Now, Log: c.Log,
		},
		inbox: heard,
		moderator: &inbox.Moderator{
			URLs: urls, Store: c.Store, Mode: c.Mode, Wake: deliverer.Wake, Now: c.Now, Blocklist: shut,
			Find: func(ctx context.Context, handle string) (string, error) {
				return webfinger.Find(ctx, client, resolver.Actor, handle)
			},
		},
	}, nil
}

// posts counts what the actors have published.
func (c Config) posts(actors []*actor.Local) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		sum := 0
		for _, a := range actors {
			n, err := c.Store.CountPosts(ctx, a.ID)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
}

func (c Config) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}
