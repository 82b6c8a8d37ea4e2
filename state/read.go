package state

import (
	"bytes"
	"io"
	"iter"
	"slices"

	bolt "go.etcd.io/bbolt"

	"poplift/migrate"
)

// Record returns what is known of one source message.
func (s *Store) Record(source, id string) (rec migrate.Record, found bool, err error) {
	return s.record(source, id, readRow)
}

// Skim is Record without Identity.
func (s *Store) Skim(source, id string) (rec migrate.Record, found bool, err error) {
	return s.record(source, id, func(value []byte) (r row, err error) {
		err = r.skim(value)
		return r, err
	})
}

func (s *Store) record(source, id string, read func(value []byte) (row, error)) (rec migrate.Record, found bool, err error) {
	err = s.guard(func() error {
		cat := s.catalog.Load()
		n, ok := cat.sourceID[source]
		if !ok || len(id) > MaxID {
			return nil
		}
		return s.lookups.with(s.db, n, id, func(tx *bolt.Tx, key, stored []byte) error {
			if found = stored != nil; !found {
				return nil
			}
			value, err := unseal(tagRecord, key, stored)
			if err != nil {
				return err
			}
			r, err := read(value)
			if err != nil {
				return err
			}
			if r.folder && int(r.generation) < len(cat.generations) {
				g := &cat.generations[r.generation]
				rec = r.Record
				rec.Source, rec.ID, rec.Folder, rec.UIDValidity = source, id, g.name, g.uidValidity
				return nil
			}
			rec, err = buckets{folders: tx.Bucket(bucketFolders)}.named(&r, source, id)
			return err
		})
	})
	return rec, found && err == nil, s.fail("read state", err)
}

// named gives a row its names.
func (b buckets) named(r *row, source, id string) (migrate.Record, error) {
	rec := r.Record
	rec.Source, rec.ID = source, id
	if r.folder {
		g, err := b.generationAt(r.generation)
		if err != nil {
			return migrate.Record{}, err
		}
		rec.Folder, rec.UIDValidity = g.name, g.uidValidity
	}
	return rec, nil
}

// Matches returns the messages in a folder under this UIDVALIDITY whose envelope is e, in order of UID, those without a UID last and in the
// order that they came.
func (s *Store) Matches(folder string, uidValidity uint32, e migrate.Envelope) (matches []migrate.Match, err error) {
	err = s.view("read state", func(_ *bolt.Tx, b buckets) error {
		cat := s.catalog.Load()
		generation, ok := cat.live[folderKey{folder, uidValidity}]
		if !ok {
			return nil
		}
		var buf [32]byte
		prefix := append(big.AppendUint32(buf[:0], generation), e[:]...)
		c := b.prints.Cursor()
		for k, _ := c.Seek(prefix); hasPrefix(k, prefix); k, _ = c.Next() {
			p, ok := placeOf(generation, k[printPrefix:])
			if !ok {
				return damagef("print %x", k)
			}
			m, err := b.match(cat, p)
			if err != nil {
				return err
			}
			matches = append(matches, m)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return matches, nil
}

func hasPrefix(k, prefix []byte) bool { return k != nil && bytes.HasPrefix(k, prefix) }

func (b buckets) match(cat *catalog, p place) (migrate.Match, error) {
	o, found, err := b.occupantAt(p)
	if err != nil {
		return migrate.Match{}, err
	}
	if !found {
		return migrate.Match{}, damagef("a print that leads nowhere")
	}
	m := migrate.Match{UID: p.uid, Size: o.size, Digest: o.digest}
	if o.claim == nil {
		return m, nil
	}
	r, found, err := b.row(o.claim)
	if err != nil {
		return migrate.Match{}, err
	}
	source := int(big.Uint16(o.claim))
	if !found || source >= len(cat.sources) {
		return migrate.Match{}, damagef("a claim of nobody")
	}
	m.Source, m.ID, m.Digest = cat.sources[source], string(o.claim[sourceSize:]), r.Identity.Digest
	m.Version = r.Identity.Version
	return m, nil
}

// Folder returns the folder's newest mark; UIDValidity is 0 when it was never seen.
func (s *Store) Folder(name string) (migrate.FolderMark, error) {
	m := migrate.FolderMark{Name: name}
	err := s.guard(func() error {
		cat := s.catalog.Load()
		if id, ok := cat.marked[name]; ok {
			g := &cat.generations[id]
			m.UIDValidity, m.Next, m.Dirty = g.uidValidity, g.next, g.dirty
		}
		return nil
	})
	return m, s.fail("read state", err)
}

// Sources lists the sources that have ever had a record, in the order they came.
func (s *Store) Sources() (names []string) {
	s.guard(func() error {
		names = slices.Clone(s.catalog.Load().sources)
		return nil
	})
	return names
}

const pageOfRecords = 256

// Records yields a source's records in order of ID, as they are when it comes to them. No transaction stays open while the caller has
// one in hand: it may call Commit.
func (s *Store) Records(source string) iter.Seq2[migrate.Record, error] {
	return func(yield func(migrate.Record, error) bool) {
		var from []byte // the key behind the last one
		for {
			page, next, err := s.records(source, from)
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
			}
			if err != nil {
				yield(migrate.Record{}, err)
				return
			}
			if from = next; next == nil {
				return
			}
		}
	}
}

func (s *Store) records(source string, from []byte) (page []migrate.Record, next []byte, err error) {
	err = s.view("read state", func(_ *bolt.Tx, b buckets) error {
		n, ok := s.catalog.Load().sourceID[source]
		if !ok {
			return nil
		}
		prefix := big.AppendUint16(nil, n)
		if from == nil {
			from = prefix
		}
		c := b.records.Cursor()
		for k, v := c.Seek(from); hasPrefix(k, prefix); k, v = c.Next() {
			if len(page) == pageOfRecords {
				next = bytes.Clone(k)
				return nil
			}
			value, err := unseal(tagRecord, k, v)
			if err != nil {
				return err
			}
			r, err := readRow(value)
			if err != nil {
				return err
			}
			rec, err := b.named(&r, source, string(k[sourceSize:]))
			if err != nil {
				return err
			}
			page = append(page, rec)
		}
		return nil
	})
	return page, next, err
}

// Counts adds up all records by outcome, in messages and the octets that the sources announced.
func (s *Store) Counts() (map[migrate.Outcome]migrate.Tally, error) {
	counts := map[migrate.Outcome]migrate.Tally{}
	for _, source := range s.Sources() {
		for r, err := range s.Records(source) {
			if err != nil {
				return nil, err
			}
			t := counts[r.Outcome]
			t.Messages++
			t.Octets += r.Listed
			counts[r.Outcome] = t
		}
	}
	return counts, nil
}

// Backup writes a copy of the file as it is now, which Open takes; commits go on meanwhile. A plain copy of a file in use may be damaged.
func (s *Store) Backup(w io.Writer) (octets int64, err error) {
	err = s.view("back up state", func(tx *bolt.Tx, _ buckets) error {
		octets, err = tx.WriteTo(w)
		return err
	})
	return octets, err
}
