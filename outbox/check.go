package outbox

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"
)

// check names everything that keeps an item from being published, joined.
func (it Item) check(now time.Time) error {
	var mistakes []error
	mistake := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }

	if it.Key == "" {
		mistake("key is missing: give the website's own name for the item, such as its path or number")
	}
	if len(it.Key) > maxKey {
		mistake("key is longer than %d bytes", maxKey)
	}
	if err := absolute(it.URL); err != nil {
		mistake("url %w", err)
	}
	if it.Published.After(now) {
		mistake("published %s is in the future: publish the item when its time has come", it.Published.Format(time.RFC3339))
	}
	mistakes = append(mistakes, checkTexts(it.texts())...)
	for _, tag := range it.Tags {
		if err := checkTag(tag); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	for i, image := range it.Images {
		for _, err := range image.check() {
			mistake("image %d %w", i+1, err)
		}
	}
	return errors.Join(mistakes...)
}

// maxKey keeps keys within what every database indexes.
const maxKey = 1024

func checkTexts(texts []Text) []error {
	var mistakes []error
	seen := map[string]bool{}
	for i, t := range texts {
		where := ""
		if i > 0 {
			where = fmt.Sprintf("translation %d: ", i)
			if err := absolute(t.URL); err != nil {
				mistakes = append(mistakes, fmt.Errorf("%surl %w", where, err))
			}
		}
		if t.Title == "" && t.Abstract == "" {
			mistakes = append(mistakes, fmt.Errorf("%stitle, abstract and HTML are all empty", where))
		}
		if vague[strings.ToLower(strings.TrimRight(t.Link, " .…→»>"))] {
			mistakes = append(mistakes, fmt.Errorf("%slink %q says nothing when it is read alone: say where it leads, or leave it out", where, t.Link))
		}
		switch _, err := language.Parse(t.Language); {
		case t.Language == "":
			mistakes = append(mistakes, fmt.Errorf("%slanguage is missing: give one (BCP 47), such as en-NZ or mi, or give the actor one", where))
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("%slanguage %q is not a BCP 47 tag", where, t.Language))
		case seen[t.Language]:
			mistakes = append(mistakes, fmt.Errorf("%slanguage %s is there twice", where, t.Language))
		}
		seen[t.Language] = true
	}
	return mistakes
}

// vague are words of a link that do not say where it leads (WCAG 2.4.9).
var vague = map[string]bool{
	"here": true, "click here": true, "link": true, "this page": true, "more": true, "read more": true, "learn more": true,
	"find out more": true, "more information": true, "continue reading": true, "full story": true, "details": true,
	"pānui anō": true, "konei": true,
}

// checkTag refuses what other servers would cut short: a hashtag is letters,
// digits and underscores, not all of them digits.
func checkTag(tag string) error {
	bare := hashtag(tag)
	if strings.IndexFunc(bare, func(r rune) bool { return !isTagRune(r) }) >= 0 {
		return fmt.Errorf("hashtag %q has more than letters, digits and underscores: write %q", tag, camelCase(bare))
	}
	if strings.IndexFunc(bare, unicode.IsLetter) < 0 {
		return fmt.Errorf("hashtag %q has no letter", tag)
	}
	return nil
}

func isTagRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// camelCase joins the words of s, each with a capital.
func camelCase(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return !isTagRune(r) })
	for i, word := range words {
		first := []rune(word)
		first[0] = unicode.ToUpper(first[0])
		words[i] = string(first)
	}
	return strings.Join(words, "")
}

// hashtag returns a tag as it is written after the #.
func hashtag(tag string) string { return strings.TrimPrefix(tidy(tag), "#") }

func (im Image) check() []error {
	var mistakes []error
	if err := absolute(im.URL); err != nil {
		mistakes = append(mistakes, fmt.Errorf("url %w", err))
	}
	if tidy(im.Alt) == "" && !im.Decorative {
		mistakes = append(mistakes, errors.New("has no alt text: say in a sentence what it shows, or mark it decorative"))
	}
	if !strings.HasPrefix(im.mediaType(), "image/") {
		mistakes = append(mistakes, fmt.Errorf("is of an unknown kind: give its media type, such as image/jpeg (got %q)", im.MediaType))
	}
	if im.Width < 0 || im.Height < 0 {
		mistakes = append(mistakes, errors.New("has a negative size"))
	}
	if !within(im.FocalX) || !within(im.FocalY) {
		mistakes = append(mistakes, errors.New("has a focal point outside -1 to 1"))
	}
	return mistakes
}

func within(f float64) bool { return f >= -1 && f <= 1 }

// mediaType returns what the image says of itself, or what the ending of its URL says.
func (im Image) mediaType() string {
	if im.MediaType != "" {
		return im.MediaType
	}
	u, err := url.Parse(im.URL)
	if err != nil {
		return ""
	}
	ending := strings.ToLower(path.Ext(u.Path))
	if kept, ok := imageTypes[ending]; ok {
		return kept
	}
	return mime.TypeByExtension(ending)
}

// imageTypes are those that Mastodon keeps, and must not depend on the machine's table.
var imageTypes = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif",
	".webp": "image/webp", ".avif": "image/avif", ".heic": "image/heic", ".heif": "image/heif",
}

func absolute(raw string) error {
	if raw == "" {
		return errors.New("is missing")
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return fmt.Errorf("%q is not an absolute http or https address", raw)
	}
	return nil
}
