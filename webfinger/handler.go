// Package webfinger is how a handle finds its actor: the answers that a site
// gives (WebFinger, RFC 7033; host-meta, RFC 6415; NodeInfo, FEP-0151) and the
// questions that it asks others.
package webfinger

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/internal/limits"
)

// Where the answers of every site lie (RFC 8615): at the root of the host, also
// for a site that has only a folder of it.
const (
	Path             = "/.well-known/webfinger"
	hostMetaPath     = "/.well-known/host-meta"
	hostMetaJSONPath = "/.well-known/host-meta.json"
	nodeInfoPath     = "/.well-known/nodeinfo"
)

// Config says for whom a [Handler] answers.
type Config struct {
	URLs    actor.URLs
	Actors  []*actor.Local // the first also answers for the site itself: https://www.agency.govt.nz/ (FEP-d556)
	Aliases []string       // hosts that ask here besides the site's, those in handles, and each of these with or without www

	Version string                                 // of the software, in NodeInfo
	Posts   func(ctx context.Context) (int, error) // counts what was published, for NodeInfo; nil leaves it out
	Limits  limits.Limits                          // zero is limits.Default
}

// Handler answers who a handle is, and what runs here. All answers are rendered
// once, are the same for everyone, and cause no question to anyone.
type Handler struct {
	pages    map[string]http.Handler // by path
	accounts map[string]account      // by resource, handles in lower case without acct:
	maxQuery int
}

// lifetime suits answers that change with the configuration only.
const lifetime = 10 * time.Minute

// NewHandler returns the handler for the actors of a site. It fails when two
// actors have the same handle or id.
func NewHandler(c Config) (*Handler, error) {
	if c.Limits == (limits.Limits{}) {
		c.Limits = limits.Default()
	}
	h := &Handler{accounts: map[string]account{}, maxQuery: c.Limits.Query}
	if err := h.addAccounts(c); err != nil {
		return nil, err
	}
	h.pages = map[string]http.Handler{
		Path:             http.HandlerFunc(h.serveWebFinger),
		hostMetaPath:     hostMeta(c.URLs),
		hostMetaJSONPath: hostMetaJSON(c.URLs),
	}
	c.addNodeInfo(h.pages)
	return h, nil
}

// Serves says whether an escaped request path is one that the handler answers.
func (h *Handler) Serves(escapedPath string) bool {
	_, ok := h.pages[escapedPath]
	return ok
}

// ServeHTTP answers the paths for which Serves is true, and 404 for others.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, ok := h.pages[r.URL.EscapedPath()]
	if !ok {
		document.Refuse(w, http.StatusNotFound)
		return
	}
	page.ServeHTTP(w, r)
}

// addAccounts notes every resource under which an actor is found.
func (h *Handler) addAccounts(c Config) error {
	for _, l := range c.Actors {
		answers := newAccount(l)
		for _, domain := range c.domains(l) {
			if err := h.add(strings.ToLower(l.Handle.Name)+"@"+domain, answers); err != nil {
				return err
			}
		}
		if err := h.add(l.ID, answers); err != nil {
			return err
		}
	}
	for _, l := range c.Actors {
		h.offer(l.URL, h.accounts[l.ID])
		h.offer(strings.TrimSuffix(l.URL, "/"), h.accounts[l.ID])
	}
	if len(c.Actors) > 0 {
		for _, domain := range c.domains(c.Actors[0]) {
			h.offer("https://"+domain, h.accounts[c.Actors[0].ID])
			h.offer("https://"+domain+"/", h.accounts[c.Actors[0].ID])
		}
	}
	return nil
}

func (h *Handler) add(resource string, a account) error {
	if _, taken := h.accounts[resource]; taken {
		return fmt.Errorf("webfinger: two actors for %q", resource)
	}
	h.accounts[resource] = a
	return nil
}

// offer adds a resource unless an actor has it already: several may name the
// home page as theirs, and the first gets it.
func (h *Handler) offer(resource string, a account) {
	if _, taken := h.accounts[resource]; !taken {
		h.accounts[resource] = a
	}
}

// domains are those at which people may look for the actor, without repetition.
func (c Config) domains(l *actor.Local) []string {
	var all []string
	seen := map[string]bool{}
	for _, domain := range append([]string{l.Handle.Domain, c.URLs.Host()}, c.Aliases...) {
		domain = strings.ToLower(domain)
		for _, d := range []string{domain, withOrWithoutWWW(domain)} {
			if !seen[d] {
				seen[d] = true
				all = append(all, d)
			}
		}
	}
	return all
}

func withOrWithoutWWW(domain string) string {
	if bare, ok := strings.CutPrefix(domain, "www."); ok {
		return bare
	}
	return "www." + domain
}

// serveWebFinger answers 400 for what is no question, 404 for whom we do not
// know, and 414 for what is too long to be one.
func (h *Handler) serveWebFinger(w http.ResponseWriter, r *http.Request) {
	if !document.Readable(w, r) {
		return
	}
	if len(r.URL.RawQuery) > h.maxQuery {
		document.Refuse(w, http.StatusRequestURITooLong)
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	resource := query["resource"]
	if err != nil || len(resource) != 1 || !wellFormed(resource[0]) {
		document.Refuse(w, http.StatusBadRequest)
		return
	}
	found, ok := h.accounts[canonical(resource[0])]
	if !ok {
		document.Refuse(w, http.StatusNotFound)
		return
	}
	found.answer(query["rel"]).ServeHTTP(w, r)
}

// wellFormed says whether s could be the URI of something (RFC 3986), or a handle.
func wellFormed(s string) bool {
	return utf8.ValidString(s) && strings.ContainsAny(s, ":@") && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`\<>"{}|^`+"`", r)
	})
}

// canonical returns a resource as the accounts are listed: URLs as they are,
// handles as actor.Handle writes them, and nothing for what is neither.
func canonical(resource string) string {
	if strings.Contains(resource, "://") {
		return resource
	}
	if scheme, rest, ok := strings.Cut(resource, ":"); ok && strings.EqualFold(scheme, "acct") {
		resource = rest
	}
	handle, err := actor.ParseHandle(resource)
	if err != nil {
		return ""
	}
	return handle.String()
}

// origin is where the well-known paths of the site lie.
func origin(u actor.URLs) string {
	scheme, _, _ := strings.Cut(u.Base, "://")
	return cmp.Or(scheme, "https") + "://" + u.Host()
}
