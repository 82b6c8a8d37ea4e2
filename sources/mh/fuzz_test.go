package mh

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func FuzzMarkFile(f *testing.F) {
	f.Add([]byte(marks(binary.LittleEndian, 2, 1, 0, 2, 3, 3, 0xffff)))
	f.Add([]byte(marks(binary.BigEndian, 2, 1, 0x20)))
	f.Add([]byte(marks(binary.LittleEndian, 1, 2, ^uint32(0), 1, 2, 1, 7, ^uint32(0))))
	f.Fuzz(func(t *testing.T, octets []byte) {
		m, _ := readMarks(bytes.NewReader(octets))
		if 8*len(m) > len(octets) {
			t.Fatalf("%d marks of %d octets", len(m), len(octets))
		}
		for _, bits := range m {
			for _, claws := range []bool{false, true} {
				if c := color(bits, claws); c > 15 || !claws && c > 7 {
					t.Fatalf("colour %d of %x", c, bits)
				}
				markFlags(bits, claws)
			}
		}
		tags, _ := readTags(bytes.NewReader(octets))
		for _, ids := range tags {
			if len(ids) > maxTags {
				t.Fatal(len(ids))
			}
		}
	})
}

func FuzzSequences(f *testing.F) {
	f.Add([]byte("cur: 2\nunseen: 2 10-12\n\t14\nFlagged: 1-4294967295\nreplied:\n"), uint64(11))
	f.Fuzz(func(t *testing.T, text []byte, n uint64) {
		s, _ := readSequences(bytes.NewReader(text))
		s.flags(n)
		for name, spans := range s {
			for _, r := range spans {
				if r.first > r.last || !s.has(name, r.first) || !s.has(name, r.last) {
					t.Fatalf("%q: %+v", name, r)
				}
			}
		}
	})
}

func FuzzFolderList(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="x"?><folderlist><folder type="mh" path="Mail"><folderitem type="inbox" path="a\b"/></folder></folderlist>`),
		[]byte("max_id 3\n1\tto do\n"))
	f.Fuzz(func(t *testing.T, list, tags []byte) {
		roles, _ := readFolderList(bytes.NewReader(list), "Mail")
		for place, role := range roles {
			if role == "" {
				t.Fatalf("%q has no role", place)
			}
		}
		names, _ := readTagNames(bytes.NewReader(tags))
		for id, name := range names {
			if id == 0 || name == "" || strings.ContainsAny(name, " \t\n") {
				t.Fatalf("%d %q", id, name)
			}
		}
	})
}

func FuzzSpecialHeaders(f *testing.F) {
	f.Add([]byte("X-Claws-Sign:1\nS:a@b\n c\nX-Claws-End-Special-Headers: 1\n\nFrom: x\n"))
	f.Add([]byte("AF:\r\nNF:0\r\n\r\nFrom: x\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		n := specialHeaders(head)
		if n < 0 || n > len(head) || n > 0 && head[n-1] != '\n' {
			t.Fatalf("%d of %q", n, head)
		}
	})
}
