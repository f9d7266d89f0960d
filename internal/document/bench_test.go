package document_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/panui/panui/internal/document"
)

// BenchmarkGET serves a document and, beside it, the same bytes from a handler
// that does nothing else, over real connections.
func BenchmarkGET(b *testing.B) {
	content := bytes.Repeat([]byte("x"), 3<<10)
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", activityJSON)
		w.Write(content)
	})
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{
		{"bare", bare},
		{"document", document.New(activityJSON, content, document.Options{})},
	} {
		b.Run(c.name, func(b *testing.B) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			client := server.Client()
			b.ReportAllocs()
			for b.Loop() {
				res, err := client.Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

func BenchmarkServeHTTP(b *testing.B) {
	d := document.New(activityJSON, bytes.Repeat([]byte("x"), 3<<10), document.Options{})
	w := discard{http.Header{}}
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		d.ServeHTTP(w, r)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
