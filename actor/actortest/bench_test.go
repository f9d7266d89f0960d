package actortest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkSink is what an inbox of the sink costs, beside net/http.
func BenchmarkSink(b *testing.B) {
	s, err := Start(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	s.Inboxes(1000)
	body := bytes.Repeat([]byte(" "), 3<<10)
	copy(body, `{"id":"https://a.test/1"}`)
	r := httptest.NewRequest(http.MethodPost, "/sink/17", nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
}
