package state

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	bolt "go.etcd.io/bbolt"

	"poplift/migrate"
)

// catalog is the names that rows hold ids of: sources and generations. It is small, lies in memory whole, and never changes once it is
// published; a Commit works on a copy.
type catalog struct {
	sources     []string // by id
	sourceID    map[string]uint16
	generations []generation // by id
	live        map[folderKey]uint32
	marked      map[string]uint32 // folder → the generation its mark is of
	unswept     []uint32          // retired, with places still in the file
}

// folderKey names a generation that isn't retired.
type folderKey struct {
	name        string
	uidValidity uint32
}

// generation is one folder under one UIDVALIDITY. A retired one keeps its name: records may still tell it.
type generation struct {
	folderKey
	next                          uint32
	marked, dirty, retired, swept bool
}

const (
	generationMarked = 1 << iota
	generationDirty
	generationRetired
	generationSwept
)

func appendGeneration(b []byte, g *generation) []byte {
	flags := byte(0)
	for i, on := range []bool{g.marked, g.dirty, g.retired, g.swept} {
		if on {
			flags |= 1 << i
		}
	}
	b = big.AppendUint32(append(b, flags), g.uidValidity)
	return append(big.AppendUint32(b, g.next), g.name...)
}

func readGeneration(value []byte) (generation, error) {
	d := decoder{b: value}
	flags := d.take(1)[0]
	g := generation{
		folderKey: folderKey{uidValidity: big.Uint32(d.take(4))},
		next:      big.Uint32(d.take(4)),
		marked:    flags&generationMarked != 0, dirty: flags&generationDirty != 0,
		retired: flags&generationRetired != 0, swept: flags&generationSwept != 0,
	}
	g.name = string(d.b)
	if d.bad {
		return generation{}, damagef("a folder that can't be read")
	}
	return g, nil
}

// loadCatalog reads the whole catalog.
func loadCatalog(tx *bolt.Tx) (*catalog, error) {
	c := &catalog{sourceID: map[string]uint16{}, live: map[folderKey]uint32{}, marked: map[string]uint32{}}
	err := tx.Bucket(bucketSources).ForEach(func(k, v []byte) error {
		name, err := unseal(tagSource, k, v)
		if err != nil {
			return err
		}
		if len(k) != sourceSize || int(big.Uint16(k)) != len(c.sources) {
			return damagef("source %x out of order", k)
		}
		c.sourceID[string(name)] = big.Uint16(k)
		c.sources = append(c.sources, string(name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = tx.Bucket(bucketFolders).ForEach(func(k, v []byte) error {
		value, err := unseal(tagFolder, k, v)
		if err != nil {
			return err
		}
		g, err := readGeneration(value)
		if err != nil {
			return err
		}
		if len(k) != generationSize || int(big.Uint32(k)) != len(c.generations) {
			return damagef("folder %x out of order", k)
		}
		c.add(g)
		return nil
	})
	return c, err
}

func (c *catalog) add(g generation) uint32 {
	id := uint32(len(c.generations))
	c.generations = append(c.generations, g)
	if g.retired {
		if !g.swept {
			c.unswept = append(c.unswept, id)
		}
		return id
	}
	c.live[g.folderKey] = id
	if g.marked {
		c.marked[g.name] = id
	}
	return id
}

func (c *catalog) clone() *catalog {
	return &catalog{
		sources: slices.Clone(c.sources), sourceID: maps.Clone(c.sourceID), generations: slices.Clone(c.generations),
		live: maps.Clone(c.live), marked: maps.Clone(c.marked), unswept: slices.Clone(c.unswept),
	}
}

// source returns a source's id, giving it one when it is new.
func (w *writer) source(name string) (uint16, error) {
	if id, ok := w.cat.sourceID[name]; ok {
		return id, nil
	}
	if len(w.cat.sources) > math.MaxUint16 {
		return 0, errors.New("too many sources in one account")
	}
	w.ownCatalog()
	id := uint16(len(w.cat.sources))
	w.cat.sources = append(w.cat.sources, name)
	w.cat.sourceID[name] = id
	return id, w.put(w.sources, tagSource, big.AppendUint16(nil, id), func(b []byte) []byte { return append(b, name...) })
}

// generation returns the id of a folder's live generation, making one when there is none.
func (w *writer) generation(folder string, uidValidity uint32) (uint32, error) {
	key := folderKey{folder, uidValidity}
	if id, ok := w.cat.live[key]; ok {
		return id, nil
	}
	if len(w.cat.generations) == math.MaxInt32 {
		return 0, errors.New("too many folders in one account")
	}
	w.ownCatalog()
	id := w.cat.add(generation{folderKey: key})
	return id, w.writeGeneration(id)
}

func (w *writer) writeGeneration(id uint32) error {
	g := &w.cat.generations[id]
	return w.put(w.folders, tagFolder, big.AppendUint32(nil, id), func(b []byte) []byte { return appendGeneration(b, g) })
}

// mark puts a folder's mark. When it is of another UIDVALIDITY than the mark before, all that is known of the folder under any other
// UIDVALIDITY is retired: UIDs mean nothing across it, and a server that was set back may come with an old one and other messages.
func (w *writer) mark(m migrate.FolderMark) error {
	old, had := w.cat.marked[m.Name]
	id, err := w.generation(m.Name, m.UIDValidity)
	if err != nil {
		return err
	}
	g := w.cat.generations[id]
	if had && old == id && g.next == m.Next && g.dirty == m.Dirty {
		return nil
	}
	w.ownCatalog()
	if !had || old != id {
		if err := w.retireOthers(m.Name, id); err != nil {
			return err
		}
	}
	g.marked, g.next, g.dirty = true, m.Next, m.Dirty
	w.cat.generations[id] = g
	w.cat.marked[m.Name] = id
	return w.writeGeneration(id)
}

func (w *writer) retireOthers(folder string, but uint32) error {
	for key, id := range w.cat.live {
		if key.name != folder || id == but {
			continue
		}
		delete(w.cat.live, key)
		w.cat.unswept = append(w.cat.unswept, id)
		g := &w.cat.generations[id]
		g.retired, g.marked = true, false
		if err := w.writeGeneration(id); err != nil {
			return err
		}
	}
	return nil
}

// sweep deletes places of retired generations, at most limit of them, so that a server whose UIDVALIDITY changes every day doesn't fill the
// disk, and no single Commit pays for a whole folder.
func (w *writer) sweep(limit int) error {
	for len(w.cat.unswept) > 0 && limit > 0 {
		id := w.cat.unswept[0]
		prefix := big.AppendUint32(nil, id)
		var keys [][]byte
		c := w.places.Cursor()
		for k, v := c.Seek(prefix); k != nil && len(keys) < 2*limit && hasPrefix(k, prefix); k, v = c.Next() {
			o, err := w.occupant(k, v)
			if err != nil {
				return err
			}
			p, ok := placeOf(id, k[generationSize:])
			if !ok {
				return damagef("place %x", k)
			}
			keys = append(keys, slices.Clone(k), printKey(nil, p, o.envelope))
		}
		for i := 0; i < len(keys); i += 2 {
			if err := errors.Join(w.remove(w.places, keys[i]), w.prints.Delete(keys[i+1])); err != nil {
				return fmt.Errorf("sweep folder %d: %w", id, err)
			}
			limit--
		}
		if limit > 0 { // the end was reached
			w.ownCatalog()
			w.cat.unswept = w.cat.unswept[1:]
			w.cat.generations[id].swept = true
			if err := w.writeGeneration(id); err != nil {
				return err
			}
		}
	}
	return nil
}
