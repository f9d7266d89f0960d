package main

// equivalents are the changes that no test can see.
var equivalents = []equivalent{
	{"signing/egress/guard.go", "isLoopback",
		`return host == "localhost" || err == nil && address.Zone() == "" && address.Unmap().IsLoopback()`,
		`return host == "localhost" || ((err == nil) || true) && address.Zone() == "" && address.Unmap().IsLoopback()`,
		"where there is an error the address is the zero one, which is no loopback address"},
}
