package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/store"
)

// answer tells a follower that its Follow is accepted or refused: kind is Accept
// or Reject. Its id is made of the ids of both and of the Follow, so that who
// asks again gets the same answer and one delivery of it. It goes to the
// follower's own inbox: micro.blog takes none at its shared one.
func answer(kind string, urls actor.URLs, f store.Follower, at time.Time) (store.Send, error) {
	id := urls.Activity(segment(kind, f.Actor, f.ID, f.Follow))
	body, err := as2.Marshal(as2.ActivityDocument{
		ID: id, Type: kind, Actor: f.Actor, To: []string{f.ID},
		Object: as2.ActivityDocument{ID: f.Follow, Type: "Follow", Actor: f.ID, Object: as2.ID(f.Actor)},
	})
	if err != nil {
		return store.Send{}, fmt.Errorf("inbox: answer a Follow: %w", err)
	}
	return store.Send{
		Activity: store.Activity{ID: id, Actor: f.Actor, Type: kind, Object: f.Follow, Body: body, At: at},
		Inbox:    f.Inbox,
		Lane:     store.Prompt,
	}, nil
}

// segment makes an opaque name of what makes a thing the same.
func segment(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
