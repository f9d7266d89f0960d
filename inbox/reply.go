package inbox

import (
	"net/url"
	"path"
	"regexp"
	"time"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
)

// Reply is something that arrived, ready to be read or shown. Apart from HTML
// every text is plain and must be escaped like any other.
type Reply struct {
	ID      string // of what was said
	Actor   string // ours, whom it concerns
	About   string // the post of ours that it answers, or the actor
	From    string // who said it
	Handle  string // of who said it, with the host of From: a guess made of the id, verified by nobody
	Type    string // Create, Flag, Block, Move
	State   store.ReceivedState
	Private bool // not addressed to everybody: it can never be shown

	HTML     SafeHTML
	Text     string
	Warning  string // to be shown before the rest, as its author asks
	Language string // BCP 47, as its author says; may be empty
	URL      string // the page for people on the author's server; may be empty
	Cut      bool   // it was longer than is kept

	Arrived   time.Time
	Published time.Time // as its author says, but never after it arrived
	Edited    time.Time // when an edit arrived; zero without one
	By        string    // who decided
	Reason    string
	Decided   time.Time
}

// Seen is what a [Decision] names, so that nobody approves what was changed after they read it.
func (r Reply) Seen() time.Time {
	if r.Edited.IsZero() {
		return r.Arrived
	}
	return r.Edited
}

// view makes a Reply of what is stored. What was taken back has no body, so no text.
func view(row store.Received, l limits.Limits) Reply {
	bare := Reply{
		ID: row.ID, Actor: row.Actor, About: row.About, From: row.From, Handle: guessHandle(row.From), Type: row.Type,
		State: row.State, Private: true,
		Arrived: row.At, Published: row.At, Edited: row.Updated, By: row.By, Reason: row.Reason, Decided: row.Decided,
	}
	whole := bare
	if quarantine(func() { whole.read(row, l) }) {
		bare.Cut = true
		return bare
	}
	return whole
}

// quarantine runs what reads the words of a stranger and says whether that
// panicked: one reply that no parser is ready for must not take the list with it.
func quarantine(read func()) (broken bool) {
	defer func() { broken = recover() != nil }()
	read()
	return
}

// read adds what was said.
func (r *Reply) read(row store.Received, l limits.Limits) {
	a, err := as2.ReadActivity(row.Body, l)
	if err != nil || len(a.Object) == 0 {
		return
	}
	r.Private = row.State == store.Noted || !public(a)
	object := a.Object[0].Object
	if object == nil || row.Type != "Create" {
		return
	}
	r.HTML, r.Text, r.Cut = show(object.Content), plainText(object.Content), object.Cut
	r.Warning, r.Language = plainText(object.Summary), language(object.Language)
	r.URL = pageOf(object)
	if !object.Published.IsZero() && object.Published.Before(row.At) {
		r.Published = object.Published
	}
}

// pageOf is the page where its author's server shows it; another server's is not believed.
func pageOf(o *as2.Object) string {
	if sameOrigin(o.URL, o.ID) {
		return o.URL
	}
	return o.ID
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)

func language(tag string) string {
	if languageTag.MatchString(tag) {
		return tag
	}
	return ""
}

var userName = regexp.MustCompile(`^@?([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})$`)

// guessHandle makes name@host of an actor's id, or only the host where the id does not look like it.
func guessHandle(id string) string {
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	name := userName.FindStringSubmatch(path.Base(u.Path))
	if name == nil || u.RawQuery != "" {
		return u.Host
	}
	return name[1] + "@" + u.Host
}
