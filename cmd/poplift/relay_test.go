package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"poplift/sources/pop3/pop3test"
	"poplift/targets/imap/imaptest"
	"poplift/targets/smtp/smtptest"
)

// The relay that every script has.
const (
	relayUser     = "post@example.net"
	relayPassword = "r3lay-s3cret"
)

// relayFault is what goes wrong at a relay from now on, in a step such as RCPT, DATA or "." (the end of a message): WHAT is the line to answer with, or
// "cut" (the connection breaks), "lost" (it breaks once the step is carried out), "none".
type relayFault struct{ step, what string }

// addRelay starts the relay, over TLS and with a login; $RELAY says where it is.
func (s *servers) addRelay(env *testscript.Env) {
	s.smtp = smtptest.NewUnstartedServer()
	s.smtp.User, s.smtp.Password, s.smtp.MustLogIn, s.smtp.Offer.SASL = relayUser, relayPassword, true, []string{"PLAIN"}
	s.smtp.Hook = func(_ *smtptest.Conn, at smtptest.Step) smtptest.Fault {
		f := s.relay.Load()
		switch {
		case f == nil || f.step != at.Verb || f.what == "none":
			return smtptest.Pass()
		case f.what == "cut":
			return smtptest.Cut()
		case f.what == "lost":
			return smtptest.ActAndCut()
		}
		return smtptest.Answer(f.what)
	}
	s.smtp.StartTLS()
	env.Setenv("RELAY", "smtps://"+relayUser+"@"+s.smtp.Addr)
	env.Setenv("RELAYADDR", s.smtp.Addr)
	env.Setenv("POPLIFT_RELAY_PASSWORD", relayPassword)
}

// cmdRelayed is `relayed N`: the relay has taken N messages; `relayed to MAILBOX...`: all of them for these, with an empty sender; `relayed resent I
// TEXT`, `relayed attached I TEXT`: the I-th is the maildrop's message with TEXT in it, octet for octet below a Resent block, or in an attachment.
func cmdRelayed(ts *testscript.TestScript, neg bool, args []string) {
	s := serversOf(ts)
	taken := s.smtp.Taken()
	switch args[0] {
	case "to":
		for _, m := range taken {
			var to []string
			for _, r := range m.To {
				to = append(to, r.To)
				if !slices.Equal(r.Params, []string{"NOTIFY=NEVER"}) {
					ts.Fatalf("RCPT %s had the parameters %q", r.To, r.Params)
				}
			}
			if !slices.Equal(to, args[1:]) || m.From != "" || m.User != relayUser || !m.OnTLS {
				ts.Fatalf("a message went to %q from %q, logged in as %q, over TLS: %v", to, m.From, m.User, m.OnTLS)
			}
		}
	case "resent", "attached":
		i, err := strconv.Atoi(args[1])
		ts.Check(err)
		want := s.letter(ts, args[2])
		if i > len(taken) {
			ts.Fatalf("only %d messages were relayed", len(taken))
		}
		got := taken[i-1].Data
		switch {
		case args[0] == "resent" && !(bytes.HasPrefix(got, []byte("Resent-")) && bytes.Equal(resentBody(got), want)):
			ts.Fatalf("message %d isn't the original below a Resent block:\n%s", i, got)
		case args[0] == "attached" && !bytes.Contains(got, slices.Concat([]byte("message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: attachment; "+
			"filename=\"message.eml\"\r\n\r\n"), want, []byte("\r\n--=_"))):
			ts.Fatalf("message %d has no attachment that is the original:\n%s", i, got)
		}
	default:
		if strconv.Itoa(len(taken)) != args[0] {
			ts.Fatalf("%d messages were relayed, want %s", len(taken), args[0])
		}
	}
}

// resentBody is what lies below the Resent block.
func resentBody(data []byte) []byte {
	for bytes.HasPrefix(data, []byte("Resent-")) || bytes.HasPrefix(data, []byte(" ")) {
		_, data, _ = bytes.Cut(data, []byte("\r\n"))
	}
	return data
}

// letter is the first of the maildrop's messages that has this in it.
func (s *servers) letter(ts *testscript.TestScript, text string) []byte {
	i := slices.IndexFunc(s.mail, func(raw []byte) bool { return bytes.Contains(raw, []byte(text)) })
	if i < 0 {
		ts.Fatalf("no message has %q", text)
	}
	return s.mail[i]
}

// cmdLetter is `letter twin TEXT`: the maildrop gets another one of its message with TEXT in it; `letter back I`: it gets the I-th message that was
// relayed; `letter file NAME`: it gets what is in a file; `letter gone TEXT`: it loses one; `letter in GLOB TEXT`: one of the files that match is
// the message with TEXT in it, octet for octet.
func cmdLetter(ts *testscript.TestScript, neg bool, args []string) {
	s := serversOf(ts)
	add := func(raw []byte) {
		s.mail = append(s.mail, raw)
		s.pop.Add(scriptUser, pop3test.Msg{UIDL: fmt.Sprintf("uidl-%d", len(s.mail)), Raw: raw})
	}
	switch args[0] {
	case "twin":
		add(s.letter(ts, args[1]))
	case "back":
		i, err := strconv.Atoi(args[1])
		ts.Check(err)
		add(s.smtp.Taken()[i-1].Data)
	case "file":
		add([]byte(strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n")))
	case "gone":
		want := s.letter(ts, args[1])
		i := slices.IndexFunc(s.mail, func(raw []byte) bool { return bytes.Equal(raw, want) })
		s.pop.Remove(scriptUser, fmt.Sprintf("uidl-%d", i+1))
	case "in":
		files, err := filepath.Glob(ts.MkAbs(args[1]))
		ts.Check(err)
		for _, f := range files {
			got, err := os.ReadFile(f)
			ts.Check(err)
			if bytes.Equal(got, s.letter(ts, args[2])) {
				return
			}
		}
		ts.Fatalf("none of %d files is that message", len(files))
	}
}

// relayLab is a maildrop, an account that refuses every message with "poison" in it, and a relay, in clear. The first message has that many lines.
type relayLab struct {
	pop   *pop3test.Server
	imap  *imaptest.Server
	smtp  *smtptest.Server
	state string
	ask   asker
}

func newRelayLab(t *testing.T, refused, lines int) *relayLab {
	t.Helper()
	l := &relayLab{pop: pop3test.NewServer(), imap: imaptest.NewUnstartedServer(), smtp: smtptest.NewUnstartedServer(), state: t.TempDir()}
	t.Cleanup(l.pop.Close)
	l.pop.SetPassword(scriptUser, sourcePassword)
	for i := range refused + 3 {
		kind := "poison é"
		if i >= refused {
			kind = "harmless"
		}
		raw := fmt.Appendf(nil, "Message-ID: <%d@x>\r\nSubject: number %d\r\nDate: Mon, 02 Jan 2006 15:04:05 +0000\r\n\r\n%s\r\n%s", i, i, kind,
			strings.Repeat("line\r\n", lines))
		lines = min(lines, 50)
		l.pop.Add(scriptUser, pop3test.Msg{UIDL: fmt.Sprintf("id-%d", i), Raw: raw})
	}
	l.imap.AddUser(scriptUser, targetPassword)
	l.imap.Change(func(w *imaptest.Switches) {
		w.Caps = imaptest.Without(w.Caps, "STARTTLS")
		w.RefuseAppend = func(_ int, raw []byte) string {
			if bytes.Contains(raw, []byte("poison")) {
				return "NO [CANNOT] no"
			}
			return ""
		}
	})
	l.imap.Start()
	t.Cleanup(l.imap.Close)
	t.Cleanup(l.smtp.Close)
	return l
}

// run is one run of the program. Its report is that of --json.
func (l *relayLab) run(t *testing.T, set func(*copyOptions)) (jsonReport, error) {
	t.Helper()
	var out bytes.Buffer
	env := &environment{stdout: &out, stderr: io.Discard, getenv: func(string) string { return "" }, now: time.Now, columns: func() int { return 0 },
		ask: func() asker { return l.ask }}
	o := defaultCopyOptions()
	o.Sources, o.Target, o.StateDir = []string{"pop3://" + scriptUser + "@" + l.pop.Addr}, "imap://"+scriptUser+"@"+l.imap.Addr, l.state
	o.SourceSecrets.Given, o.TargetSecrets.Given = sourcePassword, targetPassword
	o.AllowCleartext, o.Output.JSON = true, true
	o.Relay.URL, o.Relay.From, o.Relay.To, o.Relay.Yes = "smtp://"+l.smtp.Addr, "me@example.org", []string{"you@example.net"}, true
	if set != nil {
		set(&o)
	}
	err := runCopy(t.Context(), env, o)
	var r jsonReport
	if jerr := json.Unmarshal(out.Bytes(), &r); jerr != nil {
		t.Fatalf("%v: %q", jerr, &out)
	}
	if sum := r.Known + r.Copied + r.Adopted + r.Duplicate + r.Skipped + r.Relayed + r.Kept + r.Failed; sum != r.Listed {
		t.Errorf("the outcomes add up to %d of %d", sum, r.Listed)
	}
	return r, err
}

// registry is what poplift failed tells, as "id outcome" by ID.
func (l *relayLab) registry(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	env := &environment{stdout: &out, now: time.Now, getenv: func(string) string { return "" }}
	if err := runFailed(env, failedOptions{StateDir: l.state, JSON: true, All: true}); err != nil {
		t.Fatal(err)
	}
	var list []leftover
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range list {
		lines = append(lines, m.ID+" "+m.Outcome)
		if m.MessageID == "" || m.Reason == "" || m.Tries == 0 {
			t.Errorf("a record tells too little: %+v", m)
		}
	}
	return strings.Join(lines, ", ")
}

// TestRelayFaults: whatever the relay does to the first message, the registry says what became of each, the next run does what is left to do, and no
// message is ever taken twice unless a person asked for it.
func TestRelayFaults(t *testing.T) {
	first := func(verb string, f smtptest.Fault) func(*smtptest.Server) {
		return func(s *smtptest.Server) {
			struck := false
			s.Hook = func(_ *smtptest.Conn, at smtptest.Step) smtptest.Fault {
				if struck || at.Verb != verb {
					return smtptest.Pass()
				}
				struck = true
				return f
			}
		}
	}
	const later, sent = "id-0 failed, id-1 relayed", "id-0 relayed, id-1 relayed"
	for name, c := range map[string]struct {
		set         func(*smtptest.Server)
		fired       string
		first, last string // the registry after each of two runs
		taken       int    // messages that the relay has in the end
	}{
		"dies at the greeting":    {first("CONNECT", smtptest.Cut()), "hook", "id-0 failed, id-1 failed", sent, 2},
		"dies at MAIL":            {first("MAIL", smtptest.Cut()), "hook", sent, sent, 2}, // a new connection is made
		"dies before DATA":        {first("DATA", smtptest.Cut()), "hook", later, sent, 2},
		"dies in DATA":            {first("DATA", smtptest.CutBody(100)), "hook", later, sent, 2},
		"dies after the dot":      {first(".", smtptest.Cut()), "hook", "id-0 uncertain, id-1 relayed", "id-0 uncertain, id-1 relayed", 1},
		"dies once it has it":     {first(".", smtptest.ActAndCut()), "hook", "id-0 uncertain, id-1 relayed", "id-0 uncertain, id-1 relayed", 2},
		"451 to MAIL":             {first("MAIL", smtptest.Answer("451 4.3.0 later")), "hook", later, sent, 2},
		"451 to RCPT":             {first("RCPT", smtptest.Answer("451 4.7.1 greylisted")), "hook", later, sent, 2},
		"451 to the message":      {first(".", smtptest.Answer("451 4.3.0 later")), "hook", later, sent, 2},
		"452 to RCPT":             {first("RCPT", smtptest.Answer("452 4.2.2 full for now")), "hook", later, sent, 2},
		"452 to the message":      {first(".", smtptest.Answer("452 4.3.1 no room")), "hook", later, sent, 2},
		"421 to DATA":             {first("DATA", smtptest.Answer("421 4.3.2 closing")), "hook", later, sent, 2},
		"550 to RCPT":             {first("RCPT", smtptest.Answer("550 5.1.1 nobody")), "hook", "id-0 kept, id-1 relayed", "id-0 kept, id-1 relayed", 1},
		"550 to the message":      {first(".", smtptest.Answer("550 5.7.1 spam")), "hook", "id-0 kept, id-1 relayed", "id-0 kept, id-1 relayed", 1},
		"552 to MAIL":             {first("MAIL", smtptest.Answer("552 5.3.4 too big")), "hook", "id-0 kept, id-1 relayed", "id-0 kept, id-1 relayed", 1},
		"552 to the message":      {first(".", smtptest.Answer("552 5.3.4 too big")), "hook", "id-0 kept, id-1 relayed", "id-0 kept, id-1 relayed", 1},
		"slow to the dot":         {first(".", smtptest.Slow(50*time.Millisecond)), "hook", sent, sent, 2},
		"slow in DATA":            {first("DATA", smtptest.SlowBody(10*time.Millisecond)), "hook", sent, sent, 2},
		"no 8BITMIME":             {func(s *smtptest.Server) { s.Offer.No8BITMIME = true }, "", sent, sent, 2},
		"no PIPELINING, no SIZE":  {func(s *smtptest.Server) { s.Offer.NoPipelining, s.Offer.NoSIZE = true, true }, "", sent, sent, 2},
		"HELO only":               {func(s *smtptest.Server) { s.Offer.NoEHLO = true }, "", sent, sent, 2},
		"closes after a message":  {func(s *smtptest.Server) { s.CloseAfter = 1 }, "CloseAfter", sent, sent, 2},
		"takes less than it says": {func(s *smtptest.Server) { s.Offer.Size = 100 }, "", "id-0 kept, id-1 kept", "id-0 kept, id-1 kept", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := 50
			if name == "dies in DATA" {
				lines = 8 << 20 / 6 // more than fits between the two: the end of the message has not gone out
			}
			l := newRelayLab(t, 2, lines)
			c.set(l.smtp)
			l.smtp.Start()
			if r, _ := l.run(t, nil); r.Copied != 3 {
				t.Errorf("the first run: %+v", r)
			}
			if got := l.registry(t); got != c.first {
				t.Errorf("after the first run: %s, want %s", got, c.first)
			}
			l.run(t, nil)
			if got := l.registry(t); got != c.last {
				t.Errorf("after the second run: %s, want %s", got, c.last)
			}
			if c.fired != "" && l.smtp.Fired(c.fired) == 0 {
				t.Error("the fault never happened")
			}
			l.onceEach(t, c.taken)
		})
	}
}

// onceEach expects that the relay has n messages, no two of them the same.
func (l *relayLab) onceEach(t *testing.T, n int) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range l.smtp.Taken() {
		_, rest, _ := bytes.Cut(m.Data, []byte("number "))
		seen[string(rest[:2])] = true
	}
	if got := len(l.smtp.Taken()); got != n || len(seen) != n {
		t.Errorf("the relay has %d messages, %d of them different, want %d", got, len(seen), n)
	}
}

// TestRelayClosesAfterTen: many messages over several connections, each of them once.
func TestRelayClosesAfterTen(t *testing.T) {
	t.Parallel()
	l := newRelayLab(t, 20, 50) // as many as go at once
	l.smtp.CloseAfter = 10
	l.smtp.Start()
	if r, err := l.run(t, nil); err != nil || r.Relayed != 20 {
		t.Errorf("%+v, %v", r, err)
	}
	if l.smtp.Fired("CloseAfter") == 0 || len(l.smtp.Taken()) != 20 {
		t.Errorf("%d messages over %d connections", len(l.smtp.Taken()), l.smtp.Connections())
	}
}

// TestUncertainIsSentAgainWhenToldTo: the one case in which a message may come twice is the one that a person asked for.
func TestUncertainIsSentAgainWhenToldTo(t *testing.T) {
	t.Parallel()
	l := newRelayLab(t, 1, 50)
	lost := true
	l.smtp.Hook = func(_ *smtptest.Conn, at smtptest.Step) smtptest.Fault {
		if at.Verb == "." && lost {
			lost = false
			return smtptest.ActAndCut()
		}
		return smtptest.Pass()
	}
	l.smtp.Start()
	l.run(t, nil)
	for _, ids := range [][]string{nil, {"id-0"}} {
		if n := len(l.smtp.Taken()); n != 1 {
			t.Fatalf("%d messages were sent before it was asked for", n)
		}
		l.run(t, func(o *copyOptions) { o.Retry = &retryOptions{IDs: ids} })
	}
	if got := l.registry(t); got != "id-0 relayed" || len(l.smtp.Taken()) != 2 {
		t.Errorf("%s; %d messages", got, len(l.smtp.Taken()))
	}
}

// TestRelayIsConfirmed: nothing starts before somebody has said that mail may go to this relay and these people.
func TestRelayIsConfirmed(t *testing.T) {
	t.Parallel()
	l := newRelayLab(t, 1, 50)
	l.smtp.Start()
	asked := 0
	says := func(word string) asker {
		return func(_ context.Context, prompt string) (string, error) {
			asked++
			if !strings.Contains(prompt, "Up to 100 messages") || !strings.Contains(prompt, "to you@example.net") {
				t.Errorf("the question is %q", prompt)
			}
			return word, nil
		}
	}
	refuse := func(o *copyOptions) { o.Relay.Yes = false }
	for _, l.ask = range []asker{nil, says("no"), says("")} {
		if r, err := l.run(t, refuse); exitCode(err) != exitUsage || r.Listed != 0 {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if n := l.pop.Connections() + l.imap.Connections() + l.smtp.Connections(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	l.ask = says("yes")
	if r, err := l.run(t, refuse); err != nil || r.Relayed != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := l.run(t, refuse); err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	l.ask = nil
	if _, err := l.run(t, func(o *copyOptions) { o.Relay.Yes, o.Relay.To = false, []string{"other@example.net"} }); exitCode(err) != exitUsage {
		t.Errorf("a new recipient: %v", err)
	}
}
