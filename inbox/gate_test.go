package inbox

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	vocab "github.com/go-ap/activitypub"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store"
)

// B035: a hundred copies at once have one effect.
func TestManyCopiesHaveOneEffect(t *testing.T) {
	for _, activity := range []string{aliceFollows, aliceReplies, aliceLikes, aliceReports} {
		w := newWorld(t)
		w.Limits = limits.Default()
		w.Limits.Waiting = 200
		requests := make([]*http.Request, 100)
		for i := range requests {
			requests[i] = w.request(activity)
		}
		var all sync.WaitGroup
		for _, r := range requests {
			all.Go(func() { assert.Equal(t, http.StatusAccepted, w.serve(r).Code) })
		}
		all.Wait()
		assert.Len(t, w.spy.applied, 1, activity)
	}
}

// A replay is answered like the first and changes nothing, even when the state that it would change is there again.
func TestAReplayHasNoEffect(t *testing.T) {
	w := newWorld(t)
	follow := w.request(aliceFollows)
	copied := again(w, follow)
	require.Equal(t, 202, w.serve(follow).Code)
	require.Equal(t, 202, w.deliver(aliceUnfollows))
	require.Equal(t, 202, w.serve(copied).Code)
	assert.Empty(t, w.followers(), "who left does not come back by a replay")
}

// Budgets are by address: an IPv4 one, or a /64.
func TestBudgets(t *testing.T) {
	const public, other = "192.0.2.7:1234", "192.0.2.8:1234"
	tests := []struct {
		name        string
		first, then string // addresses
		forwarded   [2]string
		proxies     []string
		want        int
	}{
		{"the same address", public, public, [2]string{}, nil, 429},
		{"another port of it", public, "192.0.2.7:99", [2]string{}, nil, 429},
		{"another address", public, other, [2]string{}, nil, 401},
		{"another in its /64", "[2001:db8:1:2:a::1]:1", "[2001:db8:1:2:b::2]:2", [2]string{}, nil, 429},
		{"another /64", "[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", [2]string{}, nil, 401},
		{"IPv4 in IPv6", public, "[::ffff:192.0.2.7]:1", [2]string{}, nil, 429},
		{"what a stranger says about itself", public, public, [2]string{"198.51.100.1", "198.51.100.2"}, nil, 429},
		{"two clients behind a listed proxy", public, public, [2]string{"198.51.100.1", "198.51.100.2"}, []string{"192.0.2.7/32"}, 401},
		{"one client behind a listed proxy", public, other, [2]string{"198.51.100.1", "198.51.100.1"}, []string{"192.0.2.0/24"}, 429},
		{"one client that adds hops of its own", public, public, [2]string{"1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.1"}, []string{"192.0.2.7/32"}, 429},
		{"behind two listed proxies", public, public, [2]string{"198.51.100.1, 10.0.0.1", "198.51.100.2, 10.0.0.1"}, []string{"192.0.2.7/32", "10.0.0.0/8"}, 401},
		{"a listed proxy that says nonsense", public, public, [2]string{"x", "y"}, []string{"192.0.2.7/32"}, 429},
		{"a proxy that nobody listed, on a private address", "10.0.0.1:1", "10.0.0.1:2", [2]string{}, nil, 401},
		{"no address", "@", "@", [2]string{}, nil, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.Limits = limits.Default()
			w.Limits.PerIP = 1
			for _, proxy := range tt.proxies {
				w.Proxies = append(w.Proxies, netip.MustParsePrefix(proxy))
			}
			unsigned := func(from, forwarded string) *httptest.ResponseRecorder {
				r := w.request(aliceLikes)
				r.Header.Del("Signature")
				if r.RemoteAddr = from; forwarded != "" {
					r.Header.Set("X-Forwarded-For", forwarded)
				}
				return w.serve(r)
			}
			require.Equal(t, 401, unsigned(tt.first, tt.forwarded[0]).Code)
			answer := unsigned(tt.then, tt.forwarded[1])
			assert.Equal(t, tt.want, answer.Code)
			if tt.want == 429 {
				assert.Equal(t, "30", answer.Header().Get("Retry-After"))
			}
		})
	}
}

// A big server sends thousands of likes in minutes: what verifies costs no budget, and a budget fills again.
func TestABudgetIsForWhatDoesNotVerify(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.PerIP, w.Limits.PerIPWindow = 2, 2*time.Minute
	for i := range 10 {
		require.Equal(t, 202, w.deliver(strings.Replace(aliceLikes, "likes/1", fmt.Sprint("likes/", i), 1)))
	}
	bad := func() int {
		r := w.request(aliceLikes)
		r.Header.Del("Signature")
		return w.serve(r).Code
	}
	assert.Equal(t, []int{401, 401, 429, 429}, []int{bad(), bad(), bad(), bad()})
	w.now = w.now.Add(time.Minute)
	assert.Equal(t, []int{401, 429}, []int{bad(), bad()})
}

// tarpit is a server of keys that answers when it is let go.
type tarpit struct {
	signing.Keys
	asked, letGo chan struct{}
}

func (p tarpit) PublicKey(ctx context.Context, id string, renew bool) (signing.PublicKey, error) {
	if strings.HasPrefix(id, "https://tarpit.test/") {
		p.asked <- struct{}{}
		<-p.letGo
	}
	return p.Keys.PublicKey(ctx, id, renew)
}

func TestWhoWaitsForASlowServerKeepsNobodyWaiting(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.InWork = 0 // one at a time
	slow := tarpit{w.Verifier.Keys, make(chan struct{}), make(chan struct{})}
	w.Verifier.Keys = slow
	var all sync.WaitGroup
	all.Go(func() {
		mallory := w.signed("https://tarpit.test/mallory", ids["inbox"], []byte(replace.Replace(aliceLikes)))
		assert.Equal(t, 401, w.serve(mallory).Code)
	})
	<-slow.asked
	patience, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	assert.Equal(t, 202, w.serve(w.request(aliceLikes).WithContext(patience)).Code)
	close(slow.letGo)
	all.Wait()
}

func TestBudgetsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.CacheEntries = 10
	for i := range 1000 {
		r := w.request(aliceLikes)
		r.Header.Del("Signature")
		r.RemoteAddr = fmt.Sprintf("[2001:db8:%x::1]:1", i)
		require.Equal(t, 401, w.serve(r).Code)
	}
	assert.Equal(t, 10, w.gate.budgets.of.Len())
}

// B036: a full house answers at once and loses nobody who is inside.
func TestAFullHouse(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.InWork, w.Limits.Waiting = 1, 1
	room := 2 * runtime.GOMAXPROCS(0)
	open, inside := make(chan struct{}), make(chan struct{}, room)
	w.Policy = func(context.Context, string, *vocab.Activity) (Verdict, string) {
		inside <- struct{}{}
		<-open
		return Accept, ""
	}
	var guests sync.WaitGroup
	for i := range room {
		r := w.request(strings.ReplaceAll(aliceLikes, "{alice}/likes/1", fmt.Sprint("{alice}/likes/", i)))
		guests.Go(func() { assert.Equal(t, http.StatusAccepted, w.serve(r).Code) })
	}
	<-inside
	for len(w.gate.inside) < room {
		runtime.Gosched()
	}
	answer := w.serve(w.request(aliceBoosts))
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	assert.Equal(t, "30", answer.Header().Get("Retry-After"))
	assert.Equal(t, busy, w.lines.reason())
	close(open)
	guests.Wait()
	assert.Equal(t, http.StatusAccepted, w.deliver(aliceBoosts), "there is room again")
}

// Who follows and leaves for ever fills neither the journal nor the queue, can
// always leave, and can follow again later. Others are not kept from it.
func TestAnActorChangesSoMuchInADay(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.ActorPerDay = 3
	follow := func(who string, n int) int {
		return w.deliver(strings.NewReplacer("{alice}", who, "follows/1", fmt.Sprint("follows/", n)).Replace(aliceFollows))
	}
	var codes []int
	for n := range 5 {
		codes = append(codes, follow("{alice}", n))
		require.Equal(t, 202, w.deliver(undo(fmt.Sprintf(`"{alice}/follows/%d"`, n))))
	}
	assert.Equal(t, []int{202, 202, 202, 429, 429}, codes)
	assert.Equal(t, peerBudgetUsed, w.lines.reason())
	assert.Len(t, w.journal(), 6)
	assert.Empty(t, w.followers())
	assert.Empty(t, w.queue())
	assert.Equal(t, 202, follow("{bob}", 1))

	require.Equal(t, 202, w.deliver(aliceClosesAccount), "leaving costs nothing")
	w.now = w.now.Add(8 * time.Hour)
	assert.Equal(t, 202, follow("{alice}", 9))
}

func TestTheActorsOfOneHostChangeSoMuchInAMinute(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.HostPerMinute = 1
	assert.Equal(t, 202, w.deliver(aliceLikes))
	assert.Equal(t, 202, w.deliver(strings.Replace(aliceLikes, "likes/1", "likes/2", 1)), "a repetition changes nothing")
	assert.Equal(t, 429, w.deliver(strings.ReplaceAll(aliceLikes, "{alice}", "{bob}")))
	assert.Equal(t, 202, w.deliver(strings.ReplaceAll(aliceLikes, "{alice}", "{carol}")))
	w.now = w.now.Add(time.Minute)
	assert.Equal(t, 202, w.deliver(strings.ReplaceAll(aliceLikes, "{alice}", "{bob}")))
}

// Replies to one post are bounded, and counted seldom.
func TestRepliesToAPostAreBounded(t *testing.T) {
	w := newWorld(t)
	w.Limits = limits.Default()
	w.Limits.RepliesPerPost = 30
	for i := range 40 {
		require.Equal(t, 202, w.deliver(strings.NewReplacer("say/1", fmt.Sprint("say/", i), "notes/1", fmt.Sprint("notes/", i)).Replace(aliceReplies)))
	}
	assert.Len(t, w.received(store.ReceivedQuery{}), 30)
}

// Counting what an actor said in a day does not read all of it.
func TestATalkativeActorCostsNoMemory(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		w.must(store.Receive{Received: store.Received{ID: fmt.Sprint(ids["alice"], "/old/", i), Actor: ids["news"], From: ids["alice"],
			Type: "Create", State: store.Held, Body: make([]byte, 200<<10), At: start}})
	}
	require.Equal(t, 202, w.deliver(aliceReplies))
	assert.Len(t, w.received(store.ReceivedQuery{About: ids["post"]}), 1)
	assert.Zero(t, w.spy.bytes)
	require.Equal(t, 202, w.deliver(aliceClosesAccount))
	assert.Zero(t, w.spy.bytes)
	assert.Empty(t, w.received(store.ReceivedQuery{Standing: true}))
}

// serveOver serves the handler on a real connection, under its own middleware.
func serveOver(t *testing.T, h http.Handler) (address string) {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// talk sends bytes over a connection of its own and returns the status line of the answer, with the rest.
func talk(t *testing.T, address string, head string, body ...string) *http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	for _, part := range append([]string{head}, body...) {
		if _, err := io.WriteString(connection, part); err != nil {
			break
		}
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// head writes the request line and fields of a signed request.
func head(r *http.Request, more ...string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST /ap/inbox HTTP/1.1\r\nHost: our.test\r\n")
	_ = r.Header.Write(&b)
	for _, line := range more {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n"
}

func TestOverTheWire(t *testing.T) {
	slow := limits.Default()
	slow.BodyDeadline = 50 * time.Millisecond
	body := replace.Replace(aliceReplies)
	length := fmt.Sprint("Content-Length: ", len(body))

	t.Run("a good request is taken", func(t *testing.T) {
		w := newWorld(t)
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), length), body)
		assert.Equal(t, http.StatusAccepted, answer.StatusCode, w.lines.all)
	})
	t.Run("in pieces", func(t *testing.T) {
		w := newWorld(t)
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), "Transfer-Encoding: chunked"),
			fmt.Sprintf("%x\r\n%s\r\n", 100, body[:100]), fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body)-100, body[100:]))
		assert.Equal(t, http.StatusAccepted, answer.StatusCode, w.lines.all)
	})
	t.Run("B027 endless pieces", func(t *testing.T) {
		w := newWorld(t)
		pieces := strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat(" ", 1<<16)), 5)
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), "Transfer-Encoding: chunked"), pieces)
		assert.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
		assert.Equal(t, bodyTooLong, w.lines.reason())
	})
	t.Run("B028 a body that does not come", func(t *testing.T) {
		w := newWorld(t)
		w.Limits = slow
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), length), body[:10])
		assert.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
		assert.Equal(t, bodySlow, w.lines.reason())
	})
	t.Run("B029 two lengths", func(t *testing.T) {
		w := newWorld(t)
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), length, "Content-Length: 3"), body)
		assert.Equal(t, http.StatusBadRequest, answer.StatusCode)
	})
	// The corpus wants 400 for the next two. net/http mends both before a handler
	// sees them: it drops the length, as RFC 9112 section 6.1 allows, and joins the
	// lines. What is verified is what was read, so nothing can differ.
	t.Run("B029 a length and pieces", func(t *testing.T) {
		w := newWorld(t)
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), length, "Transfer-Encoding: chunked"),
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body))
		assert.Equal(t, http.StatusAccepted, answer.StatusCode)
	})
	t.Run("B037 a folded signature", func(t *testing.T) {
		w := newWorld(t)
		r := w.request(aliceReplies)
		signature := r.Header.Get("Signature")
		r.Header.Del("Signature")
		answer := talk(t, serveOver(t, w), head(r, length, "Signature: "+strings.Replace(signature, ",", ",\r\n ", 1)), body)
		assert.Equal(t, http.StatusAccepted, answer.StatusCode)
	})
	t.Run("B033 a body that is announced and not sent", func(t *testing.T) {
		w := newWorld(t)
		w.Limits = slow
		address := serveOver(t, w)
		connection, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer connection.Close()
		_, err = io.WriteString(connection, head(w.request(aliceReplies), length, "Expect: 100-continue"))
		require.NoError(t, err)
		reader := bufio.NewReader(connection)
		first, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusContinue, first.StatusCode)
		second, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		second.Body.Close()
		assert.Equal(t, http.StatusRequestTimeout, second.StatusCode)
	})
	t.Run("B026 a great length is refused before the body is asked for", func(t *testing.T) {
		w := newWorld(t)
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), "Content-Length: 10000000000", "Expect: 100-continue"))
		assert.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
	})
	t.Run("B038 what comes after the body", func(t *testing.T) {
		w := newWorld(t)
		r := w.request(aliceReplies)
		signature := r.Header.Get("Signature")
		r.Header.Del("Signature")
		answer := talk(t, serveOver(t, w), head(r, "Transfer-Encoding: chunked", "Trailer: Signature"),
			fmt.Sprintf("%x\r\n%s\r\n0\r\nSignature: %s\r\n\r\n", len(body), body, signature))
		assert.Equal(t, http.StatusUnauthorized, answer.StatusCode)
		assert.Equal(t, "signature-missing", w.lines.reason())
	})
	t.Run("the deadline ends with the body", func(t *testing.T) {
		w := newWorld(t)
		w.Limits = slow
		waited := false
		w.Policy = func(ctx context.Context, _ string, _ *vocab.Activity) (Verdict, string) {
			select {
			case <-ctx.Done():
				return Refuse, ""
			case <-time.After(3 * slow.BodyDeadline):
				waited = true
				return Accept, ""
			}
		}
		answer := talk(t, serveOver(t, w), head(w.request(aliceReplies), length), body)
		assert.Equal(t, http.StatusAccepted, answer.StatusCode)
		assert.True(t, waited)
		assert.Equal(t, store.Held, w.received(store.ReceivedQuery{})[0].State)
	})
}
