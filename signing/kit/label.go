package kit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/panui/panui/signing"
)

// Label is what a kit says in plain words. Handle, Actor and two Officers are required.
type Label struct {
	Handle      string    // news@agency.govt.nz
	Actor       string    // the actor's id
	Fingerprint string    // of the key, as signing.Key tells it; Make fills it in
	Made        time.Time // now when zero; to the second, in UTC
	Officers    []Officer // who can open it
}

// Read returns what a kit says on its outside, for which nobody needs to open
// it. Anybody can have changed that; what Open returns, nobody can without
// making another kit.
func Read(r io.Reader) (Label, error) {
	kit, err := readKit(r)
	if err != nil {
		return Label{}, fmt.Errorf("kit: read: %w", err)
	}
	words, _, err := split(kit)
	if err != nil {
		return Label{}, fmt.Errorf("kit: read: %w", err)
	}
	l, err := parseLabel(words)
	if err != nil {
		return Label{}, fmt.Errorf("kit: read: %w", err)
	}
	return l, nil
}

const title = "PĀNUI RECOVERY KIT"

// purpose tells whoever finds the file what it is.
const purpose = title + `

This file holds the private signing key of an official account, encrypted. With
it, the account can go on speaking under its own name after the key was lost.
Each officer named below can open it alone, with the age identity that is theirs.
Nobody else can. Keep copies in two places, away from the website.

`

// withoutPanui is how to restore a key where there is no Pānui. A key file may
// have words before the key.
const withoutPanui = `
To restore the key with age alone (age-encryption.org), where KIT is this file:
  umask 077; sed -n '/^-----BEGIN AGE/,$p' KIT | age -d -i IDENTITY > panui.pem

`

func (l Label) words() []byte {
	var b bytes.Buffer
	b.WriteString(purpose)
	fmt.Fprintf(&b, "Account:     %s\n", l.Handle)
	fmt.Fprintf(&b, "Actor:       %s\n", l.Actor)
	fmt.Fprintf(&b, "Fingerprint: %s\n", l.Fingerprint)
	fmt.Fprintf(&b, "Made:        %s\n", l.Made.Format(time.RFC3339))
	for _, o := range l.Officers {
		fmt.Fprintf(&b, "Officer:     %s\n", strings.TrimSpace(o.Recipient+" "+o.Name))
	}
	b.WriteString(withoutPanui)
	return b.Bytes()
}

// parseLabel reads the words of a kit.
func parseLabel(words []byte) (Label, error) {
	if !bytes.HasPrefix(words, []byte(title)) {
		return Label{}, fmt.Errorf("not a recovery kit: it does not begin with %q", title)
	}
	var l Label
	for line := range bytes.Lines(words) {
		if bytes.HasPrefix(line, []byte("-----BEGIN")) {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if err := l.set(string(name), string(bytes.TrimSpace(value))); err != nil {
			return Label{}, err
		}
	}
	return l, l.check()
}

func (l *Label) set(name, value string) (err error) {
	switch name {
	case "Account":
		l.Handle = value
	case "Actor":
		l.Actor = value
	case "Fingerprint":
		l.Fingerprint = value
	case "Made":
		if l.Made, err = time.Parse(time.RFC3339, value); err != nil {
			return errors.New("when it was made is not a time")
		}
		l.Made = l.Made.UTC()
	case "Officer":
		recipient, who, _ := strings.Cut(value, " ")
		l.Officers = append(l.Officers, Officer{Recipient: recipient, Name: who})
	}
	return nil
}

// check says everything that would make the words unreadable or misleading.
func (l Label) check() error {
	var wrong []error
	for _, f := range []struct{ name, value string }{{"handle", l.Handle}, {"actor", l.Actor}} {
		if f.value == "" || len(f.value) > 2048 || strings.ContainsFunc(f.value, unfit) || strings.Contains(f.value, " ") {
			wrong = append(wrong, fmt.Errorf("%s %.100q is not one word of at most 2048 bytes", f.name, f.value))
		}
	}
	if !signing.IsFingerprint(l.Fingerprint) {
		wrong = append(wrong, fmt.Errorf("fingerprint %.100q is not sha256: and 64 hex digits", l.Fingerprint))
	}
	if year := l.Made.Year(); year < 2000 || year > 9999 {
		wrong = append(wrong, fmt.Errorf("made in the year %d", year))
	}
	_, err := recipients(l.Officers)
	return errors.Join(append(wrong, err)...)
}

// unfit says whether a line of words cannot hold c.
func unfit(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }
