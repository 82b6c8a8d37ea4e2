package pop3

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

var bodyCases = []struct {
	name, wire, body string
	lf               bool
	first            bool // a dot was taken off the first line
}{
	{"empty", ".\r\n", "", false, false},
	{"one line", "a\r\n.\r\n", "a\r\n", false, false},
	{"empty lines", "\r\n\r\n.\r\n", "\r\n\r\n", false, false},
	{"stuffed", "a\r\n..\r\n..b\r\n...c\r\n.\r\n", "a\r\n.\r\n.b\r\n..c\r\n", false, false},
	{"stuffed first", "..a\r\n.\r\n", ".a\r\n", false, true},
	{"unstuffed first (Dovecot)", ".a\r\n..b\r\n.\r\n", ".a\r\n.b\r\n", false, false},
	{"unstuffed later", "a\r\n.b\r\n.\r\n", "a\r\n.b\r\n", false, false},
	{"bare LF dot", "a\n.\nb\n..c\n.\r\n\r\n.\r\n", "a\n.\nb\n..c\n.\r\n\r\n", false, false},
	{"bare LF then CRLF dot", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", false, false},
	{"lone CR", "a\rb\r\r\n\r.\r\n.\r\n", "a\rb\r\r\n\r.\r\n", false, false},
	{"dot CR", ".\ra\r\n.\r\r\n.\r\n", ".\ra\r\n.\r\r\n", false, false},
	{"dot LF at a line start", "a\r\n.\nb\r\n.\r\n", "a\r\n.\nb\r\n", false, false},
	{"NUL", "\x00\r\n\x00.\r\n.\r\n", "\x00\r\n\x00.\r\n", false, false},
	{"LF server", "a\n..b\n\n.\n", "a\n.b\n\n", true, false},
	{"LF server, empty", ".\n", "", true, false},
	{"LF server, CRLF terminator", "a\r\n..\r\n.\r\n", "a\r\n.\r\n", true, false},
	{"LF server, lone CR", "a\r.\n.\rb\n.\n", "a\r.\n.\rb\n", true, false},
}

const behind = "+OK next"

func TestReadBody(t *testing.T) {
	for _, c := range bodyCases {
		t.Run(c.name, func(t *testing.T) {
			for cut := range len(c.wire) + len(behind) {
				all := c.wire + behind
				r := bufio.NewReader(io.MultiReader(strings.NewReader(all[:cut]), strings.NewReader(all[cut:])))
				checkBody(t, r, c.lf, c.body, c.first)
			}
			checkBody(t, bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(c.wire+behind)), 16), c.lf, c.body, c.first)
		})
	}
}

func checkBody(t *testing.T, r *bufio.Reader, lf bool, want string, first bool) {
	t.Helper()
	var out strings.Builder
	n, stuffed, err := readBody(r, &out, lf, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != want || n != int64(len(want)) || stuffed != first {
		t.Fatalf("got %q, %d octets, first %v; want %q, first %v", out.String(), n, stuffed, want, first)
	}
	if rest, _ := io.ReadAll(r); string(rest) != behind {
		t.Fatalf("left %q", rest)
	}
}

func TestReadBodyEndsEarly(t *testing.T) {
	for _, c := range bodyCases {
		for cut := range len(c.wire) {
			if _, _, err := readBody(bufio.NewReader(strings.NewReader(c.wire[:cut])), io.Discard, c.lf, 1<<20); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", c.name, cut, err)
			}
		}
	}
}

func TestReadBodyBounds(t *testing.T) {
	long := strings.Repeat("x", 300_000) + "\r\n"
	var out strings.Builder
	if _, _, err := readBody(bufio.NewReader(strings.NewReader(long+".\r\n")), &out, false, 1<<20); err != nil || out.String() != long {
		t.Errorf("a line of 300,000 octets: %v", err)
	}
	if _, _, err := readBody(bufio.NewReader(strings.NewReader(long+".\r\n")), io.Discard, false, 1000); !errors.Is(err, errTooLong) {
		t.Errorf("beyond the limit: %v", err)
	}
	full := errors.New("no room")
	var we *writeError
	if _, _, err := readBody(bufio.NewReader(strings.NewReader(long)), failWriter{full}, false, 1<<20); !errors.As(err, &we) || !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failWriter struct{ err error }

func (w failWriter) Write([]byte) (int, error) { return 0, w.err }

// stuff is RFC 1939 section 3, as plainly as it can be said.
func stuff(body []byte) []byte {
	out := append([]byte("\r\n"), body...)
	out = bytes.ReplaceAll(out, []byte("\r\n."), []byte("\r\n.."))[2:]
	return append(out, ".\r\n"...)
}

// chunks reads in pieces whose sizes the fuzzer chose.
type chunks struct {
	data, sizes []byte
	at          int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := len(c.data)
	if len(c.sizes) > 0 {
		n = int(c.sizes[c.at%len(c.sizes)])%17 + 1
		c.at++
	}
	n = copy(p[:min(n, len(p))], c.data)
	c.data = c.data[n:]
	return n, nil
}

func FuzzMultiline(f *testing.F) {
	for _, c := range bodyCases {
		f.Add([]byte(c.body), []byte{3, 0, 7})
		f.Add([]byte(c.wire), []byte{0})
	}
	f.Fuzz(func(t *testing.T, body, sizes []byte) {
		if !bytes.HasSuffix(body, []byte("\r\n")) && len(body) > 0 {
			body = append(body, "\r\n"...)
		}
		r := bufio.NewReaderSize(&chunks{data: append(stuff(body), behind...), sizes: sizes}, 16)
		checkBody(t, r, false, string(body), bytes.HasPrefix(body, []byte(".")))
		// Whatever it is, it ends, and reading it as a body takes nothing behind the terminator.
		for _, lf := range []bool{false, true} {
			n, _, err := readBody(bufio.NewReaderSize(&chunks{data: body, sizes: sizes}, 16), io.Discard, lf, 1<<20)
			if n > int64(len(body)) || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%d octets of %d: %v", n, len(body), err)
			}
		}
	})
}

func BenchmarkReadBody(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"text", strings.Repeat("x", 70) + "\r\n"},
		{"base64", strings.Repeat("QUJD", 19) + "\r\n"},
		{"dots", strings.Repeat("x", 35) + "\r\n..y\r\n"},
		{"short", "ab\r\n"},
		{"long", strings.Repeat("x", 10_000) + "\r\n"},
	} {
		wire := []byte(strings.Repeat(c.line, (1<<20)/len(c.line)) + ".\r\n")
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			src := bytes.NewReader(wire)
			r := bufio.NewReaderSize(src, 64<<10)
			for b.Loop() {
				src.Reset(wire)
				r.Reset(src)
				if _, _, err := readBody(r, io.Discard, false, 1<<30); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
