package mbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// piece is a part and its message.
type piece struct {
	text string
	part Part
}

func split(t testing.TB, data string, v Variant) []piece {
	t.Helper()
	var out []piece
	r := strings.NewReader(data)
	for p, err := range Scan(context.Background(), r, int64(len(data)), ScanOptions{Variant: v}) {
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := new(Copier).Copy(&b, r, p, Auto); err != nil {
			t.Fatal(err)
		}
		p.Header = bytes.Clone(p.Header)
		out = append(out, piece{b.String(), p})
	}
	return out
}

// join says whether nothing of the file is in no part, and nothing in two: what lies between the parts is empty lines and lines of MMDF, and
// what lies before the first one is blank or was reported.
func join(data string, parts []Part) error {
	at := int64(0)
	for i, p := range parts {
		if p.Offset < at || p.Start < p.Offset || p.End < p.Start || p.End > int64(len(data)) {
			return fmt.Errorf("part %d: %d %d %d after %d", i, p.Offset, p.Start, p.End, at)
		}
		gap := strings.ReplaceAll(data[at:p.Offset], string(mmdfLine), "")
		reported := i == 0 && strings.Contains(p.Doubtful, "left out")
		if i == 0 {
			gap = string(skipBlank([]byte(gap)))
		}
		if strings.Trim(gap, "\r\n") != "" && !reported {
			return fmt.Errorf("before part %d, %q is lost", i, gap)
		}
		for line := range strings.FieldsFuncSeq(data[p.Offset:p.Start], func(r rune) bool { return r == '\n' || r == '\r' && p.CR }) {
			line = strings.TrimRight(line, "\r")
			if !strings.HasPrefix(strings.TrimPrefix(line, ">"), "From ") && line != string(mmdfLine) {
				return fmt.Errorf("part %d: %q is taken for a separator", i, line)
			}
		}
		at = p.End
	}
	if len(parts) > 0 && strings.Trim(strings.ReplaceAll(data[at:], string(mmdfLine), ""), "\r\n") != "" {
		return fmt.Errorf("%q is lost at the end", data[at:])
	}
	return nil
}

const (
	fromA = "From a@example.org Mon Jan  5 10:00:00 2004\n"
	fromB = "From b@example.org Tue Jan  6 11:00:00 2004\n"
	headA = "From: A <a@example.org>\nSubject: a\n\n"
	headB = "Return-Path: <b@example.org>\nFrom: B <b@example.org>\n\n"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       []string
		doubtful   string // which parts: "?" for each that is, "k" for each line kept
	}{
		{"nothing", "", nil, ""},
		{"only empty lines", "\n\r\n\n", nil, ""},
		{"ordinary", fromA + headA + "x\n\n" + fromB + headB + "y\n\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"no empty line before From_", fromA + headA + "x\n" + fromB + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"no date", fromA + headA + "x\n\nFrom 1832929883591034824@xxx\n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"no date, no empty line", fromA + headA + "x\nFrom b@example.org\n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"no sender", fromA + headA + "x\n\nFrom Tue Jan  6 11:00:00 2004\n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"Netscape without a date", "From - \n" + headA + "x\nFrom - \n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"nothing but From", "From \n" + headA + "x\n\nFrom \n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, ""},
		{"nothing but From, no empty line", "From \n" + headA + "x\nFrom \n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, "?"},
		{"Eudora", "From ???@??? Mon Jan  5 10:00:00 2004\r\nTo: x\r\n\r\nx\r\n", []string{"To: x\r\n\r\nx\r\n"}, ""},
		{"no header after it", fromA + headA + "x\n\n" + fromB + "\ny\n", []string{headA + "x\n", "\ny\n"}, "?"},
		{"no header and no empty line", fromA + headA + "x\n" + fromB + "y\n", []string{headA + "x\n" + fromB + "y\n"}, "k"},
		{"a date nobody can read", fromA + headA + "x\n\nFrom b@example.org lun. 6 janv. 2004\n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, "?"},
		{"a local user", fromA + headA + "x\n\nFrom root\n" + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, "?"},
		{"prose", fromA + headA + "x\nFrom here on, it rains.\ny\n", []string{headA + "x\nFrom here on, it rains.\ny\n"}, ""},
		{"prose after an empty line", fromA + headA + "x\n\nFrom here on, it rains.\ny\n", []string{headA + "x\n\nFrom here on, it rains.\ny\n"}, ""},
		{"prose with colons after it", fromA + headA + "x\n\nFrom Russia with love\nYear: 1963\nStars: 5\n", []string{headA + "x\n\nFrom Russia with love\nYear: 1963\nStars: 5\n"}, ""},
		{"prose before a quoted header", fromA + headA + "x\n\nFrom what he wrote:\nFrom: B\nTo: C\n\nz\n", []string{headA + "x\n\nFrom what he wrote:\nFrom: B\nTo: C\n\nz\n"}, "k"},
		{"one header line and the end", fromA + headA + "x\n\nFrom \nX-Blah: a\n b\n", []string{headA + "x\n", "X-Blah: a\n b\n"}, "?"},
		{"mid-line", fromA + headA + "x " + fromB + headB, []string{headA + "x " + fromB + strings.TrimSuffix(headB, "\n")}, ""},
		{"quoted", fromA + headA + "x\n\n>" + fromB + headB, []string{headA + "x\n\n" + fromB + strings.TrimSuffix(headB, "\n")}, ""},
		{"no newline at the end", fromA + headA + "x", []string{headA + "x"}, ""},
		{"the empty line of the header is the last", fromA + headA, []string{headA}, ""},
		{"two empty lines at the end", fromA + headA + "x\n\n\n", []string{headA + "x\n\n"}, ""},
		{"a header that is cut off", fromA + "From: A\nSubj", []string{"From: A\nSubj"}, ""},
		{"a header without end, and the next", fromA + "From: A\nSubject: a\n" + fromB + headB + "y\n", []string{"From: A\nSubject: a\n", headB + "y\n"}, ""},
		{"byte order mark", "\xef\xbb\xbf" + fromA + headA + "x\n", []string{headA + "x\n"}, ""},
		{"empty lines first", "\n\r\n" + fromA + headA + "x\n", []string{headA + "x\n"}, ""},
		{"junk first", "some words\nand more\n\n" + fromA + headA + "x\n", []string{headA + "x\n"}, "?"},
		{"no From_ line first", headA + "x\n\n" + fromB + headB + "y\n", []string{headA + "x\n", headB + "y\n"}, "?"},
		{"an exporter's second line", "From - Mon Jan  5 10:00:00 2004\n>From - Mon Jan  5 10:00:00 2004\n" + headA + "x\n", []string{headA + "x\n"}, ""},
		{"two From_ lines", "From - Mon Jan  5 10:00:00 2004\n" + fromA + headA + "x\n", []string{headA + "x\n"}, ""},
		{"a From_ line at the very end", fromA + headA + "x\n\n" + fromB, []string{headA + "x\n", ""}, "?"},
		{"CRLF", crlf(fromA + headA + "x\n\n" + fromB + headB + "y\n\n"), []string{crlf(headA + "x\n"), crlf(headB + "y\n")}, ""},
		{"CR", cr(fromA + headA + "x\n\n" + fromB + headB + ">From y\n\n"), []string{crlf(headA + "x\n"), crlf(headB + "From y\n")}, ""},
		{"LF, then CRLF, then CR", fromA + headA + "x\n\n" + crlf(fromB+headB+"y\n\n") + cr(fromA+headA+"z\n\n"), []string{headA + "x\n", crlf(headB + "y\n"), crlf(headA + "z\n")}, ""},
		{"CRCRLF", strings.ReplaceAll(fromA+headA+"x\n\n"+fromB+headB+"y\n", "\n", "\r\r\n"),
			[]string{strings.ReplaceAll(headA+"x\n", "\n", "\r\r\n"), strings.ReplaceAll(headB+"y\n", "\n", "\r\r\n")}, ""},
		{"a stray CR in a header", fromA + "Subject: a\rb\nFrom: A\n\nx\n", []string{"Subject: a\rb\nFrom: A\n\nx\n"}, ""},
		{"MMDF", mm + fromA + headA + "x\nFrom y\n\n" + mm + mm + headB + "y\n" + mm, []string{headA + "x\nFrom y\n\n", headB + "y\n"}, ""},
		{"MMDF cut off", mm + headA + "x\n>From y\n\x01\x01\x01\x01 no\n", []string{headA + "x\n>From y\n\x01\x01\x01\x01 no\n"}, ""},
		{"MMDF with CRLF", crlf(mm + headA + "x\n" + mm), []string{crlf(headA + "x\n")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := split(t, c.data, Auto)
			var texts []string
			var parts []Part
			doubtful := ""
			for _, g := range got {
				texts, parts = append(texts, g.text), append(parts, g.part)
				if g.part.Doubtful != "" {
					doubtful += "?"
				}
				doubtful += strings.Repeat("k", len(g.part.Kept))
			}
			if fmt.Sprintf("%q", texts) != fmt.Sprintf("%q", c.want) || doubtful != c.doubtful {
				t.Errorf("got %q, doubts %q; want %q, %q", texts, doubtful, c.want, c.doubtful)
			}
			if err := join(c.data, parts); err != nil {
				t.Error(err)
			}
		})
	}
}

const mm = "\x01\x01\x01\x01\n"

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
func cr(s string) string   { return strings.ReplaceAll(s, "\n", "\r") }

func TestNotMbox(t *testing.T) {
	for _, data := range []string{"\x00\x01\x02", "words\n", "words\n\n" + fromA + "more words\n", "Fro", strings.Repeat("x", 3<<20)} {
		var err error
		for _, err = range Scan(t.Context(), strings.NewReader(data), int64(len(data)), ScanOptions{}) {
		}
		if !errors.Is(err, ErrNotMbox) {
			t.Errorf("%.20q: %v", data, err)
		}
	}
}

// A message that quotes a From_ line and all, and says how long it is.
func TestContentLength(t *testing.T) {
	inner := "look:\n\n" + fromB + headB + "inside\n"
	message := func(length int) string {
		return fmt.Sprintf("From: A <a@example.org>\nContent-Length: %d\n\n%s", length, inner)
	}
	last := fromB + headB + "y\n"
	holds, lies := fromA+message(len(inner))+"\n"+last, fromA+message(len(inner)+3)+"\n"+last
	for _, c := range []struct {
		name, data string
		variant    Variant
		detected   Variant
		parts      int
		kept       int
	}{
		{"holds", holds, Auto, CL2, 2, 1},
		{"holds, no empty line", fromA + message(len(inner)) + last, Auto, CL2, 2, 1},
		{"holds, CRLF", fromA + crlf(message(len(crlf(inner)))) + "\n" + last, Auto, CL2, 2, 1},
		{"to the end of the file", fromA + message(len(inner)), Auto, CL2, 1, 1},
		{"holds, but not wanted", holds, RD, CL2, 3, 0},
		{"lies", lies, Auto, O, 3, 0},
		{"lies, though CL2 is wanted", lies, CL2, O, 3, 0},
		{"far beyond the end", fromA + message(1<<30) + "\n" + last, CL2, O, 3, 0},
		{"negative", fromA + message(-1) + "\n" + last, CL2, O, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, err := Detect(strings.NewReader(c.data), int64(len(c.data)))
			if err != nil || k.Variant != c.detected {
				t.Errorf("detected %v, %v", k.Variant, err)
			}
			got := split(t, c.data, c.variant)
			if len(got) != c.parts || len(got[0].part.Kept) != c.kept {
				t.Errorf("%d parts: %+v", len(got), got)
			}
			if c.kept > 0 && !strings.HasSuffix(got[0].text, "inside"+c.data[len(fromA)-1:len(fromA)]) && !strings.HasSuffix(got[0].text, "inside\r\n") {
				t.Errorf("%q", got[0].text)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       Kind
	}{
		{"nothing", "", Kind{O, "\n"}},
		{"quoted", fromA + headA + ">From x\n", Kind{O, "\n"}},
		{"quoted quoting", crlf(fromA + headA + ">>From x\n"), Kind{RD, "\r\n"}},
		{"quoted quoting, CR", cr(fromA + headA + ">>>From x\n"), Kind{RD, "\r"}},
		{"quoting in a line", fromA + headA + "x >>From x\n", Kind{O, "\n"}},
		{"MMDF", mm + headA + ">>From x\n" + mm, Kind{MMDF, "\n"}},
		{"length", fromA + "From: A\nContent-Length: 2\n\nx\n\n" + fromB + headB, Kind{CL, "\n"}},
		{"one length of two holds", fromA + "From: A\nContent-Length: 2\n\nx\n\n" + fromB + "From: B\nContent-Length: 9\n\nx\n", Kind{O, "\n"}},
	} {
		k, err := Detect(strings.NewReader(c.data), int64(len(c.data)))
		if err != nil || k != c.want {
			t.Errorf("%s: %v, %v", c.name, k, err)
		}
	}
}

func TestResume(t *testing.T) {
	data := fromA + headA + "x\n\n" + fromB + headB + "y\n\n" + fromA + headA + "z\n"
	all := split(t, data, O)
	for i, p := range all {
		n := 0
		for q, err := range Scan(t.Context(), strings.NewReader(data), int64(len(data)), ScanOptions{Variant: O, Start: p.part.Offset}) {
			if want := all[i+n].part; err != nil || q.Offset != want.Offset || q.Start != want.Start || q.End != want.End {
				t.Errorf("from part %d: %+v, %v", i, q, err)
			}
			n++
		}
		if n != len(all)-i {
			t.Errorf("%d parts from part %d on", n, i)
		}
	}
}

func TestHeaderIsBounded(t *testing.T) {
	long := fromA + "Subject: a\nX-Long: " + strings.Repeat("x", 3*maxHeader) + "\n\nbody\n\n"
	got := split(t, long+fromB+headB, Auto)
	if len(got) != 2 || len(got[0].part.Header) != maxHeader || got[0].text+"\n" != long[len(fromA):] {
		t.Errorf("%d parts, %d octets of header", len(got), len(got[0].part.Header))
	}
}

func TestScanStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	var err error
	for _, err = range Scan(ctx, sparse{}, sparseSize, ScanOptions{Variant: O}) {
	}
	if !errors.Is(err, why) {
		t.Error(err)
	}
	data := fromA + headA + "x\n"
	for _, err = range Scan(t.Context(), strings.NewReader(data), int64(len(data)+1), ScanOptions{}) {
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("a file that is cut short:", err)
	}
	for range Scan(t.Context(), strings.NewReader(data), int64(len(data)), ScanOptions{}) {
		break
	}
}

// sparse is a file of 10 GB: messages a GB apart, and between them one line of NULs.
type sparse struct{}

const (
	sparseSize = 10 << 30
	sparseStep = 1 << 30
)

func (sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= sparseSize {
		return 0, io.EOF
	}
	n := len(p)
	if left := sparseSize - off; int64(n) > left {
		n = int(left)
	}
	clear(p[:n])
	text := "\n" + fromA + headA
	for at := off / sparseStep * sparseStep; at < off+int64(n); at += sparseStep {
		from := max(off-at, 0)
		if at == 0 {
			from = max(off, 1)
		}
		if from < int64(len(text)) {
			copy(p[at+from-off:n], text[from:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func TestMemoryIsConstant(t *testing.T) {
	if testing.Short() {
		t.Skip("10 GB")
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for p, err := range Scan(t.Context(), sparse{}, sparseSize, ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; p.Len() < sparseStep-1000 || p.Len() > sparseStep {
			t.Errorf("a message of %d octets", p.Len())
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; n != 10 || used > 32<<20 {
		t.Errorf("%d messages, %d octets of memory", n, used)
	}
}
