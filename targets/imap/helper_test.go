package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/targets/imap/imaptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server with switches.
func serve(t testing.TB, change func(*imaptest.Switches)) *imaptest.Server {
	t.Helper()
	s := imaptest.NewUnstartedServer()
	if change != nil {
		s.Change(change)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func config(s *imaptest.Server) Config {
	host, _, _ := net.SplitHostPort(s.Addr)
	return Config{
		Endpoint:    mailnet.Endpoint{Address: s.Addr, Host: host, Security: mailnet.Cleartext, TLS: &tls.Config{RootCAs: s.CertPool()}},
		Credentials: mailnet.Credentials{User: imaptest.User, Password: secret(imaptest.Password)},
	}
}

func secret(p string) func(context.Context) (mailnet.Secret, error) {
	return func(context.Context) (mailnet.Secret, error) { return mailnet.NewSecret(p), nil }
}

// open opens a target and closes it with the test.
func open(t testing.TB, cfg Config) *Target {
	t.Helper()
	x, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// folder opens a folder by the names of its path; none is INBOX.
func folder(t testing.TB, x *Target, p ...string) migrate.Mailbox {
	t.Helper()
	l, err := x.Layout(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := inbox
	if len(p) > 0 {
		name = l.Prefix + strings.Join(p, l.Delimiter)
	}
	mb, err := x.OpenNamed(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	return mb
}

var discard = slog.New(slog.DiscardHandler)

var testPool = migrate.NewPool(256<<20, "")

// message makes a message of raw octets.
func message(t testing.TB, raw string) *migrate.Message {
	t.Helper()
	s := testPool.NewSpool(context.Background())
	if _, err := io.Copy(s, strings.NewReader(raw)); err != nil {
		t.Fatal(err)
	}
	m := &migrate.Message{Body: s}
	m.Identity, m.Header = s.Seal()
	t.Cleanup(func() { s.Release() })
	return m
}

func mail(n, size int) string {
	head := fmt.Sprintf("Message-ID: <%d@x>\r\nSubject: number %d\r\nFrom: a@b\r\n\r\n", n, n)
	return head + strings.Repeat("0123456789abcdef {3}\r\n", max(size-len(head), 0)/22+1)
}

// mails makes n uploads of about size octets each.
func mails(t testing.TB, mb migrate.Mailbox, n, size int) []migrate.Upload {
	t.Helper()
	out := make([]migrate.Upload, n)
	for i := range out {
		out[i] = migrate.Upload{Mailbox: mb, Message: message(t, mail(i+1, size)), Flags: []migrate.Flag{migrate.Seen},
			Date: time.Unix(1e9+int64(i), 0)}
		out[i].Message.ID = fmt.Sprint(i + 1)
	}
	return out
}

func each(uploads []migrate.Upload) iter.Seq[migrate.Upload] {
	return func(yield func(migrate.Upload) bool) {
		for _, u := range uploads {
			if !yield(u) {
				return
			}
		}
	}
}

// outcome is what an Append came to.
type outcome struct {
	stored, rejected []migrate.Receipt
	causes           []error // of rejected
	err              error   // that ended it
	errAt            migrate.Receipt
}

// upload runs Append to its end and checks that the receipts come in order.
func upload(t testing.TB, x *Target, uploads []migrate.Upload) (o outcome) {
	t.Helper()
	n := 0
	for rc, err := range x.Append(t.Context(), each(uploads)) {
		if err != nil && !errors.Is(err, migrate.ErrRejected) {
			o.err, o.errAt = err, rc
			continue
		}
		if n >= len(uploads) || rc.Upload.Message != uploads[n].Message {
			t.Fatalf("receipt %d is not for upload %d", n, n)
		}
		n++
		if err != nil {
			o.rejected, o.causes = append(o.rejected, rc), append(o.causes, err)
		} else {
			o.stored = append(o.stored, rc)
		}
	}
	if o.err == nil && n != len(uploads) {
		t.Fatalf("%d receipts for %d uploads", n, len(uploads))
	}
	return o
}

func octets(t testing.TB, m *migrate.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.Body.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// class is err as a *migrate.Error.
func class(t testing.TB, err error) *migrate.Error {
	t.Helper()
	var e *migrate.Error
	if !errors.As(err, &e) {
		t.Fatalf("not classified: %v", err)
	}
	return e
}
