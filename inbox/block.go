package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/panui/panui/inbox/blocks"
	"github.com/panui/panui/internal/blocklist"
	"github.com/panui/panui/store"
)

// Block is whom a person shuts out, and why.
type Block struct {
	Subject string // a domain, with all that is under it, or the id of an actor
	By      string // the person's name; required
	Reason  string // the house rule, or why; required. ExportBlocks writes it

	// Erase also erases what they said, decided or not, with messages and reports,
	// so that nobody can read it any more. Without it what was said is kept and
	// shown nowhere.
	Erase bool

	// AnySuffix lets Subject be one under which anybody may have a name, such as
	// github.io or a whole top-level domain.
	AnySuffix bool
}

// Block shuts out a server or an actor: their followers are removed, what is on
// its way to them is taken back, their likes and boosts are forgotten, and their
// replies refused. From then on nothing of theirs is taken, but that an actor who
// is blocked alone may still take back what it said. They are not told. Who is
// blocked already stays so, and that is no error.
//
// It fails for what is neither a domain nor an id, for the site's own and that of
// its neighbours in the store, and for a public suffix without AnySuffix.
func (m *Moderator) Block(ctx context.Context, b Block) error {
	subject, err := m.blockable(ctx, b)
	if err != nil {
		return fmt.Errorf("inbox: block %.200q: %w", b.Subject, err)
	}
	before, err := m.Store.Blocks(ctx, store.BlockQuery{Subject: subject, Limit: 1})
	switch {
	case err != nil:
		return fmt.Errorf("inbox: block %s: %w", subject, err)
	case len(before) > 0 && !b.Erase:
		return nil
	}
	block := store.Block{Subject: subject, Reason: b.Reason, By: b.By, At: m.now()}
	return m.shutOut(ctx, b.Erase, block)
}

// shutOut blocks all or none.
func (m *Moderator) shutOut(ctx context.Context, erase bool, all ...store.Block) error {
	ops := []store.Op{store.PutBlocks{Blocks: all, Erase: erase}, blocks.Changed()}
	for _, b := range all {
		note := b.Reason
		if erase {
			note = "erased; " + note
		}
		kind := "block-server"
		if blocklist.IsActor(b.Subject) {
			kind = "block-actor"
		}
		ops = append(ops, store.Record{Entry: store.Entry{At: b.At, Kind: kind, Subject: b.Subject, By: b.By, Note: note}})
	}
	if err := m.Store.Apply(ctx, ops...); err != nil {
		return fmt.Errorf("inbox: block: %w", err)
	}
	return m.refresh(ctx)
}

// Unblock lets a server or an actor in again. Nothing that the block ended comes
// back: who followed must follow anew. It fails with store.ErrNotFound when the
// subject itself is not blocked.
func (m *Moderator) Unblock(ctx context.Context, subject, by string) error {
	if by == "" {
		return errors.New("inbox: unblock: name who decides")
	}
	name, err := blocklist.Parse(subject)
	if err != nil && !errors.Is(err, blocklist.ErrSuffix) {
		return fmt.Errorf("inbox: unblock %.200q: %w", subject, err)
	}
	kind := "unblock-server"
	if blocklist.IsActor(name) {
		kind = "unblock-actor"
	}
	record := store.Record{Entry: store.Entry{At: m.now(), Kind: kind, Subject: name, By: by}}
	if err := m.Store.Apply(ctx, store.RemoveBlock{Subject: name}, record, blocks.Changed()); err != nil {
		return fmt.Errorf("inbox: unblock %s: %w", name, err)
	}
	return m.refresh(ctx)
}

// Blocks lists who is blocked, oldest first, as many as 100 after a Seq.
func (m *Moderator) Blocks(ctx context.Context, after int64) ([]store.Block, error) {
	all, err := m.Store.Blocks(ctx, store.BlockQuery{After: after})
	if err != nil {
		return nil, fmt.Errorf("inbox: list blocks: %w", err)
	}
	return all, nil
}

// refresh makes a change known on this machine at once. That it was made stands in
// the store already.
func (m *Moderator) refresh(ctx context.Context) error {
	if m.Blocklist == nil {
		return nil
	}
	if err := m.Blocklist.Refresh(ctx); err != nil {
		return fmt.Errorf("inbox: it is written down, and obeyed here within seconds: %w", err)
	}
	return nil
}

// blockable reads whom a block names.
func (m *Moderator) blockable(ctx context.Context, b Block) (subject string, err error) {
	subject, err = blocklist.Parse(b.Subject)
	switch {
	case b.By == "":
		return "", errors.New("name who decides")
	case b.Reason == "":
		return "", errors.New("name the house rule, or why")
	case errors.Is(err, blocklist.ErrSuffix) && b.AnySuffix:
	case err != nil:
		return "", err
	}
	ours, err := m.ours(ctx)
	if err != nil {
		return "", err
	}
	return subject, ours.spares(subject)
}

// own are the ids, and hosts as ids, that are never blocked.
type own []string

// ours are the site itself and the actors of every site in the store, with the
// domains of their handles.
func (m *Moderator) ours(ctx context.Context) (own, error) {
	pinned, err := m.Store.Actors(ctx)
	if err != nil {
		return nil, err
	}
	ids := own{m.URLs.Base}
	for _, a := range pinned {
		_, domain, _ := strings.Cut(a.Handle, "@")
		ids = append(ids, a.ID, a.BaseURL, "https://"+domain)
	}
	return ids, nil
}

func (o own) spares(subject string) error {
	block := blocklist.NewSet(subject)
	for _, id := range o {
		if _, covered := block.ID(id); covered {
			return fmt.Errorf("it would block %s, which is the site's own", id)
		}
	}
	return nil
}
