package panui_test

import "slices"

func advisoriesUtoX() []advisory {
	return slices.Concat(advisoriesOfCaches(), advisoriesOfLoad(), advisoriesOfNames(), advisoriesOfExposure())
}
