package inbox

import (
	"hash/maphash"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// replays remembers which signatures had their effect, and lets one request of
// an actor at a time through, so that a hundred copies of one are one and the
// rest repetitions.
type replays struct {
	marks *lru.Cache[[32]byte, struct{}]
	early *lru.Cache[string, struct{}]
	seed  maphash.Seed
	turns [256]sync.Mutex
}

func newReplays(size int) *replays {
	marks, err := lru.New[[32]byte, struct{}](max(size, 1))
	if err != nil {
		panic(err) // only a size below one is an error
	}
	early, err := lru.New[string, struct{}](max(size, 1))
	if err != nil {
		panic(err)
	}
	return &replays{marks: marks, early: early, seed: maphash.MakeSeed()}
}

// tookBack remembers that an actor deleted something that has not come yet: its
// Create may be on a longer way. Ids that were deleted are never used again.
func (s *replays) tookBack(actor, id string) { s.early.Add(segment(actor, id), struct{}{}) }

func (s *replays) isTakenBack(actor, id string) bool { return s.early.Contains(segment(actor, id)) }

// turn waits until no other request of the actor is being decided and returns
// what ends the turn. Two actors may share one.
func (s *replays) turn(actor string) (end func()) {
	turn := &s.turns[maphash.String(s.seed, actor)%uint64(len(s.turns))]
	turn.Lock()
	return turn.Unlock
}

func (s *replays) has(mark [32]byte) bool { return s.marks.Contains(mark) }

func (s *replays) add(mark [32]byte) { s.marks.Add(mark, struct{}{}) }
