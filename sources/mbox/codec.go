package mbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"time"
)

// spot is what an index has of a message: where it is, what its header was, and what the file's reader has noted of it.
type spot struct {
	Part
	headerLen int64
	headerSum uint32 // over the header as it is, to notice a client that changes flags in place
	note      Note
}

// spotOf takes all of a part but what the note is for.
func spotOf(p Part, note Note) spot {
	return spot{Part: p, headerLen: int64(len(p.Header)), headerSum: crc32.ChecksumIEEE(p.Header), note: note}
}

// What is true of a spot or not.
const (
	spotCR = 1 << iota
	spotDated
)

// encode appends the spot; last is where the one before it ended.
func (p *spot) encode(b []byte, last int64) []byte {
	bits := int64(0)
	if p.CR {
		bits |= spotCR
	}
	if !p.Date.IsZero() {
		bits |= spotDated
	}
	for _, n := range []int64{p.Offset - last, p.Start - p.Offset, p.Len(), p.headerLen, int64(p.headerSum), bits, int64(p.doubt)} {
		b = binary.AppendVarint(b, n)
	}
	if bits&spotDated != 0 {
		_, zone := p.Date.Zone()
		b = binary.AppendVarint(b, p.Date.Unix())
		b = binary.AppendVarint(b, int64(zone))
	}
	b = binary.AppendVarint(b, int64(len(p.Kept)))
	for _, at := range p.Kept {
		b = binary.AppendVarint(b, at-p.Offset)
	}
	b = binary.AppendVarint(b, int64(len(p.note)))
	return append(b, p.note...)
}

// decoder reads what encode has written. After an error it reads zeros.
type decoder struct {
	r    *bufio.Reader
	last int64
	note []byte // its memory
	err  error
}

var errIndex = errors.New("damaged index")

func (d *decoder) varint() int64 {
	if d.err != nil {
		return 0
	}
	n, err := binary.ReadVarint(d.r)
	d.err = err
	return n
}

// length reads a count of at most limit.
func (d *decoder) length(limit int64) int {
	n := d.varint()
	if n < 0 || n > limit {
		d.err = errIndex
		return 0
	}
	return int(n)
}

func (d *decoder) full(b []byte) {
	if d.err == nil {
		_, d.err = io.ReadFull(d.r, b)
	}
}

func (d *decoder) octet() byte {
	var b [1]byte
	d.full(b[:])
	return b[0]
}

// spot reads a spot, whose note is good until the next one; false at the trailer, or where there is no sense in what follows.
func (d *decoder) spot() (p spot, ok bool) {
	if d.octet() != 1 || d.err != nil {
		return spot{}, false
	}
	p.Offset = d.last + d.varint()
	p.Start = p.Offset + d.varint()
	p.End = p.Start + d.varint()
	p.headerLen = int64(d.length(maxHeader))
	p.headerSum = uint32(d.varint())
	bits := d.varint()
	p.CR, p.doubt = bits&spotCR != 0, doubt(d.varint())
	if p.doubt != 0 {
		p.Doubtful = p.doubt.String()
	}
	if bits&spotDated != 0 {
		sec, zone := d.varint(), d.varint()
		p.Date = time.Unix(sec, 0).In(zoneOf(int(zone)))
	}
	for range d.length(maxKept) {
		p.Kept = append(p.Kept, p.Offset+d.varint())
	}
	n := d.length(maxNote)
	if cap(d.note) < n {
		d.note = make([]byte, n, 2*n)
	}
	p.note = d.note[:n]
	d.full(p.note)
	d.last = p.End
	return p, d.err == nil
}

func zoneOf(seconds int) *time.Location {
	if seconds == 0 {
		return time.UTC
	}
	return time.FixedZone("", seconds)
}
