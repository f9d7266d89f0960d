package actor

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// URLs makes and recognises the ids of one site. They all lie under one prefix
// and are opaque: no slug, title or handle in them.
type URLs struct {
	Base   string // https://www.agency.govt.nz, no trailing slash; may end in the folder that the site has on its host
	Prefix string // /ap/ when empty; below Base
}

// defaultPrefix is where the ids of a site lie unless it says otherwise.
const defaultPrefix = "/ap/"

// The fragments that make the id of an actor's key of the actor's id: of the
// first key, and of each later one with its number, from 2. A peer that has kept a
// key for ever under its id then meets an id that it does not know.
const (
	mainKey  = "#main-key"
	laterKey = "#key-"
)

// Check says what is wrong with Base and Prefix, or nil. Base is https, and
// plain http only on a loopback address.
func (u URLs) Check() error {
	return errors.Join(checkBase(u.Base), checkPrefix(u.prefix()))
}

func checkBase(base string) error {
	b, err := url.Parse(base)
	switch {
	case err != nil || b.Host == "":
		return fmt.Errorf("base URL %q: write it as https://www.agency.govt.nz", base)
	case b.Scheme != "https" && (b.Scheme != "http" || !loopback(b.Hostname())):
		return fmt.Errorf("base URL %q: only https works in the fediverse", base)
	case b.User != nil || b.RawQuery != "" || b.ForceQuery || strings.Contains(base, "#"):
		return fmt.Errorf("base URL %q: leave out user, query and fragment", base)
	case strings.HasSuffix(base, "/"):
		return fmt.Errorf("base URL %q: leave out the slash at the end", base)
	case b.Path != "" && !plain(strings.ReplaceAll(b.Path[1:], "/", "-")) || strings.Contains(b.Path, "//"):
		return fmt.Errorf("base URL %q: its path may have letters, digits, - and _ only", base)
	case origin(b) != b.Scheme+"://"+b.Host:
		return fmt.Errorf("base URL %q: write it as %s", base, origin(b)+b.Path)
	}
	return nil
}

func checkPrefix(prefix string) error {
	inner := strings.Trim(prefix, "/")
	if prefix == "/"+inner+"/" && plain(strings.ReplaceAll(inner, "/", "-")) && !strings.Contains(inner, "//") {
		return nil
	}
	return fmt.Errorf("prefix %q: write it as %s", prefix, defaultPrefix)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// origin writes scheme, host and port in their one form: lower case, A-labels,
// no dot at the end, no port that goes without saying.
func origin(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + port
}

// Host returns the host of the site, with its port where it has one.
func (u URLs) Host() string {
	host, _, _ := strings.Cut(afterScheme(u.Base), "/")
	return host
}

// Actor returns the id of the actor with the segment id.
func (u URLs) Actor(id string) string { return u.under("actors/", id, "") }

// Key returns the id of the key that the actor signs with after so many rotations.
func (u URLs) Key(id string, rotations int) string {
	if rotations == 0 {
		return u.under("actors/", id, mainKey)
	}
	return u.under("actors/", id, laterKey+strconv.Itoa(rotations+1))
}

// Inbox returns the actor's own inbox.
func (u URLs) Inbox(id string) string { return u.under("actors/", id, "/inbox") }

// SharedInbox returns the inbox of all actors of the site.
func (u URLs) SharedInbox() string { return u.under("inbox", "", "") }

// Outbox returns the actor's outbox.
func (u URLs) Outbox(id string) string { return u.under("actors/", id, "/outbox") }

// Followers returns the actor's followers collection.
func (u URLs) Followers(id string) string { return u.under("actors/", id, "/followers") }

// Following returns the actor's following collection.
func (u URLs) Following(id string) string { return u.under("actors/", id, "/following") }

// Featured returns the actor's collection of pinned posts.
func (u URLs) Featured(id string) string { return u.under("actors/", id, "/featured") }

// Object returns the id of an object.
func (u URLs) Object(id string) string { return u.under("objects/", id, "") }

// Replies returns the collection of shown replies to an object.
func (u URLs) Replies(id string) string { return u.under("objects/", id, "/replies") }

// Activity returns the id of an activity.
func (u URLs) Activity(id string) string { return u.under("activities/", id, "") }

// NodeInfo returns where a version of NodeInfo is, such as 2.1.
func (u URLs) NodeInfo(version string) string { return u.under("nodeinfo/", version, "") }

func (u URLs) under(folder, id, rest string) string {
	return u.Base + u.prefix() + folder + id + rest
}

func (u URLs) prefix() string {
	if u.Prefix == "" {
		return defaultPrefix
	}
	return u.Prefix
}

// Kind says what a path of the site names.
type Kind int

// The kinds of paths.
const (
	NotOurs Kind = iota
	KindActor
	KindInbox
	KindSharedInbox
	KindOutbox
	KindFollowers
	KindFollowing
	KindFeatured
	KindObject
	KindReplies
	KindActivity
	Unknown // under the prefix, but nothing
)

// Route says what a request path names, with its segment. It takes the whole
// path as the client sent it, still escaped (URL.EscapedPath of a request that
// nothing stripped), and allocates nothing.
func (u URLs) Route(escapedPath string) (Kind, string) {
	rest, ours := strings.CutPrefix(escapedPath, basePath(u.Base))
	if ours {
		rest, ours = strings.CutPrefix(rest, u.prefix())
	}
	if !ours {
		return NotOurs, ""
	}
	if rest == "inbox" {
		return KindSharedInbox, ""
	}
	folder, rest, _ := strings.Cut(rest, "/")
	id, part, deeper := strings.Cut(rest, "/")
	if !plain(id) || deeper && part == "" {
		return Unknown, ""
	}
	if kind := kindOf(folder, part); kind != Unknown {
		return kind, id
	}
	return Unknown, ""
}

func kindOf(folder, part string) Kind {
	switch folder {
	case "actors":
		switch part {
		case "":
			return KindActor
		case "inbox":
			return KindInbox
		case "outbox":
			return KindOutbox
		case "followers":
			return KindFollowers
		case "following":
			return KindFollowing
		case "featured":
			return KindFeatured
		}
	case "objects":
		switch part {
		case "":
			return KindObject
		case "replies":
			return KindReplies
		}
	case "activities":
		if part == "" {
			return KindActivity
		}
	}
	return Unknown
}

// Parse says what an id of the site names, with its segment: the inverse of
// the methods that make ids. It compares exactly, so that one thing has one id;
// an id written in any other way is NotOurs or Unknown. A fragment is not
// removed: the id of a key is Unknown.
func (u URLs) Parse(id string) (Kind, string) {
	rest, ours := strings.CutPrefix(id, u.Base)
	if !ours || !strings.HasPrefix(rest, u.prefix()) {
		return NotOurs, ""
	}
	return u.Route(id[len(u.Base)-len(basePath(u.Base)):])
}

// Owns says whether id is under the site's base URL in whatever way it is
// written: other case, a default port, a dot after the host, plain http,
// escapes or dots in the path. Use it to refuse what strangers claim, and Parse
// to find what an id of ours names.
func (u URLs) Owns(id string) bool {
	if rest, exact := strings.CutPrefix(id, u.Base); exact && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0) {
		return true
	}
	stranger, err := url.Parse(strings.ReplaceAll(id, `\`, "/"))
	if err != nil || stranger.Host == "" {
		return false
	}
	base, err := url.Parse(u.Base)
	if err != nil {
		return false
	}
	return anyHost(stranger) == anyHost(base) && (base.Path == "" || within(stranger.Path, base.Path))
}

// anyHost is origin without what differs between http and https of one site.
func anyHost(u *url.URL) string {
	_, host, _ := strings.Cut(origin(u), "://")
	if bare, port, ok := strings.Cut(host, ":"); ok && (port == "80" || port == "443") {
		return bare
	}
	return host
}

func within(name, folder string) bool {
	name = path.Clean("/" + name)
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// basePath returns the folder of the site on its host, or nothing when it has the host to itself.
func basePath(base string) string {
	rest := afterScheme(base)
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

func afterScheme(base string) string {
	if i := strings.Index(base, "://"); i >= 0 {
		return base[i+len("://"):]
	}
	return base
}

// maxSegment bounds what we ever put into a path.
const maxSegment = 64

// plain says whether s can be a path segment as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; !letterOrDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxSegment
}

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// opaque makes the segment of an actor whose profile does not set one: the same
// for the same handle, and saying nothing.
func opaque(h Handle) string {
	sum := sha256.Sum256([]byte(h.String()))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}
