package store

import "strings"

// HostOf returns the host of an inbox as deliveries carry it: in lower case, with
// its port where it has one. It never fails; what is no URL has no host.
func HostOf(inbox string) string {
	_, rest, _ := strings.Cut(inbox, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return strings.ToLower(rest[strings.LastIndexByte(rest, '@')+1:])
}
