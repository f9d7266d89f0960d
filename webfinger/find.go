package webfinger

import (
	"context"
	"fmt"
	"net/url"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing/egress"
)

// Find returns the id of the actor that uses a handle. The server of a handle
// speaks for its own actors; where it names one on another server, that one must
// lead back to this very handle, as [Verify] has it: nobody is brought into
// anything by a stranger's handle that points to them. The document of such an
// actor comes from find, which is called for no other.
func Find(ctx context.Context, client *egress.Client, find func(ctx context.Context, id string) (actor.Remote, error), handle string) (id string, err error) {
	asked, err := actor.ParseHandle(handle)
	if err != nil {
		return "", fmt.Errorf("webfinger: find: %w", err)
	}
	answer, err := Ask(ctx, client, handle)
	if err != nil {
		return "", err
	}
	if u, err := url.Parse(answer.ActorID); err == nil && u.Host == asked.Domain {
		return answer.ActorID, nil
	}
	remote, err := find(ctx, answer.ActorID)
	if err != nil {
		return "", fmt.Errorf("webfinger: find %s: %w", asked, err)
	}
	used, err := Verify(ctx, client, remote)
	switch {
	case err != nil:
		return "", err
	case used.String() != asked.String():
		return "", fmt.Errorf("webfinger: find %s: it points to %s, who uses the handle %s", asked, remote.ID, used)
	}
	return remote.ID, nil
}
