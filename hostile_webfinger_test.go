package panui_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// finger asks who a resource is.
func finger(query string, head ...string) writes {
	return get("/.well-known/webfinger?"+query, head...)
}

const canonical = "resource=acct:news@our.test"

// same checks that a letter has the answer, to the byte, of another.
func same(t *testing.T, w *world, as writes, these ...writes) {
	t.Helper()
	want := w.send(as(w).wire())
	require.Equal(t, http.StatusOK, want.status)
	for _, letter := range these {
		wire := letter(w).wire()
		assert.Equal(t, want, w.send(wire), "%.200s", wire)
	}
}

// B001 to B012: the handle of the actor is asked for.
func webfingerCorpus() []row {
	public := scene{public: true}
	return []row{
		{id: "B001", must: "no resource: 400", but: publicPage, scene: public, tries: []try{
			{"no query", get("/.well-known/webfinger"), 400, "", 0},
			{"an empty query", finger(""), 400, "", 0},
			{"an empty resource", finger("resource="), 400, "", 0},
			{"another parameter", finger("rel=self"), 400, "", 0},
		}},
		{id: "B002", must: "two resources: 400", but: publicPage, scene: public, tries: []try{
			{"that differ", finger(canonical + "&resource=acct:other@our.test"), 400, "", 0},
			{"that are the same", finger(canonical + "&" + canonical), 400, "", 0},
		}},
		{id: "B003", must: "somebody at another host: 404, and nobody is asked", but: publicPage, scene: public, tries: []try{
			{"another host", finger("resource=acct:news@other.example"), 404, "", 0},
			{"another host's page", finger("resource=https://other.example/"), 404, "", 0},
		}},
		{id: "B004", must: "capitals are the same handle: the same answer, to the byte", but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			same(t, w, finger(canonical), finger("resource=acct:NEWS@OUR.TEST"), finger("resource=ACCT:News@our.test"))
		}},
		{id: "B005", must: "NUL: 400", but: publicPage, scene: public, tries: []try{
			{"at the end", finger(canonical + "%00"), 400, "", 0},
			{"inside", finger("resource=acct:ne%00ws@our.test"), 400, "", 0},
			{"a line end", finger(canonical + "%0d%0aX:%20y"), 400, "", 0},
		}},
		{id: "B006", must: "an address inside an address: 404", but: publicPage, scene: public, tries: []try{
			{"escaped once", finger("resource=acct:news%40our.test@our.test"), 404, "", 0},
			{"escaped twice", finger("resource=acct:news%2540our.test@our.test"), 404, "", 0},
		}},
		{id: "B007", must: "a URL that two parsers read differently: 400", but: publicPage, scene: public, tries: []try{
			{"a backslash", finger(`resource=https://our.test\@evil/`), 400, "", 0},
			{"an escaped backslash", finger("resource=https://our.test%5C@evil/"), 400, "", 0},
		}},
		{id: "B008", must: "64 KiB, or 5,000 parameters: 414 before anything is read; both are over 2 KiB of query", but: publicPage, scene: public, tries: []try{
			{"64 KiB", finger("resource=acct:" + strings.Repeat("n", 64<<10) + "@our.test"), 414, "", 0},
			{"5,000 parameters", finger(canonical + strings.Repeat("&a=b", 5_000)), 414, "", 0},
		}},
		{id: "B009", must: "a Cyrillic letter that looks Latin: 404", but: publicPage, scene: public, tries: []try{
			{"escaped", finger("resource=acct:n%D0%B5ws@our.test"), 404, "", 0},
			{"as it is", finger("resource=acct:nеws@our.test"), 404, "", 0},
		}},
		{id: "B010", must: "rel 500 times is over 2 KiB of query: 414; of as many as fit the first 8 are considered: 200", but: publicPage, scene: public,
			tries: []try{{"500 times", finger(canonical + strings.Repeat("&rel=x", 500)), 414, "", 0}},
			test: func(t *testing.T, w *world) {
				same(t, w, finger(canonical+strings.Repeat("&rel=x", 8)), finger(canonical+strings.Repeat("&rel=x", 8)+"&rel=self"), finger(canonical+strings.Repeat("&rel=x", 300)))
				assert.Contains(t, w.send(finger(canonical+"&rel=self")(w).wire()).body, `"rel":"self"`)
			}},
		{id: "B011", must: "another method: 405 that says which are allowed", but: publicPage, scene: public,
			tries: []try{
				{"POST", ask("POST", "/.well-known/webfinger?"+canonical), 405, "", 0},
				{"TRACE", ask("TRACE", "/.well-known/webfinger?"+canonical), 405, "", 0},
				{"PROPFIND", ask("PROPFIND", "/.well-known/webfinger?"+canonical), 405, "", 0},
				{"POST to the actor", ask("POST", "{news}"), 405, "", 0},
				{"DELETE of a post", ask("DELETE", "{post}"), 405, "", 0},
			},
			test: func(t *testing.T, w *world) {
				assert.Equal(t, "GET, HEAD", w.send(ask("TRACE", "/.well-known/webfinger")(w).wire()).header.Get("Allow"))
				assert.Equal(t, "POST", w.send(ask("GET", "{inbox}")(w).wire()).header.Get("Allow"))
			}},
		{id: "B012", must: "another Host, X-Forwarded-Host or Forwarded: the same answer, to the byte", but: publicPage, scene: public, test: func(t *testing.T, w *world) {
			for _, page := range []string{"/.well-known/webfinger?" + canonical, "/.well-known/host-meta", "/.well-known/nodeinfo", "{news}", "{news}/outbox", "{post}"} {
				same(t, w, get(page), get(page, "Host: evil.test"), get(page, "X-Forwarded-Host: evil.test", "X-Forwarded-Proto: http"), get(page, "Forwarded: host=evil.test"))
			}
		}},
	}
}
