package sqlstore

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/panui/panui/store"
)

// never is the zero time as it is stored.
const never = "-62135596800000"

// ms is a time as it is stored: milliseconds since 1970.
func ms(t time.Time) int64 { return t.UnixMilli() }

// blob is a body as it is stored: never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// moment scans what ms made.
type moment struct{ into *time.Time }

func (m moment) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", value)
	}
	*m.into = time.UnixMilli(n).UTC()
	return nil
}

// body scans what blob made, or a NULL in its place; an empty one is nil.
type body struct{ into *[]byte }

func (b body) Scan(value any) error {
	bs, ok := value.([]byte)
	if !ok && value != nil {
		return fmt.Errorf("a body is stored as %T", value)
	}
	*b.into = nil
	if len(bs) > 0 {
		*b.into = bytes.Clone(bs)
	}
	return nil
}

// where collects the conditions of a query; empty fields do not restrict.
type where struct {
	terms []string
	args  []any
}

func (w *where) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

func (w *where) text(term, value string) {
	if value != "" {
		w.add(term, value)
	}
}

func (w *where) number(term string, value int64) {
	if value != 0 {
		w.add(term, value)
	}
}

func (w *where) String() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

const defaultLimit = 100

func limit(n int) int {
	if n <= 0 {
		return defaultLimit
	}
	return n
}

const (
	actorColumns    = `id, base_url, handle, fingerprint, since, stopped, rotations, rotated, previous, handover`
	postColumns     = `seq, id, actor, key, url, digest, rev, state, activity, body, pinned, published, updated`
	activityColumns = `id, actor, type, object, body, public, at`
	deliveryColumns = `d.id, a.id, d.actor, a.type, d.object, d.inbox, d.host, d.lane, d.weight, d.state,
		d.attempt, d.created, d.due, d.status, d.answer`
	followerColumns = `seq, actor, id, inbox, shared_inbox, host, follow, state, since, gone`
	receivedColumns = `seq, id, actor, sender, type, about, state, body, at, updated, decided_by, reason, decided`
	reactionColumns = `seq, id, actor, sender, type, object, at`
	blockColumns    = `seq, subject, reason, caused_by, at`
	journalColumns  = `seq, at, actor, kind, subject, caused_by, note, body`
)

func actorFields(a *store.Actor) []any {
	return []any{&a.ID, &a.BaseURL, &a.Handle, &a.Fingerprint, moment{&a.Since}, moment{&a.Stopped},
		&a.Rotations, moment{&a.Rotated}, &a.Previous, &a.Handover}
}

func postFields(p *store.Post) []any {
	return []any{&p.Seq, &p.ID, &p.Actor, &p.Key, &p.URL, &p.Digest, &p.Rev, &p.State, &p.Activity,
		body{&p.Body}, &p.Pinned, moment{&p.Published}, moment{&p.Updated}}
}

func activityFields(a *store.Activity) []any {
	return []any{&a.ID, &a.Actor, &a.Type, &a.Object, body{&a.Body}, &a.Public, moment{&a.At}}
}

func deliveryFields(d *store.Delivery) []any {
	return []any{&d.ID, &d.Activity, &d.Actor, &d.Type, &d.Object, &d.Inbox, &d.Host, &d.Lane, &d.Weight, &d.State,
		&d.Attempt, moment{&d.Created}, moment{&d.Due}, &d.Status, &d.Answer}
}

func followerFields(f *store.Follower) []any {
	return []any{&f.Seq, &f.Actor, &f.ID, &f.Inbox, &f.SharedInbox, &f.Host, &f.Follow, &f.State,
		moment{&f.Since}, moment{&f.Gone}}
}

func receivedFields(r *store.Received) []any {
	return []any{&r.Seq, &r.ID, &r.Actor, &r.From, &r.Type, &r.About, &r.State, body{&r.Body},
		moment{&r.At}, moment{&r.Updated}, &r.By, &r.Reason, moment{&r.Decided}}
}

func reactionFields(r *store.Reaction) []any {
	return []any{&r.Seq, &r.ID, &r.Actor, &r.From, &r.Type, &r.Object, moment{&r.At}}
}

func blockFields(b *store.Block) []any {
	return []any{&b.Seq, &b.Subject, &b.Reason, &b.By, moment{&b.At}}
}

func entryFields(e *store.Entry) []any {
	return []any{&e.Seq, moment{&e.At}, &e.Actor, &e.Kind, &e.Subject, &e.By, &e.Note, body{&e.Body}}
}
