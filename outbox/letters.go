package outbox

import (
	"context"
	"fmt"
	"strconv"

	"github.com/panui/panui/store"
)

// DeadLetters lists what was given up of an actor, oldest first; of every actor
// of the site for an empty name.
func (p *Publisher) DeadLetters(ctx context.Context, actor string) ([]store.Delivery, error) {
	chosen, err := p.chosen(actor)
	if err != nil {
		return nil, fmt.Errorf("outbox: dead letters: %w", err)
	}
	var letters []store.Delivery
	for _, a := range chosen {
		q := store.DeliveryQuery{Actor: a.ID, State: store.Failed}
		if err := eachDelivery(ctx, p.Store, q, func(d store.Delivery) { letters = append(letters, d) }); err != nil {
			return nil, fmt.Errorf("outbox: dead letters: %w", err)
		}
	}
	return letters, nil
}

// Retry sends dead letters again, those older than a week once: those with the
// ids, or all of an actor when no id is given, or all of the site when the name
// is empty too. It fails with store.ErrNotFound for what is no dead letter of the site.
func (p *Publisher) Retry(ctx context.Context, actor string, deliveries ...int64) error {
	ops, err := p.retry(ctx, actor, deliveries)
	if err == nil {
		err = p.Store.Apply(ctx, ops...)
	}
	if err != nil {
		return fmt.Errorf("outbox: retry: %w", err)
	}
	p.wake()
	return nil
}

func (p *Publisher) retry(ctx context.Context, actor string, deliveries []int64) (ops []store.Op, err error) {
	chosen, err := p.chosen(actor)
	if err != nil {
		return nil, err
	}
	m := p.moment("")
	noted := func(id, subject string) store.Op {
		return store.Record{Entry: store.Entry{At: m.now, Actor: id, Kind: "retry", Subject: subject, By: m.by}}
	}
	if len(deliveries) == 0 {
		for _, a := range chosen {
			ops = append(ops, store.Retry{Actor: a.ID, Due: m.now}, noted(a.ID, "all dead letters"))
		}
		return ops, nil
	}
	ours := map[string]bool{}
	for _, a := range chosen {
		ours[a.ID] = true
	}
	for _, id := range deliveries {
		found, err := p.Store.Deliveries(ctx, store.DeliveryQuery{After: id - 1, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 || found[0].ID != id || !ours[found[0].Actor] {
			return nil, fmt.Errorf("delivery %d: %w", id, store.ErrNotFound)
		}
		ops = append(ops, store.Retry{Delivery: id, Due: m.now}, noted(found[0].Actor, "delivery "+strconv.FormatInt(id, 10)))
	}
	return ops, nil
}
