package panui_test

import "slices"

func advisoriesMtoT() []advisory {
	return slices.Concat(
		advisoriesOfVisitors(), advisoriesOfLeaks(), advisoriesOfFollowers(), advisoriesOfOthersWords(), advisoriesOfOthersDeeds(), advisoriesOfSpread(),
	)
}
