package actortest

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Follow asks to follow whom, a handle (news@agency.govt.nz) or an actor id,
// found and checked as Mastodon finds it. Following says when it was accepted.
func (a *Actor) Follow(ctx context.Context, whom string) (Sent, error) {
	target, err := a.find(ctx, whom)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Follow %s: %w", whom, err)
	}
	id := target.text("id")
	activity := a.activity("Follow", id, id)
	a.address(activity, id)
	a.wish(id, activity.text("id"))
	return a.deliver(ctx, activity, target)
}

// wish remembers a Follow; one sent again leaves an older relation as it is.
func (a *Actor) wish(whom, id string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	f := a.follows[whom]
	if f == nil {
		f = &follow{}
		a.follows[whom] = f
	}
	f.id = id
}

// Undo takes back a Follow, Like, Announce or Block.
func (a *Actor) Undo(ctx context.Context, what Sent) (Sent, error) {
	undone, err := readObject(what.JSON)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Undo: %w", err)
	}
	delete(undone, "@context")
	activity := a.activity("Undo", what.ID, undone.ref("object"))
	activity["object"] = map[string]any(undone)
	if to := undone["to"]; to != nil {
		activity["to"] = to
	}
	if undone.text("type") == "Follow" {
		a.server.mu.Lock()
		delete(a.follows, undone.ref("object"))
		a.server.mu.Unlock()
	}
	return a.post(ctx, what.Inbox, activity)
}

// Accept grants a Follow that the actor has received, so that a peer can play a publisher.
func (a *Actor) Accept(ctx context.Context, follow Received) (Sent, error) {
	wish, err := readObject(follow.Body)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Accept: %w", err)
	}
	follower, err := a.find(ctx, follow.Actor)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Accept: %w", err)
	}
	delete(wish, "@context")
	a.server.mu.Lock()
	a.followers[follow.Actor] = true
	a.server.mu.Unlock()
	activity := a.activity("Accept", follow.ID, follow.Actor)
	activity["object"] = map[string]any(wish)
	a.address(activity, follow.Actor)
	return a.deliver(ctx, activity, follower)
}

// Reply answers the post with the id in public, in HTML, and mentions its author.
func (a *Actor) Reply(ctx context.Context, postID, html string) (Sent, error) {
	author, err := a.author(ctx, postID)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Reply to %s: %w", postID, err)
	}
	note := a.note(author, html)
	note["inReplyTo"] = postID
	return a.create(ctx, note, author)
}

// Mention writes a public post in HTML that mentions whom, a handle or actor id.
func (a *Actor) Mention(ctx context.Context, whom, html string) (Sent, error) {
	target, err := a.find(ctx, whom)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Mention %s: %w", whom, err)
	}
	return a.create(ctx, a.note(target, html), target)
}

// EditReply changes what a Reply or Mention says.
func (a *Actor) EditReply(ctx context.Context, reply Sent, html string) (Sent, error) {
	note, err := a.server.ownNote(reply.Object)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: EditReply: %w", err)
	}
	note["content"], note["updated"] = html, stamp(later(a.server.now(), note))
	if note["contentMap"] != nil {
		note["contentMap"] = map[string]any{"en": html}
	}
	a.server.mu.Lock()
	a.server.publish(reply.Object, notePage(note))
	a.server.mu.Unlock()
	activity := a.activity("Update", reply.Object, "")
	activity["object"], activity["to"], activity["cc"] = map[string]any(note), note["to"], note["cc"]
	return a.post(ctx, reply.Inbox, activity)
}

// later is now, or a second after what the note says: an edit that is not newer is ignored.
func later(now time.Time, note object) time.Time {
	for _, name := range []string{"published", "updated"} {
		if next := note.moment(name).Add(time.Second); next.After(now) {
			now = next
		}
	}
	return now
}

// DeleteReply takes a Reply or Mention back; its URL is then 410.
func (a *Actor) DeleteReply(ctx context.Context, reply Sent) (Sent, error) {
	a.server.mu.Lock()
	a.server.publish(reply.Object, page{gone: true})
	a.outbox = slices.DeleteFunc(a.outbox, func(id string) bool { return id == reply.Object })
	a.server.mu.Unlock()
	activity := a.activity("Delete", reply.Object, "")
	activity["to"] = list(public)
	if !a.server.manner.bareDelete {
		activity["object"] = map[string]any{"id": reply.Object, "type": "Tombstone"}
	}
	return a.post(ctx, reply.Inbox, activity)
}

// Like likes the post with the id.
func (a *Actor) Like(ctx context.Context, postID string) (Sent, error) {
	author, err := a.author(ctx, postID)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Like %s: %w", postID, err)
	}
	activity := a.activity("Like", postID, postID)
	switch a.server.o.Dialect {
	case GoToSocial, Pleroma:
		a.address(activity, author.text("id"))
	case Misskey:
		activity["_misskey_reaction"], activity["content"] = "❤", "❤"
	}
	return a.deliver(ctx, activity, author)
}

// Announce boosts the post with the id in public.
func (a *Actor) Announce(ctx context.Context, postID string) (Sent, error) {
	author, err := a.author(ctx, postID)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Announce %s: %w", postID, err)
	}
	activity := a.activity("Announce", postID, postID)
	activity["published"] = stamp(a.server.now())
	activity["to"], activity["cc"] = list(public), list(author.text("id"), a.place("followers"))
	switch a.server.o.Dialect {
	case GoToSocial:
		activity["to"], activity["cc"] = list(a.place("followers")), list(author.text("id"), public)
	case PeerTube:
		delete(activity, "published")
	}
	return a.deliver(ctx, activity, author)
}

// Block blocks whom, a handle or actor id; some software tells the blocked.
func (a *Actor) Block(ctx context.Context, whom string) (Sent, error) {
	target, err := a.find(ctx, whom)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Block %s: %w", whom, err)
	}
	activity := a.activity("Block", target.text("id"), target.text("id"))
	a.address(activity, target.text("id"))
	return a.deliver(ctx, activity, target)
}

// Flag reports whom and some of its posts to its server.
func (a *Actor) Flag(ctx context.Context, whom, reason string, postIDs ...string) (Sent, error) {
	target, err := a.find(ctx, whom)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Flag %s: %w", whom, err)
	}
	by := a
	if !a.server.manner.flagsAsUser {
		by = a.server.instance()
	}
	activity := by.activity("Flag", "", "")
	activity["object"], activity["content"] = list(append([]string{target.text("id")}, postIDs...)...), reason
	return by.deliver(ctx, activity, target)
}

// Move tells the actor with the id that a has moved to another id. It should
// list a's id in alsoKnownAs; see AlsoKnownAs.
func (a *Actor) Move(ctx context.Context, tell, to string) (Sent, error) {
	target, err := a.find(ctx, tell)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: Move: %w", err)
	}
	a.server.mu.Lock()
	a.moved = to
	a.server.mu.Unlock()
	activity := a.activity("Move", a.ID, to)
	activity["target"], activity["to"] = to, list(a.place("followers"))
	return a.deliver(ctx, activity, target)
}

// AlsoKnownAs lists the ids in the actor's document, for a Move to it.
func (a *Actor) AlsoKnownAs(ids ...string) {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	a.known = ids
}

// DeleteActor takes the actor away for good and tells the actor with the id. Its
// documents are 410 before the news arrives, as on real servers: whoever does not
// have the key already cannot verify the Delete.
func (a *Actor) DeleteActor(ctx context.Context, tell string) (Sent, error) {
	target, err := a.find(ctx, tell)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: DeleteActor: %w", err)
	}
	a.server.mu.Lock()
	a.gone = true
	a.server.publish(a.ID, page{public: true, gone: true})
	a.server.publish(a.listedKeyID(), page{public: true, gone: true})
	a.server.mu.Unlock()
	activity := a.activity("Delete", a.ID, "")
	activity["to"] = list(public)
	return a.deliver(ctx, activity, target)
}

// address says to whom the activity is, in dialects that do.
func (a *Actor) address(activity object, to string) {
	if a.server.manner.addresses {
		activity["to"] = list(to)
	}
}

// activity starts an activity in the dialect.
func (a *Actor) activity(kind, about, target string) object {
	return object{
		"@context": a.activityContext(), "id": a.mint(kind, about, target), "type": kind, "actor": a.ID, "object": about,
	}
}

// activityContext is the context of an activity: a string, or with the dialect's own terms.
func (a *Actor) activityContext() any {
	if d := a.server.o.Dialect; d == Pleroma || d == Lemmy {
		return a.contexts()
	}
	return streams
}

// contexts is the context of the actor's document.
func (a *Actor) contexts() []any {
	var contexts []any
	for _, c := range a.server.manner.contexts {
		if pattern, ok := c.(string); ok {
			c = fill(pattern, a.places)
		}
		contexts = append(contexts, c)
	}
	return contexts
}

// note starts a public note of the actor that mentions to.
func (a *Actor) note(to object, html string) object {
	id := a.fill(a.server.manner.note, "", "")
	note := object{
		"id": id, "type": "Note", "attributedTo": a.ID, "content": html, "published": stamp(a.server.now()), "url": id,
		"to": list(public), "cc": list(a.place("followers"), to.text("id")),
		"tag": []any{map[string]any{
			"type": "Mention", "href": to.text("id"), "name": "@" + to.text("preferredUsername") + "@" + hostOf(to.text("id")),
		}},
	}
	switch a.server.o.Dialect {
	case Mastodon:
		note["contentMap"], note["sensitive"], note["atomUri"] = map[string]any{"en": html}, false, id
	case GoToSocial:
		note["contentMap"] = map[string]any{"en": html}
	case Misskey:
		note["_misskey_content"], note["summary"] = html, nil
		delete(note, "url")
	case Pleroma:
		note["actor"], note["summary"], note["source"] = a.ID, "", html
	case Lemmy:
		note["mediaType"], note["source"] = "text/html", map[string]any{"content": html, "mediaType": "text/markdown"}
	}
	return note
}

// create publishes the note here and sends it.
func (a *Actor) create(ctx context.Context, note, to object) (Sent, error) {
	id := note.text("id")
	a.server.mu.Lock()
	a.outbox = append(a.outbox, id)
	a.server.publish(id, notePage(note))
	a.server.mu.Unlock()
	activity := a.activity("Create", id, "")
	activity["object"], activity["published"] = map[string]any(note), note["published"]
	activity["to"], activity["cc"] = note["to"], note["cc"]
	return a.deliver(ctx, activity, to)
}

// notePage serves a note as it is now.
func notePage(note object) page {
	return page{render: func() (object, error) {
		doc := object{"@context": streams}
		for name, value := range note {
			doc[name] = value
		}
		return doc, nil
	}}
}

// ownNote is a copy of a note published here.
func (s *Server) ownNote(id string) (object, error) {
	s.mu.Lock()
	p, found := s.pages[id[min(len(id), len(s.url)):]]
	s.mu.Unlock()
	if !found || p.gone {
		return nil, fmt.Errorf("no note %q here", id)
	}
	note, err := p.render()
	delete(note, "@context")
	return note, err
}

// author fetches the post with the id and then the actor who wrote it.
func (a *Actor) author(ctx context.Context, postID string) (object, error) {
	post, err := a.fetchAs(ctx, postID)
	if err != nil {
		return nil, err
	}
	return a.fetchAs(ctx, post.ref("attributedTo"))
}

// deliver sends the activity to the inbox that the dialect uses for its type.
func (a *Actor) deliver(ctx context.Context, activity, to object) (Sent, error) {
	inbox := to.text("inbox")
	if shared := to.inner("endpoints").text("sharedInbox"); shared != "" && slices.Contains(a.server.manner.shared, activity.text("type")) {
		inbox = shared
	}
	return a.post(ctx, inbox, activity)
}

func (a *Actor) post(ctx context.Context, inbox string, activity object) (Sent, error) {
	body, err := activity.write(a.server.manner.compact)
	if err != nil {
		return Sent{}, fmt.Errorf("actortest: %w", err)
	}
	return a.Send(ctx, inbox, body, Forge{})
}
