package feed

import (
	"strings"
	"time"
	"unicode"
)

// zones are the abbreviations met in the dates of feeds, as numeric offsets.
// Go's own reading of them depends on the machine it runs on.
var zones = map[string]string{
	"Z": "+0000", "UT": "+0000", "UTC": "+0000", "GMT": "+0000", "WET": "+0000",
	"NZST": "+1200", "NZDT": "+1300", "CHAST": "+1245", "CHADT": "+1345",
	"AEST": "+1000", "AEDT": "+1100", "ACST": "+0930", "ACDT": "+1030", "AWST": "+0800",
	"BST": "+0100", "WEST": "+0100", "CET": "+0100", "CEST": "+0200", "EET": "+0200", "EEST": "+0300",
	"EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500", "MST": "-0700", "MDT": "-0600",
	"PST": "-0800", "PDT": "-0700", "AKST": "-0900", "AKDT": "-0800", "HST": "-1000",
	"AST": "-0400", "ADT": "-0300", "SAST": "+0200", "JST": "+0900", "SGT": "+0800", "HKT": "+0800",
}

var withOffset = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-0700", "2006-01-02T15:04Z07:00",
	"2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05 -0700",
	"2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04 -0700", "2 Jan 2006 15:04:05 -07:00",
	"2 January 2006 15:04:05 -0700", "2 January 2006 15:04 -0700",
	"2 Jan 06 15:04:05 -0700", "2 Jan 06 15:04 -0700",
	"Jan 2 2006 15:04:05 -0700", "January 2 2006 15:04:05 -0700",
}

var withoutOffset = []string{
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2 Jan 2006",
	"2 January 2006 15:04:05", "2 January 2006 15:04", "2 January 2006",
	"2 Jan 06 15:04:05", "2 Jan 06 15:04",
	"Jan 2 2006 15:04:05", "January 2 2006",
}

// date reads a date of RFC 822, RFC 3339 or a little beside them. A date that
// names no zone, or one that nobody knows, is in zone; what cannot be read here
// is as gofeed read it. Dates before 1990 are fillers of content management
// systems (0001-01-01, 1970-01-01) and count as none.
func date(s string, fallback *time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	t, ok := readDate(tidy(s), zone)
	if !ok && fallback != nil {
		t = *fallback
	}
	if t.Year() < 1990 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.UTC()
}

func readDate(s string, zone *time.Location) (time.Time, bool) {
	for _, layout := range withOffset {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	for _, layout := range withoutOffset {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// tidy removes the name of the day, commas and comments, and says the zone in numbers.
func tidy(s string) string {
	if i := strings.IndexByte(s, '('); i > 0 {
		s = s[:i]
	}
	words := strings.Fields(strings.ReplaceAll(s, ",", " "))
	if len(words) > 2 && alphabetic(words[0]) && (!number(words[1]) || alphabetic(words[2])) {
		words = words[1:]
	}
	if n := len(words); n > 1 && alphabetic(words[n-1]) {
		words = append(words[:n-1], strings.Fields(zones[strings.ToUpper(words[n-1])])...)
	}
	return strings.Join(words, " ")
}

func alphabetic(s string) bool {
	return strings.IndexFunc(strings.TrimSuffix(s, "."), func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

func number(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}
