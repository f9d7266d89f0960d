package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/panui/panui/store"
)

// step is something that one side does, with what the other side and the store
// of the agency must then say, in words.
type step struct {
	says   string
	do     func(context.Context) error
	theirs string // what reached Kiri's inbox since the last step, as Fedify tells it
	ours   string // what the agency's store holds
}

// verdict is what became of a step.
type verdict struct {
	step
	err       error
	gotTheirs string
	gotOurs   string
	arrived   []event // at Kiri's inbox
	knocks    []knock // of Fedify at the agency's inbox
}

func (v verdict) right() bool {
	return v.err == nil && v.theirs == v.gotTheirs && v.ours == v.gotOurs
}

// conversation is an agency and Kiri, whose server runs Fedify.
type conversation struct {
	agency *agency
	kiri   *peer

	post  store.Post
	reply string // its id

	arrived, knocked int // before the current step
}

// steps is the conversation, from a handle to a farewell.
func (c *conversation) steps() []step { return append(c.meeting(), c.parting()...) }

func (c *conversation) meeting() []step {
	const first = "State Highway 1 is open again."
	const forged = "Create(Note) refused: invalidSignature"
	const question = "Tēnā koe! Until when?"
	return []step{
		{"Kiri looks the agency up by its handle", c.lookup, "", "followers 0, likes 0, boosts 0"},
		{"Kiri follows it", c.kiriDoes("follow"), "Accept(Follow)", "followers 1, likes 0, boosts 0"},
		{"the agency publishes", c.publish(first), "Create(Note)", "followers 1, likes 0, boosts 0"},
		{"Kiri opens it", c.open("Note"), "", "followers 1, likes 0, boosts 0"},
		{"Kiri reads the outbox", c.lists(c.outbox, c.create), "", "followers 1, likes 0, boosts 0"},
		{"somebody changes the news on its way", c.forge, forged + ", " + forged + ", " + forged, "followers 1, likes 0, boosts 0"},
		{"the agency corrects it", c.publish(first + " One lane only."), "Update(Note)", "followers 1, likes 0, boosts 0"},
		{"Kiri likes it", c.kiriDoes("like"), "", "followers 1, likes 1, boosts 0"},
		{"Kiri boosts it", c.kiriDoes("boost"), "", "followers 1, likes 1, boosts 1"},
		{"Kiri answers", c.answers(question), "", `followers 1, likes 1, boosts 1, held "Tēnā koe! Until when?"`},
		{"Kiri reads the replies, and hers is not there yet", c.lists(c.replies), "", `followers 1, likes 1, boosts 1, held "Tēnā koe! Until when?"`},
		{"the press office approves it", c.agency.approve, "", `followers 1, likes 1, boosts 1, shown "Tēnā koe! Until when?"`},
		{"Kiri reads the replies, and hers is there", c.lists(c.replies, c.answered), "", `followers 1, likes 1, boosts 1, shown "Tēnā koe! Until when?"`},
	}
}

func (c *conversation) parting() []step {
	return []step{
		{"Kiri edits her answer, so it waits again", c.edits("Tēnā koutou! Until when?"), "", `followers 1, likes 1, boosts 1, held "Tēnā koutou! Until when?"`},
		{"Kiri deletes her answer", c.deletes, "", "followers 1, likes 1, boosts 1"},
		{"Kiri takes her boost back", c.kiriDoes("unboost"), "", "followers 1, likes 1, boosts 0"},
		{"Kiri takes her like back", c.kiriDoes("unlike"), "", "followers 1, likes 0, boosts 0"},
		{"the agency withdraws the news", c.withdraw, "Delete(Tombstone)", "followers 1, likes 0, boosts 0"},
		{"Kiri opens it, and it is gone", c.open(""), "", "followers 1, likes 0, boosts 0"},
		{"Kiri leaves", c.kiriDoes("unfollow"), "", "followers 0, likes 0, boosts 0"},
		{"the agency publishes again, and she is not told", c.publish("State Highway 1 is closed."), "", "followers 0, likes 0, boosts 0"},
	}
}

// patience is how long a step may take on a busy machine. On an idle one it takes moments.
const patience = time.Minute

// take carries a step out and waits until both sides agree with it, or patience ends.
func (c *conversation) take(ctx context.Context, s step) verdict {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v := verdict{step: s, err: s.do(soon)}
	for {
		c.observe(ctx, &v)
		if v.right() || v.err != nil || !pause(soon, 20*time.Millisecond) {
			break
		}
	}
	c.arrived += len(v.arrived)
	c.knocked += len(v.knocks)
	return v
}

func (c *conversation) observe(ctx context.Context, v *verdict) {
	v.arrived, v.knocks = c.kiri.inbox(c.arrived), c.agency.heard(c.knocked)
	v.gotTheirs = told(v.arrived)
	state, err := c.agency.state(ctx, c.post.ID)
	if v.gotOurs = state; v.err == nil {
		v.err = err
	}
}

// pause waits, and says whether there is time for more.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func told(events []event) string {
	var words []string
	for _, e := range events {
		word := e.Type + "(" + e.ObjectType + ")"
		if e.Refused != "" {
			word += " refused: " + e.Refused
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func (c *conversation) lookup(ctx context.Context) error {
	found, err := c.kiri.do(ctx, command{Do: "lookup", What: "@" + c.agency.Handle})
	if err == nil && (found.ID != c.agency.ID || found.Type != "Organization" || found.Name != "Te Manatū Tauira") {
		err = fmt.Errorf("found %+v", found)
	}
	return err
}

// kiriDoes is for commands about the post, and for those about nothing.
func (c *conversation) kiriDoes(what string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.kiri.do(ctx, command{Do: what, What: c.post.ID})
		return err
	}
}

// open fetches the post, which must then be of a type, or nothing.
func (c *conversation) open(kind string) func(context.Context) error {
	return func(ctx context.Context) error {
		found, err := c.kiri.do(ctx, command{Do: "lookup", What: c.post.ID})
		if err == nil && found.Type != kind {
			err = fmt.Errorf("found %q, want %q", found.Type, kind)
		}
		return err
	}
}

func (c *conversation) answers(text string) func(context.Context) error {
	return func(ctx context.Context) error {
		said, err := c.kiri.do(ctx, command{Do: "reply", What: c.post.ID, Content: "<p>" + text + "</p>"})
		c.reply = said.Object
		return err
	}
}

func (c *conversation) edits(text string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.kiri.do(ctx, command{Do: "edit", What: c.reply, Content: "<p>" + text + "</p>"})
		return err
	}
}

func (c *conversation) deletes(ctx context.Context) error {
	_, err := c.kiri.do(ctx, command{Do: "delete", What: c.reply})
	return err
}

// lists reads a collection of the agency until it has these items: a change that
// nobody published, such as an approval, is to be seen a few seconds later.
func (c *conversation) lists(collection func() string, items ...func() string) func(context.Context) error {
	return func(ctx context.Context) error {
		var want []string
		for _, id := range items {
			want = append(want, id())
		}
		for {
			found, err := c.kiri.do(ctx, command{Do: "list", What: collection()})
			if err != nil || slices.Equal(want, found.Items) {
				return err
			}
			if !pause(ctx, 500*time.Millisecond) {
				return fmt.Errorf("%s lists %q, want %q", collection(), found.Items, want)
			}
		}
	}
}

func (c *conversation) outbox() string   { return c.agency.ID + "/outbox" }
func (c *conversation) replies() string  { return c.post.ID + "/replies" }
func (c *conversation) create() string   { return c.post.Activity }
func (c *conversation) answered() string { return c.reply }

func (c *conversation) publish(text string) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		c.post, err = c.agency.Publish(ctx, c.agency.item(text))
		return err
	}
}

func (c *conversation) withdraw(ctx context.Context) error {
	return c.agency.Withdraw(ctx, "", "2026/17")
}
