package signing

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	messages "github.com/dadrus/httpsig"
	structured "github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/internal/testenv"
)

// What we sign and check is compared with what somebody else makes of the same
// request: with dadrus/httpsig for RFC 9421, and for draft-cavage with the peer
// of these tests, which builds the string to sign by itself.

// exchange is a request as two implementations look at it.
type exchange struct {
	method, target, field, second, body string
	picks                               uint16 // which components are covered
}

// choices are what picks chooses from.
var choices = []string{
	"@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query",
	"host", "date", "x-field", "content-type", "content-digest",
}

func (e exchange) covered() (names []string) {
	for i, name := range choices {
		if e.picks>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return names
}

// request makes the request, or nil where no client could send it, or where
// dadrus/httpsig is known to look at another one: it writes URLs anew, and leaves
// white space around a field.
func (e exchange) request() *http.Request {
	u, err := url.ParseRequestURI(base + e.target)
	if err != nil || u.String() != base+e.target || !strings.HasPrefix(e.target, "/") || strings.Contains(e.target, "#") || u.ForceQuery {
		return nil
	}
	if !isToken(e.method) || strings.TrimSpace(e.field) != e.field || strings.TrimSpace(e.second) != e.second || strings.ContainsFunc(e.field+e.second, func(c rune) bool { return c < ' ' || c >= 0x7f }) {
		return nil
	}
	r := &http.Request{Method: e.method, URL: u, Host: "agency.test", RequestURI: e.target, Header: http.Header{
		"Date": {noon.UTC().Format(http.TimeFormat)}, "Host": {"agency.test"}, "Content-Type": {"application/activity+json"},
		"X-Field": {e.field, e.second}, "Content-Digest": {writeContentDigest([]byte(e.body))},
	}}
	return r
}

// message is the request as our verifier sees it.
func (e exchange) message(t *testing.T, r *http.Request) message {
	m, err := verifier(aliceRing()).message(r, []byte(e.body))
	require.NoError(t, err)
	return m
}

// theirs is the request as dadrus/httpsig sees it.
func (e exchange) theirs(t *testing.T, r *http.Request) *messages.Message {
	return &messages.Message{
		Context: t.Context(), Method: r.Method, Authority: r.Host, URL: r.URL, Header: r.Header.Clone(), IsRequest: true,
		Body: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(e.body)), nil },
	}
}

// anyTime is longer than any signature of these tests is old.
const anyTime = 100 * 365 * 24 * time.Hour

// agree says what dadrus/httpsig and our own checker make of what signs r.
func (e exchange) agree(t *testing.T, r *http.Request, public ed25519.PublicKey) (ours, theirs bool) {
	v, err := messages.NewVerifier(
		messages.Key{KeyID: keyID, Algorithm: messages.Ed25519, Key: public}, messages.WithValidateAllSignatures(),
		messages.WithCreatedTimestampRequired(false), messages.WithExpiredTimestampRequired(false),
		messages.WithValidityTolerance(anyTime), messages.WithMaxAge(anyTime),
	)
	require.NoError(t, err)
	p, err := rfc9421{}.parse(r.Header, limits.Default())
	require.NoError(t, err)
	in := p.(*several).found[0]
	m := e.message(t, r)
	ours = in.matches(m, public) == nil && (!in.has("content-digest") || in.intact(m) == nil)
	return ours, v.Verify(e.theirs(t, r)) == nil
}

func FuzzRFC9421Beside(f *testing.F) {
	add := func(method, target, body string) {
		f.Add(method, target, "a  b", "c", body, "nonce", "/elsewhere?"+target, uint16(0xffff))
		f.Add(method, target, "", "", body, `"\`, target, uint16(0b1000_0000_0011))
	}
	add(http.MethodPost, "/ap/inbox", follow)
	add(http.MethodGet, "/p%C4%81nui/a%2Fb?c=%2F&d", "")
	for _, r := range recordedTargets(f) {
		add(r.Method, r.target, r.Body)
	}
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := private.Public().(ed25519.PublicKey)
	key := newKey(f, private)
	f.Fuzz(func(t *testing.T, method, target, field, second, body, nonce, elsewhere string, picks uint16) {
		e := exchange{method: method, target: target, field: field, second: second, body: body, picks: picks}
		r := e.request()
		if r == nil || len(e.covered()) == 0 {
			return
		}

		// They take what we sign …
		params := structured.NewParams()
		params.Add("created", noon.Unix())
		params.Add("keyid", keyID)
		params.Add("nonce", nonce)
		list := structured.InnerList{Params: params}
		for _, name := range e.covered() {
			list.Items = append(list.Items, structured.NewItem(name))
		}
		text, err := structured.Marshal(list)
		if err != nil {
			return // a nonce that is no string of RFC 9651
		}
		base, err := outgoingParts(r, []byte(body), r.Header.Get("Date"), r.Header.Get("Content-Digest")).base(signatureParams{e.covered(), text})
		require.NoError(t, err)
		signed := r.Clone(t.Context())
		signature, err := key.signer().Sign(nil, base)
		require.NoError(t, err)
		signed.Header.Set("Signature-Input", "sig1="+text)
		signed.Header.Set("Signature", "sig1="+bytesItem(signature.Blob))
		ours, theirs := e.agree(t, signed, public)
		assert.True(t, theirs, "they take ours")
		assert.True(t, ours, "we take ours")

		// … we take what they sign …
		signer, err := messages.NewSigner(
			messages.Key{KeyID: keyID, Algorithm: messages.Ed25519, Key: private},
			messages.WithComponents(quoted(e.covered())...), messages.WithLabel("sig1"), messages.WithContentDigestAlgorithm(messages.Sha256),
		)
		require.NoError(t, err)
		header, err := signer.Sign(e.theirs(t, r))
		require.NoError(t, err)
		made := r.Clone(t.Context())
		made.Header = header
		ours, theirs = e.agree(t, made, public)
		assert.True(t, theirs, "they take theirs")
		assert.True(t, ours, "we take theirs")

		// … and of what is altered on the way, we think the same.
		for _, altered := range []exchange{
			{method, elsewhere, field, second, body, picks}, {"PUT", target, field, second, body, picks},
			{method, target, second, field, body, picks}, {method, target, field, second, body + " ", picks},
		} {
			r := altered.request()
			if r == nil {
				continue
			}
			r.Header.Set("Signature-Input", signed.Header.Get("Signature-Input"))
			r.Header.Set("Signature", signed.Header.Get("Signature"))
			ours, theirs := altered.agree(t, r, public)
			assert.Equal(t, theirs, ours, "%+v", altered)
		}
	})
}

func quoted(names []string) (all []string) {
	for _, name := range names {
		all = append(all, `"`+name+`"`)
	}
	return all
}

func FuzzCavageBeside(f *testing.F) {
	add := func(method, target, body string) {
		f.Add(method, target, "application/activity+json", body, "/elsewhere", "(request-target) host date digest content-type")
		f.Add(method, target, "a, b", body, target, "Date (request-target)  HOST accept")
	}
	add(http.MethodPost, "/ap/inbox", follow)
	add(http.MethodGet, "/p%C4%81nui/a%2Fb?c=%2F&d", "")
	add(http.MethodGet, "/a?b#c", "")
	for _, r := range recordedTargets(f) {
		add(r.Method, r.target, r.Body)
	}
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key := newKey(f, private)
	f.Fuzz(func(t *testing.T, method, target, field, body, elsewhere, covers string) {
		plain := func(target string) bool {
			u, err := url.ParseRequestURI(base + target)
			return err == nil && strings.HasPrefix(target, "/") && u.RequestURI() == target && !strings.Contains(target, "#") // which no client sends
		}
		if !isToken(method) || !plain(target) || !plain(elsewhere) || strings.ContainsFunc(field, func(c rune) bool { return c < ' ' || c >= 0x7f }) || strings.TrimSpace(field) != field {
			return
		}
		l := &letter{
			method: method, target: target, host: "agency.test", body: body, key: private, keyID: keyID, covers: covers, algorithm: "hs2019",
			header: http.Header{"Date": {noon.UTC().Format(http.TimeFormat)}, "Content-Type": {field}, "Accept": {field}, "Digest": {sha256Digest(body)}},
		}
		r := &http.Request{Method: method, RequestURI: target, Host: l.host, Header: l.header.Clone()}
		r.URL, _ = url.Parse(base + target)
		m, err := verifier(aliceRing()).message(r, []byte(body))
		require.NoError(t, err)

		// We take what the peer signs, and nothing else.
		c, err := readComponents(covers)
		if err == nil && l.hasAll(c) {
			p, err := cavage{}.parse(http.Header{"Signature": {l.parameters(t)}}, limits.Default())
			if err == nil { // not too many components
				assert.NoError(t, p.matches(m, private.Public()))
				altered := m
				altered.targets = []string{elsewhere}
				assert.Equal(t, elsewhere == target || !strings.Contains(strings.ToLower(covers), "(request-target)"), p.matches(altered, private.Public()) == nil)
			}
		}

		// The peer would have signed the same as we do.
		var sent []byte
		if body != "" {
			sent = []byte(body)
			l.covers = "(request-target) host date digest content-type"
		} else {
			l.covers = "(request-target) host date accept"
		}
		require.NoError(t, key.Sign(r, sent, keyID, noon))
		ours, err := parseParams(r.Header.Get("Signature"))
		require.NoError(t, err)
		theirs, err := parseParams(l.parameters(t))
		require.NoError(t, err)
		assert.Equal(t, theirs["signature"], ours["signature"])
	})
}

// hasAll says whether everything covered is in the letter.
func (l *letter) hasAll(names []string) bool {
	for _, name := range names {
		if name != requestTarget && name != "host" && l.header.Get(name) == "" && name != "content-type" && name != "accept" {
			return false
		}
	}
	return len(names) > 0
}

// recordedTarget is what somebody asked for, in the shared data.
type recordedTarget struct{ Method, target, Body string }

// recordedTargets reads what Mastodon's tests, RFC 9421 and a GoToSocial asked
// for, where the shared data is.
func recordedTargets(f *testing.F) (all []recordedTarget) {
	f.Helper()
	root := filepath.Join(testenv.Root(f), "..", "shared", "interop")
	files, _ := filepath.Glob(filepath.Join(root, "captures", "gotosocial", "*.json"))
	for _, file := range files {
		var c capture
		if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &c) == nil && c.RequestURI != "" {
			all = append(all, recordedTarget{c.Method, c.RequestURI, c.Body})
		}
	}
	var mastodon struct {
		Vectors []struct{ Method, URL, Body string }
	}
	if text, err := os.ReadFile(filepath.Join(root, "vectors", "mastodon", "vectors.json")); err == nil {
		require.NoError(f, json.NewDecoder(bytes.NewReader(text)).Decode(&mastodon))
	}
	for _, v := range mastodon.Vectors {
		if u, err := url.Parse(v.URL); err == nil {
			all = append(all, recordedTarget{v.Method, u.RequestURI(), v.Body})
		}
	}
	return append(all, recordedTarget{http.MethodPost, "/foo?param=Value&Pet=dog", `{"hello": "world"}`})
}
