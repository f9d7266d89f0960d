package egress

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The networks that must be refused, each tried at both ends. The last column
// is an address beside it that is public, where there is one.
var refusedNetworks = []struct{ prefix, why, beside string }{
	{"0.0.0.0/8", "this network", "1.0.0.0"},
	{"10.0.0.0/8", "private", "11.0.0.0"},
	{"100.64.0.0/10", "carrier NAT", "100.128.0.0"},
	{"127.0.0.0/8", "loopback", "128.0.0.0"},
	{"169.254.0.0/16", "link local: cloud metadata", "169.255.0.0"},
	{"172.16.0.0/12", "private", "172.32.0.0"},
	{"192.0.0.0/24", "IETF protocols", "192.0.1.0"},
	{"192.0.2.0/24", "documentation", "192.0.3.0"},
	{"192.31.196.0/24", "AS112", "192.31.197.0"},
	{"192.52.193.0/24", "AMT", "192.52.194.0"},
	{"192.88.99.0/24", "6to4 relay", "192.88.100.0"},
	{"192.168.0.0/16", "private", "192.169.0.0"},
	{"192.175.48.0/24", "AS112", "192.175.49.0"},
	{"198.18.0.0/15", "benchmarks", "198.20.0.0"},
	{"198.51.100.0/24", "documentation", "198.51.101.0"},
	{"203.0.113.0/24", "documentation", "203.0.114.0"},
	{"224.0.0.0/4", "multicast", ""},
	{"240.0.0.0/4", "reserved, broadcast", ""},
	{"::/128", "unspecified", ""},
	{"::1/128", "loopback", ""},
	{"::/96", "IPv4-compatible", ""},
	{"::ffff:0:0/96", "IPv4-mapped", ""},
	{"::ffff:0:0:0/96", "IPv4-translated", ""},
	{"64:ff9b::/96", "NAT64", ""},
	{"64:ff9b:1::/48", "local NAT64", ""},
	{"100::/64", "discard", ""},
	{"2001::/23", "IETF protocols, Teredo", "2001:200::"},
	{"2001:db8::/32", "documentation", "2001:db9::"},
	{"2002::/16", "6to4", "2003::"},
	{"2620:4f:8000::/48", "AS112", "2620:4f:8001::"},
	{"3fff::/20", "documentation", "3ffe::"},
	{"5f00::/16", "segment routing", ""},
	{"fc00::/7", "unique local", ""},
	{"fe80::/10", "link local", ""},
	{"fec0::/10", "site local", ""},
	{"ff00::/8", "multicast", ""},
}

// The disguises of a loopback, a private and a metadata address.
var refusedDisguises = []struct{ address, why string }{
	{"::ffff:127.0.0.1", "mapped loopback"},
	{"::ffff:10.0.0.1", "mapped private"},
	{"::ffff:169.254.169.254", "mapped metadata"},
	{"::127.0.0.1", "compatible loopback"},
	{"64:ff9b::7f00:1", "NAT64 of loopback"},
	{"64:ff9b::a9fe:a9fe", "NAT64 of metadata"},
	{"2002:7f00:1::", "6to4 of loopback"},
	{"2002:a00:1::1", "6to4 of private"},
	{"2001:0:7f00:1::", "Teredo"},
	{"2001:4860:4860::8888%eth0", "public with a zone"},
	{"fe80::1%lo", "link local with a zone"},
}

func TestGuardRefusesWhatIsNotPublic(t *testing.T) {
	for _, row := range refusedNetworks {
		prefix := netip.MustParsePrefix(row.prefix)
		for _, address := range []netip.Addr{prefix.Addr(), last(prefix)} {
			assert.ErrorIs(t, guardAt(address.String(), "443"), ErrForbidden, "%s, %s", address, row.why)
		}
		if row.beside != "" {
			assert.NoError(t, guardAt(row.beside, "443"), "%s is beside %s", row.beside, row.prefix)
		}
	}
	for _, row := range refusedDisguises {
		assert.ErrorIs(t, guardAt(row.address, "443"), ErrForbidden, "%s, %s", row.address, row.why)
	}
}

func TestGuardAllowsThePublicNetworkOnPort443Only(t *testing.T) {
	for _, address := range []string{"1.1.1.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450::1"} {
		assert.NoError(t, guardAt(address, "443"), address)
		assert.ErrorIs(t, guardAt(address, "80"), ErrForbidden, address)
		assert.ErrorIs(t, guardAt(address, "5432"), ErrForbidden, address)
		assert.ErrorContains(t, guardLoopback("tcp", netip.AddrPortFrom(netip.MustParseAddr(address), 443).String(), nil), "not loopback")
	}
}

func TestGuardRefusesWhatItCannotRead(t *testing.T) {
	for _, address := range []string{"", "1.1.1.1", "1.1.1.1:x", "one.one.one.one:443"} {
		assert.ErrorIs(t, guard("tcp", address, nil), ErrForbidden, address)
		assert.ErrorIs(t, guardLoopback("tcp", address, nil), ErrForbidden, address)
	}
	assert.ErrorContains(t, guardAt("2001:4860:4860::8888%eth0", "443"), "zone", "whatever else is thought of it")
}

func TestTheDefaultPortIsLeftOut(t *testing.T) {
	c := New(Options{InsecureLoopback: true})
	for asked, want := range map[string]string{
		"https://a.example:443/x": "a.example",
		"https://localhost:443/x": "localhost",
		"http://localhost:443/x":  "localhost:443", // where it is not the default
		"http://localhost:80/x":   "localhost:80",
	} {
		u, err := c.parse(asked)
		require.NoError(t, err)
		assert.Equal(t, want, u.Host, asked)
	}
}

func guardAt(address, port string) error {
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	return guard("tcp", address+":"+port, nil)
}

// last returns the highest address of p.
func last(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	address, _ := netip.AddrFromSlice(bytes)
	return address
}

func TestCheckURL(t *testing.T) {
	const never, dev, always = "never", "in development", "always"
	table := []struct{ url, when, why string }{
		{"https://mastodon.example/users/a#main-key", always, "an ordinary key"},
		{"https://mastodon.example:443/users/a", always, "the port it has anyway"},
		{"https://xn--bcher-kva.example/", always, "an A-label"},
		{"https://a.b-c.d1.example/?author=1", always, "an id with a query"},
		{"http://mastodon.example/", never, "not https"},
		{"ftp://mastodon.example/", never, "not https"},
		{"file:///etc/passwd", never, "not https"},
		{"data:text/plain,x", never, "not https"},
		{"acct:a@mastodon.example", never, "not https"},
		{"/users/a", never, "relative"},
		{"//mastodon.example/users/a", never, "relative"},
		{"", never, "empty"},
		{"https:mastodon.example", never, "opaque"},
		{"https:///users/a", never, "no host"},
		{"https://mastodon.example:8443/", never, "another port"},
		{"https://mastodon.example:80/", never, "another port"},
		{"https://mastodon.example:/", never, "an empty port"},
		{"https://a@mastodon.example/", never, "user information"},
		{"https://a:b@mastodon.example/", never, "user information"},
		{"https://mastodon.example@evil.example/", never, "user information"},
		{"https://mastodon.example.", never, "a final dot"},
		{"https://mastodon..example/", never, "an empty label"},
		{"https://Mastodon.example/", never, "upper case"},
		{"https://bücher.example/", never, "a U-label"},
		{"https://mastodon。example/", never, "an ideographic stop"},
		{"https://a_b.example/", never, "not LDH"},
		{"https://a,b.example/", never, "not LDH, and below the digits"},
		{"https://a0z9.example/", always, "the first and last digit and letter"},
		{"https://-a.example/", never, "a hyphen in front"},
		{"https://a-.example/", never, "a hyphen behind"},
		{"https://intranet/", never, "one label"},
		{"https://" + strings.Repeat("a", 63) + ".example/", always, "a label of 63"},
		{"https://" + strings.Repeat("a", 64) + ".example/", never, "a label of 64"},
		{"https://" + strings.Repeat("abcdefg.", 31) + "abcde/", always, "a name of 253"},
		{"https://" + strings.Repeat("abcdefg.", 31) + "abcdef/", never, "a name of 254"},
		{"https://" + strings.Repeat("abcdefg.", 32) + "example/", never, "a name of 263"},
		{"https://mastodon.academy/", always, "the first letter is one"},
		{"https://93.184.216.34/", never, "an address, public too"},
		{"https://2130706433/", never, "an address as one number"},
		{"https://0x7f.1/", never, "an address in hex"},
		{"https://127.1/", never, "a short address"},
		{"https://1.2.3.0x4/", never, "an address in hex"},
		{"https://0177.0.0.1/", never, "an address in octal"},
		{"https://[2606:4700:4700::1111]/", never, "an address, public too"},
		{"https://[::ffff:10.0.0.1]/k", never, "a mapped address"},
		{"https://[fe80::1%25eth0]/", never, "a zone"},
		{"https://[::1%25lo]/", never, "a zone"},
		{"https://169.254.169.254/latest/meta-data/", never, "metadata"},
		{"https://127.0.0.1.evil.1/", never, "a numeric last label"},
		{"https://a b.example/", never, "not a URL"},
		{"https://a.example\\@evil.example/", never, "not a URL"},
		{"https://a.example/%zz", never, "not a URL"},
		{"https://localhost/", dev, "loopback"},
		{"http://localhost:8080/", dev, "loopback"},
		{"https://127.0.0.1/k", dev, "loopback"},
		{"http://127.0.0.2:3000/k", dev, "loopback"},
		{"http://[::1]:3000/k", dev, "loopback"},
		{"ftp://127.0.0.1/k", never, "loopback, but not http"},
		{"http://a@127.0.0.1/k", never, "loopback with user information"},
		{"http://10.0.0.1/k", never, "not loopback"},
		{"http://localhost.example/", never, "not localhost"},
		{"http://a.localhost:80/", never, "not localhost itself"},
	}
	for _, row := range table {
		_, production := CheckURL(row.url, false)
		_, development := CheckURL(row.url, true)
		got := always
		switch {
		case production != nil && development != nil:
			got = never
			assert.ErrorIs(t, production, ErrForbidden, row.url)
			assert.ErrorIs(t, development, ErrForbidden, row.url)
		case production != nil:
			got = dev
			assert.ErrorIs(t, production, ErrForbidden, row.url)
		}
		assert.Equal(t, row.when, got, "%s: %s", row.url, row.why)
	}
}

func TestCheckBoundsTheLength(t *testing.T) {
	c := New(Options{})
	long := "https://a.example/" + strings.Repeat("a", 2048-len("https://a.example/"))
	require.NoError(t, c.Check(long))
	require.ErrorIs(t, c.Check(long+"a"), ErrForbidden)
}

func TestABlockedHostIsForbidden(t *testing.T) {
	c := New(Options{Blocked: func(host string) bool { return host == "blocked.example" }})
	require.ErrorIs(t, c.Check("https://blocked.example/users/a"), ErrForbidden)
	require.ErrorIs(t, c.Check("https://blocked.example:443/users/a"), ErrForbidden)
	require.NoError(t, c.Check("https://another.example/users/a"))
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/u#k", "https://[::1]/", "https://0x7f.1/", "http://localhost:1/", "https://a@b.example"} {
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, raw string, loopback bool) {
		u, err := CheckURL(raw, loopback)
		if err != nil {
			assert.ErrorIs(t, err, ErrForbidden)
			return
		}
		again, err := CheckURL(u.String(), loopback)
		require.NoError(t, err, "what is allowed stays allowed when written again")
		assert.Equal(t, u.Host, again.Host)
		_, isAddress := netip.ParseAddr(u.Hostname())
		assert.True(t, isAddress != nil || loopback, "no address but loopback in development")
	})
}

// neverAsked are the networks of the IANA registries that are nobody's on the
// public network, written down apart from the list that guard uses.
var neverAsked = strings.Fields(`0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
	192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
	203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20`)

// Whatever the address, guard says what the registries say.
func FuzzGuard(f *testing.F) {
	for _, network := range neverAsked {
		f.Add(netip.MustParsePrefix(network).Addr().AsSlice())
	}
	for _, address := range []string{"8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::1", "fe80::1", "2001:4860:4860::8888", "2000::", "3ffe::1", "4000::1"} {
		f.Add(netip.MustParseAddr(address).AsSlice())
	}
	global := netip.MustParsePrefix("2000::/3")
	f.Fuzz(func(t *testing.T, b []byte) {
		address, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		asked := address.Is4() || global.Contains(address)
		for _, network := range neverAsked {
			asked = asked && !netip.MustParsePrefix(network).Contains(address)
		}
		err := guard("tcp", netip.AddrPortFrom(address, 443).String(), nil)
		assert.Equal(t, asked, err == nil, "%s: %v", address, err)
		assert.Error(t, guard("tcp", netip.AddrPortFrom(address, 80).String(), nil), "no port but that of https")
	})
}
