package proof

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/gowebpki/jcs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/limits"
	"github.com/panui/panui/internal/testenv"
)

// The second implementation of eddsa-jcs-2022: RFC 8785 over encoding/json and
// base58 with big integers, with nothing of the package or of what it imports.

func canonical(v any) string {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		var members []string
		for _, name := range names {
			members = append(members, canonical(name)+":"+canonical(v[name]))
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, canonical(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case string:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			panic(err)
		}
		text := strings.TrimSuffix(b.String(), "\n")
		// encoding/json escapes two that RFC 8785 leaves alone; a backslash of the text is always written twice.
		var out strings.Builder
		for i := 0; i < len(text); i++ {
			switch {
			case strings.HasPrefix(text[i:], `\u2028`):
				out.WriteString("\u2028")
				i += 5
			case strings.HasPrefix(text[i:], `\u2029`):
				out.WriteString("\u2029")
				i += 5
			case text[i] == '\\':
				out.WriteString(text[i : i+2])
				i++
			default:
				out.WriteByte(text[i])
			}
		}
		return out.String()
	case float64:
		if v == 0 {
			return "0" // minus zero too
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// secondVerify verifies the proof of a document, and nothing else about it.
func secondVerify(document []byte, key ed25519.PublicKey) bool {
	var members map[string]any
	if json.Unmarshal(document, &members) != nil {
		return false
	}
	options, ok := members["proof"].(map[string]any)
	if !ok {
		return false
	}
	value, _ := options["proofValue"].(string)
	delete(options, "proofValue")
	delete(members, "proof")
	delete(members, "signature")
	first, second := sha256.Sum256([]byte(canonical(options))), sha256.Sum256([]byte(canonical(members)))
	return ed25519.Verify(key, append(first[:], second[:]...), fromBase58(strings.TrimPrefix(value, "z")))
}

func fromBase58(text string) []byte {
	n := new(big.Int)
	for _, c := range text {
		n.Mul(n, big.NewInt(58))
		n.Add(n, big.NewInt(int64(strings.IndexRune("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", c))))
	}
	return n.FillBytes(make([]byte, max(64, len(n.Bytes()))))
}

func TestASecondImplementationVerifiesWhatWeSign(t *testing.T) {
	key := listed(t).Key.(ed25519.PublicKey)
	assert.True(t, secondVerify([]byte(signed(t)), key))
	assert.False(t, secondVerify([]byte(strings.Replace(signed(t), "Ka t", "Ka m", 1)), key))
	for name, v := range vectors {
		document, err := Sign([]byte(v.document), vectorKey(t), v.method, made)
		require.NoError(t, err)
		assert.True(t, secondVerify(document, key), name)
	}
}

// Everything that other servers were seen to send becomes the same bytes in both.
func TestEveryRecordedDocumentHasOneCanonicalForm(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/payloads"), "*", "*.json"))
	require.NoError(t, err)
	seen := 0
	for _, file := range files {
		document, err := os.ReadFile(file)
		require.NoError(t, err)
		seen += sameInBoth(t, document)
	}
	assert.Greater(t, seen, 200)
}

// sameInBoth compares both canonical forms of a document that we would read, and returns how many it compared.
func sameInBoth(t *testing.T, document []byte) int {
	t.Helper()
	if as2.Scan(document, limits.Default()) != nil || checkNumbers(document) != nil {
		return 0
	}
	ours, err := jcs.Transform(document)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(document, &v))
	require.Equal(t, canonical(v), string(ours))
	return 1
}

// FuzzCanonical: both implementations write every document that we read alike,
// and what is signed is verified by both.
func FuzzCanonical(f *testing.F) {
	f.Add([]byte(note))
	f.Add([]byte(`{"@context":[],"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`)) // RFC 8785 section 3.2.3
	f.Add([]byte(`{"@context":[],"n":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0,1e21,1e-7,5e-324]}`))
	f.Add([]byte(`{"@context":[],"s":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/\u2028\u2029\u007f"}`))
	f.Add([]byte(`{"@context":[],"":{"":[[],{}]}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if sameInBoth(t, document) == 0 {
			return
		}
		signed, err := Sign(document, vectorKey(t), method, made)
		if err != nil {
			return // no context, or a proof already
		}
		require.True(t, secondVerify(signed, listed(t).Key.(ed25519.PublicKey)))
		members, err := split(signed)
		require.NoError(t, err)
		p, err := read(members, today)
		require.NoError(t, err)
		require.True(t, ed25519.Verify(listed(t).Key.(ed25519.PublicKey), p.message, p.signature))
	})
}

// FuzzRead: what we read as a proof and verify, a second implementation verifies;
// only what was signed is verified.
func FuzzRead(f *testing.F) {
	whole := signed(f)
	for _, change := range [][2]string{{"", ""}, {"Ka t", "Ka m"}, {`"proof":{`, `"signature":{},"proof":{`}, {"1.5", "1.50"}, {`"b":1,"a":2`, `"a":2,"b":1`}, {`"proof":{`, `"proof":[],"p":{`}} {
		f.Add([]byte(strings.Replace(whole, change[0], change[1], 1)))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := Read(document, today)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "proof: read: "))
			return
		}
		key := listed(t).Key.(ed25519.PublicKey)
		verified := p.Verify(Method{ID: p.Method, Controller: p.Owner, Key: key}) == nil
		require.Equal(t, secondVerify(document, key), verified)
		if !verified {
			return
		}
		var members map[string]any
		require.NoError(t, json.Unmarshal(document, &members))
		delete(members, "signature")
		var want any
		require.NoError(t, json.Unmarshal([]byte(whole), &want))
		require.Equal(t, canonical(want), canonical(members), "nobody else has the key")
	})
}
