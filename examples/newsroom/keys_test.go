package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
)

// The record says since when the key to come is announced; revoked by another
// machine, the old one is marked while it is still in this one's configuration.
func TestTheRecordTellsWhatBecameOfEachKey(t *testing.T) {
	data := t.TempDir()
	next, err := signing.File(filepath.Join(data, "panui-next.pem"))
	require.NoError(t, err)
	p := start(t, "-reader=false", "-data", data)
	first, err := signing.File(filepath.Join(data, "panui.pem"))
	require.NoError(t, err)
	record := p.website + "/editor/record"
	today := time.Now().In(auckland(t)).Format("2 January 2006")
	never := " Due its recovery kit was never drilled allowed"
	soon(t, record, next.Fingerprint()+" announced, to sign after the next rotation "+today+never, first.Fingerprint()+" signs what the actor sends "+today+never)

	at, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(p.website, "http://"))
	require.NoError(t, err)
	o := options{data: data, insecure: true}
	require.NoError(t, o.settle(at))
	elsewhere, db, err := mount(t.Context(), o)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, elsewhere.As("Hine").RevokeKey(t.Context(), "", nil, "a laptop was stolen"))
	soon(t, record, next.Fingerprint()+" signs what the actor sends "+today+never,
		first.Fingerprint()+" none: another key is pinned Not known Revoked revoked on "+time.Now().UTC().Format(time.DateOnly)+" by Hine (a laptop was stolen)")
}

func auckland(t *testing.T) *time.Location {
	t.Helper()
	place, err := time.LoadLocation("Pacific/Auckland")
	require.NoError(t, err)
	return place
}
