package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// tunneller opens tunnels through a proxy. It keeps the password where no
// printing finds it.
type tunneller struct {
	options   Options            // without the proxy
	host      string             // and port
	trusted   bool               // to refuse internal addresses
	tls       *tls.Config        // nil where the proxy speaks plain HTTP
	header    func() http.Header // of each CONNECT
	known     bool               // credentials are sent
	forbidden error              // what is wrong with the proxy's URL: then there is no way out at all
}

func newTunneller(p Proxy, o Options) *tunneller {
	u, err := p.parse()
	if err != nil {
		return &tunneller{forbidden: err}
	}
	header := http.Header{"User-Agent": {o.UserAgent}}
	if u.User != nil {
		password, _ := u.User.Password()
		header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	t := &tunneller{
		options: o, host: u.Host, trusted: p.TrustToRefuseInternalAddresses, known: u.User != nil,
		header: func() http.Header { return header },
	}
	if u.Scheme == "https" {
		t.tls = &tls.Config{ServerName: u.Hostname(), RootCAs: p.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	return t
}

// tunnelsPerFamily is how many addresses of IPv4, and how many of IPv6, of one
// name the proxy is asked for. It may have no way to one of the two.
const tunnelsPerFamily = 2

// passed returns those addresses that control lets pass, few of each family. It
// fails when there were addresses and none passed.
func passed(addresses []netip.Addr, port string, control control) ([]netip.Addr, error) {
	var good, v4, v6 []netip.Addr
	var refused error
	for _, address := range addresses {
		family := &v6
		if address = address.Unmap(); address.Is4() {
			family = &v4
		}
		switch err := control("tcp", net.JoinHostPort(address.String(), port), nil); {
		case err != nil:
			refused = err
		case len(*family) < tunnelsPerFamily:
			*family = append(*family, address)
			good = append(good, address)
		}
	}
	if len(good) == 0 {
		return nil, refused
	}
	return good, nil
}

// open connects to the proxy, and has it connect to a host and port within a time.
func (t *tunneller) open(ctx context.Context, to string, within time.Duration) (net.Conn, error) {
	conn, err := t.reach(ctx)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		err = ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrProxy, t.host, err)
	default:
		err = t.ask(ctx, conn, to, within)
	}
	if err != nil && conn != nil {
		conn.Close()
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// reach connects to the proxy itself.
func (t *tunneller) reach(ctx context.Context) (net.Conn, error) {
	if t.forbidden != nil {
		return nil, t.forbidden
	}
	dialer := &net.Dialer{Control: guardProxy, Resolver: t.options.Resolver, Timeout: t.options.Limits.DialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", t.host)
	if err != nil || t.tls == nil {
		return conn, err
	}
	return handshake(ctx, conn, t.tls, t.options.Limits.TLSTimeout)
}

// ask has the proxy connect to a host and port. Nothing of its answer is kept but the status.
func (t *tunneller) ask(ctx context.Context, conn net.Conn, to string, within time.Duration) error {
	return during(ctx, conn, within, func() error { return t.converse(conn, to) })
}

// during talks over a connection within a time, or until ctx ends.
func during(ctx context.Context, conn net.Conn, within time.Duration, talk func() error) error {
	conn.SetDeadline(time.Now().Add(within))
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err := talk()
	if !stop() {
		return ctx.Err()
	}
	conn.SetDeadline(time.Time{})
	return err
}

func (t *tunneller) converse(conn net.Conn, to string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to}, Host: to, Header: t.header()}
	if err := request.Write(conn); err != nil {
		return fmt.Errorf("asking the outgoing proxy: %w", err)
	}
	limited := &io.LimitedReader{R: conn, N: t.options.Limits.ResponseHeader}
	r := bufio.NewReader(limited)
	answer, err := http.ReadResponse(r, request)
	for err == nil && answer.StatusCode/100 == 1 && answer.StatusCode != http.StatusSwitchingProtocols {
		answer, err = http.ReadResponse(r, request)
	}
	switch {
	case err != nil && limited.N <= 0:
		return fmt.Errorf("%w: the header of its answer is over %d bytes", ErrProxy, t.options.Limits.ResponseHeader)
	case err != nil:
		return unanswered(err)
	case answer.StatusCode != http.StatusOK:
		return t.refusal(answer)
	case r.Buffered() > 0: // by the proxy, or by the peer, who is to wait for us
		return fmt.Errorf("%w: something was sent before the handshake", ErrTLS)
	}
	return nil
}

// unanswered is a CONNECT without an answer. Many a proxy is silent, or hangs up,
// when it is the peer that it cannot reach, so that this says nothing about the
// proxy until it is asked for itself (blame); an answer that is not HTTP does.
func unanswered(err error) error {
	var network net.Error
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) {
		return fmt.Errorf("no answer of the outgoing proxy: %w", err)
	}
	return fmt.Errorf("%w: its answer is not HTTP", ErrProxy)
}

// refusal is what an answer other than 200 means. A server error is about the
// way from the proxy to the peer.
func (t *tunneller) refusal(answer *http.Response) error {
	status := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	switch {
	case answer.StatusCode == http.StatusProxyAuthRequired:
		advice := "write user and password into the proxy's URL"
		if t.known {
			advice = "it does not take the user and password in its URL"
		}
		return fmt.Errorf("%w: %s: %s; it offers %.40q, and Basic is what is spoken here", ErrProxy, status, advice, answer.Header.Get("Proxy-Authenticate"))
	case answer.StatusCode/100 == 5:
		return fmt.Errorf("outgoing proxy: no connection: %s", status)
	}
	return fmt.Errorf("%w: %s", ErrProxyRefused, status)
}

// lost says whether a request ended for want of an answer, as it does when what
// is between us and the peer hangs, hangs up or goes away. What the DNS does says
// nothing about that.
func lost(err error) bool {
	var network net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, ErrForbidden), errors.Is(err, ErrTooBig), errors.Is(err, ErrProxy), errors.Is(err, ErrProxyRefused), errors.As(err, &dns):
		return false
	case errors.Is(err, ErrTimeout), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return true
	}
	return strings.Contains(err.Error(), "connection lost") // of HTTP/2, when a ping was not answered
}

// blame asks the proxy whether it is still there after a request came to
// nothing, and makes the failure its own when it is not: a proxy that hangs must
// not look like every server behind it being down. Who gives up learns nothing.
func (t *tunneller) blame(ctx context.Context, err error) error {
	asking, stop := context.WithTimeout(context.WithoutCancel(ctx), t.options.Limits.DialTimeout)
	defer stop()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) { // the time of a request may be up, and that of its proxy not
			stop()
		}
	})()
	silent := t.ping(asking)
	if silent == nil || errors.Is(asking.Err(), context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %s answers nothing, nor whether it is there: %w", ErrProxy, t.host, silent)
}

// ping asks the proxy for nothing but an answer of its own (RFC 9110 section
// 9.3.7). Any will do: that it does not like the question, too.
func (t *tunneller) ping(ctx context.Context) error {
	conn, err := t.reach(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return during(ctx, conn, t.options.Limits.DialTimeout, func() error {
		request := &http.Request{Method: http.MethodOptions, URL: &url.URL{Opaque: "*"}, Host: t.host, Header: t.header(), Close: true}
		if err := request.Write(conn); err != nil {
			return err
		}
		_, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, t.options.Limits.ResponseHeader)), request)
		return err
	})
}
