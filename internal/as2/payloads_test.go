package as2_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/internal/testenv"
)

// refusedPayloads are the samples that the readers refuse, and why that is right. Scan takes every sample.
var refusedPayloads = map[string]as2.Reason{
	// An activity without an id cannot be told from its repetition (hostile corpus B072).
	"wordpress/live-wordpress-0003-Update.json": "as2-missing", // the plugin 4.0 sends its profile updates so
	"gotosocial/posts_11_Delete.json":           "as2-missing", // from documentation, as are the next two
	"gotosocial/posts_12_Delete.json":           "as2-missing",
	"fep-samples/fep-e232.json":                 "as2-missing",
	"fep-samples/fep-4adb_1_Follow.json":        "as2-missing",

	// Templates with {{placeholders}}, and ids without a scheme, in place of URLs.
	"mastodon/application_actor.json":           "as2-id",
	"mastodon/external_featured.json":           "as2-id",
	"mastodon/featured.json":                    "as2-id",
	"mastodon/masto-user.json":                  "as2-id",
	"mastodon/masto_featured.json":              "as2-id",
	"pleroma/pleroma-user.json":                 "as2-id",
	"relay/accept-follow.json":                  "as2-id",
	"fep-samples/fep-1b12_6_Announce_Add_.json": "as2-id",
	"pixelfed/AnnounceTest_invalidActor.json":   "as2-id",
	"pixelfed/AudienceScopeTest_invalid.json":   "as2-id",

	// Portable objects and acct: actors, which nobody can be asked for over https (FEP-ef61, FEP-4adb).
	"fep-samples/fep-ef61_1_Person.json": "as2-id-scheme",
	"fep-samples/fep-ef61_2_Note.json":   "as2-id-scheme",
	"fep-samples/fep-4adb_2_Note.json":   "as2-id-scheme",

	// One signature, several actors.
	"mastodon/vernissage_personCase02.json": "as2-several",
	"mastodon/vernissage_personCase04.json": "as2-several",
	"mastodon/vernissage_personCase05.json": "as2-several",

	// Two types at once (hostile corpus B068).
	"other/place.json": "as2-kind",
}

// nameless are the samples without an id: drafts of documentation and clients. Nobody has authority over them.
var nameless = []string{
	"fep-samples/fep-7888_1_Note.json",
	"fep-samples/fep-e232_1_Note.json",
	"fep-samples/fep-e232_2_Note.json",
	"fep-samples/fep-ef61_3_Image.json",
	"gotosocial/posts_9_Note.json",
	"other/activitypub-client-post-activity.json",
}

func TestWhatRealServersSentIsRead(t *testing.T) {
	read := map[string]int{}
	for path, body := range payloads(t) {
		require.NoError(t, as2.Scan(body, limits.Default()), path)
		kind, id, err := readAny(t, body)
		if want, ok := refusedPayloads[path]; ok {
			assert.Equal(t, want, reasonOf(t, err), path)
			read["refused "+kind]++
			continue
		}
		if assert.NoError(t, err, "%s: %s", path, kind) {
			if kind != "no ActivityStreams" && id == "" {
				assert.Contains(t, nameless, path)
				kind = "nameless " + kind
			}
			read[kind]++
		}
		agrees(t, body)
	}
	t.Log(read)
	assert.Equal(t, map[string]int{
		"activity": 259, "actor": 119, "object": 174, "nameless object": 6, "no ActivityStreams": 38,
		"refused activity": 11, "refused actor": 4, "refused object": 7,
	}, read)
}

// Whole requests of a running GoToSocial, and its answers.
func TestWhatGoToSocialSaidIsRead(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/captures/gotosocial"), "*.json"))
	require.NoError(t, err)
	posts, keys := 0, 0
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var capture struct {
			Method, Kind, URL, Body, ResponseBody string
		}
		require.NoError(t, json.Unmarshal(raw, &capture))
		switch {
		case capture.Method == "POST":
			a, err := as2.ReadActivity([]byte(capture.Body), limits.Default())
			require.NoError(t, err, path)
			assert.Contains(t, a.Actor, "https://gts.test/users/")
			require.NotEmpty(t, a.Object)
			posts++
		case capture.Kind == "keyfetch":
			key, err := as2.ReadKey([]byte(capture.ResponseBody), capture.URL, limits.Default())
			require.NoError(t, err, path)
			assert.Equal(t, strings.TrimSuffix(capture.URL, "/main-key"), key.Owner, path)
			assert.Contains(t, key.PEM, "BEGIN PUBLIC KEY")
			keys++
		}
	}
	assert.Equal(t, 40, posts)
	assert.Equal(t, 4, keys)
}

// readAny reads a document with the reader for its type, an object inside a Create, and
// says which that is and what it is called.
func readAny(t testing.TB, body []byte) (kind, id string, err error) {
	var document struct {
		Type   any
		Actor  any
		Object any
	}
	require.NoError(t, json.Unmarshal(body, &document))
	name, _ := document.Type.(string)
	switch {
	case document.Type == nil:
		return "no ActivityStreams", "", nil
	case actors[name]:
		a, err := as2.ReadActor(body, limits.Default())
		return "actor", a.ID, err
	case document.Actor != nil && document.Object != nil:
		a, err := as2.ReadActivity(body, limits.Default())
		return "activity", a.ID, err
	}
	create := fmt.Sprintf(`{"id":"https://a.example/1","type":"Create","actor":"https://a.example/u","object":%s}`, body)
	a, err := as2.ReadActivity([]byte(create), limits.Default())
	if err != nil {
		return "object", "", err
	}
	return "object", a.Object[0].ID, nil
}

var actors = map[string]bool{"Application": true, "Group": true, "Organization": true, "Person": true, "Service": true}

// payloads are the documents of many servers, by path.
func payloads(t testing.TB) map[string][]byte {
	root := testenv.Shared(t, "interop/payloads")
	found := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	}))
	return found
}
