package actortest

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A messageSignature is a Signature-Input with its Signature (RFC 9421), taken
// apart. Like [signature], it is written from the text, for the first label only.
type messageSignature struct {
	label      string
	covered    []component
	params     map[string]string
	paramsText string // as in the field: what @signature-params says
	value      []byte
}

// A component is a name in the list, with its parameters as they stand there.
type component struct {
	name, params string
}

func (c component) String() string { return strconv.Quote(c.name) + c.params }

// messageSignatureOf reads the first signature in h.
func messageSignatureOf(h http.Header) (messageSignature, error) {
	label, rest, found := strings.Cut(strings.TrimSpace(strings.Join(h.Values("Signature-Input"), ", ")), "=")
	if !found || label == "" {
		return messageSignature{}, errors.New("Signature-Input has no label")
	}
	s := messageSignature{label: label, params: map[string]string{}}
	after, err := s.readComponents(rest)
	if err != nil {
		return s, err
	}
	end, err := s.readParams(after)
	if err != nil {
		return s, err
	}
	s.paramsText = rest[:len(rest)-len(after)+end]
	s.value, err = labelledBytes(h, label)
	return s, err
}

// readComponents reads ("a" "b";param) and returns what follows.
func (s *messageSignature) readComponents(text string) (after string, err error) {
	rest, ok := strings.CutPrefix(text, "(")
	for ok {
		rest = strings.TrimLeft(rest, " ")
		if after, done := strings.CutPrefix(rest, ")"); done {
			return after, nil
		}
		var name string
		if rest, ok = strings.CutPrefix(rest, `"`); !ok {
			break
		}
		if name, rest, ok = strings.Cut(rest, `"`); !ok {
			break
		}
		end := 0
		for inQuotes := false; end < len(rest) && (inQuotes || rest[end] != ' ' && rest[end] != ')'); end++ {
			inQuotes = inQuotes != (rest[end] == '"')
		}
		s.covered = append(s.covered, component{name, rest[:end]})
		rest = rest[end:]
	}
	return "", errors.New("Signature-Input has no list of components")
}

// readParams reads ;name=value and returns where the last one ends.
func (s *messageSignature) readParams(text string) (end int, err error) {
	for strings.HasPrefix(text[end:], ";") {
		name, rest, _ := strings.Cut(text[end+1:], "=")
		name = strings.TrimSpace(name)
		var value string
		length := 0
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			if value, _, ok = strings.Cut(quoted, `"`); !ok {
				return 0, errors.New("quote is not closed")
			}
			length = len(value) + 2
		} else {
			length = strings.IndexAny(rest+",", ";, ")
			value = rest[:length]
		}
		s.params[name] = value
		end = len(text) - len(rest) + length
	}
	return end, nil
}

// labelledBytes is the byte sequence under the label in Signature.
func labelledBytes(h http.Header, label string) ([]byte, error) {
	for member := range strings.SplitSeq(strings.Join(h.Values("Signature"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		if name == label && len(value) > 2 && value[0] == ':' && value[len(value)-1] == ':' {
			return base64.StdEncoding.DecodeString(value[1 : len(value)-1])
		}
	}
	return nil, fmt.Errorf("no signature with the label %q", label)
}

// covers says whether the component is covered, without parameters.
func (s messageSignature) covers(name string) bool {
	return slices.Contains(s.covered, component{name: name})
}

// names are the components covered, in their order.
func (s messageSignature) names() []string {
	all := make([]string, len(s.covered))
	for i, c := range s.covered {
		all[i] = c.name
	}
	return all
}

// base is the string that is signed (section 2.5), for a request to the scheme.
func (s messageSignature) base(m message, scheme string) ([]byte, error) {
	var b strings.Builder
	for _, c := range s.covered {
		value, err := c.value(m, scheme)
		if err != nil {
			return nil, err
		}
		b.WriteString(c.String() + ": " + value + "\n")
	}
	return []byte(b.String() + `"@signature-params": ` + s.paramsText), nil
}

// value is a component's value (sections 2.1 and 2.2).
func (c component) value(m message, scheme string) (string, error) {
	path, query, _ := strings.Cut(m.target, "?")
	switch c.name {
	case "@method":
		return m.method, nil
	case "@target-uri":
		return scheme + "://" + m.host + m.target, nil
	case "@authority":
		return strings.ToLower(m.host), nil
	case "@scheme":
		return scheme, nil
	case "@request-target":
		return m.target, nil
	case "@path":
		return path, nil
	case "@query":
		return "?" + query, nil
	case "@query-param":
		return queryParam(query, c.params)
	case "host":
		return m.host, nil
	}
	if c.params != "" || strings.HasPrefix(c.name, "@") {
		return "", fmt.Errorf("%s is not known here", c)
	}
	return signature{}.component(c.name, m)
}

// queryParam is the value of the one parameter that ;name="…" names (section 2.2.8).
func queryParam(query, params string) (string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", err
	}
	name := strings.Trim(strings.TrimPrefix(params, ";name="), `"`)
	if len(values[name]) != 1 {
		return "", fmt.Errorf("%d query parameters %q", len(values[name]), name)
	}
	return strings.ReplaceAll(url.QueryEscape(values.Get(name)), "+", "%20"), nil
}

// verify checks the signature over m with the key.
func (s messageSignature) verify(m message, scheme string, key crypto.PublicKey) error {
	base, err := s.base(m, scheme)
	if err != nil {
		return err
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return s.verifyRSA(base, key)
	case ed25519.PublicKey:
		if alg := cmp.Or(s.params["alg"], "ed25519"); alg != "ed25519" {
			return fmt.Errorf("algorithm %q with an Ed25519 key", alg)
		}
		if !ed25519.Verify(key, base, s.value) {
			return errors.New("signature does not verify")
		}
		return nil
	}
	return fmt.Errorf("cannot verify with a %T", key)
}

func (s messageSignature) verifyRSA(base []byte, key *rsa.PublicKey) error {
	short, long := sha256.Sum256(base), sha512.Sum512(base)
	switch alg := cmp.Or(s.params["alg"], "rsa-v1_5-sha256"); alg {
	case "rsa-v1_5-sha256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, short[:], s.value)
	case "rsa-pss-sha512":
		return rsa.VerifyPSS(key, crypto.SHA512, long[:], s.value, &rsa.PSSOptions{SaltLength: 64})
	default:
		return fmt.Errorf("algorithm %q with an RSA key", alg)
	}
}

// contentDigestOf is the Content-Digest header of body (RFC 9530).
func contentDigestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// checkContentDigest says what is wrong with the Content-Digest in h.
func checkContentDigest(h http.Header, body []byte) error {
	for part := range strings.SplitSeq(strings.Join(h.Values("Content-Digest"), ","), ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name != "sha-256":
		case strings.TrimSpace(part) != contentDigestOf(body):
			return errors.New("content-digest does not match the body")
		default:
			return nil
		}
	}
	return errors.New("no sha-256 content-digest")
}
