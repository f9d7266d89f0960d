package actortest

import (
	"strings"
	"time"
)

// Dialect is whose software a server plays: the shape of its ids, documents and
// activities, the layout of its signatures, and what it refuses. The rules come
// from the sources, the documentation and the recorded requests of the software;
// Lemmy, Threads and micro.blog are known least.
type Dialect int

// The dialects.
const (
	Mastodon Dialect = iota
	Misskey
	Pleroma
	GoToSocial
	Pixelfed
	Lemmy
	PeerTube
	Threads
	WordPress
	MicroBlog
)

// String returns the name of the software.
func (d Dialect) String() string { return d.manner().software }

func (d Dialect) manner() *manner {
	if d < 0 || int(d) >= len(manners) {
		return &manner{}
	}
	return &manners[d]
}

// A manner is everything in which one software differs from another. In paths
// and ids, {name} is the actor's name, {serial} its number, {actor} its id,
// {base} the server's URL, {object} and {target} ids, {n} something new each time.
type manner struct {
	software, version string

	actor, inbox, sharedInbox, profile string // paths; inbox is below the actor when empty
	note                               string // id of a note
	key                                string // what the document appends to the actor's id to name its key
	keyInSignature                     string // the same in signatures, when it differs
	stubKey                            bool   // the key has a document of its own, readable without a signature
	ids                                map[string]string

	contexts    []any // of an actor document
	mediaType   string
	algorithm   string
	params      []string // order of the signature's parameters
	coverPost   []string
	coverGet    []string
	omitsQuery  bool // signs a GET without its query
	signsAsSelf bool // signs a GET as the user; the others do it as the instance
	shared      []string
	omits       []string // members that its actor documents do not have
	addresses   bool     // Follow, Block, Like and Accept say to whom
	compact     bool     // writes one-element arrays as bare values, and escapes HTML
	bareDelete  bool     // Delete names the object by its id; the others embed a Tombstone
	flagsAsUser bool     // reports come from the user; the others hide who it was

	accepted, refused int // status of a good POST, and of one with a bad signature
	keyFailure        int // status when the key cannot be fetched; refused when zero
	demands           []string
	past, future      time.Duration // how far a signed Date may be off; zero is any
	bodyLimit         int64
	depth             int
	upperDigest       bool
	quotedParams      bool // a parameter without quotes is not understood
	queryOptional     bool // a signature without the query verifies as well
	late              bool // verifies after it has answered
	pinsKeys          bool // a key is not fetched twice
	signedGets        bool
	userAgent         bool          // 418 without User-Agent
	strictMedia       int           // status of a media type that is not ActivityStreams; zero does not look
	noContext         int           // status without the ActivityStreams context; zero drops
	bareUpdate        int           // status of an Update that does not embed its object; zero drops
	bareUndo          int           // status of an Undo that does not; zero believes the id
	sharedFollow      int           // status of a Follow at the shared inbox; zero takes it
	addressed         bool          // an object needs to or cc of its own
	pictures          bool          // shows only replies and what has attachments
	titles            bool          // shows only what has a name
	tombstone         bool          // Delete must embed a Tombstone
	collections       bool          // an actor needs outbox, followers and following
	realTime          time.Duration // an older post reaches no home timeline
}

const (
	activityType = "application/activity+json"
	ldType       = `application/ld+json; profile="https://www.w3.org/ns/activitystreams"`
	streams      = "https://www.w3.org/ns/activitystreams"
	security     = "https://w3id.org/security/v1"
	public       = streams + "#Public"
)

// fill puts values into the placeholders of a pattern.
func fill(pattern string, values map[string]string) string {
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(pattern)
}

func names(list string) []string { return strings.Fields(list) }

// manners is the table of dialects, indexed by Dialect; nothing writes to it.
var manners = [...]manner{
	Mastodon: {
		software: "mastodon", version: "4.6.5",
		actor: "/users/{name}", sharedInbox: "/inbox", profile: "/@{name}",
		note: "{actor}/statuses/{n}", key: "#main-key",
		ids: map[string]string{
			"Follow": "{base}/{n}", "Block": "{actor}#blocks/{n}", "Like": "{actor}#likes/{n}",
			"Announce": "{actor}/statuses/{n}/activity", "Create": "{object}/activity", "Update": "{object}#updates/{n}",
			"Delete": "{object}#delete", "Undo": "{object}/undo", "Flag": "{base}/{n}", "Accept": "{actor}#accepts/follows/{n}",
			"Move": "{actor}#moves/{n}",
		},
		contexts: []any{streams, security, map[string]any{
			"manuallyApprovesFollowers": "as:manuallyApprovesFollowers", "toot": "http://joinmastodon.org/ns#",
			"discoverable": "toot:discoverable", "alsoKnownAs": map[string]any{"@id": "as:alsoKnownAs", "@type": "@id"},
		}},
		mediaType: activityType, algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("host date digest content-type (request-target)"), coverGet: names("host date accept (request-target)"),
		shared:   names("Create Update Delete Announce"),
		accepted: 202, refused: 401, keyFailure: 503, demands: names("date|(created) digest"),
		past: 65 * time.Minute, future: time.Hour, bodyLimit: 1 << 20, queryOptional: true, realTime: 6 * time.Hour,
	},
	Misskey: {
		software: "misskey", version: "2025.9.0",
		omits: names("published"),
		actor: "/users/{opaque}", sharedInbox: "/inbox", profile: "/@{name}",
		note: "{base}/notes/{n}", key: "#main-key",
		ids: map[string]string{
			"Follow": "{base}/follows/{opaque}/{target}", "Like": "{base}/likes/{n}", "Block": "{base}/blocks/{n}",
			"Announce": "{base}/notes/{n}/activity", "Create": "{object}/activity", "Update": "{object}#updates/{n}",
			"Delete": "{base}/{n}", "Undo": "{object}/undo", "Flag": "{base}/{n}", "Accept": "{base}/{n}", "Move": "{base}/moves/{n}",
		},
		contexts: []any{streams, security, map[string]any{
			"Key": "sec:Key", "misskey": "https://misskey-hub.net/ns#", "isCat": "misskey:isCat",
			"_misskey_content": "misskey:_misskey_content", "_misskey_reaction": "misskey:_misskey_reaction",
		}},
		mediaType: activityType, algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) date host digest"), coverGet: names("(request-target) date host accept"),
		accepted: 202, refused: 401, demands: names("(request-target) host date digest"),
		past: 300 * time.Second, future: 300 * time.Second, bodyLimit: 64 << 10, late: true,
	},
	Pleroma: {
		software: "pleroma", version: "2.9.1",
		omits: names("published"), addresses: true,
		actor: "/users/{name}", sharedInbox: "/inbox", profile: "/users/{name}",
		note: "{base}/objects/{n}", key: "#main-key",
		ids: map[string]string{"": "{base}/activities/{n}"},
		contexts: []any{streams, "{base}/schemas/litepub-0.1.jsonld", map[string]any{
			"@language": "und",
		}},
		mediaType: activityType, algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) content-length date digest host"), coverGet: names("(request-target) date host"),
		omitsQuery: true, shared: names("Create Update Delete Announce"), bareDelete: true,
		accepted: 200, refused: 400, queryOptional: true,
	},
	GoToSocial: {
		software: "gotosocial", version: "0.20.0",
		omits: names("endpoints"), addresses: true,
		actor: "/users/{name}", sharedInbox: "/inbox", profile: "/@{name}",
		note: "{actor}/statuses/{n}", key: "/main-key", stubKey: true,
		ids: map[string]string{
			"Follow": "{actor}/follow/{n}", "Like": "{actor}/liked/{n}", "Block": "{actor}/blocks/{n}",
			"Announce": "{actor}/statuses/{n}", "Create": "{object}/activity#Create", "Update": "{object}/activity#Update",
			"Flag": "{base}/reports/{n}", "": "{base}/{n}",
		},
		contexts: []any{"https://gotosocial.org/ns", security, streams, map[string]any{
			"discoverable": "toot:discoverable", "manuallyApprovesFollowers": "as:manuallyApprovesFollowers", "toot": "http://joinmastodon.org/ns#",
		}},
		mediaType: ldType, algorithm: "hs2019", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) host date digest"), coverGet: names("(request-target) host date"),
		signsAsSelf: true, shared: names("Follow Undo Create Update Delete Announce Like Block Flag Accept Move"),
		compact: true, bareDelete: true,
		accepted: 202, refused: 401, keyFailure: 500, queryOptional: true, pinsKeys: true, signedGets: true,
		userAgent: true, strictMedia: 406, noContext: 500, bareUpdate: 500, addressed: true,
	},
	Pixelfed: {
		software: "pixelfed", version: "0.12.5",
		actor: "/users/{name}", sharedInbox: "/f/inbox", profile: "/{name}",
		note: "{base}/p/{name}/{n}", key: "#main-key",
		ids: map[string]string{
			"Follow": "{actor}#follow/{n}", "Like": "{actor}#likes/{n}", "Announce": "{base}/p/{name}/{n}/activity",
			"Create": "{object}/activity", "Delete": "{object}#delete", "Undo": "{object}/undo", "": "{actor}#activities/{n}",
		},
		contexts:  []any{security, streams, map[string]any{"manuallyApprovesFollowers": "as:manuallyApprovesFollowers"}},
		mediaType: ldType, algorithm: "rsa-sha256", params: names("keyId headers algorithm signature"),
		coverPost: names("(request-target) host date digest content-type"), coverGet: names("(request-target) host date accept"),
		omitsQuery: true,
		accepted:   200, refused: 200, demands: names("date"), past: 24 * time.Hour, future: 24 * time.Hour,
		depth: 8, quotedParams: true, late: true, pictures: true, tombstone: true, queryOptional: true,
	},
	Lemmy: {
		software: "lemmy", version: "0.19.11",
		omits: names("followers following manuallyApprovesFollowers"), addresses: true,
		actor: "/u/{name}", sharedInbox: "/inbox", profile: "/u/{name}",
		note: "{base}/comment/{n}", key: "#main-key",
		ids: map[string]string{
			"Follow": "{base}/activities/follow/{n}", "Undo": "{base}/activities/undo/{n}", "Like": "{base}/activities/like/{n}",
			"Create": "{base}/activities/create/{n}", "Update": "{base}/activities/update/{n}", "Delete": "{base}/activities/delete/{n}",
			"Flag": "{base}/activities/flag/{n}", "Block": "{base}/activities/block/{n}", "": "{base}/activities/{n}",
		},
		contexts: []any{"https://join-lemmy.org/context.json", streams}, mediaType: activityType,
		algorithm: "hs2019", params: names("keyId algorithm headers created expires signature"),
		coverPost: names("(created) (expires) (request-target) content-type date digest host"),
		coverGet:  names("(created) (expires) (request-target) accept date host"),
		shared:    names("Create Update Delete Announce"), bareDelete: true, flagsAsUser: true,
		accepted: 200, refused: 400, demands: names("digest"), past: time.Hour, future: time.Hour, titles: true,
	},
	PeerTube: {
		software: "peertube", version: "7.2.0",
		omits: names("manuallyApprovesFollowers published"),
		actor: "/accounts/{name}", sharedInbox: "/inbox", profile: "/accounts/{name}",
		note: "{actor}/comments/{n}", key: "#main-key", keyInSignature: "{actor}",
		ids: map[string]string{
			"Follow": "{actor}/follows/{n}", "Like": "{actor}/likes/{n}", "Announce": "{actor}/announces/{n}",
			"Create": "{object}/activity", "Update": "{object}/updates/{n}", "Delete": "{object}/delete", "Undo": "{object}/undo",
			"": "{actor}/activities/{n}",
		},
		contexts:  []any{streams, security, map[string]any{"pt": "https://joinpeertube.org/ns#", "playlists": map[string]any{"@id": "pt:playlists", "@type": "@id"}}},
		mediaType: ldType, algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) host date digest"), coverGet: names("(request-target) host date"),
		bareDelete: true, flagsAsUser: true,
		accepted: 204, refused: 403, demands: names("(request-target) host date digest"), past: 1800 * time.Second, future: 1800 * time.Second,
		collections: true,
	},
	Threads: {
		software: "threads", version: "1.0.0",
		actor: "/ap/users/{name}/", inbox: "/ap/users/{name}/inbox/", sharedInbox: "/ap/inbox/", profile: "/@{name}",
		note: "{actor}post/{n}/", key: "#main-key",
		ids:      map[string]string{"Create": "{object}activity/", "Update": "{object}updates/{n}/", "": "{actor}activity/{n}/"},
		contexts: []any{streams, security}, mediaType: activityType,
		algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) host date digest content-type"), coverGet: names("(request-target) host date accept"),
		accepted: 202, refused: 401, demands: names("date digest"), past: time.Hour, future: time.Hour,
		upperDigest: true, signedGets: true, bareUndo: 500,
	},
	WordPress: {
		software: "wordpress", version: "6.8.2",
		actor: "/?author={serial}", inbox: "/wp-json/activitypub/1.0/actors/{serial}/inbox",
		sharedInbox: "/wp-json/activitypub/1.0/inbox", profile: "/@{name}",
		note: "{base}/?c={n}", key: "#main-key",
		ids:      map[string]string{"Create": "{object}#activity-create-{n}", "": "{actor}#activity-{n}"},
		contexts: []any{streams, security, map[string]any{"manuallyApprovesFollowers": "as:manuallyApprovesFollowers"}}, mediaType: activityType,
		algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) host date digest"), coverGet: names("(request-target) host date"),
		accepted: 202, refused: 401, demands: names("date|(created) digest"), past: 12 * time.Hour, future: time.Hour,
	},
	MicroBlog: {
		software: "micro.blog", version: "1.0",
		omits: names("manuallyApprovesFollowers published"),
		actor: "/activitypub/{name}", sharedInbox: "/activitypub/shared/inbox", profile: "/activitypub/{name}",
		note: "{actor}/notes/{n}", key: "#key",
		ids:      map[string]string{"": "{actor}#activities/{n}"},
		contexts: []any{streams, security}, mediaType: activityType,
		algorithm: "rsa-sha256", params: names("keyId algorithm headers signature"),
		coverPost: names("(request-target) host date digest"), coverGet: names("(request-target) host date"),
		accepted: 202, refused: 401, demands: names("date digest"), past: time.Hour, future: time.Hour, sharedFollow: 500,
	},
}
