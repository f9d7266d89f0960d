package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/store"
)

// together runs do at once, as often as n says, and waits.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

var sharingRules = []rule{
	{says: "two handles on one database see each other's work at once", test: func(d *db) {
		second := d.handle()
		d.do(pin(news), notes("1"))
		assert.Equal(d, d.everything(), read(d.T, second))
		require.NoError(d, second.Apply(ctx, sendsTo(1, hosts[0]), notes("2")))
		assert.Equal(d, d.everything(), read(d.T, second))
		d.claimOne(nine, news)
		taken := must(second.Claim(ctx, store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute}))(d)
		assert.Empty(d, taken)
	}},
	{says: "the journal has no gaps and no twins when two handles write at once", test: func(d *db) {
		handles := []Store{d.Store, d.handle()}
		together(8, func(i int) {
			for n := range 10 {
				err := handles[i%2].Apply(ctx, store.Record{Entry: store.Entry{Kind: fmt.Sprint(i), Subject: fmt.Sprint(n)}},
					store.Record{Entry: store.Entry{Kind: fmt.Sprint(i), Subject: fmt.Sprint(n, " again")}})
				assert.NoError(d, err)
				assert.Error(d, handles[i%2].Apply(ctx, notes("undone"), stranger{}))
			}
		})
		all := d.everything().Journal
		require.Len(d, all, 160)
		next := map[string]int{}
		for i, e := range all {
			require.EqualValues(d, i+1, e.Seq)
			if i%2 == 0 {
				require.Equal(d, fmt.Sprint(next[e.Kind]), e.Subject, "each writer's entries are in its order")
				require.Equal(d, e.Kind, all[i+1].Kind, "what is recorded together stays together")
				next[e.Kind]++
			}
		}
	}},
	{says: "whoever reads the journal while others write misses nothing", test: func(d *db) {
		writer := d.handle()
		const entries = 60
		var seen []int64
		together(2, func(i int) {
			if i == 0 {
				for range entries {
					assert.NoError(d, writer.Apply(ctx, notes("1")))
				}
				return
			}
			last := int64(0)
			for tries := 0; last < entries && tries < 1_000_000; tries++ {
				got, err := d.Journal(ctx, store.JournalQuery{After: last, Limit: 7})
				if !assert.NoError(d, err) {
					return
				}
				for _, e := range got {
					seen = append(seen, e.Seq)
					last = e.Seq
				}
			}
		})
		require.Len(d, seen, entries)
		for i, seq := range seen {
			require.EqualValues(d, i+1, seq)
		}
	}},
	{says: "workers on two handles take each delivery once", test: func(d *db) {
		const rows = 200
		for n := range rows {
			d.do(sends(says(n, news, "Create", fmt.Sprint(n)), inbox(fmt.Sprint(n), hosts[n%5])))
		}
		handles := []Store{d.Store, d.handle()}
		var mu sync.Mutex
		taken := map[int64]int{}
		together(6, func(i int) {
			for {
				got, err := handles[i%2].Claim(ctx, store.Claim{Actors: []string{news}, Now: nine, Lease: time.Minute, Limit: 7, PerHost: 3})
				if !assert.NoError(d, err) || len(got) == 0 {
					return
				}
				var ops []store.Op
				mu.Lock()
				for _, one := range got {
					taken[one.ID]++
					ops = append(ops, settles(one, store.Delivered))
				}
				mu.Unlock()
				assert.NoError(d, handles[i%2].Apply(ctx, ops...))
			}
		})
		assert.Len(d, taken, rows)
		for id, times := range taken {
			assert.Equal(d, 1, times, "delivery %d", id)
		}
		assert.Empty(d, d.deliveries(store.DeliveryQuery{State: store.Pending}))
	}},
	{says: "of several that decide on the same state at once, one wins", test: func(d *db) {
		d.do(pin(news), puts(1, 1))
		handles := []Store{d.Store, d.handle()}
		var mu sync.Mutex
		won := 0
		together(6, func(i int) {
			err := handles[i%2].Apply(ctx, puts(1, 2), notes("edit"))
			if err != nil {
				assert.True(d, errors.Is(err, store.ErrConflict), "%v", err)
				return
			}
			mu.Lock()
			won++
			mu.Unlock()
		})
		assert.Equal(d, 1, won)
		assert.Len(d, d.everything().Journal, 1)
	}},
	{says: "an Apply is seen whole or not at all", test: func(d *db) {
		reader := d.handle()
		done := make(chan struct{})
		together(2, func(i int) {
			if i == 0 {
				defer close(done)
				for n := range 30 {
					assert.NoError(d, d.Apply(ctx, follows(news, fmt.Sprint(n, "a"), hosts[0]), follows(news, fmt.Sprint(n, "b"), hosts[0])))
				}
				return
			}
			for {
				got, err := reader.CountFollowers(ctx, news)
				assert.NoError(d, err)
				assert.Zero(d, got%2)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}},
	{says: "everything is there after closing and opening again", lasting: true, test: func(d *db) {
		d.do(oneOfEach(d)...)
		before := d.everything()
		require.NoError(d, d.Close())
		require.NoError(d, d.Close(), "closing twice is no error")
		require.Error(d, d.Apply(ctx, notes("late")), "a closed store says so")
		_, err := d.Actors(ctx)
		require.Error(d, err)
		d.Store = d.handle()
		assert.Equal(d, before, d.everything())
		d.do(notes("after"))
		assert.Len(d, d.everything().Journal, len(before.Journal)+1)
	}},
}
