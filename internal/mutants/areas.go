package main

import "slices"

// area is a file, or a few functions of it, that decide whom to believe and whom to ask.
type area struct {
	file  string
	funcs []string // empty is all of them
	tests []suite  // tried one after the other until one notices
}

// suite is tests of a package: those whose names match, or all.
type suite struct{ pkg, run string }

func (a area) takes(fn string) bool { return len(a.funcs) == 0 || slices.Contains(a.funcs, fn) }

var (
	ofScan     = []suite{{"./internal/as2", "Scan|Refusal"}, {"./internal/as2", ""}}
	ofGuard    = []suite{{"./signing/egress", "Guard|Check|Rebinding|Forbidden"}, {"./signing/egress", ""}}
	ofDial     = []suite{{"./signing/egress", "Rebinding|Dial|Proxy|Trusted|DNS|HTTP2|Tunnel"}, {"./signing/egress", ""}}
	ofInbox    = []suite{{"./inbox", "Authority|Block|MayNotFollow"}, {"./inbox", ""}}
	ofResolver = []suite{{"./actor", ""}}
	ofVerifier = []suite{{"./signing", "Hostile|Verif|Key|Proxy|Development|Block|Signatures|Proves|Policy"}, {"./signing", ""}}
)

// areas are the authority, origin, address and strict-JSON code.
var areas = []area{
	{"signing/egress/guard.go", nil, ofGuard},
	{"internal/as2/scan.go", nil, ofScan},
	{"inbox/authorise.go", nil, ofInbox},
	{"inbox/facts.go", []string{"facts.stored"}, ofInbox},
	{"inbox/inbox.go", []string{"Handler.blocks"}, ofInbox},
	{"signing/egress/proxy.go", []string{"Proxy.parse", "credible", "proxyHost", "proxyAddress", "guardProxy"}, ofDial},
	{"signing/egress/dial.go", nil, ofDial},
	{"signing/verify.go", nil, ofVerifier},
	{"actor/fetch.go", nil, ofResolver},
	{"actor/resolver.go", nil, ofResolver},
}

// equivalent is a change that no test can see, and why.
type equivalent struct {
	file, fn string
	was, is  string // the lines, with single spaces
	reason   string
}

func (e equivalent) names(m mutant) bool {
	return e.file == m.file && e.fn == m.fn && e.was == m.was && e.is == m.is
}
