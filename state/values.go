package state

import (
	"encoding/binary"
	"time"

	"poplift/migrate"
)

// decoder takes a stored value apart. After the first thing that isn't there, bad is set and everything is zero.
type decoder struct {
	b   []byte
	bad bool
}

// take returns the next n octets; n zeros when they aren't there.
func (d *decoder) take(n int) []byte {
	if len(d.b) < n {
		d.bad, d.b = true, nil
		return make([]byte, n)
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) copy(to []byte) { copy(to, d.take(len(to))) }

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) uint32() uint32 {
	v := d.uvarint()
	if v > 1<<32-1 {
		d.bad = true
		return 0
	}
	return uint32(v)
}

// time is in UTC.
// text is what appendText has written.
func (d *decoder) text() string { return string(d.take(int(min(d.uvarint(), 1<<20)))) }

func (d *decoder) time() time.Time {
	sec, nsec := d.varint(), d.uvarint()
	if nsec >= 1e9 {
		d.bad = true
		return time.Time{}
	}
	return time.Unix(sec, int64(nsec)).UTC()
}

func appendTime(b []byte, t time.Time) []byte {
	b = binary.AppendVarint(b, t.Unix())
	return binary.AppendUvarint(b, uint64(t.Nanosecond()))
}

// place is where a message lies: a UID of a generation, or, with uid 0, a running number.
type place struct {
	generation uint32
	uid        uint32
	number     uint64
}

const (
	placeUID    = 0 // then the UID, 4 octets
	placeNumber = 1 // then the running number, 8: sorts behind every UID
)

// appendPlace appends the part of a key that comes behind the generation.
func appendPlace(b []byte, p place) []byte {
	if p.uid != 0 {
		return big.AppendUint32(append(b, placeUID), p.uid)
	}
	return big.AppendUint64(append(b, placeNumber), p.number)
}

// placeKey appends a key of the places.
func placeKey(b []byte, p place) []byte { return appendPlace(big.AppendUint32(b, p.generation), p) }

// printKey appends a key of the prints.
func printKey(b []byte, p place, e migrate.Envelope) []byte {
	return appendPlace(append(big.AppendUint32(b, p.generation), e[:]...), p)
}

const generationSize, printPrefix = 4, 4 + len(migrate.Envelope{})

// placeOf reads what appendPlace wrote.
func placeOf(generation uint32, b []byte) (place, bool) {
	switch {
	case len(b) == 5 && b[0] == placeUID:
		return place{generation: generation, uid: big.Uint32(b[1:])}, true
	case len(b) == 9 && b[0] == placeNumber:
		return place{generation: generation, number: big.Uint64(b[1:])}, true
	}
	return place{}, false
}

// occupant is what is known of the message in a place.
type occupant struct {
	envelope migrate.Envelope
	size     int64
	// indexed says that size is what the target announced; else it is the record's.
	indexed bool
	// claim is the key of the record that has claimed it; nil when none has.
	claim []byte
	// digest is of an unclaimed message whose octets are known all the same: its record was there once.
	digest migrate.Digest
}

const (
	occupantIndexed = 1 << iota
	occupantClaimed
	occupantDigest
)

func appendOccupant(b []byte, o *occupant) []byte {
	flags := byte(0)
	if o.indexed {
		flags |= occupantIndexed
	}
	if o.claim != nil {
		flags |= occupantClaimed
	}
	if o.digest != (migrate.Digest{}) {
		flags |= occupantDigest
	}
	b = append(append(b, flags), o.envelope[:]...)
	b = binary.AppendVarint(b, o.size)
	if flags&occupantDigest != 0 {
		b = append(b, o.digest[:]...)
	}
	return append(b, o.claim...)
}

// readOccupant's claim is part of value.
func readOccupant(value []byte) (occupant, error) {
	var o occupant
	d := decoder{b: value}
	flags := d.take(1)[0]
	d.copy(o.envelope[:])
	o.size, o.indexed = d.varint(), flags&occupantIndexed != 0
	if flags&occupantDigest != 0 {
		d.copy(o.digest[:])
	}
	if flags&occupantClaimed != 0 {
		o.claim = d.b
	} else if len(d.b) > 0 {
		d.bad = true
	}
	if d.bad || o.claim != nil && len(o.claim) < sourceSize {
		return occupant{}, damagef("a place that can't be read")
	}
	return o, nil
}

const sourceSize = 2

// recordKey appends a key of the records.
func recordKey(b []byte, source uint16, id string) []byte {
	return append(big.AppendUint16(b, source), id...)
}
