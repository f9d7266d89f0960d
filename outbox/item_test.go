package outbox

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
)

var (
	testURLs = actor.URLs{Base: "https://www.agency.govt.nz"}
	noon     = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
)

func news() *actor.Local { return profiled(func(*actor.Profile) {}) }

// profiled is the actor of the tests with another profile.
func profiled(change func(*actor.Profile)) *actor.Local {
	key, err := signing.New(quickKey())
	if err != nil {
		panic(err)
	}
	p := actor.Profile{Handle: "news@agency.govt.nz", Name: "Ministry of Examples", Languages: []string{"en-NZ"}, Key: key, ID: "news"}
	change(&p)
	local, err := actor.NewLocal(p, testURLs, signing.Policy{MinRSA: 1024})
	if err != nil {
		panic(err)
	}
	return local
}

// bridge is a complete item; tests change what they are about.
func bridge(change ...func(*Item)) Item {
	it := Item{
		Key: "2026/17", URL: "https://www.agency.govt.nz/news/17", Title: "Bridge opens", Language: "en-NZ",
		Abstract: "The Waikato bridge opens on Monday.",
	}
	for _, c := range change {
		c(&it)
	}
	return it
}

func TestAnItemIsRefusedWithAllReasonsAtOnce(t *testing.T) {
	err := Item{
		URL: "/news/17", Published: noon.Add(time.Second), Tags: []string{"civil defence", "2026"},
		Images: []Image{{URL: "https://www.agency.govt.nz/a.jpg"}, {URL: "b", Alt: "A bridge", FocalX: 2, Width: -1}},
	}.check(noon)
	assert.Equal(t, []string{
		"key is missing: give the website's own name for the item, such as its path or number",
		`url "/news/17" is not an absolute http or https address`,
		"published 2026-03-14T12:00:01Z is in the future: publish the item when its time has come",
		"title, abstract and HTML are all empty",
		"language is missing: give one (BCP 47), such as en-NZ or mi, or give the actor one",
		`hashtag "civil defence" has more than letters, digits and underscores: write "CivilDefence"`,
		`hashtag "2026" has no letter`,
		"image 1 has no alt text: say in a sentence what it shows, or mark it decorative",
		`image 2 url "b" is not an absolute http or https address`,
		`image 2 is of an unknown kind: give its media type, such as image/jpeg (got "")`,
		"image 2 has a negative size",
		"image 2 has a focal point outside -1 to 1",
	}, strings.Split(err.Error(), "\n"))
}

func TestWhatAnItemMayBe(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Item)
		refusal string // empty when it is fine
	}{
		"complete":             {func(*Item) {}, ""},
		"no title":             {func(it *Item) { it.Title = "" }, ""},
		"only HTML":            {func(it *Item) { it.Title, it.Abstract, it.HTML = "", "", "<p>Opens.</p>" }, ""},
		"empty HTML":           {func(it *Item) { it.Title, it.Abstract, it.HTML = "", "", "<p> </p>" }, "title, abstract and HTML are all empty"},
		"now":                  {func(it *Item) { it.Published = noon }, ""},
		"decorative image":     {func(it *Item) { it.Images = []Image{{URL: "https://a.nz/x.PNG", Decorative: true}} }, ""},
		"image without ending": {func(it *Item) { it.Images = []Image{{URL: "https://a.nz/x?id=1", MediaType: "image/png", Alt: "x"}} }, ""},
		"a film":               {func(it *Item) { it.Images = []Image{{URL: "https://a.nz/x.mp4", Alt: "x"}} }, "image 1 is of an unknown kind"},
		"macron in a hashtag":  {func(it *Item) { it.Tags = []string{"TeReoMāori", "#Ngāpuhi_2026"} }, ""},
		"not a language":       {func(it *Item) { it.Language = "english!" }, `language "english!" is not a BCP 47 tag`},
		"user in the URL":      {func(it *Item) { it.URL = "https://me@agency.govt.nz/" }, "is not an absolute http or https address"},
		"a file":               {func(it *Item) { it.URL = "file:///etc/passwd" }, "is not an absolute http or https address"},
		"language twice":       {func(it *Item) { it.Translations = []Text{{Language: "en-NZ", Title: "x"}} }, "translation 1: language en-NZ is there twice"},
		"empty translation":    {func(it *Item) { it.Translations = []Text{{Language: "mi"}} }, "translation 1: title, abstract and HTML are all empty"},
		"language of PHP":      {func(it *Item) { it.Language = "en_NZ" }, ""},
		"the same twice":       {func(it *Item) { it.Translations = []Text{{Language: "en_nz", Title: "x"}} }, "translation 1: language en-NZ is there twice"},
		"alt text of spaces":   {func(it *Item) { it.Images = []Image{{URL: "https://a.nz/x.png", Alt: " \u00a0"}} }, "image 1 has no alt text"},
		"a link that says so":  {func(it *Item) { it.Link = "More about the bridge" }, ""},
		"a link to anywhere":   {func(it *Item) { it.Link = "Read more …" }, `link "Read more …" says nothing when it is read alone`},
		"a link ki konei":      {func(it *Item) { it.Translations = []Text{{Language: "mi", Title: "x", Link: "Konei"}} }, "translation 1: link"},
		"a very long key":      {func(it *Item) { it.Key = strings.Repeat("k", maxKey+1) }, "key is longer than 1024 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			err := bridge(c.change).check(noon)
			if c.refusal == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.refusal)
		})
	}
}

func TestTheDigestIsOfWhatReadersSee(t *testing.T) {
	same := bridge(func(it *Item) { it.Published, it.Urgent, it.By, it.Pinned = noon, true, "Ana", true })
	assert.Equal(t, bridge().digest(), same.digest())

	long := bridge(func(it *Item) { it.Abstract, it.HTML = "", "<h2>Opening</h2><p>Monday.</p><p>Drive with care.</p>" })
	revised := bridge(func(it *Item) { it.Abstract, it.HTML = "", "<p>Monday.</p><table><tr><td>Lanes: 4" })
	assert.Equal(t, long.digest(), revised.digest(), "only the first paragraph is shown")
	assert.Equal(t, long.digest(), bridge(func(it *Item) { it.Abstract = "Monday." }).digest(), "wherever it comes from")
	tagged, hashed := bridge(func(it *Item) { it.Tags = []string{"Waikato"} }), bridge(func(it *Item) { it.Tags = []string{"#Waikato", "waikato"} })
	assert.Equal(t, tagged.digest(), hashed.digest(), "a hashtag is shown once")

	for name, change := range map[string]func(*Item){
		"first paragraph": func(it *Item) { it.Abstract, it.HTML = "", "<p>Tuesday.</p>" },
		"language":        func(it *Item) { it.Language = "mi" },
		"link":            func(it *Item) { it.Link = "All bridges" },
		"sensitive":       func(it *Item) { it.Sensitive = true },
		"title":           func(it *Item) { it.Title = "Bridge closed" },
		"url":             func(it *Item) { it.URL += "/" },
		"alt text":        func(it *Item) { it.Images = []Image{{Alt: "A bridge"}} },
		"hashtag":         func(it *Item) { it.Tags = []string{"Waikato"} },
		"warning":         func(it *Item) { it.Warning = "Flood images" },
		"translation":     func(it *Item) { it.Translations = []Text{{Language: "mi", Title: "Arawhata"}} },
	} {
		assert.NotEqual(t, bridge().digest(), bridge(change).digest(), name)
	}
}

func TestTheLeadIsTheFirstParagraph(t *testing.T) {
	for source, want := range map[string]string{
		"":                                  "",
		"Plain words.":                      "Plain words.",
		"<p>One.</p><p>Two.</p>":            "One.",
		"<h1>Title</h1>\n<p>One <b>two</b>": "One two",
		"<p></p><div>\n<p>A&nbsp;&amp; B<br>C</p></div>":                           "A & B C",
		"<script>x()</script><style>p{}</style><p>Ngā mihi.</p>":                   "Ngā mihi.",
		"<figure><img alt='x'><figcaption>Photo</figcaption></figure><p>Text.</p>": "Text.",
		"<p>" + strings.Repeat("word ", 120) + "</p>":                              strings.Repeat("word ", 99) + "word …",
		"<p>" + strings.Repeat("ā", 600) + "</p>":                                  strings.Repeat("ā", 500) + " …",
	} {
		assert.Equal(t, want, lead(source), source)
	}
}

func FuzzLead(f *testing.F) {
	for _, seed := range []string{"", "<p>One", "<<p>>", "&#0;&notit;<p", "<script><p>", "</h1></h1><p>x", "\xff<p>\xc3\x28"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		text := lead(source)
		assert.LessOrEqual(t, len([]rune(text)), maxLead+2)
		assert.Equal(t, strings.TrimSpace(text), text)
		assert.True(t, text == strings.ToValidUTF8(text, ""), "not UTF-8")
	})
}
