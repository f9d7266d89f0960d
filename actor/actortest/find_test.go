package actortest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
)

// A publisher is only followed when handle, WebFinger and actor agree. Each row
// is one mistake of a publisher, and what the follower says to it.
func TestWhatIsNotFollowed(t *testing.T) {
	type site struct{ finger, actor map[string]any }
	cases := []struct {
		name    string
		dialect actortest.Dialect
		mistake func(s site)
		says    string // empty when it is followed after all
	}{
		{"no mistake", actortest.Mastodon, func(site) {}, ""},
		{"a self link with the other media type", actortest.Mastodon, func(s site) {
			s.finger["links"].([]any)[0].(map[string]any)["type"] = `application/ld+json; profile="https://www.w3.org/ns/activitystreams"`
		}, ""},
		{"a self link of a wrong type", actortest.Mastodon, func(s site) { s.finger["links"].([]any)[0].(map[string]any)["type"] = "text/html" }, "no self link"},
		{"no links", actortest.Mastodon, func(s site) { delete(s.finger, "links") }, "no self link"},
		{"a self link to somebody else", actortest.Mastodon, func(s site) {
			s.finger["links"].([]any)[0].(map[string]any)["href"] = s.actor["inbox"]
		}, "says that its id is"},
		{"another subject, which answers for itself", actortest.Mastodon, func(s site) { s.finger["subject"] = "acct:press@$host" }, ""},
		{"a subject that goes on and on", actortest.Mastodon, func(s site) { s.finger["subject"] = "acct:x$asked" }, "names"},
		{"an id that is not its URL", actortest.Mastodon, func(s site) { s.actor["id"] = s.actor["id"].(string) + "#me" }, "says that its id is"},
		{"a context without the string", actortest.Mastodon, func(s site) {
			s.actor["@context"] = []any{map[string]any{"@vocab": "https://www.w3.org/ns/activitystreams"}}
		}, "@context"},
		{"a type that is no actor", actortest.Mastodon, func(s site) { s.actor["type"] = "NewsMediaOrganization" }, "not an actor"},
		{"no inbox", actortest.Mastodon, func(s site) { delete(s.actor, "inbox") }, "no inbox"},
		{"no name", actortest.Mastodon, func(s site) { delete(s.actor, "preferredUsername") }, "no preferredUsername"},
		{"no key", actortest.Mastodon, func(s site) { delete(s.actor, "publicKey") }, "no publicKey"},
		{"a name that WebFinger does not know", actortest.Mastodon, func(s site) { s.actor["preferredUsername"] = "other" }, "answers 404"},
		{"a handle of its own that WebFinger knows", actortest.Mastodon, func(s site) {
			s.actor["preferredUsername"], s.actor["webfinger"] = "other", "news@$host"
		}, ""},
		{"no outbox, for PeerTube", actortest.PeerTube, func(s site) { delete(s.actor, "outbox") }, "no outbox"},
		{"no outbox, for Mastodon", actortest.Mastodon, func(s site) { delete(s.actor, "outbox") }, ""},
		{"HTML", actortest.Mastodon, func(s site) { s.actor["served as"] = "text/html" }, "not an ActivityStreams document"},
		{"plain JSON", actortest.Mastodon, func(s site) { s.actor["served as"] = "application/json" }, "not an ActivityStreams document"},
		{"JSON-LD without the profile", actortest.Mastodon, func(s site) { s.actor["served as"] = "application/ld+json" }, "not an ActivityStreams document"},
		{"WebFinger as text", actortest.Mastodon, func(s site) { s.finger["served as"] = "text/plain" }, `is "text/plain"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			mux := http.NewServeMux()
			publisher := httptest.NewServer(mux)
			defer publisher.Close()
			id, host := publisher.URL+"/ap/1", strings.TrimPrefix(publisher.URL, "http://")
			s := site{
				finger: map[string]any{"subject": "acct:news@$host", "links": []any{map[string]any{"rel": "self", "type": "application/activity+json", "href": id}}},
				actor: map[string]any{
					"@context": []any{"https://www.w3.org/ns/activitystreams"}, "id": id, "type": "Organization", "preferredUsername": "news",
					"inbox": id + "/inbox", "outbox": id + "/outbox", "followers": id + "/followers", "following": id + "/following",
					"publicKey": map[string]any{"id": id + "#main-key", "owner": id},
				},
			}
			c.mistake(s)
			mux.HandleFunc("GET /.well-known/webfinger", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("resource") != "acct:news@"+host && s.finger["subject"] == "acct:news@$host" {
					http.NotFound(w, r)
					return
				}
				serve(w, s.finger, "application/jrd+json", "$host", host, "$asked", strings.TrimPrefix(r.URL.Query().Get("resource"), "acct:"))
			})
			mux.HandleFunc("GET /ap/1", func(w http.ResponseWriter, _ *http.Request) {
				serve(w, s.actor, "application/activity+json", "$host", host)
			})
			mux.HandleFunc("GET /ap/1/inbox", func(w http.ResponseWriter, _ *http.Request) {
				serve(w, s.actor, "application/activity+json", "$host", host)
			})
			mux.HandleFunc("POST /ap/1/inbox", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })

			sent, err := start(t, actortest.Options{Dialect: c.dialect}).Actor("alice").Follow(within(t), "@news@"+host)
			if c.says != "" {
				assert.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, 202, sent.Status)
			assert.Equal(t, id, sent.Object)
		})
	}
}

// serve writes the document; the member "served as" says under which media type.
func serve(w http.ResponseWriter, doc map[string]any, mediaType string, places ...string) {
	if other, told := doc["served as"].(string); told {
		mediaType = other
	}
	w.Header().Set("Content-Type", mediaType)
	b, _ := json.Marshal(doc)
	_, _ = strings.NewReplacer(places...).WriteString(w, string(b))
}

// What a server shows to whoever asks, before and after an actor leaves.
func TestDocuments(t *testing.T) {
	ctx := within(t)
	agency := start(t, actortest.Options{})
	news := agency.Actor("news")
	for _, d := range dialects {
		t.Run(d.String(), func(t *testing.T) {
			peers := start(t, actortest.Options{Dialect: d})
			alice := peers.Actor("alice")
			note, err := alice.Mention(ctx, news.ID, "<p>Hello</p>")
			require.NoError(t, err)
			get := func(at string) (int, map[string]any) {
				answer, err := news.Fetch(ctx, at)
				require.NoError(t, err)
				var doc map[string]any
				_ = json.Unmarshal(answer.Body, &doc)
				return answer.Status, doc
			}
			status, doc := get(alice.ID)
			require.Equal(t, 200, status)
			assert.Equal(t, alice.Inbox, doc["inbox"])
			_, outbox := get(doc["outbox"].(string))
			assert.Equal(t, []any{note.Object}, outbox["orderedItems"])
			for _, name := range []string{"followers", "following"} {
				if at, listed := doc[name].(string); listed {
					_, crowd := get(at)
					assert.Equal(t, at, crowd["id"])
					assert.EqualValues(t, 0, crowd["totalItems"])
				}
			}
			_, shown := get(note.Object)
			assert.Equal(t, "<p>Hello</p>", shown["content"])
			_, links := get(peers.URL() + "/.well-known/nodeinfo")
			_, info := get(links["links"].([]any)[0].(map[string]any)["href"].(string))
			assert.Equal(t, d.String(), info["software"].(map[string]any)["name"])
			assert.Equal(t, 200, visit(t, peers, "/.well-known/host-meta").Code)
			assert.Equal(t, 404, visit(t, peers, "/nothing").Code)
			assert.Equal(t, 404, visit(t, peers, "/.well-known/webfinger?resource=acct:nobody@"+peers.Host()).Code)

			_, err = alice.DeleteReply(ctx, note)
			require.NoError(t, err)
			status, _ = get(note.Object)
			assert.Equal(t, 410, status)
			_, err = alice.EditReply(ctx, note, "<p>Again</p>")
			assert.ErrorContains(t, err, "no note")

			alice.AlsoKnownAs(news.ID)
			_, doc = get(alice.ID)
			assert.Equal(t, []any{news.ID}, doc["alsoKnownAs"])
			_, err = alice.DeleteActor(ctx, news.ID)
			require.NoError(t, err)
			status, _ = get(alice.ID)
			assert.Equal(t, 410, status)
			assert.Equal(t, 404, visit(t, peers, "/.well-known/webfinger?resource=acct:"+alice.Handle).Code)
		})
	}
}

func TestGoToSocialIsStrictAboutAccept(t *testing.T) {
	peers := start(t, actortest.Options{Dialect: actortest.GoToSocial})
	alice := peers.Actor("alice")
	r := httptest.NewRequest(http.MethodGet, "/.well-known/webfinger?resource=acct:"+alice.Handle, nil)
	for accept, want := range map[string]int{"": 200, "application/jrd+json": 200, "*/*": 200, "application/*": 200, "text/html": 406} {
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		peers.ServeHTTP(w, r)
		assert.Equal(t, want, w.Code, accept)
	}
}

func TestRequestsThatNobodyServes(t *testing.T) {
	peers := start(t, actortest.Options{})
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/", nil), httptest.NewRequest(http.MethodPut, "/inbox", nil), httptest.NewRequest(http.MethodPost, "/sink/0", nil),
	} {
		w := httptest.NewRecorder()
		peers.ServeHTTP(w, r)
		assert.Contains(t, []int{404, 405}, w.Code)
	}
	assert.NoError(t, peers.Close())
	assert.NoError(t, peers.Close(), "twice does no harm")
}
