//go:build !unix

package filestoretest

import "testing"

// Pipe skips the test: there are no named pipes among files.
func Pipe(t testing.TB, _ string) {
	t.Helper()
	t.Skip("no named pipes here")
}
