package document

import "net/http"

// Private returns a writer through which a document goes to one caller only: no
// cache keeps it, and one that does all the same is told that it depends on the
// header fields named.
func Private(w http.ResponseWriter, fields ...string) http.ResponseWriter {
	return &private{ResponseWriter: w, fields: fields}
}

type private struct {
	http.ResponseWriter
	fields []string
	begun  bool
}

func (p *private) WriteHeader(status int) {
	if !p.begun {
		p.begun = true
		h := p.Header()
		h["Cache-Control"] = []string{"private, no-store"}
		for _, name := range p.fields {
			vary(h, name)
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *private) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *private) Unwrap() http.ResponseWriter { return p.ResponseWriter }
