package as2

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panui/panui/internal/limits"
)

const (
	maxContextEntries = 256     // of one context object or array; real ones have some seventy
	maxNumber         = 64      // characters
	maxStrangeNames   = 8 << 10 // bytes of all names that are not ASCII: folding them takes time, and real ones are rare
	fewNames          = 128     // names that are searched one by one
)

// Scan checks b, in one pass, against everything that a strict reader refuses:
// not UTF-8, a byte order mark, NUL, duplicate or case-variant members, too
// deep, too many, too long, trailing bytes, JSON-LD that hides members or gives
// known terms another meaning. An error is a [*Refusal].
func Scan(b []byte, l limits.Limits) error {
	switch {
	case bytes.HasPrefix(b, []byte("\ufeff")):
		return &Refusal{Reason: reasonBOM}
	case !utf8.Valid(b):
		return &Refusal{Reason: reasonUTF8}
	case bytes.IndexByte(b, 0) >= 0:
		return &Refusal{Reason: reasonNUL}
	}
	s := scanner{dec: jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true)), limits: l, seed: maphash.MakeSeed()}
	if reason := s.run(); reason != "" {
		return &Refusal{Reason: reason, Offset: s.dec.InputOffset()}
	}
	return nil
}

// scanner reads tokens and keeps a frame for each container that is open.
type scanner struct {
	dec     *jsontext.Decoder
	limits  limits.Limits
	seed    maphash.Seed
	frames  []frame
	names   []name // of the open objects, each frame's after its parent's
	tokens  int
	strange int    // bytes of names that are not ASCII
	plain   []byte // scratch: a string unquoted
	fold    []byte // scratch: a name folded
}

// frame is an open object or array.
type frame struct {
	kind       kind
	array      bool
	named      bool   // a name was read and its value not yet
	extension  bool   // under a member that nobody here reads
	term       string // the member now read: a property, or any term of a context; an array has that of its member
	addresses  bool   // term says to whom
	items      int    // members or items so far
	recipients int    // that the members of the object name
	defined    bool   // the definition has an @id
	firstName  int    // in scanner.names
	folds      map[uint64]uint64
}

// kind says what the names of an object, or of the objects in an array, are.
type kind int

const (
	members    kind = iota
	languages       // of contentMap and the like
	context         // terms of JSON-LD
	definition      // keywords that define a term of the context around it
)

// name is a member's name as two hashes, with a seed of this scan so that
// nobody can prepare a collision.
type name struct{ exact, folded uint64 }

func (s *scanner) run() Reason {
	if kind := s.dec.PeekKind(); kind != '{' && kind != jsontext.KindInvalid {
		return reasonTopLevel
	}
	for {
		if reason := s.next(); reason != "" {
			return reason
		}
		if len(s.frames) == 0 {
			break
		}
	}
	if _, err := s.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return reasonTrailing
	}
	return ""
}

// next reads one token.
func (s *scanner) next() Reason {
	if s.tokens++; s.tokens > s.limits.JSONTokens {
		return reasonTokens
	}
	switch kind := s.dec.PeekKind(); kind {
	case '"':
		return s.string()
	case '0':
		return s.number()
	}
	token, err := s.dec.ReadToken()
	if err != nil {
		return syntax(err)
	}
	switch kind := token.Kind(); kind {
	case '}', ']':
		return s.close()
	case '{', '[':
		if reason := s.value(nil, kind); reason != "" {
			return reason
		}
		return s.open(kind == '[')
	default:
		return s.value(nil, kind)
	}
}

// string reads a string, which may be a name.
func (s *scanner) string() Reason {
	raw, err := s.dec.ReadValue()
	if err != nil {
		return syntax(err)
	}
	if len(raw)-len(`""`) > s.limits.JSONString {
		return reasonString
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		s.plain, _ = jsontext.AppendUnquote(s.plain[:0], raw)
		text = s.plain
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return reasonNUL
	}
	if f := s.top(); !f.array && !f.named {
		return s.name(text)
	}
	return s.value(text, '"')
}

// number reads a number and refuses what a float64 cannot hold.
func (s *scanner) number() Reason {
	raw, err := s.dec.ReadValue()
	if err != nil {
		return syntax(err)
	}
	if len(raw) > maxNumber {
		return reasonNumber
	}
	if _, err := strconv.ParseFloat(string(raw), 64); err != nil {
		return reasonNumber
	}
	return s.value(nil, '0')
}

// name takes note of the name of a member.
func (s *scanner) name(text []byte) Reason {
	f := s.top()
	f.named = true
	if reason := s.count(f); reason != "" {
		return reason
	}
	if text, isKeyword := bytes.CutPrefix(text, []byte("@")); isKeyword && !f.allows(string(text)) {
		return reasonKeyword
	}
	if !ascii(text) {
		if s.strange += len(text); s.strange > maxStrangeNames {
			return reasonNames
		}
	}
	s.fold = fold(s.fold[:0], text)
	if reason := s.sibling(f, text); reason != "" {
		return reason
	}
	switch {
	case f.kind == context || f.kind == definition || string(text) == "@context":
		f.term, f.addresses = string(text), false
		return ""
	case f.kind == languages:
		return ""
	}
	f.term = folded[string(s.fold)]
	f.addresses = recipients[f.term]
	if f.term != "" && f.term != string(text) {
		return reasonVariant
	}
	return ""
}

// allows says whether the object may have the keyword as a member.
func (f *frame) allows(keyword string) bool {
	switch keyword {
	case "graph", "included", "reverse", "nest":
		return false
	case "context":
		return f.kind != languages
	}
	return f.extension || f.kind == context || f.kind == definition
}

// sibling refuses a name that the object has already, and outside of contexts,
// where QuoteRequest may stand beside quoteRequest, one that differs by case.
func (s *scanner) sibling(f *frame, text []byte) Reason {
	n := name{exact: maphash.Bytes(s.seed, text)}
	if n.folded = n.exact; f.kind == members || f.kind == languages {
		n.folded = maphash.Bytes(s.seed, s.fold)
	}
	exact, found := s.find(f, n)
	switch {
	case found && exact == n.exact:
		return reasonDuplicate
	case found:
		return reasonVariant
	}
	return ""
}

// find returns the hash of the sibling whose name folds to the same; where there is none it adds n.
func (s *scanner) find(f *frame, n name) (exact uint64, found bool) {
	if f.folds != nil {
		exact, found = f.folds[n.folded]
		f.folds[n.folded] = n.exact
		return exact, found
	}
	siblings := s.names[f.firstName:]
	for _, sibling := range siblings {
		if sibling.folded == n.folded {
			return sibling.exact, true
		}
	}
	if s.names = append(s.names, n); len(siblings) == fewNames {
		f.folds = make(map[uint64]uint64, 2*fewNames)
		for _, sibling := range s.names[f.firstName:] {
			f.folds[sibling.folded] = sibling.exact
		}
	}
	return 0, false
}

// value takes note of a value that begins or, for a scalar, was read. text is there for a string.
func (s *scanner) value(text []byte, kind jsontext.Kind) Reason {
	if len(s.frames) == 0 {
		return ""
	}
	f := s.top()
	f.named = false
	if f.array {
		if reason := s.count(f); reason != "" {
			return reason
		}
	}
	if f.addresses && kind != '[' {
		return s.recipient(f)
	}
	if f.kind == context || f.kind == definition {
		return s.define(f, text, kind)
	}
	return ""
}

// count counts a member or an item.
func (s *scanner) count(f *frame) Reason {
	f.items++
	switch {
	case f.items > s.limits.JSONItems:
		return reasonItems
	case f.kind == context && f.items > maxContextEntries:
		return reasonContextSize
	}
	return ""
}

// recipient counts one that the object names, for all its members together.
func (s *scanner) recipient(f *frame) Reason {
	for i := len(s.frames) - 2; f.array; i-- { // the outermost is an object
		f = &s.frames[i]
	}
	if f.recipients++; f.recipients > s.limits.Recipients {
		return reasonRecipients
	}
	return ""
}

// define checks a value inside a context: of a term, or of a keyword in the
// definition of one. Items of an array are looked at as the value that it is of.
func (s *scanner) define(f *frame, text []byte, kind jsontext.Kind) Reason {
	if f.kind == context {
		return s.term(f.term, text, kind)
	}
	term := s.frames[len(s.frames)-2].term
	switch {
	case f.term == "@id" && kind == '"':
		f.defined = true
		return s.term(term, text, kind)
	case !known(term), f.term == "@container":
		return ""
	case f.term == "@type" && kind == '"' && (string(text) == "@id" || string(text) == "@vocab" || !bytes.HasPrefix(text, []byte("@"))):
		return ""
	}
	return reasonContext
}

// term refuses another meaning for a known term, and another name for a keyword.
func (s *scanner) term(term string, text []byte, kind jsontext.Kind) Reason {
	switch {
	case kind == '"' && !standard(term, string(text)):
		return reasonContext
	case kind != '"' && kind != '{' && known(term):
		return reasonContext
	}
	return ""
}

// open begins an object or array.
func (s *scanner) open(array bool) Reason {
	if len(s.frames) >= s.limits.JSONDepth {
		return reasonDepth
	}
	f := frame{array: array, firstName: len(s.names)}
	if len(s.frames) > 0 {
		f.inherit(s.top())
	}
	s.frames = append(s.frames, f)
	return ""
}

// inherit takes from the container around f what f is part of.
func (f *frame) inherit(parent *frame) {
	f.extension = parent.extension
	if f.array {
		f.term, f.addresses = parent.term, parent.addresses
	}
	switch {
	case parent.array:
		f.kind = parent.kind
	case parent.term == "@context":
		f.kind = context
	case parent.kind == context || parent.kind == definition:
		f.kind = definition
	case languageMaps[parent.term]: // no term is read among languages
		f.kind = languages
	default:
		f.extension = parent.extension || parent.term == ""
	}
}

// close ends an object or array.
func (s *scanner) close() Reason {
	f := s.top()
	if f.kind == definition && !f.array && !f.defined && known(s.frames[len(s.frames)-2].term) {
		return reasonContext
	}
	s.names = s.names[:f.firstName]
	s.frames = s.frames[:len(s.frames)-1]
	return ""
}

func (s *scanner) top() *frame { return &s.frames[len(s.frames)-1] }

// syntax says what the decoder did not like. Of UTF-8 only escaped halves of surrogate pairs are left.
func syntax(err error) Reason {
	if strings.Contains(err.Error(), "surrogate") {
		return reasonUTF8
	}
	return reasonSyntax
}

func ascii(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold appends name to dst so that names which differ only by simple case
// folding (Unicode, CaseFolding.txt, C and S) become the same.
func fold(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		if c := name[i]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(name[i:])
		dst = utf8.AppendRune(dst, foldRune(r))
		i += size
	}
	return dst
}

// foldRune returns the least of the runes that fold together, in lower case where that is ASCII.
func foldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}
