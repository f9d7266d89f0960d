package inbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	vocab "github.com/go-ap/activitypub"
	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rungs are the checks in their order, each with the reason of the refusal when
// it fails. A request that is wrong in every way meets the first; put right, it
// meets the second; and so on up to 202. What must not have happened yet is
// checked on every rung.
var rungs = []string{
	noSuchInbox, wrongMethod, wrongMediaType, bodyTooLong, bodyBroken, jsonRefused,
	"signature-missing", "signature-malformed", "date-outside-window", "digest-wrong", "host-blocked",
	"key-unknown", "signature-wrong", actorNotSigner, objectOfAnother, storeFailed, "",
}

func TestTheOrderIsFixed(t *testing.T) {
	rung := func(reason string) int {
		for i, r := range rungs {
			if r == reason {
				return i
			}
		}
		panic(reason)
	}
	for i, reason := range rungs {
		name := reason
		if name == "" {
			name = "taken"
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			judged := 0
			w.Policy = func(context.Context, string, *vocab.Activity) (Verdict, string) { judged++; return Accept, "" }
			w.Verifier.Blocked = func(host string) bool { return host == "blocked.test" }
			if i <= rung(storeFailed) {
				w.spy.fail = errors.New("disk full")
			}
			answer := w.serve(w.wrongFrom(i, rung))

			if reason == "" {
				assert.Equal(t, http.StatusAccepted, answer.Code)
				assert.Len(t, w.spy.applied, 1, "one Apply")
			} else {
				assert.Equal(t, reason, w.lines.reason())
				assert.Empty(t, w.spy.applied)
			}
			assert.Equal(t, i >= rung("key-unknown"), w.people.requests() > 0, "no key is looked for before the host is known not to be blocked")
			assert.Equal(t, i >= rung(objectOfAnother), w.spy.asked > 0, "nothing is looked up before the signature is certain")
			assert.Equal(t, i >= rung(storeFailed), judged > 0, "the policy is asked after the authority")
		})
	}
}

// wrongFrom makes a request that is wrong in every way from a rung upwards.
func (w *world) wrongFrom(i int, rung func(string) int) *http.Request {
	wrong := func(reason string) bool { return i <= rung(reason) }
	choose := func(reason, bad, good string) string {
		if wrong(reason) {
			return bad
		}
		return good
	}
	activity := choose(objectOfAnother, strings.Replace(aliceReplies, `"attributedTo":"{alice}"`, `"attributedTo":"{bob}"`, 1), aliceReplies)
	activity = choose(actorNotSigner, strings.ReplaceAll(activity, "{alice}", "{carol}"), activity)
	body := []byte(replace.Replace(choose(jsonRefused, strings.Replace(activity, `{`, `{"ACTOR":"x",`, 1), activity)))

	r := httptest.NewRequest(choose(wrongMethod, "PUT", "POST"), choose(noSuchInbox, "https://our.test/ap/nowhere", ids["inbox"]), bytes.NewReader(body))
	if wrong(bodyBroken) {
		r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	r.Header.Set("Content-Type", choose(wrongMediaType, "text/plain", as2.MediaType))
	now := w.now
	if wrong("date-outside-window") {
		now = now.Add(-13 * time.Hour)
	}
	keyID := choose("key-unknown", ids["alice"]+"#no-key", ids["alice"]+"#main-key")
	keyID = choose("host-blocked", "https://blocked.test/key", keyID)
	assert.NoError(w, oneKey().Sign(r, body, keyID, now))
	if wrong("digest-wrong") {
		r.Header.Set("Digest", "SHA-256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	}
	if wrong("signature-wrong") {
		r.Header.Set("User-Agent", "x")
		r.Header.Set("Signature", spoil(r.Header.Get("Signature")))
	}
	if wrong("signature-malformed") {
		r.Header.Set("Signature", `keyId="`)
	}
	if wrong("signature-missing") {
		r.Header.Del("Signature")
	}
	if wrong(bodyTooLong) {
		r.ContentLength = 1 << 40
	}
	return r
}

// spoil changes one character of a signature.
func spoil(header string) string {
	at := strings.Index(header, `signature="`) + len(`signature="`) + 10
	other := "A"
	if header[at] == 'A' {
		other = "B"
	}
	return header[:at] + other + header[at+1:]
}

// Every type of store failure is a 503 that asks to come again, and what comes
// again has its effect.
func TestAFailingStoreChangesNothing(t *testing.T) {
	for _, activity := range []string{aliceFollows, aliceReplies, aliceLikes, aliceBlocks, aliceReports} {
		w := newWorld(t)
		w.spy.fail = errors.New("disk full")
		before := w.dump()
		answer := w.serve(w.request(activity))
		assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
		assert.Equal(t, "30", answer.Header().Get("Retry-After"))
		assert.Equal(t, before, w.dump())

		w.spy.fail = nil
		assert.Equal(t, http.StatusAccepted, w.deliver(activity), "the same signature is not taken for a repetition")
		assert.NotEqual(t, before, w.dump())
	}
}

// A store that changed between the decision and the Apply is asked again.
func TestADecisionIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.spy.Store = &overtaken{Store: w.spy.Store, by: store.Receive{Received: store.Received{
		ID: ids["alice"] + "/notes/1", Actor: ids["news"], From: ids["alice"], Type: "Create", State: store.Held, At: w.now,
	}}}
	assert.Equal(t, http.StatusAccepted, w.deliver(aliceReplies))
	assert.Len(t, w.received(store.ReceivedQuery{}), 1)
	assert.Empty(t, w.journal(), "the other one wrote the journal")
}

// overtaken is a store in which another process writes first, once.
type overtaken struct {
	store.Store
	by   store.Op
	done bool
}

func (o *overtaken) Apply(ctx context.Context, ops ...store.Op) error {
	if !o.done {
		o.done = true
		if err := o.Store.Apply(ctx, o.by); err != nil {
			return err
		}
	}
	return o.Store.Apply(ctx, ops...)
}

func TestAPanicEndsOneRequest(t *testing.T) {
	w := newWorld(t)
	w.Resolver = nil
	assert.Equal(t, http.StatusInternalServerError, w.deliver(aliceFollows))
	assert.Equal(t, panicked, w.lines.reason())
	assert.Equal(t, http.StatusAccepted, w.deliver(aliceLikes), "the next one is served, and no turn is kept")
	assert.Equal(t, http.StatusAccepted, w.deliver(aliceBoosts))
}
