package signing

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-fed/httpsig"

	"github.com/panui/panui/internal/limits"
)

// cavage is draft-cavage-http-signatures-12, checked by go-fed/httpsig, as the
// fediverse uses it: hs2019 with an RSA key means rsa-sha256.
type cavage struct{}

// claim is a draft-cavage signature as a request carries it.
type claim struct {
	params     params
	sig        []byte
	components []string // lower case, in their order
	created    time.Time
	expires    time.Time
}

// The names of what is signed that is not a header field.
const (
	requestTarget = httpsig.RequestTarget
	createdName   = "(created)"
	expiresName   = "(expires)"
)

// clockTolerance is what go-fed/httpsig allows for created and expires. Where
// they are covered it compares them with the machine's clock again, whatever
// Verifier.Now says.
const clockTolerance = 10 * time.Second

const authPrefix = "Signature "

func (cavage) signs(h http.Header) bool { return len(signatures(h)) > 0 }

// signatures returns every signature of h, from Signature and from Authorization: Signature.
func signatures(h http.Header) []string {
	found := slices.Clone(h["Signature"])
	for _, value := range h["Authorization"] {
		if hasAuthPrefix(value) {
			found = append(found, value)
		}
	}
	return found
}

func hasAuthPrefix(s string) bool {
	return len(s) >= len(authPrefix) && strings.EqualFold(s[:len(authPrefix)], authPrefix)
}

func (cavage) parse(h http.Header, l limits.Limits) (proof, error) {
	found := signatures(h)
	if len(found) > 1 {
		return nil, refuse(signatureSeveral, fmt.Errorf("%d signatures", len(found)))
	}
	value := found[0]
	if len(value) > l.Signature {
		return nil, refuse(signatureTooLarge, fmt.Errorf("%d bytes", len(value)))
	}
	if hasAuthPrefix(value) {
		value = value[len(authPrefix):]
	}
	p, err := parseParams(value)
	if err != nil {
		return nil, refuse(signatureBroken, err)
	}
	c, err := readClaim(p)
	if err != nil {
		return nil, refuse(signatureBroken, err)
	}
	if len(c.components) > l.Components {
		return nil, refuse(signatureTooLarge, fmt.Errorf("%d components", len(c.components)))
	}
	return c, nil
}

// readClaim reads what the parameters say. A claim without headers covers only
// date (section 2.1.6 of older drafts), which is never enough.
func readClaim(p params) (c claim, err error) {
	c = claim{params: p, components: []string{"date"}}
	if p["keyId"] == "" || p["signature"] == "" {
		return c, errors.New("no keyId or no signature")
	}
	if c.sig, err = base64.StdEncoding.Strict().DecodeString(p["signature"]); err != nil {
		return c, fmt.Errorf("signature: %w", err)
	}
	if list, ok := p["headers"]; ok {
		if c.components, err = readComponents(list); err != nil {
			return c, err
		}
	}
	if c.created, err = readUnix(p, "created"); err != nil {
		return c, err
	}
	c.expires, err = readUnix(p, "expires")
	return c, err
}

func readComponents(list string) ([]string, error) {
	names := strings.Fields(strings.ToLower(list))
	if len(names) == 0 {
		return nil, errors.New("headers is empty")
	}
	for i, name := range names {
		special := name == requestTarget || name == createdName || name == expiresName
		if !special && !isToken(name) || name == "signature" || name == "authorization" {
			return nil, fmt.Errorf("cannot cover %q", name)
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("covers %q twice", name)
		}
	}
	return names, nil
}

// readUnix reads seconds since 1970; a parameter that is not there is the zero time.
func readUnix(p params, name string) (time.Time, error) {
	text, ok := p[name]
	if !ok {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 1 || seconds > 1<<40 {
		return time.Time{}, fmt.Errorf("%s=%q is not a time", name, text)
	}
	return time.Unix(seconds, 0), nil
}

func (c claim) keyID() string     { return c.params["keyId"] }
func (c claim) signature() []byte { return c.sig }

func (c claim) has(name string) bool { return slices.Contains(c.components, name) }

// covers checks that nothing is left out which would let the request be used
// for something else, and that every field that is covered is there.
func (c claim) covers(m message) error {
	if err := c.algorithmKnown(); err != nil {
		return err
	}
	need := []string{requestTarget, "host"}
	if hasBody(m) {
		need = append(need, "digest")
	}
	for _, name := range need {
		if !c.has(name) {
			return refuse(notCovered, fmt.Errorf("not %s", name))
		}
	}
	if !c.has("date") && !c.has(createdName) {
		return refuse(notCovered, errors.New("neither date nor (created)"))
	}
	for _, name := range c.components {
		if _, ok := c.field(m, name); !ok {
			return refuse(notCovered, fmt.Errorf("%s is not there", name))
		}
	}
	return nil
}

// algorithmKnown refuses labels that no key here could have, before a key is
// asked for. The key decides later; a label may only agree.
func (c claim) algorithmKnown() error {
	label := strings.ToLower(c.params["algorithm"])
	switch label {
	case "", "hs2019":
		return nil
	case "rsa-sha256", "ed25519":
		// Section 2.3: these labels are older than created and expires.
		if c.has(createdName) || c.has(expiresName) {
			return refuse(algorithmRefused, fmt.Errorf("%s with (created) or (expires)", label))
		}
		return nil
	default:
		return refuse(algorithmRefused, fmt.Errorf("%q", label))
	}
}

// fresh checks the times that are given, whether covered or not: one that is
// not covered can only make the request worse.
func (c claim) fresh(m message, now time.Time, l limits.Limits) error {
	if !c.created.IsZero() && c.created.After(now.Add(clockTolerance)) {
		return refuse(dateOutside, fmt.Errorf("created %s", c.created.UTC()))
	}
	if !c.expires.IsZero() && (now.After(c.expires.Add(clockTolerance)) || c.expires.Before(c.created)) {
		return refuse(dateOutside, fmt.Errorf("expires %s", c.expires.UTC()))
	}
	if c.has(createdName) && now.Sub(c.created) > l.SignatureAge {
		return refuse(dateOutside, fmt.Errorf("created %s", c.created.UTC()))
	}
	if !c.has("date") {
		return nil
	}
	date, err := readDate(m.header["Date"])
	if err != nil {
		return refuse(dateBroken, err)
	}
	if now.Sub(date) > l.SignatureAge || date.Sub(now) > l.ClockSkew {
		return refuse(dateOutside, fmt.Errorf("date %s", date))
	}
	return nil
}

// readDate reads the one form of date that may be sent (RFC 9110 section
// 5.6.7), not the obsolete ones.
func readDate(values []string) (time.Time, error) {
	if len(values) != 1 {
		return time.Time{}, fmt.Errorf("%d Date fields", len(values))
	}
	return time.Parse(http.TimeFormat, values[0])
}

// intact compares the digest with the body. GETs of some servers cover the
// digest of nothing, which says nothing.
func (c claim) intact(m message) error {
	if !hasBody(m) {
		return nil
	}
	sum, err := readDigest(m.header["Digest"])
	if err != nil {
		return refuse(digestBroken, err)
	}
	if !sum.of(m.body) {
		return refuse(digestWrong, nil)
	}
	return nil
}

// hasBody says whether the request is one that must have a digest: all but GET and HEAD.
func hasBody(m message) bool {
	return m.method != http.MethodGet && m.method != http.MethodHead || len(m.body) > 0
}

// matches checks the signature with key, over each way in which the sender may
// have written host and target.
func (c claim) matches(m message, key crypto.PublicKey) error {
	algorithm, label := httpsig.RSA_SHA256, "rsa-sha256"
	if _, ok := key.(ed25519.PublicKey); ok {
		algorithm, label = httpsig.ED25519, "ed25519"
	}
	if named := strings.ToLower(c.params["algorithm"]); named != "" && named != "hs2019" && named != label {
		return refuse(algorithmRefused, fmt.Errorf("%s with an %s key", named, label))
	}
	var err error
	for _, host := range m.hosts {
		for _, target := range m.targets {
			if err = c.matchesAs(m, host, target, algorithm, key); err == nil {
				return nil
			}
		}
	}
	return refuse(signatureWrong, err)
}

// matchesAs hands httpsig a request of its own with nothing but what is
// covered: it reads the decoded URL.Path, adds Host to the header that it is
// given, and splits parameters on every comma.
func (c claim) matchesAs(m message, host, target string, algorithm httpsig.Algorithm, key crypto.PublicKey) error {
	h := http.Header{}
	for _, name := range c.components {
		if values, ok := c.field(m, name); ok && values != nil {
			h[textproto.CanonicalMIMEHeaderKey(name)] = values
		}
	}
	h["Host"] = []string{host}
	h["Signature"] = []string{c.plain()}
	v, err := httpsig.NewVerifier(&http.Request{Method: m.method, URL: &url.URL{Path: target}, Header: h})
	if err != nil {
		return err
	}
	return v.Verify(key, algorithm)
}

// field returns the values of a covered component, and whether it is there.
// What is not a header field has none.
func (c claim) field(m message, name string) ([]string, bool) {
	switch name {
	case requestTarget, "host":
		return nil, true
	case createdName:
		return nil, !c.created.IsZero()
	case expiresName:
		return nil, !c.expires.IsZero()
	case "content-length": // which a proxy may drop
		return []string{strconv.Itoa(len(m.body))}, true
	}
	values, ok := m.header[textproto.CanonicalMIMEHeaderKey(name)]
	return values, ok
}

// plain writes the claim as httpsig reads it, without what it does not need.
func (c claim) plain() string {
	var b strings.Builder
	b.WriteString(`keyId="k",`)
	if c.has(createdName) {
		fmt.Fprintf(&b, "created=%d,", c.created.Unix())
	}
	if c.has(expiresName) {
		fmt.Fprintf(&b, "expires=%d,", c.expires.Unix())
	}
	fmt.Fprintf(&b, `headers="%s",signature="%s"`, strings.Join(c.components, " "), c.params["signature"])
	return b.String()
}
