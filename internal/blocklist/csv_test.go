package blocklist

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inWords says what a row is.
func inWords(row Row) string {
	what := row.Subject
	switch {
	case row.Problem != "":
		what = "problem: " + row.Problem
	case row.Handle != "":
		what = "handle " + row.Handle
	case row.Idle != "":
		what += " idle: " + row.Idle
	case row.Suffix:
		what += " (suffix)"
	}
	if row.Comment != "" {
		what += " // " + row.Comment
	}
	return fmt.Sprintf("%d %s: %s", row.Line, row.Text, what)
}

func TestListsOfMastodonAreRead(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"domain_blocks.csv", "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n" +
			"evil.example,suspend,false,false,\"Spam, and \"\"worse\"\"\",false\nnoisy.example,silence,true,false,,true\ncalm.example,noop,false,true,,false\n",
			[]string{`2 evil.example: evil.example // Spam, and "worse"`, "3 noisy.example: noisy.example idle: silence keeps posts off timelines, of which there are none here, and replies wait for a person anyhow",
				"4 calm.example: calm.example idle: noop blocks nobody, and no media of others are fetched here anyhow"}},
		{"the same without #, with a BOM, in another order, with columns of others", "\ufeffdomain,public_comment,private_comment,severity\r\nevil.example,Spam,secret,suspend\r\n",
			[]string{"2 evil.example: evil.example // Spam"}},
		{"without a heading", "evil.example,suspend,True,FALSE,Spam,0\n", []string{"1 evil.example: evil.example // Spam"}},
		{"one column", "evil.example\n\nBücher.example.\n  other.example  \n",
			[]string{"1 evil.example: evil.example", "3 Bücher.example.: xn--bcher-kva.example", "4 other.example: other.example"}},
		{"one column with a heading", "#domain\nevil.example\n", []string{"2 evil.example: evil.example"}},
		{"blocked accounts", "mia@evil.example\n@Aroha@kauri.example\n", []string{"1 mia@evil.example: handle mia@evil.example", "2 @Aroha@kauri.example: handle Aroha@kauri.example"}},
		{"blocked accounts with a heading", "Account address\nmia@evil.example\n", []string{"2 mia@evil.example: handle mia@evil.example"}},
		{"ids of actors", "https://evil.example/users/mia\n", []string{"1 https://evil.example/users/mia: https://evil.example/users/mia"}},
		{"what is hidden", "ev**.example,suspend,false,false,,true\nm*a@evil.example\n",
			[]string{"1 ev**.example: problem: it has * in it: whom it names is hidden, and is not guessed", "2 m*a@evil.example: problem: it has * in it: whom it names is hidden, and is not guessed"}},
		{"what is wrong", "evil.example,ban,false\nevil.example,suspend,maybe\n,suspend\n192.0.2.7\n",
			[]string{`1 evil.example: problem: severity "ban" is not suspend, silence or noop`, `2 evil.example: problem: reject_media is "maybe", not true or false`,
				"3 : problem: nobody is named", "4 192.0.2.7: problem: an address: servers are known by their names"}},
		{"a suffix", "govt.nz\n", []string{"1 govt.nz: govt.nz (suffix)"}},
		{"a comment over lines", "evil.example,suspend,,,\"one\ntwo\u202e\",\nnext.example\n", []string{"1 evil.example: evil.example // one two", "3 next.example: next.example"}},
		{"nothing", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := Read(strings.NewReader(c.file))
			require.NoError(t, err)
			var got []string
			for _, row := range rows {
				got = append(got, inWords(row))
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestWhatIsNoListIsRefusedWhole(t *testing.T) {
	for name, c := range map[string]struct{ file, problem string }{
		"too long":       {strings.Repeat("evil.example\n", maxList/13+1), "longer than"},
		"too many lines": {strings.Repeat("a.b\n", maxRows+1), "divide it"},
		"not UTF-8":      {"evil.example\xff\n", "not UTF-8"},
		"broken quoting": {"evil.example,\"suspend\nnext.example,suspend\n", "line"},
	} {
		rows, err := Read(strings.NewReader(c.file))
		assert.ErrorContains(t, err, c.problem, name)
		assert.Empty(t, rows, name)
	}
	rows, err := Read(strings.NewReader(strings.Repeat("a.b\n", maxRows)))
	require.NoError(t, err)
	assert.Len(t, rows, maxRows)
	assert.Len(t, []rune(short(strings.Repeat("ā", 1000))), maxComment+1)
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	comments := map[string]string{"evil.example": `Spam, "worse"`, "odd.example": "=HYPERLINK(1)", "plain.example": ""}
	var file bytes.Buffer
	require.NoError(t, Write(&file, func(yield func(string, string) bool) {
		for _, domain := range slices.Sorted(maps.Keys(comments)) {
			if !yield(domain, comments[domain]) {
				return
			}
		}
	}))
	assert.Equal(t, `#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate
evil.example,suspend,true,true,"Spam, ""worse""",false
odd.example,suspend,true,true,'=HYPERLINK(1),false
plain.example,suspend,true,true,,false
`, file.String())
	rows, err := Read(&file)
	require.NoError(t, err)
	require.Len(t, rows, 3)
	for _, row := range rows {
		assert.Empty(t, row.Problem+row.Idle)
		assert.Equal(t, comments[row.Subject], strings.TrimPrefix(row.Comment, "'"))
	}
}

func FuzzList(f *testing.F) {
	for _, file := range []string{
		"#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\nevil.example,suspend,false,false,\"a,b\",false\n",
		"domain\nev*l.example\n", "mia@evil.example\n", "\ufeffAccount address\n@a@b\n", "a,\"", "https://evil.example/users/mia,noop\n", ",,,,,\n", "govt.nz\n",
	} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := Read(bytes.NewReader(file))
		if err != nil {
			require.Empty(t, rows)
			return
		}
		require.LessOrEqual(t, len(rows), maxRows)
		line := 0
		for _, row := range rows {
			require.Greater(t, row.Line, line, "each line is told once, in order")
			line = row.Line
			named := row.Subject != "" || row.Handle != ""
			require.True(t, named || row.Problem != "", "%+v", row)
			require.NotContains(t, row.Subject, "*")
			require.LessOrEqual(t, len([]rune(row.Comment)), maxComment+1)
			require.NotContains(t, row.Comment, "\n")
			if row.Subject == "" || row.Problem != "" {
				continue
			}
			again, err := Parse(row.Subject)
			require.Equal(t, row.Subject, again)
			require.Equal(t, row.Suffix, err != nil)
		}
	})
}
