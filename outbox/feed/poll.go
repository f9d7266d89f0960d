package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
)

// Publisher says items; [outbox.Publisher] and the site are. Publishing an item
// that is published as it is must change nothing, and one that a person has
// withdrawn must fail with [outbox.ErrWithdrawn].
type Publisher interface {
	Publish(ctx context.Context, item outbox.Item) (store.Post, error)
}

// Memory is what a Poller needs of a [store.Store].
type Memory interface {
	Apply(ctx context.Context, ops ...store.Op) error
	Setting(ctx context.Context, name string) (string, error)
}

// Poller publishes what is new in a feed. Name, Source, Publisher and Store are
// required. Several processes may poll the same feed on one store.
//
// The first poll publishes nothing, unless Backfill says so, and leaves alone
// for good what it finds, edits included. Later, new items are published oldest
// first, and edits of published ones as edits. These are not published: an item
// dated before the newest known ones by more than Late, which is old content;
// an item that a person has withdrawn; an item dated in the future, until then.
// Where more than Bulk items are new or edited at once, all of them are held
// until Release. An item that the feed no longer has stays published.
//
// An item that fails holds up no other and is tried again at each poll. A poll
// that is killed at any point is made up for by the next one.
type Poller struct {
	Name      string // of the feed in the store, such as the handle of the actor; never change it
	Source    Source
	Reading   Reading // what the feed does not say; URL and ContentType come from Source
	Actor     string  // the handle of who says the items; the first actor of the site when empty
	Publisher Publisher
	Store     Memory

	Every    time.Duration // between polls, give or take a tenth; zero is five minutes
	Backfill int           // how many of the newest items the first poll publishes
	Bulk     int           // zero is 10; negative holds nothing
	Late     time.Duration // how long after its date an item may appear; zero is a week

	Log *slog.Logger     // nil logs nothing
	Now func() time.Time // nil is time.Now

	polling sync.Mutex
}

// Report says what a poll found and did. Lists are oldest first.
type Report struct {
	Unchanged bool // the feed is as it was; nothing was looked at
	First     bool

	Published []outbox.Item // new ones; for a Preview, those that would be
	Edited    []outbox.Item
	Failed    []Failure     // tried again next time
	Held      []outbox.Item // wait for Release or Dismiss
	Waiting   []outbox.Item // dated in the future
	Old       []outbox.Item // old content that appeared anew, left alone
	Withdrawn []outbox.Item // withdrawn by a person, left alone although the feed has them
	Skipped   []outbox.Item // there before the first poll, left alone
	Missed    []string      // keys that were held or had failed and are in the feed no more
	Notes     []Note        // what was left out of items
}

// Failure is an item that could not be published.
type Failure struct {
	Item outbox.Item
	Err  error
}

// Run polls until ctx ends and returns its error. After an error of the source
// it waits longer each time, up to an hour, or as long as the server asks.
func (p *Poller) Run(ctx context.Context) error {
	failures := 0
	for {
		_, err := p.Poll(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			failures = 0
		} else {
			failures++
			p.log().Error("feed not read", "failures", failures, "error", err)
		}
		timer := time.NewTimer(p.pause(failures, err, rand.Float64()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

const longestPause = time.Hour

// pause is how long to wait before the next poll; roll is chance, 0 to 1.
func (p *Poller) pause(failures int, err error, roll float64) time.Duration {
	every := p.Every
	if every <= 0 {
		every = 5 * time.Minute
	}
	pause := every
	for range failures {
		if pause *= 2; pause >= longestPause {
			pause = max(every, longestPause)
			break
		}
	}
	pause += time.Duration((roll - 0.5) * 0.2 * float64(pause))
	var unavailable *Unavailable
	if errors.As(err, &unavailable) {
		pause = max(pause, unavailable.After)
	}
	return pause
}

// Poll reads the feed once and publishes what is new. Its error is of the feed
// or the store; what failed to be published is in the report.
func (p *Poller) Poll(ctx context.Context) (Report, error) {
	p.polling.Lock()
	defer p.polling.Unlock()
	report, err := p.poll(ctx)
	if err != nil {
		return report, fmt.Errorf("feed: poll %q: %w", p.Name, err)
	}
	p.tell(report)
	return report, nil
}

// Preview reports what Poll would do now, and does nothing.
func (p *Poller) Preview(ctx context.Context) (Report, error) {
	v, err := p.view(ctx, false)
	if err != nil {
		return Report{}, fmt.Errorf("feed: preview %q: %w", p.Name, err)
	}
	report := v.report()
	for _, item := range v.publish {
		report.Published = append(report.Published, p.spoken(item))
	}
	for _, item := range v.edit {
		report.Edited = append(report.Edited, p.spoken(item))
	}
	return report, nil
}

// view is the feed and what it means.
type view struct {
	plan
	got   Copy
	feed  Feed
	first bool
	since time.Time // the new watermark
}

// view fetches the feed and plans; without cache also when it is unchanged.
func (p *Poller) view(ctx context.Context, cache bool) (view, error) {
	from, err := p.load(ctx)
	if err != nil {
		return view{}, err
	}
	var had Version
	if from != nil && cache && from.Reading == reading {
		had = from.version()
	}
	v := view{first: from == nil}
	if v.got, err = p.Source(ctx, had); err != nil || v.got.Unchanged {
		return v, err
	}
	if v.feed, err = Parse(v.got.Body, p.reading(v.got)); err != nil {
		return v, err
	}
	items := oldestFirst(v.feed.Items)
	v.plan = decide(from, items, p.rules(), p.now())
	v.since = v.watermark(items, v.first)
	return v, nil
}

func (p *Poller) poll(ctx context.Context) (Report, error) {
	v, err := p.view(ctx, true)
	if err != nil {
		return Report{}, err
	}
	if v.got.Unchanged {
		return Report{Unchanged: true}, nil
	}
	// What is to be published is remembered before it is, so that a poll that is
	// killed leaves it to the next one, however much the feed then holds.
	if err := p.save(ctx, v.remember(v.changes)); err != nil {
		return Report{}, err
	}
	report := v.report()
	var done []known
	for _, item := range slices.Concat(v.publish, v.edit) {
		if ctx.Err() != nil {
			break
		}
		if change, ok := p.publish(ctx, item, &report, v.plan); ok {
			done = append(done, change)
		}
	}
	if err := p.save(ctx, v.remember(done)); err != nil {
		return report, err
	}
	if ctx.Err() != nil || len(report.Failed)+len(report.Waiting) > 0 {
		return report, ctx.Err()
	}
	return report, p.save(ctx, v.settled)
}

// publish says one item, notes in the report what came of it, and returns what
// to remember.
func (p *Poller) publish(ctx context.Context, item outbox.Item, r *Report, plan plan) (known, bool) {
	k := plan.known[hashOf(item)]
	done := known{hash: hashOf(item), digest: digestOf(item), mark: published}
	item = p.spoken(item)
	_, err := p.Publisher.Publish(ctx, item)
	switch {
	case errors.Is(err, outbox.ErrWithdrawn):
		r.Withdrawn = append(r.Withdrawn, item)
		done.mark = left
	case err != nil:
		r.Failed = append(r.Failed, Failure{item, err})
		return known{}, false
	case k.wasPublished():
		r.Edited = append(r.Edited, item)
	default:
		r.Published = append(r.Published, item)
	}
	return done, true
}

// spoken is an item as it is said.
func (p *Poller) spoken(item outbox.Item) outbox.Item {
	item.Actor, item.By, item.KeepWithdrawn = p.Actor, "feed "+p.Name, true
	return item
}

func (v view) report() Report {
	return Report{
		First: v.first, Held: v.held, Waiting: v.waiting, Old: v.old, Skipped: v.skipped,
		Missed: v.missed, Notes: v.feed.Notes,
	}
}

// remember returns how the state changes by what a poll decided or did. While
// something is to be published the feed is fetched whole.
func (v view) remember(changes []known) func(state) (state, error) {
	return func(s state) (state, error) {
		s.Reading = reading
		if len(v.publish)+len(v.edit) > 0 {
			s.ETag, s.Modified = "", ""
		}
		return s.apply(changes, v.seen, v.since), nil
	}
}

// settled is the state when nothing is left to do until the feed changes, unless
// somebody has released an item in the meantime.
func (v view) settled(s state) (state, error) {
	if slices.ContainsFunc(s.Known, func(k known) bool { return k.mark == wanted }) {
		return s, nil
	}
	s.ETag, s.Modified = v.got.ETag, v.got.LastModified
	return s, nil
}

// Release has items published at the next poll that were held, or left alone
// for being old or there before the first poll. Without keys it releases all
// that are held. An item that a person has withdrawn stays so.
func (p *Poller) Release(ctx context.Context, keys ...string) error {
	if err := p.rule(ctx, wanted, keys); err != nil {
		return fmt.Errorf("feed: release in %q: %w", p.Name, err)
	}
	return nil
}

// Dismiss leaves items alone for good that were held or fail, or are to be
// published no more when the website edits them. Without keys it dismisses all
// that are held.
func (p *Poller) Dismiss(ctx context.Context, keys ...string) error {
	if err := p.rule(ctx, left, keys); err != nil {
		return fmt.Errorf("feed: dismiss in %q: %w", p.Name, err)
	}
	return nil
}

// rule takes a person's decision about items.
func (p *Poller) rule(ctx context.Context, m mark, keys []string) error {
	if was, err := p.load(ctx); err != nil || was == nil {
		return cmp.Or(err, errNotPolled)
	}
	return p.save(ctx, func(s state) (state, error) {
		s.ETag, s.Modified = "", "" // the next poll has to see the items
		if len(keys) == 0 {
			for _, k := range s.Known {
				if k.mark == held {
					keys = append(keys, k.key)
				}
			}
		}
		for _, key := range keys {
			i := slices.IndexFunc(s.Known, func(k known) bool { return k.hash == digest(key) })
			if i < 0 {
				return s, fmt.Errorf("%q %w", key, errNotKnown)
			}
			if m == left || s.Known[i].mark != published {
				s.Known[i].mark, s.Known[i].key = m, key
			}
		}
		return s, nil
	})
}

func (p *Poller) setting() string { return "feed/" + p.Name }

// load returns what is remembered, or nil before the first poll.
func (p *Poller) load(ctx context.Context) (*state, error) {
	value, err := p.Store.Setting(ctx, p.setting())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := readState(value)
	return &s, err
}

// save changes what is remembered, as it is in the store now, where that makes
// a difference.
func (p *Poller) save(ctx context.Context, change func(state) (state, error)) error {
	var before state
	was, err := p.load(ctx)
	if err != nil {
		return err
	}
	if was != nil {
		before = *was
	}
	stored := before.String()
	after, err := change(before)
	if err != nil || was != nil && after.String() == stored {
		return err
	}
	return p.Store.Apply(ctx, store.PutSetting{Name: p.setting(), Value: after.String()})
}

func (p *Poller) reading(c Copy) Reading {
	r := p.Reading
	if c.URL != "" {
		r.URL = c.URL
	}
	if c.ContentType != "" {
		r.ContentType = c.ContentType
	}
	return r
}

func (p *Poller) rules() rules {
	r := rules{backfill: p.Backfill, bulk: p.Bulk, late: p.Late}
	if r.bulk == 0 {
		r.bulk = 10
	}
	if r.late == 0 {
		r.late = 7 * 24 * time.Hour
	}
	return r
}

func (p *Poller) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

func (p *Poller) log() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log.With("feed", p.Name)
}

// tell logs what a person may want to know, once.
func (p *Poller) tell(r Report) {
	log := p.log()
	if r.First {
		log.Info("feed read for the first time", "left alone", len(r.Skipped), "published", len(r.Published))
	}
	said := map[string]bool{}
	for _, item := range slices.Concat(r.Published, r.Edited) {
		log.Info("item published", "key", item.Key)
		said[item.Key] = true
	}
	for _, note := range r.Notes {
		if said[note.Key] {
			log.Warn("item published in part", "key", note.Key, "note", note.Text)
		}
	}
	for _, f := range r.Failed {
		log.Error("item not published", "key", f.Item.Key, "error", f.Err)
	}
	for _, item := range r.Old {
		log.Warn("old item left alone", "key", item.Key, "dated", item.Published)
	}
	for _, item := range r.Withdrawn {
		log.Warn("withdrawn item left alone", "key", item.Key)
	}
	if len(r.Held) > 0 {
		log.Warn("items held until they are released", "items", len(r.Held))
	}
	if len(r.Missed) > 0 {
		log.Warn("items were not published and are in the feed no more", "keys", r.Missed)
	}
}
