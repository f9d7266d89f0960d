package panui_test

func advisoriesMtoX() []advisory {
	return nil
}
