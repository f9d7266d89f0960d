package sqlstore

import (
	"context"
	"errors"
	"strings"

	"github.com/panui/panui/internal/blocklist"
	"github.com/panui/panui/store"
)

// welcome fails with store.ErrBlocked when an id, or the server it is on, is blocked.
func (c *conn) welcome(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		subjects := blocklist.Subjects(id)
		args := make([]any, (len(subjects)+7)/8*8) // few different statements are prepared
		for i := range args {
			args[i] = subjects[min(i, len(subjects)-1)]
		}
		found := 0
		err := c.row(ctx, []any{&found}, `SELECT COUNT(*) FROM block WHERE subject IN (?`+strings.Repeat(`, ?`, len(args)-1)+`)`, args...)
		if err != nil {
			return err
		}
		if found > 0 {
			return store.ErrBlocked
		}
	}
	return nil
}

// ending is the work of one PutBlocks.
type ending struct {
	*conn
	store.PutBlocks
	set     blocklist.Set
	blocks  map[string]store.Block // by subject
	inboxes []string               // of followers who are blocked, on servers that are not
}

func (c *conn) putBlocks(ctx context.Context, op store.PutBlocks) error {
	e := ending{conn: c, PutBlocks: op, blocks: map[string]store.Block{}}
	var subjects []string
	for _, b := range op.Blocks {
		if _, twice := e.blocks[b.Subject]; twice {
			continue
		}
		e.blocks[b.Subject], subjects = b, append(subjects, b.Subject)
		_, err := c.exec(ctx, `INSERT INTO block (subject, reason, caused_by, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (subject) DO NOTHING`, b.Subject, b.Reason, b.By, ms(b.At))
		if err != nil {
			return err
		}
	}
	e.set = blocklist.NewSet(subjects...)
	for _, step := range []func(context.Context) error{e.actors, e.servers, e.deliveries, e.letters} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// actors ends what there is with those who are blocked by their ids.
func (e *ending) actors(ctx context.Context) error {
	for subject, b := range e.blocks {
		if !blocklist.IsActor(subject) {
			continue
		}
		for _, id := range blocklist.Spellings(subject) {
			err := errors.Join(e.followers(ctx, span{column: `id`, from: id}), e.words(ctx, span{column: `sender`, from: id}, b))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// servers ends what there is with the servers that are blocked.
func (e *ending) servers(ctx context.Context) error {
	for _, column := range []string{`id`, `inbox`} {
		err := e.covered(ctx, `follower`, column, func(s span, _ store.Block) error { return e.followers(ctx, s) })
		if err != nil {
			return err
		}
	}
	for _, table := range []string{`reaction`, `received`} {
		err := e.covered(ctx, table, `sender`, func(s span, b store.Block) error { return e.words(ctx, s, b) })
		if err != nil {
			return err
		}
	}
	return nil
}

// followers removes followers, and notes the inboxes that others may share.
func (e *ending) followers(ctx context.Context, s span) error {
	condition, args := s.condition()
	var inbox string
	note := func() bool { e.inboxes = append(e.inboxes, inbox); return true }
	if s.column == `id` {
		err := e.each(ctx, []any{&inbox}, note, `SELECT DISTINCT inbox FROM follower WHERE `+condition+` AND host <> ?`,
			append(args, e.blockedHost(s))...)
		if err != nil {
			return err
		}
	}
	return e.removeFollowers(ctx, condition, args...)
}

// blockedHost is the host of a span of ids when it is blocked, whose inboxes need no looking at.
func (e *ending) blockedHost(s span) string {
	if _, blocked := e.set.Host(blocklist.HostOf(s.from)); blocked {
		return store.HostOf(s.from)
	}
	return ""
}

func (e *ending) words(ctx context.Context, s span, b store.Block) error {
	condition, args := s.condition()
	if _, err := e.exec(ctx, `DELETE FROM reaction WHERE `+condition, args...); err != nil {
		return err
	}
	if e.Erase {
		return e.retract(ctx, condition, b.At, args...)
	}
	_, err := e.exec(ctx, `UPDATE received SET state = 'refused', decided_by = ?, reason = ?, decided = ?
		WHERE state IN ('held', 'shown') AND `+condition, append([]any{b.By, b.Reason, ms(b.At)}, args...)...)
	return err
}

// takeBack is Cancel for the deliveries to a host, in the two indexes that have them.
func (e *ending) takeBack(ctx context.Context, state, condition string, args ...any) error {
	_, err := e.exec(ctx, `UPDATE delivery SET state = 'cancelled', ready = 0 WHERE state = '`+state+`' AND `+condition, args...)
	return err
}

// deliveries takes back what is on its way to servers that are blocked.
func (e *ending) deliveries(ctx context.Context) error {
	for _, state := range []string{`pending`, `failed`} {
		first, host := `SELECT host FROM delivery WHERE state = '`+state+`' AND host > ? ORDER BY host LIMIT 1`, ""
		for {
			err := e.row(ctx, []any{&host}, first, host)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if err == nil && e.isBlockedHost(host) {
				err = e.takeBack(ctx, state, `host = ?`, host)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *ending) isBlockedHost(host string) bool {
	_, blocked := e.set.Host(blocklist.HostOf("https://" + host))
	return blocked
}

// letters takes back what is on its way to the inbox of a blocked follower alone.
func (e *ending) letters(ctx context.Context) error {
	for _, inbox := range e.inboxes {
		others := 0
		err := e.row(ctx, []any{&others}, `SELECT (SELECT COUNT(*) FROM follower WHERE inbox = ?) +
			(SELECT COUNT(*) FROM follower WHERE shared_inbox = ?)`, inbox, inbox)
		if err != nil {
			return err
		}
		for _, state := range []string{`pending`, `failed`} {
			if others > 0 {
				break
			}
			if err := e.takeBack(ctx, state, `host = ? AND inbox = ?`, store.HostOf(inbox), inbox); err != nil {
				return err
			}
		}
	}
	return nil
}

// span is the ids of one server, which stand side by side in an index, or one id.
type span struct {
	column string
	from   string
	many   bool // all that begin with from
}

// spanOf is where the ids with the same server as id are.
func spanOf(column, id string) span {
	if scheme, rest, ok := strings.Cut(id, "://"); ok {
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			return span{column: column, from: scheme + "://" + rest[:end+1], many: true}
		}
	}
	return span{column: column, from: id}
}

// end is the first text after all that begin with from. Text is compared byte by byte.
func (s span) end() string {
	last := len(s.from) - 1
	return s.from[:last] + string(s.from[last]+1)
}

func (s span) condition() (string, []any) {
	if s.many {
		return s.column + ` >= ? AND ` + s.column + ` < ?`, []any{s.from, s.end()}
	}
	return s.column + ` = ?`, []any{s.from}
}

// covered hops in an index of ids from server to server, and calls do for each
// that is blocked.
func (e *ending) covered(ctx context.Context, table, column string, do func(span, store.Block) error) error {
	next, id := ` > ?`, ""
	for {
		err := e.row(ctx, []any{&id}, `SELECT `+column+` FROM `+table+` WHERE `+column+next+` ORDER BY `+column+` LIMIT 1`, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		s := spanOf(column, id)
		if domain, blocked := e.set.Host(blocklist.HostOf(s.from)); blocked {
			if err := do(s, e.blocks[domain]); err != nil {
				return err
			}
		}
		if next = ` > ?`; s.many {
			next, id = ` >= ?`, s.end()
		}
	}
}

func (c *conn) removeBlock(ctx context.Context, op store.RemoveBlock) error {
	return c.must(ctx, store.ErrNotFound, `DELETE FROM block WHERE subject = ?`, op.Subject)
}
