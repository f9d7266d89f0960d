package outbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
)

func (v verdict) String() string {
	s := string(v.state)
	if v.wait > 0 {
		s += " in " + v.wait.String()
	}
	if v.gone > 0 {
		s += ", gone once it was for " + v.gone.String()
	}
	if v.ill {
		s += ", host ill"
	}
	if v.rest > 0 {
		s += ", rest " + v.rest.String()
	}
	return s
}

func TestWhatAnAnswerMeans(t *testing.T) {
	first, third := try{attempt: 1, roll: 1}, try{attempt: 3, roll: 1}
	last := try{attempt: 14, roll: 1}
	old := try{attempt: 5, roll: 1, age: 7*24*time.Hour - time.Minute}
	status := func(code int) answer { return answer{status: code} }
	failing := func(err error) answer { return answer{err: fmt.Errorf("egress: post: %w", err)} }
	reset := errors.New("connection reset")

	for _, c := range []struct {
		answer answer
		try    try
		want   string
	}{
		{status(200), first, "delivered"},
		{status(202), last, "delivered"},
		{status(204), first, "delivered"},

		{status(410), first, "failed, gone once it was for 1h0m0s"},
		{status(404), first, "pending in 1m0s"},
		{status(404), third, "failed, gone once it was for 168h0m0s"},

		{status(401), first, "pending in 1m0s"},
		{status(403), third, "pending in 9m0s"},
		{status(408), first, "pending in 1m0s"},
		{status(425), first, "pending in 1m0s"},
		{status(429), first, "pending in 1m0s"},
		{answer{status: 429, retryAfter: time.Hour}, first, "pending in 1h0m0s, rest 1h0m0s"},
		{status(401), last, "failed"},

		{status(400), first, "failed"},
		{status(405), first, "failed"},
		{status(406), first, "failed"},
		{status(413), first, "failed"},
		{status(415), first, "failed"},
		{status(418), first, "failed"},
		{status(422), first, "failed"},
		{status(501), first, "failed"},

		{status(301), first, "pending in 1m0s"},
		{status(308), third, "failed"},
		{status(100), first, "failed"},
		{status(999), first, "failed"},

		{status(500), first, "pending in 1m0s, host ill"},
		{status(502), third, "pending in 9m0s, host ill"},
		{status(503), last, "failed, gone once it was for 720h0m0s, host ill"},
		{status(503), old, "failed, gone once it was for 720h0m0s, host ill"},
		{answer{status: 503, retryAfter: 2 * time.Hour}, first, "pending in 2h0m0s, host ill, rest 2h0m0s"},
		{answer{status: 500, retryAfter: 2 * time.Hour}, first, "pending in 2h0m0s, host ill"},

		{failing(reset), first, "pending in 1m0s, host ill"},
		{failing(reset), last, "failed, gone once it was for 720h0m0s, host ill"},
		{failing(egress.ErrTimeout), third, "pending in 9m0s, host ill"},
		{failing(egress.ErrForbidden), first, "failed"},
		{failing(egress.ErrProxyRefused), first, "pending in 1m0s"},
		{failing(egress.ErrProxyRefused), last, "failed"},
		{failing(errPanic), first, "pending in 1m0s"},
		{failing(errPanic), third, "failed"},
		{failing(errSigning), last, "pending in 1h0m0s"},
		{failing(errForm), last, "pending in 1h0m0s"},
	} {
		assert.Equal(t, c.want, judge(c.answer, c.try, limits.Default()).String(), "%s, try %d", c.answer, c.try.attempt)
	}
}

func TestFourteenTriesFitIntoAWeekEvenWithoutLuck(t *testing.T) {
	var age time.Duration
	for attempt := 1; attempt < 14; attempt++ {
		v := judge(answer{status: 503}, try{attempt: attempt, age: age, roll: 1}, limits.Default())
		assert.Equal(t, store.Pending, v.state, "try %d at %s", attempt, age)
		age += v.wait
	}
	assert.LessOrEqual(t, age, 7*24*time.Hour)
	assert.Greater(t, age, 6*24*time.Hour)
}

func TestTheJitterIsFull(t *testing.T) {
	assert.Equal(t, time.Second, backoff(1, 0), "never at once")
	assert.Equal(t, 30*time.Second, backoff(1, 0.5))
	assert.Equal(t, 90*time.Second, backoff(2, 0.5))
	assert.Equal(t, 12*time.Hour, backoff(14, 0.5))
	assert.Equal(t, 24*time.Hour, backoff(1_000_000, 1))
}

func TestAnAnswerIsOneLineThatEveryDatabaseKeeps(t *testing.T) {
	assert.Equal(t, "503 Service Unavailable", answer{status: 503}.String())
	hostile := answer{err: errors.New("certificate is valid for kauri\x00.example, \xff\n rimu.example")}
	assert.Equal(t, "certificate is valid for kauri�.example, �� rimu.example", hostile.String())
	long := answer{err: errors.New(strings.Repeat("ā", 1000))}
	assert.Equal(t, strings.Repeat("ā", maxAnswer)+"…", long.String())
}

func TestAFailingHostIsLeftAloneForLongerAndLonger(t *testing.T) {
	p := store.Peer{Host: "down.example"}
	var rests []time.Duration
	for range 18 {
		p = troubled(p, noon, 0)
		rests = append(rests, max(p.DownUntil.Sub(noon), 0))
	}
	assert.Equal(t, []time.Duration{
		0, 0, 0, 0, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 64 * time.Minute,
		128 * time.Minute, 256 * time.Minute, 512 * time.Minute, 1024 * time.Minute, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
	}, rests)
	assert.Equal(t, noon, p.DownSince)
}
