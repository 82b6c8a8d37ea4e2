//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// raise sends this process a SIGHUP.
func raise(t testing.TB) {
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Error(err)
	}
}

// maxRSS is the most memory that an ended process had, in octets.
func maxRSS(p *os.ProcessState) int64 {
	n := p.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(n) // everybody else counts in KiB
	}
	return int64(n) << 10
}
