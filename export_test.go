package panui

import (
	"context"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
)

// Bound puts other limits on what arrives, before the site serves: a test has no
// ten seconds to wait for a body that does not come.
func (s *Site) Bound(l limits.Limits) { s.inbox.Limits = l }

// Trust finds keys elsewhere, before the site serves: in a finder that fails in
// ways in which the site's own does not.
func (s *Site) Trust(keys signing.Keys) { s.inbox.Verifier.Keys = keys }

// Begin is what Run does before it delivers.
func (s *Site) Begin(ctx context.Context) error {
	if err := s.publisher.Pin(ctx); err != nil {
		return err
	}
	return s.publisher.Introduce(ctx)
}

// Deliver sends what is due, and nothing that becomes due later.
func (s *Site) Deliver(ctx context.Context) error { return s.deliverer.Drain(ctx) }

// Small makes the site one that delivers little at once, before it delivers: room
// for more is what most of a short test's time goes into.
func (s *Site) Small() { s.deliverer.Workers = 8 }

// HangUp closes the connections that the site keeps.
func (s *Site) HangUp() { s.deliverer.Client.CloseIdle() }
