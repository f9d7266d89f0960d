// Package actor is who speaks, and who the others are: the profile of an agency
// and the document made of it, the URLs of a site, and the Resolver of remote
// actors and their keys.
package actor

import (
	"time"

	"github.com/panui/panui/signing"
)

// Profile describes an actor of the site. Handle, Name and Key are required.
type Profile struct {
	Handle    string // news@agency.govt.nz; its domain may differ from the site's host
	Name      string // at most 128 characters
	Key       *signing.Key
	Next      *signing.Key // the key that follows Key: announced when the site runs, in force after Site.RotateKey. Nil while no rotation is planned
	ID        string       // last segment of the actor's URL; empty derives one from Handle. Set it to keep the id when the handle changes
	Type      string       // Organization when empty; Service, Group, Application, Person. Mastodon marks Service and Application as bots
	Summary   string       // HTML, at most 2048 characters; loses what Mastodon would not show
	URL       string       // the page for people, on the site's host; its home page when empty
	Icon      Image        // square
	Header    Image
	Fields    []Field  // at most 16; Mastodon shows four without a click
	Languages []string // BCP 47, the primary one first
	// ApproveFollowers holds each Follow until a person accepts it.
	ApproveFollowers bool
	// Hidden asks directories and search engines of the fediverse to leave the actor out.
	Hidden      bool
	AlsoKnownAs []string // ids of actors that it was before
	Since       time.Time
	// ProofKey, an Ed25519 key, signs an integrity proof (FEP-8b32) of what the
	// actor publishes. Nil makes none. The policy must allow Ed25519, which the NZISM's does not.
	ProofKey *signing.Key
	// OtherProofKeys are the public halves (z6Mk…, signing.Key.PublicMultikey) of
	// proof keys that are listed beside ProofKey and sign nothing here: those of
	// before, so that what they have proved can be checked, and the one to come. At most 16.
	OtherProofKeys []string
	// DrillMonths is for how many months a drill counts that proved that Key, or
	// Next, can be restored; then Site.Run reminds of another. 6 when 0; negative asks for none.
	DrillMonths int
}

// Image is a picture by URL, with what it shows. Alt is required where URL is set.
type Image struct {
	URL       string
	MediaType string // image/png, image/jpeg …; read from the URL's ending when empty
	Alt       string
}

// Field is a row of the profile, in plain text. A Value that is an https URL
// becomes a rel=me link, which Mastodon marks as verified where that page links
// back to the actor's URL.
type Field struct{ Name, Value string }
