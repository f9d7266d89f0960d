package actortest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/internal/testenv"
)

// What our peers say has the shape of what the real software was recorded
// saying: every member that they write is there, and is of the same JSON kind.
func TestShapesAreThoseOfTheRealSoftware(t *testing.T) {
	cases := []struct {
		dialect   actortest.Dialect
		recorded  map[string]string // what our peer does, and the recording of the same
		forgotten []string          // members that newer versions write
	}{
		{actortest.GoToSocial, map[string]string{
			"actor": "captures/gotosocial/0030-*", "Follow": "captures/gotosocial/0010-*", "Reply": "captures/gotosocial/0011-*",
			"EditReply": "captures/gotosocial/0012-*", "Like": "captures/gotosocial/0013-*", "Undo": "captures/gotosocial/0014-*",
			"Announce": "captures/gotosocial/0015-*", "Flag": "captures/gotosocial/0018-*", "DeleteReply": "captures/gotosocial/0071-*",
			"Block": "captures/gotosocial/0025-*", "Accept": "captures/gotosocial/0021-*", "webfinger": "captures/gotosocial/0036-*",
		}, []string{"tag of object of EditReply"}},
		{actortest.Mastodon, map[string]string{
			"actor": "payloads/mastodon/fedidevs_actor.json", "Follow": "payloads/mastodon/mastodon-follow-activity.json",
			"Reply": "payloads/mastodon/mastodon-post-activity.json", "EditReply": "payloads/mastodon/mastodon_flow_1_update_note.json",
			"Like": "payloads/mastodon/mastodon-like.json", "Undo": "payloads/mastodon/mastodon-undo-like.json",
			"Announce": "payloads/mastodon/mastodon-announce.json", "DeleteReply": "payloads/mastodon/mastodon-delete_3.json",
			"Block": "payloads/mastodon/mastodon-block-activity.json", "webfinger": "payloads/mastodon/fedidevs_webfinger.json",
		}, []string{"to of DeleteReply", "contentMap of object of Reply"}},
		{actortest.Misskey, map[string]string{
			"actor": "payloads/misskey/fedidevs_actor.json", "Like": "payloads/misskey/misskey-like.json",
			"Reply": "payloads/misskey/mk.absturztau.be-93e7nm8wqg-activity.json", "webfinger": "payloads/misskey/fedidevs_webfinger.json",
		}, []string{"aliases of webfinger", "content of Like", "published of actor", "inReplyTo of object of Reply"}},
		{actortest.Pleroma, map[string]string{
			"actor": "payloads/pleroma/fedidevs_actor.json", "Follow": "payloads/pleroma/activities_follow.json",
			"Reply": "payloads/pleroma/activities_create_note.json", "DeleteReply": "payloads/pleroma/activities_delete.json",
			"webfinger": "payloads/pleroma/pleroma_webfinger.json",
		}, []string{"published of actor", "url of object of Reply"}},
		{actortest.Pixelfed, map[string]string{
			"actor": "payloads/pixelfed/fedidevs_actor.json", "Announce": "payloads/pixelfed/vernissage_statusCase03.json",
			"Like": "payloads/pixelfed/LikeTest_basicLike.json", "Follow": "payloads/pixelfed/FollowTest_basicFollow.json",
		}, nil},
		{actortest.Lemmy, map[string]string{
			"actor": "payloads/lemmy/objects_person.json", "Follow": "payloads/lemmy/activities_following_follow.json",
			"Undo": "payloads/lemmy/activities_voting_undo_like_note.json", "Like": "payloads/lemmy/activities_voting_like_note.json",
			"Reply": "payloads/lemmy/activities_create_or_update_create_comment.json", "DeleteReply": "payloads/lemmy/activities_deletion_delete_page.json",
			"webfinger": "payloads/lemmy/fedidevs_webfinger.json",
		}, []string{"@context of Follow", "@context of actor", "@context of Undo", "@context of Like", "@context of Reply", "@context of DeleteReply", "url of actor", "aliases of webfinger", "published of Reply", "url of object of Reply", "tag of object of Reply"}},
		{actortest.PeerTube, map[string]string{
			"actor": "payloads/peertube/actor-person.json", "Announce": "payloads/peertube/activities_announce_video.json",
		}, nil},
		{actortest.MicroBlog, map[string]string{"actor": "payloads/micro.blog/fedidevs_actor.json", "webfinger": "payloads/micro.blog/fedidevs_webfinger.json"}, []string{"aliases of webfinger"}},
	}
	for _, c := range cases {
		t.Run(c.dialect.String(), func(t *testing.T) {
			said := everything(t, c.dialect)
			for what, file := range c.recorded {
				require.Contains(t, said, what)
				compare(t, what, said[what], recording(t, file), c.forgotten)
			}
		})
	}
}

// everything is what an actor of the dialect says and serves, by what it does.
func everything(t *testing.T, d actortest.Dialect) map[string]any {
	t.Helper()
	ctx := within(t)
	agency := start(t, actortest.Options{})
	news, reader := agency.Actor("news"), agency.Actor("reader")
	peers := start(t, actortest.Options{Dialect: d})
	alice := peers.Actor("alice")
	follow(t, alice, news)
	follow(t, reader, alice)
	post, err := news.Mention(ctx, alice.Handle, "<p>Roads are closed</p>")
	require.NoError(t, err)

	said := map[string]any{}
	do := func(what string) func(actortest.Sent, error) actortest.Sent {
		return func(sent actortest.Sent, err error) actortest.Sent {
			t.Helper()
			require.NoError(t, err, what)
			assert.Equal(t, 202, sent.Status, what)
			receipts := agency.Received()
			last := receipts[len(receipts)-1]
			assert.Equal(t, sent.ID, last.ID, what)
			if what != "DeleteActor" {
				assert.True(t, last.Verdict.OK(), "%s: %s", what, last)
			}
			said[what] = parse(t, sent.JSON)
			return sent
		}
	}
	do("Follow")(alice.Follow(ctx, news.Handle))
	do("Accept")(alice.Accept(ctx, actortest.Received{ID: "https://a.test/1", Actor: reader.ID, Body: []byte(`{"id":"https://a.test/1","type":"Follow","actor":"` + reader.ID + `","object":"` + alice.ID + `"}`)}))
	reply := do("Reply")(alice.Reply(ctx, post.Object, "<p>Which ones?</p>"))
	do("Mention")(alice.Mention(ctx, news.ID, "<p>Hello</p>"))
	do("EditReply")(alice.EditReply(ctx, reply, "<p>Which ones, please?</p>"))
	said["note"] = fetched(t, agency, reply.Object)
	do("DeleteReply")(alice.DeleteReply(ctx, reply))
	do("Undo")(alice.Undo(ctx, do("Like")(alice.Like(ctx, post.Object))))
	do("Announce")(alice.Announce(ctx, post.Object))
	do("Flag")(alice.Flag(ctx, news.Handle, "wrong", post.Object))
	do("Block")(alice.Block(ctx, news.Handle))
	said["actor"] = fetched(t, agency, alice.ID)
	do("Move")(alice.Move(ctx, news.ID, reader.ID))
	said["webfinger"] = fetched(t, agency, peers.URL()+"/.well-known/webfinger?resource=acct:"+alice.Handle)
	do("DeleteActor")(alice.DeleteActor(ctx, news.ID))
	return said
}

// fetched is a document as the actor of another server gets it.
func fetched(t *testing.T, s *actortest.Server, at string) any {
	t.Helper()
	answer, err := s.Actor("reader").Fetch(within(t), at)
	require.NoError(t, err)
	require.Equal(t, 200, answer.Status, at)
	return parse(t, answer.Body)
}

func parse(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(b, &v), string(b))
	return v
}

// recording reads a payload, or the body in a capture.
func recording(t *testing.T, pattern string) any {
	t.Helper()
	files, err := filepath.Glob(testenv.Shared(t, "interop") + "/" + pattern)
	require.NoError(t, err)
	require.Len(t, files, 1, pattern)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	v := parse(t, b)
	for _, body := range []string{"bodyJSON", "responseJSON"} {
		if inner := v.(map[string]any)[body]; inner != nil {
			return inner
		}
	}
	return v
}

// compare looks for each member of ours in theirs.
func compare(t *testing.T, what string, ours, theirs any, forgotten []string) {
	t.Helper()
	o, ok := ours.(map[string]any)
	if !ok {
		return
	}
	th, ok := theirs.(map[string]any)
	if !assert.True(t, ok, "%s is an object with us and %T with them", what, theirs) {
		return
	}
	for name, value := range o {
		at := name + " of " + what
		if slices.Contains(forgotten, at) || !assert.Contains(t, slices.Collect(maps.Keys(th)), name, what) {
			continue
		}
		if value != nil && th[name] != nil && name != "@context" {
			assert.Equal(t, fmt.Sprintf("%T", th[name]), fmt.Sprintf("%T", value), at)
		}
		if name == "object" {
			compare(t, "object of "+what, value, th[name], forgotten)
		}
	}
}
