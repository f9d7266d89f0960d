package as2

import (
	"bytes"
	"errors"
	"fmt"

	vocab "github.com/go-ap/activitypub"
	"github.com/go-ap/jsonld"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/panui/panui/internal/limits"
)

// maxWork bounds what go-ap does with one document, in comparisons of about a microsecond.
const maxWork = 100_000

// ToAP scans b and makes a go-ap value of it, for those who think in that
// vocabulary. Authority is never decided on it. Lost are unknown types with all
// that they hold (Hashtag, PropertyValue, EmojiReact), members that go-ap does
// not know (discoverable, manuallyApprovesFollowers, alsoKnownAs, focalPoint,
// sensitive, policies), the order of languages, keys but for the first, items
// that are equal to others, and what differs in ids by fragment, case or user
// when values are compared.
//
// go-ap compares every item of an array with every other, so a document for
// which that would take long is refused, and so is one whose own type is unknown.
// An error is a [*Refusal].
func ToAP(b []byte, l limits.Limits) (item vocab.Item, err error) {
	if err := Scan(b, l); err != nil {
		return nil, err
	}
	if _, work := workOf(jsontext.NewDecoder(bytes.NewBuffer(b))); work > maxWork {
		return nil, &Refusal{Reason: reasonVocabularyWork}
	}
	defer func() {
		if recover() != nil {
			item, err = nil, &Refusal{Reason: reasonVocabulary}
		}
	}()
	item, err = vocab.UnmarshalJSON(b)
	if err != nil || vocab.IsNil(item) {
		return nil, &Refusal{Reason: reasonVocabulary}
	}
	return item, nil
}

// FromAP writes a go-ap value with the ActivityStreams context, for a harness
// that builds its documents so. Go-ap does not escape IRIs: what it writes is
// scanned, so that one which makes bad JSON is an error, but one that smuggles in
// a member is not noticed. Give it no IRI from strangers.
func FromAP(item vocab.Item) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("as2: write a go-ap value: panic: %v", p)
		}
	}()
	if vocab.IsNil(item) {
		return nil, errors.New("as2: write a go-ap value: nil")
	}
	b, err = jsonld.WithContext(jsonld.IRI(vocab.ActivityBaseURI)).Marshal(item)
	if err != nil {
		return nil, fmt.Errorf("as2: write a go-ap value: %w", err)
	}
	if err := Scan(b, limits.Default()); err != nil {
		return nil, fmt.Errorf("as2: write a go-ap value: %w", err)
	}
	return b, nil
}

// workOf returns how much it takes go-ap to compare the next value with one
// like it, and to read it. Both stop counting soon after maxWork.
func workOf(dec *jsontext.Decoder) (compare, read int) {
	token, err := dec.ReadToken()
	if err != nil {
		return 0, 0
	}
	items, dearest := 0, 0
	switch token.Kind() {
	case '[':
		for dec.PeekKind() != ']' && dec.PeekKind() != jsontext.KindInvalid {
			c, r := workOf(dec)
			items, dearest, read = items+1, max(dearest, c), min(read+r, 4*maxWork)
		}
		compare = min(items*items*dearest, 4*maxWork)
		read = min(read+compare/2, 4*maxWork)
	case '{':
		for dec.PeekKind() != '}' && dec.PeekKind() != jsontext.KindInvalid {
			name, err := dec.ReadToken()
			if err != nil {
				return compare, read
			}
			if !properties[name.String()] {
				_ = dec.SkipValue()
				continue
			}
			c, r := workOf(dec)
			compare, read = min(compare+c, 4*maxWork), min(read+r, 4*maxWork)
		}
	default:
		return 1, 0
	}
	_, _ = dec.ReadToken()
	return compare, read
}
