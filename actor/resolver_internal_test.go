package actor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
)

// Which of an actor's keys an id is of.
func TestTheKeyOfAnID(t *testing.T) {
	one := &known{keys: []signing.PublicKey{{ID: "https://peer.test/a#k"}}}
	one.ID, one.Keys = "https://peer.test/a", make([]as2.Key, 1)
	two := &known{keys: []signing.PublicKey{{ID: "https://peer.test/a#k"}}} // the policy refuses the other
	two.ID, two.Keys = "https://peer.test/a", make([]as2.Key, 2)
	for _, row := range []struct {
		of   *known
		id   string
		want string
	}{
		{one, "https://peer.test/a#k", "https://peer.test/a#k"},
		{one, "https://peer.test/a", "https://peer.test/a#k"}, // PeerTube
		{one, "https://peer.test/a#other", ""},
		{two, "https://peer.test/a#k", "https://peer.test/a#k"},
		{two, "https://peer.test/a", ""}, // which of the two is not said
	} {
		key, err := row.of.key(row.id)
		assert.Equal(t, row.want, key.ID, row.id)
		assert.Equal(t, row.want == "", err != nil, row.id)
	}
}

func TestSameOrigin(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"https://peer.test/a", "https://peer.test/b", true},
		{"https://peer.test/a", "https://other.test/b", false},
		{"https://peer.test/%zz", "https://peer.test/b", false},
		{"https://peer.test/a", "https://peer.test/%zz", false},
		{":", ":", false},
	} {
		assert.Equal(t, row.want, sameOrigin(row.a, row.b), "%s %s", row.a, row.b)
	}
}

// Who asked meanwhile has asked for all.
func TestAFlightThatLandedMeanwhile(t *testing.T) {
	r := &Resolver{}
	r.start()
	looked := 0
	found := &known{}
	got, err := r.together(t.Context(), "it", func() *known {
		if looked++; looked == 1 {
			return nil
		}
		return found
	}, func(context.Context) (*known, error) {
		t.Error("asked again")
		return nil, nil
	})
	require.NoError(t, err)
	assert.Same(t, found, got)
}

// Whatever a document makes our code do, the site goes on.
func TestAPanicIsAFailure(t *testing.T) {
	r := &Resolver{}
	r.start()
	_, err := r.together(t.Context(), "it", func() *known { return nil }, func(context.Context) (*known, error) { panic("at the disco") })
	assert.EqualError(t, err, "panic: at the disco")
	assert.EqualError(t, r.failed("it"), "panic: at the disco", "and is not asked for again at once")
}
