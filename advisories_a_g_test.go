package panui_test

func advisoriesAtoG() []advisory {
	return nil
}
