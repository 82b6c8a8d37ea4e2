package mbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
	"poplift/sources/filestore/filestoretest"
)

// cached is an mbox with an index.
type cached struct {
	t     testing.TB
	path  string
	cache string
}

func newCached(t testing.TB, data string) *cached {
	dir := t.TempDir()
	c := &cached{t, dir + "/mbox", dir + "/cache"}
	write(t, c.path, data)
	return c
}

// list lists in a store of its own, as another process would.
func (c *cached) list() []migrate.Entry {
	c.t.Helper()
	return mustList(c.t, openStore(c.t, Options{Path: c.path, CacheDir: c.cache}))
}

func (c *cached) index() string {
	c.t.Helper()
	all, _ := filepath.Glob(c.cache + "/*")
	if len(all) != 1 || !strings.HasSuffix(all[0], ".mboxindex") {
		c.t.Fatalf("in the cache: %q", all)
	}
	return all[0]
}

// same overwrites the file in place, so that nothing but its octets tells it: a List that gives the old entries has not read them.
func (c *cached) same(data string) {
	c.t.Helper()
	info, err := os.Stat(c.path)
	if err != nil || info.Size() != int64(len(data)) {
		c.t.Fatal(err, info.Size(), len(data))
	}
	if err := os.WriteFile(c.path, []byte(data), 0o644); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Chtimes(c.path, info.ModTime(), info.ModTime()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cached) append(data string) {
	c.t.Helper()
	f, err := os.OpenFile(c.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	f.WriteString(data)
	f.Close()
	age(c.t, c.path, time.Minute)
}

func subjects(entries []migrate.Entry) string {
	var out []string
	for _, e := range entries {
		e.Fallback = time.Time{} // the time of the file
		out = append(out, fmt.Sprint(e))
	}
	return strings.Join(out, "\n")
}

func TestIndexUnchanged(t *testing.T) {
	local := "From - Mon Jan  5 10:00:00 2004 +0100\r\nStatus: RO\r\nX-IMAPbase: 1 1 k\r\nX-Keywords: k\r\nX-UIDL: u\r\n\r\nx\r\n\r\n"
	data := first + second + local + cr(third)
	c := newCached(t, data)
	before := c.list()
	info, err := os.Stat(c.index())
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Error(info.Mode(), err)
	}
	c.same(strings.Repeat("x", len(data)))
	if after := c.list(); subjects(after) != subjects(before) || len(after) != 4 {
		t.Errorf("got\n%s, want\n%s", subjects(after), subjects(before))
	}
	c.same(data)
	s := openStore(t, Options{Path: c.path, CacheDir: c.cache})
	for i, e := range mustList(t, s) {
		if got, want := read(t, s, e), split(t, data, Auto)[i].text; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	filestoretest.ListWithin(t, s)
	age(t, c.path, time.Minute)
	c.list()
	c.same(strings.Replace(data, "one", "eno", 1)) // it was rewritten with the same length
	age(t, c.path, time.Second)
	if after := c.list(); subjects(after) == subjects(before) {
		t.Error("a file with another time is not scanned")
	}
}

func TestIndexGrown(t *testing.T) {
	many := ""
	for i := range 1000 {
		many += strings.Replace(first, "one", fmt.Sprintf("%04d", i), 1)
	}
	c := newCached(t, many)
	before := c.list()
	hidden := strings.Index(many, "0500")
	hidden = strings.LastIndex(many[:hidden], "From joe")
	c.same(many[:hidden] + "xxxx" + many[hidden+4:]) // a From_ line: a scan would find one message less
	c.append(second + third)
	after := c.list()
	if len(after) != 1002 || subjects(after[:1000]) != subjects(before) || after[1001].Date.Day() != 7 {
		t.Errorf("%d entries", len(after))
	}
	if again := c.list(); subjects(again) != subjects(after) {
		t.Error("the index of a grown file is another")
	}
	c.same(strings.Repeat("x", len(many+second+third)))
	if again := c.list(); subjects(again) != subjects(after) {
		t.Error("the index of a grown file is not used")
	}

	for name, change := range map[string]func(string) string{
		"a header":       func(s string) string { return strings.Replace(s, "0500", "cccc", 1) },
		"its end":        func(s string) string { return strings.Replace(s, "0500\n\n", "0500\nx\n", 1) },
		"a late header":  func(s string) string { return strings.Replace(s, "0990", "cccc", 1) },
		"the end":        func(s string) string { return s[:len(s)-5] + "cccc\n" },
		"the first half": func(s string) string { return s[len(s)/2:] + s[:len(s)/2] },
		"the length":     func(s string) string { return s[len(first):] },
	} {
		c := newCached(t, many)
		c.list()
		data := change(many)
		write(t, c.path, data)
		age(t, c.path, 2*time.Hour)
		c.append(second)
		fresh := mustList(t, openStore(t, Options{Path: c.path}))
		if got := c.list(); subjects(got) != subjects(fresh) {
			t.Errorf("%s was changed: %d entries and %d", name, len(got), len(fresh))
		}
	}
}

// A client changes flags in place: they are seen, and for them alone nothing is scanned.
func TestIndexFlagsInPlace(t *testing.T) {
	flagged := strings.Replace(first, "\n\n", "\nStatus: O \n\n", 1)
	data := flagged + strings.Replace(flagged, "one", "two", 1) + strings.Replace(flagged, "one", "six", 1)
	for at := range 3 {
		for _, more := range []string{"", second} {
			c := newCached(t, data)
			c.list()
			parts := strings.SplitAfterN(data, "Status: O ", 4)
			parts[at] = strings.Replace(parts[at], "Status: O ", "Status: RO", 1)
			write(t, c.path, strings.Join(parts, "")+more)
			age(t, c.path, time.Minute)
			want := mustList(t, openStore(t, Options{Path: c.path}))
			for range 2 { // the second time from the new index
				got := c.list()
				if subjects(got) != subjects(want) || len(got[at].Flags) != 1 {
					t.Errorf("message %d and %d octets more: got\n%s, want\n%s", at, len(more), subjects(got), subjects(want))
				}
			}
		}
	}
}

// Keywords are declared by the first message, which is not read again.
func TestIndexKeepsDeclaredKeywords(t *testing.T) {
	c := newCached(t, strings.Replace(first, "\n\n", "\nX-IMAPbase: 1 1 mine\n\n", 1)+second+third)
	c.list()
	c.append(strings.Replace(second, "\n\n", "\nX-Keywords: mine yours\n\n", 1))
	got := c.list()
	if len(got) != 4 || fmt.Sprint(got[3].Flags) != "[mine]" {
		t.Errorf("%v", got[len(got)-1])
	}
}

// The last message was being written when the file was listed.
func TestIndexGrownInTheLastMessage(t *testing.T) {
	data := first + second + third
	for cut := len(first) + 5; cut < len(data); cut += 7 {
		c := newCached(t, data[:cut])
		c.list()
		c.append(data[cut:])
		want := mustList(t, openStore(t, Options{Path: c.path}))
		if got := c.list(); subjects(got) != subjects(want) {
			t.Errorf("cut at %d: got\n%s, want\n%s", cut, subjects(got), subjects(want))
		}
	}
}

func TestIndexDamaged(t *testing.T) {
	c := newCached(t, first+second)
	want := subjects(c.list())
	whole, err := os.ReadFile(c.index())
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(whole) {
		bad := append([]byte(nil), whole...)
		bad[i] ^= 0x41
		for _, b := range [][]byte{bad, whole[:i]} {
			os.WriteFile(c.index(), b, 0o600)
			if got := subjects(c.list()); got != want {
				t.Fatalf("octet %d: %s", i, got)
			}
		}
	}
	os.WriteFile(c.cache+"/rubbish.tmp", nil, 0o600)
	s := openStore(t, Options{Path: c.path, CacheDir: c.path + "/not a directory"})
	if got := subjects(mustList(t, s)); got != want {
		t.Error("without a place for the cache:", got)
	}
}

// Another variant is another index, and a file that was just written to is not believed to be what its time says.
func TestIndexIsOfOneReading(t *testing.T) {
	c := newCached(t, first+second)
	c.list()
	s := openStore(t, Options{Path: c.path, CacheDir: c.cache, Variant: CL2})
	for _, e := range mustList(t, s) {
		if e.Date.Day() == 6 && !strings.Contains(read(t, s, e), "\n>From here") {
			t.Error("not read as mboxcl2")
		}
	}
	now := time.Now()
	os.Chtimes(c.path, now, now)
	before := subjects(c.list())
	c.same(second + first)
	if subjects(c.list()) == before {
		t.Error("a file that was just written to is taken for the same")
	}
}
