package main

import (
	"os"
	"testing"
)

func raise(t testing.TB) { t.Skip("there is no SIGHUP on Windows") }

// maxRSS is not to be had here.
func maxRSS(*os.ProcessState) int64 { return 0 }
