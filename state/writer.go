package state

import (
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"
)

// writer is one transaction that writes.
type writer struct {
	buckets
	cat   *catalog
	owned bool // cat is a copy of ours
	wrote bool
	sum   uint64 // of all rows, see rowSum
	now   time.Time
	key   []byte // scratch: bbolt copies keys
	arena []byte // bbolt keeps values until the transaction ends
}

const arenaSize = 64 << 10

func newWriter(tx *bolt.Tx, cat *catalog, now time.Time) (*writer, error) {
	w := &writer{buckets: bucketsOf(tx), cat: cat, now: now}
	w.places.FillPercent = placesFill
	w.records.FillPercent = recordsFill
	value, err := unseal(tagMeta, metaSum, w.meta.Get(metaSum))
	if err == nil {
		w.sum, _, err = readSum(value)
	}
	return w, err
}

// finish writes what only the end of a transaction knows.
func (w *writer) finish(tx *bolt.Tx) error {
	return w.meta.Put(metaSum, seal(tagMeta, metaSum, appendSum(nil, w.sum, tx.ID()), 0))
}

// appendSum appends the value of metaSum: the sum over all rows, and the number of the transaction that wrote it.
func appendSum(b []byte, sum uint64, tx int) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, sum), uint64(tx))
}

func readSum(value []byte) (sum, tx uint64, err error) {
	d := decoder{b: value}
	if sum, tx = d.uvarint(), d.uvarint(); d.bad {
		return 0, 0, damagef("it tells no sum")
	}
	return sum, tx, nil
}

// UIDs only grow, so full pages are never split again; UIDLs do on most servers, and elsewhere are random.
const placesFill, recordsFill = 0.9, 0.75

func (w *writer) ownCatalog() {
	if !w.owned {
		w.cat, w.owned = w.cat.clone(), true
	}
}

// put stores the value that build appends, sealed.
func (w *writer) put(to *bolt.Bucket, tag byte, key []byte, build func([]byte) []byte) error {
	if cap(w.arena)-len(w.arena) < 512 {
		w.arena = make([]byte, 0, arenaSize)
	}
	from := len(w.arena)
	w.arena = seal(tag, key, build(w.arena), from) // a value that outgrows the arena moves it; older values keep the old one
	value := w.arena[from:len(w.arena):len(w.arena)]
	w.wrote = true
	w.sum += rowSum(value) - rowSum(to.Get(key))
	return to.Put(key, value)
}

// remove deletes a value that was put.
func (w *writer) remove(from *bolt.Bucket, key []byte) error {
	w.wrote = true
	w.sum -= rowSum(from.Get(key))
	return from.Delete(key)
}

// rowSum is what one stored value adds to the sum over all rows, made of its checksum; nil adds nothing. With the sum and the number of the
// transaction in meta, a file tells when a disk has lost the write of a page whose former content was sound too.
func rowSum(stored []byte) uint64 {
	if len(stored) < sumSize {
		return 0
	}
	x := uint64(big.Uint32(stored[len(stored)-sumSize:])) + 0x9e3779b97f4a7c15 // the mixing of SplitMix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// buckets are a transaction's.
type buckets struct{ meta, sources, folders, places, prints, records *bolt.Bucket }

var (
	bucketMeta    = []byte("meta")
	bucketSources = []byte("sources")
	bucketFolders = []byte("folders")
	bucketPlaces  = []byte("places")
	bucketPrints  = []byte("prints")
	bucketRecords = []byte("records")
)

func bucketsOf(tx *bolt.Tx) buckets {
	return buckets{
		meta: tx.Bucket(bucketMeta), sources: tx.Bucket(bucketSources), folders: tx.Bucket(bucketFolders),
		places: tx.Bucket(bucketPlaces), prints: tx.Bucket(bucketPrints), records: tx.Bucket(bucketRecords),
	}
}

// row reads a record; its Source, ID, Folder and UIDValidity are left to the caller.
func (b buckets) row(key []byte) (row, bool, error) {
	stored := b.records.Get(key)
	if stored == nil {
		return row{}, false, nil
	}
	value, err := unseal(tagRecord, key, stored)
	if err != nil {
		return row{}, false, err
	}
	r, err := readRow(value)
	return r, err == nil, err
}

func (b buckets) occupantAt(p place) (occupant, bool, error) {
	key := placeKey(make([]byte, 0, 16), p)
	stored := b.places.Get(key)
	if stored == nil {
		return occupant{}, false, nil
	}
	o, err := b.occupant(key, stored)
	return o, err == nil, err
}

func (b buckets) occupant(key, stored []byte) (occupant, error) {
	value, err := unseal(tagPlace, key, stored)
	if err != nil {
		return occupant{}, err
	}
	return readOccupant(value)
}

// generationAt reads one generation in this transaction: a Commit may have published a newer catalog, or not yet this one.
func (b buckets) generationAt(id uint32) (generation, error) {
	key := big.AppendUint32(make([]byte, 0, generationSize), id)
	value, err := unseal(tagFolder, key, b.folders.Get(key))
	if err != nil {
		return generation{}, err
	}
	return readGeneration(value)
}
