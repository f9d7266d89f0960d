package as2

// The contexts that we write. Each contains the ActivityStreams string, which
// Mastodon looks for, and defines in place every term that is not in the
// documents it names, so that a JSON-LD processor understands all that we say.
const (
	plainContext = `"https://www.w3.org/ns/activitystreams"`

	postContext = `["https://www.w3.org/ns/activitystreams",{` +
		`"toot":"http://joinmastodon.org/ns#",` +
		`"Hashtag":"as:Hashtag",` +
		`"sensitive":"as:sensitive",` +
		`"blurhash":"toot:blurhash",` +
		`"focalPoint":{"@id":"toot:focalPoint","@container":"@list"}}]`

	actorContext = `["https://www.w3.org/ns/activitystreams","https://w3id.org/security/v1",{` +
		`"toot":"http://joinmastodon.org/ns#",` +
		`"schema":"http://schema.org#",` +
		`"PropertyValue":"schema:PropertyValue",` +
		`"value":"schema:value",` +
		`"manuallyApprovesFollowers":"as:manuallyApprovesFollowers",` +
		`"alsoKnownAs":{"@id":"as:alsoKnownAs","@type":"@id"},` +
		`"movedTo":{"@id":"as:movedTo","@type":"@id"},` +
		`"discoverable":"toot:discoverable",` +
		`"indexable":"toot:indexable",` +
		`"featured":{"@id":"toot:featured","@type":"@id"},` +
		`"attributionDomains":{"@id":"toot:attributionDomains","@type":"@id"},` +
		`"blurhash":"toot:blurhash",` +
		`"focalPoint":{"@id":"toot:focalPoint","@container":"@list"},` +
		`"webfinger":{"@id":"https://purl.archive.org/socialweb/webfinger#webfinger","@type":"http://www.w3.org/2001/XMLSchema#string"}}]`
)
