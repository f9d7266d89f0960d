// Package as2 is the wire form of ActivityStreams 2.0 documents as the
// fediverse writes them: strict reading of what strangers send, ordered writing
// of what we say, and go-ap values made of either.
package as2

import (
	"time"

	"github.com/panui/panui/internal/limits"
)

// Public addresses everybody (ActivityPub section 5.6); as:Public and Public are read as it.
const Public = "https://www.w3.org/ns/activitystreams#Public"

// The media types of ActivityStreams documents (ActivityPub section 3.2).
const (
	MediaType   = "application/activity+json"
	LDMediaType = `application/ld+json; profile="https://www.w3.org/ns/activitystreams"`
)

// Activity is an activity as a stranger sent it.
type Activity struct {
	ID     string
	Type   string
	Actor  string
	Object []Ref // usually one; a Flag names several
	Target string
	To, Cc []string
	Raw    []byte
}

// Ref is what an activity is about: a bare id, or an object with one.
type Ref struct {
	ID     string
	Object *Object // nil for a bare id
}

// Object is an object, or an activity inside another, as a stranger sent it.
type Object struct {
	ID           string
	Type         string
	AttributedTo string
	Actor        string // of an activity
	Object       Ref    // of an activity
	InReplyTo    string
	Name         string
	Summary      string
	Content      string // HTML, not sanitised
	Language     string // the first key of contentMap
	URL          string
	To, Cc       []string
	Mentions     []string // the hrefs of Mention tags
	Sensitive    bool
	Published    time.Time
	Updated      time.Time
	Raw          []byte
}

// Actor is an actor document as fetched.
type Actor struct {
	ID                string
	Type              string
	PreferredUsername string
	Name              string
	URL               string
	Inbox             string
	SharedInbox       string
	AlsoKnownAs       []string
	MovedTo           string
	Keys              []Key
}

// Key is a key that a document lists.
type Key struct {
	ID    string
	Owner string
	PEM   string
}

// Scan checks b against everything that a strict reader refuses: not UTF-8, a
// byte order mark, NUL, duplicate or case-variant members, JSON-LD that remaps
// terms, too deep, too many, too long, trailing bytes.
func Scan(b []byte, l limits.Limits) error { panic("not built yet") }

// ReadActivity scans b and reads an activity from it.
func ReadActivity(b []byte, l limits.Limits) (Activity, error) { panic("not built yet") }

// ReadActor scans b and reads an actor document from it.
func ReadActor(b []byte, l limits.Limits) (Actor, error) { panic("not built yet") }

// ReadKey scans b and reads a key document from it: a bare key, or an actor that lists one with the id.
func ReadKey(b []byte, id string, l limits.Limits) (Key, error) { panic("not built yet") }
