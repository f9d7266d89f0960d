package inbox

import (
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

var update = flag.Bool("update", false, "write what is planned into testdata, to be read before it is believed")

// expectation is a file of lines: a name, a tab, and what it comes to.
func expectation(t *testing.T, file string, got []string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(got, "\n")+"\n"), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, strings.Split(strings.TrimSuffix(string(want), "\n"), "\n"), got)
}

// Every document of every server that is at hand is read strictly and, where it
// is an activity, planned by a site that is whom it speaks to. What each comes to
// stands in testdata/payloads.txt.
func TestPayloads(t *testing.T) {
	root := testenv.Shared(t, "interop/payloads")
	var got []string
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		if words, ok := addressed(t, body); ok {
			got = append(got, filepath.ToSlash(name)+"\t"+words)
		}
		return nil
	}))
	expectation(t, "payloads.txt", got)
}

// addressed says what a document comes to at the site that it speaks to, and
// false when it is no activity at all.
func addressed(t *testing.T, body []byte) (string, bool) {
	var shape struct{ Actor, Object json.RawMessage }
	if json.Unmarshal(body, &shape); shape.Actor == nil || shape.Object == nil {
		_ = as2.Scan(body, limits.Default())
		return "", false
	}
	a, err := as2.ReadActivity(body, limits.Default())
	if err != nil {
		var refusal *as2.Refusal
		require.ErrorAs(t, err, &refusal)
		return "400 " + string(refusal.Reason), true
	}
	w := newWorld(t)
	w.inhabit(a)
	return w.comesTo(a), true
}

// inhabit makes the world the site that an activity speaks to: its actor or post
// is the first thing named that is not the speaker's own.
func (w *world) inhabit(a as2.Activity) {
	foreign := func(id string) bool {
		return id != "" && id != as2.Public && !strings.HasPrefix(id, siteOf(a.Actor)+"/") && siteOf(id) != ""
	}
	var posts, actors []string
	for _, ref := range a.Object {
		switch o := ref.Object; {
		case a.Type == "Follow" || a.Type == "Block" || a.Type == "Flag":
			actors = append(actors, ref.ID)
		case a.Type == "Like" || a.Type == "Announce":
			posts = append(posts, ref.ID)
		case o != nil && (o.Type == "Follow" || o.Type == "Block"):
			actors = append(actors, o.Object.ID)
		case o != nil && (o.Type == "Like" || o.Type == "Announce"):
			posts = append(posts, o.Object.ID)
		case o != nil:
			posts, actors = append(posts, o.InReplyTo), append(append(actors, o.Mentions...), append(o.To, o.Cc...)...)
		}
	}
	post, who := first(posts, foreign), first(append(actors, a.To...), foreign)
	base := siteOf(who)
	if base == "" {
		base = siteOf(post)
	}
	if base == "" {
		base = "https://our.test"
	}
	w.URLs = actor.URLs{Base: base}
	if who == "" || siteOf(post) == base && who == post {
		who = base + "/us"
	}
	w.Actors = []*actor.Local{{ID: who, Segment: "news"}}
	if post != "" && siteOf(post) == base {
		w.must(store.PutPost{Post: store.Post{ID: post, Actor: who, Key: post, Rev: 1, State: store.Live}})
	}
	w.people.add(a.Actor)
}

func first(ids []string, wanted func(string) bool) string {
	if i := slices.IndexFunc(ids, wanted); i >= 0 {
		return ids[i]
	}
	return ""
}

func siteOf(id string) string {
	scheme, rest, ok := strings.Cut(id, "://")
	host, _, _ := strings.Cut(rest, "/")
	if !ok || host == "" {
		return ""
	}
	return scheme + "://" + host
}

// comesTo says what an activity comes to. What an Undo or a Delete takes back is
// said first, so that there is something to take back.
func (w *world) comesTo(a as2.Activity) string {
	after := ""
	if before, ok := w.before(a); ok {
		_, ops := w.weigh(w.proven(before), before)
		w.must(ops...)
		after = " (once it was said)"
	}
	words, ops := w.weigh(w.proven(a), a)
	w.must(ops...)
	return words + after
}

func (w *world) before(a as2.Activity) (before as2.Activity, ok bool) {
	before = as2.Activity{ID: a.Actor + "#before", Actor: a.Actor, Raw: []byte("{}")}
	switch object := a.Object[0]; {
	case a.Type == "Delete" && object.ID == a.Actor:
		before.Type, before.Object = "Follow", []as2.Ref{{ID: w.Actors[0].ID}}
	case a.Type == "Delete" && siteOf(object.ID) == siteOf(a.Actor):
		said := &as2.Object{ID: object.ID, AttributedTo: a.Actor, To: []string{w.Actors[0].ID, as2.Public}, Content: "x"}
		before.Type, before.Object = "Create", []as2.Ref{{ID: object.ID, Object: said}}
	case a.Type == "Undo" && object.Object != nil && object.Object.Object.ID != "":
		before.Type, before.Object = object.Object.Type, []as2.Ref{object.Object.Object}
		if object.ID != "" {
			before.ID = object.ID
		}
	default:
		return before, false
	}
	return before, true
}

// proven is the proof that the actor of a signed something. Its key has a URL of
// its own, since not every actor in the samples has an https id.
func (w *world) proven(a as2.Activity) signing.Verified {
	w.once.Do(w.prepare)
	const key = "https://keys.test/one"
	w.people.addKey(key, a.Actor, oneKey().Public())
	r := w.signedWith(key, ids["inbox"], []byte("{}"))
	v, err := (&signing.Verifier{BaseURL: "https://our.test", Keys: w.people, Now: w.Handler.Now}).Verify(context.Background(), r, []byte("{}"))
	require.NoError(w, err)
	return v
}

// What GoToSocial sent to a publisher over two sessions, with the signatures that
// it made, verified by its keys of then and replayed in order at their time.
func TestGoToSocialCaptures(t *testing.T) {
	w := newWorld(t)
	w.URLs = actor.URLs{Base: "https://agency.test", Prefix: "/"}
	w.Actors = []*actor.Local{{ID: "https://agency.test/users/news", Segment: "news"}}
	w.Verifier.BaseURL = "https://agency.test"
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/captures/gotosocial"), "*.json"))
	require.NoError(t, err)
	var got []string
	for _, file := range files {
		var c capture
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &c))
		switch {
		case c.Kind == "keyfetch":
			w.learn(c.ResponseBody)
		case c.Method == http.MethodPost:
			got = append(got, strings.TrimSuffix(filepath.Base(file), ".json")+"\t"+w.replay(c))
		}
	}
	expectation(t, "gotosocial.txt", got)
}

type capture struct {
	Time                                        time.Time
	Kind, Method, Host, RequestURI, Body, Proto string
	Headers                                     http.Header
	ResponseBody                                string
}

// learn takes the key that a server showed.
func (w *world) learn(document string) {
	remote, err := as2.ReadActor([]byte(document), limits.Default())
	require.NoError(w, err)
	key, err := signing.ParsePublicPEM(remote.Keys[0].PEM, signing.Fediverse())
	require.NoError(w, err)
	w.people.add(remote.ID)
	w.people.addKey(remote.Keys[0].ID, remote.ID, key)
}

// replay weighs a request, then serves it.
func (w *world) replay(c capture) string {
	w.now = c.Time
	w.once.Do(w.prepare)
	request := func() *http.Request {
		r := httptest.NewRequest(c.Method, "https://"+c.Host+c.RequestURI, strings.NewReader(c.Body))
		r.Header = c.Headers.Clone()
		return r
	}
	a, err := as2.ReadActivity([]byte(c.Body), limits.Default())
	require.NoError(w, err)
	v, err := w.Verifier.Verify(context.Background(), request(), []byte(c.Body))
	require.NoError(w, err, c.Body)
	if post := a.Object[0]; strings.HasPrefix(post.ID, "https://agency.test/notes/") {
		w.publish(post.ID)
	} else if post.Object != nil {
		w.publish(post.Object.InReplyTo)
	}
	words, _ := w.weigh(v, a)
	require.Equal(w, http.StatusAccepted, w.serve(request()).Code, c.Body)
	before := w.dump()
	require.Equal(w, http.StatusAccepted, w.serve(request()).Code)
	require.Equal(w, before, w.dump(), "a replay has no effect")
	return words
}

// publish makes a post of ours, which was there when the capture was made.
func (w *world) publish(id string) {
	posts, err := w.spy.Store.Posts(context.Background(), store.PostQuery{ID: id})
	require.NoError(w, err)
	if len(posts) == 0 && strings.HasPrefix(id, "https://agency.test/notes/") {
		w.must(store.PutPost{Post: store.Post{ID: id, Actor: w.Actors[0].ID, Key: id, Rev: 1, State: store.Live}})
	}
}
