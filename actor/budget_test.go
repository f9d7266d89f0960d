package actor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crowd puts actors /0 to /n-1 at the origin, each with a key of its own id.
func (o *origin) crowd(n int) {
	for i := range n {
		id := fmt.Sprintf("%s/%d", o.URL, i)
		o.serve(fmt.Sprintf("/%d", i), person(id, o.URL+"/inbox", id+"#main-key", id, pemOf(public(0))))
	}
}

func (o *origin) keyOf(i int) string { return fmt.Sprintf("%s/%d#main-key", o.URL, i) }

func TestADomainIsAskedThirtyTimesAMinuteInVainAtMost(t *testing.T) {
	o := newOrigin(t)
	r, clock := newResolver()
	for i := range 50 {
		_, err := r.PublicKey(t.Context(), o.keyOf(i), false)
		require.Equal(t, i >= 30, isUnreachable(err), i)
	}
	assert.Equal(t, 30, o.requests())
	clock.pass(2 * time.Second)
	_, err := r.Actor(t.Context(), o.alice(public(0)))
	assert.NoError(t, err, "one more has become free, and the refusal was not remembered")
}

func TestAKeyThatIsFoundAndProvesNothingIsInVainToo(t *testing.T) {
	o := newOrigin(t)
	o.crowd(50)
	r, _ := newResolver()
	for i := range 50 {
		_, err := r.PublicKey(t.Context(), o.keyOf(i), false)
		require.Equal(t, i >= 30, isUnreachable(err), i)
	}
}

// The day an agency is announced: five hundred people of one server follow within
// a second, while a stranger names as many keys of that server in vain.
func TestThousandsFollowFromOneServer(t *testing.T) {
	o := newOrigin(t)
	o.crowd(700)
	r, clock := newResolver()
	come := func(i int) error {
		_, err := r.PublicKey(t.Context(), o.keyOf(i), false)
		if err == nil {
			r.Proved(t.Context(), o.keyOf(i))
		}
		return err
	}
	for i := range 290 {
		require.NoError(t, come(i))
		_, _ = r.PublicKey(t.Context(), o.keyOf(10_000+i), false)
	}
	assert.Equal(t, 580, o.requests(), "each who came left one fetch for who did not")
	for i := 290; i < 310; i++ {
		require.NoError(t, come(i))
	}
	assert.True(t, isUnreachable(come(310)), "no domain is asked more than 600 times a minute")
	clock.pass(time.Minute)
	for i := 310; i < 700; i++ {
		require.NoError(t, come(i))
	}
}

func TestAKeyGivesBackOnceWhatItTookToFind(t *testing.T) {
	o := newOrigin(t)
	o.crowd(50)
	r, _ := newResolver()
	_, err := r.PublicKey(t.Context(), o.keyOf(0), false)
	require.NoError(t, err)
	r.Proved(t.Context(), o.keyOf(0))
	r.Proved(t.Context(), "https://nobody.test/never-asked")
	for i := 1; i < 50; i++ {
		_, err := r.PublicKey(t.Context(), o.keyOf(i), false)
		require.Equal(t, i > 30, isUnreachable(err), i)
		r.Proved(t.Context(), o.keyOf(0))
	}
}
