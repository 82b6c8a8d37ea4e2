package main

import "runtime/debug"

// tuneMemory keeps the process near its budget. The octets of messages live in chunks that are allocated once and reused, so that the live
// heap grows to about the budget and stays there: with Go's usual setting, which lets garbage grow to the size of the live heap before it is
// collected, half of the process would be garbage. A quarter is a fair price, because the chunks hold no pointers and cost the collector
// nothing to mark. Below the soft limit, which a small heap never reaches, even that collects more often than it must; GOGC in the environment
// still decides.
func tuneMemory(budget int64, getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(budget + budget/2)
	}
}
