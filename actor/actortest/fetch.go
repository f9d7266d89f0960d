package actortest

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/panui/panui/signing/egress"
)

// activityAccept is what Mastodon asks for.
const activityAccept = activityType + ", application/ld+json"

// A foreignKey is another server's key and the actor that lists it.
type foreignKey struct {
	id, owner  string
	key        crypto.PublicKey
	remembered bool
}

// keyOf finds the key that a signature names, as the document of its owner lists it.
func (s *Server) keyOf(ctx context.Context, keyID string, renew bool) (foreignKey, error) {
	s.mu.Lock()
	known, found := s.keys[keyID]
	s.mu.Unlock()
	if found && !renew {
		known.remembered = true
		return known, nil
	}
	key, err := s.fetchKey(ctx, keyID)
	if err != nil {
		return foreignKey{}, fmt.Errorf("key %s: %w", keyID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keepsKeys() {
		for _, known := range s.keys {
			if known.owner == key.owner && known.id != keyID && !sameKey(known.key, key.key) {
				return foreignKey{}, fmt.Errorf("key %s: %w: %s of %s", keyID, errKept, known.id, key.owner)
			}
		}
	}
	s.keys[keyID] = key
	return key, nil
}

// errKept says why a server that keeps keys believes no other.
var errKept = errors.New("another key is known, and it did not tell of this one")

func sameKey(a, b crypto.PublicKey) bool {
	known, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && known.Equal(b)
}

// fetchKey asks for the key's document and, when that is not the actor itself at
// its own URL, for the actor too: only the owner says which keys are its own.
func (s *Server) fetchKey(ctx context.Context, keyID string) (foreignKey, error) {
	at, _, _ := strings.Cut(keyID, "#")
	by := s.instance()
	doc, err := by.fetch(ctx, at)
	if err != nil {
		return foreignKey{}, err
	}
	owner := cmp.Or(doc.text("owner"), doc.text("id"))
	if hostOf(owner) != hostOf(at) {
		return foreignKey{}, fmt.Errorf("owner %q is on another host", owner)
	}
	if owner != at {
		if doc, err = by.fetchAs(ctx, owner); err != nil {
			return foreignKey{}, err
		}
	}
	return listedKey(doc, keyID, owner)
}

// listedKey takes the key out of the document. A keyId that is the actor's own
// id means its only key.
func listedKey(doc object, keyID, owner string) (foreignKey, error) {
	keys := doc.list("publicKey")
	if len(keys) == 0 {
		keys = []any{map[string]any(doc)}
	}
	for _, v := range keys {
		m, _ := v.(map[string]any)
		key := object(m)
		if key.text("id") != keyID && keyID != owner {
			continue
		}
		if key.text("owner") != owner {
			return foreignKey{}, fmt.Errorf("belongs to %q, listed by %q", key.text("owner"), owner)
		}
		public, err := readPEM(key.text("publicKeyPem"))
		return foreignKey{id: keyID, owner: owner, key: public}, err
	}
	return foreignKey{}, fmt.Errorf("is not listed by %q", owner)
}

// readPEM reads a public key in its PKIX or PKCS #1 form.
func readPEM(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	if block.Type == "RSA PUBLIC KEY" {
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// fetchAs gets a document that must say that it is id.
func (a *Actor) fetchAs(ctx context.Context, id string) (object, error) {
	doc, err := a.fetch(ctx, id)
	if err != nil {
		return nil, err
	}
	if doc.text("id") != id {
		return nil, fmt.Errorf("%s says that its id is %q", id, doc.text("id"))
	}
	return doc, nil
}

// fetch gets an ActivityStreams document, signed as the dialect signs its
// requests, and holds it to what Mastodon demands of one.
func (a *Actor) fetch(ctx context.Context, at string) (object, error) {
	answer, err := a.get(ctx, at, activityAccept)
	if err != nil {
		return nil, err
	}
	if !isActivity(answer.Header.Get("Content-Type")) {
		return nil, fmt.Errorf("%s is %q, not an ActivityStreams document", at, answer.Header.Get("Content-Type"))
	}
	doc, err := readObject(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	if !doc.inContext() {
		return nil, fmt.Errorf("%s: @context does not contain the ActivityStreams string", at)
	}
	return doc, nil
}

// get asks for a document, which must be there.
func (a *Actor) get(ctx context.Context, at, accept string) (*egress.Response, error) {
	answer, err := a.ask(ctx, at, accept)
	if err == nil && answer.Status != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", at, answer.Status)
	}
	return answer, err
}

// ask sends a GET, signed, to wherever Hosts says that its host is found.
func (a *Actor) ask(ctx context.Context, at, accept string) (*egress.Response, error) {
	signer := a
	if !a.server.manner.signsAsSelf {
		signer = a.server.instance()
	}
	place, host := a.server.locate(at)
	return a.server.out.Get(ctx, place, accept, func(r *http.Request) error {
		r.Host = host
		return signer.signGet(r)
	})
}

// Fetch gets the URL with a GET that is signed as the dialect signs its own, and
// asks for ActivityStreams or JSON. An answer of any status is no error.
func (a *Actor) Fetch(ctx context.Context, at string) (*egress.Response, error) {
	answer, err := a.ask(ctx, at, activityAccept+", application/json, application/jrd+json")
	if err != nil {
		return nil, fmt.Errorf("actortest: Fetch %s: %w", at, err)
	}
	return answer, nil
}

// locate says where a URL is really found, and the host that it names.
func (s *Server) locate(at string) (place, host string) {
	u, err := url.Parse(at)
	if err != nil {
		return at, ""
	}
	host = u.Host
	if base, listed := s.o.Hosts[host]; listed {
		if b, err := url.Parse(base); err == nil {
			u.Scheme, u.Host = b.Scheme, b.Host
		}
	}
	return u.String(), host
}

// isActivity says whether a media type is that of an ActivityStreams document.
func isActivity(header string) bool {
	t, params, err := mime.ParseMediaType(header)
	return err == nil && (t == activityType || t == "application/ld+json" && slices.Contains(strings.Fields(params["profile"]), streams))
}

// find looks a handle or id up as Mastodon does: WebFinger to the actor, and
// back from the actor's own handle to the same actor.
func (a *Actor) find(ctx context.Context, who string) (object, error) {
	id := who
	if !strings.Contains(who, "://") {
		found, err := a.finger(ctx, strings.TrimPrefix(who, "@"), "")
		if err != nil {
			return nil, err
		}
		id = found
	}
	doc, err := a.fetchAs(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := a.server.checkActor(doc); err != nil {
		return nil, fmt.Errorf("actor %s: %w", id, err)
	}
	handle := cmp.Or(strings.TrimPrefix(doc.text("webfinger"), "acct:"), doc.text("preferredUsername")+"@"+hostOf(id))
	back, err := a.finger(ctx, handle, id)
	if err != nil {
		return nil, err
	}
	if back != id {
		return nil, fmt.Errorf("%s leads to %s, not back to %s", handle, back, id)
	}
	return doc, nil
}

// finger asks the domain of a handle for the actor. One change of the subject is
// followed. An id already known tells the scheme of its own host.
func (a *Actor) finger(ctx context.Context, handle, known string) (string, error) {
	subject, id, err := a.fingerOnce(ctx, handle, known)
	if err != nil || strings.EqualFold(subject, handle) {
		return id, err
	}
	again, id, err := a.fingerOnce(ctx, subject, id)
	if err == nil && !strings.EqualFold(again, subject) {
		return "", fmt.Errorf("webfinger of %s names %s, and that %s", handle, subject, again)
	}
	return id, err
}

func (a *Actor) fingerOnce(ctx context.Context, handle, known string) (subject, id string, err error) {
	name, domain, found := strings.Cut(handle, "@")
	if !found || name == "" || domain == "" {
		return "", "", fmt.Errorf("%q is not a handle", handle)
	}
	at := a.server.base(domain, known) + "/.well-known/webfinger?resource=" + url.QueryEscape("acct:"+handle)
	answer, err := a.get(ctx, at, "application/jrd+json, application/json")
	if err != nil {
		return "", "", fmt.Errorf("webfinger of %s: %w", handle, err)
	}
	if t, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); t != "application/jrd+json" && t != "application/json" {
		return "", "", fmt.Errorf("webfinger of %s is %q", handle, t)
	}
	doc, err := readObject(answer.Body)
	if err != nil {
		return "", "", fmt.Errorf("webfinger of %s: %w", handle, err)
	}
	for _, v := range doc.list("links") {
		m, _ := v.(map[string]any)
		link := object(m)
		if t := link.text("type"); link.text("rel") == "self" && (t == activityType || t == ldType) {
			return strings.TrimPrefix(doc.text("subject"), "acct:"), link.text("href"), nil
		}
	}
	return "", "", fmt.Errorf("webfinger of %s has no self link with an ActivityStreams type", handle)
}

// base is the address of a domain.
func (s *Server) base(domain, known string) string {
	if base, listed := s.o.Hosts[domain]; listed {
		return strings.TrimSuffix(base, "/")
	}
	if domain == s.Host() {
		return s.url
	}
	if u, err := url.Parse(known); err == nil && u.Host == domain {
		return u.Scheme + "://" + domain
	}
	host := domain
	if h, _, err := net.SplitHostPort(domain); err == nil {
		host = h
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return "http://" + domain
	}
	return "https://" + domain
}

// checkActor says what an actor document lacks.
func (s *Server) checkActor(doc object) error {
	if !slices.Contains([]string{"Application", "Group", "Organization", "Person", "Service"}, doc.text("type")) {
		return fmt.Errorf("type %q is not an actor", doc.text("type"))
	}
	wanted := []string{"inbox", "preferredUsername"}
	if s.manner.collections {
		wanted = append(wanted, "outbox", "followers", "following")
	}
	for _, name := range wanted {
		if doc.text(name) == "" {
			return fmt.Errorf("no %s", name)
		}
	}
	if len(doc.list("publicKey")) == 0 {
		return errors.New("no publicKey")
	}
	return nil
}
