package panui_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	chain       [][]byte // what a server sends behind its own
}

func newAuthority(t testing.TB) authority {
	return authority{}.issueAuthority(t, x509.Certificate{})
}

// pool is what trusts the authority.
func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issueAuthority makes an authority below a, or one of its own where a is none.
func (a authority) issueAuthority(t testing.TB, template x509.Certificate) authority {
	t.Helper()
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	made := a.issue(t, template)
	below := authority{certificate: made.Leaf, key: made.PrivateKey.(*ecdsa.PrivateKey)}
	if a.certificate != nil {
		below.chain = made.Certificate
	}
	return below
}

// issue makes a certificate that is good for an hour unless the template says otherwise.
func (a authority) issue(t testing.TB, template x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = &template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: append([][]byte{der}, a.chain...), PrivateKey: key, Leaf: leaf}
}

// forEvil is a certificate for where mallory's servers listen.
func forEvil() x509.Certificate {
	return x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 3)}}
}

// serveTLS serves pages over https until the test ends, and returns where.
func serveTLS(t testing.TB, certificate tls.Certificate, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &httptest.Server{
		Listener: listener, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}},
		Config: &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)},
	}
	server.Config.SetKeepAlivesEnabled(false)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// converse accepts connections until the test ends and does with each what it is told.
func converse(t testing.TB, listener net.Listener, with func(net.Conn)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			with(connection)
			io.Copy(io.Discard, connection)
			connection.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
}

// setTrap listens where a request to loopback over https would arrive and returns
// what counts those who came. Where that port is not to be had it counts none.
func setTrap(t testing.TB) func() int {
	listener, err := net.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		t.Logf("no trap on port 443: %v", err)
		return func() int { return 0 }
	}
	came := make(chan struct{}, 100)
	converse(t, listener, func(connection net.Conn) {
		came <- struct{}{}
		connection.Close()
	})
	return func() int { return len(came) }
}
