package as2

import "strings"

// vocabulary says which terms beyond ActivityStreams a document uses.
type vocabulary int

const (
	plain      vocabulary = 0
	postTerms  vocabulary = 1
	actorTerms vocabulary = 2
	keyTerms   vocabulary = 4 // beside actorTerms: an actor that lists a [Multikey]
	proofTerms vocabulary = 8 // of a [Provable] document

	allTerms = postTerms | actorTerms | keyTerms | proofTerms
)

// contexts are the contexts that we write, by vocabulary. Each contains the
// ActivityStreams string, which Mastodon looks for, and defines in place every
// term that the documents it names lack, so that a JSON-LD processor
// understands all that we say.
var contexts = func() map[vocabulary]string {
	all := map[vocabulary]string{}
	for used := range allTerms + 1 {
		all[used] = used.context()
	}
	return all
}()

func (used vocabulary) context() string {
	var terms []string
	parts := []string{activityStreams}
	if used&actorTerms != 0 {
		parts = append(parts, security)
	}
	if used&proofTerms != 0 {
		parts = append(parts, dataIntegrity)
	}
	if used&(postTerms|actorTerms) != 0 {
		terms = append(terms, mediaTerms)
	}
	for _, these := range []struct {
		vocabulary
		terms string
	}{{postTerms, noteTerms}, {actorTerms, profileTerms}, {keyTerms, multikeyTerms}} {
		if used&these.vocabulary != 0 {
			terms = append(terms, these.terms)
		}
	}
	if len(terms) > 0 {
		parts = append(parts, `{`+strings.Join(terms, ",")+`}`)
	}
	if used == plain {
		return activityStreams
	}
	return `[` + strings.Join(parts, ",") + `]`
}

const (
	activityStreams = `"https://www.w3.org/ns/activitystreams"`
	security        = `"https://w3id.org/security/v1"` // names sec too
	dataIntegrity   = `"https://w3id.org/security/data-integrity/v2"`

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
func (p Provable) vocabulary() vocabulary         { return p.Document.vocabulary() | proofTerms }
func (e embedded) vocabulary() vocabulary         { return e.terms }
