package actor

import "github.com/panui/panui/signing"

// Local is an actor of the site, ready to speak.
type Local struct {
	Profile  Profile
	ID       string // its URL
	Segment  string // the last part of it
	KeyID    string
	Document []byte // as served
}

// NewLocal checks p and makes the actor of it. The error joins every mistake.
func NewLocal(p Profile, u URLs, policy signing.Policy) (*Local, error) { panic("not built yet") }
