package pop3

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"poplift/migrate"
	"poplift/migrate/mailnet"
	"poplift/sources/pop3/pop3test"
)

// runSession runs one to its end and returns what it brought and how it ended. Every message must be one of want, whole.
func runSession(t *testing.T, cfg Config, want []string) (brought int, err error) {
	t.Helper()
	src, err := Open(context.Background(), cfg)
	if err != nil {
		classified(t, err)
		return 0, err
	}
	defer src.Close()
	var entries []migrate.Entry
	for e, err := range src.Messages(context.Background()) {
		if err != nil {
			return 0, err
		}
		entries = append(entries, e)
	}
	if len(entries) != len(want) {
		t.Fatalf("listed %d of %d messages", len(entries), len(want))
	}
	for m, err := range src.Fetch(context.Background(), slices.Values(entries)) {
		if err != nil {
			if e := classified(t, err); e.Scope != migrate.ScopeSession || m.Seq != brought+1 {
				t.Errorf("after %d messages: %v names %d", brought, err, m.Seq)
			}
			return brought, err
		}
		if body := text(t, m); body != want[brought] {
			t.Fatalf("message %d is %q", brought+1, body)
		}
		m.Body.Release()
		brought++
	}
	if brought != len(want) {
		t.Fatalf("%d of %d messages, and no error", brought, len(want))
	}
	return brought, nil
}

// TestWireCuts breaks the line after every octet, in either direction. There is an error or there is everything.
func TestWireCuts(t *testing.T) {
	msgs := []pop3test.Msg{{Raw: []byte("A: b\r\n\r\n.\r\nx\r\n")}, {Raw: []byte("")}, {Raw: []byte("C: d\r\n\r\n..y\r\n")}}
	for _, quirk := range []pop3test.Quirk{{}, {NoPipelining: true}, {LFOnly: true}} {
		for _, sending := range []bool{true, false} {
			whole := 0
			for at := int64(0); whole < 2; at++ {
				if at > 5000 {
					t.Fatal("the session never came to its end")
				}
				s := newServer(t, func(s *pop3test.Server) {
					s.Quirk = quirk
					s.Cut = func(int) (int64, int64) {
						if sending {
							return at, -1
						}
						return -1, at
					}
				}, msgs...)
				_, err := runSession(t, config(s), bodies(msgs))
				s.Close()
				switch {
				case s.Fired("cut") == 0 && err != nil:
					t.Fatalf("nothing was cut, and yet: %v", err)
				case s.Fired("cut") == 0:
					whole++
				}
			}
		}
	}
}

// TestWireCutsTLS does so on the octets of the TLS connection, STLS included.
func TestWireCutsTLS(t *testing.T) {
	msgs := letters(3)
	for at := int64(0); ; at += 37 {
		s := newServer(t, func(s *pop3test.Server) {
			s.STLS = true
			s.Cut = func(int) (int64, int64) { return at, -1 }
		}, msgs...)
		cfg := config(s)
		cfg.Endpoint.Security, cfg.Endpoint.TLS = mailnet.StartTLS, &tls.Config{RootCAs: s.CertPool()}
		_, err := runSession(t, cfg, bodies(msgs))
		s.Close()
		if s.Fired("cut") == 0 {
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// script is a server that says what it was given, whatever it is asked, and then closes.
type script struct {
	net.Conn
	r io.Reader
}

func (s *script) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *script) Write(p []byte) (int, error) { return len(p), nil }

// play runs a session against the octets of a server and returns the messages.
func play(t testing.TB, transcript []byte, sizes []byte, each func(*migrate.Message, error)) {
	client, server := net.Pipe()
	defer server.Close()
	pool := migrate.NewPool(1<<20, t.TempDir())
	src, err := Open(context.Background(), Config{
		Endpoint: mailnet.Endpoint{
			Address: "pop.example.org:110", Security: mailnet.Cleartext,
			Dial: func(context.Context, string, string) (conn, error) {
				return &script{client, &chunks{data: transcript, sizes: sizes}}, nil
			},
		},
		Credentials: mailnet.Credentials{User: "user", Password: password("pass")},
		Pool:        pool, MaxMessage: 1 << 20,
	})
	if err != nil {
		return
	}
	defer src.Close()
	var entries []migrate.Entry
	for e, err := range src.Messages(context.Background()) {
		if err == nil {
			entries = append(entries, e)
		}
		if len(entries) == 1000 {
			break
		}
	}
	for m, err := range src.Fetch(context.Background(), slices.Values(entries)) {
		each(m, err)
		m.Body.Release()
	}
	if h, ok := src.(migrate.HeaderReader); ok {
		for m, err := range h.Headers(context.Background(), slices.Values(entries)) {
			each(m, err)
		}
	}
}

// transcripts are whole sessions of servers, with what their bodies come to.
var transcripts = []struct {
	name, said string
	bodies     []string
	errs       int
}{
	{"plain", "+OK hi\r\n-ERR\r\n+OK\r\n+OK\r\n-ERR\r\n+OK 1 3\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 3\r\n.\r\n+OK\r\na\r\n.\r\n+OK\r\n+OK\r\n+OK\r\n", []string{"a\r\n"}, 0},
	{"Gmail", "+OK Gpop ready for requests from 1.2.3.4 x\r\n+OK Capability list follows\r\nUSER\r\nRESP-CODES\r\nEXPIRE 0\r\nLOGIN-DELAY 300\r\nTOP\r\nUIDL\r\n" +
		"X-GOOGLE-RICO\r\nSASL PLAIN XOAUTH2\r\n.\r\n+OK Welcome.\r\n+OK Capability list follows\r\nUSER\r\nRESP-CODES\r\nPIPELINING\r\nEXPIRE 0\r\nTOP\r\nUIDL\r\n.\r\n" +
		"+OK 3 18\r\n+OK\r\n1 101\r\n2 102\r\n3\r\n.\r\n+OK 3 messages (18 bytes)\r\n1 6\r\n2 6\r\n3 6\r\n.\r\n" +
		"+OK message follows\r\nA: b\r\n\r\n.\r\n-ERR gone\r\n+OK message follows\r\n..x\r\n.\r\n+OK\r\n", []string{"A: b\r\n\r\n", ".x\r\n"}, 2},
	{"all lines in LF", "+OK\n+OK\nSASL PLAIN\nPIPELINING\n.\n+OK\n-ERR\n+OK 1 3\n+OK\n1 a\n.\n+OK\n1 3\n.\n+OK\n\n..\n.\n+OK\n+OK\n+OK\n", []string{"\r\n.\r\n"}, 0},
	{"stops in the body", "+OK hi\r\n-ERR\r\n+OK\r\n+OK\r\n-ERR\r\n+OK 1 3\r\n+OK\r\n1 a\r\n.\r\n+OK\r\n1 3\r\n.\r\n+OK\r\na\r\n.\r", nil, 1},
}

func TestTranscripts(t *testing.T) {
	for _, c := range transcripts {
		for _, sizes := range [][]byte{nil, {0}, {3, 1, 9}} {
			var got []string
			errs := 0
			play(t, []byte(c.said), sizes, func(m *migrate.Message, err error) {
				switch {
				case err != nil:
					errs++
				case m.Body != nil:
					got = append(got, text(t, m))
				}
			})
			if !slices.Equal(got, c.bodies) || errs != c.errs {
				t.Errorf("%s: %q, %d errors", c.name, got, errs)
			}
		}
	}
}

func FuzzClientTranscript(f *testing.F) {
	for _, c := range transcripts {
		f.Add([]byte(c.said), []byte{4, 1})
	}
	f.Add([]byte("+OK0\n"), []byte{})
	f.Add([]byte("+OK\r\n+OK\r\nUTF8\r\nSASL SCRAM-SHA-256\r\n.\r\n+OK\r\n+ cj1hLHM9Yg==\r\n-ERR [AUTH]\r\n"), []byte{})
	f.Add([]byte("+OK\r\n+OK\r\n.\r\n+OK\r\n+OK\r\n.\r\n+OK 2000000 1\r\n+OK\r\n1 a\r\n.\r\n-ERR\r\n"), []byte{})
	f.Fuzz(func(t *testing.T, said, sizes []byte) {
		total := int64(0)
		play(t, said, sizes, func(m *migrate.Message, err error) {
			if m == nil {
				t.Fatal("a nil message")
			}
			if err == nil && m.Body != nil {
				total += m.Body.Len()
			}
			if err != nil {
				var e *migrate.Error
				if !errors.As(err, &e) {
					t.Fatalf("not classified: %v", err)
				}
			}
		})
		if total > 2*int64(len(said)) { // a bare LF becomes two octets
			t.Fatalf("%d octets of messages out of %d", total, len(said))
		}
	})
}
