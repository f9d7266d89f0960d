package panui_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rfc9421 is a letter with a signature of RFC 9421 in place of its own, or beside it.
func rfc9421(input, signature string, lines ...string) writes {
	return func(w *world) letter {
		sum := sha256.Sum256([]byte(w.fill(aliceReplies)))
		words := strings.NewReplacer("{now}", strconv.FormatInt(time.Now().Unix(), 10), "{digest}", base64.StdEncoding.EncodeToString(sum[:]))
		var head []string
		for _, line := range append(lines, "Signature-Input: "+input, "Signature: "+signature) {
			head = append(head, words.Replace(line))
		}
		return headed(head...)(w)
	}
}

// ofReply is the right digest of what alice says.
const ofReply = "Content-Digest: sha-256=:{digest}:"

// dated is an honest letter of alice, dated so much later, with the date in a layout.
func dated(off time.Duration, layout string) writes {
	return func(w *world) letter {
		return w.letter(aliceReplies, forge{head: []string{"Date: " + time.Now().Add(off).UTC().Format(layout)}})
	}
}

// digested is an honest letter of alice but for its digest.
func digested(digest func(body string) string) writes {
	return func(w *world) letter {
		return w.letter(aliceReplies, forge{head: []string{"Digest: " + digest(w.fill(aliceReplies))}})
	}
}

// B039 to B056: who signed it.
func signatureCorpus() []row {
	four := "(request-target) host date digest"
	// timed writes the seconds of what is given as {0h}, when it is sent.
	timed := func(covers, extra string) writes {
		return func(w *world) letter {
			written := extra
			for _, off := range []string{"-1h", "-30m", "-1m", "0h", "1h"} {
				d, err := time.ParseDuration(off)
				require.NoError(w, err)
				written = strings.ReplaceAll(written, "{"+off+"}", fmt.Sprint(time.Now().Add(d).Unix()))
			}
			return w.letter(aliceReplies, forge{algorithm: "hs2019", covers: covers, extra: written})
		}
	}
	return []row{
		{id: "B039", must: "not signed: 401", tries: []try{
			{"no Signature", headed("Signature:"), 401, "signature-missing", 0},
			{"another kind of authorisation", headed("Signature:", "Authorization: Bearer x"), 401, "signature-missing", 0},
		}},
		{id: "B040", must: "only the date is signed: 401", tries: []try{
			{"by name", forged(aliceReplies, forge{covers: "date"}), 401, "signature-covers-too-little", 0},
			{"by default", changed(func(_ *world, l letter) letter {
				return l.with("Signature: " + strings.Replace(l.field("Signature"), `headers="`+four+`",`, "", 1))
			}), 401, "signature-covers-too-little", 0},
		}},
		{id: "B041", must: "something that must be signed is not: 401", tries: []try{
			{"digest", forged(aliceReplies, forge{covers: "(request-target) host date"}), 401, "signature-covers-too-little", 0},
			{"host", forged(aliceReplies, forge{covers: "(request-target) date digest"}), 401, "signature-covers-too-little", 0},
			{"(request-target)", forged(aliceReplies, forge{covers: "host date digest"}), 401, "signature-covers-too-little", 0},
			{"date", forged(aliceReplies, forge{covers: "(request-target) host digest"}), 401, "signature-covers-too-little", 0},
		}},
		{id: "B042", must: "an empty list of what is signed, 200 names, or one twice: 400", tries: []try{
			{"empty", forged(aliceReplies, forge{covers: " "}), 400, "signature-malformed", 0},
			{"200 names", forged(aliceReplies, forge{covers: four + numbered(" x-", 196)}), 400, "signature-too-large", 0},
			{"a name twice", forged(aliceReplies, forge{covers: four + " date"}), 400, "signature-malformed", 0},
		}},
		{id: "B043", must: "more than one signature, or key: 400", tries: []try{
			{"keyId twice", forged(aliceReplies, forge{extra: `keyId="{mallory}#main-key",`}), 400, "signature-malformed", 0},
			{"two fields", changed(func(_ *world, l letter) letter { return l.plus("Signature: " + l.field("Signature")) }), 400, "signature-several", 0},
			{"Signature and Authorization", changed(func(_ *world, l letter) letter {
				return l.plus("Authorization: Signature " + l.field("Signature"))
			}), 400, "signature-several", 0},
		}},
		{id: "B044", must: "another body than was signed: 401", tries: []try{
			{"one byte", changed(func(_ *world, l letter) letter {
				l.body = strings.Replace(l.body, "Kia", "Kiq", 1)
				return l
			}), 401, "digest-wrong", 0},
		}},
		{id: "B045", must: "a right digest and a wrong one: 401", tries: []try{
			{"in one field", digested(func(body string) string { return sha256Digest(body) + ", " + sha256Digest("") }), 401, "digest-malformed", 0},
			{"in two fields", changed(func(_ *world, l letter) letter { return l.plus("Digest: " + sha256Digest("")) }), 401, "digest-malformed", 0},
		}},
		{id: "B046", must: "no SHA-256: 401", tries: []try{
			{"MD5", digested(func(string) string { return "MD5=1B2M2Y8AsgTpgAmY7PhCfg==" }), 401, "digest-malformed", 0},
			{"SHA-512 only", digested(func(body string) string {
				sum := sha512.Sum512([]byte(body))
				return "SHA-512=" + base64.StdEncoding.EncodeToString(sum[:])
			}), 401, "digest-malformed", 0},
			{"bad base64", digested(func(string) string { return "SHA-256=*" }), 401, "digest-malformed", 0},
		}},
		{id: "B047", must: "a date outside 12 hours back and 5 minutes ahead, or in no form that may be sent: 401", tries: []try{
			{"13 hours old", dated(-13*time.Hour, http.TimeFormat), 401, "date-outside-window", 0},
			{"6 minutes ahead", dated(6*time.Minute, http.TimeFormat), 401, "date-outside-window", 0},
			{"none", forged(aliceReplies, forge{head: []string{"Date:"}}), 401, "", 0},
			{"RFC 850", dated(0, time.RFC850), 401, "date-malformed", 0},
		}},
		{id: "B048", must: "times that contradict each other or the algorithm: 401", tries: []try{
			{"created with rsa-sha256", forged(aliceReplies, forge{covers: "(request-target) host (created) digest", extra: "created=4102444800,"}), 401, "algorithm-refused", 0},
			{"created in the future", timed("(request-target) host (created) digest", "created={1h},"), 401, "date-outside-window", 0},
			{"expires before created", timed("(request-target) host (created) (expires) digest", "created={0h},expires={-1m},"), 401, "date-outside-window", 0},
			{"expired", timed(four+" (created) (expires)", "created={-1h},expires={-30m},"), 401, "date-outside-window", 0},
		}},
		{id: "B049", must: "a MAC with the public key as secret: 401, there is none in the code", tries: []try{
			{"hmac-sha256", forged(aliceReplies, forge{algorithm: "hmac-sha256"}), 401, "algorithm-refused", 0},
			{"another kind than the key's", forged(aliceReplies, forge{algorithm: "ed25519"}), 401, "algorithm-refused", 0},
			{"none", forged(aliceReplies, forge{algorithm: "none"}), 401, "algorithm-refused", 0},
		}},
		{id: "B050", must: "signed for another path of ours, or another host: 401", tries: []try{
			{"another path", forged(aliceReplies, forge{target: "/ap/actors/news/inbox"}), 401, "signature-wrong", 0},
			{"another host", forged(aliceReplies, forge{host: "evil.test"}), 401, "signature-wrong", 0},
			{"another host, and sent so", forged(aliceReplies, forge{host: "evil.test", head: []string{"Host: evil.test"}}), 401, "host-not-ours", 0},
			{"another method", changed(func(_ *world, l letter) letter {
				l.start = strings.Replace(l.start, "POST", "PUT", 1)
				return l
			}), 405, "method", 0},
		}},
		{id: "B051", must: "a key id that is no https URL: 401, nobody is asked; one of 8 KiB makes a Signature of over 4 KiB: 400", scene: scene{public: true}, tries: []try{
			{"http", keyed("http://victim.test/key"), 401, "key-id-refused", 0},
			{"file", keyed("file:///etc/passwd"), 401, "key-id-refused", 0},
			{"data", keyed("data:text/plain,x"), 401, "key-id-refused", 0},
			{"acct", keyed("acct:alice@victim.test"), 401, "key-id-refused", 0},
			{"relative", keyed("key"), 401, "key-id-refused", 0},
			{"without a scheme", keyed("//victim.test/key"), 401, "key-id-refused", 0},
			{"3 KiB", keyed("https://victim.test/" + strings.Repeat("k", 3<<10)), 401, "key-id-refused", 0},
			{"8 KiB", keyed("https://victim.test/" + strings.Repeat("k", 8<<10)), 400, "signature-too-large", 0},
		}},
		{id: "B052", must: "a key id at an address or a name that is not public: 401, nothing is looked up or dialled", scene: scene{public: true}, tries: []try{
			{"loopback", keyed("https://127.0.0.1/k"), 401, "key-id-refused", 0},
			{"private, mapped", keyed("https://[::ffff:10.0.0.1]/k"), 401, "key-id-refused", 0},
			{"localhost", keyed("https://localhost/k"), 401, "key-id-refused", 0},
			{"one label", keyed("https://intranet/k"), 401, "key-id-refused", 0},
			{"one number", keyed("https://2130706433/k"), 401, "key-id-refused", 0},
			{"hexadecimal", keyed("https://0x7f.1/k"), 401, "key-id-refused", 0},
			{"metadata", keyed("https://169.254.169.254/latest/meta-data/"), 401, "key-id-refused", 0},
			{"another port", keyed("https://victim.test:22/k"), 401, "key-id-refused", 0},
			{"a user", keyed("https://victim.test@127.0.0.1/k"), 401, "key-id-refused", 0},
			{"ours", keyed("{news}#main-key"), 401, "key-unknown", 0},
			{"ours, in capitals", keyed("https://OUR.test/ap/actors/news#main-key"), 401, "key-id-refused", 0},
		}},
		{id: "B053", must: "a name that was public when somebody looked, and is private now: 401, and the guard stops before a packet leaves", scene: scene{public: true}, test: rebinding,
			but: spared{nobodyAsked: "the name must be looked up to be refused; that nothing is dialled is checked"}},
		{id: "B054", must: "RFC 9421 with two labels, two keys, odd flags: refused unless the whole required set verifies", tries: []try{
			{"two keys, of which the first covers enough", rfc9421(`sig1=("@method" "@target-uri" "content-digest");created={now};keyid="{alice}#main-key", sig2=("@method");keyid="{mallory}#main-key"`, "sig1=:AAAA:, sig2=:AAAA:", ofReply), 401, "signature-wrong", 1},
			{"two keys, neither of which covers enough", rfc9421(`sig1=("@method" "@target-uri");created={now};keyid="{alice}#main-key", sig2=("content-digest");created={now};keyid="{mallory}#main-key"`, "sig1=:AAAA:, sig2=:AAAA:", ofReply), 401, "signature-covers-too-little", 0},
			{"a parameter of the query", rfc9421(`sig1=("@query-param";name="x");keyid="{alice}#main-key"`, "sig1=:AAAA:"), 401, "signature-component-refused", 0},
			{"bytes", rfc9421(`sig1=("@method" "host";bs);keyid="{alice}#main-key"`, "sig1=:AAAA:"), 401, "signature-component-refused", 0},
			{"strict fields", rfc9421(`sig1=("@method" "digest";sf);keyid="{alice}#main-key"`, "sig1=:AAAA:"), 401, "signature-component-refused", 0},
			{"of the request", rfc9421(`sig1=("@method";req);keyid="{alice}#main-key"`, "sig1=:AAAA:"), 401, "signature-component-refused", 0},
			{"a display string, at which httpsfv panics", rfc9421(`sig1=("@method" %"x");keyid="{alice}#main-key"`, "sig1=:AAAA:"), 400, "signature-malformed", 0},
			{"beside a good draft-cavage signature, which is then not looked at", headed(`Signature-Input: sig1=("@method");keyid="{mallory}#main-key"`), 400, "signature-malformed", 0},
		}},
		{id: "B055", must: "RFC 9421 with a content-digest that is missing, or of another body: 401", tries: []try{
			{"missing", rfc9421(`sig1=("@method" "@target-uri");created={now};keyid="{alice}#main-key"`, "sig1=:AAAA:"), 401, "signature-covers-too-little", 0},
			{"of another body", rfc9421(`sig1=("@method" "@target-uri" "content-digest");created={now};keyid="{alice}#main-key"`, "sig1=:AAAA:",
				"Content-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"), 401, "digest-wrong", 0},
		}},
		{id: "B056", must: "1,000 bad signatures for one good key: 401 each, at most one fetch in 5 minutes, and a good letter still passes", test: badSignatures,
			but: spared{oneEvent: "each of the thousand has its own, and the good one"}},
	}
}

func numbered(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprint(&b, prefix, i)
	}
	return b.String()
}

// rebinding is told with a DNS that says one thing to who checks and another to
// who connects.
func rebinding(t *testing.T, w *world) {
	trap := setTrap(t)
	for name, private := range map[string]string{"inner": "10.0.0.1", "own": "127.0.0.1", "metadata": "169.254.169.254", "nothing": "0.0.0.0", "shared": "100.64.0.1"} {
		host := name + ".evil.test"
		w.names.answers[host+"."] = []string{"93.184.216.34", private}
		seen, err := w.names.resolver().LookupNetIP(t.Context(), "ip4", host+".")
		require.NoError(t, err)
		require.Equal(t, "93.184.216.34", seen[0].String(), "it looks public")

		kept := w.tables()
		wire := w.letter(aliceReplies, forge{keyID: "https://" + host + "/users/mallory#main-key"}).wire()
		for range 2 {
			w.log.clear()
			assert.Equal(t, http.StatusUnauthorized, w.send(wire).status)
			require.Len(t, w.log.events(), 1)
			assert.Equal(t, "key-unknown", w.log.events()[0].code)
			assert.Contains(t, w.log.events()[0].json, "address is not allowed: "+private+":443", "the guard saw where it would have led")
		}
		assert.Equal(t, kept, w.tables())
	}
	assert.Len(t, w.names.lookups(), 10, "each name once by us and once by who is fooled; a failure is remembered")
	assert.Zero(t, trap(), "nothing reached loopback")
}

func badSignatures(t *testing.T, w *world) {
	good := w.letter(malloryReplies, forge{by: "mallory"})
	kept, dialled := w.tables(), w.dialled()
	w.log.clear()
	bad := w.letter(malloryReplies, forge{by: "bob", keyID: "{mallory}#main-key"})
	for i := range w.often(1_000) {
		require.Equal(t, http.StatusUnauthorized, w.send(bad.with(fmt.Sprint("X-Try: ", i)).wire()).status)
	}
	for _, e := range w.log.events() {
		require.Equal(t, "signature-wrong", e.code)
	}
	assert.Equal(t, kept, w.tables())
	assert.Equal(t, 1, w.dialled()-dialled, "her key, once")
	assert.Equal(t, http.StatusAccepted, w.send(good.wire()).status)
	assert.Contains(t, w.tables(), w.fill("{mallory}/notes/1"))
}
