package signing

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a proxy or a mount makes of a request, the configured public URL is
// what must have been signed: in both forms, for GETs and POSTs.
func TestTheConfiguredURLDecides(t *testing.T) {
	for _, c := range []struct {
		what   string
		base   string // the site's
		url    string // as the peer asks for it
		target string // as it arrives
		host   string // the same
		strip  string // the prefix that a mount takes away
		any    bool   // AnyHost
	}{
		{"as it is", base, base + "/ap/inbox", "/ap/inbox", "agency.test", "", false},
		{"TLS ends before us", base, base + "/ap/inbox", "/ap/inbox", "agency.test:443", "", false},
		{"a proxy that changes Host", base, base + "/ap/inbox", "/ap/inbox", "10.0.0.7:8080", "", true},
		{"a percent-encoded path", base, base + "/p%C4%81nui/a%2Fb/%7e?q=%20%2F", "/p%C4%81nui/a%2Fb/%7e?q=%20%2F", "agency.test", "", false},
		{"under http.StripPrefix", base, base + "/ap/a%2Fb/inbox", "/ap/a%2Fb/inbox", "agency.test", "/ap", false},
		{"a base URL with a path", base + "/social", base + "/social/ap/inbox?a", "/social/ap/inbox?a", "agency.test", "", false},
		{"a proxy that takes that path away", base + "/social", base + "/social/ap/a%2Fb", "/ap/a%2Fb", "agency.test", "", false},
		{"a base path that is encoded", base + "/p%C4%81nui", base + "/p%C4%81nui/ap/inbox", "/ap/inbox", "agency.test", "", false},
		{"an absolute target", base, base + "/ap/inbox", "http://agency.test/ap/inbox", "agency.test", "", false},
		{"plain http on another port", "http://localhost:8080", "http://localhost:8080/ap/inbox", "/ap/inbox", "localhost:8080", "", false},
	} {
		for _, form := range []Form{Cavage, RFC9421} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				t.Run(fmt.Sprint(c.what, ", ", form, ", ", method), func(t *testing.T) {
					out := outgoingTo(t, method, c.url)
					out.Header.Set("Accept", "application/activity+json")
					var body []byte
					if method == http.MethodPost {
						body = []byte(follow)
					}
					require.NoError(t, newKey(t, aliceKey()).SignAs(form, Wish{}, out, body, keyID, noon))
					verify := func(public string) (err error) {
						r := httptest.NewRequest(method, "/", strings.NewReader(string(body)))
						r.URL, r.RequestURI, r.Host, r.Header = out.URL, c.target, c.host, out.Header.Clone()
						r.Header.Set("X-Forwarded-Host", "evil.test")
						r.Header.Set("X-Forwarded-Proto", "gopher")
						v := verifier(aliceRing())
						v.BaseURL, v.AnyHost = public, c.any
						http.StripPrefix(c.strip, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
							_, err = v.Verify(r.Context(), r, body)
						})).ServeHTTP(httptest.NewRecorder(), r)
						return err
					}
					assert.NoError(t, verify(c.base))
					assert.Error(t, verify("https://victim.test"), "it is good for no other site")
				})
			}
		}
	}
}
