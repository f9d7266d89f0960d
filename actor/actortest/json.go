package actortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An object is a JSON document read as leniently as the servers do.
type object map[string]any

func readObject(b []byte) (object, error) {
	var o object
	decoder := json.NewDecoder(bytes.NewReader(b))
	if err := decoder.Decode(&o); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if decoder.More() {
		return nil, fmt.Errorf("something follows the JSON object")
	}
	return o, nil
}

// text is the string under the name, or nothing.
func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

// list is what stands under the name, one thing or several.
func (o object) list(name string) []any {
	switch v := o[name].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// inner is the object embedded under the name, or nil for a bare id.
func (o object) inner(name string) object {
	for _, v := range o.list(name) {
		m, _ := v.(map[string]any)
		return m
	}
	return nil
}

// ids are the ids under the name, of embedded objects too.
func (o object) ids(name string) []string {
	var ids []string
	for _, v := range o.list(name) {
		switch v := v.(type) {
		case string:
			ids = append(ids, v)
		case map[string]any:
			ids = append(ids, object(v).text("id"))
		}
	}
	return ids
}

// ref is the first id under the name.
func (o object) ref(name string) string {
	for _, id := range o.ids(name) {
		return id
	}
	return ""
}

// link is the first URL under the name: a string, or the href of a Link.
func (o object) link(name string) string {
	if l := o.inner(name); l != nil {
		return l.text("href")
	}
	return o.ref(name)
}

// moment is the time under the name; zero when there is none.
func (o object) moment(name string) time.Time {
	t, _ := time.Parse(time.RFC3339, o.text(name))
	return t
}

// inContext says whether the document names the ActivityStreams context as a string.
func (o object) inContext() bool {
	return slices.Contains(o.list("@context"), any(streams))
}

// mentions are the hrefs of the Mention tags.
func (o object) mentions() []string {
	var hrefs []string
	for _, v := range o.list("tag") {
		if tag, ok := v.(map[string]any); ok && tag["type"] == "Mention" {
			hrefs = append(hrefs, object(tag).text("href"))
		}
	}
	return hrefs
}

// write encodes o; compact writes one-element arrays bare and escapes HTML, as GoToSocial does.
func (o object) write(compact bool) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(compact)
	v := any(map[string]any(o))
	if compact {
		v = bare(v)
	}
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// bare is v with arrays of one element replaced by the element.
func bare(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[name] = bare(value)
		}
		return out
	case object:
		return bare(map[string]any(v))
	case []any:
		if len(v) == 1 {
			return bare(v[0])
		}
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = bare(value)
		}
		return out
	}
	return v
}

// depth is how many arrays and objects lie inside each other in v.
func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, value := range v {
			deepest = max(deepest, depth(value))
		}
	case object:
		return depth(map[string]any(v))
	case []any:
		for _, value := range v {
			deepest = max(deepest, depth(value))
		}
	default:
		return 0
	}
	return deepest + 1
}

// hostOf is the host and port of an id.
func hostOf(id string) string {
	u, err := url.Parse(id)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// list makes an array of strings that bare can see through.
func list(ids ...string) []any {
	out := make([]any, 0, len(ids))
	for _, id := range ids {
		out = append(out, id)
	}
	return out
}

// firstKey is the first member, in the order written, of the first object under
// the name: servers take the language of a post from it.
func firstKey(b []byte, name string) string {
	decoder := json.NewDecoder(bytes.NewReader(b))
	for {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		if token != name || !next(decoder, json.Delim('{')) {
			continue
		}
		if key, err := decoder.Token(); err == nil {
			language, _ := key.(string)
			return language
		}
	}
}

func next(d *json.Decoder, want json.Token) bool {
	token, err := d.Token()
	return err == nil && token == want
}
