// Package knock decides how a request to another server is signed: with
// draft-cavage, which nearly everybody takes, and where that is refused once more
// with RFC 9421 (double knocking); with RFC 9421 alone where a host has shown it.
package knock

import (
	"net/http"

	"github.com/panui/panui/signing"
)

// A Knock is how one request is signed. The zero Knock is draft-cavage.
type Knock struct {
	Form signing.Form
	Wish signing.Wish
}

// Sign signs r with key, as [signing.Key.SignAs] does.
type Sign func(k Knock, r *http.Request) error

// An Answer is what of an answer says something about the form of the request.
type Answer struct {
	Status int           // 0 where none came
	Wish   *signing.Wish // how the server wants requests signed; nil when it does not say
}

// Read takes from an answer what says something about the form.
func Read(status int, h http.Header) Answer {
	a := Answer{Status: status}
	if wish, ok := signing.ReadWish(h); ok {
		a.Wish = &wish
	}
	return a
}

// Second says whether an answer is reason to knock once more, and how. A host that
// has shown RFC 9421 is not asked in the older form again.
func (k Knock) Second(a Answer) (Knock, bool) {
	switch {
	case !a.BlamesForm():
		return Knock{}, false
	case a.Wish != nil:
		return Knock{signing.RFC9421, *a.Wish}, true
	case k.Form != signing.RFC9421:
		return Knock{Form: signing.RFC9421}, true
	}
	return Knock{}, false
}

// BlamesForm says whether an answer may be about the signature's form: to software
// that does not know it, the signature is missing or wrong. A 400 is mostly about
// what was sent, and final.
func (a Answer) BlamesForm() bool {
	switch a.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return true
	case http.StatusBadRequest:
		return a.Wish != nil
	}
	return false
}

// Shows says whether the host has shown RFC 9421: it took what was signed so, or
// took something else and asked for it.
func (k Knock) Shows(a Answer) bool {
	return a.Status/100 == 2 && (k.Form == signing.RFC9421 || a.Wish != nil)
}
