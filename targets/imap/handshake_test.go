package imap

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/targets/imap/imaptest"
)

func TestLogin(t *testing.T) {
	without := func(names ...string) []string { return imaptest.Without(imaptest.DefaultCaps, names...) }
	cases := map[string]struct {
		change func(*imaptest.Switches)
		config func(*Config)
		wants  string // a line of the log that must be there
	}{
		"plain with initial response": {nil, nil, "AUTHENTICATE PLAIN ***"},
		"plain without":               {func(w *imaptest.Switches) { w.Caps = without("SASL-IR") }, nil, "AUTHENTICATE PLAIN ***"},
		"login mechanism":             {func(w *imaptest.Switches) { w.Caps = without("AUTH=PLAIN") }, nil, "AUTHENTICATE LOGIN ***"},
		"login command":               {func(w *imaptest.Switches) { w.Caps = without("AUTH=PLAIN", "AUTH=LOGIN") }, nil, "LOGIN user ***"},
		"forced login command": {nil, func(c *Config) { c.Credentials.Mechanism = "LOGIN-COMMAND" },
			`LOGIN "user" ***`},
		"hidden capabilities":        {func(w *imaptest.Switches) { w.CapsHidden = true }, nil, "CAPABILITY"},
		"starttls":                   {nil, func(c *Config) { c.Endpoint.Security = mailnet.StartTLS }, "STARTTLS"},
		"login disabled before tls":  {func(w *imaptest.Switches) { w.LoginDisabled = true }, func(c *Config) { c.Endpoint.Security = mailnet.StartTLS }, "STARTTLS"},
		"login disabled after login": {func(w *imaptest.Switches) { w.LoginDisabledAfter = true }, nil, "AUTHENTICATE PLAIN ***"},
		"a mechanism that can't": {func(w *imaptest.Switches) {
			w.Caps = append(without(), "AUTH=SCRAM-SHA-256")
			w.Intercept = func(verb, args string) string {
				if strings.HasPrefix(args, "AUTHENTICATE SCRAM") {
					return "NO not that one"
				}
				return ""
			}
		}, nil, "AUTHENTICATE PLAIN ***"},
		"xoauth2": {func(w *imaptest.Switches) { w.Caps, w.Token = append(without(), "AUTH=XOAUTH2"), "tok" },
			func(c *Config) { c.Credentials.Token = secret("tok") }, "AUTHENTICATE XOAUTH2 ***"},
		"oauthbearer": {func(w *imaptest.Switches) { w.Caps, w.Token = append(without(), "AUTH=OAUTHBEARER"), "tok" },
			func(c *Config) { c.Credentials.Token = secret("tok") }, "AUTHENTICATE OAUTHBEARER ***"},
		"ten thousand mailboxes' master": {nil, func(c *Config) { c.Credentials.AuthzID = "user" }, "AUTHENTICATE PLAIN ***"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.change)
			cfg := config(s)
			if c.config != nil {
				c.config(&cfg)
			}
			x := open(t, cfg)
			if mb := folder(t, x); mb.Name != "INBOX" || mb.UIDValidity == 0 {
				t.Fatalf("%+v", mb)
			}
			log := strings.Join(s.Log(), "\n")
			if c.wants == `LOGIN "user" ***` {
				c.wants = `LOGIN "user" ***`
			}
			if !strings.Contains(strings.ReplaceAll(log, `"`, ""), strings.ReplaceAll(c.wants, `"`, "")) {
				t.Errorf("no %s in\n%s", c.wants, log)
			}
		})
	}
}

func TestLoginWithOddPassword(t *testing.T) {
	for _, mechanism := range []string{"", "LOGIN-COMMAND", "LOGIN"} {
		s := serve(t, nil)
		s.AddUser("tüv", "pa\"ss\\wörd {3}")
		cfg := config(s)
		cfg.Credentials = mailnet.Credentials{User: "tüv", Password: secret("pa\"ss\\wörd {3}"), Mechanism: mechanism}
		folder(t, open(t, cfg))
	}
}

func TestLoginRefused(t *testing.T) {
	cases := map[string]struct {
		change func(*imaptest.Switches)
		config func(*Config)
		scope  migrate.Scope
		final  bool
		hint   string
	}{
		"wrong password": {nil, func(c *Config) { c.Credentials.Password = secret("no") }, migrate.ScopeRun, true, hintLogin},
		"wrong password, command": {nil, func(c *Config) {
			c.Credentials.Password, c.Credentials.Mechanism = secret("no"), "LOGIN-COMMAND"
		}, migrate.ScopeRun, true, hintLogin},
		"wrong password without code": {func(w *imaptest.Switches) { w.HideCodes = true }, func(c *Config) { c.Credentials.Password = secret("no") },
			migrate.ScopeRun, true, hintLogin},
		"unavailable": {func(w *imaptest.Switches) { w.Login = func(string) string { return "NO [UNAVAILABLE] later" } }, nil,
			migrate.ScopeSession, false, ""},
		"too much for today": {func(w *imaptest.Switches) {
			w.Login = func(string) string { return "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)" }
		}, nil, migrate.ScopeRun, true, hintVolume},
		"expired token": {func(w *imaptest.Switches) { w.Caps, w.Token = append(imaptest.DefaultCaps, "AUTH=OAUTHBEARER"), "new" },
			func(c *Config) { c.Credentials.Token = secret("old") }, migrate.ScopeRun, true, hintLogin},
		"expired xoauth2 token": {func(w *imaptest.Switches) { w.Caps, w.Token = append(imaptest.DefaultCaps, "AUTH=XOAUTH2"), "new" },
			func(c *Config) { c.Credentials.Token = secret("old") }, migrate.ScopeRun, true, hintLogin},
		"no starttls": {func(w *imaptest.Switches) { w.Caps = imaptest.Without(imaptest.DefaultCaps, "STARTTLS") },
			func(c *Config) { c.Endpoint.Security = mailnet.StartTLS }, migrate.ScopeRun, true, hintCleartext},
		"preauth before tls": {func(w *imaptest.Switches) { w.Greeting = "* PREAUTH [CAPABILITY IMAP4rev1] hello" },
			func(c *Config) { c.Endpoint.Security = mailnet.StartTLS }, migrate.ScopeRun, true, hintCleartext},
		"login disabled": {func(w *imaptest.Switches) { w.LoginDisabled = true },
			func(c *Config) { c.Credentials.Mechanism = "LOGIN-COMMAND" }, migrate.ScopeRun, true, ""},
		"bye":       {func(w *imaptest.Switches) { w.Greeting = "* BYE [UNAVAILABLE] full" }, nil, migrate.ScopeSession, false, ""},
		"no server": {func(w *imaptest.Switches) { w.Greeting = "+OK POP3 ready" }, nil, migrate.ScopeSession, false, ""},
		"no password": {nil, func(c *Config) {
			c.Credentials.Password = func(context.Context) (mailnet.Secret, error) { return mailnet.Secret{}, errors.New("x") }
		}, migrate.ScopeRun, true, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.change)
			cfg := config(s)
			if c.config != nil {
				c.config(&cfg)
			}
			x, err := Open(t.Context(), cfg)
			if err == nil {
				x.Close()
				t.Fatal("opened")
			}
			if e := class(t, err); e.Scope != c.scope || e.Final != c.final || e.Hint != c.hint {
				t.Errorf("%v: scope %d final %v hint %q", err, e.Scope, e.Final, e.Hint)
			}
			if errors.Is(err, migrate.ErrLogin) && errors.Is(err, migrate.ErrVolume) {
				t.Error("the password is held for a wrong one")
			}
			if n := strings.Count(strings.Join(s.Log(), "\n"), "AUTHENTICATE"); n > 1 {
				t.Errorf("%d attempts with one password", n)
			}
		})
	}
}

func TestImplicitTLSAndItsAuthority(t *testing.T) {
	s := imaptest.NewTLSServer()
	defer s.Close()
	cfg := config(s)
	cfg.Endpoint.Security = mailnet.ImplicitTLS
	folder(t, open(t, cfg))
	cfg.Endpoint.TLS = nil
	if _, err := Open(t.Context(), cfg); err == nil {
		t.Error("a certificate of an unknown authority was taken")
	}
}

func TestNoSecretInTranscript(t *testing.T) {
	for _, mechanism := range []string{"", "LOGIN-COMMAND", "LOGIN"} {
		s := serve(t, nil)
		var b bytes.Buffer
		cfg := config(s)
		cfg.Endpoint.Trace = mailnet.NewTrace(&b, time.Now)
		cfg.Credentials.Mechanism = mechanism
		x := open(t, cfg)
		mb := folder(t, x, "A")
		upload(t, x, mails(t, mb, 3, 500))
		var next uint32
		for range x.Index(t.Context(), mb, 1, &next) {
		}
		x.Read(t.Context(), mb, 1, &bytes.Buffer{})
		x.Close()
		got := b.String()
		for _, hidden := range []string{"pass", "dXNlcg", "cGFzcw", "AHVzZXIAcGFzcw", "0123456789"} {
			if strings.Contains(got, hidden) {
				t.Errorf("%q in\n%s", hidden, got)
			}
		}
		for _, shown := range []string{"imap C:", "imap-lane C:", "octets]", "APPENDUID", "EXAMINE"} {
			if !strings.Contains(got, shown) {
				t.Errorf("no %q in\n%s", shown, got)
			}
		}
	}
}

// notLoopback is a connection that claims to come from elsewhere, so that compression is on.
func TestCompression(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { w.Caps = append(imaptest.DefaultCaps, "COMPRESS=DEFLATE") })
	cfg := config(s)
	cfg.Endpoint.Dial = dialElsewhere
	x := open(t, cfg)
	mb := folder(t, x)
	ups := mails(t, mb, 120, 50_000)
	if o := upload(t, x, ups); o.err != nil || len(o.stored) != 120 {
		t.Fatal(o.err)
	}
	if !bytes.Equal(s.Messages("INBOX")[119].Raw, octets(t, ups[119].Message)) {
		t.Error("changed on the way")
	}
	if n := strings.Count(strings.Join(s.Log(), "\n"), "COMPRESS DEFLATE"); n != 2 {
		t.Errorf("%d of 2 connections compressed", n)
	}
	_, written := x.lane.w.conn.Octets()
	if written > 1<<20 {
		t.Errorf("%d octets written", written)
	}
}

// TestRoundTrips holds the price of a run that finds nothing to do: what is asked behind the login, all at once, and one STATUS.
func TestRoundTrips(t *testing.T) {
	s := serve(t, func(w *imaptest.Switches) { w.Caps = append(imaptest.DefaultCaps, "QUOTA") })
	x := open(t, config(s))
	folder(t, x)
	if _, _, err := x.Room(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 AUTHENTICATE PLAIN ***", `1 ID ("name" "poplift")`, "1 NAMESPACE", "1 GETQUOTAROOT INBOX",
		`1 LIST "" "*" RETURN (SPECIAL-USE)`, `1 STATUS "poplift.probe" (UIDNEXT)`, "1 STATUS INBOX"}
	got := s.Log()
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if s.Connections() != 1 {
		t.Error("a lane was made for nothing")
	}
}
