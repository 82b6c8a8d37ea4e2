//go:build !linux

package filestoretest

import (
	"os"
	"runtime"
	"testing"
)

// AsOrdinaryUser skips a test where nothing is unreadable: on Windows, and to root.
func AsOrdinaryUser(t testing.TB) {
	t.Helper()
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("nothing is unreadable to whoever runs this")
	}
}
