package as2

import (
	"bytes"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What every server takes: Misskey's inbox ends at 64 KB, Pixelfed reads eight levels.
const (
	MaxSize  = 64 << 10
	maxDepth = 8
)

// Document is what [Marshal] writes: an [ActorDocument], [PostDocument],
// [Tombstone], [ActivityDocument], [Collection] or [CollectionPage].
type Document interface {
	Part
	vocabulary() vocabulary
}

// Part is what may stand inside a document: an [ID], a document, or
// bytes that are one ([Embedded]).
type Part interface{ part() }

// Provable is a document whose context has the terms of an integrity proof, as
// an array, so that a proof may be added to it.
type Provable struct{ Document }

// MarshalJSONTo writes the document.
func (p Provable) MarshalJSONTo(enc *jsontext.Encoder) error {
	return json.MarshalEncode(enc, p.Document)
}

// ID is a document by its id.
type ID string

// raw is a JSON value written as it came, but for white space between its
// tokens. Invalid JSON fails the marshalling: it cannot break out of its place.
type raw []byte

func (ID) part()  {}
func (raw) part() {}

// MarshalJSONTo writes the bytes.
func (r raw) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteValue(jsontext.Value(r))
}

// embedded is a document of ours without its context.
type embedded struct {
	raw
	terms vocabulary
}

// Embedded makes a part of a document that [Marshal] wrote: without the
// context, which the document around it carries, and without a proof that was
// added to it, which nobody could verify without that context. Other bytes are written as they
// came, but for white space between tokens; if they are not JSON, Marshal fails.
func Embedded(document []byte) Part {
	terms, members, ok := cutContext(document)
	if !ok {
		return raw(document)
	}
	if terms&proofTerms != 0 {
		members = withoutProof(members)
	}
	return embedded{raw: append(raw{'{'}, members...), terms: terms &^ proofTerms}
}

// cutContext takes the context from a document of ours, and says which it was.
func cutContext(document []byte) (terms vocabulary, members []byte, ok bool) {
	rest, ok := bytes.CutPrefix(document, []byte(contextStart))
	if !ok {
		return plain, nil, false
	}
	for terms, context := range contexts {
		if n := len(context); n < len(rest) && string(rest[:n]) == context && rest[n] == ',' {
			return terms, rest[n+1:], true
		}
	}
	return plain, nil, false
}

// withoutProof takes the proof from a document of ours, in which it is the last
// member, and none stands inside another. Text cannot look like it: its quotes are escaped.
func withoutProof(document []byte) []byte {
	if i := bytes.LastIndex(document, []byte(`,"proof":{`)); i >= 0 {
		return append(bytes.Clone(document[:i]), '}')
	}
	return document
}

// Marshal writes d: its context first, its members in the order of the struct,
// times in UTC to the second, and nothing escaped that JSON does not require. It
// fails rather than write what some servers refuse: over [MaxSize], or deeper than
// eight levels.
func Marshal(d Document) ([]byte, error) {
	members, err := json.Marshal(d, wire)
	if err != nil {
		return nil, fmt.Errorf("as2: marshal %T: %w", d, err)
	}
	document := append(contextMember(d.vocabulary()), members[1:]...)
	if len(document) > MaxSize {
		return nil, fmt.Errorf("as2: marshal %T: %d bytes, larger than 64 KB, which is all that every server takes", d, len(document))
	}
	if deeper(document, maxDepth) {
		return nil, fmt.Errorf("as2: marshal %T: deeper than %d levels", d, maxDepth)
	}
	return document, nil
}

const contextStart = `{"@context":`

func contextMember(terms vocabulary) []byte {
	return []byte(contextStart + contexts[terms] + `,`)
}

// wire is how members are written.
var wire = json.JoinOptions(
	jsontext.PreserveRawStrings(true),
	json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, t time.Time) error {
		return enc.WriteToken(jsontext.String(t.UTC().Format(time.RFC3339)))
	})),
)

// deeper says whether valid JSON nests objects and arrays deeper than most.
func deeper(document []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(document); i++ {
		switch c := document[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			if depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// LangMap is a natural language value, written in its order: Mastodon takes the first key.
type LangMap []LangValue

// LangValue is a text in one language (BCP 47).
type LangValue struct{ Language, Value string }

// MarshalJSONTo writes an object with the languages as its members; a language given twice fails.
func (m LangMap) MarshalJSONTo(enc *jsontext.Encoder) error {
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, v := range m {
		if err := enc.WriteToken(jsontext.String(v.Language)); err != nil {
			return err
		}
		if err := enc.WriteToken(jsontext.String(v.Value)); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}
