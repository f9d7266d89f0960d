package main

// aboutMessage says what a line of the log means, and what to do when it comes.
type aboutMessage struct{ text, meaning, do string }

func (m aboutMessage) name() string { return m.text }

// never are texts that the source could be read to say, and does not, with the reason.
var never = map[string]string{
	"outbox: unchanged": "a step of that kind ends before it is logged",
}

const nothing = "Nothing"

var messages = []aboutMessage{
	{"inbox took", "A verified activity and what it came to: `outcome`, `type` and `peer`, a host.", nothing},
	{"inbox refused", "A request was turned away: `reason`, `status`, `client`, an address, and `detail`. It is an error where the status is 500 or more.", "See the reasons above. One of `misconfigured`, `verifier-broken` or `panicked` is ours to mend; many of `store-failed` mean trouble with the database"},
	{"inbox: a middleware hides the connection, so a body that does not come holds it, and a place here, until the server's ReadTimeout; set that, or give the middleware's ResponseWriter an Unwrap method", "Once for each start. The deadline of a body could not be set on the connection: `http.TimeoutHandler` and some other middleware hide it.", "Put the site outside that middleware, or set `ReadTimeout` on the server; give a middleware of your own an `Unwrap` method"},
	{"fetch refused", "With `Config.AuthorizedFetch`, a GET of a post, an activity or a collection was not answered: `reason`, `status`, `client` and `detail`. A signature that cannot be read is 401 here.", "`signature-missing` is mostly a browser or a crawler. Of peers: as for the inbox"},
	{"outbox: the outgoing proxy does not serve; deliveries wait", "Once when it begins: `err`. Every 15 seconds one delivery is tried; none counts as a try, and no peer is blamed.", "Bring the proxy back, or mend `Config.Egress.Proxy`; nothing need be sent again by hand"},
	{"outbox: the outgoing proxy serves again", "It is over.", nothing},
	{"blocks: the list cannot be read; the one before holds", "Once when it begins: `err`. Who was blocked before stays so.", "Look at the database; a block made meanwhile is obeyed by the store, and here once the list is read"},
	{"blocks: the list can be read again", "It is over.", nothing},
	{"outbox: publish", "A new post: `post`, `key`, `rev`.", nothing},
	{"outbox: edit", "A post was changed.", nothing},
	{"outbox: pin", "A post is listed first on the profile.", nothing},
	{"outbox: unpin", "It no longer is.", nothing},
	{"outbox: withdraw", "A post was taken back.", nothing},
	{"outbox: stop", "A person stopped everything that leaves: `actors` says how many actors.", "See who in the journal"},
	{"outbox: resume", "A person let it go on.", "See who in the journal"},
	{"outbox: rotate-key", "An actor signs with its next key: `actor`, `key` and `before`, fingerprints, and `by`.", "Make the key `Profile.Key` on every machine and leave the old one out"},
	{"outbox: revoke-key", "The key of an actor was revoked and replaced at once.", "See docs/security/keys.md for what follows"},
	{"outbox: drill due", "Nobody has proved lately that a key can be restored: `actor`, `key`, its fingerprint, `use`, and `why`. When `Run` starts, and once a day, on each machine.", "Make a recovery kit if there is none, have an officer prove it, and remember the drill (docs/security/keys.md). `Profile.DrillMonths` says how long one counts"},
	{"outbox: not known whether a drill is due", "The store could not be asked: `actor`, `key`, `error`. At most once a day for each key; nothing else waits for it.", "Look at the database"},
	{"outbox: delivered", "So many `deliveries` arrived since the last such line; `activity` and `host` are one example.", nothing},
	{"outbox: trying again", "So many did not arrive and will be tried again.", nothing},
	{"outbox: given up", "So many became dead letters.", "Look at `Site.DeadLetters`; `Site.Retry` sends them again"},
	{"outbox: given back", "So many were claimed and not sent: the actor was stopped, the host is slow or busy, or the process ends. They are sent later.", nothing},
	{"outbox: blocked", "So many were for servers that are blocked, and were not sent.", nothing},
	{"outbox: deliver", "The deliverer could not read or write the store, or it does not hold the key that an actor is pinned with, whose deliveries it leaves to others; that is said once. It goes on trying.", "Look at the database; give this process the key that is pinned, as after a rotation or revocation on another machine"},
	{"outbox: panic while sending", "A defect while one delivery was sent: `inbox`, `panic`, `stack`. The delivery is tried three times in all.", "Report it, or mend the `crypto.Signer` that panicked"},
	{"outbox: serve", "A document could not be read from the store; the caller got 503.", "Look at the database"},
	{"feed read for the first time", "What the feed held already was left alone, unless a backfill was asked for.", nothing},
	{"item published", "An item of the feed was published or edited.", nothing},
	{"item published in part", "Something of the item was left out, such as an image without a text alternative; `note` says what.", "Mend the item in the website"},
	{"item not published", "An item was refused or the store failed; it is tried again at each poll.", "Mend the item as `error` says, or dismiss it"},
	{"old item left alone", "Old content appeared anew in the feed.", "Release it if it is meant to be published"},
	{"withdrawn item left alone", "A person withdrew the item and the feed still has it.", "Take it out of the website's feed"},
	{"items held until they are released", "More items at once than usual: often a rebuilt feed.", "Look at them, then release or dismiss them"},
	{"items were not published and are in the feed no more", "Held or failing items left the feed before they were published.", "Publish them by hand if they still matter"},
	{"feed not read", "The feed could not be fetched or read. It is asked less and less often, up to once an hour.", "Look at the feed's address"},
}

// aboutKind says what a kind of journal entry records.
type aboutKind struct{ text, meaning, by, kept string }

func (k aboutKind) name() string { return k.text }

const (
	byEditor    = "the item's `By`, else as for `withdraw`"
	byWebsite   = "who `Site.As` names, else `website`"
	byModerator = "the person who decided"
	byPeer      = "the peer's host"

	postKept     = "the id of the post, the item's key, the activity as sent"
	receivedKept = "nothing of who; the activity itself is among what was received"
	nobody       = "nothing of who"
)

var kinds = []aboutKind{
	{"publish", "an item became a post", byEditor, postKept},
	{"edit", "a post was changed", byEditor, postKept},
	{"pin", "a post is listed first on the profile", byEditor, postKept},
	{"unpin", "it no longer is", byEditor, postKept},
	{"withdraw", "a post was taken back", byWebsite, postKept},
	{"introduce", "followers were told of a changed profile", "`website`", "the activity as sent"},
	{"announce-key", "the key that an actor is to sign with next was listed, and followers told", "`website`", "its fingerprint"},
	{"rotate-key", "an actor signs with its next key from here on", byWebsite, "the fingerprints of both keys, the Update as sent"},
	{"revoke-key", "the key of an actor was revoked or lost and replaced at once", byWebsite, "the fingerprints of both keys, the reason, the Update as sent"},
	{"stop", "everything that an actor sends was stopped", byWebsite, "the actor"},
	{"resume", "the actor may send again", byWebsite, "the actor"},
	{"retry", "dead letters were sent again", byWebsite, "which"},
	{"drill", "an officer proved that the recovery kit of an actor's key opens", "the officer", "the actor, the fingerprint of the key"},
	{"undelivered", "a delivery was given up", byPeer, "the id of the activity, how often it was tried, the last answer"},
	{"follow", "somebody follows", byPeer, nobody},
	{"follow-request", "somebody asks to follow and waits for a person", byPeer, nobody},
	{"accept-follower", "a person accepted who waited", byModerator, nobody},
	{"refuse-follower", "a person refused a follower", byModerator, nobody},
	{"unfollow", "somebody no longer follows", byPeer, nobody},
	{"reply", "a reply arrived", byPeer, "the id of the reply"},
	{"mention", "a mention arrived", byPeer, "the id of the mention"},
	{"message", "something arrived that is not addressed to everybody", byPeer, "its id"},
	{"revise", "its author changed it", byPeer, "its id"},
	{"retract", "its author took it back", byPeer, "its id"},
	{"forget", "an actor that is gone was forgotten", byPeer, nobody},
	{"approve", "a person approved a reply", byModerator, "the id of the reply, the reason if one was given"},
	{"refuse", "a person refused a reply, or the policy a follower", byModerator + "; " + byPeer + " for a follower", "the id of the reply, the house rule; nothing of a follower"},
	{"hold", "a person put a reply back to wait", byModerator, "the id of the reply"},
	{"block-server", "a person blocked a server: its followers were removed, its replies refused", byModerator, "its domain, the reason, and whether what it said was erased"},
	{"block-actor", "a person blocked a remote actor, with the same effect", byModerator, "the id of the actor, the reason, and whether what it said was erased"},
	{"unblock-server", "a person let a server in again", byModerator, "its domain"},
	{"unblock-actor", "a person let a remote actor in again", byModerator, "the id of the actor"},
	{"report", "somebody reported a post or an actor", byPeer, receivedKept},
	{"block", "somebody blocked an actor", byPeer, receivedKept},
	{"unblock", "they took that back", byPeer, nobody},
	{"move", "a follower moved to another server", byPeer, receivedKept},
}
