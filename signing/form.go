package signing

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	structured "github.com/dunglas/httpsfv"
)

// A Form is how a request is signed.
type Form string

// The forms. Every server takes Cavage, and some only RFC9421.
const (
	Cavage  Form = "cavage"
	RFC9421 Form = "rfc9421"
)

// Wish is what a server asks of signatures in Accept-Signature (RFC 9421 section
// 5.1). The zero Wish asks for nothing: label sig1 over what Mastodon demands.
type Wish struct {
	Label      string
	Components []string // beside those that are always covered
	Expires    bool
	Nonce, Tag string
}

// wishable are the components that a request of ours has.
var wishable = []string{"@authority", "@scheme", "@request-target", "@path", "@query", "host", "date", "content-type", "content-length"}

// The components that every signature of ours covers.
var always = []string{"@method", "@target-uri", "content-digest"}

// expiresAfter is what a signature is good for whose receiver wants an end.
const expiresAfter = 5 * time.Minute

// ReadWish reads Accept-Signature from an answer, and returns the first
// signature that can be made. It says false when there is none.
func ReadWish(h http.Header) (Wish, bool) {
	if len(strings.Join(h.Values("Accept-Signature"), "")) > maxWish {
		return Wish{}, false
	}
	asked, err := dictionary(h.Values("Accept-Signature"))
	if err != nil {
		return Wish{}, false
	}
	for _, label := range asked.Names() {
		member, _ := asked.Get(label)
		if list, ok := member.(structured.InnerList); ok {
			if w, ok := readWish(label, list); ok {
				return w, true
			}
		}
	}
	return Wish{}, false
}

// maxWish bounds an Accept-Signature, in bytes.
const maxWish = 1 << 10

func readWish(label string, list structured.InnerList) (Wish, bool) {
	w := Wish{Label: label}
	for _, item := range list.Items {
		name, _ := item.Value.(string)
		switch {
		case len(item.Params.Names()) > 0 || slices.Contains(w.Components, name):
			return Wish{}, false
		case slices.Contains(always, name):
		case slices.Contains(wishable, name):
			w.Components = append(w.Components, name)
		default:
			return Wish{}, false
		}
	}
	for _, name := range list.Params.Names() {
		value, _ := list.Params.Get(name)
		switch name {
		case "expires":
			w.Expires = true
		case "nonce":
			w.Nonce, _ = value.(string)
		case "tag":
			w.Tag, _ = value.(string)
		}
	}
	return w, true
}

// SignAs signs r in the form, as [Key.Sign] does in the one form and
// [Key.SignRFC9421] in the other.
func (k *Key) SignAs(form Form, wish Wish, r *http.Request, body []byte, keyID string, now time.Time) error {
	if form == RFC9421 {
		return k.SignRFC9421(wish, r, body, keyID, now)
	}
	return k.Sign(r, body, keyID, now)
}

// SignRFC9421 signs r, whose body is body (nil for a GET), with HTTP Message
// Signatures in the form that Mastodon and Fedify take: @method, @target-uri and
// with a body content-digest, with created, keyid and alg; and what wish asks
// beside. It sets Date, Content-Digest, Signature-Input and Signature anew, and
// changes nothing when it fails.
func (k *Key) SignRFC9421(wish Wish, r *http.Request, body []byte, keyID string, now time.Time) error {
	if strings.ContainsFunc(keyID, splitsHeader) {
		return fmt.Errorf("signing: sign for %s: key id %q cannot stand in a header", r.URL.Host, keyID)
	}
	date, digest := now.UTC().Format(http.TimeFormat), ""
	if body != nil {
		digest = writeContentDigest(body)
	}
	params, err := k.parameters(wish, body != nil, keyID, now)
	if err != nil {
		return fmt.Errorf("signing: sign for %s: %w", r.URL.Host, err)
	}
	base, err := outgoingParts(r, body, date, digest).base(params)
	if err != nil {
		return fmt.Errorf("signing: sign for %s: %w", r.URL.Host, err)
	}
	signature, err := k.SignMessage(base)
	if err != nil {
		return fmt.Errorf("signing: sign for %s: %w", r.URL.Host, err)
	}
	for _, old := range []string{"Digest", "Content-Digest"} {
		r.Header.Del(old)
	}
	if body != nil {
		r.Header.Set("Content-Digest", digest)
	}
	label := cmp.Or(wish.Label, "sig1")
	r.Header.Set("Date", date)
	r.Header.Set("Signature-Input", label+"="+params.text)
	r.Header.Set("Signature", label+"="+bytesItem(signature))
	return nil
}

// parameters writes @signature-params (section 2.3).
func (k *Key) parameters(wish Wish, hasBody bool, keyID string, now time.Time) (signatureParams, error) {
	covered := append(slices.Clone(always), wish.Components...)
	if !hasBody {
		covered = slices.DeleteFunc(covered, func(name string) bool { return strings.HasPrefix(name, "content-") })
	}
	list := structured.InnerList{Params: structured.NewParams()}
	for _, name := range covered {
		list.Items = append(list.Items, structured.NewItem(name))
	}
	list.Params.Add("created", now.Unix())
	if wish.Expires {
		list.Params.Add("expires", now.Add(expiresAfter).Unix())
	}
	list.Params.Add("keyid", keyID)
	algorithm := rsaV15
	if _, ok := k.public.(ed25519.PublicKey); ok {
		algorithm = ed25519Name
	}
	list.Params.Add("alg", algorithm)
	if wish.Nonce != "" {
		list.Params.Add("nonce", wish.Nonce)
	}
	if wish.Tag != "" {
		list.Params.Add("tag", wish.Tag)
	}
	text, err := structured.Marshal(list)
	return signatureParams{covered, text}, err
}

// outgoingParts are what a signature of ours can cover of r.
func outgoingParts(r *http.Request, body []byte, date, digest string) parts {
	return parts{
		method: cmp.Or(r.Method, http.MethodGet), scheme: r.URL.Scheme,
		host: cmp.Or(r.Host, r.URL.Host), target: r.URL.RequestURI(),
		field: func(name string) []string {
			switch name {
			case "date":
				return []string{date}
			case "content-digest":
				return []string{digest}
			case "content-length":
				return []string{strconv.Itoa(len(body))}
			}
			return r.Header.Values(name)
		},
	}
}

// bytesItem writes a byte sequence of RFC 9651 section 3.3.5.
func bytesItem(b []byte) string { return ":" + base64.StdEncoding.EncodeToString(b) + ":" }
