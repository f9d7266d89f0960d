package as2

import (
	"mime"
	"slices"
	"strings"
)

// The media types of ActivityStreams documents (ActivityPub section 3.2), and
// the second of them as some servers write it, without its profile.
const (
	MediaType     = "application/activity+json"
	LDMediaType   = `application/ld+json; profile="https://www.w3.org/ns/activitystreams"`
	BareMediaType = "application/ld+json"
)

// ReadMediaType returns which of the three media types the Content-Type fields
// of a message say. It is empty for any other, for several fields, and for a
// charset other than UTF-8. A server that lets people upload files does not serve
// those as the first two; as the third it may.
func ReadMediaType(contentTypes []string) string {
	if len(contentTypes) != 1 {
		return ""
	}
	kind, parameters, err := mime.ParseMediaType(contentTypes[0])
	if err != nil {
		return ""
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	profile := parameters["profile"]
	switch {
	case kind == MediaType:
		return MediaType
	case kind == BareMediaType && profile == "":
		return BareMediaType
	case kind == BareMediaType && slices.Contains(strings.Fields(profile), "https://www.w3.org/ns/activitystreams"):
		return LDMediaType
	}
	return ""
}
