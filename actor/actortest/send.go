package actortest

import (
	"cmp"
	"context"
	"crypto"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Sent is an activity that was sent, and what came back. A status that is not
// 2xx is no error: peers are refused. Beside an error it is what was not answered,
// if it came to that, so that it can be sent again.
type Sent struct {
	ID     string // of the activity
	Object string // the id of what it is about: the new post of a Reply, the liked post of a Like
	Inbox  string
	JSON   []byte // as sent
	Status int
	Header http.Header
	Body   []byte // of the answer, to the last knock
	Knocks int    // requests that it took: 2 where the first form of signature was refused
}

// Forge says how a request differs from an honest one. The zero Forge is honest.
type Forge struct {
	Key         crypto.Signer // signs, instead of the actor's own
	KeyID       string        // is named as the key, instead of the actor's own
	Algorithm   string        // is named, instead of the dialect's
	Cover       []string      // the components signed, instead of the dialect's
	Unsigned    bool
	Body        []byte        // is sent instead of the activity, which is what gets signed
	Digest      string        // is sent and signed, instead of the right one
	DateOffset  time.Duration // is added to the date that is sent and signed
	ContentType string        // instead of the dialect's
	Header      http.Header   // is put over the signed headers; a name without values is left out
}

// Send posts the activity, which may be any bytes, to the inbox.
func (a *Actor) Send(ctx context.Context, inbox string, activity []byte, f Forge) (Sent, error) {
	place, host := a.server.locate(inbox)
	body := activity
	if f.Body != nil {
		body = f.Body
	}
	read, _ := readObject(activity)
	sent := Sent{ID: read.text("id"), Object: read.ref("object"), Inbox: inbox, JSON: activity}
	for _, sign := range a.postForms() {
		answer, err := a.server.out.Post(ctx, place, cmp.Or(f.ContentType, a.server.manner.mediaType), body, func(r *http.Request) error {
			r.Host = host
			return sign(r, activity, f)
		})
		if err != nil {
			return sent, fmt.Errorf("actortest: Send to %s: %w", inbox, err)
		}
		sent.Knocks++
		sent.Status, sent.Header, sent.Body = answer.Status, answer.Header, answer.Body
		if answer.Status != http.StatusUnauthorized {
			break
		}
	}
	return sent, nil
}

// signPost signs a request as the dialect does, as far as f lets it.
func (a *Actor) signPost(r *http.Request, body []byte, f Forge) error {
	now := a.server.now().Add(f.DateOffset)
	r.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	r.Header.Set("Digest", cmp.Or(f.Digest, digestOf(body)))
	m := a.server.manner
	s := signature{keyID: cmp.Or(f.KeyID, a.KeyID()), algorithm: cmp.Or(f.Algorithm, m.algorithm), covered: m.coverPost}
	if f.Cover != nil {
		s.covered = f.Cover
	}
	if !f.Unsigned {
		if err := a.attach(r, s, f.Key, now); err != nil {
			return err
		}
	}
	f.put(r)
	return nil
}

// put lays the header fields of f over those of the request.
func (f Forge) put(r *http.Request) {
	for name, values := range f.Header {
		r.Header.Del(name)
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

// signGet signs a fetch as the dialect does.
func (a *Actor) signGet(r *http.Request) error {
	if a.server.o.Signatures != CavageAlone {
		return a.attachRFC9421(r, names("@method @target-uri"), Forge{})
	}
	now := a.server.now()
	r.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	m := a.server.manner
	return a.attach(r, signature{keyID: a.KeyID(), algorithm: m.algorithm, covered: m.coverGet}, nil, now)
}

// attach makes the signature with the key, or the actor's own when it is nil.
func (a *Actor) attach(r *http.Request, s signature, key crypto.Signer, now time.Time) error {
	if key == nil {
		own, err := a.key()
		if err != nil {
			return err
		}
		key = own
	}
	if slices.Contains(s.covered, "(created)") {
		s.created = strconv.FormatInt(now.Unix(), 10)
	}
	if slices.Contains(s.covered, "(expires)") {
		s.expires = strconv.FormatInt(now.Add(5*time.Minute).Unix(), 10)
	}
	m := leaving(r)
	if a.server.manner.omitsQuery {
		m = m.withoutQuery()
	}
	signed, err := s.sign(m, key)
	if err != nil {
		return fmt.Errorf("actortest: sign: %w", err)
	}
	r.Header.Set("Signature", signed.write(a.server.manner.params))
	return nil
}
