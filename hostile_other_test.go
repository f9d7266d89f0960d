//go:build !linux

package panui_test

import "testing"

// blackHole skips: how to fill the queue of a listener is known here for Linux only.
func blackHole(t testing.TB) string {
	t.Skip("needs Linux")
	return ""
}
