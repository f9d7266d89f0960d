package memory_test

import (
	"testing"

	"github.com/panui/panui/store/memory"
	"github.com/panui/panui/store/storetest"
)

var backend = storetest.Backend{
	Create: func(testing.TB) func() (storetest.Store, error) {
		s := memory.New()
		return func() (storetest.Store, error) { return s, nil }
	},
	Forgetful: true,
}

func TestStore(t *testing.T) { storetest.Run(t, backend) }

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, backend) }
