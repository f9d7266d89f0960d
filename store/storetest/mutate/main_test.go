package main

import (
	"path"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/testenv"
)

func TestEachMutationStillHasItsText(t *testing.T) {
	root := testenv.Root(t)
	files := map[string]int{}
	for _, m := range mutations {
		text, err := m.apply(root)
		assert.NoError(t, err, "%s: %s", m.file, m.rule)
		assert.NotEmpty(t, text)
		assert.NotEqual(t, m.old, m.new, m.rule)
		files[path.Dir(m.file)]++
	}
	for _, backend := range []string{"store/memory", "store/internal/sqlstore", "store/sqlite"} {
		assert.NotZero(t, files[backend], backend)
	}
}
