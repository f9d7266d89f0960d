package feed

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// body is the text of an item without the layout of the website around it.
type body struct {
	html   string
	images []image
}

// What an element is to a reader. Elements that are in none of these sets are
// layout: their content stays, as paragraphs of its own.
var (
	unread = set(atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe, atom.Object,
		atom.Embed, atom.Svg, atom.Math, atom.Form, atom.Button, atom.Select, atom.Input, atom.Textarea,
		atom.Audio, atom.Video, atom.Canvas, atom.Head, atom.Title)
	inline = set(atom.A, atom.B, atom.Strong, atom.I, atom.Em, atom.S, atom.Del, atom.Ins, atom.Sub,
		atom.Sup, atom.Code, atom.Q, atom.Cite, atom.Abbr, atom.Span)
	seeThrough = set(atom.Font, atom.Small, atom.Big, atom.U, atom.Tt, atom.Label, atom.Mark, atom.Time,
		atom.Kbd, atom.Samp, atom.Var, atom.Dfn, atom.Bdi, atom.Bdo, atom.Wbr, atom.Picture)
	heading = set(atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6)
)

func set(names ...atom.Atom) map[atom.Atom]bool {
	s := map[atom.Atom]bool{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

// readBody reads the HTML of an item: links become absolute, images are taken
// out, and paragraphs, lists, quotes, headings and emphasis are what is left of
// tables and boxes. Links back to the item itself ("read more") are dropped.
// HTML that is nested beyond reason becomes plain text, and what is longer than
// any news is cut.
func readBody(source, page string, bases []string) body {
	source = start(source)
	nodes, err := html.ParseFragment(strings.NewReader(source), &html.Node{
		Type: html.ElementNode, Data: "body", DataAtom: atom.Body,
	})
	if err != nil || slices.ContainsFunc(nodes, func(n *html.Node) bool { return deeper(n, maxNesting) }) {
		return body{html: paragraphs(bare(source))}
	}
	w := writer{page: page, bases: bases}
	for _, n := range withoutFrame(nodes) {
		w.block(n)
	}
	w.flush()
	return body{html: w.out.String(), images: w.images}
}

// maxNesting is how deep HTML may be nested: layout by tables inside tables
// stays below it, and what is read stays in proportion to its length.
const maxNesting = 100

// maxBody is how many bytes of the HTML of one item are read.
const maxBody = 128 << 10

// start cuts HTML before the tag that goes beyond maxBody.
func start(source string) string {
	if len(source) <= maxBody {
		return source
	}
	cut := strings.ToValidUTF8(source[:maxBody], "")
	if tag := strings.LastIndexByte(cut, '<'); tag > 0 {
		cut = cut[:tag]
	}
	return cut
}

func deeper(n *html.Node, levels int) bool {
	if levels == 0 {
		return true
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if deeper(c, levels-1) {
			return true
		}
	}
	return false
}

type writer struct {
	out    strings.Builder
	run    strings.Builder // the paragraph being collected; a newline is a line break
	lang   string
	page   string
	bases  []string
	images []image
}

// block writes a node as blocks; runs of inline content between them are paragraphs.
func (w *writer) block(n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		w.run.WriteString(collapse(n.Data))
	case n.Type != html.ElementNode || skipped(n):
	case n.DataAtom == atom.Img || n.DataAtom == atom.Br:
		w.run.WriteString(w.inline(n))
	case (inline[n.DataAtom] || seeThrough[n.DataAtom]) && (n.DataAtom == atom.A || !hasBlock(n)):
		w.run.WriteString(w.inline(n))
	case heading[n.DataAtom]:
		w.wrapped(n, n.Data, (*writer).phrase)
	case n.DataAtom == atom.Blockquote:
		w.wrapped(n, "blockquote", (*writer).children)
	case n.DataAtom == atom.Pre:
		w.flush()
		w.element("pre", html.EscapeString(textOf(n)))
	case n.DataAtom == atom.Ul || n.DataAtom == atom.Ol:
		w.wrapped(n, n.Data, (*writer).list)
	case n.DataAtom == atom.Tr && !hasBlock(n):
		w.flush()
		w.row(n)
	default:
		w.layout(n)
	}
}

// layout keeps what is inside a box, in its language.
func (w *writer) layout(n *html.Node) {
	w.flush()
	w.speaking(n, func() { w.children(n) })
}

// speaking does something in the language of a node.
func (w *writer) speaking(n *html.Node, do func()) {
	outer := w.lang
	if lang := languageTag(attr(n, "lang")); lang != "" {
		w.lang = lang
	}
	do()
	w.lang = outer
}

func (w *writer) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.block(c)
	}
	w.flush()
}

// wrapped writes an element around what inside writes, unless that is nothing.
func (w *writer) wrapped(n *html.Node, name string, inside func(*writer, *html.Node)) {
	w.flush()
	within := writer{page: w.page, bases: w.bases}
	inside(&within, n)
	w.images = append(w.images, within.images...)
	w.speaking(n, func() { w.element(name, within.out.String()) })
}

func (w *writer) phrase(n *html.Node) {
	w.out.WriteString(strings.TrimSpace(strings.ReplaceAll(w.inlines(n), "\n", " ")))
}

// list writes the entries of a list; a list inside an entry stays in it.
func (w *writer) list(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode || skipped(c) {
			continue
		}
		entry := writer{page: w.page, bases: w.bases}
		entry.children(c)
		w.images = append(w.images, entry.images...)
		w.speaking(c, func() { w.element("li", oneParagraph(entry.out.String())) })
	}
}

// oneParagraph takes the p from around what is a single paragraph, as in <li>.
func oneParagraph(s string) string {
	if strings.Count(s, "<p") == 1 && strings.HasPrefix(s, "<p>") {
		return strings.Replace(strings.TrimPrefix(s, "<p>"), "</p>", "", 1)
	}
	return s
}

// row writes a row of a table as one paragraph.
func (w *writer) row(n *html.Node) {
	var cells []string
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		if cell := trim(w.inlines(c)); hasText(cell) {
			cells = append(cells, cell)
		}
	}
	w.run.WriteString(strings.Join(cells, ", "))
	w.flush()
}

// flush ends the paragraph. Two line breaks outside of any element also end one.
func (w *writer) flush() {
	run := w.run.String()
	w.run.Reset()
	if blank(run) {
		return
	}
	for _, p := range splitBreaks(run) {
		if p = trim(p); !isFooter(p) {
			w.element("p", strings.ReplaceAll(p, "\n", "<br>"))
		}
	}
}

func (w *writer) element(name, content string) {
	if !hasText(content) {
		return
	}
	w.out.WriteString("<" + name)
	if w.lang != "" {
		w.out.WriteString(` lang="` + w.lang + `"`)
	}
	w.out.WriteString(">" + content + "</" + name + ">")
}

func (w *writer) inlines(n *html.Node) string {
	var s strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s.WriteString(w.inline(c))
	}
	return s.String()
}

// inline returns a node as part of a line. Blocks inside are set off by spaces.
func (w *writer) inline(n *html.Node) string {
	switch {
	case n.Type == html.TextNode:
		return collapse(n.Data)
	case n.Type != html.ElementNode || skipped(n):
		return ""
	case n.DataAtom == atom.Br:
		return "\n"
	case n.DataAtom == atom.Img:
		w.image(n)
		return ""
	case n.DataAtom == atom.A:
		return w.link(n)
	case inline[n.DataAtom]:
		return w.emphasis(n)
	case seeThrough[n.DataAtom]:
		return w.inlines(n)
	}
	return " " + w.inlines(n) + " "
}

func (w *writer) emphasis(n *html.Node) string {
	content := w.inlines(n)
	if !hasText(content) {
		return content
	}
	open := n.Data
	if lang := languageTag(attr(n, "lang")); lang != "" {
		open += ` lang="` + lang + `"`
	} else if n.DataAtom == atom.Span {
		return content
	}
	return "<" + open + ">" + content + "</" + n.Data + ">"
}

func (w *writer) link(n *html.Node) string {
	content := w.inlines(n)
	href := strings.TrimSpace(attr(n, "href"))
	target := resolve(href, w.bases...)
	if strings.HasPrefix(href, "mailto:") || strings.HasPrefix(href, "tel:") {
		target = href
	}
	switch {
	case target == "" || !hasText(content):
		return content
	case samePage(target, w.page) && isMore(bare(content)):
		return ""
	}
	return `<a href="` + html.EscapeString(target) + `">` + content + "</a>"
}

// samePage says whether a link leads to the page of the item, whatever its query.
func samePage(target, page string) bool {
	cut := func(u string) string {
		u, _, _ = strings.Cut(u, "#")
		u, _, _ = strings.Cut(u, "?")
		return strings.TrimSuffix(u, "/")
	}
	return target != "" && cut(target) == cut(page)
}

var more = []string{"read more", "continue reading", "read the full story", "read the full article",
	"view online", "more", "full story", "pānui anō"}

func isMore(text string) bool {
	text = strings.ToLower(strings.Trim(text, " .…→»>[]()"))
	return slices.Contains(more, text) || strings.HasPrefix(text, "continue reading ")
}

// isFooter knows the line that WordPress puts under every item.
func isFooter(text string) bool {
	return strings.HasPrefix(text, "The post ") && strings.Contains(text, " appeared first on ")
}

// withoutFrame takes away the frame that Confluence puts around a page: who
// edited it, above the text.
func withoutFrame(nodes []*html.Node) []*html.Node {
	for _, n := range nodes {
		if n.DataAtom != atom.Div || attr(n, "class") != "feed" {
			continue
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.DataAtom == atom.P {
				n.RemoveChild(c)
				break
			}
		}
	}
	return nodes
}

func hasBlock(n *html.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.ElementNode || skipped(c) {
			continue
		}
		part := inline[c.DataAtom] || seeThrough[c.DataAtom] || c.DataAtom == atom.Img ||
			c.DataAtom == atom.Br || c.DataAtom == atom.Td || c.DataAtom == atom.Th
		if !part || hasBlock(c) {
			return true
		}
	}
	return false
}

// captions are the classes of what WordPress and Confluence write below an
// image, which makes no sense in the text once the image is taken out.
var captions = []string{"wp-caption-text", "gallery-caption", "aui-icon"}

// skipped says whether an element is not for reading.
func skipped(n *html.Node) bool {
	if unread[n.DataAtom] || n.DataAtom == atom.Figcaption {
		return true
	}
	classes := strings.Fields(attr(n, "class"))
	return slices.ContainsFunc(captions, func(c string) bool { return slices.Contains(classes, c) })
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

var spaces = regexp.MustCompile(`[ \t\r\n\f\x{a0}\x{200b}\x{feff}]+`)

// collapse escapes text and makes one space of many, of no-break ones too:
// content management systems use those for layout.
func collapse(s string) string { return html.EscapeString(spaces.ReplaceAllString(s, " ")) }

var aroundBreaks = regexp.MustCompile(` *\n *`)
var repeated = regexp.MustCompile(`  +`)

func trim(s string) string {
	s = repeated.ReplaceAllString(s, " ")
	return strings.Trim(aroundBreaks.ReplaceAllString(s, "\n"), " \n")
}

// splitBreaks splits at two or more line breaks that no element is around.
func splitBreaks(s string) []string {
	s = aroundBreaks.ReplaceAllString(s, "\n")
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "</"):
			depth--
		case s[i] == '<':
			depth++
		case depth == 0 && strings.HasPrefix(s[i:], "\n\n"):
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var s strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s.WriteString(textOf(c))
	}
	return s.String()
}

// plain makes one line of text of HTML, or of text that may hold entities.
func plain(s string) string {
	if !strings.ContainsAny(s, "<&") {
		return strings.TrimSpace(spaces.ReplaceAllString(s, " "))
	}
	return bare(readBody(unescape(s), "", nil).html)
}

// bare takes the tags away.
func bare(s string) string {
	var text strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(s))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return strings.TrimSpace(spaces.ReplaceAllString(text.String(), " "))
		case html.TextToken:
			text.Write(tokens.Text())
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := tokens.TagName()
			if a := atom.Lookup(name); !inline[a] && !seeThrough[a] {
				text.WriteByte(' ')
			}
		}
	}
}

// hasText says whether there is anything to read between the tags.
func hasText(s string) bool {
	tokens := html.NewTokenizer(strings.NewReader(s))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return false
		case html.TextToken:
			if !blank(string(tokens.Text())) {
				return true
			}
		}
	}
}

var (
	tag     = regexp.MustCompile(`(?i)</?(p|div|br|a|b|i|em|strong|ul|ol|li|span|img|h[1-6]|table|td|tr|blockquote|font|section|article|figure|hr|pre|code)[\s/>]`)
	escaped = regexp.MustCompile(`(?i)&lt;/?(p|div|br|a|b|i|em|strong|ul|ol|li|span|img|h[1-6]|table|blockquote)(\s[^<]*?)?/?&gt;`)
)

// unescape takes back one escaping too many: text without a tag in which tags stand escaped.
func unescape(s string) string {
	if !tag.MatchString(s) && escaped.MatchString(s) {
		return html.UnescapeString(s)
	}
	return s
}

// markup makes HTML of what may be HTML or text, as the description of RSS may:
// lines of text become paragraphs.
func markup(s string) string {
	s = unescape(s)
	if tag.MatchString(s) {
		return s
	}
	return paragraphs(s)
}

var emptyLine = regexp.MustCompile(`\n[ \t]*\n`)

// paragraphs makes HTML of text that may hold entities.
func paragraphs(s string) string {
	var out strings.Builder
	for _, p := range emptyLine.Split(strings.ReplaceAll(s, "\r\n", "\n"), -1) {
		if !blank(p) {
			out.WriteString("<p>" + html.EscapeString(html.UnescapeString(strings.TrimSpace(p))) + "</p>")
		}
	}
	return out.String()
}
