package migratetest

import (
	"cmp"
	"iter"
	"slices"
	"sync"

	"poplift/migrate"
)

// Store is a migrate.Store in memory. It is the contract in its shortest form.
type Store struct {
	Crash *Crasher

	mu      sync.Mutex
	records map[migrate.RecordKey]migrate.Record
	folders map[string]migrate.FolderMark
	indexed map[place]indexed
	commits int
}

type place struct {
	folder        string
	validity, uid uint32
}

type indexed struct {
	size     int64
	envelope migrate.Envelope
	digest   migrate.Digest // of a record that has claimed it once
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{records: map[migrate.RecordKey]migrate.Record{}, folders: map[string]migrate.FolderMark{}, indexed: map[place]indexed{}}
}

var _ migrate.Store = (*Store)(nil)

// Commits returns how many commits were made since the last call.
func (s *Store) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.commits
	s.commits = 0
	return n
}

func (s *Store) Record(source, id string) (migrate.Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[migrate.RecordKey{Source: source, ID: id}]
	return r, ok, nil
}

func (s *Store) Skim(source, id string) (migrate.Record, bool, error) {
	r, ok, err := s.Record(source, id)
	r.Identity = migrate.Identity{}
	return r, ok, err
}

func claims(r migrate.Record) bool {
	return r.Outcome == migrate.Copied || r.Outcome == migrate.Adopted
}

func (s *Store) Matches(folder string, validity uint32, e migrate.Envelope) ([]migrate.Match, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []migrate.Match
	taken := map[uint32]bool{}
	for k, r := range s.records {
		if claims(r) && r.Folder == folder && r.UIDValidity == validity && r.Identity.Envelope == e {
			out = append(out, migrate.Match{UID: r.UID, Size: r.Size, Source: k.Source, ID: k.ID, Digest: r.Identity.Digest, Version: r.Identity.Version})
			taken[r.UID] = true
		}
	}
	for p, m := range s.indexed {
		if p.folder == folder && p.validity == validity && m.envelope == e && !taken[p.uid] {
			out = append(out, migrate.Match{UID: p.uid, Size: m.size, Digest: m.digest})
		}
	}
	slices.SortFunc(out, func(a, b migrate.Match) int { return cmp.Compare(a.UID-1, b.UID-1) }) // 0 last
	return out, nil
}

func (s *Store) Records(source string) iter.Seq2[migrate.Record, error] {
	return func(yield func(migrate.Record, error) bool) {
		s.mu.Lock()
		var all []migrate.Record
		for k, r := range s.records {
			if k.Source == source {
				all = append(all, r)
			}
		}
		s.mu.Unlock()
		slices.SortFunc(all, func(a, b migrate.Record) int { return cmp.Compare(a.ID, b.ID) })
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *Store) Folder(name string) (migrate.FolderMark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.folders[name], nil
}

func (s *Store) Commit(b *migrate.Batch) error {
	l := s.Crash.life()
	if err := l.step(); err != nil {
		return err
	}
	s.mu.Lock()
	for _, k := range b.Forget {
		delete(s.records, k)
	}
	for _, m := range b.Index {
		p := place{m.Folder, m.UIDValidity, m.UID}
		if _, ok := s.indexed[p]; !ok {
			s.indexed[p] = indexed{size: m.Size, envelope: m.Envelope}
		}
	}
	for _, r := range b.Records {
		s.records[migrate.RecordKey{Source: r.Source, ID: r.ID}] = r
		if claims(r) && r.UID != 0 {
			s.indexed[place{r.Folder, r.UIDValidity, r.UID}] = indexed{r.Size, r.Identity.Envelope, r.Identity.Digest}
		}
	}
	for _, f := range b.Folders {
		s.folders[f.Name] = f
	}
	s.commits++
	s.mu.Unlock()
	return l.step()
}

func (s *Store) Close() error { return nil }
