// Package limits holds every bound that Pānui puts on what strangers send and
// answer, in one struct. Sizes are in bytes, counts are counts.
package limits

import "time"

// Limits are the bounds in force. Use [Default]; tests make them smaller.
type Limits struct {
	InboxBody      int64         // body of a POST to an inbox; more is 413
	BodyDeadline   time.Duration // to read that body; later is 408
	Document       int64         // body of a document that we fetch
	ResponseHeader int64         // header of an answer to us
	RequestHeader  int           // all header fields of a request to us together
	Signature      int           // one Signature header
	Components     int           // names that one signature covers

	JSONDepth  int // objects and arrays inside each other
	JSONTokens int // names, values and brackets of one document
	JSONItems  int // members of one object or items of one array
	JSONString int // one string or name
	ID         int // an id or URL
	Query      int // the query of a WebFinger request
	Name       int // of a remote actor or object, as kept
	Summary    int // a content warning, as kept
	Content    int // of a reply, as kept
	Recipients int // that one object names: to, cc, bto, bcc and audience together
	Tags       int // of one object that are looked at

	SignatureAge   time.Duration // how old a signed Date may be
	ClockSkew      time.Duration // how far ahead it may be
	KeyRefetch     time.Duration // one fetch of one key in this time
	FetchesPerHost int           // key and actor fetches from one registrable domain in a minute that no verified signature proved worthwhile
	ProvenPerHost  int           // and all of them together
	Redirects      int           // of a GET, all within one origin; a POST has none

	DNSTimeout      time.Duration // one look-up of a name
	DialTimeout     time.Duration // to connect, over all addresses of the name
	TLSTimeout      time.Duration // the handshake
	HeaderTimeout   time.Duration // until the header of the answer is there
	FetchTimeout    time.Duration // a whole GET
	DeliveryTimeout time.Duration // a whole POST

	CacheEntries int           // each cache: actors, keys, failures, replays, hosts
	ActorTTL     time.Duration // how long a remote actor and its keys are believed
	FailureTTL   time.Duration // how long a failed look-up is not repeated

	InWork         int           // requests to the inbox at once, for each CPU
	Waiting        int           // and waiting for that, for each CPU; more is 503
	RetryAfter     time.Duration // what a 503 or 429 says
	StoreTimeout   time.Duration // for the one write of a request to the inbox, and for who is blocked to be looked up, while a peer waits; later is 503
	PerIP          int           // unverified requests to the inbox from one address in PerIPWindow
	PerIPWindow    time.Duration // in which a budget that is used up fills again
	ActorPerDay    int           // changes that one remote actor makes in a day, taking back apart; more are 429
	HostPerMinute  int           // changes that all actors of one host make in a minute; more are 429
	ConnsPerHost   int           // connections to one host
	DeliveryAge    time.Duration // how old a delivery may grow
	DeliveryTries  int           // tries of one delivery before it is a dead letter
	RepliesPerPost int           // replies kept for one post; more are answered and dropped
	RepliesPerDay  int           // replies kept from one remote actor in a day
}

// Default returns the limits that Pānui ships with; docs/security/limits.md
// gives the reason for each.
func Default() Limits {
	return Limits{
		InboxBody: 256 << 10, BodyDeadline: 10 * time.Second,
		Document: 1 << 20, ResponseHeader: 64 << 10,
		RequestHeader: 16 << 10, Signature: 4 << 10, Components: 20,

		JSONDepth: 32, JSONTokens: 50_000, JSONItems: 4_096, JSONString: 128 << 10,
		ID: 2_048, Query: 2_048, Name: 256, Summary: 2 << 10, Content: 64 << 10,
		Recipients: 256, Tags: 64,

		SignatureAge: 12 * time.Hour, ClockSkew: 5 * time.Minute,
		KeyRefetch: 5 * time.Minute, FetchesPerHost: 30, ProvenPerHost: 600, Redirects: 3,

		DNSTimeout: 3 * time.Second, DialTimeout: 5 * time.Second, TLSTimeout: 5 * time.Second,
		HeaderTimeout: 5 * time.Second, FetchTimeout: 10 * time.Second, DeliveryTimeout: 15 * time.Second,

		CacheEntries: 10_000, ActorTTL: 24 * time.Hour, FailureTTL: 5 * time.Minute,

		InWork: 8, Waiting: 64, RetryAfter: 30 * time.Second, StoreTimeout: 2 * time.Second,
		PerIP: 300, PerIPWindow: 5 * time.Minute, ActorPerDay: 500, HostPerMinute: 12_000, ConnsPerHost: 2,
		DeliveryAge: 7 * 24 * time.Hour, DeliveryTries: 14,
		RepliesPerPost: 10_000, RepliesPerDay: 100,
	}
}
