package as2

import "strings"

// vocabulary says which terms beyond ActivityStreams a document uses.
type vocabulary int

const (
	plain      vocabulary = 0
	postTerms  vocabulary = 1
	actorTerms vocabulary = 2
	keyTerms   vocabulary = 4 // beside actorTerms: an actor that lists a [Multikey]
)

// contexts are the contexts that we write, by vocabulary. Each contains the
// ActivityStreams string, which Mastodon looks for, and defines in place every
// term that the documents it names lack, so that a JSON-LD processor
// understands all that we say.
var contexts = map[vocabulary]string{
	plain:                             `"https://www.w3.org/ns/activitystreams"`,
	postTerms:                         termsContext("", mediaTerms, noteTerms),
	actorTerms:                        termsContext(security, mediaTerms, profileTerms),
	actorTerms | keyTerms:             termsContext(security, mediaTerms, profileTerms, multikeyTerms),
	postTerms | actorTerms:            termsContext(security, mediaTerms, noteTerms, profileTerms),
	postTerms | actorTerms | keyTerms: termsContext(security, mediaTerms, noteTerms, profileTerms, multikeyTerms),
}

const (
	security = `"https://w3id.org/security/v1",` // names sec too

	mediaTerms = `"toot":"http://joinmastodon.org/ns#",` +
		`"blurhash":"toot:blurhash",` +
		`"focalPoint":{"@id":"toot:focalPoint","@container":"@list"}`

	noteTerms = `"Hashtag":"as:Hashtag",` +
		`"sensitive":"as:sensitive"`

	profileTerms = `"schema":"http://schema.org#",` +
		`"PropertyValue":"schema:PropertyValue",` +
		`"value":"schema:value",` +
		`"manuallyApprovesFollowers":"as:manuallyApprovesFollowers",` +
		`"alsoKnownAs":{"@id":"as:alsoKnownAs","@type":"@id"},` +
		`"movedTo":{"@id":"as:movedTo","@type":"@id"},` +
		`"discoverable":"toot:discoverable",` +
		`"indexable":"toot:indexable",` +
		`"featured":{"@id":"toot:featured","@type":"@id"},` +
		`"attributionDomains":{"@id":"toot:attributionDomains","@type":"@id"},` +
		`"webfinger":{"@id":"https://purl.archive.org/socialweb/webfinger#webfinger","@type":"http://www.w3.org/2001/XMLSchema#string"}`

	multikeyTerms = `"Multikey":"sec:Multikey",` +
		`"assertionMethod":{"@id":"sec:assertionMethod","@type":"@id","@container":"@set"},` +
		`"controller":{"@id":"sec:controller","@type":"@id"},` +
		`"publicKeyMultibase":{"@id":"sec:publicKeyMultibase","@type":"sec:multibase"}`
)

func termsContext(documents string, terms ...string) string {
	return `["https://www.w3.org/ns/activitystreams",` + documents + `{` + strings.Join(terms, ",") + `}]`
}

// of returns the terms that the parts use.
func of(parts ...Part) vocabulary {
	used := plain
	for _, part := range parts {
		if d, ok := part.(Document); ok {
			used |= d.vocabulary()
		}
	}
	return used
}

func (a ActorDocument) vocabulary() vocabulary {
	if len(a.AssertionMethod) > 0 {
		return actorTerms | keyTerms
	}
	return actorTerms
}

func (p PostDocument) vocabulary() vocabulary     { return postTerms | of(p.Preview) }
func (Tombstone) vocabulary() vocabulary          { return plain }
func (a ActivityDocument) vocabulary() vocabulary { return of(a.Object) }
func (c Collection) vocabulary() vocabulary       { return of(c.OrderedItems...) }
func (p CollectionPage) vocabulary() vocabulary   { return of(p.OrderedItems...) }
func (e embedded) vocabulary() vocabulary         { return e.terms }
