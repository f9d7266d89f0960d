package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

func TestADayInTheNewsroom(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data)
	editor, moderation, record := p.website+"/editor/", p.website+"/editor/moderation", p.website+"/editor/record"

	// The reader follows, and the first news is with her before anybody touches anything.
	timeline := soon(t, p.reader, "You follow", "You can now follow us from the fediverse", "Signature verified")
	assert.Contains(t, timeline.words(), "Key owner "+p.website+"/ap/actors/news")
	assert.Contains(t, timeline.words(), "rsa-sha256")
	assert.Contains(t, timeline.words(), "(request-target) host date digest content-type")
	assert.NotContains(t, timeline.words(), "Matariki", "news from before she followed is not pushed")
	assert.Contains(t, visit(t, p.website).words(), "1 follower")

	// News goes out, with its page on the website.
	written := visit(t, editor+"new").press(t, "Publish", map[string]string{
		"title": "Kua tuwhera te huarahi", "text": "State Highway 1 is open again.\n\nDrive carefully.", "tags": "#RoadsNZ HaveYourSay",
	})
	assert.Contains(t, written.words(), "Published. It is on the website")
	page := p.website + "/news/kua-tuwhera-te-huarahi"
	soon(t, p.reader, "Kua tuwhera te huarahi", "State Highway 1 is open again.", "#RoadsNZ", "2 posts.")
	shown := visit(t, page)
	assert.Contains(t, shown.source, `<meta name="fediverse:creator" content="@news@`)
	require.Len(t, shown.links("alternate"), 1)
	assert.Contains(t, shown.links("alternate")[0], "/ap/objects/")

	// A correction is dated on the website and seen by the reader.
	visit(t, editor+"news/kua-tuwhera-te-huarahi").press(t, "Publish the change", map[string]string{"text": "State Highway 1 is open, with one lane at Mangamuka."})
	soon(t, p.reader, "one lane at Mangamuka", "Edited, 1 time", "Update")
	assert.Contains(t, visit(t, page).words(), "Corrected")

	// She answers. Her answer waits until a person has read it.
	visit(t, p.reader).press(t, "Reply", map[string]string{"text": "Tēnā koe! <script>alert(1)</script> Until when?"})
	waiting := soon(t, moderation, "1 reply waits for you", "Tēnā koe!", "About Kua tuwhera te huarahi")
	assert.NotContains(t, visit(t, page).words(), "Tēnā koe!")
	assert.Contains(t, waiting.press(t, "Approve", nil).words(), "Approved by Hine, press office")
	assert.Contains(t, visit(t, page).words(), "Tēnā koe! <script>alert(1)</script> Until when?")
	assert.NotContains(t, visit(t, page).source, "<script>alert")

	// Another one breaks a house rule.
	visit(t, p.reader).press(t, "Reply", map[string]string{"text": "Buy my car!"})
	refused := soon(t, moderation, "1 reply waits for you").press(t, "Refuse", map[string]string{"rule": houseRules[3]})
	assert.Contains(t, refused.words(), "House rule: "+houseRules[3])
	assert.NotContains(t, visit(t, page).words(), "Buy my car!")

	// Likes and boosts are counted, and what she takes back is gone.
	visit(t, p.reader).press(t, "Like", nil)
	visit(t, p.reader).press(t, "Boost", nil)
	soon(t, page, "1 like · 1 boost · 1 reply")
	visit(t, p.reader).press(t, "Take back the reply: Tēnā koe!", nil)
	soon(t, page, "1 like · 1 boost · 0 replies", "!Tēnā koe!")

	// The receipt says how far it got.
	soon(t, record, "Create: 1 delivered", "Update: 1 delivered")

	// Withdrawn, it is gone on both sides, and the record has it all.
	object := shown.links("alternate")[0]
	visit(t, editor).press(t, "Withdraw: Kua tuwhera te huarahi", nil)
	soon(t, p.reader, "!Mangamuka", "Delete", "1 post.")
	assert.Equal(t, http.StatusGone, visit(t, page).status)
	assert.Equal(t, http.StatusGone, visit(t, object).status)
	soon(t, record, "Delete: 1 delivered")
	for _, kind := range []string{"publish", "edit", "follow", "reply", "approve", "refuse", "retract", "withdraw"} {
		assert.Contains(t, visit(t, record).words(), kind)
	}

	// Stopped as by Ctrl-C and started again, it goes on: key, posts and follower.
	key, err := os.ReadFile(filepath.Join(data, "panui.pem"))
	require.NoError(t, err)
	alternate := visit(t, p.website+"/news/you-can-now-follow-us-from-the-fediverse").links("alternate")
	require.NoError(t, p.stop())
	again := start(t, "-data", data, "-addr", strings.TrimPrefix(p.website, "http://"))
	assert.Equal(t, p.website, again.website)
	assert.Equal(t, p.reader, again.reader)
	assert.Contains(t, visit(t, again.website).words(), "1 follower")
	assert.Equal(t, alternate, visit(t, again.website+"/news/you-can-now-follow-us-from-the-fediverse").links("alternate"))
	assert.Equal(t, http.StatusGone, visit(t, object).status)
	same, err := os.ReadFile(filepath.Join(data, "panui.pem"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(key, same), "another key")
	visit(t, editor+"new").press(t, "Publish", map[string]string{"title": "Ata mārie", "text": "Good morning."})
	soon(t, again.reader, "Ata mārie", "Signature verified")
}

func TestEmergencyStopAndDeadLetters(t *testing.T) {
	p := start(t)
	record := p.website + "/editor/record"
	soon(t, p.reader, "1 post.")

	// Stopped, news is on the website and waits there.
	visit(t, record).press(t, "Emergency stop", nil)
	visit(t, p.website+"/editor/new").press(t, "Publish", map[string]string{"title": "While stopped", "text": "It waits."})
	soon(t, record, "Nothing leaves since", "While stopped Create: 0 delivered 1 0 1 0")
	assert.Equal(t, http.StatusOK, visit(t, p.website+"/news/while-stopped").status)
	assert.NotContains(t, visit(t, p.reader).words(), "While stopped")
	visit(t, record).press(t, "Resume", nil)
	soon(t, p.reader, "While stopped")

	// A server that refuses gets a dead letter, which can be sent again.
	visit(t, p.reader).press(t, "Set", map[string]string{"id": "refuse"})
	visit(t, p.website+"/editor/new").press(t, "Publish", map[string]string{"title": "Refused there", "text": "It fails."})
	soon(t, record, "Refused there Create: 0 delivered 1 0 0 1 422", "tried 1 time")
	visit(t, p.reader).press(t, "Set", map[string]string{"id": ""})
	visit(t, record).press(t, "Send again", nil)
	soon(t, p.reader, "Refused there")
	soon(t, record, "Refused there Create: 1 delivered 1 1 0 0")

	// So can all of them at once. The journal names who did it.
	visit(t, p.reader).press(t, "Set", map[string]string{"id": "refuse"})
	for _, title := range []string{"Again one", "Again two"} {
		visit(t, p.website+"/editor/new").press(t, "Publish", map[string]string{"title": title, "text": "It fails."})
		soon(t, record, title+" Create: 0 delivered 1 0 0 1 422")
	}
	visit(t, p.reader).press(t, "Set", map[string]string{"id": ""})
	visit(t, record).press(t, "Send all again", nil)
	soon(t, p.reader, "Again one", "Again two")
	soon(t, record, "retry all dead letters Hine, press office")
}

func TestNewsFromAFeed(t *testing.T) {
	p := start(t, "-feed", testenv.Shared(t, "feeds/nz-geonet-news-2014.atom.xml"), "-backfill", "3")
	timeline := soon(t, p.reader, "3 posts.", "Strong quake wakes southern North Island", "Signature verified")
	assert.Contains(t, timeline.words(), "over six hours old", "old news, which Mastodon shows on no home timeline")

	home := soon(t, p.website, "Strong quake wakes southern North Island")
	assert.NotContains(t, home.words(), "You can now follow us", "no samples beside a feed")
	page := visit(t, p.website+"/news/strong-quake-wakes-southern-north-island")
	assert.Contains(t, page.words(), "A strong earthquake occurred")
	require.Len(t, page.links("alternate"), 1)
	assert.NotContains(t, page.source, "style=", "what the feed brings is cleaned")
}

func TestMistakesStandNextToTheirField(t *testing.T) {
	p := start(t, "-reader=false")
	for _, c := range []struct {
		fill map[string]string
		says string
	}{
		{map[string]string{"title": ""}, "Error: Give the news a title"},
		{map[string]string{"text": ""}, "Error: Write the news"},
		{map[string]string{"image": p.website + "/static/harbour.png"}, "For everyone who does not see it. Error: image 1 has no alt text"},
		{map[string]string{"image": "harbour.png", "alt": "A harbour"}, `Error: image 1 url "harbour.png" is not an absolute`},
		{map[string]string{"tags": "Have-Your-Say"}, "HaveYourSay TeReoMāori Error: hashtag"},
		{map[string]string{"language": "tlh"}, "Error: Choose the language"},
	} {
		fill := map[string]string{"title": "News", "text": "Something."}
		for name, value := range c.fill {
			fill[name] = value
		}
		refused := visit(t, p.website+"/editor/new").press(t, "Publish", fill)
		assert.Equal(t, http.StatusUnprocessableEntity, refused.status, c.says)
		assert.Contains(t, refused.words(), c.says)
		assert.Equal(t, http.StatusNotFound, visit(t, p.website+"/news/news").status, "refused news is not on the website")
	}
	preview := visit(t, p.website+"/editor/new").press(t, "Preview", map[string]string{"title": "Ā te wā", "text": "Soon."})
	assert.Contains(t, preview.words(), "What followers would see Ā te wā Soon.")
	assert.Contains(t, preview.press(t, "Publish", nil).words(), "Published.")
}

func TestEditorsPagesAreClosedToStrangers(t *testing.T) {
	dir := t.TempDir()
	password := writeFile(t, filepath.Join(dir, "password"), "correct horse battery\n", 0o600)
	local := start(t, "-reader=false")
	guarded := start(t, "-reader=false", "-editor-password", password)
	public := start(t, "-reader=false", "-base", "https://www.agency.govt.nz")

	for _, c := range []struct {
		name   string
		at     string
		change func(*http.Request)
		status int
	}{
		{"on this machine", local.website, nil, http.StatusOK},
		{"by a name that a stranger pointed here", local.website, func(r *http.Request) { r.Host = "evil.example" }, http.StatusForbidden},
		{"a form on another website", local.website, func(r *http.Request) {
			r.Method = http.MethodPost
			r.Header.Set("Origin", "https://evil.example")
		}, http.StatusForbidden},
		{"without the password", guarded.website, nil, http.StatusUnauthorized},
		{"with a wrong one", guarded.website, func(r *http.Request) { r.SetBasicAuth("Hine", "correct horse") }, http.StatusUnauthorized},
		{"with the right one", guarded.website, func(r *http.Request) { r.SetBasicAuth("Hine", "correct horse battery") }, http.StatusOK},
		{"of a public site without a password", public.listening, nil, http.StatusForbidden},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.at+"/editor/new", nil)
		require.NoError(t, err)
		if c.change != nil {
			c.change(request)
		}
		assert.Equal(t, c.status, open(t, request).status, c.name)
	}
}

func TestFlagsThatCannotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	readable := writeFile(t, filepath.Join(dir, "readable"), "correct horse battery", 0o644)
	short := writeFile(t, filepath.Join(dir, "short"), "secret", 0o600)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-addr", taken.Addr().String()}, "choose another address, such as -addr 127.0.0.1:8090"},
		{[]string{"-base", "https://www.agency.govt.nz", "-reader"}, "leave them out with a public -base"},
		{[]string{"-base", "www.agency.govt.nz"}, "write it as https://www.agency.govt.nz"},
		{[]string{"-editor-password", readable}, "chmod 600"},
		{[]string{"-editor-password", short}, "fewer than 12 characters"},
		{[]string{"publish"}, `"publish" is no flag`},
	} {
		args := append([]string{"-addr", "127.0.0.1:0", "-data", t.TempDir()}, c.args...)
		assert.ErrorContains(t, run(t.Context(), args, &bytes.Buffer{}), c.says)
	}
}

func TestPagesRunNothingFromElsewhere(t *testing.T) {
	answer := httptest.NewRecorder()
	careful(http.NotFoundHandler(), "https:").ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; script-src 'self'")
	templates, err := filepath.Glob("templates/*.html")
	require.NoError(t, err)
	for _, name := range templates {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, inline := range []string{"<style", "style=", " onclick", "javascript:", "http-equiv"} {
			assert.NotContains(t, string(source), inline, name)
		}
	}
}
