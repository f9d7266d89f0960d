package main

import "strings"

// consequence is what happens at a limit, and why it is where it is, as far as
// that is known.
type consequence struct {
	unit unit
	at   string
	why  string
}

var atTheLimit = map[string]consequence{
	"InboxBody":      {octets, "413 `body-too-long`; nothing beyond it is read", "Mastodon takes 1 MiB, but Misskey only 64 KB, so what peers send to each other is smaller"},
	"BodyDeadline":   {things, "408 `body-slow`, and the connection ends", "A body that drips holds one of the places in `Waiting`"},
	"Document":       {octets, "The document is not read to its end and is refused; not asked for again within `FailureTTL`", "Mastodon's figure"},
	"ResponseHeader": {octets, "As for `Document`", ""},
	"RequestHeader":  {octets, "400 `header-too-large`", ""},
	"Signature":      {octets, "400 `signature-too-large`", ""},
	"Components":     {things, "400 `signature-too-large`", ""},

	"JSONDepth":  {things, "400 `json-refused`, detail `json-depth`", "Documents that every server takes have at most eight levels"},
	"JSONTokens": {things, "400 `json-refused`, detail `json-tokens`", ""},
	"JSONItems":  {things, "400 `json-refused`, detail `json-items`", ""},
	"JSONString": {octets, "400 `json-refused`, detail `json-string`", ""},
	"ID":         {octets, "400 `json-refused`, detail `as2-id-length`; 401 `key-id-refused`; never asked for", ""},
	"Query":      {octets, "414", ""},
	"Name":       {octets, "Cut at a whole character", ""},
	"Summary":    {octets, "Cut at a whole character", ""},
	"Content":    {octets, "Cut at a whole character; people see that it was cut. The record keeps the activity as it arrived", ""},
	"Recipients": {things, "400 `json-refused`, detail `as2-recipients`", ""},
	"Tags":       {things, "The rest is not looked at", "Each mention may cost a look-up"},

	"SignatureAge":   {things, "401 `date-outside-window`", "Mastodon lets a signature count for at most 12 hours"},
	"ClockSkew":      {things, "401 `date-outside-window`", ""},
	"KeyRefetch":     {things, "The key that is known decides", "Wrong signatures must not make us ask a server again and again"},
	"FetchesPerHost": {things, "503 `key-unreachable` or `actor-unreachable`", "A domain with a thousand names under it has one budget"},
	"ProvenPerHost":  {things, "As for `FetchesPerHost`", "Many people of one large server follow on the first day"},
	"Redirects":      {things, "The fetch fails", ""},

	"DNSTimeout":      {things, "The request fails; a delivery is tried again", ""},
	"DialTimeout":     {things, "The request fails; a delivery is tried again", ""},
	"TLSTimeout":      {things, "The request fails; a delivery is tried again", ""},
	"HeaderTimeout":   {things, "The request fails; a delivery is tried again", ""},
	"FetchTimeout":    {things, "The fetch fails; 503 `key-unreachable` or `actor-unreachable`", ""},
	"DeliveryTimeout": {things, "The delivery is tried again", ""},

	"CacheEntries": {things, "What was used least recently is forgotten and asked for again", "Memory is bounded, whoever comes"},
	"ActorTTL":     {things, "The document is fetched again when it is next needed", ""},
	"FailureTTL":   {things, "The failure is answered from memory until then", ""},

	"InWork":         {things, "The request waits", ""},
	"Waiting":        {things, "503 `busy` with `Retry-After`", "Peers come again; the website must stay up"},
	"RetryAfter":     {things, "Peers come again after it", ""},
	"StoreTimeout":   {things, "503 `store-failed`; nothing has changed", "A locked database must not make the whole inbox hang"},
	"PerIP":          {things, "429 `budget-used` with `Retry-After`; an IPv6 address counts as its /64. What verifies costs nothing", "One server may send thousands of likes in minutes, each of them signed"},
	"PerIPWindow":    {things, "", ""},
	"ActorPerDay":    {things, "429 `peer-budget-used` with `Retry-After`. Undo, Delete and Block are always taken", "Following and leaving for ever must not fill the journal, of which nothing is removed"},
	"HostPerMinute":  {things, "429 `peer-budget-used` with `Retry-After`", "A host may make up actors; 200 a second is the peak to plan for of all hosts together"},
	"ConnsPerHost":   {things, "Further deliveries to the host wait", ""},
	"DeliveryAge":    {things, "The delivery becomes a dead letter, which `Site.Retry` revives", ""},
	"DeliveryTries":  {things, "The delivery becomes a dead letter, which `Site.Retry` revives", "So many fit into `DeliveryAge`, even without luck"},
	"RepliesPerPost": {things, "Answered 202 and dropped", ""},
	"RepliesPerDay":  {things, "Answered 202 and dropped; mentions, reports, blocks and moves count too", ""},
}

// bound is a constant that bounds something.
type bound struct {
	name string // folder.constant
	unit unit
	what string
	at   string
}

func (b bound) place() (folder, name string) {
	i := strings.LastIndexByte(b.name, '.')
	return b.name[:i], b.name[i+1:]
}

// bounds stand in the order in which a request, a document, a delivery and a feed meet them.
var bounds = []bound{
	{"signing.clockTolerance", things, "how far ahead `created`, and how far past `expires`, of a signature may be", "401 `date-outside-window`"},
	{"internal/as2.maxContextEntries", things, "entries of one JSON-LD context; real ones have some seventy", "400 `json-refused`, detail `jsonld-context-size`"},
	{"internal/as2.maxNumber", characters, "one JSON number", "400 `json-refused`, detail `json-number`"},
	{"internal/as2.maxStrangeNames", octets, "all names of members outside ASCII together, which take time to compare", "400 `json-refused`, detail `json-names`"},
	{"internal/as2.maxObjects", things, "objects that an activity is about", "400 `json-refused`, detail `as2-objects`"},
	{"internal/as2.deepest", things, "levels of objects inside an activity that are read", "only the ids of those below are read"},
	{"internal/as2.maxLinks", things, "links or tags that are looked at", "the rest is not looked at"},
	{"internal/as2.maxWork", things, "comparisons that go-ap would make to read a document for a policy", "the policy is not asked and counts as Hold"},
	{"internal/as2.maxKeys", things, "keys that an actor lists; Mastodon reads as many", "the actor is refused, detail `as2-keys`"},
	{"signing.maxWish", octets, "the Accept-Signature of an answer to a delivery", "it is ignored"},
	{"signing.maxMultikey", characters, "the Multikey that a peer lists; more than RSA with 8192 bits needs", "the key is refused"},
	{"signing/proof.maxValue", characters, "the value of an integrity proof, which is 64 bytes", "it is no proof"},
	{"signing/proof.maxInteger", things, "the greatest integer in a document with a proof (I-JSON)", "it is no proof"},
	{"signing/proof.digits", things, "digits of a number in a document with a proof that are not zeros around the others", "it is no proof"},
	{"signing.maxPublicPEM", octets, "the PEM of a peer's key; several times that of RSA with 8192 bits", "the key is refused"},
	{"inbox.maxReported", things, "things that one report may name and that are looked up", "the rest is not looked at"},
	{"inbox.maxBlocks", things, "blocks that are kept", "`ImportBlocks` refuses the list"},
	{"inbox.maxLookups", things, "handles in one list whose ids are asked for", "the report says which were not"},
	{"inbox.lookups", things, "of them at once", ""},
	{"inbox/blocks.Stale", things, "how long a machine on which `Run` does not run may not have heard of a block", "the next request looks"},
	{"inbox.Patience", things, "how long an agency's policy may think", "it counts as Hold"},
	{"inbox.retries", things, "how often a decision is made anew when the store changed under it", "503 `store-failed`"},
	{"inbox.maxDetail", octets, "what the log keeps of one thing that a stranger said", "cut"},
	{"inbox.maxMarkup", octets, "HTML of a reply that is shown as HTML", "shown as plain text"},
	{"inbox.maxPasses", things, "how often HTML of a reply may still change while it is sanitised", "shown as plain text"},
	{"inbox.maxMarks", things, "marks on one letter of a reply", "the rest is left out"},

	{"internal/blocklist.maxSubject", octets, "the domain, or the id of an actor, that is blocked", "refused"},
	{"internal/blocklist.maxList", octets, "a list of blocks that is imported", "the list is refused"},
	{"internal/blocklist.maxRows", things, "lines of such a list", "the list is refused"},
	{"internal/blocklist.maxComment", characters, "what is kept of a line's comment", "cut"},

	{"actor.maxSegment", characters, "a segment of a path of ours", "404"},
	{"actor.maxHandle", octets, "a handle", "not taken as a handle"},
	{"actor.maxName", octets, "the name in a handle", "not taken as a handle"},
	{"actor.heardFor", things, "how long a machine that does not deliver shows the keys of an actor without asking the store", "one request asks, the others are served meanwhile"},
	{"actor.deafFor", things, "how long a look-up of them that failed is not repeated", "503 where nothing was known before"},
	{"actor.askTime", things, "one such look-up", "what was known last is served; without it 503"},
	{"webfinger.maxRels", things, "`rel` parameters of a WebFinger question that are looked at", "the rest is not looked at"},
	{"webfinger.maxRanges", things, "media ranges of an Accept field that are looked at, for host-meta", "the rest is not looked at"},
	{"internal/document.renderTime", things, "one rendering of a document that is counted anew now and then, such as the followers", "the last document is served; without one 503"},
	{"outbox.loadTime", things, "one look-up of a document in the store", "the last document is served; without one 503"},
	{"outbox.freshFor", things, "how long an object is served without asking the store", "the store is asked, once for all who wait"},
	{"outbox.gapFor", things, "how long an id that is not there is 404 without asking the store", "the store is asked"},
	{"outbox.singles", things, "objects and activities kept ready", "what was used least recently is read again"},
	{"outbox.pages", things, "collections and their pages kept ready", "what was used least recently is read again"},
	{"outbox.gapsSize", things, "ids remembered as not there", "what was used least recently is looked up again"},
	{"outbox.pageSize", things, "items on a page of an outbox", "the next page"},

	{"signing/internal/keyfile.NewBits", bits, "the RSA key that is made on first use (NZISM 17.2.24)", ""},
	{"signing/internal/keyfile.Max", octets, "a key file", "the file is refused at start"},
	{"signing/kit.maxKit", octets, "a recovery kit", "it is not opened"},
	{"actor.maxDisplayName", characters, "the name in a profile of ours", "`New` refuses the profile"},
	{"actor.maxSummary", characters, "the summary of a profile", "`New` refuses the profile"},
	{"actor.maxFields", things, "fields of a profile", "`New` refuses the profile"},
	{"actor.maxFieldName", characters, "the name of such a field", "`New` refuses the profile"},
	{"actor.maxFieldValue", characters, "its value", "`New` refuses the profile"},
	{"actor.maxAlt", characters, "the text alternative of a picture in a profile", "`New` refuses the profile"},
	{"actor.maxFormerIDs", things, "ids that an actor was before", "`New` refuses the profile"},
	{"actor.maxOtherProofKeys", things, "proof keys of before and to come that an actor lists", "`New` refuses the profile"},
	{"actor.maxID", octets, "one such id, and any URL in a profile", "`New` refuses the profile"},

	{"outbox.maxKey", octets, "the website's key of an item", "`Publish` refuses the item"},
	{"internal/as2.MaxSize", octets, "a document that we write; Misskey takes no more", "`Publish` refuses the item; a page of the outbox is shortened"},
	{"internal/as2.maxDepth", things, "levels of a document that we write; Pixelfed reads no more", "`Publish` refuses the item"},
	{"outbox.maxLead", characters, "the abstract that is made of the first paragraph of an item", "cut at a word"},
	{"outbox.attempts", things, "how often publishing is decided anew when another process was faster", "`Publish` fails and can be called again"},

	{"outbox.rollCall", things, "how long a deliverer may not have heard of an emergency stop or of a block", "it looks, and cuts short what is on its way"},
	{"signing/custody.overlap", things, "how long a key must have been announced before it may sign", "`RotateKey` refuses; `RotateKeyRiskingRefusal` does not"},
	{"outbox.stallAfter", things, "how long a delivery may hold up others", "it goes on beside them"},
	{"outbox.grace", things, "what open deliveries get when `Run` ends", "they are cut short, and tried again later"},
	{"outbox.fewTries", things, "tries where the inbox is missing (404), redirects, or our own code failed", "a dead letter"},
	{"outbox.firstWait", things, "the longest first wait before a delivery is tried again; each further one is up to three times as long", ""},
	{"outbox.longestWait", things, "the longest wait before a try, and the longest `Retry-After` that is believed", ""},
	{"outbox.failuresToRest", things, "failures in a row after which a host is left alone for a while", "its deliveries wait"},
	{"outbox.goneFor", things, "how long an inbox must have answered 410", "the followers behind it are forgotten"},
	{"outbox.missingFor", things, "how long an inbox must have answered 404", "the followers behind it are forgotten"},
	{"outbox.deadFor", things, "how long a server must not have answered", "the followers behind it are forgotten"},
	{"outbox.maxAnswer", characters, "what is kept of an error of a delivery", "cut"},
	{"outbox.maxAnswers", things, "different answers that a receipt tells apart", "the rest is counted only"},
	{"outbox.proxyRest", things, "how often an outgoing proxy that does not serve is tried", "deliveries wait, without a try being counted"},
	{"signing/egress.tunnelsPerFamily", things, "addresses of IPv4, and of IPv6, of one name that an outgoing proxy is asked for", "the rest is not tried"},
	{"signing/egress.keptOfPost", octets, "what is read of the answer to a delivery", "the rest is not read"},
	{"signing/egress.idleConnections", things, "connections kept open for later", "closed"},
	{"signing/egress.idleTimeout", things, "how long one is kept", "closed"},
	{"signing/egress.pingAfter", things, "how long an HTTP/2 connection may be silent before it is asked whether it lives", "asked, and closed without an answer"},

	{"outbox/feed.MaxBytes", octets, "a feed of the agency", "the feed is refused"},
	{"outbox/feed.MaxItems", things, "items of a feed", "the feed is refused"},
	{"outbox/feed.maxDepth", things, "XML elements inside each other", "the feed is refused"},
	{"outbox/feed.maxElements", things, "XML elements", "the feed is refused"},
	{"outbox/feed.maxAttributes", things, "attributes of one element", "the feed is refused"},
	{"outbox/feed.maxNamespaces", things, "XML namespaces in force at one element", "the feed is refused"},
	{"outbox/feed.maxFragments", things, "pieces of text in one element", "the feed is refused"},
	{"outbox/feed.maxNesting", things, "HTML elements inside each other in an item", "read as plain text"},
	{"outbox/feed.maxBody", octets, "HTML of one item that is read", "cut before the tag that goes beyond"},
	{"outbox/feed.maxKey", octets, "the id of an item that is its key as it stands", "a digest of it is the key"},
	{"outbox/feed.maxImages", things, "images of an item; Mastodon shows as many", "the rest is left out"},
	{"outbox/feed.maxTags", things, "hashtags of an item", "the rest is left out"},
	{"outbox/feed.maxTagLetters", characters, "one hashtag", "left out"},
	{"outbox/feed.remembered", things, "items that are remembered beyond those in the feed", "the oldest are forgotten"},
}
