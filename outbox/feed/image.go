package feed

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	ext "github.com/mmcdole/gofeed/extensions"
	"golang.org/x/net/html"

	"github.com/panui/panui/outbox"
)

// maxImages is how many Mastodon shows of one post.
const maxImages = 4

// image is a picture that a feed names, not yet known to be usable.
type image struct {
	url           string
	mediaType     string
	alt           string
	caption       bool // the alternative was written as a caption, and an alt attribute is better
	decorative    bool // an empty alt attribute (HTML section 4.8.4.4) says so
	width, height int
}

func (w *writer) image(n *html.Node) {
	i := image{
		url:    resolve(attr(n, "src"), w.bases...),
		alt:    plain(attr(n, "alt")),
		width:  pixels(attr(n, "width")),
		height: pixels(attr(n, "height")),
	}
	i.decorative = i.alt == "" && (hasAttr(n, "alt") || i.width == 1 || i.height == 1)
	if i.url != "" {
		w.images = append(w.images, i)
	}
}

func hasAttr(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func pixels(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	if err != nil || n < 0 || n > 1<<16 {
		return 0
	}
	return n
}

// choose picks the images of an item: those named beside the body first, each
// picture once, in its first place and with the first text alternative that any
// naming of it has. It also says which could not be used, and why.
// Decorative images say nothing and are left out without a word.
func choose(beside, inBody []image, bases []string) (chosen []outbox.Image, unusable []string) {
	all := merge(slices.Concat(beside, inBody), bases)
	for _, i := range all {
		switch {
		case i.decorative:
		case i.alt == "":
			unusable = append(unusable, "left out the image "+i.url+": it has no text alternative")
		case i.mediaType == "":
			unusable = append(unusable, "left out the image "+i.url+": its media type is not known")
		case len(chosen) < maxImages:
			chosen = append(chosen, outbox.Image{
				URL: i.url, MediaType: i.mediaType, Alt: i.alt, Width: i.width, Height: i.height,
			})
		}
	}
	return chosen, unusable
}

func merge(images []image, bases []string) []image {
	at := map[string]int{}
	var all []image
	for _, i := range images {
		if i.url = resolve(i.url, bases...); i.url == "" {
			continue
		}
		n, known := at[picture(i.url)]
		if !known {
			at[picture(i.url)] = len(all)
			all = append(all, i.typed())
			continue
		}
		first := &all[n]
		if i.alt != "" && (first.alt == "" || first.caption) {
			first.alt, first.caption, first.decorative = i.alt, i.caption, false
		}
		if first.alt == "" && i.decorative {
			first.decorative = true
		}
		if first.url == i.url && first.width == 0 {
			first.width, first.height = i.width, i.height
		}
	}
	return all
}

var sized = regexp.MustCompile(`-\d+x\d+(\.[A-Za-z]+)$`)

// picture names a picture in whatever size: WordPress writes that into the name.
func picture(url string) string { return sized.ReplaceAllString(url, "$1") }

func (i image) typed() image {
	if strings.HasPrefix(i.mediaType, "image/") {
		return i
	}
	plain, _, _ := strings.Cut(i.url, "?")
	i.mediaType = mediaTypes[strings.ToLower(path.Ext(plain))]
	return i
}

var mediaTypes = map[string]string{
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png",
	".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif",
}

// mediaImages finds the pictures of the Media RSS extension. Its description is
// taken for the text alternative, as Mastodon's own feeds mean it; its title is not, which is
// often the name of a file.
func mediaImages(e ext.Extensions) []image {
	media := e["media"]
	contents := slices.Clone(media["content"])
	for _, group := range media["group"] {
		contents = append(contents, group.Children["content"]...)
	}
	var images []image
	for _, c := range contents {
		if !isImage(c) {
			continue
		}
		images = append(images, image{
			url:       c.Attrs["url"],
			mediaType: c.Attrs["type"],
			alt:       plain(childText(c, "description")),
			caption:   true,
			width:     pixels(c.Attrs["width"]),
			height:    pixels(c.Attrs["height"]),
		})
	}
	return images
}

func isImage(content ext.Extension) bool {
	kind, medium := content.Attrs["type"], content.Attrs["medium"]
	if kind == "" && medium == "" {
		return image{url: content.Attrs["url"]}.typed().mediaType != ""
	}
	return medium == "image" || strings.HasPrefix(kind, "image/")
}

func childText(e ext.Extension, name string) string {
	if c := e.Children[name]; len(c) > 0 {
		return c[0].Value
	}
	return ""
}
