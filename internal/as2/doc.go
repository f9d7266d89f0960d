// Package as2 is the wire form of ActivityStreams 2.0 documents as the
// fediverse writes them: strict reading of what strangers send, ordered writing
// of what we say, and go-ap values made of either.
//
// Reading is two steps. [Scan] refuses what a strict reader refuses, in one pass
// and before anything is built. [ReadActivity], [ReadActor] and [ReadKey] scan,
// then read into small structs, tolerant where real servers differ and strict
// where authority is decided. JSON-LD contexts are never fetched or processed:
// a document means what its plain members say, and one whose context would make
// them mean something else is refused.
//
// Writing is [Marshal], which puts the context that a document needs before its
// members and writes those in the order of the struct.
package as2

// Public addresses everybody (ActivityPub section 5.6); as:Public and Public are read as it.
const Public = namespace + "Public"

const (
	namespace         = "https://www.w3.org/ns/activitystreams#"
	securityNamespace = "https://w3id.org/security#"
)
