package egress

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// Proxy is the forward proxy of a network that lets nothing out but through it.
// Each connection to another server is then a tunnel that CONNECT opens (RFC 9110
// section 9.3.6), with TLS from end to end inside. Of the proxy itself nothing else is
// asked but, where a tunnel got no answer, whether it is there (OPTIONS *, section
// 9.3.7). The environment (HTTPS_PROXY) is never looked at.
//
// The site still looks names up by itself, judges the addresses as always and
// names one of those that passed to the proxy, so that nothing inside the network
// can be reached by it. It prints without user and password.
type Proxy struct {
	// URL is where it listens, such as http://proxy.agency.govt.nz:3128, or https.
	// It may be inside the network. A user and password in it are sent to the proxy
	// only, as Basic authentication (RFC 7617): in the clear where the scheme is http.
	URL string

	// RootCAs are believed to name the proxy where the scheme is https; nil is the
	// system's. Options.RootCAs are for the servers behind it.
	RootCAs *x509.CertPool

	// TrustToRefuseInternalAddresses gives names to the proxy and lets it look them
	// up, for a network without a DNS of the world outside, or a proxy whose rules
	// are about names. Nothing here sees the address then: unless the proxy itself
	// refuses internal ones, a stranger can choose a name that leads to them.
	TrustToRefuseInternalAddresses bool
}

// Format prints the proxy without user and password, whatever the verb.
func (p Proxy) Format(s fmt.State, _ rune) { io.WriteString(s, p.String()) }

// String is the URL without user and password.
func (p Proxy) String() string {
	u, err := p.parse()
	if err != nil {
		return "REDACTED"
	}
	if u.User != nil {
		u.User = url.User("REDACTED")
	}
	return u.String()
}

// LogValue logs what String says.
func (p Proxy) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText writes what String says.
func (p Proxy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Check says what is wrong with the options, and what to write instead.
func (o Options) Check() error {
	if o.Proxy == nil {
		return nil
	}
	_, err := o.Proxy.parse()
	return err
}

// parse reads the URL. Its errors do not repeat it, since it may hold a password.
func (p Proxy) parse() (*url.URL, error) {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil, errors.New("outgoing proxy: not a URL: write it as http://proxy.agency.govt.nz:3128, with % escapes in a user or password")
	}
	port, portErr := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		err = errors.New("begin it with http:// or https://, whichever the proxy itself speaks; SOCKS is not spoken here")
	case portErr != nil || port == 0:
		err = errors.New("write its port, such as :3128")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		err = errors.New("leave out what stands behind the port")
	case !credible(u.User):
		err = errors.New("a user needs a name without a colon, and neither name nor password may hold control characters")
	default:
		err = proxyHost(u.Hostname())
	}
	if err != nil {
		return nil, fmt.Errorf("outgoing proxy: %w", err)
	}
	return u, nil
}

// credible says whether a user and password can be said in Basic authentication (RFC 7617 section 2).
func credible(user *url.Userinfo) bool {
	password, _ := user.Password()
	return user == nil || user.Username() != "" && !strings.Contains(user.Username(), ":") &&
		!strings.ContainsFunc(user.Username()+password, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// proxyHost says why host names no proxy. One label is enough, inside a network.
func proxyHost(host string) error {
	if address, err := netip.ParseAddr(host); err == nil {
		return proxyAddress(address)
	}
	for _, label := range strings.Split(strings.ToLower(host), ".") {
		if !isLDH(label) {
			return errors.New("its host is neither a DNS name nor an address")
		}
	}
	return nil
}

// proxyAddress says why no proxy is at an address. The agency has named it, so
// that it may be private or on this machine, but not where a cloud keeps its metadata.
func proxyAddress(address netip.Addr) error {
	address = address.Unmap()
	if address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() {
		return errors.New("its address is unspecified, multicast or link-local")
	}
	return nil
}

// guardProxy is called with each address of the proxy just before it is connected to.
func guardProxy(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return proxyAddress(to.Addr())
}
