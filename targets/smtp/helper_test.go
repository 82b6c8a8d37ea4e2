package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/targets/smtp/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	operator  = "postmaster@relay.example"
	recipient = "user@new.example"
)

// serve starts a server whose fields set may change first. It is closed with the test.
func serve(t testing.TB, set func(*smtptest.Server)) *smtptest.Server {
	t.Helper()
	s := smtptest.NewUnstartedServer()
	if set != nil {
		set(s)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// on has a step answered by f the first n times; below 0 is always.
func on(verb string, n int, f smtptest.Fault) func(*smtptest.Server) {
	var left atomic.Int64
	left.Store(int64(n))
	return func(s *smtptest.Server) {
		s.Hook = func(_ *smtptest.Conn, st smtptest.Step) smtptest.Fault {
			if st.Verb == verb && (n < 0 || left.Add(-1) >= 0) {
				return f
			}
			return smtptest.Pass()
		}
	}
}

var clock = time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("", 2*3600))

// config is for a server in clear, with an empty sender.
func config(s *smtptest.Server) Config {
	return Config{
		Endpoint: mailnet.Endpoint{Address: s.Addr, Host: "127.0.0.1", Security: mailnet.Cleartext, TLS: &tls.Config{RootCAs: s.CertPool()}},
		LMTP:     s.LMTP, Operator: operator, To: []string{recipient}, Now: func() time.Time { return clock },
	}
}

// narrow makes the buffers on the way small, so that large doesn't fit into them.
func narrow(c *Config) {
	c.Endpoint.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		nc, err := d.DialContext(ctx, network, address)
		if err == nil {
			err = nc.(*net.TCPConn).SetWriteBuffer(16 << 10)
		}
		return nc, err
	}
}

// large is a body of more octets than the buffers on a narrow way take: one that fits is sent whole, and uncertain when the relay dies under it.
func large() string { return strings.Repeat("0123456789abcdef\r\n", 1<<16) }

// login sets the server's user and the client's credentials.
func login(s *smtptest.Server, mechanisms ...string) func(*Config) {
	s.User, s.Password, s.Token, s.MustLogIn, s.Offer.SASL = "me", "s3cret pass", "t0ken-t0ken", true, mechanisms
	return func(c *Config) { c.Credentials = mailnet.Credentials{User: "me", Password: secret("s3cret pass")} }
}

func secret(p string) func(context.Context) (mailnet.Secret, error) {
	return func(context.Context) (mailnet.Secret, error) { return mailnet.NewSecret(p), nil }
}

func open(t testing.TB, cfg Config) *Target {
	t.Helper()
	x, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

var testPool = migrate.NewPool(256<<20, "")

// upload makes one of raw octets, which the spool puts into CRLF form.
func upload(t testing.TB, raw string) migrate.Upload {
	t.Helper()
	s := testPool.NewSpool(context.Background())
	if _, err := io.WriteString(s, raw); err != nil {
		t.Fatal(err)
	}
	m := &migrate.Message{Body: s}
	m.Identity, m.Header = s.Seal()
	t.Cleanup(func() { s.Release() })
	return migrate.Upload{Message: m}
}

func letterOf(n int) string {
	return fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: number %d\r\nFrom: a@b\r\n\r\nbody %d\r\n", n, n, n)
}

func mails(t testing.TB, n int) []migrate.Upload {
	t.Helper()
	out := make([]migrate.Upload, n)
	for i := range out {
		out[i] = upload(t, letterOf(i+1))
	}
	return out
}

// send relays uploads until an error ends the sequence, and returns what became of each that was answered.
func send(t testing.TB, x *Target, uploads ...migrate.Upload) []error {
	t.Helper()
	return sendIn(t, t.Context(), x, slices.Values(uploads))
}

func sendIn(t testing.TB, ctx context.Context, x *Target, uploads iter.Seq[migrate.Upload]) (out []error) {
	t.Helper()
	for _, err := range x.Append(ctx, uploads) {
		if len(out) > 0 && out[len(out)-1] != nil && classOf(out[len(out)-1]).Scope != migrate.ScopeMessage {
			t.Fatalf("the sequence went on after %v", out[len(out)-1])
		}
		out = append(out, err)
	}
	return out
}

// sendOne relays one message.
func sendOne(t testing.TB, x *Target, raw string) error {
	t.Helper()
	return send(t, x, upload(t, raw))[0]
}

// kind is what an error of Append means to the engine, in a word.
func kind(err error) string {
	var partial *PartialError
	e := classOf(err)
	switch {
	case err == nil:
		return "relayed"
	case errors.Is(err, migrate.ErrUncertain) && errors.Is(err, migrate.ErrRejected):
		return "contradictory"
	case errors.Is(err, migrate.ErrUncertain) && e.Scope == migrate.ScopeSession:
		return "uncertain"
	case errors.Is(err, migrate.ErrRejected) && e.Scope == migrate.ScopeMessage && e.Final:
		return "rejected"
	case errors.Is(err, migrate.ErrRejected):
		return "contradictory"
	case errors.As(err, &partial) && e.Scope == migrate.ScopeMessage:
		return "partial"
	case e.Scope == migrate.ScopeMessage && !e.Final && e.After > 0:
		return "later"
	case e.Scope == migrate.ScopeRun && e.Final:
		return "run"
	case e.Scope == migrate.ScopeSession && !e.Final && e.After > 0:
		return "session later"
	case e.Scope == migrate.ScopeSession && !e.Final:
		return "session"
	}
	return fmt.Sprintf("unknown %+v", e)
}

func kinds(errs []error) (out []string) {
	for _, err := range errs {
		out = append(out, kind(err))
	}
	return out
}

func wantKind(t testing.TB, err error, want string) {
	t.Helper()
	if got := kind(err); got != want {
		t.Errorf("%s, want %s: %v", got, want, err)
	}
	if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("an error of several lines: %q", err)
	}
}

func wantFired(t testing.TB, s *smtptest.Server, fault string, times int) {
	t.Helper()
	if n := s.Fired(fault); n != times {
		t.Errorf("the fault %q struck %d times, want %d", fault, n, times)
	}
}

// piped connects through memory, so that the clock of synctest can drive it. What the client sends and the server doesn't read blocks.
func piped(s *smtptest.Server) func(*Config) {
	return func(c *Config) {
		c.Endpoint.Dial = func(context.Context, string, string) (net.Conn, error) { return s.Pipe(), nil }
	}
}

// count is how many of the commands begin with verb.
func count(log []string, verb string) (n int) {
	for _, l := range log {
		if strings.HasPrefix(l, verb) {
			n++
		}
	}
	return n
}
