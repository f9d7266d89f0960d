package inbox

import (
	"context"
	"fmt"
	"time"

	vocab "github.com/go-ap/activitypub"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
)

// Policy is an agency's own word on a Follow, a reply or mention and its edits, a
// like or a boost, asked after the signature and the authority are certain and
// before anything is stored. From is the id of the remote actor. The reason goes
// into the log and, for a reply, into its record; no stranger sees it.
//
// A Policy that panics or takes longer than [Patience] has said [Hold].
type Policy func(ctx context.Context, from string, activity *vocab.Activity) (Verdict, string)

// Patience is how long a [Policy] may think.
const Patience = 2 * time.Second

// Verdict is what a [Policy] says.
type Verdict int

// The verdicts.
const (
	// Accept leaves everything as the mode and the profile have it: a follower is
	// accepted unless a person approves each, a reply waits for a person.
	Accept Verdict = iota
	// Hold makes a Follow wait for a person and leaves a like or boost uncounted;
	// a reply waits in any case.
	Hold
	// Refuse answers a Follow with a Reject, keeps a reply as refused and leaves a
	// like or boost uncounted.
	Refuse
)

// judged are the types of activities on which the policy has a say. Leaving,
// taking back and reporting are not for it to prevent.
var judged = map[string]bool{"Follow": true, "Create": true, "Update": true, "Like": true, "Announce": true}

// judge asks the policy and contains it.
func (p Policy) judge(ctx context.Context, a as2.Activity, l limits.Limits) (Verdict, string) {
	if p == nil || !judged[a.Type] {
		return Accept, ""
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	answer := make(chan judgement, 1)
	go func() { answer <- p.ask(ctx, a, l) }()
	select {
	case j := <-answer:
		return j.verdict, j.reason
	case <-ctx.Done():
		return Hold, "the policy took too long"
	}
}

type judgement struct {
	verdict Verdict
	reason  string
}

func (p Policy) ask(ctx context.Context, a as2.Activity, l limits.Limits) (j judgement) {
	defer func() {
		if broken := recover(); broken != nil {
			j = judgement{Hold, fmt.Sprintf("the policy panicked: %v", broken)}
		}
	}()
	said, err := vocabulary(a, l)
	if err != nil {
		return judgement{Hold, err.Error()}
	}
	j.verdict, j.reason = p(ctx, a.Actor, said)
	if j.verdict < Accept || j.verdict > Refuse {
		return judgement{Hold, fmt.Sprintf("the policy said %d", j.verdict)}
	}
	return j
}

// vocabulary makes the go-ap value of what a strict reader has let through.
func vocabulary(a as2.Activity, l limits.Limits) (*vocab.Activity, error) {
	item, err := as2.ToAP(a.Raw, l)
	if err != nil {
		return nil, err
	}
	return vocab.ToActivity(item)
}
