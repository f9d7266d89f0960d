// Package feed follows the feed that a website has already, so that what it
// publishes there is published in the fediverse too: RSS 0.9 to 2.0, Atom 0.3
// and 1.0 and JSON Feed 1.1 become items of the outbox.
//
// [Parse] reads one feed and touches nothing else. A [Poller] reads it again
// and again and decides what is news. Nothing goes out by surprise: the first
// poll publishes nothing, an edit never publishes an item that was there before,
// old content that appears anew is left alone, and many items at once wait for
// a person.
//
// A website that can write JSON Feed says more in the extension object of an
// item, see [Extension].
package feed

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"

	"github.com/panui/panui/outbox"
)

// Errors that a caller may want to tell apart.
var (
	// ErrNotFeed says that the document is not a feed: an error page, perhaps.
	ErrNotFeed = errors.New("not a feed")
	// ErrAlert says that the document is a Common Alerting Protocol alert,
	// which is not news and is never read as a feed.
	ErrAlert = errors.New("a CAP alert, not a feed")
	// ErrTooLarge says that the document is beyond what Parse reads.
	ErrTooLarge = errors.New("larger than a feed may be")
)

// The bounds of a feed, many times those of real ones.
const (
	MaxBytes = 4 << 20
	MaxItems = 1000
)

// Reading says how to read a feed where the feed itself does not. The zero
// value is right for a feed with absolute links, a language and full dates.
type Reading struct {
	URL         string         // of the feed; relative links are resolved against it
	ContentType string         // as the server sent it; its charset counts
	Language    string         // of items that name none (BCP 47)
	Zone        *time.Location // of dates that name none; nil is UTC
}

// Feed is a feed as read.
type Feed struct {
	Title    string
	URL      string // the page for people
	Language string
	Items    []outbox.Item // in the feed's order, each with a Key
	Notes    []Note
}

// Note is something that was left out of an item, in words for a person.
type Note struct{ Key, Text string }

// Parse reads a feed. It does no network and gives the same items for the same
// bytes: an item without a date has a zero Published.
//
// The key of an item is its guid or id, else its link, else a digest of its
// title and date. An image without a text alternative is left out and noted,
// since nobody but the website can say what it shows. Parse fails with an error
// that wraps [ErrNotFeed], [ErrAlert] or [ErrTooLarge].
func Parse(body []byte, r Reading) (Feed, error) {
	f, err := parse(body, r)
	if err != nil {
		return Feed{}, fmt.Errorf("feed: parse %s: %w", r.URL, err)
	}
	return f, nil
}

func parse(body []byte, r Reading) (Feed, error) {
	if len(body) > MaxBytes {
		return Feed{}, fmt.Errorf("%d bytes: %w", len(body), ErrTooLarge)
	}
	text := decode(body, r.ContentType)
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseJSON([]byte(text), r)
	}
	return parseXML(text, r)
}

// source is what the three formats have in common before an item is made of it.
type source struct {
	guid       string
	links      []string // the first that resolves is the page
	base       string   // xml:base
	around     []string // addresses of the feed itself, best first
	title      string
	summary    string
	content    string // HTML
	language   string
	published  string
	updated    string
	fallback   [2]*time.Time // published and updated as gofeed reads them
	categories []string
	images     []image // named beside the body
	extension  Extension
}

func parseXML(text string, r Reading) (Feed, error) {
	outline, err := scan(text)
	if err != nil {
		return Feed{}, err
	}
	parser := gofeed.Parser{
		RSSTranslator:    &gofeed.DefaultRSSTranslator{DisableContentImageScan: true},
		KeepOriginalFeed: true,
	}
	raw, err := parser.ParseString(text)
	if err != nil {
		return Feed{}, fmt.Errorf("%w: %w", ErrNotFeed, err)
	}
	home := resolve(raw.Link, outline.base, raw.FeedLink, r.URL)
	f := Feed{
		Title:    plain(raw.Title),
		URL:      home,
		Language: languageTag(raw.Language, outline.language, r.Language),
	}
	sources := make([]source, len(raw.Items))
	for i, item := range raw.Items {
		around := outline.item(i)
		sources[i] = fromXML(item, originalOf(raw, i))
		sources[i].language = languageTag(sources[i].language, around.language)
		sources[i].base = around.base
		sources[i].around = []string{raw.FeedLink, home, r.URL}
	}
	return f.with(sources, r), nil
}

// with makes the items of a feed.
func (f Feed) with(sources []source, r Reading) Feed {
	at := map[string]int{}
	said := map[string]time.Time{}
	for _, s := range sources {
		item, notes := s.item(f, r)
		if item.Key == "" {
			f.Notes = append(f.Notes, Note{Text: "left out an item without guid, link and title"})
			continue
		}
		last := s.last(r)
		i, twice := at[item.Key]
		switch {
		case !twice:
			at[item.Key], said[item.Key] = len(f.Items), last
			f.Items = append(f.Items, item)
			f.Notes = append(f.Notes, notes...)
		case last.After(said[item.Key]):
			f.Items[i], said[item.Key] = item, last
			fallthrough
		default:
			f.Notes = append(f.Notes, Note{item.Key, "is in the feed more than once; the newest counts"})
		}
	}
	return f
}

// last is when an item was last changed, as far as it says.
func (s source) last(r Reading) time.Time {
	return cmp.Or(date(s.updated, s.fallback[1], r.Zone), date(s.published, s.fallback[0], r.Zone))
}

// item makes an item of what was found, and says what could not be used.
func (s source) item(f Feed, r Reading) (outbox.Item, []Note) {
	page := s.page()
	bases := append([]string{s.base, page}, s.around...)
	summary := readBody(s.summary, page, bases)
	content := readBody(s.content, page, bases)
	inBody := slices.Concat(content.images, summary.images)
	if content.html == "" {
		content = summary
	}
	item := outbox.Item{
		URL:       cmp.Or(page, f.URL),
		Title:     plain(s.title),
		HTML:      content.html,
		Language:  languageTag(s.language, f.Language),
		Published: date(s.published, s.fallback[0], r.Zone),
		Tags:      hashtags(s.categories),
	}
	item.Key = s.key(item.Title)
	item.Abstract = abstract(summary.html, item.Title)
	if item.Abstract == "" {
		item.Abstract = abstract(content.html, item.Title)
	}
	images, unusable := choose(s.images, inBody, bases)
	item.Images = images
	s.extension.apply(&item, bases)
	if len(s.extension.Images) > 0 {
		return item, nil
	}
	var notes []Note
	for _, reason := range unusable {
		notes = append(notes, Note{item.Key, reason})
	}
	return item, notes
}

// page is the first link that becomes an http address.
func (s source) page() string {
	bases := append([]string{s.base}, s.around...)
	for _, link := range s.links {
		if u := resolve(link, bases...); u != "" {
			return u
		}
	}
	return ""
}

// maxKey is the longest key that is kept as it is.
const maxKey = 512

// key names an item so that the same item has the same key in every poll.
func (s source) key(title string) string {
	key := cmp.Or(s.guid, s.page())
	if key == "" && title != "" {
		key = "title:" + digest(title, s.published)
	}
	if len(key) > maxKey {
		key = "long:" + digest(key)
	}
	return key
}

// resolve makes an absolute http or https address of a link, or "": against the
// first base that is one itself.
func resolve(link string, bases ...string) string {
	link = strings.Join(strings.Fields(link), "")
	if link == "" {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	for _, b := range bases {
		if u.IsAbs() {
			break
		}
		base, err := url.Parse(strings.TrimSpace(b))
		if err == nil && web(base) {
			u = base.ResolveReference(u)
		}
	}
	if !web(u) {
		return ""
	}
	return u.String()
}

func web(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}
