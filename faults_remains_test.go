package panui_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/store"
)

// remains is all that a story left behind, in the store and with the peers, as
// text that is the same whatever the ids, the ports and the hour.
func (w *troubled) remains() string {
	w.Helper()
	lines := w.stored()
	if w.north != nil {
		lines = slices.Concat(lines, w.arrived(w.north), w.arrived(w.south))
	}
	return strings.Join(lines, "\n")
}

// names says what ids are about.
func (w *troubled) names(posts []store.Post) func(string) string {
	known := map[string]string{w.base + "/ap/actors/news": "the agency"}
	if w.north != nil {
		maps.Copy(known, map[string]string{
			w.aroha.ID: "aroha", w.wiremu.ID: "wiremu", w.bob.ID: "bob",
			w.aroha.Inbox: "aroha's inbox", w.wiremu.Inbox: "wiremu's inbox", w.bob.Inbox: "bob's inbox",
			w.north.SharedInbox(): "the north's inbox", w.south.SharedInbox(): "the south's inbox",
			w.north.Host(): "the north", w.south.Host(): "the south",
		})
	}
	for i, p := range posts {
		known[p.ID] = fmt.Sprintf("%s (%d)", p.Key, i+1)
	}
	return func(id string) string {
		if name := known[id]; name != "" {
			return name
		}
		switch {
		case strings.HasPrefix(id, w.base+"/ap/activities/"):
			return "an activity"
		case strings.HasPrefix(id, "delivery "):
			return "a delivery"
		case w.north != nil && (strings.HasPrefix(id, w.north.URL()) || strings.HasPrefix(id, w.south.URL())):
			return "something of theirs"
		}
		return id
	}
}

// stored is what the store holds.
func (w *troubled) stored() (lines []string) {
	w.Helper()
	ctx, all := w.Context(), 1000
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	actors, err := w.kept.Actors(ctx)
	require.NoError(w, err)
	posts, err := w.kept.Posts(ctx, store.PostQuery{Limit: all})
	require.NoError(w, err)
	slices.Reverse(posts)
	followers, err := w.kept.Followers(ctx, store.FollowerQuery{Limit: all})
	require.NoError(w, err)
	received, err := w.kept.Received(ctx, store.ReceivedQuery{Limit: all})
	require.NoError(w, err)
	reactions, err := w.kept.Reactions(ctx, store.ReactionQuery{Limit: all})
	require.NoError(w, err)
	deliveries, err := w.kept.Deliveries(ctx, store.DeliveryQuery{Limit: all})
	require.NoError(w, err)
	journal, err := w.kept.Journal(ctx, store.JournalQuery{Limit: all})
	require.NoError(w, err)

	name := w.names(posts)
	for _, a := range actors {
		say("actor %s, stopped %t", a.Handle[:4], !a.Stopped.IsZero())
	}
	for _, p := range posts {
		say("post %s: %s, revision %d, pinned %t, with its Create %t", name(p.ID), p.State, p.Rev, p.Pinned, w.knows(p.Activity))
	}
	for _, f := range followers {
		say("follower %s of %s, %s, gone %t", name(f.ID), name(f.Actor), f.State, !f.Gone.IsZero())
	}
	for _, r := range received {
		say("received %s from %s about %s, %s by %q, with body %t", r.Type, name(r.From), name(r.About), r.State, r.By, len(r.Body) > 0)
	}
	for _, r := range reactions {
		say("reaction %s of %s to %s", r.Type, name(r.From), name(r.Object))
	}
	var sent []string
	for _, d := range deliveries {
		sent = append(sent, fmt.Sprintf("delivery of %s about %s to %s: %s", d.Type, name(d.Object), name(d.Inbox), d.State))
	}
	slices.Sort(sent)
	lines = append(lines, sent...)
	last := ""
	for _, e := range journal {
		line := fmt.Sprintf("journal %s of %s by %s, %q, with words %t", e.Kind, name(e.Subject), name(e.By), howOften.ReplaceAllString(e.Note, "some tries"), len(e.Body) > 0)
		if !repeatable[e.Kind] || line != last {
			say("%s", line)
		}
		last = line
	}
	return lines
}

// howOften is what trouble may well change.
var howOften = regexp.MustCompile(`\d+ tries`)

// repeatable are the decisions of people that the journal has twice when they
// made them twice: because the answer to the first was lost on the way.
var repeatable = map[string]bool{"stop": true, "resume": true, "approve": true, "refuse": true, "retry": true}

// knows says whether the store has an activity of ours.
func (w *troubled) knows(id string) bool {
	_, err := w.kept.Activity(w.Context(), id)
	return err == nil
}

// arrived is what a server holds: who follows, what is on the timelines, and in
// which order things came about each object. What came twice counts once here.
func (w *troubled) arrived(s *actortest.Server) (lines []string) {
	w.Helper()
	posts, err := w.kept.Posts(w.Context(), store.PostQuery{Limit: 1000})
	require.NoError(w, err)
	slices.Reverse(posts)
	name := w.names(posts)
	anywhere := strings.NewReplacer(w.base, "", strings.TrimPrefix(w.base, "http://"), "the agency")
	for _, person := range []*actortest.Actor{w.aroha, w.wiremu, w.bob} {
		if !strings.HasPrefix(person.ID, s.URL()) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s follows %d", person.Name, len(person.Following())))
		for _, seen := range person.Timeline() {
			lines = append(lines, fmt.Sprintf("%s sees %s: %s, edited %d times", person.Name, name(seen.ID), anywhere.Replace(seen.Content), seen.Edits))
		}
	}
	story, times := map[string]string{}, map[string]int{}
	for _, r := range s.Received() {
		if r.Verdict.Status != http.StatusAccepted {
			if r.Verdict.Status != http.StatusUnauthorized { // which asks to knock in the other form
				assert.NotEmpty(w, w.in.Struck(), "%s: %v", r, r.Verdict)
			}
			continue
		}
		id := r.ID + " at " + r.Path
		if times[id]++; times[id] == 1 {
			about := name(r.Object) + " at " + name(s.URL()+r.Path)
			story[about] += " " + r.Type
		}
		assert.LessOrEqual(w, times[id], 1+len(w.in.Struck()), "%s came more often than things went wrong", r)
	}
	for about, types := range story {
		lines = append(lines, "about "+about+" came"+types)
	}
	slices.Sort(lines)
	return lines
}
