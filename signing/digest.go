package signing

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// digest is a SHA-256 that a header field claims for a body.
type digest []byte

// readDigest reads the Digest field (RFC 3230): exactly one value, and that a
// SHA-256. Of two, one would be somebody else's to choose.
func readDigest(values []string) (digest, error) {
	if len(values) != 1 {
		return nil, fmt.Errorf("%d Digest fields", len(values))
	}
	name, text, ok := strings.Cut(strings.Trim(values[0], " \t"), "=")
	if !ok || !strings.EqualFold(name, "SHA-256") {
		return nil, fmt.Errorf("%q is not SHA-256", name)
	}
	sum, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(sum) != sha256.Size {
		return nil, errors.New("not as long as a SHA-256")
	}
	return sum, nil
}

// of says whether the digest is that of body.
func (d digest) of(body []byte) bool {
	sum := sha256.Sum256(body)
	return subtle.ConstantTimeCompare(d, sum[:]) == 1
}
