package panui_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// absent is a feature that was left out, with the check of the source that it is
// not there. Each is a variable below.
type absent struct {
	feature string // in words: remote media
	missing func(source) (found string)
}

// check fails where a file of the library has the feature.
func (a absent) check(t *testing.T) {
	t.Helper()
	for _, s := range sources(t) {
		if isExample(s.pkg) {
			continue
		}
		assert.Empty(t, a.missing(s), "%s has what was left out: %s", s.file, a.feature)
	}
}
