package actortest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The test vector of FEP-8b32, written by others.
const (
	vectorActor = `{"id":"https://server.example/users/alice","type":"Person","assertionMethod":[{"id":"https://server.example/users/alice#ed25519-key",` +
		`"type":"Multikey","controller":"https://server.example/users/alice","publicKeyMultibase":"z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"}]}`
	vector = `{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v2"],"id":"https://server.example/activities/1",` +
		`"type":"Create","actor":"https://server.example/users/alice","object":{"id":"https://server.example/objects/1","type":"Note",` +
		`"attributedTo":"https://server.example/users/alice","content":"Hello world","location":{"type":"Place","longitude":-71.184902,"latitude":25.273962}},` +
		`"proof":{"@context":["https://www.w3.org/ns/activitystreams","https://w3id.org/security/data-integrity/v2"],"type":"DataIntegrityProof",` +
		`"cryptosuite":"eddsa-jcs-2022","verificationMethod":"https://server.example/users/alice#ed25519-key","proofPurpose":"assertionMethod",` +
		`"proofValue":"z42ffGu6AUKPCFcFPiabmUvnGLPJzC7e4DGWC52NUasSSH37UMa9c58tdgVszUcZfytxa4fQ5TYHaJENCxUDe9SdL","created":"2023-02-24T23:36:38Z"}}`
)

func TestTheVectorOfTheFEPIsVerified(t *testing.T) {
	for name, tc := range map[string]struct {
		old, new string // in the vector or its actor
		want     string
	}{
		"as published":              {"", "", ""},
		"written anew":              {`"latitude":25.273962`, `"latitude" : 2.5273962e1`, ""},
		"an LD-signature beside it": {`"proof":`, `"signature":{},"proof":`, ""},
		"another text":              {"Hello world", "Hello", "proof is wrong"},
		"another place":             {"25.273962", "25.273963", "proof is wrong"},
		"another time":              {"23:36:38Z", "23:36:39Z", "proof is wrong"},
		"no time":                   {`,"created":"2023-02-24T23:36:38Z"`, ``, "no time"},
		"no proof":                  {`"proof":`, `"prof":`, "no proof"},
		"another suite":             {"eddsa-jcs-2022", "eddsa-rdfc-2022", "eddsa-rdfc-2022"},
		"another purpose":           {`"proofPurpose":"assertionMethod"`, `"proofPurpose":"authentication"`, "authentication"},
		"a context more":            {`data-integrity/v2"],"id"`, `data-integrity/v2","x"],"id"`, "another context"},
		"another key named":         {`"verificationMethod":"https://server.example/users/alice#ed25519-key"`, `"verificationMethod":"https://server.example/users/bob#ed25519-key"`, "not listed"},
		"the key of somebody else":  {`"controller":"https://server.example/users/alice"`, `"controller":"https://server.example/users/bob"`, "Multikey of"},
		"another key listed":        {"z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2", "z6MkweqJajqa5jRAJTBVxxu47oCdB7HzmYbBKN8VGbFJmKkC", "proof is wrong"},
		"no key listed":             {`"assertionMethod":[{`, `"authentication":[{`, "not listed"},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, strings.Contains(vector+vectorActor, tc.old))
			doc, err := readObject([]byte(strings.Replace(vector, tc.old, tc.new, 1)))
			require.NoError(t, err)
			actor, err := readObject([]byte(strings.Replace(vectorActor, tc.old, tc.new, 1)))
			require.NoError(t, err)
			if err = verifyIntegrity(doc, actor); tc.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tc.want)
			}
		})
	}
}

// The examples of RFC 8785, section 3.2.
func TestCanonicalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0],"literals":[null,true,false]}`: `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0]}`,
		`{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}`:                                                    `{"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`:                                   "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\ufb33\":3}",
		`{"s":"<&>\u2028\u007f"}`: "{\"s\":\"<&>\u2028\u007f\"}",
	} {
		doc, err := readObject([]byte(in))
		require.NoError(t, err)
		assert.Equal(t, want, canonical(doc))
	}
}
