package signing

import (
	"crypto"
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

// newKeyBits is the size of a key made here: the least that NZISM 17.2.24 allows.
const newKeyBits = 3072

// maxKeyFile is more than any PEM private key needs.
const maxKeyFile = 64 << 10

// File reads the PEM private key (PKCS #8 or PKCS #1) at path, or makes an
// RSA-3072 one there, mode 0600, when there is none. It refuses a file that
// others may read. Whoever makes it at the same time gets the same key, and a
// full disk leaves no part of one.
func File(path string) (*Key, error) {
	key, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFile(path); err != nil {
			return nil, fmt.Errorf("signing: make key file %s: %w", path, err)
		}
		key, err = readFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("signing: key file %s: %w", path, err)
	}
	return key, nil
}

func readFile(path string) (*Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := private(info, path); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, err
	}
	signer, err := parsePrivate(text)
	if err != nil {
		return nil, err
	}
	return New(signer)
}

// private says why the file is not one that only its owner may read. Windows
// has no such modes; there the folder's access list must do it.
func private(info fs.FileInfo, path string) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("mode %#o lets others at the private key; run: chmod 600 %s", mode, path)
	}
	return nil
}

func parsePrivate(text []byte) (crypto.Signer, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("over %d bytes: not a PEM private key", maxKeyFile)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM private key; move the file away to have a new key made")
	}
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

// makeFile puts a whole new key at path, or leaves the one that another process
// put there first: a hard link, unlike a rename, never replaces.
func makeFile(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, newKeyBits)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	temp, err := writeTemp(filepath.Dir(path), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
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
