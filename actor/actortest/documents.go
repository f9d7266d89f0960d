package actortest

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"time"
)

// A page is what a GET of one of the server's URLs gets.
type page struct {
	public bool // readable without a signature, whatever the server demands
	gone   bool
	render func() (object, error)
}

// publish puts the page at the id. The caller holds mu.
func (s *Server) publish(id string, p page) { s.pages[strings.TrimPrefix(id, s.url)] = p }

// publishActor puts the actor's documents where they belong. The caller holds mu.
func (s *Server) publishActor(a *Actor) {
	s.publish(a.ID, page{public: a.kind == "Application", render: a.document})
	if s.manner.stubKey {
		s.publish(a.listedKeyID(), page{public: true, render: a.stub})
	}
	s.publish(a.place("outbox"), page{render: a.posts})
	s.publish(a.place("followers"), page{render: func() (object, error) { return a.crowd("followers"), nil }})
	s.publish(a.place("following"), page{render: func() (object, error) { return a.crowd("following"), nil }})
}

// place is the URL of one of the actor's collections.
func (a *Actor) place(collection string) string {
	return strings.TrimSuffix(strings.TrimSuffix(a.Inbox, "/"), "inbox") + collection
}

// document is the actor as its server shows it.
func (a *Actor) document() (object, error) {
	key, err := a.publicKey()
	if err != nil {
		return nil, err
	}
	m := a.server.manner
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	doc := object{
		"@context": a.contexts(), "id": a.ID, "type": a.kind, "preferredUsername": a.Name, "name": a.Name,
		"inbox": a.Inbox, "outbox": a.place("outbox"), "followers": a.place("followers"), "following": a.place("following"),
		"url": a.server.url + fill(m.profile, a.places), "endpoints": map[string]any{"sharedInbox": a.server.SharedInbox()},
		"manuallyApprovesFollowers": false, "published": stamp(a.since), "publicKey": map[string]any(key),
	}
	if a.moved != "" {
		doc["movedTo"] = a.moved
	}
	if len(a.known) > 0 {
		doc["alsoKnownAs"] = list(a.known...)
	}
	a.flavour(doc)
	return doc, nil
}

// flavour adds and removes what is particular to the dialect.
func (a *Actor) flavour(doc object) {
	switch a.server.o.Dialect {
	case Misskey:
		doc["sharedInbox"], doc["isCat"] = a.server.SharedInbox(), false
	case PeerTube:
		doc["playlists"] = a.ID + "/playlists"
	}
	for _, name := range a.server.manner.omits {
		delete(doc, name)
	}
}

// stub is the actor with nothing but its key, as GoToSocial gives to strangers.
func (a *Actor) stub() (object, error) {
	key, err := a.publicKey()
	if err != nil {
		return nil, err
	}
	return object{
		"@context": []any{security, streams}, "id": a.ID, "type": a.kind,
		"preferredUsername": a.Name, "publicKey": map[string]any(key),
	}, nil
}

func (a *Actor) publicKey() (object, error) {
	key, err := a.key()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return object{
		"id": a.listedKeyID(), "owner": a.ID,
		"publicKeyPem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}, nil
}

// collection is a collection that tells its size only.
func (a *Actor) collection(name string, size int) object {
	return object{"@context": streams, "id": a.place(name), "type": "OrderedCollection", "totalItems": size}
}

// crowd is the followers or following collection.
func (a *Actor) crowd(name string) object {
	if name == "following" {
		return a.collection(name, len(a.Following()))
	}
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	return a.collection(name, len(a.followers))
}

// posts is the actor's outbox.
func (a *Actor) posts() (object, error) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	doc := a.collection("outbox", len(a.outbox))
	doc["orderedItems"] = list(a.outbox...)
	return doc, nil
}

// serveDocument answers a GET.
func (s *Server) serveDocument(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/webfinger":
		s.serveWebFinger(w, r)
		return
	case "/.well-known/nodeinfo":
		answerJSON(w, "application/json", object{"links": []any{map[string]any{
			"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": s.url + "/nodeinfo/2.0"}}})
		return
	case "/nodeinfo/2.0":
		answerJSON(w, `application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.0#"`, s.nodeInfo())
		return
	case "/.well-known/host-meta":
		w.Header().Set("Content-Type", "application/xrd+xml")
		_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">` +
			`<Link rel="lrdd" type="application/xrd+xml" template="` + s.url + `/.well-known/webfinger?resource={uri}"/></XRD>`))
		return
	}
	s.mu.Lock()
	p, found := s.pages[r.URL.RequestURI()]
	s.mu.Unlock()
	switch {
	case !found:
		http.Error(w, "not found", http.StatusNotFound)
	case !p.public && s.guarded() && s.stranger(r):
		http.Error(w, "request is not signed", http.StatusUnauthorized)
	case p.gone:
		http.Error(w, "gone", http.StatusGone)
	default:
		s.servePage(w, p)
	}
}

func (s *Server) servePage(w http.ResponseWriter, p page) {
	doc, err := p.render()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answerJSON(w, activityType+"; charset=utf-8", doc)
}

func answerJSON(w http.ResponseWriter, mediaType string, doc object) {
	w.Header().Set("Content-Type", mediaType)
	_ = json.NewEncoder(w).Encode(doc)
}

// guarded says whether a GET needs a signature.
func (s *Server) guarded() bool { return s.o.RejectUnsignedGets || s.manner.signedGets }

// stranger says whether nobody known to exist has signed the GET.
func (s *Server) stranger(r *http.Request) bool {
	_, refusal := s.prove(r, nil)
	return refusal != nil
}

// serveWebFinger answers for acct: and https: names of the server's actors (RFC 7033).
func (s *Server) serveWebFinger(w http.ResponseWriter, r *http.Request) {
	if s.manner.strictMedia != 0 && !admits(r.Header, "application/jrd+json", "application/json") {
		http.Error(w, "not acceptable", s.manner.strictMedia)
		return
	}
	a := s.named(r.URL.Query().Get("resource"))
	if a == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	profile := s.url + fill(s.manner.profile, a.places)
	answerJSON(w, "application/jrd+json; charset=utf-8", object{
		"subject": "acct:" + a.Handle, "aliases": list(a.ID, profile),
		"links": []any{
			map[string]any{"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": profile},
			map[string]any{"rel": "self", "type": activityType, "href": a.ID},
		},
	})
}

// named finds the actor by acct: handle or id; nil when it is not here or gone.
func (s *Server) named(resource string) *Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.actors {
		if !a.gone && (resource == a.ID || strings.EqualFold(strings.TrimPrefix(resource, "acct:"), a.Handle)) {
			return a
		}
	}
	return nil
}

func (s *Server) nodeInfo() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return object{
		"version": "2.0", "software": map[string]any{"name": s.manner.software, "version": s.manner.version},
		"protocols": list("activitypub"), "services": map[string]any{"inbound": list(), "outbound": list()},
		"openRegistrations": false, "usage": map[string]any{"users": map[string]any{"total": len(s.actors) - 1}},
		"metadata": map[string]any{},
	}
}

// admits says whether the Accept header takes one of the types; it does when there is none.
func admits(h http.Header, types ...string) bool {
	accept := strings.Join(h.Values("Accept"), ",")
	if accept == "" || strings.Contains(accept, "*/*") || strings.Contains(accept, "application/*") {
		return true
	}
	for _, t := range types {
		if strings.Contains(accept, t) {
			return true
		}
	}
	return false
}

// stamp writes a time as ActivityStreams does.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
