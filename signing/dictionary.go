package signing

import (
	"fmt"

	structured "github.com/dunglas/httpsfv"
)

// dictionary reads a field that is a dictionary (RFC 9651 section 4.2.2). What
// httpsfv v1.1.0 panics at, such as %"a" anywhere but at the start, is an error.
func dictionary(values []string) (d *structured.Dictionary, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = nil, fmt.Errorf("not a dictionary: %v", p)
		}
	}()
	return structured.UnmarshalDictionary(values)
}
