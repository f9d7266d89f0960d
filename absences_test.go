package panui_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// absent is a feature that was left out, with the check of the source that it is
// not there. Each is a variable below.
type absent struct {
	feature string   // in words: remote media
	routes  []string // where a site that has it would serve it
	missing check
}

// check fails where a file of the library has the feature, or a site serves it.
func (a absent) check(t *testing.T) {
	t.Helper()
	for _, s := range sources(t) {
		if !isExample(s.pkg) && !slices.Contains(forTests, s.pkg) {
			assert.Empty(t, a.missing(s), "%s has what was left out: %s", s.file, a.feature)
		}
	}
	if len(a.routes) == 0 {
		return
	}
	w := newWorld(t, "memory", scene{})
	for _, route := range a.routes {
		assert.Equal(t, http.StatusNotFound, w.send(get(route)(w).wire()).status, "%s is served: %s", route, a.feature)
	}
}

// forTests are packages that play others, or write and check the sources.
var forTests = []string{"actor/actortest", "store/storetest", "store/storetest/mutate", "internal/testenv", "internal/docgen"}

// Features that were left out (docs/design.md, decision 13), in the order of the alphabet.
var (
	addressHelpers = absent{
		feature: "judging addresses by methods of net/netip, which know few of the special networks, instead of the table",
		missing: notIn("signing/egress/proxy.go", in("signing/egress", calling(".IsPrivate", ".IsGlobalUnicast", ".IsLinkLocalUnicast", ".IsMulticast", ".IsUnspecified", ".IsInterfaceLocalMulticast"))), // whose proxy the agency itself names
	}
	archives = absent{
		feature: "archives of an account, and importing or exporting one",
		routes:  []string{"/ap/actors/news/archive", "/ap/actors/news/export", "/ap/import"},
		missing: importing("archive", "encoding/gob"),
	}
	browserSessions = absent{
		feature: "signing in: sessions, cookies, OAuth and a client API",
		routes:  []string{"/oauth/authorize", "/api/v1/apps", "/auth/sign_in", "/authorize_interaction?uri=x"},
		missing: anyOf(
			using("http.Cookie", "http.SetCookie"), importing("golang.org/x/oauth2", "net/http/cookiejar"),
			writing("oauthAuthorizationEndpoint", "oauthTokenEndpoint", "proxyUrl", "uploadMedia"),
		),
	}
	builtSQL = absent{
		feature: "SQL that is written by package fmt or joined of what comes in",
		missing: anyOf(in("store/internal/sqlstore", using("fmt.Sprintf", "fmt.Sprint", "fmt.Fprintf", "text/template")), in("store/sqlite", using("fmt.Sprintf"))),
	}
	collections = absent{
		feature: "reading collections of others: outboxes, followers, threads",
		missing: reading("next", "first", "last", "items", "orderedItems", "outbox", "followers", "following", "replies", "shares", "likes", "featured"),
	}
	decompression = absent{
		feature: "inflating what others send",
		missing: importing("compress", "github.com/klauspost/compress", "github.com/andybalholm/brotli"),
	}
	directMessages = absent{
		feature: "sending messages that are not for everybody",
		missing: writing("bto", "bcc"),
	}
	emoji = absent{
		feature: "emoji of other servers",
		missing: anyOf(reading("icon", "emojis"), saying("inbox", "Emoji", "EmojiReact")),
	}
	filesByName = absent{
		feature: "files that are named by what arrives",
		missing: anyOf(
			in("inbox", openingFiles), in("actor", openingFiles), in("webfinger", openingFiles), in("internal/as2", openingFiles),
			notIn("outbox/feed/source.go", in("outbox", openingFiles)), // where the agency names its own
		),
	}
	followerSync = absent{
		feature: "telling a server which of its people follow (FEP-8fcf)",
		routes:  []string{"/ap/actors/news/followers_synchronization"},
		missing: naming("Collection-Synchronization"),
	}
	forms = absent{
		feature: "reading what is sent as a form",
		missing: calling(".ParseForm", ".ParseMultipartForm", ".FormValue", ".PostFormValue", ".FormFile"),
	}
	forwarding = absent{
		feature: "forwarding what arrives to others (ActivityPub section 7.1.2)",
		missing: anyOf(
			in("inbox", using("store.Fanout", "store.ToFollowers")),
			in("inbox", importing(module+"/signing/egress")),
		),
	}
	htmlDiscovery = absent{
		feature: "reading HTML of others to find documents or owners of pages",
		missing: anyOf(
			in("actor", importing("golang.org/x/net/html")), in("webfinger", importing("golang.org/x/net/html")),
			in("signing/egress", importing("golang.org/x/net/html")),
		),
	}
	imageProcessing = absent{
		feature: "decoding or changing images, sound and video",
		missing: importing("image", "golang.org/x/image", "os/exec"),
	}
	jsonLD = absent{
		feature: "JSON-LD processing: contexts that are fetched, expansion, canonical RDF",
		missing: importing("github.com/piprate/json-gold", "github.com/go-ap/jsonld/processor"),
	}
	linkedDataSignatures = absent{
		feature: "linked-data signatures",
		missing: anyOf(reading("signature", "signatureValue", "creator"), writing("signature", "signatureValue"), naming("RsaSignature2017", "RsaSignature2018")),
	}
	linkPreviews = absent{
		feature: "previews of linked pages: Open Graph, oEmbed, cards",
		missing: anyOf(naming("og:", "oembed", "application/json+oembed"), reading("preview", "card")),
	}
	linkVerification = absent{
		feature: "checking that a page links back (rel=me)",
		missing: naming(`rel="me"`, "rel=me"),
	}
	listeners = absent{
		feature: "a server or a port of its own",
		missing: using("http.Server", "http.ListenAndServe", "http.Serve", "net.Listen", "net.ListenConfig", "net.ListenPacket", "tls.Listen"),
	}
	localAccounts = absent{
		feature: "accounts, sign-ups and roles of people",
		routes:  []string{"/api/v1/accounts", "/auth/sign_up"},
		missing: importing("golang.org/x/crypto/bcrypt", "golang.org/x/crypto/argon2", "golang.org/x/crypto/scrypt"),
	}
	markdown = absent{
		feature: "reading Markdown or another source form of what people write",
		missing: anyOf(reading("source"), importing("github.com/yuin/goldmark", "github.com/russross/blackfriday", "github.com/gomarkdown/markdown")),
	}
	mediaProxy = absent{
		feature: "serving bytes of other servers: a proxy or a cache of media",
		routes:  []string{"/proxy", "/ap/media/x", "/ap/proxy/x", "/media_proxy/x"},
		missing: anyOf(using("httputil.ReverseProxy", "httputil.NewSingleHostReverseProxy"), fetchingWhileServing),
	}
	moves = absent{
		feature: "following an actor to where it moved",
		missing: anyOf(in("inbox", importing(module+"/signing/egress")), saying("outbox", "Move")),
	}
	nodeInfoOfOthers = absent{
		feature: "asking servers what software they run (NodeInfo)",
		missing: fetching("nodeinfo"),
	}
	objectFetching = absent{
		feature: "fetching posts of others: of Announces, parents, quotes and links",
		missing: anyOf(in("inbox", importing(module+"/signing/egress", module+"/webfinger")), in("outbox", calling("Client.Get"))),
	}
	otherWaysOut = absent{
		feature: "a way to other servers beside package egress",
		missing: anyOf(pastTheGuard, naming("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")),
	}
	otherProtocols = absent{
		feature: "protocols before ActivityPub: OStatus, Salmon, PubSubHubbub, diaspora*",
		routes:  []string{"/salmon", "/api/salmon/1", "/push", "/receive/public", "/.well-known/x-nodeinfo2"},
		missing: naming("salmon", "magic-envelope", "hub.mode", "magic-public-key"),
	}
	polls = absent{
		feature: "polls",
		missing: anyOf(reading("oneOf", "anyOf", "closed", "votersCount"), writing("oneOf", "anyOf"), saying("inbox", "Question")),
	}
	quotes = absent{
		feature: "quoting, and leave to quote (FEP-044f)",
		missing: anyOf(saying("inbox", "QuoteRequest"), reading("quote", "quoteUrl", "_misskey_quote", "quoteAuthorization"), saying("outbox", "QuoteAuthorization")),
	}
	redirects = absent{
		feature: "redirecting who asks",
		missing: anyOf(using("http.Redirect", "http.RedirectHandler"), in("webfinger", naming("Location")), in("actor", naming("Location"))),
	}
	relays = absent{
		feature: "relays",
		routes:  []string{"/relay", "/actor", "/instance/actor"},
		missing: anyOf(in("inbox", using("store.Fanout")), naming("/relay")),
	}
	remoteFollow = absent{
		feature: "a page on which visitors follow from their own server",
		routes:  []string{"/authorize_interaction?uri=x", "/ap/follow", "/share?text=x"},
		missing: naming("authorize_interaction", "ostatus.org/schema/1.0/subscribe"),
	}
	remoteMedia = absent{
		feature: "fetching or keeping pictures, sound and video of others",
		missing: anyOf(reading("attachment", "icon", "image"), in("inbox", using("as2.Image", "as2.Attachment"))),
	}
	search = absent{
		feature: "searching, here or for handles elsewhere, on behalf of a visitor",
		routes:  []string{"/api/v2/search?q=x", "/ap/search?q=x", "/search?q=x"},
		missing: in("inbox", importing(module+"/webfinger")),
	}
	templates = absent{
		feature: "pages for people made of what strangers wrote",
		missing: anyOf(using("template.New", "template.Must", "template.ParseFS", "template.ParseFiles", "template.ParseGlob"), importing("text/template")),
	}
	timelines = absent{
		feature: "following others, and a timeline of what they say",
		routes:  []string{"/api/v1/timelines/home", "/ap/actors/news/timeline"},
		missing: anyOf(saying("outbox", "Follow"), storing("PutFollowing", "PutTimeline")),
	}
	translation = absent{
		feature: "sending what people write to a translation service",
		missing: naming("deepl", "libretranslate"),
	}
	unknownActivities = absent{
		feature: "Add, Remove, Invite, Join, Offer, View and other activities beside those of the authority table",
		missing: saying("inbox", "Add", "Remove", "Invite", "Join", "Leave", "Offer", "View", "Dislike", "Listen", "Read", "Arrive", "Travel", "Ignore", "TentativeAccept", "TentativeReject"),
	}
	webmentions = absent{
		feature: "Webmention and pingback: fetching a page because somebody names it",
		routes:  []string{"/webmention", "/ap/webmention", "/xmlrpc.php"},
		missing: naming("webmention", "pingback"),
	}
	xmlOfOthers = absent{
		feature: "reading XML, but for the agency's own feed",
		missing: anyOf(importing("encoding/xml"), naming("<!DOCTYPE", "<!ENTITY")),
	}
	uploads = absent{
		feature: "taking files from people",
		routes:  []string{"/api/v2/media", "/ap/upload"},
		missing: anyOf(importing("mime/multipart"), calling(".FormFile", ".ParseMultipartForm", ".MultipartReader")),
	}
)

// added is a line of code with which each feature would begin.
var added = []struct {
	absent
	file, code string
}{
	{addressHelpers, "signing/egress/x.go", `func f(a A) bool { return a.Unmap().IsPrivate() }`},
	{archives, "store/x.go", `import "archive/zip"`},
	{browserSessions, "inbox/x.go", `import "net/http"; var _ = http.Cookie{}`},
	{builtSQL, "store/internal/sqlstore/x.go", `import "fmt"; func f(s string) string { return fmt.Sprintf("SELECT %s", s) }`},
	{collections, "internal/as2/x.go", "type w struct { Next string `json:\"next\"` }"},
	{decompression, "inbox/x.go", `import "compress/gzip"`},
	{directMessages, "internal/as2/documents.go", "type d struct { Bto string `json:\"bto,omitempty\"` }"},
	{emoji, "inbox/x.go", `var _ = map[string]int{"EmojiReact": 1}`},
	{filesByName, "inbox/x.go", `import "os"; func f(name string) { os.Open(name) }`},
	{followerSync, "outbox/x.go", `const h = "Collection-Synchronization"`},
	{forms, "webfinger/x.go", `func f(r R) { r.FormValue("resource") }`},
	{forwarding, "inbox/x.go", `import "github.com/panui/panui/store"; var _ = store.Fanout{}`},
	{htmlDiscovery, "actor/x.go", `import "golang.org/x/net/html"`},
	{imageProcessing, "outbox/x.go", `import _ "image/png"`},
	{jsonLD, "internal/as2/x.go", `import "github.com/piprate/json-gold/ld"`},
	{linkedDataSignatures, "internal/as2/x.go", "type w struct { Signature string `json:\"signature\"` }"},
	{linkPreviews, "outbox/feed/x.go", `var p = "og:image"`},
	{linkVerification, "webfinger/x.go", `var l = "rel=me"`},
	{listeners, "outbox/x.go", `import "net"; func f() { net.Listen("tcp", ":80") }`},
	{localAccounts, "store/x.go", `import "golang.org/x/crypto/bcrypt"`},
	{markdown, "internal/as2/x.go", "type w struct { Source string `json:\"source\"` }"},
	{mediaProxy, "outbox/x.go", `import ("net/http"; "github.com/panui/panui/signing/egress"); func f(w http.ResponseWriter, c egress.Client) {}`},
	{moves, "outbox/x.go", `var t = "Move"`},
	{nodeInfoOfOthers, "webfinger/x.go", `import "github.com/panui/panui/signing/egress"; const p = "/.well-known/nodeinfo"`},
	{objectFetching, "outbox/x.go", `func (d Deliverer) f() { d.Client.Get(nil, "", "", nil) }`},
	{otherWaysOut, "webfinger/x.go", `import "net/http"; var _ = http.Client{}`},
	{otherProtocols, "webfinger/x.go", `const rel = "salmon"`},
	{polls, "internal/as2/x.go", "type w struct { OneOf []string `json:\"oneOf\"` }"},
	{quotes, "inbox/x.go", `func f(t string) bool { return t == "QuoteRequest" }`},
	{redirects, "webfinger/x.go", `import "net/http"; var h = http.RedirectHandler("/", 302)`},
	{remoteFollow, "webfinger/x.go", `const t = "https://example.org/authorize_interaction?uri={uri}"`},
	{relays, "actor/x.go", `const path = "/relay"`},
	{remoteMedia, "internal/as2/x.go", "type w struct { Attachment string `json:\"attachment\"` }"},
	{search, "inbox/x.go", `import "github.com/panui/panui/webfinger"`},
	{templates, "inbox/x.go", `import "html/template"; var t = template.New("x")`},
	{timelines, "store/ops.go", `type PutFollowing struct{}`},
	{translation, "inbox/x.go", `const u = "https://api.deepl.com"`},
	{unknownActivities, "inbox/x.go", `func f(t string) { switch t { case "Add": } }`},
	{webmentions, "outbox/x.go", `const rel = "webmention"`},
	{xmlOfOthers, "webfinger/x.go", `import "encoding/xml"`},
	{uploads, "inbox/x.go", `func f(r R) { r.FormFile("x") }`},
}

// A check that cannot fail shows nothing.
func TestAFeatureThatIsAddedIsNoticed(t *testing.T) {
	for _, a := range added {
		parsed, err := parser.ParseFile(token.NewFileSet(), a.file, "package p\n"+a.code, parser.SkipObjectResolution)
		require.NoError(t, err, a.feature)
		assert.NotEmpty(t, a.missing(source{pkg: path.Dir(a.file), file: a.file, ast: parsed}), a.feature)
	}
	assert.Len(t, added, declaredAbsent(t), "each feature that was left out is added once above")
}

// declaredAbsent counts the features that are declared in this file.
func declaredAbsent(t *testing.T) (n int) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "absences_test.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(parsed, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if made, ok := spec.Values[0].(*ast.CompositeLit); ok && written(made.Type) == "absent" {
				n++
			}
		}
		return true
	})
	return n
}

// TestNothingThatWasLeftOutIsThere checks every feature, also those that no advisory names.
func TestNothingThatWasLeftOutIsThere(t *testing.T) {
	for _, a := range added {
		t.Run(a.feature, func(t *testing.T) { a.check(t) })
	}
}
