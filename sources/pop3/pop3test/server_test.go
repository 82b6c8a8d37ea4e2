package pop3test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// talk sends lines in one segment and returns everything until the server closes.
func talk(t *testing.T, nc net.Conn, lines ...string) string {
	t.Helper()
	defer nc.Close()
	go io.WriteString(nc, strings.Join(lines, "\r\n")+"\r\n")
	all, _ := io.ReadAll(nc)
	return string(all)
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
	s := serve(t, func(s *Server) {
		s.Add("u", Msg{UIDL: "a", Raw: []byte("S: x\n\n.\n.b")}, Msg{UIDL: "b", Raw: []byte("S: y\r\n\r\n1\r\n2\r\n"), ListSize: 99})
		s.SetPassword("u", "p w")
	})
	got := talk(t, dial(t, s), "USER u", "PASS p w", "STAT", "LIST", "UIDL", "LIST 2", "UIDL 3", "RETR 1", "TOP 2 1", "NOOP", "DELE 1", "LIST", "RETR 1",
		"RSET", "DELE 2", "QUIT")
	want := "+OK pop3test ready|+OK|+OK 2 messages|+OK 2 114|+OK listing follows|1 15|2 99|.|+OK listing follows|1 a|2 b|.|+OK 2 99|-ERR no such message|" +
		"+OK 15 octets|S: x||..|..b|.|+OK top follows|S: y||1|.|+OK|+OK|+OK listing follows|2 99|.|-ERR no such message|+OK|+OK|+OK bye|"
	if got != strings.ReplaceAll(want, "|", "\r\n") {
		t.Errorf("%q", got)
	}
	if left := s.Left("u"); len(left) != 1 || left[0].UIDL != "a" {
		t.Errorf("left %v", left)
	}
	s.Remove("u", "a")
	if len(s.Left("u")) != 0 {
		t.Error("not removed")
	}
	if log := s.Log(); !slices.Contains(log, "PASS ***") || s.Connections() != 1 {
		t.Errorf("%q", log)
	}
}

func TestFaults(t *testing.T) {
	s := serve(t, func(s *Server) {
		s.MaxConns = 1
		s.Add("u", Msg{Raw: []byte("S: x\r\n\r\n")})
		s.Hook = func(c *Conn, cmd string) Fault {
			switch cmd {
			case "NOOP":
				return Err("-ERR [SYS/TEMP] later")
			case "STAT":
				return Answer("+OK\n\x00\r\n")
			case "RETR 1":
				return Cut(10)
			}
			return Pass()
		}
	})
	first := dial(t, s)
	greeting, err := bufio.NewReader(first).ReadString('\n')
	if err != nil || greeting != "+OK pop3test ready\r\n" {
		t.Fatal(greeting, err)
	}
	if got := talk(t, dial(t, s)); got != "-ERR [SYS/TEMP] too many connections\r\n" {
		t.Errorf("%q", got)
	}
	if got := talk(t, first, "USER u", "PASS u", "NOOP", "STAT", "RETR 1", "QUIT"); got != "+OK\r\n+OK 1 messages\r\n-ERR [SYS/TEMP] later\r\n+OK\n\x00\r\n+OK 8 octe" {
		t.Errorf("%q", got)
	}
	if s.Fired("hook") != 3 || s.Fired("MaxConns") != 1 {
		t.Errorf("%d faults", s.Fired("hook"))
	}
}

func TestCut(t *testing.T) {
	s := serve(t, func(s *Server) {
		s.Cut = func(n int) (sent, received int64) {
			if n == 1 {
				return 25, -1
			}
			return -1, 4
		}
	})
	if got := talk(t, dial(t, s), "CAPA"); got != "+OK pop3test ready\r\n+OK c" {
		t.Errorf("%q", got)
	}
	if got := talk(t, dial(t, s), "CAPA", "CAPA"); got != "+OK pop3test ready\r\n" {
		t.Errorf("%q", got)
	}
	if s.Fired("cut") != 2 {
		t.Errorf("%d cuts", s.Fired("cut"))
	}
}

func TestImplicitTLS(t *testing.T) {
	s := NewUnstartedServer()
	s.StartTLS()
	defer s.Close()
	nc, err := tls.Dial("tcp", s.Addr, &tls.Config{RootCAs: s.CertPool()})
	if err != nil {
		t.Fatal(err)
	}
	if got := talk(t, nc, "QUIT"); got != "+OK pop3test ready\r\n+OK bye\r\n" {
		t.Errorf("%q", got)
	}
}

// TestPipelining: thousands of commands in one segment are answered in order, without a deadlock.
func TestPipelining(t *testing.T) {
	s := serve(t, func(s *Server) {
		for i := range 10_000 {
			s.Add("u", Msg{Raw: fmt.Appendf(nil, "N: %d\r\n\r\n", i)})
		}
	})
	lines := []string{"USER u", "PASS u"}
	var want strings.Builder
	want.WriteString("+OK pop3test ready\r\n+OK\r\n+OK 10000 messages\r\n")
	for i := range 10_000 {
		lines = append(lines, fmt.Sprintf("RETR %d", i+1))
		body := fmt.Sprintf("N: %d\r\n\r\n", i)
		fmt.Fprintf(&want, "+OK %d octets\r\n%s.\r\n", len(body), body)
	}
	want.WriteString("+OK bye\r\n")
	if got := talk(t, dial(t, s), append(lines, "QUIT")...); got != want.String() {
		t.Errorf("%d octets, want %d", len(got), want.Len())
	}
}
