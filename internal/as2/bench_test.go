package as2_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/internal/testenv"
)

// hostile are bodies as large as the inbox takes, each with the reason for which it is refused.
func hostile() map[string]refused {
	size := int(limits.Default().InboxBody)
	fill := func(open, each, end string) []byte {
		return []byte(open + strings.Repeat(each, (size-len(open)-len(end))/len(each)) + end)
	}
	var names strings.Builder
	for i := 0; names.Len() < size-64; i++ {
		fmt.Fprintf(&names, `"%x":0,`, i)
	}
	object := func(members int) []byte {
		var o strings.Builder
		for k := range members {
			fmt.Fprintf(&o, `"aB%x":0,`, k)
		}
		return fill(`{"a":[`, "{"+o.String()+`"":0},`, `0]}`)
	}
	return map[string]refused{
		"empty objects":              {fill(`{"a":[`, "{},", "{}]}"), "json-items"},
		"arrays of empty objects":    {fill(`{"a":[`, "[{},{},{},{}],", "0]}"), "json-items"},
		"distinct names":             {[]byte("{" + names.String() + `"z":0}`), "json-items"},
		"objects of ten":             {object(10), "json-tokens"},
		"objects of a hundred":       {object(100), "json-tokens"},
		"objects of two hundred":     {object(200), "json-tokens"},
		"objects of thousands":       {object(4000), ""},
		"names of strange letters":   {fill(`{"a":[`, `{"`+strings.Repeat("ÉԱႠჿ", 50)+`":0},`, `0]}`), "json-names"},
		"arrays of numbers":          {fill(`{"a":[`, "["+strings.Repeat("1e300,", 400)+"0],", `0]}`), ""},
		"brackets":                   {fill(`{"a":`, "[", ""), "json-depth"},
		"one string":                 {fill(`{"a":"`, "x", `"}`), "json-string"},
		"one string of escapes":      {fill(`{"a":"`, `\u0041`, `"}`), "json-string"},
		"one name":                   {fill(`{"`, "x", `":0}`), "json-string"},
		"one number":                 {fill(`{"a":`, "9", `}`), "json-number"},
		"spaces, then more":          {fill(`{}`, " ", `{}`), "json-trailing"},
		"not UTF-8 at the end":       {fill(`{"a":["`, strings.Repeat("é", 4000)+`","`, "\xff\"]}"), "json-utf8"},
		"recipients":                 {fill(`{"to":[`, `"https://a.example/1",`, `0]}`), "as2-recipients"},
		"contexts":                   {fill(`{"@context":[`, `"https://a.example/1",`, `0]}`), "jsonld-context-size"},
		"an object of short strings": {fill(`{"a":[[`+strings.Repeat(`"",`, 4000)+`0],[`, `"`+strings.Repeat("é", 60)+`",`, `0]]}`), ""},
	}
}

type refused struct {
	body   []byte
	reason as2.Reason
}

func BenchmarkScanHostile(b *testing.B) {
	for name, c := range hostile() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				_ = as2.Scan(c.body, limits.Default())
			}
		})
	}
}

func BenchmarkScan(b *testing.B) { onPayload(b, func(p []byte) { _ = as2.Scan(p, limits.Default()) }) }
func BenchmarkReadActivity(b *testing.B) {
	onPayload(b, func(p []byte) { _, _ = as2.ReadActivity(p, limits.Default()) })
}
func BenchmarkToAP(b *testing.B) {
	onPayload(b, func(p []byte) { _, _ = as2.ToAP(p, limits.Default()) })
}

// onPayload measures do on a reply as Mastodon sent it.
func onPayload(b *testing.B, do func([]byte)) {
	payload, err := os.ReadFile(testenv.Shared(b, "interop/payloads/mastodon/activities_create_note.json"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		do(payload)
	}
}
