package as2

import "strings"

// properties are the terms whose meaning no document may change: by another
// case, by a context that defines them, or by JSON-LD keywords in their values.
// They are the properties of ActivityStreams 2.0, of ActivityPub and of the
// security vocabulary that say who, what, to whom and by which key.
var properties = set(`id type
	accuracy actor altitude anyOf attachment attributedTo audience bcc bto cc closed content contentMap context current
	deleted describes duration endTime endpoints first followers following formerType generator height href hreflang
	icon image inReplyTo inbox instrument items last latitude liked likes location longitude mediaType name nameMap next
	object oneOf orderedItems origin outbox partOf preferredUsername prev preview published radius rel relationship replies result
	sharedInbox shares source startIndex startTime streams subject summary summaryMap tag target to totalItems units
	updated url width
	oauthAuthorizationEndpoint oauthTokenEndpoint provideClientKey proxyUrl signClientKey uploadMedia
	alsoKnownAs manuallyApprovesFollowers movedTo sensitive
	publicKey publicKeyPem owner`)

// types are the activity and object types whose meaning no context may change.
var types = set(`Accept Activity Add Announce Application Arrive Article Audio Block Collection CollectionPage Create
	Delete Dislike Document Event Flag Follow Group Ignore Image Invite Join Leave Like Link Listen Mention Move Note
	Object Offer OrderedCollection OrderedCollectionPage Organization Page Person Place Profile Question Read Reject
	Relationship Remove Service TentativeAccept TentativeReject Tombstone Travel Undo Update Video View`)

// prefixes are the namespaces of those terms, which no context may give to another.
var prefixes = map[string]string{
	"as":  namespace,
	"sec": securityNamespace,
	"ldp": "http://www.w3.org/ns/ldp#",
}

// sharing are the terms that ActivityStreams defines as the property of another term.
var sharing = map[string]string{"contentMap": "content", "nameMap": "name", "summaryMap": "summary", "orderedItems": "items"}

// folded finds the property that a folded name is a variant of.
var folded = func() map[string]string {
	m := make(map[string]string, len(properties))
	for name := range properties {
		m[string(fold(nil, []byte(name)))] = name
	}
	return m
}()

// recipients are the properties that say to whom (ActivityStreams 2.0 vocabulary section 4).
var recipients = set("to cc bto bcc audience")

// languageMaps are the properties whose members are languages.
var languageMaps = set("contentMap nameMap summaryMap")

// standard says whether a context may define the term as the IRI, compact or
// not. Terms that are not known may mean anything but a keyword.
func standard(term, iri string) bool {
	if strings.HasPrefix(iri, "@") {
		return term == "id" && iri == "@id" || term == "type" && iri == "@type"
	}
	if own, ok := prefixes[term]; ok {
		return iri == own
	}
	if !known(term) {
		return true
	}
	if property, ok := sharing[term]; ok {
		term = property
	}
	for prefix, space := range prefixes {
		if iri == prefix+":"+term || iri == space+term {
			return true
		}
	}
	return false
}

// known says whether a context must leave the term as it is.
func known(term string) bool {
	return properties[term] || types[term] || prefixes[term] != ""
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}
