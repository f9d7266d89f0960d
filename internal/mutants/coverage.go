package main

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// block is statements that no test reaches.
type block struct {
	file string
	line int
}

// uncovered runs the tests of the areas' packages as they are, which must pass,
// and lists what they do not reach in the areas.
func uncovered(ctx context.Context, root string, areas []area) ([]block, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var packages []string
	for _, a := range areas {
		packages = append(packages, "./"+path.Dir(a.file))
		for _, s := range a.tests {
			packages = append(packages, s.pkg)
		}
	}
	slices.Sort(packages)
	packages = slices.Compact(packages)
	profile := filepath.Join(dir, "profile")
	run := exec.CommandContext(ctx, "go", append([]string{"test", "-short", "-count=1", "-coverprofile", profile, "-coverpkg", strings.Join(packages, ",")}, packages...)...)
	run.Dir = root
	if out, err := run.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the tests fail without any change: %w\n%s", err, out)
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	return unreached(root, areas, string(text))
}

// profiled is a line of a cover profile: where a block begins, and how often it ran.
var profiled = regexp.MustCompile(`(?m)^github\.com/panui/panui/(\S+):(\d+)\.\d+,(\d+\.\d+) \d+ (\d+)$`)

// unreached reads a profile in which a block stands once for each package that ran it or did not.
func unreached(root string, areas []area, profile string) (found []block, err error) {
	ran := map[string]bool{}
	for _, b := range profiled.FindAllStringSubmatch(profile, -1) {
		for _, a := range areas {
			if a.file == b[1] {
				at := b[1] + ":" + b[2] + ":" + b[3]
				ran[at] = ran[at] || b[4] != "0"
			}
		}
	}
	if len(ran) == 0 {
		return nil, fmt.Errorf("the profile says nothing about the areas")
	}
	for at, reached := range ran {
		if reached {
			continue
		}
		parts := strings.Split(at, ":")
		line, err := strconv.Atoi(parts[1])
		if err != nil {
			return nil, err
		}
		for _, a := range areas {
			if a.file == parts[0] {
				fn, err := functionAt(filepath.Join(root, a.file), line)
				if err != nil {
					return nil, err
				}
				if a.takes(fn) {
					found = append(found, block{a.file, line})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b block) int {
		return strings.Compare(fmt.Sprintf("%s:%5d", a.file, a.line), fmt.Sprintf("%s:%5d", b.file, b.line))
	})
	return found, nil
}

func functionAt(file string, line int) (string, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for _, d := range parsed.Decls {
		if fset.Position(d.Pos()).Line <= line && line <= fset.Position(d.End()).Line {
			return declared(d), nil
		}
	}
	return "", nil
}
