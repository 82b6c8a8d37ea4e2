package filestoretest

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

const nobody = 65534

// AsOrdinaryUser has the rest of a test touch files as somebody who may not read everything: to root nothing is unreadable. It comes first in a test,
// so that the files are that user's own, and the test must not be parallel or open files in other goroutines.
func AsOrdinaryUser(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	runtime.LockOSThread() // the kernel has this for each thread
	setFSUser(nobody)
	t.Cleanup(func() {
		setFSUser(0)
		runtime.UnlockOSThread()
	})
}

func setFSUser(id uintptr) {
	syscall.RawSyscall(syscall.SYS_SETFSGID, id, 0, 0)
	syscall.RawSyscall(syscall.SYS_SETFSUID, id, 0, 0)
}
