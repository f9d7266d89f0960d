package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/panui/panui/store"
)

// Receipt says how far an item got.
type Receipt struct {
	store.Receipt
	Post       store.Post
	Activities []Progress // what was said about it, oldest first
	Answers    []Answer   // the last answers of inboxes that do not have it, the most frequent first
}

// Progress says how far one activity got. Counts are inboxes.
type Progress struct {
	Activity, Type                        string
	Delivered, Pending, Failed, Cancelled int
}

// Answer is what a number of inboxes answered last, with one of their hosts.
type Answer struct {
	Text    string
	Status  int // 0 when there was none
	Inboxes int
	Host    string
}

// Receipt says how far what an actor published under key got. It fails with
// store.ErrNotFound when nothing was published.
func (p *Publisher) Receipt(ctx context.Context, actor, key string) (Receipt, error) {
	r, err := p.receipt(ctx, actor, key)
	if err != nil {
		return Receipt{}, fmt.Errorf("outbox: receipt %q: %w", key, err)
	}
	return r, nil
}

func (p *Publisher) receipt(ctx context.Context, actor, key string) (Receipt, error) {
	a, err := find(p.Actors, actor)
	if err != nil {
		return Receipt{}, err
	}
	post, err := p.newest(ctx, a.ID, key)
	if err != nil {
		return Receipt{}, err
	}
	if post == nil {
		return Receipt{}, store.ErrNotFound
	}
	r := Receipt{Post: *post}
	if r.Receipt, err = p.Store.Receipt(ctx, post.ID); err != nil {
		return Receipt{}, err
	}
	t := tally{progress: map[string]int{}, answers: map[string]int{}, receipt: &r}
	err = eachDelivery(ctx, p.Store, store.DeliveryQuery{Object: post.ID}, t.count)
	slices.SortStableFunc(r.Answers, func(a, b Answer) int { return cmp.Compare(b.Inboxes, a.Inboxes) })
	return r, err
}

// tally adds deliveries up into a receipt.
type tally struct {
	receipt  *Receipt
	progress map[string]int // indexes by activity
	answers  map[string]int // indexes by text
}

func (t *tally) count(d store.Delivery) {
	i, ok := t.progress[d.Activity]
	if !ok {
		i = len(t.receipt.Activities)
		t.progress[d.Activity] = i
		t.receipt.Activities = append(t.receipt.Activities, Progress{Activity: d.Activity, Type: d.Type})
	}
	t.receipt.Activities[i].add(d.State)
	if d.Answer != "" && d.State != store.Delivered {
		t.answer(d)
	}
}

func (p *Progress) add(state store.DeliveryState) {
	switch state {
	case store.Delivered:
		p.Delivered++
	case store.Pending:
		p.Pending++
	case store.Failed:
		p.Failed++
	case store.Cancelled:
		p.Cancelled++
	}
}

// maxAnswers is how many different answers a receipt tells apart.
const maxAnswers = 20

func (t *tally) answer(d store.Delivery) {
	text := strings.ReplaceAll(d.Answer, d.Host, "…") // the same error of many hosts is one
	i, ok := t.answers[strconv.Itoa(d.Status)+text]
	if !ok && len(t.receipt.Answers) == maxAnswers {
		return
	}
	if !ok {
		i = len(t.receipt.Answers)
		t.answers[strconv.Itoa(d.Status)+text] = i
		t.receipt.Answers = append(t.receipt.Answers, Answer{Text: text, Status: d.Status, Host: d.Host})
	}
	t.receipt.Answers[i].Inboxes++
}

// eachDelivery calls do with all deliveries that q selects, a page at a time.
func eachDelivery(ctx context.Context, s store.Reader, q store.DeliveryQuery, do func(store.Delivery)) error {
	q.Limit = 1000
	for {
		page, err := s.Deliveries(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range page {
			do(d)
			q.After = d.ID
		}
		if len(page) < q.Limit {
			return nil
		}
	}
}
