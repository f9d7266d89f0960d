package actortest

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signatures are the forms in which a server signs and takes requests.
type Signatures int

// The forms.
const (
	CavageAlone  Signatures = iota // draft-cavage, as nearly all software does
	RFC9421Alone                   // RFC 9421: the other form is answered as no signature
	Both                           // takes either; signs with RFC 9421, and once more with draft-cavage where that is refused, as Fedify does
)

// postForms are the ways to sign a POST, in the order in which they are tried.
func (a *Actor) postForms() []func(*http.Request, []byte, Forge) error {
	switch a.server.o.Signatures {
	case RFC9421Alone:
		return []func(*http.Request, []byte, Forge) error{a.signPostRFC9421}
	case Both:
		return []func(*http.Request, []byte, Forge) error{a.signPostRFC9421, a.signPost}
	}
	return []func(*http.Request, []byte, Forge) error{a.signPost}
}

// signPostRFC9421 signs a request as Mastodon does with RFC 9421, as far as f lets it.
func (a *Actor) signPostRFC9421(r *http.Request, body []byte, f Forge) error {
	r.Header.Set("Content-Digest", cmp.Or(f.Digest, contentDigestOf(body)))
	covered := names("@method @target-uri content-digest")
	if f.Cover != nil {
		covered = f.Cover
	}
	if !f.Unsigned {
		if err := a.attachRFC9421(r, covered, f); err != nil {
			return err
		}
	}
	f.put(r)
	return nil
}

// attachRFC9421 makes the signature over the components.
func (a *Actor) attachRFC9421(r *http.Request, covered []string, f Forge) error {
	key := f.Key
	if key == nil {
		own, err := a.key()
		if err != nil {
			return err
		}
		key = own
	}
	now := a.server.now().Add(f.DateOffset)
	r.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	s := messageSignature{label: "sig1"}
	quoted := make([]string, len(covered))
	for i, name := range covered {
		s.covered, quoted[i] = append(s.covered, component{name: name}), strconv.Quote(name)
	}
	s.paramsText = fmt.Sprintf(`(%s);created=%d;keyid="%s"`, strings.Join(quoted, " "), now.Unix(), cmp.Or(f.KeyID, a.KeyID()))
	if f.Algorithm != "" {
		s.paramsText += `;alg="` + f.Algorithm + `"`
	}
	base, err := s.base(leaving(r), r.URL.Scheme)
	if err != nil {
		return fmt.Errorf("actortest: sign: %w", err)
	}
	if s.value, err = signBase(base, key); err != nil {
		return fmt.Errorf("actortest: sign: %w", err)
	}
	r.Header.Set("Signature-Input", s.label+"="+s.paramsText)
	r.Header.Set("Signature", s.label+"=:"+base64.StdEncoding.EncodeToString(s.value)+":")
	return nil
}

func signBase(base []byte, key crypto.Signer) ([]byte, error) {
	if _, edwards := key.Public().(ed25519.PublicKey); edwards {
		return key.Sign(rand.Reader, base, crypto.Hash(0))
	}
	sum := sha256.Sum256(base)
	return key.Sign(rand.Reader, sum[:], crypto.SHA256)
}

// proveRFC9421 checks who signed the request, as Mastodon does: keyid, created,
// method, target and, with a body, its digest.
func (s *Server) proveRFC9421(r *http.Request, body []byte) (Signature, *refusal) {
	status := s.manner.refused
	sig, err := messageSignatureOf(r.Header)
	if err != nil {
		return Signature{}, refuse(status, "signature cannot be read: %v", err)
	}
	seen := Signature{KeyID: sig.params["keyid"], Algorithm: cmp.Or(sig.params["alg"], "rsa-v1_5-sha256"), Covered: sig.names()}
	if hostOf(seen.KeyID) == "" {
		return seen, refuse(status, "keyid %q is not a URL", seen.KeyID)
	}
	if seen.Signed, err = s.checkCreated(sig); err != nil {
		return seen, refuse(status, "%v", err)
	}
	if err := s.checkCoverRFC9421(r, body, sig); err != nil {
		return seen, refuse(status, "%v", err)
	}
	scheme, _, _ := strings.Cut(s.url, "://")
	owner, no := s.checkKey(r, seen.KeyID, func(key crypto.PublicKey) error { return sig.verify(received(r), scheme, key) })
	seen.Owner = owner
	return seen, no
}

// checkCreated reads created, and looks how far it and expires are off.
func (s *Server) checkCreated(sig messageSignature) (time.Time, error) {
	seconds, err := strconv.ParseInt(sig.params["created"], 10, 64)
	if err != nil {
		return time.Time{}, errors.New("created is not a number")
	}
	signed := time.Unix(seconds, 0)
	if m, age := s.manner, s.now().Sub(signed); m.past != 0 && (age > m.past || -age > m.future) {
		return signed, fmt.Errorf("date is off by %s", age.Round(time.Second))
	}
	if text, given := sig.params["expires"]; given {
		end, err := strconv.ParseInt(text, 10, 64)
		if err != nil || s.now().After(time.Unix(end, 0).Add(time.Minute)) {
			return signed, errors.New("signature has expired")
		}
	}
	return signed, nil
}

func (s *Server) checkCoverRFC9421(r *http.Request, body []byte, sig messageSignature) error {
	for _, name := range []string{"@method", "@target-uri", "content-digest"} {
		if !sig.covers(name) && (name != "content-digest" || body != nil) {
			return fmt.Errorf("%s is not signed", name)
		}
	}
	if r.Host != s.Host() {
		return fmt.Errorf("host is %q", r.Host)
	}
	if body == nil {
		return nil
	}
	return checkContentDigest(r.Header, body)
}
