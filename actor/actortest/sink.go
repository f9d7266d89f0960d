package actortest

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// sinkPath is where the inboxes of a Sink are.
const sinkPath = "/sink/"

// Sink is many inboxes that take everything unseen, for measuring fan-out: they
// count, and keep nothing but the ids of the activities.
type Sink struct {
	server *Server
	seed   maphash.Seed
	total  atomic.Int64
	// Without these, making room for bodies costs more than all the rest.
	buffers sync.Pool

	mu     sync.Mutex
	counts []map[string]int  // by inbox, then by activity id
	ids    map[uint64]string // by the hash of a body
}

func newSink(s *Server) *Sink {
	return &Sink{server: s, seed: maphash.MakeSeed(), ids: map[uint64]string{}, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// Inboxes makes n more inboxes that take everything, and returns all there are.
func (s *Server) Inboxes(n int) *Sink {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.counts = append(s.sink.counts, make([]map[string]int, n)...)
	return s.sink
}

// URLs returns the inboxes.
func (s *Sink) URLs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	urls := make([]string, len(s.counts))
	for i := range urls {
		urls[i] = s.server.url + sinkPath + strconv.Itoa(i)
	}
	return urls
}

// Total returns how many requests came, to all inboxes together.
func (s *Sink) Total() int { return int(s.total.Load()) }

// Counts returns how often each activity, by id, came to the inbox with the index.
func (s *Sink) Counts(inbox int) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.counts[inbox]))
	for id, n := range s.counts[inbox] {
		counts[id] = n
	}
	return counts
}

// WaitFor returns when that many requests have come.
func (s *Sink) WaitFor(ctx context.Context, total int) error {
	err := s.server.WaitFor(ctx, func() bool { return s.Total() >= total })
	if err != nil {
		return fmt.Errorf("%w (%d of %d at the sink)", err, s.Total(), total)
	}
	return nil
}

// ServeHTTP takes a request.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := s.buffers.Get().(*bytes.Buffer)
	defer s.buffers.Put(body)
	body.Reset()
	_, err := body.ReadFrom(r.Body)
	inbox, no := strconv.Atoi(strings.TrimPrefix(r.URL.Path, sinkPath))
	if err != nil || no != nil || !s.take(inbox, body.Bytes()) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	s.total.Add(1)
	s.server.stir()
}

// take counts the activity; a body that came before is not read again.
func (s *Sink) take(inbox int, body []byte) bool {
	sum := maphash.Bytes(s.seed, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if inbox < 0 || inbox >= len(s.counts) {
		return false
	}
	id, known := s.ids[sum]
	if !known {
		activity, _ := readObject(body)
		id = activity.text("id")
		s.ids[sum] = id
	}
	if s.counts[inbox] == nil {
		s.counts[inbox] = map[string]int{}
	}
	s.counts[inbox][id]++
	return true
}
