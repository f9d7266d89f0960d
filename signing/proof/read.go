package proof

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gowebpki/jcs"
	"github.com/mr-tron/base58"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

// Proof is the proof that a document carries, not yet verified.
type Proof struct {
	Method  string    // the id of the key: an http or https URL
	Owner   string    // whose document it is: its actor, or else its attributedTo
	Created time.Time // never in the future
	Expires time.Time // zero for never, else in the future

	message   []byte // what is signed
	signature []byte
}

// maxValue is more characters than 64 bytes have in base58btc.
const maxValue = 90

// Read reads the one proof of a document and everything about it that needs no
// key, at the time now. It refuses what is not strict JSON (see internal/as2) or
// would not come out of every canonicalisation alike, several proofs, another
// type, cryptosuite or purpose, members of a proof that it does not know, a
// context that differs from the document's, a time of making that is missing or
// in the future, what has expired, a method that is no URL, and a document that
// names no owner or several. The LD-signature beside a proof is not part of what
// is signed, as FEP-8b32 has it. Errors repeat nothing of the document.
func Read(document []byte, now time.Time) (Proof, error) {
	members, err := split(document)
	if err != nil {
		return Proof{}, fmt.Errorf("proof: read: %w", err)
	}
	p, err := read(members, now)
	if err != nil {
		return Proof{}, fmt.Errorf("proof: read: %w", err)
	}
	if p.Owner, err = owner(members); err != nil {
		return Proof{}, fmt.Errorf("proof: read: %w", err)
	}
	return p, nil
}

// split reads the members of a document that is strict JSON.
func split(document []byte) (map[string]jsontext.Value, error) {
	l := limits.Default()
	if int64(len(document)) > l.Document {
		return nil, fmt.Errorf("over %d bytes", l.Document)
	}
	if err := as2.Scan(document, l); err != nil {
		return nil, err
	}
	if err := checkNumbers(document); err != nil {
		return nil, err
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(document, &members); err != nil {
		return nil, errors.New("not JSON")
	}
	return members, nil
}

// checkNumbers refuses numbers that a double does not hold as they stand
// (RFC 7493 section 2.2): what is signed would be another number than what is read.
func checkNumbers(document []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(document))
	for {
		if dec.PeekKind() != '0' {
			if _, err := dec.ReadToken(); err != nil {
				return nil // the end: the rest was scanned
			}
			continue
		}
		raw, err := dec.ReadValue()
		if err != nil {
			return err
		}
		if !exact(string(raw)) {
			return errors.New("a number that a double does not hold")
		}
	}
}

// digits are as many as any double has, and maxInteger is the greatest integer of I-JSON.
const (
	digits     = 17
	maxInteger = 1<<53 - 1
)

// exact says whether a JSON number is within I-JSON.
func exact(number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	mantissa, _, _ := strings.Cut(strings.ToLower(number), "e")
	whole := !strings.ContainsAny(number, ".eE")
	significant := strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(mantissa), "0")
	switch {
	case err != nil:
		return false
	case whole:
		return math.Abs(f) <= maxInteger
	case f == 0:
		return significant == ""
	}
	return len(significant) <= digits
}

// read takes the proof out of the members of a document.
func read(members map[string]jsontext.Value, now time.Time) (p Proof, err error) {
	raw := members["proof"]
	switch raw.Kind() {
	case '{':
	case '[':
		return p, errors.New("several proofs, where there must be one")
	default:
		return p, errors.New("no proof")
	}
	var o options
	if err := json.Unmarshal(raw, &o, json.RejectUnknownMembers(true)); err != nil {
		return p, errors.New("a member of the proof is not known or not a string")
	}
	if err := o.check(members["@context"]); err != nil {
		return p, err
	}
	if p.Created, p.Expires, err = o.times(now); err != nil {
		return p, err
	}
	if p.signature, err = decode(o.Value); err != nil {
		return p, err
	}
	p.Method = o.Method
	p.message, err = message(raw, members)
	return p, err
}

// check checks everything but times and value.
func (o options) check(context jsontext.Value) error {
	switch {
	case o.Type != proofType:
		return errors.New("not a " + proofType)
	case o.Suite != cryptosuite:
		return errors.New("another cryptosuite than " + cryptosuite)
	case o.Purpose != purpose:
		return errors.New("another purpose than " + purpose)
	case !isURL(o.Method):
		return errors.New("the verification method is no http or https URL")
	case context == nil:
		return errors.New("no @context")
	case o.Context != nil && !same(o.Context, context):
		return errors.New("the context of the proof is not the document's")
	}
	return nil
}

// isURL says whether id is an absolute http or https URL without a user.
func isURL(id string) bool {
	u, err := url.Parse(id)
	return err == nil && len(id) <= limits.Default().ID && (u.Scheme == "https" || u.Scheme == "http") &&
		u.Hostname() != "" && u.User == nil && !strings.ContainsAny(id, " \\")
}

func same(a, b jsontext.Value) bool {
	left, err := jcs.Transform(a)
	right, other := jcs.Transform(b)
	return err == nil && other == nil && bytes.Equal(left, right)
}

// times reads when the proof was made and when it ends.
func (o options) times(now time.Time) (created, expires time.Time, err error) {
	if created, err = readTime(o.Created); err != nil {
		return created, expires, fmt.Errorf("created %w", err)
	}
	if created.After(now.Add(limits.Default().ClockSkew)) {
		return created, expires, errors.New("made in the future")
	}
	if o.Expires == "" {
		return created, expires, nil
	}
	switch expires, err = readTime(o.Expires); {
	case err != nil:
		return created, expires, fmt.Errorf("expires %w", err)
	case !expires.After(created):
		return created, expires, errors.New("expired before it was made")
	case !expires.After(now):
		return created, expires, errors.New("expired")
	}
	return created, expires, nil
}

// readTime reads a time of RFC 3339; Go's reader takes a comma for the point of ISO 8601.
func readTime(text string) (t time.Time, err error) {
	if strings.Contains(text, ",") || t.UnmarshalText([]byte(text)) != nil {
		return t, errors.New("is no time with a zone (RFC 3339)")
	}
	return t, nil
}

// decode reads a signature, of which there is one spelling.
func decode(value string) ([]byte, error) {
	if len(value) > maxValue || !strings.HasPrefix(value, base58btc) {
		return nil, errors.New("the proof value is not base58btc")
	}
	signature, err := base58.Decode(value[1:])
	if err != nil || base58.Encode(signature) != value[1:] || len(signature) != 64 {
		return nil, errors.New("the proof value is not 64 bytes of base58btc")
	}
	return signature, nil
}

// message returns what is signed: all but the proof and an LD-signature, and the
// options as they came, without the value.
func message(proof jsontext.Value, members map[string]jsontext.Value) ([]byte, error) {
	var options map[string]jsontext.Value
	if err := json.Unmarshal(proof, &options); err != nil {
		return nil, err
	}
	delete(options, "proofValue")
	rest := maps.Clone(members)
	delete(rest, "proof")
	delete(rest, "signature")
	return hash(options, rest)
}

// owner returns the id of the one whose document it is (FEP-fe34).
func owner(members map[string]jsontext.Value) (string, error) {
	var owners []string
	for _, member := range []string{"actor", "attributedTo"} {
		raw, ok := members[member]
		if !ok {
			continue
		}
		var id string
		if raw.Kind() != '"' || json.Unmarshal(raw, &id) != nil || !isURL(id) {
			return "", errors.New("the owner is not one http or https URL")
		}
		owners = append(owners, id)
	}
	switch {
	case len(owners) == 0:
		return "", errors.New("neither an actor nor attributedTo")
	case len(owners) == 2 && owners[0] != owners[1]:
		return "", errors.New("the actor is another than attributedTo")
	}
	return owners[0], nil
}
