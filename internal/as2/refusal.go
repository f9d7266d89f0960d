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
	ReasonSyntax    Reason = "json-syntax"
	ReasonBOM       Reason = "json-bom"
	ReasonUTF8      Reason = "json-utf8"
	ReasonNUL       Reason = "json-nul"
	ReasonTopLevel  Reason = "json-top-level"
	ReasonTrailing  Reason = "json-trailing"
	ReasonDuplicate Reason = "json-duplicate-member"
	ReasonVariant   Reason = "json-case-variant"
	ReasonNames     Reason = "json-names"
	ReasonDepth     Reason = "json-depth"
	ReasonTokens    Reason = "json-tokens"
	ReasonItems     Reason = "json-items"
	ReasonString    Reason = "json-string"
	ReasonNumber    Reason = "json-number"

	ReasonKeyword     Reason = "jsonld-keyword"
	ReasonContext     Reason = "jsonld-context"
	ReasonContextSize Reason = "jsonld-context-size"

	ReasonRecipients Reason = "as2-recipients"
	ReasonObjects    Reason = "as2-objects"
	ReasonMissing    Reason = "as2-missing"
	ReasonKind       Reason = "as2-kind"
	ReasonSeveral    Reason = "as2-several"
	ReasonID         Reason = "as2-id"
	ReasonIDScheme   Reason = "as2-id-scheme"
	ReasonIDLength   Reason = "as2-id-length"
	ReasonActorType  Reason = "as2-actor-type"
	ReasonKeys       Reason = "as2-keys"
	ReasonNoKey      Reason = "as2-no-key"

	ReasonVocabulary     Reason = "as2-vocabulary"
	ReasonVocabularyWork Reason = "as2-vocabulary-work"
)

// Means says the reason in words; empty for one that is not ours.
func (r Reason) Means() string { return means[r] }

var means = map[Reason]string{
	ReasonSyntax:    "not JSON (RFC 8259)",
	ReasonBOM:       "starts with a byte order mark",
	ReasonUTF8:      "not UTF-8, or half of a surrogate pair",
	ReasonNUL:       "holds U+0000",
	ReasonTopLevel:  "not an object",
	ReasonTrailing:  "more after the object",
	ReasonDuplicate: "a member is there twice",
	ReasonVariant:   "a member differs from another, or from a known term, only by case",
	ReasonNames:     "too many names in other letters than ASCII",
	ReasonDepth:     "nested too deep",
	ReasonTokens:    "too many tokens",
	ReasonItems:     "too many members in an object or items in an array",
	ReasonString:    "a string is too long",
	ReasonNumber:    "a number is too long or too large",

	ReasonKeyword:     "a JSON-LD keyword stands where it changes what plain members mean",
	ReasonContext:     "the JSON-LD context gives a known term another meaning",
	ReasonContextSize: "the JSON-LD context has too many entries",

	ReasonRecipients: "too many recipients",
	ReasonObjects:    "an activity about too many objects",
	ReasonMissing:    "a required member is missing",
	ReasonKind:       "a member is not of the kind it must be",
	ReasonSeveral:    "several values where there must be one",
	ReasonID:         "an id is not an absolute URL with a host and no user",
	ReasonIDScheme:   "an id is neither https nor http",
	ReasonIDLength:   "an id is too long",
	ReasonActorType:  "not an actor",
	ReasonKeys:       "too many keys",
	ReasonNoKey:      "the key is not listed",

	ReasonVocabulary:     "go-ap knows no such type",
	ReasonVocabularyWork: "go-ap would take too long to read it",
}
