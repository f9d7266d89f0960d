package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// public knows the addresses that anyone may ask: global unicast without the
// special-purpose networks of the IANA registries.
var public = ssrf.New(ssrf.WithPorts(443))

// Check says whether the client would ever ask url, without asking. The
// address behind a name is looked at only when it is asked.
func (c *Client) Check(url string) error {
	_, err := c.parse(url)
	return err
}

// parse reads a URL as it is asked: without fragment and default port.
func (c *Client) parse(rawURL string) (*url.URL, error) {
	if len(rawURL) > c.options.Limits.ID {
		return nil, fmt.Errorf("%w: URL of %d bytes", ErrForbidden, len(rawURL))
	}
	u, err := CheckURL(rawURL, c.options.InsecureLoopback)
	if err != nil {
		return nil, err
	}
	if c.options.Blocked != nil && c.options.Blocked(u.Hostname()) {
		return nil, fmt.Errorf("%w: its host is blocked", ErrForbidden)
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	return u, nil
}

// CheckURL reads a URL that Pānui may ask or believe: https, port 443, no user
// information, and a host that is a public DNS name in lower-case ASCII, not an
// address. With insecureLoopback it may also be http or https to any port of
// localhost or a loopback address. An error wraps ErrForbidden.
func CheckURL(rawURL string, insecureLoopback bool) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrForbidden)
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
		err = errors.New("user information")
	case insecureLoopback && isLoopback(host) && (u.Scheme == "http" || u.Scheme == "https"):
		return u, nil
	case u.Scheme != "https":
		err = errors.New("not https")
	case u.Port() != "" && u.Port() != "443" || strings.HasSuffix(u.Host, ":"):
		err = errors.New("not port 443")
	default:
		err = publicName(host)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	return u, nil
}

func isLoopback(host string) bool {
	address, _ := netip.ParseAddr(host) // of a name, the zero address, which is not loopback
	return host == "localhost" || address.Zone() == "" && address.Unmap().IsLoopback()
}

// publicName says why host is not a DNS name of the public network as it
// stands in a URL after IDNA (RFC 1123 section 2.1, RFC 5890 section 2.3.1).
func publicName(host string) error {
	if len(host) > 253 {
		return errors.New("host name too long")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLDH(label) {
			return errors.New("host is not a DNS name in lower-case ASCII")
		}
	}
	if len(labels) < 2 {
		return errors.New("host name has one label only")
	}
	// A top-level domain starts with a letter; 127.1 and 1.2.3.0x4 are addresses.
	if top := labels[len(labels)-1]; top[0] < 'a' {
		return errors.New("host is an address, not a name")
	}
	return nil
}

func isLDH(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
	})
}

// guard is called with each address just before it is connected to, so that no
// answer of the DNS, first or later, leads anywhere else.
func guard(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if to.Addr().Zone() != "" {
		err = errors.New("address with a zone")
	}
	if err == nil {
		err = public.SafeAddrPort(to)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrForbidden, address, err)
	}
	return nil
}

// guardLoopback lets nothing pass but loopback addresses.
func guardLoopback(_, address string, _ syscall.RawConn) error {
	to, _ := netip.ParseAddrPort(address) // of what is none, the zero address, which is not loopback
	if !to.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%w: %s is not loopback", ErrForbidden, address)
	}
	return nil
}
