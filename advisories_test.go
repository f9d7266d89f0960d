package panui_test

import (
	"encoding/csv"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
)

// An advisory is a weakness that was disclosed in another system, and how it is
// shown that this one does not have it: a row against whole sites, checked as
// those of the corpus, or the absence of the feature that had it.
type advisory struct {
	row             // its id is that of the row in advisories.csv
	known  string   // what the weakness is known as: CVE-2024-23832 of Mastodon
	absent []absent // features without which it cannot be; then there is nothing to send
}

// advisories are all that are known, in the order of their ids.
func advisories() []advisory {
	return slices.Concat(advisoriesAtoG(), advisoriesHtoL(), advisoriesMtoT(), advisoriesUtoX())
}

var inName = regexp.MustCompile(`[^A-Za-z0-9.#-]+`)

// name is what the test of an advisory is called: A1_CVE-2024-23832_of_Mastodon.
func (a advisory) name() string { return a.id + "_" + inName.ReplaceAllString(a.known, "_") }

func TestAdvisories(t *testing.T) {
	sources(t) // which are kept, and so are in the heap before it is measured
	for _, a := range advisories() {
		t.Run(a.name(), func(t *testing.T) {
			if len(a.absent) > 0 {
				t.Log(a.must)
				for _, feature := range a.absent {
					feature.check(t)
				}
				return
			}
			for _, backend := range []string{"memory", "sqlite"} {
				t.Run(backend, func(t *testing.T) { a.run(t, backend) })
			}
		})
	}
}

// Every row of the list is a test of its name, and there is no other.
func TestAdvisoriesAreWhole(t *testing.T) {
	file, err := os.Open(testenv.Shared(t, "security/advisories.csv"))
	require.NoError(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	known := map[string]string{}
	var there, here []string
	for _, row := range rows[1:] {
		there = append(there, row[0])
		known[row[0]] = row[2]
	}
	for _, a := range advisories() {
		here = append(here, a.id)
		assert.NotEmpty(t, a.must, a.id)
		assert.NotEqual(t, len(a.absent) > 0, len(a.tries) > 0 || a.test != nil, "%s is either shown or absent", a.id)
		first, _, _ := strings.Cut(known[a.id], ",")
		assert.Contains(t, strings.ToLower(a.known), strings.ToLower(first), "%s is known by the first name of its row", a.id)
		for invariant, why := range a.but {
			assert.Regexp(t, `^I[1-8]$`, invariant, a.id)
			assert.NotEmpty(t, why, a.id)
		}
	}
	assert.Len(t, there, 207)
	assert.Equal(t, there, here)
}
