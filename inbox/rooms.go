package inbox

import (
	"context"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/panui/panui/store"
)

// rooms knows how many more replies to a post come in before they are counted
// anew. Counting them for each would make a flood cost its square.
type rooms struct {
	mu   sync.Mutex
	left *lru.Cache[string, int]
}

// share is the part of the room left that one process fills before it counts
// again, since others may fill it too.
const share = 8

func newRooms(size int) *rooms {
	left, err := lru.New[string, int](max(size, 1))
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return &rooms{left: left}
}

// full says whether a post has as many replies as are kept, and otherwise takes a place.
func (r *rooms) full(ctx context.Context, s store.Reader, post string, most int) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if left, ok := r.left.Get(post); ok && left > 0 {
		r.left.Add(post, left-1)
		return false, nil
	}
	counts, err := s.Counts(ctx, post)
	if err != nil {
		return false, err
	}
	room := most - counts.Replies - counts.Held
	r.left.Add(post, max(room/share, 0))
	return room <= 0, nil
}
