package panui_test

import "slices"

func advisoriesHtoL() []advisory {
	return slices.Concat(advisoriesH(), advisoriesI(), advisoriesJ(), advisoriesK(), advisoriesL())
}
