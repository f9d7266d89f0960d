package inbox

import (
	"html/template"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// SafeHTML is what a stranger wrote, as HTML that a page of the agency may
// contain: text, its emphasis, lists and quotations, and links of http and https
// that lend nobody the agency's standing. It has no pictures, styles, classes or
// frames, closes what it opens, and its direction of writing ends with it. Only
// this package makes one; the zero value is empty.
type SafeHTML struct{ html string }

// String returns the HTML.
func (s SafeHTML) String() string { return s.html }

// Template returns the HTML for html/template, which then does not escape it.
func (s SafeHTML) Template() template.HTML { return template.HTML(s.html) }

const (
	isolated = `<div dir="auto">`
	ended    = `</div>`
)

// maxMarkup bounds the HTML that is shown as HTML, in bytes: thousands of tags
// that are never closed, or of quotation marks, take long to put right.
const maxMarkup = 16 << 10

// show makes safe HTML of what a stranger wrote, in bounded time. What is long is shown as text.
func show(foreign string) SafeHTML {
	if len(foreign) > maxMarkup {
		return asText(foreign)
	}
	return sanitise(foreign)
}

func asText(foreign string) SafeHTML { return isolate(calm(html.EscapeString(plainText(foreign)))) }

// sanitise makes safe HTML of anything. Doing it again changes nothing.
func sanitise(foreign string) SafeHTML {
	inner := calm(foreign)
	for range maxPasses {
		next := pass(inner)
		if next == inner {
			return isolate(inner)
		}
		inner = next
	}
	return asText(foreign)
}

// maxPasses is how often the HTML may still change; what does not settle is shown as text.
const maxPasses = 6

func isolate(inner string) SafeHTML {
	if inner == "" {
		return SafeHTML{}
	}
	return SafeHTML{isolated + inner + ended}
}

// pass closes what is open and lets the policy have the last word on it.
func pass(s string) string {
	nodes, err := parse(s)
	if err != nil {
		return calm(html.EscapeString(strict.Sanitize(s)))
	}
	var whole strings.Builder
	for _, node := range nodes {
		ownUp(node)
		if err := html.Render(&whole, node); err != nil {
			return calm(html.EscapeString(strict.Sanitize(s)))
		}
	}
	return calm(linked.Replace(lenient.Sanitize(whole.String())))
}

func parse(s string) ([]*html.Node, error) {
	return html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
}

var (
	lenient = replyPolicy()
	strict  = bluemonday.StrictPolicy()
	// linked completes the rel that the policy sets. A quotation mark in text or in
	// an attribute is always escaped, so nothing else reads like this.
	linked = strings.NewReplacer(` rel="nofollow"`, ` rel="nofollow noopener ugc"`)
)

func replyPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "b", "strong", "i", "em", "u", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li")
	p.AllowAttrs("href").OnElements("a")
	for _, scheme := range []string{"http", "https"} {
		p.AllowURLSchemeWithCustomPolicy(scheme, elsewhere)
	}
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	return p
}

// elsewhere refuses https:/path, which a browser takes as a path of the page's own
// site, and https://good.example@evil.example/, which a reader takes for the good one.
func elsewhere(u *url.URL) bool { return u.Hostname() != "" && u.User == nil }

// maxMarks is how many marks may stand on one letter: more is not writing in any
// script, but text that grows over its neighbours.
const maxMarks = 6

// calm takes out of a text what changes how its surroundings are shown, and what
// is not shown at all: control characters, directions of writing, towers of marks,
// hidden text.
func calm(s string) string {
	marks, flag := 0, false
	return strings.Map(func(r rune) rune {
		flag = r == blackFlag || flag && isTag(r)
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
			marks++
			if marks > maxMarks {
				return -1
			}
			return r
		case directs(r) || hides(r) && !flag || unicode.IsControl(r) && r != '\n' && r != '\t' || r == utf8.RuneError:
			return -1
		}
		marks = 0
		return r
	}, s)
}

// directs says whether a character opens or ends an embedding, override or isolate (Unicode UAX #9).
func directs(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// hides says whether a character shows nothing and is not needed to write any
// language, as the joiners are: with it one text is shown and another one read by
// a machine or found by a search.
func hides(r rune) bool {
	switch {
	case r == 0x200b, r == 0x180e, r == 0xfeff, isTag(r):
		return true
	case r >= 0x2060 && r <= 0x2064, r >= 0x206a && r <= 0x206f, r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return false
}

// isTag says whether a character is a tag, of which flags of parts of countries are made behind a black one.
func isTag(r rune) bool { return r >= 0xe0000 && r <= 0xe007f }

const blackFlag = 0x1f3f4

// plainText is what HTML says without markup: paragraphs and line breaks become lines.
func plainText(s string) string {
	nodes, err := parse(s)
	if err != nil {
		return strings.TrimSpace(calm(html.UnescapeString(strict.Sanitize(s))))
	}
	var text strings.Builder
	for _, node := range nodes {
		writeText(&text, node)
	}
	return strings.TrimSpace(calm(text.String()))
}

func writeText(text *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		text.WriteString(n.Data)
	case n.Type == html.ElementNode && unsaid[n.DataAtom]:
		return
	case n.DataAtom == atom.Br:
		text.WriteByte('\n')
	}
	for child := range n.ChildNodes() {
		writeText(text, child)
	}
	if block[n.DataAtom] {
		text.WriteByte('\n')
	}
}

var (
	unsaid = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Template: true, atom.Noscript: true, atom.Iframe: true, atom.Object: true}
	block  = map[atom.Atom]bool{atom.P: true, atom.Li: true, atom.Blockquote: true, atom.Pre: true, atom.Div: true,
		atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Tr: true}
)
