package webfinger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/actor"
)

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"subject":"acct:a@b.test","links":[{"rel":"self","type":"application/activity+json","href":"https://b.test/1"}]}`))
	f.Add([]byte(`{"subject":"@A@b.test:1","aliases":[],"links":[{"rel":"self"},{}],"properties":{"x":null}}`))
	f.Add([]byte(`{"links":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := read(body)
		if err != nil {
			assert.Zero(t, answer)
			return
		}
		assert.True(t, strings.HasPrefix(answer.ActorID, "https://"))
		again, err := actor.ParseHandle(answer.Handle.String())
		assert.NoError(t, err)
		assert.Equal(t, answer.Handle.String(), again.String())
	})
}
