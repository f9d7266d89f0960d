// Package keyfile keeps private keys in files that only their owner may read.
package keyfile

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// NewBits is the size of an RSA key made here: the least that NZISM 17.2.24 allows.
const NewBits = 3072

// Max is more bytes than any PEM private key needs.
const Max = 64 << 10

// RSA makes an RSA key of NewBits.
func RSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, NewBits) }

// Ed25519 makes an Ed25519 key.
func Ed25519() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// ReadOrMake reads the key at path, or puts a new one there, on the disk before
// it is returned. Whoever makes one at the same time gets the same key.
func ReadOrMake(path string, fresh func() (crypto.Signer, error)) (crypto.Signer, error) {
	key, err := Read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	made, err := fresh()
	if err != nil {
		return nil, err
	}
	if err := place(path, made); err != nil {
		return nil, fmt.Errorf("make key file: %w", err)
	}
	return Read(path)
}

// Read reads the PEM private key (PKCS #8 or PKCS #1) at path. It refuses a file
// that others may read.
func Read(path string) (crypto.Signer, error) {
	text, err := ReadSecret(path, Max)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return Parse(text)
}

// Write puts key at path, and changes nothing where that is the key there
// already. It never replaces another key, nor a file that it cannot read.
func Write(path string, key crypto.Signer) error {
	if err := place(path, key); err != nil {
		return err
	}
	there, err := Read(path)
	if err != nil {
		return fmt.Errorf("what is there stays as it is: %w", err)
	}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(there.Public()) {
		return errors.New("another key is there already, and stays; move it away first if that is what you want")
	}
	return nil
}

// ReadSecret reads a file of at most max bytes, and refuses one that others may
// read. Windows has no such modes; there the folder's access list must do it.
func ReadSecret(path string, max int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("mode %#o lets others at this secret; run: chmod 600 %s", mode, path)
	}
	text := make([]byte, max+1) // never grown, so that no copy of a secret stays behind
	n, err := io.ReadFull(f, text)
	switch {
	case err == nil:
		clear(text)
		return nil, fmt.Errorf("over %d bytes", max)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return text[:n], nil
	}
	clear(text)
	return nil, err
}

// Parse reads the first PEM block of text, whatever stands before it.
func Parse(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM private key; move the file away to have a new key made")
	}
	defer clear(block.Bytes)
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("a %T does not sign", key)
		}
		return signer, nil
	default:
		return nil, fmt.Errorf("PEM block %q is not a private key that is readable here (PKCS #8 or PKCS #1, not encrypted)", block.Type)
	}
}

// Marshal writes a private key as PKCS #8 in PEM. It fails for a signer that
// keeps the key to itself, as a KMS and an HSM do.
func Marshal(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// place puts a whole key at path, mode 0600, or leaves what is there: a hard
// link, unlike a rename, never replaces.
func place(path string, key crypto.Signer) error {
	text, err := Marshal(key)
	if err != nil {
		return err
	}
	defer clear(text)
	temp, err := writeTemp(filepath.Dir(path), text)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeTemp writes text to a new file, mode 0600, and returns its name once it
// is on the disk.
func writeTemp(dir string, text []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, ".panui-key-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// syncDir makes a new name in dir survive a power loss, where the system has a way.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
