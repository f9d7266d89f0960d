package actor

import (
	"fmt"
	"slices"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// What a key of an actor is for, as an inventory says it.
const (
	Announced = "announced, to sign after the next rotation"
	Retired   = "retired, signs only the Update that tells of its successor"
	Idle      = "none: another key is pinned"
)

// Standing is how an actor stands with its keys: which of them signs, and the
// document that says so. It never changes.
type Standing struct {
	Pinned   store.Actor    // how the actor is pinned; zero where it is not yet
	Key      *signing.Key   // signs what the actor sends
	KeyID    string         // of Key
	Keys     []signing.Held // those that the document lists, in the order of their ids
	Document []byte         // as served

	page *document.Document
}

// Next returns the key that is announced to sign after the next rotation, or nil.
func (s *Standing) Next() *signing.Key { return s.held(Announced).Key }

// Before returns the key that signs the activity instead of Key, with its id: the
// one that was replaced, where the activity hands over from it and it is at hand.
// Peers have that one in their caches, so that none must fetch.
func (s *Standing) Before(activity string) (*signing.Key, string) {
	if activity == "" || activity != s.Pinned.Handover {
		return nil, ""
	}
	retired := s.held(Retired)
	return retired.Key, retired.KeyID
}

// overlap lists the keys as Multikeys where there are two of them: publicKey must
// stay one object, since Pleroma, old Misskey and WordPress read no array of them.
func (s *Standing) overlap() []as2.Multikey {
	if len(s.Keys) < 2 {
		return nil
	}
	var listed []as2.Multikey
	for _, h := range s.Keys {
		listed = append(listed, as2.Multikey{ID: h.KeyID, Type: "Multikey", Controller: h.Owner, PublicKeyMultibase: h.Key.PublicMultikey()})
	}
	return listed
}

func (s *Standing) held(use string) signing.Held {
	for _, h := range s.Keys {
		if h.Use == use {
			return h
		}
	}
	return signing.Held{}
}

// Stand decides how the actor stands when it is pinned so, which is the zero
// value for one that is not yet. It fails when this process does not hold the
// pinned key.
func (l *Local) Stand(pinned store.Actor) (*Standing, error) {
	key := l.Profile.Key
	if pinned.Fingerprint != "" {
		key = l.holds(pinned.Fingerprint)
	}
	if key == nil {
		return nil, fmt.Errorf("actor: %s is pinned with the key %s, which this process does not hold", l.Profile.Handle, pinned.Fingerprint)
	}
	s := &Standing{Pinned: pinned, Key: key, KeyID: l.urls.Key(l.Segment, pinned.Rotations), Keys: l.listed(key, pinned)}
	body, err := as2.Marshal(l.document(s))
	if err != nil {
		return nil, fmt.Errorf("actor: document of %s: %w", l.Profile.Handle, err)
	}
	s.Document, s.page = body, served(body)
	return s, nil
}

// holds returns the key with a fingerprint, or nil.
func (l *Local) holds(fingerprint string) *signing.Key {
	for _, key := range l.given() {
		if key.Fingerprint() == fingerprint {
			return key
		}
	}
	return nil
}

// given are the keys that this process has been given, by configuration or as a replacement.
func (l *Local) given() []*signing.Key {
	keys := append([]*signing.Key{l.Profile.Key, l.Profile.Next}, l.pin.handed()...)
	return slices.DeleteFunc(keys, func(key *signing.Key) bool { return key == nil })
}

// listed are the keys of the document: the one that signs, the one before it
// while that is at hand and was not revoked, and the one that comes next.
func (l *Local) listed(signs *signing.Key, pinned store.Actor) []signing.Held {
	held := func(key *signing.Key, rotations int, use string) signing.Held {
		return signing.Held{Owner: l.ID, KeyID: l.urls.Key(l.Segment, rotations), Use: use, Key: key}
	}
	p, n := l.Profile, pinned.Rotations
	var keys []signing.Held
	if signs != p.Key && p.Key.Fingerprint() == pinned.Previous {
		keys = append(keys, held(p.Key, n-1, Retired))
	}
	keys = append(keys, held(signs, n, signing.Signs))
	if signs == p.Key && p.Next != nil && p.Next.Fingerprint() != pinned.Previous {
		keys = append(keys, held(p.Next, n+1, Announced))
	}
	return keys
}
