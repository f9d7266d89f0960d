package signing

import (
	"net/http"
	"slices"
)

// Reason is one of the codes that a [Refusal] carries.
type Reason struct {
	Code    string
	Status  int // the stranger's answer
	Meaning string
}

// Missing is the reason that a request is not signed at all.
const Missing = "signature-missing"

const (
	misconfigured     = "misconfigured"
	headerTooLarge    = "header-too-large"
	signatureMissing  = Missing
	signatureSeveral  = "signature-several"
	signatureTooLarge = "signature-too-large"
	signatureBroken   = "signature-malformed"
	componentRefused  = "signature-component-refused"
	hostNotOurs       = "host-not-ours"
	algorithmRefused  = "algorithm-refused"
	notCovered        = "signature-covers-too-little"
	dateBroken        = "date-malformed"
	dateOutside       = "date-outside-window"
	digestBroken      = "digest-malformed"
	digestWrong       = "digest-wrong"
	keyIDRefused      = "key-id-refused"
	hostBlocked       = "host-blocked"
	keyUnknown        = "key-unknown"
	keyUnreachable    = "key-unreachable"
	keyRefused        = "key-refused"
	signatureWrong    = "signature-wrong"
)

// reasons stand in the order in which a request meets them.
var reasons = []Reason{
	{misconfigured, http.StatusInternalServerError, "The verifier has no usable base URL or no source of keys. Ours to mend."},
	{headerTooLarge, http.StatusBadRequest, "The header fields together are over the limit."},
	{signatureMissing, http.StatusUnauthorized, "The request is not signed."},
	{signatureSeveral, http.StatusBadRequest, "There is more than one draft-cavage signature: two Signature fields, or one beside Authorization: Signature."},
	{signatureTooLarge, http.StatusBadRequest, "The signature is too long or covers too many components."},
	{signatureBroken, http.StatusBadRequest, "The signature cannot be read: syntax, a parameter given twice, a component listed twice, an empty list, bad base64, no signature of that label."},
	{componentRefused, http.StatusUnauthorized, "The signature (RFC 9421) covers what is not taken here: a component with a parameter, such as @query-param, ;bs or ;sf, or one that a request does not have."},
	{hostNotOurs, http.StatusUnauthorized, "The request is for another host than the base URL's. From every peer: let the proxy keep Host (nginx: proxy_set_header Host $host), or set AnyHost."},
	{algorithmRefused, http.StatusUnauthorized, "The signature names an algorithm that is not taken, or one that is not its key's."},
	{notCovered, http.StatusUnauthorized, "The signature leaves out something that it must cover, or covers a field that is not there."},
	{dateBroken, http.StatusUnauthorized, "Date is missing, given twice, or not in the form of RFC 9110 section 5.6.7."},
	{dateOutside, http.StatusUnauthorized, "The request is too old, from the future or expired. Many of these from many peers: look at our own clock."},
	{digestBroken, http.StatusUnauthorized, "Digest is missing or is not exactly one SHA-256; with RFC 9421, Content-Digest has neither sha-256 nor sha-512."},
	{digestWrong, http.StatusUnauthorized, "Digest or Content-Digest is that of another body."},
	{keyIDRefused, http.StatusUnauthorized, "The key id is not an https URL on a public host name."},
	{hostBlocked, http.StatusForbidden, "The host of the key, or of its owner, is blocked."},
	{keyUnknown, http.StatusUnauthorized, "No actor's own document lists such a key."},
	{keyUnreachable, http.StatusServiceUnavailable, "The key's server could not be asked just now; the peer should try again."},
	{keyRefused, http.StatusUnauthorized, "The key is of a type or size that the policy does not take."},
	{signatureWrong, http.StatusUnauthorized, "The signature does not match, after asking for the key anew where that was due. From every peer at once: a proxy changes the path, or the base URL is not the one that peers see."},
}

// Reasons lists every code with its status and meaning, in the order in which
// a request meets them.
func Reasons() []Reason { return slices.Clone(reasons) }

// refuse makes the Refusal with a code of the table.
func refuse(code string, err error) *Refusal {
	i := slices.IndexFunc(reasons, func(r Reason) bool { return r.Code == code })
	return &Refusal{Status: reasons[i].Status, Reason: code, Err: err}
}
