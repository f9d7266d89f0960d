package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/kit"
)

// A follower is somebody on another server who follows the newsroom.
type follower struct {
	*testing.T
	ctx    context.Context
	server *actortest.Server
	*actortest.Actor
}

// follows has somebody on a new server follow the newsroom.
func follows(t *testing.T, p program, o actortest.Options) follower {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	server, err := actortest.Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	f := follower{t, ctx, server, server.Actor("aroha")}
	f.taken(f.Follow(ctx, "news@"+strings.TrimPrefix(p.website, "http://")))
	f.until(func() bool { return len(f.Following()) == 1 })
	return f
}

func (f follower) taken(sent actortest.Sent, err error) {
	f.Helper()
	require.NoError(f, err)
	require.Equal(f, http.StatusAccepted, sent.Status, string(sent.JSON))
}

func (f follower) until(done func() bool) {
	f.Helper()
	require.NoError(f, f.server.WaitFor(f.ctx, done))
}

// reads waits for news with the title, and returns it. What brought it was believed.
func (f follower) reads(title string) actortest.Post {
	f.Helper()
	var found actortest.Post
	f.until(func() bool {
		for _, post := range f.Timeline() {
			if strings.Contains(post.Content, title) {
				found = post
			}
		}
		return found.ID != ""
	})
	assert.True(f, found.Arrived.Verdict.OK(), found.Arrived.String())
	return found
}

// writes publishes news on the editor's page.
func writes(t *testing.T, p program, title string) {
	t.Helper()
	written := visit(t, p.website+"/editor/new").press(t, "Publish", map[string]string{"title": title, "text": "Every road is open."})
	require.Contains(t, written.words(), "Published. It is on the website")
}

// Servers that are hard to please, in four ways, follow, read and reply.
func TestPeersWithDemandsFollowAndReply(t *testing.T) {
	p := start(t, "-reader=false")
	changing := actortest.Options{Dialect: actortest.Mastodon}
	for _, peer := range []struct {
		name    string
		options actortest.Options
		between func(follower)
	}{
		{name: "speaks RFC 9421 alone", options: actortest.Options{Signatures: actortest.RFC9421Alone}},
		{name: "speaks draft-cavage alone", options: actortest.Options{Dialect: actortest.Misskey}},
		{name: "demands signed GETs", options: actortest.Options{Dialect: actortest.GoToSocial, RejectUnsignedGets: true}},
		{name: "speaks RFC 9421 alone and demands signed GETs", options: actortest.Options{Signatures: actortest.RFC9421Alone, RejectUnsignedGets: true}},
		{name: "changes its key", options: changing, between: changesKey},
		{name: "changes its key and speaks RFC 9421 alone", options: actortest.Options{Signatures: actortest.RFC9421Alone}, between: changesKey},
	} {
		t.Run(peer.name, func(t *testing.T) {
			aroha := follows(t, p, peer.options)
			title := "For who " + peer.name
			writes(t, p, title)
			post := aroha.reads(title)
			if peer.between != nil {
				peer.between(aroha)
			}
			aroha.taken(aroha.Reply(aroha.ctx, post.ID, "<p>Tēnā koe, says who "+peer.name+".</p>"))
			soon(t, p.website+"/editor/moderation", "Tēnā koe, says who "+peer.name)
			writes(t, p, "And again for who "+peer.name)
			aroha.reads("And again for who " + peer.name)
		})
	}
}

// changesKey gives the follower a new key, which an Update signed with the old one announces.
func changesKey(f follower) {
	f.Helper()
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(f, err)
	agency := f.Following()[0]
	var old crypto.Signer
	old, err = f.RotateKey(next)
	require.NoError(f, err)
	document, err := f.Fetch(f.ctx, f.ID)
	require.NoError(f, err)
	update := `{"@context":"https://www.w3.org/ns/activitystreams","id":"` + f.ID + `#updates/1","type":"Update","actor":"` + f.ID +
		`","to":["https://www.w3.org/ns/activitystreams#Public"],"object":` + string(document.Body) + `}`
	f.taken(f.Send(f.ctx, agency+"/inbox", []byte(update), actortest.Forge{Key: old}))
	refused, err := f.Send(f.ctx, agency+"/inbox", []byte(strings.Replace(update, "#updates/1", "#updates/2", 1)), actortest.Forge{Key: old})
	require.NoError(f, err)
	assert.Equal(f, http.StatusUnauthorized, refused.Status, "the old key is worth nothing any more")
}

// The key is deleted. Without it the newsroom does not speak; restored from the
// officers' kit, it is believed by a server that has kept the key it had.
func TestAKeyIsRestoredFromTheKit(t *testing.T) {
	data := t.TempDir()
	path := filepath.Join(data, "panui.pem")
	p := start(t, "-reader=false", "-data", data)
	aroha := follows(t, p, actortest.Options{Dialect: actortest.GoToSocial, KeepKeys: true})
	writes(t, p, "Before")
	aroha.reads("Before")

	hine, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	tama, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	officers, err := kit.Officers(strings.NewReader("# Hine\n" + hine.Recipient().String() + "\n# Tama\n" + tama.Recipient().String()))
	require.NoError(t, err)
	key, err := signing.File(path)
	require.NoError(t, err)
	var sealed bytes.Buffer
	_, err = kit.MakeFile(&sealed, path, kit.Label{
		Handle: "news@" + strings.TrimPrefix(p.website, "http://"), Actor: aroha.Following()[0], Fingerprint: key.Fingerprint(), Officers: officers,
	})
	require.NoError(t, err)
	require.NoError(t, p.stop())
	require.NoError(t, os.Remove(path))

	address := strings.TrimPrefix(p.website, "http://")
	stranger := run(t.Context(), []string{"-reader=false", "-data", data, "-addr", address}, new(bytes.Buffer))
	require.ErrorContains(t, stranger, "Bring back the pinned key")

	require.NoError(t, os.Remove(path), "the key that it made instead")
	opened, err := kit.Open(&sealed, tama)
	require.NoError(t, err)
	require.NoError(t, opened.Restore(path))
	again := start(t, "-reader=false", "-data", data, "-addr", address)
	require.Equal(t, p.website, again.website)
	writes(t, again, "After")
	aroha.reads("After")
}
