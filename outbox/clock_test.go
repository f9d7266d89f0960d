package outbox

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
)

// What was signed before the clock was set is refused for its Date. That is no
// reason to wait, nor to believe that the server wants another form.
func TestWhatWasSignedBeforeTheClockWasSetIsSentAgainAtOnce(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a day on": 25 * time.Hour, "a day back": -25 * time.Hour, "an hour back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			onEachStore(t, func(t *testing.T, s store.Store) {
				tw := newTown(t, s)
				p := newPeer(tw)
				first := true
				p.answer = func(_ arrival, w http.ResponseWriter) {
					if first {
						first = false
						tw.wait(jump)
						w.WriteHeader(http.StatusUnauthorized)
					}
				}
				tw.followedBy(p, 1)
				tw.publish(bridge())
				tw.drain()
				assert.Equal(t, []string{"Create", "Create"}, p.got())
				assert.Equal(t, 1, tw.receipt(bridge().Key).Delivered)
				known, err := tw.store.Peer(tw.ctx, store.HostOf(p.URL))
				if err != nil {
					require.ErrorIs(t, err, store.ErrNotFound)
				}
				assert.Empty(t, known.Form)
			})
		})
	}
}

// What was put off by a clock that stood years ahead goes on when it is right.
func TestWhatAClockAheadPutOffGoesOnWhenItIsRight(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		p := newPeer(tw, 503)
		tw.deliverer.Roll = func() float64 { return 0.5 }
		tw.followedBy(p, 1)
		tw.publish(bridge())
		tw.drain()
		const years = 10 * 365 * 24 * time.Hour
		tw.wait(years)
		for range 6 {
			tw.drain()
			tw.wait(2 * time.Hour)
		}
		assert.Equal(t, 1, tw.receipt(bridge().Key).Pending, "it is not given up for its age")
		host, err := tw.store.Peer(tw.ctx, store.HostOf(p.URL))
		require.NoError(t, err)
		require.True(t, host.DownUntil.After(noon.Add(years)))
		tw.wait(-years - 11*time.Hour)
		before := len(p.got())
		tw.drain()
		assert.Len(t, p.got(), before+1, "once")
		host, err = tw.store.Peer(tw.ctx, store.HostOf(p.URL))
		require.NoError(t, err)
		assert.True(t, host.DownUntil.Before(noon.Add(48*time.Hour)), "the breaker counts by the clock that is right")
		p.mu.Lock()
		p.answer = func(_ arrival, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
		p.mu.Unlock()
		tw.wait(25 * time.Hour)
		tw.drain()
		assert.Equal(t, 1, tw.receipt(bridge().Key).Delivered)
	})
}

func TestAnAgeOfYearsIsTheClocks(t *testing.T) {
	week := limits.Default().DeliveryAge
	of := func(attempt int, due time.Time) store.Delivery {
		return store.Delivery{Attempt: attempt, Created: noon, Due: due}
	}
	year := noon.Add(longestAge)
	assert.Equal(t, longestAge, age(of(2, noon), year, week))
	assert.Zero(t, age(of(2, noon), year.Add(1), week))
	assert.Zero(t, age(of(2, year), year.Add(1), week))
	assert.Zero(t, age(of(1, time.Time{}), year.Add(1), week))
	assert.Zero(t, age(of(1, noon.Add(week)), year.Add(1), week))
	assert.Equal(t, longestAge+1, age(of(1, year), year.Add(1), week), "a dead letter that was revived is tried once")
	assert.Equal(t, -time.Hour, age(of(1, noon), noon.Add(-time.Hour), week))
}

// A proxy that did not serve is asked again, whatever the clock says of when that was.
func TestAClockThatIsSetBackLeavesTheProxyToBeAsked(t *testing.T) {
	w := way{shut: true, failed: noon, look: noon.Add(proxyRest)}
	assert.Zero(t, w.room(noon.Add(proxyRest-1)))
	before := noon.Add(-13 * time.Hour)
	assert.Equal(t, 1, w.room(before))
	w.note(t.Context(), before, before.Add(time.Second), nil, logger(nil))
	assert.False(t, w.shut)
}
