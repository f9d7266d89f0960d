package main

import (
	"errors"
	"fmt"
	"strings"
)

const enough = 95 // per cent of a file's mutants, without the equivalent ones

// report counts what became of the mutants, file by file.
type report struct {
	every     int
	rows      []row
	unreached []block
	survivors []mutant
	wrong     []string // equivalent mutants that were killed, or do not build
}

type row struct {
	file                         string
	killed, equivalent, survived int
}

func (r *report) add(m try, o outcome) {
	if len(r.rows) == 0 || r.row(m.mutant.file) == nil {
		r.rows = append(r.rows, row{file: m.mutant.file})
	}
	row := r.row(m.mutant.file)
	switch {
	case m.equivalent && o != survived:
		r.wrong = append(r.wrong, m.mutant.String())
	case m.equivalent:
		row.equivalent++
	case o == killed:
		row.killed++
	case o == survived:
		row.survived++
		r.survivors = append(r.survivors, m.mutant)
	}
}

func (r *report) row(file string) *row {
	for i := range r.rows {
		if r.rows[i].file == file {
			return &r.rows[i]
		}
	}
	return nil
}

// share is the killed per cent of those that can be.
func (r row) share() float64 {
	if r.killed+r.survived == 0 {
		return 100
	}
	return 100 * float64(r.killed) / float64(r.killed+r.survived)
}

// gaps is how many blocks of the file no test reaches.
func (r *report) gaps(file string) (n int) {
	for _, b := range r.unreached {
		if b.file == file {
			n++
		}
	}
	return n
}

func (r *report) total() (all row) {
	all.file = "all"
	for _, f := range r.rows {
		all.killed += f.killed
		all.equivalent += f.equivalent
		all.survived += f.survived
	}
	return all
}

// String is a table in Markdown.
func (r *report) String() string {
	var b strings.Builder
	b.WriteString("| File | Mutants | Killed | Equivalent | Survived | Killed of those that can be | Blocks no test reaches |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, f := range append(r.rows, r.total()) {
		gaps := fmt.Sprint(r.gaps(f.file))
		switch {
		case r.every > 1:
			gaps = "not measured"
		case f.file == "all":
			gaps = fmt.Sprint(len(r.unreached))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.1f %% | %s |\n", f.file, f.killed+f.equivalent+f.survived, f.killed, f.equivalent, f.survived, f.share(), gaps)
	}
	return b.String()
}

// verdict says what is not as it must be. In a sample one survivor more is within chance, so only all files together count.
func (r *report) verdict() error {
	var wrong []error
	judged := r.rows
	if r.every > 1 {
		judged = []row{r.total()}
	}
	for _, f := range judged {
		if f.share() < enough {
			wrong = append(wrong, fmt.Errorf("%s: %.1f %% killed, where %d %% are asked for", f.file, f.share(), enough))
		}
	}
	for _, b := range r.unreached {
		wrong = append(wrong, fmt.Errorf("%s:%d: no test reaches it", b.file, b.line))
	}
	for _, m := range r.wrong {
		wrong = append(wrong, fmt.Errorf("%s: is called equivalent, but is not", m))
	}
	return errors.Join(wrong...)
}
