package smtptest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// talk sends lines in one segment and returns everything until the server closes.
func talk(t *testing.T, nc net.Conn, lines ...string) string {
	t.Helper()
	defer nc.Close()
	go io.WriteString(nc, strings.Join(lines, "\r\n")+"\r\n")
	all, _ := io.ReadAll(nc)
	return strings.ReplaceAll(string(all), "\r\n", "|")
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

func serve(t *testing.T, set func(*Server)) *Server {
	s := NewUnstartedServer()
	set(s)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func TestSession(t *testing.T) {
	s := serve(t, func(s *Server) { s.Offer.Size = 1000 })
	got := talk(t, dial(t, s), "MAIL FROM:<>", "EHLO x", "RCPT TO:<a@b>", "MAIL FROM:<s@x> SIZE=9", "MAIL FROM:<>", "DATA", "RCPT TO:<a@b> NOTIFY=NEVER",
		`RCPT TO:<"c>"@d>`, "DATA", "..", ".x", "\n.", "..", ".", "MAIL FROM:<> SIZE=1001", "MAIL FROM:<> X=y", "MAIL FROM:<ä@b>", "MAIL FROM:<ä@b> SMTPUTF8",
		"RSET", "NOOP", "TURN", "QUIT")
	want := "220 smtptest ready|503 5.5.1 not now|250-smtptest|250-PIPELINING|250-8BITMIME|250-SMTPUTF8|250-DSN|250-ENHANCEDSTATUSCODES|250 SIZE 1000|" +
		"503 5.5.1 MAIL first|250 2.1.0 go on|503 5.5.1 not now|554 5.5.1 no valid recipients|250 2.1.5 go on|250 2.1.5 go on|354 go on|250 2.0.0 taken|" +
		"552 5.3.4 too big|555 5.5.4 X was not offered|553 5.6.7 that needs SMTPUTF8|250 2.1.0 go on|250 2.0.0 reset|250 2.0.0 yes|500 5.5.1 no such command|221 2.0.0 bye|"
	if got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	m := s.Taken()
	if len(m) != 1 || string(m[0].Data) != ".\r\nx\r\n\n.\r\n.\r\n" || m[0].From != "s@x" || !slices.Equal(m[0].Params, []string{"SIZE=9"}) ||
		len(m[0].To) != 2 || m[0].To[0].Params[0] != "NOTIFY=NEVER" || m[0].To[1].To != `"c>"@d` || !m[0].To[1].Taken {
		t.Errorf("%+v", m)
	}
	if s.Connections() != 1 || !slices.Contains(s.Log(), "DATA") {
		t.Errorf("%q", s.Log())
	}
}

func TestLMTP(t *testing.T) {
	s := serve(t, func(s *Server) {
		s.LMTP, s.Offer = true, Offer{NoPipelining: true, No8BITMIME: true, NoSMTPUTF8: true, NoDSN: true, NoEnhanced: true, NoSIZE: true, Extra: []string{"XFOO"}}
		s.Hook = func(_ *Conn, st Step) Fault {
			if st.Verb == "." && st.Arg == "b" {
				return Answer("552 full")
			}
			return Pass()
		}
	})
	nc := dial(t, s)
	defer nc.Close()
	br := bufio.NewReader(nc)
	for _, x := range []struct{ say, want string }{
		{"", "220 smtptest ready"}, {"EHLO x", "500 no such command"}, {"LHLO x", "250-smtptest"}, {"", "250 XFOO"}, {"MAIL FROM:<>", "250 go on"},
		{"RCPT TO:<a>", "250 go on"}, {"RCPT TO:<b>", "250 go on"}, {"RCPT TO:<c> NOTIFY=NEVER", "555 DSN was not offered"}, {"DATA", "354 go on"},
		{"x\r\n.", "250 taken"}, {"", "552 full"},
	} {
		if x.say != "" {
			fmt.Fprintf(nc, "%s\r\n", x.say)
		}
		if line, err := br.ReadString('\n'); err != nil || strings.TrimSpace(line) != x.want {
			t.Fatalf("%s: %q, %v", x.say, line, err)
		}
	}
	if m := s.Mail(); len(m) != 1 || !m[0].Taken || !m[0].To[0].Taken || m[0].To[1].Taken || s.Fired("hook") != 1 {
		t.Errorf("%+v", m)
	}
}

func TestFaults(t *testing.T) {
	const head = "220 smtptest ready|250 smtptest|"
	envelope := []string{"HELO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", "0123456789", "."}
	tests := []struct {
		name  string
		verb  string
		fault Fault
		want  string
		mail  int
		taken int
	}{
		{"none", "NONE", Pass(), head + "250 2.1.0 go on|250 2.1.5 go on|354 go on|250 2.0.0 taken|221 2.0.0 bye|", 1, 1},
		{"no greeting", "CONNECT", Cut(), "", 0, 0},
		{"answer", "MAIL", Answer("451 4.3.0 later"), head + "451 4.3.0 later|503 5.5.1 MAIL first|503 5.5.1 MAIL first|500 5.5.1 no such command|" +
			"500 5.5.1 no such command|221 2.0.0 bye|", 0, 0},
		{"octets", "RCPT", Octets("2\x00\n"), head + "250 2.1.0 go on|2\x00\n554 5.5.1 no valid recipients|500 5.5.1 no such command|500 5.5.1 no such command|221 2.0.0 bye|", 0, 0},
		{"last words", "RCPT", LastWords("421 4.3.2 b"), head + "250 2.1.0 go on|421 4.3.2 b", 0, 0},
		{"cut body", "DATA", CutBody(5), head + "250 2.1.0 go on|250 2.1.5 go on|354 go on|", 0, 0},
		{"end body", "DATA", EndBody(5, "552 5.3.4 no"), head + "250 2.1.0 go on|250 2.1.5 go on|354 go on|552 5.3.4 no|", 0, 0},
		{"dot refused", ".", Answer("550 5.7.1 no"), head + "250 2.1.0 go on|250 2.1.5 go on|354 go on|550 5.7.1 no|221 2.0.0 bye|", 1, 0},
		{"dot cut", ".", Cut(), head + "250 2.1.0 go on|250 2.1.5 go on|354 go on|", 1, 0},
		{"taken and cut", ".", ActAndCut(), head + "250 2.1.0 go on|250 2.1.5 go on|354 go on|", 1, 1},
	}
	for _, tt := range tests {
		s := serve(t, func(s *Server) {
			s.Hook = func(_ *Conn, st Step) Fault {
				if st.Verb == tt.verb {
					return tt.fault
				}
				return Pass()
			}
		})
		if got := talk(t, s.Pipe(), append(envelope, "QUIT")...); got != tt.want {
			t.Errorf("%s: %q\nwant %q", tt.name, got, tt.want)
		}
		if len(s.Mail()) != tt.mail || len(s.Taken()) != tt.taken || (s.Fired("hook") == 1) != (tt.verb != "NONE") {
			t.Errorf("%s: %d messages, %d taken, %d faults", tt.name, len(s.Mail()), len(s.Taken()), s.Fired("hook"))
		}
	}
}

func TestCutAndCloseAfter(t *testing.T) {
	s := serve(t, func(s *Server) {
		s.CloseAfter = 1
		s.Cut = func(n int) (int64, int64) {
			switch n {
			case 1:
				return 5, -1
			case 2:
				return -1, 3
			}
			return -1, -1
		}
	})
	if got := talk(t, dial(t, s), "NOOP"); got != "220 s" {
		t.Errorf("%q", got)
	}
	if got := talk(t, dial(t, s), "NOOP"); got != "220 smtptest ready|" {
		t.Errorf("%q", got)
	}
	if got := talk(t, dial(t, s), "HELO x", "MAIL FROM:<>", "RCPT TO:<a@b>", "DATA", ".", "MAIL FROM:<>", "NOOP"); !strings.HasSuffix(got, "taken|421 4.7.0 enough on this connection|") {
		t.Errorf("%q", got)
	}
	if s.Fired("cut") != 2 || s.Fired("CloseAfter") != 1 || len(s.Taken()[0].Data) != 0 {
		t.Errorf("%d cuts, %d closed", s.Fired("cut"), s.Fired("CloseAfter"))
	}
}

func TestTLSAndLogin(t *testing.T) {
	s := NewUnstartedServer()
	s.User, s.Password, s.MustLogIn, s.Offer.SASL = "me", "pw", true, []string{"PLAIN", "LOGIN"}
	s.StartTLS()
	defer s.Close()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		lines []string
		want  string
	}{
		{[]string{"AUTH PLAIN " + b64("\x00me\x00pw"), "MAIL FROM:<>"}, "235 2.7.0 welcome|250 2.1.0 go on|"},
		{[]string{"AUTH PLAIN", b64("\x00me\x00no"), "MAIL FROM:<>"}, "334 |535 5.7.8 wrong user or password|530 5.7.0 log in first|"},
		{[]string{"AUTH LOGIN", b64("me"), b64("pw")}, "334 " + b64("Your name please?") + "|334 " + b64("And the word?") + "|235 2.7.0 welcome|"},
		{[]string{"AUTH LOGIN", "*"}, "334 " + b64("Your name please?") + "|501 5.7.0 cancelled|"},
		{[]string{"AUTH LOGIN !"}, "501 5.5.2 bad base64|"},
		{[]string{"AUTH NTLM"}, "504 5.5.4 no such mechanism|"},
	} {
		nc, err := tls.Dial("tcp", s.Addr, &tls.Config{RootCAs: s.CertPool()})
		if err != nil {
			t.Fatal(err)
		}
		got := talk(t, nc, append(append([]string{"HELO x"}, tt.lines...), "QUIT")...)
		if got != "220 smtptest ready|250 smtptest|"+tt.want+"221 2.0.0 bye|" {
			t.Errorf("%q: %q", tt.lines, got)
		}
	}
	for _, l := range s.Log() {
		if strings.Contains(l, b64("pw")) || strings.Contains(l, b64("\x00me\x00pw")) {
			t.Errorf("a secret in the log: %q", l)
		}
	}
}
