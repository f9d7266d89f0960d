package actortest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"unicode/utf16"
)

// VerifyProof verifies the integrity proof of a document (FEP-8b32,
// eddsa-jcs-2022) by the document of its owner alone, which is fetched, and
// returns the owner: who is said to have done the activity, or to have written the object.
func (a *Actor) VerifyProof(ctx context.Context, document []byte) (owner string, err error) {
	doc, err := readObject(document)
	if err != nil {
		return "", fmt.Errorf("actortest: VerifyProof: %w", err)
	}
	owner = doc.text("actor")
	if owner == "" {
		owner = doc.text("attributedTo")
	}
	actor, err := a.fetchAs(ctx, owner)
	if err != nil {
		return "", fmt.Errorf("actortest: VerifyProof: %w", err)
	}
	if err := verifyIntegrity(doc, actor); err != nil {
		return "", fmt.Errorf("actortest: VerifyProof: %w", err)
	}
	return owner, nil
}

// checkIntegrity demands a proof of what is said to everybody.
func (s *Server) checkIntegrity(ctx context.Context, activity object, body []byte) *refusal {
	if !s.o.Proofs || !slices.Contains(append(activity.ids("to"), activity.ids("cc")...), public) {
		return nil
	}
	owner, err := s.instance().VerifyProof(ctx, body)
	switch {
	case err != nil:
		return refuse(s.manner.refused, "%v", err)
	case owner != activity.ref("actor"):
		return refuse(s.manner.refused, "proof of %q, activity of %q", owner, activity.ref("actor"))
	}
	return nil
}

// verifyIntegrity verifies the proof of a document by a key that the actor lists.
func verifyIntegrity(doc, actor object) error {
	proof := doc.inner("proof")
	switch {
	case proof == nil:
		return errors.New("no proof")
	case len(doc.list("proof")) > 1:
		return errors.New("several proofs")
	case proof.text("type") != "DataIntegrityProof" || proof.text("cryptosuite") != "eddsa-jcs-2022":
		return fmt.Errorf("proof is %s %s", proof.text("type"), proof.text("cryptosuite"))
	case proof.text("proofPurpose") != "assertionMethod":
		return fmt.Errorf("proof is for %s", proof.text("proofPurpose"))
	case proof.moment("created").IsZero():
		return errors.New("proof has no time")
	}
	if own, ok := proof["@context"]; ok && canonical(own) != canonical(doc["@context"]) {
		return errors.New("proof has another context than its document")
	}
	key, err := assertionMethod(actor, proof.text("verificationMethod"))
	if err != nil {
		return err
	}
	value, err := multibase(proof.text("proofValue"))
	if err != nil {
		return err
	}
	options, rest := maps.Clone(proof), maps.Clone(doc)
	delete(options, "proofValue")
	delete(rest, "proof")
	delete(rest, "signature")
	first, second := sha256.Sum256([]byte(canonical(options))), sha256.Sum256([]byte(canonical(rest)))
	if !ed25519.Verify(key, append(first[:], second[:]...), value) {
		return errors.New("proof is wrong")
	}
	return nil
}

// assertionMethod takes a key out of an actor's document (FEP-521a).
func assertionMethod(actor object, id string) (ed25519.PublicKey, error) {
	for _, v := range actor.list("assertionMethod") {
		m, _ := v.(map[string]any)
		method := object(m)
		if id == "" || method.text("id") != id {
			continue
		}
		if method.text("type") != "Multikey" || method.text("controller") != actor.text("id") {
			return nil, fmt.Errorf("method %s is a %s of %q", id, method.text("type"), method.text("controller"))
		}
		key, err := multibase(method.text("publicKeyMultibase"))
		if err != nil {
			return nil, err
		}
		if key, ok := bytes.CutPrefix(key, []byte{0xed, 0x01}); ok && len(key) == ed25519.PublicKeySize {
			return key, nil
		}
		return nil, fmt.Errorf("method %s is no Ed25519 key", id)
	}
	return nil, fmt.Errorf("method %q is not listed by %q", id, actor.text("id"))
}

// multibase reads base58btc.
func multibase(text string) ([]byte, error) {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	digits, ok := strings.CutPrefix(text, "z")
	if !ok || len(digits) > 200 {
		return nil, fmt.Errorf("%.20q is no base58btc", text)
	}
	n := new(big.Int)
	for _, c := range digits {
		i := strings.IndexRune(alphabet, c)
		if i < 0 {
			return nil, fmt.Errorf("%.20q is no base58btc", text)
		}
		n.Add(n.Mul(n, big.NewInt(58)), big.NewInt(int64(i)))
	}
	zeros := len(digits) - len(strings.TrimLeft(digits, "1"))
	return append(make([]byte, zeros), n.Bytes()...), nil
}

// canonical writes what encoding/json has read in the form of RFC 8785.
func canonical(v any) string {
	switch v := v.(type) {
	case object:
		return canonical(map[string]any(v))
	case map[string]any:
		names := slices.SortedFunc(maps.Keys(v), func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		members := make([]string, 0, len(names))
		for _, name := range names {
			members = append(members, quote(name)+":"+canonical(v[name]))
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		items := make([]string, 0, len(v))
		for _, item := range v {
			items = append(items, canonical(item))
		}
		return "[" + strings.Join(items, ",") + "]"
	case string:
		return quote(v)
	case float64:
		if v == 0 {
			return "0" // minus zero too
		}
	}
	b, _ := json.Marshal(v) // numbers as ECMAScript writes them, true, false and null
	return string(b)
}

// quote writes a string with the escapes that RFC 8785 section 3.2.2.2 asks for.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		if i := strings.IndexRune("\b\t\n\f\r\"\\", c); i >= 0 {
			b.WriteString(`\` + `btnfr"\`[i:i+1])
		} else if c < ' ' {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
