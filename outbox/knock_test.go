package outbox

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func TestWhatASecondKnockSays(t *testing.T) {
	for _, c := range []struct {
		second result
		counts bool
	}{
		{result{answer: answer{status: 202}}, true},
		{result{answer: answer{status: 503}}, true},
		{result{answer: answer{status: 410}}, true},
		{result{answer: answer{err: errors.New("reset")}}, true},
		{result{cut: true, answer: answer{err: errors.New("cancelled")}}, true},
		{result{answer: answer{status: 401}}, false},
		{result{answer: answer{status: 403}}, false},
		{result{unsent: true}, false},
	} {
		assert.Equal(t, c.counts, c.second.outweighs(), "%s", c.second.answer)
	}
}

// takes is a peer that takes only some forms; each request is noted.
func (p *peer) takes(forms ...signing.Form) (came *[]string) {
	came = new([]string)
	p.answer = func(a arrival, w http.ResponseWriter) {
		status := http.StatusUnauthorized
		for _, form := range forms {
			if form == a.form {
				status = http.StatusAccepted
			}
		}
		*came = append(*came, string(a.form)+" "+http.StatusText(status))
		w.WriteHeader(status)
	}
	return came
}

func TestAHostThatTakesOnlyRFC9421IsKnockedAtTwiceOnceAWeek(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		p := newPeer(tw)
		came := p.takes(signing.RFC9421)
		tw.followedBy(p, 1)
		tw.publish(bridge())
		tw.drain()
		assert.Equal(t, []string{"cavage Unauthorized", "rfc9421 Accepted"}, *came)
		assert.Equal(t, p.arrivals[0].id, p.arrivals[1].id, "the same activity")
		sent, err := s.Deliveries(tw.ctx, store.DeliveryQuery{})
		require.NoError(t, err)
		assert.Equal(t, 1, sent[0].Attempt, "both are one try")
		assert.Equal(t, store.Delivered, sent[0].State)
		known, err := s.Peer(tw.ctx, store.HostOf(p.URL))
		require.NoError(t, err)
		assert.Equal(t, store.Peer{Host: store.HostOf(p.URL), Form: "rfc9421", FormUntil: noon.Add(7 * 24 * time.Hour)}, known)

		*came = nil
		edit := func(title string) {
			tw.publish(bridge(func(it *Item) { it.Title = title }))
			tw.drain()
		}
		edit("Bridge opens on Tuesday")
		tw.deliverer = tw.newDeliverer() // a restart
		edit("Bridge opens on Wednesday")
		assert.Equal(t, []string{"rfc9421 Accepted", "rfc9421 Accepted"}, *came)

		*came = nil
		tw.wait(6*24*time.Hour + 23*time.Hour)
		edit("Bridge opens on Thursday")
		tw.wait(6*24*time.Hour + 23*time.Hour)
		edit("Bridge opens on Friday")
		assert.Equal(t, []string{"rfc9421 Accepted", "rfc9421 Accepted"}, *came, "each one counts anew")

		*came = nil
		came = p.takes(signing.Cavage)
		tw.wait(7*24*time.Hour - time.Minute)
		edit("Bridge opens on Saturday")
		assert.Equal(t, []string{"rfc9421 Unauthorized"}, *came, "never a downgrade while it is remembered")
		tw.wait(2 * time.Minute)
		tw.drain()
		assert.Equal(t, []string{"rfc9421 Unauthorized", "cavage Accepted"}, *came)
		tw.deliverer = tw.newDeliverer()
		edit("Bridge opens on Sunday")
		known, err = s.Peer(tw.ctx, store.HostOf(p.URL))
		require.NoError(t, err)
		assert.False(t, tw.clock().Before(known.FormUntil), "and not learned anew")
		assert.Equal(t, []string{"cavage Accepted"}, (*came)[len(*came)-1:], "what has run out counts for nothing")
	})
}

func TestAHostThatFailsIsStillKnownByItsForm(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	p.takes(signing.RFC9421)
	tw.followedBy(p, 1)
	tw.publish(bridge())
	tw.drain()
	p.answer = func(_ arrival, w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	tw.publish(bridge(func(it *Item) { it.Title = "Bridge opens on Tuesday" }))
	tw.drain()
	known, err := tw.deliverer.Store.Peer(tw.ctx, store.HostOf(p.URL))
	require.NoError(t, err)
	assert.Equal(t, 1, known.Failures)
	assert.Equal(t, "rfc9421", known.Form)
	came := p.takes(signing.RFC9421)
	tw.wait(time.Hour)
	tw.drain()
	assert.Equal(t, []string{"rfc9421 Accepted"}, *came)
	known, err = tw.deliverer.Store.Peer(tw.ctx, store.HostOf(p.URL))
	require.NoError(t, err)
	assert.Equal(t, 0, known.Failures)
	assert.Equal(t, "rfc9421", known.Form)
}

func TestAHostThatTakesDraftCavageIsKnockedAtOnce(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	came := p.takes(signing.Cavage, signing.RFC9421)
	tw.followedBy(p, 1)
	tw.publish(bridge())
	tw.drain()
	assert.Equal(t, []string{"cavage Accepted"}, *came)
	_, err := tw.deliverer.Store.Peer(tw.ctx, store.HostOf(p.URL))
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func TestAcceptSignatureIsHonoured(t *testing.T) {
	t.Run("in a refusal", func(t *testing.T) {
		tw := newTown(t, memory.New())
		p := newPeer(tw)
		var inputs []string
		p.answer = func(a arrival, w http.ResponseWriter) {
			inputs = append(inputs, a.input)
			if len(inputs) == 1 {
				w.Header().Set("Accept-Signature", `me=("@method" "@authority");nonce="n17";tag="fediverse"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}
		tw.followedBy(p, 1)
		tw.publish(bridge())
		tw.drain()
		require.Len(t, inputs, 2)
		assert.Empty(t, inputs[0])
		assert.Contains(t, inputs[1], `me=("@method" "@target-uri" "content-digest" "@authority");`)
		assert.Contains(t, inputs[1], `;nonce="n17";tag="fediverse"`)
		assert.Equal(t, 1, tw.receipt("2026/17").Delivered)
	})
	t.Run("in a welcome", func(t *testing.T) {
		tw := newTown(t, memory.New())
		p := newPeer(tw)
		var forms []signing.Form
		p.answer = func(a arrival, w http.ResponseWriter) {
			forms = append(forms, a.form)
			w.Header().Set("Accept-Signature", `sig1=("@method" "@target-uri" "content-digest");created`)
			w.WriteHeader(http.StatusAccepted)
		}
		tw.followedBy(p, 1)
		tw.publish(bridge())
		tw.drain()
		tw.publish(bridge(func(it *Item) { it.Title = "Bridge opens on Tuesday" }))
		tw.drain()
		assert.Equal(t, []signing.Form{signing.Cavage, signing.RFC9421}, forms)
	})
}
