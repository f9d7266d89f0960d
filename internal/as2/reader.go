package as2

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/panui/panui/internal/limits"
)

// read scans b and takes the members of w from it.
func read(b []byte, l limits.Limits, w any) error {
	if err := Scan(b, l); err != nil {
		return err
	}
	if refusal := take(b, w); refusal != nil {
		return refusal
	}
	return nil
}

// reader makes values of wire values and keeps the first refusal.
type reader struct {
	limits  limits.Limits
	refusal *Refusal
}

func (r *reader) err() error {
	if r.refusal == nil {
		return nil
	}
	return r.refusal
}

func (r *reader) refuse(reason Reason, member string) {
	if r.refusal == nil {
		r.refusal = &Refusal{Reason: reason, Member: member}
	}
}

func (r *reader) required(member, value string) string {
	if value == "" {
		r.refuse(reasonMissing, member)
	}
	return value
}

// id refuses an id that is no absolute http or https URL; empty is no id.
func (r *reader) id(member, id string) string {
	if id == "" {
		return ""
	}
	if reason := checkID(id, r.limits.ID); reason != "" {
		r.refuse(reason, member)
		return ""
	}
	return id
}

// link is for what decides nothing: an URL that would be refused is no URL.
func (r *reader) link(link string) string {
	if checkID(link, r.limits.ID) != "" {
		return ""
	}
	return link
}

// checkID says why id is no absolute http or https URL, without a user, of at most so many bytes.
func checkID(id string, most int) Reason {
	if len(id) > most {
		return reasonIDLength
	}
	if scheme, _, ok := strings.Cut(id, ":"); !ok || strings.ContainsFunc(scheme, notScheme) {
		return reasonID
	} else if scheme != "https" && scheme != "http" {
		return reasonIDScheme
	}
	u, err := url.Parse(id)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(id, " \\") {
		return reasonID
	}
	return ""
}

// notScheme says whether r cannot stand in the scheme of an URL (RFC 3986 section 3.1).
func notScheme(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+-.", r)
}

// ref reads the id of a thing that a member names or holds.
func (r *reader) ref(member string, w wireRef) string {
	if w.Raw == nil {
		return w.ID
	}
	var thing struct {
		ID strictText `json:"id"`
	}
	if err := take(w.Raw, &thing); err != nil {
		r.refuse(err.Reason, member)
	}
	return string(thing.ID)
}

// refs reads what a member is about. Objects are read so many levels deep.
func (r *reader) refs(member string, ws wireRefs, levels int) []Ref {
	if len(ws) > maxObjects {
		r.refuse(reasonObjects, member)
		return nil
	}
	var refs []Ref
	for _, w := range ws {
		var ref Ref
		if w.Raw != nil && levels > 0 {
			ref.Object = r.object(w.Raw, levels-1)
			ref.ID = ref.Object.ID
		} else {
			ref.ID = r.id(member, r.ref(member, w))
		}
		if ref != (Ref{}) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// first reads the id of the first thing that a member names.
func (r *reader) first(member string, ws wireRefs) string {
	if len(ws) == 0 {
		return ""
	}
	return r.id(member, r.ref(member, ws[0]))
}

// one is first, for a member that may name one thing only.
func (r *reader) one(member string, ws wireRefs) string {
	if len(ws) > 1 {
		r.refuse(reasonSeveral, member)
	}
	return r.first(member, ws)
}

// recipients reads addresses, of which Public is known by three names.
func (r *reader) recipients(member string, ws wireRefs) []string {
	var to []string
	for _, w := range ws {
		switch id := r.ref(member, w); {
		case id == "as:Public" || id == "Public":
			to = append(to, Public)
		case len(id) > r.limits.ID:
			r.refuse(reasonIDLength, member)
		case id != "":
			to = append(to, id)
		}
	}
	return to
}

// object reads an object that was sent inside another.
func (r *reader) object(raw []byte, levels int) *Object {
	var w wireObject
	if err := take(raw, &w); err != nil {
		r.refuse(err.Reason, err.Member)
	}
	o := &Object{
		ID:           r.id("id", string(w.ID)),
		Type:         string(w.Type),
		AttributedTo: r.first("attributedTo", w.AttributedTo),
		Actor:        r.one("actor", w.Actor),
		InReplyTo:    r.first("inReplyTo", w.InReplyTo),
		Name:         cut(string(w.Name), r.limits.Name),
		Summary:      cut(string(w.Summary), r.limits.Summary),
		Content:      cut(w.content(), r.limits.Content),
		Language:     w.language(),
		URL:          r.url(w.URL),
		To:           r.recipients("to", w.To),
		Cc:           r.recipients("cc", w.Cc),
		Mentions:     r.mentions(w.Tag),
		Sensitive:    bool(w.Sensitive),
		Published:    time.Time(w.Published),
		Updated:      time.Time(w.Updated),
		Raw:          raw,
	}
	o.Cut = len(o.Name) < len(w.Name) || len(o.Summary) < len(w.Summary) || len(o.Content) < len(w.content())
	if objects := r.refs("object", w.Object[:min(len(w.Object), 1)], levels); len(objects) > 0 {
		o.Object = objects[0]
	}
	return o
}

// cut returns what of a text is in its first bytes, to a whole character.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// url returns the first link, of a page for people where the media types say so.
func (r *reader) url(ws wireLinks) string {
	var first string
	for _, w := range ws {
		link := r.link(string(w.Href))
		if link != "" && w.MediaType == "text/html" {
			return link
		}
		if first == "" {
			first = link
		}
	}
	return first
}

func (r *reader) mentions(ws wireLinks) []string {
	var hrefs []string
	for _, w := range ws[:min(len(ws), r.limits.Tags)] {
		if href := r.link(string(w.Href)); href != "" && w.Type == "Mention" {
			hrefs = append(hrefs, href)
		}
	}
	return hrefs
}

func (r *reader) actor(w wireActor) Actor {
	a := Actor{
		ID:                r.required("id", r.id("id", string(w.ID))),
		Type:              r.actorType(w.Type),
		PreferredUsername: cut(string(w.PreferredUsername), r.limits.Name),
		Name:              cut(string(w.Name), r.limits.Name),
		URL:               r.url(w.URL),
		Inbox:             r.one("inbox", w.Inbox),
		SharedInbox:       r.link(string(w.Endpoints.SharedInbox)),
		AlsoKnownAs:       r.links("alsoKnownAs", w.AlsoKnownAs),
		Keys:              r.keys(w.PublicKey),
	}
	if moved := r.links("movedTo", w.MovedTo); len(moved) > 0 {
		a.MovedTo = moved[0]
	}
	return a
}

// links reads ids that decide nothing by themselves, no more than one may have recipients.
func (r *reader) links(member string, ws wireRefs) []string {
	var links []string
	for _, w := range ws[:min(len(ws), r.limits.Recipients)] {
		if link := r.link(r.ref(member, w)); link != "" {
			links = append(links, link)
		}
	}
	return links
}

// actorType returns the one type among those given that is an actor's.
func (r *reader) actorType(ws wireTypes) string {
	found := ""
	for _, t := range ws {
		if !actorTypes[t] {
			continue
		}
		if found != "" {
			r.refuse(reasonSeveral, "type")
		}
		found = t
	}
	if found == "" {
		r.refuse(reasonActorType, "type")
	}
	return found
}

// keys reads the keys that an actor lists.
func (r *reader) keys(ws wireKeys) []Key {
	if len(ws) > maxKeys {
		r.refuse(reasonKeys, "publicKey")
		return nil
	}
	var keys []Key
	for _, w := range ws {
		k := r.key(w)
		if k.ID == "" || k.PEM == "" {
			continue
		}
		if slices.ContainsFunc(keys, func(other Key) bool { return other.ID == k.ID }) {
			r.refuse(reasonSeveral, "publicKey") // which one is meant is nobody's to choose
		}
		keys = append(keys, k)
	}
	return keys
}

func (r *reader) key(w wireKey) Key {
	return Key{ID: r.link(string(w.ID)), Owner: r.one("owner", w.Owner), PEM: string(w.PEM)}
}
