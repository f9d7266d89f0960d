// Package outbox is what a site says: items become posts, and posts reach every follower's server.
package outbox

import "time"

// Item is one piece of news as the website has it.
type Item struct {
	Key       string // the website's own name for it
	Actor     string // the handle of who says it; the site's first actor when empty
	URL       string // the page for people
	Title     string
	Abstract  string // one or two sentences, plain text; made of HTML when empty
	HTML      string
	Language  string   // BCP 47
	Tags      []string // hashtags, without #
	Images    []Image  // four at most are shown by Mastodon
	Sensitive bool
	Warning   string    // shown before the content, as a content warning
	Published time.Time // now when zero
	Updated   time.Time
	Pinned    bool
	Urgent    bool // ahead of everything else in the queue
}

// Image is a picture of an item. Alt is required unless Decorative.
type Image struct {
	URL            string
	MediaType      string
	Alt            string
	Decorative     bool
	Width, Height  int
	FocalX, FocalY float64 // -1 to 1 from the centre
}
