package pop3

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/xdg-go/scram"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/sources/pop3/pop3test"
)

// openWith opens and says what the server saw up to the login.
func openWith(t *testing.T, s *pop3test.Server, set func(*Config)) (migrate.Source, error) {
	t.Helper()
	cfg := config(s)
	set(&cfg)
	src, err := Open(context.Background(), cfg)
	if err == nil {
		t.Cleanup(func() { src.Close() })
	}
	return src, err
}

func TestLoginMechanisms(t *testing.T) {
	for _, c := range []struct {
		name   string
		server func(*pop3test.Server)
		config func(*Config)
		want   string // a command that must be in the log
	}{
		{"SASL PLAIN", nil, nil, "AUTH PLAIN ***"},
		{"SASL LOGIN", func(s *pop3test.Server) { s.SASL = []string{"LOGIN"} }, nil, "AUTH LOGIN"},
		{"no SASL", func(s *pop3test.Server) { s.SASL = nil }, nil, "PASS ***"},
		{"no CAPA", func(s *pop3test.Server) { s.Quirk.NoCAPA = true }, nil, "PASS ***"},
		{"USER by name", nil, func(c *Config) { c.Credentials.Mechanism = "USER" }, "PASS ***"},
		{"APOP by name", func(s *pop3test.Server) { s.Quirk.APOP = true }, func(c *Config) { c.Credentials.Mechanism = "APOP" }, "APOP user ***"},
		{"APOP is never chosen", func(s *pop3test.Server) { s.Quirk.APOP, s.SASL = true, nil }, nil, "PASS ***"},
		{"authorization identity", func(s *pop3test.Server) { s.SetPassword("master", "m") }, func(c *Config) {
			c.Credentials = mailnet.Credentials{User: "master", AuthzID: "user", Password: password("m")}
		}, "AUTH PLAIN ***"},
		{"XOAUTH2", func(s *pop3test.Server) { s.SASL = []string{"XOAUTH2"}; s.SetToken("user", "tok") }, func(c *Config) {
			c.Credentials = mailnet.Credentials{User: "user", Token: password("tok")}
		}, "AUTH XOAUTH2 ***"},
		{"long XOAUTH2 token", func(s *pop3test.Server) {
			s.SASL = []string{"XOAUTH2"}
			s.SetToken("user", strings.Repeat("t", 2000))
		}, func(c *Config) {
			c.Credentials = mailnet.Credentials{User: "user", Token: password(strings.Repeat("t", 2000))}
		}, "AUTH XOAUTH2"},
		{"long password", func(s *pop3test.Server) { s.SetPassword("user", strings.Repeat("p", 300)) }, func(c *Config) {
			c.Credentials.Password = password(strings.Repeat("p", 300))
		}, "AUTH PLAIN"},
		{"Courier hangs across PASS", func(s *pop3test.Server) { s.Quirk.HangAcrossPASS, s.SASL = true, nil }, nil, "PASS ***"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, c.server, letters(1)...)
			src, err := openWith(t, s, func(cfg *Config) {
				if c.config != nil {
					c.config(cfg)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(s.Log(), c.want) {
				t.Errorf("no %q in %q", c.want, s.Log())
			}
			if got := fetchAll(t, src); len(got) != 1 {
				t.Errorf("%d messages", len(got))
			}
		})
	}
}

func TestLoginSCRAM(t *testing.T) {
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1"} {
		s := newServer(t, func(s *pop3test.Server) {
			s.SASL = []string{"PLAIN", mechanism}
			var conv *scram.ServerConversation
			s.AuthHook = func(_ *pop3test.Conn, _ string, step int, response []byte) ([]byte, string, bool) {
				if step == 0 {
					conv = scramServer(t, mechanism)
				}
				if conv.Done() {
					return nil, conv.Username(), true
				}
				out, err := conv.Step(string(response))
				if err != nil {
					return nil, "", true
				}
				return []byte(out), "", false
			}
		})
		if _, err := openWith(t, s, func(*Config) {}); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		_, err := openWith(t, s, func(c *Config) { c.Credentials.Password = password("wrong") })
		if err == nil || !classified(t, err).Final {
			t.Errorf("%s with a wrong password: %v", mechanism, err)
		}
		if count(s.Log(), "AUTH "+mechanism+" ***") != 2 {
			t.Errorf("%q", s.Log())
		}
	}
}

func scramServer(t *testing.T, mechanism string) *scram.ServerConversation {
	hash := scram.SHA256
	if mechanism == "SCRAM-SHA-1" {
		hash = scram.SHA1
	}
	client, err := hash.NewClient("user", "user", "")
	if err != nil {
		t.Error(err)
		return nil
	}
	stored, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "salt", Iters: 4096})
	if err != nil {
		t.Error(err)
		return nil
	}
	server, err := hash.NewServer(func(string) (scram.StoredCredentials, error) { return stored, nil })
	if err != nil {
		t.Error(err)
		return nil
	}
	return server.NewConversation()
}

func TestLoginErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		server func(*pop3test.Server)
		config func(*Config)
		final  bool
		after  time.Duration
		text   string
		login  bool // something of a login went out
	}{
		{"wrong password", nil, func(c *Config) { c.Credentials.Password = password("no") }, true, 0, "[AUTH]", true},
		{"refused without a code", func(s *pop3test.Server) {
			s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
				if strings.HasPrefix(cmd, "AUTH") {
					return pop3test.Err("-ERR no")
				}
				return pop3test.Pass()
			}
		}, nil, true, 0, `"no"`, true},
		{"wrong token", func(s *pop3test.Server) { s.SASL = []string{"XOAUTH2"} }, func(c *Config) {
			c.Credentials = mailnet.Credentials{User: "user", Token: password("no")}
		}, true, 0, "[AUTH]", true},
		{"in use", func(s *pop3test.Server) { s.Quirk.InUse = 1 }, nil, false, 30 * time.Second, "[IN-USE]", true},
		{"login delay", func(s *pop3test.Server) { s.Quirk.LoginDelayed, s.Quirk.LoginDelay = 1, 90*time.Second }, nil, false, 90 * time.Second,
			"[LOGIN-DELAY]", true},
		{"line end in the user", nil, func(c *Config) { c.Credentials.User = "user\r\nDELE 1" }, true, 0, "line end", false},
		{"line end in the password", func(s *pop3test.Server) { s.SASL = nil }, func(c *Config) { c.Credentials.Password = password("a\nb") },
			true, 0, "line end", false},
		{"NUL in the password", nil, func(c *Config) { c.Credentials.Password = password("a\x00b") }, true, 0, "NUL", false},
		{"no password", nil, func(c *Config) { c.Credentials.Password = nil }, true, 0, "not given", false},
		{"password command fails", nil, func(c *Config) {
			c.Credentials.Password = func(context.Context) (mailnet.Secret, error) { return mailnet.Secret{}, errors.New("exit status 1") }
		}, true, 0, "exit status 1", false},
		{"APOP without a stamp", nil, func(c *Config) { c.Credentials.Mechanism = "APOP" }, true, 0, "stamp", false},
		{"unknown mechanism", nil, func(c *Config) { c.Credentials.Mechanism = "GSSAPI" }, true, 0, "GSSAPI", false},
		{"STLS not offered", nil, func(c *Config) { c.Endpoint.Security = mailnet.StartTLS }, true, 0, "STLS", false},
		{"STLS refused, CAPA too", func(s *pop3test.Server) { s.Quirk.NoCAPA = true }, func(c *Config) { c.Endpoint.Security = mailnet.StartTLS },
			true, 0, "refused", false},
		{"greeting refuses", func(s *pop3test.Server) { s.Greeting = "-ERR [SYS/PERM] closed for ever" }, nil, true, 0, "closed", false},
		{"greeting refuses for now", func(s *pop3test.Server) { s.Greeting = "-ERR [SYS/TEMP] come back" }, nil, false, 30 * time.Second, "come back", false},
		{"greeting is no POP3", func(s *pop3test.Server) { s.Greeting = "220 smtp" }, nil, false, 0, "neither", false},
		{"greeting is empty", func(s *pop3test.Server) { s.Greeting = "\r\n+OK" }, nil, false, 0, "neither", false},
		{"a server that asks without end", func(s *pop3test.Server) {
			s.SASL = []string{"SCRAM-SHA-1"}
			s.AuthHook = func(*pop3test.Conn, string, int, []byte) ([]byte, string, bool) { return []byte("x"), "", false }
		}, nil, false, 0, "SCRAM", true},
		{"a challenge that is none", func(s *pop3test.Server) {
			s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
				if strings.HasPrefix(cmd, "AUTH") {
					return pop3test.Answer("+ *!?\r\n")
				}
				return pop3test.Pass()
			}
		}, nil, false, 0, "base64", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, c.server)
			_, err := openWith(t, s, func(cfg *Config) {
				if c.config != nil {
					c.config(cfg)
				}
			})
			if err == nil {
				t.Fatal("no error")
			}
			e := classified(t, err)
			if e.Scope != migrate.ScopeSession || e.Final != c.final || e.After != c.after || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v (%+v)", err, e)
			}
			tried := count(s.Log(), "AUTH")+count(s.Log(), "USER")+count(s.Log(), "APOP") > 0
			if tried != c.login || count(s.Log(), "DELE") > 0 {
				t.Errorf("sent %q", s.Log())
			}
		})
	}
}

func TestRetriesAfterInUse(t *testing.T) {
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.InUse = 3 })
	for range 3 {
		if _, err := Open(t.Context(), config(s)); err == nil {
			t.Fatal("no error")
		}
	}
	mustOpen(t, config(s))
}

func TestTLS(t *testing.T) {
	secure := func(s *pop3test.Server, how mailnet.Security) Config {
		cfg := config(s)
		cfg.Endpoint.Security, cfg.Endpoint.TLS = how, &tls.Config{RootCAs: s.CertPool()}
		return cfg
	}
	t.Run("implicit", func(t *testing.T) {
		s := pop3test.NewUnstartedServer()
		s.Add("user", letters(3)...)
		s.StartTLS()
		defer s.Close()
		if got := fetchAll(t, mustOpen(t, secure(s, mailnet.ImplicitTLS))); len(got) != 3 {
			t.Errorf("%d messages", len(got))
		}
	})
	t.Run("STLS", func(t *testing.T) {
		s := newServer(t, func(s *pop3test.Server) { s.STLS = true }, letters(3)...)
		if got := fetchAll(t, mustOpen(t, secure(s, mailnet.StartTLS))); len(got) != 3 {
			t.Errorf("%d messages", len(got))
		}
		if log := s.Log(); !slices.Equal(log[:4], []string{"CAPA", "STLS", "CAPA", "AUTH PLAIN ***"}) {
			t.Errorf("%q", log)
		}
	})
	t.Run("injected", func(t *testing.T) {
		s := newServer(t, func(s *pop3test.Server) { s.STLS, s.Quirk.InjectBeforeTLS = true, true })
		_, err := Open(t.Context(), secure(s, mailnet.StartTLS))
		if err == nil || !classified(t, err).Final || !strings.Contains(err.Error(), "in clear") {
			t.Error(err)
		}
		wantFired(t, s, "InjectBeforeTLS")
	})
	t.Run("unknown authority", func(t *testing.T) {
		s := newServer(t, func(s *pop3test.Server) { s.STLS = true })
		cfg := secure(s, mailnet.StartTLS)
		cfg.Endpoint.TLS = nil
		_, err := Open(t.Context(), cfg)
		if err == nil || !classified(t, err).Final || !strings.Contains(migrate.HintOf(err), "--tls-ca") {
			t.Error(err)
		}
	})
	t.Run("unknown authority, implicit", func(t *testing.T) {
		s := pop3test.NewUnstartedServer()
		s.StartTLS()
		defer s.Close()
		cfg := secure(s, mailnet.ImplicitTLS)
		cfg.Endpoint.TLS = nil
		_, err := Open(t.Context(), cfg)
		if err == nil || !classified(t, err).Final || !strings.Contains(migrate.HintOf(err), "--tls-ca") {
			t.Error(err)
		}
	})
}

// TestTraceHoldsNoSecret also looks at errors: the server repeats the command that it doesn't like.
func TestTraceHoldsNoSecret(t *testing.T) {
	const secret = "s3cr3t-pa55"
	for _, mechanism := range []string{"PLAIN", "LOGIN", "USER", "APOP", "XOAUTH2"} {
		var trace bytes.Buffer
		s := newServer(t, func(s *pop3test.Server) {
			s.SASL, s.Quirk.APOP = []string{"PLAIN", "LOGIN", "XOAUTH2"}, true
			s.SetPassword("user", secret)
			s.SetToken("user", secret)
			s.Hook = func(c *pop3test.Conn, cmd string) pop3test.Fault {
				if c.Number() == 2 && (strings.HasPrefix(cmd, "AUTH ") && cmd != "AUTH LOGIN" || strings.HasPrefix(cmd, "PASS") || strings.HasPrefix(cmd, "APOP")) {
					return pop3test.Err("-ERR what is " + cmd)
				}
				return pop3test.Pass()
			}
		}, letters(2)...)
		cfg := config(s)
		cfg.Credentials.Mechanism, cfg.Credentials.Password, cfg.Credentials.Token = mechanism, password(secret), password(secret)
		cfg.Endpoint.Trace = mailnet.NewTrace(&trace, time.Now)
		fetchAll(t, mustOpen(t, cfg))
		said := trace.String()
		if !strings.Contains(said, "***") || !strings.Contains(said, "RETR 1") || !strings.Contains(said, "octets]") || strings.Contains(said, "line of text") {
			t.Errorf("%s: odd transcript:\n%s", mechanism, said)
		}
		if src, err := Open(t.Context(), cfg); err != nil {
			trace.WriteString(err.Error())
		} else {
			src.Close()
		}
		for line := range strings.SplitSeq(trace.String(), "\n") {
			if strings.Contains(line, secret) || mechanism != "LOGIN" && strings.Contains(line, encode([]byte("\x00user\x00"+secret))) {
				t.Errorf("%s: secret in %q", mechanism, line)
			}
		}
	}
}

// TestSilentCAPA runs on a clock of its own: a server that never answers CAPA is left, and asked without it.
func TestSilentCAPA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pop3test.NewUnstartedServer()
		s.Quirk.SilentCAPA = true
		s.Add("user", letters(2)...)
		defer s.Close()
		cfg := config(s)
		cfg.Endpoint.Dial = func(context.Context, string, string) (conn, error) { return s.Pipe(), nil }
		src, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := src.(migrate.HeaderReader); ok {
			t.Error("TOP without CAPA")
		}
		if got := fetchAll(t, src); !slices.Equal(got, bodies(letters(2))) {
			t.Errorf("%q", got)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
		if s.Connections() != 2 || s.Fired("SilentCAPA") != 1 {
			t.Errorf("%d connections", s.Connections())
		}
	})
}

// TestSilentGreeting is a TLS port that was taken for one in clear: both sides wait for the other.
func TestSilentGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pipe()
		defer server.Close()
		go io.Copy(io.Discard, server)
		_, err := Open(t.Context(), Config{Endpoint: mailnet.Endpoint{
			Address: "pop.example.org:995", Security: mailnet.Cleartext,
			Dial: func(context.Context, string, string) (conn, error) { return client, nil },
		}})
		if err == nil || !strings.Contains(classified(t, err).Hint, "pop3s") {
			t.Error(err)
		}
	})
}

func TestOpenInterrupted(t *testing.T) {
	why := errors.New("interrupted")
	s := newServer(t, func(s *pop3test.Server) {
		s.Hook = func(*pop3test.Conn, string) pop3test.Fault { return pop3test.Stall() }
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	cfg := config(s)
	cfg.Endpoint.Dial = func(ctx context.Context, network, address string) (conn, error) {
		defer cancel(why)
		return dialTCP(ctx, network, address)
	}
	if _, err := Open(ctx, cfg); !errors.Is(err, why) {
		t.Error(err)
	}
}

func TestCloseWaitsNoLongerThanItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pop3test.NewUnstartedServer()
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "RSET" {
				return pop3test.Stall()
			}
			return pop3test.Pass()
		}
		s.Add("user", letters(1)...)
		defer s.Close()
		cfg := config(s)
		cfg.Endpoint.Dial = func(context.Context, string, string) (conn, error) { return s.Pipe(), nil }
		src, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		fetchAll(t, src)
		start := time.Now()
		src.Close()
		if d := time.Since(start); d != farewell {
			t.Errorf("waited %v", d)
		}
	})
}
