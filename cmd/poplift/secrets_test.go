package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPasswordOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := map[string]string{"HOME": dir}
	var asked string
	keys := func() *passwords {
		return &passwords{getenv: func(k string) string { return env[k] }, now: time.Now, ask: func(_ context.Context, prompt string) (string, error) {
			asked = prompt
			return "from the prompt", nil
		}}
	}
	e := endpoint{Scheme: "pop3s", User: "me", Host: "pop.example", Port: 995}
	find := func(o secretOptions) string {
		t.Helper()
		c, err := keys().credentials(t.Context(), e, roleSource, o)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := c.Password(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return secret.Reveal()
	}
	if got := find(secretOptions{}); got != "from the prompt" || asked != "Password for pop3s://me@pop.example: " {
		t.Errorf("got %q; asked %q", got, asked)
	}
	write(".netrc", "machine pop.example login me password from-netrc\n")
	if got := find(secretOptions{}); got != "from-netrc" {
		t.Errorf("got %q", got)
	}
	env["NETRC"] = write("other", "default password from-other-netrc")
	if got := find(secretOptions{}); got != "from-other-netrc" {
		t.Errorf("got %q", got)
	}
	env["POPLIFT_SOURCE_PASSWORD"] = " from the environment"
	if got := find(secretOptions{}); got != " from the environment" {
		t.Errorf("got %q", got)
	}
	if got := find(secretOptions{PasswordFile: write("file", "from the file \r\nsecond line\n")}); got != "from the file " {
		t.Errorf("got %q", got)
	}
	if got := find(secretOptions{PasswordCmd: "echo from a command; echo second line"}); got != "from a command" {
		t.Errorf("got %q", got)
	}
}

func TestPasswordMistakes(t *testing.T) {
	keys := &passwords{getenv: func(string) string { return "" }, now: time.Now}
	e := endpoint{Scheme: "imaps", User: "me", Host: "imap.example", Port: 993}
	for _, c := range []struct {
		o    secretOptions
		want string
	}{
		{secretOptions{}, "no password for imaps://me@imap.example and no terminal to ask on; set POPLIFT_TARGET_PASSWORD"},
		{secretOptions{PasswordFile: "/nonexistent"}, "--target-password-file: open /nonexistent"},
		{secretOptions{PasswordFile: os.DevNull}, "the first line is empty"},
		{secretOptions{PasswordFile: "a", PasswordCmd: "b"}, "only one of them"},
		{secretOptions{TokenCmd: "a", PasswordCmd: "b"}, "only one of them"},
		{secretOptions{PasswordCmd: "echo hunter2; echo it went wrong >&2; exit 3"}, "exit status 3: it went wrong"},
		{secretOptions{TokenCmd: "exit 4"}, "--target-token-cmd: exit status 4"},
		{secretOptions{PasswordCmd: "true"}, "the first line is empty"},
	} {
		_, err := keys.credentials(t.Context(), e, roleTarget, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: got %v, want %s", c.o, err, c.want)
		}
		if exitCode(err) != exitUsage {
			t.Errorf("%+v: exit code %d", c.o, exitCode(err))
		}
	}
}

func TestTokenCmdRunsAgainAfterAMinute(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	now := time.Unix(0, 0)
	keys := &passwords{getenv: func(string) string { return "" }, now: func() time.Time { return now }}
	c, err := keys.credentials(t.Context(), endpoint{User: "me", Host: "h"}, roleTarget, secretOptions{TokenCmd: "echo x >> " + count + "; wc -l < " + count})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"1", "1", "2"} {
		if i == 2 {
			now = now.Add(time.Minute)
		}
		secret, err := c.Token(t.Context())
		if err != nil || strings.TrimSpace(secret.Reveal()) != want {
			t.Errorf("call %d: got %q, %v; want %s", i+1, secret.Reveal(), err, want)
		}
	}
}
