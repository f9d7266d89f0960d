package actortest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Actor is a person on a Server.
type Actor struct {
	ID     string // its URL
	Name   string // alice
	Handle string // alice@127.0.0.1:4711
	Inbox  string // its own inbox

	server *Server
	kind   string
	places map[string]string // placeholders of the dialect's patterns
	since  time.Time

	keyMu   sync.Mutex
	private crypto.Signer

	// Guarded by the server's mu.
	follows   map[string]*follow // by the id of who is followed
	followers map[string]bool
	outbox    []string // ids of its notes
	moved     string
	known     []string // alsoKnownAs
	gone      bool
}

// A follow is a wish to follow somebody, and whether it was granted.
type follow struct {
	id       string
	accepted bool
}

// settle makes an actor and its pages. The caller holds mu.
func (s *Server) settle(name string) *Actor {
	serial := strconv.Itoa(len(s.actors))
	sum := sha256.Sum256([]byte(name))
	shown, kind := name, "Person"
	if name == "" {
		shown, kind = "instance.actor", "Application"
	}
	places := map[string]string{"name": shown, "serial": serial, "opaque": hex.EncodeToString(sum[:5]), "base": s.url}
	places["actor"] = s.url + fill(s.manner.actor, places)
	inbox := places["actor"] + "/inbox"
	if s.manner.inbox != "" {
		inbox = s.url + fill(s.manner.inbox, places)
	}
	a := &Actor{
		ID: places["actor"], Name: shown, Handle: shown + "@" + s.Host(), Inbox: inbox,
		server: s, kind: kind, places: places, since: s.now(),
		follows: map[string]*follow{}, followers: map[string]bool{},
	}
	s.actors[name] = a
	s.publishActor(a)
	return a
}

// key returns the actor's private key, made on first use.
func (a *Actor) key() (crypto.Signer, error) {
	a.keyMu.Lock()
	defer a.keyMu.Unlock()
	if a.private != nil {
		return a.private, nil
	}
	newKey := a.server.o.NewKey
	if newKey == nil {
		newKey = func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	}
	key, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("actortest: key of %s: %w", a.ID, err)
	}
	a.private = key
	return key, nil
}

// KeyID returns the id of the actor's key, as its signatures name it.
func (a *Actor) KeyID() string {
	if in := a.server.manner.keyInSignature; in != "" {
		return fill(in, a.places)
	}
	return a.listedKeyID()
}

// listedKeyID is the id of the key in the actor's document.
func (a *Actor) listedKeyID() string { return a.ID + a.server.manner.key }

// RotateKey gives the actor the key next, under the same id, and returns the one
// it had. Nobody is told: Send an Update signed with the old key to do so.
func (a *Actor) RotateKey(next crypto.Signer) (old crypto.Signer, err error) {
	if old, err = a.key(); err != nil {
		return nil, err
	}
	a.keyMu.Lock()
	defer a.keyMu.Unlock()
	a.private = next
	return old, nil
}

// Following returns the ids of the actors that have accepted to be followed.
func (a *Actor) Following() []string {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	var ids []string
	for id, f := range a.follows {
		if f.accepted {
			ids = append(ids, id)
		}
	}
	return ids
}

// mint makes an id of the kind in the dialect, about object and target.
func (a *Actor) mint(kind, object, target string) string {
	pattern, known := a.server.manner.ids[kind]
	if !known {
		pattern = a.server.manner.ids[""]
	}
	return a.fill(pattern, object, target)
}

func (a *Actor) fill(pattern, object, target string) string {
	values := map[string]string{"object": object, "target": opaque(target), "n": strings.ToLower(rand.Text())}
	for name, value := range a.places {
		values[name] = value
	}
	return fill(pattern, values)
}

// opaque makes something short of an id that is always the same, for ids that
// must be too.
func opaque(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:5])
}
