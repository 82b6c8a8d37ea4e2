package smtp

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	gomessage "github.com/emersion/go-message"

	"poplift/migrate"
	"poplift/migrate/mailnet"
)

// FuzzCompose: whatever the message is, the original can be taken out of what is sent, octet for octet, by somebody else's parser where it is
// attached; what is sent fits the transport; and it is recognised as ours.
func FuzzCompose(f *testing.F) {
	for _, h := range hostile {
		if len(h.raw) < 10_000 {
			f.Add([]byte(h.raw), uint8(0), "INBOX", "en")
			f.Add([]byte(h.raw), uint8(7), "Entwürfe/\x01\r\nX: y", "ru")
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, how uint8, folder, language string) {
		caps := capabilities{}
		if how&1 != 0 {
			caps["8BITMIME"] = nil
		}
		if how&2 != 0 {
			caps["SMTPUTF8"] = nil
		}
		spool := testPool.NewSpool(t.Context())
		defer spool.Release()
		spool.Write(raw)
		spool.Seal()
		var original strings.Builder
		spool.WriteTo(&original)
		sv, err := examine(spool)
		if err != nil {
			t.Fatal(err)
		}
		o := &order{as: As(how >> 2 & 1), operator: operator, to: []string{recipient}, now: clock, id: "<poplift-relay.1@relay.example>",
			boundary: "=_6d0fb7d7c8f94ed08e71a8ec9a1f5a0e", language: language, folder: folder,
			flags: []migrate.Flag{migrate.Flag(folder), migrate.Seen}, date: clock}
		if strings.Contains(original.String(), o.boundary) {
			t.Skip("no random boundary is in a message that was there before")
		}
		l, err := compose(o, sv, spool, caps)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := l.writeTo(&b); err != nil {
			t.Fatal(err)
		}
		sent := b.String()
		for line := range strings.SplitSeq(sent, "\r\n") {
			if len(line) > maxText998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("the line %.100q", line)
			}
		}
		if !caps.has("8BITMIME") && !ascii(sent) || l.utf8 && len(caps) != 2 {
			t.Error("8 bit where it was not offered")
		}
		if l.tail == "" {
			if got, _ := strings.CutPrefix(sent, o.resentBlock()); got != original.String() {
				t.Errorf("%q under the block, want %q", got, original.String())
			}
		} else {
			attachedIs(t, sent, original.String())
		}
		again := &survey{sound: true, headerUTF8: true}
		io.WriteString(again, sent)
		again.end()
		if again.ours == "" || !again.sound || !again.carried(l.eight) {
			t.Errorf("%+v", again)
		}
	})
}

// attachedIs reads a letter with go-message and compares what is in it.
func attachedIs(t *testing.T, sent, original string) {
	t.Helper()
	e, err := gomessage.Read(strings.NewReader(sent))
	if err != nil {
		t.Fatalf("%v: %q", err, sent)
	}
	mr := e.MultipartReader()
	if mr == nil {
		t.Fatalf("no multipart: %q", sent)
	}
	if _, err := mr.NextPart(); err != nil {
		t.Fatal(err)
	}
	p, err := mr.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(p.Body)
	if err != nil || string(got) != original {
		t.Errorf("%q attached, want %q: %v", got, original, err)
	}
	if _, err := mr.NextPart(); err != io.EOF {
		t.Errorf("a third part: %v", err)
	}
}

// FuzzStuffing: what is written ends once, at its end, and gives back what was put in, in whatever pieces it came.
func FuzzStuffing(f *testing.F) {
	for _, s := range []string{"", ".", "\r\n.\r\n", "a\r.\n.\r\n..", "\x00\x00.", "x\r"} {
		f.Add(s, 1)
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, in string, size int) {
		if size < 1 || size > 1<<16 {
			return
		}
		out := stuffed(t, in, size)
		if i := strings.Index("\r\n"+out, "\r\n.\r\n"); i+3 != len(out) {
			t.Fatalf("%q ends at %d", out, i)
		}
		var lines []string
		for line := range strings.SplitSeq(strings.TrimSuffix(out, ".\r\n"), "\r\n") {
			lines = append(lines, strings.TrimPrefix(line, "."))
		}
		got := strings.Join(lines, "\r\n")
		if got != in && got != in+"\r\n" || got != in && strings.HasSuffix(in, "\r\n") {
			t.Errorf("%q, want %q", got, in)
		}
	})
}

// FuzzReply: no line of a server does harm, and what is shown of one stays on its line.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok", "250-PIPELINING\n250 SIZE 100", "550 5.1.1 no\n", "250-x\n251 y", "421", "5", "354-", "550 4.1.1 x", "250 1.2.3.4", "250-\n250-\n250 ä\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var r reply
		for line := range strings.SplitSeq(in, "\n") {
			more, err := r.add([]byte(line))
			if err != nil {
				if strings.ContainsAny(err.Error(), "\r\n\x00") || len(err.Error()) > 1000 {
					t.Errorf("%q", err)
				}
				return
			}
			if r.code < 200 || r.code > 599 {
				t.Fatalf("code %d", r.code)
			}
			if !more {
				break
			}
		}
		if s := r.String(); strings.ContainsAny(s, "\r\n\x00\x1b") || len(s) > 2*maxText {
			t.Errorf("%q", s)
		}
		if r.status != "" && r.status[0] != byte('0'+r.code/100) {
			t.Errorf("status %q of %d", r.status, r.code)
		}
		parseCapabilities(r).size()
	})
}

// FuzzMailbox: nothing that is taken for an address can end a command or a header field, and what is taken is taken again as it is.
func FuzzMailbox(f *testing.F) {
	for _, s := range []string{"a@b", "A B <a@b>", `"a b"@c`, "a@[127.0.0.1]", "ä@ö", "a@b>\r\nRCPT", "user", `"\""@x`, "a@b, c@d", "a@b (x)", `"a>b"@c`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, in string, bare bool) {
		m, err := mailbox(in, bare)
		if err != nil {
			return
		}
		if m == "" || strings.ContainsFunc(m, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(m) > 600 {
			t.Errorf("%q gives %q", in, m)
		}
		outside := true
		for i := 0; i < len(m); i++ {
			switch {
			case m[i] == '\\' && !outside:
				i++
			case m[i] == '"':
				outside = !outside
			case outside && strings.IndexByte(" <>,;", m[i]) >= 0:
				t.Errorf("%q gives %q", in, m)
			}
		}
		if again, err := mailbox(m, bare); err != nil || again != m {
			t.Errorf("%q gives %q, which gives %q, %v", in, m, again, err)
		}
		if words := addresses([]string{m}); !slices.Equal(words, []string{"<" + m + ">"}) && strings.Contains(m, "@") {
			t.Errorf("%q", words)
		}
	})
}

// FuzzServer: whatever a server says, and whenever it hangs up, a session ends, in something that the engine knows.
func FuzzServer(f *testing.F) {
	const hello = "220 x\r\n250-x\r\n250-AUTH LOGIN SCRAM-SHA-256\r\n250-SIZE 9\r\n250 PIPELINING\r\n"
	for _, s := range []string{"", "220 x\r\n", hello, hello + "334 \r\n334 \r\n235 ok\r\n250 a\r\n250 b\r\n354 c\r\n250 d\r\n",
		hello + "504 no\r\n334 \r\n334 \r\n235 x\r\n", "220 x\r\n500 x\r\n250 x\r\n", hello + "235 ok\r\n550 a\r\n503 b\r\n354 c\r\n421 d\r\n",
		"+OK\r\n", "220-" + strings.Repeat("x\r\n220-", 300)} {
		f.Add(s, true, true)
		f.Add(s, false, true)
		f.Add(strings.ReplaceAll(s, "235 ok\r\n", ""), false, false)
	}
	f.Fuzz(func(t *testing.T, says string, lmtp, login bool) {
		var servers sync.WaitGroup
		defer servers.Wait()
		cfg := Config{Operator: operator, To: []string{recipient, "other@new.example"}, LMTP: lmtp}
		cfg.Endpoint.Security = mailnet.Cleartext
		cfg.Endpoint.Dial = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			servers.Go(func() { io.Copy(io.Discard, server) })
			servers.Go(func() {
				io.WriteString(server, says)
				server.Close()
			})
			return client, nil
		}
		if login {
			cfg.Credentials = mailnet.Credentials{User: "me", Password: secret("s3cret pass")}
		}
		x, err := Open(t.Context(), cfg)
		if err == nil {
			defer x.Close()
			err = sendOne(t, x, letterOf(1))
		}
		if k := kind(err); strings.HasPrefix(k, "unknown") || k == "contradictory" {
			t.Errorf("%s: %v", k, err)
		}
		if err != nil && (strings.ContainsAny(err.Error(), "\r\n\x00\x1b") || len(err.Error()) > 4*maxText || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%q", err)
		}
	})
}
