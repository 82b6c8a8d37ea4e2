package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// asker asks for a secret.
type asker func(ctx context.Context, prompt string) (string, error)

// terminalPrompt returns a function that asks for a secret on the controlling terminal, whatever stdin and stdout are; nil without one.
func terminalPrompt() asker {
	in, out, err := openTerminal()
	if err != nil {
		return nil
	}
	closeTerminal(in, out)
	return askSecret
}

// askSecret reads a line without echo. The terminal is put right again when ctx ends in the middle.
func askSecret(ctx context.Context, prompt string) (string, error) {
	in, out, err := openTerminal()
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer closeTerminal(in, out)
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	fmt.Fprint(out, prompt)
	type answer struct {
		line []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() { // a read from a terminal can't be cancelled: when ctx ends, it is left behind, and the process ends soon
		line, err := term.ReadPassword(fd)
		got <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		term.Restore(fd, before)
		fmt.Fprintln(out)
		return "", context.Cause(ctx)
	case a := <-got:
		fmt.Fprintln(out)
		if a.err != nil {
			return "", fmt.Errorf("terminal: %w", a.err)
		}
		return strings.TrimRight(string(a.line), "\r\n"), nil
	}
}

func openTerminal() (in, out *os.File, err error) {
	if runtime.GOOS != "windows" {
		in, err = os.OpenFile("/dev/tty", os.O_RDWR, 0)
		return in, in, err
	}
	if in, err = os.OpenFile("CONIN$", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if out, err = os.OpenFile("CONOUT$", os.O_RDWR, 0); err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

func closeTerminal(in, out *os.File) {
	in.Close()
	if out != in {
		out.Close()
	}
}
