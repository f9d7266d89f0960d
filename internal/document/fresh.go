package document

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Fresh is a document with something in it that changes, such as a count. It
// is rendered again when somebody asks and Every has passed; however many ask,
// one renders and the others get what was there. Do not copy it once it is used.
type Fresh struct {
	Render func(context.Context) (*Document, error)
	Every  time.Duration    // 30 seconds when zero
	Now    func() time.Time // time.Now when nil

	mu      sync.Mutex
	last    *Document
	err     error // of the last rendering
	next    time.Time
	pending chan struct{} // closed when the rendering under way has ended
}

// renderTime bounds one rendering, whoever waits for it.
const renderTime = 5 * time.Second

// ServeHTTP serves the document as [Document.ServeHTTP] does. When rendering
// fails it serves the last one, and 503 when there never was one.
func (f *Fresh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !Readable(w, r) {
		return
	}
	d, err := f.current(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", seconds(f.every()))
		Refuse(w, http.StatusServiceUnavailable)
		return
	}
	d.ServeHTTP(w, r)
}

func (f *Fresh) current(ctx context.Context) (*Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.last != nil && (f.pending != nil || f.now().Before(f.next)):
	case f.pending != nil:
		if err := f.wait(ctx, f.pending); err != nil {
			return nil, err
		}
	default:
		f.render(ctx)
	}
	if f.last == nil {
		return nil, f.err
	}
	return f.last, nil
}

// wait lets go of f while somebody else renders.
func (f *Fresh) wait(ctx context.Context, pending <-chan struct{}) error {
	f.mu.Unlock()
	defer f.mu.Lock()
	select {
	case <-pending:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// render lets go of f meanwhile. It outlives the request that caused it, since
// others wait for the same.
func (f *Fresh) render(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renderTime)
	defer cancel()
	last, err := f.last, errors.New("document: rendering did not end")
	pending := make(chan struct{})
	f.pending = pending
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.last, f.err, f.next, f.pending = last, err, f.now().Add(f.every()), nil
		close(pending)
	}()
	var d *Document
	if d, err = f.Render(ctx); err == nil {
		last = d
	}
}

func (f *Fresh) every() time.Duration {
	if f.Every == 0 {
		return 30 * time.Second
	}
	return f.Every
}

func (f *Fresh) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}
