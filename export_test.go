package panui

import "github.com/panui/panui/internal/limits"

// Bound puts other limits on what arrives, before the site serves: a test has no
// ten seconds to wait for a body that does not come.
func (s *Site) Bound(l limits.Limits) { s.inbox.Limits = l }
