package state

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"poplift/migrate"
)

var update = flag.Bool("update", false, "write testdata/v1.db anew; never once a version with this schema was released")

const goldenAccount = "me@new.example"

// goldenBatches are what the file of schema 1 was filled with: every kind of row that there is.
func goldenBatches() []migrate.Batch {
	identity := func(n byte) migrate.Identity {
		id := migrate.Identity{Version: 1, Header: migrate.Digest{1, n}, Body: migrate.Digest{2, n}, Envelope: migrate.Envelope{3, n}}
		id.Digest = derivedDigest(&id)
		return id
	}
	odd := identity(5)
	odd.Digest = migrate.Digest{0xdd}
	at := time.Date(2023, 11, 14, 22, 13, 20, 123456789, time.FixedZone("", -(3*3600+1800)))
	in := func(uid uint32, n byte) migrate.IndexedIn {
		return migrate.IndexedIn{Folder: "INBOX", UIDValidity: 1700000000, Indexed: migrate.Indexed{UID: uid,
			Size: 1000 + int64(uid), Envelope: identity(n).Envelope}}
	}
	const pop = "pop3s://me@old.example"
	return []migrate.Batch{
		{Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 1600000000, Next: 5}, {Name: "Gesendet/Größe", UIDValidity: 3,
			Next: 1, Dirty: true}}},
		{Records: []migrate.Record{{Source: pop, ID: "retired", Outcome: migrate.Copied, Identity: identity(9), Folder: "INBOX",
			UIDValidity: 1600000000, UID: 1, Size: 1}}},
		{
			Index: []migrate.IndexedIn{in(1, 1), in(2, 2), in(4, 4)},
			Records: []migrate.Record{
				{Source: pop, ID: "a", Outcome: migrate.Adopted, Identity: identity(1), Listed: 990, Size: 991, Folder: "INBOX",
					UIDValidity: 1700000000, UID: 1, Date: at},
				{Source: pop, ID: "b", Outcome: migrate.Copied, Identity: identity(3), Listed: 1, Size: 2, Folder: "INBOX",
					UIDValidity: 1700000000, UID: 3, Date: at.UTC(), Time: at},
				{Source: pop, ID: "c", Outcome: migrate.Copied, Identity: odd, Folder: "INBOX", UIDValidity: 1700000000},
				{Source: pop, ID: "d", Outcome: migrate.Failed, Folder: "INBOX", Reason: "NO [TOOBIG] zu groß", Tries: 3, Listed: 1 << 40,
					MessageID: "<d@old.example>", Subject: "=?utf-8?q?gro=C3=9F?="},
				{Source: "mbox", ID: "\x00\xff", Outcome: migrate.Skipped, Reason: "too old"},
				{Source: pop, ID: "e", Outcome: migrate.Duplicate, Identity: identity(3), Folder: "INBOX", UIDValidity: 1700000000},
				{Source: pop, ID: "f", Outcome: migrate.Relayed, Identity: identity(6)},
				{Source: pop, ID: "g", Outcome: migrate.Kept, Identity: identity(7), Folder: "Gesendet/Größe", UIDValidity: 3,
					UID: 0xFFFFFFFF},
				{Source: pop, ID: "h", Outcome: migrate.Copied, Identity: identity(4), Folder: "INBOX", UIDValidity: 1700000000, UID: 4},
			},
			Folders: []migrate.FolderMark{{Name: "INBOX", UIDValidity: 1700000000, Next: 5}},
		},
		{Forget: []migrate.RecordKey{{Source: pop, ID: "h"}}},
	}
}

// TestSchemasStayOpenable opens the file of every schema ever released, finds in it what was written, and works on.
func TestSchemasStayOpenable(t *testing.T) {
	golden := filepath.Join("testdata", "v1.db")
	if *update {
		writeGolden(t, golden)
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: t.TempDir(), Account: goldenAccount, Now: testTime}
	if err := os.WriteFile(Path(o.Dir, o.Account), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, o)
	m := newModel()
	for _, b := range goldenBatches() {
		m.commit(&b, testTime())
	}
	compareGolden(t, s, m)
	more := migrate.Batch{Records: []migrate.Record{{Source: "new", ID: "i", Outcome: migrate.Copied, Folder: "INBOX",
		UIDValidity: 1700000000, UID: 4}}}
	mustCommit(t, s, more)
	m.commit(&more, testTime())
	s.Close()
	compareGolden(t, mustOpen(t, o), m)
}

func compareGolden(t *testing.T, s *Store, m *model) {
	t.Helper()
	if !s.Created().Equal(testTime()) {
		t.Errorf("created %v", s.Created())
	}
	for k, want := range m.records {
		if got, found, err := s.Record(k.Source, k.ID); err != nil || !found || !sameRecord(got, want.Record) {
			t.Errorf("record %q:\n got %+v, %v, %v\nwant %+v", k.ID, got, found, err, want.Record)
		}
	}
	if _, found, err := s.Record("pop3s://me@old.example", "h"); found || err != nil {
		t.Errorf("a record that was forgotten: %v, %v", found, err)
	}
	for n := range byte(10) {
		for _, v := range []uint32{1600000000, 1700000000} {
			e := migrate.Envelope{3, n}
			got, err := s.Matches("INBOX", v, e)
			if want := m.matches("INBOX", v, e); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("matches of %x under %d:\n got %+v, %v\nwant %+v", e, v, got, err, want)
			}
		}
	}
	for name, want := range m.marks {
		if got, err := s.Folder(name); err != nil || got != want {
			t.Errorf("mark %+v, %v, want %+v", got, err, want)
		}
	}
}

// writeGolden makes the file with pages of 4,096 octets, whatever the machine's are, and no more of them than it needs.
func writeGolden(t *testing.T, golden string) {
	t.Helper()
	if os.Getpagesize() != 4096 {
		t.Fatal("the golden file has pages of 4,096 octets")
	}
	s := mustOpen(t, Options{Dir: t.TempDir(), Account: goldenAccount, Now: testTime})
	for _, b := range goldenBatches() {
		mustCommit(t, s, b)
	}
	var buf bytes.Buffer
	if _, err := s.Backup(&buf); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(golden, buf.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
