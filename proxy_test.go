package panui_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/panui/panui"
	"github.com/panui/panui/actor"
	"github.com/panui/panui/actor/actortest"
	"github.com/panui/panui/internal/testenv"
	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store/memory"
)

// proxy is a web server that stands in front of a site, configured as docs/deploy.md says.
type proxy struct {
	name     string
	programs []string
	around   string      // the configuration around that of the page; DIR and ADDRESS stand for those of the test
	instead  [][2]string // what is written instead of the lines that a test cannot have as they are
	args     func(dir, config string) []string
}

var proxies = []proxy{
	{
		name: "nginx", programs: []string{"nginx", "/usr/sbin/nginx"},
		around: `
			daemon off; master_process off; pid DIR/pid; events {}
			http {
				access_log off; client_body_temp_path DIR/body; proxy_temp_path DIR/proxy;
				fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
				PAGE
			}`,
		instead: [][2]string{{`listen 443 ssl;`, `listen ADDRESS;`}, {`\sssl_.*;`, ``}},
		args:    func(dir, config string) []string { return []string{"-p", dir, "-c", config, "-e", "stderr"} },
	},
	{
		name: "caddy", programs: []string{"caddy"},
		around:  "{\nadmin off\nauto_https off\n}\nPAGE",
		instead: [][2]string{{`(?m)^[a-z.]+ \{$`, "http://ADDRESS {\nbind 127.0.0.1"}},
		args: func(_, config string) []string {
			return []string{"run", "--adapter", "caddyfile", "--config", config}
		},
	},
	{
		name: "apache", programs: []string{"apache2", "/usr/sbin/apache2"},
		around: `
			ServerRoot DIR
			PidFile DIR/pid
			Mutex posixsem
			ErrorLog /dev/stderr
			User nobody
			Group nogroup
			ServerName localhost
			Listen ADDRESS
			LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
			LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
			LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
			LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
			LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
			PAGE`,
		instead: [][2]string{{`<VirtualHost \*:443>`, `<VirtualHost ADDRESS>`}, {`\sSSL.*`, ``}},
		args:    func(_, config string) []string { return []string{"-X", "-f", config} },
	},
}

// A signed Follow and a signed GET pass each proxy in both forms, the answer comes back by the deliverer, and
// the website gets host and path as the visitor wrote them.
func TestBehindAReverseProxy(t *testing.T) {
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			program := testenv.Command(t, p.name, p.programs...)
			back := httptest.NewUnstartedServer(nil)
			defer back.Close()
			front := freeAddress(t)
			site := siteAt(t, front)
			back.Config.Handler = site.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintln(w, r.Host, r.RequestURI, r.Header.Get("X-Forwarded-For"))
			}))
			back.Start()
			p.start(t, program, front, strings.ReplaceAll(p.page(t, 0), "127.0.0.1:8080", back.Listener.Addr().String()))
			ctx := within(t)

			assert.Equal(t, front+" /p%C4%81nui/a%2Fb?c=%2F 127.0.0.1\n", body(ctx, t, "http://"+front+"/p%C4%81nui/a%2Fb?c=%2F"))

			for _, form := range []actortest.Signatures{actortest.CavageAlone, actortest.RFC9421Alone} {
				server, err := actortest.Start(actortest.Options{Signatures: form})
				require.NoError(t, err)
				defer server.Close()
				aroha := server.Actor("aroha")
				follow, err := aroha.Follow(ctx, "news@"+front)
				require.NoError(t, err)
				require.Equal(t, http.StatusAccepted, follow.Status)
				require.NoError(t, server.WaitFor(ctx, func() bool { return len(aroha.Following()) == 1 }))
				shown, err := aroha.Fetch(ctx, follow.Object+"/outbox?page=true")
				require.NoError(t, err)
				assert.Equal(t, http.StatusOK, shown.Status, "a signed GET")
			}
			unsigned, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+front+"/ap/objects/x", nil)
			require.NoError(t, err)
			answer, err := http.DefaultTransport.RoundTrip(unsigned)
			require.NoError(t, err)
			defer answer.Body.Close()
			assert.Equal(t, http.StatusUnauthorized, answer.StatusCode)
		})
	}
}

// The bare domain is served elsewhere and sends those who look for a handle on.
func TestTheBareDomainRedirects(t *testing.T) {
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			program := testenv.Command(t, p.name, p.programs...)
			front := freeAddress(t)
			p.start(t, program, front, p.page(t, 1))

			const question = "/.well-known/webfinger?resource=acct%3Anews%40agency.govt.nz"
			r, err := http.NewRequestWithContext(within(t), http.MethodGet, "http://"+front+question, nil)
			require.NoError(t, err)
			answer, err := http.DefaultTransport.RoundTrip(r)
			require.NoError(t, err)
			defer answer.Body.Close()
			assert.Contains(t, []int{http.StatusMovedPermanently, http.StatusFound}, answer.StatusCode)
			assert.Equal(t, "https://www.agency.govt.nz"+question, answer.Header.Get("Location"))
		})
	}
}

// siteAt is a site whose peers reach it at address. It delivers until the test ends.
func siteAt(t *testing.T, address string) *panui.Site {
	t.Helper()
	return siteThrough(t, address, nil)
}

// siteThrough is one that reaches others through a forward proxy, or directly when it is nil.
func siteThrough(t *testing.T, address string, forward *egress.Proxy) *panui.Site {
	t.Helper()
	site, err := panui.New(panui.Config{
		Egress:           egress.Options{Proxy: forward},
		BaseURL:          "http://" + address,
		Actors:           []actor.Profile{{Handle: "news@" + address, Name: "Te Manatū Tauira", Key: quickKey(t)}},
		Store:            memory.New(),
		Proxies:          []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		Keys:             signing.Fediverse(),
		Log:              slog.New(slog.NewTextHandler(t.Output(), nil)),
		AuthorizedFetch:  true,
		InsecureLoopback: true,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- site.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	return site
}

// page returns one of the configurations in docs/deploy.md, by its place among those for the proxy.
func (p proxy) page(t *testing.T, place int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "deploy.md"))
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)\n```"+p.name+"\n(.*?)\n```\n").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(blocks), place)
	return blocks[place][1]
}

// start runs the proxy, with a configuration of the page, until the test ends.
func (p proxy) start(t *testing.T, program, address, page string) {
	t.Helper()
	for _, i := range p.instead {
		require.Regexp(t, i[0], page)
		page = regexp.MustCompile(i[0]).ReplaceAllString(page, i[1])
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	whole := strings.NewReplacer("DIR", dir, "ADDRESS", address).Replace(strings.Replace(p.around, "PAGE", page, 1))
	require.NoError(t, os.WriteFile(file, []byte(whole), 0o600))

	command := exec.Command(program, p.args(dir, file)...)
	command.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	command.Stdout, command.Stderr = t.Output(), t.Output()
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		command.Wait()
	}()
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for !listens(address) {
		select {
		case <-ended:
			require.FailNow(t, p.name+" does not take its configuration")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// freeAddress is one on loopback where nobody listens just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
