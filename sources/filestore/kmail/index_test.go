package kmail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// part is one value of a record: a number, or a string.
type part struct {
	kind  uint32
	value any
}

// indexOf writes an index as KMail does on a machine of an order whose longs have a size.
func indexOf(order binary.AppendByteOrder, long int, records ...[]part) []byte {
	b := []byte("# KMail-Index V1506\n\x00")
	b = order.AppendUint32(b, 8)
	b = order.AppendUint32(b, 0x12345678)
	b = order.AppendUint32(b, uint32(long))
	for _, parts := range records {
		var rec []byte
		for _, p := range parts {
			var v []byte
			switch x := p.value.(type) {
			case int:
				if v = order.AppendUint32(nil, uint32(x)); long == 8 {
					v = order.AppendUint64(nil, uint64(x))
				}
			case string:
				for _, u := range utf16.Encode([]rune(x)) {
					v = binary.BigEndian.AppendUint16(v, u)
				}
			}
			rec = order.AppendUint32(rec, p.kind)
			rec = order.AppendUint16(rec, uint16(len(v)))
			rec = append(rec, v...)
		}
		b = order.AppendUint32(b, uint32(len(rec)))
		b = append(b, rec...)
	}
	return b
}

func TestRead(t *testing.T) {
	records := [][]part{
		{{2, "Grüße"}, {partFile, "1084785768.460.mTWwO:2,S"}, {partSize, 812}, {partStatus, 0x8 | 0x4 | 0x20 | 0x200}},
		{{partFile, "new"}, {partStatus, 1}, {19, "tag"}},
		{{partOffset, 47}, {partSize, 1200}, {partStatus, 0x2 | 0x40 | 0x10}},
		{{partOffset, 5000}, {partLegacyStatus, int('A')}},
		{{partOffset, 6000}, {partLegacyStatus, int('U')}, {partStatus, 0}},
		{{partOffset, 7000}, {partSize, 1}}, // says nothing
	}
	for _, c := range []struct {
		name  string
		order binary.AppendByteOrder
		long  int
	}{{"i386", binary.LittleEndian, 4}, {"amd64", binary.LittleEndian, 8}, {"ppc", binary.BigEndian, 4}, {"ppc64", binary.BigEndian, 8}} {
		t.Run(c.name, func(t *testing.T) {
			x, err := Read(bytes.NewReader(indexOf(c.order, c.long, records...)))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, key := range []string{"1084785768.460.mTWwO:2,S", "new"} {
				m := x.ByFile[key]
				got = append(got, fmt.Sprintf("%s %d %v %v", key, m.Size, m.Status.Flags(), m.Status.Deleted()))
			}
			for _, at := range []int64{47, 5000, 6000} {
				m := x.ByOffset[at]
				got = append(got, fmt.Sprintf("%d %d %v %v", at, m.Size, m.Status.Flags(), m.Status.Deleted()))
			}
			want := `1084785768.460.mTWwO:2,S 812 [\Seen \Answered \Flagged] false|new 0 [] false|47 1200 [$Forwarded] true|5000 0 [\Seen \Answered] false|6000 0 [] false`
			if s := strings.Join(got, "|"); s != want {
				t.Errorf("got  %s\nwant %s", s, want)
			}
			if len(x.ByFile) != 2 || len(x.ByOffset) != 3 {
				t.Errorf("%+v", x)
			}
		})
	}
}

// A damaged index says what stands before the damage, and that there is one.
func TestReadDamaged(t *testing.T) {
	whole := indexOf(binary.LittleEndian, 4, []part{{partOffset, 47}, {partStatus, 1}}, []part{{partOffset, 99}, {partStatus, 1}})
	for _, c := range []struct {
		name string
		data []byte
		kept int
		want string
	}{
		{"empty", nil, 0, "no index"},
		{"not KMail's", []byte("From joe\n"), 0, "no index"},
		{"an old version", []byte("# KMail-Index V1502\n"), 0, "version"},
		{"cut", whole[:len(whole)-3], 1, "cut off"},
		{"lies about its length", append(bytes.Clone(whole), 0xff, 0xff, 0xff, 0x7f), 2, "octets"},
		{"no message", []byte("# KMail-Index V1506\n"), 0, ""},
		{"a header that goes on for ever", []byte("# KMail-Index V1506\n\x00\xff\xff\x00\x00"), 0, "header"},
	} {
		x, err := Read(bytes.NewReader(c.data))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if x != nil && len(x.ByOffset) != c.kept || x == nil && c.kept > 0 {
			t.Errorf("%s: %+v", c.name, x)
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "inbox")
	if x, err := Open(folder); x != nil || err != nil {
		t.Errorf("%v, %v where there is none", x, err)
	}
	data := indexOf(binary.LittleEndian, 8, []part{{partOffset, 47}, {partStatus, 4}})
	if err := os.WriteFile(filepath.Join(dir, ".inbox.index"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if x, err := Open(folder); err != nil || len(x.ByOffset) != 1 {
		t.Errorf("%v, %v", x, err)
	}
}

func FuzzRead(f *testing.F) {
	whole := indexOf(binary.LittleEndian, 4, []part{{partOffset, 47}, {partStatus, 1}}, []part{{partFile, "x:2,S"}, {partLegacyStatus, int('N')}})
	f.Add(whole)
	f.Add(indexOf(binary.BigEndian, 8, []part{{partFile, "é"}, {partStatus, 0x7fff}}))
	f.Add([]byte("# KMail-Index V1505\n\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := Read(bytes.NewReader(b))
		if x == nil && err == nil {
			t.Fatal("neither an index nor an error")
		}
		if x == nil {
			return
		}
		if n := len(x.ByFile) + len(x.ByOffset); n*10 > len(b) {
			t.Fatalf("%d messages of %d octets", n, len(b))
		}
		for _, m := range x.ByFile {
			m.Status.Flags()
		}
	})
}
