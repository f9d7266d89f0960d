package panui_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing/egress"
)

// squid is a forward proxy, configured as docs/deploy.md says. Its world has one
// name, which leads inside.
var squid = proxy{
	name: "squid", programs: []string{"squid", "/usr/sbin/squid"},
	around: `
		pid_filename none
		cache_log /dev/null
		access_log none
		netdb_filename none
		shutdown_lifetime 0 seconds
		PAGE`,
	instead: [][2]string{{`http_port 3128`, `http_port ADDRESS`}, {`src 10.20.30.0/24`, `src 127.0.0.1/32`}},
	args:    func(_, config string) []string { return []string{"-N", "-d", "1", "-f", config} },
}

func (p proxy) startForward(t *testing.T, instead ...[2]string) (url string) {
	t.Helper()
	program := testenv.Command(t, p.name, p.programs...)
	hosts := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(hosts)), 0o755)) // squid reads it as another user
	require.NoError(t, os.WriteFile(hosts, []byte("127.0.0.1 intranet.agency.example\n"), 0o644))
	p.instead = append(append(p.instead, instead...), [2]string{`^`, "hosts_file " + hosts + "\n"})
	address := freeAddress(t)
	p.start(t, program, address, p.page(t, 0))
	return "http://" + address
}

// A follower's server is reached through Squid, and through nothing else.
func TestThroughSquid(t *testing.T) {
	t.Run("a Follow is accepted", func(t *testing.T) {
		// On this machine peers are on loopback, and on any port.
		url := squid.startForward(t, [2]string{` 127.0.0.0/8`, ``}, [2]string{`port 443`, `port 1-65535`}, [2]string{`::/96`, `::/128`})
		front := httptest.NewUnstartedServer(nil)
		defer front.Close()
		front.Config.Handler = siteThrough(t, front.Listener.Addr().String(), &egress.Proxy{URL: url}).Handler(nil)
		front.Start()
		server, err := actortest.Start(actortest.Options{})
		require.NoError(t, err)
		defer server.Close()
		ctx := within(t)
		aroha := server.Actor("aroha")
		follow, err := aroha.Follow(ctx, "news@"+front.Listener.Addr().String())
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, follow.Status)
		require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
	})

	t.Run("a name that leads inside is refused", func(t *testing.T) {
		url := squid.startForward(t)
		for _, forward := range []egress.Proxy{{URL: url}, {URL: url, TrustToRefuseInternalAddresses: true}} {
			client := egress.New(egress.Options{Proxy: &forward, InsecureLoopback: true})
			_, err := client.Get(within(t), "https://127.0.0.1/", "*/*", nil)
			assert.ErrorIs(t, err, egress.ErrProxyRefused)
			assert.ErrorContains(t, err, "403")
		}
		trusting := egress.New(egress.Options{Proxy: &egress.Proxy{URL: url, TrustToRefuseInternalAddresses: true}})
		_, err := trusting.Get(within(t), "https://intranet.agency.example/", "*/*", nil)
		assert.ErrorIs(t, err, egress.ErrProxyRefused)
		assert.ErrorContains(t, err, "403")
	})
}
