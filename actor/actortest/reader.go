package actortest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Post is what a reader sees of a post of somebody else.
type Post struct {
	ID, Type, Author string
	Name             string
	Summary          string // a content warning, for most software
	Content          string // HTML as sent
	Language         string // first key of contentMap
	URL              string
	InReplyTo        string
	Attachments      []Attachment
	Published        time.Time
	Updated          time.Time // zero until an Update was believed
	Edits            int       // how many Updates were
	Arrived          Received  // the request that brought this state, with its Verdict
	// Late says that the post came over six hours after it was published: Mastodon
	// then keeps it on the author's page and puts it on no home timeline.
	Late bool
}

// Attachment is a picture or file of a Post.
type Attachment struct{ URL, MediaType, Alt string }

// Timeline returns the posts that the actor's home timeline shows, newest first:
// those of actors who have accepted to be followed, as verified Creates and newer
// Updates left them, without what was deleted. It lists the Late ones too.
func (a *Actor) Timeline() []Post {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	var shown []Post
	for _, post := range a.server.posts {
		if f := a.follows[post.Author]; f != nil && f.accepted {
			shown = append(shown, *post)
		}
	}
	slices.SortFunc(shown, func(x, y Post) int {
		if c := y.Published.Compare(x.Published); c != 0 {
			return c
		}
		return strings.Compare(y.ID, x.ID)
	})
	return shown
}

// WaitFor returns when done says true; it is asked again after every request
// that reaches the server. The error says what came instead.
func (s *Server) WaitFor(ctx context.Context, done func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("actortest: WaitFor at %s: %w; %s", s.url, ctx.Err(), s.story())
		}
	}
}

// story tells the last of what came.
func (s *Server) story() string {
	receipts := s.Received()
	lines := []string{fmt.Sprintf("%d requests came to its inboxes", len(receipts))}
	for _, r := range receipts[max(0, len(receipts)-5):] {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "\n\t")
}

// apply changes what readers see, and says why it does not.
func (s *Server) apply(receipt *Received, activity object) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch receipt.Type {
	case "Accept":
		return s.accepted(receipt, activity)
	case "Reject":
		return s.rejected(receipt, activity)
	case "Create":
		return s.show(receipt, activity)
	case "Update":
		return s.edit(receipt, activity)
	case "Delete":
		return s.erase(receipt)
	case "Follow":
		return s.followed(receipt)
	case "Undo":
		s.undone(receipt, activity)
	}
	return nil
}

// wish is the follow that an Accept or Reject is about: by the Follow's id, or
// by who embedded in it follows whom.
func (s *Server) wish(receipt *Received, activity object) (*Actor, *follow) {
	for _, a := range s.actors {
		f := a.follows[receipt.Actor]
		if f != nil && (f.id == receipt.Object || activity.inner("object").ref("actor") == a.ID) {
			return a, f
		}
	}
	return nil, nil
}

func (s *Server) accepted(receipt *Received, activity object) *refusal {
	_, f := s.wish(receipt, activity)
	if f == nil {
		return refuse(0, "accepts a Follow that nobody here sent")
	}
	f.accepted = true
	return nil
}

func (s *Server) rejected(receipt *Received, activity object) *refusal {
	a, f := s.wish(receipt, activity)
	if f == nil {
		return refuse(0, "rejects a Follow that nobody here sent")
	}
	delete(a.follows, receipt.Actor)
	return nil
}

// show adds a new post, when it concerns somebody here.
func (s *Server) show(receipt *Received, activity object) *refusal {
	post := activity.inner("object")
	id := post.text("id")
	switch {
	case s.erased[id]:
		return refuse(0, "the object was deleted before")
	case s.posts[id] != nil:
		return nil
	case !s.concerns(receipt.Actor, post):
		return refuse(0, "nobody here follows the author or is mentioned")
	}
	s.posts[id] = readPost(post, receipt)
	s.posts[id].Late = s.manner.realTime > 0 && receipt.At.Sub(s.posts[id].Published) > s.manner.realTime
	return nil
}

// concerns says whether somebody here follows the author, is mentioned or answered.
func (s *Server) concerns(author string, post object) bool {
	mentions := post.mentions()
	for _, a := range s.actors {
		if f := a.follows[author]; f != nil && f.accepted || slices.Contains(mentions, a.ID) {
			return true
		}
	}
	return strings.HasPrefix(post.ref("inReplyTo"), s.url+"/")
}

// edit changes a post to a newer state; of one not known it makes a new one, as Mastodon does.
func (s *Server) edit(receipt *Received, activity object) *refusal {
	post := activity.inner("object")
	if receipt.Object == receipt.Actor {
		return s.renewKey(post)
	}
	old := s.posts[receipt.Object]
	if old == nil {
		return s.show(receipt, activity)
	}
	updated := post.moment("updated")
	switch {
	case old.Author != receipt.Actor:
		return refuse(0, "Update of a post by %s", old.Author)
	case !updated.After(old.Updated) || !updated.After(old.Published):
		return refuse(0, "updated is not newer than what is shown")
	}
	next := readPost(post, receipt)
	next.Updated, next.Edits, next.Late = updated, old.Edits+1, old.Late
	s.posts[receipt.Object] = next
	return nil
}

// renewKey believes the keys in an actor's Update, signed with the one before, in
// place of those that were known.
func (s *Server) renewKey(actor object) *refusal {
	owner, met := actor.text("id"), false
	for id, key := range s.keys {
		if key.owner == owner {
			delete(s.keys, id)
			met = true
		}
	}
	for _, v := range actor.list("publicKey") {
		m, _ := v.(map[string]any)
		id := object(m).text("id")
		if next, err := listedKey(actor, id, owner); met && err == nil {
			s.keys[id] = next
		}
	}
	return nil
}

// erase takes a post, or everything of an actor, off the timelines for good.
func (s *Server) erase(receipt *Received) *refusal {
	if receipt.Object == receipt.Actor {
		for _, post := range s.posts {
			if post.Author == receipt.Actor {
				s.forget(post.ID)
			}
		}
		for _, a := range s.actors {
			delete(a.follows, receipt.Actor)
			delete(a.followers, receipt.Actor)
		}
		return nil
	}
	if old := s.posts[receipt.Object]; old != nil && old.Author != receipt.Actor {
		return refuse(0, "Delete of a post by %s", old.Author)
	}
	s.forget(receipt.Object)
	return nil
}

func (s *Server) forget(id string) {
	delete(s.posts, id)
	s.erased[id] = true
}

// followed looks whether the one to follow is here; Accept grants the wish.
func (s *Server) followed(receipt *Received) *refusal {
	for _, a := range s.actors {
		if a.ID == receipt.Object && !a.gone {
			return nil
		}
	}
	return refuse(0, "Follow of %q, who is not here", receipt.Object)
}

func (s *Server) undone(receipt *Received, activity object) {
	follow := activity.inner("object")
	if follow.text("type") != "Follow" {
		return
	}
	for _, a := range s.actors {
		if a.ID == follow.ref("object") {
			delete(a.followers, receipt.Actor)
		}
	}
}

// readPost takes an object apart for readers.
func readPost(o object, receipt *Received) *Post {
	post := &Post{
		ID: o.text("id"), Type: o.text("type"), Author: receipt.Actor, Name: o.text("name"), Summary: o.text("summary"),
		Content: o.text("content"), Language: firstKey(receipt.Body, "contentMap"), URL: o.link("url"), InReplyTo: o.ref("inReplyTo"),
		Published: o.moment("published"), Arrived: *receipt,
	}
	for _, v := range o.list("attachment") {
		if m, ok := v.(map[string]any); ok {
			a := object(m)
			post.Attachments = append(post.Attachments, Attachment{a.link("url"), a.text("mediaType"), a.text("name")})
		}
	}
	return post
}
