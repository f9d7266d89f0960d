package document_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/document"
)

func TestWhatIsPrivateIsKeptByNoCache(t *testing.T) {
	d := document.New(activityJSON, []byte("{}"), document.Options{MaxAge: time.Hour, Vary: "Accept"})
	for what, head := range map[string]http.Header{
		"whole":           {},
		"known already":   {"If-None-Match": {d.ETag()}},
		"asked for wrong": {"If-None-Match": {`"x"`}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = head
		got := httptest.NewRecorder()
		d.ServeHTTP(document.Private(got, "Signature", "accept"), r)
		assert.Equal(t, []string{"private, no-store"}, got.Header()["Cache-Control"], what)
		assert.Equal(t, []string{"Accept", "Signature"}, got.Header()["Vary"], what)
		assert.Equal(t, d.ETag(), got.Header().Get("Etag"), what)
	}
	public := httptest.NewRecorder()
	d.ServeHTTP(public, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Contains(t, public.Header().Get("Cache-Control"), "public", "the document itself is as it was")

	bare := httptest.NewRecorder()
	w := document.Private(bare)
	_, err := w.Write([]byte("x"))
	assert.NoError(t, err)
	assert.Equal(t, "private, no-store", bare.Header().Get("Cache-Control"))
	assert.NoError(t, http.NewResponseController(w).Flush(), "the connection can be reached")
}
