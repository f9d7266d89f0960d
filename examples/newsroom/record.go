package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/panui/panui/outbox"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// receipt is how far one piece of news got.
type receipt struct {
	Article article
	outbox.Receipt
}

// account is what the record page tells.
type account struct {
	Stopped     time.Time
	Followers   int
	Receipts    []receipt
	Keys        signing.Listing
	DeadLetters []store.Delivery
	Journal     []store.Entry // newest first
}

// record shows how far everything got, what was given up, and the journal.
func (n *newsroom) record(w http.ResponseWriter, r *http.Request) {
	a, err := n.account(r.Context())
	if err != nil {
		n.fail(w, r, err)
		return
	}
	n.showEditor(w, r, http.StatusOK, "record.html", view{Title: "Record", Section: "record", Body: a})
}

func (n *newsroom) account(ctx context.Context) (account, error) {
	var a account
	pinned, err := n.db.Actor(ctx, n.actorID())
	followers, errFollowers := n.db.CountFollowers(ctx, n.actorID())
	letters, errLetters := n.site.DeadLetters(ctx, "")
	journal, errJournal := n.latest(ctx, 50)
	keys, errKeys := n.site.Keys(ctx)
	if err := errors.Join(err, errFollowers, errLetters, errJournal, errKeys); err != nil {
		return a, err
	}
	a = account{Stopped: pinned.Stopped, Followers: followers, Keys: keys, DeadLetters: letters, Journal: journal}
	for _, article := range n.news.all() {
		r, err := n.site.Receipt(ctx, "", article.Key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return a, err
		}
		a.Receipts = append(a.Receipts, receipt{article, r})
	}
	return a, nil
}

// latest returns the newest lines of the journal, newest first.
func (n *newsroom) latest(ctx context.Context, count int) ([]store.Entry, error) {
	var last []store.Entry
	q := store.JournalQuery{Limit: 1000}
	for {
		page, err := n.db.Journal(ctx, q)
		if err != nil {
			return nil, err
		}
		last = append(last, page...)
		last = last[max(0, len(last)-count):]
		if len(page) < q.Limit {
			slices.Reverse(last)
			return last, nil
		}
		q.After = page[len(page)-1].Seq
	}
}

// stop is the emergency stop.
func (n *newsroom) stop(w http.ResponseWriter, r *http.Request) {
	n.answer(w, r, n.site.As(person(r)).Stop(r.Context()), "stopped")
}

func (n *newsroom) resume(w http.ResponseWriter, r *http.Request) {
	n.answer(w, r, n.site.As(person(r)).Resume(r.Context()), "resumed")
}

// retry sends one dead letter again, or all.
func (n *newsroom) retry(w http.ResponseWriter, r *http.Request) {
	var chosen []int64
	if one := r.PostFormValue("delivery"); one != "" {
		id, err := strconv.ParseInt(one, 10, 64)
		if err != nil {
			n.say(w, r, http.StatusBadRequest, "There is no such delivery", "Go back to the record and choose one there.")
			return
		}
		chosen = append(chosen, id)
	}
	n.answer(w, r, n.site.As(person(r)).Retry(r.Context(), "", chosen...), "retried")
}

func (n *newsroom) answer(w http.ResponseWriter, r *http.Request, err error, what string) {
	if err != nil {
		n.fail(w, r, err)
		return
	}
	done(w, r, "/editor/record", what)
}
