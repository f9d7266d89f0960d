package actortest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
)

// at is a request that differs from an honest one, and what one software makes of it.
type at struct {
	dialect actortest.Dialect
	status  int
	reason  string // part of it; empty when all is well
}

// What publishers get wrong, and what becomes of it: refused outright, or taken
// with a friendly status and dropped, which only a harness can see.
func TestWhatEachSoftwareRefuses(t *testing.T) {
	const (
		all      = ""
		noBody   = `"content":"<p>x</p>",`
		embedded = `{"id":"$news/notes/1","type":"Note","attributedTo":"$news",` + noBody + `"published":"2026-11-26T00:00:00Z","to":["https://www.w3.org/ns/activitystreams#Public"]}`
		create   = `{"@context":"https://www.w3.org/ns/activitystreams","id":"$news/activities/1","type":"Create","actor":"$news","object":` + embedded + `}`
	)
	with := func(old, new string) string {
		require.Contains(t, create, old)
		return strings.Replace(create, old, new, 1)
	}
	activity := func(kind, object string) string {
		return `{"@context":"https://www.w3.org/ns/activitystreams","id":"$news/activities/2","type":"` + kind + `","actor":"$news","object":` + object + `}`
	}
	cases := []struct {
		name string
		body string // create when empty; $news is the publisher's actor, $alice the reader
		f    actortest.Forge
		want []at
	}{
		{"an honest post", all, actortest.Forge{}, []at{
			{actortest.Mastodon, 202, ""}, {actortest.Misskey, 202, ""}, {actortest.Pleroma, 200, ""}, {actortest.GoToSocial, 202, ""},
			{actortest.Pixelfed, 200, "no picture"}, {actortest.Lemmy, 200, "no name"}, {actortest.PeerTube, 204, ""},
			{actortest.Threads, 202, ""}, {actortest.WordPress, 202, ""}, {actortest.MicroBlog, 202, ""}}},
		{"no signature", all, actortest.Forge{Unsigned: true}, []at{
			{actortest.Mastodon, 401, "missing"}, {actortest.Pleroma, 400, "missing"}, {actortest.PeerTube, 403, "missing"}, {actortest.Pixelfed, 200, "missing"}}},
		{"the body was changed on the way", all, actortest.Forge{Body: []byte(`{}`)}, []at{
			{actortest.Mastodon, 401, "digest"}, {actortest.Misskey, 401, "digest"}, {actortest.GoToSocial, 401, "digest"}, {actortest.Lemmy, 400, "digest"}}},
		{"digest is not signed", all, actortest.Forge{Cover: []string{"(request-target)", "host", "date"}}, []at{
			{actortest.Mastodon, 401, "digest is not signed"}, {actortest.Misskey, 401, "digest is not signed"}, {actortest.PeerTube, 403, "digest is not signed"},
			{actortest.Threads, 401, "digest is not signed"}, {actortest.Pleroma, 200, ""}}},
		{"host is not signed", all, actortest.Forge{Cover: []string{"(request-target)", "date", "digest"}}, []at{
			{actortest.Mastodon, 202, ""}, {actortest.Misskey, 401, "host is not signed"}, {actortest.PeerTube, 403, "host is not signed"}}},
		{"date is not signed", all, actortest.Forge{Cover: []string{"(request-target)", "host", "digest"}}, []at{
			{actortest.Mastodon, 401, "is not signed"}, {actortest.Pixelfed, 200, "date is not signed"}, {actortest.GoToSocial, 202, ""}}},
		{"a clock ten minutes slow", all, actortest.Forge{DateOffset: -10 * time.Minute}, []at{
			{actortest.Mastodon, 202, ""}, {actortest.Misskey, 401, "off by"}, {actortest.PeerTube, 204, ""}}},
		{"a clock forty minutes fast", all, actortest.Forge{DateOffset: 40 * time.Minute}, []at{
			{actortest.Mastodon, 202, ""}, {actortest.PeerTube, 403, "off by"}, {actortest.WordPress, 202, ""}}},
		{"a clock two hours slow", all, actortest.Forge{DateOffset: -2 * time.Hour}, []at{
			{actortest.Mastodon, 401, "off by"}, {actortest.Lemmy, 400, "off by"}, {actortest.Pixelfed, 200, "no picture"}, {actortest.GoToSocial, 202, ""}}},
		{"digest in lower case", all, actortest.Forge{Digest: "lower"}, []at{
			{actortest.Mastodon, 202, ""}, {actortest.Threads, 401, "upper case"}}},
		{"another key", all, actortest.Forge{Key: must(oneKey())}, []at{
			{actortest.Mastodon, 401, "verif"}, {actortest.Misskey, 202, "verif"}, {actortest.Pixelfed, 200, "verif"}, {actortest.PeerTube, 403, "verif"}}},
		{"a key that is not there", all, actortest.Forge{KeyID: "$news/nobody#main-key"}, []at{
			{actortest.Mastodon, 503, "404"}, {actortest.GoToSocial, 500, "404"}, {actortest.PeerTube, 403, "404"}}},
		{"a key that the actor does not list", all, actortest.Forge{KeyID: "$news#other"}, []at{{actortest.Mastodon, 503, "not listed"}}},
		{"no User-Agent", all, actortest.Forge{Header: http.Header{"User-Agent": {""}}}, []at{
			{actortest.GoToSocial, 418, "User-Agent"}, {actortest.Mastodon, 202, ""}}},
		{"application/json", all, actortest.Forge{ContentType: "application/json"}, []at{
			{actortest.GoToSocial, 406, "media type"}, {actortest.Mastodon, 202, ""}}},
		{"not JSON", `{"type":`, actortest.Forge{}, []at{{actortest.Mastodon, 400, "JSON"}}},
		{"no context", with(`"@context":"https://www.w3.org/ns/activitystreams",`, ""), actortest.Forge{}, []at{
			{actortest.Mastodon, 202, "@context"}, {actortest.GoToSocial, 500, "@context"}}},
		{"no id", with(`"id":"$news/activities/1",`, ""), actortest.Forge{}, []at{{actortest.Mastodon, 202, "no id"}, {actortest.GoToSocial, 202, "no id"}}},
		{"somebody else's activity", with(`"actor":"$news"`, `"actor":"https://victim.test/u"`), actortest.Forge{}, []at{{actortest.Mastodon, 202, "signed by"}}},
		{"an activity id of another host", with(`"id":"$news/activities/1"`, `"id":"https://other.test/1"`), actortest.Forge{}, []at{{actortest.Misskey, 202, "activity id is on"}}},
		{"an object id of another host", with(`"id":"$news/notes/1"`, `"id":"https://other.test/1"`), actortest.Forge{}, []at{{actortest.Mastodon, 202, "object id"}}},
		{"activity and object share an id", with(`$news/activities/1`, `$news/notes/1`), actortest.Forge{}, []at{{actortest.Mastodon, 202, "the same id"}}},
		{"attributed to another", with(`"attributedTo":"$news"`, `"attributedTo":"$news/other"`), actortest.Forge{}, []at{{actortest.GoToSocial, 202, "attributed"}}},
		{"no content", with(noBody, ""), actortest.Forge{}, []at{{actortest.Mastodon, 202, "no content"}}},
		{"an object without addressees", with(`,"to":["https://www.w3.org/ns/activitystreams#Public"]`, ""), actortest.Forge{}, []at{
			{actortest.GoToSocial, 202, "neither to nor cc"}, {actortest.Mastodon, 202, ""}}},
		{"updated before published", with(`"published"`, `"updated":"2020-01-01T00:00:00Z","published"`), actortest.Forge{}, []at{{actortest.GoToSocial, 202, "before published"}}},
		{"a bare object", activity("Create", `"$news/notes/1"`), actortest.Forge{}, []at{{actortest.Mastodon, 202, "embed"}, {actortest.GoToSocial, 202, "embed"}}},
		{"an edit that does not embed", activity("Update", `"$news/notes/1"`), actortest.Forge{}, []at{{actortest.GoToSocial, 500, "embed"}, {actortest.Mastodon, 202, "embed"}}},
		{"a bare Undo", activity("Undo", `"$news/follows/1"`), actortest.Forge{}, []at{{actortest.Threads, 500, "embed"}, {actortest.Mastodon, 202, "embed"}}},
		{"a bare Delete", activity("Delete", `"$news/notes/1"`), actortest.Forge{}, []at{{actortest.Pixelfed, 200, "Tombstone"}, {actortest.Mastodon, 202, ""}}},
		{"Delete on another host", activity("Delete", `"https://victim.test/1"`), actortest.Forge{}, []at{{actortest.Mastodon, 202, "another host"}}},
		{"an Accept of nothing", activity("Accept", `"https://victim.test/1"`), actortest.Forge{}, []at{{actortest.Mastodon, 202, "nobody here sent"}}},
		{"a picture and deep JSON", with(`"published"`, `"attachment":[{"type":"Image","url":"https://a.test/1.png","x":[[[[[[1]]]]]]}],"published"`), actortest.Forge{}, []at{
			{actortest.Pixelfed, 200, "deeper"}, {actortest.Mastodon, 202, ""}}},
		{"a picture", with(`"published"`, `"attachment":[{"type":"Image","url":"https://a.test/1.png"}],"published"`), actortest.Forge{}, []at{{actortest.Pixelfed, 200, ""}}},
		{"a name", with(`"published"`, `"name":"Roads","published"`), actortest.Forge{}, []at{{actortest.Lemmy, 200, ""}}},
		{"100 KB", with(`<p>x</p>`, strings.Repeat("x", 100<<10)), actortest.Forge{}, []at{{actortest.Misskey, 413, "bytes"}, {actortest.Mastodon, 202, ""}}},
		{"2 MB", with(`<p>x</p>`, strings.Repeat("x", 2<<20)), actortest.Forge{}, []at{{actortest.Mastodon, 413, "bytes"}}},
		{"news of an unknown actor's end", `{"type":"Delete","actor":"https://gone.test/u","object":"https://gone.test/u"}`, actortest.Forge{KeyID: "https://gone.test/u#main-key"}, []at{
			{actortest.Mastodon, 202, "not known here"}}},
	}
	for _, c := range cases {
		for _, want := range c.want {
			t.Run(c.name+"/"+want.dialect.String(), func(t *testing.T) {
				ctx := within(t)
				news := start(t, actortest.Options{}).Actor("news")
				readers := start(t, actortest.Options{Dialect: want.dialect})
				alice := readers.Actor("alice")
				follow(t, alice, news)

				body := c.body
				if body == all {
					body = create
				}
				body = strings.ReplaceAll(body, "$news", news.ID)
				f := c.f
				f.KeyID = strings.ReplaceAll(f.KeyID, "$news", news.ID)
				if f.Digest != "" {
					f.Digest = strings.Replace(digestOf(body), "SHA-256", "sha-256", 1)
				}
				if f.Key != nil {
					f.Key = newKey(t)
				}
				sent, err := news.Send(ctx, alice.Inbox, []byte(body), f)
				require.NoError(t, err)
				receipts := readers.Received()
				verdict := receipts[len(receipts)-1].Verdict
				assert.Equal(t, want.status, sent.Status, verdict)
				assert.Equal(t, want.status, verdict.Status)
				if want.reason == "" {
					assert.True(t, verdict.OK(), verdict)
					return
				}
				assert.False(t, verdict.OK())
				assert.Contains(t, verdict.String(), want.reason)
				assert.Empty(t, alice.Timeline(), "what is refused is not shown")
			})
		}
	}
}

func TestAFollowAtMicroBlogsSharedInboxFails(t *testing.T) {
	news := start(t, actortest.Options{}).Actor("news")
	readers := start(t, actortest.Options{Dialect: actortest.MicroBlog})
	alice := readers.Actor("alice")
	body := []byte(`{"@context":"https://www.w3.org/ns/activitystreams","id":"` + news.ID + `#1","type":"Follow","actor":"` + news.ID + `","object":"` + alice.ID + `"}`)
	shared, err := news.Send(within(t), readers.SharedInbox(), body, actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, 500, shared.Status)
	own, err := news.Send(within(t), alice.Inbox, body, actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, 202, own.Status)
}

// Without a follower or a mention, a post reaches nobody.
func TestAPostToStrangersIsDropped(t *testing.T) {
	ctx := within(t)
	news := start(t, actortest.Options{}).Actor("news")
	readers := start(t, actortest.Options{})
	alice := readers.Actor("alice")
	post := []byte(`{"@context":"https://www.w3.org/ns/activitystreams","id":"` + news.ID + `#1","type":"Create","actor":"` + news.ID + `","object":{"id":"` + news.ID + `/1","type":"Note","attributedTo":"` + news.ID + `","content":"x"}}`)
	sent, err := news.Send(ctx, alice.Inbox, post, actortest.Forge{})
	require.NoError(t, err)
	assert.Equal(t, 202, sent.Status)
	assert.Contains(t, readers.Received()[0].Verdict.String(), "nobody here follows")
	mention, err := news.Mention(ctx, alice.Handle, "<p>Hello</p>")
	require.NoError(t, err)
	assert.Equal(t, 202, mention.Status)
	assert.True(t, readers.Received()[1].Verdict.OK(), readers.Received()[1])
}

// News from half a day ago reaches Mastodon, and no home timeline there.
func TestOldNewsIsLate(t *testing.T) {
	ctx := within(t)
	news := start(t, actortest.Options{}).Actor("news")
	alice := start(t, actortest.Options{}).Actor("alice")
	follow(t, alice, news)
	for id, hours := range map[string]time.Duration{"old": 12, "new": 1} {
		published := time.Now().Add(-hours * time.Hour).UTC().Format(time.RFC3339)
		post := `{"@context":"https://www.w3.org/ns/activitystreams","id":"` + news.ID + `#` + id + `","type":"Create","actor":"` + news.ID + `","object":{"id":"` + news.ID + `/` + id + `","type":"Note","attributedTo":"` + news.ID + `","content":"` + id + `","published":"` + published + `"}}`
		_, err := news.Send(ctx, alice.Inbox, []byte(post), actortest.Forge{})
		require.NoError(t, err)
	}
	timeline := alice.Timeline()
	require.Len(t, timeline, 2)
	assert.Equal(t, "new", timeline[0].Content)
	assert.False(t, timeline[0].Late)
	assert.True(t, timeline[1].Late)
}
