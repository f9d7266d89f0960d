package panui_test

import (
	"slices"
	"strings"
)

func advisoriesAtoG() []advisory {
	return slices.Concat(advisoriesOfOrigin(), advisoriesOfTypes(), advisoriesOfOwners(), advisoriesOfCoverage(), advisoriesOfAlgorithms(), advisoriesOfOrder(), advisoriesOfRedirects())
}

// shown is a letter for which mallory's server first shows a document at a path.
func shown(name, path, shows string, f forge, body string, status int, code string, dials int) try {
	return try{name, func(w *world) letter {
		w.evil.serve(path, document(w.fill(shows)))
		return w.letter(body, f)
	}, status, code, dials}
}

// by puts another actor in the place of alice, or mallory, in an activity.
func by(actor, activity string) string {
	return strings.NewReplacer("{alice}", actor, "{mallory}", actor).Replace(activity)
}
