package kit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// How many officers a kit is for. One alone can fall ill, leave, or lose an
// identity; with many, one that is stolen is all the likelier.
const (
	fewestOfficers = 2
	mostOfficers   = 16
)

// Officer is a person who can open a kit.
type Officer struct {
	Recipient string // age1…, which age-keygen calls the public key
	Name      string // for people to read: Hine Rāwiri, CISO; may be empty
}

// Officers reads a file of recipients as the age command takes it: one age1… a
// line, empty lines and those with # left out. A comment right above a recipient
// is the officer's name.
func Officers(r io.Reader) ([]Officer, error) {
	var found []Officer
	name := ""
	lines := bufio.NewScanner(io.LimitReader(r, maxKit))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		comment, isComment := strings.CutPrefix(line, "#")
		switch {
		case isComment, line == "":
			name = strings.TrimSpace(comment)
			continue
		case len(found) == mostOfficers:
			return nil, fmt.Errorf("kit: officers: line %d: more than %d of them", n, mostOfficers)
		}
		if _, err := recipient(line); err != nil {
			return nil, fmt.Errorf("kit: officers: line %d: %w", n, err)
		}
		found = append(found, Officer{Recipient: line, Name: name})
		name = ""
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("kit: officers: %w", err)
	}
	if _, err := recipients(found); err != nil {
		return nil, fmt.Errorf("kit: officers: %w", err)
	}
	return found, nil
}

// recipients checks the officers of a kit.
func recipients(officers []Officer) ([]age.Recipient, error) {
	switch n := len(officers); {
	case n < fewestOfficers:
		return nil, fmt.Errorf("%d of at least %d officers: one person alone may be away, or lose an identity, when the key is needed", n, fewestOfficers)
	case n > mostOfficers:
		return nil, fmt.Errorf("%d officers, of at most %d: each identity that is stolen opens the kit", n, mostOfficers)
	}
	var all []age.Recipient
	seen := map[string]bool{}
	for i, o := range officers {
		r, err := recipient(o.Recipient)
		switch {
		case err != nil:
			return nil, fmt.Errorf("officer %d: %w", i+1, err)
		case seen[r.String()]:
			return nil, fmt.Errorf("officer %d: the recipient of another: each officer needs an identity of their own", i+1)
		case len(o.Name) > 200 || strings.ContainsFunc(o.Name, unfit):
			return nil, fmt.Errorf("officer %d: the name is not one line of at most 200 bytes", i+1)
		}
		seen[r.String()] = true
		all = append(all, r)
	}
	return all, nil
}

// recipient reads one age1… and never repeats what it was given, which may be an
// identity that somebody took for one. Post-quantum recipients are not taken:
// the RSA key in the kit would fall before the kit does.
func recipient(s string) (*age.X25519Recipient, error) {
	switch upper := strings.ToUpper(s); {
	case strings.HasPrefix(upper, "AGE-SECRET-KEY-"):
		return nil, errors.New("a secret identity stands where its public age1… belongs; treat that identity as disclosed and make another")
	case strings.HasPrefix(upper, "AGE1PQ1"):
		return nil, errors.New("a post-quantum recipient is not taken; run age-keygen without -pq")
	}
	r, err := age.ParseX25519Recipient(s)
	if err != nil {
		return nil, errors.New("not an X25519 recipient of age; write the age1… that age-keygen prints as public key")
	}
	return r, nil
}
