package panui_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
	"github.com/panui/panui/webfinger"
)

// keptReply is why the store may change where somebody says something.
var keptReply = spared{storeSame: "it is a reply, and kept for a person to read"}

// H: what the site can be made to ask.
func advisoriesH() []advisory {
	public := scene{public: true}
	never := func(keyID string) try { return try{keyID, keyed(keyID), 401, "key-id-refused", 0} }
	leadsTo := func(addresses string) try {
		return try{addresses, keyedAt(addresses), 401, "key-unknown", 1}
	}
	return []advisory{
		{known: "CVE-2024-39687 of Fedify", row: row{id: "H1", scene: scene{public: true, config: hasty},
			must: "a name that looked public and is loopback when it is connected to, or is both at once: nothing reaches loopback. 401; 503 where a public address is among them, which may answer tomorrow",
			tries: []try{
				{"public, then loopback", func(w *world) letter {
					l := keyedAt("93.184.216.34", "127.0.0.1")(w)
					_, err := w.names.resolver().LookupNetIP(w.Context(), "ip4", strings.Split(l.field("Signature"), "/")[2]+".")
					require.NoError(w, err, "who is fooled looks it up first")
					return l
				}, 401, "key-unknown", 2},
				{"two private ones", keyedAt("10.1.2.3 127.0.0.1"), 401, "key-unknown", 1},
				{"a public one, which nobody has, and loopback", keyedAt("127.0.0.1 2e00::1"), 503, "key-unreachable", 1},
			},
			test: func(t *testing.T, w *world) {
				trap := setTrap(t)
				for _, answer := range []string{"127.0.0.1", "127.0.0.1 2e00::1", "10.0.0.1 127.0.0.1"} {
					w.send(keyedAt(answer)(w).wire())
				}
				assert.Zero(t, trap())
			}}},
		{known: "CVE-2026-50131 of Fedify", row: row{id: "H2", scene: public,
			must:  "a name with an address of any network of the IANA registries of special purpose, at either end of it: 401 before a packet leaves",
			tries: []try{leadsTo("100.64.0.1"), leadsTo("64:ff9b::a00:1"), leadsTo("2001::1"), leadsTo("2002:7f00:1::")},
			test:  specialNetworks, but: spared{nobodyAsked: "each name must be looked up to be refused"}}},
		{known: "CVE-2026-62857 of Fedify", absent: []absent{nodeInfoOfOthers, otherWaysOut},
			row: row{id: "H3", must: "no server is asked what software it runs, so there is no link to follow"}},
		{known: "CVE-2025-25194 of the Lemmy library", row: row{id: "H4", scene: public, test: handlesThatAreURLs, but: publicPage,
			must: "a handle with a path, a query, a port or an address in it is no handle: refused before a name is looked up, and a WebFinger request for one asks nobody",
			tries: []try{
				{"asked of us", finger("resource=acct:hacker@localh.st:1234/secret%3Fx=1%23"), 404, "", 0},
				{"with a host of ours in front", finger("resource=acct:news@our.test@localh.st:1234"), 404, "", 0},
			}}},
		{known: "CVE-2026-33693 of the Lemmy library", row: row{id: "H5", scene: public,
			must:  "0.0.0.0, however it is written, is nobody's address: 401, and what is checked is what is connected to",
			tries: []try{leadsTo("0.0.0.0"), leadsTo("::ffff:0.0.0.0"), leadsTo("0.0.0.1"), never("https://0.0.0.0/k"), never("https://[::ffff:0.0.0.0]/k"), never("https://0/k")}}},
		{known: "CVE-2026-22245 of Mastodon", row: row{id: "H6", scene: public,
			must: "a private address written as IPv6 is private",
			tries: []try{leadsTo("::ffff:10.0.0.1"), leadsTo("::ffff:169.254.169.254"), leadsTo("::ffff:100.64.0.1"), leadsTo("::ffff:0:10.0.0.1"),
				never("https://[::ffff:10.0.0.1]/k"), never("https://[::ffff:a00:1]/k")}}},
		{known: "CVE-2026-46348 of Mastodon", row: row{id: "H7", scene: public,
			must:  "the unspecified address of IPv6, which some systems take for themselves: 401 in both families",
			tries: []try{leadsTo("::"), leadsTo(":: 0.0.0.0"), never("https://[::]/k"), never("https://[0:0:0:0:0:0:0:0]/k")},
			test: func(t *testing.T, w *world) {
				trap := setTrap(t)
				w.send(keyedAt(":: 0.0.0.0")(w).wire())
				assert.Zero(t, trap())
			}}},
		{known: "CVE-2026-47389 of Mastodon", row: row{id: "H8", scene: public,
			must: "what an address is does not depend on the version of the language: the guard takes a mapped address for the one inside before it compares, and this table runs wherever the tests do",
			test: mappedLikePlain, but: spared{nobodyAsked: "each name must be looked up to be refused"}}},
		{known: "CVE-2026-72916 of Mastodon", row: row{id: "H9", scene: public,
			must:  "IPv4 inside IPv6 in the old, compatible way: 401",
			tries: []try{leadsTo("::127.0.0.1"), leadsTo("::a9fe:a9fe"), never("https://[::127.0.0.1]/k"), never("https://[::a9fe:a9fe]/k")}}},
		{known: "CVE-2023-42450 of Mastodon", row: row{id: "H10", test: splitRequests,
			must: "a line end in a URL that we are to ask: refused as it is, and escaped it stays so; one request goes out, with the fields that we write",
			but:  spared{storeSame: "one of them may follow (checked)", queueSame: "and gets its Accept (checked)", oneEvent: "each has its own"}}},
		{known: "CVE-2026-27477 of Mastodon", absent: []absent{otherWaysOut},
			row: row{id: "H11", must: "there is one client for the network, and the check is in its dialer; no other package may dial, look up a name or make a client"}},
		{known: "CVE-2024-52579 of Misskey", row: row{id: "H12", scene: public,
			must: "whatever asks other servers goes through the one client, which checks each URL and each address itself: no caller can forget to",
			test: func(t *testing.T, w *world) {
				otherWaysOut.check(t)
				client := egress.New(egress.Options{Resolver: w.names.resolver()})
				defer client.CloseIdle()
				inside := w.names.teach("10.0.0.1")
				remote := actor.Remote{Actor: as2.Actor{ID: "https://" + inside + "/u", PreferredUsername: "u"}}
				for name, call := range map[string]func() error{
					"get":    func() error { _, err := client.Get(t.Context(), "https://"+inside+"/", "*/*", nil); return err },
					"post":   func() error { _, err := client.Post(t.Context(), "https://"+inside+"/", "x/y", nil, nil); return err },
					"ask":    func() error { _, err := webfinger.Ask(t.Context(), client, "u@"+inside); return err },
					"verify": func() error { _, err := webfinger.Verify(t.Context(), client, remote); return err },
					"resolve": func() error {
						_, err := (&actor.Resolver{Client: client}).Actor(t.Context(), remote.ID)
						return err
					},
				} {
					assert.ErrorIs(t, call(), egress.ErrForbidden, name)
				}
			}}},
		{known: "GHSA-mqv7-gxh4-r5vf of Misskey", row: row{id: "H13", scene: public, test: environment,
			must: "a proxy in the environment is not used: nobody can switch the guard off by a variable"}},
		{known: "Proxy bypass (measured); GTS `ProxyFromEnvironment`; Mastodon `ProxySocket` of Go, GoToSocial and Mastodon", row: row{id: "H14", scene: public, test: throughAProxy,
			must: "where the agency names a proxy, the address of the target is judged here as always; of a peer the proxy gets CONNECT for an address that passed and nothing else, so no plain http and no name"}},
		{known: "CVE-2025-22870 of Go", row: row{id: "H15", scene: public,
			must:  "an address with a zone is no name of the network: 401, nothing is looked up",
			tries: []try{never("https://[::1%25.example.com]/k"), never("https://[fe80::1%25eth0]:443/k"), never("https://[2606:4700:4700::1111%25x]/k")},
			test: func(t *testing.T, _ *world) {
				for _, loopback := range []bool{false, true} {
					_, err := egress.CheckURL("http://[::1%25.example.com]:80/", loopback)
					assert.ErrorIs(t, err, egress.ErrForbidden)
				}
			}}},
		{known: "CVE-2025-32948 of PeerTube", row: row{id: "H16", tries: oddURLs(), test: wrongURLs,
			must: "an URL that is given as anything else than text is none: refused, or read as nothing; what is asked is a checked text and never options",
			but:  spared{storeSame: "some are good replies; what is refused changes nothing (checked)", oneEvent: "each of many has its own"}}},
		{known: "CVE-2026-42180 of Lemmy", row: row{id: "H17", but: keptReply,
			must: "nothing that a post names is asked: a hundred links in one, and the only connection is for the key of its author",
			tries: []try{
				{"a hundred links", says(note("<p>Kia ora", "<p>"+numbered(` <a href='{victim}/page'>x</a> {evil}/`, 100))), 202, "held", 1},
			}}},
		{known: "CVE-2026-42181 of Lemmy", absent: []absent{linkPreviews, htmlDiscovery, remoteMedia},
			row: row{id: "H18", must: "no page is fetched to show what is behind a link, so nothing of it is published"}},
		{known: "CVE-2026-29178 of Lemmy", row: row{id: "H19", test: namesInURLs,
			must: "a name that would change the URL it is put into is no name, and what is put into one is escaped: the server gets exactly one path and one parameter",
			but:  spared{oneEvent: "the questions are no events"}}},
		{known: "GHSA-c482-7gjx-pp36 of Lemmy", row: row{id: "H20", scene: public,
			must: "the guard is in the dialer, so the method does not matter; the client can GET and POST and nothing else",
			test: func(t *testing.T, w *world) {
				client := egress.New(egress.Options{Resolver: w.names.resolver()})
				defer client.CloseIdle()
				for _, address := range []string{"127.0.0.1", "169.254.169.254", "::1"} {
					url := "https://" + w.names.teach(address) + "/"
					_, err := client.Get(t.Context(), url, "*/*", nil)
					assert.ErrorIs(t, err, egress.ErrForbidden, address)
					_, err = client.Post(t.Context(), url, "text/plain", []byte("x"), nil)
					assert.ErrorIs(t, err, egress.ErrForbidden, address)
				}
				var methods []string
				for i := range reflect.TypeFor[*egress.Client]().NumMethod() {
					methods = append(methods, reflect.TypeFor[*egress.Client]().Method(i).Name)
				}
				assert.Equal(t, []string{"Check", "CloseIdle", "Get", "Post"}, methods, "another way to ask needs its own try here")
			}}},
		{known: "owncast#5121; owncast#4755 review of Owncast", row: row{id: "H21", scene: public,
			must: "a key id on this machine or inside the network: 401 without a connection, whoever asks; a follower whose inbox is inside: not one",
			tries: []try{never("http://127.0.0.1:6379/"), never("https://127.0.0.1:6379/"), never("https://10.0.0.1/#k"), leadsTo("10.0.0.1"),
				{"unsigned", changed(func(w *world, l letter) letter {
					return l.with(`Signature: keyId="https://10.0.0.1/#k",headers="(request-target) host date digest",signature="AAAA"`)
				}), 401, "key-id-refused", 0}},
			test: func(t *testing.T, w *world) { strangeInboxes(t, newWorld(t, w.backend, scene{})) }}},
		{known: "CVE-2022-23644 of BookWyrm", row: row{id: "H22", but: keptReply,
			must: "no picture that somebody names is fetched: the one connection is for the key",
			tries: []try{
				{"in every member that holds one", says(note(`"content"`, `"image":{"type":"Image","url":"{victim}/cover"},"icon":"{victim}/icon","preview":"{victim}/p",`+
					`"attachment":[{"type":"Document","mediaType":"image/png","url":"http://169.254.169.254/"},{"type":"Link","href":"{evil}/b"}],"url":"{evil}/page","content"`)), 202, "held", 1},
			}}},
		{known: "CVE-2026-0686 of WordPress Webmention", absent: []absent{webmentions, htmlDiscovery},
			row: row{id: "H23", must: "no page is read because somebody says that it names ours"}},
		{known: "GHSA-4g27-2jf7-fvgc of Manyfold", row: row{id: "H24", scene: public, but: publicPage,
			must: "nobody can have the site look somebody up: there is no such page, and WebFinger answers for our own handles only",
			tries: []try{
				{"authorize_interaction", get("/authorize_interaction?uri=acct:mallory@evil.test"), 404, "", 0},
				{"ostatus", get("/ostatus_subscribe?acct=mallory@evil.test"), 404, "", 0},
				{"webfinger", finger("resource=acct:mallory@evil.test"), 404, "", 0},
				{"webfinger for an URL", finger("resource=https://evil.test/users/mallory"), 404, "", 0},
			}}},
		{known: "CVE-2024-24790 of Go", row: row{id: "H25", scene: public,
			must:  "what net/netip calls global unicast is not: a table of networks decides, and the guard asks none of those methods",
			tries: []try{leadsTo("10.0.0.1"), leadsTo("100.64.0.1"), leadsTo("64:ff9b::1"), leadsTo("2002::1"), leadsTo("fec0::1"), leadsTo("::127.0.0.1")},
			test:  func(t *testing.T, _ *world) { addressHelpers.check(t) }}},
		{known: "libc numeric hosts (measured) of Go with cgo", row: row{id: "H26", scene: public, test: numericHandles,
			must:  "a host that the C library would read as an address is refused by how it is written, so no resolver is asked, whichever there is",
			tries: []try{never("https://0/k"), never("https://127.1/k"), never("https://0x7f.1/k"), never("https://2130706433/k"), never("https://017700000001/k"), never("https://1.2.3.0x4/k")}}},
		{known: "Pleroma 1.0.0 of Pleroma", absent: []absent{linkPreviews, htmlDiscovery, objectFetching},
			row: row{id: "H27", must: "nothing is crawled"}},
	}
}

// specials are the networks of the special-purpose registries, as prefixes.
var specials = strings.Fields(`0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24
	192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
	::/128 ::1/128 ::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48
	3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`)

// ends are the first and the last address of a network.
func ends(network string) []netip.Addr {
	prefix := netip.MustParsePrefix(network)
	last := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return []netip.Addr{prefix.Addr(), end}
}

// forbidden checks that a key at a name with the address is not asked for.
func forbidden(t *testing.T, w *world, address string) {
	t.Helper()
	w.log.clear()
	assert.Equal(t, http.StatusUnauthorized, w.send(keyedAt(address)(w).wire()).status, address)
	require.Len(t, w.log.events(), 1, address)
	assert.Contains(t, w.log.events()[0].json, "address is not allowed", address)
}

func specialNetworks(t *testing.T, w *world) {
	kept := w.tables()
	for _, network := range specials {
		for _, address := range ends(network) {
			forbidden(t, w, address.String())
		}
	}
	assert.Equal(t, kept, w.tables())
}

func mappedLikePlain(t *testing.T, w *world) {
	for _, network := range specials {
		if address := netip.MustParsePrefix(network).Addr(); address.Is4() {
			forbidden(t, w, "::ffff:"+address.String())
		}
	}
}

func handlesThatAreURLs(t *testing.T, w *world) {
	client := egress.New(egress.Options{Resolver: w.names.resolver()})
	defer client.CloseIdle()
	for _, handle := range []string{
		"hacker@localh.st:1234/secret?x=1#", "a@evil.test/x", "a@evil.test?x=1", "a@evil.test#x", "a@b@evil.test", `a@evil.test\x`, "a@evil.test%2fx", "a@evil.test:1234", "a@evil.test:22",
		"a@127.0.0.1", "a@[::1]", "a@10.0.0.1:443", "a@2130706433", "a@localhost", "a@evil.test ", "a@ evil.test", "a\r\nHost: x@evil.test", "@", "a@", "@evil.test", "a/../b@evil.test", "a?b@evil.test",
	} {
		_, err := webfinger.Ask(t.Context(), client, handle)
		assert.Error(t, err, handle)
	}
	assert.Empty(t, w.names.lookups())
}

func numericHandles(t *testing.T, w *world) {
	client := egress.New(egress.Options{})
	defer client.CloseIdle()
	for _, host := range []string{"0", "127.1", "0x7f.1", "2130706433", "017700000001"} {
		_, err := webfinger.Ask(t.Context(), client, "a@"+host)
		assert.ErrorIs(t, err, egress.ErrForbidden, host)
		for _, development := range []bool{false, true} {
			_, err = egress.CheckURL("https://"+host+"/", development)
			assert.ErrorIs(t, err, egress.ErrForbidden, host)
		}
	}
	assert.Empty(t, w.names.lookups())
}

// splitRequests has mallory name inboxes with line ends in them.
func splitRequests(t *testing.T, w *world) {
	kept, queued := w.tables(), w.queue()
	follows := func(name, inbox string) int {
		id := w.evil.url + "/users/" + name
		written, err := json.Marshal(w.fill(inbox))
		require.NoError(t, err)
		w.evil.serve("/users/"+name, document(strings.Replace(me(id), `"`+id+`/inbox"`, string(written), 1)))
		return w.send(w.letter(strings.ReplaceAll(malloryFollows, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"}).wire()).status
	}
	for name, inbox := range map[string]string{
		"raw": "{evil}/in\r\nX-Injected: y\r\n\r\n", "lf": "{evil}/in\nx", "tab": "{evil}/in\tx", "nul": "{evil}/in\x00x", "blank": "{evil}/in x", "del": "{evil}/in\x7fx",
	} {
		assert.Equal(t, http.StatusUnauthorized, follows(name, inbox), name)
	}
	assert.Equal(t, kept, w.tables())
	assert.Equal(t, queued, w.queue())

	require.Equal(t, http.StatusAccepted, follows("escaped", "{evil}/in%0d%0aX-Injected:%20y%00/é"))
	w.deliver()
	var posts []*http.Request
	for _, asked := range w.evil.requests() {
		if asked.Method != http.MethodGet {
			posts = append(posts, asked)
		}
	}
	require.NotEmpty(t, posts)
	for _, post := range posts {
		assert.Equal(t, "/in%0d%0ax-injected:%20y%00/%c3%a9", strings.ToLower(post.RequestURI))
		assert.Empty(t, post.Header.Get("X-Injected"))
	}
	assert.Len(t, w.followers(), 3, "bob, alice and who escaped it")
}

// environment asks for a key while the environment names a proxy.
func environment(t *testing.T, w *world) {
	before := w.evil.accepted.Load()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, w.evil.url)
	}
	w = newWorld(t, w.backend, scene{public: true, config: func(c *panui.Config) { hasty(c) }})
	w.log.clear()
	assert.Equal(t, http.StatusUnauthorized, w.send(keyedAt("10.0.0.1")(w).wire()).status)
	require.Len(t, w.log.events(), 1)
	assert.Contains(t, w.log.events()[0].json, "address is not allowed: 10.0.0.1:443", "the guard saw the target, not a proxy")
	assert.Equal(t, before, w.evil.accepted.Load())
	otherWaysOut.check(t) // nothing reads the environment, which net/http does once for the whole process
}

func throughAProxy(t *testing.T, w *world) {
	proxy := w.evil
	w = newWorld(t, w.backend, scene{public: true, config: func(c *panui.Config) {
		hasty(c)
		c.Egress.Proxy = &egress.Proxy{URL: proxy.url}
	}})
	for _, address := range []string{"169.254.169.254", "127.0.0.1", "10.0.0.1", "::1", "64:ff9b::a9fe:a9fe"} {
		forbidden(t, w, address)
	}
	for _, plain := range []string{"http://169.254.169.254/latest", "http://victim.test/k", "https://169.254.169.254/"} {
		assert.Equal(t, http.StatusUnauthorized, w.send(keyed(plain)(w).wire()).status, plain)
	}
	assert.Empty(t, proxy.requests())
	assert.Equal(t, http.StatusServiceUnavailable, w.send(keyedAt("10.0.0.1 93.184.216.34")(w).wire()).status, "the proxy refuses, which may pass")
	require.Len(t, proxy.requests(), 1)
	assert.Equal(t, "CONNECT 93.184.216.34:443", proxy.requests()[0].Method+" "+proxy.requests()[0].RequestURI)
}

// notURLs are what is no text where an URL belongs: options of a client, and other values.
var notURLs = []string{`{"socketPath":"/run/docker.sock","method":"DELETE"}`, `[["{victim}/x"]]`, `7`, `true`, `{"id":{"id":{"id":"{victim}/x"}}}`}

// oddURLs are documents of actors with something else where an URL belongs.
func oddURLs() (tries []try) {
	for _, member := range []string{"inbox", "publicKey", "id"} {
		for i, value := range notURLs {
			tries = append(tries, fetched(member+" "+strconv.Itoa(i), func(id string) http.HandlerFunc {
				return document(strings.Replace(me(id), `"`+member+`":`, `"`+member+`":`+value+`,"x-`+member+`":`, 1))
			}, 401, "key-unknown"))
		}
	}
	return tries
}

func wrongURLs(t *testing.T, w *world) {
	dialled := w.dialled()
	for _, member := range []string{"id", "actor", "inReplyTo", "attributedTo", "object", "to"} {
		for _, value := range notURLs {
			i := strings.LastIndex(aliceReplies, `"`+member+`":`) + len(member) + 3
			kept := w.tables()
			status := w.send(w.letter(aliceReplies[:i]+value+`,"x`+member+`":`+aliceReplies[i:], forge{}).wire()).status
			assert.Contains(t, []int{202, 400, 403}, status, "%s %s", member, value)
			if status != http.StatusAccepted {
				assert.Equal(t, kept, w.tables())
			}
		}
	}
	assert.Equal(t, dialled, w.dialled())
}

func namesInURLs(t *testing.T, w *world) {
	f := newFingers(t, w)
	for _, name := range []string{"mallory?x=1", "mallory&resource=acct:admin", "mallory#x", "../../admin", "mallory/..", "%2e%2e%2f", "mal lory", "mallory\r\nX: y", "{x}", "mallory@our.test", "", "māllory", strings.Repeat("m", 65)} {
		_, err := webfinger.Verify(t.Context(), f.client, actor.Remote{Actor: as2.Actor{ID: f.mallory, PreferredUsername: name}})
		assert.Error(t, err, name)
	}
	assert.Empty(t, f.asked)
	f.answer = f.descriptor("mal.lory_1@"+f.domain, f.self(f.mallory))
	_, err := webfinger.Verify(t.Context(), f.client, actor.Remote{Actor: as2.Actor{ID: f.mallory, PreferredUsername: "mal.lory_1"}})
	require.NoError(t, err)
	require.Len(t, f.asked, 1)
	assert.Equal(t, webfinger.Path, f.asked[0].URL.Path)
	assert.Equal(t, map[string][]string{"resource": {"acct:mal.lory_1@" + f.domain}}, map[string][]string(f.asked[0].URL.Query()))
	assert.Empty(t, w.received(store.ReceivedQuery{From: f.mallory}))
}
