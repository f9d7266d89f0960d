package custody_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/store/memory"
)

func TestEveryRevocationStaysAndTheLastIsKnown(t *testing.T) {
	s := memory.New()
	first := custody.Revocation{Actor: news, Fingerprint: one, Replacement: two, Reason: "stolen", By: "Hine Rāwiri", At: now}
	second := custody.Revocation{Actor: news, Fingerprint: two, Replacement: three, Reason: "lost", By: "Tama Ngata", At: now.AddDate(0, 1, 0)}
	for _, r := range []custody.Revocation{first, second} {
		ops, err := r.Ops()
		require.NoError(t, err)
		require.NoError(t, s.Apply(t.Context(), ops...))
	}
	for _, row := range []struct {
		fingerprint string
		want        custody.Revocation
	}{{one, first}, {two, second}, {three, custody.Revocation{}}} {
		got, found, err := custody.Revoked(t.Context(), s, row.fingerprint)
		require.NoError(t, err)
		assert.Equal(t, row.want, got)
		assert.Equal(t, row.want != custody.Revocation{}, found)
	}
	last, found, err := custody.LastRevoked(t.Context(), s, news)
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, second, last)
	_, found, err = custody.LastRevoked(t.Context(), s, alerts)
	require.NoError(t, err)
	assert.False(t, found, "each actor has its own")
	assert.Equal(t, "revoked on 2026-11-26 by Hine Rāwiri (stolen)", first.String())
}

func TestWhichCallIsTheOneBeforeAgain(t *testing.T) {
	done := custody.Revocation{Actor: news, Fingerprint: one, Replacement: two, Reason: "stolen", By: "Hine Rāwiri", At: now}
	for _, row := range []struct {
		name  string
		asked func(r *custody.Revocation)
		last  custody.Revocation
		says  string
	}{
		{"the same an hour later, of the key that signs by then", func(r *custody.Revocation) { r.Fingerprint, r.At = two, now.Add(time.Hour) }, done, ""},
		{"for another reason", func(r *custody.Revocation) { r.Reason = "lost" }, done, "revoked on 2026-11-26 by Hine Rāwiri (stolen): where you meant that one, nothing is left to do"},
		{"by another person", func(r *custody.Revocation) { r.By = "Tama Ngata" }, done, "to revoke the replacement itself, make another key"},
		{"with another replacement", func(r *custody.Revocation) { r.Replacement = three }, done, "the replacement is the key that signs now: where that is Profile.Next after a rotation"},
		{"of another actor", func(r *custody.Revocation) { r.Actor = alerts }, done, "the replacement is the key that signs now: where that"},
		{"when nothing was revoked", func(*custody.Revocation) {}, custody.Revocation{}, "the replacement is the key that signs now: where that"},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked := done
			row.asked(&asked)
			err := asked.Again(row.last)
			if row.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, row.says)
		})
	}
}
