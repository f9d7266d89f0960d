package main

import (
	"errors"
	"net/http"

	"github.com/panui/panui/inbox"
	"github.com/panui/panui/store"
)

// website is what visitors and editors see; Pānui's own paths are in front of it.
func (n *newsroom) website() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", n.home)
	mux.HandleFunc("GET /news/{slug}", n.article)
	mux.HandleFunc("GET /house-rules", n.houseRules)
	mux.Handle("GET /static/", static())
	mux.Handle("/editor/", n.editorsOnly(n.editor()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n.say(w, r, http.StatusNotFound, "There is no such page", "Aroha mai. Try our news.")
	})
	return careful(mux, "https: "+n.base)
}

// home lists the news.
func (n *newsroom) home(w http.ResponseWriter, r *http.Request) {
	followers, err := n.db.CountFollowers(r.Context(), n.actorID())
	if err != nil {
		n.fail(w, r, err)
		return
	}
	n.show(w, http.StatusOK, "home.html", view{Title: "Ngā pānui", Section: "news", Body: struct {
		Articles  []article
		Followers int
	}{n.news.shown(), followers}})
}

// article shows one piece of news, and the replies that people approved.
func (n *newsroom) article(w http.ResponseWriter, r *http.Request) {
	a, ok := n.news.find(r.PathValue("slug"))
	switch {
	case !ok:
		n.say(w, r, http.StatusNotFound, "There is no such news", "Aroha mai. Try the list of our news.")
	case a.Withdrawn:
		n.say(w, r, http.StatusGone, "This news was withdrawn", "We took it back, here and in the fediverse.")
	default:
		n.showArticle(w, r, a)
	}
}

func (n *newsroom) showArticle(w http.ResponseWriter, r *http.Request, a article) {
	post, err := n.site.Link(r.Context(), "", a.Key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		n.fail(w, r, err)
		return
	}
	body := struct {
		Article article
		Replies []inbox.Reply
		Counts  store.Counts
	}{Article: a}
	if post != "" {
		var errCounts error
		body.Replies, _, err = n.site.Moderator().Replies(r.Context(), post, inbox.Page{})
		body.Counts, errCounts = n.db.Counts(r.Context(), post)
		if err := errors.Join(err, errCounts); err != nil {
			n.fail(w, r, err)
			return
		}
	}
	n.show(w, http.StatusOK, "article.html", view{Title: a.Title, Section: "news", Post: post, Body: body})
}

// houseRules says what is shown of replies.
func (n *newsroom) houseRules(w http.ResponseWriter, r *http.Request) {
	n.show(w, http.StatusOK, "rules.html", view{Title: "House rules", Section: "rules", Body: houseRules})
}

// houseRules are what a reply may be refused for.
var houseRules = []string{
	"Be kind: no abuse, threats or slurs",
	"Stay on the subject of the news",
	"Keep personal details out, your own and others’",
	"No advertising and no spam",
	"Nothing unlawful or before the courts",
}
