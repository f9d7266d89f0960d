package as2

// LangMap is a natural language value, written in its order: Mastodon takes the first key.
type LangMap []LangValue

// LangValue is a text in one language (BCP 47).
type LangValue struct{ Language, Value string }

// Document is an object or activity as we write it. Members stand in the order
// in which they are written; empty ones are left out.
type Document struct {
	Context      Context // only on the outermost
	ID           string  `json:"id,omitzero"`
	Type         string  `json:"type"`
	Actor        string  `json:"actor,omitzero"`
	AttributedTo string  `json:"attributedTo,omitzero"`
	InReplyTo    string  `json:"inReplyTo,omitzero"`
	FormerType   string  `json:"formerType,omitzero"`
	Name         string  `json:"name,omitzero"`
	Summary      string  `json:"summary,omitzero"`
	Content      string  `json:"content,omitzero"`
	ContentMap   LangMap `json:"contentMap,omitzero"`
}

// Context selects the JSON-LD context that is written.
type Context int

// Marshal writes v with its members in order and nothing escaped that JSON does not require.
func Marshal(v any) ([]byte, error) { panic("not built yet") }
