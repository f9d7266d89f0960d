package panui_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
)

// covering are the names that a signature of a letter must cover.
var covering = []string{"(request-target)", "host", "date", "digest"}

// partly are letters that are well signed over each part of them but the whole.
func partly() (tries []try) {
	for set := range 1<<len(covering) - 1 {
		var names []string
		for i, name := range covering {
			if set&(1<<i) != 0 {
				names = append(names, name)
			}
		}
		covers := strings.Join(names, " ")
		if covers == "" {
			tries = append(tries, try{"nothing", forged(aliceReplies, forge{covers: " "}), 400, "signature-malformed", 0})
			continue
		}
		tries = append(tries, try{covers, forged(aliceReplies, forge{covers: covers}), 401, "signature-covers-too-little", 0})
	}
	return tries
}

var swapped = try{"another body", changed(func(_ *world, l letter) letter {
	l.body = strings.Replace(l.body, "Kia", "Kiq", 1)
	return l
}), 401, "digest-wrong", 0}

// D1 to D10: what a signature covers.
func advisoriesOfCoverage() []advisory {
	refused := func(name string, letter writes, code string) try { return try{name, letter, 401, code, 0} }
	covered := func(name, covers string) try {
		return refused(name, forged(aliceReplies, forge{covers: covers}), "signature-covers-too-little")
	}
	twice := func(parameter string) writes { return forged(aliceReplies, forge{extra: parameter + ","}) }
	return []advisory{
		{known: "CVE-2023-49079 of Misskey", row: row{
			id: "D1", must: "a good signature on a letter with another body, or of a letter to another host: 401",
			tries: []try{
				swapped,
				refused("sent on from another host", forged(aliceReplies, forge{host: "other.test"}), "signature-wrong"),
				refused("as it was sent to another host", forged(aliceReplies, forge{host: "other.test", head: []string{"Host: other.test"}}), "host-not-ours"),
			},
		}},
		{known: "CVE-2026-28432 of Misskey", row: row{
			id: "D2", must: "of the 16 sets of what must be covered only the whole one is enough", tries: partly(), test: wellSigned,
		}},
		{known: "activitypub-federation-rust#6", row: row{
			id: "D3", must: "a digest that is not signed, or none: 401, whatever the body", tries: []try{
				covered("not signed", "(request-target) host date"),
				refused("not signed, another body", func(w *world) letter {
					l := w.letter(aliceReplies, forge{covers: "(request-target) host date"})
					l.body = strings.Replace(l.body, "Kia", "Kiq", 1)
					return l
				}, "signature-covers-too-little"),
				refused("none", forged(aliceReplies, forge{covers: "(request-target) host date", head: []string{"Digest:"}}), "signature-covers-too-little"),
			},
		}},
		{known: "BookWyrm 0c614e82", row: row{
			id: "D4", must: "no digest, or a date 13 hours old: 401; another signer than the actor: 403, as his signature is good", tries: []try{
				refused("no digest", forged(aliceReplies, forge{head: []string{"Digest:"}}), "signature-covers-too-little"),
				refused("an old date", dated(-13*time.Hour, http.TimeFormat), "date-outside-window"),
				{"another signer", forged(aliceReplies, forge{by: "mallory"}), 403, "actor-not-signer", 1},
			},
		}},
		{known: "go-fed/httpsig v1.1.0 (measured)", row: row{
			id: "D5", must: "what go-fed/httpsig lets through by itself is refused around it: a replaced body, a signature over the date alone, a date a year old", tries: []try{
				swapped, covered("the date alone", "date"), refused("a year old", dated(-365*24*time.Hour, http.TimeFormat), "date-outside-window"),
			},
		}},
		{known: "PR vutuv#1945", row: row{
			id: "D6", must: "each inbox reads what was verified and nothing else: only the verifier makes a signing.Verified", tries: []try{
				swapped,
				{"another body, at the actor's inbox", func(w *world) letter {
					l := w.letter(aliceReplies, forge{to: "/ap/actors/news/inbox"})
					l.body = strings.Replace(l.body, "Kia", "Kiq", 1)
					return l
				}, 401, "digest-wrong", 0},
			},
			test: onlyTheVerifier,
		}},
		{known: "mastodon#37375", row: row{
			id: "D7", must: "a parameter twice, or two signatures: 400, and no key is asked for", tries: []try{
				{"keyId twice", twice(`keyId="{alice}#main-key"`), 400, "signature-malformed", 0},
				{"another keyId", twice(`keyId="https://evil.test/key"`), 400, "signature-malformed", 0},
				{"headers twice", twice(`headers="date"`), 400, "signature-malformed", 0},
				{"signature twice", twice(`signature="AAAA"`), 400, "signature-malformed", 0},
				{"two fields", changed(func(_ *world, l letter) letter { return l.plus("Signature: " + l.field("Signature")) }), 400, "signature-several", 0},
				{"Authorization too", changed(func(_ *world, l letter) letter {
					return l.plus("Authorization: Signature " + l.field("Signature"))
				}), 400, "signature-several", 0},
			},
		}},
		{known: "tootik f3705e59", row: row{
			id: "D8", must: "@target-uri is the public URL as configured with the path as it came over the wire, at any mount; every other: 401", tries: []try{
				refused("another scheme", targeted("https://{host}/ap/inbox"), "signature-wrong"), refused("another host", targeted("http://other.test/ap/inbox"), "signature-wrong"),
				refused("the path of a mux behind a prefix", targeted("{our}/inbox"), "signature-wrong"), refused("the path alone", targeted("/ap/inbox"), "signature-wrong"),
				refused("a query", targeted("{inbox}?"), "signature-wrong"), refused("an escape", targeted("{our}/ap%2Finbox"), "signature-wrong"),
				refused("a slash behind", targeted("{inbox}/"), "signature-wrong"), refused("the other inbox", targeted("{news}/inbox"), "signature-wrong"),
			},
			test: mounted,
		}},
		{known: "GTS docs/#2591 of GoToSocial and Mastodon", row: row{
			id: "D9", must: "an inbox has no query: 404 where there is one; a GET is for everybody, so a query that is signed or not changes nothing", tries: []try{
				{"a query, signed", forged(aliceReplies, forge{to: "/ap/inbox?page=true"}), 404, "no-such-inbox", 0},
				{"a query, not signed", forged(aliceReplies, forge{to: "/ap/inbox?page=true", target: "/ap/inbox"}), 404, "no-such-inbox", 0},
				{"an empty query", forged(aliceReplies, forge{to: "/ap/inbox?", target: "/ap/inbox"}), 404, "no-such-inbox", 0},
			},
			test: func(t *testing.T, w *world) {
				l := w.letter("", forge{covers: "(request-target) host date", target: "/ap/actors/news/outbox"})
				same(t, w, get("{news}/outbox?page=true"), get("{news}/outbox?page=true", "Signature: "+l.field("Signature"), "Date: "+l.field("Date")))
			},
		}},
		{known: "Mastodon verify_signature_strength!", row: row{
			id: "D10", must: "a POST whose host is not signed: 401, though Mastodon takes it", tries: []try{
				covered("no host", "(request-target) date digest"),
				covered("no host, more else", "(request-target) date digest content-type content-length"),
			},
		}},
	}
}

func wellSigned(t *testing.T, w *world) {
	assert.Equal(t, http.StatusAccepted, w.send(w.letter(aliceReplies, forge{}).wire()).status)
}

// onlyTheVerifier looks for another way to a Verified than its verifier.
func onlyTheVerifier(t *testing.T, _ *world) {
	var made []string
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if name := written(n.Type); len(n.Elts) > 0 && (name == "Verified" || name == "signing.Verified") {
					made = append(made, s.file)
				}
			case *ast.TypeSpec:
				if s.pkg == "signing" && n.Name.Name == "Verified" {
					for _, field := range n.Type.(*ast.StructType).Fields.List {
						for _, name := range field.Names {
							assert.False(t, name.IsExported(), "nobody else can fill %s", name)
						}
					}
				}
			}
			return true
		})
	}
	assert.Equal(t, []string{"signing/verify.go"}, made)
}

// targeted is alice's reply signed by RFC 9421 with a target.
func targeted(uri string) writes {
	return func(w *world) letter {
		head := messageSignature(w.fill(aliceReplies), w.fill(uri), w.fill("{alice}#main-key"), privateKey("alice"))
		return headed(head...)(w)
	}
}

// messageSignature are the fields that sign a POST by RFC 9421, written by hand.
func messageSignature(body, uri, keyID string, key *rsa.PrivateKey) []string {
	sum := sha256.Sum256([]byte(body))
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	parameters := fmt.Sprintf(`("@method" "@target-uri" "content-digest");created=%d;keyid="%s"`, time.Now().Unix(), keyID)
	signed := sha256.Sum256([]byte("\"@method\": POST\n\"@target-uri\": " + uri + "\n\"content-digest\": " + digest + "\n\"@signature-params\": " + parameters))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, signed[:])
	if err != nil {
		panic(err)
	}
	return []string{"Content-Digest: " + digest, "Signature-Input: sig1=" + parameters, "Signature: sig1=:" + base64.StdEncoding.EncodeToString(signature) + ":"}
}

// mounted checks one signature at sites that are mounted in different ways.
func mounted(t *testing.T, w *world) {
	assert.Equal(t, http.StatusAccepted, w.send(targeted("{inbox}")(w).wire()).status, "the target that it is sent to")

	keys := keysByEnd{"": {ID: "https://victim.test/key", Owner: "https://victim.test/users/alice", Key: privateKey("alice").Public()}}
	const body = `{"x":1}`
	for name, mount := range map[string]struct {
		base, sent string
		strip      string
	}{
		"at the root":                       {"https://our.test", "/ap/a%2Fb/inbox?x=1&y=%20", ""},
		"behind a mux that strips a prefix": {"https://our.test", "/ap/a%2Fb/inbox?x=1&y=%20", "/ap"},
		"in a folder":                       {"https://our.test/folder", "/folder/ap/a%2Fb/inbox?x=1&y=%20", ""},
		"behind a proxy that strips it":     {"https://our.test/folder", "/ap/a%2Fb/inbox?x=1&y=%20", ""},
	} {
		verify := func(uri string) (err error) {
			r := httptest.NewRequest("POST", mount.sent, strings.NewReader(body))
			r.Host = "our.test"
			for _, line := range messageSignature(body, uri, "https://victim.test/key", privateKey("alice")) {
				field, value, _ := strings.Cut(line, ": ")
				r.Header.Set(field, value)
			}
			verifier := &signing.Verifier{BaseURL: mount.base, Keys: keys, Policy: signing.Fediverse()}
			http.StripPrefix(mount.strip, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, err = verifier.Verify(t.Context(), r, []byte(body))
			})).ServeHTTP(httptest.NewRecorder(), r)
			return err
		}
		public := mount.base + "/ap/a%2Fb/inbox?x=1&y=%20"
		assert.NoError(t, verify(public), name)
		for _, wrong := range []string{"https://our.test/a%2Fb/inbox?x=1&y=%20", strings.Replace(public, "%2F", "/", 1), strings.Replace(public, "%20", "+", 1), "http" + public[5:], mount.base + "/ap/a%2Fb/inbox"} {
			assert.Error(t, verify(wrong), "%s: %s", name, wrong)
		}
	}
}

// keysByEnd finds keys by the end of their id, behind the #; what it does not have is an error or a panic.
type keysByEnd map[string]signing.PublicKey

func (k keysByEnd) PublicKey(_ context.Context, keyID string, _ bool) (signing.PublicKey, error) {
	_, end, _ := strings.Cut(keyID, "#")
	if end == "panic" {
		panic("a broken finder of keys")
	}
	key, ok := k[end]
	if !ok {
		return signing.PublicKey{ID: keyID, Owner: "https://victim.test/users/alice", Key: privateKey("alice").Public()}, errors.New("an error beside a good key")
	}
	return key, nil
}

func (keysByEnd) Proved(context.Context, string) {}

// E1 to E5: algorithms and kinds of keys.
func advisoriesOfAlgorithms() []advisory {
	named := func(algorithm, code string) try {
		return try{algorithm, forged(aliceReplies, forge{algorithm: algorithm}), 401, code, 0}
	}
	digest := func(name string, of func(body string) string) try {
		return try{name, digested(of), 401, "digest-malformed", 0}
	}
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	return []advisory{
		{known: "GHSA-x9g5-vwhc-pxm7 (mbin#2227) of Mbin", row: row{
			id: "E1", must: "a verifier that fails lets nobody in: an error, no key, or a key without a value is 401, a panic 500, and a good key beside an error is none", test: brokenVerifier,
		}},
		{known: "go-fed/httpsig `Verify` (HMAC branch)", row: row{
			id: "E2", must: "the key decides the algorithm; a name may only agree. One that is not known is refused before any key is asked for", tries: []try{
				named("hmac-sha256", "algorithm-refused"), named("hmac-sha512", "algorithm-refused"), named("none", "algorithm-refused"), named("rsa-sha1", "algorithm-refused"),
				named("rsa-sha512", "algorithm-refused"), named("ecdsa-sha256", "algorithm-refused"), named("x", "algorithm-refused"), named("ed25519", "algorithm-refused"),
				{"hs2019 with an Ed25519 key", fetchedForger("hs2019", edwardsPEM()), 401, "signature-wrong", 1},
				{"rsa-sha256 with an Ed25519 key", fetchedForger("rsa-sha256", edwardsPEM()), 401, "algorithm-refused", 1},
			},
		}},
		{known: "CVE-2023-29409 of Go crypto/tls", row: row{
			id: "E3", must: "a key of fewer than 2,048 bits or more than 8,192, or with an exponent that is even or below 65,537, is refused before anything is verified with it; others are tried (and here are not the signer's)",
			tries: sizes(),
		}},
		{known: "CVE-2025-61723 of Go encoding/pem", row: row{
			id: "E4", must: "a PEM of over 8 KiB is refused before it is read, and a smaller one that is not one public key soon after", tries: strangePEMs(), test: quickly,
		}},
		{known: "Digest header algorithms", row: row{
			id: "E5", must: "exactly one SHA-256 of 32 bytes is a digest: 401", tries: []try{
				digest("MD5", func(string) string { return "MD5=1B2M2Y8AsgTpgAmY7PhCfg==" }),
				digest("sha-1", func(string) string { return "sha-1=2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }),
				digest("SHA-512 only", func(body string) string {
					sum := sha512.Sum512([]byte(body))
					return "SHA-512=" + base64.StdEncoding.EncodeToString(sum[:])
				}),
				digest("two values", func(body string) string { return sha256Digest(body) + "," + sha256Digest("x") }),
				digest("with SHA-512", func(body string) string { return "SHA-512=AAAA," + sha256Digest(body) }),
				digest("31 bytes", func(string) string { return "SHA-256=" + short }),
				digest("a letter wrong", func(body string) string { return strings.Replace(sha256Digest(body), "=", "=*", 1) }),
				digest("without padding", func(body string) string { return strings.TrimRight(sha256Digest(body), "=") }),
				digest("nothing", func(string) string { return "SHA-256=" }),
				{"in capitals", digested(func(body string) string { return strings.ToUpper(sha256Digest(body)) }), 401, "", 0},
			},
			test: func(t *testing.T, w *world) {
				lower := digested(func(body string) string { return "sha-256" + strings.TrimPrefix(sha256Digest(body), "SHA-256") })
				assert.Equal(t, http.StatusAccepted, w.send(lower(w).wire()).status, "the name in any case")
			},
		}},
	}
}

func brokenVerifier(t *testing.T, w *world) {
	var none *rsa.PublicKey
	w = newWorld(t, w.backend, scene{keys: keysByEnd{
		"main-key": {}, "typed-nil": {Owner: w.fill("{alice}"), Key: none}, "nil": {Owner: w.fill("{alice}")}, "short": {Owner: w.fill("{alice}"), Key: ed25519.PublicKey{}},
		"nobody": {Key: privateKey("alice").Public()}, "number": {Owner: w.fill("{alice}"), Key: 7},
	}})
	for end, want := range map[string]struct {
		status int
		code   string
	}{
		"typed-nil": {401, "key-refused"}, "nil": {401, "key-refused"}, "short": {401, "key-refused"}, "number": {401, "key-refused"},
		"nobody": {401, "key-unknown"}, "main-key": {401, "key-unknown"}, "error": {401, "key-unknown"}, "panic": {500, "panicked"},
	} {
		row{must: end}.endure(t, w, try{end, forged(aliceReplies, forge{keyID: "{alice}#" + end}), want.status, want.code, 0})
	}
}

func edwardsPEM() string {
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return pemOf(key)
}

// fetchedForger is a letter under an algorithm's name of somebody who lists a key.
func fetchedForger(algorithm, key string) writes {
	return func(w *world) letter {
		id := w.evil.url + "/users/" + algorithm
		w.evil.serve("/users/"+algorithm, lists(key)(id))
		return w.letter(by(id, malloryReplies), forge{by: "mallory", keyID: id + "#main-key", algorithm: algorithm})
	}
}

func sizes() (tries []try) {
	for _, key := range []struct {
		bits  uint
		e     int64
		taken bool
	}{
		{512, 65537, false}, {1024, 65537, false}, {2047, 65537, false}, {2048, 65537, true}, {4096, 65537, true}, {8192, 65537, true}, {8193, 65537, false}, {65536, 65537, false},
		{2048, 1, false}, {2048, 2, false}, {2048, 3, false}, {2048, 1<<31 - 1, true}, {65536, 1<<31 - 1, false},
	} {
		code := "key-unknown"
		if key.taken {
			code = "signature-wrong"
		}
		tries = append(tries, fetched(fmt.Sprint(key.bits, " bits, exponent ", key.e), lists(rsaOf(key.bits, key.e)), 401, code))
	}
	return tries
}

// pems are texts that are no public key.
func pems() map[string]string {
	nested := func(levels int) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte(strings.Repeat("\x30\x80", levels))}))
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(privateKey("mallory"))
	if err != nil {
		panic(err)
	}
	private := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return map[string]string{
		"8 KiB of beginnings": strings.Repeat("-----BEGIN ", 740), "100 KiB of beginnings": strings.Repeat("-----BEGIN ", 9_500), "1 MiB of beginnings": strings.Repeat("-----BEGIN ", 95_000),
		"DER 2,500 deep": nested(2_500), "DER 10,000 deep": nested(10_000), "something behind": malloryPEM + "x", "another behind": malloryPEM + malloryPEM,
		"PKCS 1 private": private("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(privateKey("mallory"))), "PKCS 8 private": private("PRIVATE KEY", pkcs8),
		"private under a public name": private("PUBLIC KEY", pkcs8), "bytes behind in the block": private("PUBLIC KEY", append(pkixOf(), 0, 0)),
	}
}

func pkixOf() []byte {
	block, _ := pem.Decode([]byte(malloryPEM))
	return block.Bytes
}

func strangePEMs() (tries []try) {
	for name, text := range pems() {
		tries = append(tries, fetched("PEM "+name, lists(text), 401, "key-unknown"))
	}
	return tries
}

// quickly reads each of them: a millisecond is wanted, and many are allowed where other tests run.
func quickly(t *testing.T, _ *world) {
	for name, text := range pems() {
		least := time.Hour
		for range 5 {
			began := time.Now()
			_, err := signing.ParsePublicPEM(text, signing.Fediverse())
			least = min(least, time.Since(began))
			require.Error(t, err, name)
		}
		assert.Less(t, least, 10*time.Millisecond, name)
	}
}
