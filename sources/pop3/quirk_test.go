package pop3

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/sources/pop3/pop3test"
)

func TestGluedTerminatorIsNoEnd(t *testing.T) {
	s := newServer(t, func(s *pop3test.Server) {
		s.Quirk.NoFinalLineEnd, s.Quirk.NoPipelining = true, true
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "RETR 1" {
				return pop3test.Cut(1000) // in place of the client's patience
			}
			return pop3test.Pass()
		}
	}, pop3test.Msg{Raw: []byte("Subject: x\r\n\r\ntext")})
	src := mustOpen(t, config(s))
	got := fetch(t, src, list(t, src))
	if len(got) != 1 || got[0].err == nil || !errors.Is(got[0].err, io.ErrUnexpectedEOF) {
		t.Errorf("%+v", got)
	}
	wantFired(t, s, "hook")
}

func TestBareLFLines(t *testing.T) {
	raw := "Subject: x\r\n\r\na\n.\nb\n..\n.c\r\n.d\r\n"
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.BareLFLines = true }, pop3test.Msg{Raw: []byte(raw)}, letters(1)[0])
	got := fetchAll(t, mustOpen(t, config(s)))
	want := strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n") // the spool's doing
	if got[0] != want || got[1] != bodies(letters(1))[0] {
		t.Errorf("%q", got)
	}
}

func TestLFOnlyServer(t *testing.T) {
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.LFOnly = true }, letters(20)...)
	if got := fetchAll(t, mustOpen(t, config(s))); !slices.Equal(got, bodies(letters(20))) {
		t.Errorf("%q", got)
	}
}

func TestUnstuffedFirstDot(t *testing.T) {
	msgs := []pop3test.Msg{
		{Raw: []byte(".one\r\n.b\r\n")}, {Raw: []byte("..two\r\n..b\r\n")}, {Raw: []byte("...three\r\n")}, {Raw: []byte("none\r\n")},
		{Raw: append([]byte("..big"), bytes.Repeat([]byte("0123456789\r\n"), 300_000)...)},
	}
	for _, quirk := range []pop3test.Quirk{{}, {UnstuffedFirstDot: true}} {
		s := newServer(t, func(s *pop3test.Server) { s.Quirk = quirk }, msgs...)
		cfg := config(s)
		cfg.Pool = migrate.NewPool(1<<20, t.TempDir())
		if got := fetchAll(t, mustOpen(t, cfg)); !slices.Equal(got, bodies(msgs)) {
			t.Errorf("%+v: %.200q", quirk, got)
		}
	}
}

// A message whose first line is a lone dot seems to end at once on a server that doesn't stuff a dot that is the first octet, and its other lines
// can be made to look like answers: whoever sends such a mail must not shift the ones behind it.
func TestLoneFirstDotCantForgeAnswers(t *testing.T) {
	forged := []byte(".\r\n+OK 30 octets\r\nSubject: forged\r\n\r\nforged\r\n")
	msgs := append([]pop3test.Msg{{Raw: []byte("Subject: one\r\n\r\n1\r\n")}, {Raw: forged}}, letters(3)...)
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.UnstuffedFirstDot = true }, msgs...)
	src := mustOpen(t, config(s))
	var bodies []string
	var failed error
	for _, g := range fetch(t, src, list(t, src)) {
		if g.err != nil {
			if failed = g.err; g.entry.Seq != 2 {
				t.Errorf("the error is at message %d", g.entry.Seq)
			}
			continue
		}
		bodies = append(bodies, g.body)
	}
	if failed == nil || len(bodies) != 1 || bodies[0] != string(msgs[0].Raw) {
		t.Errorf("error %v, messages %q", failed, bodies)
	}
}

func TestUTF8(t *testing.T) {
	raw := []byte("Subject: caf\xc3\xa9\r\n\r\nx\r\n")
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.UTF8 = true }, pop3test.Msg{Raw: raw})
	if got := fetchAll(t, mustOpen(t, config(s))); got[0] != string(raw) || s.Fired("UTF8") != 0 {
		t.Errorf("%q", got)
	}
	refused := newServer(t, func(s *pop3test.Server) {
		s.Quirk.UTF8 = true
		s.Hook = func(_ *pop3test.Conn, cmd string) pop3test.Fault {
			if cmd == "UTF8" {
				return pop3test.Err("-ERR not now")
			}
			return pop3test.Pass()
		}
	}, pop3test.Msg{Raw: raw})
	if got := fetchAll(t, mustOpen(t, config(refused))); len(got) != 1 || refused.Fired("UTF8") != 1 {
		t.Errorf("%q", got)
	}
}

func TestSessionCap(t *testing.T) {
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.SessionCap = 4 }, letters(10)...)
	src := mustOpen(t, config(s))
	good, refused := 0, 0
	for _, g := range fetch(t, src, list(t, src)) {
		if g.err == nil {
			good++
		} else if classified(t, g.err).Scope == migrate.ScopeMessage {
			refused++
		}
	}
	if good != 4 || refused != 6 {
		t.Errorf("%d good, %d refused", good, refused)
	}
}

// TestGmail lists one window after the other, and only a polite end moves it.
func TestGmail(t *testing.T) {
	s := newServer(t, func(s *pop3test.Server) {
		s.Greeting, s.Quirk.GmailWindow = "+OK Gpop ready for requests", 4
	}, letters(10)...)
	var got []string
	for range 4 {
		src := mustOpen(t, config(s))
		if w, ok := src.(migrate.Windowed); !ok || !w.Windowed() {
			t.Fatal("not windowed")
		}
		entries := list(t, src)
		for range src.Fetch(t.Context(), slices.Values(entries)) {
			break // interrupted: nothing of this session counts
		}
		src.Close()
		src = mustOpen(t, config(s))
		if again := list(t, src); !slices.EqualFunc(again, entries, func(a, b migrate.Entry) bool { return a.ID == b.ID }) {
			t.Fatalf("the window moved: %v", again)
		}
		got = append(got, fetchAll(t, src)...)
		src.Close()
	}
	if !slices.Equal(got, bodies(letters(10))) {
		t.Errorf("%d messages", len(got))
	}
}

func TestHeaders(t *testing.T) {
	msgs := letters(600)
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.TopDiffers = true }, msgs...)
	src := mustOpen(t, config(s))
	h, ok := src.(migrate.HeaderReader)
	if !ok {
		t.Fatal("no HeaderReader")
	}
	got := collect(t, h.Headers(t.Context(), slices.Values(list(t, src))))
	for i, g := range got {
		if g.err != nil || g.msg.Body != nil || g.entry.Seq != i+1 || g.msg.Identity.Envelope == (migrate.Envelope{}) {
			t.Fatalf("%+v", g)
		}
	}
	if len(got) != 600 || count(s.Log(), "RETR") != 0 {
		t.Errorf("%d headers", len(got))
	}
	wantFired(t, s, "TopDiffers")

	without := newServer(t, func(s *pop3test.Server) { s.Quirk.NoTOP = true })
	if _, ok := mustOpen(t, config(without)).(migrate.HeaderReader); ok {
		t.Error("a HeaderReader without TOP")
	}
}

func TestLoginDelay(t *testing.T) {
	s := newServer(t, func(s *pop3test.Server) { s.Quirk.LoginDelay = 90e9 })
	d, ok := mustOpen(t, config(s)).(interface{ LoginDelay() time.Duration })
	if !ok || d.LoginDelay().Seconds() != 90 {
		t.Errorf("%v", d)
	}
}
