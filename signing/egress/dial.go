package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// control judges an address before it is connected to, as net.Dialer.Control does.
type control = func(network, address string, _ syscall.RawConn) error

// dial connects to a host and port of a URL that was checked before.
func (c *Client) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	control := guard
	if c.options.InsecureLoopback && isLoopback(host) {
		control = guardLoopback
	}
	l := c.options.Limits
	if c.proxy != nil && c.proxy.trusted {
		return c.proxy.open(ctx, hostPort, l.HeaderTimeout)
	}
	addresses, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if c.proxy == nil {
		return dialAny(ctx, addresses, port, l.DialTimeout, func(ctx context.Context, to string, within time.Duration) (net.Conn, error) {
			return (&net.Dialer{Control: control, Timeout: within}).DialContext(ctx, network, to)
		})
	}
	if addresses, err = passed(addresses, port, control); err != nil {
		return nil, err
	}
	return dialAny(ctx, addresses, port, l.DialTimeout+l.HeaderTimeout, c.proxy.open)
}

// lookup asks the DNS for a name as it is: the final dot keeps the system's
// search domains out.
func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Limits.DNSTimeout)
	defer cancel()
	if publicName(host) == nil {
		host += "."
	}
	return c.options.Resolver.LookupNetIP(ctx, "ip", host)
}

// dialAny tries one address after the other, each for its share of the time
// left. It fails as forbidden only when no address was allowed: anything else may
// pass. Without its proxy it tries no more.
func dialAny(ctx context.Context, addresses []netip.Addr, port string, within time.Duration,
	connect func(_ context.Context, to string, within time.Duration) (net.Conn, error)) (net.Conn, error) {
	deadline := time.Now().Add(within)
	var failed error
	for i, address := range addresses {
		share := time.Until(deadline) / time.Duration(len(addresses)-i)
		if share <= 0 {
			break
		}
		conn, err := connect(ctx, net.JoinHostPort(address.Unmap().String(), port), share)
		if err == nil {
			return conn, nil
		}
		if failed == nil || errors.Is(failed, ErrForbidden) || errors.Is(err, ErrProxy) {
			failed = err
		}
		if errors.Is(err, ErrProxy) {
			break
		}
	}
	if failed == nil {
		return nil, errors.New("no address, or no time to try one")
	}
	return nil, failed
}

// dialTLS connects as dial does, and shakes hands. What fails there is ErrTLS,
// which net/http does not tell apart from other errors.
func (c *Client) dialTLS(ctx context.Context, network, hostPort string) (net.Conn, error) {
	plain, err := c.dial(ctx, network, hostPort)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(hostPort)
	conn, err := handshake(ctx, plain, &tls.Config{
		ServerName: host,
		RootCAs:    c.options.RootCAs,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
	}, c.options.Limits.TLSTimeout)
	switch {
	case err == nil:
		return conn, nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrTLS, err)
}

// handshake makes plain a TLS connection, or closes it. When the time was up
// the error is that of the context.
func handshake(ctx context.Context, plain net.Conn, config *tls.Config, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return conn, nil
}
