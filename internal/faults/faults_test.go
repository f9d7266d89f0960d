package faults_test

import (
	"context"
	"crypto/ed25519"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/faults"
	"github.com/panui/panui/store"
	"github.com/panui/panui/store/memory"
)

func TestTheCallOfThePlanFailsAndNoOther(t *testing.T) {
	ctx, kept := t.Context(), memory.New()
	var seen faults.Sites
	in := faults.New(faults.Plan{Place: faults.InStore, Kind: faults.Full, Call: 2}, &seen)
	s := faults.Around(kept, in)
	note := store.Record{Entry: store.Entry{Kind: "note"}}
	require.NoError(t, s.Apply(ctx, note))
	err := s.Apply(ctx, note)
	require.ErrorIs(t, err, faults.ErrInjected)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, s.Apply(ctx, note))
	lines, err := kept.Journal(ctx, store.JournalQuery{})
	require.NoError(t, err)
	assert.Len(t, lines, 2, "what failed had no effect")
	assert.Equal(t, []string{"Apply"}, in.Struck())
	assert.Equal(t, 1, seen.Hits()["Apply"][faults.Full])
}

func TestWhatLastsEndsWhenTheWorldHeals(t *testing.T) {
	in := faults.New(faults.Plan{Place: faults.InStore, Kind: faults.IO, Call: 1, Lasts: true}, nil)
	s := faults.Around(memory.New(), in)
	for range 3 {
		_, err := s.Actors(t.Context())
		require.ErrorIs(t, err, syscall.EIO)
	}
	in.Heal()
	_, err := s.Actors(t.Context())
	require.NoError(t, err)
}

func TestALostAnswerHidesAnEffect(t *testing.T) {
	kept := memory.New()
	s := faults.Around(kept, faults.New(faults.Plan{Place: faults.InStore, Kind: faults.Lost, Call: 1}, nil))
	_, err := s.Actors(t.Context())
	require.NoError(t, err, "a question cannot lose what it did not do")
	require.Error(t, s.Apply(t.Context(), store.Record{Entry: store.Entry{Kind: "note"}}))
	lines, err := kept.Journal(t.Context(), store.JournalQuery{})
	require.NoError(t, err)
	assert.Len(t, lines, 1)
}

func TestOnlyWhatMayConflictDoes(t *testing.T) {
	in := faults.New(faults.Plan{Place: faults.InStore, Kind: faults.Conflict, Call: 1, Also: 2}, nil)
	s := faults.Around(memory.New(), in)
	require.NoError(t, s.Apply(t.Context(), store.Record{}))
	require.ErrorIs(t, s.Apply(t.Context(), store.PinActor{}), store.ErrConflict)
	require.NoError(t, s.Apply(t.Context(), store.Record{}))
	require.ErrorIs(t, s.Apply(t.Context(), store.Record{}), syscall.EIO, "two calls later")
}

func TestACancelledCallEndsTheContextOfItsCaller(t *testing.T) {
	in := faults.New(faults.Plan{Place: faults.InKey, Kind: faults.Cancel, Call: 1}, nil)
	ctx, cancel := in.WithCancel(t.Context())
	defer cancel()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, err = faults.AroundKey(key, in).Sign(nil, nil, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorIs(t, ctx.Err(), context.Canceled)
}

// What a caller hears of a server that answers every line with "word".
func TestTheNetworkFails(t *testing.T) {
	for _, c := range []struct {
		kind  faults.Kind
		call  int
		hears string
	}{
		{faults.HangUp, 1, ""}, // as the connection is made
		{faults.HangUp, 2, ""}, // as the request arrives
		{faults.HangUp, 3, ""}, // as the answer leaves
		{faults.Cut, 3, "wo"},
		{faults.Busy, 2, "HTTP/1.1 503"},
		{faults.Garbage, 1, "\x15\x03\x01"},
		{faults.Cut, 4, "word"},
	} {
		in := faults.New(faults.Plan{Place: faults.OnNetwork, Kind: c.kind, Call: c.call}, nil)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		around := faults.AroundListener(l, in)
		go func() {
			for {
				conn, err := around.Accept()
				if err != nil {
					return
				}
				go func() {
					defer conn.Close()
					if n, err := conn.Read(make([]byte, 64)); n == 5 && err == nil {
						io.WriteString(conn, "word")
					}
				}()
			}
		}()
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		_, _ = io.WriteString(conn, "line\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		heard, _ := io.ReadAll(conn)
		assert.True(t, strings.HasPrefix(string(heard), c.hears) && (c.hears != "" || len(heard) == 0), "%s at %d: %q", c.kind, c.call, heard)
		conn.Close()
		around.Close()
	}
}
