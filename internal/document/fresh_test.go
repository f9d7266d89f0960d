package document_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/document"
)

// counter renders how often it was asked to.
type counter struct {
	asked atomic.Int64
	takes time.Duration
	err   error
}

func (c *counter) render(context.Context) (*document.Document, error) {
	n := c.asked.Add(1)
	time.Sleep(c.takes)
	if c.err != nil {
		return nil, c.err
	}
	return document.New(activityJSON, []byte(strconv.FormatInt(n, 10)), document.Options{}), nil
}

func get(f *document.Fresh) (int, string) {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest("GET", "https://agency.test/", nil))
	return w.Code, w.Body.String()
}

func TestAFreshDocumentIsRenderedAgainOnlyWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{}
		f := &document.Fresh{Render: c.render}
		for range 3 {
			_, body := get(f)
			assert.Equal(t, "1", body)
		}
		time.Sleep(29 * time.Second)
		_, body := get(f)
		assert.Equal(t, "1", body)
		time.Sleep(time.Second)
		_, body = get(f)
		assert.Equal(t, "2", body)
	})
}

func TestAHerdCausesOneRendering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{takes: time.Second}
		f := &document.Fresh{Render: c.render}
		herd := func(want string) {
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					status, body := get(f)
					assert.Equal(t, 200, status)
					assert.Contains(t, want, body)
				})
			}
			all.Wait()
		}
		herd("1")
		assert.EqualValues(t, 1, c.asked.Load())
		time.Sleep(time.Minute)
		herd("12")
		assert.EqualValues(t, 2, c.asked.Load(), "one renders, the others get the old one")
	})
}

func TestAFailureShowsTheLastDocumentAndIsNotRepeatedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counter{}
		f := &document.Fresh{Render: c.render, Every: time.Minute}
		get(f)
		c.err = errors.New("the store is away")
		time.Sleep(2 * time.Minute)
		for range 5 {
			status, body := get(f)
			assert.Equal(t, 200, status)
			assert.Equal(t, "1", body)
		}
		assert.EqualValues(t, 2, c.asked.Load())
	})
}

func TestWithoutAnyDocumentAFailureIsSaid(t *testing.T) {
	f := &document.Fresh{Render: (&counter{err: errors.New("the store is away")}).render}
	status, body := get(f)
	assert.Equal(t, 503, status)
	assert.NotContains(t, body, "store")
}

func TestAPanicWhileRenderingDoesNotLockTheDocument(t *testing.T) {
	panics := true
	f := &document.Fresh{Every: time.Nanosecond, Render: func(context.Context) (*document.Document, error) {
		if panics {
			panic("a bug")
		}
		return document.New(activityJSON, []byte("1"), document.Options{}), nil
	}}
	assert.Panics(t, func() { get(f) })
	panics = false
	status, _ := get(f)
	assert.Equal(t, 200, status)
}
