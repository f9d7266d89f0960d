package signing

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-fed/httpsig"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/limits"
)

func FuzzParams(f *testing.F) {
	for _, seed := range []string{
		`keyId="https://peer.test/a#main-key",algorithm="rsa-sha256",headers="(request-target) host date",signature="AA=="`,
		`Signature keyId="a",created=1402170695,expires=1402170699,headers="(created)",signature="AA=="`,
		`keyId="a",keyId="b",signature="AA=="`, `a=`, `a="`, `a="b\"c"`, `a=b c`, `,`, "a=\"b\r\n c\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		l := limits.Default()
		h := http.Header{"Signature": {value}}
		p, err := cavage{}.parse(h, l)
		if err != nil {
			assert.Contains(t, []int{400, 401}, refused(t, err).Status)
			return
		}
		c := p.(claim)
		require.NotEmpty(t, c.keyID())
		require.NotEmpty(t, c.components)
		require.LessOrEqual(t, len(c.components), l.Components)
		sorted := slices.Sorted(slices.Values(c.components))
		require.Equal(t, len(sorted), len(slices.Compact(sorted)), "no name twice")

		// What we hand to httpsig says the same to it as the original said to us.
		again, err := parseParams(c.plain())
		require.NoError(t, err)
		assert.Equal(t, strings.Join(c.components, " "), again["headers"])
		assert.Equal(t, c.params["signature"], again["signature"])
	})
}

// FuzzParamsBeside compares our reading of plain headers with httpsig's own.
func FuzzParamsBeside(f *testing.F) {
	f.Add("https://peer.test/a#main-key", "AAAA")
	f.Add("a,b", "AA==")
	f.Add(`a"b`, "/+==")
	f.Fuzz(func(t *testing.T, id, signature string) {
		h := http.Header{"Signature": {`keyId="` + id + `",headers="date",signature="` + signature + `"`}}
		ours, err := cavage{}.parse(h, limits.Default())
		if err != nil {
			return
		}
		theirs, err := httpsig.NewVerifier(&http.Request{Header: h})
		if err == nil && !strings.ContainsAny(id, ",") {
			assert.Equal(t, theirs.KeyId(), ours.keyID())
		}
	})
}

func FuzzDigest(f *testing.F) {
	for _, seed := range []string{sha256Digest(""), sha256Digest(follow), "sha-256=x", "MD5=AA==", "SHA-256=", sha256Digest("") + "," + sha256Digest("")} {
		f.Add(seed, follow)
	}
	f.Fuzz(func(t *testing.T, value, body string) {
		sum, err := readDigest([]string{value})
		if err != nil {
			return
		}
		_, claimed, _ := strings.Cut(strings.Trim(value, " \t"), "=")
		_, right, _ := strings.Cut(sha256Digest(body), "=")
		claimed = strings.NewReplacer("\r", "", "\n", "").Replace(claimed) // which encoding/base64 skips
		assert.Equal(t, claimed == right, sum.of([]byte(body)))
	})
}

func FuzzPublicPEM(f *testing.F) {
	f.Add(pkix(f, aliceKey().Public()))
	f.Add(pkix(f, smallKey().Public()))
	f.Add(pkix(f, edKey().Public()))
	f.Add("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParsePublicPEM(text, Fediverse())
		if err != nil {
			require.Nil(t, key)
			return
		}
		switch key := key.(type) {
		case *rsa.PublicKey:
			assert.GreaterOrEqual(t, key.N.BitLen(), 2048)
			assert.GreaterOrEqual(t, key.E, 65537)
		case ed25519.PublicKey:
			assert.Len(t, key, ed25519.PublicKeySize)
		default:
			t.Errorf("a %T", key)
		}
	})
}

// FuzzVerify alters a signed request in any of its parts. It is taken only
// when nothing that was signed is altered.
func FuzzVerify(f *testing.F) {
	l := sent(noon)
	fixed := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // the same in each of the fuzzer's processes
	l.key, l.algorithm = fixed, "hs2019"
	original := l.request(f)
	signature := original.Header.Get("Signature")
	add := func(alter func(target, host, date, digest, signature, authorization, body *string)) {
		target, host, date, digest := original.RequestURI, original.Host, original.Header.Get("Date"), original.Header.Get("Digest")
		signature, authorization, body := signature, "", follow
		alter(&target, &host, &date, &digest, &signature, &authorization, &body)
		f.Add(target, host, date, digest, signature, authorization, body)
	}
	add(func(_, _, _, _, _, _, _ *string) {})
	add(func(target, _, _, _, _, _, _ *string) { *target += "?" })
	add(func(_, host, _, _, _, _, _ *string) { *host += ":443" })
	add(func(_, _, _, _, signature, authorization, _ *string) {
		*signature, *authorization = "", "Signature "+*signature
	})
	add(func(_, _, _, _, signature, _, _ *string) { *signature = strings.ReplaceAll(*signature, ",", " , ") })
	f.Fuzz(func(t *testing.T, target, host, date, digest, sig, authorization, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RequestURI, r.Host = target, host
		r.Header = http.Header{"Date": {date}, "Digest": {digest}, "Content-Type": {"application/activity+json"}}
		if sig != "" {
			r.Header.Set("Signature", sig)
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: fixed.Public()}})
		v.Policy = Fediverse()
		got, err := v.Verify(t.Context(), r, []byte(body))
		if err != nil {
			refused(t, err)
			require.Equal(t, Verified{}, got)
			return
		}
		assert.Equal(t, follow, body)
		path, _, _ := strings.Cut(target, "?")
		assert.True(t, strings.HasSuffix(path, "/ap/inbox"), target)
		assert.True(t, strings.EqualFold(strings.TrimSuffix(host, ":443"), "agency.test"), host)
		assert.Equal(t, original.Header.Get("Date"), date)
	})
}

// FuzzRFC9421 alters a request that is signed with RFC 9421 in any of its parts.
// It is taken only when nothing that was signed is altered.
func FuzzRFC9421(f *testing.F) {
	n := posted(noon)
	fixed := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // the same in each of the fuzzer's processes
	n.key = fixed
	original := n.request(f)
	input, signature, digest := original.Header.Get("Signature-Input"), original.Header.Get("Signature"), original.Header.Get("Content-Digest")
	f.Add("/ap/inbox", "agency.test", input, signature, digest, follow)
	f.Add("/ap/inbox?", "agency.test:443", input+`, sig2=("@method";req);keyid="k"`, signature+", sig2=:AA==:", digest, follow)
	f.Add("/ap/inbox", "agency.test", `sig1=(5 a "b" :AA==: ?1 @1 %"x" 1.5);created=5;keyid="k"`, signature, digest, follow)
	f.Add("//x@y/ap/inbox", "", strings.ReplaceAll(input, " ", "  "), strings.TrimSuffix(signature, ":"), digest+", sha-512=:AA==:", "")
	for _, row := range []string{`"@authority" "@path" "@query"`, `"host" "@request-target"`, `"@query-param";name="a"`, `"content-digest";bs`} {
		f.Add("/ap/inbox?a=b", "agency.test", strings.Replace(input, `"@target-uri"`, row, 1), signature, digest, follow)
	}
	f.Fuzz(func(t *testing.T, target, host, input, signature, digest, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RequestURI, r.Host = target, host
		r.Header = http.Header{"Signature-Input": {input}, "Signature": {signature}, "Content-Digest": {digest}}
		v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: fixed.Public()}})
		v.Policy = Fediverse()
		got, err := v.Verify(t.Context(), r, []byte(body))
		if err != nil {
			refused(t, err)
			require.Equal(t, Verified{}, got)
			return
		}
		assert.Equal(t, follow, body)
		assert.True(t, strings.HasSuffix(target, "/ap/inbox"), target)
		assert.True(t, strings.EqualFold(strings.TrimSuffix(host, ":443"), "agency.test"), host)
	})
}

func FuzzContentDigest(f *testing.F) {
	for _, seed := range []string{contentDigest256(follow), contentDigest512(follow), contentDigest256("") + "," + contentDigest512(follow), "sha-256=AA==", "SHA-256=:AA==:", "md5=:AA==:", "sha-256;a=1"} {
		f.Add(seed, follow)
	}
	f.Fuzz(func(t *testing.T, value, body string) {
		if contentDigest([]string{value}, []byte(body)) == nil {
			sum256, sum512 := sha256.Sum256([]byte(body)), sha512.Sum512([]byte(body))
			decoded := []string{}
			for _, part := range strings.Split(value, ":") {
				if b, err := base64.StdEncoding.DecodeString(part); err == nil {
					decoded = append(decoded, string(b))
				}
			}
			assert.True(t, slices.Contains(decoded, string(sum256[:])) || slices.Contains(decoded, string(sum512[:])))
		}
	})
}

// FuzzReadWish reads what a server asks of signatures; what is made of it can be read by us.
func FuzzReadWish(f *testing.F) {
	for _, seed := range []string{`sig1=("@method" "@target-uri" "content-digest");created;keyid="k";nonce="n";tag="t";expires`, `a=("@authority" "date" "content-type")`, `sig1=("x-other")`, `sig1=5`, `("`} {
		f.Add(seed)
	}
	key := newKey(f, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	f.Fuzz(func(t *testing.T, value string) {
		wish, ok := ReadWish(http.Header{"Accept-Signature": {value}})
		if !ok {
			return
		}
		r := httptest.NewRequest(http.MethodPost, base+"/ap/inbox", nil)
		r.Header.Set("Content-Type", "application/activity+json")
		if err := key.SignRFC9421(wish, r, []byte(follow), keyID, noon); err != nil {
			return
		}
		v := verifier(&keyring{known: map[string]crypto.PublicKey{keyID: key.Public()}})
		v.Policy = Fediverse()
		_, err := v.Verify(t.Context(), r, []byte(follow))
		assert.NoError(t, err)
	})
}
