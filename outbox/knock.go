package outbox

import (
	"net/http"

	"github.com/panui/panui/signing/knock"
)

// knocked is what the answer says about the form of the signature. What failed on
// the way says nothing.
func (a answer) knocked() knock.Answer {
	if a.err != nil {
		return knock.Answer{}
	}
	return knock.Answer{Status: a.status, Wish: a.wish}
}

// blamesKey says whether an answer may be about the key. Pleroma and Lemmy answer
// 400 to a signature that they cannot check.
func (a answer) blamesKey() bool {
	return a.status == http.StatusBadRequest || a.knocked().BlamesForm()
}

// outweighs says whether what came of a second knock is what counts. What was not
// sent, or was refused again, says less than the first refusal.
func (second result) outweighs() bool {
	return !second.unsent && !second.answer.knocked().BlamesForm()
}
