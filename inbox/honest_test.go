package inbox

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestALinkSaysWhereItLeads(t *testing.T) {
	const agency, evil = "https://www.agency.govt.nz/pay", "https://evil.test/x"
	for _, row := range []struct{ href, text, shown string }{
		{evil, agency, "evil.test"},
		{evil, "www.agency.govt.nz", "evil.test"},
		{evil, "agency.govt.nz/pay?x=1", "evil.test"},
		{evil, "AGENCY.GOVT.NZ.", "evil.test"},
		{evil, "Pay at https://www.agency.govt.nz now", "evil.test"},
		{evil, "https://evil.test@agency.govt.nz/", "evil.test"},
		{evil, "https:\\\\agency.govt.nz", "evil.test"},
		{evil, "<b>https://</b><i>agency</i>.govt.nz", "evil.test"},
		{evil, "agency&#8203;.govt.nz", "evil.test"},
		{"https://аgency.govt.nz/", "agency.govt.nz", "xn--gency-3ve.govt.nz"},
		{evil, "http://EVIL.test/elsewhere", "http://EVIL.test/elsewhere"},
		{evil, "www.evil.test", "www.evil.test"},
		{"https://bücher.example/", "https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"},
		{evil, "the agency", "the agency"},
		{evil, "@news", "@news"},
		{evil, "Node.js", "Node.js"},
		{evil, "1.5.2026", "1.5.2026"},
	} {
		got := sanitise(`<a href="` + row.href + `">` + row.text + `</a>`)
		assert.Equal(t, row.shown, plainText(got.String()), "%s to %s", row.text, row.href)
		assert.Contains(t, got.String(), "<a href=")
		assert.Equal(t, got, sanitise(got.String()))
	}
	assert.Equal(t, isolated+"x"+ended, sanitise(`<a href="https://www.agency.govt.nz@evil.test/">x</a>`).String(), "a user before the host is no link")
}

func TestNothingIsHidden(t *testing.T) {
	for foreign, want := range map[string]string{
		"pay\u200b \u2060now\u2063":                          "pay now",
		"x\U000e0068\U000e0069\U000e007f":                    "x",
		"\U0001f3f4\U000e0067\U000e0062\U000e007f":           "\U0001f3f4\U000e0067\U000e0062\U000e007f",
		"\U0001f3f4x\U000e0067":                              "\U0001f3f4x",
		"\ufff9a\ufffab\ufffb":                               "ab",
		"\u06cc\u200c\u0645 \u0915\u094d\u200d\u0937":        "\u06cc\u200c\u0645 \u0915\u094d\u200d\u0937",
		"\U0001f469\u200d\U0001f469\u200d\U0001f467 \u200fא": "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u200fא",
	} {
		assert.Equal(t, want, plainText(foreign), "%+q", foreign)
		assert.Equal(t, isolated+want+ended, sanitise(foreign).String(), "%+q", foreign)
	}
}

func TestWhatBreaksAParserIsQuarantined(t *testing.T) {
	assert.True(t, quarantine(func() { panic("no parser is ready for this") }))
	assert.False(t, quarantine(func() {}))
}
