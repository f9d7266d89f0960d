package actortest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Received is a request to an inbox, with what the server made of it.
type Received struct {
	At      time.Time
	Path    string // and query, as on the wire
	Header  http.Header
	Body    []byte
	Type    string // of the activity, when it could be read
	ID      string // of the activity
	Actor   string // who it says did it
	Object  string // the id of what it is about
	Verdict Verdict
}

// String says in a line what came and what became of it.
func (r Received) String() string {
	return fmt.Sprintf("POST %s: %s of %s by %s: %s", r.Path, orNothing(r.Type), orNothing(r.Object), orNothing(r.Actor), r.Verdict)
}

func orNothing(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Verdict is what a server decides about a request.
type Verdict struct {
	Status    int      // as answered
	Reasons   []string // why it was refused, or taken and ignored; none when all is well
	Signature Signature
}

// OK says whether the activity was believed and acted upon.
func (v Verdict) OK() bool { return len(v.Reasons) == 0 }

// String returns the status and the reasons.
func (v Verdict) String() string {
	if v.OK() {
		return fmt.Sprintf("%d", v.Status)
	}
	return fmt.Sprintf("%d %s", v.Status, strings.Join(v.Reasons, "; "))
}

// Signature is what a request's signature proves. Owner is empty until it is proven.
type Signature struct {
	KeyID     string
	Algorithm string
	Covered   []string  // component names in the order signed
	Signed    time.Time // as it says itself; zero when it covers no time
	Owner     string    // the actor that the key belongs to
}

// A refusal is why a request is not taken. Status 0 answers as if all were well.
type refusal struct {
	status int
	reason string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}
