package main

// equivalents are the changes that no test can see.
var equivalents = []equivalent{
	{"inbox/authorise.go", "authority", `"Block": {}, "Move": {welcome, sparesOurs},`, `"Move": {welcome, sparesOurs},`,
		"a type that is not in the table has no demands either; it stands there to be seen"},
	{"signing/egress/dial.go", "dialAny", `if share <= 0 {`, `if share < 0 {`, "no clock stands still for a test to see a share of exactly nothing"},
	{"signing/egress/dial.go", "dialAny", `if share <= 0 {`, `if share <= (0 + 1) {`, "a nanosecond"},
	{"signing/egress/dial.go", "Client.dialTLS",
		`MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},`, `NextProtos: []string{"h2", "http/1.1"},`,
		"TLS 1.2 is the least of crypto/tls as well, which may not be so for ever"},
}
