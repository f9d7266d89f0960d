// Package pkcs11 signs with keys that never leave an HSM, a smart card or a
// software token, by the PKCS #11 interface (OASIS, version 2.40).
//
//	token, err := pkcs11.Open(pkcs11.Config{
//		Module: "/usr/lib/softhsm/libsofthsm2.so", Label: "panui", PIN: pkcs11.PINFile("/run/secrets/pin"),
//	})
//	private, err := token.Key("news", nil)
//	key, err := signing.New(private)
//
// It needs cgo, because the interface is one of C; built without, the package is
// empty. A key that a token has made is in no key file and so in no recovery kit:
// the maker of the token says how it is backed up.
package pkcs11
