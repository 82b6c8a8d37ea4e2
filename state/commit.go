package state

import (
	"bytes"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"poplift/migrate"
)

// MaxID is the longest entry ID, in octets. bbolt's own bound is 32,768 for a key.
const MaxID = 32000

// sweepAtOnce bounds how many places of retired generations one Commit deletes.
const sweepAtOnce = 512

// Commit writes a batch in one durable transaction. A batch that changes nothing writes nothing.
//
// What the contract leaves open: of two records that name the same UID, the later one has it, and the earlier one claims nothing any more.
// A message freed by Forget, or by a record that names another UID or no longer claims, stays a match without a claim, with the digest that
// its record had, for its octets are known; one without a UID is gone with its claim, since nothing could ever find it again. A claimed
// message is found under its record's envelope, also when the target announced another (servers rewrite headers). A Record whose Time is
// zero gets the time of the Commit. When err is not nil, nothing was written, or the disk would not say.
func (s *Store) Commit(b *migrate.Batch) error {
	if b.Empty() {
		return nil
	}
	s.commit.Lock()
	defer s.commit.Unlock()
	defer s.lookups.resume()
	err := s.guard(func() error {
		if err := s.lookups.pause(); err != nil {
			return err
		}
		var after *catalog
		err := s.db.Update(func(tx *bolt.Tx) error {
			w, err := newWriter(tx, s.catalog.Load(), s.now())
			if err != nil {
				return err
			}
			if err := w.batch(b); err != nil {
				return err
			}
			if err := w.sweep(sweepAtOnce); err != nil {
				return err
			}
			if !w.wrote {
				return errNothing
			}
			after = w.cat
			return w.finish(tx)
		})
		if err != nil {
			return err
		}
		s.catalog.Store(after)
		return nil
	})
	if err == nil || err == errNothing {
		return nil
	}
	s.reload() // an fsync that failed may have happened all the same
	return s.fail("commit state", err)
}

// errNothing rolls a transaction back that would have changed nothing.
var errNothing = errors.New("nothing to write")

func (w *writer) batch(b *migrate.Batch) error {
	for _, k := range b.Forget {
		if err := w.forget(k); err != nil {
			return fmt.Errorf("forget %q: %w", k.ID, err)
		}
	}
	for i := range b.Index {
		if err := w.index(&b.Index[i]); err != nil {
			return fmt.Errorf("index %q, UID %d: %w", b.Index[i].Folder, b.Index[i].UID, err)
		}
	}
	for i := range b.Records {
		if err := w.record(b.Records[i]); err != nil {
			return fmt.Errorf("record %q: %w", b.Records[i].ID, err)
		}
	}
	for _, m := range b.Folders {
		if err := w.mark(m); err != nil {
			return fmt.Errorf("folder %q: %w", m.Name, err)
		}
	}
	return nil
}

func (w *writer) forget(k migrate.RecordKey) error {
	source, ok := w.cat.sourceID[k.Source]
	if !ok || len(k.ID) > MaxID {
		return nil
	}
	key := recordKey(nil, source, k.ID)
	old, found, err := w.row(key)
	if err != nil || !found {
		return err
	}
	if old.claims {
		if err := w.free(&old, key); err != nil {
			return err
		}
	}
	return w.remove(w.records, key)
}

func (w *writer) index(i *migrate.IndexedIn) error {
	if i.UID == 0 {
		return errors.New("an indexed message needs a UID")
	}
	generation, err := w.generation(i.Folder, i.UIDValidity)
	if err != nil {
		return err
	}
	p := place{generation: generation, uid: i.UID}
	if w.places.Get(placeKey(w.key[:0], p)) != nil {
		return nil
	}
	return w.occupy(p, &occupant{envelope: i.Envelope, size: i.Size, indexed: true})
}

func (w *writer) record(rec migrate.Record) error {
	if rec.Source == "" && rec.ID == "" {
		return errors.New("it has neither source nor ID")
	}
	if len(rec.ID) > MaxID {
		return fmt.Errorf("an ID of %d octets; %d are possible", len(rec.ID), MaxID)
	}
	if rec.Outcome > migrate.Uncertain {
		return fmt.Errorf("outcome %d is unknown", uint8(rec.Outcome))
	}
	source, err := w.source(rec.Source)
	if err != nil {
		return err
	}
	r := row{Record: rec, claims: rec.Outcome == migrate.Copied || rec.Outcome == migrate.Adopted}
	if r.Time.IsZero() {
		r.Time = w.now
	}
	if r.folder = r.claims || rec.Folder != "" || rec.UIDValidity != 0; r.folder {
		if r.generation, err = w.generation(rec.Folder, rec.UIDValidity); err != nil {
			return err
		}
	}
	key := recordKey(nil, source, rec.ID)
	if err := w.move(key, &r); err != nil {
		return err
	}
	return w.put(w.records, tagRecord, key, func(b []byte) []byte { return appendRow(b, &r) })
}

// move takes a record's claim from where it was to where r says; a running number is kept or given.
func (w *writer) move(key []byte, r *row) error {
	old, found, err := w.row(key)
	if err != nil {
		return err
	}
	held := found && old.claims
	if r.claims && r.UID == 0 {
		if held && old.UID == 0 && old.generation == r.generation {
			r.number = old.number
		} else if r.number, err = w.places.NextSequence(); err != nil {
			return err
		}
	}
	if held && (!r.claims || old.place() != r.place()) {
		if err := w.free(&old, key); err != nil {
			return err
		}
	}
	if !r.claims {
		return nil
	}
	return w.claim(r, key)
}

func (w *writer) claim(r *row, key []byte) error {
	p := r.place()
	o, found, err := w.occupantAt(p)
	if err != nil {
		return err
	}
	if found && o.envelope != r.Identity.Envelope {
		if err := w.prints.Delete(printKey(nil, p, o.envelope)); err != nil {
			return err
		}
	}
	if !o.indexed {
		o.size = r.Size
	}
	o.envelope, o.claim, o.digest = r.Identity.Envelope, key, migrate.Digest{}
	return w.occupy(p, &o)
}

// free ends the claim of the record old at key, unless another has taken it over.
func (w *writer) free(old *row, key []byte) error {
	p := old.place()
	o, found, err := w.occupantAt(p)
	if err != nil || !found || !bytes.Equal(o.claim, key) {
		return err
	}
	if p.uid == 0 {
		return errors.Join(w.remove(w.places, placeKey(nil, p)), w.prints.Delete(printKey(nil, p, o.envelope)))
	}
	o.claim, o.digest = nil, old.Identity.Digest
	return w.occupy(p, &o)
}

// occupy writes a place and the print that leads to it.
func (w *writer) occupy(p place, o *occupant) error {
	w.key = printKey(w.key[:0], p, o.envelope)
	if err := w.prints.Put(w.key, nil); err != nil {
		return err
	}
	w.key = placeKey(w.key[:0], p)
	return w.put(w.places, tagPlace, w.key, func(b []byte) []byte { return appendOccupant(b, o) })
}
