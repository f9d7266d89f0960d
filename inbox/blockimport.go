package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/panui/panui/inbox/blocks"
	"github.com/panui/panui/internal/blocklist"
	"github.com/panui/panui/store"
)

// Import is how a list of blocks is taken.
type Import struct {
	By     string // the person's name; required
	Reason string // of lines without a comment of their own; required

	Erase     bool // as in Block; of whom is blocked already, too
	AnySuffix bool // as in Block
	Preview   bool // says what would be done, and changes nothing
}

// Imported is what became of the lines of a list.
type Imported struct {
	Blocked int // how many are blocked who were not, or would be in a preview
	Lines   []ImportedLine
}

// ImportedLine is what became of one line.
type ImportedLine struct {
	Line    int
	Text    string // whom it names, as written
	Subject string // who was blocked, or would be; empty when nobody
	Note    string // in words
}

// String says all of it, as "line 3: evil.example: blocked".
func (l ImportedLine) String() string {
	return fmt.Sprintf("line %d: %s: %s", l.Line, l.Text, l.Note)
}

// Bounds of an import, beside those of a file in internal/blocklist.
const (
	maxBlocks  = 100_000 // that are kept
	maxLookups = 200     // handles whose ids are asked for, with one file
	lookups    = 8       // at once
)

// ImportBlocks blocks whom a list names: Mastodon's domain_blocks.csv, with or
// without its heading; a list with one domain or actor's id on each line; or
// Mastodon's list of blocked accounts, name@domain on each line, whose ids are
// asked for by WebFinger. It is all or nothing, and does nothing twice.
//
// Severity suspend, or none, is a block. Silence and noop are not: they ask for
// nothing that is done here. What is hidden with * is not guessed. What is not
// taken is said line by line, and does not keep the others from being blocked.
// It fails when the file is no such list, or is over a bound.
func (m *Moderator) ImportBlocks(ctx context.Context, list io.Reader, how Import) (Imported, error) {
	report, err := m.importBlocks(ctx, list, how)
	if err != nil {
		return Imported{}, fmt.Errorf("inbox: import blocks: %w", err)
	}
	return report, nil
}

func (m *Moderator) importBlocks(ctx context.Context, list io.Reader, how Import) (Imported, error) {
	if how.By == "" || how.Reason == "" {
		return Imported{}, errors.New("name who decides, and why")
	}
	rows, err := blocklist.Read(list)
	if err != nil {
		return Imported{}, fmt.Errorf("not a list of blocks: %w", err)
	}
	before, err := blocks.All(ctx, m.Store)
	if err != nil {
		return Imported{}, err
	}
	ours, err := m.ours(ctx)
	if err != nil {
		return Imported{}, err
	}
	if err := m.lookUp(ctx, rows); err != nil {
		return Imported{}, err
	}
	i := importing{Import: how, ours: ours, before: map[string]bool{}, lines: map[string]int{}}
	for _, b := range before {
		i.before[b.Subject] = true
	}
	if how.Erase {
		if i.kept, err = m.keptOf(ctx, i.again(rows)); err != nil {
			return Imported{}, err
		}
	}
	for _, row := range rows {
		i.take(row)
	}
	switch {
	case len(before)+i.Blocked > maxBlocks:
		return Imported{}, fmt.Errorf("more than %d blocks in all", maxBlocks)
	case how.Preview || len(i.blocks) == 0:
		return i.Imported, nil
	}
	now := m.now()
	for n := range i.blocks {
		i.blocks[n].At = now
	}
	return i.Imported, m.shutOut(ctx, how.Erase, i.blocks...)
}

// page is how much of what is kept is looked through at once.
const page = 1000

// keptOf lists those of some subjects by whom something is kept.
func (m *Moderator) keptOf(ctx context.Context, of blocklist.Set) (map[string]bool, error) {
	kept := map[string]bool{}
	for before := int64(0); of.Len() > 0; {
		some, err := m.Store.Received(ctx, store.ReceivedQuery{Before: before, Limit: page, Standing: true, Bare: true})
		if err != nil {
			return nil, err
		}
		for _, row := range some {
			if subject, found := of.ID(row.From); found {
				kept[subject] = true
			}
		}
		if len(some) < page {
			break
		}
		before = some[len(some)-1].Seq
	}
	return kept, nil
}

// lookUp finds the ids behind the handles in a list, several at a time.
func (m *Moderator) lookUp(ctx context.Context, rows []blocklist.Row) error {
	var asking errgroup.Group
	asking.SetLimit(lookups)
	asked := 0
	for n := range rows {
		row := &rows[n]
		switch {
		case row.Handle == "" || row.Problem != "":
			continue
		case m.Find == nil:
			row.Problem = "a handle, and nobody here can ask for its id"
			continue
		case asked == maxLookups:
			row.Problem = fmt.Sprintf("not asked for: with one list at most %d handles are; put the rest into another", maxLookups)
			continue
		}
		asked++
		asking.Go(func() error {
			m.find(ctx, row)
			return nil
		})
	}
	return errors.Join(asking.Wait(), ctx.Err())
}

func (m *Moderator) find(ctx context.Context, row *blocklist.Row) {
	id, err := m.Find(ctx, row.Handle)
	if err == nil {
		row.Subject, err = blocklist.Parse(id)
	}
	if err != nil {
		row.Problem = "its id could not be found: " + cut(err.Error())
	}
}

// importing is an import on its way through the lines.
type importing struct {
	Import
	Imported
	ours   own
	before map[string]bool
	kept   map[string]bool // who was blocked before, and said something that is to be erased
	lines  map[string]int  // where a subject was named first
	blocks []store.Block
}

// again lists who is named, and blocked already.
func (i *importing) again(rows []blocklist.Row) blocklist.Set {
	var subjects []string
	for _, row := range rows {
		if i.before[row.Subject] {
			subjects = append(subjects, row.Subject)
		}
	}
	return blocklist.NewSet(subjects...)
}

// take decides about one line.
func (i *importing) take(row blocklist.Row) {
	line := ImportedLine{Line: row.Line, Text: row.Text}
	first, twice := i.lines[row.Subject]
	own := i.ours.spares(row.Subject)
	switch {
	case row.Problem != "":
		line.Note = "not taken: " + row.Problem
	case row.Idle != "":
		line.Note = "left out: " + row.Idle
	case row.Suffix && !i.AnySuffix:
		line.Note = "not taken: " + blocklist.ErrSuffix.Error()
	case own != nil:
		line.Note = "not taken: " + own.Error()
	case twice:
		line.Note = fmt.Sprintf("named before, on line %d", first)
	case i.kept[row.Subject]:
		line.Note = "blocked already; what was said " + i.done("is", "would be") + "erased"
		i.add(row)
	case i.before[row.Subject]:
		line.Note = "blocked already"
	default:
		line.Subject, line.Note = row.Subject, i.done("", "would be")+"blocked"
		i.Blocked++
		i.add(row)
	}
	i.Lines = append(i.Lines, line)
}

// done is the word for what is done, or would be.
func (i *importing) done(so, preview string) string {
	if i.Preview {
		so = preview
	}
	if so != "" {
		so += " "
	}
	return so
}

func (i *importing) add(row blocklist.Row) {
	reason := row.Comment
	if reason == "" {
		reason = i.Reason
	}
	i.lines[row.Subject] = row.Line
	i.blocks = append(i.blocks, store.Block{Subject: row.Subject, Reason: reason, By: i.By})
}

// ExportBlocks writes the servers that are blocked as Mastodon's domain_blocks.csv,
// with the reason as public comment.
func (m *Moderator) ExportBlocks(ctx context.Context, w io.Writer) error {
	all, err := blocks.All(ctx, m.Store)
	if err == nil {
		err = blocklist.Write(w, func(yield func(domain, comment string) bool) {
			for _, b := range all {
				if !blocklist.IsActor(b.Subject) && !yield(b.Subject, b.Reason) {
					return
				}
			}
		})
	}
	if err != nil {
		return fmt.Errorf("inbox: export blocks: %w", err)
	}
	return nil
}

// ExportBlockedActors writes the ids of the actors that are blocked, one on each
// line, as ImportBlocks reads them. Mastodon's list has handles instead, which are
// not kept here.
func (m *Moderator) ExportBlockedActors(ctx context.Context, w io.Writer) error {
	all, err := blocks.All(ctx, m.Store)
	for _, b := range all {
		if err == nil && blocklist.IsActor(b.Subject) {
			_, err = fmt.Fprintln(w, b.Subject)
		}
	}
	if err != nil {
		return fmt.Errorf("inbox: export blocked actors: %w", err)
	}
	return nil
}
