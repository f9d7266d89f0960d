package webfinger

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing/egress"
)

// Answer is an actor and the handle that its servers agree on.
type Answer struct {
	Handle  actor.Handle
	ActorID string
}

// Ask finds the actor behind a handle. Where the answer gives the handle in
// another form, the server of that form is asked too and must name the same
// actor. It fails when nobody has the handle, or the answers do not agree. That
// the actor uses the handle is not shown by it: [Verify] shows that.
func Ask(ctx context.Context, client *egress.Client, handle string) (Answer, error) {
	h, err := actor.ParseHandle(handle)
	if err != nil {
		return Answer{}, fmt.Errorf("webfinger: ask: %w", err)
	}
	answer, err := follow(ctx, client, h)
	if err != nil {
		return Answer{}, fmt.Errorf("webfinger: ask for %s: %w", h, err)
	}
	return answer, nil
}

// Verify returns the handle under which a remote actor may be shown: the one
// that the server of its id gives it, when that handle leads back to the actor.
// On an error show the actor with the host of its id, and no handle.
func Verify(ctx context.Context, client *egress.Client, a actor.Remote) (actor.Handle, error) {
	id, err := url.Parse(a.ID)
	if err != nil {
		return actor.Handle{}, fmt.Errorf("webfinger: verify: %w", err)
	}
	answer, err := Ask(ctx, client, a.PreferredUsername+"@"+id.Host)
	switch {
	case err != nil:
		return actor.Handle{}, err
	case answer.ActorID != a.ID:
		return actor.Handle{}, fmt.Errorf("webfinger: verify %.200q: %s is somebody else", a.ID, answer.Handle)
	}
	return answer.Handle, nil
}

// follow asks for a handle, and once more where the subject is another.
func follow(ctx context.Context, client *egress.Client, h actor.Handle) (Answer, error) {
	first, err := ask(ctx, client, h)
	if err != nil || first.Handle.String() == h.String() {
		return first, err
	}
	second, err := ask(ctx, client, first.Handle)
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("its subject %s: %w", first.Handle, err)
	case second != first:
		return Answer{}, fmt.Errorf("its subject %s does not confirm it", first.Handle)
	}
	return second, nil
}

func ask(ctx context.Context, client *egress.Client, h actor.Handle) (Answer, error) {
	place := "https://" + h.Domain + Path + "?resource=" + url.QueryEscape("acct:"+h.Name+"@"+h.Domain)
	response, err := client.Get(ctx, place, jrdMediaType+", application/json", nil)
	switch {
	case err != nil:
		return Answer{}, err
	case response.Status != http.StatusOK:
		return Answer{}, fmt.Errorf("status %d", response.Status)
	case !isDescriptor(response.Header["Content-Type"]):
		return Answer{}, errors.New("not a JSON resource descriptor")
	}
	answer, err := read(response.Body)
	if err != nil {
		return Answer{}, err
	}
	return answer, client.Check(answer.ActorID)
}

func isDescriptor(values []string) bool {
	if len(values) != 1 {
		return false
	}
	kind, _, err := mime.ParseMediaType(values[0])
	return err == nil && (kind == jrdMediaType || kind == "application/json")
}

// read takes the subject and the one actor from a descriptor. Some servers list
// the actor under both media types of ActivityPub; two actors are an error.
func read(body []byte) (Answer, error) {
	if err := as2.Scan(body, limits.Default()); err != nil {
		return Answer{}, err
	}
	var d descriptor
	if err := json.Unmarshal(body, &d); err != nil {
		return Answer{}, errors.New("not a JSON resource descriptor")
	}
	subject, err := actor.ParseHandle(d.Subject)
	if err != nil {
		return Answer{}, fmt.Errorf("subject: %w", err)
	}
	id := ""
	for _, l := range d.Links {
		if l.Rel != relSelf || l.Type != as2.MediaType && l.Type != as2.LDMediaType {
			continue
		}
		if id != "" && id != l.Href {
			return Answer{}, errors.New("it names two actors")
		}
		id = l.Href
	}
	if !strings.HasPrefix(id, "https://") {
		return Answer{}, errors.New("it names no actor under https")
	}
	return Answer{Handle: subject, ActorID: id}, nil
}
