package panui_test

import (
	"go/ast"
	"html/template"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/panui/panui/inbox"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/store"
)

// keptReplies are why invariants do not apply where mallory says much.
var keptReplies = spared{storeSame: "they are replies, and kept", oneEvent: "each has its own"}

// talkative is a world where mallory may say more than others.
var talkative = scene{limits: func() limits.Limits {
	l := limits.Default()
	l.RepliesPerDay, l.ActorPerDay = 5_000, 5_000
	return l
}()}

// L: markup in what strangers write.
func advisoriesL() []advisory {
	return []advisory{
		{known: "CVE-2025-53941 of Hollo", row: row{id: "L1", but: keptReplies, scene: talkative, test: payloads,
			must: "of two hundred ways in which HTML does more than show text nothing is left but listed elements, and read again it is the same"}},
		{known: "CVE-2026-53950 of Ghost", row: row{id: "L2", but: keptReplies, test: everyMember,
			must: "whatever member a script is in, a page that shows the reply has none; the link to it is on its author's server"}},
		{known: "CVE-2023-36459 of Mastodon", absent: []absent{linkPreviews, htmlDiscovery},
			row: row{id: "L3", must: "no oEmbed is read and no card of a linked page shown"}},
		{known: "CVE-2023-42452 of Mastodon", row: row{id: "L4", but: keptReplies, test: atOutput,
			must: "what is kept is what came; it is made safe each time it is shown, and nobody else can make a SafeHTML of a text, so a translation is a text again"}},
		{known: "GHSA-x2rc-v5wx-g3m5 of Mastodon", row: row{id: "L5", but: keptReplies, test: schemes,
			must: "a link of any other scheme than http and https is none, however it is written, and its text stays; such an URL of a reply is not shown"}},
		{known: "GHSA-mq2m-hr29-8gqf of Mastodon", row: row{id: "L6", but: keptReplies, scene: talkative, test: elements,
			must: "of all elements of HTML exactly those on the list come through, embed not among them"}},
		{known: "CVE-2025-46340 of Misskey", row: row{id: "L7", but: keptReplies, test: styles,
			must: "there is no style: no attribute, no class, no element, and no URL but that of a link"}},
		{known: "CVE-2026-57167 of PeerTube", row: row{id: "L8", but: keptReplies, test: contexts,
			must: "in a title, an attribute, a script and an address of a page the texts of a reply are what html/template makes of them: there is no text that it takes for markup"}},
		{known: "GHSA-2g66-9fr3-ppwj of Lemmy", absent: []absent{markdown},
			row: row{id: "L9", must: "the source of a reply, in Markdown or another form, is not read"}},
		{known: "Pleroma 2.0.1 of Pleroma", row: row{id: "L10", but: keptReplies, test: onlyTheRenderer,
			must: "each field of what a page gets of a reply is escaped like any text, but for the one that only the renderer makes"}},
		{known: "Friendica changelog (profile fields) of Friendica", row: row{id: "L11", but: keptReplies, test: profileFields,
			must: "the fields of a profile are not read from its document, so they are neither kept nor shown"}},
		{known: "gotosocial#2722 of GoToSocial", row: row{id: "L12",
			must: "an Update of a profile is no more than a reason to ask again: nothing of it is kept",
			tries: []try{
				{"name and value", says(act("alice", "Update", `{"id":"{alice}","type":"Person","name":"<script>alert(1)</script>","summary":"<img src=x onerror=alert(1)>","attachment":[{"type":"PropertyValue","name":"<script>1</script>","value":"<a href='javascript:alert(1)'>x</a>"}]}`)), 202, "renewed", 1},
			}}},
		{known: "CVE-2026-27136 of Go", row: row{id: "L13", but: keptReplies, test: doubled,
			must: "an attribute twice is one, before and after it is written again; the parser is newer than the advisory"}},
		{known: "CVE-2021-42576 of bluemonday", row: row{id: "L14", but: keptReplies, test: leaks,
			must: "nothing leaks out of style, select or option, a Cyrillic letter is no way around the list, and what is written is what another serializer writes of it"}},
		{known: "CVE-2023-36462 of Mastodon", row: row{id: "L15", but: keptReplies, test: honestLinks,
			must: "a link whose text is the address of another host says the host that it leads to; one with a user before its host is none"}},
		{known: "mastodon#20217 of Mastodon", absent: []absent{linkVerification, htmlDiscovery},
			row: row{id: "L16", must: "no page is checked for a link back, so none can be made to seem verified"}},
		{known: "CVE-2023-36460 of Mastodon", absent: []absent{imageProcessing, remoteMedia, uploads},
			row: row{id: "L17", must: "no picture, sound or video of others is fetched, decoded or written to a file"}},
		{known: "Pleroma 2.0.3 of Pleroma", absent: []absent{mediaProxy, uploads, remoteMedia},
			row: row{id: "L18", must: "no bytes of others are served from the site's host; the documents that are served forbid a browser to do anything with them"}},
		{known: "bidi / invisible characters (measured) of bluemonday", row: row{id: "L19", but: keptReplies, test: invisible,
			must: "what turns the direction of writing or shows nothing is left out, and a reply is isolated from what stands around it"}},
	}
}

// safe checks what a page gets of a reply.
func safe(t *testing.T, reply inbox.Reply, why string) {
	t.Helper()
	for _, tag := range element.FindAllString(reply.HTML.String(), -1) {
		assert.Regexp(t, harmless, tag, why)
	}
	nodes, err := html.ParseFragment(strings.NewReader(reply.HTML.String()), nil)
	require.NoError(t, err)
	var again strings.Builder
	for _, node := range nodes {
		require.NoError(t, html.Render(&again, node))
	}
	assert.Contains(t, again.String(), reply.HTML.String(), "another serializer writes the same: %s", why)
	for _, tag := range element.FindAllString(onAPage(t, reply), -1) {
		if !harmless.MatchString(tag) {
			assert.Contains(t, frame, tag, why)
		}
	}
}

// frame is a page, or what of it is not the reply's.
const frame = `<title></title><meta content=""><main lang=""><h1></h1><p></p><i title=""></i></main>`

var (
	wholePage = template.Must(template.New("").Parse(`<title>{{.Warning}}</title><meta content="{{.Text}}"><main lang="{{.Language}}"><h1>{{.Handle}}</h1><p>{{.Text}}</p><i title="{{.Text}}">{{.Warning}}</i>` +
		`{{.HTML.Template}}{{.ID}} {{.From}} {{.URL}} {{.Reason}}</main>`))
	filledIn = regexp.MustCompile(`(content|lang|title)="[^"]*"`)
)

// onAPage is a page with the reply in it, as html/template makes it, with the attributes that were filled in made empty.
func onAPage(t *testing.T, reply inbox.Reply) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, wholePage.Execute(&b, reply))
	return filledIn.ReplaceAllString(b.String(), `$1=""`)
}

// inert are endings and wrappings that have changed what a sanitizer makes of a payload.
var inert = []string{"%", "<p>before %</p>", "<svg>%", "<math><mtext>%", "<table>%", `<a href="https://evil.test">%</a>`, "<!-- -->%", "<noscript>%", "</p>%<p>", "<template>%</template>"}

func payloads(t *testing.T, w *world) {
	said := 0
	all := slices.Concat(wild, moreWild)
	for i, payload := range all {
		for j, wrapping := range inert {
			if !w.samples(i + j) {
				continue
			}
			content := strings.Replace(wrapping, "%", payload, 1)
			reply := w.hears(content, "")
			safe(t, reply, content)
			assert.Equal(t, reply.HTML, w.hears(reply.HTML.String(), "").HTML, "read again it is the same: %s", content)
			said++
		}
	}
	assert.GreaterOrEqual(t, said, w.often(200))
}

var moreWild = []string{
	`<form action="https://evil.test"><button>Log in</button></form>`, `<input type=image src=x onerror=alert(1)>`, `<body onload=alert(1)>`, `<details open ontoggle=alert(1)>`, `<video><source onerror=alert(1)></video>`,
}

// everywhere is a reply with a text in every member that there is.
func everywhere(text string) string {
	q := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
	return `"name":` + q(text) + `,"summary":` + q(text) + `,"contentMap":{` + q(text) + `:` + q(text) + `},"nameMap":{"en":` + q(text) + `},"url":[{"type":"Link","mediaType":"text/html","href":` + q(text) + `},` + q("https://victim.test/"+text) + `],` +
		`"tag":[{"type":"Hashtag","name":` + q(text) + `,"href":` + q(text) + `},{"type":"Mention","name":` + q(text) + `,"href":` + q(text) + `}],"attachment":[{"type":"Image","name":` + q(text) + `,"url":` + q(text) + `}],` +
		`"source":{"content":` + q(text) + `,"mediaType":"text/markdown"},"mediaType":` + q(text) + `,"generator":{"name":` + q(text) + `},`
}

func everyMember(t *testing.T, w *world) {
	for _, text := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `</title><script>alert(1)</script>`, `' onmouseover='alert(1)`, `{{.}}`} {
		reply := w.hears(text, everywhere(text))
		safe(t, reply, text)
		assert.Equal(t, reply.ID, reply.URL, "no page of another server is believed to be the reply's")
		assert.Empty(t, reply.Language)
	}
}

func atOutput(t *testing.T, w *world) {
	reply := w.hears(`<b>x</b><script>alert(1)</script>`, "")
	kept := w.received(store.ReceivedQuery{ID: reply.ID})
	require.Len(t, kept, 1)
	assert.Contains(t, string(kept[0].Body), "<script>", "as it came")
	assert.NotContains(t, reply.HTML.String(), "script")
	assert.Equal(t, template.HTML(reply.HTML.String()), reply.HTML.Template())

	safeHTML := reflect.TypeFor[inbox.SafeHTML]()
	for i := range safeHTML.NumField() {
		assert.False(t, safeHTML.Field(i).IsExported(), "nobody puts a text into it")
	}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Type.Results == nil || !f.Name.IsExported() {
				continue
			}
			for _, result := range f.Type.Results.List {
				assert.NotContains(t, written(result.Type), "SafeHTML", "%s of %s makes one for anybody", f.Name, s.file)
			}
		}
	}
}

func schemes(t *testing.T, w *world) {
	for _, href := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "//evil.test/", `\\evil.test`, "\t javascript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java&#10;script:alert(1)",
		"&#106;avascript:alert(1)", "&#x6a;avascript:alert(1)", "javascript&colon;alert(1)", "file:///etc/passwd", "mailto:a@evil.test", "tel:1", "blob:https://evil.test/x", "intent://x", "web+ap://x", "feed:javascript:alert(1)",
		"view-source:https://evil.test", "about:blank", "/admin", "?logout", "#top", "", "https:", "https:/x", "https:x", "ftp://evil.test/",
	} {
		reply := w.hears(`<a href="`+href+`">the text</a>`, `"url":"`+strings.ReplaceAll(strings.ReplaceAll(href, `\`, `\\`), "\t", `\t`)+`",`)
		assert.Equal(t, `<div dir="auto">the text</div>`, reply.HTML.String(), href)
		assert.Equal(t, reply.ID, reply.URL, href)
	}
	assert.Contains(t, w.hears(`<a href="https://evil.test/">the text</a>`, "").HTML.String(), `<a href="https://evil.test/" rel="nofollow noopener ugc">the text</a>`)
}

func elements(t *testing.T, w *world) {
	const all = "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote body br button canvas caption center cite code col colgroup command content data datalist dd del details dfn dialog dir div dl dt " +
		"element em embed fencedframe fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins isindex kbd keygen label legend li link listing main map mark marquee math menu menuitem meta meter " +
		"multicol nav nextid nobr noembed noframes noscript object ol optgroup option output p param picture plaintext portal pre progress q rb rbc rp rt rtc ruby s samp script search section select selectedcontent shadow slot small source spacer span strike strong style sub summary sup svg " +
		"table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xmp x-custom"
	const listed = "a b blockquote br code del em i li ol p pre s strong u ul"
	name := regexp.MustCompile(`<([a-z][a-z0-9-]*)`)
	through, want := map[string]bool{}, []string{}
	for i, tag := range strings.Fields(all) {
		if !w.samples(i) {
			continue
		}
		if slices.Contains(strings.Fields(listed), tag) {
			want = append(want, tag)
		}
		reply := w.hears(`<`+tag+` href="https://evil.test/" src="https://evil.test/" type=x>x</`+tag+`>`, "")
		for _, found := range name.FindAllStringSubmatch(strings.TrimPrefix(reply.HTML.String(), `<div dir="auto">`), -1) {
			through[found[1]] = true
		}
	}
	assert.Equal(t, want, slices.Sorted(maps.Keys(through)))
}

func styles(t *testing.T, w *world) {
	for _, content := range []string{
		`<p style="background-image:url(https://evil.test/x)">x</p>`, `<p style='position:fixed;inset:0'>x</p>`, `<style>p{background:url(https://evil.test)}</style>x`, `<link rel=stylesheet href="https://evil.test/x.css">x`,
		`<p class="alert">x</p>`, `<span id=login>x</span>`, `<font color=red face=x>x</font>`, `<table background="https://evil.test/x"><td bgcolor=red>x</table>`, `<svg><style>@import "https://evil.test"</style></svg>x`,
		`<p/style="x:expression(alert(1))">x</p>`, `<a href='https://evil.test/");background:url("x'>x</a>`, `<b STYLE=x:y>x</b>`,
	} {
		reply := w.hears(content, "")
		assert.NotRegexp(t, `(?i)style|class=|id=|url\(&|@import|background=|bgcolor`, reply.HTML.String(), content)
		safe(t, reply, content)
	}
}

func contexts(t *testing.T, w *world) {
	hostile := `</title></script><script>alert(1)</script><!-- " ' ]]> --> javascript:alert(1)`
	reply := w.hears(html.EscapeString(hostile), `"summary":"`+strings.ReplaceAll(hostile, `"`, `\"`)+`",`)
	require.Contains(t, reply.Text, "<script>", "as a text it says what its author wrote")
	var b strings.Builder
	require.NoError(t, template.Must(template.New("").Parse(`<title>{{.Text}}</title><meta name="description" content="{{.Text}}"><script type="application/ld+json">{"text":{{.Text}},"by":{{.Handle}}}</script>`+
		`<a href="{{.Text}}">x</a><a title='{{.Warning}}' onclick="f({{.Text}})">x</a><script>var x = {{.Text}}</script><rss>{{.Text}}</rss>`)).Execute(&b, reply))
	scripts := 0
	for z := html.NewTokenizer(strings.NewReader(b.String())); z.Next() != html.ErrorToken; {
		token := z.Token()
		if token.Type == html.StartTagToken && token.Data == "script" {
			scripts++
		}
		for _, a := range token.Attr {
			assert.False(t, a.Key == "href" && strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:"), a.Val)
		}
	}
	assert.Equal(t, 2, scripts, "those of the page: %s", b.String())
	templates.check(t)
}

func onlyTheRenderer(t *testing.T, w *world) {
	var made []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[inbox.Reply]()) {
		if field.Type.PkgPath() == "html/template" {
			t.Errorf("%s is taken for markup as it is", field.Name)
		}
		if field.Type == reflect.TypeFor[inbox.SafeHTML]() {
			made = append(made, field.Name)
		}
	}
	assert.Equal(t, []string{"HTML"}, made)
	const hostile = `<script>alert(1)</script>`
	reply := w.hears(hostile, `"summary":"`+hostile+`",`)
	for i, value := 0, reflect.ValueOf(&reply).Elem(); i < value.NumField(); i++ {
		if value.Field(i).Kind() == reflect.String {
			value.Field(i).SetString(hostile)
		}
	}
	for _, tag := range element.FindAllString(onAPage(t, reply), -1) {
		assert.NotContains(t, tag, "script")
	}
}

func profileFields(t *testing.T, w *world) {
	const hostile = `<script>alert(1)</script>`
	w.evil.serve("/users/mallory", document(strings.Replace(w.fill(me("{mallory}")), `"inbox"`, `"name":"`+hostile+`","summary":"`+hostile+`","attachment":[{"type":"PropertyValue","name":"`+hostile+`","value":"`+hostile+`"}],"inbox"`, 1)))
	safe(t, w.hears("x", ""), "of such an author")
	assert.NotContains(t, w.tables(), "alert(1)")
	remoteMedia.check(t)
}

func doubled(t *testing.T, w *world) {
	for _, content := range []string{
		`<a href="https://good.test/" href="javascript:alert(1)">x</a>`, `<a href="javascript:alert(1)" href="https://good.test/">x</a>`, `<a href="https://a.test" HREF='https://b.test' href=https://c.test>x</a>`,
		`<p title=x title="><img src=x onerror=alert(1)>">x</p>`, `<a rel="me" rel="author" href="https://a.test" rel=opener>x</a>`, `<svg><a href="https://a.test" xlink:href="javascript:alert(1)">x</a></svg>`, `<html x=1><html x=2 onload=alert(1)>x`,
	} {
		reply := w.hears(content, "")
		safe(t, reply, content)
		assert.NotContains(t, reply.HTML.String(), "javascript")
		assert.LessOrEqual(t, strings.Count(reply.HTML.String(), "href="), 1, content)
		assert.Equal(t, reply.HTML, w.hears(reply.HTML.String(), "").HTML, content)
	}
	atLeast(t, "golang.org/x/net", 0, 55)
}

func leaks(t *testing.T, w *world) {
	for _, content := range []string{
		`<select><option><style><script>alert(1)</script></style></option></select>`, `<select><style></select><img src=x onerror=alert(1)></style>`, `<option><style></option></select><b><img src=xx: onerror=alert(1)></style></option>`,
		`<style><!--</style><a href="javascript:alert(1)">-->x`, `<scrİpt>alert(1)</scrİpt>`, `<ѕcrіpt>alert(1)</ѕcrіpt>`, `<İmg src=x onerror=alert(1)>`, `<a href="javascrіpt:alert(1)">x</a>`, `<ſcript>alert(1)</ſcript>`, `<linK rel=stylesheet href=x>`,
		`<textarea><style></textarea><img src=x onerror=alert(1)>`, `<noembed><style></noembed><img src=x onerror=alert(1)>`,
	} {
		reply := w.hears(content, "")
		safe(t, reply, content)
		assert.NotRegexp(t, `<(select|option|style|img)`, reply.HTML.String())
	}
}

func honestLinks(t *testing.T, w *world) {
	for content, want := range map[string]string{
		`<a href="https://evil.test/x">https://www.agency.govt.nz/pay</a>`:                                                      `<a href="https://evil.test/x" rel="nofollow noopener ugc">evil.test</a>`,
		`<a href="https://evil.test/x"><span class="invisible">https://</span>agency.govt<span class="ellipsis">.nz</span></a>`: `<a href="https://evil.test/x" rel="nofollow noopener ugc">evil.test</a>`,
		`<a href="https://good.test@evil.test/">x</a>`:                                                                          `x`,
		`<a href="https://good.test:pw@evil.test/">https://good.test</a>`:                                                       `evil.test`,
		`<a href="https://evil.test/x"><span class="invisible">https://</span>evil.test/x</a>`:                                  `<a href="https://evil.test/x" rel="nofollow noopener ugc">https://evil.test/x</a>`,
	} {
		assert.Equal(t, `<div dir="auto">`+want+`</div>`, w.hears(content, "").HTML.String(), content)
	}
}

func invisible(t *testing.T, w *world) {
	for content, want := range map[string]string{
		"a\u202eb\u202c":                      "ab",
		"a\u2066b\u2069\u202a\u202b\u202d":    "ab",
		"a&#x202e;b":                          "ab",
		"a\u200bb\u2060c\ufeffd\u2063":        "abcd",
		"x\U000e0070\U000e0061\U000e0079":     "x",
		"\u0627\u0644\u200c\u0633 e\u0301":    "\u0627\u0644\u200c\u0633 e\u0301",
		"\U0001f3f4\U000e0067\U000e007f fine": "\U0001f3f4\U000e0067\U000e007f fine",
	} {
		reply := w.hears(content, `"summary":"`+strings.ReplaceAll(content, "&#x202e;", "")+`",`)
		assert.Equal(t, `<div dir="auto">`+want+`</div>`, reply.HTML.String(), "%+q", content)
		assert.Equal(t, want, reply.Text)
		assert.Equal(t, want, reply.Warning)
	}
}
