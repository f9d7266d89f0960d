package egress

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A peer that does not even answer the first packet takes no longer than
// Limits.DialTimeout. On Linux a listener whose queue is full is such a peer.
func TestAPeerThatIsNotThereTimesOut(t *testing.T) {
	listener, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer syscall.Close(listener)
	require.NoError(t, syscall.Bind(listener, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(listener, 0))
	bound, err := syscall.Getsockname(listener)
	require.NoError(t, err)
	peer := net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.(*syscall.SockaddrInet4).Port))
	for full := false; !full; { // how many it takes is the kernel's to say
		waiting, err := net.DialTimeout("tcp", peer, 200*time.Millisecond)
		if full = err != nil; !full {
			defer waiting.Close()
		}
	}

	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = New(Options{InsecureLoopback: true, Limits: quick()}).dial(patience, "tcp", peer)
	var slow net.Error
	require.ErrorAs(t, err, &slow)
	assert.True(t, slow.Timeout())
	assert.NoError(t, patience.Err(), "it was we who gave up")
}
