package signing

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	structured "github.com/dunglas/httpsfv"

	"github.com/panui/panui/internal/limits"
)

// rfc9421 is HTTP Message Signatures. Where a request has Signature-Input,
// nothing else in it counts as a signature.
type rfc9421 struct{}

// input is one signature of RFC 9421 as a request carries it.
type input struct {
	signatureParams
	sig       []byte
	key       string
	algorithm string
	created   time.Time
	expires   time.Time
}

// several is the signatures of one request; covers settles on one.
type several struct {
	found []input
	input
}

func (rfc9421) signs(h http.Header) bool { return len(h["Signature-Input"]) > 0 }

// parse reads every signature. One that cannot be read is passed over as long as
// another can: a proxy on the way may have added its own.
func (rfc9421) parse(h http.Header, l limits.Limits) (proof, error) {
	for _, name := range []string{"Signature-Input", "Signature"} {
		if size := len(strings.Join(h[name], "")); size > l.Signature {
			return nil, refuse(signatureTooLarge, fmt.Errorf("%d bytes of %s", size, name))
		}
	}
	inputs, err := dictionary(h["Signature-Input"])
	if err != nil {
		return nil, refuse(signatureBroken, fmt.Errorf("field Signature-Input: %w", err))
	}
	values, err := dictionary(h["Signature"])
	if err != nil {
		return nil, refuse(signatureBroken, fmt.Errorf("field Signature: %w", err))
	}
	s, first := &several{}, error(refuse(signatureBroken, errors.New("no signature in Signature-Input")))
	for i, label := range inputs.Names() {
		in, err := readInput(label, inputs, values, l)
		switch {
		case err == nil:
			s.found = append(s.found, in)
		case i == 0:
			first = err
		}
	}
	if len(s.found) == 0 {
		return nil, first
	}
	return s, nil
}

func readInput(label string, inputs, values *structured.Dictionary, l limits.Limits) (input, error) {
	member, _ := inputs.Get(label)
	list, ok := member.(structured.InnerList)
	if !ok {
		return input{}, refuse(signatureBroken, fmt.Errorf("%s is not a list of components", label))
	}
	if len(list.Items) > l.Components {
		return input{}, refuse(signatureTooLarge, fmt.Errorf("%d components", len(list.Items)))
	}
	var in input
	var err error
	if in.components, err = readIdentifiers(list.Items); err != nil {
		return input{}, err
	}
	if err := in.readParameters(list.Params); err != nil {
		return input{}, refuse(signatureBroken, fmt.Errorf("%s: %w", label, err))
	}
	if in.text, err = structured.Marshal(list); err != nil {
		return input{}, refuse(signatureBroken, fmt.Errorf("%s: %w", label, err))
	}
	value, _ := values.Get(label)
	item, _ := value.(structured.Item)
	if in.sig, ok = item.Value.([]byte); !ok {
		return input{}, refuse(signatureBroken, fmt.Errorf("no signature named %s", label))
	}
	return in, nil
}

// derived are the components of section 2.2 that a request to an inbox can need.
var derived = []string{"@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"}

// readIdentifiers returns the names of the components. It takes none with
// parameters: no server of the fediverse sends them, and what they stand for
// (one member of a field, one of a query) leaves out the rest.
func readIdentifiers(items []structured.Item) ([]string, error) {
	var names []string
	for _, item := range items {
		name, ok := item.Value.(string)
		switch {
		case !ok:
			return nil, refuse(signatureBroken, fmt.Errorf("component %v is not a string", item.Value))
		case len(item.Params.Names()) > 0:
			return nil, refuse(componentRefused, fmt.Errorf("%q has parameters", name))
		case slices.Contains(names, name):
			return nil, refuse(signatureBroken, fmt.Errorf("covers %q twice", name))
		case slices.Contains(derived, name):
		case !isToken(name) || name != strings.ToLower(name) || name[0] == '@', strings.HasPrefix(name, "signature"), name == "authorization":
			return nil, refuse(componentRefused, fmt.Errorf("%q", name))
		}
		names = append(names, name)
	}
	return names, nil
}

// readParameters reads the parameters of section 2.3, and takes no others.
func (in *input) readParameters(params *structured.Params) error {
	for _, name := range params.Names() {
		value, _ := params.Get(name)
		text, isText := value.(string)
		seconds, isNumber := value.(int64)
		switch name {
		case "created", "expires":
			if !isNumber || seconds < 1 || seconds > 1<<40 {
				return fmt.Errorf("%s=%v is not a time", name, value)
			}
			if name == "created" {
				in.created = time.Unix(seconds, 0)
			} else {
				in.expires = time.Unix(seconds, 0)
			}
		case "keyid", "alg", "nonce", "tag":
			if !isText {
				return fmt.Errorf("%s is not a string", name)
			}
			if name == "keyid" {
				in.key = text
			} else if name == "alg" {
				in.algorithm = text
			}
		default:
			return fmt.Errorf("parameter %s is unknown", name)
		}
	}
	if in.key == "" {
		return errors.New("no keyid")
	}
	return nil
}

// covers settles on the first signature that covers enough, and on none that
// another one would have to complete.
func (s *several) covers(m message) error {
	var first error
	for _, in := range s.found {
		err := in.covers(m)
		if err == nil {
			s.input = in
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

func (in input) keyID() string     { return in.key }
func (in input) signature() []byte { return in.sig }

func (in input) has(names ...string) bool {
	for _, name := range names {
		if !slices.Contains(in.components, name) {
			return false
		}
	}
	return true
}

// covers demands method, host, the whole target and the time, and with a body
// its digest, as Mastodon does.
func (in input) covers(m message) error {
	switch in.algorithm {
	case "", rsaV15, rsaPSS, ed25519Name:
	default:
		return refuse(algorithmRefused, fmt.Errorf("%q", in.algorithm))
	}
	_, _, hasQuery := strings.Cut(m.targets[0], "?")
	path := in.has("@path") && (in.has("@query") || !hasQuery)
	host := in.has("@authority") || in.has("host")
	switch {
	case !in.has("@method"):
		return refuse(notCovered, errors.New("not @method"))
	case !in.has("@target-uri") && !(host && (in.has("@request-target") || path)):
		return refuse(notCovered, errors.New("not @target-uri"))
	case hasBody(m) && !in.has("content-digest"):
		return refuse(notCovered, errors.New("not content-digest"))
	case in.created.IsZero():
		return refuse(notCovered, errors.New("not created"))
	}
	for _, name := range in.components {
		if name[0] != '@' && m.values(name) == nil {
			return refuse(notCovered, fmt.Errorf("%s is not there", name))
		}
	}
	return nil
}

// fresh has the window of Date for created. Date itself, covered or not, says
// nothing more.
func (in input) fresh(_ message, now time.Time, l limits.Limits) error {
	if in.created.Sub(now) > l.ClockSkew || now.Sub(in.created) > l.SignatureAge {
		return refuse(dateOutside, fmt.Errorf("created %s", in.created.UTC()))
	}
	if !in.expires.IsZero() && (now.After(in.expires.Add(clockTolerance)) || in.expires.Before(in.created)) {
		return refuse(dateOutside, fmt.Errorf("expires %s", in.expires.UTC()))
	}
	return nil
}

func (in input) intact(m message) error {
	if !hasBody(m) && !in.has("content-digest") {
		return nil
	}
	return contentDigest(m.header["Content-Digest"], m.body)
}

// The names of RFC 9421 section 6.2.2 that a key here can have.
const (
	rsaV15      = "rsa-v1_5-sha256"
	rsaPSS      = "rsa-pss-sha512"
	ed25519Name = "ed25519"
)

// matches checks the signature with key. Without alg, the key says which: for
// RSA that is rsa-v1_5-sha256 in the fediverse.
func (in input) matches(m message, key crypto.PublicKey) error {
	algorithm := cmp.Or(in.algorithm, rsaV15)
	_, edwards := key.(ed25519.PublicKey)
	if edwards {
		algorithm = cmp.Or(in.algorithm, ed25519Name)
	}
	if edwards != (algorithm == ed25519Name) {
		return refuse(algorithmRefused, fmt.Errorf("%s with a %T", algorithm, key))
	}
	var err error
	for _, host := range m.hosts {
		for _, fragment := range in.fragments(m) {
			if err = in.matchesAs(m.parts(host, fragment), algorithm, key); err == nil {
				return nil
			}
		}
	}
	return refuse(signatureWrong, err)
}

// fragments are what may stand behind the target that was signed. Fedify 2.3
// leaves a key's fragment there when it asks for a key; it never comes over the wire.
func (in input) fragments(m message) []string {
	if m.method == http.MethodGet && in.has("@target-uri") {
		return []string{"", "#main-key"}
	}
	return []string{""}
}

func (in input) matchesAs(p parts, algorithm string, key crypto.PublicKey) error {
	base, err := p.base(in.signatureParams)
	if err != nil {
		return err
	}
	return verify(algorithm, key, base, in.sig)
}

// verify checks a signature over base as section 3.3 says.
func verify(algorithm string, key crypto.PublicKey, base, signature []byte) error {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if !ed25519.Verify(key, base, signature) {
			return errors.New("Ed25519 verification error")
		}
		return nil
	case *rsa.PublicKey:
		if algorithm == rsaPSS {
			sum := sha512.Sum512(base)
			return rsa.VerifyPSS(key, crypto.SHA512, sum[:], signature, &rsa.PSSOptions{SaltLength: sha512.Size})
		}
		sum := sha256.Sum256(base)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
	}
	return fmt.Errorf("no algorithm for a %T", key)
}

// parts are what a signature can cover of m, as who asked for host sees it.
func (m message) parts(host, fragment string) parts {
	return parts{method: m.method, scheme: m.scheme, host: host, target: m.targets[0], fragment: fragment, field: m.values}
}

// values returns the lines of a header field, or nil when it is not there.
func (m message) values(name string) []string {
	switch name {
	case "host":
		return m.hosts
	case "content-length": // which a proxy may drop
		return []string{strconv.Itoa(len(m.body))}
	}
	return m.header[textproto.CanonicalMIMEHeaderKey(name)]
}
