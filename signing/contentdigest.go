package signing

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"

	structured "github.com/dunglas/httpsfv"
)

// contentDigest compares Content-Digest (RFC 9530) with the body: sha-256,
// sha-512 or both, each of which must be right. Others, which the RFC calls
// insecure or does not know, say nothing.
func contentDigest(values []string, body []byte) error {
	claimed, err := dictionary(values)
	if err != nil {
		return refuse(digestBroken, fmt.Errorf("Content-Digest: %w", err))
	}
	known := 0
	for _, name := range claimed.Names() {
		var sum []byte
		switch name {
		case "sha-256":
			s := sha256.Sum256(body)
			sum = s[:]
		case "sha-512":
			s := sha512.Sum512(body)
			sum = s[:]
		default:
			continue
		}
		known++
		member, _ := claimed.Get(name)
		item, _ := member.(structured.Item)
		value, ok := item.Value.([]byte)
		if !ok || len(value) != len(sum) {
			return refuse(digestBroken, fmt.Errorf("Content-Digest: %s is not as long as one", name))
		}
		if subtle.ConstantTimeCompare(value, sum) != 1 {
			return refuse(digestWrong, errors.New(name))
		}
	}
	if known == 0 {
		return refuse(digestBroken, errors.New("Content-Digest: neither sha-256 nor sha-512"))
	}
	return nil
}

// writeContentDigest returns the Content-Digest of a body, as sha-256.
func writeContentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=" + bytesItem(sum[:])
}
