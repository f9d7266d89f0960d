package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// dial connects to a host and port of a URL that was checked before.
func (c *Client) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Control: guard}
	if c.options.InsecureLoopback && isLoopback(host) {
		dialer.Control = guardLoopback
	}
	addresses, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	return dialAny(ctx, dialer, network, addresses, port, c.options.Limits.DialTimeout)
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
// left. It fails as forbidden only when no address was allowed: anything else may pass.
func dialAny(ctx context.Context, d *net.Dialer, network string, addresses []netip.Addr, port string, within time.Duration) (net.Conn, error) {
	deadline := time.Now().Add(within)
	var failed error
	for i, address := range addresses {
		d.Timeout = time.Until(deadline) / time.Duration(len(addresses)-i)
		if d.Timeout <= 0 {
			break
		}
		conn, err := d.DialContext(ctx, network, net.JoinHostPort(address.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		if failed == nil || errors.Is(failed, ErrForbidden) {
			failed = err
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
	conn := tls.Client(plain, &tls.Config{
		ServerName: host,
		RootCAs:    c.options.RootCAs,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
	})
	ctx, cancel := context.WithTimeout(ctx, c.options.Limits.TLSTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	return conn, nil
}
