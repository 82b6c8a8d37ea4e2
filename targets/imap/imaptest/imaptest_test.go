package imaptest

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// talk sends a script to the server, hangs up and returns what came back.
func talk(t *testing.T, s *Server, script string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(script)); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	var out strings.Builder
	for sc := bufio.NewScanner(c); sc.Scan(); {
		out.WriteString(sc.Text() + "\n")
	}
	return out.String()
}

const login = "a LOGIN user pass\r\n"

// A server that stores what arrived of a message that was cut off makes every test of a client's recovery worthless.
func TestNothingIsStoredOfACommandThatIsCut(t *testing.T) {
	whole := "b APPEND INBOX (\\Seen) \" 1-Jan-2024 00:00:00 +0000\" {5+}\r\nhello {3+}\r\nyou\r\n"
	for n := range len(whole) {
		s := NewServer()
		talk(t, s, login+whole[:n])
		s.Close()
		if got := s.Dump(); got != "" {
			t.Fatalf("cut after %q: %s", whole[:n], got)
		}
	}
	s := NewServer()
	defer s.Close()
	if out := talk(t, s, login+whole); !strings.Contains(out, "b OK [APPENDUID 1001 1:2] stored") {
		t.Error(out)
	}
	want := "INBOX 000001 \\Seen 2024-01-01T00:00:00Z 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\nINBOX 000002 - - "
	if got := s.Dump(); !strings.HasPrefix(got, want) {
		t.Error(got)
	}
}

func TestMultiAppendIsAllOrNothing(t *testing.T) {
	s := NewServer()
	defer s.Close()
	s.Change(func(w *Switches) {
		w.RefuseAppend = func(n int, _ []byte) string {
			if n == 2 {
				return "NO [TOOBIG] no"
			}
			return ""
		}
	})
	out := talk(t, s, login+"b APPEND INBOX {1+}\r\na {1+}\r\nb {1+}\r\nc\r\nc APPEND INBOX {1+}\r\nd\r\n")
	if !strings.Contains(out, "b NO [TOOBIG] no") || !strings.Contains(out, "c OK") || len(s.Messages("INBOX")) != 1 {
		t.Error(out)
	}
}

func TestWhatIsNotOfferedIsRefused(t *testing.T) {
	for capability, command := range map[string]string{
		"LITERAL+":    "b APPEND INBOX {1+}\r\na\r\n",
		"MULTIAPPEND": "b APPEND INBOX {1+}\r\na {1+}\r\nb\r\n",
		"NAMESPACE":   "b NAMESPACE\r\n",
		"QUOTA":       "b GETQUOTAROOT INBOX\r\n",
		"STARTTLS":    "b STARTTLS\r\n",
	} {
		s := NewUnstartedServer()
		s.Change(func(w *Switches) { w.Caps = Without(w.Caps, capability) })
		s.Start()
		if out := talk(t, s, login+command); !strings.Contains(out, "b BAD") || len(s.Messages("INBOX")) != 0 {
			t.Errorf("%s: %s", capability, out)
		}
		s.Close()
	}
}

func TestEmptyMessagesAndBadDatesAreRefused(t *testing.T) {
	s := NewServer()
	defer s.Close()
	for _, c := range []string{"{0+}\r\n\r\n", "\"1-Jan-2024 00:00:00 +0000\" {1+}\r\na\r\n", "(\\Recent) {1+}\r\na\r\n", "\" 1-Jan-1900 00:00:00 +0000\" {1+}\r\na\r\n"} {
		if out := talk(t, s, login+"b APPEND INBOX "+c); strings.Contains(out, "b OK") {
			t.Errorf("%q: %s", c, out)
		}
	}
}
