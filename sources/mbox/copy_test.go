package mbox

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestQuoting(t *testing.T) {
	for _, c := range []struct{ name, in, o, rd string }{
		{"first line", ">From x", "From x", "From x"},
		{"once", "a\n>From x\n", "a\nFrom x\n", "a\nFrom x\n"},
		{"twice", "a\n>>From x\n", "a\n>>From x\n", "a\n>From x\n"},
		{"often", "a\r\n>>>>From x\r\n", "a\r\n>>>>From x\r\n", "a\r\n>>>From x\r\n"},
		{"mid-line", "a >From x\n", "a >From x\n", "a >From x\n"},
		{"a quote with a space", "> >From x\n", "> >From x\n", "> >From x\n"},
		{"Thunderbird of 2018", " From x\n", " From x\n", " From x\n"},
		{"no space", ">From\n>From:\n", ">From\n>From:\n", ">From\n>From:\n"},
		{"cut off", "a\n>From", "a\n>From", "a\n>From"},
		{"at the end", "a\n>>From ", "a\n>>From ", "a\n>From "},
		{"only quotes", ">>>>", ">>>>", ">>>>"},
		{"one after the other", ">From >From \n>From \n>From ", "From >From \nFrom \nFrom ", "From >From \nFrom \nFrom "},
		{"CR", "a\r>From x\r", "a\rFrom x\r", "a\rFrom x\r"},
	} {
		for v, want := range map[Variant]string{O: c.o, CL: c.o, RD: c.rd, Auto: c.rd, CL2: c.in, MMDF: c.in} {
			var b bytes.Buffer
			if err := new(Copier).Copy(&b, strings.NewReader("--"+c.in+"--"), Part{Start: 2, End: int64(len(c.in)) + 2}, v); err != nil || b.String() != want {
				t.Errorf("%s, %v: %q, %v", c.name, v, b.String(), err)
			}
		}
		for size := 1; size < 8; size++ {
			var b bytes.Buffer
			u := unquoter{to: &b, all: true, lineStart: true}
			if err := inPieces(&u, c.in, size); err != nil || b.String() != c.rd {
				t.Errorf("%s, in pieces of %d: %q, %v", c.name, size, b.String(), err)
			}
		}
	}
}

func inPieces(u *unquoter, s string, size int) error {
	for len(s) > 0 {
		n := min(size, len(s))
		if m, err := u.Write([]byte(s[:n])); m != n || err != nil {
			return errors.Join(err, io.ErrShortWrite)
		}
		s = s[n:]
	}
	return u.close()
}

func TestCopyFails(t *testing.T) {
	p := Part{End: 10}
	if err := new(Copier).Copy(io.Discard, strings.NewReader("short"), p, RD); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	for _, in := range []string{"some octets", "a\n>From b ", ">From"} {
		broken := errors.New("broken")
		if err := new(Copier).Copy(failing{broken}, strings.NewReader(in), Part{End: int64(len(in))}, RD); !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// What mboxrd's rule quotes comes back as it was, in pieces of any size.
func FuzzQuoting(f *testing.F) {
	f.Add("From a\n>From b\n>>From c\r\n", 3)
	f.Add(">>>From ", 1)
	f.Add("x\r>From \n>From", 7)
	quote := regexp.MustCompile(`(^|[\r\n])(>*From )`)
	f.Fuzz(func(t *testing.T, s string, size int) {
		quoted := quote.ReplaceAllString(s, "$1>$2")
		var b bytes.Buffer
		u := unquoter{to: &b, all: true, lineStart: true}
		if err := inPieces(&u, quoted, max(1, size)); err != nil || b.String() != s {
			t.Errorf("%q became %q and then %q, %v", s, quoted, b.String(), err)
		}
		b.Reset()
		if err := new(Copier).Copy(&b, strings.NewReader(quoted), Part{End: int64(len(quoted))}, RD); err != nil || b.String() != s {
			t.Errorf("%q was copied as %q, %v", quoted, b.String(), err)
		}
	})
}
