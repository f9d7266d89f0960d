package feed

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/panui/panui/outbox"
)

// reading is the number of the way in which Parse makes items. Raise it when
// the same feed comes to give other items: what is published then stays as it
// is until the website changes it.
const reading = 1

// remembered is how many items are known beyond those in the feed.
const remembered = 1000

// state is what a poller remembers between polls, as one setting.
type state struct {
	Reading  int       `json:"reading"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"`
	Old      time.Time `json:"old,omitzero"` // an unknown item dated before this is old content
	Known    []known   `json:"known"`        // last seen in the feed first
}

// mark says what is to become of an item.
type mark string

const (
	left      mark = "l" // left alone: it was there before, is old, or a person said so
	held      mark = "h" // waits for a person
	wanted    mark = "w" // to be published
	published mark = "p"
)

// known is what is remembered of an item, as "mark:hash of key:digest:key". The
// digest is of what was published; the key itself is only there while somebody
// has to see it.
type known struct {
	mark   mark
	hash   string
	digest string
	key    string
}

// wasPublished says whether some version of the item is.
func (k known) wasPublished() bool { return k.digest != "" }

func (k known) MarshalText() ([]byte, error) {
	s := string(k.mark) + ":" + k.hash + ":" + k.digest
	if k.mark == held || k.mark == wanted {
		s += ":" + k.key
	}
	return []byte(strings.TrimRight(s, ":")), nil
}

func (k *known) UnmarshalText(b []byte) error {
	parts := strings.SplitN(string(b), ":", 4)
	if len(parts) < 2 {
		return fmt.Errorf("known item %q", b)
	}
	parts = append(parts, "", "")
	*k = known{mark: mark(parts[0]), hash: parts[1], digest: parts[2], key: parts[3]}
	return nil
}

func readState(value string) (state, error) {
	var s state
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return state{}, fmt.Errorf("what is remembered of the feed is damaged: %w", err)
	}
	return s, nil
}

func (s state) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("feed: state cannot be encoded: " + err.Error()) // it has no type that could fail
	}
	return string(b)
}

func (s state) version() Version { return Version{ETag: s.ETag, LastModified: s.Modified} }

// apply takes over what a poll found. Another process may have written the
// state since the poll read it, so that only what the poll itself decided
// changes, and what that process published stays published.
func (s state) apply(changes []known, seen []string, old time.Time) state {
	at := map[string]known{}
	for _, k := range s.Known {
		at[k.hash] = k
	}
	for _, c := range changes {
		if was := at[c.hash]; c.mark == left && was.wasPublished() && !c.wasPublished() {
			continue
		}
		at[c.hash] = c
	}
	order := slices.Clone(seen)
	for _, k := range s.Known {
		order = append(order, k.hash)
	}
	s.Known = nil
	for _, hash := range order {
		k, ok := at[hash]
		if ok && len(s.Known) < len(seen)+remembered {
			s.Known = append(s.Known, k)
		}
		delete(at, hash)
	}
	if old.After(s.Old) {
		s.Old = old
	}
	return s
}

func hashOf(item outbox.Item) string { return digest(item.Key) }

// digestOf identifies what the website says in an item. Dates are not part of
// it: a feed that stamps its items anew has not changed them.
func digestOf(i outbox.Item) string {
	b, err := json.Marshal([]any{
		i.URL, i.Title, i.Abstract, i.HTML, i.Language, i.Link, i.Translations, i.Tags, i.Images,
		i.Sensitive, i.Warning, i.Pinned,
	})
	if err != nil {
		panic("feed: item cannot be encoded: " + err.Error()) // it has no type that could fail
	}
	return digest(string(b))
}

// oldestFirst orders items as they were published. An item without a date stands
// next to its neighbour in the feed, most of which begin with the newest.
func oldestFirst(items []outbox.Item) []outbox.Item {
	type dated struct {
		item outbox.Item
		at   time.Time
	}
	list := make([]dated, len(items))
	for i, item := range items {
		list[len(items)-1-i] = dated{item, item.Published}
	}
	if ascending(items) {
		slices.Reverse(list)
	}
	for i := range list {
		if list[i].at.IsZero() && i > 0 {
			list[i].at = list[i-1].at
		}
	}
	slices.SortStableFunc(list, func(a, b dated) int { return a.at.Compare(b.at) })
	ordered := make([]outbox.Item, len(list))
	for i, d := range list {
		ordered[i] = d.item
	}
	return ordered
}

// ascending says whether the feed begins with its oldest item.
func ascending(items []outbox.Item) bool {
	dates := slices.DeleteFunc(slices.Clone(items), func(i outbox.Item) bool { return i.Published.IsZero() })
	if len(dates) < 2 {
		return false
	}
	first, last := dates[0].Published, dates[len(dates)-1].Published
	return cmp.Compare(first.UnixNano(), last.UnixNano()) < 0
}

var (
	errNotKnown  = errors.New("is not known from the feed")
	errNotPolled = errors.New("the feed has not been polled yet")
)
