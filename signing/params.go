package signing

import (
	"errors"
	"fmt"
	"strings"
)

// params are the parameters of a draft-cavage signature by name.
type params map[string]string

// parseParams reads name="value" and name=value, separated by commas
// (draft-cavage-12 section 2.1, RFC 7235 section 2.1). It refuses a name given
// twice and everything that two readers could take for two things.
func parseParams(s string) (params, error) {
	p := params{}
	for {
		name, rest, ok := strings.Cut(s, "=")
		name = strings.Trim(name, " \t")
		if !ok || !isToken(name) {
			return nil, fmt.Errorf("%q is not a parameter", name)
		}
		if _, twice := p[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		value, rest, err := cutValue(strings.TrimLeft(rest, " \t"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p[name] = value
		if rest == "" {
			return p, nil
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("no comma after %s", name)
		}
		s = rest[1:]
	}
}

// cutValue takes a quoted string without escapes, or a token, off the front of s.
func cutValue(s string) (value, rest string, err error) {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		value, rest, ok = strings.Cut(quoted, `"`)
		if !ok || strings.ContainsFunc(value, notPlain) {
			return "", "", errors.New("not a plain quoted string")
		}
	} else {
		end := strings.IndexAny(s+",", ", \t")
		value, rest = s[:end], s[end:]
		if !isToken(value) {
			return "", "", errors.New("not a token")
		}
	}
	return value, strings.TrimLeft(rest, " \t"), nil
}

// notPlain says whether c has no place in a quoted string here.
func notPlain(c rune) bool { return c < ' ' || c >= 0x7f || c == '\\' }

// isToken says whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
	})
}
