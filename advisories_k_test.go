package panui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// K: what takes longer than its length.
func advisoriesK() []advisory {
	return []advisory{
		{known: "GHSA-jpxp-r43f-rhvx of Mastodon", row: row{id: "K1", test: dots,
			must: "64 KiB of what made a regular expression repeat itself, in a text, a warning and a name: read in the time of as much plain text",
			but:  spared{storeSame: "they are replies, and kept", oneEvent: "each has its own"}}},
		{known: "CVE-2025-68475 of Fedify", absent: []absent{htmlDiscovery, linkPreviews},
			row: row{id: "K2", must: "no HTML is read when a document is fetched; what is not ActivityPub is refused by its media type"}},
		{known: "CVE-2024-45338 of Go", row: row{id: "K3", test: nests,
			must: "64 KiB of nested tags are read in bounded time: markup that is long is shown as text, and the parser is newer than the last advisory about it",
			but:  spared{storeSame: "they are replies, and kept", oneEvent: "each has its own"}}},
	}
}

// quickest is the shortest of some times that something takes.
func quickest(f func()) time.Duration {
	best := time.Hour
	for range 3 {
		began := time.Now()
		f()
		best = min(best, time.Since(began))
	}
	return best
}

// slack is what a machine that does other things may add to a time.
const slack = 50 * time.Millisecond

func dots(t *testing.T, w *world) {
	plain, dotted := strings.Repeat("kia ora ", 8<<10), strings.Repeat("a.a.", 16<<10)
	w.hears(plain, `"summary":"`+plain[:2<<10]+`",`)
	usual := quickest(func() { w.newest() })
	for _, content := range []string{dotted, strings.Repeat("@a.a", 16<<10), strings.Repeat("http://", 9<<10), strings.Repeat("a-", 32<<10), `<a href="https://evil.test/">` + strings.Repeat("a.a.", 3<<10)} {
		w.hears(content, `"summary":"`+dotted[:2<<10]+`","name":"`+dotted+`","url":"{evil}/`+dotted[:1<<10]+`",`)
		assert.LessOrEqual(t, quickest(func() { w.newest() }), 20*usual+slack, "%.40s", content)
	}
}

func nests(t *testing.T, w *world) {
	w.hears(strings.Repeat("kia ora ", 8<<10), "")
	usual := quickest(func() { w.newest() })
	for i, open := range []string{
		"<b>", "<div>", "<table>", "<a href=https://evil.test>", "<p>", "<select>", "<svg>", "<math>", "<template>", "<ruby>", "<blockquote>", `<b><em><i><s><u><code><p>a "quoted" word</b>`,
	} {
		if w.samples(i) {
			reply := w.hears(strings.Repeat(open, 64<<10/len(open)), "")
			assert.LessOrEqual(t, len(element.FindAllString(reply.HTML.String(), -1)), 2, "as text, in the element that isolates it: %s", open)
			assert.LessOrEqual(t, quickest(func() { w.newest() }), 20*usual+slack, open)
		}
	}
	atLeast(t, "golang.org/x/net", 0, 55)
}
