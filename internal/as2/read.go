package as2

import (
	"slices"
	"time"

	"github.com/panui/panui/internal/limits"
)

// Activity is an activity as a stranger sent it. ID, Type and Actor are never
// empty; an Object is there wherever ActivityPub section 7 wants one.
type Activity struct {
	ID     string
	Type   string
	Actor  string // its id, also where a whole actor was sent: what that says is ignored
	Object []Ref  // usually one; a Flag names several
	Target string
	To, Cc []string
	Raw    []byte // the bytes given to ReadActivity
}

// Ref is what an activity is about: a bare id, or an object that may have one.
type Ref struct {
	ID     string
	Object *Object // nil for a bare id
}

// Object is an object, or an activity inside another, as a stranger sent it.
// Ids are absolute http or https URLs or empty.
type Object struct {
	ID           string
	Type         string
	AttributedTo string // the first where there are several
	Actor        string // of an activity
	Object       Ref    // of an activity; the first where there are several
	InReplyTo    string
	Name         string // cut, as Summary and Content are, to what limits.Limits keeps
	Summary      string
	Content      string // HTML, not sanitised
	Language     string // of Content: the key of contentMap that has it, else its first key
	URL          string // the first http or https link
	To, Cc       []string
	Mentions     []string // the hrefs of Mention tags
	Sensitive    bool
	Cut          bool      // Name, Summary or Content were longer
	Published    time.Time // zero where it is missing, no date, or before 1990 or after 2099
	Updated      time.Time
	Raw          []byte // as it came
}

// Actor is an actor document as fetched. ID and Type are never empty.
type Actor struct {
	ID                string
	Type              string
	PreferredUsername string
	Name              string
	URL               string
	Inbox             string // empty for one that cannot be written to, such as the stub that GoToSocial shows for a key
	SharedInbox       string
	AlsoKnownAs       []string
	MovedTo           string
	Keys              []Key
}

// Key is a key that a document lists. ID and PEM are never empty.
type Key struct {
	ID    string
	Owner string
	PEM   string
}

const (
	maxKeys    = 10  // that an actor may list; Mastodon reads as many
	maxObjects = 256 // that an activity may name
	maxLinks   = 256 // links or tags that are looked at
	deepest    = 2   // levels of objects inside an activity that are read; of those below only the ids
)

// actorTypes are the types of actors (ActivityStreams 2.0 vocabulary section 3.2).
var actorTypes = set("Application Group Organization Person Service")

// intransitive are the activities that need no object.
var intransitive = set("Arrive Question Travel")

// ReadActivity scans b and reads an activity from it. An error is a [*Refusal].
func ReadActivity(b []byte, l limits.Limits) (Activity, error) {
	var w wireActivity
	if err := read(b, l, &w); err != nil {
		return Activity{}, err
	}
	r := reader{limits: l}
	a := Activity{
		ID:     r.required("id", r.id("id", string(w.ID))),
		Type:   r.required("type", string(w.Type)),
		Actor:  r.required("actor", r.one("actor", w.Actor)),
		Object: r.refs("object", w.Object, deepest),
		Target: r.first("target", w.Target),
		To:     r.recipients("to", w.To),
		Cc:     r.recipients("cc", w.Cc),
		Raw:    b,
	}
	if len(a.Object) == 0 && !intransitive[a.Type] {
		r.refuse(reasonMissing, "object")
	}
	if err := r.err(); err != nil {
		return Activity{}, err
	}
	return a, nil
}

// ReadActor scans b and reads an actor document from it. An error is a [*Refusal].
func ReadActor(b []byte, l limits.Limits) (Actor, error) {
	var w wireActor
	if err := read(b, l, &w); err != nil {
		return Actor{}, err
	}
	r := reader{limits: l}
	a := r.actor(w)
	if err := r.err(); err != nil {
		return Actor{}, err
	}
	return a, nil
}

// ReadKey scans b and reads the key with the id from it: b is that key, or an
// actor that lists it. The id of an actor means the one key that it lists, since
// PeerTube signs so. An error is a [*Refusal].
func ReadKey(b []byte, id string, l limits.Limits) (Key, error) {
	var w struct {
		wireKey
		PublicKey wireKeys `json:"publicKey"`
	}
	if err := read(b, l, &w); err != nil {
		return Key{}, err
	}
	r := reader{limits: l}
	listed, whole := r.keys(w.PublicKey), r.key(w.wireKey)
	if err := r.err(); err != nil {
		return Key{}, err
	}
	if len(listed) == 1 && whole.ID == id && whole.PEM == "" {
		return listed[0], nil
	}
	keys := append(listed, whole)
	i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == id && k.PEM != "" })
	if i < 0 {
		return Key{}, &Refusal{Reason: reasonNoKey}
	}
	return keys[i], nil
}
