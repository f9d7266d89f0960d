package inbox

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/net/html"
)

// attacks are ways in which HTML is made to do more than show text.
var attacks = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=https://evil.test/x.js></SCRIPT>`, `<script/x>alert(1)</script>`, `<<script>alert(1)//<</script>`,
	`<scr<script>ipt>alert(1)</scr</script>ipt>`, `<script>alert(1)`, `</script><script>alert(1)</script>`, `<svg><script>alert(1)</script></svg>`,
	`<img src=x onerror=alert(1)>`, `<img src=x:alert(alt) onerror=eval(src) alt=1>`, `<IMG """><SCRIPT>alert(1)</SCRIPT>">`, `<img/src=x/onerror=alert(1)>`,
	`<img src="https://evil.test/pixel.gif">`, `<svg onload=alert(1)>`, `<svg/onload=alert(1)//`, `<svg><animate onbegin=alert(1) attributeName=x dur=1s>`,
	`<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>`, `<svg><use href="data:image/svg+xml;base64,AA#x">`, `<svg><style><img src=x onerror=alert(1)></style>`,
	`<math><mi xlink:href="javascript:alert(1)">x</mi></math>`, `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, `<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
	`<a href="javascript:alert(1)">x</a>`, `<a href="JaVaScRiPt:alert(1)">x</a>`, `<a href=" javascript:alert(1)">x</a>`, `<a href="java&#9;script:alert(1)">x</a>`,
	`<a href="java&#x0A;script:alert(1)">x</a>`, `<a href="&#106;avascript:alert(1)">x</a>`, `<a href="&#x6A&#x61&#x76&#x61script:alert(1)">x</a>`, "<a href=\"java\x00script:alert(1)\">x</a>",
	"<a href=\"\x01javascript:alert(1)\">x</a>", `<a href="javascript&colon;alert(1)">x</a>`, `<a href="data:text/html,<script>alert(1)</script>">x</a>`, `<a href="vbscript:msgbox(1)">x</a>`,
	`<a href="file:///etc/passwd">x</a>`, `<a href="//evil.test/">x</a>`, `<a href="/admin/delete">x</a>`, `<a href="?logout">x</a>`, `<a href="#top">x</a>`, `<a href="\\evil.test">x</a>`, `<a href="https:/admin/delete">x</a>`, `<a href=https:admin>x</a>`, `<A href=http:>`,
	`<a href="https://evil.test" onclick=alert(1)>x</a>`, `<a href="https://evil.test" target=_self rel=opener style="position:fixed">x</a>`, `<a href="https://evil.test" rel="me author">x</a>`,
	`<a href='https://evil.test/"onmouseover="alert(1)'>x</a>`, `<a href="https://evil.test/?rel=&quot;nofollow&quot;">x</a>`, `<a href="https://evil.test`, `<a href="https://evil.test">x`,
	`<iframe src="https://evil.test"></iframe>`, `<iframe srcdoc="<script>alert(1)</script>">`, `<object data="https://evil.test"></object>`, `<embed src="https://evil.test">`, `<applet code=x>`,
	`<form action="https://evil.test"><input name=password><button>x</button></form>`, `<button formaction=javascript:alert(1)>x</button>`, `<input onfocus=alert(1) autofocus>`, `<select onfocus=alert(1) autofocus>`,
	`<textarea><img title="</textarea><img src=x onerror=alert(1)>">`, `<title><img title="</title><img src=x onerror=alert(1)>">`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`<xmp><p title="</xmp><img src=x onerror=alert(1)>">`, `<plaintext><img src=x onerror=alert(1)>`, `<style>@import "https://evil.test/x.css";</style>`, `<p style="background:url(https://evil.test)">x</p>`,
	`<div style="position:fixed;inset:0">x</div>`, `<link rel=stylesheet href=https://evil.test>`, `<meta http-equiv=refresh content="0;url=https://evil.test">`, `<base href="https://evil.test/">`,
	`<body onload=alert(1)>`, `<html onmouseover=alert(1)>`, `<video><source onerror=alert(1)></video>`, `<audio src=x onerror=alert(1)>`, `<details open ontoggle=alert(1)>`, `<marquee onstart=alert(1)>`,
	`<keygen autofocus onfocus=alert(1)>`, `<isindex action=javascript:alert(1)>`, `<p id="login">x</p>`, `<p class="alert alert-danger">x</p>`, `<a name="x" id=location href="https://x.test">x</a>`,
	`<!--<img src="--><img src=x onerror=alert(1)//">`, `<!--[if IE]><script>alert(1)</script><![endif]-->`, `<![CDATA[<script>alert(1)</script>]]>`, `<?xml version="1.0"?><script>alert(1)</script>`,
	`<!DOCTYPE html><script>alert(1)</script>`, `<template><script>alert(1)</script></template>`, `<slot name=x>`, `<custom-element onclick=alert(1)>x</custom-element>`,
	`</div></div></main><h1>Official notice</h1>`, `<p>`, `</p>`, `<b><i></b></i>`, `<blockquote><blockquote>`, `<ul><li>x`, `<table><tr><td><p>x`, `<p><object><p>x</p></object></p>`, `<a href="https://a.test"><a href="https://b.test">x</a></a>`,
	"\u202eexe.gpj", "<p>\u2066\u202d\u202e</p>", "&#x202e;txt", "&#8238;txt", "z" + strings.Repeat("\u0301", 500), strings.Repeat("&#x0489;", 400),
	"<p>\u0000\u0008\u001b[31m\u009b</p>", "\ufeff<script>", "\xff\xfe<script>alert(1)</script>", `&lt;script&gt;alert(1)&lt;/script&gt;`, `&amp;lt;script&amp;gt;`, `&`, `<`, `<>`, `< script>alert(1)</ script>`,
	strings.Repeat("<b>", 2000), strings.Repeat("<div>", 600) + "x", strings.Repeat("<a href=https://x.test>", 300), "<pre>\n\nx</pre>", "<p>\r\nx\r</p>",
}

var (
	tag     = regexp.MustCompile(`<[^>]*>`)
	allowed = regexp.MustCompile(`^<(/?(p|b|strong|i|em|u|s|del|code|pre|blockquote|ul|ol|li|a)|br/?|a href="https?://[^"<>/][^"<>]*" rel="nofollow noopener ugc")>$`)
)

// checkSafe says what must hold for any HTML that a page of the agency contains.
func checkSafe(t *testing.T, foreign string) {
	t.Helper()
	safe := sanitise(foreign)
	inner, open := strings.CutPrefix(safe.String(), isolated)
	inner, closed := strings.CutSuffix(inner, ended)
	if safe.String() != "" && (!open || !closed) {
		t.Fatalf("not isolated: %q of %q", safe, foreign)
	}
	for _, found := range tag.FindAllString(inner, -1) {
		if !allowed.MatchString(found) {
			t.Fatalf("%q in %q of %q", found, inner, foreign)
		}
	}
	if strings.ContainsAny(tag.ReplaceAllString(inner, ""), "<>\x00\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
		t.Fatalf("more than text in %q of %q", inner, foreign)
	}
	if again := sanitise(safe.String()); again != safe {
		t.Fatalf("not settled: %q, then %q, of %q", safe, again, foreign)
	}
	if !balanced(inner) {
		t.Fatalf("not closed: %q of %q", inner, foreign)
	}
}

// balanced says whether every element is closed in its order.
func balanced(s string) bool {
	var stack []string
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return len(stack) == 0
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) != "br" {
				stack = append(stack, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(stack) == 0 || stack[len(stack)-1] != string(name) {
				return false
			}
			stack = stack[:len(stack)-1]
		}
	}
}

func TestAttacksBecomeText(t *testing.T) {
	assert.Greater(t, len(attacks), 100)
	for _, attack := range attacks {
		checkSafe(t, attack)
		checkSafe(t, "<p>before "+attack+" after</p>")
		for _, other := range attacks[:20] {
			checkSafe(t, attack+other)
		}
	}
}

func TestWhatStaysOfAReply(t *testing.T) {
	for foreign, want := range map[string]string{
		`<p>Kia ora <strong>koutou</strong></p>`: `<p>Kia ora <strong>koutou</strong></p>`,
		`<p><span class="h-card"><a href="https://our.test/@news" class="u-url mention" target="_blank" rel="me">@<span>news</span></a></span> thanks</p>`: `<p><a href="https://our.test/@news" rel="nofollow noopener ugc">@news</a> thanks</p>`,
		`<a href="https://x.test/?a=1&amp;b=2">x</a>`:         `<a href="https://x.test/?a=1&amp;b=2" rel="nofollow noopener ugc">x</a>`,
		`<ul><li>one<li>two</ul>`:                             `<ul><li>one</li><li>two</li></ul>`,
		`one<br>two`:                                          `one<br/>two`,
		`<h1>Big</h1><table><tr><td>cell</td></tr></table>`:   `Bigcell`,
		`<img src="https://x.test/a.png" alt="a cat">`:        ``,
		`2 < 3 & 4 > 3`:                                       `2 &lt; 3 &amp; 4 &gt; 3`,
		"e\u0301 \u05e9\u05c1\u05b8 \u0e17\u0e35\u0e48 👩‍👩‍👧": "e\u0301 \u05e9\u05c1\u05b8 \u0e17\u0e35\u0e48 👩‍👩‍👧",
		`<blockquote><p>quoted</p></blockquote>`:              `<blockquote><p>quoted</p></blockquote>`,
		`<style>p{}</style><script>x</script>text`:            `text`,
		`<a href="https://good.test@evil.test/">x</a>`:        `x`,
		`<a href="ftp://evil.test/x">x</a>`:                   `x`,
	} {
		if want != "" {
			want = isolated + want + ended
		}
		assert.Equal(t, want, sanitise(foreign).String(), foreign)
	}
}

func TestPlainText(t *testing.T) {
	for foreign, want := range map[string]string{
		`<p>one</p><p>two<br>three</p>`:       "one\ntwo\nthree",
		`a &amp; b &lt;c&gt;`:                 "a & b <c>",
		`<script>x</script><style>y</style>z`: "z",
		"<p>\u202eevil</p>":                   "evil",
		`<iframe>a</iframe><noscript>b</noscript><object>c</object><template>d</template>e`: "e",
		"plain":                                 "plain",
		strings.Repeat("<div>", 600) + "x":      "x",
		`<a href="https://x.test">the link</a>`: "the link",
	} {
		assert.Equal(t, want, plainText(foreign), foreign)
	}
}

// What would take long to put right is shown as text.
func TestLongMarkupIsShownAsText(t *testing.T) {
	long := strings.Repeat(`<b><em><i><s><u><code><p>a "quoted" word</b>`, 1+maxMarkup/40)
	shown := show(long)
	assert.NotRegexp(t, tag, strings.TrimSuffix(strings.TrimPrefix(shown.String(), isolated), ended))
	assert.Contains(t, shown.String(), "a &#34;quoted&#34; word")
	assert.Equal(t, sanitise(long[:maxMarkup]), show(long[:maxMarkup]))
}

func FuzzSanitise(f *testing.F) {
	for _, attack := range attacks {
		f.Add(attack)
	}
	f.Fuzz(func(t *testing.T, foreign string) {
		if len(foreign) < 1<<14 {
			checkSafe(t, foreign)
			plainText(foreign)
		}
	})
}
