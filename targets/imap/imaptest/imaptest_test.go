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
		"LITERAL+":           "b APPEND INBOX {1+}\r\na\r\n",
		"MULTIAPPEND":        "b APPEND INBOX {1+}\r\na {1+}\r\nb\r\n",
		"NAMESPACE":          "b NAMESPACE\r\n",
		"QUOTA":              "b GETQUOTAROOT INBOX\r\n",
		"STARTTLS":           "b STARTTLS\r\n",
		"MOVE":               "c SELECT INBOX\r\nb UID MOVE 1 INBOX\r\n",
		"UIDPLUS":            "c SELECT INBOX\r\nb UID EXPUNGE 1\r\n",
		"UNSELECT":           "c SELECT INBOX\r\nb UNSELECT\r\n",
		"XLIST":              "b XLIST \"\" \"*\"\r\n",
		"CREATE-SPECIAL-USE": "b CREATE x (USE (\\Sent))\r\n",
		"LIST-EXTENDED":      "b LIST \"\" \"*\" RETURN (CHILDREN)\r\n",
		"LIST-STATUS":        "b LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n",
		"SPECIAL-USE":        "b LIST \"\" \"*\" RETURN (SPECIAL-USE)\r\n",
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

func TestListTellsWhatTheMailboxesAre(t *testing.T) {
	s := NewUnstartedServer()
	s.Change(func(w *Switches) { w.Caps = append(w.Caps, "CREATE-SPECIAL-USE") })
	s.Start()
	defer s.Close()
	out := talk(t, s, login+"b CREATE a/b (USE (\\sent))\r\nb CREATE c (USE (\\Sent))\r\nc LIST \"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT))\r\nd LIST \"\" %\r\n")
	for _, want := range []string{"b OK created", "b NO [USEATTR]", `* LIST (\NonExistent \HasChildren) "/" "a"`, `* LIST (\HasNoChildren \Sent) "/" "a/b"` + "\n" + `* STATUS "a/b" (MESSAGES 0 UIDNEXT 1)`,
		`* LIST (\Noselect \HasChildren) "/" "a"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	s.Change(func(w *Switches) { w.MailOrChildren, w.MaxName = true, 5 })
	out = talk(t, s, login+"b CREATE d/e\r\nc CREATE d/e/f\r\nd CREATE g/\r\ne CREATE g/h\r\nf CREATE toolong\r\ng LIST \"\" *\r\n")
	for _, want := range []string{"b OK", "c NO", "d OK", "e OK", "f NO [CANNOT]", `* LIST (\Noselect \HasChildren) "/" "g"`, `* LIST (\NoInferiors \HasNoChildren) "/" "g/h"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func TestMovingAndExpunging(t *testing.T) {
	s := NewServer()
	defer s.Close()
	for range 5 {
		s.Deliver("INBOX", []byte("x"))
	}
	s.Deliver("To", []byte("y"))
	out := talk(t, s, login+"b SELECT INBOX\r\nc UID MOVE 2,4,9 To\r\nd UID COPY 1 To\r\ne UID STORE 1,5 +FLAGS (\\Deleted)\r\nf UID EXPUNGE 5\r\n")
	for _, want := range []string{"* OK [COPYUID 1002 2,4 2:3] moved\n* 2 EXPUNGE\n* 3 EXPUNGE\nc OK", "d OK [COPYUID 1002 1 4:4]", "* 3 EXPUNGE\nf OK"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if n := len(s.Messages("INBOX")); n != 2 {
		t.Errorf("%d left", n)
	}
	talk(t, s, login+"b EXAMINE INBOX\r\nc CLOSE\r\n")
	if n := len(s.Messages("INBOX")); n != 2 {
		t.Error("EXAMINE and CLOSE removed something")
	}
	talk(t, s, login+"b SELECT INBOX\r\nc CLOSE\r\n") // a client that closes a mailbox expunges it
	if n := len(s.Messages("INBOX")); n != 1 {
		t.Errorf("%d left after CLOSE", n)
	}
}
