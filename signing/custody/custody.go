// Package custody is what the store remembers of keys beside the one that is
// pinned: which key is announced, which was revoked, and when somebody last
// proved that a key can be restored. What follows from that is decided here.
package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/panui/panui/store"
)

// Settings is where this is read; a store.Store is one.
type Settings interface {
	Setting(ctx context.Context, name string) (string, error)
}

// errDamaged is wrapped where a setting is there and cannot be read.
var errDamaged = errors.New("what is remembered there is damaged")

func read[T any](ctx context.Context, s Settings, name string) (value T, found bool, err error) {
	text, err := s.Setting(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return value, false, nil
	case err != nil:
		return value, false, fmt.Errorf("custody: %s: %w", name, err)
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return value, false, fmt.Errorf("custody: %s: %w: %w", name, errDamaged, err)
	}
	return value, true, nil
}

func put(name string, value any) (store.Op, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("custody: %s: %w", name, err)
	}
	return store.PutSetting{Name: name, Value: string(text)}, nil
}
