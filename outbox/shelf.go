package outbox

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/store"
)

// How long a shelf believes what it has, and how much that is.
const (
	freshFor = 2 * time.Second // a document, before the store is asked whether it changed
	gapFor   = 5 * time.Second // that there is none
	loadTime = 5 * time.Second // a whole look-up

	singles  = 1024
	pages    = 128
	gapsSize = 10_000
)

// shelf keeps the documents that are asked for. However many ask for one, the
// store is read once in freshFor; what strangers make up is read once, a few at
// a time, and costs a bounded number of names.
type shelf struct {
	now     func() time.Time
	papers  *lru.Cache[string, paper]
	gaps    *lru.Cache[string, time.Time]
	flight  singleflight.Group
	reading chan struct{} // a place for each look-up at once
	mu      sync.Mutex    // orders what is put and what is loaded
	edition int64
}

type paper struct {
	*document.Document
	seen time.Time
}

// loader reads a document from the store, or fails with store.ErrNotFound.
type loader func(context.Context) (*document.Document, error)

func newShelf(size int, now func() time.Time) *shelf {
	s := &shelf{now: now, reading: make(chan struct{}, 4*runtime.GOMAXPROCS(0))}
	s.papers, _ = lru.New[string, paper](size)
	s.gaps, _ = lru.New[string, time.Time](gapsSize)
	return s
}

// put replaces what is on the shelf.
func (s *shelf) put(name string, d *document.Document) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edition++
	s.papers.Add(name, paper{d, s.now()})
	s.gaps.Remove(name)
}

// drop has the next caller read anew.
func (s *shelf) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edition++
	s.papers.Remove(name)
	s.gaps.Remove(name)
}

// get returns a document, from the shelf while that is fresh. Where the store
// fails, an old document is better than none, and comes beside the error.
func (s *shelf) get(ctx context.Context, name string, load loader) (*document.Document, error) {
	p, ok := s.papers.Get(name)
	if ok && s.now().Sub(p.seen) < freshFor {
		return p.Document, nil
	}
	if seen, missing := s.gaps.Get(name); missing && s.now().Sub(seen) < gapFor {
		return nil, store.ErrNotFound
	}
	d, err := s.load(ctx, name, load)
	if err != nil && ok && !errors.Is(err, store.ErrNotFound) {
		return p.Document, err
	}
	return d, err
}

// load reads a document once for all who wait for it, and outlives the one who asked first.
func (s *shelf) load(ctx context.Context, name string, load loader) (*document.Document, error) {
	loaded := s.flight.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
		defer cancel()
		select {
		case s.reading <- struct{}{}:
			defer func() { <-s.reading }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		// Who looked before the last flight landed comes here after it.
		if p, ok := s.papers.Get(name); ok && s.now().Sub(p.seen) < freshFor {
			return p.Document, nil
		}
		before := s.current()
		d, err := load(ctx)
		s.keep(name, d, err, before)
		return d, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-loaded:
		d, _ := r.Val.(*document.Document)
		return d, r.Err
	}
}

func (s *shelf) current() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edition
}

// keep puts what was loaded on the shelf, unless something newer may be there.
func (s *shelf) keep(name string, d *document.Document, err error, before int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.edition != before:
	case errors.Is(err, store.ErrNotFound):
		s.papers.Remove(name)
		s.gaps.Add(name, s.now())
	case err == nil:
		s.papers.Add(name, paper{d, s.now()})
	}
}
