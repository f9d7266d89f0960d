package actor

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/panui/panui/signing"
)

// What other servers keep of a profile; more would be cut or refused somewhere.
const (
	maxDisplayName    = 128   // characters: Misskey
	maxSummary        = 2_048 // characters: Misskey
	maxFields         = 16
	maxFieldName      = 255
	maxFieldValue     = 2_047
	maxAlt            = 1_500
	maxFormerIDs      = 256
	maxID             = 2_048
	maxOtherProofKeys = 16
)

var types = []string{"Organization", "Service", "Group", "Application", "Person"}

// pictures are the types that Mastodon shows.
var pictures = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"}

// Check says everything that is wrong with p at a site with these URLs, which
// Check of theirs judges.
func (p Profile) Check(u URLs, policy signing.Policy) error {
	err := errors.Join(
		p.checkHandle(u),
		p.checkName(),
		p.checkKeys(policy),
		p.checkProofKey(policy),
		p.checkOtherProofKeys(policy),
		p.checkSegment(),
		p.checkType(),
		p.checkSummary(),
		p.checkURL(u),
		p.Icon.check("icon", u),
		p.Header.check("header", u),
		p.checkFields(),
		p.checkLanguages(),
		p.checkFormerIDs(),
	)
	if err != nil {
		return fmt.Errorf("actor: profile %q: %w", p.Handle, err)
	}
	return nil
}

func (p Profile) checkHandle(u URLs) error {
	h, err := ParseHandle(p.Handle)
	if err == nil && !u.development() && !strings.Contains(h.Domain, ".") {
		return fmt.Errorf("handle %q: its domain is not one of the public network", p.Handle)
	}
	return err
}

// development says whether the site is on this machine only.
func (u URLs) development() bool {
	b, err := url.Parse(u.Base)
	return err == nil && loopback(b.Hostname())
}

func (p Profile) checkName() error {
	switch length := utf8.RuneCountInString(strings.TrimSpace(p.Name)); {
	case length == 0:
		return errors.New("name: write what people know the agency by")
	case length > maxDisplayName:
		return fmt.Errorf("name: %d characters, where %d are shown", length, maxDisplayName)
	case !text(p.Name):
		return errors.New("name: leave out control characters and line breaks")
	}
	return nil
}

func (p Profile) checkKeys(policy signing.Policy) error {
	wrong := checkKey(p.Key, policy)
	if p.Next == nil {
		return wrong
	}
	if err := checkKey(p.Next, policy); err != nil {
		return errors.Join(wrong, fmt.Errorf("next %w", err))
	}
	if p.Key != nil && p.Key.Fingerprint() == p.Next.Fingerprint() {
		return errors.Join(wrong, errors.New("next key: it is the same as key; make another, or leave Next out"))
	}
	return wrong
}

func checkKey(key *signing.Key, policy signing.Policy) error {
	if key == nil {
		return errors.New("key: make one with signing.File or signing.New")
	}
	if err := policy.MayUse(key.Public()); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if _, isRSA := key.Public().(*rsa.PublicKey); !isRSA {
		return errors.New("key: use RSA, the only kind that every server checks")
	}
	return nil
}

func (p Profile) checkSegment() error {
	if p.ID != "" && !plain(p.ID) {
		return fmt.Errorf("id %.80q: use up to %d letters, digits, - and _", p.ID, maxSegment)
	}
	return nil
}

func (p Profile) checkType() error {
	if p.Type != "" && !slices.Contains(types, p.Type) {
		return fmt.Errorf("type %.80q: use one of %s", p.Type, strings.Join(types, ", "))
	}
	return nil
}

func (p Profile) checkSummary() error {
	if !utf8.ValidString(p.Summary) {
		return errors.New("summary: write it in UTF-8")
	}
	if length := utf8.RuneCountInString(sanitise(p.Summary)); length > maxSummary {
		return fmt.Errorf("summary: %d characters of HTML, where %d are shown", length, maxSummary)
	}
	return nil
}

func (p Profile) checkURL(u URLs) error {
	if p.URL == "" {
		return nil
	}
	page, err := checkWeb("url", p.URL, u)
	if err == nil && page.Host != u.Host() {
		return fmt.Errorf("url %q: use a page on %s, or Mastodon shows the id instead", p.URL, u.Host())
	}
	return err
}

func (i Image) check(what string, u URLs) error {
	if i == (Image{}) {
		return nil
	}
	if _, err := checkWeb(what, i.URL, u); err != nil {
		return err
	}
	var mistakes []error
	if !slices.Contains(pictures, i.mediaType()) {
		mistakes = append(mistakes, fmt.Errorf("%s %q: use one of %s and say so in MediaType", what, i.URL, strings.Join(pictures, ", ")))
	}
	if length := utf8.RuneCountInString(strings.TrimSpace(i.Alt)); length == 0 || length > maxAlt || !utf8.ValidString(i.Alt) {
		mistakes = append(mistakes, fmt.Errorf("%s %q: say in Alt what it shows, in up to %d characters", what, i.URL, maxAlt))
	}
	return errors.Join(mistakes...)
}

func (i Image) mediaType() string {
	if i.MediaType != "" {
		return i.MediaType
	}
	u, err := url.Parse(i.URL)
	if err != nil {
		return ""
	}
	return mime.TypeByExtension(strings.ToLower(path.Ext(u.Path)))
}

func (p Profile) checkFields() error {
	var mistakes []error
	if len(p.Fields) > maxFields {
		mistakes = append(mistakes, fmt.Errorf("fields: %d of them, use at most %d", len(p.Fields), maxFields))
	}
	for _, f := range p.Fields {
		name, value := utf8.RuneCountInString(strings.TrimSpace(f.Name)), utf8.RuneCountInString(strings.TrimSpace(f.Value))
		switch {
		case name == 0 || value == 0:
			mistakes = append(mistakes, fmt.Errorf("field %.80q: give it a name and a value", f.Name))
		case name > maxFieldName || value > maxFieldValue:
			mistakes = append(mistakes, fmt.Errorf("field %.80q: use up to %d characters for the name and %d for the value", f.Name, maxFieldName, maxFieldValue))
		case !text(f.Name) || !text(f.Value):
			mistakes = append(mistakes, fmt.Errorf("field %.80q: leave out control characters and line breaks", f.Name))
		}
	}
	return errors.Join(mistakes...)
}

func (p Profile) checkLanguages() error {
	var mistakes []error
	for _, tag := range p.Languages {
		if _, err := language.Parse(tag); err != nil {
			mistakes = append(mistakes, fmt.Errorf("language %.80q: write it as BCP 47 has it, such as en-NZ or mi", tag))
		}
	}
	return errors.Join(mistakes...)
}

func (p Profile) checkFormerIDs() error {
	var mistakes []error
	if len(p.AlsoKnownAs) > maxFormerIDs {
		mistakes = append(mistakes, fmt.Errorf("also known as: %d ids, use at most %d", len(p.AlsoKnownAs), maxFormerIDs))
	}
	for _, id := range p.AlsoKnownAs {
		if u, err := url.Parse(id); err != nil || u.Scheme != "https" || u.Host == "" || len(id) > maxID {
			mistakes = append(mistakes, fmt.Errorf("also known as %.80q: write the https id of an actor, not its handle", id))
		}
	}
	return errors.Join(mistakes...)
}

// checkWeb reads a URL that people's browsers follow: https, or http too for a site on this machine.
func checkWeb(what, raw string, site URLs) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || len(raw) > maxID || u.Scheme != "https" && !(u.Scheme == "http" && site.development()) {
		return nil, fmt.Errorf("%s %.80q: write a whole https URL", what, raw)
	}
	return u, nil
}

// text says whether s is one line of it.
func text(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
