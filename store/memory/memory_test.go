package memory_test

import (
	"testing"

	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Backend{
		Create: func(*testing.T) func() (storetest.Store, error) {
			s := memory.New()
			return func() (storetest.Store, error) { return s, nil }
		},
		Forgetful: true,
	})
}
