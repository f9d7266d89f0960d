package actortest

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A signature is a Signature header taken apart (draft-cavage-http-signatures-12,
// section 2.1). It is written from the draft and shares nothing with package
// signing, so that a mistake there does not meet its mirror image here.
type signature struct {
	keyID     string
	algorithm string
	created   string
	expires   string
	covered   []string // lower case, in the order signed
	value     []byte
	bare      []string // parameters that stood without quotes
}

// A message is what a signature covers, of a request on either side of the wire.
type message struct {
	method string
	target string // path and query as on the wire
	host   string
	header http.Header
	length int64
}

// received is the message of a request as it arrived.
func received(r *http.Request) message {
	return message{r.Method, r.RequestURI, r.Host, r.Header, r.ContentLength}
}

// leaving is the message of a request about to be sent.
func leaving(r *http.Request) message {
	return message{r.Method, r.URL.RequestURI(), cmp.Or(r.Host, r.URL.Host), r.Header, r.ContentLength}
}

// withoutQuery is m as servers sign it that leave the query out.
func (m message) withoutQuery() message {
	m.target, _, _ = strings.Cut(m.target, "?")
	return m
}

// signatureOf reads the one signature in h, from Signature or Authorization.
func signatureOf(h http.Header) (signature, error) {
	fields := h.Values("Signature")
	if len(fields) == 0 {
		fields = h.Values("Authorization")
	}
	if len(fields) != 1 {
		return signature{}, fmt.Errorf("%d signatures", len(fields))
	}
	if name, rest, found := strings.Cut(fields[0], " "); found && strings.EqualFold(name, "Signature") {
		return readSignature(rest)
	}
	return readSignature(fields[0])
}

// readSignature takes the parameters of a Signature header apart.
func readSignature(field string) (signature, error) {
	params, bare, err := readParameters(field)
	if err != nil {
		return signature{}, err
	}
	s := signature{
		keyID: params["keyId"], algorithm: strings.ToLower(params["algorithm"]),
		created: params["created"], expires: params["expires"], bare: bare,
	}
	if s.keyID == "" {
		return signature{}, errors.New("no keyId")
	}
	if s.value, err = base64.StdEncoding.DecodeString(params["signature"]); err != nil || len(s.value) == 0 {
		return signature{}, errors.New("signature is not base64")
	}
	list, given := params["headers"]
	if !given {
		list = "(created)"
	}
	s.covered = strings.Fields(strings.ToLower(list))
	if len(s.covered) == 0 {
		return signature{}, errors.New("covers nothing")
	}
	return s, nil
}

// readParameters reads name="value" and name=value, separated by commas.
func readParameters(field string) (params map[string]string, bare []string, err error) {
	params = map[string]string{}
	for rest := strings.TrimSpace(field); rest != ""; {
		name, after, found := strings.Cut(rest, "=")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, nil, errors.New("parameter without a value")
		}
		if _, twice := params[name]; twice {
			return nil, nil, fmt.Errorf("parameter %q twice", name)
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			if value, rest, found = strings.Cut(after[1:], `"`); !found {
				return nil, nil, errors.New("quote is not closed")
			}
		} else {
			end := strings.IndexByte(after+",", ',')
			value, rest = strings.TrimSpace(after[:end]), after[end:]
			if strings.ContainsAny(value, "\" \t") {
				return nil, nil, fmt.Errorf("parameter %q is half quoted", name)
			}
			bare = append(bare, name)
		}
		params[name] = value
		if rest = strings.TrimSpace(rest); rest == "" {
			break
		}
		if rest[0] != ',' {
			return nil, nil, errors.New("no comma between parameters")
		}
		if rest = strings.TrimSpace(rest[1:]); rest == "" {
			return nil, nil, errors.New("comma at the end")
		}
	}
	return params, bare, nil
}

// covers says whether the signature covers the component.
func (s signature) covers(name string) bool { return slices.Contains(s.covered, name) }

// base is the string that is signed (section 2.3).
func (s signature) base(m message) ([]byte, error) {
	lines := make([]string, len(s.covered))
	for i, name := range s.covered {
		value, err := s.component(name, m)
		if err != nil {
			return nil, err
		}
		lines[i] = name + ": " + value
	}
	return []byte(strings.Join(lines, "\n")), nil
}

func (s signature) component(name string, m message) (string, error) {
	switch name {
	case "(request-target)":
		return strings.ToLower(m.method) + " " + m.target, nil
	case "(created)":
		return s.moment(name, s.created)
	case "(expires)":
		return s.moment(name, s.expires)
	case "host":
		return m.host, nil
	}
	values := m.header.Values(name)
	if len(values) == 0 && name == "content-length" && m.length >= 0 {
		return strconv.FormatInt(m.length, 10), nil
	}
	if len(values) == 0 {
		return "", fmt.Errorf("%s is covered but not there", name)
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ", "), nil
}

// moment is the value of (created) or (expires), which the older algorithms may not sign.
func (s signature) moment(name, value string) (string, error) {
	for _, old := range []string{"rsa", "hmac", "ecdsa"} {
		if strings.HasPrefix(s.algorithm, old) {
			return "", fmt.Errorf("%s with algorithm %s", name, s.algorithm)
		}
	}
	if _, err := strconv.ParseInt(value, 10, 64); err != nil {
		return "", fmt.Errorf("%s is covered but no number", name)
	}
	return value, nil
}

// verify checks the signature over m with the key.
func (s signature) verify(m message, key crypto.PublicKey) error {
	base, err := s.base(m)
	if err != nil {
		return err
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		return s.verifyRSA(base, key)
	case ed25519.PublicKey:
		if s.algorithm != "" && s.algorithm != "hs2019" && s.algorithm != "ed25519" {
			return fmt.Errorf("algorithm %q with an Ed25519 key", s.algorithm)
		}
		if !ed25519.Verify(key, base, s.value) {
			return errors.New("signature does not verify")
		}
		return nil
	}
	return fmt.Errorf("cannot verify with a %T", key)
}

func (s signature) verifyRSA(base []byte, key *rsa.PublicKey) error {
	short, long := sha256.Sum256(base), sha512.Sum512(base)
	with256 := rsa.VerifyPKCS1v15(key, crypto.SHA256, short[:], s.value)
	with512 := rsa.VerifyPKCS1v15(key, crypto.SHA512, long[:], s.value)
	switch s.algorithm {
	case "rsa-sha256":
		return with256
	case "rsa-sha512":
		return with512
	case "", "hs2019":
		if with512 == nil {
			return nil
		}
		return with256
	}
	return fmt.Errorf("algorithm %q with an RSA key", s.algorithm)
}

// sign fills in the value of the signature over m.
func (s signature) sign(m message, key crypto.Signer) (signature, error) {
	base, err := s.base(m)
	if err != nil {
		return s, err
	}
	if _, edwards := key.Public().(ed25519.PublicKey); edwards {
		s.value, err = key.Sign(rand.Reader, base, crypto.Hash(0))
		return s, err
	}
	sum := sha256.Sum256(base)
	s.value, err = key.Sign(rand.Reader, sum[:], crypto.SHA256)
	return s, err
}

// write puts the parameters into a Signature header, in the order given; those without a value are left out.
func (s signature) write(order []string) string {
	values := map[string]string{
		"keyId": s.keyID, "algorithm": s.algorithm, "created": s.created, "expires": s.expires,
		"headers": strings.Join(s.covered, " "), "signature": base64.StdEncoding.EncodeToString(s.value),
	}
	var params []string
	for _, name := range order {
		switch value := values[name]; {
		case value == "":
		case name == "created" || name == "expires":
			params = append(params, name+"="+value)
		default:
			params = append(params, name+`="`+value+`"`)
		}
	}
	return strings.Join(params, ",")
}

// digestOf is the Digest header of body (RFC 3230).
func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// checkDigest says what is wrong with the Digest in h. Upper demands the algorithm's name in upper case.
func checkDigest(h http.Header, body []byte, upper bool) error {
	for part := range strings.SplitSeq(strings.Join(h.Values("Digest"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !strings.EqualFold(name, "SHA-256"):
		case upper && name != "SHA-256":
			return fmt.Errorf("digest algorithm %q is not in upper case", name)
		case "SHA-256="+value != digestOf(body):
			return errors.New("digest does not match the body")
		default:
			return nil
		}
	}
	return errors.New("no SHA-256 digest")
}
