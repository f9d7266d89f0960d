package store

import "time"

// Op is one change to the store. The types below are all there are: a new need
// becomes a new op, and a backend that does not know it says so.
type Op interface{ op() }

// PinActor binds an actor's id, base URL, handle and key at first use. When the
// same id or the same handle is pinned already with any other of these, it
// fails with ErrConflict; pinned alike, it changes nothing.
type PinActor struct{ Actor Actor }

// RepinKey replaces the key fingerprint of a pinned actor and counts one more of
// its Rotations. Where it names a Handover, an activity that From still signs, From
// becomes the Previous one; without, From signs nothing more and is nowhere kept.
// It fails with ErrConflict unless From is the stored one.
type RepinKey struct {
	Actor, From, To string
	Handover        string
	At              time.Time
}

// Stop stops all sending by an actor; Claim gives out nothing of it until
// Resume. Stopping again keeps the first time. It fails with ErrNotFound for an
// actor that is not pinned.
type Stop struct {
	Actor string
	At    time.Time
}

// Resume lets an actor send again. It fails with ErrNotFound for an actor that
// is not pinned.
type Resume struct{ Actor string }

// PutPost stores a post. Rev 1 creates it: ErrDuplicate when its id exists,
// ErrConflict when another live post has its actor and key. A later Rev
// replaces the stored one and fails with ErrConflict unless that is Rev-1, of
// the same actor and key, and live.
type PutPost struct{ Post Post }

// Audience says to whom an activity fans out; the two may be joined with |.
type Audience int

// The audiences.
const (
	// ToFollowers are the accepted followers of the activity's actor: for each
	// the shared inbox when two or more share it, else its own.
	ToFollowers Audience = 1 << iota
	// ToReached are the inboxes that an earlier delivery about the same object
	// reached or may have reached.
	ToReached
)

// Fanout stores an activity and one pending delivery for each inbox of its
// audience, the biggest inbox first. It fails with ErrDuplicate when the
// activity's id exists.
type Fanout struct {
	Activity Activity
	To       Audience
	Lane     Lane
	Due      time.Time // zero means at once

	// Spread is over how long the deliveries become due, evenly and the biggest
	// inbox first, from Due on or, where that is zero, from the activity's At. It
	// counts in milliseconds, and only where there are more than SpreadAbove inboxes.
	Spread time.Duration
}

// SpreadAbove is how many servers may come to read a page at once, once they
// know of it.
const SpreadAbove = 500

// Send stores an activity, unless its id is stored, and one pending delivery of
// it. Sending an id again to the same inbox makes the one delivery pending again,
// with its attempts forgotten, unless it still is. A delivery by Send of an
// activity that is not Public is forgotten once it is Delivered, or is given up
// when its Object is the Follow of no follower, and the activity with the last of
// its deliveries: it is nobody's business afterwards.
type Send struct {
	Activity Activity
	Inbox    string
	Lane     Lane
	Due      time.Time // zero means at once
}

// Cancel takes back the pending deliveries about an object, and its dead letters,
// which Retry must not revive. Those under lease are Cancelled too, unless they still settle as Delivered, and hold up what
// comes after them until they settle or their lease ends.
type Cancel struct{ Object string }

// Settle ends one claim of a delivery, the one that got Fence. State Pending means another try at
// Due; Unsent gives the delivery back as if it had not been claimed. It fails
// with ErrConflict when the delivery has been claimed anew since, is settled, or
// was erased. A lease that ended is no reason to fail as long as nobody else has
// claimed. Delivered clears the Gone mark of the followers behind the inbox.
type Settle struct {
	Delivery int64
	Fence    int
	State    DeliveryState
	Due      time.Time
	Status   int
	Answer   string
	At       time.Time
	Unsent   bool
}

// Retry makes dead letters pending again, due at Due, with their attempts
// forgotten: the one with the id Delivery, which fails with ErrNotFound when that
// is no dead letter, or, when Delivery is 0, all of Actor.
type Retry struct {
	Delivery int64
	Actor    string
	Due      time.Time
}

// Gone notes that an inbox answered that it exists no more. Followers behind it
// that were marked before Before are removed, as by RemoveFollower; others that
// have no mark yet are marked with At.
type Gone struct {
	Inbox  string
	At     time.Time
	Before time.Time
}

// PutPeer stores how another server does: its Failures, DownSince and DownUntil.
// Its Form is PutForm's alone, so that neither undoes what the other has learned
// in between.
type PutPeer struct{ Peer Peer }

// PutForm stores how what is sent to a server is signed, and leaves alone what
// else is remembered of it.
type PutForm struct {
	Host  string
	Form  string
	Until time.Time
}

// PutBlocks blocks, for good or until RemoveBlock, and ends what there is with
// those who are blocked. A server is blocked by its domain, with all that is under
// it, on every port; an actor by its id. Who is blocked already stays so as
// before, with the rest done all the same.
//
// Followers who are blocked, or whose inbox is on a blocked server, are removed as
// by RemoveFollower. Deliveries to an inbox of a blocked server are taken back as
// by Cancel; so are those to the inbox of a blocked follower alone. Their reactions
// are forgotten. What they said and is Held or Shown becomes Refused, by whom and
// for the reason of the block; with Erase all that they said, Noted or Refused
// before too, becomes Retracted and loses its body.
//
// From then on PutFollower, Receive, Revise and React fail with ErrBlocked for
// them. The work grows with what is theirs and with how many servers there are,
// not with how many others follow.
type PutBlocks struct {
	Blocks []Block
	Erase  bool
}

// RemoveBlock lets somebody in again. Nothing that the block ended comes back.
// It fails with ErrNotFound when the subject itself is not blocked.
type RemoveBlock struct{ Subject string }

// PutFollower stores a follower, whole; Seq and Since of an earlier one are kept.
// Where its Follow is another than before, what was said alone to who sent that
// is forgotten as by RemoveFollower. A follower with a Seq is one that was read:
// it fails with ErrNotFound when that has left since. It fails with ErrBlocked when
// the follower or its inbox is blocked.
type PutFollower struct{ Follower Follower }

// RemoveFollower forgets a follower, with what was said to it alone: activities
// that are not Public and whose Object is its Follow. One that is not there is
// no error.
type RemoveFollower struct{ Actor, ID string }

// ForgetActor forgets a remote actor everywhere: as follower and in its
// reactions; what it said becomes Retracted and loses its body.
type ForgetActor struct {
	ID string
	At time.Time
}

// Receive records something that arrived. It fails with ErrDuplicate when its
// ID is recorded for the same actor, and with ErrBlocked when From is blocked.
type Receive struct{ Received Received }

// Revise replaces the body of what From said under ID, for every actor of ours
// that received it. What was Held, Shown or Refused is Held again, without a
// decision; what was Noted stays so.
// It fails with ErrNotFound when From said no such thing, or took it back, and
// with ErrBlocked when From is blocked.
type Revise struct {
	ID   string
	From string
	Body []byte
	At   time.Time
}

// Retract marks what From said under ID as taken back and erases its body.
// What is not there is no error.
type Retract struct {
	ID   string
	From string
	At   time.Time
}

// Decide records a person's decision about something held. It fails with
// ErrNotFound when there is no such thing, and with ErrConflict when it is
// retracted or was revised since Seen, the Updated (or At) that the person saw.
// A decision can be changed.
type Decide struct {
	Actor  string
	ID     string
	State  ReceivedState // Shown, Refused or Held
	By     string
	Reason string
	At     time.Time
	Seen   time.Time // zero does not compare
}

// React records a like or a boost; one that is there already stays as it is. It
// fails with ErrBlocked when From is blocked.
type React struct{ Reaction Reaction }

// Unreact forgets the reaction of From of a type to an object. One that is not
// there is no error.
type Unreact struct{ From, Type, Object string }

// Record appends an entry to the journal.
type Record struct{ Entry Entry }

// PutSetting stores a value under a name; an empty value removes it.
type PutSetting struct{ Name, Value string }

func (PinActor) op()       {}
func (RepinKey) op()       {}
func (Stop) op()           {}
func (Resume) op()         {}
func (PutPost) op()        {}
func (Fanout) op()         {}
func (Send) op()           {}
func (Cancel) op()         {}
func (Settle) op()         {}
func (Retry) op()          {}
func (Gone) op()           {}
func (PutPeer) op()        {}
func (PutForm) op()        {}
func (PutBlocks) op()      {}
func (RemoveBlock) op()    {}
func (PutFollower) op()    {}
func (RemoveFollower) op() {}
func (ForgetActor) op()    {}
func (Receive) op()        {}
func (Revise) op()         {}
func (Retract) op()        {}
func (Decide) op()         {}
func (React) op()          {}
func (Unreact) op()        {}
func (Record) op()         {}
func (PutSetting) op()     {}
