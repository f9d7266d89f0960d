package panui_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/panui/panui"
	"github.com/panui/panui/internal/limits"
)

// fetched is a letter of somebody at mallory's server whose document is answered so.
// The document, where there is one, would be good: {me} stands for its id.
func fetched(name string, answer func(me string) http.HandlerFunc, status int, code string) try {
	return try{name, func(w *world) letter {
		path := "/users/" + url.PathEscape(strings.ReplaceAll(name, " ", "-"))
		me := w.evil.url + path
		w.evil.serve(path, answer(me))
		return w.letter(strings.ReplaceAll(malloryReplies, "{mallory}", me), forge{by: "mallory", keyID: me + "#main-key"})
	}, status, code, 1}
}

// me is the good document of somebody with mallory's key.
func me(id string) string { return person(id, privateKey("mallory").Public()) }

// answers writes a status, header fields and the good document.
func answers(status int, fields ...string) func(string) http.HandlerFunc {
	return func(id string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/activity+json")
			for _, field := range fields {
				name, value, _ := strings.Cut(field, ": ")
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			if status != http.StatusNoContent {
				io.WriteString(w, me(id))
			}
		}
	}
}

// typed serves the good document under other media types.
func typed(types ...string) func(string) http.HandlerFunc {
	return func(id string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = types
			io.WriteString(w, me(id))
		}
	}
}

// shows serves the document with an id that is not quite the one asked for.
func shows(other func(id string) string) func(string) http.HandlerFunc {
	return func(id string) http.HandlerFunc { return document(strings.Replace(me(id), id, other(id), 1)) }
}

// lists serves a document that lists a key, as PEM.
func lists(pem string) func(string) http.HandlerFunc {
	return func(id string) http.HandlerFunc {
		return document(personWith(id, id+"/inbox", id+"#main-key", id, pem))
	}
}

// raw answers with bytes on the connection, which it then closes.
func raw(write func(io.Writer)) func(string) http.HandlerFunc {
	return func(string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer connection.Close()
			write(connection)
		}
	}
}

const typeLine = "Content-Type: application/activity+json\r\n"

// hasty are limits on what others may take that a test can wait for.
func hasty(c *panui.Config) {
	l := limits.Default()
	l.DNSTimeout, l.DialTimeout, l.TLSTimeout, l.HeaderTimeout = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	l.FetchTimeout = 500 * time.Millisecond
	c.Egress.Limits = l
}

// B090 to B100: documents of others.
func remoteCorpus() []row {
	unknown := func(name string, answer func(string) http.HandlerFunc) try {
		return fetched(name, answer, 401, "key-unknown")
	}
	later := func(name string, answer func(string) http.HandlerFunc) try {
		return fetched(name, answer, 503, "key-unreachable")
	}
	twice := func(t try) try { // in the other form of signature, too
		t.dials = 2
		return t
	}
	return []row{
		{id: "B090", must: "a key's document that is not a 200 of ActivityPub: 401; where asking again may help: 503", tries: []try{
			unknown("HTML", func(string) http.HandlerFunc { return page("text/html; charset=utf-8", "<html>hello</html>") }),
			unknown("204", answers(204)), unknown("206", answers(206)), unknown("300", answers(300)), twice(unknown("403", answers(403))),
			unknown("404", answers(404)), unknown("410", answers(410)), unknown("418", answers(418)),
			twice(later("401", answers(401))), later("429", answers(429)), later("500", answers(500)), later("503", answers(503)),
			unknown("early hints without end", raw(func(to io.Writer) {
				for {
					if _, err := io.WriteString(to, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"); err != nil {
						return
					}
				}
			})),
		}},
		{id: "B091", must: "a document that is not said to be ActivityPub: 401", tries: []try{
			unknown("JSON", typed("application/json")), unknown("text", typed("text/plain")), unknown("no type", typed()),
			unknown("bytes", typed("application/octet-stream")), unknown("ld+json without profile", typed("application/ld+json")),
			unknown("ld+json with another profile", typed(`application/ld+json; profile="https://example.org/"`)),
			unknown("two types", typed("application/activity+json", "text/html")), unknown("another charset", typed("application/activity+json; charset=utf-16")),
			unknown("in a parameter", typed(`text/html; x="application/activity+json"`)), unknown("with more behind", typed("application/activity+json-seq")),
		}},
		{id: "B092", must: "a document about another id than was asked for, however alike: 401", tries: []try{
			unknown("somebody else", shows(func(string) string { return "https://victim.test/users/alice" })),
			unknown("a fragment", shows(func(id string) string { return id + "#x" })),
			unknown("capitals", shows(func(id string) string { return strings.Replace(id, "http", "HTTP", 1) })),
			unknown("a slash behind", shows(func(id string) string { return id + "/" })),
			unknown("a query", shows(func(id string) string { return id + "?" })),
			unknown("an escape", shows(func(id string) string { return strings.Replace(id, "users", "%75sers", 1) })),
			unknown("another port", shows(func(id string) string { return strings.Replace(id, "127.0.0.3:", "127.0.0.3:0", 1) })),
			unknown("a dot behind the host", shows(func(id string) string { return strings.Replace(id, "127.0.0.3:", "127.0.0.3.:", 1) })),
			unknown("another scheme", shows(func(id string) string { return strings.Replace(id, "http:", "https:", 1) })),
			unknown("a twin in Unicode", shows(func(id string) string { return strings.Replace(id, "users", "usеrs", 1) })),
			unknown("no id", shows(func(string) string { return "" })),
		}},
		{id: "B093", must: "a redirect in a circle, to another origin or another scheme, or too long a chain: 401, and nobody else is asked", tries: []try{
			unknown("to itself", redirect(func(me string) string { return me })),
			sentOn("to victim", "{victim}/users/alice"),
			unknown("to loopback", redirect(func(string) string { return "http://127.0.0.1:1/" })),
			unknown("to metadata", redirect(func(string) string { return "http://169.254.169.254/" })),
			sentOn("to ourselves", "{news}"),
			unknown("to another scheme", redirect(func(me string) string { return strings.Replace(me, "http:", "https:", 1) })),
			unknown("to a file", redirect(func(string) string { return "file:///etc/passwd" })),
			unknown("nowhere", redirect(func(string) string { return "" })),
			{"ten in a row", chain, 401, "key-unknown", 4},
		}, test: httpsToHTTP},
		{id: "B094", must: "a document of over 1 MiB, packed, or of another length than it says: refused, and the connection ends", tries: []try{
			unknown("a byte over 1 MiB", func(id string) http.HandlerFunc {
				return document(me(id) + strings.Repeat(" ", 1<<20-len(me(id))+1))
			}),
			unknown("without end", raw(func(to io.Writer) {
				fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine, "Transfer-Encoding: chunked\r\n\r\n")
				for {
					if _, err := io.WriteString(to, "10000\r\n"+strings.Repeat(" ", 1<<16)+"\r\n"); err != nil {
						return
					}
				}
			})),
			later("packed, though asked not to", func(id string) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/activity+json")
					w.Header().Set("Content-Encoding", "gzip")
					z := gzip.NewWriter(w)
					defer z.Close()
					io.WriteString(z, me(id))
				}
			}),
			later("shorter than it says", func(id string) http.HandlerFunc {
				return raw(func(to io.Writer) {
					fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine, "Content-Length: 5000\r\n\r\n", me(id))
				})("")
			}),
			unknown("longer than it says", func(id string) http.HandlerFunc {
				return raw(func(to io.Writer) {
					fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine, "Content-Length: 50\r\n\r\n", me(id))
				})("")
			}),
			later("two lengths", raw(func(to io.Writer) {
				fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine, "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x")
			})),
		}},
		{id: "B095", must: "a header of over 64 KiB, or HTTP/2 that does not end: refused", tries: []try{
			unknown("1 MiB in one field", answers(200, "X-Filler: "+strings.Repeat("x", 1<<20))),
			unknown("10,000 fields", raw(func(to io.Writer) {
				fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine)
				for i := range 10_000 {
					if _, err := fmt.Fprintf(to, "X-%d: x\r\n", i); err != nil {
						return
					}
				}
				fmt.Fprint(to, "\r\n")
			})),
		}, test: hostileHTTP2},
		{id: "B096", must: "a server that drips, stalls or cannot be connected to, or a DNS that never answers: 503 within its time, and nothing is left", scene: scene{config: hasty}, tries: []try{
			later("a byte at a time", func(id string) http.HandlerFunc {
				return raw(func(to io.Writer) {
					fmt.Fprint(to, "HTTP/1.1 200 OK\r\n", typeLine, "\r\n")
					for {
						if _, err := io.WriteString(to, " "); err != nil {
							return
						}
						time.Sleep(20 * time.Millisecond)
					}
				})("")
			}),
			later("no header", func(string) http.HandlerFunc {
				return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			}),
			later("a header line that does not end", raw(func(to io.Writer) {
				fmt.Fprint(to, "HTTP/1.1 200 OK\r\nX: ")
				for {
					if _, err := io.WriteString(to, "x"); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			})),
		}, test: silence},
		{id: "B097", must: "a key of a kind or size that is not taken, or a PEM that is more than one: 401 before anything is verified with it", tries: badKeys()},
		{id: "B098", must: "a key whose owner does not list it: 401 after one pair of fetches; of an owner who cannot be asked: 503; of an owner on a blocked host: 401", scene: scene{config: blockedByName}, tries: []try{
			owned("victim lists another", "{alice}", 401, "key-unknown", 2),
			owned("victim is not there", "{victim}/users/nobody", 401, "key-unknown", 2),
			owned("victim is out of reach", "http://127.0.0.1:1/users/alice", 503, "key-unreachable", 1),
			owned("owner is blocked", "https://blocked.test/users/alice", 401, "key-unknown", 1),
			owned("owner is us", "{news}", 401, "key-unknown", 1),
			owned("owner is private", "https://10.0.0.1/users/alice", 401, "key-unknown", 1),
			{"owner lists the id with another key", func(w *world) letter {
				w.victim.serve("/users/carol", document(w.fill(personWith("{victim}/users/carol", "{victim}/inbox", "{evil}/keys/carol", "{victim}/users/carol", pemOf(privateKey("bob").Public())))))
				w.evil.serve("/keys/carol", document(w.fill(bareKey("{evil}/keys/carol", "{victim}/users/carol", privateKey("mallory").Public()))))
				return w.letter(strings.ReplaceAll(aliceReplies, "{alice}", "{victim}/users/carol"), forge{by: "mallory", keyID: "{evil}/keys/carol"})
			}, 401, "key-unknown", 2},
		}},
		{id: "B099", must: "a certificate that proves nothing: 503, which asks to try again when it is mended, and nothing is asked over that connection", test: badCertificates},
		{id: "B100", must: "a WebFinger answer that names somebody else: no handle; the inbox itself never asks for one and shows an actor under the host of its id", test: falseFingers,
			but: spared{storeSame: "a reply is kept, to be shown", oneEvent: "the questions are no events"}},
	}
}

func blockedByName(c *panui.Config) {
	c.Blocked = func(host string) bool { return host == "blocked.test" }
}

// sentOn is a letter whose key is said to lie somewhere else in the world.
func sentOn(name, to string) try {
	return try{name, func(w *world) letter {
		return fetched(name, redirect(func(string) string { return w.fill(to) }), 0, "").letter(w)
	}, 401, "key-unknown", 1}
}

// redirect sends who asks elsewhere.
func redirect(to func(me string) string) func(string) http.HandlerFunc {
	return func(id string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Location"] = []string{to(id)}
			w.WriteHeader(http.StatusFound)
		}
	}
}

// chain is ten redirects that end at a good document.
func chain(w *world) letter {
	for i := range 10 {
		w.evil.serve(fmt.Sprint("/hop/", i), func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, fmt.Sprint("/hop/", i+1), http.StatusFound)
		})
	}
	id := w.evil.url + "/hop/0"
	w.evil.serve("/hop/10", document(me(id)))
	return w.letter(strings.ReplaceAll(malloryReplies, "{mallory}", id), forge{by: "mallory", keyID: id + "#main-key"})
}

// owned is a letter with a key of mallory's that names an owner.
func owned(name, owner string, status int, code string, dials int) try {
	return try{name, func(w *world) letter {
		id := "{evil}/keys/" + strings.ReplaceAll(name, " ", "-")
		w.evil.serve(strings.TrimPrefix(id, "{evil}"), document(w.fill(bareKey(id, owner, privateKey("mallory").Public()))))
		return w.letter(strings.ReplaceAll(aliceReplies, "{alice}", owner), forge{by: "mallory", keyID: id})
	}, status, code, dials}
}
