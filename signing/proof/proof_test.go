package proof

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
)

const note = `{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v2"],` +
	`"id":"https://server.example/objects/1","type":"Note","attributedTo":"https://server.example/users/alice",` +
	`"content":"<p>Ka tū te hui & more \u2028 \"now\"</p>","x":[1.5,0,-3e-7,true,null,{"b":1,"a":2}]}`

func signed(t testing.TB) string {
	t.Helper()
	b, err := Sign([]byte(note), vectorKey(t), method, made)
	require.NoError(t, err)
	return string(b)
}

func TestADocumentIsProvedByWhomeverItIsHandedOn(t *testing.T) {
	document := []byte(signed(t))
	p, err := Read(document, today)
	require.NoError(t, err)
	assert.Equal(t, method, p.Method)
	assert.Equal(t, alice, p.Owner)
	assert.NoError(t, p.Verify(listed(t)))

	t.Run("also written anew, in another order and with other white space", func(t *testing.T) {
		var members map[string]any
		require.NoError(t, json.Unmarshal(document, &members))
		again, err := json.MarshalIndent(members, "", "\t")
		require.NoError(t, err)
		require.NotEqual(t, string(document), string(again))
		p, err := Read(again, today)
		require.NoError(t, err)
		assert.NoError(t, p.Verify(listed(t)))
	})
	t.Run("also with an LD-signature beside the proof, which is not part of it", func(t *testing.T) {
		p, err := Read([]byte(strings.Replace(signed(t), `"proof":`, `"signature":{"type":"RsaSignature2017"},"proof":`, 1)), today)
		require.NoError(t, err)
		assert.NoError(t, p.Verify(listed(t)))
	})
	t.Run("the same every time", func(t *testing.T) {
		assert.Equal(t, string(document), signed(t))
	})
}

func TestWhateverIsChangedIsNoticed(t *testing.T) {
	for name, change := range map[string][2]string{
		"the text":                    {"Ka tū", "Ka mutu"},
		"the id":                      {"objects/1", "objects/2"},
		"a number":                    {"1.5", "1.25"},
		"a number's sign":             {"-3e-7", "3e-7"},
		"the order of an array":       {"true,null", "null,true"},
		"a member more":               {`"type":"Note"`, `"type":"Note","name":"x"`},
		"a member less":               {`,"x":[1.5,0,-3e-7,true,null,{"b":1,"a":2}]`, ``},
		"the time":                    {"23:36:38Z", "23:36:37Z"},
		"the time, written otherwise": {"23:36:38Z", "23:36:38.0Z"},
		"an end":                      {`"proofPurpose"`, `"expires":"2030-01-01T00:00:00Z","proofPurpose"`},
		"an end that is null":         {`"proofPurpose"`, `"expires":null,"proofPurpose"`},
		"an accent composed":          {"tū", "tu\u0304"},
	} {
		t.Run(name, func(t *testing.T) {
			document := strings.Replace(signed(t), change[0], change[1], 1)
			require.NotEqual(t, signed(t), document)
			p, err := Read([]byte(document), today)
			require.NoError(t, err)
			assert.ErrorContains(t, p.Verify(listed(t)), "wrong signature")
		})
	}
}

func TestOnlyTheOwnersKeyCounts(t *testing.T) {
	p, err := Read([]byte(signed(t)), today)
	require.NoError(t, err)
	other, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	mallory := "https://server.example/users/mallory"
	for name, tc := range map[string]struct {
		change func(*Method)
		want   string
	}{
		"another key of the owner":         {func(m *Method) { m.ID = alice + "#other" }, "made with another key"},
		"no id":                            {func(m *Method) { m.ID = "" }, "made with another key"},
		"listed by a neighbour":            {func(m *Method) { m.Controller = mallory }, "not that of the owner"},
		"nobody's":                         {func(m *Method) { m.Controller = "" }, "not that of the owner"},
		"the owner, but for a slash":       {func(m *Method) { m.Controller += "/" }, "not that of the owner"},
		"the owner, but for the host case": {func(m *Method) { m.Controller = strings.Replace(alice, "server", "Server", 1) }, "not that of the owner"},
		"another's bytes":                  {func(m *Method) { m.Key = other }, "wrong signature"},
		"half a key":                       {func(m *Method) { m.Key = other[:16] }, "not an Ed25519 key"},
		"no key":                           {func(m *Method) { m.Key = nil }, "not an Ed25519 key"},
		"an RSA key":                       {func(m *Method) { m.Key = &rsa.PublicKey{} }, "not an Ed25519 key"},
	} {
		t.Run(name, func(t *testing.T) {
			m := listed(t)
			tc.change(&m)
			assert.ErrorContains(t, p.Verify(m), "proof: verify: ")
			assert.ErrorContains(t, p.Verify(m), tc.want)
		})
	}
	assert.ErrorContains(t, Proof{}.Verify(Method{Key: other}), "made with another key", "a Proof that nobody read is none")
}

func TestWhatIsNotReadAsAProof(t *testing.T) {
	value := func() string {
		_, after, _ := strings.Cut(signed(t), `"proofValue":"`)
		return strings.TrimSuffix(after, `"}}`)
	}()
	for name, tc := range map[string]struct {
		old, new string // in the signed document; the first place
		want     string
	}{
		"no proof":               {`"proof":{`, `"other":{`, "no proof"},
		"another case":           {`"proof":{`, `"Proof":{`, "no proof"},
		"null":                   {`"proof":{`, `"proof":null,"p":{`, "no proof"},
		"a link to it":           {`"proof":{`, `"proof":"https://server.example/proof","p":{`, "no proof"},
		"an array of one":        {`"proof":{`, `"proof":[{"type":"DataIntegrityProof"}],"p":{`, "several proofs"},
		"two members":            {`"proof":{`, `"proof":{"type":"DataIntegrityProof"},"proof":{`, "json-duplicate-member"},
		"two, by case":           {`"proof":{`, `"Proof":{},"proof":{`, "json-case-variant"},
		"a member twice inside":  {`"proofPurpose":`, `"type":"DataIntegrityProof","proofPurpose":`, "json-duplicate-member"},
		"another type":           {`"DataIntegrityProof"`, `"Ed25519Signature2020"`, "not a DataIntegrityProof"},
		"types":                  {`"DataIntegrityProof"`, `["DataIntegrityProof"]`, "not known or not a string"},
		"another suite":          {`eddsa-jcs-2022`, `eddsa-rdfc-2022`, "another cryptosuite"},
		"a suite's old name":     {`eddsa-jcs-2022`, `jcs-eddsa-2022`, "another cryptosuite"},
		"another purpose":        {`"assertionMethod"`, `"authentication"`, "another purpose"},
		"no purpose":             {`"proofPurpose":"assertionMethod",`, ``, "another purpose"},
		"bound to a domain":      {`"proofPurpose":`, `"domain":"b.example","proofPurpose":`, "not known"},
		"a challenge":            {`"proofPurpose":`, `"challenge":"1","proofPurpose":`, "not known"},
		"after another proof":    {`"proofPurpose":`, `"previousProof":"urn:uuid:1","proofPurpose":`, "not known"},
		"no method":              {`"verificationMethod":"` + method + `",`, ``, "no http or https URL"},
		"a method inside":        {`"verificationMethod":"` + method + `"`, `"verificationMethod":{"id":"` + method + `"}`, "not a string"},
		"a DID":                  {`"verificationMethod":"` + method, `"verificationMethod":"did:key:` + vectorPublic, "no http or https URL"},
		"a user in its URL":      {`"verificationMethod":"https://`, `"verificationMethod":"https://a@`, "no http or https URL"},
		"an endless method":      {`#ed25519-key`, `#` + strings.Repeat("k", 2_048), "no http or https URL"},
		"no context":             {`"@context":[`, `"context":[`, "no @context"},
		"a context more":         {`data-integrity/v2"]`, `data-integrity/v2","https://b.example/"]`, "context of the proof"},
		"a context less":         {`,"https://w3id.org/security/data-integrity/v2"]`, `]`, "context of the proof"},
		"no time":                {`"created":"2023-02-24T23:36:38Z",`, ``, "created is no time"},
		"a time without zone":    {`23:36:38Z`, `23:36:38`, "created is no time"},
		"a time with a comma":    {`23:36:38Z`, `23:36:38,5Z`, "created is no time"},
		"a date":                 {`2023-02-24T23:36:38Z`, `2023-02-24`, "created is no time"},
		"a time that is none":    {`2023-02-24`, `2023-02-30`, "created is no time"},
		"made tomorrow":          {`2023-02-24`, `2026-11-27`, "made in the future"},
		"expired":                {`"proofPurpose":`, `"expires":"2024-01-01T00:00:00Z","proofPurpose":`, "proof: read: expired"},
		"expires now":            {`"proofPurpose":`, `"expires":"2026-11-26T00:00:00Z","proofPurpose":`, "proof: read: expired"},
		"expired from the start": {`"proofPurpose":`, `"expires":"2023-01-01T00:00:00Z","proofPurpose":`, "before it was made"},
		"an end that is none":    {`"proofPurpose":`, `"expires":"never","proofPurpose":`, "expires is no time"},
		"no value":               {`"proofValue":"` + value + `"`, `"proofValue":""`, "not base58btc"},
		"base64url":              {`"proofValue":"z`, `"proofValue":"u`, "not base58btc"},
		"no multibase prefix":    {`"proofValue":"z`, `"proofValue":"`, "base58btc"},
		"a short value":          {value, value[:len(value)-3], "not 64 bytes"},
		"a zero before":          {`"proofValue":"z`, `"proofValue":"z1`, "not 64 bytes"},
		"an endless value":       {value, "z" + strings.Repeat("4", 100_000), "not base58btc"},
		"no owner":               {`"attributedTo":`, `"by":`, "neither an actor"},
		"two owners":             {`"attributedTo":"` + alice + `"`, `"attributedTo":["` + alice + `","https://b.example/"]`, "not one http or https URL"},
		"an owner who is there":  {`"attributedTo":"` + alice + `"`, `"attributedTo":{"id":"` + alice + `"}`, "not one http or https URL"},
		"owners that differ":     {`"attributedTo":`, `"actor":"https://b.example/","attributedTo":`, "another than attributedTo"},
		"a great number":         {`1.5`, `9007199254740992`, "a double does not hold"},
		"a precise number":       {`1.5`, `1.00000000000000000001`, "a double does not hold"},
		"a number beyond all":    {`1.5`, `1e400`, "json-number"},
		"a number below all":     {`1.5`, `1e-400`, "a double does not hold"},
		"half a surrogate pair":  {`Ka t`, `\ud83d`, "json-utf8"},
		"not UTF-8":              {`Ka t`, "\xff", "json-utf8"},
		"more after it":          {`"}}`, `"}}{}`, "json-trailing"},
		"too deep":               {`1.5`, strings.Repeat("[", 40) + strings.Repeat("]", 40), "json-depth"},
		"too much":               {`1.5`, `"` + strings.Repeat("x", 1<<20) + `"`, "over 1048576 bytes"},
		"a keyword":              {`"x":[`, `"@graph":[`, "jsonld-keyword"},
		"a known term renamed":   {`data-integrity/v2"]`, `data-integrity/v2",{"content":"as:summary"}]`, "jsonld-context"},
	} {
		t.Run(name, func(t *testing.T) {
			document := strings.Replace(signed(t), tc.old, tc.new, 1)
			require.NotEqual(t, signed(t), document)
			_, err := Read([]byte(document), today)
			require.ErrorContains(t, err, "proof: read: ")
			assert.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "example", "nothing of the document is repeated")
		})
	}
	t.Run("clocks differ a little", func(t *testing.T) {
		_, err := Read([]byte(signed(t)), made.Add(-4*time.Minute))
		assert.NoError(t, err)
		_, err = Read([]byte(signed(t)), made.Add(-6*time.Minute))
		assert.ErrorContains(t, err, "made in the future")
	})
	t.Run("an end that has not come", func(t *testing.T) {
		p, err := Read([]byte(strings.Replace(signed(t), `"proofPurpose":`, `"expires":"2030-01-01T13:00:00+13:00","proofPurpose":`, 1)), today)
		require.NoError(t, err)
		assert.True(t, p.Expires.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)))
	})
}

func TestNumbersThatEveryoneReadsAlike(t *testing.T) {
	for number, want := range map[string]bool{
		"0": true, "-0": true, "0.0": true, "1.50": true, "1e300": true, "-71.184902": true, "9007199254740991": true,
		"-9007199254740991": true, "5e-324": true, "0.00000000000000000000000001": true, "100e0": true, "1E2": true,
		"9007199254740992": false, "-9007199254740992": false, "1e-400": false, "1.000000000000000001": false, "123456789012345678.5": false,
	} {
		assert.Equal(t, want, exact(number), number)
	}
}

func TestWhatIsNotSigned(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaKey, err := signing.New(weak)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		document string
		key      *signing.Key
		want     string
	}{
		"with an RSA key":     {note, rsaKey, "makes no eddsa-jcs-2022 proof; use Ed25519"},
		"twice":               {signed(t), vectorKey(t), "there is a proof already"},
		"no context":          {`{"id":"https://server.example/1"}`, vectorKey(t), "@context is not an array"},
		"a plain context":     {`{"@context":"https://www.w3.org/ns/activitystreams","type":"Note"}`, vectorKey(t), "@context is not an array"},
		"not strict":          {strings.Replace(note, `"x":`, `"type":"Page","x":`, 1), vectorKey(t), "json-duplicate-member"},
		"not for every eye":   {strings.Replace(note, `1.5`, `12345678901234567890`, 1), vectorKey(t), "a double does not hold"},
		"an array":            {`[` + note + `]`, vectorKey(t), "json-top-level"},
		"a signer that fails": {note, broken(t), "the token is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Sign([]byte(tc.document), tc.key, method, made)
			require.ErrorContains(t, err, "proof: sign: ")
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

// lost is a signer in a token that was pulled out.
type lost struct{ crypto.Signer }

func (lost) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the token is gone")
}

func broken(t *testing.T) *signing.Key {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	key, err := signing.New(lost{edwards})
	require.NoError(t, err)
	return key
}

func TestSignLeavesTheDocumentItWasGivenAlone(t *testing.T) {
	room := make([]byte, 0, 4*len(note))
	document := append(room, note...)
	_, err := Sign(document, vectorKey(t), method, made)
	require.NoError(t, err)
	assert.Equal(t, note, string(document))
	assert.NotContains(t, string(room[:cap(room)]), "proof")
	spaced, err := Sign([]byte(" "+note+"\n"), vectorKey(t), method, made)
	require.NoError(t, err)
	p, err := Read(spaced, today)
	require.NoError(t, err)
	assert.NoError(t, p.Verify(listed(t)))
}
