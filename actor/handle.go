package actor

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Handle is an address in the fediverse, as people write it: @news@agency.govt.nz.
type Handle struct {
	Name   string // as written
	Domain string // lower case, in A-labels, with a port only in development
}

// ParseHandle reads name@domain, with or without @ or acct: before it. Names
// are those that every common server takes: ASCII letters, digits, and _ . -
// between them. A domain outside ASCII becomes A-labels.
func ParseHandle(s string) (Handle, error) {
	rest, _ := strings.CutPrefix(s, "acct:")
	rest = strings.TrimPrefix(rest, "@")
	name, domain, ok := strings.Cut(rest, "@")
	if !ok || len(s) > maxHandle {
		return Handle{}, fmt.Errorf("handle %.80q: write it as news@agency.govt.nz", s)
	}
	if !validName(name) {
		return Handle{}, fmt.Errorf("handle %.80q: a name has ASCII letters and digits, with _ . or - only between them", s)
	}
	domain, err := parseDomain(domain)
	if err != nil {
		return Handle{}, fmt.Errorf("handle %.80q: %w", s, err)
	}
	return Handle{Name: name, Domain: domain}, nil
}

const (
	maxHandle = 320
	maxName   = 64
)

// String returns the one form by which handles are compared: name@domain in lower case.
func (h Handle) String() string { return strings.ToLower(h.Name) + "@" + h.Domain }

// validName takes what Mastodon, Misskey (^\w([\w-.]*\w)?$) and Pixelfed
// (letters and digits besides _ . -) take alike.
func validName(s string) bool {
	if s == "" || len(s) > maxName || !wordChar(s[0]) || !wordChar(s[len(s)-1]) {
		return false
	}
	real := false
	for i := range len(s) {
		if !wordChar(s[i]) && s[i] != '.' && s[i] != '-' {
			return false
		}
		real = real || letterOrDigit(s[i])
	}
	return real
}

func wordChar(c byte) bool { return letterOrDigit(c) || c == '_' }

func parseDomain(s string) (string, error) {
	host, port, hasPort := strings.Cut(s, ":")
	if hasPort && !validPort(port) {
		return "", fmt.Errorf("%.80q is not a port", port)
	}
	lower := strings.ToLower(host)
	ascii, err := idna.Lookup.ToASCII(lower)
	if err != nil || !validDomain(ascii) || lower != ascii && lower != asWritten(ascii) {
		return "", fmt.Errorf("%.80q is not a domain name", host)
	}
	if hasPort {
		return ascii + ":" + port, nil
	}
	return ascii, nil
}

// validDomain checks the lengths of RFC 1035 section 2.3.4, and the characters.
func validDomain(ascii string) bool {
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return len(ascii) <= 253 && domainChars(ascii)
}

// asWritten is the domain in Unicode. What is mapped to it, such as ⅇxample.com to
// example.com, is another spelling of somebody's name, and not taken.
func asWritten(ascii string) string {
	unicode, err := idna.Lookup.ToUnicode(ascii)
	if err != nil {
		return ""
	}
	return unicode
}

func domainChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; !letterOrDigit(c) && c != '-' && c != '.' {
			return false
		}
	}
	return !strings.Contains(s, "..") && s[0] != '.'
}

func validPort(s string) bool {
	_, err := netip.ParseAddrPort("127.0.0.1:" + s)
	return err == nil
}
