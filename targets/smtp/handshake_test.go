package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/targets/smtp/smtptest"
)

func TestGreetingAndHello(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		set   func(*smtptest.Server)
		want  string // "" opens
		hint  string
		hello string // a line of the log
	}{
		{"ordinary", nil, "", "", "EHLO [127.0.0.1]"},
		{"LMTP", func(s *smtptest.Server) { s.LMTP = true }, "", "", "LHLO [127.0.0.1]"},
		{"HELO only", func(s *smtptest.Server) { s.Offer.NoEHLO = true }, "", "", "HELO [127.0.0.1]"},
		{"a long greeting", func(s *smtptest.Server) { s.Greeting = "220-one\r\n220-two\r\n220 three" }, "", "", ""},
		{"busy", func(s *smtptest.Server) { s.Greeting = "421 4.3.2 too many of you" }, "session later", "", ""},
		{"unwanted", func(s *smtptest.Server) { s.Greeting = "554 5.7.1 not from there" }, "run", hintUnwanted, ""},
		{"the name is not liked", on("EHLO", 1, smtptest.Answer("550 5.7.1 who?")), "run", hintUnwanted, ""},
		{"not now", on("EHLO", 1, smtptest.Answer("451 4.3.0 not now")), "session later", "", ""},
		{"POP3", func(s *smtptest.Server) { s.Greeting = "+OK ready" }, "session", "", ""},
		{"a code of its own", func(s *smtptest.Server) { s.Greeting = "250 hello" }, "session", "", ""},
		{"closed", on("CONNECT", 1, smtptest.Cut()), "session", "", ""},
		{"a line without end", on("EHLO", 1, smtptest.Octets("250-"+strings.Repeat("x", 1<<20))), "session", "", ""},
		{"lines without end", on("EHLO", 1, smtptest.Octets(strings.Repeat("250-x\r\n", 1<<20))), "session", "", ""},
		{"NUL", on("EHLO", 1, smtptest.Octets("250\x00x\r\n")), "session", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.set)
			x, err := Open(t.Context(), config(s))
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer x.Close()
				if tt.hello != "" && !slices.Contains(s.Log(), tt.hello) {
					t.Errorf("%q", s.Log())
				}
				wantKind(t, sendOne(t, x, letterOf(1)), "relayed")
				return
			}
			wantKind(t, err, tt.want)
			if migrate.HintOf(err) != tt.hint || len(err.Error()) > 600 {
				t.Errorf("hint %q: %v", migrate.HintOf(err), err)
			}
			if s.Greeting == "" {
				wantFired(t, s, "hook", 1)
			}
		})
	}
}

func TestHelloName(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	cfg := config(s)
	cfg.HelloName = "mover.example"
	open(t, cfg)
	if !slices.Contains(s.Log(), "EHLO mover.example") {
		t.Errorf("%q", s.Log())
	}
}

func TestSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lmtp")
	s, err := smtptest.NewUnstartedSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	s.LMTP = true
	s.Start()
	defer s.Close()
	x := open(t, Config{Socket: path, LMTP: true, Operator: operator, To: []string{"user"}})
	wantKind(t, sendOne(t, x, letterOf(1)), "relayed")
	if !slices.Contains(s.Log(), "LHLO localhost") || len(s.Taken()) != 1 {
		t.Errorf("%q", s.Log())
	}
	if _, err := Open(t.Context(), Config{Socket: path + "-none", LMTP: true, Operator: operator, To: []string{"user"}}); kind(err) != "session" {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(*smtptest.Server)
		cfg  func(*Config)
		want string
	}{
		{"STARTTLS", nil, nil, ""},
		{"smtps", nil, func(c *Config) { c.Endpoint.Security = mailnet.ImplicitTLS }, ""},
		{"LMTP with STARTTLS", func(s *smtptest.Server) { s.LMTP = true }, nil, ""},
		{"not offered", func(s *smtptest.Server) { s.Offer.STARTTLS = false }, nil, "run"},
		{"not now", on("STARTTLS", 1, smtptest.Answer("454 4.7.0 no entropy")), nil, "session later"},
		{"refused", on("STARTTLS", 1, smtptest.Answer("502 5.5.1 no")), nil, "run"},
		{"octets in clear behind it", on("STARTTLS", 1, smtptest.Inject()), nil, "final"},
		{"an unknown authority", nil, func(c *Config) { c.Endpoint.TLS = &tls.Config{} }, "final"},
		{"died", on("STARTTLS", 1, smtptest.Cut()), nil, "session"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.NewUnstartedServer()
			t.Cleanup(s.Close)
			with := login(s, "PLAIN")
			s.Offer.STARTTLS = true
			if tt.set != nil {
				tt.set(s)
			}
			cfg := config(s)
			with(&cfg)
			cfg.Endpoint.Security = mailnet.StartTLS
			if tt.cfg != nil {
				tt.cfg(&cfg)
			}
			if cfg.Endpoint.Security == mailnet.ImplicitTLS {
				s.StartTLS()
			} else {
				s.Start()
			}
			x, err := Open(t.Context(), cfg)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				defer x.Close()
				wantKind(t, sendOne(t, x, letterOf(1)), "relayed")
				if m := s.Taken(); len(m) != 1 || !m[0].OnTLS || m[0].User != "me" {
					t.Errorf("%+v", m)
				}
				return
			}
			if e := classOf(err); tt.want == "final" && (!e.Final || e.Scope != migrate.ScopeSession) || tt.want != "final" && kind(err) != tt.want {
				t.Errorf("%+v", e)
			}
			if count(s.Log(), "AUTH") != 0 {
				t.Errorf("a login all the same: %q", s.Log())
			}
			if tt.set != nil && s.Offer.STARTTLS {
				wantFired(t, s, "hook", 1)
			}
		})
	}
}

// scramServer is the other side of SCRAM-SHA-256, by the library that it comes from.
func scramServer(t testing.TB, password string) func(*smtptest.Conn, string, int, []byte) ([]byte, string, bool) {
	t.Helper()
	client, err := scram.SHA256.NewClient("me", password, "")
	if err != nil {
		t.Fatal(err)
	}
	known, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt salt", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return known, nil })
	if err != nil {
		t.Fatal(err)
	}
	var conv *scram.ServerConversation
	return func(_ *smtptest.Conn, _ string, step int, response []byte) ([]byte, string, bool) {
		if step == 0 {
			conv = server.NewConversation()
		}
		if conv.Done() {
			return nil, "me", true
		}
		out, err := conv.Step(string(response))
		if err != nil {
			return nil, "", true
		}
		return []byte(out), "", false
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	token := func(c *Config) { c.Credentials.Token, c.Credentials.Password = secret("t0ken-t0ken"), nil }
	wrong := func(c *Config) { c.Credentials.Password = secret("wr0ng pass") }
	long := strings.Repeat("long-token-", 100)
	tests := []struct {
		name       string
		mechanisms []string
		set        func(*smtptest.Server)
		cfg        func(*Config)
		want, line string
		code       int
	}{
		{"PLAIN", []string{"LOGIN", "PLAIN"}, nil, nil, "", "AUTH PLAIN ***", 0},
		{"LOGIN", []string{"LOGIN"}, nil, nil, "", "AUTH LOGIN", 0},
		{"XOAUTH2", []string{"PLAIN", "XOAUTH2"}, nil, token, "", "AUTH XOAUTH2 ***", 0},
		{"XOAUTH2 with a long token", []string{"XOAUTH2"}, func(s *smtptest.Server) { s.Token = long },
			func(c *Config) { c.Credentials.Token = secret(long) }, "", "AUTH XOAUTH2", 0},
		{"OAUTHBEARER", []string{"OAUTHBEARER"}, func(s *smtptest.Server) {
			s.AuthHook = func(_ *smtptest.Conn, _ string, _ int, response []byte) ([]byte, string, bool) {
				if strings.Contains(string(response), "auth=Bearer t0ken-t0ken\x01") {
					return nil, "me", true
				}
				return []byte("{}"), "", string(response) == "\x01"
			}
		}, token, "", "AUTH OAUTHBEARER ***", 0},
		{"SCRAM-SHA-256", []string{"PLAIN", "SCRAM-SHA-256"}, func(s *smtptest.Server) { s.AuthHook = scramServer(t, "s3cret pass") }, nil,
			"", "AUTH SCRAM-SHA-256 ***", 0},
		{"SCRAM-SHA-256, wrong", []string{"SCRAM-SHA-256"}, func(s *smtptest.Server) { s.AuthHook = scramServer(t, "other") }, nil,
			"run", "AUTH SCRAM-SHA-256 ***", 535},
		{"SCRAM without a proof", []string{"SCRAM-SHA-256"}, func(s *smtptest.Server) {
			s.AuthHook = func(*smtptest.Conn, string, int, []byte) ([]byte, string, bool) { return nil, "me", true }
		}, nil, "run", "", 0},
		{"listed and not there", []string{"SCRAM-SHA-256", "PLAIN"}, on("AUTH", 1, smtptest.Answer("504 5.5.4 not that one")), nil, "", "AUTH PLAIN ***", 0},
		{"a wrong password is sent once", []string{"PLAIN", "LOGIN"}, nil, wrong, "run", "AUTH PLAIN ***", 535},
		{"a wrong LOGIN", []string{"LOGIN"}, nil, wrong, "run", "AUTH LOGIN", 535},
		{"a wrong token", []string{"XOAUTH2"}, nil, func(c *Config) { c.Credentials.Token = secret("expired-token") }, "run", "AUTH XOAUTH2 ***", 535},
		{"forced", []string{"PLAIN", "LOGIN"}, nil, func(c *Config) { c.Credentials.Mechanism = "login" }, "", "AUTH LOGIN", 0},
		{"forced and unknown", []string{"PLAIN"}, nil, func(c *Config) { c.Credentials.Mechanism = "CRAM-MD5" }, "run", "", 0},
		{"none in common", []string{"GSSAPI"}, nil, nil, "run", "", 0},
		{"none at all", nil, nil, nil, "run", "", 0},
		{"the old way of listing", nil, func(s *smtptest.Server) {
			s.Offer.Extra = []string{"AUTH=LOGIN", ""}
			s.Offer.SASL = nil
			s.AuthHook = nil
		}, nil, "run", "AUTH LOGIN", 504},
		{"not now", []string{"PLAIN"}, on("AUTH", 1, smtptest.Answer("454 4.7.0 directory is down")), nil, "session later", "", 454},
		{"closed", []string{"PLAIN"}, on("AUTH", 1, smtptest.Cut()), nil, "session", "", 0},
		{"a challenge that is none", []string{"LOGIN"}, on("AUTH", 1, smtptest.Answer("334 !!")), nil, "run", "", 0},
		{"without end", []string{"PLAIN"}, on("AUTH", 1, smtptest.Octets(strings.Repeat("334 \r\n", 50))), nil, "run", "", 0},
		{"XOAUTH2 without end", []string{"XOAUTH2"}, on("AUTH", 1, smtptest.Octets(strings.Repeat("334 \r\n", 50))), token, "session", "", 0},
		{"no password", []string{"PLAIN"}, nil, func(c *Config) { c.Credentials.Password = nil }, "run", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.NewUnstartedServer()
			t.Cleanup(s.Close)
			with := login(s, tt.mechanisms...)
			if tt.set != nil {
				tt.set(s)
			}
			s.Start()
			cfg := config(s)
			with(&cfg)
			if tt.cfg != nil {
				tt.cfg(&cfg)
			}
			var trace bytes.Buffer
			cfg.Endpoint.Trace = mailnet.NewTrace(&trace, time.Now)
			x, err := Open(t.Context(), cfg)
			log := s.Log()
			if tt.want == "" && err != nil || tt.want != "" && kind(err) != tt.want || codeOf(err) != tt.code {
				t.Fatalf("%s, code %d: %v, %q", kind(err), codeOf(err), err, log)
			}
			if tt.line != "" && !slices.Contains(log, tt.line) {
				t.Errorf("no %q: %q", tt.line, log)
			}
			if n := count(log, "AUTH"); n > 1 && tt.name != "listed and not there" || tt.code != 0 && slices.Contains(log, "*") {
				t.Errorf("%d logins: %q", n, log)
			}
			all := trace.String() + fmt.Sprint(err)
			for _, word := range []string{"s3cret pass", "t0ken-t0ken", "wr0ng pass", "expired-token", long,
				base64.StdEncoding.EncodeToString([]byte("\x00me\x00s3cret pass")), base64.StdEncoding.EncodeToString([]byte("s3cret pass"))} {
				if strings.Contains(all, word) {
					t.Errorf("%q is told: %s", word, all)
				}
			}
			if err == nil {
				wantKind(t, sendOne(t, x, letterOf(1)), "relayed")
				if m := s.Taken(); len(m) != 1 || m[0].User != "me" {
					t.Errorf("%+v", m)
				}
				x.Close()
			}
		})
	}
}

// TestServersThatRepeatTheSecret: it is in no error and no transcript.
func TestServersThatRepeatTheSecret(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"PLAIN", "LOGIN"} {
		s := smtptest.NewUnstartedServer()
		with := login(s, mechanism)
		s.AuthHook = func(_ *smtptest.Conn, _ string, step int, response []byte) ([]byte, string, bool) {
			return []byte("Password:"), "", step == 2 || mechanism == "PLAIN"
		}
		hooked := 0
		s.Hook = func(_ *smtptest.Conn, st smtptest.Step) smtptest.Fault {
			if st.Verb != "AUTH" {
				return smtptest.Pass()
			}
			hooked++
			_, response, _ := strings.Cut(st.Arg, " ")
			plain, _ := base64.StdEncoding.DecodeString(response)
			return smtptest.Answer("535 5.7.8 I don't like " + st.Arg + " which is " + strings.ReplaceAll(string(plain), "\x00", " "))
		}
		s.Start()
		cfg := config(s)
		with(&cfg)
		var trace bytes.Buffer
		cfg.Endpoint.Trace = mailnet.NewTrace(&trace, time.Now)
		_, err := Open(t.Context(), cfg)
		s.Close()
		wantKind(t, err, "run")
		all := trace.String() + fmt.Sprint(err)
		if hooked != 1 || strings.Contains(all, "s3cret") || strings.Contains(all, base64.StdEncoding.EncodeToString([]byte("\x00me\x00s3cret pass"))) {
			t.Errorf("%s: %d: %s", mechanism, hooked, all)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  Config
		ok   bool
	}{
		{"least", Config{Operator: "a@b", To: []string{"c@d"}}, true},
		{"the sender is the operator", Config{From: "a@b", To: []string{"c@d"}}, true},
		{"nobody answers for it", Config{To: []string{"c@d"}}, false},
		{"no recipient", Config{Operator: "a@b"}, false},
		{"chosen recipients", Config{Operator: "a@b", Recipients: func(migrate.Upload) []string { return nil }}, true},
		{"an injected recipient", Config{Operator: "a@b", To: []string{"c@d>\r\nRCPT TO:<e@f"}}, false},
		{"an injected sender", Config{From: "a@b\r\nX: y", To: []string{"c@d"}}, false},
		{"an operator without domain", Config{Operator: "root", To: []string{"c@d"}}, false},
		{"an operator beyond ASCII", Config{Operator: "jürgen@b", To: []string{"c@d"}}, false},
		{"a user without LMTP", Config{Operator: "a@b", To: []string{"user"}}, false},
		{"a user with LMTP", Config{Operator: "a@b", To: []string{"user"}, LMTP: true}, true},
		{"an injected user", Config{Operator: "a@b", To: []string{"user> x"}, LMTP: true}, false},
		{"an empty user", Config{Operator: "a@b", To: []string{""}, LMTP: true}, false},
		{"a socket without LMTP", Config{Operator: "a@b", To: []string{"c@d"}, Socket: "/x"}, false},
		{"a bad hello", Config{Operator: "a@b", To: []string{"c@d"}, HelloName: "x\r\ny"}, false},
		{"too many", Config{Operator: "a@b", To: strings.Fields(many(101))}, false},
		{"as many as can be", Config{Operator: "a@b", To: strings.Fields(many(100))}, true},
		{"a long address", Config{Operator: "a@b", To: []string{strings.Repeat("x", 300) + "@d"}}, false},
		{"a list", Config{Operator: "a@b", To: []string{"c@d, e@f"}}, false},
	}
	for _, tt := range tests {
		if _, err := tt.cfg.prepared(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
		if !tt.ok {
			_, err := Open(t.Context(), tt.cfg)
			wantKind(t, err, "run")
		}
	}
	for _, s := range []string{"resent", "attached"} {
		if a, err := ParseAs(s); err != nil || a.String() != s {
			t.Errorf("%s: %v, %v", s, a, err)
		}
	}
	if _, err := ParseAs("forwarded"); err == nil {
		t.Error("a way that there isn't")
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "u%d@x ", i)
	}
	return b.String()
}

// TestLogsTellNothing: above Debug there is no address, no subject and no secret, whatever happens; and there is something.
func TestLogsTellNothing(t *testing.T) {
	t.Parallel()
	s := smtptest.NewUnstartedServer()
	with := login(s, "SCRAM-SHA-256", "PLAIN")
	s.CloseAfter = 1
	refused := 0
	s.Hook = func(c *smtptest.Conn, st smtptest.Step) smtptest.Fault {
		switch {
		case st.Verb == "AUTH" && strings.HasPrefix(st.Arg, "SCRAM"):
			return smtptest.Answer("504 5.5.4 no")
		case st.Verb == "RCPT" && st.Message == 1 && refused == 0:
			refused++
			return smtptest.Answer("550 5.1.1 " + st.Arg + " unknown")
		}
		return smtptest.Pass()
	}
	s.Start()
	defer s.Close()
	var quiet, loud bytes.Buffer
	cfg := config(s)
	with(&cfg)
	for _, to := range []struct {
		w     io.Writer
		level slog.Level
	}{{&quiet, slog.LevelInfo}, {&loud, slog.LevelDebug}} {
		cfg.Log = slog.New(slog.NewTextHandler(to.w, &slog.HandlerOptions{Level: to.level}))
		x := open(t, cfg)
		u := mails(t, 4)
		u[3] = upload(t, "Subject: s3cret subject\r\n\r\n\x00")
		send(t, x, u...)
		x.Close()
	}
	for _, word := range []string{"@", "s3cret", "number", "new.example", "me\""} {
		if strings.Contains(quiet.String(), word) {
			t.Errorf("%q: %s", word, quiet.String())
		}
	}
	if !strings.Contains(quiet.String(), "made anew") || !strings.Contains(loud.String(), "sent attached") || strings.Contains(loud.String(), "s3cret") {
		t.Errorf("%s\n%s", quiet.String(), loud.String())
	}
	wantFired(t, s, "CloseAfter", 5)
}

// TestOpenInterrupted: a context that ends is the reason given, and nothing is classified.
func TestOpenInterrupted(t *testing.T) {
	t.Parallel()
	why := errors.New("interrupted")
	s := serve(t, on("EHLO", -1, smtptest.Stall()))
	ctx, cancel := context.WithCancelCause(t.Context())
	cfg := config(s)
	cfg.Endpoint.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		defer cancel(why)
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	if _, err := Open(ctx, cfg); err != why {
		t.Error(err)
	}
}
