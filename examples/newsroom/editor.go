package main

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/panui/panui/inbox"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
)

// editor is the pages for the people of the agency.
func (n *newsroom) editor() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /editor/{$}", n.desk)
	mux.HandleFunc("GET /editor/new", func(w http.ResponseWriter, r *http.Request) {
		n.showForm(w, r, http.StatusOK, form{article: article{Language: "en-NZ"}})
	})
	mux.HandleFunc("POST /editor/new", n.save)
	mux.HandleFunc("GET /editor/news/{slug}", n.edit)
	mux.HandleFunc("POST /editor/news/{slug}", n.save)
	mux.HandleFunc("POST /editor/news/{slug}/withdraw", n.takeBack)
	mux.HandleFunc("GET /editor/moderation", n.moderation)
	mux.HandleFunc("POST /editor/moderation", n.decide)
	mux.HandleFunc("POST /editor/block", n.block)
	mux.HandleFunc("POST /editor/unblock", n.unblock)
	mux.HandleFunc("GET /editor/record", n.record)
	mux.HandleFunc("POST /editor/stop", n.stop)
	mux.HandleFunc("POST /editor/resume", n.resume)
	mux.HandleFunc("POST /editor/retry", n.retry)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n.say(w, r, http.StatusNotFound, "There is no such page", "Try the list of news in the editor.")
	})
	return mux
}

// notices say what just happened, by the word that a redirect carries.
var notices = map[string]string{
	"published": "Published. It is on the website and on its way to every follower.",
	"withdrawn": "Withdrawn. It is off the website, and every server that got it is asked to erase it.",
	"shown":     "Approved. The reply is shown under the news.",
	"refused":   "Refused. The reply is kept in the record and shown nowhere.",
	"held":      "Hidden. The reply waits for a decision again.",
	"blocked":   "Blocked. Nothing more goes to them, and nothing of theirs is taken.",
	"unblocked": "Unblocked. Who followed must follow anew.",
	"stopped":   "Stopped. Nothing leaves until you resume.",
	"resumed":   "Resumed. What was waiting goes out now.",
	"retried":   "Sending again.",
}

// showEditor answers with a page of the editor's.
func (n *newsroom) showEditor(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	held, _, err := n.site.Moderator().Received(r.Context(), store.Held, inbox.Page{})
	if err != nil {
		n.fail(w, r, err)
		return
	}
	v.Person, v.Held = person(r), len(held)
	v.Notice = cmp.Or(v.Notice, notices[r.URL.Query().Get("done")])
	n.show(w, status, name, v)
}

func done(w http.ResponseWriter, r *http.Request, page, what string) {
	http.Redirect(w, r, page+"?done="+what, http.StatusSeeOther)
}

// desk lists all news, also what is withdrawn.
func (n *newsroom) desk(w http.ResponseWriter, r *http.Request) {
	n.showEditor(w, r, http.StatusOK, "desk.html", view{Title: "Editor", Section: "editor", Body: struct {
		Articles []article
		Feed     string
	}{n.news.all(), n.feed}})
}

// form is an article being written, and what is wrong with it.
type form struct {
	article
	TagText string
	Wrong   []mistake
	Preview outbox.Preview
	Known   bool // it was published before
}

// mistake is something to change before the news can go out.
type mistake struct{ Field, Text string }

// Of returns the mistakes of a field.
func (f form) Of(field string) []string {
	var texts []string
	for _, m := range f.Wrong {
		if m.Field == field {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// Article is the article, for templates.
func (f form) Article() article { return f.article }

func (n *newsroom) showForm(w http.ResponseWriter, r *http.Request, status int, f form) {
	title := "Write news"
	if f.Known {
		title = "Edit news"
	}
	if len(f.Wrong) > 0 {
		title = "Error: " + title
	}
	f.TagText = cmp.Or(f.TagText, strings.Join(f.Tags, " "))
	n.showEditor(w, r, status, "form.html", view{Title: title, Section: "editor", Body: f})
}

func (n *newsroom) edit(w http.ResponseWriter, r *http.Request) {
	a, ok := n.editable(w, r)
	if ok {
		n.showForm(w, r, http.StatusOK, form{article: a, Known: true})
	}
}

// editable finds the article of the address, or answers that it cannot be edited here.
func (n *newsroom) editable(w http.ResponseWriter, r *http.Request) (article, bool) {
	a, ok := n.news.find(r.PathValue("slug"))
	switch {
	case !ok:
		n.say(w, r, http.StatusNotFound, "There is no such news", "Try the list of news in the editor.")
	case a.Source != "":
		n.say(w, r, http.StatusConflict, "This news comes from the feed", "Change it where the feed has it: "+a.Source)
		return a, false
	}
	return a, ok
}

// save publishes what the form says, or shows it once more with what is wrong.
func (n *newsroom) save(w http.ResponseWriter, r *http.Request) {
	f := form{article: article{Published: now()}}
	if r.PathValue("slug") != "" {
		known, ok := n.editable(w, r)
		if !ok {
			return
		}
		f.Known, f.article = true, known
	}
	f.read(r)
	if f.Key == "" {
		f.Slug = n.news.slug(f.Title)
		f.Key = f.Slug
	}
	f.Wrong = f.check()
	preview, err := n.site.Preview(n.item(f.article))
	f.Wrong = append(f.Wrong, mistakes(err)...)
	switch {
	case len(f.Wrong) > 0:
		f.forget()
		n.showForm(w, r, http.StatusUnprocessableEntity, f)
	case r.PostFormValue("do") == "preview":
		f.Preview = preview
		f.forget()
		n.showForm(w, r, http.StatusOK, f)
	default:
		if err := n.publish(r.Context(), f.article); err != nil {
			n.fail(w, r, err)
			return
		}
		done(w, r, "/editor/", "published")
	}
}

// forget drops the name that a new article would have got: its title may change.
func (f *form) forget() {
	if !f.Known {
		f.Key, f.Slug = "", ""
	}
}

// read takes over what the form says. News that was withdrawn is news again.
func (f *form) read(r *http.Request) {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	f.Title, f.Summary, f.Text, f.Language = text("title"), text("summary"), text("text"), text("language")
	f.OtherTitle, f.OtherSummary = text("other-title"), text("other-summary")
	f.TagText = text("tags")
	f.Tags = tags(f.TagText)
	f.Image, f.ImageAlt, f.Decorative = text("image"), text("alt"), text("decorative") != ""
	f.By = person(r)
	switch {
	case f.Withdrawn:
		f.Withdrawn, f.Published, f.Updated = false, now(), time.Time{}
	case f.Known:
		f.Updated = now()
	}
}

// tags reads hashtags with spaces or commas between them, with or without #.
func tags(text string) []string {
	var found []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		found = append(found, strings.TrimPrefix(word, "#"))
	}
	return found
}

// check is what the website itself asks of news.
func (f form) check() []mistake {
	var wrong []mistake
	if f.Title == "" {
		wrong = append(wrong, mistake{"title", "Give the news a title"})
	}
	if f.Text == "" {
		wrong = append(wrong, mistake{"text", "Write the news"})
	}
	if f.Language != "en-NZ" && f.Language != "mi" {
		wrong = append(wrong, mistake{"language", "Choose the language that the news is written in"})
	}
	return wrong
}

// mistakes puts what the outbox refuses next to the field where it can be changed.
func mistakes(err error) []mistake {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []mistake{{fieldOf(err.Error()), err.Error()}}
	}
	var wrong []mistake
	for _, each := range joined.Unwrap() {
		wrong = append(wrong, mistakes(each)...)
	}
	return wrong
}

func fieldOf(message string) string {
	for _, m := range []struct{ says, field string }{
		{"alt text", "alt"}, {"image", "image"}, {"hashtag", "tags"}, {"translation", "other-title"}, {"language", "language"}, {"title", "title"},
	} {
		if strings.Contains(message, m.says) {
			return m.field
		}
	}
	return "title"
}

func (n *newsroom) takeBack(w http.ResponseWriter, r *http.Request) {
	a, ok := n.news.find(r.PathValue("slug"))
	if !ok {
		n.say(w, r, http.StatusNotFound, "There is no such news", "Try the list of news in the editor.")
		return
	}
	if err := n.withdraw(r.Context(), a, person(r)); err != nil {
		n.fail(w, r, err)
		return
	}
	done(w, r, "/editor/", "withdrawn")
}
