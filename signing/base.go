package signing

import (
	"errors"
	"fmt"
	"strings"
)

// signatureParams are @signature-params (RFC 9421 section 2.3): their text as it
// is signed, and the components that it lists.
type signatureParams struct {
	components []string
	text       string
}

// parts are what a signature of RFC 9421 can cover of a request, as its sender sees it.
type parts struct {
	method, scheme, host string
	target               string                     // path and query, as they are on the wire
	fragment             string                     // what a sender left behind the target, with its #; mostly none
	field                func(name string) []string // the lines of a header field other than host
}

// base is what is signed (section 2.5). It fails where a value would look like
// more than one line, which no message that came over a wire holds.
func (p parts) base(params signatureParams) ([]byte, error) {
	if strings.Contains(p.target, "#") {
		return nil, errors.New("a target has no fragment")
	}
	b := make([]byte, 0, baseSize)
	for _, name := range params.components {
		value := p.component(name)
		if strings.ContainsAny(value, "\r\n") {
			return nil, fmt.Errorf("%s is more than one line", name)
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, `": `...)
		b = append(b, value...)
		b = append(b, '\n')
	}
	if strings.ContainsAny(params.text, "\r\n") {
		return nil, errors.New("the parameters are more than one line")
	}
	b = append(b, `"@signature-params": `...)
	return append(b, params.text...), nil
}

// baseSize is room for the base of nearly every request.
const baseSize = 512

// component is the value of a component (sections 2.1 and 2.2).
func (p parts) component(name string) string {
	path, query, _ := strings.Cut(p.target, "?")
	switch name {
	case "@method":
		return p.method
	case "@target-uri":
		return p.scheme + "://" + p.host + p.target + p.fragment
	case "@authority":
		return strings.ToLower(p.host)
	case "@scheme":
		return p.scheme
	case "@request-target":
		return p.target
	case "@path":
		return path
	case "@query":
		return "?" + query
	case "host":
		return p.host
	}
	lines := p.field(name)
	if len(lines) == 1 {
		return strings.TrimSpace(lines[0])
	}
	trimmed := make([]string, len(lines))
	for i, line := range lines {
		trimmed[i] = strings.TrimSpace(line)
	}
	return strings.Join(trimmed, ", ")
}
