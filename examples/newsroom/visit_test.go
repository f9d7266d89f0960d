package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func TestMain(m *testing.M) {
	slog.SetLogLoggerLevel(slog.LevelError)
	os.Exit(m.Run())
}

// program is the real program, running.
type program struct {
	website, reader string
	listening       string       // where the program is reached on this machine
	stop            func() error // as Ctrl-C does
}

// start runs the program until the test ends, and waits until it says where it is
// and, with a reader, that she follows.
func start(t *testing.T, args ...string) program {
	t.Helper()
	if !strings.Contains(strings.Join(args, " "), "-addr") {
		args = append(args, "-addr", "127.0.0.1:0")
	}
	if !strings.Contains(strings.Join(args, " "), "-data") {
		args = append(args, "-data", t.TempDir())
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, in)
		in.CloseWithError(io.EOF)
		ended <- err
	}()
	p := program{stop: func() error {
		cancel()
		go func() { _, _ = io.Copy(io.Discard, out) }()
		err, open := <-ended
		if open {
			close(ended)
		}
		return err
	}}
	t.Cleanup(func() { assert.NoError(t, p.stop()) })

	lines := bufio.NewScanner(out)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) < 2:
		case words[0] == "Website":
			p.website = strings.TrimSuffix(words[1], "/")
			p.listening = p.website
		case words[0] == "Listening":
			p.listening = "http://" + words[1]
		case words[0] == "Reader":
			p.reader = strings.TrimSuffix(words[1], "/")
		}
		if followed := strings.Contains(lines.Text(), "follows"); followed || len(words) > 0 && words[0] == "Ctrl-C" && p.reader == "" {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	require.NotEmpty(t, p.website, "the program ended: %v", func() error {
		select {
		case err := <-ended:
			return err
		default:
			return nil
		}
	}())
	return p
}

// sheet is a page as a person has it in front of them.
type sheet struct {
	url    *url.URL
	status int
	header http.Header
	source string
	root   *html.Node
}

// visit opens a page.
func visit(t *testing.T, address string) sheet {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	return open(t, request)
}

func open(t *testing.T, request *http.Request) sheet {
	t.Helper()
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	root, err := html.Parse(strings.NewReader(string(body)))
	require.NoError(t, err)
	return sheet{url: answer.Request.URL, status: answer.StatusCode, header: answer.Header, source: string(body), root: root}
}

// press fills in the form that has the button, whose words start with label, and
// presses it. What is not filled in goes as it stands in the form.
func (s sheet) press(t *testing.T, label string, fill map[string]string) sheet {
	t.Helper()
	for form := range s.elements(atom.Form) {
		for button := range under(form, atom.Button) {
			if !strings.HasPrefix(text(button), label) {
				continue
			}
			values := standing(form)
			if name := attribute(button, "name"); name != "" {
				values.Set(name, attribute(button, "value"))
			}
			for name, value := range fill {
				values.Set(name, value)
			}
			target, err := s.url.Parse(attribute(form, "action"))
			require.NoError(t, err)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target.String(), strings.NewReader(values.Encode()))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", s.url.Scheme+"://"+s.url.Host)
			return open(t, request)
		}
	}
	require.FailNow(t, "no such button", "%q on %s:\n%s", label, s.url, s.words())
	return sheet{}
}

// standing is what a form sends when nobody changes it.
func standing(form *html.Node) url.Values {
	values := url.Values{}
	for input := range under(form, atom.Input) {
		if attribute(input, "type") != "checkbox" || has(input, "checked") {
			values.Set(attribute(input, "name"), attribute(input, "value"))
		}
	}
	for area := range under(form, atom.Textarea) {
		values.Set(attribute(area, "name"), text(area))
	}
	for choice := range under(form, atom.Select) {
		for option := range under(choice, atom.Option) {
			value := attribute(option, "value")
			if !has(option, "value") {
				value = text(option)
			}
			if name := attribute(choice, "name"); has(option, "selected") || !values.Has(name) {
				values.Set(name, value)
			}
		}
	}
	return values
}

// words is what a person reads on the page.
func (s sheet) words() string {
	for main := range s.elements(atom.Main) {
		return text(main)
	}
	return ""
}

func (s sheet) elements(tag atom.Atom) func(func(*html.Node) bool) { return under(s.root, tag) }

// links returns where the page's head points with a relation.
func (s sheet) links(relation string) []string {
	var found []string
	for link := range s.elements(atom.Link) {
		if attribute(link, "rel") == relation {
			found = append(found, attribute(link, "href"))
		}
	}
	return found
}

func under(n *html.Node, tag atom.Atom) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for d := range n.Descendants() {
			if d.DataAtom == tag && d.Type == html.ElementNode && !yield(d) {
				return
			}
		}
	}
}

// inline elements do not part words.
var inline = map[atom.Atom]bool{atom.Span: true, atom.A: true, atom.Strong: true, atom.Time: true, atom.Code: true}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		} else if !inline[d.DataAtom] {
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// soon waits until a page says all of the words, or none of those after "!".
func soon(t *testing.T, address string, words ...string) sheet {
	t.Helper()
	var page sheet
	deadline := time.Now().Add(20 * time.Second)
	for {
		page = visit(t, address)
		missing := ""
		for _, word := range words {
			bare, absent := strings.CutPrefix(word, "!")
			if strings.Contains(page.words(), bare) == absent {
				missing = word
			}
		}
		if missing == "" {
			return page
		}
		if time.Now().After(deadline) {
			require.FailNow(t, "the page never said it", "%s: %q:\n%s", address, missing, page.words())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
	return path
}
