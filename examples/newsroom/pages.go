package main

import (
	"bytes"
	"embed"
	"html"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
	_ "time/tzdata" // Pacific/Auckland, also where the machine has no time zones

	"github.com/microcosm-cc/bluemonday"
)

//go:embed templates static
var files embed.FS

// pages are the templates by file name.
type pages map[string]*template.Template

// parsePages reads all templates, each inside the layout.
func parsePages(layout string) pages {
	auckland, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		panic("newsroom: time zones are built in: " + err.Error())
	}
	functions := template.FuncMap{
		"date":    func(t time.Time) string { return t.In(auckland).Format("2 January 2006") },
		"clock":   func(t time.Time) string { return t.In(auckland).Format("2 January 2006, 3:04:05 pm") },
		"machine": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"clean":   clean,
		"host":    host,
		"join":    strings.Join,
	}
	parsed := pages{}
	names, err := files.ReadDir("templates")
	if err != nil {
		panic("newsroom: templates are built in: " + err.Error())
	}
	for _, entry := range names {
		base := template.New(layout).Funcs(functions)
		parsed[entry.Name()] = template.Must(base.ParseFS(files, "templates/"+layout, path.Join("templates", entry.Name())))
	}
	return parsed
}

// host is the server of an account.
func host(id string) string {
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// clean makes HTML of others safe to show: feeds, and what reaches a reader.
func clean(source string) template.HTML {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "strong", "b", "em", "i", "ul", "ol", "li", "blockquote", "span")
	p.AllowAttrs("lang").Globally()
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("https", "http")
	p.AllowRelativeURLs(false)
	p.RequireNoFollowOnLinks(true)
	return template.HTML(p.Sanitize(source)) // sanitised in this very line
}

// plain is the text of HTML, without its elements.
func plain(source string) string {
	return strings.Join(strings.Fields(html.UnescapeString(bluemonday.StrictPolicy().AddSpaceWhenStrippingTag(true).Sanitize(source))), " ")
}

// view is what every page of the website has.
type view struct {
	Title   string
	Section string // of the navigation
	Notice  string // what just happened
	Body    any

	Handle, Base, Actor string // who speaks here
	Post                string // the id of the post that the page is about, or empty
	Person              string // who edits; empty on public pages
	Held                int    // replies that wait, on the editor's pages
	Simulation          string // the reader's timeline; empty without one
}

// show answers with a page.
func (n *newsroom) show(w http.ResponseWriter, status int, name string, v view) {
	v.Handle, v.Base, v.Actor, v.Simulation = n.handle, n.base, n.actorID(), n.simulation
	n.pages.write(w, status, name, v)
}

// say answers with a page that is a heading and a sentence.
func (n *newsroom) say(w http.ResponseWriter, _ *http.Request, status int, title, sentence string) {
	n.show(w, status, "message.html", view{Title: title, Body: sentence})
}

// fail answers with an error that is not the visitor's; the log has the reason.
func (n *newsroom) fail(w http.ResponseWriter, r *http.Request, err error) {
	slog.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "error", err)
	n.say(w, r, http.StatusInternalServerError, "Something went wrong", "Aroha mai, this page does not work just now. Try again in a minute.")
}

// write renders the page whole before it answers.
func (p pages) write(w http.ResponseWriter, status int, name string, v any) {
	var page bytes.Buffer
	if err := p[name].Execute(&page, v); err != nil {
		slog.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "This page does not work just now.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// careful sets what every page tells the browser: nothing from elsewhere runs
// here, and nobody frames it. Pictures may come from the sources named.
func careful(next http.Handler, pictures string) http.Handler {
	policy := "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' " + pictures +
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// static serves styles, the script and pictures.
func static() http.Handler {
	built := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		built.ServeHTTP(w, r)
	})
}
