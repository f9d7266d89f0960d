package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/panui/panui/store/sqlite"
	"github.com/panui/panui/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Backend{
		Create: func(t *testing.T) func() (storetest.Store, error) {
			path := filepath.Join(t.TempDir(), "panui.db")
			return func() (storetest.Store, error) { return sqlite.Open(context.Background(), path) }
		},
	})
}
