package main

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/panui/panui/actor/actortest"
)

// website is the reader's own pages: her timeline, and what she does with it.
func (r *reader) website() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", r.timeline)
	mux.Handle("GET /static/", static())
	mux.HandleFunc("POST /reply", r.act(func(ctx context.Context, form func(string) string) error {
		if strings.TrimSpace(form("text")) == "" {
			return nil
		}
		return r.reply(ctx, form("post"), form("text"))
	}))
	for path, do := range map[string]func(context.Context, string) error{
		"POST /like": r.like, "POST /boost": r.boost, "POST /take-back": r.takeBack, "POST /behave": r.behave,
	} {
		mux.HandleFunc(path, r.act(func(ctx context.Context, form func(string) string) error { return do(ctx, form("id")) }))
	}
	safe := careful(http.NewCrossOriginProtection().Handler(mux), r.agency.base)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !loopback(q.Host) { // another website's name that leads here
			http.Error(w, "The simulation is at "+r.url, http.StatusForbidden)
			return
		}
		safe.ServeHTTP(w, q)
	})
}

// act carries out what a form asks for, and goes back to where it was.
func (r *reader) act(do func(ctx context.Context, form func(string) string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		if err := do(q.Context(), q.PostFormValue); err != nil {
			r.pages.write(w, http.StatusBadGateway, "reader.html", r.view(err.Error()))
			return
		}
		http.Redirect(w, q, "/", http.StatusSeeOther)
	}
}

// shownPost is a post on her timeline, with what she did to it.
type shownPost struct {
	actortest.Post
	Liked, Boosted bool
	Replies        []said
	Digest, Date   string // headers of the request that brought it
}

// timelineView is what her page shows.
type timelineView struct {
	Title          string
	Person, Agency string // handles
	AgencyURL      string
	Following      bool
	Posts          []shownPost
	Arrivals       []actortest.Received // newest first
	Trouble        string
	Problem        string
}

func (r *reader) timeline(w http.ResponseWriter, _ *http.Request) {
	r.pages.write(w, http.StatusOK, "reader.html", r.view(""))
}

func (r *reader) view(problem string) timelineView {
	v := timelineView{
		Title: "Aroha’s timeline", Person: r.person.Handle, Agency: r.agency.handle, AgencyURL: r.agency.base,
		Following: len(r.person.Following()) > 0, Problem: problem,
	}
	arrivals := r.server.Received()
	slices.Reverse(arrivals)
	v.Arrivals = arrivals[:min(len(arrivals), 20)]
	r.mu.Lock()
	defer r.mu.Unlock()
	v.Trouble = r.trouble
	for _, post := range r.person.Timeline() {
		shown := shownPost{Post: post, Liked: r.liked[post.ID], Boosted: r.boosted[post.ID]}
		shown.Digest, shown.Date = post.Arrived.Header.Get("Digest"), post.Arrived.Header.Get("Date")
		for _, reply := range r.replies {
			if reply.About == post.ID {
				shown.Replies = append(shown.Replies, reply)
			}
		}
		v.Posts = append(v.Posts, shown)
	}
	return v
}
