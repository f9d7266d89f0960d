package feed

import (
	"slices"
	"time"

	"github.com/panui/panui/outbox"
)

// rules are the bounds within which a poller decides by itself.
type rules struct {
	backfill int
	bulk     int // negative is no bound
	late     time.Duration
}

// plan is what a poll means, before anything is done.
type plan struct {
	rules
	now   time.Time
	from  state
	known map[string]known // by hash of the key

	publish []outbox.Item // oldest first, as all
	edit    []outbox.Item
	held    []outbox.Item
	old     []outbox.Item
	waiting []outbox.Item
	skipped []outbox.Item
	missed  []string // keys that were held or to be published and are in the feed no more

	fresh   []outbox.Item // what is news, before the bulk breaker
	changes []known
	seen    []string // hashes of what is in the feed
}

// decide plans a poll that found items, oldest first. It has no effects.
func decide(from *state, items []outbox.Item, r rules, now time.Time) plan {
	p := plan{rules: r, now: now, known: map[string]known{}}
	for _, item := range items {
		p.seen = append(p.seen, hashOf(item))
	}
	if from == nil {
		p.begin(items)
		return p
	}
	p.from = *from
	for _, k := range from.Known {
		p.known[k.hash] = k
	}
	for _, item := range items {
		p.look(item)
	}
	p.breakBulk()
	p.miss()
	return p
}

// begin leaves what is there before the first poll alone, but for the newest few.
func (p *plan) begin(items []outbox.Item) {
	due := slices.DeleteFunc(slices.Clone(items), p.early)
	backfill := due[max(0, len(due)-max(0, p.backfill)):]
	for _, item := range items {
		chosen := slices.ContainsFunc(backfill, func(b outbox.Item) bool { return b.Key == item.Key })
		if chosen {
			p.mark(item, wanted, "")
			p.publish = append(p.publish, item)
			continue
		}
		p.mark(item, left, "")
		p.skipped = append(p.skipped, item)
	}
}

func (p *plan) early(item outbox.Item) bool { return item.Published.After(p.now) }

// look decides about one item after the first poll.
func (p *plan) look(item outbox.Item) {
	k, isKnown := p.known[hashOf(item)]
	now := digestOf(item)
	switch {
	case !isKnown && p.early(item):
		p.waiting = append(p.waiting, item)
	case !isKnown && !item.Published.IsZero() && item.Published.Before(p.from.Old):
		p.mark(item, left, "")
		p.old = append(p.old, item)
	case !isKnown:
		p.fresh = append(p.fresh, item)
	case k.mark == left:
	case k.wasPublished() && k.digest == now:
		p.settle(item, k)
	case k.wasPublished() && p.from.Reading != reading:
		p.mark(item, published, now)
	case k.mark == published:
		p.fresh = append(p.fresh, item)
	case k.mark == held:
		p.held = append(p.held, item)
	case k.mark == wanted:
		p.want(item, k.digest)
	}
}

// settle forgets that an edit was to be published once the item is again as it
// is published.
func (p *plan) settle(item outbox.Item, k known) {
	if k.mark != published {
		p.mark(item, published, k.digest)
	}
}

// breakBulk has a person look when there is more news at once than a newsroom
// writes: a new guid for every item, a new template, a restored backup.
func (p *plan) breakBulk() {
	stop := p.bulk >= 0 && len(p.fresh) > p.bulk
	for _, item := range p.fresh {
		k := p.known[hashOf(item)]
		if stop {
			p.mark(item, held, k.digest)
			p.held = append(p.held, item)
			continue
		}
		p.mark(item, wanted, k.digest)
		p.want(item, k.digest)
	}
}

func (p *plan) want(item outbox.Item, was string) {
	if was == "" {
		p.publish = append(p.publish, item)
		return
	}
	p.edit = append(p.edit, item)
}

// miss finds what can be published no more, since the feed no longer has it.
func (p *plan) miss() {
	for _, k := range p.from.Known {
		if (k.mark == held || k.mark == wanted) && !slices.Contains(p.seen, k.hash) {
			p.missed = append(p.missed, k.key)
		}
	}
}

func (p *plan) mark(item outbox.Item, m mark, digest string) {
	p.changes = append(p.changes, known{mark: m, hash: hashOf(item), digest: digest, key: item.Key})
}

// watermark is the time before which an item that nobody has seen yet is old
// content: well before the newest that the feed has. Dates in the future do not
// count. A feed that has no dates, at first, is as old as the first poll.
func (p *plan) watermark(items []outbox.Item, first bool) time.Time {
	var newest time.Time
	for _, item := range items {
		if !p.early(item) && item.Published.After(newest) {
			newest = item.Published
		}
	}
	switch {
	case !newest.IsZero():
		return newest.Add(-p.late)
	case first:
		return p.now
	}
	return time.Time{}
}
