package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"poplift/migrate/mailnet"
)

// secretOptions says where one side's password or token comes from, as the user gave it. None of the fields is a secret itself.
type secretOptions struct {
	PasswordFile, PasswordCmd, TokenCmd string
	AuthzID, Mechanism                  string
	// Given is a password that the program itself knows (the demo).
	Given string
}

// passwords finds passwords. One serves all ends of a run, so that the netrc file is read once.
type passwords struct {
	getenv func(string) string
	// ask prompts on the terminal; nil when there is none.
	ask asker
	now func() time.Time

	netrc     []netrcEntry
	netrcRead bool
}

// credentials says how to log in as e. Passwords are found now, so that a prompt comes before anything else and a missing one is told
// before a connection is made; a token command runs now and again for later connections, because tokens expire.
func (k *passwords) credentials(ctx context.Context, e endpoint, as role, o secretOptions) (mailnet.Credentials, error) {
	out := mailnet.Credentials{User: e.User, AuthzID: o.AuthzID, Mechanism: o.Mechanism}
	if o.TokenCmd != "" {
		if o.PasswordCmd != "" || o.PasswordFile != "" {
			return out, usagef("--%s-token-cmd replaces the password; give only one of them", as)
		}
		cmd := &tokenCmd{flag: fmt.Sprintf("--%s-token-cmd", as), command: o.TokenCmd, now: k.now}
		out.Token = cmd.token
		_, err := cmd.token(ctx)
		return out, err
	}
	password, err := k.password(ctx, e, as, o)
	if err != nil {
		return out, err
	}
	secret := mailnet.NewSecret(password)
	out.Password = func(context.Context) (mailnet.Secret, error) { return secret, nil }
	return out, nil
}

// relayCredentials says how to log in to a relay, which may let in who has no name.
func (k *passwords) relayCredentials(ctx context.Context, e end, o secretOptions, as role) (mailnet.Credentials, error) {
	if e.User == "" {
		return mailnet.Credentials{}, nil
	}
	return k.credentials(ctx, e.endpoint, as, o)
}

// tokenCmd runs a token command, at most once a minute: several connections are made at once.
type tokenCmd struct {
	flag, command string
	environ       []string
	now           func() time.Time

	mu   sync.Mutex
	last mailnet.Secret
	at   time.Time
}

func (c *tokenCmd) token(ctx context.Context) (mailnet.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.Empty() && c.now().Sub(c.at) < time.Minute {
		return c.last, nil
	}
	text, err := runSecretCmd(ctx, c.flag, c.command, c.environ...)
	if err != nil {
		return mailnet.Secret{}, err
	}
	c.last, c.at = mailnet.NewSecret(text), c.now()
	return c.last, nil
}

// password looks where the user said, then in the environment, the netrc file and on the terminal.
func (k *passwords) password(ctx context.Context, e endpoint, as role, o secretOptions) (string, error) {
	env := "POPLIFT_" + strings.ToUpper(string(as)) + "_PASSWORD"
	switch {
	case o.Given != "":
		return o.Given, nil
	case o.PasswordFile != "" && o.PasswordCmd != "":
		return "", usagef("--%s-password-file and --%s-password-cmd: give only one of them", as, as)
	case o.PasswordFile != "":
		return readSecretFile(fmt.Sprintf("--%s-password-file", as), o.PasswordFile)
	case o.PasswordCmd != "":
		return runSecretCmd(ctx, fmt.Sprintf("--%s-password-cmd", as), o.PasswordCmd)
	case k.getenv(env) != "":
		return k.getenv(env), nil
	}
	if err := k.readNetrc(); err != nil {
		return "", err
	}
	if password, ok := netrcPassword(k.netrc, e.Host, e.User); ok {
		return password, nil
	}
	if k.ask == nil {
		return "", usagef("no password for %s and no terminal to ask on; set %s, or give --%s-password-file or --%s-password-cmd, or write it to ~/.netrc",
			e, env, as, as)
	}
	password, err := k.ask(ctx, fmt.Sprintf("Password for %s: ", e))
	if err != nil {
		return "", err
	}
	if password == "" {
		return "", usagef("no password for %s", e)
	}
	return password, nil
}

// readNetrc reads $NETRC, or ~/.netrc (~/_netrc on Windows). A file that isn't there holds nothing, unless $NETRC names it.
func (k *passwords) readNetrc() error {
	if k.netrcRead {
		return nil
	}
	k.netrcRead = true
	path := k.getenv("NETRC")
	if path == "" {
		home, err := homeDir(k.getenv)
		if err != nil {
			return nil
		}
		name := ".netrc"
		if runtime.GOOS == "windows" {
			name = "_netrc"
		}
		path = filepath.Join(home, name)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && k.getenv("NETRC") == "" {
		return nil
	}
	if err != nil {
		return usagef("netrc: %v", err)
	}
	if k.netrc, err = parseNetrc(string(text)); err != nil {
		return usagef("netrc %s: %v", path, err)
	}
	return nil
}

// readSecretFile reads the first line of a file.
func readSecretFile(flag, path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", usagef("%s: %v", flag, err)
	}
	return firstLine(flag, text)
}

// runSecretCmd runs a command in the user's shell and takes the first line it prints. What it prints is never shown; its stderr is, when it fails.
func runSecretCmd(ctx context.Context, flag, command string, environ ...string) (string, error) {
	cmd := shell(ctx, command, environ...)
	var stderr tail
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		if said := stderr.String(); said != "" {
			return "", usagef("%s: %v: %s", flag, err, said)
		}
		return "", usagef("%s: %v", flag, err)
	}
	return firstLine(flag, out)
}

func firstLine(flag string, text []byte) (string, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return "", usagef("%s: the first line is empty", flag)
	}
	return string(line), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-1024):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// homeDir is the user's home. The environment is a value here, so that tests can give their own.
func homeDir(getenv func(string) string) (string, error) {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	if home := getenv(name); home != "" {
		return home, nil
	}
	return "", fmt.Errorf("$%s is not set", name)
}
