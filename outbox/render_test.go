package outbox

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a document with a file that people can read and review.
func golden(t *testing.T, name string, document []byte) {
	t.Helper()
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, document, "", "  "))
	pretty.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, pretty.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update")
	assert.Equal(t, string(want), pretty.String())
}

func TestNotes(t *testing.T) {
	for name, it := range map[string]Item{
		"plain": bridge(),
		"bilingual": {
			Key: "2026/18", URL: "https://www.agency.govt.nz/mi/panui/18", Language: "mi",
			Title: "Ka tūwhera te arawhata o Waikato", Abstract: "Ka tūwhera te arawhata ā te Rāhina.",
			Translations: []Text{{
				Language: "en-NZ", Title: "Waikato bridge opens", Abstract: "The bridge opens on Monday.",
				URL: "https://www.agency.govt.nz/news/18",
			}},
			Tags: []string{"TeReoMāori", "WaikatoBridge", "tereomāori"},
		},
		"images": bridge(func(it *Item) {
			it.Images = []Image{
				{URL: "https://www.agency.govt.nz/bridge.jpg", Alt: `The bridge, seen from "Cobham Drive"`, Width: 1600, Height: 900, FocalX: 0.5, FocalY: -0.25},
				{URL: "https://www.agency.govt.nz/line.png", Decorative: true},
			}
		}),
		"warned": bridge(func(it *Item) {
			it.Warning, it.Title, it.Abstract = "Flood images", "Rivers & <streams>", "First.\nSecond line.\n\nAnother paragraph."
			it.URL, it.Link = `https://www.agency.govt.nz/?a=1&b="2"`, "All river levels"
		}),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, it.check(noon))
			v := voice{actor: news(), urls: testURLs}
			document, err := as2.Marshal(v.note(it, testURLs.Object("0pp4c0000000000000000000a1"), noon, time.Time{}))
			require.NoError(t, err)
			golden(t, name, document)
		})
	}
}

func TestAHashtagLeadsToItsPageWhereThereIsOne(t *testing.T) {
	v := voice{actor: news(), urls: testURLs, tagURL: func(tag string) string { return "https://www.agency.govt.nz/topics/" + tag }}
	note := v.note(bridge(func(it *Item) { it.Tags = []string{"CivilDefence"} }), testURLs.Object("x"), noon, time.Time{})
	assert.Equal(t, []as2.Tag{{Type: "Hashtag", Name: "#CivilDefence", Href: "https://www.agency.govt.nz/topics/CivilDefence"}}, note.Tag)
	assert.Contains(t, note.Content, `<a href="https://www.agency.govt.nz/topics/CivilDefence" class="mention hashtag" rel="tag">#<span>CivilDefence</span></a>`)
}

func TestALanguageOfPHPIsWrittenAsOthersCompareIt(t *testing.T) {
	it := bridge(func(it *Item) { it.Language, it.Translations = "en_NZ", []Text{{Language: "MI", Title: "Arawhata"}} })
	note := voice{actor: news(), urls: testURLs}.note(it, testURLs.Object("x"), noon, time.Time{})
	assert.Equal(t, "en-NZ", note.ContentMap[0].Language)
	assert.Equal(t, note.Content, note.ContentMap[0].Value)
	assert.Equal(t, "mi", note.ContentMap[1].Language)
	assert.Contains(t, note.Content, `<p lang="mi"><strong>Arawhata</strong></p>`)
}

func TestAMacronTypedAsACombiningMarkIsComposed(t *testing.T) {
	it := bridge(func(it *Item) { it.Title, it.Tags = "Ma\u0304ori", []string{"TeReoMa\u0304ori"} })
	note := voice{actor: news(), urls: testURLs}.note(it, testURLs.Object("x"), noon, time.Time{})
	assert.Contains(t, note.Content, "<strong>M\u0101ori</strong>")
	assert.Equal(t, "#TeReoM\u0101ori", note.Tag[0].Name)
}
