package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

func (c *conn) putFollower(ctx context.Context, f store.Follower) error {
	if err := c.welcome(ctx, f.ID, f.Inbox); err != nil {
		return err
	}
	err := c.forgetAnswers(ctx, `actor = ? AND id = ? AND follow <> ?`, f.Actor, f.ID, f.Follow)
	if err != nil {
		return err
	}
	changed, err := c.exec(ctx, `UPDATE follower SET inbox = ?, shared_inbox = ?, host = ?, follow = ?, state = ?, gone = ?
		WHERE actor = ? AND id = ?`, f.Inbox, f.SharedInbox, f.Host, f.Follow, string(f.State), ms(f.Gone), f.Actor, f.ID)
	if err != nil || changed > 0 {
		return err
	}
	if f.Seq != 0 {
		return store.ErrNotFound
	}
	_, err = c.exec(ctx, `INSERT INTO follower (actor, id, inbox, shared_inbox, host, follow, state, since, gone)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.Actor, f.ID, f.Inbox, f.SharedInbox, f.Host, f.Follow, string(f.State), ms(f.Since), ms(f.Gone))
	return err
}

// forgetAnswers erases what was said alone to each follower of whom the
// condition is true.
func (c *conn) forgetAnswers(ctx context.Context, condition string, args ...any) error {
	private := `SELECT a.seq FROM follower f JOIN activity a ON a.object = f.follow AND a.actor = f.actor
		WHERE a.public = 0 AND f.seq IN (SELECT seq FROM follower WHERE ` + condition + `)`
	_, err := c.exec(ctx, `DELETE FROM delivery WHERE activity IN (`+private+`)`, args...)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `DELETE FROM activity WHERE seq IN (`+private+`)`, args...)
	return err
}

// removeFollowers erases the followers of whom the condition is true, and
// first what was said to each alone.
func (c *conn) removeFollowers(ctx context.Context, condition string, args ...any) error {
	if err := c.forgetAnswers(ctx, condition, args...); err != nil {
		return err
	}
	_, err := c.exec(ctx, `DELETE FROM follower WHERE `+condition, args...)
	return err
}

// gone meets followers twice, by their own inbox and by the shared one, so that
// each half finds them in an index.
func (c *conn) gone(ctx context.Context, op store.Gone) error {
	for _, inbox := range []string{`inbox`, `shared_inbox`} {
		err := c.removeFollowers(ctx, inbox+` = ? AND gone > `+never+` AND gone < ?`, op.Inbox, ms(op.Before))
		if err != nil {
			return err
		}
	}
	for _, inbox := range []string{`inbox`, `shared_inbox`} {
		_, err := c.exec(ctx, `UPDATE follower SET gone = ? WHERE `+inbox+` = ? AND gone = `+never, ms(op.At), op.Inbox)
		if err != nil {
			return err
		}
	}
	return nil
}

// stillThere clears the marks that gone made.
func (c *conn) stillThere(ctx context.Context, inbox string) error {
	for _, column := range []string{`inbox`, `shared_inbox`} {
		_, err := c.exec(ctx, `UPDATE follower SET gone = `+never+` WHERE `+column+` = ? AND gone > `+never, inbox)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) forgetActor(ctx context.Context, op store.ForgetActor) error {
	if err := c.removeFollowers(ctx, `id = ?`, op.ID); err != nil {
		return err
	}
	if _, err := c.exec(ctx, `DELETE FROM reaction WHERE sender = ?`, op.ID); err != nil {
		return err
	}
	return c.retract(ctx, `sender = ?`, op.At, op.ID)
}

func (c *conn) receive(ctx context.Context, r store.Received) error {
	if err := c.welcome(ctx, r.From); err != nil {
		return err
	}
	return c.must(ctx, store.ErrDuplicate, `INSERT INTO received
			(id, actor, sender, type, about, state, body, at, updated, decided_by, reason, decided)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (actor, id) DO NOTHING`,
		r.ID, r.Actor, r.From, r.Type, r.About, string(r.State), blob(r.Body), ms(r.At), ms(r.Updated), r.By, r.Reason, ms(r.Decided))
}

func (c *conn) revise(ctx context.Context, op store.Revise) error {
	if err := c.welcome(ctx, op.From); err != nil {
		return err
	}
	standing := ` WHERE id = ? AND sender = ? AND state <> 'retracted'`
	_, err := c.exec(ctx, `UPDATE received SET state = 'held', decided_by = '', reason = '', decided = `+never+
		standing+` AND state <> 'noted'`, op.ID, op.From)
	if err != nil {
		return err
	}
	return c.must(ctx, store.ErrNotFound, `UPDATE received SET body = ?, updated = ?`+standing,
		blob(op.Body), ms(op.At), op.ID, op.From)
}

// retract leaves what is retracted already as it is.
func (c *conn) retract(ctx context.Context, condition string, at time.Time, args ...any) error {
	_, err := c.exec(ctx, `UPDATE received SET state = 'retracted', body = ?, updated = ?
		WHERE state <> 'retracted' AND `+condition, append([]any{blob(nil), ms(at)}, args...)...)
	return err
}

func (c *conn) decide(ctx context.Context, op store.Decide) error {
	switch op.State {
	case store.Shown, store.Refused, store.Held:
	default:
		return fmt.Errorf("a person cannot decide %q", op.State)
	}
	var r store.Received
	err := c.row(ctx, []any{&r.State, moment{&r.At}, moment{&r.Updated}},
		`SELECT state, at, updated FROM received WHERE actor = ? AND id = ?`, op.Actor, op.ID)
	if err != nil {
		return err
	}
	seen := r.At
	if !r.Updated.IsZero() {
		seen = r.Updated
	}
	if r.State == store.Retracted || !op.Seen.IsZero() && ms(op.Seen) != ms(seen) {
		return store.ErrConflict
	}
	_, err = c.exec(ctx, `UPDATE received SET state = ?, decided_by = ?, reason = ?, decided = ? WHERE actor = ? AND id = ?`,
		string(op.State), op.By, op.Reason, ms(op.At), op.Actor, op.ID)
	return err
}

func (c *conn) react(ctx context.Context, r store.Reaction) error {
	if err := c.welcome(ctx, r.From); err != nil {
		return err
	}
	_, err := c.exec(ctx, `INSERT INTO reaction (id, actor, sender, type, object, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (sender, type, object) DO NOTHING`, r.ID, r.Actor, r.From, r.Type, r.Object, ms(r.At))
	return err
}
