package panui_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/proof"
	"github.com/panui/panui/store/memory"
)

// edwards is an Ed25519 key, the same for the same seed.
func edwards(t testing.TB, seed byte) *signing.Key {
	t.Helper()
	key, err := signing.New(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	require.NoError(t, err)
	return key
}

// What a ministry says can be proved to be its own by whoever holds it, from the
// ministry's own document alone, also after it went through other servers.
func TestNewsIsProvedByWhomeverItIsHandedOn(t *testing.T) {
	ctx := within(t)
	ministry := open(t, memory.New(), func(c *panui.Config) { c.Actors[0].ProofKey = edwards(t, 1) })
	server, err := actortest.Start(actortest.Options{Proofs: true})
	require.NoError(t, err)
	defer server.Close()
	aroha := server.Actor("aroha")
	stranger, err := actortest.Start(actortest.Options{Dialect: actortest.GoToSocial})
	require.NoError(t, err)
	defer stranger.Close()
	tama := stranger.Actor("tama")

	follow, err := aroha.Follow(ctx, ministry.handle)
	require.NoError(t, err)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
	item := outbox.Item{
		Key: "2026/17", URL: ministry.url + "/news/17", Title: "Kua tuwhera te huarahi", Language: "en-NZ", Pinned: true,
		HTML: "<p>State Highway 1 &amp; “Mangamuka” are open again.</p>", Tags: []string{"RoadsNZ"},
		Images: []outbox.Image{{URL: ministry.url + "/road.jpg", Alt: "The road", FocalX: -0.25, FocalY: 1}},
	}
	post, err := ministry.Publish(ctx, item)
	require.NoError(t, err)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 1 }))
	shown, err := tama.Fetch(ctx, post.ID)
	require.NoError(t, err)
	item.Title = "Kua kati te huarahi"
	_, err = ministry.Publish(ctx, item)
	require.NoError(t, err)
	require.NoError(t, server.WaitFor(ctx, func() bool { return aroha.Timeline()[0].Edits == 1 }))
	require.NoError(t, ministry.Withdraw(ctx, "", "2026/17"))
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Timeline()) == 0 }))
	gone, err := tama.Fetch(ctx, post.ID)
	require.NoError(t, err)
	require.Equal(t, http.StatusGone, gone.Status)

	documents := map[string][]byte{"the post": shown.Body, "its tombstone": gone.Body}
	for _, r := range server.Received() {
		assert.Equal(t, http.StatusAccepted, r.Verdict.Status, r.String())
		assert.Empty(t, r.Verdict.Reasons, r.String())
		if r.Type != "Accept" { // for one follower, and not to be shown to others
			documents[r.Type] = r.Body
		}
	}
	for _, name := range []string{"the post", "its tombstone", "Create", "Update", "Delete", "Add"} {
		t.Run(name, func(t *testing.T) {
			document := documents[name]
			require.NotEmpty(t, document)
			owner, err := tama.VerifyProof(ctx, document)
			require.NoError(t, err)
			assert.Equal(t, follow.Object, owner)

			var members map[string]any
			require.NoError(t, json.Unmarshal(document, &members))
			again, err := json.MarshalIndent(members, "", "  ")
			require.NoError(t, err)
			_, err = tama.VerifyProof(ctx, again)
			assert.NoError(t, err, "written anew by another server")

			members["id"] = ministry.url + "/ap/objects/forged"
			forged, err := json.Marshal(members)
			require.NoError(t, err)
			_, err = tama.VerifyProof(ctx, forged)
			assert.ErrorContains(t, err, "proof is wrong")
		})
	}
}

// The key of proofs is replaced. What the one before has proved can be checked as
// long as that is listed, also when it is fetched anew from the site.
func TestProofsOfBeforeCanBeCheckedWhileTheirKeyIsListed(t *testing.T) {
	h := newHouse(t, memory.New())
	machine := func(key *signing.Key, others ...string) *panui.Site {
		site, err := panui.New(panui.Config{
			BaseURL: h.server.URL, Store: h.store, Keys: signing.Fediverse(), InsecureLoopback: true, Log: slog.New(slog.DiscardHandler),
			Actors: []actor.Profile{{
				Handle: h.handle(), Name: "Te Manatū Tauira", Key: siteKey(), ProofKey: key, OtherProofKeys: others, Languages: []string{"en-NZ"},
			}},
		})
		require.NoError(t, err)
		h.front.Store(site)
		return site
	}
	publishes := func(site *panui.Site, key string) (id string) {
		post, err := site.Publish(h.ctx, outbox.Item{Key: key, URL: h.server.URL + "/" + key, Title: "Roads", Language: "en-NZ"})
		require.NoError(t, err)
		return post.ID
	}
	verified := func(id string) error {
		server, err := actortest.Start(actortest.Options{}) // which has cached nothing
		require.NoError(t, err)
		defer server.Close()
		tama := server.Actor("tama")
		shown, err := tama.Fetch(h.ctx, id)
		require.NoError(t, err)
		_, err = tama.VerifyProof(h.ctx, shown.Body)
		return err
	}
	old := publishes(machine(edwards(t, 1)), "17")
	require.NoError(t, verified(old))
	fresh := publishes(machine(edwards(t, 2), edwards(t, 1).PublicMultikey()), "18")
	assert.NoError(t, verified(old), "listed beside the one that signs now")
	assert.NoError(t, verified(fresh))
	machine(edwards(t, 2))
	assert.Error(t, verified(old), "listed no more")
	assert.NoError(t, verified(fresh))
}

func TestWithoutAKeyForProofsAPeerThatDemandsThemGetsNone(t *testing.T) {
	ctx := within(t)
	ministry := open(t, memory.New())
	server, err := actortest.Start(actortest.Options{Proofs: true})
	require.NoError(t, err)
	defer server.Close()
	aroha := server.Actor("aroha")
	_, err = aroha.Follow(ctx, ministry.handle)
	require.NoError(t, err)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
	_, err = ministry.Publish(ctx, outbox.Item{Key: "2026/17", URL: ministry.url + "/news/17", Title: "Roads", Language: "en-NZ"})
	require.NoError(t, err)
	require.NoError(t, server.WaitFor(ctx, func() bool { return len(server.Received()) > 1 }))
	last := server.Received()[len(server.Received())-1]
	assert.Contains(t, last.Verdict.String(), "no proof")
	assert.Empty(t, aroha.Timeline())
}

func TestTheDefaultPolicyAllowsNoProofs(t *testing.T) {
	_, err := panui.New(panui.Config{
		BaseURL: "https://www.agency.govt.nz", Store: memory.New(),
		Actors: []actor.Profile{{Handle: "news@agency.govt.nz", Name: "Te Manatū Tauira", Key: siteKey(), ProofKey: edwards(t, 1)}},
	})
	assert.ErrorContains(t, err, "policy NZISM forbids our key: Ed25519 is not on its list; leave ProofKey out")
}

// provenByAlice gives what somebody says a proof by a key of alice, which her document lists.
func provenByAlice(w *world, said string, change ...string) writes {
	w.Helper()
	w.victim.serve("/users/alice", document(strings.Replace(w.fill(person("{alice}", privateKey("alice").Public())), `"preferredUsername"`,
		w.fill(`"assertionMethod":[{"id":"{alice}#ed25519-key","type":"Multikey","controller":"{alice}","publicKeyMultibase":"`)+edwards(w, 1).PublicMultikey()+`"}],"preferredUsername"`, 1)))
	activityStreams := `"https://www.w3.org/ns/activitystreams"`
	body := strings.Replace(w.fill(said), activityStreams, `[`+activityStreams+`,"https://w3id.org/security/data-integrity/v2"]`, 1)
	signed, err := proof.Sign([]byte(body), edwards(w, 1), w.fill("{alice}#ed25519-key"), time.Now())
	require.NoError(w, err)
	return says(strings.NewReplacer(change...).Replace(string(signed)))
}

// What arrives is proved by its HTTP signature alone. A proof is part of what was
// said and has no effect, right or wrong.
func TestAProofHasNoMoreEffectThanNone(t *testing.T) {
	for name, letter := range map[string]func(*world) writes{
		"none":               func(*world) writes { return says(malloryReplies) },
		"by alice's key":     func(w *world) writes { return provenByAlice(w, malloryReplies) },
		"that is wrong":      func(w *world) writes { return provenByAlice(w, malloryReplies, `"proofValue":"z`, `"proofValue":"z2`) },
		"of another suite":   func(w *world) writes { return provenByAlice(w, malloryReplies, "eddsa-jcs-2022", "mldsa44-jcs-2024") },
		"by a key of nobody": func(w *world) writes { return provenByAlice(w, malloryReplies, "#ed25519-key", "#none") },
		"several": func(w *world) writes {
			return provenByAlice(w, malloryReplies, `"proof":{`, `"proof":[{},{}],"more":{`)
		},
		"that has expired": func(w *world) writes {
			return provenByAlice(w, malloryReplies, `"proofPurpose"`, `"expires":"2020-01-01T00:00:00Z","proofPurpose"`)
		},
		"that is text": func(w *world) writes { return says(strings.Replace(malloryReplies, `"id"`, `"proof":"yes","id"`, 1)) },
		"of alice, for what she says": func(w *world) writes {
			return says(strings.Replace(malloryReplies, `"id"`, `"proof":{"actor":"{alice}"},"id"`, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "memory", scene{})
			said := letter(w)(w).body
			dialled := w.dialled()
			require.Equal(t, http.StatusAccepted, w.send(w.letter(said, forge{by: "mallory"}).wire()).status, w.log.events())
			assert.Equal(t, 1, w.dialled()-dialled, "her actor is asked for, and nobody about the proof")
			replies := w.heard()
			require.NotEmpty(t, replies)
			assert.Equal(t, w.fill("{mallory}"), replies[0].From)
			assert.Equal(t, "Kia ora "+secret, replies[0].Text)
		})
	}
}

func TestAProofOfAliceBringsNobodyIn(t *testing.T) {
	w := newWorld(t, "memory", scene{})
	body := provenByAlice(w, aliceReplies)(w).body
	p, err := proof.Read([]byte(body), time.Now())
	require.NoError(t, err)
	require.NoError(t, p.Verify(proof.Method{ID: w.fill("{alice}#ed25519-key"), Controller: w.fill("{alice}"), Key: edwards(t, 1).Public()}))
	for name, tc := range map[string]struct {
		letter letter
		status int
		code   string
	}{
		"without a signature":              {w.letter(body, forge{}).with("Signature:"), 401, "signature-missing"},
		"signed by mallory":                {w.letter(body, forge{by: "mallory"}), 403, "actor-not-signer"},
		"signed by mallory as her":         {w.letter(body, forge{by: "mallory", keyID: "{alice}#main-key"}), 401, "signature-wrong"},
		"signed with the key of the proof": {w.letter(body, forge{keyID: "{alice}#ed25519-key"}), 401, "key-unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			kept, queued := w.tables(), w.queue()
			w.log.clear()
			assert.Equal(t, tc.status, w.send(tc.letter.wire()).status)
			require.Len(t, w.log.events(), 1)
			assert.Equal(t, tc.code, w.log.events()[0].code)
			assert.Equal(t, kept, w.tables())
			assert.Equal(t, queued, w.queue())
		})
	}
	assert.Equal(t, http.StatusAccepted, w.send(w.letter(body, forge{}).wire()).status, "her own signature does")
}
