package actortest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answer is how a URL of the server behaves instead of doing its work. The zero
// Answer does the work again.
type Answer struct {
	Status     int           // 0 does the work, after Wait
	RetryAfter time.Duration // sent in seconds as Retry-After when not zero
	Location   string        // sent when not empty
	Body       string
	Wait       time.Duration // before anything is answered
	Drip       time.Duration // between the bytes of Body, each sent on its own
	Stall      bool          // never answers
	HangUp     bool          // closes the connection without an answer
	Times      int           // how many requests get it; 0 is all
}

// idle says whether there is nothing to do differently.
func (a Answer) idle() bool { return a == Answer{} }

// Answer makes a URL or path of the server behave so; an empty one means every
// inbox, personal and shared. Requests that are answered so are counted, and
// not judged or kept, unless Status is 0.
func (s *Server) Answer(at string, a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(at, s.url)
	if a.idle() {
		delete(s.answers, path)
		return
	}
	s.answers[path] = &a
}

// Freeze makes the server take new connections and never say a word on them, not
// even in TLS, until it is turned off; connections made meanwhile are then closed.
func (s *Server) Freeze(on bool) { s.door.freeze(on) }

// frozen is what Requests counts connections under that met a frozen server.
const frozen = "frozen"

// Requests returns how often each URL was asked, by method and path with query:
// "GET /users/alice". Connections that met a frozen server count as "frozen".
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make(map[string]int, len(s.requests))
	for what, n := range s.requests {
		counts[what] = n
	}
	return counts
}

// ServeHTTP answers as the server; Start does it on a socket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.serving.Done()
	if strings.HasPrefix(r.URL.Path, sinkPath) {
		s.sink.ServeHTTP(w, r)
		return
	}
	inbox := s.isInbox(r.RequestURI)
	if s.misbehave(w, r, s.expected(r, inbox)) {
		return
	}
	switch {
	case r.Method == http.MethodPost && inbox:
		s.serveInbox(w, r)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.serveDocument(w, r)
	default:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

// isInbox says whether the path is that of an inbox here.
func (s *Server) isInbox(path string) bool {
	if path == s.manner.sharedInbox {
		return true
	}
	return s.owner(path) != nil
}

// owner is the actor whose inbox has the path; nil for the shared inbox.
func (s *Server) owner(path string) *Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.actors {
		if a.Inbox == s.url+path {
			return a
		}
	}
	return nil
}

// expected counts the request and finds how it is to be answered.
func (s *Server) expected(r *http.Request, inbox bool) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.Method+" "+r.RequestURI]++
	s.change()
	for _, path := range []string{r.RequestURI, ""} {
		a := s.answers[path]
		if a == nil || path == "" && !inbox {
			continue
		}
		answer := *a
		if a.Times--; a.Times == 0 {
			delete(s.answers, path)
		}
		return answer
	}
	return Answer{}
}

// misbehave answers as it is told, and says whether it has.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, a Answer) bool {
	if a.HangUp {
		panic(http.ErrAbortHandler)
	}
	if a.Stall {
		s.sleep(r, 0)
		panic(http.ErrAbortHandler)
	}
	if a.Wait > 0 && !s.sleep(r, a.Wait) {
		panic(http.ErrAbortHandler)
	}
	if a.Status == 0 {
		return false
	}
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(a.RetryAfter/time.Second)))
	}
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	w.WriteHeader(a.Status)
	s.write(w, r, a)
	return true
}

// write sends the body of an Answer, all at once or drop by drop.
func (s *Server) write(w http.ResponseWriter, r *http.Request, a Answer) {
	if a.Drip == 0 {
		_, _ = w.Write([]byte(a.Body))
		return
	}
	out := http.NewResponseController(w)
	for _, b := range []byte(a.Body) {
		if _, err := w.Write([]byte{b}); err != nil || out.Flush() != nil || !s.sleep(r, a.Drip) {
			panic(http.ErrAbortHandler)
		}
	}
}

// sleep waits for d, or without end when d is zero, and says whether the client
// and the server are still there.
func (s *Server) sleep(r *http.Request, d time.Duration) bool {
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}
