package pop3

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// listed makes the listing of two answers' lines and names its items as "num:id:size", with "~" before the id of an unstable one.
func listedText(count int, ids, sizes string) (items []string, l *listing) {
	var in lister
	for line := range strings.SplitSeq(ids, "\n") {
		in.idLine([]byte(line))
	}
	for line := range strings.SplitSeq(sizes, "\n") {
		in.sizeLine([]byte(line))
	}
	l = in.merge(count, false)
	for _, it := range l.items {
		mark := ""
		if !it.stable() {
			mark = "~"
		}
		items = append(items, fmt.Sprintf("%d:%s%s:%d", it.num, mark, l.id(it), it.size))
	}
	return items, l
}

func TestListing(t *testing.T) {
	for _, c := range []struct {
		name       string
		count      int
		ids, sizes string
		want       string
		high       int
	}{
		{"plain", 2, "1 a\n2 b", "1 10\n2 20", "1:a:10 2:b:20", 2},
		{"blanks and +OK", 2, "+OK 1   a b \n 2\tc", "+OK  1  10 octets\n2 20", "1:a b:10 2:c:20", 2},
		{"empty unique id (MailKit gmail/uidl-error1)", 3, "1 101\n2 102\n3", "1 1\n2 2\n3 3", "1:101:1 2:102:2 3:~#3:3", 3},
		{"number left out (gmail/uidl-error2)", 4, "1 101\n2 102\n4 103", "1 1\n2 2\n3 3\n4 4", "1:101:1 2:102:2 3:~#3:3 4:103:4", 4},
		{"no size (comcast/list-error1)", 3, "1 a\n2 b\n3 c", "1 1024\n2 2048\n3", "1:a:1024 2:b:2048 3:c:0", 3},
		{"number left out (comcast/list-error2)", 3, "1 a\n2 b\n3 c", "1 1024\n3 3072", "1:a:1024 2:b:0 3:c:3072", 3},
		{"size in words (comcast/list-error3)", 2, "1 a\n2 b", "1 1024\n2 ten-twenty-four", "1:a:1024 2:b:0", 2},
		{"no UIDL", 2, "", "1 10\n2 20", "1:~#1:10 2:~#2:20", 2},
		{"no LIST", 2, "1 a\n2 b", "", "1:a:0 2:b:0", 2},
		{"gap in both", 3, "1 a\n3 c", "1 1\n3 3", "1:a:1 3:c:3", 3},
		{"STAT says more", 4, "1 a", "1 1", "1:a:1", 4},
		{"STAT says less", 1, "1 a\n2 b", "1 1\n2 2", "1:a:1 2:b:2", 2},
		{"STAT says nothing", -1, "1 a", "1 1", "1:a:1", 1},
		{"same unique id", 3, "1 a\n2 b\n3 a", "1 1\n2 2\n3 3", "1:~a#1:1 2:b:2 3:~a#2:3", 3},
		{"… whose name is taken", 3, "1 a\n2 a#1\n3 a", "1 1\n2 2\n3 3", "1:~a#1#:1 2:a#1:2 3:~a#2:3", 3},
		{"a unique id like our name", 2, "1 #2\n2", "1 1\n2 2", "1:#2:1 2:~#2#:2", 2},
		{"out of order", 3, "3 c\n1 a\n2 b", "2 2\n1 1\n3 3", "1:a:1 2:b:2 3:c:3", 3},
		{"same number", 2, "1 a\n1 b\n2 c", "1 1\n1 9\n2 2", "1:~#1:1 2:c:2", 2},
		{"junk", 1, "that is all\n-1 x\n0 y\n99999999999 z\n1x a\n1 a", "\n1 1\n+OK", "1:a:1", 1},
		{"odd octets", 1, "1 ../\xff\x01", "1 1", "1:../\xff\x01:1", 1},
	} {
		got, l := listedText(c.count, c.ids, c.sizes)
		if strings.Join(got, " ") != c.want || l.count != c.high {
			t.Errorf("%s: %q up to %d, want %q up to %d", c.name, got, l.count, c.want, c.high)
		}
	}
}

func TestLongUniqueID(t *testing.T) {
	long := strings.Repeat("x", 5000)
	_, l := listedText(3, "1 "+long+"a\n2 "+long+"b\n3 "+strings.Repeat("y", maxUID), "")
	a, b, c := l.id(l.items[0]), l.id(l.items[1]), l.id(l.items[2])
	if len(a) != maxUID || a == b || !l.items[0].stable() || c != strings.Repeat("y", maxUID) {
		t.Errorf("%d octets %q, %q, %q", len(a), a[400:], b[400:], c)
	}
}

func FuzzListing(f *testing.F) {
	f.Add(2, []byte("1 a\n2 b"), []byte("1 10\n2 20"))
	f.Add(3, []byte("1 a\n1 a\n3 a#1\n7"), []byte("2 10\n+OK 2 20"))
	f.Add(-1, []byte("1 #2\n2\n3 #2#"), []byte(""))
	f.Fuzz(func(t *testing.T, count int, ids, sizes []byte) {
		if count > 1000 {
			return
		}
		var in lister
		for line := range bytes.SplitSeq(ids, []byte("\n")) {
			in.idLine(line)
		}
		for line := range bytes.SplitSeq(sizes, []byte("\n")) {
			in.sizeLine(line)
		}
		named := map[int32]bool{}
		for _, it := range slices.Concat(in.ids, in.sizes) {
			named[it.num] = true
		}
		l := in.merge(count, false)
		seen := map[string]bool{}
		for i, it := range l.items {
			id := l.id(it)
			if id == "" || len(id) > maxUID+300 || seen[id] || it.size < 0 || !named[it.num] || i > 0 && l.items[i-1].num >= it.num {
				t.Fatalf("item %d: %+v %q", i, it, id)
			}
			seen[id] = true
			if back, ok := l.find(int(it.num)); !ok || back != it {
				t.Fatalf("%d is not found", it.num)
			}
		}
		if len(l.items) != len(named) || l.count < len(named) || l.count < count {
			t.Fatalf("%d items of %d, up to %d", len(l.items), len(named), l.count)
		}
	})
}

func BenchmarkListing(b *testing.B) {
	const n = 100_000
	var ids, sizes [][]byte
	for i := range n {
		ids = append(ids, fmt.Appendf(nil, "%d %08x4c1f7000", i+1, i))
		sizes = append(sizes, fmt.Appendf(nil, "%d %d", i+1, i*7))
	}
	b.ReportAllocs()
	for b.Loop() {
		var in lister
		for i := range n {
			in.idLine(ids[i])
			in.sizeLine(sizes[i])
		}
		if l := in.merge(n, false); len(l.items) != n {
			b.Fatal(len(l.items))
		}
	}
}
