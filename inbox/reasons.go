package inbox

import (
	"net/http"
	"slices"

	"github.com/panui/panui/signing"
)

const (
	noSuchInbox      = "no-such-inbox"
	wrongMethod      = "method"
	headerTooLarge   = "header-too-large"
	wrongMediaType   = "media-type"
	bodyTooLong      = "body-too-long"
	bodyEmpty        = "body-empty"
	budgetUsed       = "budget-used"
	busy             = "busy"
	bodySlow         = "body-slow"
	bodyBroken       = "body-broken"
	jsonRefused      = "json-refused"
	verifierBroken   = "verifier-broken"
	actorUnreachable = "actor-unreachable"
	actorUnusable    = "actor-unusable"
	actorOurs        = "actor-is-ours"
	actorNotSigner   = "actor-not-signer"
	idElsewhere      = "id-elsewhere"
	actorBlocked     = "actor-blocked"
	objectOurs       = "object-is-ours"
	objectOfAnother  = "object-of-another"
	storedOfAnother  = "stored-for-another"
	undoOfAnother    = "undo-of-another"
	noSuchActor      = "no-such-actor"
	peerBudgetUsed   = "peer-budget-used"
	storeFailed      = "store-failed"
	panicked         = "panicked"
)

// reasons stand in the order in which a request meets them; between
// json-refused and verifier-broken come those of package signing.
var reasons = []signing.Reason{
	{Code: noSuchInbox, Status: http.StatusNotFound, Meaning: "The URL is not exactly that of one of our inboxes."},
	{Code: wrongMethod, Status: http.StatusMethodNotAllowed, Meaning: "An inbox takes POST only."},
	{Code: headerTooLarge, Status: http.StatusBadRequest, Meaning: "The header fields together are over the limit."},
	{Code: wrongMediaType, Status: http.StatusUnsupportedMediaType, Meaning: "There is not exactly one Content-Type of ActivityPub, or the body is compressed."},
	{Code: bodyTooLong, Status: http.StatusRequestEntityTooLarge, Meaning: "The body is over the limit."},
	{Code: bodyEmpty, Status: http.StatusBadRequest, Meaning: "There is no body."},
	{Code: budgetUsed, Status: http.StatusTooManyRequests, Meaning: "The address sent too much that did not verify. From one address and many peers at once: list the proxy in Handler.Proxies."},
	{Code: busy, Status: http.StatusServiceUnavailable, Meaning: "As many requests are inside as are let in."},
	{Code: bodySlow, Status: http.StatusRequestTimeout, Meaning: "The body did not arrive in time."},
	{Code: bodyBroken, Status: http.StatusBadRequest, Meaning: "The body ended early or was framed wrongly."},
	{Code: jsonRefused, Status: http.StatusBadRequest, Meaning: "The body is not an activity as a strict reader takes it."},
	{Code: verifierBroken, Status: http.StatusInternalServerError, Meaning: "The verifier failed without a reason. Ours to mend."},
	{Code: actorOurs, Status: http.StatusForbidden, Meaning: "An actor with an id of ours spoke over the network."},
	{Code: actorNotSigner, Status: http.StatusForbidden, Meaning: "The key is another actor's than the activity's. Forwarded activities are not taken."},
	{Code: idElsewhere, Status: http.StatusForbidden, Meaning: "The activity's id is not of its actor's origin."},
	{Code: actorUnreachable, Status: http.StatusServiceUnavailable, Meaning: "The document of who asks to follow could not be had just now; the peer should try again."},
	{Code: actorUnusable, Status: http.StatusForbidden, Meaning: "The document of who asks to follow is not that of an actor, or names an inbox that we never deliver to."},
	{Code: actorBlocked, Status: http.StatusForbidden, Meaning: "The actor, its inbox, or something that it names, is blocked."},
	{Code: objectOurs, Status: http.StatusForbidden, Meaning: "It would change something of ours from outside."},
	{Code: objectOfAnother, Status: http.StatusForbidden, Meaning: "What is said has another author than who says it, or an id of another origin."},
	{Code: undoOfAnother, Status: http.StatusForbidden, Meaning: "What is undone was done by another actor."},
	{Code: storedOfAnother, Status: http.StatusForbidden, Meaning: "What is stored under the id was said by another actor."},
	{Code: noSuchActor, Status: http.StatusNotFound, Meaning: "A Follow of something that is not an actor here."},
	{Code: peerBudgetUsed, Status: http.StatusTooManyRequests, Meaning: "The actor changed as much as one may in a day, or the actors of its host as much as they may in a minute. Taking back is always taken."},
	{Code: storeFailed, Status: http.StatusServiceUnavailable, Meaning: "The store failed, or kept changing under the decision; nothing has changed and the peer should try again."},
	{Code: panicked, Status: http.StatusInternalServerError, Meaning: "A defect. Ours to mend; the detail says where."},
}

// Reasons lists the codes of this package with status and meaning, in the order
// in which a request meets them. Those of signing.Reasons come between.
func Reasons() []signing.Reason { return slices.Clone(reasons) }

// refuse makes the Refusal with a code of the table.
func refuse(code string, err error) *signing.Refusal {
	i := slices.IndexFunc(reasons, func(r signing.Reason) bool { return r.Code == code })
	return &signing.Refusal{Status: reasons[i].Status, Reason: code, Err: err}
}
