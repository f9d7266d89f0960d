package feed

import (
	"slices"
	"strings"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/rss"
)

// original is what gofeed drops of an item when it translates it.
type original struct {
	contentType string // of an Atom entry
	outOfLine   bool   // the content is elsewhere
	permalink   string // a guid that is an address
}

func originalOf(f *gofeed.Feed, i int) original {
	switch raw := f.OriginalFeed().(type) {
	case *atom.Feed:
		if c := raw.Entries[i].Content; c != nil {
			return original{contentType: strings.ToLower(c.Type), outOfLine: c.Src != ""}
		}
	case *rss.Feed:
		g := raw.Items[i].GUID
		if g != nil && g.IsPermalink != "false" && resolve(g.Value) != "" {
			return original{permalink: g.Value}
		}
	}
	return original{}
}

// fromXML gathers what an item of RSS or an entry of Atom says.
func fromXML(i *gofeed.Item, o original) source {
	s := source{
		guid:       strings.TrimSpace(i.GUID),
		links:      []string{i.Link, o.permalink},
		title:      i.Title,
		summary:    markup(i.Description),
		published:  i.Published,
		updated:    i.Updated,
		categories: i.Categories,
	}
	s.fallback[0], s.fallback[1] = i.PublishedParsed, i.UpdatedParsed
	if !o.outOfLine && !strings.HasPrefix(o.contentType, "image/") {
		s.content = markup(i.Content)
	}
	if i.DublinCoreExt != nil && len(i.DublinCoreExt.Language) > 0 {
		s.language = i.DublinCoreExt.Language[0]
	}
	if more := mediaDescription(i.Extensions); more != "" && s.content == "" && plain(s.summary) == plain(i.Title) {
		s.summary = markup(more)
	}
	s.images = mediaImages(i.Extensions)
	for _, e := range i.Enclosures {
		if strings.HasPrefix(e.Type, "image/") {
			s.images = append(s.images, image{url: e.URL, mediaType: e.Type})
		}
	}
	if i.ITunesExt != nil && i.ITunesExt.Image != "" {
		s.images = append(s.images, image{url: i.ITunesExt.Image})
	}
	return s
}

// mediaDescription is what Media RSS says of an item, where the item itself
// only repeats its title.
func mediaDescription(e ext.Extensions) string {
	media := e["media"]
	for _, group := range media["group"] {
		media := slices.Concat([]ext.Extension{group}, group.Children["content"])
		for _, m := range media {
			if d := childText(m, "description"); d != "" {
				return d
			}
		}
	}
	for _, d := range media["description"] {
		return d.Value
	}
	return ""
}
