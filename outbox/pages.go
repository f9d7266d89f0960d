package outbox

import (
	"context"
	"net/http"
	"strconv"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/store"
)

// pageSize is how many items stand on a page, where they are not too large.
const pageSize = 20

// firstPage is the query of the newest page. Older ones add before, a Seq.
const firstPage = "?page=true"

// items is a list of which a collection is made.
type items interface {
	// count returns how many there are, and fails with store.ErrNotFound where there is no collection.
	count(ctx context.Context) (int, error)
	// page returns up to pageSize items with a Seq below before, newest first; 0 starts with the newest.
	page(ctx context.Context, before int64) ([]item, error)
}

// item is one of a collection: its place, its id, and its document where that is to be embedded.
type item struct {
	seq  int64
	id   string
	body []byte
}

// paged finds the collection with an id or one of its pages.
func (h *Handler) paged(id string, r *http.Request, list items) (finding, error) {
	query := r.URL.Query()
	if !query.Has("page") && !query.Has("before") {
		return finding{h.lists, id, func(ctx context.Context) (*document.Document, error) { return collection(ctx, id, list) }}, nil
	}
	var before int64
	if query.Has("before") {
		var err error
		if before, err = parseCursor(query.Get("before")); err != nil {
			return finding{}, err
		}
	}
	return finding{h.lists, pageID(id, before), func(ctx context.Context) (*document.Document, error) {
		return page(ctx, id, before, list)
	}}, nil
}

func pageID(id string, before int64) string {
	if before == 0 {
		return id + firstPage
	}
	return id + firstPage + "&before=" + strconv.FormatInt(before, 10)
}

func collection(ctx context.Context, id string, list items) (*document.Document, error) {
	total, err := list.count(ctx)
	if err != nil {
		return nil, err
	}
	return marshal(as2.Collection{ID: id, Type: "OrderedCollection", TotalItems: total, First: pageID(id, 0)}, passing)
}

func page(ctx context.Context, id string, before int64, list items) (*document.Document, error) {
	found, err := list.page(ctx, before)
	if err != nil {
		return nil, err
	}
	p := as2.CollectionPage{ID: pageID(id, before), Type: "OrderedCollectionPage", PartOf: id, OrderedItems: parts(found)}
	if len(found) == pageSize {
		p.Next = pageID(id, found[pageSize-1].seq)
	}
	return marshal(p, passing)
}

// roomOnPage leaves space for what stands around the items of a page.
const roomOnPage = as2.MaxSize - 4<<10

// parts embeds items as far as there is room on a page, and names the others by their ids.
func parts(found []item) []as2.Part {
	all, size := []as2.Part{}, 0
	for _, it := range found {
		var part as2.Part = as2.ID(it.id)
		if n := len(it.body); n > 0 && size+n < roomOnPage {
			part, size = as2.Embedded(it.body), size+n
		}
		all = append(all, part)
	}
	return all
}

// posts are the live posts of an actor, as the Creates that said them.
type posts struct {
	h     *Handler
	actor *actor.Local
}

func (l posts) count(ctx context.Context) (int, error) { return l.h.Store.CountPosts(ctx, l.actor.ID) }

func (l posts) page(ctx context.Context, before int64) ([]item, error) {
	found, err := l.h.Store.Posts(ctx, store.PostQuery{Actor: l.actor.ID, State: store.Live, Before: before, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	var all []item
	for _, p := range found {
		body, err := as2.Marshal(l.h.announce(p, p.Activity, "Create", p.Published))
		if err != nil {
			return nil, err
		}
		all = append(all, item{seq: p.Seq, id: p.Activity, body: body})
	}
	return all, nil
}

// replies are those replies to an object that a person has approved, by id: what
// a stranger wrote is fetched from where they wrote it.
type replies struct {
	h      *Handler
	object string
}

func (l replies) count(ctx context.Context) (int, error) {
	p, err := l.h.post(ctx, l.object)
	if err != nil {
		return 0, err
	}
	if p.State == store.Withdrawn {
		return 0, store.ErrNotFound
	}
	counts, err := l.h.Store.Counts(ctx, l.object)
	return counts.Replies, err
}

func (l replies) page(ctx context.Context, before int64) ([]item, error) {
	if _, err := l.count(ctx); err != nil {
		return nil, err
	}
	found, err := l.h.Store.Received(ctx, store.ReceivedQuery{
		About: l.object, Type: "Create", State: store.Shown, Before: before, Limit: pageSize,
	})
	var all []item
	for _, r := range found {
		all = append(all, item{seq: r.Seq, id: r.ID})
	}
	return all, err
}
