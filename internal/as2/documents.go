package as2

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The structs here stand in the order in which they are written. Members that
// are empty are left out unless the comment says otherwise.

// ActorDocument is an actor of ours.
type ActorDocument struct {
	ID                        string     `json:"id"`
	Type                      string     `json:"type"` // Organization, Service, Group, Application, Person
	PreferredUsername         string     `json:"preferredUsername"`
	WebFinger                 string     `json:"webfinger,omitzero"` // news@agency.govt.nz (FEP-2c59)
	Name                      string     `json:"name,omitzero"`
	NameMap                   LangMap    `json:"nameMap,omitzero"`
	Summary                   string     `json:"summary,omitzero"` // HTML
	SummaryMap                LangMap    `json:"summaryMap,omitzero"`
	URL                       string     `json:"url,omitzero"` // on the host of the id, or Mastodon shows the id
	Inbox                     string     `json:"inbox"`
	Outbox                    string     `json:"outbox"`
	Followers                 string     `json:"followers,omitzero"`
	Following                 string     `json:"following,omitzero"`
	Featured                  string     `json:"featured,omitzero"`
	Endpoints                 Endpoints  `json:"endpoints,omitzero"`
	PublicKey                 PublicKey  `json:"publicKey,omitzero"`
	AssertionMethod           []Multikey `json:"assertionMethod,omitzero"` // keys of proofs; always an array (FEP-521a)
	Icon                      Media      `json:"icon,omitzero"`
	Image                     Media      `json:"image,omitzero"`
	Attachment                []Field    `json:"attachment,omitzero"`
	ManuallyApprovesFollowers bool       `json:"manuallyApprovesFollowers"` // always written
	Discoverable              bool       `json:"discoverable"`              // always written
	Indexable                 bool       `json:"indexable"`                 // always written (FEP-5feb)
	AlsoKnownAs               []string   `json:"alsoKnownAs,omitzero"`
	MovedTo                   string     `json:"movedTo,omitzero"`
	AttributionDomains        []string   `json:"attributionDomains,omitzero"` // whose pages may name the actor as author
	Published                 time.Time  `json:"published,omitzero"`
}

// Endpoints are what the actors of a site share.
type Endpoints struct {
	SharedInbox string `json:"sharedInbox,omitzero"`
}

// PublicKey is a key as an actor lists it (security vocabulary v1).
type PublicKey struct {
	ID           string `json:"id"`
	Owner        string `json:"owner"`
	PublicKeyPem string `json:"publicKeyPem"`
}

// Multikey is a key for proofs as an actor lists it (W3C Controlled Identifiers 2.2.2).
type Multikey struct {
	ID                 string `json:"id"`
	Type               string `json:"type"` // Multikey
	Controller         string `json:"controller"`
	PublicKeyMultibase string `json:"publicKeyMultibase"`
}

// Field is a row of a profile (FEP-fb2a). Value is HTML.
type Field struct{ Name, Value string }

// MarshalJSONTo writes a PropertyValue of schema.org.
func (f Field) MarshalJSONTo(enc *jsontext.Encoder) error {
	return json.MarshalEncode(enc, struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Value string `json:"value"`
	}{"PropertyValue", f.Name, f.Value})
}

// Media is a picture, recording or other file. Name is its alternative text;
// Summary repeats it where a server reads that: Mastodon's icon and header.
type Media struct {
	Type       string     `json:"type"` // Image, Document, Video, Audio
	MediaType  string     `json:"mediaType,omitzero"`
	URL        string     `json:"url"`
	Name       string     `json:"name,omitzero"`
	Summary    string     `json:"summary,omitzero"`
	Width      int        `json:"width,omitzero"`
	Height     int        `json:"height,omitzero"`
	FocalPoint [2]float64 `json:"focalPoint,omitzero"` // -1 to 1 from the centre
	Blurhash   string     `json:"blurhash,omitzero"`
}

// PostDocument is a Note or an Article.
type PostDocument struct {
	ID           string    `json:"id"`
	Type         string    `json:"type"` // Note, Article
	AttributedTo string    `json:"attributedTo"`
	InReplyTo    string    `json:"inReplyTo,omitzero"`
	Name         string    `json:"name,omitzero"`
	NameMap      LangMap   `json:"nameMap,omitzero"`
	Summary      string    `json:"summary,omitzero"` // of a Note only a content warning
	SummaryMap   LangMap   `json:"summaryMap,omitzero"`
	Sensitive    bool      `json:"sensitive,omitzero"`
	Content      string    `json:"content"` // HTML; always written
	ContentMap   LangMap   `json:"contentMap,omitzero"`
	Source       Source    `json:"source,omitzero"`
	URL          string    `json:"url,omitzero"` // the page for people
	To           []string  `json:"to,omitzero"`
	Cc           []string  `json:"cc,omitzero"`
	Published    time.Time `json:"published,omitzero"`
	Updated      time.Time `json:"updated,omitzero"`
	Tag          []Tag     `json:"tag,omitzero"`
	Image        Media     `json:"image,omitzero"`   // of an Article; Mastodon reads only attachments
	Preview      Part      `json:"preview,omitzero"` // a Note, of an Article (FEP-b2b8)
	Attachment   []Media   `json:"attachment,omitzero"`
	Replies      string    `json:"replies,omitzero"`
	Likes        string    `json:"likes,omitzero"`
	Shares       string    `json:"shares,omitzero"`
}

// Source is what a content was made of.
type Source struct {
	Content   string `json:"content"`
	MediaType string `json:"mediaType"`
}

// Tag is a Hashtag, whose Name starts with #, or a Mention.
type Tag struct {
	Type string `json:"type"`
	Name string `json:"name"`
	Href string `json:"href"`
}

// Tombstone is an object that was deleted.
type Tombstone struct {
	ID           string    `json:"id"`
	Type         string    `json:"type"`                  // Tombstone
	AttributedTo string    `json:"attributedTo,omitzero"` // whose proof of it counts (FEP-8b32)
	FormerType   string    `json:"formerType,omitzero"`
	Published    time.Time `json:"published,omitzero"`
	Updated      time.Time `json:"updated,omitzero"`
	Deleted      time.Time `json:"deleted,omitzero"`
}

// ActivityDocument is an activity of ours. Create, Update, Undo, Accept and
// Reject hold their whole object, Delete a [Tombstone], Announce an [ID].
type ActivityDocument struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Actor     string    `json:"actor"`
	To        []string  `json:"to,omitzero"`
	Cc        []string  `json:"cc,omitzero"`
	Published time.Time `json:"published,omitzero"`
	Object    Part      `json:"object"`
	Target    string    `json:"target,omitzero"` // of an Add or Remove
}

// Collection is an OrderedCollection, newest first.
type Collection struct {
	ID           string `json:"id"`
	Type         string `json:"type"` // OrderedCollection
	AttributedTo string `json:"attributedTo,omitzero"`
	TotalItems   int    `json:"totalItems"`     // always written
	First        string `json:"first,omitzero"` // without it Mastodon takes followers as hidden
	Last         string `json:"last,omitzero"`
	OrderedItems []Part `json:"orderedItems,omitzero"` // nil is left out; empty is written
}

// CollectionPage is an OrderedCollectionPage.
type CollectionPage struct {
	ID           string `json:"id"`
	Type         string `json:"type"` // OrderedCollectionPage
	PartOf       string `json:"partOf"`
	TotalItems   int    `json:"totalItems,omitzero"`
	Next         string `json:"next,omitzero"` // towards the older
	Prev         string `json:"prev,omitzero"`
	OrderedItems []Part `json:"orderedItems"` // always written
}

func (ActorDocument) part()    {}
func (PostDocument) part()     {}
func (Tombstone) part()        {}
func (ActivityDocument) part() {}
func (Collection) part()       {}
func (CollectionPage) part()   {}
