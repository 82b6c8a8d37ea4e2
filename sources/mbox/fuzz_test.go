package mbox

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever the file, in every variant: no octet is lost or in two messages, and a scan from any part on finds the same.
func FuzzScan(f *testing.F) {
	for _, data := range []string{
		fromA + headA + "x\n\n" + fromB + headB + "y\n", crlf(fromA + headA + "x\n\n" + fromB + headB), cr(fromA + headA + "x\n\n" + fromB + headB),
		mm + fromA + headA + "x\n" + mm + mm + headB + mm, "From - \n" + headA + "From \nFrom \n\nFrom Russia\nA: b\n", "junk\n" + fromA + headA,
		fromA + "From: A\nContent-Length: 8\n\n" + fromB + "\n\n" + fromB + headB, headA + "x\n\nFrom root\n" + headB,
		"From \n>From \r0", "0\n" + mm + "0", "0\n" + mm + mm + "0", mm + "From \n" + mm + "0", "\x01\x01\x01\x01", "\x01\x01\x01\x010\n" + mm + "0",
	} {
		f.Add([]byte(data), uint8(Auto))
		f.Add([]byte(data), uint8(CL2))
		f.Add([]byte(data), uint8(MMDF))
	}
	seedFiles(f, "thunderbird/gtest-cases/*.mbox", func(b []byte) { f.Add(b, uint8(0)) })
	f.Fuzz(func(t *testing.T, data []byte, v uint8) {
		variant := Variant(v % uint8(MMDF+1))
		r := bytes.NewReader(data)
		var parts []Part
		for p, err := range Scan(context.Background(), r, r.Size(), ScanOptions{Variant: variant}) {
			if err != nil {
				if !errors.Is(err, ErrNotMbox) || len(parts) > 0 {
					t.Fatal(err)
				}
				return
			}
			if len(p.Header) > maxHeader || int64(len(p.Header)) > p.Len()+maxHeader || len(p.Kept) > maxKept {
				t.Fatalf("not bounded: %+v", p)
			}
			newRecord(p, nil)
			var b bytes.Buffer
			if err := new(Copier).Copy(&b, r, p, Auto); err != nil || int64(b.Len()) > 2*p.Len() {
				t.Fatal(err)
			}
			p.Header = bytes.Clone(p.Header)
			parts = append(parts, p)
		}
		if err := join(string(data), parts); err != nil {
			t.Fatal(err)
		}
		if len(parts) == 0 {
			return
		}
		last := parts[len(parts)-1]
		for p, err := range Scan(context.Background(), r, r.Size(), ScanOptions{Variant: last.Variant, Start: last.Offset}) {
			if err != nil || p.Offset != last.Offset || p.Start != last.Start || p.End != last.End || !bytes.Equal(p.Header, last.Header) {
				t.Fatalf("resumed: %+v, %v; want %+v", p, err, last)
			}
		}
	})
}

func seedFiles(f *testing.F, pattern string, add func([]byte)) {
	files, _ := filepath.Glob(filepath.Join(corpora, pattern))
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			add(b)
		}
	}
}

// A damaged index is no index, and one that is whole is the mbox's.
func FuzzCache(f *testing.F) {
	dir := f.TempDir()
	write(f, dir+"/mbox", first+second+third)
	s, err := Open(Options{Path: dir + "/mbox", CacheDir: dir + "/cache"})
	if err != nil {
		f.Fatal(err)
	}
	s.cache.least = 1
	mustList(f, s)
	path := s.indexPath(&file{rel: "mbox", path: dir + "/mbox"}, 1)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, 0, byte(0))
	f.Add(whole, len(indexMagic)+1, byte(0xff))
	f.Add(whole[:len(whole)/2], 3, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, at int, by byte) {
		path := filepath.Join(t.TempDir(), "x.mboxindex")
		b = bytes.Clone(b)
		if len(b) > 0 {
			b[abs(at)%len(b)] ^= by
		}
		for _, fix := range []bool{false, true} {
			if fix && len(b) > 8 { // so that what stands behind the checksum is seen as well
				h := checksum()
				h.Write(b[:len(b)-8])
				b = h.Sum(b[:len(b)-8])
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			x := openIndex(path)
			if x == nil {
				continue
			}
			if !fix && by != 0 && len(b) == len(whole) && bytes.HasPrefix(b, whole[:4]) && bytes.Equal(b[len(b)-8:], whole[len(whole)-8:]) && !bytes.Equal(b, whole) {
				t.Error("a damaged index is believed")
			}
			n := 0
			for p := range x.spots() {
				r := recordOf(p.Part, p.note)
				r.id("x")
				r.entry(&file{}, time.Time{})
				n++
			}
			if n != x.count {
				t.Errorf("%d messages of %d", n, x.count)
			}
			x.Close()
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// An ID is taken apart into what it was made of.
func FuzzID(f *testing.F) {
	f.Add("a:b/c", int64(5), int64(7), []byte("12345678"))
	f.Fuzz(func(t *testing.T, name string, offset, length int64, hash []byte) {
		if offset < 0 || length < 0 || offset > 1<<60 || length > 1<<60 {
			return
		}
		r := record{offset: offset, start: offset, end: offset + length}
		copy(r.hash[:], hash)
		gotName, gotOffset, gotLength, gotHash, ok := parseID(r.id(name))
		if !ok || gotName != name || gotOffset != offset || gotLength != length || gotHash != r.hash {
			t.Errorf("%q", r.id(name))
		}
		parseID(name)
		parseID(name + ":" + strings.Repeat("1:", 3))
	})
}

// A note is read as it was written, and one that nobody has written does no harm.
func FuzzNote(f *testing.F) {
	f.Add([]byte("\x02\x02a"), int64(-7), "word")
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x7f"), int64(1<<62), "")
	f.Fuzz(func(t *testing.T, raw []byte, n int64, w string) {
		in := Note(raw).Read()
		for range 20 {
			in.Int()
			in.Word()
			if got := len(in.Words()); got > len(raw) {
				t.Errorf("%d words in %d octets", got, len(raw))
			}
		}
		words := []string{w, "", w}
		in = Note(nil).Int(n).Word(w).Words(words).Words(nil).Int(-n).Read()
		if a, b, c, d, e := in.Int(), in.Word(), in.Words(), in.Words(), in.Int(); a != n || b != w || !slices.Equal(c, words) || d != nil || e != -n || !in.Whole() {
			t.Errorf("%d %q %q %q %d", a, b, c, d, e)
		}
		if in.Int(); in.Whole() {
			t.Error("there is more than was written")
		}
	})
}
