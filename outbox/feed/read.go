package feed

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// Bounds that keep the XML libraries, which copy what is in scope at every
// element and recurse into extensions, in proportion to the bytes.
const (
	maxDepth      = 100
	maxElements   = 100_000
	maxAttributes = 64
	maxNamespaces = 64   // declarations in force at one element
	maxFragments  = 1024 // pieces of text in one element
)

var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?\?>`)
var encoding = regexp.MustCompile(`encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// decode returns the text of a document without an XML declaration or a
// character that XML forbids. What is valid UTF-8 is UTF-8 whatever its labels
// say, since servers label wrongly more often than text is valid by chance;
// else the byte order mark, the charset of the Content-Type (RFC 7303 section
// 3.2), the XML declaration and windows-1252 are believed, in this order.
func decode(body []byte, contentType string) string {
	text := string(body)
	if !utf8.Valid(body) || bytes.ContainsAny(body, "\x00\x1b") {
		text = convert(body, labels(body, contentType))
	}
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.Map(permitted, text)
	return declaration.ReplaceAllString(text, "")
}

func labels(body []byte, contentType string) []string {
	var found []string
	switch {
	case bytes.HasPrefix(body, []byte("\xff\xfe")):
		found = append(found, "utf-16le")
	case bytes.HasPrefix(body, []byte("\xfe\xff")):
		found = append(found, "utf-16be")
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		found = append(found, params["charset"])
	}
	if m := encoding.FindSubmatch(declaration.Find(body)); m != nil {
		found = append(found, string(m[1]))
	}
	return append(found, "windows-1252")
}

func convert(body []byte, labels []string) string {
	for _, label := range labels {
		e, name := charset.Lookup(label)
		if e == nil || name == "utf-8" {
			continue
		}
		if text, err := e.NewDecoder().Bytes(body); err == nil {
			return string(text)
		}
	}
	return strings.ToValidUTF8(string(body), "\ufffd")
}

// permitted drops what is not a Char (XML 1.0 section 2.2).
func permitted(r rune) rune {
	if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r != 0xfffe && r != 0xffff {
		return r
	}
	return -1
}

// outline is what gofeed does not hand on: the xml:lang and xml:base of a feed
// and of its items.
type outline struct {
	setting
	items []setting
}

type setting struct{ language, base string }

func (o outline) item(i int) setting {
	if i < len(o.items) {
		return o.items[i]
	}
	return o.setting
}

// scan reads the elements of an XML feed once, before anything else does, and
// refuses what is not a feed or is out of bounds. encoding/xml expands no
// entities of a document, so there are no entity bombs.
func scan(text string) (outline, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("a second encoding")
	}
	var s scanner
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && len(s.stack) == 0 {
			return outline{}, ErrNotFeed
		}
		if err != nil {
			return outline{}, fmt.Errorf("%w: %w", ErrNotFeed, err)
		}
		if err := s.take(token); err != nil {
			return outline{}, err
		}
	}
	if s.elements == 0 {
		return outline{}, ErrNotFeed
	}
	return s.outline, nil
}

type scanner struct {
	outline
	stack    []scope
	elements int
}

type scope struct {
	name       string
	namespaces int
	fragments  int
}

func (s *scanner) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		if len(s.stack) > 0 {
			s.stack = s.stack[:len(s.stack)-1]
		}
	case xml.CharData:
		if len(s.stack) == 0 {
			return nil
		}
		top := &s.stack[len(s.stack)-1]
		if top.fragments++; top.fragments > maxFragments {
			return fmt.Errorf("text in more than %d pieces: %w", maxFragments, ErrTooLarge)
		}
	}
	return nil
}

func (s *scanner) start(t xml.StartElement) error {
	name := strings.ToLower(t.Name.Local)
	if s.elements == 0 {
		if err := isFeed(name, t.Name.Space); err != nil {
			return err
		}
	}
	namespaces := declared(t)
	if n := len(s.stack); n > 0 {
		namespaces += s.stack[n-1].namespaces
	}
	s.elements++
	s.stack = append(s.stack, scope{name: name, namespaces: namespaces})
	switch {
	case s.elements > maxElements:
		return fmt.Errorf("more than %d elements: %w", maxElements, ErrTooLarge)
	case len(s.stack) > maxDepth:
		return fmt.Errorf("deeper than %d elements: %w", maxDepth, ErrTooLarge)
	case len(t.Attr) > maxAttributes || namespaces > maxNamespaces:
		return fmt.Errorf("too many attributes or namespaces on one element: %w", ErrTooLarge)
	}
	return s.note(t)
}

func isFeed(name, space string) error {
	switch {
	case name == "alert" || strings.HasPrefix(space, "urn:oasis:names:tc:emergency:cap:"):
		return ErrAlert
	case name == "rss" || name == "rdf" || name == "feed":
		return nil
	}
	return fmt.Errorf("<%s>: %w", name, ErrNotFeed)
}

func declared(t xml.StartElement) int {
	n := 0
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			n++
		}
	}
	return n
}

// note keeps the setting of the feed, of each item, and, where an item itself
// has no language, that of its title or text.
func (s *scanner) note(t xml.StartElement) error {
	here := settingOf(t)
	depth := len(s.stack)
	name := s.stack[depth-1].name
	switch {
	case depth == 1, depth == 2 && name == "channel":
		s.setting = s.setting.within(here)
	case depth <= 3 && (name == "item" || name == "entry"):
		if len(s.items) == MaxItems {
			return fmt.Errorf("more than %d items: %w", MaxItems, ErrTooLarge)
		}
		s.items = append(s.items, s.setting.within(here))
	case len(s.items) > 0 && s.inItem(depth) && here.language != "" && isText(name):
		s.items[len(s.items)-1].language = here.language
	}
	return nil
}

func (s *scanner) inItem(depth int) bool {
	if depth < 3 {
		return false
	}
	parent := s.stack[depth-2].name
	return parent == "item" || parent == "entry"
}

func isText(name string) bool {
	switch name {
	case "title", "summary", "content", "description", "encoded":
		return true
	}
	return false
}

func settingOf(t xml.StartElement) setting {
	var c setting
	for _, a := range t.Attr {
		if a.Name.Space != "http://www.w3.org/XML/1998/namespace" && a.Name.Space != "xml" {
			continue
		}
		switch a.Name.Local {
		case "lang":
			c.language = a.Value
		case "base":
			c.base = a.Value
		}
	}
	return c
}

func (c setting) within(inner setting) setting {
	if inner.language != "" {
		c.language = inner.language
	}
	if inner.base != "" && resolve(inner.base, c.base) != "" {
		c.base = resolve(inner.base, c.base)
	} else if inner.base != "" {
		c.base = inner.base
	}
	return c
}
