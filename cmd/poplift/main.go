// Command poplift lifts mail out of POP3 maildrops into IMAP accounts: exact, resumable, at the speed of the servers.
//
// It is the edge of the program. Flags, addresses, passwords, the terminal, exit codes and the choice of the packages that speak to the
// servers are settled here and nowhere else; what a copy is, package migrate says. Its policy: a password never comes from the command
// line and never goes to a log, an error or a file; results go to stdout and everything else to stderr; only main ends the process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"poplift/migrate"
)

func main() {
	ctx, stop := interruptible(context.Background())
	err := run(ctx, realEnvironment(), os.Args)
	stop()
	explain(os.Stderr, err)
	os.Exit(exitCode(err))
}

// run is the program for one command line.
func run(ctx context.Context, env *environment, args []string) error {
	app := newApp(env)
	ordered, err := reorderArgs(args[1:], app)
	if err != nil {
		return err
	}
	return app.RunContext(ctx, append([]string{app.Name}, ordered...))
}

// interruptible returns a context that the first SIGINT or SIGTERM ends, so that the run can finish what is on its way. The second one
// ends the process at once, which is safe too: the next run looks at what has arrived.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		cancel(errInterrupted)
		if _, ok := <-signals; ok {
			os.Exit(exitInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// explain says on stderr what went wrong and what to do about it, once.
func explain(w io.Writer, err error) {
	switch {
	case err == nil, errors.Is(err, errLeft), errors.Is(err, errAccounts), errors.Is(err, errElsewhere):
	case exitCode(err) == exitInterrupted:
		fmt.Fprintln(w, "poplift: interrupted")
	default:
		for line := range strings.Lines(err.Error() + "\n") { // errors.Join: one line for each side
			fmt.Fprintf(w, "poplift: %s", line)
		}
		if hint := migrate.HintOf(err); hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", hint)
		}
	}
}
