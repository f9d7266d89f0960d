package inbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
)

// fetch asks for a post behind Guard, signed by somebody in a form, or not at all.
func (w *world) fetch(method, by string, form signing.Form) (status int, shown bool) {
	r := httptest.NewRequest(method, ids["post"], nil)
	r.Header.Set("Accept", "application/activity+json")
	if by != "" {
		require.NoError(w, oneKey().SignAs(form, signing.Wish{}, r, nil, ids[by]+"#main-key", w.now))
	}
	got := httptest.NewRecorder()
	w.Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { shown = true })).ServeHTTP(got, r)
	if !shown {
		assert.Equal(w, "private, no-store", got.Header().Get("Cache-Control"))
	}
	return got.Code, shown
}

func TestOnlyWhoSignsIsShownWhatIsGuarded(t *testing.T) {
	for _, form := range []signing.Form{signing.Cavage, signing.RFC9421} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := newWorld(t)
			status, shown := w.fetch(method, "alice", form)
			assert.True(t, shown, "%s %s", method, form)
			assert.Equal(t, http.StatusOK, status)
			status, shown = w.fetch(method, "", form)
			assert.False(t, shown)
			assert.Equal(t, http.StatusUnauthorized, status)
			assert.Equal(t, signing.Missing, w.lines.reason())
		}
	}
}

func TestWhoIsBlockedIsShownNothing(t *testing.T) {
	w := newWorld(t)
	w.Blocked = func(id string) bool { return id == ids["alice"] }
	w.Verifier.Blocked = func(host string) bool { return host == "evil.test" }
	for who, reason := range map[string]string{"alice": actorBlocked, "mallory": "host-blocked"} {
		asked := w.people.requests()
		status, shown := w.fetch(http.MethodGet, who, signing.Cavage)
		assert.Equal(t, http.StatusForbidden, status)
		assert.False(t, shown)
		assert.Equal(t, reason, w.lines.reason())
		assert.Equal(t, who == "mallory", w.people.requests() == asked, "a blocked server is not asked for a key")
	}
	_, shown := w.fetch(http.MethodGet, "bob", signing.Cavage)
	assert.True(t, shown)
}

func TestAPanicShowsNothing(t *testing.T) {
	w := newWorld(t)
	w.Verifier.Keys = broken{}
	status, shown := w.fetch(http.MethodGet, "alice", signing.Cavage)
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.False(t, shown)
	assert.Equal(t, panicked, w.lines.reason())
	w.Verifier.Keys = w.people
	_, shown = w.fetch(http.MethodGet, "alice", signing.Cavage)
	assert.True(t, shown, "and takes no place with it")
}

type broken struct{ signing.Keys }

func (broken) PublicKey(context.Context, string, bool) (signing.PublicKey, error) { panic("a bug") }

func TestOnlySoManyFetchesAreInside(t *testing.T) {
	w := newWorld(t)
	w.once.Do(w.prepare)
	for range cap(w.gate.inside) {
		w.gate.inside <- struct{}{}
	}
	status, shown := w.fetch(http.MethodGet, "alice", signing.Cavage)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.False(t, shown)
	assert.Zero(t, w.people.requests())
}
