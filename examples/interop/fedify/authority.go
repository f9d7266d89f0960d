package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// authority is a certificate authority for one conversation: Fedify asks for a
// handle over https alone, so both servers speak TLS and check each other.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Interop for an hour"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &authority{certificate, key}, nil
}

// issue makes a certificate for localhost.
func (a *authority) issue() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := sign(&x509.Certificate{DNSNames: []string{"localhost"}}, a.certificate, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func sign(template, parent *x509.Certificate, public any, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	now := time.Now()
	template.SerialNumber = big.NewInt(now.UnixNano())
	template.NotBefore, template.NotAfter = now.Add(-time.Minute), now.Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// pool trusts the authority and nobody else.
func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// files are what Node reads: the authority to trust, and a certificate with its key.
type files struct{ authority, certificate, key string }

// write issues a certificate into dir.
func (a *authority) write(dir string) (files, error) {
	leaf, err := a.issue()
	if err != nil {
		return files{}, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		return files{}, err
	}
	f := files{filepath.Join(dir, "authority.pem"), filepath.Join(dir, "peer.pem"), filepath.Join(dir, "peer-key.pem")}
	for _, part := range []struct {
		path, kind string
		der        []byte
	}{
		{f.authority, "CERTIFICATE", a.certificate.Raw},
		{f.certificate, "CERTIFICATE", leaf.Certificate[0]},
		{f.key, "PRIVATE KEY", key},
	} {
		text := pem.EncodeToMemory(&pem.Block{Type: part.kind, Bytes: part.der})
		if err := os.WriteFile(part.path, text, 0o600); err != nil {
			return files{}, fmt.Errorf("write a certificate: %w", err)
		}
	}
	return f, nil
}
