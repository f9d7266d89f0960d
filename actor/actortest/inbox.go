package actortest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxReceived is how many requests a server remembers; a simulated reader may run for days.
const maxReceived = 10_000

// serveInbox judges a POST and remembers it.
func (s *Server) serveInbox(w http.ResponseWriter, r *http.Request) {
	limit := s.manner.bodyLimit
	if limit == 0 {
		limit = 8 << 20
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	receipt := Received{At: s.now(), Path: r.RequestURI, Header: r.Header.Clone(), Body: body}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		receipt.Verdict = Verdict{Status: http.StatusRequestEntityTooLarge, Reasons: []string{fmt.Sprintf("body has more than %d bytes", limit)}}
	case err != nil:
		panic(http.ErrAbortHandler)
	default:
		s.judge(r, &receipt)
	}
	s.remember(receipt)
	w.WriteHeader(receipt.Verdict.Status)
}

// judge fills in what the activity says and what the server makes of it.
func (s *Server) judge(r *http.Request, receipt *Received) {
	activity, parseErr := readObject(receipt.Body)
	receipt.Type, receipt.ID = activity.text("type"), activity.text("id")
	receipt.Actor, receipt.Object = activity.ref("actor"), activity.ref("object")
	if s.unknownGoes(activity) {
		receipt.Verdict = Verdict{Status: s.manner.accepted, Reasons: []string{"an actor not known here is gone or changed"}}
		return
	}
	if no := s.checkTransport(r); no != nil {
		receipt.Verdict = s.verdict(Signature{}, no)
		return
	}
	proof, no := s.prove(r, receipt.Body)
	if no == nil && parseErr != nil {
		no = refuse(http.StatusBadRequest, "%v", parseErr)
	}
	if no == nil {
		no = s.checkActivity(receipt, activity, proof)
	}
	if no == nil {
		no = s.checkIntegrity(r.Context(), activity, receipt.Body)
	}
	if no == nil {
		receipt.Verdict = s.verdict(proof, nil)
		no = s.apply(receipt, activity)
	}
	receipt.Verdict = s.verdict(proof, no)
}

func (s *Server) verdict(proof Signature, no *refusal) Verdict {
	if no == nil {
		return Verdict{Status: s.manner.accepted, Signature: proof}
	}
	status := no.status
	if status == 0 {
		status = s.manner.accepted
	}
	return Verdict{Status: status, Reasons: []string{no.reason}, Signature: proof}
}

// unknownGoes says whether an actor never met takes leave or changes, which
// Mastodon answers without looking.
func (s *Server) unknownGoes(activity object) bool {
	actor := activity.ref("actor")
	if s.o.Dialect != Mastodon || actor == "" || actor != activity.ref("object") {
		return false
	}
	if t := activity.text("type"); t != "Delete" && t != "Update" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.keys {
		if key.owner == actor {
			return false
		}
	}
	return true
}

// checkTransport looks at the request before its signature.
func (s *Server) checkTransport(r *http.Request) *refusal {
	if s.manner.userAgent && r.UserAgent() == "" {
		return refuse(http.StatusTeapot, "no User-Agent")
	}
	if s.manner.strictMedia != 0 && !isActivity(r.Header.Get("Content-Type")) {
		return refuse(s.manner.strictMedia, "media type is %q", r.Header.Get("Content-Type"))
	}
	return nil
}

// checkActivity holds a signed activity to the rules that need no memory.
func (s *Server) checkActivity(receipt *Received, activity object, proof Signature) *refusal {
	m := s.manner
	switch {
	case m.depth > 0 && depth(activity) > m.depth:
		return refuse(0, "JSON is deeper than %d levels", m.depth)
	case !activity.inContext():
		return refuse(m.noContext, "@context does not contain the ActivityStreams string")
	case receipt.ID == "":
		return refuse(0, "activity has no id")
	case receipt.Actor == "":
		return refuse(m.noContext, "activity has no actor")
	case receipt.Actor != proof.Owner:
		return refuse(0, "activity of %s is signed by %s", receipt.Actor, proof.Owner)
	case hostOf(receipt.ID) != hostOf(receipt.Actor):
		return refuse(0, "activity id is on %q, its actor on %q", hostOf(receipt.ID), hostOf(receipt.Actor))
	case m.sharedFollow != 0 && receipt.Type == "Follow" && receipt.Path == m.sharedInbox:
		return refuse(m.sharedFollow, "Follow at the shared inbox")
	}
	switch receipt.Type {
	case "Create":
		return s.checkCreate(activity)
	case "Update":
		return s.checkUpdate(activity)
	case "Delete":
		return s.checkDelete(activity)
	case "Undo":
		return s.checkUndo(activity)
	}
	return nil
}

func (s *Server) checkCreate(activity object) *refusal {
	post := activity.inner("object")
	if post == nil {
		return refuse(0, "Create does not embed its object")
	}
	if post.text("id") == activity.text("id") {
		return refuse(0, "activity and object have the same id")
	}
	return s.checkPost(activity, post)
}

func (s *Server) checkUpdate(activity object) *refusal {
	post := activity.inner("object")
	if post == nil {
		return refuse(s.manner.bareUpdate, "Update does not embed its object")
	}
	if post.text("id") == activity.ref("actor") {
		return nil
	}
	return s.checkPost(activity, post)
}

// checkPost holds an object to what the dialect shows to readers.
func (s *Server) checkPost(activity, post object) *refusal {
	m, actor := s.manner, activity.ref("actor")
	switch {
	case hostOf(post.text("id")) == "" || hostOf(post.text("id")) != hostOf(actor):
		return refuse(0, "object id %q is not on the host of its actor", post.text("id"))
	case post.ref("attributedTo") != actor:
		return refuse(0, "object is attributed to %q", post.ref("attributedTo"))
	case !slices.Contains(strings.Fields("Note Article Page Question Image Audio Video Document Event"), post.text("type")):
		return refuse(0, "object type %q is not a post", post.text("type"))
	case post.text("content") == "" && post.text("type") == "Note":
		return refuse(0, "Note has no content")
	case post.text("published") != "" && post.moment("published").IsZero():
		return refuse(0, "published is no time")
	case !post.moment("updated").IsZero() && post.moment("updated").Before(post.moment("published")):
		return refuse(0, "updated is before published")
	case m.addressed && len(post.ids("to"))+len(post.ids("cc")) == 0:
		return refuse(0, "object has neither to nor cc")
	case m.pictures && len(post.list("attachment")) == 0 && post.ref("inReplyTo") == "":
		return refuse(0, "object is no reply and has no picture")
	case m.titles && post.text("name") == "" && post.ref("inReplyTo") == "":
		return refuse(0, "object is no reply and has no name")
	}
	return nil
}

func (s *Server) checkDelete(activity object) *refusal {
	what := activity.ref("object")
	if hostOf(what) != hostOf(activity.ref("actor")) {
		return refuse(0, "Delete of %q, on another host", what)
	}
	if s.manner.tombstone && what != activity.ref("actor") && activity.inner("object").text("type") != "Tombstone" {
		return refuse(0, "Delete does not embed a Tombstone")
	}
	return nil
}

func (s *Server) checkUndo(activity object) *refusal {
	undone := activity.inner("object")
	if undone == nil {
		return refuse(s.manner.bareUndo, "Undo does not embed what it undoes")
	}
	if undone.ref("actor") != activity.ref("actor") {
		return refuse(0, "Undo of what %q did", undone.ref("actor"))
	}
	return nil
}

// remember keeps the receipt and wakes whoever waits for it.
func (s *Server) remember(r Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.receipts) >= maxReceived {
		s.receipts = slices.Delete(s.receipts, 0, maxReceived/2)
	}
	s.receipts = append(s.receipts, r)
	s.change()
}

// Received returns what came to the inboxes and was judged, oldest first; of a
// long-running server only the latest thousands.
func (s *Server) Received() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.receipts)
}
