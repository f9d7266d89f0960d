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

func TestWhenATryKnocksTwice(t *testing.T) {
	cavage, modern := knock{form: signing.Cavage}, knock{form: signing.RFC9421}
	asked := &signing.Wish{Label: "me", Nonce: "n"}
	for _, c := range []struct {
		first  knock
		answer answer
		want   string
	}{
		{cavage, answer{status: 202}, "once"},
		{cavage, answer{status: 401}, "again as rfc9421"},
		{cavage, answer{status: 403}, "again as rfc9421"},
		{cavage, answer{status: 400}, "once"},
		{cavage, answer{status: 404}, "once"},
		{cavage, answer{status: 410}, "once"},
		{cavage, answer{status: 429}, "once"},
		{cavage, answer{status: 500}, "once"},
		{cavage, answer{status: 503}, "once"},
		{cavage, answer{err: errors.New("connection reset")}, "once"},
		{cavage, answer{status: 401, wish: asked}, "again as rfc9421, as asked"},
		{cavage, answer{status: 400, wish: asked}, "again as rfc9421, as asked"},
		{cavage, answer{status: 202, wish: asked}, "once"},
		{modern, answer{status: 401}, "once"},
		{modern, answer{status: 403}, "once"},
		{modern, answer{status: 202}, "once"},
		{modern, answer{status: 401, wish: asked}, "again as rfc9421, as asked"},
	} {
		got := "once"
		if k, again := c.first.second(c.answer); again {
			got = "again as " + string(k.form)
			if k.wish.Nonce == "n" {
				got += ", as asked"
			}
		}
		assert.Equal(t, c.want, got, "%s, then %s", c.first.form, c.answer)
	}
}

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

func TestWhatShowsTheForm(t *testing.T) {
	cavage, modern := knock{form: signing.Cavage}, knock{form: signing.RFC9421}
	assert.True(t, modern.shows(answer{status: 202}))
	assert.True(t, cavage.shows(answer{status: 202, wish: &signing.Wish{}}), "it asks for it")
	assert.False(t, cavage.shows(answer{status: 202}))
	assert.False(t, modern.shows(answer{status: 401}))
	assert.False(t, cavage.shows(answer{status: 401, wish: &signing.Wish{}}), "which nothing has proved yet")
	assert.False(t, modern.shows(answer{err: errors.New("reset")}))
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
		assert.Equal(t, store.Peer{Host: store.HostOf(p.URL)}, known, "and forgotten afterwards")
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
