package state

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"time"

	"poplift/migrate"
)

// Every bucket has a tag that goes into its checksums, so that a value that strays into another bucket is no value there.
const (
	tagMeta byte = 'm' + iota
	tagSource
	tagFolder
	tagPlace
	tagRecord
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	big        = binary.BigEndian
)

const sumSize = 4

func checksum(tag byte, key, value []byte) uint32 {
	sum := crc32.Update(tagSums[tag], castagnoli, key)
	return crc32.Update(sum, castagnoli, value)
}

// tagSums are the checksums of the tags alone, with which all others begin.
var tagSums = func() (sums [256]uint32) {
	for tag := range sums {
		sums[tag] = crc32.Checksum([]byte{byte(tag)}, castagnoli)
	}
	return sums
}()

// seal appends the checksum to the value that begins at buf[from:].
func seal(tag byte, key, buf []byte, from int) []byte {
	return big.AppendUint32(buf, checksum(tag, key, buf[from:]))
}

// unseal checks a stored value and returns it without its checksum.
func unseal(tag byte, key, stored []byte) ([]byte, error) {
	n := len(stored) - sumSize
	if n < 0 || big.Uint32(stored[n:]) != checksum(tag, key, stored[:n]) {
		return nil, damagef("checksum of the value at %q", key)
	}
	return stored[:n:n], nil
}

// recordFlags say which parts of a record's value are there.
type recordFlags byte

const (
	hasDigest    recordFlags = 1 << iota // the digest isn't the one that follows from header and body
	hasPlace                             // it claims a place
	hasFolder                            // folder and UIDVALIDITY, by generation
	hasIdentity                          // header and body are not both zero
	hasMessageID                         // a Message-ID, which only leftovers keep
	hasSubject                           // and what they are about
)

// row is a record as it is stored: names are ids.
type row struct {
	migrate.Record        // Source, ID, Folder and UIDValidity are not of the value
	generation     uint32 // meaningful with folder
	folder         bool
	claims         bool
	number         uint64 // the running number of a claimed place without a UID
}

// place is where it claims that its message lies.
func (r *row) place() place { return place{generation: r.generation, uid: r.UID, number: r.number} }

// appendRow appends a record's value.
func appendRow(b []byte, r *row) []byte {
	id := &r.Identity
	flags := recordFlags(0)
	set := func(f recordFlags, on bool) bool {
		if on {
			flags |= f
		}
		return on
	}
	set(hasDigest, id.Digest != derivedDigest(id))
	set(hasIdentity, id.Header != migrate.Digest{} || id.Body != migrate.Digest{})
	set(hasPlace, r.claims)
	set(hasFolder, r.folder)
	set(hasMessageID, r.MessageID != "")
	set(hasSubject, r.Subject != "")
	b = append(b, byte(flags), byte(r.Outcome), id.Version)
	b = append(b, id.Envelope[:]...)
	if flags&hasIdentity != 0 {
		b = append(append(b, id.Header[:]...), id.Body[:]...)
	}
	if flags&hasDigest != 0 {
		b = append(b, id.Digest[:]...)
	}
	b = binary.AppendVarint(b, r.Listed)
	b = binary.AppendVarint(b, r.Size)
	b = binary.AppendUvarint(b, uint64(r.UID))
	if flags&hasFolder != 0 {
		b = binary.AppendUvarint(b, uint64(r.generation))
	}
	if flags&hasPlace != 0 && r.UID == 0 {
		b = binary.AppendUvarint(b, r.number)
	}
	_, offset := r.Date.Zone()
	b = appendTime(b, r.Date)
	b = binary.AppendVarint(b, int64(offset))
	b = appendTime(b, r.Time)
	b = binary.AppendUvarint(b, uint64(r.Tries))
	if flags&hasMessageID != 0 {
		b = appendText(b, r.MessageID)
	}
	if flags&hasSubject != 0 {
		b = appendText(b, r.Subject)
	}
	return append(b, r.Reason...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readRow is appendRow's inverse.
func readRow(value []byte) (row, error) {
	var r row
	if err := r.skim(value); err != nil {
		return row{}, err
	}
	d := decoder{b: value[1:]} // skim has seen that it is all there
	flags := recordFlags(value[0])
	id := &r.Identity
	d.take(1)
	id.Version = d.take(1)[0]
	d.copy(id.Envelope[:])
	if flags&hasIdentity != 0 {
		d.copy(id.Header[:])
		d.copy(id.Body[:])
	}
	if flags&hasDigest != 0 {
		d.copy(id.Digest[:])
	} else {
		id.Digest = derivedDigest(id)
	}
	return r, nil
}

// skim reads all but the identity, which is a third of the work.
func (r *row) skim(value []byte) error {
	d := decoder{b: value}
	head := d.take(3)
	flags := recordFlags(head[0])
	r.Outcome = migrate.Outcome(head[1])
	identity := len(r.Identity.Envelope)
	if flags&hasIdentity != 0 {
		identity += 2 * sha256.Size
	}
	if flags&hasDigest != 0 {
		identity += sha256.Size
	}
	d.take(identity)
	r.Listed, r.Size, r.UID = d.varint(), d.varint(), d.uint32()
	r.folder, r.claims = flags&hasFolder != 0, flags&hasPlace != 0
	if r.folder {
		r.generation = d.uint32()
	}
	if r.claims && r.UID == 0 {
		r.number = d.uvarint()
	}
	r.Date = d.time()
	if offset := d.varint(); offset != 0 && offset == int64(int32(offset)) {
		r.Date = r.Date.In(time.FixedZone("", int(offset)))
	}
	r.Time, r.Tries = d.time(), d.uint32()
	if flags&hasMessageID != 0 {
		r.MessageID = d.text()
	}
	if flags&hasSubject != 0 {
		r.Subject = d.text()
	}
	r.Reason = string(d.b)
	if d.bad || r.Outcome > migrate.Uncertain {
		return damagef("a record that can't be read")
	}
	return nil
}

// derivedDigest is what Digest is by identity's rules, so that it need not be stored; zero for an identity of nothing.
func derivedDigest(id *migrate.Identity) migrate.Digest {
	if id.Header == (migrate.Digest{}) && id.Body == (migrate.Digest{}) {
		return migrate.Digest{}
	}
	var both [2 * sha256.Size]byte
	copy(both[:], id.Header[:])
	copy(both[sha256.Size:], id.Body[:])
	return sha256.Sum256(both[:])
}
