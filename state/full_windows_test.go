package state

// untilFull has no bound to set on Windows.
func untilFull(*Store, Options) {}
