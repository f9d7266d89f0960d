package panui_test

import (
	"bufio"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

// A row is a line of the hostile corpus, shown against a whole site.
type row struct {
	id    string // of the corpus
	must  string // what must be, in words, and why where the corpus leaves a choice or we differ
	but   spared
	scene scene
	tries []try                    // each sent twice
	test  func(*testing.T, *world) // what a table cannot say
}

// A try is one way to send the input of a row.
type try struct {
	name   string
	letter writes
	status int
	code   string // the reason or outcome that is logged; empty where any will do
	dials  int    // connections and lookups that both times together may cause
}

// The standing invariants of the corpus.
const (
	storeSame     = "I1" // the store is byte for byte what it was
	queueSame     = "I2" // nothing more waits to be sent
	nobodyAsked   = "I3" // not more connections or lookups than stated
	nothingRuns   = "I4" // no goroutine is left
	littleSaid    = "I5" // the answer is at most 1 KiB and echoes nothing
	oneEvent      = "I6" // exactly one event with a code, at most 2 KiB, without what is secret
	littleKept    = "I7" // the heap is bounded
	alwaysTheSame = "I8" // the second time has the same answer
)

// spared are invariants that do not apply to a row, and why.
type spared map[string]string

func (s spared) spares(invariant string) bool { return s[invariant] != "" }

// publicPage is why two invariants do not apply to GETs: what is public is
// served to anyone and names itself, and is no event.
var publicPage = spared{
	oneEvent:   "a GET of what is public is no event: the website's own access log has it",
	littleSaid: "where the answer is the document, it is as long as that and names what was asked for; refusals are a few fixed words (checked)",
}

// byNetHTTP is why there is no event where a request never reaches us.
func byNetHTTP(more spared) spared {
	more[oneEvent] = "net/http or the website answers some of these before the inbox is reached"
	return more
}

func corpus() []row {
	return slices.Concat(
		webfingerCorpus(), documentsCorpus(), wireCorpus(), signatureCorpus(),
		jsonCorpus(), meaningCorpus(), remoteCorpus(),
	)
}

func TestHostileCorpus(t *testing.T) {
	for _, r := range corpus() {
		t.Run(r.id, func(t *testing.T) {
			for _, backend := range []string{"memory", "sqlite"} {
				t.Run(backend, func(t *testing.T) { r.run(t, backend) })
			}
		})
	}
}

// Every line of the corpus is a test of its name, and there is no other.
func TestHostileCorpusIsWhole(t *testing.T) {
	file, err := os.Open(testenv.Shared(t, "security/hostile.md"))
	require.NoError(t, err)
	defer file.Close()
	line := regexp.MustCompile(`^(B\d{3}) \| `)
	var there []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if found := line.FindStringSubmatch(scanner.Text()); found != nil {
			there = append(there, found[1])
		}
	}
	var here []string
	for _, r := range corpus() {
		here = append(here, r.id)
		assert.NotEmpty(t, r.must, r.id)
		assert.True(t, len(r.tries) > 0 || r.test != nil, "%s tests nothing", r.id)
		for invariant, why := range r.but {
			assert.Regexp(t, `^I[1-8]$`, invariant, r.id)
			assert.NotEmpty(t, why, r.id)
		}
	}
	assert.Len(t, there, 100)
	assert.Equal(t, there, here)
}

func (r row) run(t *testing.T, backend string) {
	w := newWorld(t, backend, r.scene)
	t.Log(r.must)
	goroutines, heap := runtime.NumGoroutine(), heapInUse()
	for _, attempt := range r.tries {
		t.Run(attempt.name, func(t *testing.T) { r.endure(t, w, attempt) })
	}
	if r.test != nil {
		t.Run("told", func(t *testing.T) {
			w.TB = t
			r.test(t, w)
		})
	}
	if !r.but.spares(nothingRuns) {
		assert.LessOrEqual(t, leftRunning(goroutines), goroutines, nothingRuns)
	}
	if !r.but.spares(littleKept) {
		assert.LessOrEqual(t, heapInUse(), heap+4<<20, littleKept)
	}
}

// mostAllocated is what one request may allocate in passing, with its senders and
// peers, who are here too: generous, and far less than a bomb needs.
const mostAllocated = 64 << 20

// endure sends what a try has to say, twice, and checks everything that must
// then hold.
func (r row) endure(t *testing.T, w *world, a try) {
	t.Helper()
	w.TB = t
	sent := a.letter(w).wire()
	kept, queued, dialled := w.tables(), w.queue(), w.dialled()
	var first answer
	for again := range 2 {
		w.log.clear()
		allocated := allocatedSoFar()
		got := w.send(sent)
		assert.Equal(t, a.status, got.status, "%s\n%v", r.must, w.log.events())
		if !r.but.spares(storeSame) {
			assert.Equal(t, kept, w.tables(), storeSame)
		}
		if !r.but.spares(queueSame) {
			assert.Equal(t, queued, w.queue(), queueSame)
		}
		if !r.but.spares(littleSaid) || got.status >= 300 {
			assert.LessOrEqual(t, len(got.body), 1<<10, littleSaid)
			assert.Empty(t, echo(sent, got), littleSaid)
		}
		if !r.but.spares(oneEvent) {
			r.checkEvents(t, w.log.events(), a, sent, again > 0)
		}
		if !r.but.spares(littleKept) {
			assert.Less(t, allocatedSoFar()-allocated, uint64(mostAllocated), littleKept)
		}
		if again == 0 {
			first = got
		} else if !r.but.spares(alwaysTheSame) {
			assert.Equal(t, first, got, alwaysTheSame)
		}
	}
	if !r.but.spares(nobodyAsked) {
		assert.LessOrEqual(t, w.dialled()-dialled, a.dials, nobodyAsked)
	}
}

func (r row) checkEvents(t *testing.T, events []event, a try, sent string, again bool) {
	t.Helper()
	if !assert.Len(t, events, 1, oneEvent) {
		return
	}
	e := events[0]
	assert.NotEmpty(t, e.code, oneEvent)
	switch {
	case again && a.status == http.StatusAccepted:
		assert.Equal(t, "repeated", e.code, e.json)
	case a.code != "":
		assert.Equal(t, a.code, e.code, e.json)
	}
	assert.Contains(t, []string{"inbox refused", "inbox took", "fetch refused"}, e.message, "nothing foreign in the message")
	assert.LessOrEqual(t, len(e.json), 2<<10, oneEvent)
	assert.NotContains(t, e.json, secret, "what people say is not logged")
	if _, signature, ok := strings.Cut(sent, `,signature="`); ok {
		signature, _, _ = strings.Cut(signature, `"`)
		assert.False(t, len(signature) > 40 && strings.Contains(e.json, signature), "the signature is logged")
	}
}

// echo returns a piece of what was sent that came back, or nothing. Shorter
// pieces are found in any two texts.
func echo(sent string, got answer) string {
	const piece = 12
	said := []string{got.body}
	for _, values := range got.header {
		said = append(said, values...)
	}
	for _, s := range said {
		for i := 0; i+piece <= len(s); i++ {
			if strings.Contains(sent, s[i:i+piece]) {
				return s[i : i+piece]
			}
		}
	}
	return ""
}

// leftRunning counts the goroutines once there are no more than there were, or
// after a while: connections take a moment to end.
func leftRunning(before int) int {
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	return runtime.NumGoroutine()
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func allocatedSoFar() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
