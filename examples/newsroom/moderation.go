package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/panui/panui/inbox"
	"github.com/panui/panui/store"
)

// moderation shows what waits for a person, and what people decided.
func (n *newsroom) moderation(w http.ResponseWriter, r *http.Request) {
	n.showReplies(w, r, http.StatusOK, "")
}

// pile is what arrived in one state.
type pile struct {
	Held, Shown, Refused, Noted []inbox.Reply
	Rules                       []string
	Blocks                      []store.Block
	About                       map[string]article // by the id of the post
	Problem                     string
}

func (n *newsroom) showReplies(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := pile{Rules: houseRules, About: map[string]article{}, Problem: problem}
	var failed error
	take := func(state store.ReceivedState) []inbox.Reply {
		replies, _, err := n.site.Moderator().Received(r.Context(), state, inbox.Page{})
		failed = errors.Join(failed, err)
		return replies
	}
	p.Held, p.Shown, p.Refused, p.Noted = take(store.Held), take(store.Shown), take(store.Refused), take(store.Noted)
	blocks, err := n.site.Moderator().Blocks(r.Context(), 0)
	failed, p.Blocks = errors.Join(failed, err), blocks
	posts, err := n.db.Posts(r.Context(), store.PostQuery{Actor: n.actorID(), Limit: 1000})
	if err := errors.Join(failed, err); err != nil {
		n.fail(w, r, err)
		return
	}
	for _, post := range posts {
		p.About[post.ID], _ = n.news.find(post.Key)
	}
	n.showEditor(w, r, status, "moderation.html", view{Title: "Moderation", Section: "moderation", Body: p})
}

// decide carries out what a person decided about a reply.
func (n *newsroom) decide(w http.ResponseWriter, r *http.Request) {
	seen, _ := time.Parse(time.RFC3339Nano, r.PostFormValue("seen"))
	decision := inbox.Decision{
		Actor: n.actorID(), ID: r.PostFormValue("id"), State: store.ReceivedState(r.PostFormValue("state")),
		By: person(r), Reason: r.PostFormValue("rule"), Seen: seen,
	}
	err := n.site.Moderator().Decide(r.Context(), decision)
	switch {
	case errors.Is(err, store.ErrConflict):
		n.showReplies(w, r, http.StatusConflict, "Its author changed the reply or took it back while you read it. Look at it again.")
	case err != nil:
		n.showReplies(w, r, http.StatusUnprocessableEntity, err.Error())
	default:
		done(w, r, "/editor/moderation", string(decision.State))
	}
}

// block shuts out the author of a reply, or the author's whole server.
func (n *newsroom) block(w http.ResponseWriter, r *http.Request) {
	shut := inbox.Block{Subject: r.PostFormValue("whom"), By: person(r), Reason: r.PostFormValue("rule")}
	if err := n.site.Moderator().Block(r.Context(), shut); err != nil {
		n.showReplies(w, r, http.StatusUnprocessableEntity, err.Error())
		return
	}
	done(w, r, "/editor/moderation", "blocked")
}

func (n *newsroom) unblock(w http.ResponseWriter, r *http.Request) {
	if err := n.site.Moderator().Unblock(r.Context(), r.PostFormValue("whom"), person(r)); err != nil {
		n.showReplies(w, r, http.StatusUnprocessableEntity, err.Error())
		return
	}
	done(w, r, "/editor/moderation", "unblocked")
}
