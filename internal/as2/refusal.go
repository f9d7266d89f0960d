package as2

import "strconv"

// Refusal is why a document is not read. It never holds anything that the stranger wrote.
type Refusal struct {
	Reason Reason
	Member string // the term it is about, from our own list; empty when it is about none
	Offset int64  // in bytes from the start, near the place; 0 when not known
}

// Error says the reason, the member and the place.
func (r *Refusal) Error() string {
	text := "as2: " + string(r.Reason) + ": " + r.Reason.Means()
	if r.Member != "" {
		text += " (" + r.Member + ")"
	}
	if r.Offset > 0 {
		text += " near byte " + strconv.FormatInt(r.Offset, 10)
	}
	return text
}

// Reason is the code of a refusal, for the log and for a caller that must choose.
type Reason string

// The reasons. Those with json- and jsonld- are of [Scan], those with as2- of the readers.
const (
	reasonSyntax    Reason = "json-syntax"
	reasonBOM       Reason = "json-bom"
	reasonUTF8      Reason = "json-utf8"
	reasonNUL       Reason = "json-nul"
	reasonTopLevel  Reason = "json-top-level"
	reasonTrailing  Reason = "json-trailing"
	reasonDuplicate Reason = "json-duplicate-member"
	reasonVariant   Reason = "json-case-variant"
	reasonNames     Reason = "json-names"
	reasonDepth     Reason = "json-depth"
	reasonTokens    Reason = "json-tokens"
	reasonItems     Reason = "json-items"
	reasonString    Reason = "json-string"
	reasonNumber    Reason = "json-number"

	reasonKeyword     Reason = "jsonld-keyword"
	reasonContext     Reason = "jsonld-context"
	reasonContextSize Reason = "jsonld-context-size"

	reasonRecipients Reason = "as2-recipients"
	reasonObjects    Reason = "as2-objects"
	reasonMissing    Reason = "as2-missing"
	reasonKind       Reason = "as2-kind"
	reasonSeveral    Reason = "as2-several"
	reasonID         Reason = "as2-id"
	reasonIDScheme   Reason = "as2-id-scheme"
	reasonIDLength   Reason = "as2-id-length"
	reasonActorType  Reason = "as2-actor-type"
	reasonKeys       Reason = "as2-keys"
	reasonNoKey      Reason = "as2-no-key"

	reasonVocabulary     Reason = "as2-vocabulary"
	reasonVocabularyWork Reason = "as2-vocabulary-work"
)

// Means says the reason in words; empty for one that is not ours.
func (r Reason) Means() string { return means[r] }

var means = map[Reason]string{
	reasonSyntax:    "not JSON (RFC 8259)",
	reasonBOM:       "starts with a byte order mark",
	reasonUTF8:      "not UTF-8, or half of a surrogate pair",
	reasonNUL:       "holds U+0000",
	reasonTopLevel:  "not an object",
	reasonTrailing:  "more after the object",
	reasonDuplicate: "a member is there twice",
	reasonVariant:   "a member differs from another, or from a known term, only by case",
	reasonNames:     "too many names in other letters than ASCII",
	reasonDepth:     "nested too deep",
	reasonTokens:    "too many tokens",
	reasonItems:     "too many members in an object or items in an array",
	reasonString:    "a string is too long",
	reasonNumber:    "a number is too long or too large",

	reasonKeyword:     "a JSON-LD keyword stands where it changes what plain members mean",
	reasonContext:     "the JSON-LD context gives a known term another meaning",
	reasonContextSize: "the JSON-LD context has too many entries",

	reasonRecipients: "too many recipients",
	reasonObjects:    "an activity about too many objects",
	reasonMissing:    "a required member is missing",
	reasonKind:       "a member is not of the kind it must be",
	reasonSeveral:    "several values where there must be one",
	reasonID:         "an id is not an absolute URL with a host and no user",
	reasonIDScheme:   "an id is neither https nor http",
	reasonIDLength:   "an id is too long",
	reasonActorType:  "not an actor",
	reasonKeys:       "too many keys",
	reasonNoKey:      "the key is not listed",

	reasonVocabulary:     "go-ap knows no such type",
	reasonVocabularyWork: "go-ap would take too long to read it",
}
