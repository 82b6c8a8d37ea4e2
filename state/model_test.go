package state

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poplift/migrate"
)

// model is the whole contract of migrate.Store, and what Commit's comment adds to it, in maps.
type model struct {
	records map[migrate.RecordKey]*modelRecord
	folders map[folderKey]map[place]*modelMessage
	marks   map[string]migrate.FolderMark
	numbers uint64
}

type modelRecord struct {
	migrate.Record
	claim *modelMessage
}

type modelMessage struct {
	place
	envelope migrate.Envelope
	size     int64
	indexed  bool
	claim    *migrate.RecordKey
	digest   migrate.Digest
	gone     bool // its folder has another UIDVALIDITY now
}

func newModel() *model {
	return &model{
		records: map[migrate.RecordKey]*modelRecord{}, folders: map[folderKey]map[place]*modelMessage{},
		marks: map[string]migrate.FolderMark{},
	}
}

func (m *model) folder(name string, uidValidity uint32) map[place]*modelMessage {
	k := folderKey{name, uidValidity}
	if m.folders[k] == nil {
		m.folders[k] = map[place]*modelMessage{}
	}
	return m.folders[k]
}

func (m *model) commit(b *migrate.Batch, now time.Time) {
	for _, k := range b.Forget {
		if r := m.records[k]; r != nil {
			m.free(r, k)
			delete(m.records, k)
		}
	}
	for _, i := range b.Index {
		f, p := m.folder(i.Folder, i.UIDValidity), place{uid: i.UID}
		if f[p] == nil {
			f[p] = &modelMessage{place: p, envelope: i.Envelope, size: i.Size, indexed: true}
		}
	}
	for _, rec := range b.Records {
		m.record(rec, now)
	}
	for _, mark := range b.Folders {
		if old, had := m.marks[mark.Name]; !had || old.UIDValidity != mark.UIDValidity {
			for k, f := range m.folders {
				if k.name == mark.Name && k.uidValidity != mark.UIDValidity {
					for _, msg := range f {
						msg.gone = true
					}
					delete(m.folders, k)
				}
			}
		}
		m.marks[mark.Name] = mark
	}
}

func (m *model) record(rec migrate.Record, now time.Time) {
	if rec.Time.IsZero() {
		rec.Time = now
	}
	key := migrate.RecordKey{Source: rec.Source, ID: rec.ID}
	r := &modelRecord{Record: rec}
	old := m.records[key]
	m.records[key] = r
	if rec.Outcome != migrate.Copied && rec.Outcome != migrate.Adopted {
		if old != nil {
			m.free(old, key)
		}
		return
	}
	f, p := m.folder(rec.Folder, rec.UIDValidity), place{uid: rec.UID}
	if rec.UID == 0 {
		if old != nil && old.claim != nil && old.UID == 0 && !old.claim.gone &&
			old.Folder == rec.Folder && old.UIDValidity == rec.UIDValidity {
			p = old.claim.place
		} else {
			m.numbers++
			p.number = m.numbers
		}
	}
	if old != nil && old.claim != nil && f[p] != old.claim {
		m.free(old, key)
	}
	if f[p] == nil {
		f[p] = &modelMessage{place: p}
	}
	msg := f[p]
	if !msg.indexed {
		msg.size = rec.Size
	}
	msg.envelope, msg.claim, msg.digest = rec.Identity.Envelope, &key, migrate.Digest{}
	r.claim = msg
}

func (m *model) free(r *modelRecord, key migrate.RecordKey) {
	msg := r.claim
	if msg == nil || msg.gone || msg.claim == nil || *msg.claim != key {
		return
	}
	msg.claim, msg.digest = nil, r.Identity.Digest
	if msg.uid == 0 {
		delete(m.folder(r.Folder, r.UIDValidity), msg.place)
	}
}

func (m *model) matches(folder string, uidValidity uint32, e migrate.Envelope) (out []migrate.Match) {
	var found []*modelMessage
	for _, msg := range m.folders[folderKey{folder, uidValidity}] {
		if msg.envelope == e {
			found = append(found, msg)
		}
	}
	slices.SortFunc(found, func(a, b *modelMessage) int {
		return cmp.Or(cmp.Compare(a.uid-1, b.uid-1), cmp.Compare(a.number, b.number)) // 0-1 is the last
	})
	for _, msg := range found {
		match := migrate.Match{UID: msg.uid, Size: msg.size, Digest: msg.digest}
		if msg.claim != nil {
			id := m.records[*msg.claim].Identity
			match.Source, match.ID, match.Digest, match.Version = msg.claim.Source, msg.claim.ID, id.Digest, id.Version
		}
		out = append(out, match)
	}
	return out
}

// The small world that random batches are drawn from.
var (
	worldSources  = []string{"", "pop3s://me@old"}
	worldIDs      = []string{"", "a", "b", "c\x00\xff"}
	worldFolders  = []string{"", "INBOX"}
	worldValidity = []uint32{0, 7, 8}
	worldUIDs     = []uint32{1, 2, 3, 0xFFFFFFFF}
	worldEnvelope = []migrate.Envelope{{}, {1}, {1, 2}, {0xff}}
)

func drawKey(t *rapid.T) migrate.RecordKey {
	k := migrate.RecordKey{Source: rapid.SampledFrom(worldSources).Draw(t, "source"), ID: rapid.SampledFrom(worldIDs).Draw(t, "id")}
	if k == (migrate.RecordKey{}) {
		k.ID = "d"
	}
	return k
}

func drawIndexed(t *rapid.T) migrate.IndexedIn {
	return migrate.IndexedIn{
		Folder: rapid.SampledFrom(worldFolders).Draw(t, "folder"), UIDValidity: rapid.SampledFrom(worldValidity).Draw(t, "uidvalidity"),
		Indexed: migrate.Indexed{
			UID: rapid.SampledFrom(worldUIDs).Draw(t, "uid"), Size: rapid.Int64Range(0, 9).Draw(t, "size"),
			Envelope: rapid.SampledFrom(worldEnvelope).Draw(t, "envelope"),
		},
	}
}

func drawRecord(t *rapid.T) migrate.Record {
	k := drawKey(t)
	r := migrate.Record{
		Source: k.Source, ID: k.ID, Outcome: migrate.Outcome(rapid.IntRange(0, int(migrate.Failed)).Draw(t, "outcome")),
		Listed: rapid.Int64().Draw(t, "listed"), Size: rapid.Int64Range(0, 9).Draw(t, "size"),
		Folder: rapid.SampledFrom(worldFolders).Draw(t, "folder"), UIDValidity: rapid.SampledFrom(worldValidity).Draw(t, "uidvalidity"),
		UID:       rapid.SampledFrom(append([]uint32{0}, worldUIDs...)).Draw(t, "uid"),
		MessageID: rapid.SampledFrom([]string{"", "<a@b>"}).Draw(t, "Message-ID"), Subject: rapid.SampledFrom([]string{"", "a subject"}).Draw(t, "subject"),
		Reason: rapid.SampledFrom([]string{"", "NO [TOOBIG] no"}).Draw(t, "reason"), Tries: rapid.Uint32().Draw(t, "tries"),
	}
	if rapid.Bool().Draw(t, "claiming") {
		r.Outcome = migrate.Copied
	}
	r.Identity.Version = rapid.Uint8().Draw(t, "version")
	r.Identity.Envelope = rapid.SampledFrom(worldEnvelope).Draw(t, "envelope")
	r.Identity.Body[0] = rapid.Uint8Range(0, 3).Draw(t, "body")
	r.Identity.Digest = derivedDigest(&r.Identity)
	if rapid.Bool().Draw(t, "odd digest") {
		r.Identity.Digest[0]++
	}
	if rapid.Bool().Draw(t, "dated") {
		zone := time.FixedZone("", rapid.IntRange(-50000, 50000).Draw(t, "zone"))
		r.Date = time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "date"), rapid.Int64Range(0, 999999999).Draw(t, "nsec")).In(zone)
		r.Time = time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "time"), 0).UTC()
	}
	return r
}

func drawBatch(t *rapid.T) *migrate.Batch {
	return &migrate.Batch{
		Forget:  rapid.SliceOfN(rapid.Custom(drawKey), 0, 2).Draw(t, "forget"),
		Index:   rapid.SliceOfN(rapid.Custom(drawIndexed), 0, 4).Draw(t, "index"),
		Records: rapid.SliceOfN(rapid.Custom(drawRecord), 0, 5).Draw(t, "records"),
		Folders: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) migrate.FolderMark {
			return migrate.FolderMark{
				Name: rapid.SampledFrom(worldFolders).Draw(t, "folder"), Dirty: rapid.Bool().Draw(t, "dirty"),
				UIDValidity: rapid.SampledFrom(worldValidity).Draw(t, "uidvalidity"), Next: rapid.Uint32().Draw(t, "next"),
			}
		}), 0, 1).Draw(t, "folders"),
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// compare reads all there can be of the small world, both ways.
func compare(t fataler, s *Store, m *model) {
	t.Helper()
	for _, source := range worldSources {
		for _, id := range append([]string{"d"}, worldIDs...) {
			got, found, err := s.Record(source, id)
			want := m.records[migrate.RecordKey{Source: source, ID: id}]
			if err != nil || found != (want != nil) || found && !sameRecord(got, want.Record) {
				t.Fatalf("Record(%q, %q):\n got %+v, %v, %v\nwant %+v", source, id, got, found, err, want)
			}
			got.Identity = migrate.Identity{}
			if skimmed, also, err := s.Skim(source, id); err != nil || also != found || !sameRecord(skimmed, got) {
				t.Fatalf("Skim(%q, %q):\n got %+v, %v, %v\nwant %+v", source, id, skimmed, also, err, got)
			}
		}
	}
	for _, folder := range worldFolders {
		for _, v := range worldValidity {
			for _, e := range worldEnvelope {
				got, err := s.Matches(folder, v, e)
				if want := m.matches(folder, v, e); err != nil || !slices.Equal(got, want) {
					t.Fatalf("Matches(%q, %d, %x):\n got %+v, %v\nwant %+v", folder, v, e, got, err, want)
				}
			}
		}
		want := m.marks[folder]
		want.Name = folder
		if got, err := s.Folder(folder); err != nil || got != want {
			t.Fatalf("Folder(%q) = %+v, %v, want %+v", folder, got, err, want)
		}
	}
	n := 0
	for _, source := range s.Sources() {
		last := ""
		for r, err := range s.Records(source) {
			want := m.records[migrate.RecordKey{Source: source, ID: r.ID}]
			if err != nil || want == nil || !sameRecord(r, want.Record) || r.ID < last {
				t.Fatalf("Records(%q) yields %+v, %v, want %+v", source, r, err, want)
			}
			last, n = r.ID, n+1
		}
	}
	if n != len(m.records) {
		t.Fatalf("Records yields %d, want %d", n, len(m.records))
	}
}

// sameRecord also wants the zone of the date to be the same: it goes into INTERNALDATE.
func sameRecord(a, b migrate.Record) bool {
	_, za := a.Date.Zone()
	_, zb := b.Date.Zone()
	if !a.Date.Equal(b.Date) || za != zb || !a.Time.Equal(b.Time) {
		return false
	}
	a.Date, a.Time = b.Date, b.Time
	return a == b
}

// TestModel drives a store and the model through the same random batches, with failing ones, backups and reopening in between.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1700000000, 5).UTC()
		o := Options{Dir: dir, Account: "model", Now: func() time.Time { return now }}
		os.Remove(Path(dir, o.Account))
		open := func() *Store {
			s, err := Open(o)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			s.db.NoSync = true
			return s
		}
		s, m := open(), newModel()
		defer func() { s.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { compare(t, s, m) },
			"commit": func(t *rapid.T) {
				b := drawBatch(t)
				if err := s.Commit(b); err != nil {
					t.Fatalf("commit: %v", err)
				}
				m.commit(b, now)
			},
			"commit in vain": func(t *rapid.T) {
				b := drawBatch(t)
				b.Records = append(b.Records, migrate.Record{Source: "s", ID: strings.Repeat("x", MaxID+1)})
				if err := s.Commit(b); err == nil {
					t.Fatalf("an ID that is too long was taken")
				}
			},
			"reopen": func(t *rapid.T) {
				s.Close()
				s = open()
			},
			"restore": func(t *rapid.T) {
				var buf bytes.Buffer
				if _, err := s.Backup(&buf); err != nil {
					t.Fatalf("backup: %v", err)
				}
				s.Close()
				if err := os.WriteFile(s.File(), buf.Bytes(), 0o600); err != nil {
					t.Fatalf("restore: %v", err)
				}
				s = open()
			},
		})
	})
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err := errors.Join(err); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
