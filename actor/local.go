package actor

import (
	"cmp"
	"errors"
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// Local is an actor of the site, ready to speak. NewLocal makes it; which key it
// signs with and what its document says, its [Local.Standing] knows.
type Local struct {
	Profile Profile // as given
	Handle  Handle
	ID      string // its URL
	URL     string // the page for people
	Segment string // the last part of ID

	urls   URLs
	policy signing.Policy
	pin    *pin

	otherProofKeys []as2.Multikey
}

// NewLocal checks p and makes the actor of it. The error joins every mistake,
// each with what to write instead.
func NewLocal(p Profile, u URLs, policy signing.Policy) (*Local, error) {
	if err := errors.Join(u.Check(), p.Check(u, policy)); err != nil {
		return nil, err
	}
	handle, _ := ParseHandle(p.Handle)
	segment := cmp.Or(p.ID, opaque(handle))
	l := &Local{
		Profile: p,
		Handle:  handle,
		ID:      u.Actor(segment),
		URL:     cmp.Or(p.URL, u.home()),
		Segment: segment,
		urls:    u, policy: policy, pin: &pin{turn: make(chan struct{}, 1)},
	}
	others, err := l.listedProofKeys()
	if err != nil {
		return nil, err
	}
	l.otherProofKeys = others
	configured, err := l.Stand(store.Actor{})
	if err != nil {
		return nil, err
	}
	l.pin.configured = configured
	return l, nil
}

// home returns the home page as browsers write it, which is how people link to it.
func (u URLs) home() string {
	if basePath(u.Base) == "" {
		return u.Base + "/"
	}
	return u.Base
}

// document is what Mastodon, GoToSocial and Misskey take alike: one publicKey
// object, no array, with the key that signs; name beside nameMap; url on the host
// of the id.
func (l *Local) document(s *Standing) as2.ActorDocument {
	p, u := l.Profile, l.urls
	name, summary := strings.TrimSpace(p.Name), sanitise(p.Summary)
	return as2.ActorDocument{
		ID:                        l.ID,
		Type:                      cmp.Or(p.Type, "Organization"),
		PreferredUsername:         l.Handle.Name,
		WebFinger:                 l.Handle.Name + "@" + l.Handle.Domain,
		Name:                      name,
		NameMap:                   p.inLanguage(name),
		Summary:                   summary,
		SummaryMap:                p.inLanguage(summary),
		URL:                       l.URL,
		Inbox:                     u.Inbox(l.Segment),
		Outbox:                    u.Outbox(l.Segment),
		Followers:                 u.Followers(l.Segment),
		Following:                 u.Following(l.Segment),
		Featured:                  u.Featured(l.Segment),
		Endpoints:                 as2.Endpoints{SharedInbox: u.SharedInbox()},
		PublicKey:                 as2.PublicKey{ID: s.KeyID, Owner: l.ID, PublicKeyPem: s.Key.PublicPEM()},
		AssertionMethod:           append(s.overlap(), l.proves()...),
		Icon:                      p.Icon.media(),
		Image:                     p.Header.media(),
		Attachment:                fields(p.Fields),
		ManuallyApprovesFollowers: p.ApproveFollowers,
		Discoverable:              !p.Hidden,
		Indexable:                 !p.Hidden,
		AlsoKnownAs:               p.AlsoKnownAs,
		AttributionDomains:        unique(u.Host(), l.Handle.Domain),
		Published:                 p.Since,
	}
}

func (p Profile) inLanguage(text string) as2.LangMap {
	if len(p.Languages) == 0 || text == "" {
		return nil
	}
	return as2.LangMap{{Language: p.Languages[0], Value: text}}
}

func (i Image) media() as2.Media {
	if i.URL == "" {
		return as2.Media{}
	}
	return as2.Media{Type: "Image", MediaType: i.mediaType(), URL: i.URL, Name: i.Alt, Summary: i.Alt}
}

func fields(fs []Field) []as2.Field {
	var rows []as2.Field
	for _, f := range fs {
		rows = append(rows, as2.Field{Name: f.Name, Value: f.html()})
	}
	return rows
}

// html links a URL with itself as text: Mastodon verifies no other kind of link.
func (f Field) html() string {
	text := html.EscapeString(f.Value)
	if u, err := url.Parse(f.Value); err != nil || u.Scheme != "https" || u.Host == "" {
		return text
	}
	return `<a href="` + text + `" rel="me nofollow noopener" target="_blank">` + text + `</a>`
}

// sanitise leaves of HTML what Mastodon shows of a profile.
func sanitise(summary string) string {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "span", "b", "strong", "i", "em", "u", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("https", "http")
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	return strings.TrimSpace(p.Sanitize(summary))
}

func unique(values ...string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
