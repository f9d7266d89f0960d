package feed

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/outbox"
)

func shared(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(testenv.Shared(t, "feeds/"+name))
	require.NoError(t, err)
	return body
}

func TestRealFeeds(t *testing.T) {
	for _, tt := range []struct {
		file     string
		items    int
		language string
		key      string // of the first item, as the rest
		url      string
		title    string
		date     string
		images   int
		tags     string
		left     int // images left out of the whole feed
	}{
		{file: "nz-geonet-news-2014.atom.xml", items: 10, key: "tag:info.geonet.org.nz,2009:blogpost-11567177-5",
			url:   "http://info.geonet.org.nz/display/quake/2014/09/23/Strong+quake+wakes+southern+North+Island",
			title: "Strong quake wakes southern North Island", date: "2014-09-22T16:11:48Z", left: 12},
		{file: "uk-gov-scot-news-2017.rss.xml", items: 2, language: "en", key: "f5efd7f6-e9e4-4e70-a47c-e8dec8cb0400",
			url:   "https://news.gov.scot/news/scotlands-future-must-be-decided-by-the-people-who-live-here",
			title: "Scotland's future must be decided by the people who live here", date: "2017-06-27T14:05:00Z",
			tags: "Communities Constitution"},
		{file: "us-nasa-breaking-2018.rss.xml", items: 10, language: "en-US",
			key:   "http://www.nasa.gov/press-release/watch-this-space-nasa-administrator-talks-webb-science-with-nobel-laureate",
			url:   "http://www.nasa.gov/press-release/watch-this-space-nasa-administrator-talks-webb-science-with-nobel-laureate",
			title: "Watch This Space: NASA Administrator Talks Webb Science with Nobel Laureate", date: "2018-07-24T21:13:00Z", left: 10},
		{file: "us-whitehouse-blog-2011.rss.xml", items: 3, language: "en-US", key: "80731 at http://www.whitehouse.gov",
			url:   "http://www.whitehouse.gov/blog/2011/09/26/famine-horn-africa-be-part-solution",
			title: "Famine in the Horn of Africa: Be a Part of the Solution", date: "2011-09-26T21:33:05Z", images: 1,
			tags: "DrJillBiden WhiteHouse ForeignPolicy Poverty Jobs"},
		{file: "us-whitehouse-blog-2011-edit1.rss.xml", items: 3, language: "en-US", key: "80731 at http://www.whitehouse.gov",
			url:   "http://www.whitehouse.gov/blog/2011/09/26/famine-horn-africa-be-part-solution",
			title: "Famine in the Horn of Africa: Be a Part of the Solution", date: "2011-09-26T21:33:05Z", images: 1,
			tags: "DrJillBiden WhiteHouse ForeignPolicy Poverty Jobs"},
		{file: "us-whitehouse-blog-2011-edit2.rss.xml", items: 3, language: "en-US", key: "80731 at http://www.whitehouse.gov",
			url:   "http://www.whitehouse.gov/blog/2011/09/26/famine-horn-africa-be-part-solution",
			title: "Famine in the Horn of Africa: Be a Part of the Solution", images: 1,
			tags: "DrJillBiden WhiteHouse ForeignPolicy Poverty Jobs"},
		{file: "us-usgs-features-wordpress-2014.rss.xml", items: 3, language: "en-US",
			key:   "http://www.usgs.gov/blogs/features/?post_type=usgs_top_story&p=192331",
			url:   "http://www.usgs.gov/blogs/features/usgs_top_story/national-groundwater-awareness-week-2/",
			title: "National Groundwater Awareness Week", date: "2014-03-10T11:00:25Z", images: 3, tags: "Groundwater Water"},
		{file: "us-jbsa-video-mediarss-2014.rss.xml", items: 2, language: "en-US",
			key:   "http://www.jbsa.af.mil/news/video/index.asp?cid=661&sid=41650",
			url:   "http://www.jbsa.af.mil/news/video/index.asp?cid=661&sid=41650",
			title: "2014 Armed Forces Golf Trials and Championship", date: "2014-11-05T21:29:08Z"},
		{file: "us-nws-cap-alerts.atom.xml", items: 163,
			key:   "https://alerts.weather.gov/cap/wwacapget.php?x=AK125AB652A170.HighWindWarning.125AB660BDF0AK.AFGNPWNSB.e9d4afdcacb3b7015f58bccc1db60d46",
			url:   "https://alerts.weather.gov/cap/wwacapget.php?x=AK125AB652A170.HighWindWarning.125AB660BDF0AK.AFGNPWNSB.e9d4afdcacb3b7015f58bccc1db60d46",
			title: "High Wind Warning issued August 15 at 2:52PM AKDT until August 16 at 7:00AM AKDT by NWS", date: "2018-08-15T22:52:00Z"},
		{file: "us-nws-cap-index-2010.atom.xml", items: 2,
			key:   "http://www.weather.gov/alerts-beta/wwacapget.php?x=CT20100831030400OKXAirQualityAlertOKX20100901031500CT",
			url:   "http://www.weather.gov/alerts-beta/wwacapget.php?x=CT20100831030400OKXAirQualityAlertOKX20100901031500CT",
			title: "Air Quality Alert issued August 30 at 11:04PM EDT expiring August 31 at 11:15PM EDT by NWS NewYorkCity/Upton http://www.nws.noaa.gov/er/okx/",
			date:  "2010-08-31T03:04:00Z"},
		{file: "au-qld-bushfire-2018.atom.xml", items: 27, key: "QF2-18-186203", url: "https://ruralfire.qld.gov.au",
			title: `24°10'19.56"S & 151°47'30.12"E, Eurimbula`, date: "2018-09-08T05:01:50Z", tags: "Notification"},
		{file: "au-wa-dfes-warnings-2018.rss.xml", items: 3, language: "en-US", key: "130816231",
			url:   "https://www.emergency.wa.gov.au/#map/warning/sac_130816231",
			title: "After Storm: Cancellation for Goldfields-Midlands", date: "2018-09-30T13:41:23Z"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			f, err := Parse(shared(t, tt.file), Reading{})
			require.NoError(t, err)
			require.Len(t, f.Items, tt.items)
			first := f.Items[0]
			assert.Equal(t, tt.key, first.Key)
			assert.Equal(t, tt.url, first.URL)
			assert.Equal(t, tt.title, first.Title)
			assert.Equal(t, tt.language, first.Language)
			assert.Equal(t, tt.date, rfc3339(first.Published))
			assert.Equal(t, tt.tags, strings.Join(first.Tags, " "))
			assert.Len(t, first.Images, tt.images)
			assert.Len(t, f.Notes, tt.left)
			for _, item := range f.Items {
				assert.NotEmpty(t, item.Abstract, item.Key)
				assert.NotContains(t, item.HTML, "<img", item.Key)
				assert.NotContains(t, item.HTML, "style=", item.Key)
				assert.NotContains(t, item.HTML, "<!--", item.Key)
				for _, image := range item.Images {
					assert.NotEmpty(t, image.Alt)
				}
			}
		})
	}
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// What readers get to see first, of the awkward ones.
func TestAbstractsOfRealFeeds(t *testing.T) {
	for file, abstract := range map[string]string{
		"nz-geonet-news-2014.atom.xml":            "A strong earthquake occurred 15 km west of the settlement of Pongaroa just after twenty to three this morning.",
		"us-usgs-features-wordpress-2014.rss.xml": "Groundwater is one of the Nation's most valuable natural resources.",
		"us-jbsa-video-mediarss-2014.rss.xml":     "72 of the Defense Department’s best active-duty golfers competed at the Armed Forces Men’s and Women’s Golf Trials Nov. 3-4. Half made it through the trials and move on to the 4-day championship round beginning Nov. 6.",
		"au-wa-dfes-warnings-2018.rss.xml":        "Category: Storm\n\nAlert Summary: Cancellation of thunderstorms warning for parts of the Goldfields-Midlands",
		"uk-gov-scot-news-2017.rss.xml":           "First Minister Nicola Sturgeon today gave a statement following the outcome of the General Election and her next steps in ensuring Scotland's voice is heard in the negotiations to leave the European Union. She confirmed a pause in her plans to seek a referendum on independence to allow the people of Scotland to have a choice about their future at the end of the Brexit process.",
	} {
		f, err := Parse(shared(t, file), Reading{})
		require.NoError(t, err)
		assert.Equal(t, abstract, f.Items[0].Abstract, file)
	}
}

func TestAnImageOfARealFeed(t *testing.T) {
	f, err := Parse(shared(t, "us-whitehouse-blog-2011.rss.xml"), Reading{})
	require.NoError(t, err)
	assert.Equal(t, []outbox.Image{{
		URL:       "http://www.whitehouse.gov/sites/default/files/imagecache/embedded_img_small/image/image_file/dr._b_david_letterman_0.jpg",
		MediaType: "image/jpeg", Alt: "Dr. Jill Biden on the Late Show with David Letterman", Width: 430, Height: 286,
	}}, f.Items[0].Images)
}

// GeoNet's images are root-relative and have no alt text: the note says which
// image a person has to describe, with the address at which it is.
func TestAnImageWithoutTextAlternativeIsLeftOut(t *testing.T) {
	f, err := Parse(shared(t, "nz-geonet-news-2014.atom.xml"), Reading{})
	require.NoError(t, err)
	assert.Empty(t, f.Items[0].Images)
	assert.Equal(t, Note{
		Key: "tag:info.geonet.org.nz,2009:blogpost-11567177-5",
		Text: "left out the image http://info.geonet.org.nz/download/thumbnails/11567177/pongaroa_map.png" +
			"?version=1&modificationDate=1411401685245&api=v2: it has no text alternative",
	}, f.Notes[0])
}

func TestAlertsAreNotFeeds(t *testing.T) {
	for _, file := range []string{
		"au-nsw-rfs-2011.cap.xml", "ca-ec-thunderstorm-bilingual-2012.cap.xml",
		"us-nws-flashflood-2010.cap.xml", "us-usgs-quake-iso8859-1-2012.cap.xml",
	} {
		_, err := Parse(shared(t, file), Reading{})
		assert.ErrorIs(t, err, ErrAlert, file)
	}
}

func rssOf(items string) []byte {
	return []byte(`<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/"
		xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
		<title>News</title><link>https://agency.example/</link><language>en-nz</language>` + items + `</channel></rss>`)
}

func one(t *testing.T, body []byte, r Reading) outbox.Item {
	t.Helper()
	f, err := Parse(body, r)
	require.NoError(t, err)
	require.Len(t, f.Items, 1)
	return f.Items[0]
}

func TestKeys(t *testing.T) {
	for name, tt := range map[string]struct{ item, key, url string }{
		"guid":            {`<guid isPermaLink="false"> a1 </guid><link>/n/1</link>`, "a1", "https://agency.example/n/1"},
		"guid is a link":  {`<guid>https://agency.example/n/2</guid>`, "https://agency.example/n/2", "https://agency.example/n/2"},
		"no guid":         {"<link>\n  https://agency.example/n/3\n </link><title>T</title>", "https://agency.example/n/3", "https://agency.example/n/3"},
		"fragment":        {`<link>https://agency.example/#/news/4</link>`, "https://agency.example/#/news/4", "https://agency.example/#/news/4"},
		"title and date":  {`<title>T</title><pubDate>Tue, 27 Jun 2017 15:05 GMT</pubDate>`, "title:" + digest("T", "Tue, 27 Jun 2017 15:05 GMT"), "https://agency.example/"},
		"javascript link": {`<guid isPermaLink="false">a</guid><link>javascript:alert(1)</link>`, "a", "https://agency.example/"},
		"very long guid":  {`<guid>` + strings.Repeat("x", 600) + `</guid>`, "long:" + digest(strings.Repeat("x", 600)), "https://agency.example/"},
	} {
		item := one(t, rssOf("<item>"+tt.item+"</item>"), Reading{})
		assert.Equal(t, tt.key, item.Key, name)
		assert.Equal(t, tt.url, item.URL, name)
	}
}

func TestItemsThatCannotBeToldApart(t *testing.T) {
	f, err := Parse(rssOf(`
		<item><guid>a</guid><title>First</title><pubDate>Mon, 1 Jan 2024 00:00:00 GMT</pubDate></item>
		<item><guid>a</guid><title>Second</title><pubDate>Tue, 2 Jan 2024 00:00:00 GMT</pubDate></item>
		<item><description>nameless</description></item>`), Reading{})
	require.NoError(t, err)
	require.Len(t, f.Items, 1)
	assert.Equal(t, "Second", f.Items[0].Title)
	assert.Equal(t, []Note{
		{"a", "is in the feed more than once; the newest counts"},
		{"", "left out an item without guid, link and title"},
	}, f.Notes)
}

func TestDates(t *testing.T) {
	auckland, err := time.LoadLocation("Pacific/Auckland")
	require.NoError(t, err)
	for written, want := range map[string]string{
		"Tue, 24 Jul 2018 17:13 EDT":        "2018-07-24T21:13:00Z",
		"Wed, 5 Nov 2014 16:29:08 EST":      "2014-11-05T21:29:08Z",
		"Wed, 5 Nov 2014 16:29:08 NZDT":     "2014-11-05T03:29:08Z",
		"Tue, 27 Jun 2017 16:36:03 +0100":   "2017-06-27T15:36:03Z",
		"27 June 2017 16:36 GMT":            "2017-06-27T16:36:00Z",
		"Fri, 02 Jan 26 08:00:00 +1300":     "2026-01-01T19:00:00Z",
		"Mardi, 27 Jun 2017 16:36:03 +0000": "2017-06-27T16:36:03Z",
		"2017-06-27T16:36:03.123+12:00":     "2017-06-27T04:36:03Z",
		"2017-06-27T16:36:03":               "2017-06-27T04:36:03Z", // winter in Auckland
		"2017-12-27 16:36":                  "2017-12-27T03:36:00Z", // summer
		"Sat, 1 Jul 2017 09:00:00 XYZT":     "2017-06-30T21:00:00Z", // nobody knows that zone
		"2017-06-27":                        "2017-06-26T12:00:00Z",
		"June 27, 2017":                     "2017-06-26T12:00:00Z",
		"0001-01-01T00:00:00":               "",
		"Thu, 01 Jan 1970 00:00:00 GMT":     "",
		"yesterday":                         "",
		"":                                  "",
	} {
		item := one(t, rssOf("<item><guid>a</guid><pubDate>"+written+"</pubDate></item>"), Reading{Zone: auckland})
		assert.Equal(t, want, rfc3339(item.Published.Truncate(time.Second)), written)
	}
}

func TestLanguages(t *testing.T) {
	atom := func(feed, entry, title string) []byte {
		return []byte(`<feed xmlns="http://www.w3.org/2005/Atom"` + feed + `><title>N</title><entry` + entry + `><id>a</id><title` + title + `>T</title></entry></feed>`)
	}
	for name, tt := range map[string]struct {
		body []byte
		want string
	}{
		"of the channel":      {rssOf(`<item><guid>a</guid></item>`), "en-NZ"},
		"of the item, in dc":  {rssOf(`<item><guid>a</guid><dc:language>mi</dc:language></item>`), "mi"},
		"of the item, in xml": {rssOf(`<item xml:lang="mi"><guid>a</guid></item>`), "mi"},
		"of the Atom feed":    {atom(` xml:lang="EN-nz"`, "", ""), "en-NZ"},
		"of the entry":        {atom(` xml:lang="en"`, ` xml:lang="mi"`, ""), "mi"},
		"of the title":        {atom(` xml:lang="en"`, "", ` xml:lang="mi"`), "mi"},
		"nonsense":            {atom(` xml:lang="English, mostly"`, "", ""), "en-AU"},
		"none":                {atom("", "", ""), "en-AU"},
	} {
		assert.Equal(t, tt.want, one(t, tt.body, Reading{Language: "en-AU"}).Language, name)
	}
}

func TestEncodings(t *testing.T) {
	latin := func(declaration string) []byte {
		return append([]byte(declaration), strings.NewReplacer("ā", "\x80", "é", "\xe9", "’", "\x92").Replace(
			string(rssOf(`<item><guid>a</guid><title>Café’s</title></item>`)))...)
	}
	utf8 := rssOf(`<item><guid>a</guid><title>Café’s</title></item>`)
	utf16 := []byte{0xff, 0xfe}
	for _, r := range string(utf8) {
		utf16 = append(utf16, byte(r), byte(r>>8))
	}
	for name, tt := range map[string]struct {
		body        []byte
		contentType string
	}{
		"UTF-8":                            {utf8, ""},
		"UTF-8 with a byte order mark":     {append([]byte("\xef\xbb\xbf"), utf8...), ""},
		"UTF-8 labelled as ISO-8859-1":     {append([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?>`), utf8...), "text/xml; charset=iso-8859-1"},
		"windows-1252 in the declaration":  {latin(`<?xml version="1.0" encoding="windows-1252"?>`), ""},
		"ISO-8859-1 in the declaration":    {latin(`<?xml version='1.0' encoding='ISO-8859-1'?>`), "application/xml"},
		"windows-1252 in the content type": {latin(""), "application/rss+xml; charset=windows-1252"},
		"windows-1252 labelled as UTF-8":   {latin(`<?xml version="1.0" encoding="utf-8"?>`), "text/xml; charset=utf-8"},
		"windows-1252 without a label":     {latin(""), ""},
		"UTF-16 with a byte order mark":    {utf16, ""},
	} {
		assert.Equal(t, "Café’s", one(t, tt.body, Reading{ContentType: tt.contentType}).Title, name)
	}
}

func TestBodies(t *testing.T) {
	for name, tt := range map[string]struct{ in, out string }{
		"plain text":            {"One\nline.\n\nAnother &amp; more", "<p>One line.</p><p>Another &amp; more</p>"},
		"paragraphs stay":       {"<p>One <strong>two</strong></p><p>Three</p>", "<p>One <strong>two</strong></p><p>Three</p>"},
		"boxes go":              {"<div class=x><div><p>One</p></div>Two<div>Three</div></div>", "<p>One</p><p>Two</p><p>Three</p>"},
		"tables become lines":   {"<table><tr><th>Town</th><td>Rain</td></tr><tr><td>Hokitika</td><td>90 mm</td></tr></table>", "<p>Town, Rain</p><p>Hokitika, 90 mm</p>"},
		"layout tables":         {"<table><tr><td><p>One</p><p>Two</p></td></tr></table>", "<p>One</p><p>Two</p>"},
		"breaks":                {"One<br>two<br><br>three<br/>", "<p>One<br>two</p><p>three</p>"},
		"links":                 {`<a href="/a?b=1&amp;c=2">a</a> <a href="b">b</a> <a href="javascript:x()">c</a> <a href="mailto:m@x.nz">d</a>`, `<p><a href="https://agency.example/a?b=1&amp;c=2">a</a> <a href="https://agency.example/news/b">b</a> c <a href="mailto:m@x.nz">d</a></p>`},
		"link to itself":        {`<p>News.</p><p><a href="https://agency.example/news/1?from=feed">Read more »</a></p>`, "<p>News.</p>"},
		"list":                  {"<ul><li>One</li><li><p>Two</p><ul><li>deep</li></ul></li><li></li></ul>", "<ul><li>One</li><li>Two<ul><li>deep</li></ul></li></ul>"},
		"headings and quotes":   {"<h2>H</h2><blockquote><p>Q</p></blockquote><h3> </h3>", "<h2>H</h2><blockquote><p>Q</p></blockquote>"},
		"languages":             {`<div lang="mi"><p>Kia ora</p></div><p>Hello <span lang="mi">koutou</span></p>`, `<p lang="mi">Kia ora</p><p>Hello <span lang="mi">koutou</span></p>`},
		"scripts and comments":  {"<p>a<script>x</script><!-- b --><style>c</style></p><iframe src=x></iframe>", "<p>a</p>"},
		"escaped twice":         {"&lt;p&gt;One &amp;amp; two&lt;/p&gt;", "<p>One &amp; two</p>"},
		"no-break spaces":       {"<p>&nbsp;</p><p>One&nbsp; two</p>", "<p>One two</p>"},
		"WordPress line":        {`<p>News.</p><p>The post <a href="/n">N</a> appeared first on <a href="/">A</a>.</p>`, "<p>News.</p>"},
		"captions go":           {`<figure><img src=a.jpg alt=A><figcaption>Below</figcaption></figure><p>b</p>`, "<p>b</p>"},
		"an e-mail as a whole":  {"<html><head><title>x</title><style>p{}</style></head><body bgcolor=red><center><font>Hi</font></center></body></html>", "<p>Hi</p>"},
		"deeper than is parsed": {strings.Repeat("<div>", 150) + "deep", "<p>deep</p>"},
		"a block in emphasis":   {"<b><p>One</p><p>Two</p></b>", "<p>One</p><p>Two</p>"},
		"a comparison":          {"5 < 6 & 7 > 6", "<p>5 &lt; 6 &amp; 7 &gt; 6</p>"},
	} {
		body := rssOf(`<item><guid>a</guid><link>/news/1</link><content:encoded><![CDATA[` + tt.in + `]]></content:encoded></item>`)
		assert.Equal(t, tt.out, one(t, body, Reading{}).HTML, name)
	}
}

func TestRelativeLinks(t *testing.T) {
	const html = `&lt;img src="/i.png" alt="I"&gt;&lt;a href="p"&gt;x&lt;/a&gt;`
	atom := func(attributes, links, link string) []byte {
		return []byte(`<feed xmlns="http://www.w3.org/2005/Atom"` + attributes + `><title>N</title>` + links +
			`<entry><id>a</id><title>T</title>` + link + `<content type="html">` + html + `</content></entry></feed>`)
	}
	for name, tt := range map[string]struct {
		body              []byte
		url               string
		page, image, link string
	}{
		"xml:base": {atom(` xml:base="https://a.example/news/"`, ``, `<link href="1"/>`), "http://127.0.0.1/f",
			"https://a.example/news/1", "https://a.example/i.png", "https://a.example/news/p"},
		"self link": {atom(``, `<link rel="self" href="https://a.example/feed/atom"/>`, `<link href="1"/>`), "http://127.0.0.1/f",
			"https://a.example/feed/1", "https://a.example/i.png", "https://a.example/feed/p"},
		"home page": {atom(``, `<link href="https://a.example/"/>`, `<link href="/n/1"/>`), "http://127.0.0.1/f",
			"https://a.example/n/1", "https://a.example/i.png", "https://a.example/n/p"},
		"address of the feed": {atom(``, ``, `<link href="n/1"/>`), "https://a.example/feed.xml",
			"https://a.example/n/1", "https://a.example/i.png", "https://a.example/n/p"},
	} {
		item := one(t, tt.body, Reading{URL: tt.url})
		assert.Equal(t, tt.page, item.URL, name)
		require.Len(t, item.Images, 1, name)
		assert.Equal(t, tt.image, item.Images[0].URL, name)
		assert.Equal(t, `<p><a href="`+tt.link+`">x</a></p>`, item.HTML, name)
	}
}

func TestImages(t *testing.T) {
	for name, tt := range map[string]struct {
		item   string
		images []outbox.Image
		left   []string
	}{
		"enclosure, described in the body": {
			`<enclosure url="https://a.example/i.jpg" type="image/jpeg" length="1"/><description><![CDATA[<img src="https://a.example/i.jpg" alt="A &amp; B" width="10px" height="20">]]></description>`,
			[]outbox.Image{{URL: "https://a.example/i.jpg", MediaType: "image/jpeg", Alt: "A & B", Width: 10, Height: 20}}, nil,
		},
		"enclosure that nobody describes": {
			`<enclosure url="https://a.example/i.jpg" type="image/jpeg" length="1"/>`, nil,
			[]string{"left out the image https://a.example/i.jpg: it has no text alternative"},
		},
		"media:content in a group": {
			`<media:group><media:content url="https://a.example/i.png" type="image/png" width="7" height="8"><media:description>Words</media:description></media:content><media:content url="https://a.example/v.mp4" type="video/mp4"/></media:group>`,
			[]outbox.Image{{URL: "https://a.example/i.png", MediaType: "image/png", Alt: "Words", Width: 7, Height: 8}}, nil,
		},
		"a smaller size of the same picture": {
			`<media:content url="https://a.example/i.png" medium="image"><media:description>A caption</media:description></media:content><content:encoded><![CDATA[<p><img src="https://a.example/i-300x200.png" alt="What it shows" width="300"></p>]]></content:encoded>`,
			[]outbox.Image{{URL: "https://a.example/i.png", MediaType: "image/png", Alt: "What it shows"}}, nil,
		},
		"decorative and tracking": {
			`<description><![CDATA[<img src="https://a.example/line.png" alt=""><img src="https://t.example/p" width="1" height="1">x]]></description>`, nil, nil,
		},
		"unknown kind": {
			`<description><![CDATA[<img src="https://a.example/image?id=3" alt="A">]]></description>`, nil,
			[]string{"left out the image https://a.example/image?id=3: its media type is not known"},
		},
		"itunes": {
			`<itunes:image href="https://a.example/c.jpg"/>`, nil,
			[]string{"left out the image https://a.example/c.jpg: it has no text alternative"},
		},
		"inside data": {`<description><![CDATA[<img src="data:image/png;base64,AAAA" alt="A">]]></description>`, nil, nil},
	} {
		f, err := Parse(rssOf(`<item><guid>a</guid>`+tt.item+`</item>`), Reading{})
		require.NoError(t, err, name)
		assert.Equal(t, tt.images, f.Items[0].Images, name)
		var left []string
		for _, n := range f.Notes {
			left = append(left, n.Text)
		}
		assert.Equal(t, tt.left, left, name)
	}
}

func TestHashtags(t *testing.T) {
	assert.Equal(t,
		[]string{"EmergencyManagement", "TeReoMāori", "COVID19", "Health", "Budget2026", "MāoriHealth", "ChildrensRights"},
		hashtags([]string{
			"Emergency management", "te reo Māori", "COVID-19", "health", "Health", "Budget 2026", "Māori/health", "Uncategorized",
			"2026", "x", "", "Children’s rights", "A category that somebody wrote as a whole sentence, which it is",
		}))
	assert.Len(t, hashtags(strings.Split("aa bb cc dd ee ff gg hh ii jj kk ll", " ")), maxTags)
}

func TestTitles(t *testing.T) {
	for written, want := range map[string]string{
		"Rock &amp; roll":                     "Rock & roll",
		"Rock &amp;amp; roll":                 "Rock & roll",
		"<![CDATA[Kia ora&nbsp;&rsquo;]]>":    "Kia ora ’",
		"<![CDATA[<em>New</em> rules]]>":      "New rules",
		"  Two\n   lines ":                    "Two lines",
		"5 &lt; 6":                            "5 < 6",
		"<![CDATA[Read <b>this</b><br>now]]>": "Read this now",
	} {
		assert.Equal(t, want, one(t, rssOf("<item><guid>a</guid><title>"+written+"</title></item>"), Reading{}).Title)
	}
}

func TestHostileFeeds(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want error
	}{
		"nothing":                    {"", ErrNotFeed},
		"a web page":                 {"<!doctype html><html><body>Down for maintenance</body></html>", ErrNotFeed},
		"JSON of another":            {`{"error":"not found"}`, ErrNotFeed},
		"half a feed":                {`<rss version="2.0"><channel><item><guid>a`, ErrNotFeed},
		"half a JSON feed":           {`{"version":"https://jsonfeed.org/version/1.1","items":[`, ErrNotFeed},
		"too many bytes":             {strings.Repeat(" ", MaxBytes+1), ErrTooLarge},
		"too many items":             {string(rssOf(strings.Repeat("<item/>", MaxItems+1))), ErrTooLarge},
		"too many JSON items":        {`{"version":"1","items":[` + strings.Repeat("{},", MaxItems) + "{}]}", ErrTooLarge},
		"too deep":                   {string(rssOf(`<item>` + strings.Repeat("<media:group>", 100_000))), ErrTooLarge},
		"too many elements":          {string(rssOf(strings.Repeat("<x/>", maxElements))), ErrTooLarge},
		"too many attributes":        {string(rssOf("<x" + strings.Repeat(" a='1'", maxAttributes+1) + "/>")), ErrTooLarge},
		"namespaces over namespaces": {string(rssOf(strings.Repeat(`<m:x xmlns:a="1" xmlns:b="2" xmlns:c="3">`, 30))), ErrTooLarge},
		"text in pieces":             {string(rssOf("<media:title>" + strings.Repeat("a<!---->", maxFragments+1))), ErrTooLarge},
	} {
		_, err := Parse([]byte(tt.body), Reading{})
		assert.ErrorIs(t, err, tt.want, name)
	}
}

func TestEntitiesOfADocumentAreNotExpanded(t *testing.T) {
	bomb := `<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>` +
		string(rssOf(`<item><guid>g</guid><title>&b;&f;</title></item>`))
	assert.Equal(t, "&b;&f;", one(t, []byte(bomb), Reading{}).Title)
}

func TestJSONFeed(t *testing.T) {
	f, err := Parse([]byte(`{
		"version": "https://jsonfeed.org/version/1.1", "title": "News", "language": "en-nz",
		"home_page_url": "https://agency.example/", "feed_url": "https://agency.example/feed.json",
		"items": [{
			"id": 17, "url": "/news/17", "title": "Census &amp; you", "summary": "Forms are out.",
			"content_html": "<p>Forms are out <img src='/img/form.png' alt='A form'></p>",
			"date_published": "2026-01-02T10:00:00+13:00", "tags": ["population data"],
			"image": "/img/unknown.jpg",
			"attachments": [{"url": "/a.pdf", "mime_type": "application/pdf"}]
		}, {
			"id": "18", "content_text": "1 < 2\n\nand so on", "language": "mi", "title": "Pānui",
			"_panui": {
				"about": "https://panui.example", "sensitive": true, "warning": "Flood damage", "pinned": true, "urgent": true,
				"tags": ["TeReoMāori"], "link": "Pānuitia",
				"translations": [{"language": "en-nz", "title": "Notice", "content_html": "<p>1 &lt; 2 <a href='x'>and</a> so on</p>", "url": "/en/18"}],
				"images": [
					{"url": "/img/a.jpg", "alt": "A street", "width": 1200, "height": 800, "focal_point": [0.2, -0.5]},
					{"url": "/img/b", "mime_type": "image/webp", "decorative": true}
				]
			}
		}, null]
	}`), Reading{})
	require.NoError(t, err)
	require.Len(t, f.Items, 2)
	assert.Equal(t, outbox.Item{
		Key: "17", URL: "https://agency.example/news/17", Title: "Census & you", Abstract: "Forms are out.",
		HTML: "<p>Forms are out</p>", Language: "en-NZ", Tags: []string{"PopulationData"},
		Images:    []outbox.Image{{URL: "https://agency.example/img/form.png", MediaType: "image/png", Alt: "A form"}},
		Published: time.Date(2026, 1, 1, 21, 0, 0, 0, time.UTC),
	}, f.Items[0])
	assert.Equal(t, outbox.Item{
		Key: "18", URL: "https://agency.example/", Title: "Pānui", Abstract: "1 < 2\n\nand so on",
		HTML: "<p>1 &lt; 2</p><p>and so on</p>", Language: "mi", Tags: []string{"TeReoMāori"},
		Sensitive: true, Warning: "Flood damage", Pinned: true, Urgent: true, Link: "Pānuitia",
		Translations: []outbox.Text{{
			Language: "en-NZ", Title: "Notice", Abstract: "1 < 2 and so on", URL: "https://agency.example/en/18",
			HTML: `<p>1 &lt; 2 <a href="https://agency.example/x">and</a> so on</p>`,
		}},
		Images: []outbox.Image{
			{URL: "https://agency.example/img/a.jpg", MediaType: "image/jpeg", Alt: "A street", Width: 1200, Height: 800, FocalX: 0.2, FocalY: -0.5},
			{URL: "https://agency.example/img/b", MediaType: "image/webp", Decorative: true},
		},
	}, f.Items[1])
	assert.Equal(t, []Note{
		{"17", "left out the image https://agency.example/img/unknown.jpg: it has no text alternative"},
		{"", "left out an item without guid, link and title"},
	}, f.Notes)
}

func TestParseItem(t *testing.T) {
	item, notes, err := ParseItem([]byte(`{"id":"2026/17","url":"/news/17","title":"Launch","content_html":"<p>Today.</p>"}`),
		Reading{URL: "https://agency.example/", Language: "en-NZ"})
	require.NoError(t, err)
	assert.Empty(t, notes)
	assert.Equal(t, outbox.Item{
		Key: "2026/17", URL: "https://agency.example/news/17", Title: "Launch", Abstract: "Today.", HTML: "<p>Today.</p>", Language: "en-NZ",
	}, item)

	_, _, err = ParseItem([]byte(`{"content_text":"nameless"}`), Reading{})
	assert.ErrorContains(t, err, "no id, url or title")
	_, _, err = ParseItem([]byte(`[]`), Reading{})
	assert.Error(t, err)
}

// The same bytes give the same items, whenever and wherever they are read, or
// every poll would find edits.
func FuzzParse(f *testing.F) {
	f.Add(rssOf(`<item><guid>a</guid><title>T</title><pubDate>Tue, 24 Jul 2018 17:13 EDT</pubDate><enclosure url="/i.jpg" type="image/jpeg"/></item>`), "text/xml")
	f.Add(rssOf(`<item xml:base="x" xml:lang="mi"><link>/a</link><description>&lt;b&gt;a&lt;/b&gt;&lt;br&gt;&lt;br&gt;c</description></item>`), "")
	f.Add([]byte(`<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><content type="xhtml"><div>a</div></content></entry></feed>`), "")
	f.Add([]byte(`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><item><title>T</title></item></rdf:RDF>`), "")
	f.Add([]byte(`{"version":"1","items":[{"id":1,"_panui":{"images":[{"url":"/a.png"}]}},null]}`), "application/feed+json")
	f.Add([]byte("<?xml version='1.0' encoding='utf-16'?><rss><channel><item><title>\xe9</title></item></channel></rss>"), "text/xml; charset=utf-8")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := Reading{URL: "https://agency.example/feed", ContentType: contentType}
		feed, err := Parse(body, r)
		if err != nil {
			if !errors.Is(err, ErrNotFeed) && !errors.Is(err, ErrAlert) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("an error that a caller cannot tell: %v", err)
			}
			return
		}
		again, err := Parse(body, r)
		require.NoError(t, err)
		require.Equal(t, feed, again)
		keys := map[string]bool{}
		for _, item := range feed.Items {
			require.NotEmpty(t, item.Key)
			require.False(t, keys[item.Key], "key %q twice", item.Key)
			require.LessOrEqual(t, len(item.Key), maxKey)
			keys[item.Key] = true
			for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(item.HTML, -1) {
				require.Regexp(t, writtenTag, tag)
			}
		}
	})
}

// writtenTag is all that may stand between < and > in the HTML of an item.
var writtenTag = regexp.MustCompile(`^(</?(p|br|ul|ol|li|blockquote|pre|h[1-6]|b|strong|i|em|s|del|ins|sub|sup|code|q|cite|abbr|span)( lang="[A-Za-z0-9-]+")?>|<a href="(https?:|mailto:|tel:)[^"<>]*">|</a>)$`)
