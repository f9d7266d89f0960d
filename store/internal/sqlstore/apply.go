package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/panui/panui/store"
)

// Apply carries out ops in one transaction.
func (s *Store) Apply(ctx context.Context, ops ...store.Op) error {
	err := s.write(ctx, func(c *conn) error {
		for i, op := range ops {
			if err := c.apply(ctx, op); err != nil {
				return fmt.Errorf("op %d of %d, %T: %w", i+1, len(ops), op, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: apply: %w", s.dialect.Name, err)
	}
	return nil
}

func (c *conn) apply(ctx context.Context, op store.Op) error {
	switch op := op.(type) {
	case store.PinActor:
		return c.pinActor(ctx, op.Actor)
	case store.RepinKey:
		return c.must(ctx, store.ErrConflict, `UPDATE actor SET fingerprint = ?, handover = ?,
				previous = CASE WHEN ? = '' THEN '' ELSE fingerprint END, rotations = rotations + 1, rotated = ?
			WHERE id = ? AND fingerprint = ?`, op.To, op.Handover, op.Handover, ms(op.At), op.Actor, op.From)
	case store.Stop:
		return c.must(ctx, store.ErrNotFound,
			`UPDATE actor SET stopped = CASE WHEN stopped = `+never+` THEN ? ELSE stopped END WHERE id = ?`, ms(op.At), op.Actor)
	case store.Resume:
		return c.must(ctx, store.ErrNotFound, `UPDATE actor SET stopped = `+never+` WHERE id = ?`, op.Actor)
	case store.PutPost:
		return c.putPost(ctx, op.Post)
	case store.Fanout:
		return c.fanout(ctx, op)
	case store.Send:
		return c.send(ctx, op)
	case store.Cancel:
		return c.cancel(ctx, op)
	case store.Settle:
		return c.settle(ctx, op)
	case store.Retry:
		return c.retry(ctx, op)
	case store.Gone:
		return c.gone(ctx, op)
	case store.PutForm:
		_, err := c.exec(ctx, `INSERT INTO peer (host, failures, down_since, down_until, form, form_until) VALUES (?, 0, `+never+`, `+never+`, ?, ?)
			ON CONFLICT (host) DO UPDATE SET form = excluded.form, form_until = excluded.form_until`, op.Host, op.Form, ms(op.Until))
		return err
	case store.PutPeer:
		return c.putPeer(ctx, op.Peer)
	case store.PutBlocks:
		return c.putBlocks(ctx, op)
	case store.RemoveBlock:
		return c.removeBlock(ctx, op)
	case store.PutFollower:
		return c.putFollower(ctx, op.Follower)
	case store.RemoveFollower:
		return c.removeFollowers(ctx, `actor = ? AND id = ?`, op.Actor, op.ID)
	case store.ForgetActor:
		return c.forgetActor(ctx, op)
	case store.Receive:
		return c.receive(ctx, op.Received)
	case store.Revise:
		return c.revise(ctx, op)
	case store.Retract:
		return c.retract(ctx, `sender = ? AND id = ?`, op.At, op.From, op.ID)
	case store.Decide:
		return c.decide(ctx, op)
	case store.React:
		return c.react(ctx, op.Reaction)
	case store.Unreact:
		_, err := c.exec(ctx, `DELETE FROM reaction WHERE sender = ? AND type = ? AND object = ?`, op.From, op.Type, op.Object)
		return err
	case store.Record:
		return c.record(ctx, op.Entry)
	case store.PutSetting:
		return c.putSetting(ctx, op)
	default:
		return errors.New("unknown op")
	}
}

func (c *conn) pinActor(ctx context.Context, a store.Actor) error {
	same, others := 0, 0
	err := c.row(ctx, []any{&same, &others}, `SELECT
			COUNT(CASE WHEN id = ? AND base_url = ? AND handle = ? AND fingerprint = ? THEN 1 END), COUNT(*)
		FROM actor WHERE id = ? OR handle = ?`,
		a.ID, a.BaseURL, a.Handle, a.Fingerprint, a.ID, a.Handle)
	if err != nil || same == 1 && others == 1 {
		return err
	}
	if others > 0 {
		return store.ErrConflict
	}
	_, err = c.exec(ctx, `INSERT INTO actor (`+actorColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.BaseURL, a.Handle, a.Fingerprint, ms(a.Since), ms(a.Stopped), a.Rotations, ms(a.Rotated), a.Previous, a.Handover)
	return err
}

// record numbers the entry itself: a sequence would leave gaps where a
// transaction is undone, and number entries before they commit.
func (c *conn) record(ctx context.Context, e store.Entry) error {
	if c.dialect.LockJournal != "" {
		if _, err := c.exec(ctx, c.dialect.LockJournal); err != nil {
			return err
		}
	}
	_, err := c.exec(ctx, `INSERT INTO journal (`+journalColumns+`)
		VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM journal), ?, ?, ?, ?, ?, ?, ?)`,
		ms(e.At), e.Actor, e.Kind, e.Subject, e.By, e.Note, blob(e.Body))
	return err
}

func (c *conn) putSetting(ctx context.Context, op store.PutSetting) error {
	if op.Value == "" {
		_, err := c.exec(ctx, `DELETE FROM setting WHERE name = ?`, op.Name)
		return err
	}
	_, err := c.exec(ctx, `INSERT INTO setting (name, value) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, op.Name, op.Value)
	return err
}
