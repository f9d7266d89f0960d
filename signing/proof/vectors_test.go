package proof

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mr-tron/base58"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing"
)

// The key pair of the test vectors of both FEP-8b32 and the W3C.
const (
	vectorSecret = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
	vectorPublic = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
)

const (
	alice  = "https://server.example/users/alice"
	method = alice + "#ed25519-key"
)

// made is when the vectors were, and today is later.
var (
	made  = time.Date(2023, 2, 24, 23, 36, 38, 0, time.UTC)
	today = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
)

func vectorKey(t testing.TB) *signing.Key {
	t.Helper()
	raw, err := base58.Decode(vectorSecret[1:])
	require.NoError(t, err)
	seed, ok := bytes.CutPrefix(raw, []byte{0x80, 0x26}) // multicodec ed25519-priv
	require.True(t, ok)
	key, err := signing.New(ed25519.NewKeyFromSeed(seed))
	require.NoError(t, err)
	require.Equal(t, vectorPublic, key.PublicMultikey())
	return key
}

// listed is the key as alice's document lists it.
func listed(t testing.TB) Method {
	t.Helper()
	key, err := signing.ParsePublicMultikey(vectorPublic, signing.Fediverse())
	require.NoError(t, err)
	return Method{ID: method, Controller: alice, Key: key}
}

// vectors are documents, each with the value that its proof must have.
var vectors = map[string]struct {
	document, method, value string
	hash                    string // of the document alone, where it is published
}{
	"FEP-8b32": {
		`{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v2"],` +
			`"id":"https://server.example/activities/1","type":"Create","actor":"https://server.example/users/alice",` +
			`"object":{"id":"https://server.example/objects/1","type":"Note","attributedTo":"https://server.example/users/alice",` +
			`"content":"Hello world","location":{"type":"Place","longitude":-71.184902,"latitude":25.273962}}}`,
		method, "z42ffGu6AUKPCFcFPiabmUvnGLPJzC7e4DGWC52NUasSSH37UMa9c58tdgVszUcZfytxa4fQ5TYHaJENCxUDe9SdL", "",
	},
	"Data Integrity EdDSA Cryptosuites, B.3": {
		`{"@context":["https://www.w3.org/ns/credentials/v2","https://www.w3.org/ns/credentials/examples/v2"],` +
			`"id":"urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33","type":["VerifiableCredential","AlumniCredential"],` +
			`"name":"Alumni Credential","description":"A minimum viable example of an Alumni Credential.",` +
			`"issuer":"https://vc.example/issuers/5678","validFrom":"2023-01-01T00:00:00Z",` +
			`"credentialSubject":{"id":"did:example:abcdefgh","alumniOf":"The School of Examples"}}`,
		"https://vc.example/issuers/5678#" + vectorPublic,
		"z63t83Y53KfzJ5ZosfKTnqfMcKB2dmTrfjSaQjeNNjAD5srBowQfmWqeRb8rRjmeEuCBEsddF9LsVogtuTsijJKh4",
		"59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19",
	},
}

func TestVectorsAreMadeAsPublished(t *testing.T) {
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			signed, err := Sign([]byte(v.document), vectorKey(t), v.method, made)
			require.NoError(t, err)
			whole := strings.TrimSuffix(v.document, "}")
			assert.True(t, strings.HasPrefix(string(signed), whole+`,"proof":{"@context":[`), "what was there stays as it is")
			assert.Contains(t, string(signed), `"proofValue":"`+v.value+`"}}`)

			members, err := split(signed)
			require.NoError(t, err)
			p, err := read(members, today)
			require.NoError(t, err)
			assert.Equal(t, made, p.Created)
			assert.True(t, ed25519.Verify(listed(t).Key.(ed25519.PublicKey), p.message, p.signature))
			if v.hash != "" {
				assert.Equal(t, v.hash, hex.EncodeToString(p.message[32:]))
			}
		})
	}
}

// Proofs were made without a context of their own before FEP-8b32 asked for one.
func TestAVectorOfTheFirstVersionIsTaken(t *testing.T) {
	document := `{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v1"],` +
		`"type":"Create","actor":"https://server.example/users/alice","object":{"type":"Note","content":"Hello world"},` +
		`"proof":{"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"https://server.example/users/alice#ed25519-key",` +
		`"proofPurpose":"assertionMethod","proofValue":"z3sXaxjKs4M3BRicwWA9peyNPJvJqxtGsDmpt1jjoHCjgeUf71TRFz56osPSfDErszyLp5Ks1EhYSgpDaNM977Rg2",` +
		`"created":"2023-02-24T23:36:38Z"}}`
	p, err := Read([]byte(document), today)
	require.NoError(t, err)
	assert.NoError(t, p.Verify(listed(t)))
}

// The samples of the FEP have "..." for a value: with one, each is what we make.
func TestSamplesOfTheFEPAreMadeAlike(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/payloads/fep-samples"), "fep-8b32*.json"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			sample, err := os.ReadFile(file)
			require.NoError(t, err)
			var document map[string]any
			require.NoError(t, json.Unmarshal(sample, &document))
			if object, ok := document["object"].(map[string]any); ok && object["proof"] != nil {
				prove(t, object)
			}
			prove(t, document)
		})
	}
}

// prove gives a sample and its proof the value that is missing, and checks both.
func prove(t *testing.T, document map[string]any) {
	t.Helper()
	sample := document["proof"].(map[string]any)
	delete(document, "proof")
	plain, err := json.Marshal(document)
	require.NoError(t, err)
	signed, err := Sign(plain, vectorKey(t), sample["verificationMethod"].(string), made)
	require.NoError(t, err)
	p, err := Read(signed, today)
	require.NoError(t, err)
	require.NoError(t, p.Verify(listed(t)))

	clear(document)
	require.NoError(t, json.Unmarshal(signed, &document))
	ours := document["proof"].(map[string]any)
	assert.NotEqual(t, "...", ours["proofValue"])
	sample["proofValue"] = ours["proofValue"]
	assert.Equal(t, sample, ours)
}

// Recorded proofs of Fedify, whose key was not recorded, are read whole.
func TestProofsOfFedifyAreRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testenv.Shared(t, "interop/payloads/fedify"), "live-fedify*.json"))
	require.NoError(t, err)
	proofs := 0
	for _, file := range files {
		document, err := os.ReadFile(file)
		require.NoError(t, err)
		p, err := Read(document, today)
		if err != nil {
			assert.ErrorContains(t, err, "no proof", file)
			continue
		}
		proofs++
		assert.Equal(t, "https://fedify.test/users/bob", p.Owner)
		assert.Equal(t, "https://fedify.test/users/bob#multikey-2", p.Method)
		assert.ErrorContains(t, p.Verify(Method{ID: p.Method, Controller: p.Owner, Key: listed(t).Key}), "wrong signature")
	}
	assert.GreaterOrEqual(t, proofs, 10)
}
