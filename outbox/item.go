// Package outbox is what a site says: items become posts, and posts reach every
// follower's server.
//
// A [Publisher] decides what an item means for the fediverse and writes that in
// one transaction. A [Deliverer], on any machine that shares the store, takes it
// to the inboxes. A [Handler] answers those who come and ask.
package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// Item is one piece of news as the website has it. Key, URL and a Title or an
// Abstract or HTML are required, and a language, which may be the actor's.
type Item struct {
	Key      string // the website's own name for it: publishing it again edits the post
	Actor    string // the handle of who says it; the first actor of the site when empty
	URL      string // the page for people, absolute
	Title    string
	Abstract string // one or two sentences, plain text; the first paragraph of HTML when empty
	HTML     string // the whole news; only its first paragraph is ever used, as abstract
	Language string // BCP 47; the actor's first when empty
	Link     string // the words of the link to the page; title and host when empty

	// Translations are the same news in further languages. They follow in the
	// same post, each in blocks marked with its language.
	Translations []Text

	Tags      []string  // hashtags in CamelCase, so that a screen reader can tell the words apart
	Images    []Image   // four at most are shown by Mastodon
	Sensitive bool      // hides the images until a reader asks for them
	Warning   string    // shown in place of the content until a reader asks for it
	Published time.Time // now when zero; never later than now
	Pinned    bool      // listed first on the profile
	Urgent    bool      // ahead of everything else in the queue
	By        string    // who published it, for the journal; the website when empty

	// KeepWithdrawn has Publish fail with ErrWithdrawn when the item was withdrawn,
	// for what publishes by itself. Otherwise that makes a new post.
	KeepWithdrawn bool
}

// Text is an item in another language. Language and one of the texts are required.
type Text struct {
	Language string
	Title    string
	Abstract string
	HTML     string
	URL      string // the page in this language; the page of the item when empty
	Link     string
}

// Image is a picture of an item. Alt is required unless Decorative.
type Image struct {
	URL            string // absolute
	MediaType      string // told by the ending of URL when empty
	Alt            string
	Decorative     bool
	Width, Height  int     // in pixels; 0 when not known
	FocalX, FocalY float64 // what must stay visible when it is cropped, -1 to 1 from the centre
}

// digest identifies what readers see of an item. Two have the same that differ
// only in when, by whom and how urgently they are said, or in HTML of which
// nothing is shown.
func (it Item) digest() string {
	b, err := json.Marshal(Item{
		URL: it.URL, Translations: it.texts(), Tags: uniqueTags(it.Tags), Images: it.Images,
		Sensitive: it.Sensitive, Warning: tidy(it.Warning),
	})
	if err != nil {
		panic("outbox: item cannot be encoded: " + err.Error()) // it has no type that could fail
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// texts returns the item in each of its languages, the primary one first, as it
// is shown: of HTML nothing is left but the abstract. Text is trimmed and in
// Unicode's composed form: a macron typed as a combining mark breaks hashtags
// and searches on other servers.
func (it Item) texts() []Text {
	texts := append([]Text{{
		Language: it.Language, Title: it.Title, Abstract: it.Abstract, HTML: it.HTML, URL: it.URL, Link: it.Link,
	}}, it.Translations...)
	for i, t := range texts {
		if t.URL == "" {
			t.URL = it.URL
		}
		if strings.TrimSpace(t.Abstract) == "" {
			t.Abstract = lead(t.HTML)
		}
		t.HTML = ""
		t.Language = canonical(t.Language)
		t.Title, t.Abstract, t.Link = tidy(t.Title), tidy(t.Abstract), tidy(t.Link)
		if t.Link == "" {
			t.Link = linkWords(t)
		}
		texts[i] = t
	}
	return texts
}

// canonical writes a language tag as other servers compare it: systems on PHP
// say en_NZ for en-NZ. What is no tag stays as it is, for check to refuse.
func canonical(tag string) string {
	parsed, err := language.Parse(tag)
	if err != nil {
		return tag
	}
	return parsed.String()
}

func tidy(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// linkWords say where the link leads, since a screen reader may read the links
// of a page alone (WCAG 2.4.9).
func linkWords(t Text) string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return t.Title
	}
	if t.Title == "" {
		return u.Host + u.Path
	}
	return t.Title + " – " + u.Host
}
