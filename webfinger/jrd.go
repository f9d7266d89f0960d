package webfinger

import (
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/document"
)

const (
	jrdMediaType = "application/jrd+json"

	relSelf    = "self"
	relProfile = "http://webfinger.net/rel/profile-page"
	relAvatar  = "http://webfinger.net/rel/avatar"
	relLRDD    = "lrdd"
)

// descriptor is a JSON resource descriptor (RFC 7033 section 4.4).
type descriptor struct {
	Subject string   `json:"subject,omitzero"`
	Aliases []string `json:"aliases,omitzero"`
	Links   []link   `json:"links"`
}

type link struct {
	Rel      string `json:"rel"`
	Type     string `json:"type,omitzero"`
	Href     string `json:"href,omitzero"`
	Template string `json:"template,omitzero"`
}

// account holds the answers about one actor: one for each choice of its links,
// whose place in the list is a bit of the index.
type account struct {
	rels    []string
	answers []http.Handler
}

// maxRels is how many rel parameters of a question are looked at.
const maxRels = 8

func newAccount(l *actor.Local) account {
	links := linksOf(l)
	a := account{answers: make([]http.Handler, 1<<len(links))}
	for _, link := range links {
		a.rels = append(a.rels, link.Rel)
	}
	for choice := range a.answers {
		chosen := []link{}
		for i, link := range links {
			if choice&(1<<i) != 0 {
				chosen = append(chosen, link)
			}
		}
		a.answers[choice] = render(jrdMediaType, "", descriptor{
			Subject: "acct:" + l.Handle.Name + "@" + l.Handle.Domain,
			Aliases: []string{l.ID, l.URL},
			Links:   chosen,
		})
	}
	return a
}

func linksOf(l *actor.Local) []link {
	links := []link{
		{Rel: relSelf, Type: as2.MediaType, Href: l.ID},
		{Rel: relProfile, Type: "text/html", Href: l.URL},
	}
	if icon := l.Profile.Icon; icon.URL != "" {
		links = append(links, link{Rel: relAvatar, Type: icon.MediaType, Href: icon.URL})
	}
	return links
}

// answer returns the answer with the links of the rels, or with all where none
// is asked for (RFC 7033 section 4.3).
func (a account) answer(rels []string) http.Handler {
	if len(rels) == 0 {
		return a.answers[len(a.answers)-1]
	}
	choice := 0
	for _, rel := range rels[:min(len(rels), maxRels)] {
		if i := slices.Index(a.rels, rel); i >= 0 {
			choice |= 1 << i
		}
	}
	return a.answers[choice]
}

// render makes a document of a value. What is rendered here are structs of
// strings and numbers; text that is not UTF-8 is mended.
func render(mediaType, vary string, v any) *document.Document {
	body, err := json.Marshal(v, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("webfinger: " + err.Error())
	}
	return document.New(mediaType, body, document.Options{MaxAge: lifetime, Vary: vary})
}
