package signing

import (
	"crypto/ed25519"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-fed/httpsig"
)

// Sign signs r, whose body is body (nil for a GET), with draft-cavage HTTP
// Signatures in the form that every server takes: rsa-sha256 over
// (request-target), host and date, and with a body over digest and content-type,
// without one over accept. It sets Date, Digest and Signature anew, so a request
// may be signed again; it changes nothing when it fails.
func (k *Key) Sign(r *http.Request, body []byte, keyID string, now time.Time) error {
	if strings.ContainsFunc(keyID, splitsHeader) {
		return fmt.Errorf("signing: sign for %s: key id %q cannot stand in a header", r.URL.Host, keyID)
	}
	covered := []string{httpsig.RequestTarget, "host", "date", "accept"}
	if body != nil {
		covered = []string{httpsig.RequestTarget, "host", "date", "digest", "content-type"}
	}
	wire := outgoing(r, now)
	// A signer shared between goroutines makes bad signatures; a new one costs nothing.
	signer, _, err := httpsig.NewSSHSigner(k.signer(), httpsig.DigestSha256, covered, httpsig.Signature, 0)
	if err != nil {
		return fmt.Errorf("signing: sign for %s: %w", r.URL.Host, err)
	}
	if err := signer.SignRequest(keyID, wire, body); err != nil {
		return fmt.Errorf("signing: sign for %s: %w", r.URL.Host, err)
	}
	for _, other := range []string{"Digest", "Content-Digest", "Signature-Input"} {
		r.Header.Del(other)
	}
	if body != nil {
		r.Header.Set("Digest", wire.Header.Get("Digest"))
	}
	r.Header.Set("Date", wire.Header.Get("Date"))
	r.Header.Set("Signature", k.labelled(wire.Header.Get("Signature")))
	return nil
}

// outgoing returns what httpsig is to sign instead of r: it signs the decoded
// URL.Path, and finds Host only among the header fields.
func outgoing(r *http.Request, now time.Time) *http.Request {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	h := http.Header{"Host": {host}, "Date": {now.UTC().Format(http.TimeFormat)}}
	for _, name := range []string{"Accept", "Content-Type"} {
		if values, ok := r.Header[name]; ok {
			h[name] = values
		}
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	return &http.Request{Method: method, URL: &url.URL{Path: r.URL.RequestURI()}, Header: h}
}

// labelled names the algorithm of an RSA key. httpsig writes hs2019 for every
// key, which some servers read as another algorithm; the label is not signed.
func (k *Key) labelled(signature string) string {
	if _, ok := k.public.(ed25519.PublicKey); ok {
		return signature
	}
	return strings.Replace(signature, `",algorithm="hs2019",`, `",algorithm="rsa-sha256",`, 1)
}

// splitsHeader says whether c in a parameter would be read as its end by some server.
func splitsHeader(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == '\\' }
