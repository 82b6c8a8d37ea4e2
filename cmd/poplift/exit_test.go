package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"poplift/migrate"
	"poplift/state"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("gone"), 1},
		{&migrate.Error{Op: "imap login", Err: errors.New("refused")}, 1},
		{usagef("no"), 2},
		{fmt.Errorf("wrapped: %w", usagef("no")), 2},
		{errLeft, 3},
		{&migrate.Error{Op: "open state", Err: fmt.Errorf("%w (process 1)", state.ErrLocked)}, 11},
		{fmt.Errorf("copy: %w", errInterrupted), 130},
		{context.Canceled, 1}, // some context of our own: not the user
		{errors.Join(errors.New("cut"), errInterrupted), 130},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
		if !strings.Contains(exitTable, fmt.Sprintf("\n%6d  ", c.want)) {
			t.Errorf("%d is not in the table of exit codes", c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errLeft, ""},
		{errInterrupted, "poplift: interrupted\n"},
		{errors.New("gone"), "poplift: gone\n"},
		{fmt.Errorf("run: %w", &migrate.Error{Op: "pop3 login", Subject: "me", Err: errors.New("refused"), Hint: "check the password"}),
			"poplift: run: pop3 login me: refused\n  hint: check the password\n"},
		{errors.Join(errors.New("one side"), errors.New("the other")), "poplift: one side\npoplift: the other\n"},
	} {
		var b bytes.Buffer
		explain(&b, c.err)
		if b.String() != c.want {
			t.Errorf("%v: got %q, want %q", c.err, b.String(), c.want)
		}
	}
}
