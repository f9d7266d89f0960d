package main

import (
	"errors"
	"fmt"
	"go/ast"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/panui/panui/internal/limits"
)

// unit is what a number counts.
type unit int

const (
	things unit = iota
	octets
	characters
	bits
)

// write says a number in its unit, as people write it.
func (u unit) write(n int64) string {
	switch {
	case u == octets && n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case u == octets && n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return thousands(n) + [...]string{"", " bytes", " characters", " bits"}[u]
}

func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// lasting says a duration in its largest whole unit.
func lasting(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}, {time.Millisecond, "millisecond"}} {
		switch n := int64(d / u.length); {
		case d%u.length != 0 || n == 0:
		case n == 1 && u.length == day:
			return "24 hours"
		case n == 1:
			return "1 " + u.name
		default:
			return thousands(n) + " " + u.name + "s"
		}
	}
	return d.String()
}

// row writes a row of a Markdown table.
func row(cells ...string) string {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// sentence begins with a capital, but for the name of a module.
func sentence(s string) string {
	if s == "" || strings.HasPrefix(s, "go-ap") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// limitsTable says every field of limits.Limits, in its order.
func limitsTable(source library) (string, error) {
	comments := fieldComments(source["internal/limits"], "Limits")
	values := reflect.ValueOf(limits.Default())
	var mistakes []error
	text := row("Limit", "Value", "What it bounds", "At the limit", "Why") + row("---", "---:", "---", "---", "---")
	for i := range values.NumField() {
		name := values.Type().Field(i).Name
		about, known := atTheLimit[name]
		if !known || comments[name] == "" {
			mistakes = append(mistakes, fmt.Errorf("limits.Limits.%s: say in its comment what it bounds, and in atTheLimit what happens there", name))
		}
		text += row("`"+name+"`", said(values.Field(i), about.unit), sentence(comments[name]), about.at, about.why)
	}
	for name := range atTheLimit {
		if !values.FieldByName(name).IsValid() {
			mistakes = append(mistakes, fmt.Errorf("limits.Limits.%s is no more: remove it from atTheLimit", name))
		}
	}
	return text, errors.Join(mistakes...)
}

func said(v reflect.Value, u unit) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return lasting(d)
	}
	return u.write(v.Int())
}

// fieldComments returns the comments beside the fields of a struct, by field.
func fieldComments(p *pkg, structure string) map[string]string {
	found := map[string]string{}
	p.each(func(n ast.Node, _ *ast.FuncDecl) {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != structure {
			return
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					found[name.Name] = oneLine(field.Comment)
				}
			}
		}
	})
	return found
}

// boundsTable says the bounds that are constants of other packages. Every
// constant that is called a maximum has to be there.
func boundsTable(source library) (string, error) {
	var mistakes []error
	text := row("Constant", "Value", "What it bounds", "At the bound") + row("---", "---:", "---", "---")
	named := map[string]bool{}
	for _, b := range bounds {
		folder, name := b.place()
		named[b.name] = true
		p := source[folder]
		if p == nil || p.constants[name].value == nil {
			mistakes = append(mistakes, fmt.Errorf("%s is no constant any more: remove it from bounds", b.name))
			continue
		}
		n, isTime, err := p.number(p.constants[name].value)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", b.name, err))
		}
		value := b.unit.write(n)
		if isTime {
			value = lasting(time.Duration(n))
		}
		text += row("`"+b.name+"`", value, sentence(b.what), sentence(b.at))
	}
	for _, name := range maxima(source) {
		if !named[name] {
			mistakes = append(mistakes, fmt.Errorf("%s is a bound that bounds does not know: say there what it bounds and what happens at it", name))
		}
	}
	return text, errors.Join(mistakes...)
}

// maxima are the constants that are called a maximum.
func maxima(source library) []string {
	var names []string
	for folder, p := range source {
		for name := range p.constants {
			if strings.HasPrefix(name, "max") || strings.HasPrefix(name, "Max") {
				names = append(names, folder+"."+name)
			}
		}
	}
	slices.Sort(names)
	return names
}
