// Package memory keeps a store in memory: for tests, for trying things out, and
// as the plain statement of the rules that the other backends are compared with.
// What it holds ends with the process.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/panui/panui/store"
)

// Store is a store in memory.
type Store struct {
	mu     sync.Mutex
	closed bool
	undo   []func() // takes back what the present Apply has done so far
	last   struct{ post, delivery, follower, received, reaction, block int64 }

	actors     table[string, store.Actor]
	posts      table[string, store.Post]
	activities table[string, store.Activity]
	deliveries table[int64, delivery]
	sent       table[pair, int64] // deliveries by activity and inbox
	peers      table[string, store.Peer]
	followers  table[pair, store.Follower]
	gone       table[pair, bool] // the followers that are marked
	received   table[pair, store.Received]
	reactions  table[reaction, store.Reaction]
	blocks     table[string, store.Block]
	settings   table[string, string]
	journal    []store.Entry
}

// pair is an actor or activity of ours with someone or something of others.
type pair struct{ ours, theirs string }

type reaction struct{ from, kind, object string }

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	s := &Store{}
	s.actors.init(&s.undo)
	s.posts.init(&s.undo)
	s.activities.init(&s.undo)
	s.deliveries.init(&s.undo)
	s.sent.init(&s.undo)
	s.peers.init(&s.undo)
	s.followers.init(&s.undo)
	s.gone.init(&s.undo)
	s.received.init(&s.undo)
	s.reactions.init(&s.undo)
	s.blocks.init(&s.undo)
	s.settings.init(&s.undo)
	return s
}

// table is a map that notes how to take back each change.
type table[K comparable, V any] struct {
	rows map[K]V
	undo *[]func()
}

func (t *table[K, V]) init(undo *[]func()) {
	t.rows, t.undo = map[K]V{}, undo
}

func (t *table[K, V]) has(key K) bool {
	_, found := t.rows[key]
	return found
}

func (t *table[K, V]) put(key K, value V) {
	t.remember(key)
	t.rows[key] = value
}

func (t *table[K, V]) remove(key K) {
	t.remember(key)
	delete(t.rows, key)
}

func (t *table[K, V]) remember(key K) {
	old, found := t.rows[key]
	*t.undo = append(*t.undo, func() {
		if found {
			t.rows[key] = old
		} else {
			delete(t.rows, key)
		}
	})
}

// Close ends the store. Later calls fail.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// enter takes the lock for one call, which ends with leave.
func (s *Store) enter(ctx context.Context, doing string) error {
	s.mu.Lock()
	err := ctx.Err()
	if s.closed {
		err = errors.New("the store is closed")
	}
	if err != nil {
		s.mu.Unlock()
		return fmt.Errorf("memory: %s: %w", doing, err)
	}
	return nil
}

func (s *Store) leave() { s.mu.Unlock() }

// Apply carries out ops, and takes them back when one fails.
func (s *Store) Apply(ctx context.Context, ops ...store.Op) error {
	if err := s.enter(ctx, "apply"); err != nil {
		return err
	}
	defer s.leave()
	s.undo = nil
	for i, op := range ops {
		if err := s.apply(op); err != nil {
			s.takeBack()
			return fmt.Errorf("memory: apply: op %d of %d, %T: %w", i+1, len(ops), op, err)
		}
	}
	return nil
}

func (s *Store) takeBack() {
	for i := len(s.undo) - 1; i >= 0; i-- {
		s.undo[i]()
	}
	s.undo = nil
}

// next returns the number after the last. Numbers are not taken back.
func next(last *int64) int64 {
	*last++
	return *last
}

func (s *Store) apply(op store.Op) error {
	switch op := op.(type) {
	case store.PinActor:
		return s.pinActor(op.Actor)
	case store.RepinKey:
		return s.repinKey(op)
	case store.Stop:
		return s.stop(op)
	case store.Resume:
		return s.resume(op)
	case store.PutPost:
		return s.putPost(op.Post)
	case store.Fanout:
		return s.fanout(op)
	case store.Send:
		return s.send(op)
	case store.Cancel:
		return s.cancel(op)
	case store.Settle:
		return s.settle(op)
	case store.Retry:
		return s.retry(op)
	case store.Gone:
		return s.markGone(op)
	case store.PutPeer:
		return s.putPeer(op.Peer)
	case store.PutForm:
		return s.putForm(op)
	case store.PutBlocks:
		return s.putBlocks(op)
	case store.RemoveBlock:
		return s.removeBlock(op)
	case store.PutFollower:
		return s.putFollower(op.Follower)
	case store.RemoveFollower:
		return s.removeFollower(pair{op.Actor, op.ID})
	case store.ForgetActor:
		return s.forgetActor(op)
	case store.Receive:
		return s.receive(op.Received)
	case store.Revise:
		return s.revise(op)
	case store.Retract:
		return s.retract(op)
	case store.Decide:
		return s.decide(op)
	case store.React:
		return s.react(op.Reaction)
	case store.Unreact:
		s.reactions.remove(reaction{op.From, op.Type, op.Object})
		return nil
	case store.Record:
		return s.record(op.Entry)
	case store.PutSetting:
		return s.putSetting(op)
	default:
		return errors.New("unknown op")
	}
}

func (s *Store) pinActor(a store.Actor) error {
	for _, pinned := range s.actors.rows {
		if pinned.ID != a.ID && pinned.Handle != a.Handle {
			continue
		}
		if pinned.ID != a.ID || pinned.Handle != a.Handle || pinned.BaseURL != a.BaseURL || pinned.Fingerprint != a.Fingerprint {
			return store.ErrConflict
		}
	}
	if !s.actors.has(a.ID) {
		a.Since, a.Stopped, a.Rotated = moment(a.Since), moment(a.Stopped), moment(a.Rotated)
		s.actors.put(a.ID, a)
	}
	return nil
}

func (s *Store) repinKey(op store.RepinKey) error {
	a, found := s.actors.rows[op.Actor]
	if !found || a.Fingerprint != op.From {
		return store.ErrConflict
	}
	a.Fingerprint, a.Handover, a.Previous = op.To, op.Handover, ""
	if op.Handover != "" {
		a.Previous = op.From
	}
	a.Rotations, a.Rotated = a.Rotations+1, moment(op.At)
	s.actors.put(a.ID, a)
	return nil
}

func (s *Store) stop(op store.Stop) error {
	a, found := s.actors.rows[op.Actor]
	if !found {
		return store.ErrNotFound
	}
	if a.Stopped.IsZero() {
		a.Stopped = moment(op.At)
	}
	s.actors.put(a.ID, a)
	return nil
}

func (s *Store) resume(op store.Resume) error {
	a, found := s.actors.rows[op.Actor]
	if !found {
		return store.ErrNotFound
	}
	a.Stopped = moment(never)
	s.actors.put(a.ID, a)
	return nil
}

func (s *Store) record(e store.Entry) error {
	before := s.journal
	s.undo = append(s.undo, func() { s.journal = before })
	e.Seq, e.At, e.Body = int64(len(s.journal)+1), moment(e.At), body(e.Body)
	s.journal = append(s.journal, e)
	return nil
}

func (s *Store) putSetting(op store.PutSetting) error {
	if op.Value == "" {
		s.settings.remove(op.Name)
	} else {
		s.settings.put(op.Name, op.Value)
	}
	return nil
}
