package actortest_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/panui/panui/actor/actortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oneKey is a key for actors whose keys do not matter.
var oneKey = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// start starts a server that ends with the test.
func start(t *testing.T, o actortest.Options) *actortest.Server {
	t.Helper()
	if o.NewKey == nil {
		o.NewKey = func() (crypto.Signer, error) { return oneKey() }
	}
	s, err := actortest.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var dialects = []actortest.Dialect{
	actortest.Mastodon, actortest.Misskey, actortest.Pleroma, actortest.GoToSocial, actortest.Pixelfed,
	actortest.Lemmy, actortest.PeerTube, actortest.Threads, actortest.WordPress, actortest.MicroBlog,
}

// A peer plays a small publisher: news. Somebody on a server of every dialect
// follows it, reads a post, sees the edit, and no longer sees it once deleted.
func TestAReaderFollowsAndReads(t *testing.T) {
	for _, dialect := range dialects {
		t.Run(dialect.String(), func(t *testing.T) {
			ctx := within(t)
			agency := start(t, actortest.Options{Dialect: actortest.Mastodon})
			news := agency.Actor("news")
			readers := start(t, actortest.Options{Dialect: dialect})
			alice := readers.Actor("alice")

			follow, err := alice.Follow(ctx, news.Handle)
			require.NoError(t, err)
			require.Equal(t, 202, follow.Status, agency.Received())
			require.Empty(t, alice.Following())

			accept, err := news.Accept(ctx, agency.Received()[0])
			require.NoError(t, err)
			require.Less(t, accept.Status, 300, readers.Received())
			require.Equal(t, []string{news.ID}, alice.Following(), readers.Received())

			note := `{"id":"` + news.ID + `/statuses/1","type":"Note","name":"Roads","attributedTo":"` + news.ID + `","to":["https://www.w3.org/ns/activitystreams#Public"],
				"published":"2026-11-26T00:00:00Z","contentMap":{"en-NZ":"<p>Closed</p>"},"attachment":[{"type":"Image","mediaType":"image/jpeg","url":"https://agency.test/a.jpg","name":"A road"}]`
			say := func(kind, id, object string) actortest.Sent {
				sent, err := news.Send(ctx, alice.Inbox, []byte(`{"@context":"https://www.w3.org/ns/activitystreams","id":"`+news.ID+id+`","type":"`+kind+`","actor":"`+news.ID+`","object":`+object+`}`), actortest.Forge{})
				require.NoError(t, err)
				require.Less(t, sent.Status, 300, readers.Received())
				return sent
			}
			say("Create", "#create/1", note+`,"content":"<p>Closed</p>"}`)
			require.Len(t, alice.Timeline(), 1, readers.Received())
			post := alice.Timeline()[0]
			assert.Equal(t, "<p>Closed</p>", post.Content)
			assert.Equal(t, "en-NZ", post.Language)
			assert.Equal(t, []actortest.Attachment{{URL: "https://agency.test/a.jpg", MediaType: "image/jpeg", Alt: "A road"}}, post.Attachments)
			assert.True(t, post.Arrived.Verdict.OK())
			assert.Equal(t, news.ID, post.Arrived.Verdict.Signature.Owner)
			assert.WithinDuration(t, post.Arrived.At, post.Arrived.Verdict.Signature.Signed, time.Minute)

			say("Update", "#update/1", note+`,"updated":"2026-11-26T01:00:00Z","content":"<p>Open</p>"}`)
			assert.Equal(t, "<p>Open</p>", alice.Timeline()[0].Content)
			say("Update", "#update/2", note+`,"updated":"2026-11-26T00:30:00Z","content":"<p>Closed</p>"}`)
			assert.Equal(t, "<p>Open</p>", alice.Timeline()[0].Content, "an older Update changes nothing")
			say("Delete", "#delete/1", `{"type":"Tombstone","id":"`+news.ID+`/statuses/1"}`)
			assert.Empty(t, alice.Timeline())
			say("Create", "#create/2", note+`,"content":"<p>Closed</p>"}`)
			assert.Empty(t, alice.Timeline(), "what was deleted does not come back")
		})
	}
}

func must(key crypto.Signer, err error) crypto.Signer {
	if err != nil {
		panic(err)
	}
	return key
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return key
}

func digestOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// follow makes reader follow author, who accepts.
func follow(t *testing.T, reader, author *actortest.Actor) {
	t.Helper()
	ctx := within(t)
	wish, err := reader.Follow(ctx, author.ID)
	require.NoError(t, err)
	accept, err := author.Accept(ctx, actortest.Received{ID: wish.ID, Actor: reader.ID, Body: wish.JSON})
	require.NoError(t, err)
	require.Less(t, accept.Status, 300)
	require.Contains(t, reader.Following(), author.ID)
}

// visit asks the server without a signature.
func visit(t *testing.T, s *actortest.Server, at string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, strings.TrimPrefix(at, s.URL()), nil))
	return w
}
