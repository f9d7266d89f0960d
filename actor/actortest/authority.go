package actortest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"time"
)

// An authority is a certificate authority with one certificate, for one loopback address.
type authority struct {
	root *x509.Certificate
	leaf tls.Certificate
}

func newAuthority(ip net.IP) (*authority, error) {
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	from, until := time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "actortest authority"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "actortest server"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{ip}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if der, err = x509.CreateCertificate(rand.Reader, leaf, root, &leafKey.PublicKey, rootKey); err != nil {
		return nil, err
	}
	return &authority{root, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leafKey}}, nil
}

func (a *authority) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.leaf}, MinVersion: tls.VersionTLS12}
}

// pool is others, which may be nil, and the authority.
func (a *authority) pool(others *x509.CertPool) *x509.CertPool {
	pool := x509.NewCertPool()
	if others != nil {
		pool = others.Clone()
	}
	pool.AddCert(a.root)
	return pool
}

// A door is a listener that can be frozen: it then takes connections and never
// says a word on them, not even in TLS.
type door struct {
	net.Listener
	mu     sync.Mutex
	frozen bool
	held   []net.Conn
}

func newDoor(l net.Listener) *door { return &door{Listener: l} }

// Accept returns the next connection that is to be served.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil || !d.hold(conn) {
			return conn, err
		}
	}
}

func (d *door) hold(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen {
		d.held = append(d.held, c)
	}
	return d.frozen
}

// freeze turns the silence on or off; connections that met it are closed at the end of it.
func (d *door) freeze(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = on
	if on {
		return
	}
	for _, c := range d.held {
		_ = c.Close()
	}
	d.held = nil
}
