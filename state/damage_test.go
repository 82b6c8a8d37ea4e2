package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poplift/migrate"
)

// damaged is a healthy file, and what it holds, to be spoilt in many ways.
type damaged struct {
	o       Options
	healthy []byte
	older   []byte // the file as it was some commits before
	records []migrate.Record
	next    uint32
	looks   int
}

const damagedPages = 4096 // the file is made with the machine's page size; finer steps than that do no harm

func newDamaged(t *testing.T) *damaged {
	t.Helper()
	d := &damaged{o: options(t), next: 601}
	s := mustOpen(t, d.o)
	snapshot := func() []byte {
		data, err := os.ReadFile(s.File())
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for i := range 600 {
		d.records = append(d.records, sample(i, true))
	}
	for from := 0; from < 600; from += 50 {
		mustCommit(t, s, migrate.Batch{Records: d.records[from : from+50]})
		if from == 500 {
			d.older = snapshot()
		}
	}
	// Whichever of the last two commits is read: the records are there.
	for range 2 {
		mustCommit(t, s, migrate.Batch{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 1700000000, Next: d.next}}})
		mustCommit(t, s, migrate.Batch{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 1700000000, Next: d.next, Dirty: true}}})
	}
	s.Close()
	d.healthy = snapshot()
	for i := range d.records {
		d.records[i].Time = testTime()
	}
	return d
}

// look opens the file for reading. It must be refused as damaged, or hold exactly what was written.
func (d *damaged) look(t *testing.T, how string, readOnly bool) (refused bool) {
	t.Helper()
	o := d.o
	o.ReadOnly = readOnly
	s, err := Open(o)
	if errors.Is(err, ErrDamaged) {
		if h := migrate.HintOf(err); !strings.Contains(h, "found on the target") || !strings.Contains(h, Path(o.Dir, o.Account)) {
			t.Fatalf("%s: hint %q", how, h)
		}
		return true
	}
	if err != nil {
		t.Fatalf("%s: %v", how, err)
	}
	defer s.Close()
	d.looks++
	step := 1
	if d.looks%16 > 0 { // every record takes too long every time
		step = 29
	}
	for i := d.looks % step; i < len(d.records); i += step {
		want := &d.records[i]
		got, found, err := s.Record(want.Source, want.ID)
		if err != nil || !found || !sameRecord(got, *want) {
			t.Fatalf("%s: record %d: %+v, %v, %v", how, i, got, found, err)
		}
		m, err := s.Matches("INBOX", 1700000000, want.Identity.Envelope)
		if err != nil || len(m) != 1 || m[0].ID != want.ID || m[0].UID != want.UID {
			t.Fatalf("%s: match %d: %+v, %v", how, i, m, err)
		}
	}
	if mark, err := s.Folder("INBOX"); err != nil || mark.Next != d.next {
		t.Fatalf("%s: mark %+v, %v", how, mark, err)
	}
	if !readOnly {
		more := sample(1000, true)
		if err := s.Commit(&migrate.Batch{Records: []migrate.Record{more}}); err != nil {
			t.Fatalf("%s: commit: %v", how, err)
		}
	}
	return false
}

func (d *damaged) write(t *testing.T, data []byte) {
	t.Helper()
	if err := os.WriteFile(Path(d.o.Dir, d.o.Account), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamageBits(t *testing.T) {
	d := newDamaged(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	refused, harmless := 0, 0
	for n := range 1600 {
		data := bytes.Clone(d.healthy)
		at := rnd.IntN(len(data))
		if n%4 == 0 { // headers are the more dangerous part
			at = at/damagedPages*damagedPages + rnd.IntN(96)
		}
		data[at] ^= 1 << rnd.IntN(8)
		d.write(t, data)
		if d.look(t, fmt.Sprint("bit at ", at), n%8 > 0) {
			refused++
		} else {
			harmless++
		}
	}
	if refused < 100 || harmless < 100 { // free pages and the slack of others take no harm
		t.Errorf("%d refused, %d harmless: the test looks at nothing", refused, harmless)
	}
}

func TestDamageTruncated(t *testing.T) {
	d := newDamaged(t)
	whole := 0
	for size := len(d.healthy) - 1; size > 0; size -= 2999 {
		d.write(t, d.healthy[:size])
		if !d.look(t, fmt.Sprint("truncated to ", size), size%2 > 0) {
			whole++
		}
	}
	if whole > len(d.healthy)/2999/2 {
		t.Errorf("%d truncated files seemed whole", whole)
	}
	for _, size := range []int{1, 15, 16, 79, 80, 4095, 4096, 4097, 8191, 8192, 12288, 16384} {
		d.write(t, d.healthy[:size])
		if !d.look(t, fmt.Sprint("truncated to ", size), false) {
			t.Errorf("truncated to %d: taken", size)
		}
	}
}

func TestDamagePages(t *testing.T) {
	d := newDamaged(t)
	page := func(data []byte, n int) []byte { return data[n*damagedPages:][:damagedPages] }
	spoil := map[string]func(data []byte, n int){
		"zeroed": func(data []byte, n int) { clear(page(data, n)) },
		"ones":   func(data []byte, n int) { copy(page(data, n), bytes.Repeat([]byte{0xff}, damagedPages)) },
		"half":   func(data []byte, n int) { clear(page(data, n)[damagedPages/2:]) },
		"older":  func(data []byte, n int) { copy(page(data, n), page(d.older, n)) },
		"swapped": func(data []byte, n int) {
			copy(page(data, n), page(d.healthy, n-1))
			copy(page(data, n-1), page(d.healthy, n))
		},
		"count": func(data []byte, n int) { page(data, n)[10]++ },
		"huge":  func(data []byte, n int) { copy(page(data, n)[10:], "\xff\xff") },
		"next":  func(data []byte, n int) { page(data, n)[0]++ },
	}
	for how, do := range spoil {
		refused := 0
		for n := 1; n < min(len(d.healthy), len(d.older))/damagedPages; n++ {
			data := bytes.Clone(d.healthy)
			do(data, n)
			d.write(t, data)
			if d.look(t, fmt.Sprint(how, " page ", n), n%2 > 0) {
				refused++
			}
		}
		if refused == 0 {
			t.Errorf("%s: never refused", how)
		}
	}
}

func TestDamageOther(t *testing.T) {
	o := options(t)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"not a database at all", strings.Repeat("\x00", 65536), strings.Repeat("\xff", 65536)} {
		if err := os.WriteFile(Path(o.Dir, o.Account), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); !errors.Is(err, ErrDamaged) {
			t.Errorf("%.20q: %v", data, err)
		}
	}
}

// TestDamageWhileOpen takes the file away under an open store: the process must live, and the store end in an error.
func TestDamageWhileOpen(t *testing.T) {
	if os.PathSeparator == '\\' {
		return // Windows truncates no mapped file
	}
	o := options(t)
	s := mustOpen(t, o)
	fill(t, s, 2000, true)
	if err := os.Truncate(s.File(), 8192); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Record(sample(1, true).Source, sample(1, true).ID)
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("read: %v", err)
	}
	done := make(chan error)
	go func() {
		done <- s.Commit(&migrate.Batch{Records: []migrate.Record{sample(5000, true)}})
		done <- s.Close()
	}()
	for _, want := range []error{ErrDamaged, nil} {
		select {
		case err := <-done:
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("hangs")
		}
	}
	if _, err := Open(o); !errors.Is(err, ErrDamaged) { // and not ErrLocked: the lock is gone
		t.Errorf("open: %v", err)
	}
}

func TestDamageInCommit(t *testing.T) {
	if os.PathSeparator == '\\' {
		return
	}
	o := options(t)
	s := mustOpen(t, o)
	fill(t, s, 2000, true)
	if err := os.Truncate(s.File(), 8192); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(&migrate.Batch{Records: []migrate.Record{sample(5000, true)}}); !errors.Is(err, ErrDamaged) {
		t.Errorf("commit: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSetAside(t *testing.T) {
	o := options(t)
	if _, err := SetAside(o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	s := mustOpen(t, o)
	mustCommit(t, s, migrate.Batch{Records: []migrate.Record{rec("a", migrate.Copied, 1)}})
	if _, err := SetAside(o); !errors.Is(err, ErrLocked) {
		t.Errorf("in use: %v", err)
	}
	s.Close()
	if to, err := SetAside(o); err == nil || to != "" {
		t.Errorf("a healthy file was set aside: %q", to)
	}
	path := Path(o.Dir, o.Account)
	for n, want := range []string{".damaged-20240203T040506Z", ".damaged-20240203T040506Z-2", ".damaged-20240203T040506Z-3"} {
		if err := os.WriteFile(path, []byte{byte(n)}, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		to, err := SetAside(o)
		if err != nil || to != path+want {
			t.Errorf("got %q, %v", to, err)
		}
		if data, err := os.ReadFile(to); err != nil || !bytes.Equal(data, []byte{byte(n)}) {
			t.Errorf("%q, %v", data, err)
		}
		s := mustOpen(t, o)
		if _, found, err := s.Record("s", "a"); found || err != nil {
			t.Errorf("the fresh file: %v, %v", found, err)
		}
		s.Close()
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "*.db")); len(left) != 1 {
		t.Errorf("left %q", left)
	}
}

// TestDamageLostWrites puts back, one at a time, each page as it was after every commit before: what a disk leaves behind that said it had
// written and had not. All such pages are sound in themselves.
func TestDamageLostWrites(t *testing.T) {
	o := options(t)
	s := mustOpen(t, o)
	fill(t, s, 60, false) // so that some buckets have pages of their own
	r := rec("a", migrate.Failed, 0)
	var versions [][]byte
	for n := range uint32(40) {
		r.Tries = n
		mustCommit(t, s, migrate.Batch{Records: []migrate.Record{r, rec(fmt.Sprint("b", n%3), migrate.Copied, n%5+1)}})
		data, err := os.ReadFile(s.File())
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, data)
	}
	s.Close()
	last := versions[len(versions)-1]
	refused, stale := 0, 0
	for n := 2 * damagedPages; n < len(last); n += damagedPages {
		for _, older := range versions[:len(versions)-1] {
			if len(older) < n+damagedPages || bytes.Equal(older[n:n+damagedPages], last[n:n+damagedPages]) {
				continue
			}
			data := bytes.Clone(last)
			copy(data[n:], older[n:n+damagedPages])
			if err := os.WriteFile(Path(o.Dir, o.Account), data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(o)
			if errors.Is(err, ErrDamaged) {
				refused++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, found, err := s.Record("s", "a"); err != nil || !found || got.Tries != r.Tries {
				stale++
			}
			s.Close()
		}
	}
	if refused == 0 || stale > 0 {
		t.Errorf("%d refused, %d taken for new", refused, stale)
	}
}
