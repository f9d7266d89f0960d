// Package store is what Pānui remembers: who follows, what was published, what
// is on its way to whom, what arrived, and the journal of all of it.
//
// A backend is one switch over the [Op] types and a handful of queries. All
// writing is one call, [Store.Apply], all or nothing, so that a journal line
// commits with the change it records and a delivery exists exactly when its
// post does. Package storetest holds the rules that every backend must pass.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors that a caller must be able to choose by. Backends wrap them with what
// was being done; anything else is a failure of the backend itself, after
// which nothing has changed and the same call may be tried again.
var (
	// ErrNotFound says that what was asked for is not in the store.
	ErrNotFound = errors.New("not found")
	// ErrDuplicate says that an op would record for a second time what is recorded already.
	ErrDuplicate = errors.New("already recorded")
	// ErrConflict says that the stored state is not the one on which the op was decided.
	ErrConflict = errors.New("conflict with what is stored")
	// ErrBlocked says that an op would let in somebody who is blocked.
	ErrBlocked = errors.New("blocked")
)

// Store is the memory of one or more sites. Several processes may share one.
// All methods are safe for concurrent use and stop when ctx ends.
type Store interface {
	// Apply carries out ops in their order, all or none. An error names the op
	// that failed; an op that the backend does not know fails.
	Apply(ctx context.Context, ops ...Op) error

	// Claim leases deliveries that are due to the caller, who must answer each
	// with a [Settle] that has the same Fence before the lease ends.
	Claim(ctx context.Context, c Claim) ([]Delivery, error)

	Reader
}

// Reader is the asking half of a [Store]. Lists that are empty are nil, not an
// error. Text and bodies come back byte for byte, an empty body as nil; times in
// UTC, to the millisecond. Bodies are not to be changed.
type Reader interface {
	// Actor returns one of the actors pinned here, by id, or ErrNotFound.
	Actor(ctx context.Context, id string) (Actor, error)
	// Actors lists the pinned actors, of every site that uses the store, by id.
	Actors(ctx context.Context) ([]Actor, error)

	// Posts lists posts, newest first.
	Posts(ctx context.Context, q PostQuery) ([]Post, error)
	// CountPosts counts the live posts of one actor.
	CountPosts(ctx context.Context, actor string) (int, error)
	// Activity returns an activity of ours by id, or ErrNotFound.
	Activity(ctx context.Context, id string) (Activity, error)
	// Receipt says how far an object of ours got: zeros when nobody was there to
	// tell, ErrNotFound when nothing was ever said about it.
	Receipt(ctx context.Context, object string) (Receipt, error)
	// Deliveries lists deliveries by id, oldest first.
	Deliveries(ctx context.Context, q DeliveryQuery) ([]Delivery, error)
	// Peer returns what is remembered of another server, or ErrNotFound.
	Peer(ctx context.Context, host string) (Peer, error)

	// Followers lists the followers of one actor, oldest first.
	Followers(ctx context.Context, q FollowerQuery) ([]Follower, error)
	// CountFollowers counts the accepted followers of one actor.
	CountFollowers(ctx context.Context, actor string) (int, error)
	// Received lists what arrived, newest first.
	Received(ctx context.Context, q ReceivedQuery) ([]Received, error)
	// Reactions lists likes and boosts, newest first.
	Reactions(ctx context.Context, q ReactionQuery) ([]Reaction, error)
	// Counts sums up how an object of ours was answered. An unknown object has zeros.
	Counts(ctx context.Context, object string) (Counts, error)

	// Blocks lists who is blocked, on every site that uses the store, oldest first.
	Blocks(ctx context.Context, q BlockQuery) ([]Block, error)

	// Journal lists entries in the order in which they were committed. Seq
	// counts from 1 without gaps.
	Journal(ctx context.Context, q JournalQuery) ([]Entry, error)
	// Setting returns a value put under name, or ErrNotFound.
	Setting(ctx context.Context, name string) (string, error)
}

// Actor pins an identity: the base URL, the handle and the key that belong
// together since first use, so that a copy of the site cannot speak as it.
type Actor struct {
	ID          string // the actor's URL
	BaseURL     string // the site's, without a trailing slash
	Handle      string // as news@agency.govt.nz, lower case
	Fingerprint string // of the key that signs
	Since       time.Time
	Stopped     time.Time // when sending was stopped; zero while it runs

	Rotations int       // how often the key was replaced
	Rotated   time.Time // when it last was; zero before
	Previous  string    // fingerprint of the key before, where that signs Handover; else empty
	Handover  string    // id of the activity that tells of the present key, signed with the one before
}

// PostState says whether a post stands.
type PostState string

// The states of a post. One that is withdrawn stays so: publishing under the
// same key again makes a new post with a new id.
const (
	Live      PostState = "live"
	Withdrawn PostState = "withdrawn"
)

// Post is an item of the website as published: one object with revisions.
type Post struct {
	Seq       int64  // given by the store, ascending; keeps its value over revisions
	ID        string // the object's id
	Actor     string // the id of the actor who says it
	Key       string // the website's own name for the item; one live post for each actor and key
	URL       string // the page for people
	Digest    string // of the item it was rendered from
	Rev       int    // 1 when first published
	State     PostState
	Activity  string // the id of the Create
	Body      []byte // the object as served, a Tombstone once withdrawn
	Pinned    bool   // listed in the actor's featured collection
	Published time.Time
	Updated   time.Time // of the last revision or withdrawal
}

// PostQuery selects posts; empty fields do not restrict.
type PostQuery struct {
	ID     string
	Actor  string
	Key    string
	URL    string
	State  PostState
	Pinned bool  // only pinned ones
	Before int64 // only with a smaller Seq; 0 starts with the newest
	Limit  int   // 0 means 100
}

// Activity is something an actor of ours says, as it goes over the wire.
type Activity struct {
	ID     string
	Actor  string
	Type   string // Create, Update, Delete, Accept …
	Object string // the id it is about: deliveries about one object to one inbox keep their order
	Body   []byte
	Public bool // may be served to anyone who asks for its id
	At     time.Time
}

// Lane orders deliveries before anything else does.
type Lane int

// The lanes, slowest first.
const (
	Routine Lane = iota // news
	Prompt              // answers that somebody waits for, such as an Accept
	Urgent              // alerts
)

// DeliveryState says what became of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	Pending   DeliveryState = "pending"   // due now, later, or leased
	Delivered DeliveryState = "delivered" // the inbox answered 2xx
	Failed    DeliveryState = "failed"    // given up: a dead letter, which Retry revives
	Cancelled DeliveryState = "cancelled" // taken back before it was certain to have arrived; may yet turn out Delivered
)

// Delivery is one activity on its way to one inbox.
type Delivery struct {
	ID       int64
	Activity string
	Actor    string
	Type     string
	Object   string
	Inbox    string
	Host     string // of the inbox, with its port where it has one
	Lane     Lane
	Weight   int // how many followers wait behind the inbox
	State    DeliveryState
	Attempt  int // how often it was claimed
	Created  time.Time
	Due      time.Time // zero is at once
	Status   int       // of the last answer; 0 before one came
	Answer   string    // the last answer or error in a few words
	Fence    int       // only from Claim: which claim this is, for Settle; no two of a delivery are alike
	Body     []byte    // only from Claim; shared between deliveries of one activity, so not to be changed
}

// DeliveryQuery selects deliveries; empty fields do not restrict.
type DeliveryQuery struct {
	Actor    string
	Activity string
	Object   string
	Inbox    string
	State    DeliveryState
	After    int64 // only with a greater ID
	Limit    int   // 0 means 100
}

// Claim asks for deliveries that are due: Urgent before Prompt before Routine,
// then the biggest inbox first, then the oldest. A delivery is not given out
// while an earlier one about the same object to the same inbox is pending,
// or cancelled but still under lease, while its actor is stopped, or while its
// host is down.
type Claim struct {
	Actors  []string // whose keys the caller holds; others are left alone
	Now     time.Time
	Lease   time.Duration
	Limit   int      // 0 means 100
	PerHost int      // at most so many for one host; 0 means no bound
	Except  []string // hosts that the caller is busy with

	// Longest is how long anything is ever put off. What is due, under lease or down
	// for longer from Now on was written by a clock that stood ahead, and waits no
	// more. 0 means no bound.
	Longest time.Duration
}

// Receipt says how far one object got. Each inbox counts once, by the newest
// delivery about the object to it.
type Receipt struct {
	Targeted  int
	Delivered int
	Pending   int
	Failed    int
	Cancelled int
	Last      time.Time // of the newest answer; zero before one came
}

// Peer is what is remembered of another server.
type Peer struct {
	Host      string
	Failures  int       // deliveries in a row that got no usable answer
	DownSince time.Time // of the first of them; zero while it answers
	DownUntil time.Time // no delivery is claimed for it before; zero while it answers

	// Form is how what is sent to it is signed until FormUntil, where it has shown
	// that it wants another form than the first that is tried. Empty when it has not.
	Form      string
	FormUntil time.Time
}

// FollowerState says whether a follower was accepted.
type FollowerState string

// The states of a follower. A refused one is not kept.
const (
	Requested FollowerState = "requested"
	Accepted  FollowerState = "accepted"
)

// Follower is a remote actor who asked for the posts of one of ours. It holds
// what delivery needs and nothing more.
type Follower struct {
	Seq         int64  // given by the store, ascending
	Actor       string // ours
	ID          string // theirs
	Inbox       string
	SharedInbox string // empty, or an inbox of the same origin that serves many
	Host        string // of the inbox
	Follow      string // the id of the Follow
	State       FollowerState
	Since       time.Time
	Gone        time.Time // when the inbox first answered that it is gone; zero while it answers
}

// FollowerQuery selects followers; empty fields do not restrict.
type FollowerQuery struct {
	Actor  string
	ID     string
	Follow string
	State  FollowerState
	After  int64 // only with a greater Seq
	Limit  int   // 0 means 100
}

// ReceivedState says what became of something that arrived.
type ReceivedState string

// The states of what arrived. Only Shown is ever shown to the public.
const (
	Held      ReceivedState = "held"      // waits for a person
	Shown     ReceivedState = "shown"     // approved
	Refused   ReceivedState = "refused"   // a person decided against showing it
	Noted     ReceivedState = "noted"     // kept for people to read; there is nothing to show
	Retracted ReceivedState = "retracted" // its author took it back; its body is erased
)

// Received is something that arrived and that a person may have to look at: a
// reply, a mention, a report, a block, a move.
type Received struct {
	Seq     int64  // given by the store, ascending
	ID      string // the object's id for a reply or mention, the activity's otherwise
	Actor   string // ours, whom it concerns
	From    string // the remote actor who said it
	Type    string // Create, Flag, Block, Move
	About   string // the object or actor of ours that it is about
	State   ReceivedState
	Body    []byte // the activity as it arrived
	At      time.Time
	Updated time.Time // by its author; zero until then
	By      string    // who decided
	Reason  string    // the house rule, or why
	Decided time.Time
}

// ReceivedQuery selects what arrived; empty fields do not restrict.
type ReceivedQuery struct {
	ID     string
	Actor  string
	From   string
	Type   string
	About  string
	State  ReceivedState
	Before int64 // only with a smaller Seq
	Limit  int   // 0 means 100

	Standing bool // only what is not Retracted
	Bare     bool // without the bodies, which may be large
}

// Reaction is a like or a boost of an object of ours. Each remote actor has at
// most one of a type for an object.
type Reaction struct {
	Seq    int64
	ID     string // the activity's
	Actor  string // ours
	From   string // theirs
	Type   string // Like or Announce
	Object string // ours
	At     time.Time
}

// ReactionQuery selects reactions; empty fields do not restrict.
type ReactionQuery struct {
	ID     string
	From   string
	Type   string
	Object string
	Before int64
	Limit  int // 0 means 100
}

// Counts sums up how an object of ours was answered.
type Counts struct {
	Likes   int
	Shares  int
	Replies int // shown ones
	Held    int // replies that wait for a person
}

// Block is a server or a remote actor that is neither listened to nor told anything.
type Block struct {
	Seq     int64  // given by the store, ascending
	Subject string // a domain, with all that is under it, in A-labels, lower case and without port; or the id of an actor
	Reason  string
	By      string // who decided
	At      time.Time
}

// BlockQuery selects blocks; empty fields do not restrict.
type BlockQuery struct {
	Subject string
	After   int64 // only with a greater Seq
	Limit   int   // 0 means 100
}

// Entry is a line of the journal.
type Entry struct {
	Seq     int64 // given by the store: 1, 2, 3 … in the order of commits
	At      time.Time
	Actor   string // ours
	Kind    string // publish, edit, withdraw, follow, unfollow, reply, approve, refuse, stop …
	Subject string // the id or key it is about; never a follower's
	By      string // the person or system that caused it; a peer's host when a stranger did
	Note    string
	Body    []byte // what was said, as it was said; nil where there is nothing to keep
}

// JournalQuery selects entries; empty fields do not restrict.
type JournalQuery struct {
	Actor string
	Kind  string
	After int64 // only with a greater Seq
	Limit int   // 0 means 100
}
