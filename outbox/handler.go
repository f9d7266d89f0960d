package outbox

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/store"
)

// Handler serves what the actors have said: outboxes, objects, activities,
// featured collections and shown replies. Store, Actors and URLs are required.
// Everything is public and the same for every caller; what is withdrawn is a
// tombstone, and what is unknown is the same 404 whatever the reason.
type Handler struct {
	Store  store.Reader
	Actors []*actor.Local
	URLs   actor.URLs
	Now    func() time.Time // nil is time.Now
	Log    *slog.Logger     // nil logs nothing

	once   sync.Once
	single *shelf // objects and activities: nobody can push them off but with others that exist
	lists  *shelf // collections and their pages, of which strangers can ask for as many as they like
}

// Refresh has the handler serve a post as it now stands. Without it, and on
// other machines, that takes a few seconds.
func (h *Handler) Refresh(p store.Post) {
	h.setup()
	h.single.put(p.ID, postDocument(p))
	h.single.drop(p.Activity)
	for _, a := range h.Actors {
		if a.ID == p.Actor {
			h.lists.drop(h.URLs.Outbox(a.Segment))
			h.lists.drop(h.URLs.Outbox(a.Segment) + firstPage)
			h.lists.drop(h.URLs.Featured(a.Segment))
		}
	}
}

func (h *Handler) setup() {
	h.once.Do(func() {
		now := func() time.Time { return clock(h.Now) }
		h.single, h.lists = newShelf(singles, now), newShelf(pages, now)
	})
}

// ServeHTTP answers GET and HEAD.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.setup()
	kind, segment := h.URLs.Route(r.URL.EscapedPath())
	f, err := h.find(kind, segment, r)
	if err == nil && !document.Readable(w, r) {
		return
	}
	var d *document.Document
	if err == nil {
		d, err = f.shelf.get(r.Context(), f.name, f.load)
	}
	switch {
	case d != nil:
		h.complain(r.Context(), f.name, err)
		d.ServeHTTP(w, r)
	case errors.Is(err, store.ErrNotFound):
		document.Refuse(w, http.StatusNotFound)
	case errors.Is(err, errCursor):
		document.Refuse(w, http.StatusBadRequest)
	default:
		h.complain(r.Context(), f.name, err)
		w.Header().Set("Retry-After", "5")
		document.Refuse(w, http.StatusServiceUnavailable)
	}
}

// complain says in the log that the store does not tell how a document now stands.
func (h *Handler) complain(ctx context.Context, name string, err error) {
	if err != nil {
		logger(h.Log).ErrorContext(ctx, "outbox: serve", "name", name, "err", err)
	}
}

// finding is where a document stands, its name there, and how to load it.
type finding struct {
	shelf *shelf
	name  string
	load  loader
}

// find says where to find what a request asks for. It fails with
// store.ErrNotFound for what cannot exist, without asking the store.
func (h *Handler) find(kind actor.Kind, segment string, r *http.Request) (finding, error) {
	switch kind {
	case actor.KindObject, actor.KindActivity, actor.KindReplies:
		if !isID(segment) {
			return finding{}, store.ErrNotFound
		}
		return h.findByID(kind, segment, r)
	case actor.KindOutbox, actor.KindFeatured:
		for _, a := range h.Actors {
			if a.Segment == segment {
				return h.findOf(kind, a, r)
			}
		}
	}
	return finding{}, store.ErrNotFound
}

func (h *Handler) findByID(kind actor.Kind, segment string, r *http.Request) (finding, error) {
	switch kind {
	case actor.KindObject:
		id := h.URLs.Object(segment)
		return finding{h.single, id, func(ctx context.Context) (*document.Document, error) { return h.object(ctx, id) }}, nil
	case actor.KindActivity:
		id := h.URLs.Activity(segment)
		return finding{h.single, id, func(ctx context.Context) (*document.Document, error) { return h.activity(ctx, id) }}, nil
	default:
		return h.paged(h.URLs.Replies(segment), r, replies{h: h, object: h.URLs.Object(segment)})
	}
}

func (h *Handler) findOf(kind actor.Kind, a *actor.Local, r *http.Request) (finding, error) {
	if kind == actor.KindOutbox {
		return h.paged(h.URLs.Outbox(a.Segment), r, posts{h: h, actor: a})
	}
	id := h.URLs.Featured(a.Segment)
	return finding{h.lists, id, func(ctx context.Context) (*document.Document, error) { return h.featured(ctx, id, a) }}, nil
}

func (h *Handler) ours(id string) bool {
	for _, a := range h.Actors {
		if a.ID == id {
			return true
		}
	}
	return false
}

// post reads one post of this site.
func (h *Handler) post(ctx context.Context, id string) (store.Post, error) {
	posts, err := h.Store.Posts(ctx, store.PostQuery{ID: id, Limit: 1})
	if err != nil {
		return store.Post{}, err
	}
	if len(posts) == 0 || !h.ours(posts[0].Actor) {
		return store.Post{}, store.ErrNotFound
	}
	return posts[0], nil
}

func (h *Handler) object(ctx context.Context, id string) (*document.Document, error) {
	post, err := h.post(ctx, id)
	if err != nil {
		return nil, err
	}
	return postDocument(post), nil
}

// How long others may keep what changes at any time, and what never will again.
var (
	passing = document.Options{MaxAge: 30 * time.Second, Shared: 30 * time.Second, Stale: 30 * time.Second}
	final   = document.Options{Status: http.StatusGone, MaxAge: time.Hour}
)

func postDocument(p store.Post) *document.Document {
	if p.State == store.Withdrawn {
		return document.New(as2.MediaType, p.Body, final)
	}
	return document.New(as2.MediaType, p.Body, passing)
}

// activity serves what was said to everybody, with its object as it is now: what
// was corrected or withdrawn must not be had by the id of what said it first.
func (h *Handler) activity(ctx context.Context, id string) (*document.Document, error) {
	said, err := h.Store.Activity(ctx, id)
	if err != nil {
		return nil, err
	}
	if !said.Public || !h.ours(said.Actor) {
		return nil, store.ErrNotFound
	}
	if said.Type != "Create" && said.Type != "Update" || said.Object == said.Actor {
		return document.New(as2.MediaType, said.Body, passing), nil
	}
	post, err := h.post(ctx, said.Object)
	if err != nil {
		return nil, err
	}
	switch {
	case post.State == store.Withdrawn:
		return tombstone(said, post)
	case second(said.At).Equal(post.Updated): // still the newest word, with its proof
		return document.New(as2.MediaType, said.Body, passing), nil
	}
	return marshal(h.announce(post, said.ID, said.Type, said.At), passing)
}

func tombstone(said store.Activity, post store.Post) (*document.Document, error) {
	return marshal(as2.Tombstone{
		ID: said.ID, Type: "Tombstone", FormerType: said.Type, Published: second(said.At), Deleted: second(post.Updated),
	}, final)
}

// announce is the activity about a post with the post in it.
func (h *Handler) announce(p store.Post, id, kind string, at time.Time) as2.ActivityDocument {
	return as2.ActivityDocument{
		ID: id, Type: kind, Actor: p.Actor, Published: second(at),
		To: []string{as2.Public}, Cc: []string{h.URLs.Followers(path.Base(p.Actor))},
		Object: as2.Embedded(p.Body),
	}
}

// featured lists the pinned posts, each whole: a thousand servers that look at a
// profile would otherwise fetch each.
func (h *Handler) featured(ctx context.Context, id string, local *actor.Local) (*document.Document, error) {
	pins, err := h.Store.Posts(ctx, store.PostQuery{Actor: local.ID, State: store.Live, Pinned: true, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	var found []item
	for _, p := range pins {
		found = append(found, item{id: p.ID, body: p.Body})
	}
	return marshal(as2.Collection{
		ID: id, Type: "OrderedCollection", AttributedTo: local.ID, TotalItems: len(pins), OrderedItems: parts(found),
	}, passing)
}

func marshal(d as2.Document, o document.Options) (*document.Document, error) {
	body, err := as2.Marshal(d)
	if err != nil {
		return nil, err
	}
	return document.New(as2.MediaType, body, o), nil
}

// errCursor says that a page was asked for by a cursor that we never gave.
var errCursor = errors.New("not a cursor")

func parseCursor(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != s {
		return 0, errCursor
	}
	return n, nil
}
