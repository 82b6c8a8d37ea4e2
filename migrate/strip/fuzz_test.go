package strip

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// explained holds a message against what must be true of every one: in any pieces it becomes the same, which is the message itself with notes
// for the leaves that are over the limit, and all others are found again as they were. It returns how many were replaced.
func explained(t *testing.T, message string, limit int64) int {
	t.Helper()
	leaves, err := scan(t.Context(), inPieces{message, len(message)}, limit)
	for _, n := range []int{1 + len(message)/2000, maxLine} {
		same, sameErr := scan(t.Context(), inPieces{message, n}, limit)
		if !reflect.DeepEqual(same, leaves) || sameErr != err {
			t.Fatalf("in pieces of %d: %+v, %v; whole: %+v, %v", n, same, sameErr, leaves, err)
		}
	}
	if err != nil && !errors.Is(err, errUnclear) {
		t.Fatal(err)
	}
	if err != nil || len(leaves) == 0 {
		return 0
	}
	var got bytes.Buffer
	list, err := rewrite(t.Context(), &got, inPieces{message, 1 + len(message)/1000}, leaves)
	if err != nil || len(list) != len(leaves) {
		t.Fatalf("%d leaves, %+v, %v", len(leaves), list, err)
	}
	var want strings.Builder
	at := int64(0)
	replaced := map[int64]string{} // by where the body began
	for i, l := range leaves {
		if l.body.end-l.body.start <= limit {
			t.Errorf("a leaf of %d octets, not over %d", l.body.end-l.body.start, limit)
		}
		for _, f := range append(l.fields, span{l.blank, l.body.end}) {
			want.WriteString(message[at:f.start])
			at = f.end
		}
		n := string(note(list[i], l.version))
		want.WriteString(n)
		_, replaced[l.body.start], _ = strings.Cut(n, "\r\n\r\n")
	}
	want.WriteString(message[at:])
	if got.String() != want.String() {
		t.Fatalf("%q\nbecame\n%q\nwant\n%q", message, got.String(), want.String())
	}
	before, errBefore := scan(t.Context(), inPieces{message, len(message)}, -1)
	after, errAfter := scan(t.Context(), inPieces{want.String(), 1000}, -1)
	if errBefore != nil || errAfter != nil || len(before) != len(after) {
		t.Fatalf("%d leaves (%v) became %d (%v): %q", len(before), errBefore, len(after), errAfter, want.String())
	}
	for i, l := range before {
		body, isNote := replaced[l.body.start]
		if !isNote {
			body = message[l.body.start:l.body.end]
		}
		if now := want.String()[after[i].body.start:after[i].body.end]; now != body {
			t.Errorf("leaf %d is %q, want %q", i, now, body)
		}
	}
	return len(leaves)
}

func FuzzStrip(f *testing.F) {
	for _, c := range replaced {
		short := strings.NewReplacer("«", "", "»", "", lines(6000), lines(100), b64(6000), b64(100)).Replace(c.message)
		if len(short) < 10_000 {
			f.Add([]byte(crlfs(short)), uint8(20))
		}
	}
	for _, c := range leftAlone {
		if short := strings.ReplaceAll(c.message, lines(9000), lines(100)); len(short) < 10_000 {
			f.Add([]byte(crlfs(short)), uint8(20))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, limit uint8) {
		explained(t, canonical(t, raw), int64(limit))
	})
}

// FuzzDecode: in any pieces the same, and what the standard library accepts it means as well.
func FuzzDecode(f *testing.F) {
	f.Add("Rm9vYmE=\r\n")
	f.Add("Gr=C3=B6=c3=9fe=\r\n \t\r\n=")
	f.Fuzz(func(t *testing.T, s string) {
		s = crlfs(s)
		for _, encoding := range []string{"base64", "quoted-printable"} {
			if a, b := decodeIn(t, encoding, s, 1), decodeIn(t, encoding, s, len(s)+1); a != b {
				t.Errorf("%s: %q in pieces is %q, whole %q", encoding, s, a, b)
			}
		}
		if want, err := base64.StdEncoding.DecodeString(s); err == nil {
			if got := decodeIn(t, "base64", s, 7); got != string(want) {
				t.Errorf("base64: %q is %q, want %q", s, got, want)
			}
		}
		want, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
		if strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n=") || err != nil {
			return // the library's own leniency
		}
		if got := decodeIn(t, "quoted-printable", s, 7); got != strings.TrimRight(string(want), " \t") {
			t.Errorf("quoted-printable: %q is %q, want %q", s, got, want)
		}
	})
}

// FuzzName: whatever a header says, a note can say it, and its reader reads the same.
func FuzzName(f *testing.F) {
	for _, name := range noteNames {
		f.Add("attachment; filename="+name, `image/gif; name="`+name+`"`)
	}
	f.Add("attachment; filename*0*=utf-8''%61; filename*1=b", "text/plain; name*=iso-8859-1''%e4%0a")
	f.Fuzz(func(t *testing.T, disposition, contentType string) {
		h := header{values: [readFields][]byte{fieldDisposition: []byte(disposition), fieldType: []byte(contentType)}}
		h.seen[fieldType] = true
		h.shape()
		d := h.describe()
		if !utf8.ValidString(d.name) || len(d.name) > maxName || strings.ContainsAny(d.name, "\r\n\x00") {
			t.Errorf("the name %q", d.name)
		}
		if strings.Contains(d.name, "  ") || strings.Contains(d.name, "\uFFFD") {
			return // parsers of header fields may tidy these up
		}
		noteSays(t, Removed{Name: d.name, Type: d.kind})
	})
}

// TestCorpora holds real mail against the same rules, where it is there. The fuzz target's seeds are complete without it.
func TestCorpora(t *testing.T) {
	t.Parallel()
	const corpora = "../../../shared/corpora/eml"
	if _, err := os.Stat(corpora); err != nil {
		t.Skip("no corpora")
	}
	messages, parts := 0, 0
	err := filepath.WalkDir(corpora, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == "spamassassin" { // thousands of much the same
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		messages++
		parts += explained(t, canonical(t, raw), 200)
		return nil
	})
	if err != nil || messages < 500 || parts < messages/4 {
		t.Errorf("%d messages, %d parts replaced, %v", messages, parts, err)
	}
}
