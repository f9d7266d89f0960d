package outbox

import (
	"html"
	"path"
	"strings"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
)

// voice is who speaks and from where: what rendering needs beside the item.
type voice struct {
	actor  *actor.Local
	urls   actor.URLs
	tagURL func(tag string) string // nil links hashtags to the page of the item
	spread time.Duration           // over which routine news goes out to many servers
}

func (v voice) followers() string { return v.urls.Followers(v.actor.Segment) }

// note renders an item as the one form that every server shows: a Note with
// title, abstract, link and hashtags. A Mastodon that is sent an Article shows
// its title and drops its content.
func (v voice) note(it Item, id string, published, updated time.Time) as2.PostDocument {
	texts := it.texts()
	content := v.content(it, texts)
	return as2.PostDocument{
		ID:           id,
		Type:         "Note",
		AttributedTo: v.actor.ID,
		Summary:      tidy(it.Warning),
		Sensitive:    it.Sensitive || it.Warning != "",
		Content:      content,
		ContentMap:   v.contentMap(it, texts, content),
		Source:       as2.Source{Content: plain(it, texts), MediaType: "text/plain"},
		URL:          it.URL,
		To:           []string{as2.Public},
		Cc:           []string{v.followers()},
		Published:    published,
		Updated:      updated,
		Tag:          v.tags(it),
		Attachment:   attachments(it.Images),
		Replies:      v.urls.Replies(path.Base(id)),
	}
}

// content writes all languages one after the other. Each block says its
// language where there is more than one: Mastodon keeps lang on paragraphs but
// drops any element around them.
func (v voice) content(it Item, texts []Text) string {
	var b strings.Builder
	linked := map[string]bool{}
	for _, t := range texts {
		mark := ""
		if len(texts) > 1 {
			mark = ` lang="` + html.EscapeString(t.Language) + `"`
		}
		writeText(&b, t, mark, !linked[t.URL])
		linked[t.URL] = true
	}
	v.writeTags(&b, it)
	return b.String()
}

// contentMap has the primary language first, whose value is the content, since
// Mastodon takes the first key and GoToSocial the one that equals the content;
// then each translation alone.
func (v voice) contentMap(it Item, texts []Text, content string) as2.LangMap {
	m := as2.LangMap{{Language: texts[0].Language, Value: content}}
	for _, t := range texts[1:] {
		var b strings.Builder
		writeText(&b, t, "", true)
		v.writeTags(&b, it)
		m = append(m, as2.LangValue{Language: t.Language, Value: b.String()})
	}
	return m
}

func writeText(b *strings.Builder, t Text, mark string, link bool) {
	if t.Title != "" {
		b.WriteString("<p" + mark + "><strong>" + escape(t.Title) + "</strong></p>")
	}
	for paragraph := range paragraphs(t.Abstract) {
		b.WriteString("<p" + mark + ">" + strings.ReplaceAll(escape(paragraph), "\n", "<br>") + "</p>")
	}
	if link {
		b.WriteString("<p" + mark + `><a href="` + html.EscapeString(t.URL) + `">` + escape(t.Link) + "</a></p>")
	}
}

// escape leaves quotes as they are, which is right outside attributes and easier to read.
func escape(s string) string { return textEscaper.Replace(s) }

var textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func paragraphs(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for part := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n") {
			if part = strings.TrimSpace(part); part != "" && !yield(part) {
				return
			}
		}
	}
}

func (v voice) writeTags(b *strings.Builder, it Item) {
	for i, tag := range uniqueTags(it.Tags) {
		b.WriteString([]string{"<p>", " "}[min(i, 1)])
		b.WriteString(`<a href="` + html.EscapeString(v.hrefOf(tag, it)) +
			`" class="mention hashtag" rel="tag">#<span>` + escape(tag) + `</span></a>`)
	}
	if len(it.Tags) > 0 {
		b.WriteString("</p>")
	}
}

func (v voice) hrefOf(tag string, it Item) string {
	if v.tagURL == nil {
		return it.URL
	}
	return v.tagURL(tag)
}

// uniqueTags drops repetitions, which differ at most in case.
func uniqueTags(tags []string) []string {
	var unique []string
	seen := map[string]bool{}
	for _, tag := range tags {
		tag = hashtag(tag)
		if folded := strings.ToLower(tag); !seen[folded] {
			seen[folded] = true
			unique = append(unique, tag)
		}
	}
	return unique
}

func (v voice) tags(it Item) []as2.Tag {
	var tags []as2.Tag
	for _, tag := range uniqueTags(it.Tags) {
		tags = append(tags, as2.Tag{Type: "Hashtag", Name: "#" + tag, Href: v.hrefOf(tag, it)})
	}
	return tags
}

func attachments(images []Image) []as2.Media {
	var media []as2.Media
	for _, im := range images {
		media = append(media, as2.Media{
			Type: "Image", MediaType: im.mediaType(), URL: im.URL, Name: tidy(im.Alt),
			Width: im.Width, Height: im.Height, FocalPoint: [2]float64{im.FocalX, im.FocalY},
		})
	}
	return media
}

// plain is the post as it would be typed by hand.
func plain(it Item, texts []Text) string {
	var parts []string
	for _, t := range texts {
		parts = append(parts, t.Title, t.Abstract, t.URL)
	}
	if tags := uniqueTags(it.Tags); len(tags) > 0 {
		parts = append(parts, "#"+strings.Join(tags, " #"))
	}
	var kept []string
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n\n")
}
