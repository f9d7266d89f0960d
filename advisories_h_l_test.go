package panui_test

func advisoriesHtoL() []advisory {
	return nil
}
