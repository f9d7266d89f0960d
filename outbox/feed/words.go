package feed

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/language"
)

// The bounds of hashtags: what reads as one, and how many are no clutter.
const (
	maxTags       = 10
	maxTagLetters = 40
)

// hashtags makes hashtags of categories: "Emergency management" becomes
// EmergencyManagement, so that a screen reader says two words. A category that
// is too long, has no letter or is the placeholder of a content management
// system is none.
func hashtags(categories []string) []string {
	var tags []string
	for _, c := range categories {
		tag := hashtag(plain(c))
		same := func(other string) bool { return strings.EqualFold(tag, other) }
		if tag != "" && len(tags) < maxTags && !slices.ContainsFunc(tags, same) {
			tags = append(tags, tag)
		}
	}
	return tags
}

func hashtag(category string) string {
	category = strings.NewReplacer("'", "", "’", "", ".", "").Replace(category)
	words := strings.FieldsFunc(category, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	var tag strings.Builder
	for _, w := range words {
		first := []rune(w)
		first[0] = unicode.ToUpper(first[0])
		tag.WriteString(string(first))
	}
	runes := []rune(tag.String())
	if len(runes) < 2 || len(runes) > maxTagLetters || !slices.ContainsFunc(runes, unicode.IsLetter) {
		return ""
	}
	switch strings.ToLower(tag.String()) {
	case "uncategorized", "uncategorised", "untagged", "default", "none":
		return ""
	}
	return tag.String()
}

// languageTag returns the first of the tags that is well-formed, in its canonical
// form (BCP 47), or "".
func languageTag(tags ...string) string {
	for _, t := range tags {
		t = strings.TrimSpace(t)
		parsed, err := language.Parse(t)
		if t != "" && err == nil && parsed != language.Und {
			return parsed.String()
		}
	}
	return ""
}

// The lengths of an abstract in characters: one or two sentences. Where one
// paragraph is shorter than the least, the next is taken too.
const (
	leastAbstract = 100
	mostAbstract  = 400
)

var paragraph = regexp.MustCompile(`(?s)<p(?: [^>]*)?>.*?</p>|<li(?: [^>]*)?>.*?</li>`)

// abstract makes plain text of the first paragraphs of a body that say more
// than the title.
func abstract(body, title string) string {
	var parts []string
	length := 0
	for _, p := range paragraph.FindAllString(body, -1) {
		if length >= leastAbstract {
			break
		}
		text := bare(p)
		if blank(text) || text == title {
			continue
		}
		parts = append(parts, shorten(text, mostAbstract-length))
		length += len(text)
	}
	return strings.Join(parts, "\n\n")
}

var sentenceEnd = regexp.MustCompile(`[\pL\pN]{3}[.!?]["”’)]? `)

// shorten cuts a text after its last whole sentence, or after a word and with an ellipsis.
func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	cut := string(runes[:most])
	if ends := sentenceEnd.FindAllStringIndex(cut, -1); len(ends) > 0 {
		if end := ends[len(ends)-1][1]; end > most/3 {
			return strings.TrimSpace(cut[:end])
		}
	}
	if end := strings.LastIndexByte(cut, ' '); end > 0 {
		cut = cut[:end]
	}
	return strings.TrimRight(cut, " ,;:–-") + " …"
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// digest is a short name for some words: 96 bits of their SHA-256.
func digest(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
