package actor

import (
	"context"
	"net/http"
	"time"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/signing"
)

// Count says how many followers an actor of the site has; store.Store's
// CountFollowers is one.
type Count func(ctx context.Context, actorID string) (int, error)

// Handler serves the documents of a site's actors, and how many follow them:
// never who. Everyone gets the same bytes, always as ActivityPub, whatever they
// accept: these URLs are for servers, and one form is all that a cache can get
// right. A signature on the request is not looked at, so that no request makes us
// ask another server.
type Handler struct {
	urls   URLs
	actors map[string]pages
}

// pages are what there is to see of an actor.
type pages struct{ actor, followers, following http.Handler }

// NewHandler returns the handler for the actors, which asks count at most every
// half minute for each. How an actor is pinned, and so which key its document
// shows, it asks only where nobody has learned of it for as long: see [Local.Ask].
func NewHandler(u URLs, pins signing.Pinned, count Count, actors ...*Local) *Handler {
	h := &Handler{urls: u, actors: map[string]pages{}}
	for _, l := range actors {
		h.actors[l.Segment] = pages{
			actor:     face{l, pins},
			followers: &document.Fresh{Render: counted(u.Followers(l.Segment), l.ID, count)},
			following: &document.Fresh{Render: counted(u.Following(l.Segment), l.ID, nobody), Every: time.Hour},
		}
	}
	return h
}

// face is the document of an actor. It is 503 while this process does not hold the
// key that the actor is pinned with: another machine, or a restart, knows better.
type face struct {
	*Local
	pins signing.Pinned
}

func (f face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !document.Readable(w, r) {
		return
	}
	s, err := f.Ask(r.Context(), f.pins)
	if err != nil {
		w.Header().Set("Retry-After", "30")
		document.Refuse(w, http.StatusServiceUnavailable)
		return
	}
	s.page.ServeHTTP(w, r)
}

// ServeHTTP answers for an actor, its followers and following collections. Any
// other path, and an actor that is not of the site, is 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, segment := h.urls.Route(r.URL.EscapedPath())
	page := h.actors[segment].of(kind)
	if page == nil {
		document.Refuse(w, http.StatusNotFound)
		return
	}
	page.ServeHTTP(w, r)
}

func (p pages) of(kind Kind) http.Handler {
	switch kind {
	case KindActor:
		return p.actor
	case KindFollowers:
		return p.followers
	case KindFollowing:
		return p.following
	}
	return nil
}

// nobody is whom an actor of ours follows. PeerTube wants the collection to be there.
func nobody(context.Context, string) (int, error) { return 0, nil }

// counted renders a collection without pages, which Mastodon reads as "hidden".
func counted(id, owner string, count Count) func(context.Context) (*document.Document, error) {
	return func(ctx context.Context) (*document.Document, error) {
		n, err := count(ctx, owner)
		if err != nil {
			return nil, err
		}
		body, err := as2.Marshal(as2.Collection{ID: id, Type: "OrderedCollection", AttributedTo: owner, TotalItems: n})
		if err != nil {
			return nil, err
		}
		return served(body), nil
	}
}

func served(body []byte) *document.Document {
	return document.New(as2.MediaType, body, document.Options{})
}
