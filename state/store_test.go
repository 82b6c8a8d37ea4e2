package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"poplift/migrate"
)

func testTime() time.Time { return time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC) }

func options(t testing.TB) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "state"), Account: "me@new.example", Timeout: -1, Now: testTime}
}

func mustOpen(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustCommit(t testing.TB, s *Store, b migrate.Batch) {
	t.Helper()
	if err := s.Commit(&b); err != nil {
		t.Fatal(err)
	}
}

var (
	envA, envB = migrate.Envelope{3, 1}, migrate.Envelope{3, 2}
	digest     = migrate.Digest{9}
)

// rec is a record of message id with envelope A.
func rec(id string, outcome migrate.Outcome, uid uint32) migrate.Record {
	return migrate.Record{
		Source: "s", ID: id, Outcome: outcome, Folder: "INBOX", UIDValidity: 7, UID: uid, Size: 100,
		Identity: migrate.Identity{Version: 1, Envelope: envA, Digest: digest},
	}
}

func indexed(uid uint32, e migrate.Envelope) migrate.IndexedIn {
	return migrate.IndexedIn{Folder: "INBOX", UIDValidity: 7, Indexed: migrate.Indexed{UID: uid, Size: 101, Envelope: e}}
}

// TestContract plays batches and then looks what matches envelope A, or B where a line begins with it, in INBOX under UIDVALIDITY 7.
func TestContract(t *testing.T) {
	records := func(r ...migrate.Record) migrate.Batch { return migrate.Batch{Records: r} }
	copied := func(id string, uid uint32) migrate.Batch { return records(rec(id, migrate.Copied, uid)) }
	adopted := func(id string, uid uint32) migrate.Batch { return records(rec(id, migrate.Adopted, uid)) }
	seen := func(uid uint32, e migrate.Envelope) migrate.Batch {
		return migrate.Batch{Index: []migrate.IndexedIn{indexed(uid, e)}}
	}
	forget := func(id string) migrate.Batch {
		return migrate.Batch{Forget: []migrate.RecordKey{{Source: "s", ID: id}}}
	}
	mark := func(v uint32) migrate.Batch {
		return migrate.Batch{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: v, Next: 9}}}
	}
	with := func(r migrate.Record, change func(*migrate.Record)) migrate.Record {
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name    string
		batches []migrate.Batch
		want    string
	}{
		{"copied claims", []migrate.Batch{copied("a", 4)}, "4=a:100:known"},
		{"adopted claims what was indexed, whose size stays", []migrate.Batch{seen(4, envA), adopted("a", 4)}, "4=a:101:known"},
		{"others claim nothing", []migrate.Batch{records(
			rec("a", migrate.Duplicate, 4), rec("b", migrate.Skipped, 5), rec("c", migrate.Failed, 6), rec("d", migrate.Relayed, 7),
			rec("e", migrate.Kept, 8),
		)}, ""},
		{"indexed is nobody's", []migrate.Batch{seen(4, envA)}, "4=:101:unread"},
		{"index leaves what has a claim", []migrate.Batch{copied("a", 4), seen(4, envB)}, "4=a:100:known"},
		{"index leaves what was indexed", []migrate.Batch{seen(4, envA), seen(4, envB)}, "4=:101:unread"},
		{"index comes before records in a batch", []migrate.Batch{
			{Index: []migrate.IndexedIn{indexed(4, envA)}, Records: []migrate.Record{rec("a", migrate.Copied, 4)}},
		}, "4=a:101:known"},
		{"forget comes before records in a batch", []migrate.Batch{
			copied("a", 4),
			{Forget: []migrate.RecordKey{{Source: "s", ID: "a"}}, Records: []migrate.Record{rec("a", migrate.Copied, 5)}},
		}, "4=:100:known 5=a:100:known"},
		{"order of UID, without UID last", []migrate.Batch{records(
			rec("z", migrate.Copied, 0), rec("c", migrate.Copied, 300), rec("b", migrate.Copied, 2), rec("y", migrate.Copied, 0),
			rec("a", migrate.Copied, 0xFFFFFFFF),
		)}, "2=b:100:known 300=c:100:known 4294967295=a:100:known 0=z:100:known 0=y:100:known"},
		{"a UID named later replaces the match without one", []migrate.Batch{
			copied("a", 0), seen(4, envA), copied("a", 4),
		}, "4=a:101:known"},
		{"another UID frees the old one", []migrate.Batch{copied("a", 4), copied("a", 5)}, "4=:100:known 5=a:100:known"},
		{"a record that fails again frees its claim", []migrate.Batch{copied("a", 4), records(rec("a", migrate.Failed, 4))}, "4=:100:known"},
		{"forget keeps the digest", []migrate.Batch{copied("a", 4), forget("a")}, "4=:100:known"},
		{"forget without a UID leaves nothing", []migrate.Batch{copied("a", 0), forget("a")}, ""},
		{"forget of nobody", []migrate.Batch{forget("a")}, ""},
		{"the later of two claims holds", []migrate.Batch{
			records(rec("a", migrate.Copied, 4), rec("b", migrate.Adopted, 4)), forget("a"),
		}, "4=b:100:known"},
		{"a claimed message is found under its record's envelope", []migrate.Batch{seen(4, envB), adopted("a", 4)}, "4=a:101:known"},
		{"another UIDVALIDITY forgets the folder", []migrate.Batch{mark(7), copied("a", 4), copied("b", 0), mark(8)}, ""},
		{"and its old one comes back empty", []migrate.Batch{mark(7), copied("a", 4), mark(8), mark(7)}, ""},
		{"the same UIDVALIDITY forgets nothing", []migrate.Batch{mark(7), copied("a", 4), mark(7)}, "4=a:100:known"},
		{"another folder's mark forgets nothing", []migrate.Batch{copied("a", 4), {
			Folders: []migrate.FolderMark{{Name: "Sent", UIDValidity: 8}},
		}}, "4=a:100:known"},
		{"other folders and UIDVALIDITYs are apart", []migrate.Batch{records(
			with(rec("a", migrate.Copied, 4), func(r *migrate.Record) { r.Folder = "Sent" }),
			with(rec("b", migrate.Copied, 4), func(r *migrate.Record) { r.UIDValidity = 8 }),
		)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			s := mustOpen(t, o)
			for _, b := range tt.batches {
				mustCommit(t, s, b)
			}
			for _, when := range []string{"at once", "after reopening"} {
				matches, err := s.Matches("INBOX", 7, envA)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, m := range matches {
					known := map[migrate.Digest]string{{}: "unread", digest: "known"}[m.Digest]
					got = append(got, fmt.Sprintf("%d=%s:%d:%s", m.UID, m.ID, m.Size, known))
				}
				if g := strings.Join(got, " "); g != tt.want {
					t.Errorf("%s: got %q, want %q", when, g, tt.want)
				}
				s.Close()
				s = mustOpen(t, o)
			}
		})
	}
}

func TestRecordComesBackWhole(t *testing.T) {
	s := mustOpen(t, options(t))
	full := sample(3, true)
	full.Tries, full.Reason = 3, "NO [TOOBIG] Größe"
	full.Time = time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	bare := migrate.Record{Source: "s", ID: "\x00\xff any octets", Outcome: migrate.Failed}
	mustCommit(t, s, migrate.Batch{Records: []migrate.Record{full, bare}})
	if got, found, err := s.Record(full.Source, full.ID); err != nil || !found || !sameRecord(got, full) {
		t.Errorf("got %+v, %v, %v\nwant %+v", got, found, err, full)
	}
	bare.Time = testTime() // the store's clock fills in what is missing
	if got, found, err := s.Record(bare.Source, bare.ID); err != nil || !found || !sameRecord(got, bare) {
		t.Errorf("got %+v, %v, %v\nwant %+v", got, found, err, bare)
	}
	for _, k := range []migrate.RecordKey{{Source: "s", ID: "a"}, {Source: "nobody", ID: full.ID}, {}} {
		if _, found, err := s.Record(k.Source, k.ID); err != nil || found {
			t.Errorf("Record(%+v) = %v, %v", k, found, err)
		}
	}
}

func TestCommitOfNothingWritesNothing(t *testing.T) {
	s := mustOpen(t, options(t))
	b := migrate.Batch{
		Index:   []migrate.IndexedIn{indexed(4, envA)},
		Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 7, Next: 5}},
	}
	mustCommit(t, s, b)
	before, err := os.ReadFile(s.File())
	if err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, migrate.Batch{})
	mustCommit(t, s, b) // all known already
	mustCommit(t, s, migrate.Batch{Forget: []migrate.RecordKey{{Source: "s", ID: "nobody"}}})
	after, err := os.ReadFile(s.File())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the file has changed")
	}
}

func TestCommitRefused(t *testing.T) {
	s := mustOpen(t, options(t))
	good := rec("good", migrate.Copied, 1)
	for _, tt := range []struct {
		name string
		b    migrate.Batch
		says string
	}{
		{"no key", migrate.Batch{Records: []migrate.Record{good, {}}}, "neither source nor ID"},
		{"long ID", migrate.Batch{Records: []migrate.Record{good, {ID: strings.Repeat("x", MaxID+1)}}}, "an ID of 32001 octets"},
		{"unknown outcome", migrate.Batch{Records: []migrate.Record{good, {ID: "x", Outcome: 77}}}, "outcome 77"},
		{"no UID", migrate.Batch{Index: []migrate.IndexedIn{{Folder: "X"}}, Records: []migrate.Record{good}}, "needs a UID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.Commit(&tt.b)
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.HasPrefix(err.Error(), "commit state me@new.example: ") {
				t.Errorf("got %v", err)
			}
			if _, found, err := s.Record("s", "good"); found || err != nil {
				t.Errorf("half of it was written: %v, %v", found, err)
			}
		})
	}
	mustCommit(t, s, migrate.Batch{Records: []migrate.Record{good}})
	if m, err := s.Matches("INBOX", 7, envA); err != nil || len(m) != 1 {
		t.Errorf("afterwards: %v, %v", m, err)
	}
}

// TestSweep retires a big folder again and again: its places must leave the file in the end.
func TestSweep(t *testing.T) {
	o := options(t)
	s := mustOpen(t, o)
	for v := uint32(1); v <= 4; v++ {
		b := migrate.Batch{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: v, Next: 1}}}
		for uid := uint32(1); uid <= 3*sweepAtOnce; uid++ {
			b.Index = append(b.Index, migrate.IndexedIn{Folder: "INBOX", UIDValidity: v, Indexed: migrate.Indexed{UID: uid, Envelope: envA}})
		}
		b.Records = []migrate.Record{rec(fmt.Sprint("only", v), migrate.Copied, 0)}
		b.Records[0].UIDValidity = v
		mustCommit(t, s, b)
	}
	for i := 0; len(s.catalog.Load().unswept) > 0; i++ {
		if i > 12 {
			t.Fatalf("still to sweep: %v", s.catalog.Load().unswept)
		}
		if i == 3 {
			s.Close()
			s = mustOpen(t, o)
		}
		mustCommit(t, s, migrate.Batch{Folders: []migrate.FolderMark{{Name: "other", UIDValidity: 1, Next: uint32(i) + 2}}})
	}
	places := 0
	s.view("count", func(_ *bolt.Tx, b buckets) error {
		return b.places.ForEach(func(k, v []byte) error { places++; return nil })
	})
	if want := 3*sweepAtOnce + 1; places != want {
		t.Errorf("%d places are left, want %d", places, want)
	}
	if m, err := s.Matches("INBOX", 4, envA); err != nil || len(m) != places {
		t.Errorf("%d matches, %v", len(m), err)
	}
	r, found, err := s.Record("s", "only1")
	if err != nil || !found || r.Folder != "INBOX" || r.UIDValidity != 1 {
		t.Errorf("a record of a retired folder: %+v, %v, %v", r, found, err)
	}
}

func TestRecordsMayCommitInBetween(t *testing.T) {
	s := mustOpen(t, options(t))
	const n = 3*pageOfRecords + 1
	fill(t, s, n, true)
	seen := 0
	for r, err := range s.Records(sample(0, true).Source) {
		if err != nil {
			t.Fatal(err)
		}
		r.Reason = strings.Repeat("x", 2000) // makes the file grow, so that it is mapped anew
		mustCommit(t, s, migrate.Batch{Records: []migrate.Record{r}})
		seen++
	}
	if seen != n {
		t.Errorf("saw %d of %d", seen, n)
	}
	for range s.Records(sample(0, true).Source) {
		break
	}
}

func TestCounts(t *testing.T) {
	s := mustOpen(t, options(t))
	a, b := rec("a", migrate.Copied, 1), rec("b", migrate.Copied, 2)
	a.Listed, b.Listed, b.Source = 10, 20, "other"
	mustCommit(t, s, migrate.Batch{Records: []migrate.Record{a, b, rec("c", migrate.Failed, 0)}})
	got, err := s.Counts()
	want := map[migrate.Outcome]migrate.Tally{migrate.Copied: {Messages: 2, Octets: 30}, migrate.Failed: {Messages: 1}}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got := s.Sources(); !slices.Equal(got, []string{"s", "other"}) {
		t.Errorf("sources %q", got)
	}
}

func TestSeveralGoroutines(t *testing.T) {
	s := mustOpen(t, options(t))
	s.db.NoSync = true
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				r := sample(g*1000+i, true)
				r.Folder = fmt.Sprint("folder", g, i%3)
				b := migrate.Batch{Records: []migrate.Record{r}, Folders: []migrate.FolderMark{{Name: r.Folder,
					UIDValidity: r.UIDValidity, Next: uint32(i)}}}
				if err := s.Commit(&b); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range 200 {
				r := sample(g*1000+i%50, true)
				if got, found, err := s.Record(r.Source, r.ID); err != nil || found && got.Identity != r.Identity {
					t.Error(got, err)
				}
				if _, err := s.Matches(fmt.Sprint("folder", g, i%3), r.UIDValidity, r.Identity.Envelope); err != nil {
					t.Error(err)
				}
				if _, err := s.Folder("folder00"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestClosed(t *testing.T) {
	s := mustOpen(t, options(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, _, err := s.Record("s", "a")
	_, err2 := s.Matches("INBOX", 7, envA)
	_, err3 := s.Folder("INBOX")
	_, err4 := s.Backup(&bytes.Buffer{})
	err5 := s.Commit(&migrate.Batch{Records: []migrate.Record{rec("a", migrate.Copied, 1)}})
	for i, err := range []error{err, err2, err3, err4, err5} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestBackup(t *testing.T) {
	s := mustOpen(t, options(t))
	fill(t, s, 300, true)
	var buf bytes.Buffer
	if n, err := s.Backup(&buf); err != nil || n != int64(buf.Len()) {
		t.Fatal(n, err)
	}
	o := options(t)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(Path(o.Dir, o.Account), buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	o.ReadOnly = true
	copied := mustOpen(t, o)
	counts, err := copied.Counts()
	if err != nil || counts[migrate.Copied].Messages != 300 {
		t.Errorf("%v, %v", counts, err)
	}
	if err := copied.Commit(&migrate.Batch{Records: []migrate.Record{rec("a", migrate.Copied, 1)}}); err == nil {
		t.Error("a store for reading takes a commit")
	}
}

func TestOpenErrors(t *testing.T) {
	t.Run("read-only of nothing", func(t *testing.T) {
		o := options(t)
		o.ReadOnly = true
		if _, err := Open(o); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if _, err := os.Stat(o.Dir); err == nil {
			t.Error("the directory was made")
		}
	})
	t.Run("a file in the way of the directory", func(t *testing.T) {
		o := options(t)
		if err := os.WriteFile(o.Dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); err == nil || !strings.HasPrefix(err.Error(), "open state me@new.example: mkdir ") {
			t.Error(err)
		}
	})
	t.Run("a directory in the way of the file", func(t *testing.T) {
		o := options(t)
		if err := os.MkdirAll(Path(o.Dir, o.Account), 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); err == nil {
			t.Error("opened")
		}
	})
	t.Run("another account's file", func(t *testing.T) {
		o := options(t)
		mustOpen(t, o).Close()
		other := o
		other.Account = "you"
		if err := os.Rename(Path(o.Dir, o.Account), Path(o.Dir, other.Account)); err != nil {
			t.Fatal(err)
		}
		_, err := Open(other)
		if err == nil || !strings.Contains(err.Error(), `another account, "me@new.example"`) || errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
	})
	t.Run("a newer schema", func(t *testing.T) {
		o := options(t)
		s := mustOpen(t, o)
		newer := seal(tagMeta, metaSchema, big.AppendUint32(nil, schema+1), 0)
		if err := s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(metaSchema, newer) }); err != nil {
			t.Fatal(err)
		}
		s.Close()
		_, err := Open(o)
		if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "schema 2") {
			t.Error(err)
		}
		if _, err := SetAside(o); !errors.Is(err, ErrNewer) {
			t.Error(err)
		}
	})
}

// TestOpenAhead: the lock is there at once, and what is wrong with the file is told by whatever is asked first.
func TestOpenAhead(t *testing.T) {
	o := options(t)
	s := mustOpen(t, o)
	want := rec("a", migrate.Copied, 1)
	mustCommit(t, s, migrate.Batch{Records: []migrate.Record{want}})
	s.Close()
	o.Ahead = true
	s = mustOpen(t, o)
	if _, err := Open(o); !errors.Is(err, ErrLocked) {
		t.Errorf("a second time: %v", err)
	}
	if names := s.Sources(); !slices.Equal(names, []string{want.Source}) || s.Created().IsZero() || s.Opened() != nil {
		t.Errorf("%q, %v, %v", names, s.Created(), s.Opened())
	}
	if _, found, err := s.Skim(want.Source, want.ID); err != nil || !found {
		t.Error(found, err)
	}
	s.Close()
	mustOpen(t, o).Close() // nobody has asked anything

	if err := os.Truncate(s.File(), 5000); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, o)
	_, _, err := s.Record("s", "a")
	_, err2 := s.Matches("INBOX", 7, envA)
	_, err3 := s.Folder("INBOX")
	err4 := s.Commit(&migrate.Batch{Records: []migrate.Record{want}})
	for i, err := range []error{s.Opened(), err, err2, err3, err4} {
		if !errors.Is(err, ErrDamaged) || !strings.HasPrefix(err.Error(), "open state ") || !strings.Contains(migrate.HintOf(err), "found on the target") {
			t.Errorf("%d: %v; %s", i, err, migrate.HintOf(err))
		}
	}
	if len(s.Sources()) > 0 {
		t.Error(s.Sources())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := SetAside(o); err != nil {
		t.Errorf("the lock was kept: %v", err)
	}
}

func TestModes(t *testing.T) {
	o := options(t)
	s := mustOpen(t, o)
	if err := WriteStatus(o.Dir, o.Account, Status{}); err != nil {
		t.Fatal(err)
	}
	if s.Account() != o.Account || !s.Created().Equal(testTime()) {
		t.Errorf("made for %q at %v", s.Account(), s.Created())
	}
	if os.PathSeparator == '\\' {
		return // Windows has no modes
	}
	for path, want := range map[string]fs.FileMode{o.Dir: 0o700 | fs.ModeDir, s.File(): 0o600, StatusPath(o.Dir, o.Account): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestPath(t *testing.T) {
	dir := filepath.Join("any", "dir")
	seen := map[string]string{}
	for account, want := range map[string]string{
		"me@new.example":           "me@new.example-",
		"../../etc/passwd":         "_.._etc_passwd-",
		"":                         "account-",
		"..":                       "account-",
		"Me":                       "Me-",
		"me":                       "me-",
		"a/b\\c:d|e*f?":            "a_b_c_d_e_f_-",
		"nul.txt":                  "_nul.txt-",
		"com1":                     "_com1-",
		"комп":                     "____-",
		strings.Repeat("long", 50): strings.Repeat("long", 15) + "-",
		"\x00":                     "_-",
	} {
		path := Path(dir, account)
		name, ok := strings.CutPrefix(path, dir+string(filepath.Separator))
		if !ok || !strings.HasPrefix(name, want) || strings.ContainsAny(name, `/\`) || filepath.Dir(path) != dir {
			t.Errorf("Path(%q) = %q, want %q…", account, path, want)
		}
		if other, double := seen[strings.ToLower(name)]; double {
			t.Errorf("%q and %q share %q", account, other, name)
		}
		seen[strings.ToLower(name)] = account
		if StatusPath(dir, account) != strings.TrimSuffix(path, ".db")+".json" {
			t.Errorf("StatusPath(%q) = %q", account, StatusPath(dir, account))
		}
	}
}
