package inbox

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/internal/document"
	"github.com/panui/panui/signing"
)

// Guard shows what documents serves only to who signs the GET or HEAD with the key
// of an actor that is not blocked (authorized fetch). Others get 401 or 403, and the
// same whether or not there is a document. No cache keeps what is shown.
//
// To find a key its server is asked, so requests are bounded as those to the inbox
// are: the places, and the budget of an address for what does not verify, are the same.
func (h *Handler) Guard(documents http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.once.Do(h.prepare)
		if !document.Readable(w, r) {
			return
		}
		if refusal := h.admit(r); refusal != nil {
			h.refuse(w, r, refusal, "fetch refused")
			return
		}
		documents.ServeHTTP(document.Private(w, signedBy...), r)
	})
}

// signedBy are the header fields by which a caller is known.
var signedBy = []string{"Authorization", "Signature", "Signature-Input"}

// admit says why a caller is shown nothing, or nil.
func (h *Handler) admit(r *http.Request) (refusal *signing.Refusal) {
	defer func() {
		if broken := recover(); broken != nil {
			refusal = refuse(panicked, fmt.Errorf("%v at %s", broken, debug.Stack()))
		}
	}()
	visit, refusal := h.gate.enter(r, h.now())
	if refusal != nil {
		return refusal
	}
	defer visit.leave()
	if refusal := visit.work(r.Context()); refusal != nil {
		return refusal
	}
	if h.Fresh != nil {
		if err := h.Fresh(r.Context()); err != nil {
			return refuse(storeFailed, err)
		}
	}
	v, refusal := h.verify(r, nil, as2.Activity{}, visit)
	if refusal == nil && h.blocks(as2.Activity{Actor: v.Actor()}, actor.Remote{}) {
		return refuse(actorBlocked, nil)
	}
	if refusal == nil || refusal.Reason == signing.Missing {
		return refusal // who does not sign costs nothing, and may be a browser
	}
	visit.charge()
	return unproven(refusal)
}

// unproven is a refusal for a signature that cannot be read: for a GET that is as
// good as none.
func unproven(r *signing.Refusal) *signing.Refusal {
	if r.Status == http.StatusBadRequest && strings.HasPrefix(r.Reason, "signature-") {
		return &signing.Refusal{Status: http.StatusUnauthorized, Reason: r.Reason, Err: r.Err}
	}
	return r
}
