package main

import (
	"errors"
	"fmt"

	"poplift/migrate"
	"poplift/state"
)

// The exit codes are part of the interface: scripts and cron jobs rely on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitLeft        = 3
	exitAccounts    = 4
	exitLocked      = 11
	exitInterrupted = 130
)

// exitTable is `poplift help exit`, and part of the help of copy.
const exitTable = `EXIT CODES
     0  done: every message is accounted for
     1  failed: the error says why; run the same command again to go on
     2  usage or configuration: nothing was started
     3  done, but some messages are left on the source: the table lists them, or their turn comes in a later run (--max-runtime, a provider's daily volume)
     4  some accounts failed, or are not as they should be (check, run, verify)
    11  another run holds the account, or some of the accounts; the others are done
   130  interrupted; run the same command again to go on
`

// usageError is a mistake in the command line or in what it names. Nothing was started.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// errLeft says that the run is done and some messages are left. The report has told the rest.
var errLeft = errors.New("some messages are left")

// errInterrupted is the cause of a context that ended because the user said so.
var errInterrupted = errors.New("interrupted")

// exitCode is the one place that maps an error to the process's exit code.
func exitCode(err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errAccounts):
		return exitAccounts
	case errors.Is(err, errLeft), only(err, migrate.ErrVolume): // or not reached in time
		return exitLeft
	case errors.Is(err, state.ErrLocked):
		return exitLocked
	default:
		return exitFailed
	}
}
