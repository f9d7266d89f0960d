package webfinger

import (
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/internal/document"
)

const xrdMediaType = "application/xrd+xml"

// hostMeta says where WebFinger is (RFC 6415), which Mastodon and GoToSocial ask
// when the usual place did not answer: in XML, or in JSON to those who prefer it.
func hostMeta(u actor.URLs) http.Handler {
	xml := document.New(xrdMediaType+"; charset=utf-8", []byte(`<?xml version="1.0" encoding="UTF-8"?>
<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" type="`+jrdMediaType+
		`" template="`+html.EscapeString(template(u))+`"/></XRD>
`), document.Options{MaxAge: lifetime, Vary: "Accept"})
	json := render(jrdMediaType, "Accept", descriptor{Links: lrdd(u)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if prefersJSON(r.Header["Accept"]) {
			json.ServeHTTP(w, r)
			return
		}
		xml.ServeHTTP(w, r)
	})
}

func hostMetaJSON(u actor.URLs) http.Handler {
	return render(jrdMediaType, "", descriptor{Links: lrdd(u)})
}

func lrdd(u actor.URLs) []link {
	return []link{{Rel: relLRDD, Type: jrdMediaType, Template: template(u)}}
}

func template(u actor.URLs) string { return origin(u) + Path + "?resource={uri}" }

// maxRanges is how many media ranges of an Accept field are looked at.
const maxRanges = 32

// prefersJSON says whether an Accept field wants JSON more than XML (RFC 9110
// section 12.5.1). Who does not care gets XML, which host-meta is first of all.
func prefersJSON(accept []string) bool {
	var json, xml float64
	left := maxRanges
	for _, field := range accept {
		for part := range strings.SplitSeq(field, ",") {
			if left--; left < 0 {
				return json > xml
			}
			name, parameters, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "application/jrd+json", "application/json":
				json = max(json, quality(parameters))
			case "application/xrd+xml", "application/xml", "text/xml":
				xml = max(xml, quality(parameters))
			}
		}
	}
	return json > xml
}

// quality reads the q among parameters: 1 where there is none, 0 where it is not a weight.
func quality(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
