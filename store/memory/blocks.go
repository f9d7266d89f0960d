package memory

import (
	"maps"
	"slices"

	"github.com/panui/panui/internal/blocklist"
	"github.com/panui/panui/store"
)

func (s *Store) blocked(id string) bool {
	if len(s.blocks.rows) == 0 {
		return false
	}
	return slices.ContainsFunc(blocklist.Subjects(id), s.blocks.has)
}

// those are the blocks of one op, and whom they cover.
type those struct {
	blocklist.Set
	blocks map[string]store.Block
}

func (s *Store) putBlocks(op store.PutBlocks) error {
	new := those{blocks: map[string]store.Block{}}
	for _, b := range op.Blocks {
		if _, twice := new.blocks[b.Subject]; !twice {
			new.blocks[b.Subject] = b
		}
		if !s.blocks.has(b.Subject) {
			b.Seq, b.At = next(&s.last.block), moment(b.At)
			s.blocks.put(b.Subject, b)
		}
	}
	new.Set = blocklist.NewSet(slices.Collect(maps.Keys(new.blocks))...)
	inboxes := s.endFollowing(new)
	s.endDeliveries(new, inboxes)
	s.endWords(new, op.Erase)
	return nil
}

// endFollowing removes the followers who are blocked, and returns their inboxes
// that nobody else is behind.
func (s *Store) endFollowing(new those) map[string]bool {
	inboxes := map[string]bool{}
	for who, f := range s.followers.rows {
		_, self := new.ID(f.ID)
		_, inbox := new.Host(blocklist.HostOf(f.Inbox))
		if self || inbox {
			inboxes[f.Inbox] = true
			s.removeFollower(who)
		}
	}
	for _, f := range s.followers.rows {
		delete(inboxes, f.Inbox)
		delete(inboxes, f.SharedInbox)
	}
	return inboxes
}

func (s *Store) endDeliveries(new those, inboxes map[string]bool) {
	for _, d := range s.deliveries.rows {
		_, host := new.Host(blocklist.HostOf(d.Inbox))
		if (host || inboxes[d.Inbox]) && (d.State == store.Pending || d.State == store.Failed) {
			d.State = store.Cancelled
			s.deliveries.put(d.ID, d)
		}
	}
}

func (s *Store) endWords(new those, erase bool) {
	for key, r := range s.reactions.rows {
		if _, found := new.ID(r.From); found {
			s.reactions.remove(key)
		}
	}
	for key, r := range s.received.rows {
		subject, found := new.ID(r.From)
		switch b := new.blocks[subject]; {
		case !found:
		case erase:
			s.takeDown(r, b.At)
		case r.State == store.Held || r.State == store.Shown:
			r.State, r.By, r.Reason, r.Decided = store.Refused, b.By, b.Reason, moment(b.At)
			s.received.put(key, r)
		}
	}
}

func (s *Store) removeBlock(op store.RemoveBlock) error {
	if !s.blocks.has(op.Subject) {
		return store.ErrNotFound
	}
	s.blocks.remove(op.Subject)
	return nil
}
