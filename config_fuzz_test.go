package panui_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/store/memory"
)

// Whatever stands in a configuration, New makes a site of it or says what is
// wrong, and a site that it makes has a public https address.
func FuzzConfig(f *testing.F) {
	for _, c := range [][4]string{
		{"https://www.agency.govt.nz", "news@agency.govt.nz", "/ap/", "Te Manatū"},
		{"https://www.agency.govt.nz/", "@news@www.agency.govt.nz", "ap", ""},
		{"http://127.0.0.1:80", "news", "/../", "\u202e"},
		{"https://user@agency.govt.nz:8443/a%2Fb?c#d", "news@@", "//", "<b>"},
		{"https://10.0.0.1", "né@agency.govt.nz", "/a b/", "x"},
	} {
		f.Add(c[0], c[1], c[2], c[3])
	}
	key := quickKey(f)
	f.Fuzz(func(t *testing.T, base, handle, prefix, name string) {
		site, err := panui.New(panui.Config{
			BaseURL: base, Prefix: prefix, Store: memory.New(), Keys: signing.Fediverse(),
			Actors: []actor.Profile{{Handle: handle, Name: name, Key: key}},
		})
		if err != nil {
			assert.Nil(t, site)
			assert.True(t, strings.HasPrefix(err.Error(), "panui: New:"), err)
			return
		}
		assert.True(t, strings.HasPrefix(base, "https://"))
		assert.NotContains(t, base, "@")
		assert.NotNil(t, site.Handler(nil))
	})
}
