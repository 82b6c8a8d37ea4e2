package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	gomessage "github.com/emersion/go-message"

	"poplift/migrate"
	"poplift/targets/smtp/smtptest"
)

// hostile are messages that something on the way might not leave alone, and whether each can go out under a Resent block with and without 8BITMIME.
var hostile = []struct {
	name, raw        string
	resent8, resent7 bool
}{
	{"plain", letterOf(1), true, true},
	{"empty", "", false, false},
	{"no final line end", "Subject: x\r\n\r\nlast", true, true},
	{"header only", "Subject: x\r\n", true, true},
	{"header only, no line end", "Subject: x", true, true},
	{"no header", "\r\nbody\r\n", false, false},
	{"dots", "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n.", true, true},
	{"dots first", ".\r\n.\r\n", false, false},
	{"a first dot in the header", ".x: y\r\n\r\n", true, true},
	{"a dot behind a CR", "Subject: x\r\n\r\na\r.\r\nb\r\n", false, false},
	{"smuggling", "Subject: x\r\n\r\nx\r.\rMAIL FROM:<x@y>\r\n", false, false},
	{"NUL", "Subject: x\r\n\r\na\x00b\r\n", false, false},
	{"bare CR at the end", "Subject: x\r\n\r\na\r", false, false},
	{"8 bit in the body", "Subject: x\r\n\r\n\xe4\xf6\xfc\r\n", true, false},
	{"UTF-8 in the header", "Subject: \u00e4\u00f6\r\n\r\nx\r\n", true, false},
	{"Latin-1 in the header", "Subject: \xe4\xf6\r\n\r\nx\r\n", false, false},
	{"every octet", "Subject: x\r\n\r\n" + everyOctet() + "\r\n", false, false},
	{"998 octets", "Subject: x\r\n\r\n" + strings.Repeat("x", 998) + "\r\n", true, true},
	{"998 octets and a dot", "Subject: x\r\n\r\n." + strings.Repeat("x", 997) + "\r\n", true, true},
	{"999 octets", "Subject: x\r\n\r\n" + strings.Repeat("x", 999) + "\r\n", false, false},
	{"a line of 200,000 octets", "Subject: x\r\n\r\n" + strings.Repeat("y", 200_000) + "\r\n", false, false},
	{"mbox's first line", "From a@b Tue Mar  5 14:00:00 2024\r\nSubject: x\r\n\r\nx\r\n", false, false},
	{"a first continuation", " folded\r\nSubject: x\r\n\r\nx\r\n", false, false},
	{"no blank line", "Subject: x\r\nbody at once\r\n", false, false},
	{"a blank before the colon", "Subject : x\r\n\r\nx\r\n", true, true},
	{"old Resent fields", "Resent-From: <old@x>\r\nResent-Date: Tue, 05 Mar 2024 14:00:00 +0000\r\nResent-Message-ID: <1@x>\r\nSubject: x\r\n\r\nx\r\n", true, true},
	{"multipart", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n--=_0\r\n", true, true},
	{"delivered to the recipient before", "Delivered-To: User@New.Example\r\nSubject: x\r\n\r\nx\r\n", false, false},
	{"delivered to somebody before", "Delivered-To: someone@new.example\r\nSubject: x\r\n\r\nx\r\n", true, true},
	{"Bcc", "Bcc: secret@x\r\nSubject: x\r\n\r\nx\r\n", false, false},
	{"a header of 40 KB", strings.Repeat("X-Long: "+strings.Repeat("x", 72)+"\r\n", 512) + "\r\nx\r\n", false, false},
	{"20 hands", strings.Repeat("Received: x\r\n\tfor y: z\r\n", 20) + "\r\nx\r\n", true, true},
	{"21 hands", strings.Repeat("Received: x\r\n", 21) + "\r\nx\r\n", false, false},
	{"420 KB", "Subject: x\r\n\r\n" + strings.Repeat(".line\r\n", 60_000), true, true},
}

func everyOctet() string {
	var b strings.Builder
	for i := range 256 {
		b.WriteByte(byte(i))
	}
	return b.String()
}

// spooled is the original as the target was handed it.
func spooled(t testing.TB, u migrate.Upload) string {
	t.Helper()
	var b strings.Builder
	if _, err := u.Message.Body.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// unwrap takes the original out of what was sent, and says how it was carried.
func unwrap(t testing.TB, data string) (original, how string) {
	t.Helper()
	if rest, ok := strings.CutPrefix(data, "Resent-Date: "); ok {
		_, rest, ok := strings.Cut(rest, "\r\nResent-Message-ID: <poplift-relay.")
		_, rest, ok2 := strings.Cut(rest, ">\r\n")
		if !ok || !ok2 {
			t.Fatalf("a broken Resent block: %.300q", data)
		}
		return rest, "resent"
	}
	parts, types := mimeParts(t, data)
	if len(parts) != 2 {
		t.Fatalf("%d parts", len(parts))
	}
	return parts[1], types[1]
}

// mimeParts reads a letter with somebody else's parser.
func mimeParts(t testing.TB, data string) (parts, types []string) {
	t.Helper()
	e, err := gomessage.Read(strings.NewReader(data))
	if err != nil {
		t.Fatalf("%v: %.300q", err, data)
	}
	mr := e.MultipartReader()
	if mr == nil {
		t.Fatalf("no multipart: %.300q", data)
	}
	for {
		p, err := mr.NextPart()
		if err == io.EOF {
			return parts, types
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := p.Header.ContentType()
		if err != nil {
			t.Fatal(err)
		}
		parts, types = append(parts, string(b)), append(types, kind)
	}
}

// TestOctets: what is sent holds the original octet for octet, over the wire, in each form.
func TestOctets(t *testing.T) {
	t.Parallel()
	for _, offer := range []smtptest.Offer{{}, {No8BITMIME: true, NoSMTPUTF8: true}, {NoPipelining: true, NoSMTPUTF8: true}} {
		for _, as := range []As{Resent, Attached} {
			for _, lmtp := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, %+v, %v", as, offer, lmtp), func(t *testing.T) {
					t.Parallel()
					s := serve(t, func(s *smtptest.Server) { s.Offer, s.LMTP = offer, lmtp })
					cfg := config(s)
					cfg.As = as
					x := open(t, cfg)
					for _, h := range hostile {
						u := upload(t, h.raw)
						if err := send(t, x, u)[0]; err != nil {
							t.Errorf("%s: %v", h.name, err)
							continue
						}
						m := s.Mail()
						got, how := unwrap(t, string(m[len(m)-1].Data))
						want := spooled(t, u)
						if how == "resent" && !strings.HasSuffix(want, "\r\n") {
							want += "\r\n" // which the transport can't do without
						}
						if got != want {
							t.Errorf("%s (%s): %d octets, want %d: %.200q", h.name, how, len(got), len(want), got)
						}
						resent := h.resent7
						if !offer.No8BITMIME {
							resent = h.resent8 && (h.name != "UTF-8 in the header" || !offer.NoSMTPUTF8)
						}
						if (how == "resent") != (resent && as == Resent) {
							t.Errorf("%s went out as %s", h.name, how)
						}
					}
					if n := s.Connections(); n != 1 {
						t.Errorf("%d connections", n)
					}
				})
			}
		}
	}
}

// TestNothingGoesOutThatTheTransportCannotCarry: lines, octets and line ends of all that is sent.
func TestNothingGoesOutThatTheTransportCannotCarry(t *testing.T) {
	t.Parallel()
	for _, caps := range []capabilities{{}, {"8BITMIME": nil}, {"8BITMIME": nil, "SMTPUTF8": nil}} {
		for _, as := range []As{Resent, Attached} {
			for _, h := range hostile {
				sent, l := composed(t, upload(t, h.raw), caps, as, "ja")
				for line := range strings.SplitSeq(sent, "\r\n") {
					if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
						t.Errorf("%s, %v, %v: the line %.100q", h.name, caps, as, line)
					}
				}
				if !l.eight && !ascii(sent) {
					t.Errorf("%s, %v, %v: 8 bit, and not said so", h.name, caps, as)
				}
				if l.eight && !caps.has("8BITMIME") || l.utf8 && !caps.has("SMTPUTF8") {
					t.Errorf("%s, %v, %v: asks for what is not offered", h.name, caps, as)
				}
			}
		}
	}
}

// composed is a letter for an upload in a folder, and all of its octets.
func composed(t testing.TB, u migrate.Upload, caps capabilities, as As, language string) (string, *letter) {
	t.Helper()
	o := &order{as: as, operator: operator, to: []string{recipient, "other@new.example"}, now: clock, id: "<poplift-relay.1@relay.example>", boundary: "=_1",
		language: language, folder: "Entwürfe/日本", flags: []migrate.Flag{migrate.Seen, migrate.Forwarded}, date: clock.Add(-time.Hour)}
	sv, err := examine(u.Message.Body)
	if err != nil {
		t.Fatal(err)
	}
	l, err := compose(o, sv, u.Message.Body, caps)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.writeTo(&b); err != nil || int64(b.Len()) != l.size {
		t.Fatalf("%d octets, %d announced: %v", b.Len(), l.size, err)
	}
	return b.String(), l
}

func TestResentBlock(t *testing.T) {
	t.Parallel()
	got, _ := composed(t, upload(t, letterOf(1)), capabilities{}, Resent, "")
	want := "Resent-Date: Mon, 06 May 2024 07:08:09 +0200\r\nResent-From: <postmaster@relay.example>\r\n" +
		"Resent-To: <user@new.example>, <other@new.example>\r\nResent-Message-ID: <poplift-relay.1@relay.example>\r\n" + letterOf(1)
	if got != want {
		t.Errorf("%q", got)
	}
}

// TestNote: the attached form, read with the standard library's parser.
func TestNote(t *testing.T) {
	t.Parallel()
	got, _ := composed(t, upload(t, "Subject: =?koi8-r?B?8NLJ18XU?=\r\n =?koi8-r?B?8NLJ18XU?= x\r\n\r\nx\r\n"), capabilities{}, Attached, "de-AT")
	m, err := netmail.ReadMessage(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	dec := new(mime.WordDecoder)
	for name, want := range map[string]string{
		"Date": "Mon, 06 May 2024 07:08:09 +0200", "From": "<" + operator + ">", "To": "<user@new.example>, <other@new.example>",
		"Message-Id": "<poplift-relay.1@relay.example>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
		"Content-Type": `multipart/mixed; boundary="=_1"`, "Subject": "Aus Ihrem alten Postfach: =?koi8-r?B?8NLJ18XU?= =?koi8-r?B?8NLJ18XU?= x",
		"X-Poplift-Flags": `\Seen $Forwarded`, "X-Poplift-Date": "Mon, 06 May 2024 06:08:09 +0200",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if folder, err := dec.DecodeHeader(m.Header.Get("X-Poplift-Folder")); err != nil || folder != "Entwürfe/日本" {
		t.Errorf("folder %q, %v", folder, err)
	}
	if date, err := netmail.ParseDate(m.Header.Get("X-Poplift-Date")); err != nil || !date.Equal(clock.Add(-time.Hour)) {
		t.Errorf("date %v, %v", date, err)
	}
	parts, types := mimeParts(t, got)
	if types[0] != "text/plain" || types[1] != "message/rfc822" {
		t.Errorf("%q", types)
	}
	for _, want := range []string{"Im Anhang ", "Ordner: Entwürfe/日本\r\n", "Datum: 2024-05-06 06:08 +0200\r\n"} {
		if !strings.Contains(parts[0], want) {
			t.Errorf("the text has no %q: %q", want, parts[0])
		}
	}
}

// TestEveryLanguage: each note is a letter of its own, whole and in ASCII on the wire.
func TestEveryLanguage(t *testing.T) {
	t.Parallel()
	if len(notes) < 12 {
		t.Errorf("%d languages", len(notes))
	}
	seen := map[string]bool{}
	for _, n := range notes {
		got, l := composed(t, upload(t, letterOf(1)), capabilities{}, Attached, strings.ToUpper(n.tag)+"_XX.UTF-8")
		if l.eight || !ascii(got) {
			t.Errorf("%s: 8 bit", n.tag)
		}
		parts, _ := mimeParts(t, got)
		m, err := netmail.ReadMessage(strings.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != n.subject+": number 1" || seen[subject] {
			t.Errorf("%s: subject %q, %v", n.tag, subject, err)
		}
		seen[subject] = true
		if !strings.HasPrefix(parts[0], n.attached+"\r\n") || parts[1] != letterOf(1) {
			t.Errorf("%s: %q", n.tag, parts)
		}
	}
	for tag, want := range map[string]string{"": "en", "xx": "en", "PT-br": "pt", "no": "nb", "nn-NO": "nb", "de_DE.UTF-8": "de", "deu": "en", "C": "en"} {
		if got := noteIn(tag).tag; got != want {
			t.Errorf("%q is %s", tag, got)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, ours, original, want string }{
		{"none", "Aus", "", "Aus"},
		{"plain", "Aus", " hello  world\t!", "Aus: hello world !"},
		{"encoded behind ASCII", "Aus", " =?utf-8?q?=C3=A4?=", "Aus: ä"},
		{"encoded behind encoded", "Où", " =?utf-8?q?=C3=A4?=", "Où: ä"},
		{"ASCII behind encoded", "Où", "hello", "Où: hello"},
		{"8 bit", "Aus", " ä ö", "Aus: ä ö"},
		{"no charset", "Aus", " \xe4", "Aus: \ufffd"},
		{"controls", "Aus", " a\x00b\x1b[31m", "Aus: ab[31m"},
		{"a long word", "Aus", strings.Repeat("x", 700), "Aus: " + strings.Repeat("x", 700)},
	}
	for _, tt := range tests {
		f := field("Subject", subject(tt.ours, []byte(tt.original))...)
		m, err := netmail.ReadMessage(strings.NewReader(f + "\r\n"))
		if err != nil {
			t.Fatalf("%s: %v: %q", tt.name, err, f)
		}
		got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
}

func TestWordsOfHeaders(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"INBOX", "a b/c", "a  b", " a", "=?utf-8?q?x?=", "Entwürfe", strings.Repeat("長い名前/", 60), strings.Repeat("a", 300), "a\x01b\tc", "x\r\nBcc: y"} {
		f := field("X-Poplift-Folder", encoded(text)...)
		for line := range strings.SplitSeq(f, "\r\n") {
			if len(line) > 100 {
				t.Errorf("%q: a line of %d octets", text, len(line))
			}
		}
		m, err := netmail.ReadMessage(strings.NewReader(f + "\r\n"))
		if err != nil || len(m.Header) != 1 {
			t.Fatalf("%q: %v: %q", text, err, f)
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("X-Poplift-Folder")); err != nil || got != text {
			t.Errorf("%q, want %q: %v", got, text, err)
		}
	}
}

// TestWhereItLay: the folder, flags and date of what is attached come from where it was to go, else from where it was.
func TestWhereItLay(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	cfg := config(s)
	cfg.As = Attached
	u := mails(t, 3)
	u[0].Mailbox = migrate.Mailbox{Name: "Archive/2024"}
	u[0].Flags, u[0].Date = []migrate.Flag{migrate.Answered}, clock
	u[1].Message.Folder, u[1].Message.Date = migrate.Path{"Old", "Work"}, clock
	for _, err := range send(t, open(t, cfg), u...) {
		wantKind(t, err, "relayed")
	}
	want := []string{"X-Poplift-Folder: Archive/2024\r\nX-Poplift-Flags: \\Answered\r\nX-Poplift-Date: Mon, 06 May 2024 07:08:09 +0200\r\nMIME",
		"X-Poplift-Folder: Old/Work\r\nX-Poplift-Date: Mon, 06 May 2024 07:08:09 +0200\r\nMIME", "X-Poplift-Folder: INBOX\r\nMIME"}
	for i, m := range s.Taken() {
		if !strings.Contains(string(m.Data), want[i]) {
			t.Errorf("%d: %.600q", i, m.Data)
		}
	}
}

// TestLoops: what has been relayed before, or has been too far around, is not sent again.
func TestLoops(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	cfg := config(s)
	x := open(t, cfg)
	cfg.As, cfg.MaxReceived = Attached, 3
	y := open(t, cfg)
	wantKind(t, sendOne(t, x, letterOf(1)), "relayed")
	wantKind(t, sendOne(t, y, letterOf(2)), "relayed")
	taken := s.Taken()
	received := strings.Repeat("Received: from a by b\r\n\twith ESMTP; Tue, 5 Mar 2024 14:00:00 +0000\r\n", 3)
	tests := []struct {
		name, raw, want string
		by              *Target
	}{
		{"resent by us", string(taken[0].Data), "rejected", x},
		{"resent by us, on its way", "Return-Path: <>\r\n" + received + string(taken[0].Data), "rejected", x},
		{"resent by us, folded anew", "resent-message-id:\r\n\t<POPLIFT-RELAY.x@y>\r\n" + letterOf(1), "rejected", x},
		{"attached by us", string(taken[1].Data), "rejected", x},
		{"attached by us, in another relay's hands", received + string(taken[1].Data), "rejected", y},
		{"resent by others", "Resent-Message-ID: <1@poplift-relay.example>\r\n" + letterOf(1), "relayed", x},
		{"about us", "Subject: <poplift-relay.1@x>\r\n\r\nX-Poplift-Folder: x\r\n", "relayed", x},
		{"three hands", received + letterOf(1), "relayed", y},
		{"four hands", "received : x\r\n" + received + letterOf(1), "rejected", y},
		{"fifty hands", strings.Repeat("Received: x\r\n", 50) + letterOf(1), "relayed", x},
		{"fifty-one hands", strings.Repeat("Received: x\r\n", 51) + letterOf(1), "rejected", x},
		{"hands in the body", letterOf(1) + strings.Repeat("Received: x\r\n", 51), "relayed", x},
	}
	for _, tt := range tests {
		err := sendOne(t, tt.by, tt.raw)
		if kind(err) != tt.want || err != nil && (!errors.Is(err, errLoop) || migrate.HintOf(err) != hintLoop) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestStuffing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ".\r\n"}, {"a", "a\r\n.\r\n"}, {"a\r\n", "a\r\n.\r\n"}, {".", "..\r\n.\r\n"}, {".\r\n", "..\r\n.\r\n"}, {"\r\n.\r\n", "\r\n..\r\n.\r\n"},
		{"a\r\n..b", "a\r\n...b\r\n.\r\n"}, {"a\n.b\r.c", "a\n.b\r.c\r\n.\r\n"}, {"a\r", "a\r\r\n.\r\n"}, {"\x00\x00.", "\x00\x00.\r\n.\r\n"},
		{"\r\n.\r\n.\r\n.", "\r\n..\r\n..\r\n..\r\n.\r\n"},
	} {
		for size := 1; size <= max(len(tt.in), 1); size++ {
			if got := stuffed(t, tt.in, size); got != tt.want {
				t.Errorf("%q in pieces of %d: %q", tt.in, size, got)
			}
		}
	}
}

func stuffed(t testing.TB, in string, size int) string {
	t.Helper()
	var b strings.Builder
	s := &stuffer{w: &b}
	for len(in) > 0 {
		n := min(size, len(in))
		if m, err := io.WriteString(s, in[:n]); err != nil || m != n {
			t.Fatal(m, err)
		}
		in = in[n:]
	}
	if dot, err := s.end(); err != nil || s.n != int64(b.Len()) || b.String()[dot:] != ".\r\n" {
		t.Fatalf("%d octets counted of %d, the dot at %d: %v", s.n, b.Len(), dot, err)
	}
	return b.String()
}
