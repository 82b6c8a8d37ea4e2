package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/zalando/go-keyring"

	"poplift/cmd/poplift/jobs"
	"poplift/migrate/mailnet"
)

// accountCopy turns an account of a jobs file into a copy.
func (c *campaign) accountCopy(a *jobs.Account) copyOptions {
	o := defaultCopyOptions()
	set := func(to *string, s string) {
		if s != "" {
			*to = s
		}
	}
	for _, s := range a.Sources {
		o.Sources = append(o.Sources, s.Arg(nil))
	}
	o.Target = a.Target.Arg(a.Into)
	set(&o.Seen, a.Seen)
	set(&o.Dedupe, a.Dedupe)
	set(&o.Labels, a.Labels)
	set(&o.MboxFormat, a.MboxFormat)
	o.Since, o.Until, o.MaxSize, o.StripOver, o.Sieve = a.Since, a.Until, a.MaxSize, a.StripAttachmentsOver, a.Sieve
	o.IncludeDeleted, o.KeepClientHeaders = a.IncludeDeleted, a.KeepClientHeaders
	o.Folders = folderOptions{Map: a.Map, MapFile: a.MapFile, Include: a.Include, Exclude: a.Exclude}
	o.Keep.Dir = a.Keep
	if r := a.Relay; r != nil {
		o.Relay = relayOptions{URL: r.Arg(nil), As: o.Relay.As, From: r.From, To: r.To, Max: o.Relay.Max, Yes: r.Yes || c.opts.RelayYes}
		set(&o.Relay.As, r.As)
		if r.Max > 0 {
			o.Relay.Max = r.Max
		}
	}
	o.StateDir, o.DryRun, o.Output, o.Retry = c.stateDir, c.opts.DryRun, c.opts.Output, c.opts.Retry
	o.TLSConfig = func(e endpoint) (*tls.Config, error) { return endOfAccount(a, e).TLS.Config(e.Host) }
	o.Cleartext = func(e endpoint) bool { return endOfAccount(a, e).AllowCleartext }
	o.Credentials = func(ctx context.Context, as role, i int) (mailnet.Credentials, error) {
		switch as {
		case roleSource:
			return c.credentials(ctx, a, a.Sources[i], as)
		case roleTarget:
			return c.credentials(ctx, a, a.Target, as)
		}
		return c.credentials(ctx, a, a.Relay.Endpoint, as)
	}
	return o
}

// endOfAccount finds what the jobs file says of a server.
func endOfAccount(a *jobs.Account, e endpoint) jobs.Endpoint {
	ends := append([]jobs.Endpoint{a.Target}, a.Sources...)
	if a.Relay != nil {
		ends = append(ends, a.Relay.Endpoint)
	}
	for _, end := range ends {
		if end.Scheme == e.Scheme && end.Host == e.Host && end.Port == e.Port && end.User == e.User {
			return end
		}
	}
	return jobs.Endpoint{}
}

// credentials resolves what the jobs file says about logging in. A secret that it doesn't name is looked for as for poplift copy, but never asked for:
// nobody sits there at night.
func (c *campaign) credentials(ctx context.Context, a *jobs.Account, e jobs.Endpoint, as role) (mailnet.Credentials, error) {
	out := mailnet.Credentials{User: e.Login, AuthzID: e.AuthzID, Mechanism: e.Mechanism}
	if e.Login == "" {
		return out, nil
	}
	if e.Token.Kind() != jobs.NoSecret {
		if e.Token.Kind() == jobs.FromCmd {
			cmd := &tokenCmd{flag: "token of " + a.ID(), command: e.Token.Reference(), environ: a.Environ(e), now: c.env.now}
			out.Token = cmd.token
			return out, nil
		}
		token, err := c.secret(ctx, a, e, e.Token)
		out.Token = func(context.Context) (mailnet.Secret, error) { return token, nil }
		return out, err
	}
	var password mailnet.Secret
	var err error
	if e.Password.Kind() == jobs.NoSecret {
		keys := &passwords{getenv: c.env.getenv, now: c.env.now}
		var text string
		text, err = keys.password(ctx, endpoint{Scheme: e.Scheme, User: e.Login, Host: e.Host, Port: e.Port}, as, secretOptions{})
		password = mailnet.NewSecret(text)
	} else {
		password, err = c.secret(ctx, a, e, e.Password)
	}
	out.Password = func(context.Context) (mailnet.Secret, error) { return password, nil }
	return out, err
}

func (c *campaign) secret(ctx context.Context, a *jobs.Account, e jobs.Endpoint, s jobs.Secret) (mailnet.Secret, error) {
	where := fmt.Sprintf("%s: %s", a.ID(), s.Where())
	var text string
	var err error
	switch s.Kind() {
	case jobs.Literal:
		return s.Literal(), nil
	case jobs.FromEnv:
		if text = c.env.getenv(s.Reference()); text == "" {
			err = usagef("%s: the variable is not set", where)
		}
	case jobs.FromFile:
		text, err = readSecretFile(where, s.Reference())
	case jobs.FromCmd:
		text, err = runSecretCmd(ctx, where, s.Reference(), a.Environ(e)...)
	case jobs.FromKeyring:
		service, user := s.Keyring()
		if text, err = keyring.Get(service, user); err != nil {
			err = usagef("%s: %v", where, err)
		}
	}
	return mailnet.NewSecret(text), err
}

// shell makes a command for the user's shell, with variables of its own.
func shell(ctx context.Context, command string, environ ...string) *exec.Cmd {
	name, arg := "sh", "-c"
	if runtime.GOOS == "windows" {
		name, arg = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, name, arg, command)
	if len(environ) > 0 {
		cmd.Env = append(os.Environ(), environ...)
	}
	return cmd
}
