package actor

// URLs makes and recognises the ids of one site. They all lie under one prefix
// and are opaque: no slug, title or handle in them.
type URLs struct {
	Base   string // https://www.agency.govt.nz, no trailing slash
	Prefix string // /ap/ when empty
}

// Actor returns the id of the actor with the segment id.
func (u URLs) Actor(id string) string { panic("not built yet") }

// Key returns the id of the actor's signing key.
func (u URLs) Key(id string) string { panic("not built yet") }

// Inbox returns the actor's own inbox.
func (u URLs) Inbox(id string) string { panic("not built yet") }

// SharedInbox returns the inbox of all actors of the site.
func (u URLs) SharedInbox() string { panic("not built yet") }

// Outbox returns the actor's outbox.
func (u URLs) Outbox(id string) string { panic("not built yet") }

// Followers returns the actor's followers collection.
func (u URLs) Followers(id string) string { panic("not built yet") }

// Following returns the actor's following collection.
func (u URLs) Following(id string) string { panic("not built yet") }

// Featured returns the actor's collection of pinned posts.
func (u URLs) Featured(id string) string { panic("not built yet") }

// Object returns the id of an object.
func (u URLs) Object(id string) string { panic("not built yet") }

// Replies returns the collection of shown replies to an object.
func (u URLs) Replies(id string) string { panic("not built yet") }

// Activity returns the id of an activity.
func (u URLs) Activity(id string) string { panic("not built yet") }

// Kind says what a path of the site names.
type Kind int

// The kinds of paths.
const (
	NotOurs Kind = iota
	KindActor
	KindInbox
	KindSharedInbox
	KindOutbox
	KindFollowers
	KindFollowing
	KindFeatured
	KindObject
	KindReplies
	KindActivity
	Unknown // under the prefix, but nothing
)

// Route says what an escaped request path names, with its segment. It allocates nothing.
func (u URLs) Route(escapedPath string) (Kind, string) { panic("not built yet") }

// Owns says whether id is under the site's base URL.
func (u URLs) Owns(id string) bool { panic("not built yet") }
