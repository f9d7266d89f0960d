package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// article is a piece of news as the website has it.
type article struct {
	Key      string // never changes
	Slug     string // the last part of its address; never changes
	Title    string
	Summary  string // one or two sentences
	Text     string // paragraphs with empty lines between them
	Language string // en-NZ or mi

	// The same in the other language, or empty.
	OtherTitle, OtherSummary string

	Tags            []string
	Image, ImageAlt string
	Decorative      bool

	Published time.Time
	Updated   time.Time // of the last correction; zero without one
	Withdrawn bool
	By        string // who edited it last

	HTML   string // of an item that came from a feed, instead of Text
	Source string // where that feed has it
}

// OtherLanguage is the language of OtherTitle and OtherSummary.
func (a article) OtherLanguage() string {
	if a.Language == "mi" {
		return "en-NZ"
	}
	return "mi"
}

// Paragraphs are those of Text.
func (a article) Paragraphs() []string {
	var found []string
	for part := range strings.SplitSeq(strings.ReplaceAll(a.Text, "\r\n", "\n"), "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			found = append(found, part)
		}
	}
	return found
}

// Lead is what a list shows of the article.
func (a article) Lead() string {
	if paragraphs := a.Paragraphs(); a.Summary == "" && len(paragraphs) > 0 {
		return paragraphs[0]
	}
	return cmp.Or(a.Summary, beginning(plain(a.HTML), 240))
}

// beginning cuts s after a word where it is long.
func beginning(s string, limit int) string {
	letters := []rune(s)
	if len(letters) <= limit {
		return s
	}
	cut := string(letters[:limit])
	return cut[:max(0, strings.LastIndexFunc(cut, unicode.IsSpace))] + " …"
}

// archive is the website's own memory of its news: one JSON file.
type archive struct {
	path     string
	mu       sync.Mutex
	articles []article
	fresh    bool // there was no file when it was opened
}

func openArchive(path string) (*archive, error) {
	a := &archive{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		a.fresh = true
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &a.articles); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// all returns the articles, newest first.
func (a *archive) all() []article {
	a.mu.Lock()
	defer a.mu.Unlock()
	sorted := slices.Clone(a.articles)
	slices.SortStableFunc(sorted, func(x, y article) int {
		return cmp.Or(y.Published.Compare(x.Published), strings.Compare(x.Key, y.Key))
	})
	return sorted
}

// shown returns the articles that visitors may read, newest first.
func (a *archive) shown() []article {
	return slices.DeleteFunc(a.all(), func(x article) bool { return x.Withdrawn })
}

// find returns the article that has the address or the key.
func (a *archive) find(slugOrKey string) (article, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.articles, func(x article) bool { return x.Slug == slugOrKey || x.Key == slugOrKey })
	if i < 0 {
		return article{}, false
	}
	return a.articles[i], true
}

// put keeps x, in place of the article with its key.
func (a *archive) put(x article) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next := slices.Clone(a.articles)
	if i := slices.IndexFunc(next, func(y article) bool { return y.Key == x.Key }); i >= 0 {
		next[i] = x
	} else {
		next = append(next, x)
	}
	if err := write(a.path, next); err != nil {
		return err
	}
	a.articles = next
	return nil
}

// write replaces the file whole, or not at all.
func write(path string, content any) error {
	text, err := json.MarshalIndent(content, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// slug makes an address of a title that no other article has: "Kua tuwhera te
// Tāone" becomes kua-tuwhera-te-taone.
func (a *archive) slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFD.String(title)), func(r rune) bool {
		return !unicode.Is(unicode.Mn, r) && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	ascii := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, strings.Join(words, "-"))
	ascii = cmp.Or(strings.Trim(ascii[:min(len(ascii), 60)], "-"), "news")
	for i, slug := 2, ascii; ; i++ {
		if _, taken := a.find(slug); !taken {
			return slug
		}
		slug = ascii + "-" + strconv.Itoa(i)
	}
}
