package outbox

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxLead is how many characters of an HTML text become an abstract: Mastodon
// folds posts away that are much longer.
const maxLead = 500

// lead returns the first paragraph of an HTML text as plain text, cut at a word
// where it is long.
func lead(source string) string {
	z := html.NewTokenizer(strings.NewReader(source))
	var text strings.Builder
	hidden := 0
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return shorten(squeeze(text.String()), maxLead)
		case html.TextToken:
			if hidden == 0 {
				text.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch tag := atom.Lookup(name); {
			case unread[tag] && kind == html.StartTagToken:
				hidden++
			case unread[tag] && kind == html.EndTagToken:
				hidden = max(hidden-1, 0)
			case tag == atom.Br:
				text.WriteByte(' ')
			case blocks[tag]:
				if paragraph := squeeze(text.String()); paragraph != "" {
					return shorten(paragraph, maxLead)
				}
				text.Reset()
			}
		}
	}
}

// unread are elements whose content is not part of the text; a heading repeats the title.
var unread = map[atom.Atom]bool{
	atom.Script: true, atom.Style: true, atom.Template: true, atom.Noscript: true, atom.Figcaption: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true,
}

var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Header: true, atom.Ul: true,
	atom.Ol: true, atom.Li: true, atom.Blockquote: true, atom.Pre: true, atom.Table: true, atom.Tr: true,
	atom.Figure: true, atom.Hr: true,
}

func squeeze(s string) string { return strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ") }

// shorten cuts s after the last word that ends within limit characters.
func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	cut := string([]rune(s)[:limit])
	if end := strings.LastIndexFunc(cut, unicode.IsSpace); end > 0 {
		cut = cut[:end]
	}
	return strings.TrimRightFunc(cut, unicode.IsPunct) + " …"
}
