package panui

import (
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
)

// Bound puts other limits on what arrives, before the site serves: a test has no
// ten seconds to wait for a body that does not come.
func (s *Site) Bound(l limits.Limits) { s.inbox.Limits = l }

// Trust finds keys elsewhere, before the site serves: in a finder that fails in
// ways in which the site's own does not.
func (s *Site) Trust(keys signing.Keys) { s.inbox.Verifier.Keys = keys }
