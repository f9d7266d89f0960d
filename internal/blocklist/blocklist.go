// Package blocklist is how those who are shut out are named: a server by its
// domain, an actor by its id. It reads such names, says which hosts and ids a
// list of them covers, and reads and writes the CSV files in which moderators
// exchange lists.
package blocklist

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ErrSuffix says that a domain is one under which anybody may have a name, such
// as nz, govt.nz or github.io.
var ErrSuffix = errors.New("a suffix under which anybody may have a name: to block it would block all of them")

// maxSubject bounds the name of who is blocked, in bytes: limits.Limits.ID is as much.
const maxSubject = 2048

// Parse reads a domain or the id of an actor, and writes it in the one form by
// which it is compared: a domain as A-labels in lower case, without port or dot
// at the end; an id with such a host and without a port that goes without saying.
// A public suffix wraps ErrSuffix, beside the subject.
func Parse(text string) (subject string, err error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "", errors.New("nobody is named")
	case len(text) > maxSubject:
		return "", fmt.Errorf("longer than %d bytes", maxSubject)
	case strings.Contains(text, "*"):
		return "", errors.New("it has * in it: whom it names is hidden, and is not guessed")
	case strings.Contains(text, "://"):
		return parseActor(text)
	case strings.Contains(text, "@"):
		return "", errors.New("a handle: an actor is blocked by its id")
	}
	return parseDomain(text)
}

func parseDomain(text string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if loopback(name) {
		return name, nil
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "", errors.New("an address: servers are known by their names")
	}
	name, err := toASCII(name)
	if err != nil || len(name) > 253 || !isName(name) {
		return "", errors.New("not a domain: write it as social.example, without https:// and port")
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return name, ErrSuffix
	}
	return name, nil
}

// loopback says whether a host is this machine, where peers are in development
// only; not as [::1], which has no form in common with domains.
func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Is4() && address.IsLoopback()
}

// isName says whether a lower-case host has nothing but labels of letters, digits and hyphens.
func isName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_'
		}) {
			return false
		}
	}
	return true
}

func parseActor(text string) (string, error) {
	scheme, authority, rest := split(text)
	domain, err := parseDomain(hostname(authority))
	if err != nil && !errors.Is(err, ErrSuffix) {
		return "", fmt.Errorf("its host: %w", err)
	}
	switch {
	case scheme != "https" && (scheme != "http" || !loopback(domain)):
		return "", errors.New("the id of an actor begins with https://")
	case strings.Contains(authority, "@"):
		return "", errors.New("user information in an id")
	case strings.ContainsAny(text, "# \t\r\n"):
		return "", errors.New("the id of an actor has no fragment and no space")
	case strings.Trim(rest, "/") == "":
		return "", errors.New("that is a server, not an actor: write its domain alone")
	}
	return canonical(text), nil
}

// split cuts an id into its scheme, in lower case, its authority, and all that follows.
func split(id string) (scheme, authority, rest string) {
	scheme, after, ok := strings.Cut(id, "://")
	if !ok {
		return "", "", id
	}
	end := strings.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	return strings.ToLower(scheme), after[:end], after[end:]
}

// hostname is the host in an authority, without user information and port, in
// its one form where it has one.
func hostname(authority string) string {
	host, _ := hostPort(authority)
	return host
}

func hostPort(authority string) (host, port string) {
	host = authority[strings.LastIndexByte(authority, '@')+1:]
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host, port = host[:colon], host[colon+1:]
	}
	return Host(host), port
}

// Host writes a host, which has no port, in the one form by which it is compared.
func Host(host string) string {
	if plain(host) {
		return host
	}
	host = strings.ToLower(strings.TrimRight(host, "."))
	if ascii, err := toASCII(host); err == nil {
		return strings.TrimRight(ascii, ".")
	}
	return host
}

// toASCII writes a lower-case host with A-labels. One in ASCII stays as it is:
// IDNA refuses names that the DNS has, such as ev--il.example, and whoever has one
// must not be beyond a block.
func toASCII(host string) (string, error) {
	if !strings.ContainsFunc(host, func(c rune) bool { return c > unicode.MaxASCII }) {
		return host, nil
	}
	return idna.Lookup.ToASCII(host)
}

// plain says whether a host needs no rewriting, which nearly all do not.
func plain(host string) bool {
	for i := range len(host) {
		if c := host[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return !strings.HasSuffix(host, ".")
}

// HostOf returns the host of an id or inbox in the one form by which it is compared.
func HostOf(id string) string {
	_, authority, _ := split(id)
	return hostname(authority)
}

// canonical writes an id in the one form by which it is compared, without its fragment.
func canonical(id string) string {
	scheme, authority, rest := split(id)
	host, port := hostPort(authority)
	rest, _, _ = strings.Cut(rest, "#")
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host + rest
	}
	return scheme + "://" + host + ":" + port + rest
}

// IsActor says whether a subject is the id of an actor; else it is a domain.
func IsActor(subject string) bool { return strings.Contains(subject, "://") }

// Spellings are the ids that a store may hold for an actor that is blocked.
func Spellings(subject string) []string {
	scheme, authority, rest := split(subject)
	if scheme == "https" && !strings.Contains(authority, ":") {
		return []string{subject, scheme + "://" + authority + ":443" + rest}
	}
	return []string{subject}
}

// Set is whom a list shuts out. The zero value is nobody.
type Set struct {
	subjects map[string]struct{}
}

// NewSet makes a Set of subjects in the form that Parse gives them.
func NewSet(subjects ...string) Set {
	s := Set{map[string]struct{}{}}
	for _, subject := range subjects {
		s.subjects[subject] = struct{}{}
	}
	return s
}

// Len counts the subjects.
func (s Set) Len() int { return len(s.subjects) }

// Has says whether a subject itself is listed.
func (s Set) Has(subject string) bool {
	_, found := s.subjects[subject]
	return found
}

// Host returns the listed domain that covers a host: itself, or the nearest above it.
func (s Set) Host(host string) (subject string, found bool) {
	if len(s.subjects) == 0 {
		return "", false
	}
	for name := range Above(host) {
		if s.Has(name) {
			return name, true
		}
	}
	return "", false
}

// ID returns the subject that covers an id: the actor with the id, or whose key
// or part it is by its fragment, or the domain of its host.
func (s Set) ID(id string) (subject string, found bool) {
	if len(s.subjects) == 0 {
		return "", false
	}
	if whole := canonical(id); s.Has(whole) {
		return whole, true
	}
	return s.Host(HostOf(id))
}

// Above lists a host, in its one form, and the domains that it is under.
func Above(host string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name, more := Host(host), true; more && name != ""; _, name, more = strings.Cut(name, ".") {
			if !yield(name) {
				return
			}
		}
	}
}

// Subjects lists every subject that would cover an id.
func Subjects(id string) []string {
	subjects := []string{canonical(id)}
	for name := range Above(HostOf(id)) {
		subjects = append(subjects, name)
	}
	return subjects
}
