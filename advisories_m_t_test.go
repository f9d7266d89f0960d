package panui_test

func advisoriesMtoT() []advisory {
	return nil
}
