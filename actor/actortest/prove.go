package actortest

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// prove checks who signed the request, in the order and with the strictness of
// the dialect. Body is nil for a GET.
func (s *Server) prove(r *http.Request, body []byte) (Signature, *refusal) {
	m := s.manner
	switch modern := r.Header.Get("Signature-Input") != ""; {
	case modern && s.o.Signatures != CavageAlone:
		return s.proveRFC9421(r, body)
	case !modern && s.o.Signatures == RFC9421Alone:
		return Signature{}, refuse(m.refused, "signature of RFC 9421 is missing")
	}
	if r.Header.Get("Signature") == "" && r.Header.Get("Authorization") == "" {
		return Signature{}, refuse(m.refused, "signature is missing")
	}
	sig, err := signatureOf(r.Header)
	if err != nil {
		return Signature{}, refuse(m.refused, "signature cannot be read: %v", err)
	}
	seen := Signature{KeyID: sig.keyID, Algorithm: sig.algorithm, Covered: sig.covered}
	seen.Signed, _ = signedAt(r, sig)
	for _, check := range []func(*http.Request, []byte, signature) error{s.checkForm, s.checkCover, s.checkDate, s.checkBody} {
		if err := check(r, body, sig); err != nil {
			return seen, refuse(m.refused, "%v", err)
		}
	}
	owner, no := s.checkKey(r, sig.keyID, func(key crypto.PublicKey) error { return s.verifies(r, sig, key) })
	seen.Owner = owner
	return seen, no
}

// checkForm looks at the parameters themselves.
func (s *Server) checkForm(_ *http.Request, _ []byte, sig signature) error {
	if s.manner.quotedParams && len(sig.bare) > 0 {
		return fmt.Errorf("parameter %s is not quoted", sig.bare[0])
	}
	if hostOf(sig.keyID) == "" {
		return fmt.Errorf("keyId %q is not a URL", sig.keyID)
	}
	return nil
}

// checkCover looks for the components that the dialect wants to be signed. One
// that can be said in two ways is written a|b.
func (s *Server) checkCover(_ *http.Request, body []byte, sig signature) error {
	for _, demand := range s.manner.demands {
		if demand == "digest" && body == nil {
			continue
		}
		if !slices.ContainsFunc(strings.Split(demand, "|"), sig.covers) {
			return fmt.Errorf("%s is not signed", demand)
		}
	}
	return nil
}

// checkDate looks at when the request says that it was signed, and until when it is good.
func (s *Server) checkDate(r *http.Request, _ []byte, sig signature) error {
	if sig.expires != "" {
		at, err := strconv.ParseInt(sig.expires, 10, 64)
		if err != nil || s.now().After(time.Unix(at, 0).Add(time.Minute)) {
			return errors.New("signature has expired")
		}
	}
	signed, err := signedAt(r, sig)
	if err != nil || signed.IsZero() {
		return err
	}
	age := s.now().Sub(signed)
	if m := s.manner; m.past != 0 && (age > m.past || -age > m.future) {
		return fmt.Errorf("date is off by %s", age.Round(time.Second))
	}
	return nil
}

// signedAt is the time that the signature covers; zero when it covers none.
func signedAt(r *http.Request, sig signature) (time.Time, error) {
	switch {
	case sig.covers("(created)"):
		at, err := strconv.ParseInt(sig.created, 10, 64)
		if err != nil {
			return time.Time{}, errors.New("created is not a number")
		}
		return time.Unix(at, 0), nil
	case sig.covers("date"):
		at, err := http.ParseTime(r.Header.Get("Date"))
		if err != nil {
			return time.Time{}, errors.New("date cannot be read")
		}
		return at, nil
	}
	return time.Time{}, nil
}

// checkBody compares digest and host with what arrived.
func (s *Server) checkBody(r *http.Request, body []byte, sig signature) error {
	if r.Host != s.Host() {
		return fmt.Errorf("host is %q", r.Host)
	}
	if body == nil || !sig.covers("digest") && r.Header.Get("Digest") == "" {
		return nil
	}
	return checkDigest(r.Header, body, s.manner.upperDigest)
}

// checkKey verifies with the key of the id, fetched once more when it does not
// fit, and returns whose it is.
func (s *Server) checkKey(r *http.Request, keyID string, verify func(crypto.PublicKey) error) (string, *refusal) {
	status := s.manner.refused
	if s.manner.late && r.Method == http.MethodPost {
		status = 0
	}
	key, err := s.keyOf(r.Context(), keyID, false)
	if errors.Is(err, errKept) {
		return "", refuse(status, "%v", err)
	}
	if err != nil {
		return "", refuse(cmp.Or(s.manner.keyFailure, status), "%v", err)
	}
	err = verify(key.key)
	if err != nil && key.remembered && !s.keepsKeys() {
		if renewed, fetchErr := s.keyOf(r.Context(), keyID, true); fetchErr == nil {
			key, err = renewed, verify(renewed.key)
		}
	}
	if err != nil {
		return "", refuse(status, "%v", err)
	}
	return key.owner, nil
}

func (s *Server) verifies(r *http.Request, sig signature, key crypto.PublicKey) error {
	m := received(r)
	err := sig.verify(m, key)
	if err != nil && s.manner.queryOptional && strings.Contains(m.target, "?") {
		return sig.verify(m.withoutQuery(), key)
	}
	return err
}

func (s *Server) keepsKeys() bool { return s.o.KeepKeys || s.manner.pinsKeys }
