package egress

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckProxy(t *testing.T) {
	const good = ""
	for _, row := range []struct{ url, says string }{
		{"http://proxy.agency.govt.nz:3128", good},
		{"http://proxy.agency.govt.nz:3128/", good},
		{"https://proxy.agency.govt.nz:443", good},
		{"http://proxy:8080", good},
		{"http://Proxy.Agency.govt.nz:8080", good},
		{"http://10.1.2.3:3128", good},
		{"http://127.0.0.1:3128", good},
		{"http://[fd00::1]:3128", good},
		{"http://panui:s3cret%20%C4%81@proxy:3128", good},
		{"http://panui@proxy:3128", good},
		{"", "begin it with http:// or https://"},
		{"proxy.agency.govt.nz:3128", "begin it with http:// or https://"},
		{"socks5://proxy:1080", "SOCKS is not spoken"},
		{"http://proxy.agency.govt.nz", "write its port"},
		{"http://proxy.agency.govt.nz:", "write its port"},
		{"http://proxy.agency.govt.nz:0", "write its port"},
		{"http://proxy.agency.govt.nz:65536", "write its port"},
		{"http://proxy:3128/proxy.pac", "leave out what stands behind the port"},
		{"http://proxy:3128?a=b", "leave out what stands behind the port"},
		{"http://proxy:3128?", "leave out what stands behind the port"},
		{"http://proxy:3128#a", "leave out what stands behind the port"},
		{"http://:3128", "neither a DNS name nor an address"},
		{"http://pro_xy:3128", "neither a DNS name nor an address"},
		{"http://proxy.:3128", "neither a DNS name nor an address"},
		{"http://0.0.0.0:3128", "unspecified"},
		{"http://[::]:3128", "unspecified"},
		{"http://224.0.0.1:3128", "multicast"},
		{"http://169.254.169.254:80", "link-local"},
		{"http://[::ffff:169.254.169.254]:80", "link-local"},
		{"http://[fe80::1%25eth0]:3128", "link-local"},
		{"http://:s3cret@proxy:3128", "a user needs a name"},
		{"http://pa%3Anui:s3cret@proxy:3128", "without a colon"},
		{"http://panui:s3cret%0d%0a@proxy:3128", "control characters"},
		{"http://panui%7f:s3cret@proxy:3128", "control characters"},
		{"http://panui:s3cret %@proxy:3128", "not a URL"},
	} {
		err := Options{Proxy: &Proxy{URL: row.url}}.Check()
		if row.says == good {
			assert.NoError(t, err, row.url)
			continue
		}
		if assert.Error(t, err, row.url) {
			assert.Contains(t, err.Error(), "outgoing proxy: ")
			assert.Contains(t, err.Error(), row.says, row.url)
			assert.NotContains(t, err.Error(), "s3cret")
		}
		_, err = New(Options{Proxy: &Proxy{URL: row.url}}).Get(t.Context(), "https://peer.example/", accept, nil)
		assert.Error(t, err, "%s: then there is no way out at all, not the direct one", row.url)
	}
	assert.NoError(t, Options{}.Check())
}

func TestAProxyPrintsWithoutItsPassword(t *testing.T) {
	p := &Proxy{URL: "http://panui:s3cret@proxy.agency.govt.nz:3128"}
	options := Options{Proxy: p}
	written, err := json.Marshal(map[string]any{"proxy": p})
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "proxy", p, "value", *p, "options", options)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "proxy", p, "value", *p)
	printed := string(written) + log.String() + p.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb+verb+verb+verb, p, *p, options, New(options))
	}
	assert.NotContains(t, printed, "s3cret")
	assert.NotContains(t, printed, "panui:")
	assert.NotContains(t, printed, "733363726574", "nor in hex")
	assert.Equal(t, "http://REDACTED@proxy.agency.govt.nz:3128", p.String())
	assert.Equal(t, "http://proxy:3128", Proxy{URL: "http://proxy:3128"}.String())
	assert.Equal(t, "REDACTED", Proxy{URL: "panui:s3cret@proxy"}.String())
}

// The name of the proxy may lead inside the network, but not to where a cloud keeps its metadata.
func TestTheProxysNameLeadsToNoMetadata(t *testing.T) {
	for _, address := range []string{"169.254.169.254", "224.0.0.1", "0.0.0.0"} {
		dns := &names{answers: map[string][]string{"proxy.internal.": {address}, "peer.example.": {"93.184.216.34"}}}
		c := New(Options{Resolver: dns.resolver(t), Limits: quick(), Proxy: &Proxy{URL: "http://proxy.internal:3128"}})
		_, err := c.Get(t.Context(), "https://peer.example/", accept, nil)
		assert.ErrorIs(t, err, ErrProxy)
		assert.ErrorContains(t, err, "unspecified, multicast or link-local", address)
	}
	assert.NoError(t, guardProxy("tcp", "10.0.0.1:3128", nil))
	assert.NoError(t, guardProxy("tcp", "127.0.0.1:3128", nil))
	assert.Error(t, guardProxy("tcp", "proxy:3128", nil))
}

// An error about the proxy says so, and never repeats its password.
func TestAMappedAddressIsNoDisguiseForAProxy(t *testing.T) {
	for _, address := range []string{"::ffff:0.0.0.0", "::ffff:169.254.169.254", "::ffff:224.0.0.1"} {
		assert.Error(t, proxyAddress(netip.MustParseAddr(address)), address)
	}
	assert.NoError(t, proxyAddress(netip.MustParseAddr("::ffff:10.0.0.1")), "private, as a proxy may be")
}

func TestAProxyThatIsDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	listener.Close()
	dns := &names{answers: map[string][]string{"peer.example.": {"93.184.216.34"}}}
	for scheme, at := range map[string]string{"http": address, "https": address, "http to nowhere": "proxy.internal:3128"} {
		scheme, _, _ = strings.Cut(scheme, " ")
		c := New(Options{Resolver: dns.resolver(t), Limits: quick(), Proxy: &Proxy{URL: scheme + "://panui:s3cret@" + at}})
		_, err = c.Post(t.Context(), "https://peer.example/inbox", accept, []byte("{}"), nil)
		assert.ErrorIs(t, err, ErrProxy)
		assert.NotErrorIs(t, err, ErrTimeout, "which would be said of the peer")
		assert.NotContains(t, err.Error(), "s3cret")
		var parsed *url.Error
		assert.False(t, errors.As(err, &parsed))
	}
}
