package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"poplift/migrate/migratetest/lab"
	"poplift/sources/pop3/pop3test"
)

// odd is a message that servers stumble over.
type odd struct {
	name string
	raw  []byte
}

// oddities are Show 6 of the main job and what else has hurt migration tools.
func oddities() []odd {
	header := func(i int) string {
		return fmt.Sprintf("From: a@example.com\r\nSubject: odd\r\nDate: Mon, 02 Jan 2012 15:04:05 +0000\r\nMessage-ID: <odd%d@example.com>\r\n", i)
	}
	var out []odd
	add := func(name, format string) {
		out = append(out, odd{name, []byte(strings.Replace(format, "HEADER", header(len(out)), 1))})
	}
	add("decent", "HEADER\r\nfirst\r\n")
	add("empty", "")
	add("large", "HEADER\r\n"+strings.Repeat("thirty million octets in lines of sixty octets, or so it seems\r\n", 30<<20/64))
	add("NUL in the body", "HEADER\r\na\x00b\x00\r\n")
	add("NUL in the header", "X-Nul: a\x00b\r\nHEADER\r\nbody\r\n")
	add("bare LF", "HEADER\r\none\ntwo\n\nthree\r\n")
	add("bare LF only", strings.ReplaceAll("X-First: 1\r\nHEADER\r\none\r\n", "\r\n", "\n"))
	add("lone CR", "HEADER\r\none\rtwo\r\rthree\r\n")
	add("CR CR LF", "HEADER\r\none\r\r\ntwo\r\n")
	add("CR at the end", "HEADER\r\nbody\r")
	add("large header", "X-Many: "+strings.Repeat("value\r\n\t", 1<<20/8)+"end\r\nHEADER\r\nbody\r\n")
	add("many header lines", strings.Repeat("X-A: b\r\n", 10_000)+"HEADER\r\nbody\r\n")
	add("long line", "HEADER\r\n"+strings.Repeat("x", 200_000)+"\r\n")
	add("8-bit header", "X-Latin: Gr\xfc\xdfe\r\nX-UTF-8: Gr\xc3\xbc\xc3\x9fe\r\nHEADER\r\nbody\r\n")
	add("no header", "\r\njust a body\r\n")
	add("no empty line", "HEADER")
	add("not a header", "what is this\r\nit has no fields\r\n")
	add("dots", "HEADER\r\n.\r\n..\r\n...\r\n.a\r\n\r\n.\r\n")
	add("no last line end", "HEADER\r\nno last line end")
	add("a dot at the end", "HEADER\r\nx\r\n.")
	add("first octet is a dot", ".first\r\nHEADER\r\nbody\r\n")
	add("first line is a dot", ".\r\nHEADER\r\nbody\r\n")
	add("one octet", "x")
	add("one line end", "\r\n")
	add("mbox line", "From someone Mon Jan  2 15:04:05 2012\r\nHEADER\r\nbody\r\n")
	add("undeclared octets", "HEADER\r\n\xff\xfe\x80\x81\x1a\x04\r\n")
	add("the last", "HEADER\r\nlast\r\n")
	return out
}

// asStored is what lies on a Dovecot 2.3 when these octets came to it through POP3 and APPEND. POP3 gives a message its last line end, Dovecot
// has no NUL, and one CR of two before an LF gets lost in its store, whose lines end with LF.
func asStored(raw []byte) []byte {
	out := lab.ToCRLF(raw)
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		out = append(out, "\r\n"...)
	}
	out = bytes.ReplaceAll(out, []byte{0}, []byte{0x80})
	return bytes.ReplaceAll(out, []byte("\r\r\n"), []byte("\r\n"))
}

// TestDovecotAndOddMail: what can be carried is stored octet for octet, and what can't is told, message by message.
func TestDovecotAndOddMail(t *testing.T) {
	t.Parallel()
	odds := oddities()
	t.Run("from octets", func(t *testing.T) {
		t.Parallel()
		d := startDovecot(t, lab.Options{Users: 2})
		s := pop3test.NewServer()
		t.Cleanup(s.Close)
		s.SetPassword("odd", "pass1")
		for i, o := range odds {
			s.Add("odd", pop3test.Msg{UIDL: fmt.Sprintf("uidl-%d-", i+1), Raw: o.raw})
		}
		p := newPair(t, d, "user1", "user2")
		p.source, p.args = "pop3://odd@"+s.Addr, append(p.args, "--allow-cleartext", "--no-keep")
		p.copyOdd(odds, "empty", "uidl-%d-", "empty message") // IMAP has none
	})
	t.Run("from Dovecot", func(t *testing.T) {
		t.Parallel()
		d := startDovecot(t, lab.Options{Users: 2})
		var mail []lab.Message
		for _, o := range odds {
			mail = append(mail, lab.Message{Raw: o.raw})
		}
		load(t, d, "user1", mail)
		// Dovecot's POP3 gives even the empty message a line end, and doesn't stuff a message's first dot, so that one whose first line is a
		// dot ends there.
		newPair(t, d, "user1", "user2").copyOdd(odds, "first line is a dot", "%08x", "connection ended each time")
	})
}

// copyOdd copies odd messages, looks at what became of each, and copies again without state. The one of this name can't get through; it is told
// by the beginning of its unique id, and a reason.
func (p *pair) copyOdd(odds []odd, name, id, reason string) {
	t := p.t
	t.Helper()
	i := slices.IndexFunc(odds, func(o odd) bool { return o.name == name })
	id = fmt.Sprintf(id, i+1)
	odds = slices.Delete(slices.Clone(odds), i, i+1)
	told := func(e ended) {
		t.Helper()
		if len(e.Problems) != 1 || !strings.HasPrefix(e.Problems[0].ID, id) || !strings.Contains(e.Problems[0].Reason, reason) {
			t.Errorf("%s, %s…, is told as %+v", name, id, e.Problems)
		}
	}
	e := p.run(exitLeft, "--dedupe=off")
	e.counts(t, 0, len(odds), 0, 0, 1)
	told(e)
	p.odd(odds)

	p.forget()
	e = p.run(exitLeft, "--dedupe=off")
	e.counts(t, 0, 0, len(odds), 0, 1)
	told(e)
	p.odd(odds)
}

// odd expects these messages.
func (p *pair) odd(odds []odd) {
	p.t.Helper()
	got := p.stored()
	if len(got) != len(odds) {
		p.t.Fatalf("the target holds %d messages, want %d", len(got), len(odds))
	}
	for i, o := range odds {
		if want := asStored(o.raw); !bytes.Equal(got[i].Raw, want) {
			p.t.Errorf("%s: %.200q lies there (%d octets), want %.200q (%d octets)", o.name, got[i].Raw, len(got[i].Raw), want, len(want))
		}
	}
}
