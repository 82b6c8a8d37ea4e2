//go:build unix

package filestoretest

import (
	"syscall"
	"testing"
)

// Pipe makes a named pipe, which keeps whoever opens it waiting for a writer.
func Pipe(t testing.TB, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
}
