package as2

import (
	"bytes"
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The wire structs name the members that are read; their types say how much of
// what real servers send for each is understood. They are for JSON that [Scan]
// has passed.

type wireActivity struct {
	ID     strictText `json:"id"`
	Type   strictText `json:"type"`
	Actor  wireRefs   `json:"actor"`
	Object wireRefs   `json:"object"`
	Target wireRefs   `json:"target"`
	To     wireRefs   `json:"to"`
	Cc     wireRefs   `json:"cc"`
}

type wireObject struct {
	wireActivity
	AttributedTo wireRefs  `json:"attributedTo"`
	InReplyTo    wireRefs  `json:"inReplyTo"`
	Name         looseText `json:"name"`
	Summary      looseText `json:"summary"`
	Content      looseText `json:"content"`
	ContentMap   wireMap   `json:"contentMap"`
	URL          wireLinks `json:"url"`
	Tag          wireLinks `json:"tag"`
	Sensitive    wireBool  `json:"sensitive"`
	Published    wireTime  `json:"published"`
	Updated      wireTime  `json:"updated"`
}

type wireActor struct {
	ID                strictText    `json:"id"`
	Type              wireTypes     `json:"type"`
	PreferredUsername looseText     `json:"preferredUsername"`
	Name              looseText     `json:"name"`
	URL               wireLinks     `json:"url"`
	Inbox             wireRefs      `json:"inbox"`
	Endpoints         wireEndpoints `json:"endpoints"`
	AlsoKnownAs       wireRefs      `json:"alsoKnownAs"`
	MovedTo           wireRefs      `json:"movedTo"`
	PublicKey         wireKeys      `json:"publicKey"`
}

type wireKey struct {
	ID    strictText `json:"id"`
	Owner wireRefs   `json:"owner"`
	PEM   strictText `json:"publicKeyPem"`
}

// content returns the text, which some servers write only by language.
func (w wireObject) content() string {
	if w.Content == "" && len(w.ContentMap) > 0 {
		return w.ContentMap[0].Value
	}
	return string(w.Content)
}

// language returns that of the content; und, which says that it is unknown, is empty.
func (w wireObject) language() string {
	content, language := w.content(), ""
	for i, v := range w.ContentMap {
		if i == 0 || v.Value == content {
			language = v.Language
		}
		if v.Value == content {
			break
		}
	}
	if language == "und" {
		return ""
	}
	return language
}

// strictText is a string; null is none, and anything else is refused.
type strictText string

func (t *strictText) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"', 'n':
		return readText(dec, (*string)(t))
	}
	return errKind
}

// looseText is a string; anything else is none.
type looseText string

func (t *looseText) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '"' {
		return dec.SkipValue()
	}
	return readText(dec, (*string)(t))
}

// wireRefs are things that are named by id or sent whole, one or several.
type wireRefs []wireRef

type wireRef struct {
	ID  string
	Raw []byte // of a thing that was sent whole, whose id is inside
}

func (w *wireRefs) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		var ref wireRef
		var err error
		switch dec.PeekKind() {
		case '"':
			err = readText(dec, &ref.ID)
		case '{':
			ref.Raw, err = dec.ReadValue()
			ref.Raw = bytes.Clone(ref.Raw)
		case 'n':
			return dec.SkipValue()
		default:
			return errKind
		}
		*w = append(*w, ref)
		return err
	})
}

// wireTypes are types, one or several.
type wireTypes []string

func (w *wireTypes) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		var t strictText
		err := t.UnmarshalJSONFrom(dec)
		*w = append(*w, string(t))
		return err
	})
}

// wireKeys are keys, one or several; bare ids and null are none.
type wireKeys []wireKey

func (w *wireKeys) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		if len(*w) > maxKeys {
			return dec.SkipValue()
		}
		switch dec.PeekKind() {
		case '{':
			var key wireKey
			err := json.UnmarshalDecode(dec, &key)
			*w = append(*w, key)
			return err
		case '"', 'n':
			return dec.SkipValue()
		}
		return errKind
	})
}

// wireLinks are links and tags, one or several: bare, or objects with an href.
// Anything else, and what comes after the first maxLinks, is none.
type wireLinks []wireLink

type wireLink struct {
	Type      looseText `json:"type"`
	Href      looseText `json:"href"`
	MediaType looseText `json:"mediaType"`
}

func (w *wireLinks) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return each(dec, func() error {
		if len(*w) == maxLinks {
			return dec.SkipValue()
		}
		var link wireLink
		var err error
		switch dec.PeekKind() {
		case '"':
			err = readText(dec, (*string)(&link.Href))
		case '{':
			err = json.UnmarshalDecode(dec, &link)
		default:
			return dec.SkipValue()
		}
		*w = append(*w, link)
		return err
	})
}

// wireMap is a text by language, in its order. Anything else is none: PHP writes an empty one as [].
type wireMap LangMap

func (w *wireMap) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() != '}' {
		var v LangValue
		var text looseText
		if err = readText(dec, &v.Language); err == nil {
			err = text.UnmarshalJSONFrom(dec)
		}
		if v.Value = string(text); v.Value != "" {
			*w = append(*w, v)
		}
	}
	if err == nil {
		_, err = dec.ReadToken()
	}
	return err
}

// wireEndpoints is an object; anything else is none.
type wireEndpoints struct {
	SharedInbox looseText `json:"sharedInbox"`
}

func (w *wireEndpoints) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	type object wireEndpoints
	return json.UnmarshalDecode(dec, (*object)(w))
}

// wireBool is a boolean; anything else is false.
type wireBool bool

func (w *wireBool) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*w = dec.PeekKind() == 't'
	return dec.SkipValue()
}

// wireTime is an RFC 3339 time in UTC; anything else, and what is before 1990
// or after 2099, is zero.
type wireTime time.Time

func (w *wireTime) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var text looseText
	if err := text.UnmarshalJSONFrom(dec); err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if t = t.UTC(); err == nil && t.Year() >= 1990 && t.Year() <= 2099 {
		*w = wireTime(t)
	}
	return nil
}

var errKind = &Refusal{Reason: reasonKind}

// each reads a value, or each of the values in an array.
func each(dec *jsontext.Decoder, one func() error) error {
	if dec.PeekKind() != '[' {
		return one()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		if err := one(); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// readText reads a string; null is empty.
func readText(dec *jsontext.Decoder, text *string) error {
	token, err := dec.ReadToken()
	if err == nil && token.Kind() == '"' {
		*text = token.String()
	}
	return err
}

// take takes the members of w from JSON that [Scan] has passed.
func take(b []byte, w any) *Refusal {
	err := json.Unmarshal(b, w)
	if err == nil {
		return nil
	}
	r := Refusal{Reason: reasonSyntax}
	if kind, ok := errors.AsType[*Refusal](err); ok {
		r.Reason = kind.Reason
	}
	if at, ok := errors.AsType[*json.SemanticError](err); ok {
		if member := at.JSONPointer.LastToken(); properties[member] {
			r.Member = member
		}
	}
	return &r
}
