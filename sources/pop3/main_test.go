package pop3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/sources/pop3/pop3test"
)

// conn is a net.Conn, for dialling functions that fit on a line.
type conn = net.Conn

func pipe() (client, server net.Conn) { return net.Pipe() }

func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func password(s string) func(context.Context) (mailnet.Secret, error) {
	return func(context.Context) (mailnet.Secret, error) { return mailnet.NewSecret(s), nil }
}

// newServer starts a server whose fields set may change first. It is closed with the test.
func newServer(t testing.TB, set func(*pop3test.Server), msgs ...pop3test.Msg) *pop3test.Server {
	t.Helper()
	s := pop3test.NewUnstartedServer()
	if set != nil {
		set(s)
	}
	s.Add("user", msgs...)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// config is for the user "user" in clear.
func config(s *pop3test.Server) Config {
	return Config{
		Endpoint:    mailnet.Endpoint{Address: s.Addr, Host: "127.0.0.1", Security: mailnet.Cleartext},
		Credentials: mailnet.Credentials{User: "user", Password: password("user")},
	}
}

func mustOpen(t testing.TB, cfg Config) migrate.Source {
	t.Helper()
	src, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func list(t testing.TB, src migrate.Source) []migrate.Entry {
	t.Helper()
	var out []migrate.Entry
	for e, err := range src.Messages(context.Background()) {
		if err != nil {
			t.Fatalf("message %d: %v", e.Seq, err)
		}
		out = append(out, e)
	}
	return out
}

// got is what a Fetch came to for one entry.
type got struct {
	entry migrate.Entry
	body  string
	msg   *migrate.Message
	err   error
}

func collect(t testing.TB, seq iter.Seq2[*migrate.Message, error]) []got {
	t.Helper()
	var out []got
	for m, err := range seq {
		if m == nil {
			t.Fatal("a nil message")
			return nil
		}
		g := got{entry: m.Entry, msg: m, err: err}
		if m.Body != nil {
			if err != nil {
				t.Fatal("a body beside an error")
			}
			g.body = text(t, m)
			m.Body.Release()
		}
		out = append(out, g)
	}
	return out
}

func text(t testing.TB, m *migrate.Message) string {
	var b bytes.Buffer
	if _, err := m.Body.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if m.Body.Len() != int64(b.Len()) {
		t.Fatalf("length %d of %d octets", m.Body.Len(), b.Len())
	}
	return b.String()
}

func fetch(t testing.TB, src migrate.Source, entries []migrate.Entry) []got {
	t.Helper()
	return collect(t, src.Fetch(context.Background(), slices.Values(entries)))
}

// fetchAll lists and fetches everything, and wants no error.
func fetchAll(t testing.TB, src migrate.Source) []string {
	t.Helper()
	var out []string
	for _, g := range fetch(t, src, list(t, src)) {
		if g.err != nil {
			t.Fatal(g.err)
		}
		out = append(out, g.body)
	}
	return out
}

// classified returns the error's classification, which every error of this package has.
func classified(t testing.TB, err error) *migrate.Error {
	t.Helper()
	var e *migrate.Error
	if !errors.As(err, &e) {
		t.Fatalf("not classified: %v", err)
	}
	if strings.Contains(err.Error(), "\n") || e.Op == "" {
		t.Errorf("odd error text %q", err)
	}
	return e
}

// letters makes n messages with something of everything.
func letters(n int) []pop3test.Msg {
	out := make([]pop3test.Msg, n)
	for i := range out {
		out[i] = pop3test.Msg{Raw: fmt.Appendf(nil, "Message-ID: <%d@example.org>\r\nSubject: number %d\r\n\r\n.\r\n..two\r\n.dot\r\n%s\r\n", i, i,
			strings.Repeat("a line of text\r\n", i%7))}
	}
	return out
}

func bodies(msgs []pop3test.Msg) []string {
	var out []string
	for _, m := range msgs {
		out = append(out, string(m.Raw))
	}
	return out
}

func wantFired(t testing.TB, s *pop3test.Server, fault string) {
	t.Helper()
	if s.Fired(fault) == 0 {
		t.Errorf("the fault %q never struck", fault)
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
