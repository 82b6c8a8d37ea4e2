package mailnet

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 3*ReadBuffer)
	for _, tt := range []struct {
		in     string
		max    int
		want   string
		bareLF bool
		err    error
		rest   string
	}{
		{"+OK\r\nrest", 10, "+OK", false, nil, "rest"},
		{"+OK\nrest", 10, "+OK", true, nil, "rest"},
		{"\r\n", 10, "", false, nil, ""},
		{"\n", 10, "", true, nil, ""},
		{"a\rb\r\n", 10, "a\rb", false, nil, ""},
		{"a\r\r\n", 10, "a\r", false, nil, ""},
		{"12345\r\nrest", 5, "12345", false, nil, "rest"},
		{"12345\nrest", 5, "12345", true, nil, "rest"},
		{"123456\r\n", 5, "", false, ErrLineTooLong, ""},
		{"123456", 5, "", false, ErrLineTooLong, ""},
		{"", 5, "", false, io.EOF, ""},
		{"123", 5, "", false, io.ErrUnexpectedEOF, ""},
		{long + "\r\nrest", len(long), long, false, nil, "rest"},
		{long + "\r\n", len(long) - 1, "", false, ErrLineTooLong, ""},
		{long, len(long), "", false, io.ErrUnexpectedEOF, ""},
	} {
		br := bufio.NewReaderSize(iotest.HalfReader(strings.NewReader(tt.in)), ReadBuffer)
		line, bareLF, err := readLine(br, tt.max)
		if string(line) != tt.want || bareLF != tt.bareLF || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
			t.Errorf("%.20q to %d: %.20q, %v, %v", tt.in, tt.max, line, bareLF, err)
		}
		if err == nil {
			if rest, _ := io.ReadAll(br); string(rest) != tt.rest {
				t.Errorf("%.20q: the rest is %.20q", tt.in, rest)
			}
		}
	}
	// A server that sends without end is not read without end.
	endless := &counter{}
	if _, _, err := readLine(bufio.NewReaderSize(endless, ReadBuffer), 1000); err != ErrLineTooLong || endless.n > 2*ReadBuffer {
		t.Errorf("%v after %d octets", err, endless.n)
	}
}

// counter yields the same octet for ever.
type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	c.n += len(p)
	return len(p), nil
}

// FuzzReadLine reads lines until the end: together with their line ends they are the input, in any pieces.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte("+OK\r\nUIDL\n.\r\n"), 10, byte(1))
	f.Add(bytes.Repeat([]byte("0123456789\r\n\n"), 20), 16, byte(3))
	f.Add([]byte("\r\r\n\n\r"), 0, byte(2))
	f.Fuzz(func(t *testing.T, in []byte, max int, piece byte) {
		if max < 0 {
			return
		}
		max %= 1 << 16
		br := bufio.NewReaderSize(&pieces{bytes.NewReader(in), int(piece) + 1}, 16) // the smallest there is
		var got []byte
		for {
			line, bareLF, err := readLine(br, max)
			if err != nil {
				rest := in[len(got):]
				end := bytes.IndexByte(rest, '\n')
				line, _, _ := bytes.Cut(rest, []byte("\n"))
				switch {
				case err == io.EOF && len(rest) == 0:
				case err == io.ErrUnexpectedEOF && end < 0 && len(rest) > 0 && len(rest) <= max:
				case err == ErrLineTooLong && end < 0 && len(line) > max:
				case err == ErrLineTooLong && len(bytes.TrimSuffix(line, []byte("\r"))) > max:
				default:
					t.Fatalf("%v at %q", err, rest)
				}
				return
			}
			if len(line) > max || bytes.IndexByte(line, '\n') >= 0 || bareLF && bytes.HasSuffix(line, []byte("\r")) {
				t.Fatalf("line %q", line)
			}
			got = append(got, line...)
			if !bareLF {
				got = append(got, '\r')
			}
			if got = append(got, '\n'); !bytes.HasPrefix(in, got) {
				t.Fatalf("read %q of %q", got, in)
			}
		}
	})
}

type pieces struct {
	r    io.Reader
	size int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.size)]) }
