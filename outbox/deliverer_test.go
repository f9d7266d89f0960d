package outbox

import (
	"context"
	"crypto"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func TestAPostReachesEveryInboxSigned(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		big, small := newPeer(tw), newPeer(tw)
		tw.apply(tw.follower(big.inbox(1), big.URL+"/inbox"), tw.follower(big.inbox(2), big.URL+"/inbox"))
		tw.followedBy(small, 1)
		tw.publish(bridge())
		tw.drain()

		assert.Equal(t, map[string]int{big.URL + "/inbox": 1, small.inbox(1): 1}, perInbox("Create", big, small))
		assert.Equal(t, "application/activity+json", big.arrivals[0].contentType)
		assert.Equal(t, noon, big.arrivals[0].date)
		assert.Equal(t, 2, tw.receipt("2026/17").Delivered)
	})
}

func TestWhatIsSaidAboutAPostKeepsItsOrderThoughTheFirstTryFails(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		p := newPeer(tw, 500, 202)
		tw.followedBy(p, 1)
		tw.publish(bridge())
		tw.drain()
		tw.publish(bridge(func(it *Item) { it.Title = "Bridge opens on Tuesday" }))
		tw.drain()
		assert.Equal(t, []string{"Create"}, p.got(), "the Update waits for the Create")

		tw.wait(time.Hour)
		tw.drain()
		require.NoError(t, tw.publisher.Withdraw(tw.ctx, "", "2026/17"))
		tw.drain()
		assert.Equal(t, []string{"Create", "Create", "Update", "Delete"}, p.got())
	})
}

func TestAWithdrawalCancelsWhatIsWaiting(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw, 503, 202)
	tw.followedBy(p, 1)
	tw.publish(bridge())
	tw.drain()
	require.NoError(t, tw.publisher.Withdraw(tw.ctx, "", "2026/17"))
	tw.drain()
	assert.Equal(t, []string{"Create", "Delete"}, p.got(), "a 503 may have taken it in")
	assert.Equal(t, []string{"Create cancelled", "Delete delivered"}, tw.deliveries())
}

func TestWithdrawnHalfWayTheRestNeverGetsIt(t *testing.T) {
	const inboxes, halfWay = 2000, 500
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		var peers []*peer
		var arrived atomic.Int64
		withdrawn := make(chan struct{})
		for range 20 {
			p := newPeer(tw)
			p.answer = func(a arrival, w http.ResponseWriter) {
				if arrived.Add(1) == halfWay {
					assert.NoError(t, tw.publisher.Withdraw(tw.ctx, "", "2026/17"))
					close(withdrawn)
				}
				w.WriteHeader(http.StatusAccepted)
			}
			tw.followedBy(p, inboxes/20)
			peers = append(peers, p)
		}
		tw.publish(bridge())
		stop := tw.run(tw.deliverer)
		<-withdrawn
		require.Eventually(t, func() bool { return tw.receipt("2026/17").Pending == 0 }, time.Minute, 200*time.Millisecond)
		stop()

		created, deleted := perInbox("Create", peers...), perInbox("Delete", peers...)
		assert.GreaterOrEqual(t, len(created), halfWay)
		assert.Less(t, len(created), inboxes/2, "no more than what was under way")
		for inbox := range created {
			assert.Equal(t, 1, deleted[inbox], inbox)
		}
	})
}

func TestTwoDeliverersOnOneStoreNeverSendTwice(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		var peers []*peer
		for range 10 {
			p := newPeer(tw)
			tw.followedBy(p, 30)
			peers = append(peers, p)
		}
		for _, key := range []string{"a", "b"} {
			tw.publish(bridge(func(it *Item) { it.Key = key }))
		}
		stop, stopOther := tw.run(tw.deliverer), tw.run(tw.newDeliverer())
		require.Eventually(t, func() bool {
			return tw.receipt("a").Delivered == 300 && tw.receipt("b").Delivered == 300
		}, time.Minute, 200*time.Millisecond)
		stop()
		stopOther()
		for inbox, n := range perInbox("Create", peers...) {
			assert.Equal(t, 2, n, inbox)
		}
	})
}

func TestWhatAKilledProcessHadClaimedIsDeliveredOnceItsLeaseHasEnded(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		p := newPeer(tw)
		tw.followedBy(p, 1)
		tw.publish(bridge())
		claimed, err := s.Claim(tw.ctx, store.Claim{Actors: []string{tw.actor.ID}, Now: tw.clock(), Lease: tw.deliverer.lease(), Limit: 10})
		require.NoError(t, err)
		require.Len(t, claimed, 1, "and then the process is killed")

		tw.drain()
		assert.Empty(t, p.got())
		tw.wait(2 * time.Minute)
		tw.drain()
		assert.Equal(t, []string{"Create"}, p.got())
	})
}

func TestAClockThatJumpsSendsNothingTwice(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		p := newPeer(tw)
		var first string
		release := make(chan struct{})
		p.answer = func(a arrival, w http.ResponseWriter) {
			if a.id == first {
				<-release
			}
			w.WriteHeader(http.StatusAccepted)
		}
		tw.followedBy(p, 1)
		first = tw.publish(bridge(func(it *Item) { it.Key = "a" })).Activity
		stop := tw.run(tw.deliverer)
		arrived := func(n int) func() bool { return func() bool { return len(p.got()) == n } }
		require.Eventually(t, arrived(1), time.Minute, time.Millisecond)

		tw.wait(time.Hour) // and the lease has ended, by this machine's own clock
		tw.publish(bridge(func(it *Item) { it.Key = "b" }))
		require.Eventually(t, arrived(2), time.Minute, time.Millisecond)
		close(release)
		require.Eventually(t, func() bool { return tw.receipt("a").Delivered == 1 }, time.Minute, time.Millisecond)
		tw.publish(bridge(func(it *Item) { it.Key = "c" }))
		require.Eventually(t, arrived(3), time.Minute, time.Millisecond, "and the host is not taken for busy ever after")
		stop()
		assert.Equal(t, map[string]int{p.inbox(1): 3}, perInbox("Create", p))
	})
}

// slowKey signs while the clock goes on.
type slowKey struct {
	crypto.Signer
	meanwhile func()
}

func (k slowKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.meanwhile()
	return k.Signer.Sign(rand, digest, opts)
}

func TestWhatWaitedTooLongForTheKeyIsGivenBack(t *testing.T) {
	key := &slowKey{Signer: quickKey()}
	tw := townOf(t, memory.New(), key)
	key.meanwhile = func() { tw.wait(tw.deliverer.lease()) }
	tw.deliverer.Signers = 1
	peers := []*peer{newPeer(tw), newPeer(tw)}
	for _, p := range peers {
		tw.followedBy(p, 1)
	}
	tw.publish(bridge())
	claimed, err := tw.deliverer.Step(tw.ctx)
	require.NoError(t, err)
	assert.Equal(t, 2, claimed)
	assert.Len(t, perInbox("Create", peers...), 1, "another process may have the other one by now")
	assert.False(t, tw.anyLeased())
	tw.drain()
	assert.Equal(t, map[string]int{peers[0].inbox(1): 1, peers[1].inbox(2): 1}, perInbox("Create", peers...))
}

func TestNothingMoreIsBegunWhileAnswersCannotBeWrittenDown(t *testing.T) {
	s := newShift(newTown(t, memory.New()).deliverer, t.Context())
	s.d.setup()
	assert.True(t, s.hasRoom())
	s.results = make([]result, flushAt)
	assert.False(t, s.hasRoom())
}

func TestAWeekOfRetriesThenADeadLetterThatCanBeRevived(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		tw.deliverer.Roll = func() float64 { return 1 }
		p := newPeer(tw, 401)
		tw.followedBy(p, 1)
		tw.publish(bridge())
		for range 7 * 24 * 3 {
			tw.drain()
			tw.wait(20 * time.Minute)
		}
		assert.Len(t, p.got(), 2*14, "each try knocks twice")
		letters, err := tw.publisher.DeadLetters(tw.ctx, "")
		require.NoError(t, err)
		require.Len(t, letters, 1)
		assert.Equal(t, "401 Unauthorized", letters[0].Answer)
		journal, err := s.Journal(tw.ctx, store.JournalQuery{Kind: "undelivered"})
		require.NoError(t, err)
		require.Len(t, journal, 1)
		assert.Equal(t, "Create given up after 14 tries: 401 Unauthorized", journal[0].Note)
		assert.Equal(t, store.HostOf(p.URL), journal[0].By)

		p.answer = func(_ arrival, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
		require.NoError(t, tw.publisher.Retry(tw.ctx, "", letters[0].ID))
		tw.drain()
		assert.Equal(t, []string{"Create delivered"}, tw.deliveries())
	})
}

func TestADeadHostIsAskedLessAndLessUntilItIsBack(t *testing.T) {
	tw := newTown(t, memory.New())
	tw.deliverer.Roll = func() float64 { return 0 }
	p := newPeer(tw, 502)
	tw.followedBy(p, 40)
	tw.publish(bridge())
	for range 24 * 12 {
		tw.drain()
		tw.wait(5 * time.Minute)
	}
	down, err := tw.store.Peer(tw.ctx, store.HostOf(p.URL))
	require.NoError(t, err)
	assert.Greater(t, down.DownUntil, tw.clock())
	assert.Less(t, len(p.got()), 100, "40 inboxes with no breaker would have been asked 560 times")

	p.answer = func(_ arrival, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
	tw.wait(24 * time.Hour)
	tw.drain()
	assert.Equal(t, 40, tw.receipt("2026/17").Delivered)
	back, err := tw.store.Peer(tw.ctx, store.HostOf(p.URL))
	require.NoError(t, err)
	assert.Equal(t, store.Peer{Host: store.HostOf(p.URL)}, back)
}

func TestAFollowerWhoseInboxIsGoneIsForgottenWhenThatIsConfirmed(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		tw.followedBy(newPeer(tw, 410), 1)
		for _, c := range []struct {
			wait      time.Duration
			followers int
		}{{0, 1}, {30 * time.Minute, 1}, {31 * time.Minute, 0}} {
			tw.wait(c.wait)
			tw.publish(bridge(func(it *Item) { it.Key = tw.clock().String() }))
			tw.drain()
			n, err := s.CountFollowers(tw.ctx, tw.actor.ID)
			require.NoError(t, err)
			assert.Equal(t, c.followers, n, "at %s", tw.clock())
		}
	})
}

func TestAHostThatAsksForPatienceGetsIt(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	p.answer = func(_ arrival, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	tw.followedBy(p, 30)
	tw.publish(bridge())
	tw.drain()
	asked := len(p.got())
	assert.LessOrEqual(t, asked, tw.deliverer.perHost(), "the others of the host are not even tried")
	tw.wait(59 * time.Minute)
	tw.drain()
	assert.Len(t, p.got(), asked)
	p.answer = func(_ arrival, w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
	tw.wait(time.Hour)
	tw.drain()
	assert.Equal(t, 30, tw.receipt("2026/17").Delivered)
}

func TestHostsThatNeverAnswerDoNotStopTheOthers(t *testing.T) {
	tw := newTown(t, memory.New())
	tw.deliverer.Workers = 4
	release := make(chan struct{})
	for range 6 { // more than there are workers
		stalling := newPeer(tw)
		stalling.answer = func(_ arrival, w http.ResponseWriter) { <-release }
		tw.followedBy(stalling, 3)
	}
	healthy := newPeer(tw)
	tw.followedBy(healthy, 50)
	tw.publish(bridge())
	stop := tw.run(tw.deliverer)
	assert.Eventually(t, func() bool { return len(perInbox("Create", healthy)) == 50 }, time.Minute, 10*time.Millisecond)
	close(release)
	stop()
}

func TestNoHostHasMoreConnectionsThanAllowed(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	var open, most atomic.Int64
	p.answer = func(_ arrival, w http.ResponseWriter) {
		most.Store(max(most.Load(), open.Add(1)))
		time.Sleep(time.Millisecond)
		open.Add(-1)
		w.WriteHeader(http.StatusAccepted)
	}
	tw.followedBy(p, 60)
	tw.publish(bridge())
	tw.drain()
	assert.Len(t, p.got(), 60)
	assert.EqualValues(t, tw.deliverer.limits.ConnsPerHost, most.Load())
}

func TestAFollowerHearsThatItIsAcceptedBeforeTheNews(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	var answered atomic.Bool
	p.answer = func(a arrival, w http.ResponseWriter) {
		if a.kind == "Accept" {
			time.Sleep(20 * time.Millisecond)
			answered.Store(true)
		} else if !answered.Load() {
			t.Error("the news came while the Accept was on its way")
		}
		w.WriteHeader(http.StatusAccepted)
	}
	tw.followedBy(p, 1)
	accept := store.Activity{
		ID: testURLs.Activity(NewID()), Actor: tw.actor.ID, Type: "Accept", Object: p.inbox(1) + "/follow",
	}
	accept.Body = []byte(`{"@context":"https://www.w3.org/ns/activitystreams","id":"` + accept.ID +
		`","type":"Accept","actor":"` + tw.actor.ID + `","object":"` + accept.Object + `"}`)
	tw.apply(store.Send{Activity: accept, Inbox: p.inbox(1), Lane: store.Prompt})
	tw.publish(bridge())
	tw.drain()
	assert.Equal(t, []string{"Accept", "Create"}, p.got())
}

func TestStopAndResume(t *testing.T) {
	onEachStore(t, func(t *testing.T, s store.Store) {
		tw := newTown(t, s)
		stopped := make(chan struct{})
		var arrived atomic.Int64
		var peers []*peer
		for range 10 {
			p := newPeer(tw)
			p.answer = func(_ arrival, w http.ResponseWriter) {
				if arrived.Add(1) == 100 {
					assert.NoError(t, tw.newPublisher().Stop(tw.ctx), "as by another process")
					close(stopped)
				}
				w.WriteHeader(http.StatusAccepted)
			}
			tw.followedBy(p, 100)
			peers = append(peers, p)
		}
		tw.publish(bridge())
		stop := tw.run(tw.deliverer)
		<-stopped
		// Whatever was claimed is given back or settled, and nothing new is claimed.
		require.Eventually(t, func() bool { return !tw.anyLeased() }, time.Minute, 100*time.Millisecond)
		stop()
		assert.Less(t, len(perInbox("Create", peers...)), 1000)

		tw.drain() // as after a restart
		assert.Less(t, len(perInbox("Create", peers...)), 1000, "it survives a restart")

		require.NoError(t, tw.publisher.Resume(tw.ctx))
		tw.drain()
		assert.Len(t, perInbox("Create", peers...), 1000)
		var kinds []string
		entries, err := s.Journal(tw.ctx, store.JournalQuery{})
		require.NoError(t, err)
		for _, e := range entries {
			kinds = append(kinds, e.Kind)
		}
		assert.Equal(t, []string{"publish", "stop", "resume"}, kinds)
	})
}

// anyLeased says whether somebody has claimed a delivery and not settled it: a
// pending one that was never answered has no attempt unless it is leased.
func (tw *town) anyLeased() bool {
	leased := false
	require.NoError(tw, eachDelivery(tw.ctx, tw.store, store.DeliveryQuery{State: store.Pending}, func(d store.Delivery) {
		leased = leased || d.Attempt > 0 && d.Answer == ""
	}))
	return leased
}

func TestWhenRunEndsNothingIsLostAndNothingIsLeftLeased(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	reached, release := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(reached) })
	p.answer = func(_ arrival, w http.ResponseWriter) {
		once()
		<-release
		w.WriteHeader(http.StatusAccepted)
	}
	tw.followedBy(p, 10)
	tw.publish(bridge())
	stop := tw.run(tw.deliverer)
	<-reached
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	stop()
	assert.False(t, tw.anyLeased())
	r := tw.receipt("2026/17")
	assert.Positive(t, r.Delivered, "what was open was waited for")
	assert.Equal(t, 10, r.Delivered+r.Pending)
}

// brokenKey panics when it is to sign.
type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("hardware on fire")
}

func TestAPanicIsOneDeliverysProblemAndEndsAfterThreeTries(t *testing.T) {
	tw := townOf(t, memory.New(), brokenKey{quickKey()})
	tw.followedBy(newPeer(tw), 1)
	tw.publish(bridge())
	for range 10 {
		tw.drain()
		tw.wait(time.Hour)
	}
	letters, err := tw.publisher.DeadLetters(tw.ctx, "")
	require.NoError(t, err)
	require.Len(t, letters, 1)
	assert.Equal(t, 3, letters[0].Attempt)
	assert.Equal(t, "panic while sending: hardware on fire", letters[0].Answer)
}

// refusingKey fails to sign, as a key in a KMS that cannot be reached does.
type refusingKey struct{ crypto.Signer }

func (refusingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, context.DeadlineExceeded
}

func TestAKeyThatCannotSignIsNotThePeersFault(t *testing.T) {
	tw := townOf(t, memory.New(), refusingKey{quickKey()})
	p := newPeer(tw)
	tw.followedBy(p, 1)
	tw.publish(bridge())
	for range 10 * 24 {
		tw.drain()
		tw.wait(time.Hour)
	}
	assert.Equal(t, []string{"Create pending"}, tw.deliveries(), "it waits for the key, however long")
	_, err := tw.store.Peer(tw.ctx, store.HostOf(p.URL))
	assert.ErrorIs(t, err, store.ErrNotFound)
}

func TestAnotherKeyOnTheSameStoreDoesNotSend(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	tw.followedBy(p, 1)
	tw.publish(bridge())
	other := tw.newDeliverer()
	other.Actors = slices.Clone(other.Actors)
	other.Actors[0] = newsWith(t, brokenKey{otherKey()})
	assert.ErrorContains(t, other.Run(tw.ctx), "which this process does not hold")
	assert.Empty(t, p.got())
}

func TestTheJournalOfAFailureDoesNotSayWhoFollows(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	tw.followedBy(p, 2)
	p.Close()
	tw.deliverer.limits.DeliveryTries = 1
	tw.publish(bridge())
	tw.drain()
	entries, err := tw.store.Journal(tw.ctx, store.JournalQuery{Kind: "undelivered"})
	require.NoError(t, err)
	require.Len(t, entries, 2)
	for _, e := range entries {
		assert.Contains(t, e.Note, "connection refused")
		assert.NotContains(t, e.Subject+e.Note+e.By, "/people/")
	}
	assert.Equal(t, 2, tw.receipt("2026/17").Answers[0].Inboxes, "and a receipt says it once")
}

func TestWakeIsHeardAtOnce(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	tw.followedBy(p, 1)
	stop := tw.run(tw.deliverer)
	defer stop()
	tw.publish(bridge())
	assert.Eventually(t, func() bool { return len(p.got()) == 1 }, time.Minute, time.Millisecond)
}

func TestWhatAnotherProcessPublishesIsFoundWithoutBeingToldOf(t *testing.T) {
	tw := newTown(t, memory.New())
	p := newPeer(tw)
	tw.followedBy(p, 1)
	stop := tw.run(tw.deliverer)
	defer stop()
	_, err := tw.newPublisher().Publish(tw.ctx, bridge())
	require.NoError(t, err)
	assert.Eventually(t, func() bool { return len(p.got()) == 1 }, time.Minute, time.Millisecond)
}

// faulty is a store that cannot write down answers for a while.
type faulty struct {
	store.Store
	failures atomic.Int64
}

func (f *faulty) Apply(ctx context.Context, ops ...store.Op) error {
	if _, settles := ops[0].(store.Settle); settles && f.failures.Add(-1) >= 0 {
		return context.DeadlineExceeded
	}
	return f.Store.Apply(ctx, ops...)
}

func TestAnAnswerThatCannotBeWrittenDownIsKeptUntilItCan(t *testing.T) {
	f := &faulty{Store: memory.New()}
	f.failures.Store(2)
	tw := newTown(t, f)
	p := newPeer(tw)
	tw.followedBy(p, 1)
	tw.publish(bridge())
	stop := tw.run(tw.deliverer)
	assert.Eventually(t, func() bool { return tw.receipt("2026/17").Delivered == 1 }, time.Minute, 10*time.Millisecond)
	stop()
	assert.Equal(t, []string{"Create"}, p.got(), "and is not sent again")
}
