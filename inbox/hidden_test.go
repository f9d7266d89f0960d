package inbox

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
)

// hiding are middlewares that do not let the inbox set a deadline on the connection.
var hiding = map[string]func(http.Handler) http.Handler{
	"http.TimeoutHandler": func(h http.Handler) http.Handler { return http.TimeoutHandler(h, 20*time.Second, "too slow") },
	"a ResponseWriter without Unwrap": func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
		})
	},
}

const hiddenReadTimeout = 1200 * time.Millisecond

// serveHidden serves the handler behind a middleware that hides the connection,
// on a server as docs/deploy.md wants one.
func serveHidden(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout = hiddenReadTimeout
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// drip sends a head, and then a letter of a body now and then until the
// connection ends. It returns the answer, when it came, and when the connection ended.
func drip(t *testing.T, address, head string) (answer *http.Response, answered time.Duration, ended <-chan time.Duration) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	began := time.Now()
	_, err = io.WriteString(connection, head)
	require.NoError(t, err)
	end := make(chan time.Duration, 1)
	go func() {
		defer connection.Close()
		piece := "{"
		if strings.Contains(head, "chunked") {
			piece = "1\r\n{\r\n"
		}
		for {
			if _, err := io.WriteString(connection, piece); err != nil {
				end <- time.Since(began)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	answer, err = http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	return answer, time.Since(began), end
}

// serving counts the connections that the server has not done with.
func serving() int {
	stacks := make([]byte, 4<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "net/http.(*conn).serve(")
}

// B028 behind middleware: what drips is answered in time all the same, and what
// stays behind is gone with the server's ReadTimeout.
func TestADrippingBodyBehindAMiddleware(t *testing.T) {
	for name, hide := range hiding {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Limits = limits.Default()
			w.Limits.BodyDeadline = 100 * time.Millisecond
			address := serveHidden(t, hide(w))
			for range 2 {
				for _, framed := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
					answer, answered, ended := drip(t, address, head(w.request(aliceReplies), framed))
					assert.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
					assert.True(t, answer.Close)
					assert.Less(t, answered, hiddenReadTimeout, "it is not the server that ended it")
					assert.Equal(t, bodySlow, w.lines.reason())
					assert.Empty(t, w.gate.inside, "its place is free")
					assert.Less(t, <-ended, 3*hiddenReadTimeout)
				}
			}
			assert.Eventually(t, func() bool { return serving() == 0 }, 5*time.Second, 10*time.Millisecond, "nothing stays")
			assert.Equal(t, 1, strings.Count(strings.Join(w.lines.all, "\n"), "a middleware hides the connection"), "said once")

			good := replace.Replace(aliceReplies)
			fine := talk(t, address, head(w.request(aliceReplies), fmt.Sprint("Content-Length: ", len(good))), good)
			assert.Equal(t, http.StatusAccepted, fine.StatusCode, "whoever sends a body is taken")
		})
	}
}

// Bodies that do not come at all keep their places until the server's
// ReadTimeout, and no more than there are places are waited for.
func TestSilentBodiesBehindAMiddlewareAreBounded(t *testing.T) {
	for name, hide := range hiding {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Limits = limits.Default()
			w.Limits.BodyDeadline, w.Limits.InWork, w.Limits.Waiting = 50*time.Millisecond, 1, 1
			w.once.Do(w.prepare)
			places := 2 * runtime.GOMAXPROCS(0)
			address := serveHidden(t, hide(w))
			silent := head(w.request(aliceReplies), "Content-Length: 100")
			answers := make(chan int, places)
			for range places {
				go func() { answers <- talk(t, address, silent).StatusCode }()
			}
			require.Eventually(t, func() bool { return len(w.gate.inside) == places }, hiddenReadTimeout, 5*time.Millisecond)
			assert.Equal(t, http.StatusServiceUnavailable, talk(t, address, silent).StatusCode)
			assert.Equal(t, busy, w.lines.reason())
			for range places {
				// A TimeoutHandler sees that the connection is over, and answers by itself.
				assert.Contains(t, []int{http.StatusRequestTimeout, http.StatusServiceUnavailable}, <-answers)
			}
			assert.Eventually(t, func() bool { return len(w.gate.inside) == 0 && serving() == 0 }, 5*time.Second, 10*time.Millisecond)
			assert.Equal(t, bodySlow, w.lines.reason())
		})
	}
}
