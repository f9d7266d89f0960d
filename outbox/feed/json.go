package feed

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	jsonfeed "github.com/mmcdole/gofeed/json"

	"github.com/panui/panui/outbox"
)

// Extension is the object that an item of a JSON Feed may carry as "_panui"
// (JSON Feed 1.1, "Extensions"), for a website that knows more than the format
// can say:
//
//	"_panui": {
//	  "about": "https://…",
//	  "sensitive": true,
//	  "warning": "Image of a deceased person",
//	  "tags": ["TeReoMāori", "Census"],
//	  "images": [{
//	    "url": "/img/launch.jpg", "mime_type": "image/jpeg", "alt": "Two people sign a form",
//	    "width": 1200, "height": 800, "focal_point": [0.2, -0.5]
//	  }, {"url": "/img/wave.png", "decorative": true}],
//	  "link": "Read the launch speech",
//	  "translations": [{
//	    "language": "mi", "title": "Kua tīmata", "summary": "…", "content_html": "…",
//	    "url": "/mi/pānui/17", "link": "Pānuitia te kōrero"
//	  }],
//	  "pinned": true,
//	  "urgent": false
//	}
//
// Tags and images here replace those that the item has otherwise. A focal point
// is -1 to 1 from the centre, to the right and up. Translations follow the item
// in the same post.
type Extension struct {
	Sensitive    bool                   `json:"sensitive"`
	Warning      string                 `json:"warning"`
	Tags         []string               `json:"tags"`
	Images       []ExtensionImage       `json:"images"`
	Link         string                 `json:"link"` // the words of the link to the page
	Translations []ExtensionTranslation `json:"translations"`
	Pinned       bool                   `json:"pinned"`
	Urgent       bool                   `json:"urgent"`
}

// ExtensionTranslation is the item in another language, in an [Extension].
type ExtensionTranslation struct {
	Language    string `json:"language"`
	Title       string `json:"title"`
	Summary     string `json:"summary"`
	ContentHTML string `json:"content_html"`
	URL         string `json:"url"`
	Link        string `json:"link"`
}

// ExtensionImage is a picture in an [Extension].
type ExtensionImage struct {
	URL        string     `json:"url"`
	MediaType  string     `json:"mime_type"`
	Alt        string     `json:"alt"`
	Decorative bool       `json:"decorative"`
	Width      int        `json:"width"`
	Height     int        `json:"height"`
	FocalPoint [2]float64 `json:"focal_point"`
}

// apply lets the website's own word count. Images that lack a text alternative
// are kept, for the outbox to refuse: who writes the extension can write one.
func (e Extension) apply(item *outbox.Item, bases []string) {
	item.Sensitive, item.Warning = e.Sensitive, plain(e.Warning)
	item.Pinned, item.Urgent = e.Pinned, e.Urgent
	item.Link = plain(e.Link)
	if len(e.Tags) > 0 {
		item.Tags = hashtags(e.Tags)
	}
	for _, t := range e.Translations {
		item.Translations = append(item.Translations, t.text(bases))
	}
	if len(e.Images) > 0 {
		item.Images = nil
	}
	for _, i := range e.Images {
		item.Images = append(item.Images, outbox.Image{
			URL: resolve(i.URL, bases...), MediaType: image{url: i.URL, mediaType: i.MediaType}.typed().mediaType,
			Alt: i.Alt, Decorative: i.Decorative, Width: i.Width, Height: i.Height,
			FocalX: i.FocalPoint[0], FocalY: i.FocalPoint[1],
		})
	}
}

// text makes a translation, as the item itself is made.
func (t ExtensionTranslation) text(bases []string) outbox.Text {
	page := resolve(t.URL, bases...)
	content := readBody(t.ContentHTML, page, bases)
	return outbox.Text{
		Language: cmp.Or(languageTag(t.Language), t.Language),
		Title:    plain(t.Title),
		Abstract: cmp.Or(plain(t.Summary), abstract(content.html, plain(t.Title))),
		HTML:     content.html,
		URL:      page,
		Link:     plain(t.Link),
	}
}

// jsonItem is an item of a JSON Feed with its extension.
type jsonItem struct {
	jsonfeed.Item
	extension Extension
}

func (i *jsonItem) UnmarshalJSON(b []byte) error {
	var own struct {
		Panui Extension `json:"_panui"`
	}
	if err := json.Unmarshal(b, &own); err != nil {
		return err
	}
	i.extension = own.Panui
	return json.Unmarshal(b, &i.Item)
}

func parseJSON(body []byte, r Reading) (Feed, error) {
	var raw struct {
		Version     string     `json:"version"`
		Title       string     `json:"title"`
		HomePageURL string     `json:"home_page_url"`
		FeedURL     string     `json:"feed_url"`
		Language    string     `json:"language"`
		Items       []jsonItem `json:"items"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return Feed{}, fmt.Errorf("%w: %w", ErrNotFeed, err)
	}
	if raw.Version == "" || raw.Items == nil {
		return Feed{}, fmt.Errorf("JSON without the version and items of a JSON Feed: %w", ErrNotFeed)
	}
	if len(raw.Items) > MaxItems {
		return Feed{}, fmt.Errorf("more than %d items: %w", MaxItems, ErrTooLarge)
	}
	f := Feed{
		Title:    plain(raw.Title),
		URL:      resolve(raw.HomePageURL, raw.FeedURL, r.URL),
		Language: languageTag(raw.Language, r.Language),
	}
	sources := make([]source, len(raw.Items))
	for i, item := range raw.Items {
		sources[i] = item.source()
		sources[i].around = []string{raw.FeedURL, f.URL, r.URL}
	}
	return f.with(sources, r), nil
}

// ParseItem reads one item of a JSON Feed 1.1, with its [Extension], as a
// website hands it over when it publishes. It fails where Parse would leave the
// item out.
func ParseItem(body []byte, r Reading) (outbox.Item, []Note, error) {
	var raw jsonItem
	if len(body) > MaxBytes {
		return outbox.Item{}, nil, fmt.Errorf("feed: parse item: %d bytes: %w", len(body), ErrTooLarge)
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return outbox.Item{}, nil, fmt.Errorf("feed: parse item: %w", err)
	}
	s := raw.source()
	s.around = []string{r.URL}
	item, notes := s.item(Feed{Language: languageTag(r.Language)}, r)
	if item.Key == "" {
		return outbox.Item{}, nil, fmt.Errorf("feed: parse item: no id, url or title")
	}
	return item, notes, nil
}

func (i jsonItem) source() source {
	s := source{
		guid:       i.ID,
		links:      []string{i.URL},
		title:      i.Title,
		summary:    paragraphs(i.Summary),
		content:    i.ContentHTML,
		language:   i.Language,
		published:  i.DatePublished,
		updated:    i.DateModified,
		categories: i.Tags,
		extension:  i.extension,
	}
	if blank(s.content) {
		s.content = paragraphs(i.ContentText)
	}
	for _, u := range []string{i.Image, i.BannerImage} {
		s.images = append(s.images, image{url: u})
	}
	if i.Attachments == nil {
		return s
	}
	for _, a := range *i.Attachments {
		if strings.HasPrefix(a.MimeType, "image/") {
			s.images = append(s.images, image{url: a.URL, mediaType: a.MimeType})
		}
	}
	return s
}
