package migrate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"strings"
	"testing"
)

// spoolOf spools s in pieces of n octets and returns it with its identity.
func spoolOf(t *testing.T, p *Pool, s string, n int) (*Spool, Identity, HeaderDates) {
	t.Helper()
	sp := p.NewSpool(context.Background())
	for b := []byte(s); len(b) > 0; {
		k := min(n, len(b))
		if _, err := sp.Write(b[:k]); err != nil {
			t.Fatal(err)
		}
		b = b[k:]
	}
	id, dates := sp.Seal()
	return sp, id, dates
}

func octets(t *testing.T, s *Spool) string {
	t.Helper()
	var b bytes.Buffer
	if n, err := s.WriteTo(&b); err != nil || n != s.Len() {
		t.Fatalf("WriteTo = %d, %v; Len %d", n, err, s.Len())
	}
	return b.String()
}

func TestSpoolTurnsBareLFIntoCRLFAndNothingElse(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""}, {"a", "a"}, {"a\n", "a\r\n"}, {"a\r\n", "a\r\n"}, {"\n", "\r\n"}, {"\n\n", "\r\n\r\n"}, {"\r\n\n", "\r\n\r\n"}, {"a\rb\r", "a\rb\r"},
		{"\r\r\n", "\r\r\n"}, {"a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n"}, {"\x00\n\x80", "\x00\r\n\x80"}, {"\r", "\r"},
	}
	p := NewPool(1<<20, t.TempDir())
	for _, tt := range tests {
		for n := 1; n <= len(tt.in)+1; n++ {
			sp, _, _ := spoolOf(t, p, tt.in, n)
			if got := octets(t, sp); got != tt.want {
				t.Errorf("%q in pieces of %d = %q, want %q", tt.in, n, got, tt.want)
			}
			sp.Release()
		}
	}
}

func TestSpoolLargeMessageGoesThroughAFile(t *testing.T) {
	dir := t.TempDir()
	p := NewPool(1<<20, dir)
	want := strings.Repeat("Subject: x\r\n\r\n0123456789abcdef\r\n", 40000)
	sp, id, _ := spoolOf(t, p, want, 10_000)
	if len(p.tokens) != 0 {
		t.Errorf("%d chunks in use beside the file", len(p.tokens))
	}
	if got := octets(t, sp); got != want {
		t.Error("octets differ")
	}
	if got := octets(t, sp); got != want {
		t.Error("octets differ the second time")
	}
	small, id2, _ := spoolOf(t, NewPool(64<<20, dir), want, 777)
	if id != id2 {
		t.Error("identity depends on how it was spooled")
	}
	small.Release()
	if err := sp.Release(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestSpoolWaitsForRoomUntilItsContextEnds(t *testing.T) {
	p := NewPool(1, t.TempDir()) // 16 chunks at least; messages above 4 go to a file
	var held []*Spool
	for range 16 {
		sp, _, _ := spoolOf(t, p, "x", 1)
		held = append(held, sp)
	}
	ctx, cancel := context.WithCancel(context.Background())
	sp := p.NewSpool(ctx)
	done := make(chan error, 1)
	go func() { _, err := sp.Write([]byte("y")); done <- err }()
	cancel()
	if err := <-done; err == nil {
		t.Error("the write found room where there was none")
	}
	for _, s := range append(held, sp) {
		s.Release()
		s.Release()
	}
	if len(p.tokens) != 0 {
		t.Errorf("%d chunks lost", len(p.tokens))
	}
}

const plain = "From: a@example.org\r\nTo: b@example.org\r\nSubject: hello\r\n there\r\nDate: Tue, 5 Mar 2024 15:07:09 +0100\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"

func TestIdentityIgnoresWhatClientsAndLineEndsAdd(t *testing.T) {
	p := NewPool(1<<20, t.TempDir())
	_, want, _ := spoolOf(t, p, plain, 1000)
	same := map[string]string{
		"LF":              strings.ReplaceAll(plain, "\r\n", "\n"),
		"no last newline": strings.TrimSuffix(plain, "\r\n"),
		"more newlines":   plain + "\r\n\r\n",
		"Status":          "Status: RO\r\nX-UID: 7\r\n" + plain,
		"folded Mozilla":  strings.Replace(plain, "Subject:", "X-Mozilla-Keys: a\r\n b\r\nX-Mozilla-Status: 0001\r\nSubject:", 1),
		"upper case":      "CONTENT-LENGTH: 5\r\n" + plain,
	}
	for name, s := range same {
		for _, n := range []int{1, 2, 3, 7, 1000} {
			_, got, _ := spoolOf(t, p, s, n)
			if got != want {
				t.Errorf("%s in pieces of %d: another identity", name, n)
			}
		}
	}
	other := map[string]string{
		"body":            strings.Replace(plain, "body", "Body", 1),
		"subject":         strings.Replace(plain, "hello", "hallo", 1),
		"inner line end":  strings.Replace(plain, "body", "bo\r\ndy", 1),
		"header to body":  strings.Replace(plain, "Message-ID", "\r\nMessage-ID", 1),
		"Status in body":  plain + "Status: RO\r\n",
		"not our X field": "X-Mozzarella: 1\r\n" + plain,
	}
	for name, s := range other {
		if _, got, _ := spoolOf(t, p, s, 1000); got.Digest == want.Digest {
			t.Errorf("%s: the same digest", name)
		}
	}
}

func TestIdentityOfOddMessages(t *testing.T) {
	p := NewPool(1<<20, t.TempDir())
	seen := map[Digest]string{}
	for _, s := range []string{
		"", "no header at all", "From me Tue Mar 5 2024\r\nSubject: x\r\n\r\n", "Subject: unended", "\r\nonly body\r\n",
		strings.Repeat("x", 200_000), "X-Long: " + strings.Repeat("y", 1<<20) + "\r\n\r\nz", "\x00\x00\r\n\r\n", "A:\r\n", "Status: O\r\nA: b\r\n\r\nStatus: O\r\n",
	} {
		_, a, _ := spoolOf(t, p, s, 1)
		_, b, _ := spoolOf(t, p, s, 4096)
		if a != b {
			t.Errorf("%.20q: the identity depends on the pieces", s)
		}
		if was, ok := seen[a.Digest]; ok {
			t.Errorf("%.20q and %.20q: the same digest", s, was)
		}
		seen[a.Digest] = s
	}
}

func TestIdentityOfAHeaderAloneIgnoresItsLastLineEnd(t *testing.T) {
	p := NewPool(1<<20, t.TempDir())
	_, want, _ := spoolOf(t, p, "Subject: x\r\nTo: y", 100)
	for _, s := range []string{"Subject: x\r\nTo: y\r\n", "Subject: x\r\nTo: y\r\n\r\n", "Subject: x\nTo: y\n\n\n"} {
		for n := 1; n < 5; n++ {
			if _, got, _ := spoolOf(t, p, s, n); got != want {
				t.Errorf("%q: another identity", s)
			}
		}
	}
}

func TestEnvelopeIsTheSameFromSourceAndTarget(t *testing.T) {
	p := NewPool(1<<20, t.TempDir())
	_, id, dates := spoolOf(t, p, "Received: from x by y; Wed, 6 Mar 2024 10:00:00 +0000\r\nReceived: from w by x; Fri, 1 Mar 2024 10:00:00 +0000\r\n"+plain, 11)
	var r EnvelopeReader
	// as a server answers BODY[HEADER.FIELDS (…)]: in the message's order or its own, refolded
	got := r.Envelope([]byte("message-id: <1@example.org>\r\nDate: Tue, 5 Mar 2024\r\n\t15:07:09 +0100\r\nSubject:   hello there\r\nTo: b@example.org\r\nFrom: a@example.org\r\n\r\n"))
	if got != id.Envelope || !got.HasMessageID() {
		t.Errorf("envelope %x, want %x", got, id.Envelope)
	}
	if again := r.Envelope([]byte("Subject: hello there\r\n\r\n")); again == got || again.HasMessageID() {
		t.Error("a reader remembers the header before")
	}
	if d := dates.Received.UTC().Day(); d != 6 {
		t.Errorf("Received of day %d, want the topmost's", d)
	}
	if d := dates.Date.UTC().Hour(); d != 14 {
		t.Errorf("Date in hour %d", d)
	}
}

type text string

func (s text) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, string(s))
	return int64(n), err
}

func TestLikenessSurvivesWhatServersDo(t *testing.T) {
	base := strings.Replace(plain, "body", "bo\x00dy and\r more", 1)
	want, _ := likeness(text(base))
	for name, s := range map[string]string{
		"Dovecot's NUL":    strings.ReplaceAll(base, "\x00", "\x80"),
		"Courier's CR":     strings.Replace(base, "and\r", "and", 1),
		"added Status":     "Status: RO\r\n" + base,
		"cut last CRLF":    strings.TrimSuffix(base, "\r\n"),
		"imapsync's X-UID": "X-UID: 1\r\n" + base,
	} {
		if got, _ := likeness(text(s)); got != want {
			t.Errorf("%s: unlike", name)
		}
	}
	if got, _ := likeness(text(strings.Replace(base, "more", "mode", 1))); got == want {
		t.Error("another body is alike")
	}
}

func FuzzSpool(f *testing.F) {
	f.Add([]byte(plain), 3)
	f.Add([]byte("a\n\r\n\rb"), 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		n = max(1, min(n, len(b)+1))
		p := NewPool(1<<20, t.TempDir())
		one, id1, _ := spoolOf(t, p, string(b), len(b)+1)
		two, id2, _ := spoolOf(t, p, string(b), n)
		crlfForm := octets(t, one)
		if octets(t, two) != crlfForm || id1 != id2 {
			t.Fatal("the pieces matter")
		}
		again, id3, _ := spoolOf(t, p, crlfForm, n)
		if octets(t, again) != crlfForm || id3 != id1 {
			t.Fatal("the CRLF form is not its own CRLF form")
		}
		if strings.ReplaceAll(crlfForm, "\r\n", "\n") != strings.ReplaceAll(string(b), "\r\n", "\n") {
			t.Fatal("more than line ends changed")
		}
	})
}

func BenchmarkSpool(b *testing.B) {
	msg := []byte(plain + strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123456789\r\n", 650))
	p := NewPool(32<<20, b.TempDir())
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		s := p.NewSpool(b.Context())
		s.Write(msg)
		s.Seal()
		s.Release()
	}
}

func BenchmarkSHA256(b *testing.B) { // the ceiling of BenchmarkSpool
	msg := make([]byte, 47<<10)
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		sha256.Sum256(msg)
	}
}

func BenchmarkEnvelope(b *testing.B) {
	var r EnvelopeReader
	h := []byte("Message-ID: <1234567890.1234567890@mail.example.org>\r\nDate: Tue, 5 Mar 2024\r\n\t15:07:09 +0100\r\nSubject: hello there\r\nTo: b@example.org\r\nFrom: a@example.org\r\n\r\n")
	for b.Loop() {
		r.Envelope(h)
	}
}
