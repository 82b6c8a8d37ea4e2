//go:build unix

package main

import (
	"syscall"
	"testing"
)

// raise sends this process a SIGHUP.
func raise(t testing.TB) {
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Error(err)
	}
}
