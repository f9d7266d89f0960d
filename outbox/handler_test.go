package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

// counting is a store that counts reads, and fails while it is down.
type counting struct {
	store.Store
	reads atomic.Int64
	down  atomic.Bool
}

func (c *counting) Posts(ctx context.Context, q store.PostQuery) ([]store.Post, error) {
	c.reads.Add(1)
	if c.down.Load() {
		return nil, errors.New("the disk is full")
	}
	return c.Store.Posts(ctx, q)
}

func (c *counting) Activity(ctx context.Context, id string) (store.Activity, error) {
	c.reads.Add(1)
	return c.Store.Activity(ctx, id)
}

// library is a town with a handler that is fed by the publisher, as Site wires it.
type library struct {
	*town
	reads   *counting
	handler *Handler
}

func newLibrary(t *testing.T) *library {
	c := &counting{Store: memory.New()}
	l := &library{town: newTown(t, c), reads: c}
	l.handler = l.newHandler()
	l.publisher.Changed = l.handler.Refresh
	c.reads.Store(0)
	return l
}

// newHandler is another machine of the site.
func (l *library) newHandler() *Handler {
	return &Handler{Store: l.reads, Actors: []*actor.Local{l.actor}, URLs: testURLs, Now: l.clock}
}

func ask(h http.Handler, method, url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, url, nil))
	return w
}

// get returns the status and the document of a URL.
func get(t *testing.T, h http.Handler, url string) (int, map[string]any) {
	t.Helper()
	w := ask(h, http.MethodGet, url)
	var document map[string]any
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/activity+json") {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &document))
	}
	return w.Code, document
}

func TestAPublishedObjectIsServedWithoutTheStore(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	l.reads.reads.Store(0)
	w := ask(l.handler, http.MethodGet, post.ID)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Equal(t, string(post.Body), w.Body.String())
	assert.NotEmpty(t, w.Header().Get("ETag"))
	assert.Zero(t, l.reads.reads.Load())
}

func TestOtherMachinesSeeAnEditWithinSeconds(t *testing.T) {
	l := newLibrary(t)
	other := l.newHandler()
	post := l.publish(bridge())
	_, before := get(t, other, post.ID)
	l.publish(bridge(func(it *Item) { it.Title = "Bridge closed" }))
	l.wait(freshFor)
	_, after := get(t, other, post.ID)
	assert.NotEqual(t, before["content"], after["content"])

	require.NoError(t, l.publisher.Withdraw(l.ctx, "", "2026/17"))
	status, _ := get(t, l.handler, post.ID)
	assert.Equal(t, http.StatusGone, status, "at once here")
	l.wait(freshFor)
	status, _ = get(t, other, post.ID)
	assert.Equal(t, http.StatusGone, status, "in a moment there")
}

func TestAHerdReadsTheStoreOnce(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	other := l.newHandler()
	l.reads.reads.Store(0)
	for round := range 3 {
		var herd sync.WaitGroup
		for range 200 {
			herd.Go(func() { assert.Equal(t, http.StatusOK, ask(other, http.MethodGet, post.ID).Code) })
		}
		herd.Wait()
		assert.EqualValues(t, round+1, l.reads.reads.Load())
		l.wait(freshFor)
	}
}

func TestAStoreThatFailsDoesNotTakeTheObjectsAway(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	l.reads.down.Store(true)
	l.wait(time.Minute)
	assert.Equal(t, http.StatusOK, ask(l.handler, http.MethodGet, post.ID).Code)
	w := ask(l.newHandler(), http.MethodGet, post.ID)
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	assert.NotContains(t, w.Body.String(), "disk")
}

func TestWhatIsWithdrawnIsATombstoneUnderEveryID(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	require.NoError(t, l.publisher.Withdraw(l.ctx, "", "2026/17"))
	for _, id := range []string{post.ID, post.Activity} {
		status, document := get(t, l.handler, id)
		assert.Equal(t, http.StatusGone, status)
		assert.Equal(t, "Tombstone", document["type"])
		assert.Equal(t, id, document["id"])
		assert.NotContains(t, fmt.Sprint(document), "bridge opens")
	}
	status, _ := get(t, l.handler, post.ID+"/replies")
	assert.Equal(t, http.StatusNotFound, status)
}

func TestAnActivityIsServedWithItsObjectAsItIsNow(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	l.publish(bridge(func(it *Item) { it.Title = "Bridge closed" }))
	status, create := get(t, l.handler, post.Activity)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "Create", create["type"])
	assert.Equal(t, l.actor.ID, create["actor"])
	assert.Contains(t, create["object"].(map[string]any)["content"], "Bridge closed")
}

func TestWhatIsNotForEverybodyIsUnknown(t *testing.T) {
	l := newLibrary(t)
	l.publish(bridge())
	private := testURLs.Activity(NewID())
	l.apply(store.Send{
		Activity: store.Activity{ID: private, Actor: l.actor.ID, Type: "Accept", Object: "https://peer.example/follow", Body: []byte(`{}`)},
		Inbox:    "https://peer.example/inbox",
	})
	stranger := testURLs.Object(NewID())
	l.apply(store.PutPost{Post: store.Post{ID: stranger, Actor: "https://other.example/ap/actors/x", Key: "k", Rev: 1, State: store.Live, Body: []byte(`{}`)}})

	unknown := ask(l.handler, http.MethodGet, testURLs.Object(NewID()))
	assert.Equal(t, http.StatusNotFound, unknown.Code)
	for name, url := range map[string]string{
		"an activity for one follower":         private,
		"a post of another site on this store": stranger,
		"an unknown activity":                  testURLs.Activity(NewID()),
		"replies to nothing":                   testURLs.Replies(NewID()),
		"an id of the wrong shape":             testURLs.Object("draft"),
		"the outbox of nobody":                 testURLs.Outbox("nobody"),
		"the actor, which others serve":        l.actor.ID,
		"something else":                       "https://www.agency.govt.nz/ap/other",
	} {
		w := ask(l.handler, http.MethodGet, url)
		assert.Equal(t, unknown.Code, w.Code, name)
		assert.Equal(t, unknown.Body.String(), w.Body.String(), name)
		assert.Equal(t, unknown.Header(), w.Header(), name)
	}
}

func TestStrangersCannotHammerTheStore(t *testing.T) {
	l := newLibrary(t)
	for range 100 {
		ask(l.handler, http.MethodGet, testURLs.Object(strings.Repeat("x", 26)))
		ask(l.handler, http.MethodGet, testURLs.Object("'%20OR%201=1"))
	}
	assert.Zero(t, l.reads.reads.Load(), "what is no id is not looked up")
	missing := testURLs.Object(NewID())
	for range 100 {
		ask(l.handler, http.MethodGet, missing)
	}
	assert.EqualValues(t, 1, l.reads.reads.Load(), "what is missing is looked up once")
	for range 3 * gapsSize {
		ask(l.handler, http.MethodGet, testURLs.Object(NewID()))
	}
	assert.LessOrEqual(t, l.handler.single.gaps.Len(), gapsSize)
	assert.Zero(t, l.handler.single.papers.Len())
}

func TestStrangersCannotPushPostsOffTheShelf(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	for i := range 2 * singles {
		ask(l.handler, http.MethodGet, fmt.Sprintf("%s?page=true&before=%d", testURLs.Outbox("news"), i+1))
	}
	assert.LessOrEqual(t, l.handler.lists.papers.Len(), pages)
	l.reads.reads.Store(0)
	ask(l.handler, http.MethodGet, post.ID)
	assert.Zero(t, l.reads.reads.Load())
}

func TestWhatWasMissingIsFoundOnceItIsPublished(t *testing.T) {
	l := newLibrary(t)
	id := NewID()
	l.publisher.NewID = func() string { return id }
	assert.Equal(t, http.StatusNotFound, ask(l.handler, http.MethodGet, testURLs.Object(id)).Code)
	l.publish(bridge())
	assert.Equal(t, http.StatusOK, ask(l.handler, http.MethodGet, testURLs.Object(id)).Code)
}

func TestTheOutboxIsReadPageByPage(t *testing.T) {
	l := newLibrary(t)
	var want []string
	for i := range 45 {
		post := l.publish(bridge(func(it *Item) { it.Key = fmt.Sprint(i); it.Title = fmt.Sprint("Item ", i) }))
		want = append([]string{post.Activity}, want...)
	}
	require.NoError(t, l.publisher.Withdraw(l.ctx, "", "44"))
	want = want[1:]

	_, outbox := get(t, l.handler, testURLs.Outbox("news"))
	assert.Equal(t, "OrderedCollection", outbox["type"])
	assert.EqualValues(t, 44, outbox["totalItems"])
	var found []string
	var sizes []int
	for url, _ := outbox["first"].(string); url != ""; {
		status, page := get(t, l.handler, url)
		require.Equal(t, http.StatusOK, status)
		assert.Equal(t, url, page["id"])
		assert.Equal(t, outbox["id"], page["partOf"])
		items := page["orderedItems"].([]any)
		sizes = append(sizes, len(items))
		for _, item := range items {
			create := item.(map[string]any)
			assert.Equal(t, "Note", create["object"].(map[string]any)["type"])
			assert.NotContains(t, create["object"], "@context")
			found = append(found, create["id"].(string))
		}
		url, _ = page["next"].(string)
	}
	assert.Equal(t, want, found)
	assert.Equal(t, []int{20, 20, 4}, sizes)
}

func TestAPageOfLargePostsNamesThoseThatDoNotFit(t *testing.T) {
	l := newLibrary(t)
	for i := range 5 {
		l.publish(bridge(func(it *Item) { it.Key, it.Abstract = fmt.Sprint(i), strings.Repeat("long ", 1400) }))
	}
	w := ask(l.handler, http.MethodGet, testURLs.Outbox("news")+firstPage)
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Less(t, w.Body.Len(), 64<<10)
	var page struct{ OrderedItems []any }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
	require.Len(t, page.OrderedItems, 5)
	assert.IsType(t, map[string]any{}, page.OrderedItems[0])
	assert.IsType(t, "", page.OrderedItems[4])
}

func TestCursorsThatWeNeverGave(t *testing.T) {
	l := newLibrary(t)
	l.publish(bridge())
	get(t, l.handler, testURLs.Outbox("news"))
	get(t, l.handler, testURLs.Outbox("news")+firstPage)
	l.reads.reads.Store(0)
	for _, cursor := range []string{"", "-1", "0", "01", "1e9", "x", "'%20OR%201=1", "99999999999999999999", "%00"} {
		status, _ := get(t, l.handler, testURLs.Outbox("news")+"?page=true&before="+cursor)
		assert.Equal(t, http.StatusBadRequest, status, cursor)
	}
	assert.Zero(t, l.reads.reads.Load())
	status, page := get(t, l.handler, testURLs.Outbox("news")+"?page=true&before=1000000000")
	assert.Equal(t, http.StatusOK, status)
	assert.Len(t, page["orderedItems"], 1)
}

func TestPinnedPostsAreFeatured(t *testing.T) {
	l := newLibrary(t)
	l.publish(bridge())
	pinned := l.publish(bridge(func(it *Item) { it.Key, it.Pinned = "house rules", true }))
	_, featured := get(t, l.handler, testURLs.Featured("news"))
	require.Len(t, featured["orderedItems"], 1)
	assert.Equal(t, pinned.ID, featured["orderedItems"].([]any)[0].(map[string]any)["id"])
	require.NoError(t, l.publisher.Withdraw(l.ctx, "", "house rules"))
	_, featured = get(t, l.handler, testURLs.Featured("news"))
	assert.Empty(t, featured["orderedItems"])
}

func TestOnlyApprovedRepliesAreListed(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	for i, state := range []store.ReceivedState{store.Shown, store.Held, store.Refused, store.Retracted, store.Shown} {
		l.apply(store.Receive{Received: store.Received{
			ID: fmt.Sprintf("https://peer.example/notes/%d", i), Actor: l.actor.ID, From: "https://peer.example/users/a",
			Type: "Create", About: post.ID, State: state, Body: []byte(`{}`), At: noon,
		}})
	}
	_, replies := get(t, l.handler, post.ID+"/replies")
	assert.EqualValues(t, 2, replies["totalItems"])
	_, page := get(t, l.handler, replies["first"].(string))
	assert.Equal(t, []any{"https://peer.example/notes/4", "https://peer.example/notes/0"}, page["orderedItems"])
}

func TestNobodyPostsToAnOutbox(t *testing.T) {
	l := newLibrary(t)
	post := l.publish(bridge())
	for _, url := range []string{testURLs.Outbox("news"), post.ID, post.Activity, post.ID + "/replies"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "PROPFIND"} {
			w := ask(l.handler, method, url)
			assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
			assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
		}
	}
}

func BenchmarkObject(b *testing.B) {
	l := &library{reads: &counting{Store: memory.New()}}
	l.town = newTown(b, l.reads)
	l.handler = l.newHandler()
	l.publisher.Changed = l.handler.Refresh
	post := l.publish(bridge())
	r := httptest.NewRequest(http.MethodGet, post.ID, nil)
	b.ReportAllocs()
	for b.Loop() {
		l.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
}
